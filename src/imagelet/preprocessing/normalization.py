"""Normalization: from pixels to network input, for training and prediction alike."""

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor

SMALLEST_STD = 1 / 255  # of pixels from 0 to 1; images of one colour have none
MEASURED_AT_ONCE = 1 << 22  # pixels


@dataclass(frozen=True)
class Normalization:
    """The mean and standard deviation by which each channel is normalized, of pixels from 0 to 1.

    Args:
        mean: one for each channel, finite.
        std: one for each channel, finite and above 0.

    Raises:
        ValueError: other lengths or values.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.mean or len(self.mean) != len(self.std):
            counts = f"{len(self.mean)} means and {len(self.std)} standard deviations"
            raise ValueError(f"{counts}; each channel has one of both")
        if not all(math.isfinite(value) for value in (*self.mean, *self.std)) or min(self.std) <= 0:
            raise ValueError("means must be finite numbers, standard deviations finite numbers above 0")

    @classmethod
    def of(cls, images: np.ndarray, kind: str) -> "Normalization":
        """Return the normalization of ``images``, uint8 (n, height, width, channels).

        Args:
            images: the training images; may be memory-mapped.
            kind: ``scale``: pixels from 0 to 1; ``standardize``: then mean 0 and standard deviation 1.
        """
        if kind == "scale":
            channels = images.shape[3]
            return cls((0.0,) * channels, (1.0,) * channels)
        return cls.of_sums(pixel_sums(images), kind)

    @classmethod
    def of_sums(cls, sums: "PixelSums", kind: str) -> "Normalization":
        """Return what :meth:`of` does, of images whose sums are known already."""
        total, squares = (values.astype(np.float64) for values in sums[:2])  # exact below 2**53
        if kind == "scale":
            return cls((0.0,) * len(total), (1.0,) * len(total))
        mean = total / sums.pixels / 255
        std = np.sqrt(np.maximum(squares / sums.pixels / 255**2 - mean**2, SMALLEST_STD**2))
        return cls(tuple(float(value) for value in mean), tuple(float(value) for value in std))

    def apply(self, images: "Tensor") -> "Tensor":
        """Return network input for ``images``.

        Args:
            images: uint8 (n, height, width, channels).

        Returns:
            float32 (n, channels, height, width) on the same device, channels last in memory.
        """
        scale, offset = _scale_and_offset(self, images.device)
        scaled = images * scale  # (n, height, width, channels)
        if any(self.mean):
            scaled.add_(offset)
        return scaled.permute(0, 3, 1, 2)  # (n, channels, height, width)

    def apply_to_array(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what :meth:`apply` does, by NumPy: float32 (n, height, width, channels)."""
        mean, std = np.array(self.mean), np.array(self.std)
        scale, offset = (1 / (255 * std)).astype(np.float32), (-mean / std).astype(np.float32)
        made: NDArray[np.float32] = images * scale + offset
        return made

    def to_json(self) -> dict[str, list[float]]:
        """Return ``{"mean": […], "std": […]}``."""
        return {"mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_json(cls, content: object) -> "Normalization":
        """Return the normalization that :meth:`to_json` wrote.

        Raises:
            ValueError: anything but that.
        """
        if not isinstance(content, Mapping) or set(content) != {"mean", "std"}:
            raise ValueError("a normalization holds mean and std, nothing else")
        return cls(_numbers(content["mean"]), _numbers(content["std"]))


class PixelSums(NamedTuple):
    """What mean and standard deviation of pixels from 0 to 255 are made of.

    Attributes:
        total: whole numbers (channels,), the sum of all pixels of a channel.
        squares: whole numbers (channels,), the sum of their squares.
        pixels: how many pixels a channel has.
    """

    total: np.ndarray
    squares: np.ndarray
    pixels: int


def pixel_sums(images: np.ndarray) -> PixelSums:
    """Return the sums of ``images``, uint8 (n, height, width, channels), which may be memory-mapped."""
    channels = images.shape[3]
    total, squares = np.zeros(channels, np.uint64), np.zeros(channels, np.uint64)
    values = np.arange(256, dtype=np.uint64)
    rows = max(1, MEASURED_AT_ONCE // images[0].size)
    for start in range(0, len(images), rows):
        pixels = images[start : start + rows].reshape(-1, channels)
        for channel in range(channels):
            count = np.bincount(pixels[:, channel], minlength=256).astype(np.uint64)
            total[channel] += count @ values
            squares[channel] += count @ values**2
    return PixelSums(total, squares, images.size // channels)


@functools.lru_cache(maxsize=16)
def _scale_and_offset(normalization: Normalization, device: "torch.device") -> "tuple[Tensor, Tensor]":
    """Return float32 (channels,) and (channels,) on ``device``: pixels · scale + offset is network input."""
    import torch

    pairs = list(zip(normalization.mean, normalization.std, strict=True))
    scale = torch.tensor([1 / (255 * std) for _, std in pairs], device=device)
    return scale, torch.tensor([-mean / std for mean, std in pairs], device=device)


def _numbers(values: Any) -> tuple[float, ...]:
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise ValueError("a normalization's mean and std are lists of numbers")
    return tuple(float(value) for value in values)
