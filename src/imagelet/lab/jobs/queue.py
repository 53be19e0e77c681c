"""Trainings started, ordered, paused, resumed, stopped and tried again, and their learning rate changed."""

import contextlib
import dataclasses
import time
from collections.abc import Mapping
from typing import Any

from imagelet.course import results as course
from imagelet.course.lessons import lessons, training_of
from imagelet.errors import BusyError, ConflictError, RunError, UsageError
from imagelet.experiment.continuing import continued
from imagelet.lab.jobs import worker
from imagelet.lab.jobs.plan import check_name, plan
from imagelet.lab.jobs.store import (
    FAILED,
    PAUSE,
    PAUSED,
    QUEUED,
    RUN,
    RUNNING,
    STEP,
    STOP,
    STOPPED,
    Job,
    JobStore,
    new_id,
)
from imagelet.lab.services.encoding import epoch_figures
from imagelet.messages import translate
from imagelet.runs.definition import Experiment
from imagelet.runs.run import Run
from imagelet.runs.store import find_run_of

KEPT = 50  # ended jobs; of older ones only the runs remain
RETRIED = 0.1  # of the learning rates with which a loss was not finite
LOWEST, HIGHEST = 0.001, 100.0  # of a learning rate factor


def start(
    store: JobStore,
    most: int,
    *,
    name: str | None = None,
    test: bool = False,
    **described: Any,
) -> Job:
    """Put the training that is described into the queue, once all is checked that can be checked before it.

    Args:
        store: where jobs are kept.
        most: jobs that may wait.
        name: the run's; None: made of dataset and network.
        test: whether it is evaluated on the test images in the end.
        **described: as :func:`~imagelet.lab.jobs.plan.plan` takes it.

    Raises:
        UsageError, DataError: as :func:`~imagelet.lab.jobs.plan.plan`.
        ConflictError: the run's name is taken.
        BusyError: so many jobs wait already.
    """
    check_name(store, name)
    experiment, _ = plan(**described)
    return submit(store, experiment.to_toml(), most, name=name, test=test)


def start_lesson(store: JobStore, most: int, name: str) -> Job:
    """Put an experiment of the course into the queue; one that was cut short is resumed.

    Raises:
        UsageError: there is none of that name.
        ConflictError: it is finished, or is being trained.
        BusyError: so many jobs wait already.
    """
    training = training_of(lessons.get(name))
    if training is None or training.name != name:
        raise UsageError("{name} trains no network", "type: imagelet course {name}", name=name)
    for job in store.jobs():
        if job.course == name and not job.ended:
            raise ConflictError(
                "{name} is {state} already", "wait for it, or resume it", name=name, state=job.state
            )
    experiment = course.experiment_of(training)
    run = find_run_of(experiment, course.course_folder(store.runs))
    if run is not None and run.finished:
        raise ConflictError(
            "{name} was run before: course/{run}",
            "delete that run to run it again",
            name=name,
            run=run.name,
        )
    return submit(store, experiment.to_toml(), most, course=name, test=True)


def continue_training(store: JobStore, most: int, identity: str, epochs: int) -> Job:
    """Train a finished job's weights for more epochs: a new run, with the images in another order.

    Raises:
        RunError: there is no such job.
        ConflictError: it is not finished.
        BusyError: so many jobs wait already.
    """
    job = store.find(identity)
    run = Run(store.runs / job.run) if job.run is not None else None
    if run is None or not run.finished or not run.classifier_file.is_file():
        raise ConflictError(
            "the training is not finished: there are no weights to resume from",
            "resume it, or wait until it is finished",
        )
    experiment = dataclasses.replace(continued(run, {"epochs": epochs}), start_from=None)  # no path for pages
    return submit(store, experiment.to_toml(), most, continues=job.run)


def submit(store: JobStore, experiment: Mapping[str, Any], most: int, **fields: Any) -> Job:
    """Put a training into the queue, see to it that a worker is there, and return the job.

    Args:
        store: where jobs are kept.
        experiment: as ``Experiment.to_toml`` returns it.
        most: jobs that may wait.
        **fields: other fields of the job: ``name``, ``test``, ``course``, ``continues``.

    Raises:
        BusyError: so many wait already.
    """
    with store.changing():
        _require_room(store, most)
        job = store.move(Job(new_id(), QUEUED, experiment, queued=time.time_ns(), **fields), QUEUED)
        for old in [job for job in store.jobs() if job.ended][:-KEPT]:
            store.forget(old)
    worker.ensure(store)
    return job


