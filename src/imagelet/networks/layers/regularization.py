"""Batch normalisation and dropout: layers that do something else in training than afterwards."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagelet.messages import Message
from imagelet.networks.layer_kind import FRACTION, POSITIVE, Layer, Shape, Weights, register
from imagelet.networks.other_libraries import Call, KerasSettings

if TYPE_CHECKING:
    from torch import Tensor, nn

    from imagelet.networks.layer_kind import Array
    from imagelet.networks.onnx_graph import OnnxGraph
    from imagelet.networks.trace import Trace, Unit


@register
@dataclass(frozen=True)
class BatchNorm(Layer):
    """Each channel brought to mean 0 and variance 1, then scaled and shifted by learnt numbers.

    ``momentum`` is Keras's: what each step keeps of the old running average. (torch's momentum is 1 − ours.)
    The defaults, 0.9 and 1e-5, are torch's; Keras's own are 0.99 and 1e-3.
    """

    word = "batchnorm"
    other_words = ("batch_norm",)
    keras_classes = ("BatchNormalization",)
    family = "normalization"
    torch_names = ("BatchNorm1d", "BatchNorm2d")
    elementwise = True
    channelwise = True
    momentum: float = field(default=0.9, metadata=FRACTION)
    epsilon: float = field(default=1e-5, metadata=POSITIVE)

    def tensors(self, shape: Shape) -> dict[str, Shape]:
        """Return scale, shift, running mean and variance, each (channels,), and torch's counter of steps."""
        channels = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), shape[-1:])
        return {**channels, "num_batches_tracked": ()}

    def non_trainable(self, shape: Shape) -> int:
        """Return the running mean and variance."""
        return 2 * shape[-1]

    def module(self, shape: Shape) -> "nn.Module":
        """Return torch's own, for maps or for flat values."""
        from torch import nn

        normalization = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
        return normalization(shape[-1], eps=self.epsilon, momentum=round(1 - self.momentum, 12))

    def compute(self, weights: Weights, values: "Array") -> "Array":
        """Return the same shape."""
        import numpy as np

        scale = weights["weight"] / np.sqrt(weights["running_var"] + np.float32(self.epsilon))
        made: Array = values * scale + (weights["bias"] - weights["running_mean"] * scale)
        return made

    def to_onnx(self, graph: "OnnxGraph", weights: Weights, value: str, shape: Shape) -> str:
        """Add one node."""
        names = ("weight", "bias", "running_mean", "running_var")
        tensors = [graph.constant(weights[name], name) for name in names]
        return graph.add("BatchNormalization", value, *tensors, epsilon=self.epsilon)

    def keras_calls(self, shape: Shape) -> list[Call]:
        """Return a batch normalisation; Keras's own defaults are left out."""
        named = {"momentum": self.momentum, "epsilon": self.epsilon}
        defaults = {"momentum": 0.99, "epsilon": 1e-3}
        told = {name: value for name, value in named.items() if value != defaults[name]}
        return [Call("layers.BatchNormalization", (), told)]

    def keras_weights(self, weights: Weights) -> "list[Array]":
        """Return scale, shift, moving mean and moving variance."""
        return [weights[name] for name in ("weight", "bias", "running_mean", "running_var")]

    @classmethod
    def from_keras(cls, given: KerasSettings) -> "BatchNorm":
        """Return it, over the last axis."""
        given.must_be("axis", -1, 3, [-1], [3])
        momentum, epsilon = given.number("momentum", 0.99), given.number("epsilon", 1e-3)
        if not (0 <= momentum < 1 and 0 < epsilon <= 1):
            raise given.refusal(Message("its momentum or epsilon is out of range"))
        return cls(momentum, epsilon)

    def weights_from_keras(self, arrays: "Sequence[Array]", given: KerasSettings) -> "dict[str, Array]":
        """Return scale, shift, running mean and variance, and a counter of steps at 0.

        Keras may leave scale or shift out; they are 1 and 0 then.
        """
        import numpy as np

        remaining = list(arrays)
        *_, mean, variance = remaining
        scale = remaining.pop(0) if given.flag("scale", True) else np.ones_like(mean)
        shift = remaining.pop(0) if given.flag("center", True) else np.zeros_like(mean)
        made = {"weight": scale, "bias": shift, "running_mean": mean, "running_var": variance}
        return made | {"num_batches_tracked": np.array(0, np.int64)}

    def pytorch_calls(self, shape: Shape) -> list[Call]:
        """Return a batch normalisation, of maps or of flat values; torch's own defaults are left out."""
        named = {"eps": self.epsilon, "momentum": round(1 - self.momentum, 12)}
        defaults = {"eps": 1e-5, "momentum": 0.1}
        told = {name: value for name, value in named.items() if value != defaults[name]}
        return [Call(f"nn.{'BatchNorm2d' if len(shape) == 3 else 'BatchNorm1d'}", (shape[-1],), told)]

    def trace(self, unit: "Unit") -> "Trace | None":
        """Return the number less the mean, by the standard deviation, times the scale, plus the shift."""
        import numpy as np

        from imagelet.networks.trace import Trace, factor, number, term

        values, module, channel = unit.values, unit.module, unit.index[-1]
        if module.running_mean is None or module.running_var is None or values.ndim == 2:
            return None
        value = float(values[unit.index])
        mean, variance = float(module.running_mean[channel]), float(module.running_var[channel])
        deviation = float(np.sqrt(variance + module.eps))
        scale = float(module.weight[channel]) if module.affine else 1.0
        shift = float(module.bias[channel]) if module.affine else 0.0
        weight, bias = scale / deviation, shift - mean * scale / deviation
        result = value * weight + bias
        scaled = f" · {factor(scale)}" if scale != 1 else ""
        centred = f"({number(value)} {term(-mean)}) / {number(deviation)}"
        return Trace(
            method="normalised",
            inputs=np.array([value]),
            first=unit.index,
            weights=np.array([weight]),
            products=np.array([value * weight]),
            bias=bias,
            parts={"mean": mean, "standard_deviation": deviation, "scale": scale, "shift": shift},
            result=result,
            text=f"{centred}{scaled} {term(shift)} = {number(result)}",
        )


