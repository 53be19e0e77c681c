"""Arrays read some rows at a time: what is converted into a store never lies in memory as a whole."""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from imagelet.messages import Message
from imagelet.preprocessing.arrays import Limits, images_of

AT_ONCE = 16 << 20  # bytes of a block

Blocks = Callable[[int], Iterator[NDArray[Any]]]
"""Yields the rows from the one with this index on, some at a time: (k, …)."""


@dataclass(frozen=True)
class Rows:
    """The rows of an array, one image each.

    Attributes:
        dtype: the type of the values.
        size: the bytes that the whole takes in memory; about so many where the file is a text.
        blocks: reads some rows after others.
        is_text: the values stand in a text: they are whole numbers where all of them are.
    """

    dtype: np.dtype[Any]
    size: int
    blocks: Blocks
    is_text: bool = False

    @classmethod
    def of(cls, array: NDArray[Any]) -> Self:
        """Return the rows of an array that is in memory or memory-mapped.

        Raises:
            ValueError: there are none.
        """
        _require_rows(array.shape)
        count = max(1, AT_ONCE // max(1, array[:1].nbytes))

        def blocks(first: int) -> Iterator[NDArray[Any]]:
            for start in range(first, len(array), count):
                yield array[start : start + count]

        return cls(array.dtype, array.nbytes, blocks)

    @classmethod
    def of_stream(
        cls,
        opened: Callable[[], AbstractContextManager[IO[bytes]]],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        *,
        ends: bool = False,
    ) -> Self:
        """Return the rows of an array whose values lie one after the other in a file.

        Args:
            opened: opens the file where the first value begins.
            shape: (rows, …).
            dtype: of the values.
            ends: nothing may follow the last value.

        Raises:
            ValueError: there are no rows; or, when they are read, fewer than these.
        """
        _require_rows(shape)
        row_bytes = math.prod(shape[1:]) * dtype.itemsize
        at_once = max(1, AT_ONCE // max(1, row_bytes))

        def blocks(first: int) -> Iterator[NDArray[Any]]:
            with opened() as file:
                file.seek(file.tell() + first * row_bytes)
                for start in range(first, shape[0], at_once):
                    number = min(at_once, shape[0] - start)
                    content = file.read(number * row_bytes)
                    if len(content) < number * row_bytes:
                        raise ValueError(Message("ends before its last value"))
                    yield np.frombuffer(content, dtype).reshape(number, *shape[1:])
                if ends and file.read(1):
                    count = math.prod(shape)
                    held = Message("more")
                    raise ValueError(
                        Message("announces {count} values and holds {found}", count=count, found=held)
                    )

        return cls(dtype, shape[0] * row_bytes, blocks)


def limits_of(rows: Rows) -> Limits | None:
    """Return the lowest and the highest value; None for bytes and bool, which have one meaning.

    All rows are read. Those of a text are of the type int64 where all its values are whole numbers.
    """
    if rows.dtype.kind == "b" or rows.dtype == np.uint8:
        return None
    lows, highs, whole = [], [], rows.is_text
    for block in rows.blocks(0):
        lows.append(block.min())
        highs.append(block.max())
        whole = whole and bool((block == np.rint(block)).all())
    limits = np.min(lows), np.max(highs)
    return (np.int64(limits[0]), np.int64(limits[1])) if whole else limits


def images_in(rows: Rows, limits: Limits | None) -> tuple[Blocks, tuple[int, int, int], Message]:
    """Return what reads the rows as images, uint8 (k, height, width, channels), their shape, what they are.

    Args:
        rows: an image each, as :func:`~imagelet.preprocessing.arrays.images_of` takes them.
        limits: as :func:`limits_of` returned them.

    Raises:
        PictureError: they are no images, or can be taken in two ways.
    """

    def images_of_block(block: NDArray[Any]) -> tuple[NDArray[np.uint8], Message]:
        whole = rows.is_text and limits is not None and limits[0].dtype.kind == "i"
        return images_of(block.astype(np.int64) if whole else block, limits)

    def blocks(first: int) -> Iterator[NDArray[np.uint8]]:
        return (images_of_block(block)[0] for block in rows.blocks(first))

    images, taken = images_of_block(next(rows.blocks(0))[:1])
    _, height, width, channels = images.shape
    return blocks, (height, width, channels), taken


def _require_rows(shape: tuple[int, ...]) -> None:
    if not shape or not shape[0]:
        raise ValueError(Message("holds no rows"))
