"""A job carried out: a training that tells what happens, and heeds between two steps what the page wants.

To pause is to interrupt the run as Ctrl-C does: its state is saved, its folder is let go, and it goes on to
the same result later, here or by ``imagelet train --resume``.
"""

import contextlib
import dataclasses
import logging
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import tomli_w
import torch

from imagelet import atomic_files
from imagelet import experiment as experiments
from imagelet.classifier.classifier import Classifier
from imagelet.course import runner as course
from imagelet.course.lessons import Training, lessons
from imagelet.data.splits import Split
from imagelet.errors import ImageletError, RunError
from imagelet.experiment.runner import Event, RunStarted
from imagelet.lab.jobs import store
from imagelet.lab.jobs.run_events import Telling
from imagelet.lab.jobs.store import (
    FAILED,
    FINISHED,
    PAUSE,
    PAUSED,
    QUEUED,
    RUN,
    RUNNING,
    STOP,
    STOPPED,
    Control,
    Job,
)
from imagelet.runs.definition import Experiment
from imagelet.runs.run import Run
from imagelet.training.checkpoint import save_checkpoint, saved_checkpoints
from imagelet.training.loop import EpochEnded, Step, Stopped
from imagelet.training.state import State

SECONDS_BETWEEN_LOOKS = 0.2
UNEXPECTED = {
    "message": "something unexpected went wrong",
    "hint": "the file .lab/worker.log among the runs says more",
}

log = logging.getLogger("imagelet.lab")


class Wishes:
    """What the page wants of a job: read from its file, at most five times a second.

    Attributes:
        interrupted: the training was told to save its state and end.
    """

    def __init__(self, runs: Path, identity: str) -> None:
        self._runs, self._identity = runs, identity
        self._file = store.job_folder(runs, identity) / "control.json"
        self._looked, self._version = 0.0, (0, 0)
        self._control = Control()
        self.interrupted = False

    def heed(self, state: State) -> None:
        """Let a training that is between two steps do what is wanted; its state notes what is changed."""
        control = self._look()
        if control.learning_rate_factor != state.learning_rate_factor:
            state.change_learning_rate(control.learning_rate_factor)
        if control.want == STOP and state.best_epoch:
            state.end()
        elif control.want != RUN and not self.interrupted:
            self.interrupted = True
            signal.raise_signal(signal.SIGINT)  # collected by the run, which saves its state after this step

    def _look(self) -> Control:
        now = time.monotonic()
        if now - self._looked >= SECONDS_BETWEEN_LOOKS:
            self._looked = now
            with contextlib.suppress(OSError):  # nothing was said yet
                found = self._file.stat()
                if (version := (found.st_mtime_ns, found.st_ino)) != self._version:
                    self._version, self._control = version, store.read_control(self._runs, self._identity)
        return self._control


def run_experiment(runs: Path, job: Job) -> bool:
    """Carry out a job that waits in the queue, and write what becomes of it.

    Must be called in a process's main thread: elsewhere nothing can be interrupted.

    Returns:
        False if the process was told to end, so that the next job is not to be begun.
    """
    with store.changing(runs):
        job = store.find_job(runs, job.id)
        if job.state != QUEUED:  # it was paused or stopped a moment ago
            return True
        job = store.move(runs, job, RUNNING)
    wishes = Wishes(runs, job.id)
    try:
        state = _train(runs, job, wishes)
    except KeyboardInterrupt:
        _leave(runs, job.id, wishes)
        return wishes.interrupted
    except ImageletError as error:
        _end(runs, job.id, FAILED, {"message": error.message, "hint": error.hint})
    except Exception:  # whatever it is, the next job is not to suffer
        log.exception("the job %s failed", job.id)
        _end(runs, job.id, FAILED, UNEXPECTED)
    else:
        _end(runs, job.id, STOPPED if state.ended else FINISHED)
    return True


