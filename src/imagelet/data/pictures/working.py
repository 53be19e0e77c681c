"""Many pictures opened side by side: a few by threads of this process, thousands by worker processes."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from imagelet.cores import usable_cores
from imagelet.data.pictures.facts import Task, row_of
from imagelet.errors import PictureError
from imagelet.preprocessing.picture import without_pillow_warnings
from imagelet.preprocessing.picture_files import PictureFile, StoredPicture
from imagelet.progress import Progress

MOST_AT_ONCE = 8  # pictures, each of which may be of the largest size that is allowed
MANY = 2_000  # pictures from which on one by one is too slow
BATCH = 32  # pictures of many
MOST_BYTES = 1 << 23  # of a batch and of its rows, where it has more than one picture
MORE_WAITING = 2  # pieces of work than there are threads; all of them are in memory

Item = str | bytes | None
"""A picture on its way to where it is opened: a file's path, or the content; None where it cannot be read."""

Given = TypeVar("Given")
Result = TypeVar("Result")


def rows_of(pictures: Sequence[StoredPicture], task: Task) -> Iterator[NDArray[np.uint8]]:
    """Yield the rows of pictures in their order, uint8 (k, task.row_bytes), some at a time.

    Only so many wait at a time that the whole never lies in memory.

    Args:
        pictures: what to open; those that must be read from front to end in the order of their positions.
        task: what is asked of each.
    """

    def rows_of_batch(batch: Sequence[Item]) -> NDArray[np.uint8]:
        with without_pillow_warnings():
            rows = b"".join([row_of_item(item, task) for item in batch])
        return np.frombuffer(rows, np.uint8).reshape(len(batch), task.row_bytes)

    yield from side_by_side(rows_of_batch, _batches(pictures, task))


def row_of_item(item: Item, task: Task) -> bytes:
    """Return the row of one picture."""
    return bytes(task.row_bytes) if item is None else row_of(item, task)


def _batches(pictures: Sequence[StoredPicture], task: Task) -> Iterator[list[Item]]:
    """Yield pictures in pieces of work; of few, one by one, so that it can be watched.

    What lies in an archive is read here, where it is read in order.
    """
    most = 1 if len(pictures) < MANY else min(BATCH, max(1, MOST_BYTES // task.row_bytes))
    batch: list[Item] = []
    size = 0
    for picture in pictures:
        item = _item(picture)
        batch.append(item)
        size += len(item or "")
        if len(batch) >= most or size >= MOST_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _item(picture: StoredPicture) -> Item:
    if isinstance(picture, PictureFile):
        return str(picture)
    try:
        with picture.open() as file:
            return file.read()
    except PictureError:
        return None


def side_by_side(work: Callable[[Given], Result], pieces: Iterator[Given]) -> Iterator[Result]:
    """Yield the results of pieces of work in their order, done by several threads."""
    count = min(MOST_AT_ONCE, usable_cores())
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(count) as threads:
        try:
            for piece in pieces:
                waiting.append(threads.submit(work, piece))
                if len(waiting) >= count + MORE_WAITING:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def in_parallel(
    task: Callable[[StoredPicture], Result],
    pictures: Sequence[StoredPicture],
    progress: Progress | None = None,
) -> Iterator[tuple[int, Result]]:
    """Yield the index and ``task(picture)`` of each picture, computed by several threads.

    They come in the order of the pictures, or of their positions where they must be read from front to end.
    Pillow, hashlib and file reading let other threads run.

    Args:
        task: what to do.
        pictures: what to do it with.
        progress: is called with how many are done and how many there are.
    """
    order = sorted(range(len(pictures)), key=lambda index: pictures[index].position)  # stable
    results = side_by_side(task, (pictures[index] for index in order))
    for done, (index, result) in enumerate(zip(order, results, strict=True), 1):
        if progress:
            progress(done, len(pictures))
        yield index, result
