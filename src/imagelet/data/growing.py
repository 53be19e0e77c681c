"""Arrays that are written row by row into files, and go on in the middle when what wrote them was killed.

Several arrays may grow together: the pictures of a folder, and beside them what was found out about each.
While they grow, each has the suffix ``.growing``. Every two seconds, and when Ctrl-C ends it, what is written
is brought to the disk, and the number of rows noted beside the first (``.rows``): after a power cut, too,
what is counted is there.
"""

import errno
import io
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from imagelet import atomic_files, paths
from imagelet.data.on_disk import mapped_array
from imagelet.messages import Message
from imagelet.progress import Progress

SECONDS_BETWEEN_RECORDS = 2.0
SECONDS_TO_GO_ON = 24 * 60 * 60.0  # so long is kept what somebody killed and did not start again
GROWING, RECORD = ".growing", ".rows"

Parts = tuple[NDArray[np.uint8], ...]
Blocks = Callable[[int], Iterator[Parts]]
"""Yields the rows from the one with this number on, some at a time: (k, …) of each array."""


@dataclass(frozen=True)
class Growing:
    """An array that is written row by row.

    Attributes:
        path: of the ``.npy`` file, which appears when it is complete.
        shape: (rows, …), of uint8.
    """

    path: Path
    shape: tuple[int, ...]

    @property
    def growing(self) -> Path:
        """The file that it is written into."""
        return self.path.with_name(self.path.name + GROWING)

    @property
    def header(self) -> bytes:
        """What stands before the first row."""
        file = io.BytesIO()
        header = {"descr": "|u1", "fortran_order": False, "shape": self.shape}
        np.lib.format.write_array_header_1_0(file, header)
        return file.getvalue()

    @property
    def row_bytes(self) -> int:
        """How many bytes a row has."""
        return math.prod(self.shape[1:])


def grow(
    arrays: Sequence[Growing], blocks: Blocks, progress: Progress, order: NDArray[np.int64] | None = None
) -> None:
    """Write arrays of as many rows into files; go on where a killed process had got to.

    The caller holds the lock.

    Args:
        arrays: which; the last one appears last.
        blocks: yields uint8 rows of each from the one on that it is given.
        progress: is called with the rows that are written, and how many there are.
        order: int64 (rows,), where the rows belong, in the order in which they come; None: as they come.

    Raises:
        ValueError: there are more rows, or fewer. Nothing is left of the files then, as after any error.
        OSError: the disk is full, or has too little room from the start.
    """
    record, total = _record(arrays), arrays[0].shape[0]
    for path in (*(array.path for array in arrays), record):
        atomic_files.sweep(path)
    try:
        done = _rows_written(arrays, record, in_order=order is None)
        if done < total:
            _require_room(arrays)
            _write_rows(arrays, blocks, progress, order, done)
        for array in arrays:
            if array.growing.exists():
                array.growing.replace(array.path)
    except Exception:
        forget(arrays)
        raise
    record.unlink(missing_ok=True)
    atomic_files.flush_folder(record.parent)


def forget(arrays: Sequence[Growing]) -> None:
    """Remove what was written of arrays that are not complete."""
    for path in (*(array.growing for array in arrays), _record(arrays)):
        path.unlink(missing_ok=True)


def remove_abandoned(folder: Path) -> None:
    """Remove what is of no use any more: files in ``folder`` that have not grown for a day."""
    for end in (GROWING, RECORD):
        for path in folder.glob(f"*{end}"):
            with suppress(OSError):  # it has just been completed
                if time.time() - path.stat().st_mtime > SECONDS_TO_GO_ON:
                    path.unlink()


def require_count(images: int, labels: int, *, ended: bool = True) -> None:
    """Raise ValueError unless there are as many images as labels; at most so many before they have ended."""
    if images > labels or (ended and images < labels):
        raise ValueError(
            Message("there are {labels:,} labels for {images:,} images", labels=labels, images=images)
        )


