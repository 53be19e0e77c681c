"""Pooling: the largest number or the mean of a window, or of a whole map."""

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from imagelet.messages import Message
from imagelet.networks.layer_kind import (
    PADDING,
    SIZE,
    Layer,
    Padding,
    Shape,
    Size,
    Weights,
    register,
    written_shape,
)
from imagelet.networks.other_libraries import Call, KerasSettings, one_or_two
from imagelet.networks.window import Sliding

if TYPE_CHECKING:
    from torch import Tensor

    from imagelet.networks.layer_kind import Array
    from imagelet.networks.onnx_graph import OnnxGraph
    from imagelet.networks.trace import Trace, Unit


@register
@dataclass(frozen=True)
class Pool(Sliding):
    """The largest value under each window. Windows stand side by side unless ``stride`` says otherwise.

    Padding never wins: SAME looks at the real cells only. ``padding`` as a number is at most half the window.
    """

    word = "pool"
    other_words: ClassVar[tuple[str, ...]] = ("max_pool", "maxpool")
    keras_classes: ClassVar[tuple[str, ...]] = ("MaxPooling2D", "MaxPool2D")
    family = "pooling"
    noun = Message("window")
    channelwise = True
    largest = True
    size: Size = field(metadata=SIZE)
    padding: Padding = field(default="valid", metadata=PADDING)
    stride: Size | None = field(default=None, metadata=SIZE)

    def __post_init__(self) -> None:
        if self.stride == self.size:
            object.__setattr__(self, "stride", None)

    @property
    def geometry(self) -> tuple[Size, Size, Padding, Size]:
        """The window, its stride, which is its size where none is given, the padding, no dilation."""
        return self.size, self.stride or self.size, self.padding, (1, 1)

    @property
    def padding_value(self) -> float:
        """What padding is taken for: no number."""
        return float("nan")

    def output_shape(self, shape: Shape) -> Shape:
        """Return (height, width, channels).

        Raises:
            NetworkTextError: it does not fit its input.
        """
        height, width = self.slide(shape)
        if isinstance(self.padding, tuple) and any(
            cells > side // 2 for cells, side in zip(self.padding, self.size, strict=True)
        ):
            values = {"padding": written_shape(self.padding), "window": written_shape(self.size)}
            message = Message("padding {padding} is more than half its {window} window", **values)
            raise self.mistake(message, Message("a stride is written stride=2; the padding same always fits"))
        return height, width, shape[-1]

    def forward(self, module: Any, images: "Tensor") -> "Tensor":
        """Return (n, channels, height, width) of the same, smaller."""
        if self.padding != "same":
            return self._pooled(images, (0, 0) if self.padding == "valid" else self.padding, to_the_end=False)
        sides = self.sides(tuple(images.shape[-2:]))
        # torch pads both sides alike. An odd cell after needs no padded copy all the same: with a stride of 2
        # or more the last window may hang over; with a stride of 1 one more row is made before, and cut off.
        cut = [side.rim[1] > side.rim[0] and side.stride == 1 for side in sides]
        above, left = (side.rim[int(cutting)] for side, cutting in zip(sides, cut, strict=True))
        pooled = self._pooled(images, (above, left), to_the_end=True)
        return pooled[:, :, int(cut[0]) :, int(cut[1]) :] if any(cut) else pooled

    def _pooled(self, images: "Tensor", padding: Size, to_the_end: bool) -> "Tensor":
        """Pool with so many cells of padding on both sides; ``to_the_end``: the last window may hang over."""
        from torch.nn import functional

        size, stride = self.size, self.stride or self.size
        if self.largest:
            return functional.max_pool2d(images, size, stride, padding, ceil_mode=to_the_end)
        return functional.avg_pool2d(
            images, size, stride, padding, ceil_mode=to_the_end, count_include_pad=False
        )

    def compute(self, weights: Weights, values: "Array") -> "Array":
        """Return (n, height, width, channels) of the same, smaller."""
        import numpy as np

        if self.largest:
            return functools.reduce(np.maximum, self.under_window(values, padding=-np.inf))
        real = np.ones((1, *values.shape[1:3], 1), values.dtype)
        total, count = (np.add.reduce(self.under_window(each, padding=0.0)) for each in (values, real))
        mean: Array = total / count
        return mean

    def to_onnx(self, graph: "OnnxGraph", weights: Weights, value: str, shape: Shape) -> str:
        """Add one node."""
        return graph.add("MaxPool" if self.largest else "AveragePool", value, **self.onnx_window(shape))

    def keras_calls(self, shape: Shape) -> list[Call]:
        """Return a pooling.

        Raises:
            NetworkTextError: its padding is a number, which Keras's cannot have.
        """
        if isinstance(self.padding, tuple) and any(self.padding):
            message = Message("Keras has no pooling with so many cells of padding")
            raise self.mistake(message, Message("write same or valid"))
        named: dict[str, Any] = {} if self.stride is None else {"strides": one_or_two(self.stride)}
        if self.padding == "same":
            named["padding"] = "same"
        return [Call(f"layers.{self.keras_classes[0]}", (one_or_two(self.size),), named)]

    @classmethod
    def from_keras(cls, given: KerasSettings) -> "Pool":
        """Return it."""
        given.must_be("data_format", "channels_last", None)
        size, padding = given.size("pool_size", 2), given.text("padding", ("same", "valid"), "valid")
        return cls(size, "same" if padding == "same" else "valid", given.size("strides", size))

    def pytorch_calls(self, shape: Shape) -> list[Call]:
        """Return a pooling; where the padding is uneven, the last window hangs over, as in :meth:`forward`.

        Raises:
            NetworkTextError: the padding is uneven and the windows lie closer than two cells.
        """
        down, across = self.sides(shape)
        before, after = (tuple(side.rim[at] for side in (down, across)) for at in (0, 1))
        if before != after and 1 in self.strides:
            message = Message("PyTorch has no pooling whose padding differs on the two sides")
            raise self.mistake(message, Message("write valid, or give it a stride of 2"))
        named: dict[str, Any] = {} if self.stride is None else {"stride": one_or_two(self.stride)}
        if any(before):
            named["padding"] = one_or_two((down.rim[0], across.rim[0]))
        if self.padding == "same" and before != after:
            named["ceil_mode"] = True
        if not self.largest and any(before):
            named["count_include_pad"] = False
        return [Call("nn.MaxPool2d" if self.largest else "nn.AvgPool2d", (one_or_two(self.size),), named)]

    def trace(self, unit: "Unit") -> "Trace | None":
        """Return the window's largest number, or its mean."""
        from imagelet.networks.trace import window

        values = unit.values
        if values.ndim != 3:
            return None
        cells = self.cells(values.shape, unit.index)
        return window(values, cells, unit.index[-1], not self.largest, self.padding_value)


