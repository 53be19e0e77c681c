"""The modules that network text is made of, with TensorFlow's SAME and VALID.

Activations and batch normalisation are torch's own. Maps are (n, channels, height, width) tensors of
any memory format; nothing here makes a channels_last map contiguous.

SAME is worked out from each input's size, which costs a few integers; where it is symmetric the padding is
torch's own, so no padded copy is made. Layers with weights start at zero: `initial_weights.py` draws them.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from imagelet.networks import kinds
from imagelet.networks.dropout import Dropout
from imagelet.networks.padding import same_padding
from imagelet.networks.specification import Layer, Shape
from imagelet.networks.values import Padding, Size

Sides = tuple[int, ...]  # (height, width), as torch types them


class Conv(nn.Conv2d):
    """Convolution.

    Args:
        channels: of the input.
        filters: channels of the output.
        kernel, stride, dilation: (height, width) in cells.
        padding: ``"same"``, ``"valid"``, or the cells (above and below, left and right).
        bias: add one learnt number a filter.
        groups: channels and filters in so many separate parts.
    """

    def __init__(
        self,
        channels: int,
        filters: int,
        kernel: Size,
        *,
        stride: Size = (1, 1),
        padding: Padding = "valid",
        dilation: Size = (1, 1),
        bias: bool = True,
        groups: int = 1,
    ) -> None:
        rim = padding if isinstance(padding, tuple) else (0, 0)
        super().__init__(channels, filters, kernel, stride, rim, dilation, groups, bias)
        self.same = padding == "same"

    def reset_parameters(self) -> None:
        """Set weights and biases to zero, without touching torch's random state."""
        _zero(self)

    def forward(self, images: Tensor) -> Tensor:
        """Return (n, filters, height, width) of (n, channels, height, width)."""
        images, padding = self.padded(images)
        return functional.conv2d(
            images, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )

    def padded(self, images: Tensor) -> tuple[Tensor, Size]:
        """Return what torch's convolution takes: the images, and the padding that both sides have alike."""
        if not self.same:
            return images, self.padding  # type: ignore[return-value]
        rows, columns = same_rims(images, self.kernel_size, self.stride, self.dilation)
        before, odd = (rows[0], columns[0]), (rows[1] - rows[0], columns[1] - columns[0])
        if any(odd):
            images = functional.pad(images, (0, odd[1], 0, odd[0]))  # the odd row below, the odd column right
        return images, before

    def extra_repr(self) -> str:
        """Return torch's own description, and SAME where it is."""
        written = str(super().extra_repr())  # type: ignore[no-untyped-call]
        return f"{written}, padding=same" if self.same else written


class Depthwise(Conv):
    """Convolution of each channel by itself: output ``c·multiplier + m`` is filter m of channel c."""

    def __init__(
        self,
        channels: int,
        multiplier: int,
        kernel: Size,
        *,
        stride: Size = (1, 1),
        padding: Padding = "valid",
        dilation: Size = (1, 1),
        bias: bool = True,
    ) -> None:
        super().__init__(
            channels,
            channels * multiplier,
            kernel,
            stride=stride,
            padding=padding,
            dilation=dilation,
            bias=bias,
            groups=channels,
        )


class Dense(nn.Linear):
    """Every output from every input: (n, inputs) → (n, units)."""

    def reset_parameters(self) -> None:
        """Set weights and biases to zero, without touching torch's random state."""
        _zero(self)


class Pool(nn.Module):
    """The largest value under each window. Padding never wins.

    Args:
        size, stride: (height, width) in cells.
        padding: ``"same"``, ``"valid"``, or the cells (above and below, left and right), at most half
            the window.
    """

    def __init__(self, size: Size, *, stride: Size | None = None, padding: Padding = "valid") -> None:
        super().__init__()
        self.size = size
        self.stride = stride or size
        self.padding = padding

    def forward(self, images: Tensor) -> Tensor:
        """Return (n, channels, height, width) of the same, smaller."""
        if self.padding != "same":
            return self.pooled(images, (0, 0) if self.padding == "valid" else self.padding, to_the_end=False)
        rims = same_rims(images, self.size, self.stride, (1, 1))
        # torch pads both sides alike. An odd cell after needs no padded copy all the same: with a stride of 2
        # or more the last window may hang over; with a stride of 1 one more row is made before, and cut off.
        cut = [
            after > before and stride == 1 for (before, after), stride in zip(rims, self.stride, strict=True)
        ]
        above, left = (rim[1] if cutting else rim[0] for rim, cutting in zip(rims, cut, strict=True))
        pooled = self.pooled(images, (above, left), to_the_end=True)
        return pooled[:, :, int(cut[0]) :, int(cut[1]) :] if any(cut) else pooled

    def pooled(self, images: Tensor, padding: Size, to_the_end: bool) -> Tensor:
        """Pool with so many cells of padding on both sides; ``to_the_end``: the last window may hang over."""
        return functional.max_pool2d(images, self.size, self.stride, padding, ceil_mode=to_the_end)

    def extra_repr(self) -> str:
        """Return size, stride and padding."""
        return f"{self.size}, stride={self.stride}, padding={self.padding}"


