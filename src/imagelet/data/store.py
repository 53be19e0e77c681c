"""The store: images that are too many for memory, converted once into a file that is read row by row.

A store is a folder in the cache. Its name is a hash of what it was made of (files' names, sizes and times),
so it is never out of date: what changes gets another name, and the store of before is removed.

===============  =================================================================================
``images.npy``   uint8 (n, height, width, channels)
``labels.npy``   int64 (n,)
``sums.npy``     (n, 2, channels), of each image the sum of its pixels and of their squares
``groups.npy``   int64 (n,), for each image the index of the first with the same pixels
``test.npy``     bool (n,), which images were set aside as the test part; if any were
``sources.npy``  int64 (n,), who wrote each image; if that is known
``store.json``   class names, SHA-256, what the images were taken for; written last
===============  =================================================================================

A conversion that was killed goes on where its file ends. A lock lets one process convert while others wait.
"""

import dataclasses
import errno
import json
import os
import shutil
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from imagelet import atomic_files, paths
from imagelet.data import copies
from imagelet.data.growing import Growing, grow, locked, require_count
from imagelet.data.imageset import ImageSet, Known
from imagelet.data.on_disk import ImagesOnDisk, as_array, mapped_array
from imagelet.data.rows import Blocks, Rows
from imagelet.errors import DataError, SettingError
from imagelet.messages import Message
from imagelet.progress import Notice, Progress, silent

InMemory = bool | Literal["auto"]
"""Whether images are read into memory, or kept in a store; ``auto``: in a store where they are large."""

VERSION = 2  # raised when images are read in another way, so that old stores are not used
SHARE_OF_MEMORY = 1 / 4
MEASURED_AT_ONCE = 1 << 24  # bytes
LARGEST_DESCRIPTION = 8 << 20  # bytes
CGROUP = Path("/sys/fs/cgroup/memory.max")  # what a container may take

Choose = Callable[[ImageSet], NDArray[np.bool_]]


@dataclass(frozen=True)
class Content:
    """What a store is made of.

    Attributes:
        blocks: yields uint8 (k, height, width, channels) from an image on.
        shape: (height, width, channels).
        labels: int64 (n,).
        classes: their names.
        taken: what the images were taken for.
        choose: which images are set aside as the test part, bool (n,); None: none are.
        sources: int64 (n,), who wrote each image; None where nobody said.
    """

    blocks: Blocks
    shape: tuple[int, int, int]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    taken: Message
    choose: Choose | None = None
    sources: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, images: ImageSet) -> Self:
        """Return the content that is already read."""
        rows = Rows.of(images.images)
        return cls(
            rows.blocks, images.shape, images.labels, images.classes, Message(""), sources=images.sources
        )


@dataclass(frozen=True)
class Stored:
    """What a store holds.

    Attributes:
        images: those to use; without those that were set aside.
        aside: the images that were set aside as the test part; None: none were.
        taken: what they were taken for.
    """

    images: ImageSet
    aside: ImageSet | None
    taken: Message


