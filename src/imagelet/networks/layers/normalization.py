"""Batch normalisation."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imagelet.networks.layer_kind import FRACTION, POSITIVE, Layer, Shape, register

if TYPE_CHECKING:
    from torch import nn

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
    family = "normalization"
    elementwise = True
    channelwise = True
    momentum: float = field(default=0.9, metadata=FRACTION)
    epsilon: float = field(default=1e-5, metadata=POSITIVE)

    def parameters(self, shape: Shape) -> int:
        """Return scale, shift, and the running mean and variance."""
        return 4 * shape[-1]

    def non_trainable(self, shape: Shape) -> int:
        """Return the running mean and variance."""
        return 2 * shape[-1]

    def module(self, shape: Shape) -> "nn.Module":
        """Return torch's own, for maps or for flat values."""
        from torch import nn

        normalization = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
        return normalization(shape[-1], eps=self.epsilon, momentum=round(1 - self.momentum, 12))

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
