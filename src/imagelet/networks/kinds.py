"""Every layer that network text knows: plain frozen dataclasses, without torch.

`layers.py` makes modules of them. Adding a layer is one class and one line in KINDS here, and one case in
`layers.make_module`.
"""

from dataclasses import dataclass, field
from math import prod

from imagelet.messages import Message
from imagelet.networks.specification import Layer, Shape, Sliding, written_shape
from imagelet.networks.values import (
    COUNT,
    KERNEL,
    PADDING,
    POSITIVE,
    SHARE,
    SIZE,
    SWITCH,
    WHOLE,
    Count,
    Padding,
    Size,
)


@dataclass(frozen=True)
class Conv(Sliding):
    """Convolution. Parameters: filters × (kernel height × kernel width × input channels + 1).

    With ``groups`` channels and filters come in so many separate parts, and each filter sees its part alone.
    """

    word = "conv"
    filters: Count = field(metadata=COUNT)
    kernel: Size = field(metadata=KERNEL)
    padding: Padding = field(default="valid", metadata=PADDING)
    stride: Size = field(default=(1, 1), metadata=SIZE)
    dilation: Size = field(default=(1, 1), metadata=SIZE)
    bias: bool = field(default=True, metadata=SWITCH)
    groups: int = field(default=1, metadata=WHOLE)

    def output_shape(self, shape: Shape) -> Shape:
        """Return (height, width, filters)."""
        size = self.slide(shape, self.kernel, self.stride, self.padding, self.dilation)
        for number, what in ((shape[-1], "channels"), (int(self.filters), "filters")):
            if number % self.groups:
                message = Message(
                    "{count} {what} cannot be parted into {groups} groups",
                    count=number,
                    what=what,
                    groups=self.groups,
                )
                raise self.mistake(message, Message("channels and filters are multiples of the groups"))
        return *size, int(self.filters)

    def parameters(self, shape: Shape) -> int:
        """Return the filters' weights and biases."""
        return int(self.filters) * (prod(self.kernel) * (shape[-1] // self.groups) + self.bias)


@dataclass(frozen=True)
class Depthwise(Sliding):
    """Convolution of each channel by itself, with ``multiplier`` filters a channel."""

    word = "depthwise"
    kernel: Size = field(metadata=KERNEL)
    padding: Padding = field(default="valid", metadata=PADDING)
    stride: Size = field(default=(1, 1), metadata=SIZE)
    dilation: Size = field(default=(1, 1), metadata=SIZE)
    multiplier: int = field(default=1, metadata=WHOLE)
    bias: bool = field(default=True, metadata=SWITCH)

    def output_shape(self, shape: Shape) -> Shape:
        """Return (height, width, channels × multiplier)."""
        size = self.slide(shape, self.kernel, self.stride, self.padding, self.dilation)
        return *size, shape[-1] * self.multiplier

    def parameters(self, shape: Shape) -> int:
        """Return the filters' weights and biases."""
        return shape[-1] * self.multiplier * (prod(self.kernel) + self.bias)


@dataclass(frozen=True)
class Pool(Sliding):
    """The largest value under each window. Windows stand side by side unless ``stride`` says otherwise.

    Padding never wins: SAME looks at the real cells only. ``padding`` as a number is at most half the window.
    """

    word = "pool"
    noun = "window"
    size: Size = field(metadata=SIZE)
    padding: Padding = field(default="valid", metadata=PADDING)
    stride: Size | None = field(default=None, metadata=SIZE)

    def __post_init__(self) -> None:
        if self.stride == self.size:
            object.__setattr__(self, "stride", None)

    @property
    def step(self) -> Size:
        """The stride: as given, else the window's size."""
        return self.stride or self.size

    def output_shape(self, shape: Shape) -> Shape:
        """Return (height, width, channels)."""
        size = self.slide(shape, self.size, self.step, self.padding)
        if isinstance(self.padding, tuple) and any(
            cells > side // 2 for cells, side in zip(self.padding, self.size, strict=True)
        ):
            rim, window = written_shape(self.padding), written_shape(self.size)
            message = Message(
                "padding {padding} is more than half its {window} window", padding=rim, window=window
            )
            raise self.mistake(message, Message("a stride is written stride=2; the padding same always fits"))
        return *size, shape[-1]


@dataclass(frozen=True)
class AveragePool(Pool):
    """The mean of the real cells under each window."""

    word = "average_pool"


@dataclass(frozen=True)
class GlobalAverage(Layer):
    """The mean of each channel's whole map."""

    word = "global_average"
    numbered = False

    def output_shape(self, shape: Shape) -> Shape:
        """Return (channels,)."""
        return (self.channels(shape),)


@dataclass(frozen=True)
class GlobalMax(GlobalAverage):
    """The largest value of each channel's whole map."""

    word = "global_max"


@dataclass(frozen=True)
class Dense(Layer):
    """Every output from every input. Parameters: units × (inputs + 1)."""

    word = "dense"
    units: Count = field(metadata=COUNT)
    bias: bool = field(default=True, metadata=SWITCH)

    def output_shape(self, shape: Shape) -> Shape:
        """Return (units,)."""
        if len(shape) != 1:
            message = Message(
                "it needs flat values, but its input is a {shape} map", shape=written_shape(shape)
            )
            raise self.mistake(message, Message("put flatten or global_average before it"))
        return (int(self.units),)

    def parameters(self, shape: Shape) -> int:
        """Return the weights and biases."""
        return int(self.units) * (shape[-1] + self.bias)


@dataclass(frozen=True)
class Flatten(Layer):
    """A map as one row of values: row by row, and in each cell channel by channel, as in Keras."""

    word = "flatten"
    numbered = False

    def output_shape(self, shape: Shape) -> Shape:
        """Return (values,)."""
        return (prod(shape),)


@dataclass(frozen=True)
class Dropout(Layer):
    """In training, sets values to zero with probability ``rate`` and scales the others by 1 / (1 − rate)."""

    word = "dropout"
    rate: float = field(metadata=SHARE)


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Each channel brought to mean 0 and variance 1, then scaled and shifted by learnt numbers.

    ``momentum`` is Keras's: the share of the old running average that each step keeps. (torch's momentum is
    1 − ours.) The defaults, 0.9 and 1e-5, are torch's; Keras's own are 0.99 and 1e-3.
    """

    word = "batchnorm"
    momentum: float = field(default=0.9, metadata=SHARE)
    epsilon: float = field(default=1e-5, metadata=POSITIVE)

    def parameters(self, shape: Shape) -> int:
        """Return scale, shift, and the running mean and variance."""
        return 4 * shape[-1]


@dataclass(frozen=True)
class Relu(Layer):
    """max(x, 0)."""

    word = "relu"


@dataclass(frozen=True)
class Gelu(Layer):
    """x · Φ(x), exact."""

    word = "gelu"


@dataclass(frozen=True)
class Silu(Layer):
    """x · sigmoid(x), also called swish."""

    word = "silu"


@dataclass(frozen=True)
class Tanh(Layer):
    """Hyperbolic tangent."""

    word = "tanh"


@dataclass(frozen=True)
class Sigmoid(Layer):
    """1 / (1 + exp(−x))."""

    word = "sigmoid"


@dataclass(frozen=True)
class Softmax(Layer):
    """The closing layer: probabilities that sum to 1."""

    word = "softmax"
    numbered = False


KINDS: dict[str, type[Layer]] = {
    kind.word: kind
    for kind in (
        *(Conv, Depthwise, Pool, AveragePool, GlobalAverage, GlobalMax, Dense, Flatten, Dropout, BatchNorm),
        *(Relu, Gelu, Silu, Tanh, Sigmoid, Softmax),
    )
}
