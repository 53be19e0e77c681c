"""One job run: its training, the controls between two steps, and its events.

To pause is to interrupt the run as Ctrl-C does: its state is saved, its folder is released, and it is resumed
to the same result later, here or by ``imagelet train --resume``.
"""

import contextlib
import dataclasses
import logging
import math
import signal
import time
from collections.abc import Iterator
from typing import Any

from imagelet import experiment as experiments
from imagelet import paths
from imagelet.course import results as course
from imagelet.course.lessons import Training, lessons
from imagelet.errors import ImageletError, RunError, TrainingError
from imagelet.experiment.continuing import run_continued
from imagelet.experiment.runner import Event, RunStarted
from imagelet.lab.jobs import snapshots
from imagelet.lab.jobs.plan import for_a_page
from imagelet.lab.jobs.store import (
    FAILED,
    FINISHED,
    PAUSE,
    PAUSED,
    QUEUED,
    RUN,
    RUNNING,
    STEP,
    STOP,
    STOPPED,
    Control,
    Failure,
    Job,
    JobStore,
)
from imagelet.lab.services.encoding import epoch_figures
from imagelet.messages import Message
from imagelet.runs.definition import Experiment
from imagelet.runs.run import Run
from imagelet.training.loop import EpochEnded, Step, Stopped
from imagelet.training.state import State

SECONDS_BETWEEN_CHECKS = 0.2
SECONDS_BETWEEN_EVENTS = 0.2
SECONDS_BETWEEN_SNAPSHOTS = 1.0  # filters, weights, misread images: they change slowly, and take time
UNEXPECTED = Failure(
    Message("something unexpected went wrong"), Message("the file .lab/worker.log among the runs says more")
)

log = logging.getLogger("imagelet.lab")


def run_job(store: JobStore, job: Job) -> bool:
    """Run a job that waits in the queue, and write what becomes of it.

    Must be called in a process's main thread: elsewhere nothing can be interrupted.

    Returns:
        False if the process was asked to end, so that the next job is not to be started.
    """
    with store.changing():
        job = store.find(job.id)
        if job.state != QUEUED:  # it was paused or stopped a moment ago
            return True
        job = store.move(job, RUNNING)
    controller = Controller(store, job.id)
    try:
        state = _train(store, job, controller)
    except KeyboardInterrupt:
        _leave(store, job.id, controller)
        return controller.interrupted
    except ImageletError as error:
        _end(store, job.id, FAILED, _failure(error))
    except Exception:  # whatever it is, the next job is not to suffer
        log.exception("the job %s failed", job.id)
        _end(store, job.id, FAILED, UNEXPECTED)
    else:
        _end(store, job.id, STOPPED if state.ended else FINISHED)
    return True


class Controller:
    """Applies to a training what the page wants of its job, which is read at most five times a second.

    Attributes:
        interrupted: the training is to save its state and end.
        steps: 1 for a single step, 0 for the best epoch's classifier without another step; else None.
        has_epoch: an epoch is done, of which a classifier can be made.
    """

    def __init__(self, store: JobStore, identity: str) -> None:
        self._store, self._identity = store, identity
        self._checked = 0.0
        self._control = Control()
        self.steps = {STEP: 1, STOP: 0}.get(store.control(identity).want)
        self.interrupted = self.steps == 1  # after its step
        self.has_epoch = False

    def apply(self, state: State) -> None:
        """Apply it between two steps; the state notes what is changed."""
        self.has_epoch = bool(state.best_epoch)
        now = time.monotonic()
        if now - self._checked >= SECONDS_BETWEEN_CHECKS:
            self._checked = now
            self._control = self._store.control(self._identity)
        control = self._control
        if control.learning_rate_factor != state.learning_rate_factor:
            state.change_learning_rate(control.learning_rate_factor)
        if control.want == STOP and state.best_epoch:
            state.end()
        elif control.want != RUN and not self.interrupted:
            self.interrupted = True
            signal.raise_signal(signal.SIGINT)  # collected by the run, which saves its state after this step


