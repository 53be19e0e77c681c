"""Whether images show anything: values that were lost in a conversion teach nothing.

Sixteen bits of which the lowest few are used, floats from 0 to 0.01: brought to 0–255 they may all become one
grey. Training on them would fail later, with figures that nobody can explain.
"""

import numpy as np
from numpy.typing import NDArray

from imagelet.data.imageset import ImageSet
from imagelet.errors import DataError
from imagelet.messages import Message

MOST_LOOKED_AT = 10_000  # images, evenly taken
MOST_COUNTED = 200_000  # images of which those of one colour are counted: it takes a pass over all
FEW_LEVELS = 16  # of 256


def check_signal(images: ImageSet) -> tuple[Message, ...]:
    """Return what is to be said of training images: that their values fill few levels, that some are blank.

    Raises:
        DataError: all images are the same.
    """
    step = -(-len(images) // MOST_LOOKED_AT)
    looked_at = np.asarray(images.images[::step])
    if len(images) > 1 and _are_equal(looked_at) and _are_equal(images.images):
        raise DataError(
            "all {count:,} training images are the same, {what}: there is nothing to learn",
            hint="look at one of them: the values that were stored may fill a small part of their range; "
            "spread them over 0 to 255 and save them anew",
            count=len(images),
            what=_described(looked_at[0]),
        )
    told = []
    lowest, highest = int(looked_at.min()), int(looked_at.max())
    if highest - lowest < FEW_LEVELS:
        told.append(
            Message(
                "The values of the images are {low} to {high}, a small part of 0 to 255: what was stored may "
                "have been lost when they were brought there.",
                low=lowest,
                high=highest,
            )
        )
    if len(images) <= MOST_COUNTED and (blank := _count_blank(images.images)):
        told.append(
            Message(
                "{count:,} of {total:,} training images are all one colour.", count=blank, total=len(images)
            )
        )
    return tuple(told)


def _are_equal(images: NDArray[np.uint8]) -> bool:
    return all(np.array_equal(image, images[0]) for image in images)


def _described(image: NDArray[np.uint8]) -> Message:
    if (image == image[0, 0]).all():
        return Message("all one colour ({colour})", colour=", ".join(map(str, image[0, 0].tolist())))
    return Message("to the last pixel")


def _count_blank(images: NDArray[np.uint8]) -> int:
    """Return how many images are all one colour."""
    count = 0
    for start in range(0, len(images), MOST_LOOKED_AT):
        part = np.asarray(images[start : start + MOST_LOOKED_AT])
        count += int((part == part[:, :1, :1]).all(axis=(1, 2, 3)).sum())
    return count
