"""A person's own module while images go through it: what each part that has a name makes of them.

Parts are torch's own submodules. What a module computes between them has no name and is not seen.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from imagelet.networks.layer_kind import INPUT, LayerRun, named_modules, run_layers
from imagelet.networks.modules import fused_layers

UNNAMED = "unnamed"  # the source of a layer whose input no named part made


def plain_strides(images: Tensor) -> Tensor:
    """Return images (n, channels, height, width) as a person's own module expects them in memory.

    Images of one channel count as contiguous in either order, and torch would continue with channels last,
    whose maps ``view`` does not flatten.
    """
    return images.clone(memory_format=torch.contiguous_format)


def layers_run(network: nn.Module, images: Tensor) -> Iterator[LayerRun]:
    """Yield what each layer of a network makes of ``images``, those of blocks too; an output is only lent.

    Layers of an ``nn.Sequential`` are its children; of any other module all parts that have a name.
    """
    own = getattr(network, "own", None)
    if isinstance(network, nn.Sequential) and own is None:
        return run_layers(network.named_children(), images)
    return iter(watched_layers(network if own is None else own, plain_strides(images)))


def layers_named(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the names and modules of the layers that :func:`layers_run` shows."""
    own = getattr(network, "own", None)
    if isinstance(network, nn.Sequential) and own is None:
        return named_modules(network)
    return ((name, part) for name, part in (own or network).named_modules() if name)


def watched_layers(module: nn.Module, images: Tensor) -> list[LayerRun]:
    """Return what each named part makes of images, in the order in which they end.

    A part that is called again is called ``name (2)`` then. Outputs are copies, for a later part may write
    over what it gets. What is no array with one row an image is left out.

    Args:
        module: from images to logits.
        images: (n, channels, height, width).
    """
    thread, calls = threading.get_ident(), Counter[str]()
    made: dict[int, str] = {id(images): INPUT}
    held: list[Any] = [images]  # so that no other tensor gets the identity of one that is gone
    runs: list[LayerRun] = []

    def watch(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def note(part: nn.Module, inputs: Any, output: Any) -> None:
            if threading.get_ident() != thread:
                return  # another thread uses the same module
            if not isinstance(output, Tensor) or output.dim() < 2 or len(output) != len(images):
                return
            calls[name] += 1
            called = name if calls[name] == 1 else f"{name} ({calls[name]})"
            tensors = [value for value in inputs if isinstance(value, Tensor)]
            sources = tuple(made.get(id(tensor), UNNAMED) for tensor in tensors) or (UNNAMED,)
            runs.append(LayerRun(called, part, sources, output.clone()))
            made[id(output)] = called
            held.append(output)

        return note

    hooks = [part.register_forward_hook(watch(name)) for name, part in module.named_modules() if name]
    try:
        module(images)
    finally:
        for hook in hooks:
            hook.remove()
    return runs


def before_the_last(network: nn.Module, images: Tensor) -> tuple[Tensor, nn.Module | None]:
    """Return what the last layer that mixes values gets of images, and that layer.

    It is the last one with weights of two or more dimensions: a dense layer in nearly every network, else a
    convolution, or a plugin's own. What is a plain sequence itself is looked into. In a person's own module
    it is the part with such weights that is called last.

    Args:
        network: in evaluation mode.
        images: network input (n, channels, height, width).

    Returns:
        The layer's input, and the layer. Where there is none, the images and None.
    """
    own = getattr(network, "own", None)
    if own is not None:
        return _input_of_last(own, plain_strides(images))
    children = list(network.named_children())
    mixing = [place for place, (_, child) in enumerate(children) if _mixes(child)]
    if not mixing:
        return images, None
    last = children[mixing[-1]][1]
    before = [layers for _, layers in fused_layers(children[: mixing[-1]])]
    while isinstance(last, nn.Sequential) and type(last).forward is nn.Sequential.forward:
        inner = list(last)
        place = max(place for place, child in enumerate(inner) if _mixes(child))
        before, last = [*before, *inner[:place]], inner[place]
    values = images
    for layer in before:
        values = layer(values)
    return values, last


def _mixes(layer: nn.Module) -> bool:
    """Return whether a layer has a matrix or kernels; a normalisation has one number a channel."""
    return any(weights.dim() > 1 for weights in layer.parameters())


def _input_of_last(module: nn.Module, images: Tensor) -> tuple[Tensor, nn.Module | None]:
    """Return what the part that mixes values last gets of images, and that part."""
    thread = threading.get_ident()
    found: list[tuple[Tensor, nn.Module | None]] = [(images, None)]

    def note(part: nn.Module, inputs: Any) -> None:
        if threading.get_ident() == thread and inputs and isinstance(inputs[0], Tensor):
            found[0] = inputs[0], part

    parts = [part for part in module.modules() if not list(part.children()) and _mixes(part)]
    hooks = [part.register_forward_pre_hook(note) for part in parts]
    try:
        module(images)
    finally:
        for hook in hooks:
            hook.remove()
    return found[0]