class EventWriter:
    """Writes a training's events into the store, progress at most five times a second."""

    def __init__(self, store: JobStore, identity: str) -> None:
        self._store, self._identity = store, identity
        self._written = 0.0
        self._epochs = self._images = 0
        self._first: tuple[float, int] | None = None  # time after the first step here, and steps until then
        self._changes = 0
        self._classes: list[str] = []
        self._shown = -SECONDS_BETWEEN_SNAPSHOTS  # when the last snapshots were written

    def data(self, done: int, total: int | None) -> None:
        """Write how much of the data is there: bytes of a download, or pictures."""
        if self._is_time():
            self._write("data", {"done": done, "total": total})

    def started(self, event: RunStarted) -> None:
        """Write what is trained, and of a run that is resumed the epochs that are not in the store.

        Epochs after its last checkpoint are trained again, so they are taken out.
        """
        recipe, resolved = event.experiment.recipe, event.resolved
        self._epochs, self._classes = recipe.epochs, resolved["classes"]
        self._images = min(recipe.batch_size, resolved["training_images"])
        resumed_after = event.resumed_at[0] if event.resumed_at else 0  # epochs
        self._store.remove_epochs(self._identity, resumed_after)
        written = self._store.events(self._identity)
        epochs = {past.data["figures"]["epoch"] for past in written if past.name == "epoch"}
        for figures in event.run.history:
            if figures.epoch not in epochs:
                self._write("epoch", {"figures": epoch_figures(figures), "best": None})
        self._changes = sum(past.name == "manual_change" for past in written)
        names = ("network", "parameters", "training_images", "validation_images", "classes", "device")
        facts = {name: resolved[name] for name in names}
        done = list(event.resumed_at) if event.resumed_at else None
        run = self._store.find(self._identity).run
        self._write("state", {"state": RUNNING, "run": run, "resumed_at": done, **facts})

    def step(self, event: Step) -> None:
        """Write how far it is, unless that was written a moment ago."""
        done, now = event.state.steps_done(event.steps), time.monotonic()
        if self._first is None:
            self._first = now, done
            self._write_network(event.state)
        self._write_changes(event)
        if not self._is_time():
            return
        taken = done - self._first[1]
        rate = taken / (now - self._first[0]) if taken else 0.0  # steps a second
        figures = {
            "epoch": event.state.epoch + 1,
            "epochs": self._epochs,
            "step": event.state.step,
            "steps": event.steps,
            "loss": loss if math.isfinite(loss := event.loss) else None,
            "accuracy": event.accuracy,
            "images_per_second": rate * self._images if rate else None,
            "seconds_left": (self._epochs * event.steps - done) / rate if rate else None,
            "learning_rate": _learning_rate(event),
        }
        self._write("progress", figures)

    def epoch(self, event: EpochEnded) -> None:
        """Write an epoch's figures; now and then, and after the last one, what there is to see, too."""
        self._write("epoch", {"figures": epoch_figures(event.figures), "best": event.best})
        now = time.monotonic()
        if now - self._shown < SECONDS_BETWEEN_SNAPSHOTS and event.figures.epoch < self._epochs:
            return
        self._write_network(event.state)
        if event.figures.val_loss is not None:
            self._write("misread", snapshots.misread(event, self._classes))
        self._shown = now

    def batch(self, event: Step) -> None:
        """Write what a step learned from, with the network as it is then."""
        self._write("batch", snapshots.batch(event, self._classes))
        self._write_network(event.state)

    def stopped(self, event: Stopped) -> None:
        """Write that no step is left; classifier, figures and card are made now."""
        self._write_changes(event)
        self._write("finishing", {"early": event.early, "epochs": event.state.epoch})

    def _write_changes(self, event: Step | Stopped) -> None:
        for change in event.state.manual_changes[self._changes :]:
            self._write("manual_change", vars(change))
        self._changes = len(event.state.manual_changes)

    def _write_network(self, state: State) -> None:
        if (filters := snapshots.filters(state)) is not None:
            self._write("filters", filters)
        self._write("weights", snapshots.weights(state))

    def _is_time(self) -> bool:
        now = time.monotonic()
        due = now - self._written >= SECONDS_BETWEEN_EVENTS
        self._written = now if due else self._written
        return due

    def _write(self, name: str, data: dict[str, Any]) -> None:
        self._store.add_event(self._identity, name, data)


