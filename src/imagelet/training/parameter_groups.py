"""From a recipe to its PyTorch optimizer: which parameters get which learning rate and weight decay."""

from typing import Any

import torch
from torch import nn

from imagelet.training.optimizers import optimizers
from imagelet.training.recipe import Recipe
from imagelet.training.schedules import learning_rate


def make_optimizer(network: nn.Sequential, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the recipe's optimizer over the network's trainable parameters.

    Weight decay applies to weights only, never to biases or to the scales of a normalization: these have one
    axis, weights have two or more. Each parameter group has, besides PyTorch's own keys,

    ===============  ======================================================================
    ``max_lr``       its highest learning rate, to which the schedule is applied
    ``first_layer``  its parameters are the first layer's, which is frozen early
    ``use_muon``     Muon updates it
    ===============  ======================================================================
    """
    optimizer = optimizers.get(recipe.optimizer)
    first = set(next(network.children()).parameters()) if recipe.freeze_first_layer_at < 1 else set()
    if all(parameter in first for parameter in network.parameters()):
        first = set()  # nothing would be trained once it is frozen
    alike: dict[tuple[bool, bool, bool], list[nn.Parameter]] = {}
    for parameter in network.parameters():
        if parameter.requires_grad:
            use_muon = optimizer.only_convolutions and parameter.ndim > 2
            alike.setdefault((parameter in first, use_muon, parameter.ndim > 1), []).append(parameter)
    groups: list[dict[str, Any]] = []
    for (in_first, use_muon, is_weight), parameters in alike.items():
        by_adamw = optimizer.only_convolutions and not use_muon
        highest = recipe.adamw_learning_rate if by_adamw else recipe.learning_rate
        groups.append(
            {
                "params": parameters,
                "lr": highest,
                "weight_decay": recipe.weight_decay if is_weight and not use_muon else 0.0,
                "max_lr": highest,
                "first_layer": in_first,
                "use_muon": use_muon,
            }
        )
    return optimizer.make(groups, **{name: getattr(recipe, name) for name in optimizer.constants})


def set_learning_rates(
    optimizer: torch.optim.Optimizer, recipe: Recipe, progress: float, factor: float = 1.0
) -> None:
    """Set the learning rates of the step that comes when ``progress`` (0 to 1) of all steps are done.

    Where the recipe freezes the first layer early, its learning rate falls to 0 in a straight line as well;
    then its gradient is not computed any more.

    Args:
        optimizer: what :func:`make_optimizer` returned.
        recipe: its schedule.
        progress: the fraction of the steps that are done.
        factor: every learning rate is multiplied by it.
    """
    highest = recipe.learning_rate
    scheduled = learning_rate(recipe.schedule, highest, recipe.warmup, progress) / highest
    frozen_at = recipe.freeze_first_layer_at
    for group in optimizer.param_groups:
        fraction = scheduled
        if group["first_layer"]:
            fraction = min(fraction, max(0.0, 1 - progress / frozen_at)) if frozen_at else 0.0
            for parameter in group["params"]:
                parameter.requires_grad_(fraction > 0)
        group["lr"] = group["max_lr"] * fraction * factor
