"""The speed-record family: whitening, three groups of convolutions, one small head.

    whiten gelu [conv pool norm gelu conv norm gelu] × 3  global_max dense

No convolution after the first has a bias, no normalisation a scale, and pooling comes before what it makes
cheaper. After Keller Jordan's airbench (2024, arXiv 2404.00498) and David Page's "How to train your ResNet"
(2018), which it goes back to.
"""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from imagelet.networks.layers import Conv, Dense, GlobalMax, Pool

LARGEST_UNPOOLED = 40  # cells: a larger map is pooled before the first group
SMALLEST_POOLED = 4  # cells: a map with a shorter side is not made smaller
FITTED_AT_ONCE = 250  # images, whose patches take four times their memory
RIDGE = 5e-4  # added to the variances, so that a direction without any is not blown up


class Whiten(nn.Conv2d):
    """2×2 patches projected onto their principal directions, each with its negative, all of variance 1.

    The weights are no parameters: :meth:`fit` works them out of training images, and the gradient leaves them
    alone. The bias is learnt.

    Args:
        channels: of the images; 8 filters come of each.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 8 * channels, 2)
        self.weight.requires_grad_(False)

    @torch.no_grad()
    def fit(self, images: Tensor) -> None:
        """Set the weights by ``images`` (n, channels, height, width), as the network gets them.

        Source: Page 2018; the uncentred covariance and the ridge are airbench's.
        """
        products, number = torch.zeros((), device=images.device), 0
        for start in range(0, len(images), FITTED_AT_ONCE):
            part = images[start : start + FITTED_AT_ONCE].float()
            patches = functional.unfold(part, 2).transpose(1, 2).flatten(0, 1)  # (patches, 4·channels)
            products = products + patches.T @ patches
            number += len(patches)
        covariance = (products / number).cpu().double()  # a GPU may lack float64
        variances, directions = torch.linalg.eigh(covariance)  # ascending; a column a direction
        scaled = (directions / torch.sqrt(variances + RIDGE)).T.flip(0)  # a row a filter, largest first
        filters = scaled.view(-1, *self.weight.shape[1:]).to(self.weight.dtype)
        self.weight.copy_(torch.cat([filters, -filters]))


class Norm(nn.BatchNorm2d):
    """Batch normalisation that learns a shift and no scale."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-12, momentum=0.4)
        self.weight.requires_grad_(False)


def family(widths: Sequence[int], channels: int, size: int | tuple[int, int], classes: int) -> nn.Sequential:
    """Return a network of the family.

    Args:
        widths: the filters of each group's two convolutions.
        channels: of the images.
        size: their side, or (height, width).
        classes: how many logits it gives.
    """
    shortest = (size if isinstance(size, int) else min(size)) - 1
    layers: list[tuple[str, nn.Module]] = [("whiten", Whiten(channels)), ("gelu1", nn.GELU())]
    while shortest > LARGEST_UNPOOLED:
        layers.append((f"shrink{len(layers) - 1}", Pool((2, 2)).build(())))
        shortest //= 2
    before = 8 * channels
    for group, width in enumerate(widths, start=1):
        layers.append((f"conv{2 * group - 1}", _conv(before, width)))
        if shortest >= SMALLEST_POOLED:
            layers.append((f"pool{group}", Pool((2, 2)).build(())))
            shortest //= 2
        layers += [
            (f"norm{2 * group - 1}", Norm(width)),
            (f"gelu{2 * group}", nn.GELU()),
            (f"conv{2 * group}", _conv(width, width)),
            (f"norm{2 * group}", Norm(width)),
            (f"gelu{2 * group + 1}", nn.GELU()),
        ]
        before = width
    head = Dense(classes, bias=False).build((before,))
    assert isinstance(head, nn.Linear)
    nn.init.normal_(head.weight, std=1 / before)
    layers += [("global_max", GlobalMax().build(())), ("dense", head)]
    return nn.Sequential(OrderedDict(layers))


def fast_narrow(channels: int, size: int | tuple[int, int], classes: int) -> nn.Sequential:
    """Return a network of 0.3 million parameters, 12 million multiply-adds at 28×28."""
    return family((32, 64, 128), channels, size, classes)


def fast_wide(channels: int, size: int | tuple[int, int], classes: int) -> nn.Sequential:
    """Return the network of airbench94: 2 million parameters, 0.12 billion multiply-adds at 32×32."""
    return family((64, 256, 256), channels, size, classes)


def _conv(channels: int, filters: int) -> nn.Conv2d:
    """Return a 3×3 convolution that at first passes its input on in as many filters as there are channels."""
    conv = Conv(filters, (3, 3), "same", bias=False).build((1, 1, channels))
    assert isinstance(conv, nn.Conv2d)
    nn.Conv2d.reset_parameters(conv)
    nn.init.dirac_(conv.weight.data[:channels])
    return conv
