"""The optimizers by name, which a plugin can add to, and the schedules of their learning rate.

Adding one is one ``_add(Optimizer(...))`` at the end; a plugin says ``optimizers.add(name, Optimizer(...))``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from imagelet.messages import Message
from imagelet.registry import Registry

if TYPE_CHECKING:
    import torch


SCHEDULES = ("constant", "linear", "cosine", "one-cycle")


def learning_rate(schedule: str, highest: float, warmup: float, progress: float) -> float:
    """Return the learning rate when ``progress`` (0 to 1) of all steps are done.

    It rises during the warm-up, from 0 in a straight line, in one-cycle from 1/25 along half a cosine, then

    ==========  ====================================================================================
    constant    stays
    linear      falls to 0 in a straight line
    cosine      falls to 0 along half a cosine (Loshchilov and Hutter 2016)
    one-cycle   falls to 1/250,000 along half a cosine (Smith 2018; PyTorch's OneCycleLR)
    ==========  ====================================================================================

    Args:
        schedule: one of ``SCHEDULES``.
        highest: the learning rate at the end of the warm-up.
        warmup: the fraction of the steps in which it rises, 0 to below 1.
        progress: the fraction of the steps that are done.
    """
    warming = progress < warmup
    position = progress / warmup if warming else (progress - warmup) / (1 - warmup)  # 0 to 1
    match schedule:
        case "one-cycle" if warming:
            return highest * _half_cosine(1 / 25, 1.0, position)
        case "one-cycle":
            return highest * _half_cosine(1.0, 1 / 250_000, position)
        case _ if warming:
            return highest * progress / warmup
        case "linear":
            return highest * (1 - position)
        case "cosine":
            return highest * _half_cosine(1.0, 0.0, position)
    return highest


def _half_cosine(start: float, end: float, position: float) -> float:
    """Return the value at ``position`` (0 to 1) of the way from ``start`` to ``end`` along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * position)) / 2


Groups = list[dict[str, Any]]
"""PyTorch's parameter groups, with ``params``, ``lr`` and ``weight_decay``."""


@dataclass(frozen=True)
class Optimizer:
    """An update rule that a recipe can name.

    Attributes:
        name: what is typed.
        rule: how a step changes a weight w by its gradient g; η is the learning rate.
        source: who published it.
        learning_rate: the default for batches of 250 images and more; smaller ones take it times
            √(batch size / 250).
        constants: the recipe's fields that it uses besides learning rate and weight decay.
        make: takes parameter groups, and the constants by their names; returns the PyTorch optimizer. What
            that remembers of each parameter must be tensors, so that checkpoints can hold it.
        only_convolutions: it updates the weights of convolutions, in groups with ``use_muon``, and AdamW with
            a learning rate of its own all other parameters.
    """

    name: str
    rule: str
    source: str
    learning_rate: float
    constants: tuple[str, ...]
    make: "Callable[..., torch.optim.Optimizer]"
    only_convolutions: bool = False


optimizers: Registry[Optimizer] = Registry(Message("optimizer"), "imagelet recipes")


def _add(optimizer: Optimizer) -> None:
    optimizers.add(optimizer.name, optimizer)


# PyTorch is imported when an optimizer is made: help texts name optimizers without it.


def _sgd(groups: Groups, momentum: float = 0.0, nesterov: bool = False) -> "torch.optim.Optimizer":
    import torch

    from imagelet.training.eager import eager

    return eager(torch.optim.SGD)(groups, momentum=momentum, nesterov=nesterov, fused=True)


def _rmsprop(groups: Groups, rho: float, epsilon: float) -> "torch.optim.Optimizer":
    import torch

    from imagelet.training.eager import eager

    return eager(torch.optim.RMSprop)(groups, alpha=rho, eps=epsilon)


def _adam(
    groups: Groups, beta1: float, beta2: float, epsilon: float, decoupled: bool = False
) -> "torch.optim.Optimizer":
    import torch

    from imagelet.training.eager import eager

    kind = eager(torch.optim.AdamW if decoupled else torch.optim.Adam)
    return kind(groups, betas=(beta1, beta2), eps=epsilon, fused=True)


def _muon(
    groups: Groups, momentum: float, beta1: float, beta2: float, epsilon: float
) -> "torch.optim.Optimizer":
    from imagelet.training.eager import eager
    from imagelet.training.muon import Muon

    return eager(Muon)(groups, momentum, (beta1, beta2), epsilon)


_add(Optimizer("sgd", "w ← w − η·g", "Robbins and Monro 1951", 0.1, (), _sgd))
_add(Optimizer("momentum", "v ← μ·v + g;  w ← w − η·v", "Polyak 1964", 0.02, ("momentum",), _sgd))
_add(
    Optimizer(
        name="nesterov",
        rule="v ← μ·v + g;  w ← w − η·(g + μ·v)",
        source="Sutskever et al. 2013",
        learning_rate=0.02,
        constants=("momentum",),
        make=partial(_sgd, nesterov=True),
    )
)
_add(
    Optimizer(
        name="rmsprop",
        rule="s ← ρ·s + (1 − ρ)·g²;  w ← w − η·g / (√s + ε)",
        source="Hinton 2012",
        learning_rate=0.002,
        constants=("rho", "epsilon"),
        make=_rmsprop,
    )
)
_add(
    Optimizer(
        name="adam",
        rule="m ← β₁·m + (1 − β₁)·g;  s ← β₂·s + (1 − β₂)·g²;  w ← w − η·m̂ / (√ŝ + ε)",
        source="Kingma and Ba 2014",
        learning_rate=0.004,
        constants=("beta1", "beta2", "epsilon"),
        make=_adam,
    )
)
_add(
    Optimizer(
        name="adamw",
        rule="as adam, with decoupled weight decay: w ← w − η·λ·w",
        source="Loshchilov and Hutter 2017",
        learning_rate=0.004,
        constants=("beta1", "beta2", "epsilon"),
        make=partial(_adam, decoupled=True),
    )
)
_add(
    Optimizer(
        name="muon",
        rule="convolutions: v ← μ·v + g;  w ← √filters·w / |w| − η·orthogonal(g + μ·v);  all others: adamw",
        source="Jordan 2024",
        learning_rate=0.1,
        constants=("momentum", "beta1", "beta2", "epsilon"),
        make=_muon,
        only_convolutions=True,
    )
)
