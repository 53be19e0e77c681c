"""Convolution and pooling of one channel in plain NumPy, with the working behind each number.

The kernel is laid on as it is, not turned (cross-correlation), as networks do, and padding is 0. In pooling
padding has no value: it never wins and never counts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagelet.errors import UsageError
from imagelet.messages import Message
from imagelet.networks.padding import Side, SidePadding

Numbers = NDArray[np.float64]
Rims = tuple[tuple[int, int], tuple[int, int]]  # cells of padding: (above, below), (left, right)

LARGEST_SIDE = 20_000  # cells of a padded image
LARGEST_MAP = 100_000_000  # cells of all of it: 800 MB
MOST_TERMS = 25  # of a sum that is written out
KINDS = ("max", "average")


@dataclass(frozen=True, eq=False)
class Sum:
    """How one number of an output comes about.

    Attributes:
        row, column: its place in the output, counted from 0.
        patch: float64 (window height, window width); padding is 0, in pooling not a number.
        products: weight times cell, of the same shape; None in pooling.
        result: the number.
        text: ``5·60 - 1·113 - 1·73 = 114``; what has the weight 0 is left out, of a long sum the middle.
    """

    row: int
    column: int
    patch: Numbers
    products: Numbers | None
    result: float
    text: str


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
    def rims(self) -> Rims:
        """The cells of padding: (above, below), (left, right)."""
        return self.rows.rim, self.columns.rim

    @property
    def padded(self) -> Numbers:
        """The image with its padding: 0, in pooling not a number."""
        return np.pad(self.image, self.rims, constant_values=np.nan if self.kind else 0.0)

    @property
    def formula(self) -> str:
        """How the output's size comes about; one formula where it is the same for both sides."""
        height, width = output_size_formula(self.rows), output_size_formula(self.columns)
        return height if height == width else f"height {height}, width {width}"

    def at(self, row: int, column: int) -> Sum:
        """Return the working behind one number of the output; row and column are counted from 0.

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
        patch = self.padded[_cells_under(self.rows, row), _cells_under(self.columns, column)]
        result = float(self.output[row, column])
        if self.kernel is None:
            return Sum(row, column, patch, None, result, _pooling_text(patch, self.kind, result))
        text = _sum_text(self.kernel, patch, result)
        return Sum(row, column, patch, self.kernel * patch, result, text)


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
    rows, columns = _sides(cells, weights.shape, stride, padding, dilation, "a kernel of")
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
    rows, columns = _sides(cells, (size, size), size if stride is None else stride, padding, 1, "a window of")
    if isinstance(padding, int) and padding > size // 2:
        message = Message(
            "padding {padding} is more than half the window of {size}", padding=padding, size=size
        )
        raise UsageError(message, hint="--padding same always fits")
    rims = (rows.rim, columns.rim)
    if kind == "max":
        padded = np.pad(cells, rims, constant_values=cells.min())  # every window has a real cell, too
        output = _slide(padded, rows, columns, np.maximum)
    else:
        real = np.outer(_real_cells(rows), _real_cells(columns))
        output = _slide(np.pad(cells, rims), rows, columns, np.add) / real
    return Working(cells, None, rows, columns, kind, output)


def output_size_formula(side: Side) -> str:
    """Return how the size of an output's side comes about: ``(7 + 2·1 - 3) / 1 + 1 = 7``."""
    if side.padding == "same":
        return f"ceil({side.size} / {side.stride}) = {side.places}"
    padding = "" if side.padding == "valid" else f" + 2·{side.padding}"
    span = f"{side.kernel}" if side.dilation == 1 else f"(({side.kernel} - 1)·{side.dilation} + 1)"
    steps = f"({side.size}{padding} - {span}) / {side.stride}"
    whole = (side.padded - side.span) % side.stride == 0
    return f"{steps if whole else f'floor({steps})'} + 1 = {side.places}"


def convolution_parameters(height: int, width: int, channels: int, filters: int) -> str:
    """Return how many numbers a layer of such filters learns: ``64 × (3·3·1 + 1) = 640``."""
    count = filters * (height * width * channels + 1)
    return f"{filters} × ({height}·{width}·{channels} + 1) = {count:,}"


def number(value: float) -> str:
    """Return a number as people write it: whole, or with six digits; a dot where padding has no value."""
    if np.isnan(value):
        return "·"
    if float(value).is_integer():
        return str(int(value))
    return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.1f}"


def _sides(
    image: Numbers, window: tuple[int, ...], stride: int, padding: SidePadding, dilation: int, noun: str
) -> tuple[Side, Side]:
    """Return how the window slides down and across.

    Raises:
        UsageError: it cannot, or the padded image would be too large.
    """
    for name, value in (("stride", stride), ("dilation", dilation)):
        if value < 1:
            raise UsageError(
                "a {name} of {value} is not allowed",
                hint="write 1 or more: --{name} 1",
                name=name,
                value=value,
            )
    if isinstance(padding, int) and padding < 0:
        raise UsageError(
            "padding {padding} is not allowed", hint="write same, valid, or a number from 0", padding=padding
        )
    rows, columns = (Side(image.shape[i], window[i], stride, padding, dilation) for i in (0, 1))
    largest = max(rows.padded, columns.padded)
    if largest > LARGEST_SIDE or rows.padded * columns.padded > LARGEST_MAP:
        most = f"{LARGEST_SIDE:,} cells on a side" if largest > LARGEST_SIDE else f"{LARGEST_MAP:,} cells"
        hint = Message("take less padding or dilation, or a smaller image")
        raise UsageError("with its padding the image has more than {most}", hint, most=most)
    if not rows.places or not columns.places:
        spread = f", dilated to {rows.span}×{columns.span}," if dilation > 1 else ""
        rim = " with its padding" if any(map(any, (rows.rim, columns.rim))) else ""
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


def _cells_under(side: Side, place: int) -> slice:
    """Return the padded image's cells that the window meets at one place."""
    first = place * side.stride
    return slice(first, first + side.span, side.dilation)


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


def _sum_text(kernel: Numbers, patch: Numbers, result: float) -> str:
    pairs = zip(kernel.ravel().tolist(), patch.ravel().tolist(), strict=True)
    terms = [f"{_signed(weight)}·{_factor(cell)}" for weight, cell in pairs if weight]
    return f"{_added(terms)} = {number(result)}"


def _pooling_text(patch: Numbers, kind: str, result: float) -> str:
    real = patch[~np.isnan(patch)].tolist()
    if kind == "max":
        return f"max({', '.join(_shortened([number(cell) for cell in real]))}) = {number(result)}"
    return f"({_added([_signed(cell) for cell in real])}) / {len(real)} = {number(result)}"


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'} {number(abs(value))}"


def _factor(value: float) -> str:
    return f"({number(value)})" if value < 0 else number(value)


def _added(terms: list[str]) -> str:
    """Return signed terms as a sum: ``-1·2 + 3·4``; of none ``0``."""
    text = " ".join(_shortened(terms))
    return (f"-{text[2:]}" if text.startswith("- ") else text[2:]) or "0"


def _shortened(terms: list[str]) -> list[str]:
    """Return at most ``MOST_TERMS``, the last of them the last of all."""
    return terms if len(terms) <= MOST_TERMS else [*terms[: MOST_TERMS - 1], "…", terms[-1]]
