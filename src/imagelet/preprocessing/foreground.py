"""An object on plain ground, brought to the form in which Fashion-MNIST holds its clothes.

Zalando's photos were trimmed to the object, scaled so that the longer side is the image's, negated (white
ground became black) and centred (H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747, 2017, section 2). Nothing
was cut out: cloth nearly as light as the ground keeps its faint lines. 99 % of the test images have a pixel
of 254 or 255, those of light clothes too, so the brightest pixel becomes white.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagelet.messages import Message
from imagelet.preprocessing import morphology
from imagelet.preprocessing.binarise import shrunk
from imagelet.preprocessing.connected_components import extent
from imagelet.preprocessing.geometry import UNMOVED, Part, Placement, whole
from imagelet.preprocessing.picture import border, with_channels
from imagelet.preprocessing.quantiles import median, quantiles

LONGEST_SIDE = 2048  # pixels; larger pictures are scaled down first: their parts and differences take memory
GROUND = 0.06  # of the largest difference from the ground; less is the ground's own grain
SMALLEST_PART = 0.02  # of the largest part's area; smaller ones are dust
UNEVEN = 0.1  # of the difference, that a plain ground's border varies at most
LEAST_DIFFERENCE = 0.1  # of black to white, between object and ground; it is stretched tenfold at most
AT_THE_EDGE = 0.3  # of the border, that the object covers at most


class Alone(NamedTuple):
    """An object alone.

    Attributes:
        image: uint8 (height, width, 1), the ground black.
        warnings: what a person should know about the picture; empty where all is well.
        unclear: no object was found, or the ground is not plain.
        placement: which part of the picture the image shows; None where no object was found.
    """

    image: NDArray[np.uint8]
    warnings: tuple[str, ...]
    unclear: bool
    placement: Placement | None


def alone(picture: NDArray[np.uint8], height: int, width: int) -> Alone:
    """Return the object of a picture on black, as large as the image allows, in its middle.

    Args:
        picture: uint8 (any, any, 1 or 3), an object on ground of one brightness.
        height: of the image, in pixels.
        width: of the image, in pixels.

    Returns:
        A picture of that size on black ground is returned unchanged.
    """
    small = shrunk(picture, LONGEST_SIDE)
    grey = with_channels(small, 1)[:, :, 0]
    edge = border(grey)
    ground = median(edge)
    if grey.shape == (height, width) and ground == 0:
        return Alone(grey[:, :, np.newaxis], (), unclear=False, placement=UNMOVED)
    difference = np.abs(grey - np.float32(ground)) / max(ground, 255 - ground)  # 0 to 1
    inside = _without_dust(difference > GROUND)
    if not inside.any() or difference.max() < LEAST_DIFFERENCE:
        nothing = (Message("no object stands out from the ground"),)
        return Alone(np.zeros((height, width, 1), np.uint8), nothing, unclear=True, placement=None)
    warnings = []
    low, high = quantiles(edge, (0.1, 0.9))
    plain = high - low <= UNEVEN * 255
    if not plain:
        warnings.append(Message("the ground is not plain: lay the object on something of one colour"))
    if np.mean(border(inside)) > AT_THE_EDGE:
        warnings.append(Message("the object touches the edge: leave room around it"))
    part = extent(inside)
    image, at = _centred(difference[part].astype(np.float32), height, width)
    placement = Placement.of(part, at).within(Placement.of(whole(picture), whole(small)))
    return Alone(image, tuple(warnings), unclear=not plain, placement=placement)


def _without_dust(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, _ = morphology.label(inside, corners=False)
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    kept = (areas >= SMALLEST_PART * areas.max(initial=0)) & (areas > 0)
    inside_parts: NDArray[np.bool_] = kept[labels]
    return inside_parts


def _centred(cut: NDArray[np.float32], height: int, width: int) -> tuple[NDArray[np.uint8], Part]:
    """Scale the object's part into the image, aspect kept, its brightest pixel white; return its place."""
    scale = min(height / cut.shape[0], width / cut.shape[1])
    rows, columns = (
        min(side, max(1, round(length * scale)))
        for length, side in zip(cut.shape, (height, width), strict=True)
    )
    method = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC
    small = np.asarray(Image.fromarray(cut).resize((columns, rows), method))
    bright = small / max(small.max(), np.float32(LEAST_DIFFERENCE))
    image = np.zeros((height, width, 1), np.uint8)
    top, left = (height - rows) // 2, (width - columns) // 2
    at = slice(top, top + rows), slice(left, left + columns)
    image[*at, 0] = np.rint(np.clip(bright, 0, 1) * 255)
    return image, at
