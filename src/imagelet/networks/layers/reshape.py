"""Layers that only put numbers in another order."""

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from imagelet.networks.layer_kind import Layer, Shape, register

if TYPE_CHECKING:
    from torch import Tensor

    from imagelet.networks.trace import Index, Trace, Unit


@register
@dataclass(frozen=True)
class Flatten(Layer):
    """A map as one row of values: row by row, and in each cell channel by channel, as in Keras.

    Free for channels_last maps; flat values pass as they are.
    """

    word = "flatten"
    family = "reshape"
    numbered = False
    channelwise = True

    def output_shape(self, shape: Shape) -> Shape:
        """Return (values,)."""
        return (prod(shape),)

    def forward(self, module: Any, images: "Tensor") -> "Tensor":
        """Return (n, height·width·channels) of (n, channels, height, width)."""
        del module
        return images.permute(0, 2, 3, 1).flatten(1) if images.dim() == 4 else images

    def origin(self, value: int, shape: Shape) -> "Index":
        """Return where in an input of ``shape`` a flat value comes from."""
        index = []
        for side in reversed(shape):
            value, place = divmod(value, side)
            index.append(place)
        return tuple(reversed(index))

    def trace(self, unit: "Unit") -> "Trace | None":
        """Return the number as it stands in the map."""
        from imagelet.networks.trace import passed

        return (
            passed(unit.values, self.origin(unit.index[0], unit.values.shape))
            if len(unit.index) == 1
            else None
        )
