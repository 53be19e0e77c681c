"""Many pictures opened side by side: a few by threads of this process, thousands by worker processes.

Threads share one interpreter, which a small picture keeps busy for most of its time.
"""

import errno
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from imagelet.cores import usable_cores
from imagelet.data.pictures.decoding_worker import READY, write_items, write_task
from imagelet.data.pictures.facts import Item, Task, rows_of_items
from imagelet.errors import DataError, PictureError
from imagelet.preprocessing.framing import Framing, framings
from imagelet.preprocessing.picture_files import PictureFile, StoredPicture
from imagelet.preprocessing.worker_process import WorkerProcess, can_be_started, command_of
from imagelet.progress import Progress

COMMAND = command_of("imagelet.data.pictures.decoding_worker")
SECONDS_TO_START = 60.0
MOST_AT_ONCE = 8  # pictures, each of which may be of the largest size that is allowed
MANY = 2_000  # pictures from which on one by one is too slow
VERY_MANY = 8_000  # pictures that are worth a quarter of a second, in which worker processes start
BATCH = 32  # pictures of many
MOST_BYTES = 1 << 23  # of a batch and of its rows, where it has more than one picture
MORE_WAITING = 2  # pieces of work than there are threads; all of them are in memory

Given = TypeVar("Given")
Result = TypeVar("Result")


class Batch(NamedTuple):
    """Some pictures as one piece of work.

    Attributes:
        items: their paths or contents.
        pictures: what they are called.
    """

    items: Sequence[Item]
    pictures: Sequence[StoredPicture]


def rows_of(pictures: Sequence[StoredPicture], task: Task) -> Iterator[NDArray[np.uint8]]:
    """Yield the rows of pictures in their order, uint8 (k, task.row_bytes), some at a time.

    Only so many wait at a time that the whole never lies in memory.

    Args:
        pictures: what to open; those that must be read from front to end in the order of their positions.
        task: what is asked of each.

    Raises:
        DataError: a picture ends every worker process that opens it.
    """
    count = min(MOST_AT_ONCE, usable_cores())
    pool = Pool.start(task, count) if len(pictures) >= VERY_MANY and count > 1 else None
    if pool is None:
        yield from side_by_side(partial(_rows_here, task), _batches(pictures, task))
    else:
        yield from side_by_side(pool.rows_of, _batches(pictures, task), pool.end)


def _rows_here(task: Task, batch: Batch) -> NDArray[np.uint8]:
    return _as_rows(rows_of_items(batch.items, task), task)


def _as_rows(content: bytes, task: Task) -> NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8).reshape(-1, task.row_bytes)


