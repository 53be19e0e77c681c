"""An exponential moving average (EMA) of a network's weights."""

import copy

import torch
from torch import nn


class ExponentialMovingAverage:
    """A copy of a network whose weights and running statistics are averages over the optimizer steps.

    The decay rises from 0.1 to ``decay`` over the first steps, min(decay, (1 + t) / (10 + t)), so that the
    average does not hold on to the initial weights (TensorFlow's ExponentialMovingAverage with
    ``num_updates``).

    Args:
        network: is copied.
        decay: what each step keeps of the average, 0 to below 1.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Average in the weights that ``network`` has after optimizer step ``step``, counted from 0."""
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        averages, current = self.network.state_dict(), network.state_dict()
        floating = [name for name in averages if averages[name].is_floating_point()]
        torch._foreach_lerp_([averages[n] for n in floating], [current[n] for n in floating], weight)
        for name in averages.keys() - set(floating):
            averages[name].copy_(current[name])
