"""Random changes of whole batches on the device, and images of no class that are made of them.

Outlier exposure: a network that was trained on nothing but digits calls everything a digit, with confidence.
One that was also trained to give outliers equal probabilities is unsure about what it does not know. The idea
is that of Hendrycks et al. 2019 (arXiv 1812.04606), without other datasets: here outliers are made of the
training images, cut up, laid over each other and mixed.
"""

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from imagelet.data.imageset import Turned
from imagelet.training.recipe import Augmentation

BLOT = 9  # pixels, odd: a digit of 28 pixels whose strokes grow by so much is a blot


def augment(
    images: Tensor, amounts: Augmentation, generator: torch.Generator, *, mirrored: Tensor | None = None
) -> Tensor:
    """Return randomly changed copies of ``images``.

    Args:
        images: float (n, channels, height, width), normalized.
        amounts: what is changed, and how far at most; a recipe has it.
        generator: the only source of randomness, on the images' device.
        mirrored: bool (n,), which of them to mirror left to right; None: none.

    Returns:
        Float images of the same shape. Where an image moves, its edge pixels fill the gap.
    """
    if mirrored is not None:
        images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    if amounts.rotation or amounts.scaling or amounts.shear or amounts.shift % 1:
        images = transform(images, amounts, generator)
    elif amounts.shift:
        images = shift(images, int(amounts.shift), generator)
    if amounts.thickness:
        images = change_thickness(images, amounts.thickness, generator)
    if amounts.coarseness:
        images = lower_resolution(images, amounts.coarseness, generator)
    if amounts.blur:
        images = blur(images, amounts.blur, generator)
    if amounts.background:
        images = add_background(images, amounts.background, generator)
    if amounts.noise:
        images = add_noise(images, amounts.noise, generator)
    return cut_out(images, amounts.cutout, generator) if amounts.cutout else images


def mirrored_in(epoch: int, first: Tensor) -> Tensor:
    """Return which images (n,) are mirrored in an epoch: those of ``first`` in even epochs, else the others.

    So every two epochs show each image both ways; independent random flips do not.

    Source: Jordan 2024, arXiv 2404.00498, "alternating flip".
    """
    return first if epoch % 2 == 0 else ~first


def shift(images: Tensor, pixels: int, generator: torch.Generator) -> Tensor:
    """Shift each of the images (n, channels, height, width) by up to ``pixels`` whole pixels each way."""
    n, _, height, width = images.shape
    offsets = torch.randint(0, 2 * pixels + 1, (2, n), generator=generator, device=images.device)
    wider = F.pad(images, (pixels,) * 4, mode="replicate").permute(0, 2, 3, 1)
    windows = wider.unfold(1, height, 1).unfold(2, width, 1)  # (n, offsets, offsets, channels, height, width)
    moved = windows[torch.arange(n, device=images.device), offsets[0], offsets[1]]
    return moved.contiguous(memory_format=torch.channels_last)


