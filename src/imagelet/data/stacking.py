"""Pictures that a program holds, in one array or one by one, as the images of a dataset."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagelet.errors import PictureError
from imagelet.messages import Message
from imagelet.preprocessing.arrays import images_of, is_array, numbers_of
from imagelet.preprocessing.framing import Framing, frame
from imagelet.preprocessing.picture import is_grey, open_picture, pixels_of_image

LARGEST_COMMON_SIDE = 96  # pixels; pictures that all share a size up to this keep it
SIDES = (16, 64)  # pixels; the smallest and largest side that is chosen for pictures of several sizes
SIDES_STEP = 4  # pixels; two poolings by two leave no odd row
MOST_BYTES = 2**30  # of pictures that are not framed yet

Shape = tuple[int, int, int]


def stacked(pictures: Any, shape: Shape | None = None) -> tuple[NDArray[np.uint8], Message]:
    """Return the images of a dataset, uint8 (n, height, width, 1 or 3), and what they were taken for.

    Args:
        pictures: an array of images, as :func:`images_of` takes it; or several: arrays or tensors of one
            shape, images of Pillow, paths or contents of picture files. The last three are framed ("fit").
        shape: (height, width, channels) to frame to; None: the size that they share, if its sides are at most
            96 pixels, else a square by their median short side; 1 channel if all are grey.

    Raises:
        PictureError: one cannot be read, or they can be read in two ways.
    """
    if is_array(pictures):
        images, taken = images_of(pictures)
        if shape is None or images.shape[1:] == shape:
            return images, taken
        opened: list[NDArray[Any]] = list(images)
        return _framed(opened, shape), _taken(len(opened), shape)
    given = list(pictures)
    if given and all(map(is_array, given)):
        return stacked(_one_array(given), shape)
    opened = list(_opened(given, shape))
    if not opened:
        raise PictureError("there are no pictures: at least one is needed")
    framed_to = shape or _shape_for(opened)
    return _framed(opened, framed_to), _taken(len(opened), framed_to)


def size_for(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the height and width for pictures of ``sizes``: the common one, or a square by the median."""
    if len(set(sizes)) == 1 and max(sizes[0]) <= LARGEST_COMMON_SIDE:
        return sizes[0]
    median = float(np.median([min(size) for size in sizes])) if sizes else 0.0
    side = min(SIDES[1], max(SIDES[0], round(median / SIDES_STEP) * SIDES_STEP))
    return side, side


def _one_array(given: Sequence[Any]) -> NDArray[Any]:
    arrays = [numbers_of(array) for array in given]
    if shapes := sorted({array.shape for array in arrays} - {arrays[0].shape}):
        raise PictureError(
            "the pictures have several shapes, {first} and {other} among them",
            hint="bring them to one size, or pass images of Pillow, which are framed to one",
            first=arrays[0].shape,
            other=shapes[0],
        )
    return np.stack(arrays)


def _opened(given: Sequence[Any], shape: Shape | None) -> Iterable[NDArray[np.uint8]]:
    """Yield the pixels of pictures one by one, framed where the shape is known."""
    held = 0
    for picture in given:
        pixels = _pixels(picture)
        yield pixels if shape is None else _framed([pixels], shape)[0]
        held += pixels.nbytes
        if shape is None and held > MOST_BYTES:
            raise PictureError(
                "the pictures have more than {most:,} bytes before they are brought to one size",
                hint="say to which: load_dataset(…, shape=(64, 64, 3))",
                most=MOST_BYTES,
            )


def _pixels(picture: Any) -> NDArray[np.uint8]:
    if isinstance(picture, Image.Image):
        return pixels_of_image(picture)
    if isinstance(picture, str | bytes | os.PathLike):
        return open_picture(os.fspath(picture))
    raise PictureError(
        "pictures are arrays or tensors, images of Pillow, or paths or contents of files; one is of the type "
        "{type}",
        type=type(picture).__name__,
    )


def _shape_for(opened: Sequence[NDArray[np.uint8]]) -> Shape:
    height, width = size_for([(picture.shape[0], picture.shape[1]) for picture in opened])
    return height, width, 1 if all(map(is_grey, opened)) else 3


def _framed(opened: Sequence[NDArray[np.uint8]], shape: Shape) -> NDArray[np.uint8]:
    framing = Framing("fit", *shape)
    return np.stack([frame(picture, framing) for picture in opened])  # (n, height, width, channels)


def _taken(count: int, shape: Shape) -> Message:
    height, width, channels = shape
    return Message(
        "{count:,} pictures framed to {height}×{width} {colour}",
        count=count,
        height=height,
        width=width,
        colour=Message("grey") if channels == 1 else Message("colour"),
    )