class AveragePool(Pool):
    """The mean of the real cells under each window."""

    def pooled(self, images: Tensor, padding: Size, to_the_end: bool) -> Tensor:
        """Pool with so many cells of padding on both sides; ``to_the_end``: the last window may hang over."""
        return functional.avg_pool2d(
            images, self.size, self.stride, padding, ceil_mode=to_the_end, count_include_pad=False
        )


class GlobalAverage(nn.Module):
    """The mean of each channel's whole map: (n, channels, height, width) → (n, channels)."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the means."""
        return images.mean(dim=(2, 3))


class GlobalMax(nn.Module):
    """The largest value of each channel's whole map: (n, channels, height, width) → (n, channels)."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the largest values."""
        return images.amax(dim=(2, 3))


class Flatten(nn.Module):
    """Maps as rows of values in Keras's order: by row, column, channel. Free for channels_last maps.

    Flat values pass as they are.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Return (n, height·width·channels) of (n, channels, height, width)."""
        return images.permute(0, 2, 3, 1).flatten(1) if images.dim() == 4 else images


def same_rims(images: Tensor, window: Sides, stride: Sides, dilation: Sides) -> tuple[Size, Size]:
    """Return SAME's padding of (n, channels, height, width): (above, below), (left, right), in cells."""
    height, width = images.shape[-2:]
    return (
        same_padding(height, window[0], stride[0], dilation[0]),
        same_padding(width, window[1], stride[1], dilation[1]),
    )


def make_module(layer: Layer, input_shape: Shape) -> nn.Module:
    """Return the module of one layer of network text, its weights zero.

    Args:
        layer: what it is, with a number in place of the word ``classes``.
        input_shape: what it gets: (height, width, channels) or (values,); the layer must fit it.

    Raises:
        TypeError: a kind of layer that has no module.
    """
    channels = input_shape[-1]
    match layer:
        case kinds.Conv() | kinds.Depthwise():
            return _convolution(layer, channels)
        case kinds.AveragePool():
            return AveragePool(layer.size, stride=layer.step, padding=layer.padding)
        case kinds.Pool():
            return Pool(layer.size, stride=layer.step, padding=layer.padding)
        case kinds.GlobalMax():
            return GlobalMax()
        case kinds.GlobalAverage():
            return GlobalAverage()
        case kinds.Dense():
            return Dense(channels, int(layer.units), bias=layer.bias)
        case kinds.Flatten():
            return Flatten()
        case kinds.Dropout():
            return Dropout(layer.rate)
        case kinds.BatchNorm():
            normalisation = nn.BatchNorm2d if len(input_shape) == 3 else nn.BatchNorm1d
            return normalisation(channels, eps=layer.epsilon, momentum=round(1 - layer.momentum, 12))
        case kinds.Softmax():
            return nn.Softmax(dim=1)
        case _:
            return _ACTIVATIONS[type(layer)]()


_ACTIVATIONS: dict[type[Layer], type[nn.Module]] = {
    kinds.Relu: nn.ReLU,
    kinds.Gelu: nn.GELU,
    kinds.Silu: nn.SiLU,
    kinds.Tanh: nn.Tanh,
    kinds.Sigmoid: nn.Sigmoid,
}

_WORDS: dict[type[nn.Module], str] = {
    Conv: "conv",
    Depthwise: "depthwise",
    Pool: "pool",
    AveragePool: "average_pool",
    GlobalAverage: "global_average",
    GlobalMax: "global_max",
    Dense: "dense",
    Flatten: "flatten",
    Dropout: "dropout",
    nn.BatchNorm1d: "batchnorm",
    nn.BatchNorm2d: "batchnorm",
    nn.Softmax: "softmax",
    **{module: layer.word for layer, module in _ACTIVATIONS.items()},
}


def kind_of(module: nn.Module) -> str:
    """Return a module's word in network text, or the name of its class where text cannot say it."""
    return _WORDS.get(type(module), type(module).__name__)


def _convolution(layer: kinds.Conv | kinds.Depthwise, channels: int) -> Conv:
    if isinstance(layer, kinds.Depthwise):
        return Depthwise(
            channels,
            layer.multiplier,
            layer.kernel,
            stride=layer.stride,
            padding=layer.padding,
            dilation=layer.dilation,
            bias=layer.bias,
        )
    return Conv(
        channels,
        int(layer.filters),
        layer.kernel,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        bias=layer.bias,
        groups=layer.groups,
    )


def _zero(module: nn.Conv2d | nn.Linear) -> None:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
