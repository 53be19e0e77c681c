"""Images that belong to no class, made of images that do: torn up, laid over each other, mixed.

A network that has seen nothing but digits calls everything a digit, and with confidence. One that has also
seen what digits are not, and was told to answer every class alike, doubts what it does not know. The idea is
outlier exposure (Hendrycks et al. 2019, arXiv 1812.04606), without its foreign images: here all are made of
the training images.
"""

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from imagelet.data.imageset import Turned

FATTEST = 9  # pixels, odd: no stroke is left in a digit of 28 pixels that has grown by so much


def tear(
    images: Tensor,
    labels: Tensor,
    count: int,
    generator: torch.Generator,
    turned: Sequence[Turned] = (),
) -> Tensor:
    """Return images that belong to no class.

    Args:
        images: float (n, channels, height, width).
        labels: int (n,), of several classes: those that are mixed differ, if four tries find one.
        count: how many to return.
        generator: the only source of randomness, on the images' device.
        turned: which images are of no class when they are turned; they are among those returned.

    Returns:
        Float (count, channels, height, width); none where ``count`` is 0 or there are fewer than 4 images.
    """
    n = len(images)
    if count == 0 or n < 4:
        return images[:0]
    each = -(-count // (len(_WAYS) + len(turned)))
    places = torch.arange(each, device=images.device)
    torn = []
    for way in _WAYS:
        order = torch.randperm(n, generator=generator, device=images.device)
        one, other = order[places % n], order[(places + n // 2) % n]
        for further in range(1, min(4, n - n // 2)):
            alike = labels[one] == labels[other]
            other = torch.where(alike, order[(places + n // 2 + further) % n], other)
        torn.append(way(images[one], images[other], generator))
    for turn in turned:
        order = torch.randperm(n, generator=generator, device=images.device)
        of_classes = torch.isin(labels[order], torch.tensor(turn.classes, device=images.device))
        torn.append(_turned(images[order[of_classes][:each]], turn))
    return torch.cat(torn)[:count].contiguous(memory_format=torch.channels_last)


def distance_from_doubt(logits: Tensor) -> Tensor:
    """Return how far the answers (n, classes) are from every class alike: the mean divergence, in nats."""
    return -logits.log_softmax(dim=1).mean() - math.log(logits.shape[1])


def _halves(one: Tensor, other: Tensor, generator: torch.Generator) -> Tensor:
    """Join the upper half of one image to the lower half of another, or the left to the right."""
    down, across = _second_halves(one)
    sideways = torch.rand(len(one), 1, 1, 1, generator=generator, device=one.device) < 0.5
    return torch.where(torch.where(sideways, across, down), one, other)


def _swapped(one: Tensor, other: Tensor, _: torch.Generator) -> Tensor:
    """Swap the halves of an image, both ways, every second quarter from another image."""
    down, across = _second_halves(one)
    return torch.where(down ^ across, one, other).roll((one.shape[2] // 2, one.shape[3] // 2), (2, 3))


def _overlaid(one: Tensor, other: Tensor, _: torch.Generator) -> Tensor:
    """Lay another image over an image, mirrored at its diagonal: of each the pixels that stand out more."""
    turned = F.interpolate(other.transpose(2, 3), one.shape[2:])
    stronger = (one - _ground(one)).abs() >= (turned - _ground(turned)).abs()
    return torch.where(stronger, one, turned)


def _shuffled(one: Tensor, other: Tensor, generator: torch.Generator) -> Tensor:
    """Shuffle rows and columns: blocks of an eighth of the side in one half, single ones in the other."""
    half = len(one) // 2
    parts = []
    for images, size in ((one[:half], max(2, one.shape[2] // 8)), (other[half:], 1)):
        rows, columns = (_shuffled_places(side, size, generator, one.device) for side in one.shape[2:])
        parts.append(images[:, :, rows][:, :, :, columns])
    return torch.cat(parts)


def _tiled(one: Tensor, other: Tensor, _: torch.Generator) -> Tensor:
    """Put four small images into one."""
    (top, bottom), (left, right) = ((side // 2, side - side // 2) for side in one.shape[2:])
    rows = []
    for height, pair in ((top, (one, other)), (bottom, (other.roll(1, 0), one.roll(1, 0)))):
        small = [
            F.interpolate(images, (height, width), mode="area")
            for images, width in zip(pair, (left, right), strict=True)
        ]
        rows.append(torch.cat(small, dim=3))
    return torch.cat(rows, dim=2)


def _fattened(one: Tensor, other: Tensor, _: torch.Generator) -> Tensor:
    """Let an image grow until its shape is a blot, which shows another image, stretched."""
    ground, third = _ground(one), other.shape[2] // 3
    blot = F.max_pool2d((one - ground).abs(), FATTEST, stride=1, padding=FATTEST // 2)
    texture = F.interpolate(other[:, :, third:-third], one.shape[2:], mode="bilinear")
    polarity = (one - ground).sum((1, 2, 3), keepdim=True).sign()
    return ground + polarity * blot * (1 + texture.sigmoid()) / 2


def _turned(images: Tensor, turn: Turned) -> Tensor:
    """Mirror and turn images; where they are not square, they are stretched to their shape again."""
    mirrored = images.flip(3) if turn.mirrored else images
    return F.interpolate(mirrored.rot90(turn.quarters, (2, 3)), images.shape[2:])


_WAYS: tuple[Callable[[Tensor, Tensor, torch.Generator], Tensor], ...] = (
    _halves,
    _swapped,
    _overlaid,
    _shuffled,
    _tiled,
    _fattened,
)


def _second_halves(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return which pixels are below the middle (height, 1), and which right of it (width,)."""
    height, width = images.shape[2:]
    down = torch.arange(height, device=images.device)[:, None] >= height // 2
    return down, torch.arange(width, device=images.device) >= width // 2


def _ground(images: Tensor) -> Tensor:
    """Return the median of each image's corners: (n, channels, 1, 1)."""
    corners = images[:, :, :: images.shape[2] - 1, :: images.shape[3] - 1]
    return corners.flatten(2).median(dim=2).values[:, :, None, None]


def _shuffled_places(side: int, size: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """Return the places along a side in blocks of ``size``, shuffled."""
    blocks = torch.arange(0, side, size, device=device)
    order = torch.randperm(len(blocks), generator=generator, device=device)
    places = (blocks[order][:, None] + torch.arange(size, device=device)).flatten()
    return places[places < side]
