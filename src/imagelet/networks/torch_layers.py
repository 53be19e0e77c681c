"""Torch's own modules, which a builder may use, as kinds of layers: for summaries and explanations."""

import functools
from dataclasses import dataclass
from typing import Any

from torch import nn

from imagelet.networks.layer_kind import KINDS, Layer, Padding, Shape, Size, own_layer
from imagelet.networks.layers.activation import Activation
from imagelet.networks.layers.convolution import Conv
from imagelet.networks.layers.dense import Dense, Flatten
from imagelet.networks.layers.pooling import AveragePool, GlobalAverage, GlobalMax, Pool
from imagelet.networks.layers.regularization import Dropout
from imagelet.networks.trace import Index


@dataclass(frozen=True)
class TorchMaxPool(Pool):
    """Torch's pooling, whose windows may have holes."""

    dilation: Size = (1, 1)

    @property
    def geometry(self) -> tuple[Size, Size, Padding, Size]:
        """The window, its stride, the padding, the dilation."""
        return *super().geometry[:3], self.dilation


@dataclass(frozen=True)
class TorchAveragePool(AveragePool):
    """Torch's mean, which may take padding for zeros."""

    counts_padding: bool = True

    @property
    def padding_value(self) -> float:
        """What padding is taken for."""
        return 0.0 if self.counts_padding else super().padding_value


class TorchFlatten(Flatten):
    """Torch's order of flat values: channel by channel."""

    def origin(self, value: int, shape: Shape) -> Index:
        """Return where in an input of ``shape`` a flat value comes from."""
        if len(shape) != 3:
            return super().origin(value, shape)
        height, width, channels = shape
        channel, row, column = super().origin(value, (channels, height, width))
        return row, column, channel


@dataclass(frozen=True)
class TorchActivation(Activation):
    """An activation that network text has no word for."""

    name: str = ""

    @property
    def text(self) -> str:
        """The name of its class."""
        return self.name


class RisingActivation(TorchActivation):
    """One that is above 0 exactly where its input is."""

    rising = True


class OtherNormalization(Layer):
    """A normalisation whose arithmetic is not known here."""

    family = "normalization"


@functools.cache
def _same_in_text() -> dict[type[nn.Module], type[Layer]]:
    """Return torch's modules that network text uses as they are."""
    return {getattr(nn, name): kind for kind in map(KINDS.get, KINDS) for name in kind.torch_names}


def layer_of(module: nn.Module) -> Layer:
    """Return the kind of layer that a module is, with its arguments: what it was built from, else its like.

    A module that is unlike any kind gets a plain :class:`Layer`, of the family ``other``.
    """
    layer = own_layer(module)
    if layer.word:
        return layer
    kind = next((kind for made, kind in _same_in_text().items() if isinstance(module, made)), None)
    return _like(module) if kind is None else kind()


def kind_of(module: nn.Module) -> str:
    """Return a module's word in network text, or the name of its class where text does not make it."""
    layer = own_layer(module)
    kind = type(layer) if layer.word else _same_in_text().get(type(module))
    return kind.word if kind is not None else type(module).__name__


def _like(module: Any) -> Layer:
    match module:
        case nn.Conv2d():
            padding: Any = module.padding
            sizes = (_pair(module.kernel_size), padding, _pair(module.stride), _pair(module.dilation))
            return Conv(module.out_channels, *sizes, module.bias is not None, module.groups)
        case nn.Linear():
            return Dense(module.out_features, module.bias is not None)
        case nn.MaxPool2d():
            window = (_pair(module.kernel_size), _pair(module.padding), _pair(module.stride))
            return TorchMaxPool(*window, dilation=_pair(module.dilation))
        case nn.AvgPool2d():
            window = (_pair(module.kernel_size), _pair(module.padding), _pair(module.stride))
            return TorchAveragePool(*window, counts_padding=module.count_include_pad)
        case nn.AdaptiveAvgPool2d():
            return GlobalAverage()
        case nn.AdaptiveMaxPool2d():
            return GlobalMax()
        case nn.Flatten():
            return TorchFlatten()
        case nn.LayerNorm() | nn.GroupNorm() | nn.InstanceNorm1d() | nn.InstanceNorm2d():
            return OtherNormalization()
        case nn.Dropout() | nn.Dropout1d() | nn.Dropout2d() | nn.AlphaDropout() | nn.Identity():
            return Dropout(float(getattr(module, "p", 0)))
        case nn.ReLU6() | nn.LeakyReLU() | nn.ELU() | nn.Mish() | nn.Hardswish():
            return RisingActivation(name=type(module).__name__)
        case (
            nn.Softplus()
            | nn.Softsign()
            | nn.LogSigmoid()
            | nn.Hardtanh()
            | nn.Hardsigmoid()
            | nn.SELU()
            | nn.CELU()
        ):
            return TorchActivation(name=type(module).__name__)
    return own_layer(module)


def _pair(value: Any) -> Size:
    """Return (height, width) of what torch lets one number stand for."""
    down, across = value if isinstance(value, tuple | list) else (value, value)
    return int(down), int(across)
