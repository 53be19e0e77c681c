"""Framing inside an ONNX graph: pictures of any size in, images of the network's size out.

Offered for the framings that only resize: ``fit``, ``crop``, ``half-crop`` and ``stretch``. ONNX's own Resize
has no Lanczos filter, with which Pillow shrinks, so each resampling is a product with a matrix of weights.
The graph computes them from the picture's size: they are Pillow's (``src/libImaging/Resample.c``), and so are
the rounding between the two passes and the averaging that comes before where a picture is far too large.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagelet.errors import UsageError
from imagelet.networks.onnx_graph import OnnxGraph
from imagelet.preprocessing.framing import REDUCING_GAP, Framing

FLOAT, UINT8, INT64, DOUBLE = 1, 2, 7, 11  # numbers of ONNX's types
LANCZOS_REACH = 3  # pixels of the smaller picture
CUBIC = -0.5  # of Pillow's bicubic filter: the slope at one pixel's distance
RED, GREEN, BLUE = 19595, 38470, 7471  # of 65,536: ITU-R 601 luma, as Pillow computes it


class Term:
    """The name of a node's output or a constant, with arithmetic that adds nodes."""

    def __init__(self, graph: OnnxGraph, name: str) -> None:
        self.graph = graph
        self.name = name

    def then(self, operation: str, *others: "Term | float", **attributes: Any) -> "Term":
        """Return the output of an operation on this and on others; plain numbers are of type double."""
        names = [other.name if isinstance(other, Term) else self.number(other).name for other in others]
        return Term(self.graph, self.graph.add(operation, self.name, *names, **attributes))

    def number(self, value: float) -> "Term":
        """Return a constant of type double, (1,)."""
        return self.array(np.array([value], np.float64))

    def array(self, values: NDArray[Any]) -> "Term":
        """Return a constant."""
        return Term(self.graph, self.graph.constant(values, "number"))

    def __add__(self, other: "Term | float") -> "Term":
        return self.then("Add", other)

    def __sub__(self, other: "Term | float") -> "Term":
        return self.then("Sub", other)

    def __mul__(self, other: "Term | float") -> "Term":
        return self.then("Mul", other)

    def __truediv__(self, other: "Term | float") -> "Term":
        return self.then("Div", other)

    def at_least(self, other: "Term | float") -> "Term":
        """Return the larger of both."""
        return self.then("Max", other)

    def at_most(self, other: "Term | float") -> "Term":
        """Return the smaller of both."""
        return self.then("Min", other)

    def floor(self) -> "Term":
        """Return the next whole number below."""
        return self.then("Floor")

    def rounded(self) -> "Term":
        """Return the nearest whole number; of two the even one, as Python does."""
        return self.then("Round")

    def cast(self, kind: int) -> "Term":
        """Return the same numbers as another type."""
        return self.then("Cast", to=kind)

    def counted(self) -> "Term":
        """Return 0, 1, 2, … up to below this number (1,), of type double."""
        stop = self.then("Squeeze")
        return Term(self.graph, self.graph.add("Range", self._scalar(0.0), stop.name, self._scalar(1.0)))

    def _scalar(self, value: float) -> str:
        return self.graph.constant(np.array(value, np.float64), "number")

    def unsqueezed(self, axis: int) -> "Term":
        """Return it with another axis of length 1."""
        return self.then("Unsqueeze", self.array(np.array([axis], np.int64)))

    def part(self, axis: int, start: "Term | float", stop: "Term | float") -> "Term":
        """Return a part along one axis; start and stop are numbers (1,) of type double."""
        ends = [(each if isinstance(each, Term) else self.number(each)).cast(INT64) for each in (start, stop)]
        return self.then("Slice", *ends, self.array(np.array([axis], np.int64)))


class Pictures(NamedTuple):
    """Pictures of one size: pixels float32 (n, height, width, 3), height and width (1,) of type double."""

    pixels: Term
    height: Term
    width: Term


def check_offered(framing: Framing) -> None:
    """Raise where pictures are not framed inside a graph.

    Raises:
        UsageError: the framing does more than resize.
    """
    if framing.kind not in OFFERED:
        raise UsageError(
            "--pictures is offered for the framings {offered}; '{framing}' does more than resize",
            "leave --pictures out, and frame with imagelet: imagelet.load(RUN).frame(PICTURE).image",
            offered=", ".join(OFFERED),
            framing=framing.kind,
        )


