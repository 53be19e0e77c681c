"""What a folder of pictures gives, kept in the cache: decoded once, memory-mapped ever after.

Each array is one ``.npy`` file. Its name is a hash of all that its content depends on (the files' names,
sizes and times, the framing), so it is never out of date: what changes gets another name.
"""

import hashlib
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TypeVar

import numpy as np
import PIL
from numpy.typing import NDArray

from imagelet import atomic_files, paths
from imagelet.progress import Progress

VERSION = 1  # raised when pictures are opened or framed in another way, so that old files are not used
MOST_THREADS = 8  # each may hold a picture of the largest size that is allowed
TASKS_AT_ONCE = 32

Rows = Callable[[], Iterable[NDArray[np.uint8]]]
Source = TypeVar("Source")
Result = TypeVar("Result")


def key_of(folder: Path, paths: Sequence[Path], *more: object) -> str:
    """Return the name for what is made of ``paths`` in ``folder``: a hash that ``more`` belongs to.

    It is made of the files' names, sizes and times; of a file that cannot be looked at, of its name alone.
    """
    digest = hashlib.sha256(
        repr((VERSION, PIL.__version__, str(folder.resolve()), more)).encode(errors="replace")
    )
    for path in paths:
        size, changed = -1, -1
        with suppress(OSError):
            status = path.stat()
            size, changed = status.st_size, status.st_mtime_ns
        digest.update(f"{path.relative_to(folder)}\0{size}\0{changed}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]


def remembered(key: str, shape: tuple[int, ...], rows: Rows, *, quiet: bool = False) -> NDArray[np.uint8]:
    """Return the array that the cache holds under ``key``; made and kept where it is not there yet.

    A lock lets one process make it while others that want the same one wait.

    Args:
        key: as ``key_of`` gave it.
        shape: of the array: (number of rows, ...).
        rows: makes the array's rows, uint8 ``shape[1:]``, in their order; called at most twice.
        quiet: no warning where the cache cannot be written.

    Returns:
        uint8 ``shape``: a read-only memory map, or an array in memory where the cache cannot be written
        (then with a UserWarning).
    """
    path = paths.home() / "folders" / f"{key}.npy"
    array = _mapped(path, shape)
    if array is not None:
        return array
    try:
        with _locked(key):
            array = _mapped(path, shape)
            if array is None:
                _write(path, shape, rows)
                array = _mapped(path, shape)
    except OSError as error:
        if not quiet:
            warnings.warn(
                f"the cache '{path.parent}' cannot be written ({error.strerror or error}): the pictures are "
                "decoded into memory, now and at every start; let IMAGELET_HOME name another folder",
                UserWarning,
                stacklevel=2,
            )
    return _in_memory(shape, rows) if array is None else array


def in_parallel(
    task: Callable[[Source], Result], sources: Sequence[Source], progress: Progress | None = None
) -> Iterator[Result]:
    """Yield ``task(source)`` for each source, in their order, carried out by several threads.

    Pillow, hashlib and file reading let other threads run, so threads do what processes would, at no cost.
    Only ``TASKS_AT_ONCE`` results wait at a time, so that the whole never lies in memory.

    Args:
        task: what to do.
        sources: what to do it with.
        progress: is called with how many are done and how many there are.
    """
    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as threads:
        for start in range(0, len(sources), TASKS_AT_ONCE):
            results = threads.map(task, sources[start : start + TASKS_AT_ONCE])
            for done, result in enumerate(results, start=start + 1):
                if progress:
                    progress(done, len(sources))
                yield result


def _mapped(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """Return the file's array; None where there is none, or it was cut short or is something else."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    fits = isinstance(array, np.memmap) and array.shape == shape and array.dtype == np.uint8
    return array if fits else None


def _locked(key: str) -> AbstractContextManager[object]:
    from filelock import FileLock

    locks = paths.home() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    return FileLock(locks / f"folder-{key}.lock")


def _write(path: Path, shape: tuple[int, ...], rows: Rows) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    with atomic_files.replacing(path) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for row in rows():
            file.write(np.ascontiguousarray(row).data)


def _in_memory(shape: tuple[int, ...], rows: Rows) -> NDArray[np.uint8]:
    array = np.empty(shape, np.uint8)
    for index, row in enumerate(rows()):
        array[index] = row
    return array
