"""What `imagelet data show` prints of one picture file: its numbers, their forms, and a sketch of it."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagelet.cli import printing
from imagelet.errors import UsageError
from imagelet.messages import Message, translate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imagelet.preprocessing.inspection import Form, PictureFacts, Spread

SKETCHED_SIDE = 40  # letters; a picture with more pixels is scaled down
SHOWN_NUMBERS, SHOWN_FRACTIONS = 5, 3  # of each form; --json has a few more


def is_picture(text: str) -> bool:
    """Tell whether ``text`` names a picture, not a dataset: by its suffix, or a file of no other form."""
    from imagelet.data.forms.form import form_of
    from imagelet.data.known import datasets
    from imagelet.data.pictures.table_columns import SUFFIXES
    from imagelet.preprocessing import PICTURE_SUFFIXES

    path = Path(text).expanduser()
    if text in datasets or path.is_dir():
        return False
    suffix = path.suffix.lower()
    return suffix in PICTURE_SUFFIXES or (path.is_file() and suffix not in SUFFIXES and form_of(path) is None)


def show_picture(file: str, out: Path | None, *, as_json: bool) -> None:
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
        _draw_picture(facts, out)
    if as_json:
        printing.document(_picture_document(facts, file) | {"out": out})
    else:
        _show_picture_facts(facts, file)
        show_file(out)


def show_file(out: Path | None) -> None:
    """Print which file was written, if any."""
    if out is not None:
        printing.say()
        printing.say("wrote {file}", file=out)


def _picture_document(facts: "PictureFacts", file: str) -> dict[str, Any]:
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
        "channels": facts.channels,
        "changes": facts.changes,
        "forms": facts.forms,
    }


def _show_picture_facts(facts: "PictureFacts", file: str) -> None:
    width, height = facts.size
    values = {"shape": facts.stored.shape, "dtype": facts.stored.dtype.name}
    array = Message("{shape} {dtype} (height, width, channels)", **values)
    if facts.stored.ndim == 2:
        array = Message("{shape} {dtype} (height, width)", **values)
    described: dict[str, str] = {
        Message("file"): file,
        Message("format"): facts.format,
        Message("mode"): Message("{mode}: {meaning}", mode=facts.mode, meaning=facts.meaning),
        Message("size"): Message("{width} x {height} pixels (width x height)", width=width, height=height),
        Message("array"): array,
        Message("values"): _range(facts.values),
    }
    if len(facts.channels) > 1:
        described |= {
            Message("  {channel}", channel=channel.name): _range(channel) for channel in facts.channels
        }
    printing.facts(described | {Message("opened as"): _opened(facts)})
    printing.say()
    _show_forms(facts)
    printing.say()
    _sketch(facts.picture)


def _range(spread: "Spread") -> Message:
    low, high = _number(spread.lowest), _number(spread.highest)
    if spread.lowest == spread.highest:
        return Message("all {value}", value=low)
    return Message("{low} to {high}, mean {mean:.4g}", low=low, high=high, mean=spread.mean)


def _opened(facts: "PictureFacts") -> Message:
    """Return what ``open_picture`` makes of the file."""
    changes = printing.joined(facts.changes)
    if not changes and facts.stored.ndim == 2:
        changes = translate("the same numbers, with an axis for the one channel")
    elif not changes:
        changes = translate("the same numbers")
    return Message("{shape} uint8: {changes}", shape=facts.picture.shape, changes=changes)


def _show_forms(facts: "PictureFacts") -> None:
    """Print each form with its first numbers, and the index of one and the same number in each of them."""
    from imagelet.preprocessing.inspection import CHANNEL_AXIS, FLAT, SCALED

    flat, whole, scaled = (
        next(form for form in facts.forms if form.name == name) for name in (FLAT, CHANNEL_AXIS, SCALED)
    )
    rows = [
        (
            form.name,
            str(form.shape),
            _nested(form),
            f"[{', '.join(map(str, form.place))}]" if form.place else "",
        )
        for form in facts.forms
    ]
    heading = Message("index of {value}", value=flat.value)
    printing.table(("form", "shape", "first numbers", heading), rows, whole=("form", "shape"))
    row, column, channel = whole.place or (0, 0, 0)
    _, width, channels = whole.shape
    sum_, index = f"{row} * {width} + {column}", row * width + column
    where = Message("row {row}, column {column}", row=row, column=column)
    if channels > 1:
        where = Message("{place}, channel {channel}", place=where, channel=channel)
        sum_, index = f"({sum_}) * {channels} + {channel}", index * channels + channel
    becomes = {"value": flat.value, "scaled": _number(scaled.value or 0)}
    printing.say()
    printing.facts(
        {
            FLAT: Message("{place} has the index {sum} = {index:,}", place=where, sum=sum_, index=index),
            Message("scaled"): Message("divided by 255: {value} becomes {scaled}", **becomes),
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
    size = {"width": small.shape[1], "height": small.shape[0]}
    caption = Message("{width} x {height} pixels", **size)
    if small is not picture:
        caption = Message("scaled down to {width} x {height} pixels", **size)
    printing.pictures([shades], [caption])


def _draw_picture(facts: "PictureFacts", path: Path) -> None:
    from imagelet import plots

    channels = facts.stored_channels() if facts.changes else None
    title = f"{Path(facts.file).name}: {facts.format}, mode {facts.mode}, stored as {facts.stored.shape}"
    palette = facts.mode.startswith("P")
    plots.save(plots.inspection(facts.picture, title, channels, palette=palette), path)