def add_framing(graph: OnnxGraph, framing: Framing) -> tuple[str, str]:
    """Add the nodes from ``pictures``, uint8 (n, any, any, 3), to images of the network's size.

    Returns:
        The names of the images, uint8 (n, height, width, channels), and of whether each picture is all one
        colour, or its image is: bool (n,).
    """
    given = Term(graph, "pictures")
    sizes = given.then("Shape").cast(DOUBLE)
    pixels = given.cast(FLOAT)
    pictures = Pictures(pixels, sizes.part(0, 1, 2), sizes.part(0, 2, 3))
    framed = OFFERED[framing.kind](pictures, framing)
    blank = _of_one_colour(pixels).then("Or", _of_one_colour(framed))
    if framing.channels == 1:
        framed = _grey(framed)
    return framed.cast(UINT8).name, blank.name


def _fit(pictures: Pictures, framing: Framing) -> Term:
    pixels, height, width = pictures
    rows, columns = (pixels.number(side) for side in (framing.height, framing.width))
    scale = (rows / height).at_most(columns / width)
    inner_height = (height * scale).rounded().at_least(1).at_most(rows)
    inner_width = (width * scale).rounded().at_least(1).at_most(columns)
    inner = _resized(pictures, inner_height, inner_width)
    top, left = (
        ((whole - part) / 2).floor() for whole, part in ((rows, inner_height), (columns, inner_width))
    )
    none = pixels.number(0)
    pads = none.then(
        "Concat", top, left, none, none, rows - inner_height - top, columns - inner_width - left, none, axis=0
    )
    colour = _median_of_border(pictures)
    return (inner - colour).then("Pad", pads.cast(INT64)) + colour


def _crop(pictures: Pictures, framing: Framing) -> Term:
    rows, columns = (pictures.pixels.number(side) for side in (framing.height, framing.width))
    part = _centred_part(pictures, *_largest_of_aspect(pictures, framing))
    return _resized(part, rows, columns)


def _half_crop(pictures: Pictures, framing: Framing) -> Term:
    height, width = _largest_of_aspect(pictures, framing)
    halves = ((pictures.height + height) / 2).floor(), ((pictures.width + width) / 2).floor()
    return _fit(_centred_part(pictures, *halves), framing)


def _largest_of_aspect(pictures: Pictures, framing: Framing) -> tuple[Term, Term]:
    pixels, height, width = pictures
    rows, columns = (pixels.number(side) for side in (framing.height, framing.width))
    scale = (height / rows).at_most(width / columns)
    return (
        (rows * scale).rounded().at_least(1).at_most(height),
        (columns * scale).rounded().at_least(1).at_most(width),
    )


def _centred_part(pictures: Pictures, height: Term, width: Term) -> Pictures:
    top, left = ((pictures.height - height) / 2).floor(), ((pictures.width - width) / 2).floor()
    cut = pictures.pixels.part(1, top, top + height).part(2, left, left + width)
    return Pictures(cut, height, width)


def _stretch(pictures: Pictures, framing: Framing) -> Term:
    rows, columns = (pictures.pixels.number(side) for side in (framing.height, framing.width))
    return _resized(pictures, rows, columns)


OFFERED: dict[str, Callable[[Pictures, Framing], Term]] = {
    "fit": _fit,
    "crop": _crop,
    "half-crop": _half_crop,
    "stretch": _stretch,
}


def _resized(pictures: Pictures, rows: Term, columns: Term) -> Term:
    """Return pixels (n, rows, columns, 3), whole numbers from 0 to 255: first each row is resized."""
    pixels, height, width = pictures
    enlarges = rows.then("GreaterOrEqual", height).then("And", columns.then("GreaterOrEqual", width))
    across, down = _weights(width, columns, enlarges), _weights(height, rows, enlarges)
    narrow = _whole(
        pixels.then("Transpose", perm=[0, 1, 3, 2]).then("MatMul", across)
    )  # (n, height, 3, columns)
    small = _whole(narrow.then("Transpose", perm=[0, 2, 3, 1]).then("MatMul", down))  # (n, 3, columns, rows)
    return small.then("Transpose", perm=[0, 3, 2, 1])