def _train(store: JobStore, job: Job, controller: Controller) -> State:
    """Run the training, write its events, and return the state at its end."""
    writer = EventWriter(store, job.id)
    state: State | None = None
    for event in _events(store, job, writer, controller):
        match event:
            case RunStarted():
                _note_run(store, job, event.run)
                writer.started(event)
            case Step():
                writer.step(event)
                controller.apply(event.state)
                if controller.steps == 1:
                    writer.batch(event)
            case EpochEnded():
                writer.epoch(event)
            case Stopped():
                state = event.state
                writer.stopped(event)
    assert state is not None  # a run ends with Stopped and Finished
    return state


def _events(store: JobStore, job: Job, writer: EventWriter, controller: Controller) -> Iterator[Event]:
    """Return the events of a training that starts, or that is resumed, perhaps for one step or to end."""
    runs = store.runs
    if job.run is not None:
        run = Run(runs / job.run)
        if not (run.folder / "experiment.toml").is_file():
            raise RunError("the run '{name}' is gone", hint="restore it, or train it again", name=job.run)
        return experiments.resume_experiment(
            run,
            test=job.test,
            steps=controller.steps if run.history else controller.steps or None,  # 0 needs an epoch
            allow_import=paths.import_allowed(),
            progress=writer.data,
        )
    experiment = Experiment.from_toml(dict(job.experiment))
    if job.course is not None:
        training = lessons.get(job.course)
        assert isinstance(training, Training)
        return course.run_experiment(training, experiment, course.course_folder(runs), progress=writer.data)
    if job.continues is not None:
        before = Run(runs / job.continues)
        return run_continued(
            before,
            dataclasses.replace(experiment, start_from=str(before.folder)),
            name=job.name,
            folder=runs,
            test=job.test,
            allow_import=paths.import_allowed(),
            progress=writer.data,
        )
    return experiments.run_experiment(
        experiment,
        name=job.name,
        folder=runs,
        test=job.test,
        allow_import=paths.import_allowed(),
        progress=writer.data,
    )


def _note_run(store: JobStore, job: Job, run: Run) -> None:
    """Write where the job's run lies: from now on the job can be resumed."""
    name = run.folder.resolve().relative_to(store.runs.resolve()).as_posix()
    with store.changing():
        store.write(dataclasses.replace(store.find(job.id), run=name))


def _end(store: JobStore, identity: str, state: str, error: Failure | None = None) -> None:
    """Write that nothing more comes of a job."""
    with store.changing():
        store.move(store.find(identity), state, error)
        store.write_control(identity, want=RUN)


def _leave(store: JobStore, identity: str, controller: Controller) -> None:
    """Write that a job was interrupted as it was wanted; if that is not so any more, it is queued again.

    So is one that is to stop after all, and has an epoch: its classifier is made next.
    """
    with store.changing():
        want = store.control(identity).want if controller.interrupted else PAUSE
        if want == STOP and controller.has_epoch:
            store.put_first(store.find(identity), STOP)
            return
        store.move(store.find(identity), {RUN: QUEUED, STOP: STOPPED}.get(want, PAUSED))
        store.write_control(identity, want=RUN)


def _failure(error: ImageletError) -> Failure:
    """Return why a job failed, for who reads it on the page."""
    if type(error) is TrainingError:
        values = {name: _written(value) for name, value in error.message.values.items()}
        message = Message(error.message.template, **values)
        return Failure(message, Message("try again with a lower learning rate"), diverged=True)
    with contextlib.suppress(ImageletError), for_a_page():
        raise error
    return Failure(error.message, error.hint)


def _written(value: Any) -> Any:
    """Return a number that is not finite as a text: JSON has none."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _learning_rate(event: Step) -> float:
    """Return the learning rate of the step that was taken, of the layers that learn all the time."""
    groups = event.state.optimizer.param_groups
    return float(
        next(
            (group["lr"] for group in groups if not (group["first_layer"] or group["frozen"])),
            groups[0]["lr"],
        )
    )
