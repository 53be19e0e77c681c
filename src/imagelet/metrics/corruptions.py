"""Corruptions of images, each at several strengths: rotation, blur, noise, and others.

Each is a pure function of (images, strength); what is drawn at random is drawn with a fixed seed. Where a
change has two directions, every second image takes the other one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

Images = NDArray[np.uint8]  # (n, height, width, channels)


@dataclass(frozen=True)
class Corruption:
    """One way to change images.

    Attributes:
        name: one word.
        unit: of its strengths.
        strengths: in the order in which they are shown.
        change: from images to images of the same shape.
    """

    name: str
    unit: str
    strengths: tuple[float, ...]
    change: Callable[[Images, float], Images]


def rotated(images: Images, degrees: float) -> Images:
    """Turn each image about its centre, one to the left, the next to the right."""
    return _each(
        images,
        lambda image, index: scipy.ndimage.rotate(
            image, (-1) ** index * degrees, (1, 0), reshape=False, order=1, mode="nearest"
        ),
    )


def moved(images: Images, percent: float) -> Images:
    """Move each image by so many percent of its side, each to another of the four corners."""
    down, across = (percent / 100 * side for side in images.shape[1:3])

    def move(image: NDArray[np.float32], index: int) -> NDArray[np.float32]:
        by = (down * (1, 1, -1, -1)[index % 4], across * (1, -1, 1, -1)[index % 4], 0)
        shifted: NDArray[np.float32] = scipy.ndimage.shift(image, by, order=1, mode="nearest")
        return shifted

    return _each(images, move)


def scaled(images: Images, factor: float) -> Images:
    """Make what is on each image larger or smaller by a factor, its centre kept."""
    middle = (np.array(images.shape[1:3]) - 1) / 2

    def scale(image: NDArray[np.float32], _: int) -> NDArray[np.float32]:
        if factor < 1:  # shrinking takes every pixel into account
            image = scipy.ndimage.gaussian_filter(image, (0.4 / factor, 0.4 / factor, 0))
        matrix = np.diag([1 / factor, 1 / factor, 1])
        offset = np.append(middle - middle / factor, 0)
        larger: NDArray[np.float32] = scipy.ndimage.affine_transform(
            image, matrix, offset, order=1, mode="nearest"
        )
        return larger

    return _each(images, scale)


def thinner(images: Images, pixels: float) -> Images:
    """Take so many pixels from each side of what is light."""
    return _eroded(images, pixels)


def thicker(images: Images, pixels: float) -> Images:
    """Add so many pixels to each side of what is light."""
    return np.asarray(255 - _eroded(255 - images, pixels), np.uint8)


def blurred(images: Images, pixels: float) -> Images:
    """Blur each image by a Gaussian of so many pixels' deviation."""
    return _as_pixels(scipy.ndimage.gaussian_filter(_float(images), (0, pixels, pixels, 0), mode="nearest"))


def noisy(images: Images, deviation: float) -> Images:
    """Add Gaussian noise of a deviation, in grey levels of 255."""
    noise = np.random.default_rng(0).normal(0, deviation, images.shape)
    return _as_pixels(images + noise)


def inverted(images: Images, _: float) -> Images:
    """Make light what was dark."""
    return np.asarray(255 - images, np.uint8)


def fainter(images: Images, contrast: float) -> Images:
    """Bring all grey levels nearer to the middle one, to a share of the contrast."""
    return _as_pixels(127.5 + (images - 127.5) * contrast)


def brighter(images: Images, levels: float) -> Images:
    """Add grey levels to each pixel, one image brighter, the next darker."""
    signs = np.where(np.arange(len(images)) % 2, -1, 1)[:, None, None, None]
    return _as_pixels(images + signs * levels)


CORRUPTIONS = (
    Corruption("rotation", "degrees", (10, 20, 30, 45), rotated),
    Corruption("shift", "% of the side", (5, 10, 15, 20), moved),
    Corruption("scale", "times the size", (0.5, 0.75, 1.2, 1.4), scaled),
    Corruption("thin", "pixels a side", (0.5, 1, 1.5, 2), thinner),
    Corruption("thick", "pixels a side", (0.5, 1, 1.5, 2), thicker),
    Corruption("blur", "pixels", (0.5, 1, 1.5, 2), blurred),
    Corruption("noise", "of 255 levels", (15, 30, 60, 90), noisy),
    Corruption("inversion", "", (1,), inverted),
    Corruption("contrast", "of the full one", (0.5, 0.25, 0.1, 0.05), fainter),
    Corruption("brightness", "of 255 levels", (30, 60, 90, 120), brighter),
)


def _each(images: Images, change: Callable[[NDArray[np.float32], int], NDArray[np.float32]]) -> Images:
    """Change image by image; ``change`` is given each image's index, too."""
    return _as_pixels(np.stack([change(_float(image), index) for index, image in enumerate(images)]))


def _eroded(images: Images, pixels: float) -> Images:
    """Erode by whole pixels, then by a part of one: between the image and its erosion."""
    current = _float(images)
    for part in (1.0,) * int(pixels) + ((pixels % 1,) if pixels % 1 else ()):
        smaller = scipy.ndimage.minimum_filter(current, (1, 3, 3, 1), mode="nearest")
        current = current + np.float32(part) * (smaller - current)
    return _as_pixels(current)


def _float(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return images.astype(np.float32)


def _as_pixels(values: NDArray[np.floating]) -> Images:
    pixels: Images = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return pixels