def _weights(size: Term, places: Term, enlarges: Term) -> Term:
    """Return how much each of ``size`` pixels counts for each of fewer or more ``places``.

    Args:
        size: of a side of the picture.
        places: of the same side when it is resized.
        enlarges: whether no side becomes smaller: then the filter is bicubic, else Lanczos.

    Returns:
        float32 (size, places), each column of sum 1.
    """
    factor = (size / places / REDUCING_GAP).floor().at_least(1)  # so many pixels are averaged first
    index = size.counted()
    average = (index / factor).floor()  # of which average a pixel is part, (size,)
    count = factor.at_most(size - average * factor)  # pixels of that average; the last may have fewer
    scale = size / factor / places
    centre = (places.counted() + 0.5) * scale  # (places,)
    away = (average + 0.5).unsqueezed(1) - centre.unsqueezed(0)
    distance = (away / scale.at_least(1)).then("Abs").cast(FLOAT)  # (size, places)
    weights = enlarges.then("Where", _cubic(distance), _lanczos(distance))
    weights = weights / count.cast(FLOAT).unsqueezed(1)
    total = weights.then("ReduceSum", weights.array(np.array([0], np.int64)), keepdims=1)
    return weights / total


def _lanczos(distance: Term) -> Term:
    def sinc(stretched: float) -> Term:
        angle = distance.at_least(_float(distance, 1e-6)) * _float(distance, math.pi / stretched)
        return angle.then("Sin") / angle

    reached = distance.then("Less", _float(distance, LANCZOS_REACH))
    return reached.then("Where", sinc(1) * sinc(LANCZOS_REACH), _float(distance, 0))


def _cubic(distance: Term) -> Term:
    a, x = CUBIC, distance
    near = (x * _float(x, a + 2) - _float(x, a + 3)) * x * x + _float(x, 1)
    far = (((x - _float(x, 5)) * x + _float(x, 8)) * x - _float(x, 4)) * _float(x, a)
    beyond = x.then("Less", _float(x, 2)).then("Where", far, _float(x, 0))
    return x.then("Less", _float(x, 1)).then("Where", near, beyond)


def _float(term: Term, value: float) -> Term:
    return term.array(np.array(value, np.float32))


def _whole(pixels: Term) -> Term:
    """Return pixels as 8 bits hold them, rounded up from a half as Pillow does."""
    halved = (pixels + _float(pixels, 0.5)).floor()
    return halved.then("Clip", _float(pixels, 0), _float(pixels, 255))


def _median_of_border(pictures: Pictures) -> Term:
    """Return the median of each channel on the outermost pixels, (n, 1, 1, 3), as a whole number.

    How many pixels are at most as bright as each of 256 levels says how many levels are below the two values
    in the middle; the median is their mean.
    """
    pixels, height, width = pictures
    inside = pixels.part(1, 1, height - 1)
    edges = [
        pixels.part(1, 0, 1),
        pixels.part(1, (height - 1).at_least(1), height),
        inside.part(2, 0, 1),
        inside.part(2, (width - 1).at_least(1), width),
    ]
    kept = pixels.array(np.array([0, -1, 3], np.int64))
    first, *others = (edge.then("Reshape", kept) for edge in edges)
    border = first.then("Concat", *others, axis=1).unsqueezed(3)  # (n, pixels, 3, 1)
    levels = pixels.array(np.arange(256, dtype=np.float32))
    axis = pixels.array(np.array([1], np.int64))
    up_to = border.then("LessOrEqual", levels).cast(FLOAT).then("ReduceSum", axis, keepdims=0)  # (n, 3, 256)
    number = border.then("Shape").part(0, 1, 2).cast(FLOAT)
    half = number / _float(pixels, 2)
    last = pixels.array(np.array([2], np.int64))
    middle = [
        up_to.then("LessOrEqual", place).cast(FLOAT).then("ReduceSum", last, keepdims=0)
        for place in ((half - _float(pixels, 0.5)).floor(), half.floor())
    ]
    median = ((middle[0] + middle[1]) / _float(pixels, 2)).rounded()
    return median.unsqueezed(1).unsqueezed(1)


def _grey(pixels: Term) -> Term:
    """Return luma (n, height, width, 1), a whole number."""
    weights = pixels.array(np.array([[RED], [GREEN], [BLUE]], np.float32))
    return ((pixels.then("MatMul", weights) + _float(pixels, 2**15)) / _float(pixels, 2**16)).floor()


def _of_one_colour(pixels: Term) -> Term:
    """Return whether each picture's pixels are all equal, bool (n,)."""
    range_of_channels = pixels.then("ReduceMax", axes=[1, 2], keepdims=0) - pixels.then(
        "ReduceMin", axes=[1, 2], keepdims=0
    )
    return range_of_channels.then("ReduceMax", axes=[1], keepdims=0).then("LessOrEqual", _float(pixels, 0))
