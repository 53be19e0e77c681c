"""What is worked out of many pictures: by several threads, and kept in the cache, memory-mapped.

Each array is one ``.npy`` file. Its name is a hash of all that its content depends on (the pictures' names,
sizes and times, the framing), so it is never out of date: what changes gets another name.
"""

import hashlib
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import PIL
from numpy.typing import NDArray

from imagelet import atomic_files, paths
from imagelet.data.on_disk import mapped_array
from imagelet.data.pictures.labelled import LabelledPictures
from imagelet.errors import DataError, PictureError
from imagelet.messages import Message, enumerated
from imagelet.preprocessing.file_kind import HEAD, kind_of
from imagelet.preprocessing.framing import Framing, frame
from imagelet.preprocessing.picture import is_grey, open_picture
from imagelet.preprocessing.picture_files import StoredPicture
from imagelet.progress import Progress

VERSION = 1  # raised when pictures are opened or framed in another way, so that old files are not used
MOST_THREADS = 8  # each may hold a picture of the largest size that is allowed
TASKS_AT_ONCE = 32
CANNOT_BE_OPENED = Message("cannot be opened")
NAMED_AT_MOST = 3  # damaged pictures in a message

Rows = Callable[[], Iterable[tuple[int, NDArray[np.uint8]]]]
Result = TypeVar("Result")


class ColourFoundError(Exception):
    """A picture is not grey, where all would have to be."""


def images_of(
    listed: LabelledPictures, framing: Framing, progress: Progress | None = None, *, all_grey: bool = False
) -> NDArray[np.uint8]:
    """Return the pictures' images, uint8 (n, *framing.shape), from the cache or decoded into it.

    Args:
        listed: which pictures.
        framing: how they are framed.
        progress: is called with how many are done and how many there are.
        all_grey: to 1 channel without loss, or not at all.

    Raises:
        DataError: pictures are damaged.
        ColourFoundError: a picture has colour and ``all_grey`` is set.
    """
    task = partial(_framed_grey if all_grey else _framed, framing=framing)

    def rows() -> Iterator[tuple[int, NDArray[np.uint8]]]:
        unreadable: list[int] = []
        for index, result in in_parallel(task, listed.pictures, progress):
            if isinstance(result, PictureError):
                unreadable.append(index)
            else:
                yield index, result
        if unreadable:
            raise damaged(listed, sorted(unreadable))

    key = key_of(listed, "images", sorted(framing.to_json().items()))
    return remembered(key, (len(listed), *framing.shape), rows)


