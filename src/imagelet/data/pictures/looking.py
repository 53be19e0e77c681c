"""A look at every picture before anything is made of it: can it be read, and which have equal pixels?

A picture that cannot be read is left out where that was asked for, and told by what its first bytes are.
Equal pixels are known by their hash, whatever the files' formats are; of more than 8 bits by the numbers as
they are stored, because a range for them is chosen then.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.data.imageset import LeftOut
from imagelet.data.pictures.decoding import damaged, in_parallel, key_of, kinds_of, remembered
from imagelet.data.pictures.labelled import LabelledPictures
from imagelet.errors import DataError, PictureError
from imagelet.messages import Message
from imagelet.preprocessing.picture import measure_values, open_numbers
from imagelet.preprocessing.picture_files import StoredPicture
from imagelet.preprocessing.value_range import Measured, ValueRange, choose_range
from imagelet.progress import Progress

DIGEST_BYTES = hashlib.sha256().digest_size
NAMED_AT_MOST = 5  # pictures in a sentence


class Looks:
    """What a look at pictures found.

    Args:
        rows: uint8 (n, 1 + ``DIGEST_BYTES``): 1 if the picture can be read, and the hash of its pixels.

    Attributes:
        readable: bool (n,).
        digests: uint8 (n, ``DIGEST_BYTES``), equal for equal pixels.
    """

    def __init__(self, rows: NDArray[np.uint8]) -> None:
        self._rows = rows
        self.readable = rows[:, 0] == 1
        self.digests = rows[:, 1:]

    def take(self, indices: NDArray[np.int64]) -> "Looks":
        """Return what was found about the pictures at ``indices`` (n,)."""
        return Looks(self._rows[indices])


def look_at(listed: LabelledPictures, progress: Progress | None = None) -> Looks:
    """Look at pictures; what was found is remembered for as long as they stay as they are.

    Args:
        listed: which pictures.
        progress: is called with how many were looked at and how many there are.
    """

    def rows() -> Iterator[tuple[int, NDArray[np.uint8]]]:
        yield from in_parallel(_look, listed.pictures, progress)

    shape = (len(listed), 1 + DIGEST_BYTES)
    return Looks(remembered(key_of(listed, "looks"), shape, rows, quiet=True))


def _look(picture: StoredPicture) -> NDArray[np.uint8]:
    row = np.zeros(1 + DIGEST_BYTES, np.uint8)
    try:
        numbers = open_numbers(picture)
    except PictureError:
        return row
    row[0] = 1
    row[1:] = np.frombuffer(digest_of(numbers), np.uint8)
    return row


def digest_of(numbers: NDArray[Any]) -> bytes:
    """Return the SHA-256 of a picture's pixels, the same for the same numbers.

    Args:
        numbers: (height, width, 1 or 3), as ``open_numbers`` returns them; grey in three channels is grey.
    """
    if (numbers == numbers[:, :, :1]).all():
        numbers = numbers[:, :, :1]
    if numbers.dtype != np.uint8:
        numbers = numbers.astype(np.float64)  # one form, whatever the file's
    digest = hashlib.sha256(f"{numbers.shape} {numbers.dtype}".encode())
    digest.update(np.ascontiguousarray(numbers).data)
    return digest.digest()


def readable(
    listed: LabelledPictures, *, skip_bad: bool, progress: Progress | None = None
) -> tuple[LabelledPictures, Looks, LeftOut | None]:
    """Return the pictures that can be read, what was found about them, and what was left out.

    Args:
        listed: which pictures.
        skip_bad: leave out what cannot be read.
        progress: as for :func:`look_at`.

    Raises:
        DataError: a picture cannot be read and ``skip_bad`` is false.
    """
    looks = look_at(listed, progress)
    if looks.readable.all():
        return listed, looks, None
    lost = np.flatnonzero(~looks.readable)
    if not skip_bad:
        raise damaged(listed, lost.tolist())
    kept = np.flatnonzero(looks.readable)
    return listed.take(kept), looks.take(kept), _describe(listed, listed.take(lost).pictures)


def _describe(listed: LabelledPictures, unreadable: Sequence[StoredPicture]) -> LeftOut:
    names = tuple(map(listed.within, unreadable))
    others = len(names) - NAMED_AT_MOST
    told = Message(
        "{count:,} of {total:,} pictures cannot be read and are left out ({kinds}): {names}{more}.",
        count=len(names),
        total=len(listed),
        kinds=kinds_of(unreadable),
        names=", ".join(names[:NAMED_AT_MOST]),
        more=Message(" and {count} more", count=others) if others > 0 else "",
    )
    return LeftOut(names, told)


def require_pictures(listed: LabelledPictures) -> None:
    """Raise where a class has no pictures, because none of its can be read.

    Raises:
        DataError: there is such a class.
    """
    lost = set(range(len(listed.classes))) - set(listed.labels.tolist())
    if lost:
        raise DataError(
            "no picture of the class '{name}' in '{place}' can be read",
            hint="put pictures into its folder that can be opened, or take the folder away",
            name=listed.classes[min(lost)],
            place=listed.place,
        )


def range_of(listed: LabelledPictures) -> tuple[ValueRange | None, tuple[Message, ...]]:
    """Return which numbers of pictures of more than 8 bits become black and white, and what is said of it.

    Args:
        listed: the pictures to learn from; of those with 8 bits only the first bytes are read.

    Returns:
        None where their formats say it, or none has more than 8 bits.
    """

    def rows() -> Iterator[tuple[int, NDArray[np.uint8]]]:
        measured = (one for _, one in in_parallel(_measured, listed.pictures) if one is not None)
        chosen = choose_range(measured)
        low, high = chosen.values or (np.nan, np.nan)
        yield 0, np.array([low, high, chosen.is_narrow, chosen.pictures], np.float64).view(np.uint8)

    row = np.array(remembered(key_of(listed, "values"), (1, 32), rows, quiet=True))[0]
    low, high, is_narrow, count = row.view(np.float64).tolist()
    if np.isnan(low):
        return None, ()
    told = Message(
        "{count:,} of {total:,} pictures have more than 8 bits, and their numbers fill a small part of them: "
        "{low:g} becomes black and {high:g} white, here and in every picture that the classifier is given.",
        count=int(count),
        total=len(listed),
        low=low,
        high=high,
    )
    return (low, high), (told,) if is_narrow else ()


def _measured(picture: StoredPicture) -> Measured | None:
    try:
        return measure_values(picture)
    except PictureError:
        return None  # told when it is decoded, together with all others