def memory_bytes() -> int:
    """Return the memory of this machine, or of this container; 0 where the system does not tell."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return 0
    with suppress(OSError, ValueError):
        memory = min(memory, int(CGROUP.read_text()))
    return memory


def fits_in_memory(size: int, in_memory: InMemory) -> bool:
    """Say whether an array of ``size`` bytes is read into memory.

    Raises:
        SettingError: ``in_memory`` is neither a bool nor ``auto``.
    """
    check_in_memory(in_memory)
    memory = memory_bytes()
    if in_memory == "auto":
        return not memory or size <= SHARE_OF_MEMORY * memory
    return bool(in_memory)


def check_in_memory(in_memory: InMemory) -> None:
    """Raise SettingError unless ``in_memory`` is a bool or ``auto``."""
    if in_memory != "auto" and not isinstance(in_memory, bool):
        raise SettingError(
            "in_memory = {given} is not allowed; it is true, false or auto", given=repr(in_memory)
        )


def announce(in_memory: InMemory) -> None:
    """Say that a conversion begins, and why."""
    folder = _stores()
    said = Message("converted once into {folder}", folder=folder)
    if in_memory == "auto":
        said = Message(
            "larger than a quarter of this machine's memory: converted once into {folder}", folder=folder
        )
    warnings.warn(Notice(said), stacklevel=2)


def stored(
    origin: str, files: Sequence[Path], read: Callable[[], Content], progress: Progress | None = None
) -> Stored:
    """Return the images of the store that was made of ``files``; it is made now where there is none.

    Args:
        origin: which images of these files: a part of a form.
        files: where their sizes or times change, the store is made anew.
        read: returns what it is made of.
        progress: is called with how many images are converted, and how many there are.

    Raises:
        DataError: the cache cannot be written, or the disk is full. Nothing is left of the store then, as
            after any error of ``read``.
        ValueError: there are not as many images as labels.
    """
    names = tuple(str(file.resolve()) for file in files)
    try:
        folder = _stores() / f"{_hash(origin, names)}-{_hash(origin, names, *map(_state, files))}"
        if found := _opened(folder):
            return found
        with locked(folder.name):
            return _opened(folder) or _made(folder, read(), progress or silent)
    except OSError as error:  # the files' own errors are told by what reads them
        raise DataError(
            "the images cannot be converted into '{folder}': {error}",
            hint="let IMAGELET_HOME name a folder with more room, or read them into memory: --in-memory true",
            folder=_stores(),
            error=error.strerror or error,
        ) from error


def filled(content: Content, progress: Progress | None = None) -> Stored:
    """Return the images of ``content`` in memory."""
    shape, done = (len(content.labels), *content.shape), 0
    array = np.empty(shape, np.uint8)
    for block in content.blocks(0):
        require_count(done + len(block), shape[0], ended=False)
        array[done : done + len(block)] = block
        done += len(block)
        (progress or silent)(done, shape[0])
    require_count(done, shape[0], ended=True)
    images = ImageSet(array, content.labels, content.classes, sources=content.sources)
    return divided(images, content.taken, content.choose)


def divided(images: ImageSet, taken: Message, choose: Choose | None) -> Stored:
    """Return images in memory without those that ``choose`` sets aside, and these."""
    if choose is None:
        return Stored(images, None, taken)
    return Stored(*_divided(images, choose(images)), taken)


def _stores() -> Path:
    return paths.home() / "stores"


def _hash(*values: object) -> str:
    return sha256(repr((VERSION, values)).encode(errors="replace")).hexdigest()[:16]


def _state(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns


def _made(folder: Path, content: Content, progress: Progress) -> Stored:
    """Make a store and return it; the caller holds its lock."""
    folder.mkdir(parents=True, exist_ok=True)
    origin = folder.name.partition("-")[0]
    for other in folder.parent.glob(f"{origin}-*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    try:
        (folder / "store.json").unlink(missing_ok=True)
        shape = (len(content.labels), *content.shape)
        images = folder / "images.npy"
        if mapped_array(images, shape) is None:
            grow([Growing(images, shape)], lambda first: ((b,) for b in content.blocks(first)), progress)
        _describe(folder, content)
        made = _opened(folder)
        if made is None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
    except Exception:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return made


def _describe(folder: Path, content: Content) -> None:
    """Find out once what every start needs to know of the images, and write it beside them."""
    array = mapped_array(folder / "images.npy", (len(content.labels), *content.shape))
    assert array is not None
    pixels, sums = as_array(ImagesOnDisk(array)), _sums(array)
    known = Known("", sums, copies.originals(pixels))
    images = ImageSet(pixels, content.labels, content.classes, known, content.sources)
    fingerprints = {"all": images.fingerprint()}
    _write_array(folder / "labels.npy", images.labels)
    _write_array(folder / "sums.npy", sums)
    _write_array(folder / "groups.npy", known.groups)
    if images.sources is not None:
        _write_array(folder / "sources.npy", images.sources)
    if content.choose:
        chosen = content.choose(images)
        _write_array(folder / "test.npy", chosen)
        rest, aside = _divided(images, chosen)
        fingerprints |= {"train": rest.fingerprint(), "test": aside.fingerprint()}
    description = {
        "shape": array.shape,
        "classes": content.classes,
        "taken": content.taken.to_json(),
        "sha256": fingerprints,
        "has_sources": images.sources is not None,
    }
    atomic_files.write_json(folder / "store.json", description)


def _sums(array: NDArray[np.uint8]) -> NDArray[np.unsignedinteger[Any]]:
    """Return the sums of each image's pixels and of their squares, (n, 2, channels)."""
    count, height, width, channels = array.shape
    kind: type[np.unsignedinteger[Any]] = np.uint32 if 255**2 * height * width < 2**32 else np.uint64
    sums = np.empty((count, 2, channels), kind)
    images, rows = ImagesOnDisk(array), max(1, MEASURED_AT_ONCE // (height * width * channels))
    for start in range(0, count, rows):
        pixels = images[start : start + rows].reshape(-1, height * width, channels).astype(kind)
        sums[start : start + rows, 0] = pixels.sum(axis=1, dtype=kind)
        sums[start : start + rows, 1] = np.square(pixels, out=pixels).sum(axis=1, dtype=kind)
    return sums


def _divided(images: ImageSet, chosen: NDArray[np.bool_]) -> tuple[ImageSet, ImageSet]:
    rest, aside = (images.take(np.flatnonzero(where)) for where in (~chosen, chosen))
    return rest, aside


def _opened(folder: Path) -> Stored | None:
    """Return what a store holds; None where it is not there, not complete or damaged."""
    try:
        with (folder / "store.json").open("rb") as file:
            description = json.loads(file.read(LARGEST_DESCRIPTION))
        fingerprints, classes = description["sha256"], tuple(description["classes"])
        array = mapped_array(folder / "images.npy", tuple(description["shape"]))
        if array is None:
            return None
        labels = np.load(folder / "labels.npy", allow_pickle=False)
        sums, groups = (np.load(folder / f"{name}.npy", allow_pickle=False) for name in ("sums", "groups"))
        if {len(sums), len(groups)} != {len(labels)}:
            return None
        sources = None
        if description["has_sources"]:
            sources = np.load(folder / "sources.npy", allow_pickle=False)
        known = Known(fingerprints["all"], sums, groups)
        images = ImageSet(as_array(ImagesOnDisk(array)), labels, classes, known, sources)
        aside = None
        if "test" in fingerprints:
            chosen = np.load(folder / "test.npy", allow_pickle=False)
            images, aside = (
                _known_as(part, fingerprints[name])
                for part, name in zip(_divided(images, chosen), ("train", "test"), strict=True)
            )
        return Stored(images, aside, Message.from_json(description["taken"]))
    except (OSError, ValueError, EOFError, LookupError, TypeError, RecursionError, DataError):
        return None


def _known_as(images: ImageSet, fingerprint: str) -> ImageSet:
    known = images.known and images.known._replace(sha256=fingerprint)
    return dataclasses.replace(images, known=known)


def _write_array(path: Path, array: NDArray[Any]) -> None:
    with atomic_files.replacing(path) as file:
        np.save(file, array, allow_pickle=False)
