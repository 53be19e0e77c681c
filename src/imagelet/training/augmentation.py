"""Augmentation: batched, on the device, pure functions of (images, numbers, generator)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from imagelet.training.recipe import Recipe


def augment(images: Tensor, recipe: Recipe, generator: torch.Generator, *, flips: bool) -> Tensor:
    """Return randomly moved copies of ``images``, as the recipe says.

    Args:
        images: float (n, channels, height, width), normalised.
        recipe: its ``shift``, ``rotation``, ``scaling`` and ``flip``.
        generator: the only source of randomness, on the images' device.
        flips: the dataset's card says that a mirrored image keeps its class.

    Returns:
        Float images of the same shape. Where an image moves, its edge pixels fill the gap.
    """
    if recipe.flip and flips:
        images = flip(images, generator)
    if recipe.rotation or recipe.scaling or recipe.shift % 1:
        return move(images, recipe.shift, recipe.rotation, recipe.scaling, generator)
    if recipe.shift:
        return shift(images, int(recipe.shift), generator)
    return images


def flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each of the images (n, channels, height, width) left to right with probability one half."""
    mirrored = torch.rand(len(images), generator=generator, device=images.device) < 0.5
    return torch.where(mirrored[:, None, None, None], images.flip(3), images)


def shift(images: Tensor, pixels: int, generator: torch.Generator) -> Tensor:
    """Shift each of the images (n, channels, height, width) by up to ``pixels`` whole pixels each way."""
    n, _, height, width = images.shape
    offsets = torch.randint(-pixels, pixels + 1, (2, n), generator=generator, device=images.device)
    rows = (torch.arange(height, device=images.device) + offsets[0, :, None]).clamp_(0, height - 1)
    columns = (torch.arange(width, device=images.device) + offsets[1, :, None]).clamp_(0, width - 1)
    which = torch.arange(n, device=images.device)[:, None, None]
    channels_last = images.permute(0, 2, 3, 1)  # (n, height, width, channels)
    return channels_last[which, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def move(images: Tensor, pixels: float, degrees: float, share: float, generator: torch.Generator) -> Tensor:
    """Rotate, scale and shift each of the images (n, channels, height, width) about its centre.

    Args:
        images: float images.
        pixels: largest shift, each way.
        degrees: largest rotation, each way.
        share: scales lie between 1 / (1 + share) and 1 + share, evenly in the logarithm.
        generator: the only source of randomness.
    """
    n, _, height, width = images.shape
    uniform = torch.rand(4, n, generator=generator, device=images.device) * 2 - 1
    angle = uniform[0] * math.radians(degrees)
    zoom = torch.exp(uniform[1] * math.log1p(share))
    cosine, sine = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    across, down = uniform[2] * 2 * pixels / width, uniform[3] * 2 * pixels / height
    # From the place in the result to the place in the image; coordinates run from -1 to 1 over each side.
    matrix = torch.stack(
        [
            torch.stack([cosine, -sine * height / width, across], dim=1),
            torch.stack([sine * width / height, cosine, down], dim=1),
        ],
        dim=1,
    )  # (n, 2, 3)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)  # (n, height, width, 2)
    moved = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return moved.contiguous(memory_format=torch.channels_last)
