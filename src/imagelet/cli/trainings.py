"""Trainings as they run: a line for each epoch, and a bar on a terminal; one, or several side by side."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from imagelet.cli import printing
from imagelet.cli.commands import write_shape
from imagelet.cli.layout import columns, padded
from imagelet.errors import ImageletError
from imagelet.messages import Message, enumerated, translate
from imagelet.progress import Pace, Progress, write_seconds

if TYPE_CHECKING:
    from imagelet.experiment.child_messages import ChildEvent, Epoch, Started
    from imagelet.experiment.finalize import Finished
    from imagelet.experiment.once import Task
    from imagelet.experiment.runner import Event, RunStarted
    from imagelet.training.loop import EpochEnded

REPEAT = Message("type the same again to resume")


def watch(start: Callable[[Progress], Iterator["Event"]]) -> "Finished":
    """Start a training, show its events on standard error, on a terminal with a bar; return the last.

    Args:
        start: returns the events; it is given what to tell how far the reading of data is.
    """
    from imagelet.experiment.finalize import Finished
    from imagelet.experiment.notebook import Bar
    from imagelet.experiment.runner import RunStarted
    from imagelet.training.loop import EpochEnded, Stopped

    with printing.progress("reading data") as progress:
        events = start(progress)
        event = next(events)
    epochs = 0
    with printing.bar() as draw:
        bar = Bar(draw)
        while not isinstance(event, Finished):
            match event:
                case RunStarted():
                    introduce(event)
                    epochs = event.experiment.recipe.epochs
                    printing.note(heading(epochs, balanced=event.experiment.recipe.balanced))
                case EpochEnded():
                    printing.note(epoch_line(event, epochs), style="bold" if _is_best(event) else "")
                case Stopped(early=True):
                    printing.note("stopped early: the validation loss did not improve")
            bar.note(event)
            event = next(events)
    return event


COLUMNS = (
    *(Message("loss"), Message("accuracy"), Message("val_loss"), Message("val_accuracy")),
    *(Message("seconds"), Message("images/s")),
)


def heading(epochs: int, *, balanced: bool = False) -> str:
    """Return the line above the epochs' lines; it and they fit on a terminal of 80 columns.

    Args:
        epochs: how many there will be.
        balanced: the balanced accuracy chooses the epoch, and stands in place of the accuracy.
    """
    names = [Message("val_balanced") if balanced and name == "val_accuracy" else name for name in COLUMNS]
    return _in_columns(translate("epoch"), [translate(name) for name in names], epochs)


def epoch_line(event: "EpochEnded | Epoch", epochs: int) -> str:
    """Return the line that an epoch leaves; a figure that was not measured is a dash."""
    figures = event.figures
    chosen_by = (
        figures.val_accuracy if figures.val_balanced_accuracy is None else figures.val_balanced_accuracy
    )
    measured = (figures.loss, figures.accuracy, figures.val_loss, chosen_by)
    cells = ["–" if figure is None else f"{figure:.4f}" for figure in measured]
    cells += [f"{event.seconds:.1f}", f"{event.images_per_second:,.0f}"]
    line = _in_columns(f"{figures.epoch}/{epochs}", cells, epochs)
    return f"{line}  {translate('best')}" if _is_best(event) else line


def _is_best(event: "EpochEnded | Epoch") -> bool:
    """Say whether the epoch is the best so far; without validation images nothing tells."""
    return event.best and event.figures.val_accuracy is not None


def _in_columns(place: str, cells: Sequence[str], epochs: int) -> str:
    first = max(columns(translate("epoch")), len(f"{epochs}/{epochs}"))
    widths = [first, *(max(6, columns(translate(name))) for name in COLUMNS)]
    aligned = zip([place, *cells], widths, strict=True)
    return "  ".join(padded(cell, width, right=True) for cell, width in aligned)


def introduce(event: "RunStarted") -> None:
    """Show what is trained on what, how, and where."""
    resolved: dict[str, Any] = event.resolved
    for warning in event.warnings:
        printing.caution(warning)
    if event.resumed_at:
        epoch, step = event.resumed_at
        where: dict[str, Any] = {"run": event.run.folder, "epoch": epoch}
        if step:
            printing.note("resuming {run} after epoch {epoch}, step {step}", **where, step=step)
        else:
            printing.note("resuming {run} after epoch {epoch}", **where)
    recipe = event.experiment.recipe
    printing.note(
        "{dataset}: {training:,} training and {validation:,} validation images, {shape}, {count} classes",
        dataset=event.experiment.dataset,
        training=resolved["training_images"],
        validation=resolved["validation_images"],
        shape=write_shape(tuple(resolved["input_shape"])),
        count=len(resolved["classes"]),
    )
    for sentence in resolved.get("understood", ()):
        printing.note(sentence)
    printing.note(
        "{network}: {parameters:,} parameters; recipe {name}: {optimizer}, batch {batch_size}; "
        "{device}, {precision}",
        network=event.experiment.network,
        name=recipe.name,
        optimizer=recipe.optimizer,
        batch_size=recipe.batch_size,
        device=_with_threads(resolved["device"], event.experiment.threads),
        **{name: resolved[name] for name in ("parameters", "precision")},
    )


def _with_threads(device: str, threads: int | str) -> str:
    """Return ``cpu``, or ``cpu with 2 threads`` where a number was chosen."""
    if isinstance(threads, str):
        return device
    if threads == 1:
        return Message("{device} with 1 thread", device=device)
    return Message("{device} with {threads} threads", device=device, threads=threads)


def watch_side_by_side(
    tasks: Sequence["Task"], parallel: int, failed: Callable[[int, ImageletError], None], *, alike: bool
) -> None:
    """Run trainings in processes of their own and show their events, each line with what it is of.

    Args:
        tasks: what to train, one at least.
        parallel: how many at a time.
        failed: is given the place among the tasks of one that failed, and why. Where it raises, the others
            save their state and end.
        alike: they have data and network in common, which are told once.

    Raises:
        KeyboardInterrupt: Ctrl-C; those that ran have saved their state.
    """
    from imagelet.experiment.child_messages import Failed
    from imagelet.experiment.side_by_side import train_side_by_side

    printing.note("{count} trainings, {parallel} at a time", count=len(tasks), parallel=parallel)
    with printing.bar() as draw:
        display = _SideBySide(tasks, draw, alike=alike)
        try:
            with contextlib.closing(train_side_by_side(tasks, parallel)) as events:
                for place, event in events:
                    display.show(place, event)
                    if isinstance(event, Failed):
                        failed(place, event.error)
        except KeyboardInterrupt as interruption:
            stopped = Message(
                "stopped: {finished} of {count} trainings are finished; nothing of the others is lost",
                finished=display.finished,
                count=len(tasks),
            )
            raise KeyboardInterrupt(stopped, REPEAT) from interruption


class _SideBySide:
    """The lines and the bar of trainings that run at the same time.

    Attributes:
        finished: how many are.
    """

    def __init__(
        self, tasks: Sequence["Task"], draw: Callable[[str, float | None], None] | None, *, alike: bool
    ) -> None:
        self.finished = 0
        self._tasks, self._draw, self._alike = tasks, draw, alike
        self._introduced = False
        self._width = max(columns(translate(task.label)) for task in tasks)
        self._epochs: dict[int, int] = {}
        self._fractions: dict[int, float] = {}  # of those that are not finished
        self._pace = Pace()

    def show(self, place: int, event: "ChildEvent") -> None:
        """Show what happened in the task of that place."""
        from imagelet.experiment import child_messages as events

        label = self._tasks[place].label
        match event:
            case events.Started():
                self._start(place, event)
            case events.Steps():
                self._fractions[place] = event.done / event.total
            case events.Epoch():
                line = epoch_line(event, self._epochs[place])
                name = padded(translate(label), self._width)
                printing.note(printing.verbatim(f"{name}  {line}"), style="bold" if _is_best(event) else "")
            case events.StoppedEarly():
                problem = Message("stopped early: the validation loss did not improve")
                printing.note("{place}: {problem}", place=label, problem=problem)
            case events.Warned():
                printing.caution("{place}: {problem}", place=label, problem=event.message)
            case events.Done():
                self.finished += 1
                self._fractions.pop(place, None)
                printing.note("{place}: finished, {folder}", place=label, folder=event.run.folder)
            case events.Failed():
                self._fractions.pop(place, None)
        self._draw_bar()

    def _start(self, place: int, event: "Started") -> None:
        from imagelet.experiment.runner import RunStarted
        from imagelet.runs.definition import Experiment

        content = event.run.experiment
        experiment = Experiment.from_toml(content)
        self._epochs[place] = experiment.recipe.epochs
        self._fractions[place] = 0.0
        label = self._tasks[place].label
        if not (self._alike and self._introduced):
            if not self._alike:
                printing.note(label, style="bold")
            introduce(RunStarted(event.run, experiment, content["resolved"], None, event.warnings))
        if event.resumed_at:
            resumed = Message(
                "resuming {run} after epoch {epoch}", run=event.run.folder, epoch=event.resumed_at[0]
            )
            printing.note("{place}: {problem}", place=label, problem=resumed)
        if not self._introduced:
            self._introduced = True
            line = heading(experiment.recipe.epochs, balanced=experiment.recipe.balanced)
            printing.note(printing.verbatim(f"{' ' * self._width}  {line}"))

    def _draw_bar(self) -> None:
        if self._draw is None or not self._pace.due():
            return
        self._pace.drawn()
        count, done = len(self._tasks), self.finished + sum(self._fractions.values())
        parts = [Message("{finished} of {count} finished", finished=self.finished, count=count)]
        if self._fractions:
            parts.append(enumerated([self._tasks[place].label for place in sorted(self._fractions)]))
        if speed := self._pace.speed(round(1000 * done)):
            left = write_seconds((1000 * (count - done)) / speed)
            parts.append(Message("{left} left", left=left))
        self._draw(printing.joined(parts, " · "), done / count)
