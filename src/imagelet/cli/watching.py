"""A training as it is seen, on standard error: a bar on a terminal, one plain line an epoch elsewhere."""

import itertools
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from imagelet.cli import arguments, printing

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from imagelet.experiment.finalize import Finished
    from imagelet.experiment.runner import Event, RunStarted
    from imagelet.training.loop import EpochEnded, Step

UPDATES_PER_SECOND = 10


def watch(first: "Event", events: Iterator["Event"]) -> "Finished":
    """Show the first event, let the others happen, show them too, and return the last."""
    from imagelet.experiment.finalize import Finished
    from imagelet.experiment.runner import RunStarted
    from imagelet.training.loop import EpochEnded, Step, Stopped

    bar = Bar()
    with bar:
        for event in itertools.chain([first], events):
            match event:
                case RunStarted():
                    _introduce(event)
                    bar.begin(event.experiment.recipe.epochs)
                    printing.note(heading(bar.epochs))
                case Step():
                    bar.step(event)
                case EpochEnded():
                    printing.note(epoch_line(event, bar.epochs), style="bold" if _is_best(event) else "")
                case Stopped(early=True):
                    printing.note("stopped early: the validation loss got no better")
                case Finished():
                    return event
    raise AssertionError("a run ends with Finished")


COLUMNS = ("loss", "accuracy", "val_loss", "val_accuracy", "seconds", "images/s")
WIDTHS = tuple(max(len(name), 6) for name in COLUMNS)


def heading(epochs: int) -> str:
    """Return the line above the epochs' lines; it and they fit on a terminal of 80 columns."""
    return _in_columns("epoch", COLUMNS, epochs)


def epoch_line(event: "EpochEnded", epochs: int) -> str:
    """Return the line that an epoch leaves; a figure that was not measured is a dash."""
    figures = event.figures
    shares = (figures.loss, figures.accuracy, figures.val_loss, figures.val_accuracy)
    cells = ["–" if share is None else f"{share:.4f}" for share in shares]
    cells += [f"{event.seconds:.1f}", f"{event.images_per_second:,.0f}"]
    return _in_columns(f"{figures.epoch}/{epochs}", cells, epochs) + ("  best" if _is_best(event) else "")


def _is_best(event: "EpochEnded") -> bool:
    """Say whether the epoch is the best so far; without validation images nothing tells."""
    return event.best and event.figures.val_accuracy is not None


def _in_columns(place: str, cells: Sequence[str], epochs: int) -> str:
    first = place.rjust(max(len("epoch"), len(f"{epochs}/{epochs}")))
    return "  ".join([first, *(cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True))])


def _introduce(event: "RunStarted") -> None:
    resolved: dict[str, Any] = event.resolved
    for warning in event.warnings:
        printing.caution(warning)
    if event.resumed_at:
        epoch, step = event.resumed_at
        printing.note(f"resuming {event.run.folder} after epoch {epoch}" + (f", step {step}" if step else ""))
    if ":" in resolved["network"]:
        printing.caution(
            "imagelet predict will refuse this classifier, as its network is imported code: register it as "
            "a plugin, or load it in Python with allow_import=True"
        )
    recipe = event.experiment.recipe
    shape = arguments.write_shape(tuple(resolved["input_shape"]))
    printing.note(
        "{dataset}: {training:,} training and {validation:,} validation images, {shape}, {count} classes",
        dataset=event.experiment.dataset,
        training=resolved["training_images"],
        validation=resolved["validation_images"],
        shape=shape,
        count=len(resolved["classes"]),
    )
    printing.note(
        "{network}: {parameters:,} parameters; recipe {name}: {optimizer}, batch {batch_size}; "
        "{device}, {precision}",
        network=event.experiment.network,
        parameters=resolved["parameters"],
        name=recipe.name,
        optimizer=recipe.optimizer,
        batch_size=recipe.batch_size,
        device=resolved["device"],
        precision=resolved["precision"],
    )


class Bar:
    """A bar for the whole training with the time left; nothing where standard error is no terminal.

    It is drawn at most 10 times a second, and only then are the figures asked for: on a GPU, that waits.
    """

    def __init__(self) -> None:
        self.epochs = 0
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._drawn = 0.0

    def __enter__(self) -> "Bar":
        console = printing.console(sys.stderr)
        if console.is_terminal:
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[figures]}", markup=False),
                TimeRemainingColumn(compact=True),
            )
            self._progress = Progress(*columns, console=console, transient=True, auto_refresh=False)
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress:
            self._progress.stop()

    def begin(self, epochs: int) -> None:
        """Note how many epochs there will be."""
        self.epochs = epochs

    def step(self, event: "Step") -> None:
        """Draw the bar, unless it was drawn a moment ago."""
        now = time.monotonic()
        if not self._progress or now - self._drawn < 1 / UPDATES_PER_SECOND:
            return
        self._drawn = now
        done, total = event.state.steps_done(event.steps), self.epochs * event.steps
        if self._task is None:
            self._task = self._progress.add_task("", total=total, completed=done, figures="")
        self._progress.update(
            self._task,
            description=f"epoch {event.state.epoch + 1}/{self.epochs}",
            completed=done,
            figures=self._figures(event),
        )
        self._progress.refresh()

    def _figures(self, event: "Step") -> str:
        speed = self._progress.tasks[0].speed if self._progress else None
        images = f"{speed * event.state.seen / event.state.step:,.0f} images/s  " if speed else ""
        return f"{images}loss {event.loss:.4f}  accuracy {event.accuracy:.4f}"
