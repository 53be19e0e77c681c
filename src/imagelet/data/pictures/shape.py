"""The one framing that pictures of many sizes are brought to, chosen by the pictures."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.data.pictures.decoding import Decoded, decode, key_of, remembered, require_readable
from imagelet.data.pictures.facts import FACTS, FACTS_BYTES, Task, row_of
from imagelet.data.pictures.labelled import LabelledPictures
from imagelet.data.pictures.looking import range_of
from imagelet.data.pictures.working import in_parallel
from imagelet.data.stacking import size_for
from imagelet.errors import SettingError
from imagelet.messages import Message, message_of
from imagelet.preprocessing.framing import Framing
from imagelet.progress import Progress

SAMPLE = 16  # pictures that tell what all may be like


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


def choose_framing(
    listed: LabelledPictures,
    decoded: Decoded,
    kind: str,
    shape: tuple[int, ...] = (),
    progress: Progress | None = None,
) -> tuple[Framing, Sequence[Message]]:
    """Choose the framing for pictures; they are decoded into the cache for it, once or twice.

    Args:
        listed: the pictures to learn from.
        decoded: what is known of them.
        kind: the framing's name.
        shape: the whole shape, or (height, width) to choose the channels for, or nothing.
        progress: is called with how many pictures are decoded and how many there are.

    Returns:
        The framing, and what is said of it. Its size is the one that all share, if its sides are at most 96
        pixels, else a square by the median of their short sides; it has 1 channel if all are grey then, and a
        range of values if some have more than 8 bits.

    Raises:
        DataError: pictures are damaged.
    """
    values, told = range_of(listed, decoded.facts["deep"])
    if len(shape) == 3:
        return replace(framing_of(kind, shape), values=values), told
    height, width = shape or _size_for(decoded.facts)
    while True:
        channels = 3 if decoded.facts["coloured"].any() else 1
        framing = Framing(kind, height, width, channels, values=values)
        if decoded.task.framing == framing and decoded.task.colours:
            require_readable(listed, decoded)
            return framing, told
        decoded = decode(listed, Task(framing, colours=True), progress, needs_images=False)


def probable_framing(listed: LabelledPictures, kind: str, size: tuple[int, ...] = ()) -> Framing | None:
    """Guess the framing that will be chosen, so that pictures need be decoded only once.

    Args:
        listed: the pictures.
        kind: the framing's name.
        size: (height, width), if it is given.

    Returns:
        A guess; None where their numbers must be known before, as some have more than 8 bits.
    """

    def guess() -> NDArray[np.uint8]:
        return np.array(_guess(listed, kind, size), np.uint32).view(np.uint8)

    key = key_of(listed, "probable", kind, *size)
    height, width, channels = np.array(remembered(key, (12,), guess)).view(np.uint32).tolist()
    return Framing(kind, height, width, channels) if height else None


def _guess(listed: LabelledPictures, kind: str, size: tuple[int, ...]) -> tuple[int, int, int]:
    """Return the probable height, width and channels; zeros where the pictures cannot be framed yet."""
    facts = _facts_of_sample(listed, Task())
    are_alike = len(np.unique(facts[["height", "width"]])) == 1
    if not are_alike and not size and not facts["deep"].any():
        facts = decode(listed, Task()).facts
    if facts["deep"].any() or not facts["readable"].any():
        return 0, 0, 0
    height, width = size or _size_for(facts)
    in_colour = _facts_of_sample(listed, Task(Framing(kind, height, width, 3), colours=True))["coloured"]
    return height, width, 3 if in_colour.any() else 1


def _facts_of_sample(listed: LabelledPictures, task: Task) -> NDArray[Any]:
    """Return the facts of some pictures; the first ones, where others could not be reached at once."""
    count = min(SAMPLE, len(listed))
    if any(picture.position for picture in listed.pictures):
        chosen = sorted(listed.pictures, key=lambda picture: picture.position)[:count]
    else:
        chosen = [listed.pictures[index] for index in np.linspace(0, len(listed) - 1, count).astype(int)]
    rows = dict(in_parallel(lambda picture: row_of(picture, task), chosen))
    facts: NDArray[Any] = np.frombuffer(b"".join(rows[index][:FACTS_BYTES] for index in range(count)), FACTS)
    readable: NDArray[Any] = facts[facts["readable"]]
    return readable


def _size_for(facts: NDArray[Any]) -> tuple[int, int]:
    """Return the height and width that suit pictures of these facts."""
    readable = facts[facts["readable"]]
    return size_for(list(zip(readable["height"].tolist(), readable["width"].tolist(), strict=True)))
