"""Outlier exposure: images of no class, made of training images; their target is equal probabilities.

A network that was trained on nothing but digits calls everything a digit, with confidence. One that was also
trained to give outliers equal probabilities is unsure about what it does not know. The idea is that of
Hendrycks et al. 2019 (arXiv 1812.04606), without other datasets: here outliers are made of the training
images, cut up, laid over each other and mixed.
"""

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from imagelet.data.imageset import Turned

BLOT = 9  # pixels, odd: a digit of 28 pixels whose strokes grow by so much is a blot


def make_outliers(
    images: Tensor, labels: Tensor, count: int, generator: torch.Generator, turned: Sequence[Turned] = ()
) -> Tensor:
    """Return images that belong to no class.

    Args:
        images: float (n, channels, height, width).
        labels: int (n,). Images of different classes are mixed, if one of four tries finds another class.
        count: how many to return.
        generator: the only source of randomness, on the images' device.
        turned: which images belong to no class once they are turned; some of these are returned, too.

    Returns:
        Float (count, channels, height, width); none where ``count`` is 0 or there are fewer than 4 images.
    """
    n = len(images)
    if count == 0 or n < 4:
        return images[:0]
    of_each = -(-count // (len(_METHODS) + len(turned)))
    positions = torch.arange(of_each, device=images.device)
    outliers = []
    for method in _METHODS:
        order = torch.randperm(n, generator=generator, device=images.device)
        first, second = order[positions % n], order[(positions + n // 2) % n]
        for further in range(1, min(4, n - n // 2)):
            same_class = labels[first] == labels[second]
            second = torch.where(same_class, order[(positions + n // 2 + further) % n], second)
        outliers.append(method(images[first], images[second], generator))
    for turn in turned:
        order = torch.randperm(n, generator=generator, device=images.device)
        of_classes = torch.isin(labels[order], torch.tensor(turn.classes, device=images.device))
        outliers.append(_turn(images[order[of_classes][:of_each]], turn))
    return torch.cat(outliers)[:count].contiguous(memory_format=torch.channels_last)


def divergence_from_uniform(logits: Tensor) -> Tensor:
    """Return how far the softmax of logits (n, classes) is from equal probabilities.

    The mean Kullback-Leibler divergence KL(equal probabilities || softmax), in nats.
    """
    return -logits.log_softmax(dim=1).mean() - math.log(logits.shape[1])


def _join_halves(first: Tensor, second: Tensor, generator: torch.Generator) -> Tensor:
    """Join the upper half of the second image to the lower half of the first, or left to right."""
    down, across = _middle_masks(first)
    sideways = torch.rand(len(first), 1, 1, 1, generator=generator, device=first.device) < 0.5
    return torch.where(torch.where(sideways, across, down), first, second)


def _swap_quarters(first: Tensor, second: Tensor, _: torch.Generator) -> Tensor:
    """Swap the quarters of an image; two of the four are from the second image."""
    down, across = _middle_masks(first)
    return torch.where(down ^ across, first, second).roll((first.shape[2] // 2, first.shape[3] // 2), (2, 3))


def _overlay(first: Tensor, second: Tensor, _: torch.Generator) -> Tensor:
    """Lay the transposed second image over the first: of each pixel, the one that stands out more."""
    turned = F.interpolate(second.transpose(2, 3), first.shape[2:])
    stronger = (first - _background(first)).abs() >= (turned - _background(turned)).abs()
    return torch.where(stronger, first, turned)


def _shuffle(first: Tensor, second: Tensor, generator: torch.Generator) -> Tensor:
    """Shuffle rows and columns: blocks of an eighth of the side in half of the images, else single."""
    half = len(first) // 2
    parts = []
    for images, size in ((first[:half], max(2, first.shape[2] // 8)), (second[half:], 1)):
        rows, columns = (_shuffled_positions(side, size, generator, first.device) for side in first.shape[2:])
        parts.append(images[:, :, rows][:, :, :, columns])
    return torch.cat(parts)


def _tile(first: Tensor, second: Tensor, _: torch.Generator) -> Tensor:
    """Put four small images into one, two of each."""
    (top, bottom), (left, right) = ((side // 2, side - side // 2) for side in first.shape[2:])
    rows = []
    for height, pair in ((top, (first, second)), (bottom, (second.roll(1, 0), first.roll(1, 0)))):
        small = [
            F.interpolate(images, (height, width), mode="area")
            for images, width in zip(pair, (left, right), strict=True)
        ]
        rows.append(torch.cat(small, dim=3))
    return torch.cat(rows, dim=2)


def _blot(first: Tensor, second: Tensor, _: torch.Generator) -> Tensor:
    """Let an image grow into a blot that shows the second image, stretched."""
    background, third = _background(first), second.shape[2] // 3
    blot = F.max_pool2d((first - background).abs(), BLOT, stride=1, padding=BLOT // 2)
    texture = F.interpolate(second[:, :, third:-third], first.shape[2:], mode="bilinear")
    polarity = (first - background).sum((1, 2, 3), keepdim=True).sign()
    return background + polarity * blot * (1 + texture.sigmoid()) / 2


def _turn(images: Tensor, turn: Turned) -> Tensor:
    """Mirror and turn images; where they are not square, they are stretched to their shape again."""
    mirrored = images.flip(3) if turn.mirrored else images
    return F.interpolate(mirrored.rot90(turn.quarters, (2, 3)), images.shape[2:])


_METHODS: tuple[Callable[[Tensor, Tensor, torch.Generator], Tensor], ...] = (
    _join_halves,
    _swap_quarters,
    _overlay,
    _shuffle,
    _tile,
    _blot,
)


def _middle_masks(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return which pixels lie below the middle (height, 1), and which right of it (width,)."""
    height, width = images.shape[2:]
    down = torch.arange(height, device=images.device)[:, None] >= height // 2
    return down, torch.arange(width, device=images.device) >= width // 2


def _background(images: Tensor) -> Tensor:
    """Return the median of each image's four corners: (n, channels, 1, 1)."""
    corners = images[:, :, :: images.shape[2] - 1, :: images.shape[3] - 1]
    return corners.flatten(2).median(dim=2).values[:, :, None, None]


def _shuffled_positions(side: int, size: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """Return the positions along a side in blocks of ``size``, shuffled."""
    blocks = torch.arange(0, side, size, device=device)
    order = torch.randperm(len(blocks), generator=generator, device=device)
    positions = (blocks[order][:, None] + torch.arange(size, device=device)).flatten()
    return positions[positions < side]
