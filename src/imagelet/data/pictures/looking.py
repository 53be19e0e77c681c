"""What the facts of pictures say: which are left out, and which of their numbers are black and white.

A picture that cannot be read is left out where that was asked for, and told by what its first bytes are.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imagelet.data.imageset import LeftOut
from imagelet.data.pictures.decoding import Decoded, key_of, kinds_of, remembered, require_readable
from imagelet.data.pictures.labelled import LabelledPictures
from imagelet.data.pictures.working import in_parallel
from imagelet.errors import DataError, PictureError
from imagelet.messages import Message
from imagelet.preprocessing.picture import measure_values
from imagelet.preprocessing.picture_files import StoredPicture
from imagelet.preprocessing.value_range import Measured, ValueRange, choose_range

NAMED_AT_MOST = 5  # pictures in a sentence


def readable(
    listed: LabelledPictures, decoded: Decoded, *, skip_bad: bool
) -> tuple[NDArray[np.int64], LeftOut | None]:
    """Return which pictures can be read, int64 (m,) in ascending order, and what is left out.

    Args:
        listed: the pictures.
        decoded: what was found out about them.
        skip_bad: leave out what cannot be read.

    Raises:
        DataError: a picture cannot be read and ``skip_bad`` is false.
    """
    if not skip_bad:
        require_readable(listed, decoded)
    can_be_read = decoded.facts["readable"]
    lost = np.flatnonzero(~can_be_read)
    left_out = _describe(listed, listed.take(lost).pictures) if len(lost) else None
    return np.flatnonzero(can_be_read), left_out


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


def range_of(
    listed: LabelledPictures, are_deep: NDArray[np.bool_]
) -> tuple[ValueRange | None, tuple[Message, ...]]:
    """Return which numbers of pictures of more than 8 bits become black and white, and what is said of it.

    Args:
        listed: the pictures to learn from.
        are_deep: bool (n,), which of them have more than 8 bits; these are decoded once for it.

    Returns:
        None where their formats say it, or none has more than 8 bits.
    """
    deep = [listed.pictures[index] for index in np.flatnonzero(are_deep)]
    if not deep:
        return None, ()

    def measure_all() -> NDArray[np.uint8]:
        chosen = choose_range(one for _, one in in_parallel(_measured, deep) if one is not None)
        low, high = chosen.values or (np.nan, np.nan)
        return np.array([low, high, chosen.is_narrow, chosen.pictures], np.float64).view(np.uint8)

    row = np.array(remembered(key_of(listed, "values"), (32,), measure_all))
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
