"""Muon: momentum whose step is made orthogonal, for the weights of convolutions; AdamW for all others.

Source: Keller Jordan, "Muon: an optimizer for hidden layers" (2024), in the form of airbench94: the weights
of a layer keep the norm √filters, so that the step size is an angle.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration, chosen for a steep slope at 0
ITERATIONS = 3
SMALLEST_NORM = 1e-30  # of weights or of a gradient that are not taken for nothing


class Muon(torch.optim.Optimizer):
    """Steps along the nearest orthogonal matrix to the gradient's running sum.

    ======  =========================================================
    v       μ·v + g
    u       orthogonal(g + μ·v), a matrix with a row for each filter
    w       √filters · w / |w| − η·u
    ======  =========================================================

    Args:
        groups: each with ``params``, ``lr``, ``weight_decay`` and ``matrices``, which says that Muon takes
            them; η is then an angle in radians. The others are AdamW's (Loshchilov and Hutter 2017).
        momentum: μ.
        betas: AdamW's memories of the mean and of the mean square.
        epsilon: AdamW's.
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], momentum: float, betas: tuple[float, float], epsilon: float
    ) -> None:
        super().__init__(groups, {"momentum": momentum, "betas": betas, "eps": epsilon})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Take a step."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                if group["use_muon"]:
                    self._turn(weight, group)
                else:
                    self._adapt(weight, group)

    def _turn(self, weight: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        assert weight.grad is not None
        sums = state["momentum_buffer"].mul_(group["momentum"]).add_(weight.grad)
        rows = weight.grad.add(sums, alpha=group["momentum"]).reshape(len(weight), -1)  # (filters, inputs)
        weight.mul_(len(weight) ** 0.5 / weight.norm().clamp_min(SMALLEST_NORM))
        weight.sub_(orthogonal(rows).view(weight.shape), alpha=group["lr"])

    def _adapt(self, weight: Tensor, group: dict[str, Any]) -> None:
        state, (beta1, beta2) = self.state[weight], group["betas"]
        if not state:
            state.update(step=torch.zeros(()), mean=torch.zeros_like(weight), square=torch.zeros_like(weight))
        assert weight.grad is not None
        state["step"] += 1
        taken = float(state["step"])
        state["mean"].lerp_(weight.grad, 1 - beta1)
        state["square"].lerp_(weight.grad.square(), 1 - beta2)
        root = state["square"].sqrt().div_((1 - beta2**taken) ** 0.5).add_(group["eps"])
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        weight.addcdiv_(state["mean"], root, value=-group["lr"] / (1 - beta1**taken))


def orthogonal(matrix: Tensor) -> Tensor:
    """Return about the nearest matrix with singular values 1, of any (rows, columns), in the same type.

    Newton's and Schulz's iteration: singular values come to lie between about 0.7 and 1.2.
    """
    a, b, c = COEFFICIENTS
    wide = matrix if len(matrix) <= matrix.shape[1] else matrix.T
    x: Tensor = wide / wide.norm().clamp_min(SMALLEST_NORM)
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x if len(matrix) <= matrix.shape[1] else x.T
