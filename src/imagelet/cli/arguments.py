"""Arguments and options of several commands; shapes read and written; accuracies described."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from imagelet.errors import UsageError
from imagelet.html_repr import write_percent
from imagelet.messages import Message

DATASET = "A dataset's name, or a folder with one subfolder a class."

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's folder or name, or a .safetensors file.")]
Dataset = Annotated[str, typer.Argument(metavar="DATASET", help=DATASET)]
ALLOW_IMPORT = "Import the code that RUN names, a network's package.module:function."
AllowImport = Annotated[bool, typer.Option("--allow-import", help=ALLOW_IMPORT)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

PARTS = {
    "train": Message("train"),
    "validation": Message("validation"),
    "test": Message("test"),
    "own pictures": Message("own pictures"),
    "fold": Message("fold"),
}
_SHAPE = re.compile(r"(\d+)[x×](\d+)(?:[x×](\d+))?")


def read_shape(text: str) -> tuple[int, int, int]:
    """Return (height, width, channels) from ``28x28x1``; ``28x28`` has one channel.

    Raises:
        UsageError: ``text`` is no shape.
    """
    match = _SHAPE.fullmatch(text.strip().lower())
    if not match or 0 in (shape := tuple(int(size or 1) for size in match.groups())):
        raise UsageError(
            "'{given}' is not an input shape",
            hint="write height, width and channels (1 grey, 3 colour): 28x28x1",
            given=text,
        )
    height, width, channels = shape
    return height, width, channels


def write_shape(shape: tuple[int, ...]) -> str:
    """Return ``28x28x1`` for (28, 28, 1)."""
    return "x".join(str(size) for size in shape)


def count_images(number: int) -> Message:
    """Return ``1 image`` or ``1,200 images``."""
    return Message("1 image") if number == 1 else Message("{count:,} images", count=number)


def describe_interval(interval: Iterable[float]) -> Message:
    """Return ``96.41 to 99.23 %`` for an interval from 0 to 1."""
    low, high = map(write_percent, interval)
    return Message("{low} to {high} %", low=low, high=high)


def describe_accuracy(name: Message, figures: Mapping[str, Any]) -> dict[str, str]:
    """Return an accuracy as it is read: ``98.33 % (95 % interval 96.41 to 99.23 %, 360 images)``, and name.

    Where a classifier averages several views of each image, the accuracy without them follows.

    Args:
        name: what to call it: "test accuracy".
        figures: ``accuracy`` and ``interval`` [low, high], from 0 to 1; ``images``, their number; and perhaps
            ``one_view_accuracy``, from 0 to 1.
    """
    low, high = map(write_percent, figures["interval"])
    facts: dict[str, str] = {
        name: Message(
            "{accuracy} % (95 % interval {low} to {high} %, {images})",
            accuracy=write_percent(figures["accuracy"]),
            low=low,
            high=high,
            images=count_images(figures["images"]),
        )
    }
    if "one_view_accuracy" in figures:
        plain = Message("{name}, one view", name=name)
        facts[plain] = f"{write_percent(figures['one_view_accuracy'])} %"
    return facts
