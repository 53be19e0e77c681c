"""Windows that slide over a map: TensorFlow's SAME and VALID, places, sizes. Plain integers.

One side of an image at a time: ``size`` is its height or width in cells.

=========  =================================  ==================================================
padding    places (output size)               cells of padding
=========  =================================  ==================================================
``same``   ceil(size / stride)                what the last window lacks, the odd one after
``valid``  (size − span) // stride + 1        none
a number   (size + 2·n − span) // stride + 1  n before and n after
=========  =================================  ==================================================

where ``span = (kernel − 1)·dilation + 1``, the cells from a window's first to its last.

Source: https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from imagelet.errors import NetworkTextError
from imagelet.messages import Message
from imagelet.networks.layer_kind import Layer, Padding, Shape, Size

if TYPE_CHECKING:
    from imagelet.networks.layer_kind import Array
    from imagelet.networks.trace import Cells, Index

SidePadding = Literal["same", "valid"] | int

LARGEST_MAP = 100_000_000  # cells of one image in one padded map


def same_padding(size: int, kernel: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """Return the cells that SAME adds before and after one side of ``size`` cells.

    The two are equal, or there is one more after.

    >>> same_padding(28, kernel=3, stride=2)
    (0, 1)
    """
    places = -(-size // stride)
    total = max((places - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


@dataclass(frozen=True)
class Side:
    """One side of an image and the window that slides along it.

    >>> Side(7, kernel=3, padding=1).places
    7
    """

    size: int
    kernel: int
    stride: int = 1
    padding: SidePadding = "valid"
    dilation: int = 1

    @property
    def span(self) -> int:
        """The cells from the first to the last that the window looks at."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def rim(self) -> tuple[int, int]:
        """The cells of padding before and after."""
        if self.padding == "same":
            return same_padding(self.size, self.kernel, self.stride, self.dilation)
        return (0, 0) if self.padding == "valid" else (self.padding, self.padding)

    @property
    def padded(self) -> int:
        """The cells of the side and its padding."""
        return self.size + sum(self.rim)

    @property
    def places(self) -> int:
        """The places that the window has: the output's size. None where it is larger than the padded side."""
        if self.padding == "same":
            return -(-self.size // self.stride)
        return max((self.padded - self.span) // self.stride + 1, 0)

    @property
    def formula(self) -> str:
        """How the output's size comes about: ``(7 + 2·1 - 3) / 1 + 1 = 7``."""
        if self.padding == "same":
            return f"ceil({self.size} / {self.stride}) = {self.places}"
        padding = f" + 2·{self.padding}" if isinstance(self.padding, int) and self.padding else ""
        span = f"{self.kernel}" if self.dilation == 1 else f"(({self.kernel} - 1)·{self.dilation} + 1)"
        steps = f"({self.size}{padding} - {span}) / {self.stride}"
        whole = (self.padded - self.span) % self.stride == 0
        return f"{steps if whole else f'floor({steps})'} + 1 = {self.places}"

    @property
    def slices(self) -> list[slice]:
        """For each cell of the window, the cells of the padded side that it covers in all places."""
        reach = (self.places - 1) * self.stride + 1
        return [slice(first, first + reach, self.stride) for first in range(0, self.span, self.dilation)]

    def cells(self, place: int) -> "Cells":
        """Return the cells, int64 (kernel,), under the window at one place; those outside are padding."""
        import numpy as np

        return place * self.stride - self.rim[0] + self.dilation * np.arange(self.kernel)


def size_formula(rows: Side, columns: Side) -> str:
    """Return how the size of an output comes about; one formula where it is the same for both sides."""
    height, width = rows.formula, columns.formula
    if height == width:
        return height
    return Message("height {height}, width {width}", height=height, width=width)


class Sliding(Layer):
    """A layer whose window slides over a map: the convolutions and poolings. Abstract."""

    noun: ClassVar[str] = Message("kernel")

    @property
    def geometry(self) -> tuple[Size, Size, Padding, Size]:
        """The window, its stride, the padding, the dilation."""
        raise NotImplementedError

    @property
    def strides(self) -> Size:
        """The stride, down and across."""
        return self.geometry[1]

    def sides(self, shape: Shape) -> tuple[Side, Side]:
        """Return how the window slides down and across a map of ``shape``."""
        window, stride, padding, dilation = self.geometry
        rims = padding if isinstance(padding, tuple) else (padding, padding)
        down, across = (
            Side(shape[axis], window[axis], stride[axis], rims[axis], dilation[axis]) for axis in (0, 1)
        )
        return down, across

    def cells(self, shape: Shape, index: "Index") -> "tuple[Cells, Cells]":
        """Return the rows and columns under the window for one number of the output."""
        down, across = (side.cells(place) for side, place in zip(self.sides(shape), index[:2], strict=True))
        return down, across

    def under_window(self, values: "Array", padding: float) -> "list[Array]":
        """Return what each cell of the window covers, row by row: views (n, height, width, channels).

        Args:
            values: (n, height, width, channels).
            padding: what stands in the cells around them.
        """
        import numpy as np

        down, across = self.sides(values.shape[1:3])
        rims = ((0, 0), down.rim, across.rim, (0, 0))
        padded = np.pad(values, rims, constant_values=padding) if any(map(any, rims)) else values
        return [padded[:, rows, columns] for rows in down.slices for columns in across.slices]

    def onnx_window(self, shape: Shape) -> dict[str, list[int]]:
        """Return the window as ONNX says it; its padding is told for this ``shape`` of the input."""
        down, across = (side.rim for side in self.sides(shape))
        pads = [down[0], across[0], down[1], across[1]]
        return {"kernel_shape": [*self.geometry[0]], "strides": [*self.strides], "pads": pads}

    def slide(self, shape: Shape) -> tuple[int, int]:
        """Return the height and width of the map that the window leaves of a map of ``shape``.

        Raises:
            NetworkTextError: the window is larger than its padded input, or that input is too large to hold.
        """
        channels = self.channels(shape)
        rows, columns = self.sides(shape)
        if rows.padded * columns.padded * channels > LARGEST_MAP:
            details = {"height": rows.padded, "width": columns.padded, "channels": channels}
            message = Message("its padded input of {height:,}x{width:,}x{channels:,} is too large", **details)
            raise self.mistake(message, Message("at most {most:,} values an image", most=LARGEST_MAP))
        if not rows.places or not columns.places:
            raise self._too_large(rows, columns)
        return rows.places, columns.places

    def size_formula(self, shape: Shape) -> str:
        """Return how the output's size comes about."""
        return size_formula(*self.sides(shape))

    def _too_large(self, rows: Side, columns: Side) -> NetworkTextError:
        window, span = f"{rows.kernel}x{columns.kernel}", f"{rows.span}x{columns.span}"
        size, padded = f"{rows.size}x{columns.size}", f"{rows.padded}x{columns.padded}"
        spread = Message(", dilated to {span},", span=span) if span != window else ""
        rim = Message(" (padded to {padded})", padded=padded) if padded != size else ""
        values = {"noun": self.noun, "window": window, "spread": spread, "size": size, "rim": rim}
        message = Message("{noun} {window}{spread} is larger than its {size} input{rim}", **values)
        return self.mistake(
            message,
            Message("pad it with same, or take a smaller {noun}, or pool less before it", noun=self.noun),
        )
