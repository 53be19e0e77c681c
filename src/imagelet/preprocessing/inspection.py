"""What a picture file is to a program: the numbers it holds, and the shapes that these can take."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagelet.messages import Message
from imagelet.preprocessing.picture import Source, open_picture, opened_file, orientation_of

THUMBNAIL_SIDE = 256  # pixels, of the longer side
FIRST = 8  # numbers of a form that are shown
AS_STORED, FLAT = Message("as stored"), Message("flat")  # names of forms
CHANNEL_AXIS, SCALED = Message("channel axis"), Message("scaled to 0..1")


@dataclass(frozen=True)
class Mode:
    """What the numbers of one of Pillow's modes mean.

    Args:
        meaning: in a few words.
        channels: the names of a pixel's numbers.
        change: what ``open_picture`` does to them; empty where it leaves them as they are.
    """

    meaning: str
    channels: tuple[str, ...]
    change: str = ""


_GREY, _ALPHA = Message("grey"), Message("alpha")
_COLOURS = (Message("red"), Message("green"), Message("blue"))
_SCALED = Message("the numbers are scaled to 0 to 255")
_INKS = Message("the inks are converted to red, green and blue")
_CONVERTED = Message("the colours are converted to red, green and blue")
_BLACK_OR_WHITE = Message("black or white")
_TRANSPARENT_GREY = Message("grey with transparency")
_TRANSPARENT = Message("colour with transparency")
_LOOKED_UP = Message("each index becomes its colour")

MODES = {
    "1": Mode(_BLACK_OR_WHITE, (_BLACK_OR_WHITE,), Message("0 and 1 become 0 and 255")),
    "L": Mode(Message("grey, 8 bits"), (_GREY,)),
    "LA": Mode(_TRANSPARENT_GREY, (_GREY, _ALPHA)),
    "La": Mode(_TRANSPARENT_GREY, (_GREY, _ALPHA)),
    "P": Mode(Message("palette of colours"), (Message("index in the palette"),), _LOOKED_UP),
    "PA": Mode(Message("palette with transparency"), (Message("index"), _ALPHA), _LOOKED_UP),
    "RGB": Mode(Message("red, green, blue"), _COLOURS),
    "RGBX": Mode(
        Message("colour, spare byte"), (*_COLOURS, Message("spare")), Message("the spare byte is left out")
    ),
    "RGBA": Mode(_TRANSPARENT, (*_COLOURS, _ALPHA)),
    "RGBa": Mode(_TRANSPARENT, (*_COLOURS, _ALPHA)),
    "CMYK": Mode(
        Message("four printing inks"),
        (Message("cyan"), Message("magenta"), Message("yellow"), Message("black")),
        _INKS,
    ),
    "YCbCr": Mode(Message("brightness, colour differences"), ("Y", "Cb", "Cr"), _CONVERTED),
    "LAB": Mode(Message("lightness, colour axes"), ("L", "a", "b"), _CONVERTED),
    "I": Mode(Message("grey, 32-bit integers"), (_GREY,), _SCALED),
    "F": Mode(Message("grey, fractions"), (_GREY,), _SCALED),
}
_SIXTEEN_BITS = Mode(Message("grey, 16 bits"), (_GREY,), _SCALED)  # of all that begin with I;16


@dataclass(frozen=True)
class Form:
    """One shape of a picture's numbers.

    Args:
        name: what the shape is called.
        shape: as NumPy writes it.
        dtype: the numbers' type.
        first: the first numbers, ``FIRST`` at most.
        place: where one number, the same in every form, lies; None where this form has other numbers.
        value: that number.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    first: tuple[float, ...]
    place: tuple[int, ...] | None
    value: float | None


@dataclass(frozen=True)
class Spread:
    """Between which numbers others lie; whole numbers are ints, and all are NaN where none is finite.

    Args:
        name: of what.
        lowest: of the finite numbers.
        highest: of the finite numbers.
        mean: of the finite numbers.
    """

    name: str
    lowest: float
    highest: float
    mean: float


@dataclass(frozen=True, eq=False)
class PictureFacts:
    """What a picture file holds.

    Args:
        file: its name.
        format: one of the ``FORMATS`` of ``picture.py``, as Pillow calls it.
        mode: what a pixel is, as Pillow calls it.
        meaning: the mode in a few words.
        size: width and height in pixels, as stored.
        stored: what NumPy makes of the file as it is: (height, width) or (height, width, channels).
        values: of all stored numbers.
        channels: of each stored channel.
        picture: what ``open_picture`` makes of the file: uint8 (height, width, 1 or 3).
        changes: what it does to the stored numbers; empty where ``picture`` holds the very same.
        forms: as stored, then the forms of ``picture``.
    """

    file: str
    format: str
    mode: str
    meaning: str
    size: tuple[int, int]
    stored: NDArray[Any]
    values: Spread
    channels: tuple[Spread, ...]
    picture: NDArray[np.uint8]
    changes: tuple[str, ...]
    forms: tuple[Form, ...]

    def stored_channels(self) -> dict[str, NDArray[Any]]:
        """Return each stored channel by its name: (height, width)."""
        planes = np.atleast_3d(self.stored)
        return {channel.name: planes[:, :, place] for place, channel in enumerate(self.channels)}