def pause(store: JobStore, identity: str) -> Job:
    """Let a job wait: its state is saved, and the next one in the queue runs.

    Raises:
        RunError: there is no such job.
        ConflictError: it neither runs nor waits in the queue.
    """
    with store.changing():
        job = store.find(identity)
        if job.state == RUNNING:
            store.write_control(identity, want=PAUSE)
        elif job.state == QUEUED:
            job = store.move(job, PAUSED)
            store.write_control(identity, want=RUN)
        elif job.state != PAUSED:
            raise ConflictError("the job is {state} and cannot be {word}", state=job.state, word=PAUSED)
    return job


def stop(store: JobStore, identity: str) -> Job:
    """End a job: it becomes a finished run with the best epoch so far.

    One that is paused, waits or failed goes to the head of the queue for it, and no further step is taken.
    Before the first epoch is done there is no classifier to keep: then its state stays saved, as
    :func:`pause` leaves it.

    Raises:
        RunError: there is no such job.
        ConflictError: it has ended.
    """
    with store.changing():
        job = store.find(identity)
        if job.state == RUNNING:
            store.write_control(identity, want=STOP)
        elif _has_epoch(store, job):
            job = store.put_first(job, STOP)
        elif job.state in (QUEUED, PAUSED):
            job = store.move(job, STOPPED)
        elif job.state != STOPPED:
            raise ConflictError("the job is {state} and cannot be {word}", state=job.state, word=STOPPED)
    worker.ensure(store)
    return job


def step(store: JobStore, identity: str) -> Job:
    """Let a paused job take one optimizer step; then it is paused again.

    Raises:
        RunError: there is no such job.
        ConflictError: it is not paused, or another is under way.
    """
    with store.changing():
        job = store.find(identity)
        if job.state != PAUSED or job.run is None:
            raise ConflictError("a single step can be taken while a training is paused")
        if any(other.state in (QUEUED, RUNNING) for other in store.jobs()):
            raise ConflictError(
                "another training is under way", "pause it first: one step would have to wait for it"
            )
        job = store.put_first(job, STEP)
    worker.ensure(store)
    return job


def resume(store: JobStore, identity: str, most: int) -> Job:
    """Put a job back into the queue that was paused, stopped before its run was finished, or failed.

    Raises:
        RunError: there is no such job.
        ConflictError: its run is finished.
        BusyError: too many jobs wait.
    """
    with store.changing():
        job = store.find(identity)
        if job.state == QUEUED:
            store.write_control(identity, want=RUN)
            return job
        if job.state == RUNNING and store.control(identity).want == RUN:
            return job
        if job.run is not None and Run(store.runs / job.run).finished:
            raise ConflictError(
                "the run '{name}' is finished: there is nothing to resume",
                "continue it for more epochs, which begins a new run with its weights",
                name=job.run,
            )
        if job.state != RUNNING:
            _require_room(store, most)
            job = store.move(dataclasses.replace(job, queued=time.time_ns()), QUEUED)
        store.write_control(identity, want=RUN)
    worker.ensure(store)
    return job


def retry(store: JobStore, most: int, identity: str) -> Job:
    """Begin a training whose loss was not finite once more, with a tenth of its learning rates.

    Raises:
        RunError: there is no such job.
        ConflictError: that is not why it ended.
        BusyError: so many jobs wait already.
    """
    job = store.find(identity)
    if job.error is None or not job.error.diverged:
        raise ConflictError("the training did not fail because of its learning rate")
    run = Run(store.runs / str(job.run))
    if not (run.folder / "experiment.toml").is_file():
        raise ConflictError("the run '{name}' is gone", "restore it, or train it again", name=run.name)
    experiment = Experiment.from_toml(run.experiment)  # with the learning rate that suits the images
    recipe = dataclasses.replace(
        experiment.recipe,
        learning_rate=experiment.recipe.learning_rate * RETRIED,
        adamw_learning_rate=experiment.recipe.adamw_learning_rate * RETRIED,
    )
    again = dataclasses.replace(experiment, recipe=recipe, start_from=None)
    return submit(store, again.to_toml(), most, test=job.test, continues=job.continues)


