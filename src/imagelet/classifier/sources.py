"""What people pass as a picture, and the one place that makes pixels of it.

`docs/reference/python.md` tells what is taken.
"""

import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagelet.errors import PictureError
from imagelet.preprocessing.arrays import is_array, picture_of, pictures_of
from imagelet.preprocessing.picture import open_picture, pixels_of_image
from imagelet.preprocessing.picture_files import StoredPicture
from imagelet.preprocessing.value_range import ValueRange

Array = Any
"""A NumPy array, a torch tensor, or anything else with ``__array__``."""

Source = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | StoredPicture | Image.Image | Array
)
"""A picture: its file, the file's content, where it lies, an image of Pillow, or its pixels."""


def several(sources: Source | Iterable[Source], shape: tuple[int, int, int]) -> Iterable[Source]:
    """Return the pictures that ``sources`` stands for, one by one.

    Args:
        sources: one picture, an iterable of pictures, or one array of several.
        shape: (height, width, channels) of the network's input.

    Raises:
        PictureError: it is neither, or an array that can be read in two ways.
    """
    if is_array(sources):
        return pictures_of(sources, shape)
    if _is_single(sources):
        return [sources]
    if isinstance(sources, Iterable) and not isinstance(sources, Mapping | set | frozenset):
        return sources
    raise _no_picture(sources)


def images_of(
    images: Source | Iterable[Source], shape: tuple[int, int, int], values: ValueRange | None = None
) -> NDArray[np.uint8]:
    """Return images that need no framing, uint8 (n, height, width, channels).

    Args:
        images: as for :func:`several`.
        shape: (height, width, channels) of the network's input.
        values: which numbers of a picture of more than 8 bits become 0 and 255; None: as its format means.

    Raises:
        PictureError: one of them cannot be read, or is no picture.
        ValueError: they are not all of one shape.
    """
    pictures = several(images, shape)
    if isinstance(pictures, np.ndarray):
        return pictures
    pixels = [pixels_of(picture, shape, values) for picture in pictures]
    if shapes := {picture.shape for picture in pixels} - {shape}:
        raise ValueError(
            f"images are of the shape {shape}; one is {min(shapes)}; predict frames pictures of any size"
        )
    return np.stack(pixels) if pixels else np.empty((0, *shape), np.uint8)


def pixels_of(
    source: Source, shape: tuple[int, int, int], values: ValueRange | None = None
) -> NDArray[np.uint8]:
    """Return a picture's pixels, uint8 (height, width, 1 or 3).

    Args:
        source: the picture.
        shape: (height, width, channels) of the network's input.
        values: as for :func:`images_of`.

    Raises:
        PictureError: it cannot be read, or is no picture.
    """
    if is_array(source):
        return picture_of(source, shape)
    if isinstance(source, Image.Image):
        return pixels_of_image(source, values)
    if isinstance(source, bytearray | memoryview):
        return open_picture(bytes(source), values)
    if isinstance(source, io.TextIOBase):
        raise PictureError("'{file}' is open as text; open it with mode 'rb'", file=name_of(source))
    if not _is_single(source):
        raise _no_picture(source)
    if getattr(source, "closed", False) is True:
        raise PictureError("the file '{file}' is closed; pass it while it is open", file=name_of(source))
    return open_picture(Path(source) if isinstance(source, os.PathLike) else source, values)


def name_of(source: Source) -> str:
    """Return the name of the file that a picture came from; empty where it came without."""
    if isinstance(source, str | os.PathLike):
        return os.fsdecode(source)
    if isinstance(source, StoredPicture):
        return str(source)
    if is_array(source):
        return ""
    name = getattr(source, "filename", "") or getattr(source, "name", "")  # Pillow's, an open file's
    return os.fsdecode(name) if isinstance(name, str | os.PathLike) else ""


def _is_single(source: object) -> bool:
    kinds = (str, os.PathLike, bytes, bytearray, memoryview, StoredPicture, Image.Image)
    return isinstance(source, kinds) or hasattr(source, "read")


def _no_picture(source: object) -> PictureError:
    return PictureError(
        "a picture is a file's path or content, an open file, an image of Pillow, an array or a tensor; "
        "this is of the type {type}",
        type=type(source).__name__,
    )