def key_of(listed: LabelledPictures, *more: object) -> str:
    """Return the name for what is made of pictures: a hash of their names and versions, and of ``more``."""
    digest = hashlib.sha256(
        repr((VERSION, PIL.__version__, str(listed.place.resolve()), more)).encode(errors="replace")
    )
    for picture in listed.pictures:
        digest.update(f"{listed.within(picture)}\0{picture.version()}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]


def remembered(key: str, shape: tuple[int, ...], rows: Rows, *, quiet: bool = False) -> NDArray[np.uint8]:
    """Return the array that the cache holds under ``key``; made and kept where it is not there yet.

    A lock lets one process make it while others that want the same one wait.

    Args:
        key: as ``key_of`` gave it.
        shape: of the array: (number of rows, ...).
        rows: makes the array's rows, each with its index, uint8 ``shape[1:]``, all of them in any order;
            called at most twice.
        quiet: no warning where the cache cannot be written.

    Returns:
        uint8 ``shape``: a read-only memory map, or an array in memory where the cache cannot be written
        (then with a UserWarning).
    """
    path = paths.home() / "folders" / f"{key}.npy"
    array = mapped_array(path, shape)
    if array is not None:
        return array
    try:
        with _locked(key):
            array = mapped_array(path, shape)
            if array is None:
                atomic_files.sweep(path)
                _write(path, shape, rows)
                array = mapped_array(path, shape)
    except OSError as error:
        if not quiet:
            warnings.warn(
                UserWarning(
                    Message(
                        "the cache '{folder}' cannot be written ({error}): the pictures are decoded into "
                        "memory, now and at every start; let IMAGELET_HOME name another folder",
                        folder=path.parent,
                        error=error.strerror or error,
                    )
                ),
                stacklevel=2,
            )
    return _in_memory(shape, rows) if array is None else array


def in_parallel(
    task: Callable[[StoredPicture], Result],
    pictures: Sequence[StoredPicture],
    progress: Progress | None = None,
) -> Iterator[tuple[int, Result]]:
    """Yield the index and ``task(picture)`` of each picture, computed by several threads.

    They come in the order of the pictures, or of their positions where they must be read from front to end.

    Pillow, hashlib and file reading let other threads run, so threads do what processes would, at no cost.
    Only ``TASKS_AT_ONCE`` results wait at a time, so that the whole never lies in memory.

    Args:
        task: what to do.
        pictures: what to do it with.
        progress: is called with how many are done and how many there are.
    """
    order = sorted(range(len(pictures)), key=lambda index: pictures[index].position)  # stable
    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as threads:
        for start in range(0, len(pictures), TASKS_AT_ONCE):
            indices = order[start : start + TASKS_AT_ONCE]
            results = threads.map(task, [pictures[index] for index in indices])
            for done, (index, result) in enumerate(zip(indices, results, strict=True), start + 1):
                if progress:
                    progress(done, len(pictures))
                yield index, result


def _locked(key: str) -> AbstractContextManager[object]:
    from filelock import FileLock

    locks = paths.home() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    return FileLock(locks / f"folder-{key}.lock")


def _write(path: Path, shape: tuple[int, ...], rows: Rows) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    with atomic_files.replacing(path) as file:
        np.lib.format.write_array_header_1_0(file, header)
        start, following = file.tell(), 0
        for index, row in rows():
            if index != following:  # to seek flushes the buffer
                file.seek(start + index * row.size)
            file.write(np.ascontiguousarray(row).data)
            following = index + 1


def _in_memory(shape: tuple[int, ...], rows: Rows) -> NDArray[np.uint8]:
    array = np.empty(shape, np.uint8)
    for index, row in rows():
        array[index] = row
    return array


def _framed(picture: StoredPicture, framing: Framing) -> NDArray[np.uint8] | PictureError:
    try:
        return frame(open_picture(picture, framing.values), framing)
    except PictureError as error:
        return error


def _framed_grey(picture: StoredPicture, framing: Framing) -> NDArray[np.uint8] | PictureError:
    framed = _framed(picture, replace(framing, channels=3))
    if isinstance(framed, PictureError):
        return framed
    if not is_grey(framed):
        raise ColourFoundError
    return framed[:, :, :1]


def damaged(listed: LabelledPictures, indices: Sequence[int]) -> DataError:
    """Return the error about the pictures at ``indices``, which cannot be read."""
    unreadable = [listed.pictures[index] for index in indices]
    values: dict[str, Any] = {"total": len(listed), "place": listed.table or listed.place}
    more = _what_tells_more(listed, unreadable[0])
    error = _error_of(unreadable[0])
    if error and (len(unreadable) == 1 or _kind_of(unreadable[0]) == CANNOT_BE_OPENED):
        return DataError(
            "1 of {total} pictures in '{place}' cannot be read: {reason}"
            if len(unreadable) == 1
            else "{count} of {total} pictures in '{place}' cannot be read, such as: {reason}",
            hint="{advice}; --skip-bad leaves out what cannot be read",
            count=len(unreadable),
            reason=error.message,
            advice=error.hint or more,
            **values,
        )
    unnamed = len(unreadable) - NAMED_AT_MOST
    return DataError(
        "{count} of {total} pictures in '{place}' cannot be read ({kinds}): {names}{more}",
        hint="{advice}; --skip-bad leaves out what cannot be read",
        count=len(unreadable),
        kinds=kinds_of(unreadable),
        names=", ".join(f"'{listed.within(picture)}'" for picture in unreadable[:NAMED_AT_MOST]),
        more=Message(" and {count} more", count=unnamed) if unnamed > 0 else "",
        advice=more,
        **values,
    )


def _error_of(picture: StoredPicture) -> PictureError | None:
    try:
        open_picture(picture)
    except PictureError as error:
        return error
    return None


def kinds_of(unreadable: Iterable[StoredPicture]) -> Message:
    """Return what pictures that cannot be read are, by their first bytes: ``HTML page (2), damaged (1)``."""
    counted = Counter(map(_kind_of, unreadable))
    named = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return enumerated([Message("{kind} ({count:,})", kind=kind, count=count) for kind, count in named])


def _kind_of(picture: StoredPicture) -> Message:
    try:
        with picture.open() as file:
            kind = kind_of(file.read(HEAD))
    except (PictureError, OSError):
        return CANNOT_BE_OPENED
    return Message("damaged") if kind is None or kind.is_picture else kind.name


def _what_tells_more(listed: LabelledPictures, first: StoredPicture) -> Message:
    if listed.table:
        return Message(
            "imagelet data show {file} says what is wrong with the first", file=paths.typed(str(first))
        )
    on_disk = next((path for path in (listed.place, *listed.place.parents) if path.exists()), listed.place)
    return Message("imagelet data check {folder} says what is wrong with each", folder=paths.typed(on_disk))
