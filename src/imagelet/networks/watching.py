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

UNNAMED = "unnamed"  # the source of a layer whose input no named part made


def plain_strides(images: Tensor) -> Tensor:
    """Return images (n, channels, height, width) as a person's own module expects them in memory.

    Images of one channel count as contiguous in either order, and torch would go on with channels last, whose
    maps ``view`` does not flatten.
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


def input_of_last(module: nn.Module, is_wanted: Callable[[nn.Module], bool], images: Tensor) -> Tensor:
    """Return what the last part that is wanted gets of images; the images themselves where there is none."""
    thread = threading.get_ident()
    found: list[Tensor] = [images]

    def note(_: nn.Module, inputs: Any) -> None:
        if threading.get_ident() == thread and inputs and isinstance(inputs[0], Tensor):
            found[0] = inputs[0]

    parts = [part for part in module.modules() if not list(part.children()) and is_wanted(part)]
    hooks = [part.register_forward_pre_hook(note) for part in parts]
    try:
        module(images)
    finally:
        for hook in hooks:
            hook.remove()
    return found[0]