class Pool:
    """Worker processes that make rows; each thread that asks takes one.

    Args:
        task: what is asked of each picture.
        workers: the processes, of which each has been told the task.
        command: what another one is started with.
    """

    def __init__(self, task: Task, workers: Sequence[WorkerProcess], command: Sequence[str]) -> None:
        self._task, self._command = task, command
        self._workers = {*workers}  # all that are to be ended
        self._is_closed = False
        self._lock = threading.Lock()
        self._free: SimpleQueue[WorkerProcess] = SimpleQueue()
        for worker in workers:
            self._free.put(worker)

    @classmethod
    def start(cls, task: Task, count: int, command: Sequence[str] = COMMAND) -> Self | None:
        """Start so many workers; None where they cannot be started, or could not know the framing.

        Args:
            task: what is asked of each picture.
            count: how many workers.
            command: what each is started with.
        """
        is_ours = task.framing is None or framings.get(task.framing.kind).__module__ == Framing.__module__
        if not (is_ours and can_be_started()):
            return None
        workers: list[WorkerProcess] = []
        try:
            workers.extend(WorkerProcess(command) for _ in range(count))
            for worker in workers:
                _tell(worker, task)
        except OSError:
            _end(workers)
            return None
        except BaseException:  # Ctrl-C
            _end(workers)
            raise
        return cls(task, workers, command)

    def rows_of(self, batch: Batch) -> NDArray[np.uint8]:
        """Return the rows of some pictures; where a worker ends, another one opens them one by one.

        Where no other one can be started, they are opened here.

        Raises:
            DataError: a picture ends the other one, too.
        """
        worker = self._free.get()
        try:
            return _ask(worker, batch.items, self._task)
        except (OSError, ValueError):  # it has ended, now or before
            if self._is_closed:
                raise
            another = self._another(worker)
            if another is None:
                return _rows_here(self._task, batch)
            worker = another
            return np.concatenate([self._ask_again(worker, *one) for one in zip(*batch, strict=True)])
        finally:
            self._free.put(worker)

    def _ask_again(self, worker: WorkerProcess, item: Item, picture: StoredPicture) -> NDArray[np.uint8]:
        try:
            return _ask(worker, [item], self._task)
        except OSError as error:
            raise DataError(
                "'{picture}' ends the process that opens it: it is damaged in a way that no decoder "
                "survives, or there is too little memory",
                hint="take it away, or save it anew as PNG or JPEG, and start again",
                picture=picture,
            ) from error

    def _another(self, ended: WorkerProcess) -> WorkerProcess | None:
        """Return another worker in place of one that ended; None where none can be started."""
        with self._lock:
            if self._is_closed:
                return None
            self._workers.discard(ended)
            ended.end()
            try:
                worker = WorkerProcess(self._command)
            except OSError:
                return None
            self._workers.add(worker)
        try:
            _tell(worker, self._task)
        except (OSError, ValueError):
            return None
        return worker

    def end(self) -> None:
        """End the workers, whatever they do."""
        with self._lock:
            self._is_closed = True
            _end(self._workers)


def _end(workers: Iterable[WorkerProcess]) -> None:
    for worker in workers:
        worker.end()


def _tell(worker: WorkerProcess, task: Task) -> None:
    """Wait until a worker is ready, and tell it the task.

    Raises:
        OSError: it ends, or is not ready after ``SECONDS_TO_START``.
    """
    timer = threading.Timer(SECONDS_TO_START, worker.kill)
    timer.daemon = True
    timer.start()
    try:
        if worker.responses.read(len(READY)) != READY:
            raise OSError(errno.ECHILD, os.strerror(errno.ECHILD))
        worker.requests.write(write_task(task))
    finally:
        timer.cancel()


def _ask(worker: WorkerProcess, items: Sequence[Item], task: Task) -> NDArray[np.uint8]:
    """Return the rows of pictures.

    Raises:
        OSError: the worker ends.
    """
    worker.requests.write(write_items(items))
    worker.requests.flush()
    content = worker.responses.read(len(items) * task.row_bytes)
    if len(content) < len(items) * task.row_bytes:
        raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))
    return _as_rows(content, task)


def _batches(pictures: Sequence[StoredPicture], task: Task) -> Iterator[Batch]:
    """Yield pictures in pieces of work; of few, one by one, so that it can be watched.

    What lies in an archive is read here, where it is read in order.
    """
    most = 1 if len(pictures) < MANY else min(BATCH, max(1, MOST_BYTES // task.row_bytes))
    items: list[Item] = []
    first = size = 0
    for stop, picture in enumerate(pictures, 1):
        item = _item(picture)
        items.append(item)
        size += len(item or "")
        if len(items) >= most or size >= MOST_BYTES or stop == len(pictures):
            yield Batch(items, pictures[first:stop])
            items, first, size = [], stop, 0


def _item(picture: StoredPicture) -> Item:
    if isinstance(picture, PictureFile):
        return str(picture)
    try:
        with picture.open() as file:
            return file.read()
    except PictureError:
        return None


def side_by_side(
    work: Callable[[Given], Result], pieces: Iterator[Given], end: Callable[[], None] | None = None
) -> Iterator[Result]:
    """Yield the results of pieces of work in their order, done by several threads.

    Args:
        work: what is done with each.
        pieces: the pieces of work; of these a few more than there are threads are taken ahead.
        end: is called after the last one, or before the threads are waited for where it ends in the middle.
    """
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
            if end is not None:
                end()


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
