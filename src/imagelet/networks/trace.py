"""How one number of a layer's output comes about, with a line that a calculator can follow. NumPy only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.messages import Message

Numbers = NDArray[np.float64]
Cells = NDArray[np.int64]
Index = tuple[int, ...]

LARGEST_TERMS = 6  # of a long sum


@dataclass(frozen=True)
class Style:
    """How a line writes numbers and sums.

    Attributes:
        digits: of a number.
        most: how many terms of a sum are written out.
        in_order: of a longer one its beginning and its end are written, zeros too; else its largest terms.
    """

    digits: int
    most: int
    in_order: bool


BRIEF = Style(4, 9, in_order=False)
FULL = Style(6, 25, in_order=True)


@dataclass(frozen=True, eq=False, kw_only=True)
class Trace:
    """How one number comes about.

    Attributes:
        method: ``sum`` of products (convolution, dense), ``largest`` or ``mean`` of a window, ``normalised``
            (batch normalisation), ``softmax``, ``function`` (an activation), ``added`` (the end of a residual
            block), or ``passed`` on.
        inputs: float64, the numbers that it comes from: (window height, window width, channels) or (values,);
            padding is 0 in a sum, not a number in a window.
        first: where in the layer's input the first of them stands, (row, column, channel) or (value,); a row
            or column below 0 is padding.
        step: rows and columns from one of them to the next.
        weights, products: of the same shape: what each is multiplied with, and weight times input. For a sum
            and for normalised numbers ``products.sum() + bias`` is the result; else None.
        bias: what is added.
        exponentials: of a softmax, of the same shape.
        winner: where in the layer's input the largest stands, the first one if there are several.
        parts: other numbers by their names: mean, standard_deviation, scale and shift of what is normalised;
            the sum of the exponentials, and the number that was subtracted before; what is added.
        result: the number.
        text: all of it in a line; of a long sum the largest terms.
    """

    method: str
    inputs: Numbers
    first: Index
    step: tuple[int, int] = (1, 1)
    weights: Numbers | None = None
    products: Numbers | None = None
    bias: float = 0.0
    exponentials: Numbers | None = None
    winner: Index | None = None
    parts: dict[str, float] = field(default_factory=dict)
    result: float
    text: str


@dataclass(frozen=True, eq=False)
class Unit:
    """One number of a layer's output, and what it comes from.

    Attributes:
        module: the layer's module, for its weights.
        inputs: float64 (height, width, channels) or (values,), of each layer that it takes.
        index: of the number in the output: (row, column, channel) or (value,).
        output_shape: of the output.
    """

    module: Any
    inputs: tuple[Numbers, ...]
    index: Index
    output_shape: tuple[int, ...]

    @property
    def values(self) -> Numbers:
        """The input of a layer that takes one."""
        (values,) = self.inputs
        return values


def weighted_sum(
    inputs: Numbers,
    weights: Numbers,
    bias: float,
    first: Index,
    step: tuple[int, int] = (1, 1),
    style: Style = BRIEF,
) -> Trace:
    """Return the sum of inputs times weights, and the bias; ``first`` and ``step`` as in :class:`Trace`."""
    products = weights * inputs
    result = float(products.sum() + bias)
    return Trace(
        method="sum",
        inputs=inputs,
        first=first,
        step=step,
        weights=weights,
        products=products,
        bias=bias,
        result=result,
        text=_equation(_products_text(weights.ravel(), inputs.ravel(), bias, style), result, style),
    )


def window(
    inputs: Numbers,
    cells: tuple[Cells, Cells],
    channel: int,
    average: bool,
    padding: float = np.nan,
    style: Style = BRIEF,
) -> Trace:
    """Return the mean or the largest number of one channel under a window.

    Args:
        inputs: (height, width, channels).
        cells: the rows and the columns that the window meets; those outside are padding.
        channel: which.
        average: the mean, else the largest.
        padding: what is there; not a number for nothing.
        style: of the text.
    """
    rows, columns = cells
    under = patch(inputs[:, :, channel : channel + 1], cells, padding)
    real = under[~np.isnan(under)]
    row, column, _ = np.unravel_index(int(np.nanargmax(under)), under.shape)
    result = float(real.mean() if average else real.max())
    down, across = (int(along[1] - along[0]) if len(along) > 1 else 1 for along in cells)
    return Trace(
        method="mean" if average else "largest",
        inputs=under,
        first=(int(rows[0]), int(columns[0]), channel),
        step=(down, across),
        winner=None if average else (int(rows[row]), int(columns[column]), channel),
        result=result,
        text=_equation((_mean_text if average else _largest_text)(real, style), result, style),
    )


def function(value: float, index: Index, result: float, text: str) -> Trace:
    """Return one number made of one number; ``text``: how, without the result."""
    inputs = np.array([value])
    return Trace(
        method="function", inputs=inputs, first=index, result=result, text=f"{text} = {number(result)}"
    )


def passed(inputs: Numbers, origin: Index) -> Trace:
    """Return a number that is handed on from ``origin`` as it is."""
    value = float(inputs[origin])
    index = ",".join(map(str, origin))
    text = Message("{number}, unchanged from index {index}", number=number(value), index=index)
    return Trace(method="passed", inputs=np.array([value]), first=origin, result=value, text=text)


def patch(inputs: Numbers, cells: tuple[Cells, Cells], padding: float) -> Numbers:
    """Return the numbers (rows, columns, channels) of these cells, ``padding`` where they are outside."""
    rows, columns = cells
    height, width, _ = inputs.shape
    inside = np.outer((rows >= 0) & (rows < height), (columns >= 0) & (columns < width))
    numbers = inputs[np.clip(rows, 0, height - 1)][:, np.clip(columns, 0, width - 1)]
    return np.where(inside[:, :, np.newaxis], numbers, padding)


def number(value: float, style: Style = BRIEF) -> str:
    """Return a number as people write it: whole, or with some digits; a dot where padding has no value."""
    if np.isnan(value):
        return "·"
    if float(value).is_integer():
        return str(int(value))
    return f"{value:.{style.digits}g}" if abs(value) < 1e6 else f"{value:.1f}"


def factor(value: float, style: Style = BRIEF) -> str:
    """Return a number as it stands behind a sign: in brackets where it has one itself."""
    return f"({number(value, style)})" if value < 0 else number(value, style)


def term(value: float, style: Style = BRIEF) -> str:
    """Return a number as a term of a sum: ``- 3``."""
    return f"{'-' if value < 0 else '+'} {number(abs(value), style)}"


def _equation(text: str, result: float, style: Style) -> Message:
    return Message("{_} = {result}", _=text, result=number(result, style))


def _products_text(weights: Numbers, inputs: Numbers, bias: float, style: Style) -> str:
    """Return ``0.5·2 - 0.25·4 + (430 smaller terms: 0.01) + 0.1 (bias)``; weights of 0 are left out."""
    products = weights * inputs
    shown = np.flatnonzero(weights if style.in_order else products)
    count = len(shown)
    if not style.in_order and count > style.most:
        shown = np.argsort(-np.abs(products), kind="stable")[:LARGEST_TERMS]
    terms = [f"{term(weights[at], style)}·{factor(inputs[at], style)}" for at in shown]
    if len(shown) < count:
        rest = number(float(products.sum() - products[shown].sum()), style)
        sums = {"terms": _added(terms), "count": count - len(shown), "rest": rest, "bias": term(bias, style)}
        if bias:
            return Message("{terms} + ({count:,} smaller terms: {rest}) {bias} (bias)", **sums)
        return Message("{terms} + ({count:,} smaller terms: {rest})", **sums)
    if bias:
        terms.append(f"{term(bias, style)} (bias)")
    return _added(_shortened(terms, style))


def _mean_text(real: Numbers, style: Style) -> str:
    """Return ``(1 + 2 - 6) / 3``."""
    if len(real) > style.most and not style.in_order:
        sum_ = number(float(real.sum()), style)
        return Message("{sum}, the sum of {count:,} numbers, / {count:,}", sum=sum_, count=len(real))
    return f"({_added(_shortened([term(value, style) for value in real], style))}) / {len(real)}"


def _largest_text(real: Numbers, style: Style) -> str:
    """Return ``max(1, 2, -6)``."""
    if len(real) > style.most and not style.in_order:
        return Message("the largest of {count:,} numbers", count=len(real))
    return f"max({', '.join(_shortened([number(value, style) for value in real], style))})"


def _added(terms: Sequence[str]) -> str:
    """Return signed terms as a sum, ``-1·2 + 3·4``; of none ``0``."""
    text = " ".join(terms)
    return (f"-{text[2:]}" if text.startswith("- ") else text[2:]) or "0"


def _shortened(terms: list[str], style: Style) -> list[str]:
    """Return at most ``style.most`` terms where they are in order, the last of them the last of all."""
    if not style.in_order or len(terms) <= style.most:
        return terms
    return [*terms[: style.most - 1], "…", terms[-1]]
