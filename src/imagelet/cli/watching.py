"""A training shown on standard error: a line for each epoch, and on a terminal a bar."""

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from imagelet.cli import arguments, printing
from imagelet.messages import Message, translate

if TYPE_CHECKING:
    from imagelet.experiment.finalize import Finished
    from imagelet.experiment.runner import Event, RunStarted
    from imagelet.training.loop import EpochEnded


def watch(first: "Event", events: Iterator["Event"]) -> "Finished":
    """Show the first event, let the others happen, show them too, and return the last."""
    from imagelet.experiment.finalize import Finished
    from imagelet.experiment.notebook import Bar
    from imagelet.experiment.runner import RunStarted
    from imagelet.training.loop import EpochEnded, Stopped

    epochs = 0
    with printing.bar() as draw:
        bar = Bar(draw)
        for event in itertools.chain([first], events):
            match event:
                case RunStarted():
                    _introduce(event)
                    epochs = event.experiment.recipe.epochs
                    printing.note(heading(epochs))
                case EpochEnded():
                    printing.note(epoch_line(event, epochs), style="bold" if _is_best(event) else "")
                case Stopped(early=True):
                    printing.note("stopped early: the validation loss did not improve")
                case Finished():
                    return event
            bar.note(event)
    raise AssertionError("a run ends with Finished")


COLUMNS = (
    Message("loss"),
    Message("accuracy"),
    Message("val_loss"),
    Message("val_accuracy"),
    Message("seconds"),
    Message("images/s"),
)


def heading(epochs: int) -> str:
    """Return the line above the epochs' lines; it and they fit on a terminal of 80 columns."""
    return _in_columns(translate("epoch"), [translate(name) for name in COLUMNS], epochs)


def epoch_line(event: "EpochEnded", epochs: int) -> str:
    """Return the line that an epoch leaves; a figure that was not measured is a dash."""
    figures = event.figures
    measured = (figures.loss, figures.accuracy, figures.val_loss, figures.val_accuracy)
    cells = ["–" if figure is None else f"{figure:.4f}" for figure in measured]
    cells += [f"{event.seconds:.1f}", f"{event.images_per_second:,.0f}"]
    line = _in_columns(f"{figures.epoch}/{epochs}", cells, epochs)
    return f"{line}  {translate('best')}" if _is_best(event) else line


def _is_best(event: "EpochEnded") -> bool:
    """Say whether the epoch is the best so far; without validation images nothing tells."""
    return event.best and event.figures.val_accuracy is not None


def _in_columns(place: str, cells: Sequence[str], epochs: int) -> str:
    first = max(printing.columns(translate("epoch")), len(f"{epochs}/{epochs}"))
    widths = [first, *(max(6, printing.columns(translate(name))) for name in COLUMNS)]
    aligned = (
        printing.padded(cell, width, right=True) for cell, width in zip([place, *cells], widths, strict=True)
    )
    return "  ".join(aligned)


def _introduce(event: "RunStarted") -> None:
    resolved: dict[str, Any] = event.resolved
    for warning in event.warnings:
        printing.caution(warning)
    if event.resumed_at:
        epoch, step = event.resumed_at
        if step:
            printing.note(
                "resuming {run} after epoch {epoch}, step {step}",
                run=event.run.folder,
                epoch=epoch,
                step=step,
            )
        else:
            printing.note("resuming {run} after epoch {epoch}", run=event.run.folder, epoch=epoch)
    if ":" in resolved["network"]:
        printing.caution(
            "imagelet predict will refuse this classifier, because its network is imported code: register it "
            "as a plugin, or load it in Python with allow_import=True"
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