def _train(runs: Path, job: Job, wishes: Wishes) -> State:
    """Let the training happen, tell what does, and return the state at its end."""
    telling = Telling(runs, job.id)
    state: State | None = None
    for event in _events(runs, job, telling):
        match event:
            case RunStarted():
                _note_run(runs, job, event.run)
                telling.begins(event)
            case Step():
                telling.step(event)
                wishes.heed(event.state)
            case EpochEnded():
                telling.epoch(event)
            case Stopped():
                state = event.state
                telling.stopped(event)
    assert state is not None  # a run ends with Stopped and Finished
    return state


def _events(runs: Path, job: Job, telling: Telling) -> Iterator[Event]:
    """Return what happens in a training that begins, or that goes on."""
    if job.run is not None:
        run = Run(runs / job.run)
        if not (run.folder / "experiment.toml").is_file():
            raise RunError("the run '{name}' is gone", hint="restore it, or train it again", name=job.run)
        if job.continues and not saved_checkpoints(run.checkpoints):  # killed before it had begun
            _begin_with(run, runs, job.continues)
        return experiments.resume(run, test=job.test, progress=telling.data)
    experiment = Experiment.from_toml(dict(job.experiment))
    if job.course is not None:
        training = lessons.get(job.course)
        assert isinstance(training, Training)
        return course.run_experiment(training, experiment, course.course_folder(runs), progress=telling.data)
    if job.continues is not None:
        return _continued(runs, job, experiment, telling)
    return experiments.run_experiment(
        experiment, name=job.name, folder=runs, test=job.test, progress=telling.data
    )


def _continued(runs: Path, job: Job, experiment: Experiment, telling: Telling) -> Iterator[Event]:
    """Carry out an experiment on the images that another run learned from, beginning with its weights."""
    before = Run(runs / str(job.continues))
    events = experiments.run_experiment(
        experiment,
        name=job.name,
        default_name=f"{before.name}-continued",
        folder=runs,
        frozen=Split.load(before.folder / "split.json"),
        progress=telling.data,
    )
    started = next(event for event in events if isinstance(event, RunStarted))
    del events  # the run has its folder and took no step; it goes on from the checkpoint that is made now
    _note_run(runs, job, started.run)
    _begin_with(started.run, runs, str(job.continues))
    yield from experiments.resume(started.run, test=job.test)


def _begin_with(run: Run, runs: Path, continues: str) -> None:
    """Write the state before the first step of ``run``, with the weights of a finished one."""
    content = run.experiment
    experiment = Experiment.from_toml(content)
    classifier = Classifier.load(
        Run(runs / continues).classifier_file, allow_import=":" in experiment.network
    )
    content["resolved"]["weights_of"] = continues
    atomic_files.write_text(run.folder / "experiment.toml", tomli_w.dumps(content))
    state = State.new(classifier.network, experiment.recipe, torch.device("cpu"))
    state.note(f"begun with the weights of the run {continues}")
    checkpoint = state.checkpoint()
    facts = {**checkpoint.facts, "seconds": 0.0}
    save_checkpoint(run.checkpoints, 0, dataclasses.replace(checkpoint, facts=facts))


def _note_run(runs: Path, job: Job, run: Run) -> None:
    """Write where the job's run lies: from now on the job can be gone on with."""
    name = run.folder.resolve().relative_to(runs.resolve()).as_posix()
    with store.changing(runs):
        store.write_job(runs, dataclasses.replace(store.find_job(runs, job.id), run=name))


def _end(runs: Path, identity: str, state: str, error: dict[str, str] | None = None) -> None:
    """Write that nothing more comes of a job."""
    with store.changing(runs):
        store.move(runs, store.find_job(runs, identity), state, error)
        _forget_wish(runs, identity)


def _leave(runs: Path, identity: str, wishes: Wishes) -> None:
    """Write that a job was interrupted as it was wanted; if that is not so any more, it is queued again."""
    with store.changing(runs):
        wanted = store.read_control(runs, identity).want if wishes.interrupted else PAUSE
        state = {RUN: QUEUED, PAUSE: PAUSED, STOP: STOPPED}[wanted]
        store.move(runs, store.find_job(runs, identity), state)
        _forget_wish(runs, identity)


def _forget_wish(runs: Path, identity: str) -> None:
    control = store.read_control(runs, identity)
    store.write_control(runs, identity, dataclasses.replace(control, want=RUN))
