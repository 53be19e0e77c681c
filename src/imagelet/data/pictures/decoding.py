"""What is worked out of many pictures, each opened once, and kept in the cache, memory-mapped.

For each picture there are its facts (whether it can be read, its size, the hash of its pixels) and its
framed pixels, in two ``.npy`` files. A file's name is a hash of all that its content depends on (the
pictures' names, sizes and times, the framing), so it is never out of date: what changes gets another name.
What was killed while it wrote them goes on where it was.
"""

import errno
import hashlib
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from numpy.typing import NDArray

from imagelet import atomic_files, paths
from imagelet.data.growing import Growing, Parts, grow, locked, remove_abandoned
from imagelet.data.on_disk import ImagesOnDisk, mapped_array
from imagelet.data.pictures.facts import FACTS, FACTS_BYTES, Task, row_of
from imagelet.data.pictures.labelled import LabelledPictures
from imagelet.data.pictures.working import rows_of
from imagelet.errors import DataError, PictureError
from imagelet.messages import Message, enumerated
from imagelet.preprocessing.file_kind import HEAD, kind_of
from imagelet.preprocessing.framing import Framing
from imagelet.preprocessing.picture import open_picture
from imagelet.preprocessing.picture_files import StoredPicture
from imagelet.progress import Progress, silent

VERSION = 2  # raised when pictures are opened or framed in another way, so that old files are not used
COPIED_AT_ONCE = 1 << 24  # bytes
CANNOT_BE_OPENED = Message("cannot be opened")
NAMED_AT_MOST = 3  # damaged pictures in a message


@dataclass(frozen=True, eq=False)
class Decoded:
    """What was found out about pictures, and their framed pixels.

    Attributes:
        task: what was asked of each.
        facts: of the type ``FACTS`` (n,).
        images: uint8 (n, *framing.shape), zeros where a picture cannot be read; None where there are none.
        path: the file that the images lie in; None: they are in memory.
    """

    task: Task
    facts: NDArray[Any]
    images: NDArray[np.uint8] | None = None
    path: Path | None = None


def decode(
    listed: LabelledPictures, task: Task, progress: Progress | None = None, *, needs_images: bool = True
) -> Decoded:
    """Return what a task asks of pictures: from the cache, or worked out into it.

    A lock lets one process do it while others that want the same wait.

    Args:
        listed: which pictures.
        task: what is asked of each.
        progress: is called with how many are done and how many there are.
        needs_images: the framed pixels, too, not the facts alone where those are in the cache.

    Returns:
        The arrays are read-only memory maps, or lie in memory where the cache cannot be written (then with a
        UserWarning).
    """
    found = known(listed, task, needs_images=needs_images)
    if found is not None and _is_still_true(listed, found):
        return found
    arrays = _arrays(listed, task)
    positions = np.array([picture.position for picture in listed.pictures], np.int64)
    order = np.argsort(positions, kind="stable") if positions.any() else None
    rows = partial(_rows, listed.pictures, task, order)
    try:
        with locked(f"folder-{arrays[0].path.stem}"):
            again = known(listed, task, needs_images=needs_images)
            if found is None and again is not None:
                return again
            arrays[0].path.parent.mkdir(parents=True, exist_ok=True)
            remove_abandoned(arrays[0].path.parent)
            grow(arrays, rows, progress or silent, order)
            if made := known(listed, task, needs_images=needs_images):
                return made
            raise OSError(errno.EIO, os.strerror(errno.EIO))
    except OSError as error:
        if task.framing is not None:
            _warn(arrays[0].path.parent, error)
    return _in_memory(arrays, rows, order, task, progress or silent)


def known(listed: LabelledPictures, task: Task, *, needs_images: bool = True) -> Decoded | None:
    """Return what the cache holds of what a task asks for, or of one that finds out more; None: nothing.

    Args:
        listed: as for :func:`decode`.
        task: as for :func:`decode`.
        needs_images: as for :func:`decode`.
    """
    for better in task.that_do():
        *images, facts = ((mapped_array(one.path, one.shape), one.path) for one in _arrays(listed, better))
        if facts[0] is not None and not (needs_images and images and images[0][0] is None):
            return Decoded(better, facts[0].view(FACTS)[:, 0], *(images[0] if images else ()))
    return None


def images_of(
    listed: LabelledPictures, framing: Framing, progress: Progress | None = None
) -> NDArray[np.uint8]:
    """Return the pictures' images, uint8 (n, *framing.shape), from the cache or decoded into it.

    Args:
        listed: which pictures.
        framing: how they are framed.
        progress: is called with how many are done and how many there are.

    Raises:
        DataError: pictures are damaged.
    """
    decoded = decode(listed, Task(framing), progress)
    require_readable(listed, decoded)
    assert decoded.images is not None
    return decoded.images


def require_readable(listed: LabelledPictures, decoded: Decoded) -> None:
    """Raise unless all pictures could be read.

    Raises:
        DataError: some could not.
    """
    lost = np.flatnonzero(~decoded.facts["readable"])
    if len(lost):
        raise damaged(listed, lost.tolist())


