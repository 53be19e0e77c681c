"""Trainings started, paused, resumed and stopped, and their learning rate changed."""

import contextlib
import dataclasses
import time
from collections.abc import Mapping
from typing import Any

from imagelet.course import results as course
from imagelet.course.lessons import lessons, training_of
from imagelet.data.known import datasets
from imagelet.errors import BusyError, ConflictError, RunError, UsageError
from imagelet.experiment.continuing import continued
from imagelet.lab.jobs import worker
from imagelet.lab.jobs.store import (
    FAILED,
    PAUSE,
    PAUSED,
    QUEUED,
    RUN,
    RUNNING,
    STOP,
    STOPPED,
    Job,
    JobStore,
    new_id,
)
from imagelet.lab.services.encoding import epoch_figures
from imagelet.messages import translate
from imagelet.networks.summary import infer_shapes
from imagelet.networks.zoo import find_network
from imagelet.runs.definition import AUTO, describe
from imagelet.runs.run import Run
from imagelet.runs.store import find_run_of

KEPT = 50  # ended jobs; of older ones only the runs remain
LOWEST, HIGHEST = 0.001, 100.0  # of a learning rate factor
TAKEN = ("course", "own-pictures")  # folders of another kind among the runs


def start(
    store: JobStore,
    most: int,
    dataset: str,
    network: str | None = None,
    recipe: str = "general",
    settings: Mapping[str, Any] | None = None,
    name: str | None = None,
    test: bool = False,
    **rest: Any,
) -> Job:
    """Put the training that is described into the queue, once all is checked that can be checked before it.

    Args:
        store: where jobs are kept.
        most: jobs that may wait.
        dataset: a registered name: folders are for the command line, and no path comes from the page.
        network: network text or a network's name; None: the recipe's.
        recipe: its name.
        settings: recipe fields and their values.
        name: the run's; None: made of dataset and network.
        test: whether it is evaluated on the test images in the end.
        **rest: other fields of the experiment.

    Raises:
        UsageError: an unknown name, a value that is not allowed, or a network that cannot be built.
        ConflictError: the run's name is taken.
        BusyError: so many jobs wait already.
    """
    card = datasets.get(dataset).card
    experiment = describe(dataset, network, recipe, settings, **rest)
    if experiment.network != AUTO:
        _check_network(experiment.network, card.framing.shape if card.framing else None, len(card.classes))
    if name is not None and (name in TAKEN or (store.runs / name).exists()):
        raise ConflictError(
            "there is a run '{name}' already, and a run never overwrites another",
            "choose another name",
            name=name,
        )
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
            "the training is not finished: there are no weights to go on with",
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
    return _want(store, identity, PAUSE, PAUSED)


def stop(store: JobStore, identity: str) -> Job:
    """End a job: it becomes a finished run with the best epoch so far.

    Before its first epoch is done there is no such epoch; then its state is saved as :func:`pause` does.

    Raises:
        RunError: there is no such job.
        ConflictError: it has ended.
    """
    return _want(store, identity, STOP, STOPPED)


def resume(store: JobStore, identity: str, most: int) -> Job:
    """Put a job back into the queue that was paused, stopped before its run was finished, or failed.

    Raises:
        RunError: there is no such job.
        ConflictError: its run is finished.
        BusyError: too many jobs wait.
    """
    with store.changing():
        job = store.find(identity)
        if job.state == QUEUED or (job.state == RUNNING and store.control(identity).want == RUN):
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
    run = None if job.run is None else Run(store.runs / job.run)
    exists = run is not None and (run.folder / "experiment.toml").is_file()
    finished = run is not None and run.finished
    return {
        **{name: getattr(job, name) for name in ("id", "state", "run", "name", "experiment", "test")},
        **{name: getattr(job, name) for name in ("course", "continues")},
        "want": control.want if job.state == RUNNING else RUN,
        "created": job.created.isoformat(),
        "learning_rate_factor": control.learning_rate_factor,
        "progress": None if job.ended else store.progress(job.id),
        "history": _epochs(run) if run is not None and exists else [],
        "can_resume": not finished and job.state in (PAUSED, STOPPED, FAILED),
        "can_continue": run is not None and finished and run.classifier_file.is_file(),
        "error": job.error and {name: translate(text) for name, text in vars(job.error).items()},
    }


def _epochs(run: Run) -> list[dict[str, Any]]:
    with contextlib.suppress(RunError):  # one damaged run hides no other job
        return [epoch_figures(epoch) for epoch in run.history]
    return []


def _check_network(text: str, shape: tuple[int, int, int] | None, classes: int) -> None:
    """Raise where a network cannot be built for the images; code is imported for the command line alone."""
    network = find_network(text)
    if isinstance(network.builder, str):
        raise UsageError(
            "'{given}' would run code from outside imagelet", "write network text, or a name", given=text
        )
    if network.builder is None and shape is not None:
        infer_shapes(network.text, shape, classes)


def _want(store: JobStore, identity: str, want: str, state: str) -> Job:
    """Let a running job know what is wanted of it; one that waits gets its new state at once."""
    with store.changing():
        job = store.find(identity)
        if job.state == RUNNING:
            store.write_control(identity, want=want)
        elif job.state == QUEUED or (job.state == PAUSED and want == STOP):
            job = store.move(job, state)
        elif job.state != state:
            raise ConflictError("the job is {state} and cannot be {word}", state=job.state, word=state)
    return job


def _require_room(store: JobStore, most: int) -> None:
    if sum(job.state == QUEUED for job in store.jobs()) >= most:
        raise BusyError(
            "{count} trainings wait already, and no more may", "wait a moment and try again", count=most
        )
