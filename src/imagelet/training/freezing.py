"""Frozen layers: which they are, and what keeps them as they are while the others learn.

A frozen layer's weights get no gradient and no step, and a frozen batch normalisation keeps its running
statistics and uses them, as Keras does where ``trainable`` is false. Which layers are frozen in a step is a
function of the recipe and of the step alone, so a resumed training needs to know nothing more.
"""

from collections.abc import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from imagelet.errors import UnknownNameError, UsageError
from imagelet.messages import Message
from imagelet.registry import unknown
from imagelet.training.recipe import BODY, Recipe


def head_of(network: nn.Module) -> str:
    """Return the name of the last layer with weights, from which the logits come.

    Raises:
        UsageError: no layer has weights.
    """
    with_weights: list[str] = [name for name, module in network.named_modules() if _own_weights(module)]
    if not with_weights:
        raise UsageError("the network has no weights: there is nothing to learn")
    return with_weights[-1]


def frozen_modules(network: nn.Module, recipe: Recipe) -> tuple[nn.Module, ...]:
    """Return the layers that the recipe freezes, each with those inside it; none where it freezes none.

    Raises:
        UnknownNameError: a name that no layer has; the nearest is suggested.
        UsageError: nothing would be left to learn.
    """
    names = [name.strip() for name in recipe.freeze.split(",") if name.strip()]
    if not names:
        return ()
    layers = {name: module for name, module in network.named_modules() if name}
    frozen: list[nn.Module] = []
    for name in names:
        if name == BODY:
            frozen += _body(network)
        elif name in layers:
            frozen += layers[name].modules()
        else:
            raise _no_layer(name, layers)
    frozen = list(dict.fromkeys(frozen))
    left = [module for module in network.modules() if module not in frozen and _own_weights(module)]
    if not left and recipe.freeze_until >= 1:
        raise UsageError(
            "freeze = {names} leaves no layer to learn",
            hint="leave out the last one: {head}",
            names=recipe.freeze,
            head=head_of(network),
        )
    return tuple(frozen)


def keep_statistics(frozen: tuple[nn.Module, ...], *, held: bool) -> None:
    """Let frozen batch normalisations use their running statistics while they are held, else the batch's."""
    for module in frozen:
        if isinstance(module, _BatchNorm):
            module.train(not held)


def _body(network: nn.Module) -> Iterator[nn.Module]:
    """Yield every layer but the head."""
    head = head_of(network)
    for name, module in network.named_modules():
        if name and name != head and not head.startswith(f"{name}."):
            yield module


def _own_weights(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters(recurse=False))


def _no_layer(name: str, layers: dict[str, nn.Module]) -> UnknownNameError:
    with_weights = [layer for layer, module in layers.items() if any(True for _ in module.parameters())]
    hint = Message(
        "its layers with weights are {names}; or '{body}' for all but the last",
        names=", ".join(with_weights),
        body=BODY,
    )
    return unknown(Message("layer"), name, with_weights, hint)