def divide(
    decoded: Decoded, parts: Sequence[tuple[LabelledPictures, NDArray[np.int64]]]
) -> list[NDArray[np.uint8]]:
    """Give the images of each part a file of its own, where they were decoded together.

    Args:
        decoded: with images.
        parts: pictures, and where they were among those that were decoded, int64 (m,) in ascending order.

    Returns:
        The images of each part, as :func:`images_of` would return them.
    """
    assert decoded.images is not None
    if len(parts) == 1 and len(parts[0][1]) == len(decoded.images):
        return [decoded.images]
    divided = []
    try:
        for listed, rows in parts:
            part = known(listed, decoded.task) or _copied(decoded, listed, rows)
            assert part.images is not None
            divided.append(part.images)
        if decoded.path is not None:
            with suppress(OSError):  # Windows keeps it until nobody reads it
                decoded.path.unlink()
    except OSError:  # as when it was decoded: images are in memory, or the disk has become full
        return [decoded.images[rows] for _, rows in parts]
    return divided


def key_of(listed: LabelledPictures, *more: object) -> str:
    """Return the name for what is made of pictures: a hash of their names and versions, and of ``more``."""
    digest = hashlib.sha256(
        repr((VERSION, PIL.__version__, str(listed.place.resolve()), more)).encode(errors="replace")
    )
    digest.update(listed.versions.data)
    return digest.hexdigest()[:32]


def remembered(key: str, shape: tuple[int, ...], make: Callable[[], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return the small array that the cache holds under ``key``; made, and kept if that can be done.

    Args:
        key: as ``key_of`` gave it.
        shape: of the array.
        make: makes it, uint8 ``shape``.
    """
    path = _path(key)
    array = mapped_array(path, shape)
    if array is not None:
        return array
    array = make()
    with suppress(OSError), locked(f"folder-{key}"):
        atomic_files.sweep(path)
        with atomic_files.replacing(path) as file:
            np.save(file, array, allow_pickle=False)
    return array


def _path(key: str) -> Path:
    return paths.home() / "folders" / f"{key}.npy"


def _arrays(listed: LabelledPictures, task: Task) -> list[Growing]:
    """Return the files for a task: of images, where it asks for them, and of facts, which appear last."""
    facts = _path(key_of(listed, "facts", sorted(task.to_json().items())))
    arrays = [Growing(facts, (len(listed), FACTS_BYTES))]
    if task.framing is not None:
        images = _path(key_of(listed, "images", sorted(task.framing.to_json().items())))
        arrays.insert(0, Growing(images, (len(listed), *task.framing.shape)))
    return arrays


def _is_still_true(listed: LabelledPictures, found: Decoded) -> bool:
    """Say whether pictures that could not be read still cannot: it may have been a matter of rights."""
    lost = [listed.pictures[index] for index in np.flatnonzero(~found.facts["readable"])]
    return not any(row_of(picture, found.task)[0] for picture in lost)


def _rows(
    pictures: Sequence[StoredPicture], task: Task, order: NDArray[np.int64] | None, first: int
) -> Iterator[Parts]:
    """Yield the images and the facts of pictures in an order, from one on."""
    rest = pictures[first:] if order is None else [pictures[index] for index in order[first:]]
    for rows in rows_of(rest, task):  # (k, facts and pixels)
        facts, pixels = rows[:, :FACTS_BYTES], rows[:, FACTS_BYTES:]
        yield (facts,) if task.framing is None else (pixels.reshape(-1, *task.framing.shape), facts)


def _copied(decoded: Decoded, listed: LabelledPictures, rows: NDArray[np.int64]) -> Decoded:
    """Copy the images and facts at ``rows`` into files of their own."""
    assert decoded.images is not None
    images, facts = ImagesOnDisk(decoded.images), decoded.facts.view(np.uint8).reshape(-1, FACTS_BYTES)
    at_once = max(1, COPIED_AT_ONCE // max(1, decoded.images[:1].nbytes))

    def blocks(first: int) -> Iterator[Parts]:
        for start in range(first, len(rows), at_once):
            some = rows[start : start + at_once]
            yield images[some], facts[some]

    arrays = _arrays(listed, decoded.task)
    with locked(f"folder-{arrays[0].path.stem}"):
        found = known(listed, decoded.task)
        if found is None:
            grow(arrays, blocks, silent)
            found = known(listed, decoded.task)
    if found is None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    return found


def _warn(folder: Path, error: OSError) -> None:
    warnings.warn(
        UserWarning(
            Message(
                "the cache '{folder}' cannot be written ({error}): the pictures are decoded into "
                "memory, now and at every start; let IMAGELET_HOME name another folder",
                folder=folder,
                error=error.strerror or error,
            )
        ),
        stacklevel=3,
    )


def _in_memory(
    arrays: Sequence[Growing],
    blocks: Callable[[int], Iterator[Parts]],
    order: NDArray[np.int64] | None,
    task: Task,
    progress: Progress,
) -> Decoded:
    """Return what a task asks of pictures in memory."""
    whole, done = [np.empty(array.shape, np.uint8) for array in arrays], 0
    total = len(whole[0])
    for parts in blocks(0):
        stop = done + len(parts[0])
        places = slice(done, stop) if order is None else order[done:stop]
        for array, rows in zip(whole, parts, strict=True):
            array[places] = rows
        done = stop
        progress(done, total)
    images = whole[0] if task.framing else None
    return Decoded(task, whole[-1].view(FACTS)[:, 0], images)


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
