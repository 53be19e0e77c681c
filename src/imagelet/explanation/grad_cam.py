"""Grad-CAM: a convolution's maps, weighted by what they do for a class (Selvaraju 2017, arXiv 1610.02391).

The maps are taken behind the normalisation and activation that belong to the convolution, as the paper does:
the raw sums have an offset that normalisation takes away, which drowns what the maps show. Where a network
pools before it normalises, the gradient is taken behind all of these, and the maps as if there were no
pooling, so that they stay as fine as the convolution's.

A map's cells lie where the pixels lie that they see. A map that is merely stretched over the image shows them
elsewhere wherever convolutions go without padding.
"""

from typing import TYPE_CHECKING

import numpy as np

from imagelet.preprocessing.geometry import Placement, whole

if TYPE_CHECKING:
    from torch import Tensor, nn

    from imagelet.networks import Network
    from imagelet.networks.layer_kind import LayerRun


def grad_cam(network: "Network", inputs: "Tensor", target: int, layer: str) -> "Tensor":
    """Return how much each place speaks for a class: the maps' sum, each by its mean gradient, from 0 up.

    Args:
        network: set to evaluation.
        inputs: float32 (1, channels, height, width), the network's input.
        target: the class's index.
        layer: the name of a convolution in the network.

    Returns:
        float32 (height, width) of the image.
    """
    import torch
    from captum.attr import LayerActivation, LayerGradientXActivation

    runs = _runs(network, inputs)
    first, kept, last = _belonging(runs, layer)
    maps = LayerActivation(network, network.get_submodule(first)).attribute(inputs)
    for module in kept:
        maps = module(maps)  # (1, filters, rows, columns)
    gradient = LayerGradientXActivation(network, network.get_submodule(last), multiply_by_inputs=False)
    slopes = gradient.attribute(inputs, target)
    weights = slopes.mean(dim=(2, 3), keepdim=True)  # (1, filters, 1, 1)
    cells = torch.relu((weights * maps).sum(dim=1))[0].detach().cpu().numpy()  # (rows, columns)
    height, width = inputs.shape[2:]
    placement = _cells(runs, layer, (height, width))
    if placement is None:
        placement = Placement.of((slice(0, height), slice(0, width)), at=whole(cells))
    room = 1 + int(max(height, width) / min(placement.pixel_height, placement.pixel_width))
    wider = np.pad(cells, room, mode="edge")  # the outermost cells see as far as the edge
    placement = Placement(-room, -room, 1, 1).within(placement)
    return torch.from_numpy(placement.onto(wider, height, width))


def _runs(network: "Network", images: "Tensor") -> "dict[str, LayerRun]":
    """Return the layers by name, with what they make of the images."""
    import torch

    from imagelet.networks.layer_kind import run_layers

    with torch.no_grad():
        return {ran.name: ran for ran in run_layers(network.named_children(), images)}


def _belonging(runs: "dict[str, LayerRun]", layer: str) -> "tuple[str, list[nn.Module], str]":
    """Return where a convolution's maps are taken, what they go through, and where the gradient is taken.

    Maps go through the normalisation and the activation that belong to the convolution; pooling between is
    left out, so that they stay as fine as they are. At the end of a residual block they are taken from its
    sum. Without an activation both are taken at the convolution itself.
    """
    from imagelet.networks.torch_layers import layer_of
    from imagelet.networks.window import Sliding

    first, name = layer, layer
    kept: list[nn.Module] = []
    while True:
        after = next((ran for ran in runs.values() if name in ran.sources), None)
        kind = None if after is None else layer_of(after.module)
        if after is None or kind is None or after.output.dim() != 4:
            break
        if kind.family == "activation":
            return first, [*kept, after.module], after.name
        if kind.nested and after.output.shape == runs[layer].output.shape:
            first, kept = after.name, []
        elif kind.family == "normalization":
            kept.append(after.module)
        elif not (kind.family == "dropout" or (kind.family == "pooling" and isinstance(kind, Sliding))):
            break
        name = after.name
    return (first, [], first) if layer in runs else (layer, [], layer)


def _cells(runs: "dict[str, LayerRun]", layer: str, size: tuple[int, int]) -> Placement | None:
    """Return where a convolution's cells lie in the image: each in the middle of the pixels that it sees.

    None where the convolution is inside a layer of a builder's own, or one before it works in an unknown way.
    """
    from imagelet.networks.layer_kind import INPUT
    from imagelet.networks.torch_layers import layer_of
    from imagelet.networks.window import Sliding

    # of each layer the sides of its maps; in pixels the first cell's centre, and how far the next one is
    seen: dict[str, tuple[tuple[int, ...], list[float], list[float]]] = {
        INPUT: (size, [0.5, 0.5], [1.0, 1.0])
    }
    for ran in runs.values():
        if ran.sources[0] not in seen:
            continue
        sides, centres, steps = seen[ran.sources[0]]
        kind = layer_of(ran.module)
        if isinstance(kind, Sliding):
            windows = kind.sides((*sides, 1))
            centres = [
                centre + step * ((side.span - 1) / 2 - side.rim[0])
                for centre, step, side in zip(centres, steps, windows, strict=True)
            ]
            steps = [step * side.stride for step, side in zip(steps, windows, strict=True)]
        elif tuple(ran.output.shape[2:]) != sides:
            continue
        seen[ran.name] = (tuple(ran.output.shape[2:]), centres, steps)
    if layer not in seen:
        return None
    _, centres, steps = seen[layer]
    return Placement(*(centre - step / 2 for centre, step in zip(centres, steps, strict=True)), *steps)
