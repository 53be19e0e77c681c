"""What `imagelet data show` says of a picture file: the numbers in it, and the shapes that they can take."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagelet.cli import printing
from imagelet.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imagelet.preprocessing.inspection import Form, PictureFacts, Spread

SKETCHED_SIDE = 40  # letters; a picture with more pixels is scaled down
SHOWN_NUMBERS, SHOWN_FRACTIONS = 5, 3  # of each form; --json has a few more


def is_picture(text: str) -> bool:
    """Tell whether ``text`` names a picture, not a dataset: it is a file, or would be by its suffix."""
    from imagelet.data.datasets import datasets
    from imagelet.preprocessing import PICTURE_SUFFIXES

    path = Path(text).expanduser()
    return text not in datasets and (
        path.is_file() or (path.suffix.lower() in PICTURE_SUFFIXES and not path.is_dir())
    )


def show(file: str, out: Path | None, *, as_json: bool) -> None:
    """Print what a picture file holds, and draw it to ``out``.

    Raises:
        PictureError: it is not there or cannot be read.
        UsageError: ``out`` is the picture itself.
    """
    from imagelet.preprocessing.inspection import inspect_picture

    path = Path(file).expanduser()
    if out is not None and out.exists() and path.exists() and out.samefile(path):
        raise UsageError(
            "--out {out} is the picture itself", hint="name another file for the drawing", out=out
        )
    facts = inspect_picture(path)
    if out is not None:
        _draw(facts, out)
    if as_json:
        printing.document(_document(facts, file) | {"out": out})
        return
    _show(facts, file)
    if out is not None:
        printing.say("\nwrote {out}", out=out)


def _document(facts: "PictureFacts", file: str) -> dict[str, Any]:
    return {
        "file": file,
        "format": facts.format,
        "mode": facts.mode,
        "meaning": facts.meaning,
        "size": facts.size,
        "shape": facts.stored.shape,
        "dtype": facts.stored.dtype.name,
        "lowest": facts.values.lowest,
        "highest": facts.values.highest,
        "mean": facts.values.mean,
        "channels": [asdict(channel) for channel in facts.channels],
        "changes": facts.changes,
        "forms": [asdict(form) for form in facts.forms],
    }


def _show(facts: "PictureFacts", file: str) -> None:
    width, height = facts.size
    axes = "height, width" if facts.stored.ndim == 2 else "height, width, channels"
    described = {
        "file": file,
        "format": facts.format,
        "mode": f"{facts.mode}: {facts.meaning}",
        "size": f"{width} x {height} pixels (width x height)",
        "array": f"{facts.stored.shape} {facts.stored.dtype.name} ({axes})",
        "values": _range(facts.values),
    }
    if len(facts.channels) > 1:
        described |= {f"  {channel.name}": _range(channel) for channel in facts.channels}
    printing.facts(described | {"imagelet": _opened(facts)})
    printing.say()
    _show_forms(facts)
    printing.say()
    _sketch(facts.picture)


def _range(spread: "Spread") -> str:
    if spread.lowest == spread.highest:
        return f"all {_number(spread.lowest)}"
    return f"{_number(spread.lowest)} to {_number(spread.highest)}, mean {spread.mean:.4g}"


def _opened(facts: "PictureFacts") -> str:
    """Say what ``open_picture`` makes of the file."""
    told = f"opens it as {facts.picture.shape} uint8: "
    if facts.changes:
        return told + "; ".join(facts.changes)
    if facts.stored.ndim == 2:
        return told + "the same numbers, with an axis for the one channel"
    return told + "the same numbers"


def _show_forms(facts: "PictureFacts") -> None:
    """Print each form with its first numbers, and where one and the same number lies in each of them."""
    flat, whole, scaled = (
        next(form for form in facts.forms if form.name == name)
        for name in ("flat", "channel axis", "scaled to 0..1")
    )
    places = [f"[{', '.join(map(str, form.place))}]" if form.place else "" for form in facts.forms]
    printing.table(
        ("form", "shape", "first numbers", f"where {flat.value} lies"),
        [
            (form.name, str(form.shape), _nested(form), place)
            for form, place in zip(facts.forms, places, strict=True)
        ],
        whole=("form", "shape"),
    )
    row, column, channel = whole.place or (0, 0, 0)
    _, width, channels = whole.shape
    where, words, index = f"row {row}, column {column}", f"{row} * {width} + {column}", row * width + column
    if channels > 1:
        where, words = f"{where}, channel {channel}", f"({words}) * {channels} + {channel}"
        index = index * channels + channel
    printing.say()
    printing.facts(
        {
            "flat": f"{where} is place {words} = {index:,}",
            "scaled": f"divided by 255: {flat.value} becomes {_number(scaled.value or 0)}",
        }
    )


def _nested(form: "Form") -> str:
    """Return the first numbers in brackets as NumPy sets them: ``[[[59 62 63] [43 46 …``."""
    shown = form.first[: SHOWN_FRACTIONS if form.dtype.startswith("float") else SHOWN_NUMBERS]
    inside = [math.prod(form.shape[axis:]) for axis in range(len(form.shape))]  # numbers, of each bracket
    words = []
    for place, number in enumerate(shown):
        opening = "[" * sum(place % count == 0 for count in inside)
        closing = "]" * sum((place + 1) % count == 0 for count in inside)
        words.append(opening + _number(number) + closing)
    return " ".join(words) + (" …" if len(shown) < inside[0] else "")


def _number(number: float) -> str:
    return f"{number:.3g}" if isinstance(number, float) else str(number)


def _sketch(picture: "NDArray[np.uint8]") -> None:
    """Draw the picture with letters, its darkest part black and its lightest white."""
    import numpy as np

    from imagelet.preprocessing.inspection import scaled_down

    small = scaled_down(picture, SKETCHED_SIDE)
    grey = small.mean(axis=2, keepdims=True)
    low, high = grey.min(), grey.max()
    shades = ((grey - low) * (255 / (high - low)) if high > low else grey).astype(np.uint8)
    drawn = f"{small.shape[1]} x {small.shape[0]} pixels"
    printing.pictures([shades], [drawn if small is picture else f"scaled down to {drawn}"])


def _draw(facts: "PictureFacts", path: Path) -> None:
    from imagelet import plots

    channels = facts.stored_channels() if facts.changes else None
    title = f"{Path(facts.file).name}: {facts.format}, mode {facts.mode}, stored as {facts.stored.shape}"
    palette = facts.mode.startswith("P")
    plots.save(plots.inspection(facts.picture, title, channels, palette=palette), path)
