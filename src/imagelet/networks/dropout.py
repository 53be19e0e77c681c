"""Dropout, cheap on a CPU: there, drawing the random numbers can take longer than a convolution."""

import math

import torch
from torch import Tensor, nn


class Dropout(nn.Dropout):
    """In training, sets values to zero with probability ``p`` and divides the others by 1 − p.

    On a CPU a value costs one random byte, which is dropped below a threshold of ⌊256·p + u⌋. u is drawn from
    0 to 1 at each call, so that each value is dropped with probability p exactly.
    """

    def forward(self, values: Tensor) -> Tensor:
        """Return values of the same shape."""
        if not self.training or not 0 < self.p < 1 or values.device.type != "cpu":
            return super().forward(values)
        if not values.is_contiguous(memory_format=torch.channels_last) or values.dim() != 4:
            values = values.contiguous()
        words = torch.empty(-(-values.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        bytes_ = words.view(torch.uint8)[: values.numel()].as_strided(values.shape, values.stride())
        threshold = math.floor(256 * self.p + torch.rand(()).item())
        if threshold > 255:  # a byte that is compared with 256 is compared with 0
            return values * 0
        return values * (bytes_ >= threshold).to(values.dtype).div_(1 - self.p)
