"""Dropout, cheap on a CPU: there, drawing the random numbers can take longer than a convolution."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagelet.networks.layer_kind import FRACTION, Layer, register

if TYPE_CHECKING:
    from torch import Tensor

    from imagelet.networks.trace import Trace, Unit


@register
@dataclass(frozen=True)
class Dropout(Layer):
    """In training, sets values to zero with probability ``rate`` and divides the others by 1 − rate.

    On a CPU a value costs one random byte, which is dropped below a threshold of ⌊256·rate + u⌋. u is drawn
    from 0 to 1 at each call, so that each value is dropped with probability ``rate`` exactly.
    """

    word = "dropout"
    family = "dropout"
    elementwise = True
    channelwise = True
    rate: float = field(metadata=FRACTION)

    def forward(self, module: Any, values: "Tensor") -> "Tensor":
        """Return values of the same shape."""
        import torch
        from torch.nn import functional

        if not module.training or not self.rate or values.device.type != "cpu":
            return functional.dropout(values, self.rate, module.training)
        if not values.is_contiguous(memory_format=torch.channels_last) or values.dim() != 4:
            values = values.contiguous()
        words = torch.empty(-(-values.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        bytes_ = words.view(torch.uint8)[: values.numel()].as_strided(values.shape, values.stride())
        threshold = math.floor(256 * self.rate + torch.rand(()).item())
        if threshold > 255:  # a byte that is compared with 256 is compared with 0
            return values * 0
        return values * (bytes_ >= threshold).to(values.dtype).div_(1 - self.rate)

    def trace(self, unit: "Unit") -> "Trace | None":
        """Return the number as it is: outside of training nothing is dropped."""
        from imagelet.networks.trace import passed

        return passed(unit.values, unit.index)