def locked(name: str) -> AbstractContextManager[object]:
    """Return a lock that one process holds at a time."""
    from filelock import FileLock

    locks = paths.home() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    return FileLock(locks / f"{name}.lock")


def _record(arrays: Sequence[Growing]) -> Path:
    return arrays[0].path.with_name(arrays[0].path.name + RECORD)


def _rows_written(arrays: Sequence[Growing], record: Path, *, in_order: bool) -> int:
    """Return how many rows of each file that a killed process left are sure to be on the disk."""
    try:
        rows = int(record.read_text()[:20])
        return rows if all(_holds(array, rows, in_order) for array in arrays) else 0
    except (OSError, ValueError):
        return 0


def _require_room(arrays: Sequence[Growing]) -> None:
    """Raise unless the disk has room for the rest of the rows.

    Raises:
        OSError: it has not.
    """
    needed = sum(len(array.header) + array.shape[0] * array.row_bytes for array in arrays)
    there = sum(_bytes_taken(array.growing) for array in arrays if array.growing.exists())
    if shutil.disk_usage(arrays[0].path.parent).free + there < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _bytes_taken(path: Path) -> int:
    """Return how much of the disk a file takes, which may have holes."""
    status = path.stat()
    blocks: int | None = getattr(status, "st_blocks", None)  # not on Windows
    return status.st_size if blocks is None else 512 * blocks


def _holds(array: Growing, rows: int, in_order: bool) -> bool:
    """Say whether so many rows are in an array's file, which has its last name once all are."""
    total = array.shape[0]
    if rows == total and not array.growing.exists():
        return mapped_array(array.path, array.shape) is not None
    with array.growing.open("rb") as file:
        fits = file.read(len(array.header)) == array.header
    needed = len(array.header) + (rows if in_order else total) * array.row_bytes
    return fits and 0 <= rows <= total and array.growing.stat().st_size >= needed


def _write_rows(
    arrays: Sequence[Growing],
    blocks: Blocks,
    progress: Progress,
    order: NDArray[np.int64] | None,
    done: int,
) -> None:
    """Write the rows from ``done`` on, and bring them to the disk."""
    record, total = _record(arrays), arrays[0].shape[0]
    with ExitStack() as opened:
        files = [opened.enter_context(array.growing.open("r+b" if done else "wb")) for array in arrays]
        for array, file in zip(arrays, files, strict=True):
            if not done:
                file.write(array.header)
            file.truncate(len(array.header) + (done if order is None else total) * array.row_bytes)
            file.seek(len(array.header) + done * array.row_bytes)
        recorded = time.monotonic()
        try:
            for parts in blocks(done):
                count = len(parts[0])
                require_count(done + count, total, ended=False)
                places = None if order is None else order[done : done + count]
                for array, file, rows in zip(arrays, files, parts, strict=True):
                    _write(array, file, rows, places)
                done += count
                progress(done, total)
                if time.monotonic() - recorded >= SECONDS_BETWEEN_RECORDS:
                    _note(files, record, done)
                    recorded = time.monotonic()
        except KeyboardInterrupt:
            _note(files, record, done)
            raise
        require_count(done, total, ended=True)
        _note(files, record, done)


def _write(array: Growing, file: BinaryIO, rows: NDArray[np.uint8], places: NDArray[np.int64] | None) -> None:
    """Write rows where the file is, or at their places in it."""
    if places is None:
        file.write(np.ascontiguousarray(rows).data)
        return
    start = len(array.header)
    for place, row in zip(places.tolist(), rows, strict=True):
        file.seek(start + place * array.row_bytes)
        file.write(np.ascontiguousarray(row).data)


def _note(files: Sequence[BinaryIO], record: Path, done: int) -> None:
    """Bring rows to the disk, and then their number."""
    for file in files:
        file.flush()
        os.fsync(file.fileno())
    atomic_files.write_text(record, f"{done}\n")
