"""Images in a file: read row by row as an array is, without the whole ever lying in memory.

A memory-mapped array alone would not do. The system counts each page that was looked at as memory of the
process, which would grow with its data; and to show a process a page takes longer than to copy the few
hundred bytes of an image from the system's cache. So rows are read with ``pread`` where the system has it.
"""

import errno
import os
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

COPIED_AT_MOST = 64 << 20  # bytes; so many are taken into memory, more stay in the file
READ_AT_ONCE = 1 << 24  # bytes


class ImagesOnDisk:
    """Images in a memory-mapped array, all or those at some rows; reading any copies these.

    It has what an array has, as far as images are read: ``len``, ``shape``, ``dtype``, ``ndim``, ``size``,
    ``nbytes``, an index, a slice or an array of indices, and ``np.asarray``, which copies all.

    Args:
        array: uint8 (images, height, width, channels), memory-mapped, row after row in its file.
        rows: int64 (n,), which of them, in that order; None: all.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, array: "NDArray[np.uint8] | _File", rows: NDArray[np.int64] | None = None) -> None:
        self._file = array if isinstance(array, _File) else _File(array)
        self._rows = rows
        count = len(self._file.array) if rows is None else len(rows)
        self.shape: tuple[int, ...] = (count, *self._file.array.shape[1:])
        self.size = int(np.prod(self.shape, dtype=np.int64))
        self.nbytes = self.size

    def __len__(self) -> int:
        """Return the number of images."""
        return self.shape[0]

    def __repr__(self) -> str:
        return f"ImagesOnDisk(shape={self.shape})"

    def __getitem__(self, index: Any) -> NDArray[np.uint8]:
        """Return a copy of the images at ``index``: a number, a slice, or an array of numbers (n,).

        Raises:
            OSError: the disk fails, or the file was cut short.
        """
        if self._rows is not None:
            numbers = self._rows[index]
        elif isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step == 1:
                return self._file.read_range(start, max(start, stop))
            numbers = np.arange(start, stop, step)
        else:
            numbers = _checked(np.asarray(index, None if np.size(index) else np.int64), len(self))
        read = self._file.read_rows(np.atleast_1d(numbers))
        return read[0] if np.ndim(numbers) == 0 else read

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
        return type(self)(self._file, rows if self._rows is None else self._rows[rows])


def _checked(index: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Return the numbers that an array's index stands for: numbers, those below 0 from the end, or a mask."""
    if index.dtype == bool:
        return np.flatnonzero(index)
    if index.size and not (-count <= index.min() and index.max() < count):
        raise IndexError(f"there are {count} images; asked for is one of {index.min()} to {index.max()}")
    return np.where(index < 0, index + count, index)


class _File:
    """The file of a memory-mapped array, opened once more to read rows of it.

    Args:
        array: uint8 (images, …); in memory, or where the system has no ``preadv``, it is read itself.
    """

    def __init__(self, array: NDArray[np.uint8]) -> None:
        self.array = array
        self._row_bytes = int(np.prod(array.shape[1:]))
        self._handle: int | None = None
        whole: Any = array
        while isinstance(whole.base, np.memmap):
            whole = whole.base
        if isinstance(whole, np.memmap) and array.flags.c_contiguous and hasattr(os, "preadv"):
            self._start = whole.offset + array.ctypes.data - whole.ctypes.data
            self._handle = os.open(str(whole.filename), os.O_RDONLY)
            weakref.finalize(self, os.close, self._handle)

    def read_range(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return the rows from ``start`` to before ``stop``."""
        if self._handle is None:
            return np.array(self.array[start:stop])
        rows: NDArray[np.uint8] = np.empty((stop - start, *self.array.shape[1:]), np.uint8)
        place, end = self._start + start * self._row_bytes, self._start + stop * self._row_bytes
        while place < end:
            left = rows.data.cast("B")[place - end :]
            read = os.preadv(self._handle, (left,), place)
            if not read:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            place += read
        return rows

    def read_rows(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the rows with these numbers (n,)."""
        if self._handle is None:
            return np.array(self.array[numbers])
        size, handle, pread = self._row_bytes, self._handle, os.pread
        offsets = (self._start + numbers * size).tolist()
        content = bytearray().join([pread(handle, size, offset) for offset in offsets])
        if len(content) < len(numbers) * size:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return np.frombuffer(content, np.uint8).reshape(len(numbers), *self.array.shape[1:])


def as_array(images: ImagesOnDisk) -> NDArray[np.uint8]:
    """Return ``images`` under the type of what they stand in for: whoever reads images need not know."""
    return cast(NDArray[np.uint8], images)


def is_on_disk(images: object) -> bool:
    """Say whether images lie in a file, from which they are copied when they are read."""
    return isinstance(images, ImagesOnDisk)


def chosen(images: Any, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the images at ``rows`` (n,): copied, or left in their file where they are many.

    Args:
        images: uint8 (images, height, width, channels), an array or :class:`ImagesOnDisk`.
        rows: int64 (n,).
    """
    if isinstance(images, ImagesOnDisk) and len(rows) * images[:1].size > COPIED_AT_MOST:
        return as_array(images.at(rows))
    return np.asarray(images[rows])


def mapped_array(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """Return the file's array; None where there is none, or it was cut short or is something else."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    fits = isinstance(array, np.memmap) and array.shape == shape and array.dtype == np.uint8
    return array if fits else None
