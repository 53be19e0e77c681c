"""Convolutions: ``conv``, and ``depthwise``, which takes each channel by itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

from imagelet.messages import Message
from imagelet.networks.layer_kind import (
    COUNT,
    KERNEL,
    PADDING,
    SIZE,
    SWITCH,
    WHOLE,
    Count,
    Padding,
    Shape,
    Size,
    Weights,
    register,
)
from imagelet.networks.other_libraries import Call, KerasSettings, one_or_two
from imagelet.networks.window import Sliding

if TYPE_CHECKING:
    from torch import Tensor, nn

    from imagelet.networks.layer_kind import Array
    from imagelet.networks.onnx_graph import OnnxGraph
    from imagelet.networks.trace import Trace, Unit


class Convolving(Sliding):
    """What both convolutions have in common: a kernel, and filters in groups of channels. Abstract."""

    family = "convolution"
    kernel: Size
    padding: Padding
    stride: Size
    dilation: Size
    bias: bool

    @property
    def geometry(self) -> tuple[Size, Size, Padding, Size]:
        """The kernel, its stride, the padding, the dilation."""
        return self.kernel, self.stride, self.padding, self.dilation

    def filters_and_groups(self, channels: int) -> tuple[int, int]:
        """Return the filters for an input of so many channels, and the groups of both."""
        raise NotImplementedError

    def output_shape(self, shape: Shape) -> Shape:
        """Return (height, width, filters)."""
        return *self.slide(shape), self.filters_and_groups(shape[-1])[0]

    def tensors(self, shape: Shape) -> dict[str, Shape]:
        """Return weights (filters, channels of a group, height, width) and biases (filters,)."""
        filters, groups = self.filters_and_groups(shape[-1])
        weights = {"weight": (filters, shape[-1] // groups, *self.kernel)}
        return weights | ({"bias": (filters,)} if self.bias else {})

    def multiply_adds(self, shape: Shape, output_shape: Shape) -> int:
        """Return a kernel's weights for each number of the output."""
        _, groups = self.filters_and_groups(shape[-1])
        return prod(output_shape) * prod(self.kernel) * (shape[-1] // groups)

    def fans(self, weights: Shape) -> tuple[int, int]:
        """Return kernel cells × channels, kernel cells × filters."""
        filters, channels, *kernel = weights
        return prod(kernel) * channels, prod(kernel) * filters

    def module(self, shape: Shape) -> "nn.Module":
        """Return torch's convolution with this padding."""
        from imagelet.networks.modules import Convolution

        return Convolution(self, shape[-1])

    def forward(self, module: Any, images: "Tensor") -> "Tensor":
        """Return (n, filters, height, width) of (n, channels, height, width)."""
        from torch.nn import functional

        images, padding = self.padded(images)
        if padding == (0, 0) and module.groups == 1 and self.kernel == tuple(images.shape[-2:]):
            return self._under_one_window(module, images)
        return functional.conv2d(
            images, module.weight, module.bias, self.stride, padding, self.dilation, module.groups
        )

    def _under_one_window(self, module: Any, images: "Tensor") -> "Tensor":
        """Return (n, filters, 1, 1) of images as large as the kernel: one product of matrices.

        Convolution kernels are made for many places; for this one they take three times as long.
        """
        from torch.nn import functional

        values, weights = (
            part.permute(0, 2, 3, 1).flatten(1) for part in (images, module.weight)
        )  # (n, height · width · channels) and (filters, the same)
        return functional.linear(values, weights, module.bias)[:, :, None, None]

    def padded(self, images: "Tensor") -> "tuple[Tensor, Size]":
        """Return what torch's convolution takes: the images, and the padding that both sides have alike.

        SAME is worked out from each input's size, which costs a few integers; where it is symmetric no padded
        copy is made.
        """
        if self.padding != "same":
            return images, self.padding if isinstance(self.padding, tuple) else (0, 0)
        from torch.nn import functional

        (above, below), (left, right) = (side.rim for side in self.sides(tuple(images.shape[-2:])))
        if below > above or right > left:  # the odd row below, the odd column right
            images = functional.pad(images, (0, right - left, 0, below - above))
        return images, (above, left)

    def compute(self, weights: Weights, values: "Array") -> "Array":
        """Return (n, height, width, filters) of (n, height, width, channels)."""
        import numpy as np

        filters = weights["weight"]  # (filters, channels of a group, rows, columns)
        cells = self.under_window(values, padding=0.0)
        groups = values.shape[-1] // filters.shape[1]
        parts = []
        for group, part in enumerate(np.split(filters, groups)):
            channels = slice(group * part.shape[1], (group + 1) * part.shape[1])
            columns = np.stack([cell[..., channels] for cell in cells], axis=-2)  # (n, h, w, cells, channels)
            kernel = part.reshape(*part.shape[:2], -1).T  # (cells, channels, filters of the group)
            parts.append(np.tensordot(columns, kernel, axes=2))
        made: Array = np.concatenate(parts, axis=-1) if groups > 1 else parts[0]
        return made + weights["bias"] if self.bias else made

    def to_onnx(self, graph: "OnnxGraph", weights: Weights, value: str, shape: Shape) -> str:
        """Add one node."""
        tensors = [graph.constant(weights[name], name) for name in self.tensors(shape)]
        _, groups = self.filters_and_groups(shape[-1])
        return graph.add(
            "Conv", value, *tensors, **self.onnx_window(shape), dilations=[*self.dilation], group=groups
        )

    def keras_calls(self, shape: Shape) -> list[Call]:
        """Return a convolution; where its padding is a number, behind the layer that pads.

        Raises:
            NetworkTextError: stride and dilation are both above 1, which Keras does not allow.
        """
        if self.stride != (1, 1) and self.dilation != (1, 1):
            message = Message("Keras has no convolution with both a stride and a dilation")
            raise self.mistake(message, Message("take one of them out"))
        named: dict[str, Any] = {}
        if self.stride != (1, 1):
            named["strides"] = one_or_two(self.stride)
        if self.padding == "same":
            named["padding"] = "same"
        if self.dilation != (1, 1):
            named["dilation_rate"] = one_or_two(self.dilation)
        named |= self.keras_named() | ({} if self.bias else {"use_bias": False})
        name, first = self.keras_start()
        call = Call(name, (*first, one_or_two(self.kernel)), named, takes_activation=True)
        rims = self.padding if isinstance(self.padding, tuple) else (0, 0)
        return [*([Call("layers.ZeroPadding2D", (one_or_two(rims),))] if any(rims) else []), call]

    def keras_start(self) -> tuple[str, tuple[int, ...]]:
        """Return the name of Keras's layer, and its arguments before the kernel."""
        raise NotImplementedError

    def keras_named(self) -> dict[str, Any]:
        """Return what only one of the convolutions has."""
        return {}

    @staticmethod
    def settings_from_keras(given: KerasSettings) -> dict[str, Any]:
        """Return the arguments that both convolutions have."""
        given.must_be("data_format", "channels_last", None)
        return {
            "kernel": given.size("kernel_size"),
            "padding": given.text("padding", ("same", "valid"), "valid"),
            "stride": given.size("strides", 1),
            "dilation": given.size("dilation_rate", 1),
            "bias": given.flag("use_bias", True),
        }

    def pytorch_calls(self, shape: Shape) -> list[Call]:
        """Return a convolution; where SAME is not the same on both sides, behind the module that pads."""
        filters, groups = self.filters_and_groups(shape[-1])
        named: dict[str, Any] = {}
        if self.stride != (1, 1):
            named["stride"] = one_or_two(self.stride)
        (above, below), (left, right) = (side.rim for side in self.sides(shape))
        uneven = (above, left) != (below, right)
        if self.padding == "same" and self.stride == (1, 1):
            named["padding"], uneven = "same", False
        elif not uneven and (above or left):
            named["padding"] = one_or_two((above, left))
        if self.dilation != (1, 1):
            named["dilation"] = one_or_two(self.dilation)
        if groups > 1:
            named["groups"] = groups
        if not self.bias:
            named["bias"] = False
        call = Call("nn.Conv2d", (shape[-1], filters, one_or_two(self.kernel)), named)
        return [*([Call("nn.ZeroPad2d", ((left, right, above, below),))] if uneven else []), call]

    def trace(self, unit: "Unit") -> "Trace | None":
        """Return the kernel's sum over the numbers under it."""
        from imagelet.networks.trace import patch, weighted_sum

        values, module, filter_ = unit.values, unit.module, unit.index[-1]
        if values.ndim != 3 or module.padding_mode != "zeros":
            return None
        cells = self.cells(values.shape, unit.index)
        filters, channels = module.weight.shape[:2]  # channels that each filter sees
        first = filter_ // (filters // (values.shape[2] // channels)) * channels
        under = patch(values[:, :, first : first + channels], cells, padding=0.0)
        weights = module.weight[filter_].detach().double().cpu().numpy().transpose(1, 2, 0)
        bias = 0.0 if module.bias is None else float(module.bias[filter_])
        return weighted_sum(under, weights, bias, (int(cells[0][0]), int(cells[1][0]), first), self.dilation)


@register
@dataclass(frozen=True)
class Conv(Convolving):
    """Convolution. Parameters: filters × (kernel height × kernel width × input channels + 1).

    With ``groups`` channels and filters come in so many separate parts, and each filter sees its part alone.
    """

    word = "conv"
    other_words = ("conv2d",)
    keras_classes = ("Conv2D", "Convolution2D")
    filters: Count = field(metadata=COUNT)
    kernel: Size = field(metadata=KERNEL)
    padding: Padding = field(default="valid", metadata=PADDING)
    stride: Size = field(default=(1, 1), metadata=SIZE)
    dilation: Size = field(default=(1, 1), metadata=SIZE)
    bias: bool = field(default=True, metadata=SWITCH)
    groups: int = field(default=1, metadata=WHOLE)

    def filters_and_groups(self, channels: int) -> tuple[int, int]:
        """Return both as they are written."""
        return int(self.filters), self.groups

    def keras_start(self) -> tuple[str, tuple[int, ...]]:
        """Return the layer's name and the filters."""
        return "layers.Conv2D", (int(self.filters),)

    def keras_named(self) -> dict[str, Any]:
        """Return the groups."""
        return {"groups": self.groups} if self.groups > 1 else {}

    @classmethod
    def from_keras(cls, given: KerasSettings) -> "Conv":
        """Return it, with its groups."""
        filters, groups = given.count("filters"), given.count("groups", 1)
        return cls(filters, **cls.settings_from_keras(given), groups=groups)

    def keras_weights(self, weights: Weights) -> "list[Array]":
        """Return the kernel (height, width, channels of a group, filters) and the biases."""
        kernel = weights["weight"].transpose(2, 3, 1, 0)
        return [kernel, weights["bias"]] if self.bias else [kernel]

    def weights_from_keras(self, arrays: "Sequence[Array]", given: KerasSettings) -> "dict[str, Array]":
        """Return the weights (filters, channels of a group, height, width) and the biases."""
        kernel = arrays[0].transpose(3, 2, 0, 1)
        return {"weight": kernel} | ({"bias": arrays[1]} if self.bias else {})

    def output_shape(self, shape: Shape) -> Shape:
        """Return (height, width, filters).

        Raises:
            NetworkTextError: it does not fit its input.
        """
        output = super().output_shape(shape)
        for count, what in ((shape[-1], Message("channels")), (output[-1], Message("filters"))):
            if count % self.groups:
                values = {"count": count, "what": what, "groups": self.groups}
                message = Message("{count} {what} cannot be parted into {groups} groups", **values)
                raise self.mistake(message, Message("channels and filters are multiples of the groups"))
        return output


@register
@dataclass(frozen=True)
class Depthwise(Convolving):
    """Convolution of each channel by itself: output ``c·multiplier + m`` is filter m of channel c."""

    word = "depthwise"
    other_words = ("depthwise_conv",)
    keras_classes = ("DepthwiseConv2D",)
    channelwise = True
    kernel: Size = field(metadata=KERNEL)
    padding: Padding = field(default="valid", metadata=PADDING)
    stride: Size = field(default=(1, 1), metadata=SIZE)
    dilation: Size = field(default=(1, 1), metadata=SIZE)
    multiplier: int = field(default=1, metadata=WHOLE)
    bias: bool = field(default=True, metadata=SWITCH)

    def filters_and_groups(self, channels: int) -> tuple[int, int]:
        """Return ``multiplier`` filters for each channel, each channel a group."""
        return channels * self.multiplier, channels

    def keras_start(self) -> tuple[str, tuple[int, ...]]:
        """Return the layer's name."""
        return "layers.DepthwiseConv2D", ()

    def keras_named(self) -> dict[str, Any]:
        """Return the multiplier."""
        return {"depth_multiplier": self.multiplier} if self.multiplier > 1 else {}

    @classmethod
    def from_keras(cls, given: KerasSettings) -> "Depthwise":
        """Return it, with its multiplier."""
        return cls(**cls.settings_from_keras(given), multiplier=given.count("depth_multiplier", 1))

    def keras_weights(self, weights: Weights) -> "list[Array]":
        """Return the kernel (height, width, channels, multiplier) and the biases."""
        filters, _, *kernel = weights["weight"].shape
        apart = weights["weight"].reshape(filters // self.multiplier, self.multiplier, *kernel)
        return [apart.transpose(2, 3, 0, 1), *([weights["bias"]] if self.bias else [])]

    def weights_from_keras(self, arrays: "Sequence[Array]", given: KerasSettings) -> "dict[str, Array]":
        """Return the weights (channels · multiplier, 1, height, width) and the biases."""
        apart = arrays[0].transpose(2, 3, 0, 1)  # (channels, multiplier, height, width)
        weight = apart.reshape(-1, 1, *apart.shape[2:])
        return {"weight": weight} | ({"bias": arrays[1]} if self.bias else {})

    def fans(self, weights: Shape) -> tuple[int, int]:
        """Return kernel cells × all channels, kernel cells × multiplier, as Keras counts them."""
        filters, _, *kernel = weights
        return prod(kernel) * (filters // self.multiplier), prod(kernel) * self.multiplier