def place(store: JobStore, identity: str, number: int) -> Job:
    """Give a job that waits another place in the queue; 0 is the next one to be trained.

    Raises:
        RunError: there is no such job.
        ConflictError: it does not wait.
    """
    with store.changing():
        job = store.find(identity)
        waiting = store.waiting()
        if job.state != QUEUED:
            raise ConflictError("only a training that waits has a place in the queue")
        times = [other.queued for other in waiting]
        order = [other for other in waiting if other.id != identity]
        order.insert(min(number, len(order)), job)
        for other, queued in zip(order, times, strict=True):
            store.write(dataclasses.replace(other, queued=queued))
    return store.find(identity)


def remove(store: JobStore, identity: str) -> None:
    """Take a job off: one that waits out of the queue, one that has ended out of the list. Its run stays.

    One that waits and has begun before is paused instead.

    Raises:
        RunError: there is no such job.
        ConflictError: it runs or is paused.
    """
    with store.changing():
        job = store.find(identity)
        if job.state == QUEUED and job.run is not None:
            store.move(job, PAUSED)
            store.write_control(identity, want=RUN)
        elif job.state == QUEUED or job.ended:
            store.forget(job)
        else:
            raise ConflictError("the training is {state}", "stop it first", state=job.state)


def remove_all(store: JobStore, state: str) -> None:
    """Take all jobs that have ended in a state out of the list; their runs stay."""
    with store.changing():
        for job in store.jobs():
            if job.ended and job.state == state:
                store.forget(job)


def change_learning_rate(store: JobStore, identity: str, factor: float) -> Job:
    """Multiply the learning rates of a job's recipe by ``factor`` from its next step on.

    Raises:
        UsageError: a factor that is not allowed.
        RunError: there is no such job.
        ConflictError: it has ended.
    """
    if not LOWEST <= factor <= HIGHEST:
        raise UsageError(
            "a learning rate factor of {factor:g} is not allowed; it is from {low:g} to {high:g}",
            "1 is the recipe's own",
            factor=factor,
            low=LOWEST,
            high=HIGHEST,
        )
    with store.changing():
        job = store.find(identity)
        if job.ended and not (job.state == FAILED and job.run):
            raise ConflictError("the job is {state}: its learning rate changes nothing", state=job.state)
        store.write_control(identity, learning_rate_factor=factor)
    return job


def job_facts(store: JobStore, job: Job) -> dict[str, Any]:
    """Return a job as plain data: with what is wanted of it, its progress and its epochs."""
    control = store.control(job.id)
    waiting = [other.id for other in store.waiting()] if job.state == QUEUED else []
    run = None if job.run is None else Run(store.runs / job.run)
    exists = run is not None and (run.folder / "experiment.toml").is_file()
    finished = run is not None and run.finished
    return {
        **{name: getattr(job, name) for name in ("id", "state", "run", "name", "experiment", "test")},
        **{name: getattr(job, name) for name in ("course", "continues")},
        "want": control.want if job.state in (RUNNING, QUEUED) else RUN,
        "place": waiting.index(job.id) if job.id in waiting else None,
        "created": job.created.isoformat(),
        "learning_rate_factor": control.learning_rate_factor,
        "progress": None if job.ended else store.progress(job.id),
        "history": _epochs(run) if run is not None and exists else [],
        "can_retry": bool(job.error and job.error.diverged),
        "can_resume": not finished and job.state in (PAUSED, STOPPED, FAILED),
        "can_continue": run is not None and finished and run.classifier_file.is_file(),
        "error": job.error and {name: translate(text) for name, text in job.error.texts.items()},
    }


def _epochs(run: Run) -> list[dict[str, Any]]:
    with contextlib.suppress(RunError):  # one damaged run hides no other job
        return [epoch_figures(epoch) for epoch in run.history]
    return []


def _has_epoch(store: JobStore, job: Job) -> bool:
    """Whether there is an epoch of which an unfinished job can make a classifier."""
    if job.run is None:
        return False
    run = Run(store.runs / job.run)
    with contextlib.suppress(RunError):
        return not run.finished and bool(run.history)
    return False


def _require_room(store: JobStore, most: int) -> None:
    if sum(job.state == QUEUED for job in store.jobs()) >= most:
        raise BusyError(
            "{count} trainings wait already, and no more may", "wait a moment and try again", count=most
        )