def inspect_picture(path: str | Path) -> PictureFacts:
    """Look at a picture file: what is stored, what ``open_picture`` makes of it, and its forms.

    Args:
        path: of the file.

    Raises:
        PictureError: as ``open_picture``.
    """
    with opened_file(path, copies=2) as image:
        image.load()
        stored = np.asarray(image)
        form, mode, size, transparent = image.format, image.mode, image.size, image.has_transparency_data
        turned = orientation_of(image) != 1
    picture = open_picture(path)
    known = _mode(mode, stored)
    planes = np.atleast_3d(stored)
    channels = [_spread(name, planes[:, :, place]) for place, name in enumerate(known.channels)]
    same = stored.size == picture.size and np.array_equal(stored.reshape(-1), picture.reshape(-1))
    changes = [known.change] if known.change else []
    if channels[-1].name == "alpha" and channels[-1].lowest == 255:
        changes.append(Message("alpha is left out, as nothing is transparent"))
    elif transparent:
        changes.append(Message("transparent parts are laid on white, or on black where the ink is light"))
    if turned:
        changes.append(Message("it is turned upright, as the camera noted"))
    if picture.shape[0] * picture.shape[1] < stored.shape[0] * stored.shape[1]:
        changes.append(Message("a large JPEG is decoded at a fraction of its size"))
    return PictureFacts(
        file=str(path),
        format=form or "",
        mode=mode,
        meaning=known.meaning,
        size=size,
        stored=stored,
        values=_spread("all", stored),
        channels=tuple(channels),
        picture=picture,
        changes=() if same else tuple(changes),
        forms=_forms(stored, picture, same),
    )


def thumbnail(source: Source) -> NDArray[np.uint8]:
    """Open a picture and return it small enough to be drawn beside others: uint8 (height, width, 1 or 3).

    Raises:
        PictureError: as ``open_picture``.
    """
    return scaled_down(open_picture(source), THUMBNAIL_SIDE)


def scaled_down(array: NDArray[Any], longest: int, *, average: bool = True) -> NDArray[Any]:
    """Return an array of pixels whose longer side has at most so many, aspect kept.

    Args:
        array: (height, width) or (height, width, channels); numbers of any type.
        longest: pixels, at least 1.
        average: over the pixels that become one; else one of them is taken.

    Returns:
        As ``array``; float32 where an average was taken of what is not uint8.
    """
    height, width = array.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return array
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    if not average:
        taken: NDArray[Any] = array[np.arange(rows) * height // rows]
        return taken[:, np.arange(columns) * width // columns]
    numbers = array if array.dtype == np.uint8 else array.astype(np.float32)
    planes = [
        np.asarray(Image.fromarray(plane).resize((columns, rows), Image.Resampling.BOX))
        for plane in np.moveaxis(np.atleast_3d(numbers), 2, 0)
    ]
    return np.stack(planes, axis=2).reshape(rows, columns, *array.shape[2:])


def _mode(mode: str, stored: NDArray[Any]) -> Mode:
    if mode.startswith("I;16"):
        return _SIXTEEN_BITS
    number = np.atleast_3d(stored).shape[2]
    numbered = tuple(Message("channel {index}", index=index) for index in range(number))
    return MODES.get(mode, Mode(Message("{count} numbers a pixel", count=number), numbered, _CONVERTED))


def _spread(name: str, numbers: NDArray[Any]) -> Spread:
    finite = numbers if numbers.dtype.kind != "f" else numbers[np.isfinite(numbers)]
    if not finite.size:
        return Spread(name, *[float("nan")] * 3)
    return Spread(name, _number(finite.min()), _number(finite.max()), float(finite.mean(dtype=np.float64)))


def _forms(stored: NDArray[Any], picture: NDArray[np.uint8], same: bool) -> tuple[Form, ...]:
    """Return the forms: as stored, flat, with its channel axis, as a batch of one, and scaled to 0 to 1.

    Args:
        stored: numbers of any type.
        picture: what ``open_picture`` makes of them.
        same: whether it holds the same numbers.
    """
    flat = picture.reshape(-1)
    lowest, highest, first = int(flat.min()), int(flat.max()), int(flat[0])
    value = highest if highest - first >= first - lowest else lowest  # what stands out from the first
    index = int(np.argmax(flat == value))

    def form(name: str, array: NDArray[Any], dtype: str = "uint8") -> Form:
        place = tuple(int(axis_index) for axis_index in np.unravel_index(index, array.shape))
        return Form(name, array.shape, dtype, _first(array), place, value)

    def scaled(number: float) -> float:
        return round(number / 255, 4)

    batch = picture[np.newaxis]
    given = Form(AS_STORED, stored.shape, stored.dtype.name, _first(stored), None, None)
    whole = form(Message("batch"), batch)
    return (
        form(AS_STORED, stored) if same else given,
        form(FLAT, flat),
        form(CHANNEL_AXIS, picture),
        whole,
        Form(
            SCALED,
            batch.shape,
            "float32",
            tuple(scaled(number) for number in whole.first),
            whole.place,
            scaled(value),
        ),
    )


def _first(array: NDArray[Any]) -> tuple[float, ...]:
    return tuple(_number(number) for number in array.reshape(-1)[:FIRST])


def _number(number: Any) -> float:
    """Return one of NumPy's numbers as Python's: whole ones stay whole, False and True are 0 and 1."""
    return float(number) if isinstance(number, np.floating) else int(number)