def cut_out(images: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Set a square in each of the images (n, channels, height, width) to 0, the mean of standardized pixels.

    The centre of the square lies anywhere in the image, so a part of the square may lie outside.

    Source: DeVries and Taylor 2017, arXiv 1708.04552.
    """
    n, _, height, width = images.shape
    centres = torch.rand(2, n, 1, generator=generator, device=images.device)
    across = torch.arange(width, device=images.device) - (centres[0] * width).floor()  # (n, width)
    down = torch.arange(height, device=images.device) - (centres[1] * height).floor()  # (n, height)
    columns, rows = ((-(side // 2) <= offset) & (offset < side - side // 2) for offset in (across, down))
    inside = rows[:, :, None] & columns[:, None, :]  # (n, height, width)
    return images.masked_fill(inside[:, None], 0.0).contiguous(memory_format=torch.channels_last)


def transform(images: Tensor, amounts: Augmentation, generator: torch.Generator) -> Tensor:
    """Rotate, zoom, shear and shift each of the images (n, channels, height, width) about its centre.

    Rotation, shear and shift are drawn uniformly up to their amounts, each way; the zoom between
    1 / (1 + scaling) and 1 + scaling, uniformly in its logarithm.
    """
    n, _, height, width = images.shape
    uniform = torch.rand(5, n, generator=generator, device=images.device) * 2 - 1
    angle = uniform[0] * math.radians(amounts.rotation)
    zoom = torch.exp(uniform[1] * math.log1p(amounts.scaling))
    slant = torch.tan(uniform[4] * math.radians(amounts.shear))
    cosine, sine = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    across, down = uniform[2] * 2 * amounts.shift / width, uniform[3] * 2 * amounts.shift / height
    # From a position in the result to one in the image; coordinates run from -1 to 1 over each side.
    matrix = torch.stack(
        [
            torch.stack([cosine, (slant * cosine - sine) * height / width, across], dim=1),
            torch.stack([sine * width / height, slant * sine + cosine, down], dim=1),
        ],
        dim=1,
    )  # (n, 2, 3)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)  # (n, height, width, 2)
    moved = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return moved.contiguous(memory_format=torch.channels_last)


def change_thickness(images: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """Grow or shrink what is light in each of the images (n, channels, height, width).

    Each side of a stroke moves by up to ``most`` of a pixel: the result lies between the image and its 3 × 3
    dilation or erosion.
    """
    amount = (_uniform(images, generator) * 2 - 1) * most
    thick = F.max_pool2d(images, 3, stride=1, padding=1)
    thin = -F.max_pool2d(-images, 3, stride=1, padding=1)
    return torch.lerp(images, torch.where(amount > 0, thick, thin), amount.abs())


def lower_resolution(images: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Draw each of the images (n, channels, height, width) at half its resolution, with a ``probability``."""
    small = F.avg_pool2d(images, 2, ceil_mode=True)
    coarse = F.interpolate(small, images.shape[2:], mode="bilinear", align_corners=False)
    return torch.where(_uniform(images, generator) < probability, coarse, images)


def blur(images: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """Blend each of the images (n, channels, height, width) with its blur, by a weight of up to ``most``.

    The blur has the binomial weights 1, 2, 1 down and across; border pixels are repeated.
    """
    blurred = images
    for axis in (2, 3):
        positions = torch.arange(images.shape[axis], device=images.device)
        before = blurred.index_select(axis, (positions - 1).clamp(min=0))
        after = blurred.index_select(axis, (positions + 1).clamp(max=len(positions) - 1))
        blurred = (before + 2 * blurred + after) / 4
    return torch.lerp(images, blurred, _uniform(images, generator) * most)


def add_background(images: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """Put a gradient of grey behind what is light in each of the images (n, channels, height, width).

    It rises in a random direction from the image's darkest pixel, by up to ``most`` of the contrast, like
    paper under a lamp. Pixels that are lighter than the gradient stay.
    """
    height, width = images.shape[2:]
    angle = _uniform(images, generator) * 2 * math.pi
    across = torch.linspace(-0.5, 0.5, width, device=images.device)
    down = torch.linspace(-0.5, 0.5, height, device=images.device)[:, None]
    slope = torch.cos(angle) * across + torch.sin(angle) * down  # (n, 1, height, width)
    first, last = (getattr(slope, end)(dim=(2, 3), keepdim=True) for end in ("amin", "amax"))
    rise = (slope - first) / (last - first).clamp(min=1e-6) * _uniform(images, generator) * most
    dark, light = images.amin(dim=(1, 2, 3), keepdim=True), images.amax(dim=(1, 2, 3), keepdim=True)
    return torch.maximum(images, dark + (light - dark) * rise)


def add_noise(images: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """Add Gaussian noise to the images (n, channels, height, width), each with a deviation up to ``most``."""
    noise = torch.empty_like(images).normal_(generator=generator)
    return images + noise * (_uniform(images, generator) * most)


def _uniform(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return a random number from 0 to 1 for each image: (n, 1, 1, 1)."""
    return torch.rand(len(images), 1, 1, 1, generator=generator, device=images.device)


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
