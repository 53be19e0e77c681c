"""The speed-record family: whitening, three groups of convolutions, one small head.

    whiten gelu [conv pool norm gelu conv norm gelu] × 3  global_max dense

No convolution after the first has a bias, no normalisation a scale, and pooling comes before what it makes
cheaper. After Keller Jordan's airbench (2024, arXiv 2404.00498) and David Page's "How to train your ResNet"
(2018), which it goes back to.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from imagelet.networks.layer_kind import Layer, Shape
from imagelet.networks.layers import BatchNorm, Conv, Dense, Gelu, GlobalMax, Pool

if TYPE_CHECKING:
    from torch import nn

NARROW, WIDE = (32, 64, 128), (64, 256, 256)  # the filters of each group's two convolutions
LARGEST_UNPOOLED = 40  # cells: a larger map is pooled before the first group
SMALLEST_POOLED = 4  # cells: a map with a shorter side is not made smaller


class Whitening(Conv):
    """2×2 patches projected onto their principal directions: a convolution whose weights are worked out."""

    def build(self, shape: Shape) -> "nn.Module":
        """Return its module; it is no layer of network text."""
        from imagelet.networks.modules import Whiten

        return Whiten(shape[-1])


class Shift(BatchNorm):
    """Batch normalisation that learns a shift and no scale."""

    def build(self, shape: Shape) -> "nn.Module":
        """Return its module; it is no layer of network text."""
        from imagelet.networks.modules import ShiftNorm

        return ShiftNorm(shape[-1])


def layers(
    widths: Sequence[int], channels: int, size: int | tuple[int, int], classes: int
) -> list[tuple[str, Layer]]:
    """Return the named layers of a network of the family.

    Args:
        widths: the filters of each group's two convolutions.
        channels: of the images.
        size: their side, or (height, width).
        classes: how many logits it gives.
    """
    shortest = (size if isinstance(size, int) else min(size)) - 1
    named: list[tuple[str, Layer]] = [("whiten", Whitening(8 * channels, (2, 2))), ("gelu1", Gelu())]
    while shortest > LARGEST_UNPOOLED:
        named.append((f"shrink{len(named) - 1}", Pool((2, 2))))
        shortest //= 2
    for group, width in enumerate(widths, start=1):
        conv, norm = Conv(width, (3, 3), "same", bias=False), Shift(0.6, 1e-12)
        named.append((f"conv{2 * group - 1}", conv))
        if shortest >= SMALLEST_POOLED:
            named.append((f"pool{group}", Pool((2, 2))))
            shortest //= 2
        named += [
            (f"norm{2 * group - 1}", norm),
            (f"gelu{2 * group}", Gelu()),
            (f"conv{2 * group}", conv),
            (f"norm{2 * group}", norm),
            (f"gelu{2 * group + 1}", Gelu()),
        ]
    return [*named, ("global_max", GlobalMax()), ("dense", Dense(classes, bias=False))]


def family(
    widths: Sequence[int], channels: int, size: int | tuple[int, int], classes: int
) -> "nn.Sequential":
    """Return a network of the family, its arguments those of :func:`layers`.

    Each convolution at first passes its input on in as many filters as there are channels.
    """
    from torch import nn

    height, width = (size, size) if isinstance(size, int) else size
    shape: Shape = (height, width, channels)
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    for name, layer in layers(widths, channels, size, classes):
        modules[name] = module = layer.build(shape)
        if type(layer) is Conv and isinstance(module, nn.Conv2d):
            nn.Conv2d.reset_parameters(module)
            nn.init.dirac_(module.weight.data[: module.in_channels])
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=1 / module.in_features)
        shape = layer.output_shape(shape)
    return nn.Sequential(modules)


def fast_narrow(channels: int, size: int | tuple[int, int], classes: int) -> "nn.Sequential":
    """Return a network of 0.3 million parameters, 12 million multiply-adds at 28×28."""
    return family(NARROW, channels, size, classes)


def fast_wide(channels: int, size: int | tuple[int, int], classes: int) -> "nn.Sequential":
    """Return the network of airbench94: 2 million parameters, 0.12 billion multiply-adds at 32×32."""
    return family(WIDE, channels, size, classes)
