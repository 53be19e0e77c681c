"""What ``fit`` takes an array for, images or a table, and how its numbers become the bytes of images.

Images have axes of their own, or are rows. Rows that are no images are a table: each row is an image of one
row of pixels, and each column has its own range of numbers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from imagelet.errors import UsageError
from imagelet.messages import Message
from imagelet.preprocessing.arrays import laid_out
from imagelet.preprocessing.framing import MAX_SIDE

Shape = tuple[int, int, int]

SMALLEST_SIDE = 8  # pixels; rows of fewer pixels are a table, and smaller images are not convolved
NUMBERS_AT_ONCE = 1 << 22  # that become pixels
FEWEST_GREYS = 100  # values that range over more than this are no fractions of 1


@dataclass(frozen=True, eq=False)
class Understood:
    """What ``fit`` took its data for, so that ``predict`` reads the same from the same numbers.

    Attributes:
        given: the shape of one image as it was passed.
        shape: (height, width, channels) of an image; (1, columns, 1) of a row of a table.
        low: the number that becomes black; of a table one a column, (columns,).
        high: the number that becomes white, like ``low``.
    """

    given: tuple[int, ...]
    shape: Shape
    low: Any
    high: Any

    @classmethod
    def of(cls, X: NDArray[Any], image_shape: Any) -> Self:
        """Return what ``X`` is taken for.

        Raises:
            UsageError, PictureError: its images have no shape that is certain, or not the one that was said.
        """
        shape = _shape_of_rows(X, image_shape) if X.ndim == 2 else _shape_of_images(X, image_shape)
        if max(shape) > MAX_SIDE:
            raise UsageError(
                "images of {shape} are too large: at most {most:,} pixels a side are taken, and at most so "
                "many columns of a table",
                hint="choose fewer columns, or say image_shape=(height, width)",
                shape=shape,
                most=MAX_SIDE,
            )
        if X.ndim == 2 and shape[0] == 1:
            return cls(X.shape[1:], shape, X.min(axis=0).astype(np.float64), X.max(axis=0).astype(np.float64))
        low, high = (0.0, 255.0) if X.dtype == np.uint8 else (float(X.min()), float(X.max()))
        return cls(X.shape[1:], shape, low, high)

    @property
    def is_table(self) -> bool:
        """Whether these are the rows of a table, and no images."""
        return isinstance(self.low, np.ndarray)

    def images(self, X: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the images that ``X`` holds, (n, height, width, channels).

        Raises:
            ValueError: images of another shape or scale.
        """
        if X.shape[1:] != self.given:
            raise ValueError(
                Message(
                    "X has images of the shape {shape}, but ImageClassifier is expecting {expected} as input",
                    shape=X.shape[1:],
                    expected=self.given,
                )
            )
        if self.is_table:
            images = X.reshape(-1, *self.shape)
            return _as_bytes(images, self.low[:, np.newaxis], self.high[:, np.newaxis])  # (columns, 1)
        self._check_scale(X)
        images = X.reshape(-1, *self.shape) if X.ndim == 2 else laid_out(X, X)[0]
        is_as_bytes = X.dtype == np.uint8 and (self.low, self.high) == (0, 255)
        return images if is_as_bytes else _as_bytes(images, self.low, self.high)

    def _check_scale(self, X: NDArray[Any]) -> None:
        """Raise where the numbers are plainly of another scale: bytes in place of 0 to 1, or the reverse."""
        low, high, width = self.low, self.high, self.high - self.low
        is_beyond = not low - width <= float(X.mean(dtype=np.float64)) <= high + width
        is_unit = X.dtype.kind == "f" and width > FEWEST_GREYS and X.min() >= 0 and 0 < X.max() <= 1
        if is_beyond or (is_unit and bool((np.rint(X) != X).any())):
            raise ValueError(
                Message(
                    "X has values from {lowest:g} to {highest:g}, but ImageClassifier was fitted on values "
                    "from {low:g} to {high:g}; scale them alike",
                    lowest=float(X.min()),
                    highest=float(X.max()),
                    low=low,
                    high=high,
                )
            )


def _shape_of_images(X: NDArray[Any], image_shape: Any) -> Shape:
    """Return (height, width, channels) of images that have axes of their own."""
    _, height, width, channels = laid_out(X, X)[0].shape
    shape = height, width, channels
    if image_shape is not None and _read_shape(image_shape) != shape:
        raise UsageError(
            "image_shape = {given} is not that of the images, which is {shape}",
            hint="leave it out: the images have their axes",
            given=image_shape,
            shape=shape,
        )
    return shape


def _shape_of_rows(X: NDArray[Any], image_shape: Any) -> Shape:
    """Return (height, width, channels) of images that are rows; (1, columns, 1) for the rows of a table."""
    columns = X.shape[1]
    if image_shape is not None:
        shape = _read_shape(image_shape)
        if math.prod(shape) != columns:
            raise UsageError(
                "image_shape = {given} has {count:,} numbers, but the rows have {columns:,}",
                hint="(height, width) or (height, width, channels)",
                given=image_shape,
                count=math.prod(shape),
                columns=columns,
            )
        return shape
    if columns >= SMALLEST_SIDE**2 and X.min() >= 0:
        side, side_in_colour = math.isqrt(columns), math.isqrt(columns // 3)
        if side**2 == columns:
            return side, side, 1
        if 3 * side_in_colour**2 == columns and side_in_colour >= SMALLEST_SIDE:
            raise UsageError(
                "rows of {columns:,} numbers may be images in colour or a table",
                hint="say image_shape=({side}, {side}, 3) or image_shape=(1, {columns})",
                columns=columns,
                side=side_in_colour,
            )
    return 1, columns, 1


def _read_shape(given: Any) -> Shape:
    """Return an image shape as (height, width, channels)."""
    sides = tuple(given) if isinstance(given, Sequence | np.ndarray) and not isinstance(given, str) else ()
    if len(sides) in (2, 3) and all(isinstance(side, int | np.integer) and side >= 1 for side in sides):
        height, width, channels = (*map(int, sides), 1)[:3]
        if channels in (1, 3):
            return height, width, channels
    raise UsageError(
        "image_shape = {given!r} is not allowed; it is (height, width) or (height, width, channels), with 1 "
        "or 3 channels",
        given=given,
    )


def _as_bytes(images: NDArray[Any], low: Any, high: Any) -> NDArray[np.uint8]:
    """Return numbers as 0 to 255, in a straight line from ``low`` to ``high``; beyond, they are cut off."""
    width = high / 2 - low / 2  # halves: the difference of two large numbers is finite
    width = np.where(width > 0, width, 1.0)
    made = np.empty(images.shape, np.uint8)
    rows = max(1, NUMBERS_AT_ONCE // math.prod(images.shape[1:]))
    for start in range(0, len(images), rows):
        part = images[start : start + rows].astype(np.float64)
        with np.errstate(over="ignore"):  # far beyond is beyond
            made[start : start + rows] = np.rint(np.clip((part / 2 - low / 2) / width, 0, 1) * 255)
    return made
