"""Images in a memory-mapped file: read row by row as an array is, without the whole ever lying in memory.

A process is charged for each page of the file that it has looked at. After every reading they are given back
here, so that the memory of a training does not grow with its data; the system keeps them in its cache as
long as nobody else needs the room.
"""

import mmap
from collections.abc import Iterator
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

COPIED_AT_MOST = 64 << 20  # bytes; so many are taken into memory, more stay in the file
READ_AT_ONCE = 1 << 24  # bytes


class MappedImages:
    """Images in a memory-mapped array, all or those at some rows; reading any copies these.

    It has what an array has, as far as images are read: ``len``, ``shape``, ``dtype``, ``ndim``, ``size``,
    ``nbytes``, an index, a slice or an array of indices, and ``np.asarray``, which copies all.

    Args:
        array: uint8 (images, height, width, channels), memory-mapped.
        rows: int64 (n,), which of them, in that order; None: all.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, array: NDArray[np.uint8], rows: NDArray[np.int64] | None = None) -> None:
        self._array = array
        self._rows = rows
        count = len(array) if rows is None else len(rows)
        self.shape: tuple[int, ...] = (count, *array.shape[1:])
        self.size = int(np.prod(self.shape, dtype=np.int64))
        self.nbytes = self.size

    def __len__(self) -> int:
        """Return the number of images."""
        return self.shape[0]

    def __repr__(self) -> str:
        return f"MappedImages(shape={self.shape})"

    def __getitem__(self, index: Any) -> NDArray[np.uint8]:
        """Return a copy of the images at ``index``: a number, a slice, or an array of numbers (n,)."""
        copied: NDArray[np.uint8] = np.array(self._array[index if self._rows is None else self._rows[index]])
        self._give_back()
        return copied

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """Return an iterator over all images, which are read some at a time."""
        count = max(1, READ_AT_ONCE // max(1, self.size // max(1, len(self))))
        return (image for start in range(0, len(self), count) for image in self[start : start + count])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return all images in memory."""
        if copy is False:
            raise ValueError("images in a file can be copied only")
        return self[:].astype(dtype or self.dtype, copy=False)

    def at(self, rows: NDArray[np.int64]) -> Self:
        """Return the images at ``rows`` (n,), which stay in the file."""
        return type(self)(self._array, rows if self._rows is None else self._rows[rows])

    def _give_back(self) -> None:
        """Give the pages back that were looked at; where that cannot be said, the system sees to it."""
        base: Any = self._array
        while isinstance(base, np.ndarray):
            base = base.base
        if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            base.madvise(mmap.MADV_DONTNEED)


def as_array(images: MappedImages) -> NDArray[np.uint8]:
    """Return ``images`` under the type of what they stand in for: whoever reads images need not know."""
    return cast(NDArray[np.uint8], images)


def is_mapped(images: object) -> bool:
    """Say whether images lie in a memory-mapped file, from which they are copied when they are read."""
    return isinstance(images, MappedImages)


def chosen(images: Any, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the images at ``rows`` (n,): copied, or left in their file where they are many.

    Args:
        images: uint8 (images, height, width, channels), an array or :class:`MappedImages`.
        rows: int64 (n,).
    """
    if isinstance(images, MappedImages) and len(rows) * images[:1].size > COPIED_AT_MOST:
        return as_array(images.at(rows))
    return np.asarray(images[rows])
