"""A person's own handwriting, brought to the form in which MNIST holds its digits.

MNIST's digits are light on black, boxed with their aspect kept, antialiased, and moved by whole pixels so
that the centre of mass is the image's centre (Y. LeCun et al., "Gradient-Based Learning Applied to Document
Recognition", 1998, section III.A; C. Yadav and L. Bottou, "Cold Case: the Lost MNIST Digits", 2019).
A network that has seen nothing else fails on dark ink, on grey paper, on digits that are small or aside.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from imagelet.preprocessing.ink import Ink, contrast_of, darkness_of, extent, ink_of, without_specks
from imagelet.preprocessing.picture import border, with_channels

LOW_CONTRAST = 0.25  # of black to white, between paper and ink
THINNEST_STROKE = 2.0  # pixels in a box of MNIST_BOX; MNIST's own strokes are 2 to 4 wide
MNIST_BOX = 20  # pixels


def normalise(picture: NDArray[np.uint8], height: int, width: int, box: float) -> NDArray[np.uint8]:
    """Return handwriting as the dataset holds it: light ink on black, boxed, its mass in the middle.

    Args:
        picture: uint8 (any, any, 1 or 3), any polarity.
        height: of the result, in pixels.
        width: of the result, in pixels.
        box: the share of the side that the longer side of the ink fills, above 0 and at most 1.

    Returns:
        uint8 (height, width, 1); all black where the picture holds no ink. One that is such an image already
        is returned unchanged.
    """
    grey = with_channels(picture, 1)
    if grey.shape[:2] == (height, width) and is_light_on_black(grey):
        return grey
    ink = without_specks(ink_of(grey))
    if not ink.any():
        return np.zeros((height, width, 1), np.uint8)
    boxed = ink[extent(ink > 0)]
    scale = box * min(height / boxed.shape[0], width / boxed.shape[1])
    boxed = thickened(boxed, scale, THINNEST_STROKE / MNIST_BOX * box * min(height, width))
    scale = box * min(height / boxed.shape[0], width / boxed.shape[1])
    size = (max(1, round(boxed.shape[0] * scale)), max(1, round(boxed.shape[1] * scale)))
    return centred(_scaled(boxed, *size), height, width)


def warnings(picture: NDArray[np.uint8]) -> list[str]:
    """Return what a person should know about a picture of handwriting; nothing where all is well.

    Args:
        picture: uint8 (any, any, 1 or 3).
    """
    grey = with_channels(picture, 1)
    ink = ink_of(grey)
    if not ink.any():
        return ["the picture is blank: no ink was found"]
    found = []
    if contrast_of(darkness_of(grey)) < LOW_CONTRAST:
        found.append("the contrast is low: write with a darker pen, or in better light")
    kept = without_specks(ink)
    edge = border((kept > 0)[:, :, np.newaxis].astype(np.uint8))
    if edge.any():
        found.append("the ink touches the edge: leave room around it")
    return found


def is_light_on_black(grey: NDArray[np.uint8]) -> bool:
    """Tell whether an image (height, width, 1) has light ink on a black border, as MNIST's have."""
    edge = border(grey)
    return bool(np.median(edge) == 0 and np.mean(edge > 0) < 0.5 and grey.max() >= 128)


def thickened(ink: Ink, scale: float, thinnest: float) -> Ink:
    """Return ink whose strokes are at least ``thinnest`` pixels wide once it is scaled by ``scale``.

    A thin pen on a large sheet leaves next to nothing in a small image.
    """
    width = stroke_width(ink)
    missing = round((thinnest / scale - width) / 2)
    if missing <= 0:
        return ink
    padded = np.pad(ink, missing)
    image = Image.fromarray(np.rint(padded * 255).astype(np.uint8))
    for _ in range(missing):
        image = image.filter(ImageFilter.MaxFilter(3))
    return (np.asarray(image) / 255).astype(np.float32)


def stroke_width(ink: Ink) -> float:
    """Return the mean width of the strokes in pixels: twice the area by the length of the outline."""
    mask = np.pad(ink > 0.5, 1)
    outline = sum(int(np.count_nonzero(np.diff(mask, axis=axis))) for axis in (0, 1))
    return 2 * float(ink.sum()) / max(1.0, outline * np.pi / 4)  # an outline of pixels is 4/π too long


def centred(ink: Ink, height: int, width: int) -> NDArray[np.uint8]:
    """Return ``ink`` in an image, uint8 (height, width, 1), its centre of mass in the middle.

    The middle is pixel ``side / 2``, counted from 0: in all of MNIST's test images the centre of mass is
    between 13.5 and 14.5. It moves by whole pixels, so no stroke is blurred, and never over the edge. The
    strongest ink becomes 255.
    """
    total = float(ink.sum())
    image = np.zeros((height, width), np.float32)
    starts = []
    for axis, side in enumerate((height, width)):
        mass = float(ink.sum(axis=1 - axis) @ np.arange(ink.shape[axis])) / total
        starts.append(min(max(0, round(side / 2 - mass)), side - ink.shape[axis]))
    top, left = starts
    image[top : top + ink.shape[0], left : left + ink.shape[1]] = ink / ink.max()
    return np.rint(image * 255).astype(np.uint8)[:, :, np.newaxis]


def _scaled(ink: Ink, height: int, width: int) -> Ink:
    """Return ``ink`` with another size; every pixel counts when it shrinks, so thin strokes stay whole."""
    image = Image.fromarray(ink)
    shrinks = height < ink.shape[0]
    method = Image.Resampling.BOX if shrinks else Image.Resampling.BICUBIC
    return np.clip(np.asarray(image.resize((width, height), method), np.float32), 0, 1)
