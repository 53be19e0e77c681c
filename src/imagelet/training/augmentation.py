"""Augmentation of whole batches on the device: functions of images, amounts and a random generator."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from imagelet.training.recipe import Augmentation


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
