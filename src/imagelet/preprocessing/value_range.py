"""Pictures of more than 8 bits: which of their numbers become black and which white.

A format's own range (0–65535, 0–1) keeps pictures comparable. But a depth camera's millimetres or a 12-bit
sensor's counts fill a small part of it, and would all become the same grey. So a dataset whose numbers lie in
a narrow part gets a range of its own, which travels with the classifier: every picture that it is given is
converted alike.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

TILE_SIDE = 512  # pixels that are converted at once, a side
NARROW = 4  # numbers that fill less than this part of their format's range get a range of their own
STRAY = 0.001  # of the numbers at either end: they may be a sensor's dead pixels
FAR = 16  # times the width of all others: so far away the stray ones are cut off
SIXTEEN_BITS = 2**16 - 1

_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262  # TIFF tags
_WHITE_IS_ZERO = 0

ValueRange = tuple[float, float]
"""The numbers that become 0 and 255; what lies beyond them does, too."""


class Chosen(NamedTuple):
    """The range for a dataset's pictures of more than 8 bits.

    Attributes:
        values: the range; None: each picture's format says it.
        is_narrow: whether it is the dataset's own, because its numbers fill a small part of the format's.
        pictures: how many deep ones there are.
    """

    values: ValueRange | None
    is_narrow: bool
    pictures: int


@dataclass(frozen=True, eq=False)
class Measured:
    """The numbers of one picture of more than 8 bits.

    Attributes:
        lowest: of all finite ones.
        highest: of all finite ones.
        limits: where white may lie, by its format, in ascending order.
        counts: how often each number occurs, int64 (65536,), where they have 16 bits; else None.
    """

    lowest: float
    highest: float
    limits: tuple[float, ...]
    counts: NDArray[np.int64] | None


def is_deep(image: Image.Image) -> bool:
    """Say whether a picture has one channel of numbers of more than 8 bits."""
    return image.mode.startswith("I;16") or image.mode in ("I", "F")


def measure(image: Image.Image) -> Measured:
    """Return what the numbers of a deep picture are."""
    lowest, highest = _finite_range(image)
    counts = None
    if image.mode.startswith("I;16"):
        counts = np.zeros(SIXTEEN_BITS + 1, np.int64)
        for tile in tiles(image):
            numbers = np.asarray(image.crop(tile)).ravel()
            counts += np.bincount(numbers, minlength=SIXTEEN_BITS + 1)
    return Measured(lowest, highest, _limits(image), counts)


def choose_range(pictures: Iterable[Measured]) -> Chosen:
    """Return the range for a dataset's deep pictures: the format's, or their own where that is narrow."""
    lowest, highest, limits, number = np.inf, -np.inf, set[float](), 0
    counts: NDArray[np.int64] | None = np.zeros(SIXTEEN_BITS + 1, np.int64)
    for picture in pictures:
        number += 1
        lowest, highest = min(lowest, picture.lowest), max(highest, picture.highest)
        limits.update(picture.limits)
        counts = None if counts is None or picture.counts is None else counts + picture.counts
    if not lowest < highest:
        return Chosen(None, is_narrow=False, pictures=number)
    white = next((limit for limit in sorted(limits) if highest <= limit), None) if lowest >= 0 else None
    low, high = (lowest, highest) if counts is None else _without_stray(counts, lowest, highest)
    if white is not None and NARROW * (high - low) >= white:
        of_format = (0.0, white) if counts is None else None
        return Chosen(of_format, is_narrow=False, pictures=number)
    return Chosen((low, high), is_narrow=True, pictures=number)


def eight_bits(image: Image.Image, values: ValueRange | None = None) -> Callable[[Image.Image], Image.Image]:
    """Return the function that scales a deep picture's tiles to 0–255.

    Args:
        image: a deep picture.
        values: the range; None: as the format means, and only where the numbers fit none of the usual ranges
            (0–1, 0–255, 0–65535), the picture's smallest and largest number.
    """
    inverted = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    low, high = values or _range_of_format(image)
    factor = 255 / (high - low) if high > low else 0.0
    kind = np.float32 if image.mode.startswith("I;16") else np.float64

    def scale(tile: Image.Image) -> Image.Image:
        numbers: NDArray[np.floating] = np.asarray(tile).astype(kind)
        numbers = np.where(np.isfinite(numbers), numbers, low)
        eight = np.clip(np.rint((numbers - low) * factor), 0, 255).astype(np.uint8)
        return Image.fromarray(255 - eight if inverted else eight)

    return scale


def tiles(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    """Yield the left, top, right and bottom of the parts of an image."""
    for top in range(0, image.height, TILE_SIDE):
        for left in range(0, image.width, TILE_SIDE):
            yield left, top, min(left + TILE_SIDE, image.width), min(top + TILE_SIDE, image.height)


def _limits(image: Image.Image) -> tuple[float, ...]:
    """Return where white may lie by a picture's format, in ascending order."""
    if image.mode.startswith("I;16"):
        bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (16,))[0]
        return (2.0 ** min(16, bits) - 1,)
    if image.mode == "F":
        return (1.0, 255.0, float(SIXTEEN_BITS))
    return (float(SIXTEEN_BITS),) if image.format in ("PNG", "PPM") else (255.0, float(SIXTEEN_BITS))


def _range_of_format(image: Image.Image) -> ValueRange:
    limits = _limits(image)
    if image.mode.startswith("I;16"):
        return 0.0, limits[0]
    lowest, highest = _finite_range(image)
    if lowest < 0 or highest > SIXTEEN_BITS:
        return lowest, highest
    return 0.0, next(limit for limit in limits if highest <= limit)


def _finite_range(image: Image.Image) -> ValueRange:
    """Return the lowest and the highest finite number of an image; 0 and 0 where there is none."""
    lowest, highest = np.inf, -np.inf
    for tile in tiles(image):
        numbers = np.asarray(image.crop(tile))
        finite = numbers[np.isfinite(numbers)]
        if finite.size:
            lowest, highest = min(lowest, float(finite.min())), max(highest, float(finite.max()))
    return (lowest, highest) if lowest <= highest else (0.0, 0.0)


def _without_stray(counts: NDArray[np.int64], lowest: float, highest: float) -> ValueRange:
    """Return the range without the few numbers at either end, where they lie far from all others."""
    fractions = np.cumsum(counts) / counts.sum()
    low = float(np.searchsorted(fractions, STRAY, side="right"))
    high = float(np.searchsorted(fractions, 1 - STRAY))
    far = 0 < FAR * (high - low) < highest - lowest
    return (low, high) if far else (lowest, highest)