@register
@dataclass(frozen=True)
class Dropout(Layer):
    """In training, sets values to zero with probability ``rate`` and divides the others by 1 − rate.

    On a CPU a value costs one random byte, which is dropped below a threshold of ⌊256·rate + u⌋. u is drawn
    from 0 to 1 at each call, so that each value is dropped with probability ``rate`` exactly.
    """

    word = "dropout"
    keras_classes = ("Dropout",)
    family = "dropout"
    elementwise = True
    channelwise = True
    random = True
    rate: float = field(metadata=FRACTION)

    def forward(self, module: Any, values: "Tensor") -> "Tensor":
        """Return values of the same shape.

        A module's ``generator``, if it has one, takes the place of torch's own, which all threads share.
        """
        import torch
        from torch.nn import functional

        if not module.training or not self.rate or values.device.type != "cpu":
            return functional.dropout(values, self.rate, module.training)
        if not values.is_contiguous(memory_format=torch.channels_last) or values.dim() != 4:
            values = values.contiguous()
        source = getattr(module, "generator", None)
        words = torch.empty(-(-values.numel() // 8), dtype=torch.int64)
        words.random_(-(2**63), None, generator=source)
        bytes_ = words.view(torch.uint8)[: values.numel()].as_strided(values.shape, values.stride())
        threshold = math.floor(256 * self.rate + torch.rand((), generator=source).item())
        if threshold > 255:  # a byte that is compared with 256 is compared with 0
            return values * 0
        return values * (bytes_ >= threshold).to(values.dtype).div_(1 - self.rate)

    def compute(self, weights: Weights, values: "Array") -> "Array":
        """Return the values as they are: outside of training nothing is dropped."""
        return values

    def to_onnx(self, graph: "OnnxGraph", weights: Weights, value: str, shape: Shape) -> str:
        """Add nothing: outside of training nothing is dropped."""
        return value

    def keras_calls(self, shape: Shape) -> list[Call]:
        """Return a dropout."""
        return [Call("layers.Dropout", (self.rate,))]

    @classmethod
    def from_keras(cls, given: KerasSettings) -> "Dropout":
        """Return it."""
        given.must_be("noise_shape", None)
        rate = given.number("rate")
        if not 0 <= rate < 1:
            raise given.refusal(Message("its rate is not from 0 to below 1"))
        return cls(rate)

    def pytorch_calls(self, shape: Shape) -> list[Call]:
        """Return a dropout."""
        return [Call("nn.Dropout", (self.rate,))]

    def trace(self, unit: "Unit") -> "Trace | None":
        """Return the number as it is: outside of training nothing is dropped."""
        from imagelet.networks.trace import passed

        return passed(unit.values, unit.index)
