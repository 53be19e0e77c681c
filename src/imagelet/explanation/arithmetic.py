"""Convolution and pooling of one channel in plain NumPy, with the sum behind each number.

The kernel is laid on as it is, not turned (cross-correlation), as networks do, and padding is 0. In pooling
padding has no value: it never wins and never counts. Matrices are read as they are typed, "1 2 3; 4 5 6".
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.errors import UsageError
from imagelet.messages import Message
from imagelet.networks.trace import FULL, Numbers, Trace, patch, weighted_sum, window
from imagelet.networks.window import Side, SidePadding, size_formula
from imagelet.registry import unknown

LARGEST_SIDE = 20_000  # cells of a padded image
LARGEST_MAP = 100_000_000  # cells of all of it: 800 MB
KINDS = ("max", "average")
WHITE = 255
EXAMPLE = '"1 2 3; 4 5 6; 7 8 9"'
MATRIX = Message("matrix")
LARGEST_NUMBER = 1e15  # beyond it floats are not exact whole numbers any more

KERNELS = {
    "identity": ((0, 0, 0), (0, 1, 0), (0, 0, 0)),
    "sharpen": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    "edges": ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)),
    "sobel-x": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "sobel-y": ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    "emboss": ((-2, -1, 0), (-1, 1, 1), (0, 1, 2)),
    "blur": tuple((1 / 9,) * 3 for _ in range(3)),
    "ones": ((1, 1, 1), (1, 1, 1), (1, 1, 1)),
}
"""Well-known 3×3 kernels. ``blur`` is the mean of nine pixels, ``ones`` their sum; Sobel's give slopes."""


