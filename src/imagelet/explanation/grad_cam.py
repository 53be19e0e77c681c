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

from imagelet.networks.padding import same_padding
from imagelet.preprocessing.geometry import Placement, whole

if TYPE_CHECKING:
    from torch import Tensor, nn

    from imagelet.networks import Network
    from imagelet.networks.layers import Pool


def grad_cam(network: "Network", inputs: "Tensor", asked: int, layer: str) -> "Tensor":
    """Return how much each place speaks for a class: the maps' sum, each by its mean gradient, from 0 up.

    Args:
        network: set to evaluation.
        inputs: float32 (1, channels, height, width), the network's input.
        asked: the class's index.
        layer: the name of a convolution in the network.

    Returns:
        float32 (height, width) of the image.
    """
    import torch
    from captum.attr import LayerActivation, LayerGradientXActivation

    last, kept = _belonging(network, layer)
    maps = LayerActivation(network, network.get_submodule(layer)).attribute(inputs)
    for module in kept:
        maps = module(maps)  # (1, filters, rows, columns)
    slopes = LayerGradientXActivation(network, last, multiply_by_inputs=False).attribute(inputs, asked)
    weights = slopes.mean(dim=(2, 3), keepdim=True)  # (1, filters, 1, 1)
    cells = torch.relu((weights * maps).sum(dim=1))[0].detach().cpu().numpy()  # (rows, columns)
    height, width = inputs.shape[2:]
    placement = _cells(network, layer, inputs)
    if placement is None:
        placement = Placement.of((slice(0, height), slice(0, width)), at=whole(cells))
    room = 1 + int(max(height, width) / min(placement.pixel_height, placement.pixel_width))
    wider = np.pad(cells, room, mode="edge")  # the outermost cells see as far as the edge
    placement = Placement(-room, -room, 1, 1).within(placement)
    return torch.from_numpy(placement.onto(wider, height, width))


def _belonging(network: "Network", layer: str) -> "tuple[nn.Module, list[nn.Module]]":
    """Return the activation of a convolution, and all layers up to it that work on each cell by itself.

    Without an activation it is the convolution, and there are none.
    """
    from torch import nn

    from imagelet.networks.layers import Pool

    names = [name for name, _ in network.named_children()]
    kept: list[nn.Module] = []
    for module in list(network.children())[names.index(layer) + 1 :] if layer in names else ():
        if isinstance(module, nn.ReLU | nn.GELU | nn.SiLU | nn.Tanh | nn.Sigmoid):
            return module, [*kept, module]
        if isinstance(module, nn.BatchNorm2d):
            kept.append(module)
        elif not isinstance(module, Pool | nn.Dropout):
            break
    return network.get_submodule(layer), []


def _cells(network: "Network", layer: str, images: "Tensor") -> Placement | None:
    """Return where a convolution's cells lie in the image: each in the middle of the pixels that it sees.

    None where the convolution is inside another layer, or one before it works in an unknown way.
    """
    from torch import nn

    from imagelet.networks.layers import Pool

    centres, steps = [0.5, 0.5], [1.0, 1.0]  # pixels: the first cell's centre, and from one to the next
    for name, module in network.named_children():
        sides = images.shape[2:]
        images = module(images)
        if isinstance(module, nn.Conv2d | Pool):
            for axis in (0, 1):
                span, stride, before = _window(module, sides[axis], axis)
                centres[axis] += steps[axis] * ((span - 1) / 2 - before)
                steps[axis] *= stride
        elif images.shape[2:] != sides:
            return None
        if name == layer:
            return Placement(*(c - step / 2 for c, step in zip(centres, steps, strict=True)), *steps)
    return None


def _window(module: "nn.Conv2d | Pool", side: int, axis: int) -> tuple[int, int, int]:
    """Return a window's span, its stride, and the cells of padding before; 0: down, 1: across."""
    from torch import nn

    if isinstance(module, nn.Conv2d):
        kernel, dilation, stride = module.kernel_size[axis], module.dilation[axis], module.stride[axis]
        same, padding = getattr(module, "same", module.padding == "same"), module.padding
    else:
        kernel, dilation, stride = module.size[axis], 1, module.stride[axis]
        same, padding = module.padding == "same", module.padding
    span = (kernel - 1) * dilation + 1
    if same:
        return span, stride, same_padding(side, kernel, stride, dilation)[0]
    return span, stride, 0 if isinstance(padding, str) else padding[axis]
