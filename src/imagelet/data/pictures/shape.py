"""The one shape that pictures of many sizes are brought to, chosen by the pictures."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from imagelet.data.pictures.decoding import ColourFoundError, images_of, in_parallel, key_of, remembered
from imagelet.data.pictures.labelled import LabelledPictures
from imagelet.data.stacking import size_for
from imagelet.errors import PictureError, SettingError
from imagelet.messages import Message, message_of
from imagelet.preprocessing.framing import Framing
from imagelet.preprocessing.picture import picture_size
from imagelet.preprocessing.picture_files import StoredPicture
from imagelet.preprocessing.value_range import ValueRange
from imagelet.progress import Progress


def framing_of(kind: str, shape: tuple[int, ...]) -> Framing:
    """Return the framing to a shape (height, width, channels).

    Raises:
        SettingError: the shape is not possible.
    """
    try:
        if len(shape) != 3:
            raise ValueError(Message("a shape has 3 sides, not {count}", count=len(shape)))
        return Framing(kind, shape[0], shape[1], shape[2])
    except (TypeError, ValueError) as error:
        raise SettingError(
            message_of(error), hint="a shape is height, width and channels: 28x28x1"
        ) from error


def choose_shape(
    listed: LabelledPictures,
    kind: str,
    progress: Progress | None = None,
    values: ValueRange | None = None,
    given: tuple[int, ...] | None = None,
) -> tuple[int, ...]:
    """Choose the shape for pictures, by decoding them into the cache; what was chosen is remembered.

    Args:
        listed: the pictures to learn from.
        kind: the framing's name.
        progress: is called with how many pictures are decoded and how many there are.
        values: which numbers of more than 8 bits become 0 and 255; None: as the formats mean.
        given: the whole shape, or (height, width) to choose the channels for.

    Returns:
        (height, width, channels): the size that all share, if its sides are at most 96 pixels, else a square
        by the median of their short sides; 1 channel if all are grey.
    """
    if given and len(given) == 3:
        return given

    def choose() -> Iterator[tuple[int, NDArray[np.uint8]]]:
        height, width = given or _common_size(listed)
        try:
            images_of(listed, Framing(kind, height, width, 1, values=values), progress, all_grey=True)
            channels = 1
        except ColourFoundError:
            channels = 3
        yield 0, np.array([height, width, channels], np.uint8)

    key = key_of(listed, "shape", kind, *(given or ()))
    height, width, channels = remembered(key, (1, 3), choose, quiet=True)[0].tolist()
    return *(given or (height, width)), channels


def _common_size(listed: LabelledPictures) -> tuple[int, int]:
    """Return the height and width that suit the pictures, which are looked at for it."""
    sizes = [size for _, size in in_parallel(_size, listed.pictures)]
    return size_for([size for size in sizes if size])


def _size(picture: StoredPicture) -> tuple[int, int] | None:
    try:
        return picture_size(picture)
    except PictureError:
        return None  # told when it is decoded, together with all others