@dataclass(frozen=True, eq=False)
class Working:
    """An output, and all that it came from.

    Attributes:
        image: float64 (height, width).
        kernel: float64 (height, width); None in pooling.
        rows, columns: how the window slides down and across.
        kind: of pooling, ``max`` or ``average``; empty for a convolution.
        output: float64 (height, width).
    """

    image: Numbers
    kernel: Numbers | None
    rows: Side
    columns: Side
    kind: str
    output: Numbers

    @property
    def rims(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The cells of padding: (above, below), (left, right)."""
        return self.rows.rim, self.columns.rim

    @property
    def padded(self) -> Numbers:
        """The image with its padding: 0, in pooling not a number."""
        return np.pad(self.image, self.rims, constant_values=np.nan if self.kind else 0.0)

    @property
    def formula(self) -> str:
        """How the output's size comes about; one formula where it is the same for both sides."""
        return size_formula(self.rows, self.columns)

    def at(self, row: int, column: int) -> Trace:
        """Return how one number comes about, its inputs (height, width); row and column count from 0.

        Raises:
            UsageError: the output has no such place.
        """
        height, width = self.output.shape
        if not (0 <= row < height and 0 <= column < width):
            raise UsageError(
                "the output has no place {row},{column}: rows go from 0 to {last_row}, columns from 0 to "
                "{last_column}",
                hint="--at {last_row},{last_column} is the last one",
                row=row,
                column=column,
                last_row=height - 1,
                last_column=width - 1,
            )
        cells, image = (self.rows.cells(row), self.columns.cells(column)), self.image[:, :, np.newaxis]
        if self.kernel is None:
            trace = window(image, cells, 0, average=self.kind == "average", style=FULL)
            return replace(trace, inputs=trace.inputs[:, :, 0])
        step, first = (self.rows.dilation, self.columns.dilation), (int(cells[0][0]), int(cells[1][0]))
        return weighted_sum(patch(image, cells, 0.0)[:, :, 0], self.kernel, 0.0, first, step, FULL)


def convolve(
    image: NDArray[np.generic],
    kernel: NDArray[np.generic],
    stride: int = 1,
    padding: SidePadding = "valid",
    dilation: int = 1,
) -> Working:
    """Lay the kernel on every place of the image, multiply cell by cell, and add up.

    Args:
        image: numbers (height, width).
        kernel: numbers (height, width).
        stride: cells from one place to the next.
        padding: ``same``, ``valid``, or so many cells of 0 on each side.
        dilation: cells from one number of the kernel to the next.

    Raises:
        UsageError: a stride or dilation below 1, a padding below 0, or a kernel larger than the image.
    """
    cells, weights = np.asarray(image, np.float64), np.asarray(kernel, np.float64)
    rows, columns = _checked_sides(cells, weights.shape, stride, padding, dilation, Message("a kernel of"))
    padded = np.pad(cells, (rows.rim, columns.rim))
    output = np.zeros((rows.places, columns.places))
    for (row, column), weight in np.ndenumerate(weights):
        if weight:
            output += weight * padded[_seen_by(rows, row), _seen_by(columns, column)]
    return Working(cells, weights, rows, columns, "", output)


def pool(
    image: NDArray[np.generic],
    size: int,
    stride: int | None = None,
    padding: SidePadding = "valid",
    kind: str = "max",
) -> Working:
    """Take the largest, or the mean, of the image's own cells under each place of a window.

    Args:
        image: numbers (height, width).
        size: cells on each side of the window.
        stride: cells from one place to the next; None for the window's size.
        padding: ``same``, ``valid``, or so many cells on each side, at most half the window.
        kind: ``max`` or ``average``.

    Raises:
        UsageError: a size or stride below 1, a padding that is not allowed, a window larger than the image,
            or another kind.
    """
    if kind not in KINDS:
        raise UsageError("unknown kind of pooling '{kind}'", hint="--kind max, or --kind average", kind=kind)
    if size < 1:
        raise UsageError(
            "a window of size {size} is not allowed", hint="write 1 or more: --size 2", size=size
        )
    cells = np.asarray(image, np.float64)
    rows, columns = _checked_sides(
        cells, (size, size), size if stride is None else stride, padding, 1, Message("a window of")
    )
    if isinstance(padding, int) and padding > size // 2:
        message = Message(
            "padding {padding} is more than half the window of {size}", padding=padding, size=size
        )
        raise UsageError(message, hint="--padding same always fits")
    lowest = cells.min() if kind == "max" else 0.0  # it never wins: every window has a real cell, too
    padded = np.pad(cells, (rows.rim, columns.rim), constant_values=lowest)
    output = _slide(padded, rows, columns, np.maximum if kind == "max" else np.add)
    if kind == "average":
        output /= np.outer(_real_cells(rows), _real_cells(columns))
    return Working(cells, None, rows, columns, kind, output)


def convolution_parameters(height: int, width: int, channels: int, filters: int) -> str:
    """Return how many numbers a layer of such filters learns: ``64 × (3·3·1 + 1) = 640``."""
    count = filters * (height * width * channels + 1)
    return f"{filters} × ({height}·{width}·{channels} + 1) = {count:,}"


def read_matrix(text: str, what: str = MATRIX) -> NDArray[np.float64]:
    """Return the matrix that is written as rows split by ``;``, numbers split by blanks or commas.

    Args:
        text: what was typed.
        what: its name in error messages.

    Returns:
        float64 (rows, columns), at least 1×1.

    Raises:
        UsageError: it is empty, ragged, or has something in it that is no finite number.

    >>> read_matrix("1 2; 3 4")
    array([[1., 2.],
           [3., 4.]])
    """
    rows = [row.replace(",", " ").split() for row in text.strip().rstrip(";").split(";")]
    if not any(rows):
        values: dict[str, Any] = {"what": what, "example": EXAMPLE}
        raise UsageError("the {what} is empty", hint="write rows split by semicolons: {example}", **values)
    for place, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise UsageError(
                "the {what} is ragged: row {place} has {count}, row 1 has {first}",
                hint="give every row as many numbers: {example}",
                what=what,
                place=place,
                count=_count(row),
                first=_count(rows[0]),
                example=EXAMPLE,
            )
    return np.array(
        [
            [_read_number(word, what, place, column) for column, word in enumerate(row, start=1)]
            for place, row in enumerate(rows, start=1)
        ]
    )


def read_kernel(text: str) -> NDArray[np.float64]:
    """Return the kernel of that name, or the one that is written out.

    Raises:
        UsageError: neither a name nor a matrix.
    """
    name = text.strip().lower()
    if name in KERNELS:
        return np.array(KERNELS[name], np.float64)
    if name and name[0].isalpha() and not name.startswith(("nan", "inf")):
        names = ", ".join(KERNELS)
        hint = Message(
            "write it as a matrix, {example}, or name one of {names}", example=EXAMPLE, names=names
        )
        raise unknown(Message("kernel"), text, KERNELS, hint)
    return read_matrix(text, Message("kernel"))


def as_pixels(outputs: Sequence[NDArray[np.float64]], *, stretch: bool) -> tuple[NDArray[np.uint8], int]:
    """Return outputs as the channels of a picture.

    Args:
        outputs: one for each channel, (height, width).
        stretch: the lowest number of all becomes 0 and the highest 255; else they are rounded, and cut.

    Returns:
        uint8 (height, width, channels), and how many numbers were cut.
    """
    pixels = np.stack(outputs, axis=-1)  # (height, width, channels)
    if stretch:
        lowest, highest = pixels.min(), pixels.max()
        pixels = (pixels - lowest) * (WHITE / (highest - lowest) if highest > lowest else 0)
    pixels = np.rint(pixels)
    clipped = int(np.count_nonzero((pixels < 0) | (pixels > WHITE)))
    return np.clip(pixels, 0, WHITE).astype(np.uint8), clipped


def _checked_sides(
    image: Numbers, window: tuple[int, ...], stride: int, padding: SidePadding, dilation: int, noun: str
) -> tuple[Side, Side]:
    """Return how the window slides down and across."""
    for name, value in (("stride", stride), ("dilation", dilation)):
        if value < 1:
            values: dict[str, Any] = {"name": name, "value": value}
            raise UsageError(
                "a {name} of {value} is not allowed", hint="write 1 or more: --{name} 1", **values
            )
    if isinstance(padding, int) and padding < 0:
        raise UsageError(
            "padding {padding} is not allowed", hint="write same, valid, or a number from 0", padding=padding
        )
    rows, columns = (Side(image.shape[i], window[i], stride, padding, dilation) for i in (0, 1))
    largest = max(rows.padded, columns.padded)
    if largest > LARGEST_SIDE or rows.padded * columns.padded > LARGEST_MAP:
        wide = largest > LARGEST_SIDE
        raise UsageError(
            "with its padding the image has more than {most:,} cells on a side"
            if wide
            else "with its padding the image has more than {most:,} cells",
            hint="take less padding or dilation, or a smaller image",
            most=LARGEST_SIDE if wide else LARGEST_MAP,
        )
    if not rows.places or not columns.places:
        span = f"{rows.span}×{columns.span}"
        spread = Message(", dilated to {span},", span=span) if dilation > 1 else ""
        rim = Message(" with its padding") if any(map(any, (rows.rim, columns.rim))) else ""
        raise UsageError(
            "{what} {rows}×{columns}{spread} is larger than the image, {height}×{width}{rim}",
            hint="pad the image with --padding same, or take a smaller one",
            what=noun,
            rows=rows.kernel,
            columns=columns.kernel,
            spread=spread,
            height=rows.padded,
            width=columns.padded,
            rim=rim,
        )
    return rows, columns


def _seen_by(side: Side, cell: int) -> slice:
    """Return the padded image's cells that one cell of the window meets, place after place."""
    first = cell * side.dilation
    return slice(first, first + (side.places - 1) * side.stride + 1, side.stride)


def _slide(padded: Numbers, rows: Side, columns: Side, combine: Callable[..., Numbers]) -> Numbers:
    """Combine the cells under each place: first down, then across, so that large windows are quick too."""
    down = padded[_seen_by(rows, 0)].copy()
    for cell in range(1, rows.kernel):
        combine(down, padded[_seen_by(rows, cell)], out=down)
    across = down[:, _seen_by(columns, 0)].copy()
    for cell in range(1, columns.kernel):
        combine(across, down[:, _seen_by(columns, cell)], out=across)
    return across


def _real_cells(side: Side) -> NDArray[np.int64]:
    """Return how many cells of the image, not of its padding, lie under each place."""
    starts = np.arange(side.places) * side.stride - side.rim[0]
    return np.minimum(starts + side.kernel, side.size) - np.maximum(starts, 0)


def _count(row: list[str]) -> str:
    return Message("{count} number" if len(row) == 1 else "{count} numbers", count=len(row))


def _read_number(word: str, what: str, row: int, column: int) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or abs(number) > LARGEST_NUMBER:
        raise UsageError(
            "'{word}' in row {row}, column {column} of the {what} is not a number of use here",
            hint="write numbers such as 3, -1 or 0.5: {example}",
            word=word,
            row=row,
            column=column,
            what=what,
            example=EXAMPLE,
        )
    return number
