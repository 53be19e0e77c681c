"""Muon: momentum with orthogonalized steps for the weights of convolutions; AdamW for all others.

Source: Keller Jordan, "Muon: an optimizer for hidden layers" (2024), in the form of airbench94: the weights
of a layer keep the norm √filters, so that the learning rate is an angle.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration; its slope at 0 is steep
ITERATIONS = 3
SMALLEST_NORM = 1e-30  # of weights or of a gradient; avoids a division by 0


class Muon(torch.optim.Optimizer):
    """Moves weights along the orthogonal matrix that is nearest to the sum of their gradients.

    ======  =========================================================
    v       μ·v + g
    u       orthogonal(g + μ·v), a matrix with a row for each filter
    w       √filters · w / |w| − η·u
    ======  =========================================================

    Args:
        groups: each with ``params``, ``lr``, ``weight_decay`` and ``use_muon``. Where that is true, the
            learning rate η is an angle in radians; all others are updated by AdamW (Loshchilov and Hutter
            2017).
        momentum: μ.
        betas: AdamW's β₁ and β₂.
        epsilon: AdamW's ε.
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
                    self._update_by_muon(weight, group)
                else:
                    self._update_by_adamw(weight, group)

    def _update_by_muon(self, weight: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        assert weight.grad is not None
        sums = state["momentum_buffer"].mul_(group["momentum"]).add_(weight.grad)
        rows = weight.grad.add(sums, alpha=group["momentum"]).reshape(len(weight), -1)  # (filters, inputs)
        weight.mul_(len(weight) ** 0.5 / weight.norm().clamp_min(SMALLEST_NORM))
        weight.sub_(orthogonal(rows).view(weight.shape), alpha=group["lr"])

    def _update_by_adamw(self, weight: Tensor, group: dict[str, Any]) -> None:
        state, (beta1, beta2) = self.state[weight], group["betas"]
        if not state:
            state.update(step=torch.zeros(()), mean=torch.zeros_like(weight), square=torch.zeros_like(weight))
        assert weight.grad is not None
        state["step"] += 1
        steps = float(state["step"])
        state["mean"].lerp_(weight.grad, 1 - beta1)
        state["square"].lerp_(weight.grad.square(), 1 - beta2)
        root = state["square"].sqrt().div_((1 - beta2**steps) ** 0.5).add_(group["eps"])
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        weight.addcdiv_(state["mean"], root, value=-group["lr"] / (1 - beta1**steps))


def orthogonal(matrix: Tensor) -> Tensor:
    """Return approximately the nearest matrix with singular values 1, of any (rows, columns).

    Newton-Schulz iteration: afterwards the singular values lie between about 0.7 and 1.2.
    """
    a, b, c = COEFFICIENTS
    wide = matrix if len(matrix) <= matrix.shape[1] else matrix.T
    x: Tensor = wide / wide.norm().clamp_min(SMALLEST_NORM)
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x if len(matrix) <= matrix.shape[1] else x.T
