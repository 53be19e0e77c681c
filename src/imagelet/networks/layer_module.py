"""Torch modules that leave the computing to their kind of layer."""

from typing import Protocol

import torch
from torch import Tensor, nn


class Computing(Protocol):
    """A kind of layer, as its module sees it."""

    @property
    def text(self) -> str:
        """Its network text."""

    def forward(self, module: nn.Module, values: Tensor) -> Tensor:
        """Return what it makes of ``values``."""


class Convolving(Computing, Protocol):
    """A kind of convolution, as its module sees it."""

    def padded(self, images: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Return what torch's convolution takes: the images, and the padding that both sides have alike."""


class LayerModule(nn.Module):
    """A layer that torch has no module for: its kind computes, it holds parameters and layers, if any.

    Args:
        layer: the kind.
        children: the layers inside it, by name.
    """

    def __init__(self, layer: Computing, children: dict[str, nn.Module] | None = None) -> None:
        super().__init__()
        self.layer = layer
        for name, child in (children or {}).items():
            self.add_module(name, child)

    def forward(self, values: Tensor) -> Tensor:
        """Return what the kind makes of ``values``."""
        return self.layer.forward(self, values)

    def extra_repr(self) -> str:
        """Return the layer's text; of a block its layers say it."""
        return "" if len(self._modules) else self.layer.text

    def _get_name(self) -> str:
        return type(self.layer).__name__


class Convolution(nn.Conv2d):
    """Torch's convolution, padded as its kind says: TensorFlow's SAME depends on each input's size.

    Args:
        layer: the kind.
        channels, filters: of the input and of the output.
        kernel, stride, rim, dilation: (height, width) in cells; ``rim`` is padding on both sides alike.
    """

    def __init__(
        self,
        layer: Convolving,
        channels: int,
        filters: int,
        kernel: tuple[int, int],
        stride: tuple[int, int],
        rim: tuple[int, int],
        dilation: tuple[int, int],
        groups: int,
        bias: bool,
    ) -> None:
        super().__init__(channels, filters, kernel, stride, rim, dilation, groups, bias)
        self.layer: Convolving = layer

    def reset_parameters(self) -> None:
        """Set weights and biases to zero, without touching torch's random state."""
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.zero_()

    def forward(self, images: Tensor) -> Tensor:
        """Return (n, filters, height, width) of (n, channels, height, width)."""
        return self.layer.forward(self, images)

    def extra_repr(self) -> str:
        """Return the layer's text."""
        return self.layer.text