@register
class AveragePool(Pool):
    """The mean of the real cells under each window."""

    word = "average_pool"
    other_words = ("avg_pool", "avgpool")
    keras_classes = ("AveragePooling2D", "AvgPool2D")
    largest = False


@register
class GlobalAverage(Layer):
    """The mean of each channel's whole map."""

    word = "global_average"
    other_words: ClassVar[tuple[str, ...]] = ("global_average_pool",)
    keras_classes: ClassVar[tuple[str, ...]] = ("GlobalAveragePooling2D", "GlobalAvgPool2D")
    family = "pooling"
    numbered = False
    channelwise = True
    average: ClassVar[bool] = True

    def output_shape(self, shape: Shape) -> Shape:
        """Return (channels,).

        Raises:
            NetworkTextError: the input is flat already.
        """
        return (self.channels(shape),)

    def forward(self, module: Any, images: "Tensor") -> "Tensor":
        """Return (n, channels) of (n, channels, height, width)."""
        return images.mean(dim=(2, 3)) if self.average else images.amax(dim=(2, 3))

    def compute(self, weights: Weights, values: "Array") -> "Array":
        """Return (n, channels) of (n, height, width, channels)."""
        made: Array = values.mean(axis=(1, 2)) if self.average else values.max(axis=(1, 2))
        return made

    def to_onnx(self, graph: "OnnxGraph", weights: Weights, value: str, shape: Shape) -> str:
        """Add a pooling over the whole map, and the new shape."""
        pooled = graph.add("GlobalAveragePool" if self.average else "GlobalMaxPool", value)
        return graph.add("Flatten", pooled)

    def keras_calls(self, shape: Shape) -> list[Call]:
        """Return a global pooling."""
        return [Call(f"layers.{self.keras_classes[0]}")]

    @classmethod
    def from_keras(cls, given: KerasSettings) -> "GlobalAverage":
        """Return it."""
        given.must_be("data_format", "channels_last", None)
        given.must_be("keepdims", False)
        return cls()

    def pytorch_calls(self, shape: Shape) -> list[Call]:
        """Return a pooling to one cell, and a module that flattens."""
        return [Call(f"nn.Adaptive{'Avg' if self.average else 'Max'}Pool2d", (1,)), Call("nn.Flatten")]

    def trace(self, unit: "Unit") -> "Trace | None":
        """Return the mean or the largest number of a map, or of the part that one cell of several is for."""
        import numpy as np

        from imagelet.networks.trace import window

        if unit.values.ndim != 3:
            return None
        cells = []
        for axis in (0, 1):
            size, places, place = unit.values.shape[axis], 1, 0
            if len(unit.output_shape) == 3:
                places, place = unit.output_shape[axis], unit.index[axis]
            cells.append(np.arange(place * size // places, -(-(place + 1) * size // places)))
        return window(unit.values, (cells[0], cells[1]), unit.index[-1], self.average, float("nan"))


@register
class GlobalMax(GlobalAverage):
    """The largest value of each channel's whole map."""

    word = "global_max"
    other_words = ("global_max_pool",)
    keras_classes = ("GlobalMaxPooling2D", "GlobalMaxPool2D")
    average = False
