"""Optimizers, the learning rate, and the average of the weights.

The update rules are PyTorch's, whose documentation writes them out; the constants come from the recipe.
"""

import copy
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from imagelet.training.muon import Muon
from imagelet.training.recipe import Recipe


def make_optimizer(network: nn.Sequential, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the recipe's optimizer over the network's trainable parameters.

    Weight decay applies to weights only, never to biases or to the scales of a normalisation: these have one
    axis, weights have two or more.

    ========  ==============================================================================
    sgd       w ← w − η·g
    momentum  v ← μ·v + g;  w ← w − η·v                           (Polyak 1964)
    nesterov  v ← μ·v + g;  w ← w − η·(g + μ·v)                   (Sutskever et al. 2013)
    rmsprop   s ← ρ·s + (1 − ρ)·g²;  w ← w − η·g / (√s + ε)       (Hinton 2012)
    adam      m, s: means of g, g²;  w ← w − η·m̂ / (√ŝ + ε)       (Kingma and Ba 2014)
    adamw     as adam, and w ← w − η·λ·w                          (Loshchilov and Hutter 2017)
    muon      for convolutions, see :mod:`imagelet.training.muon`; adamw for all others (Jordan 2024)
    ========  ==============================================================================
    """
    groups = _groups(network, recipe)
    rate, epsilon = recipe.learning_rate, recipe.epsilon
    betas = (recipe.beta1, recipe.beta2)
    match recipe.optimizer:
        case "sgd":
            return torch.optim.SGD(groups, lr=rate, fused=True)
        case "momentum":
            return torch.optim.SGD(groups, lr=rate, momentum=recipe.momentum, fused=True)
        case "nesterov":
            return torch.optim.SGD(groups, lr=rate, momentum=recipe.momentum, nesterov=True, fused=True)
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr=rate, alpha=recipe.rho, eps=epsilon)
        case "adam":
            return torch.optim.Adam(groups, lr=rate, betas=betas, eps=epsilon, fused=True)
        case "adamw":
            return torch.optim.AdamW(groups, lr=rate, betas=betas, eps=epsilon, fused=True)
        case "muon":
            return Muon(groups, recipe.momentum, betas, epsilon)
    raise AssertionError(f"no optimizer {recipe.optimizer}")


def _groups(network: nn.Sequential, recipe: Recipe) -> list[dict[str, Any]]:
    """Return the trainable parameters in groups that are treated alike, with ``lr`` and ``weight_decay``.

    A group's ``highest`` is its highest step size, of which a schedule takes a share; ``first`` says that
    its parameters are the first layer's and stop learning early; ``matrices`` that Muon makes their steps
    orthogonal.
    """
    first = set(next(network.children()).parameters()) if recipe.freeze_first_layer_at < 1 else set()
    if all(parameter in first for parameter in network.parameters()):
        first = set()  # nothing would learn once it stops
    groups: dict[tuple[bool, bool, bool], list[nn.Parameter]] = {}
    for parameter in network.parameters():
        if parameter.requires_grad:
            convolution = recipe.optimizer == "muon" and parameter.ndim > 2
            groups.setdefault((parameter in first, convolution, parameter.ndim > 1), []).append(parameter)
    others = recipe.adamw_learning_rate if recipe.optimizer == "muon" else recipe.learning_rate
    return [
        {
            "params": parameters,
            "lr": recipe.learning_rate if matrices else others,
            "highest": recipe.learning_rate if matrices else others,
            "weight_decay": recipe.weight_decay if decays and not matrices else 0.0,
            "first": is_first,
            "matrices": matrices,
        }
        for (is_first, matrices, decays), parameters in groups.items()
    ]


def set_learning_rates(
    optimizer: torch.optim.Optimizer, recipe: Recipe, progress: float, factor: float = 1.0
) -> None:
    """Set each group's step size for the step that comes when ``progress`` (0 to 1) of all steps are done.

    Every step size is the recipe's times ``factor``.

    The first layer, where the recipe lets it learn for a while only, has a step size of its own that falls
    linearly to 0; then its gradient is not worked out any more.
    """
    scheduled = learning_rate(recipe, progress) / recipe.learning_rate
    for group in optimizer.param_groups:
        share = scheduled
        if group["first"]:
            end = recipe.freeze_first_layer_at
            share = min(share, max(0.0, 1 - progress / end)) if end else 0.0
            for parameter in group["params"]:
                parameter.requires_grad_(share > 0)
        group["lr"] = group["highest"] * share * factor


def learning_rate(recipe: Recipe, progress: float) -> float:
    """Return the step size when ``progress`` (0 to 1) of all steps are done.

    ``one-cycle`` rises by a cosine from 1/25 of the highest step size and falls by a cosine to 1/250,000 of
    it (Smith 2018; the shape and constants of PyTorch's OneCycleLR). The others rise linearly from 0 during
    the warm-up, then stay (``constant``) or fall to 0 (``linear``, ``cosine``).
    """
    highest, warmup = recipe.learning_rate, recipe.warmup
    if recipe.schedule == "one-cycle":
        if progress < warmup:
            return highest * _cosine(1 / 25, 1.0, progress / warmup)
        return highest * _cosine(1.0, 1 / 250_000, (progress - warmup) / (1 - warmup))
    if progress < warmup:
        return highest * progress / warmup
    after = (progress - warmup) / (1 - warmup)
    match recipe.schedule:
        case "linear":
            return highest * (1 - after)
        case "cosine":
            return highest * _cosine(1.0, 0.0, after)
    return highest


def _cosine(start: float, end: float, share: float) -> float:
    """Return the point after ``share`` (0 to 1) of the way from ``start`` to ``end`` along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


class Average:
    """An exponential moving average of a network's weights, and of its running statistics.

    The memory grows from 0.1 to ``memory`` over the first steps, min(memory, (1 + t) / (10 + t)), so that the
    first random weights are soon forgotten (TensorFlow's ExponentialMovingAverage with ``num_updates``).
    """

    def __init__(self, network: nn.Module, memory: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.memory = memory

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Move the average a little towards ``network`` after optimizer step ``step``, counted from 0."""
        share = 1 - min(self.memory, (1 + step) / (10 + step))
        mine, theirs = self.network.state_dict(), network.state_dict()
        floating = [name for name in mine if mine[name].is_floating_point()]
        torch._foreach_lerp_([mine[n] for n in floating], [theirs[n] for n in floating], share)
        for name in mine.keys() - set(floating):
            mine[name].copy_(theirs[name])


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's memory as named tensors: ``"<parameter>.<what>"``."""
    state = optimizer.state_dict()["state"]
    return {
        f"{index}.{what}": value
        for index, memory in state.items()
        for what, value in memory.items()
        if isinstance(value, Tensor)
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give the optimizer the memory that :func:`optimizer_tensors` returned.

    Each tensor takes the memory layout of its parameter: fused steps walk through both in one go.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, _, what = name.partition(".")
        parameter = parameters[int(index)]
        if tensor.shape == parameter.shape:
            tensor = torch.empty_like(parameter, requires_grad=False).copy_(tensor)
        state.setdefault(int(index), {})[what] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
