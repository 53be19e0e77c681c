"""One picture of many: what is found out about it, in a few bytes, and its framed pixels.

A row holds both, the facts first. Threads of this process and worker processes make rows by one function.
"""

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.data.copies import DIGEST_BYTES
from imagelet.errors import PictureError
from imagelet.preprocessing.framing import Framing, apply_framing, framings
from imagelet.preprocessing.picture import (
    Opened,
    Source,
    is_grey,
    open_once,
    with_channels,
    without_pillow_warnings,
)

_FACTS = struct.Struct(f"<???xII{DIGEST_BYTES}s")
FACTS_BYTES = _FACTS.size
FACTS = np.dtype(
    [
        ("readable", "?"),  # it can be opened, and decoded where that was asked for
        ("deep", "?"),  # it has numbers of more than 8 bits
        ("coloured", "?"),  # its framed pixels are not grey
        ("nothing", "u1"),
        ("height", "<u4"),  # upright, in pixels
        ("width", "<u4"),
        ("digest", "u1", (DIGEST_BYTES,)),  # the same for the same pixels
    ]
)

Item = str | bytes | None
"""A picture on its way to where it is opened: a file's path, or the content; None where it cannot be read."""


@dataclass(frozen=True)
class Task:
    """What is asked of each picture of many; their sizes and whether they are deep are told in any case.

    Attributes:
        framing: how pixels are framed; None: no pixels are asked for.
        digests: whether the hash of the pixels is asked for. Without it and a framing, only headers are read.
        colours: whether it is asked if the framed pixels hold colour.
    """

    framing: Framing | None = None
    digests: bool = False
    colours: bool = False

    @property
    def row_bytes(self) -> int:
        """How many bytes a row has."""
        return FACTS_BYTES + self.pixel_bytes

    @property
    def pixel_bytes(self) -> int:
        """How many bytes the pixels have."""
        return 0 if self.framing is None else int(np.prod(self.framing.shape))

    @cached_property
    def in_colour(self) -> Framing | None:
        """The framing to three channels, which shows whether there is colour."""
        return self.framing and replace(self.framing, channels=3)

    def that_do(self) -> "Iterator[Task]":
        """Yield the tasks that find out as much, or more: this one, and those that tell more facts."""
        for digests in (False, True)[self.digests :]:
            for colours in (False, True)[self.colours :]:
                yield replace(self, digests=digests, colours=colours)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        framing = self.framing and self.framing.to_json()
        return {"framing": framing, "digests": self.digests, "colours": self.colours}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Task":
        """Return the task that ``to_json`` wrote."""
        framing = content["framing"]
        return cls(framing and Framing.from_json(framing), bool(content["digests"]), bool(content["colours"]))


def rows_of_items(items: Sequence[Item], task: Task) -> bytes:
    """Return the rows of pictures, one after the other."""
    nothing = bytes(task.row_bytes)
    with without_pillow_warnings():
        return b"".join([nothing if item is None else row_of(item, task) for item in items])


def row_of(picture: Source, task: Task) -> bytes:
    """Return the row of one picture; zeros where it cannot be read."""
    framing = task.framing
    values = framing.values if framing else None
    try:
        opened = open_once(picture, values, numbers=task.digests, pixels=framing is not None)
    except PictureError:
        return bytes(task.row_bytes)
    digest = b"" if opened.numbers is None else digest_of(opened.numbers)
    pixels, is_coloured = _framed(opened, task)
    return _FACTS.pack(True, opened.is_deep, is_coloured, *opened.size, digest) + pixels


def _framed(opened: Opened, task: Task) -> tuple[bytes, bool]:
    """Return the bytes of a picture's framed pixels, and whether they hold colour, as far as is asked."""
    if opened.pixels is None or task.framing is None:
        return b"", False
    if task.in_colour is None or not task.colours:
        return apply_framing(opened.pixels, task.framing).image.tobytes(), False
    image = framings.get(task.framing.kind)(opened.pixels, task.in_colour).image
    is_coloured = image.shape[2] == 3 and not is_grey(image)
    return with_channels(image, task.framing.channels).tobytes(), is_coloured


def digest_of(numbers: NDArray[Any]) -> bytes:
    """Return the SHA-256 of a picture's pixels, the same for the same numbers.

    Args:
        numbers: (height, width, 1 or 3), as ``open_numbers`` returns them; grey in three channels is grey.
    """
    if numbers.shape[2] > 1 and (numbers == numbers[:, :, :1]).all():
        numbers = numbers[:, :, :1]
    if numbers.dtype != np.uint8:
        numbers = numbers.astype(np.float64)  # one form, whatever the file's
    digest = hashlib.sha256(_start_of_digest(numbers.shape, numbers.dtype))
    digest.update(np.ascontiguousarray(numbers).data)
    return digest.digest()


@lru_cache(maxsize=64)
def _start_of_digest(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    return f"{shape} {dtype}".encode()
