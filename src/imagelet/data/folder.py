"""Your own images: a folder with one subfolder a class.

It may have ``train/``, ``val/`` and ``test/``. A picture is opened and framed by the same code that later
opens a person's own picture. Where there is no ``test/``, a fifth of each class is set aside as the test
part, chosen by the rank of the files' SHA-256: copies of one file fall on one side, and adding pictures
moves few from one side to the other.

The decoded images are kept in the cache, memory-mapped. Each array is one ``.npy`` file. Its name is a hash
of all that its content depends on (the files' names, sizes and times, the framing), so it is never out of
date: what changes gets another name.
"""

import hashlib
import os
import shlex
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import PIL
from numpy.typing import NDArray

from imagelet import atomic_files, paths
from imagelet.data.imageset import PARTS, Dataset, DatasetCard, ImageSet
from imagelet.data.labelled_pictures import (
    LabelledFiles,
    check_classes,
    describe,
    existing,
    is_unlabelled,
    left_out_of,
    list_files,
    part_folders,
    set_aside_by_rank,
)
from imagelet.data.picture_table import SUFFIXES, is_table, list_table
from imagelet.errors import DataError, PictureError, SettingError
from imagelet.messages import Message, message_of
from imagelet.preprocessing.framing import Framing, frame, framings
from imagelet.preprocessing.picture import (
    is_grey,
    open_file,
    open_picture,
    picture_size,
)
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
                atomic_files.sweep(path)
                _write(path, shape, rows)
                array = _mapped(path, shape)
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
    task: Callable[[Source], Result], sources: Sequence[Source], progress: Progress | None = None
) -> Iterator[Result]:
    """Yield ``task(source)`` for each source, in their order, computed by several threads.

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


TEST_SHARE = 0.2
LARGEST_COMMON_SIDE = 96  # pixels; pictures that all share a size up to this keep it
SIDES = (16, 64)  # pixels; the smallest and largest side that is chosen for pictures of several sizes
SIDES_STEP = 4  # pixels; two poolings by two leave no odd row
NAMED_AT_MOST = 3  # damaged pictures in a message

_DIGEST_BYTES = hashlib.sha256().digest_size


def load_folder(
    path: str | Path,
    shape: tuple[int, int, int] | None = None,
    framing_kind: str = "fit",
    progress: Progress | None = None,
) -> Dataset:
    """Open a folder of pictures; each part is decoded once, when it is first asked for, into the cache.

    Args:
        path: a folder with one subfolder a class, or with such subfolders under ``train/``, ``val/`` (or
            ``validation/``) and ``test/``; or a table that names pictures, as :func:`list_table` takes it.
        shape: the images' (height, width, channels). None: the size that all training pictures share, if its
            sides are at most 96 pixels, else a square by their median short side; 1 channel if all are grey.
            To find out, the training pictures are decoded at once.
        framing_kind: how a picture becomes an image of that shape; a name that ``framings`` holds.
        progress: is called with how many pictures are done and how many there are.

    Returns:
        A dataset whose card tells classes and framing.

    Raises:
        DataError: the folder is missing, has no class subfolders, has an empty class or one class only, its
            parts have other classes, or a picture is damaged (that may be told when the part is read).
        UnknownNameError: ``framing_kind`` is not registered.
        SettingError: the shape is not possible.
    """
    folder = Path(path).expanduser()
    of_table = folder.suffix.lower() in SUFFIXES and folder.is_file()
    if not of_table:
        existing(folder)
    framings.get(framing_kind)
    if shape is not None:
        _framing(framing_kind, shape)  # refused before anything is read
    sources, set_aside = _sources_of_table(folder) if of_table else _sources(folder)
    training = sources["train"]()
    framing = _framing(framing_kind, shape or _shape_for(training, framing_kind, progress))
    name = (folder.stem if of_table else folder.resolve().name) or str(folder)
    card = DatasetCard(
        name=name,
        title=name,
        description=describe(training, set_aside),
        classes=training.classes,
        framing=framing,
        flips=False,
        source=str(folder),
        licence="that of your own pictures",
    )
    understood = Message(card.description), *(() if of_table else left_out_of(folder))
    parts = {part: partial(_read, files, framing, progress) for part, files in sources.items()}
    return Dataset(card, str(folder), parts, understood)


def read_labelled(path: str | Path, framing: Framing, progress: Progress | None = None) -> ImageSet:
    """Return all labelled pictures of a folder or a table, to evaluate on: nothing is set aside.

    Of a folder they are those under ``test/`` where there is one, else those under ``train/``, else all. One
    class is enough, and a class may be empty.

    Args:
        path: a folder as ``load_folder`` takes it, or a CSV file as ``list_table`` does.
        framing: the classifier's.
        progress: is called with how many pictures are done and how many there are.

    Raises:
        DataError: the folder is missing, has no class subfolders or no pictures; the table is missing or
            wrong; or a picture is damaged.
    """
    listed = list_labelled(path)
    return _read(lambda: listed, framing, progress)


def list_labelled(path: str | Path) -> LabelledFiles:
    """Return the files that :func:`read_labelled` reads, unopened.

    Raises:
        DataError: the folder or table is missing or wrong, or names no pictures.
    """
    if is_table(path):
        return list_table(path)
    folder = existing(path)
    parts = part_folders(folder)
    source = parts.get("test") or parts.get("train") or folder
    listed = list_files(source, empty_allowed=True)
    if not listed.paths:
        raise DataError("the folder '{folder}' holds no pictures in its subfolders", folder=source)
    return listed


class _ColourFoundError(Exception):
    """A picture is not grey, where all would have to be."""


def _sources(folder: Path) -> tuple[dict[str, Callable[[], LabelledFiles]], bool]:
    """Return, for each part, the function that lists its files, and whether the test part was set aside.

    Only the training files are listed at once, unless the test part must be set aside from them.
    """
    parts = part_folders(folder)
    if parts and "train" not in parts:
        raise DataError(
            "the folder '{folder}' has test/ but no train/: there is nothing to learn from",
            hint="put the class subfolders to learn from under train/",
            folder=folder,
        )
    training = list_files(parts.get("train", folder))
    if len(training.classes) < 2:
        raise DataError(
            "the folder '{folder}' has one class only, '{name}': two are needed",
            hint="if the class subfolders lie one level deeper, name that folder",
            folder=training.folder,
            name=training.classes[0],
        )
    for place in parts.values():
        check_classes(training, place)
    sources: dict[str, Callable[[], LabelledFiles]] = {"train": lambda: training}
    if "validation" in parts:
        sources["validation"] = partial(list_files, parts["validation"])
    if "test" in parts and not is_unlabelled(parts["test"]):
        return sources | {"test": partial(list_files, parts["test"])}, False
    chosen = _chosen_for_test(training)
    rest, test = (training.take(np.flatnonzero(where)) for where in (~chosen, chosen))
    return sources | {"train": lambda: rest, "test": lambda: test}, True


def _sources_of_table(table: Path) -> tuple[dict[str, Callable[[], LabelledFiles]], bool]:
    """Return what :func:`_sources` does, of a table: its column ``split`` says the parts, if it has one."""
    listed = list_table(table)
    if len(listed.classes) < 2:
        raise DataError(
            "the table '{table}' has one class only, '{name}': two are needed",
            table=table,
            name=listed.classes[0],
        )
    named = np.array([part or "train" for part in listed.parts or [""] * len(listed.paths)])
    files = {part: listed.take(np.flatnonzero(named == part)) for part in PARTS if (named == part).any()}
    if "train" not in files:
        raise DataError("the table '{table}' has no row of the split 'train'", table=table)
    set_aside = "test" not in files
    if set_aside:
        chosen = _chosen_for_test(files["train"])
        rest, test = (files["train"].take(np.flatnonzero(where)) for where in (~chosen, chosen))
        files |= {"train": rest, "test": test}
    return {part: partial(_itself, taken) for part, taken in files.items()}, set_aside


def _itself(files: LabelledFiles) -> LabelledFiles:
    return files


def _chosen_for_test(files: LabelledFiles) -> NDArray[np.bool_]:
    digests = remembered(
        key_of(files.folder, files.paths, "sha256"),
        (len(files.paths), _DIGEST_BYTES),
        lambda: in_parallel(_digest, files.paths),
        quiet=True,
    )
    chosen = set_aside_by_rank(digests, files.labels, TEST_SHARE)
    for label, name in enumerate(files.classes):
        if not chosen[files.labels == label].any():
            raise DataError(
                "the class '{name}' in '{folder}' has one picture only: two different ones are needed, as "
                "one is set aside for testing",
                hint="add pictures, or put your own choice under train/ and test/",
                name=name,
                folder=files.folder,
            )
    return chosen


def _digest(path: Path) -> NDArray[np.uint8]:
    try:
        with open_file(path) as file:
            return np.frombuffer(hashlib.file_digest(file, "sha256").digest(), np.uint8)
    except PictureError as error:
        raise DataError(error.message, error.hint) from error
    except OSError as error:
        raise DataError(
            "the picture '{file}' cannot be read: {error}", file=path, error=error.strerror
        ) from error


def _framing(kind: str, shape: tuple[int, int, int]) -> Framing:
    try:
        return Framing(kind, *shape)
    except (TypeError, ValueError) as error:
        raise SettingError(
            message_of(error), hint="a shape is height, width and channels: 28x28x1"
        ) from error


def _shape_for(files: LabelledFiles, kind: str, progress: Progress | None) -> tuple[int, int, int]:
    """Choose the shape for pictures, by decoding them into the cache; what was chosen is remembered."""

    def choose() -> Iterator[NDArray[np.uint8]]:
        height, width = _size_for([size for size in in_parallel(_size, files.paths) if size])
        try:
            _images(files, Framing(kind, height, width, 1), progress, all_grey=True)
            channels = 1
        except _ColourFoundError:
            channels = 3
        yield np.array([height, width, channels], np.uint8)

    key = key_of(files.folder, files.paths, "shape", kind)
    height, width, channels = remembered(key, (1, 3), choose, quiet=True)[0].tolist()
    return height, width, channels


def _size(path: Path) -> tuple[int, int] | None:
    try:
        return picture_size(path)
    except PictureError:
        return None  # told when it is decoded, together with all others


def _size_for(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the height and width for pictures of ``sizes``: the common one, or a square by the median."""
    if len(set(sizes)) == 1 and max(sizes[0]) <= LARGEST_COMMON_SIDE:
        return sizes[0]
    median = float(np.median([min(size) for size in sizes])) if sizes else 0.0
    side = min(SIDES[1], max(SIDES[0], round(median / SIDES_STEP) * SIDES_STEP))
    return side, side


def _read(source: Callable[[], LabelledFiles], framing: Framing, progress: Progress | None) -> ImageSet:
    files = source()
    return ImageSet(_images(files, framing, progress), files.labels, files.classes)


def _images(
    files: LabelledFiles, framing: Framing, progress: Progress | None, all_grey: bool = False
) -> NDArray[np.uint8]:
    """Return the files' images, uint8 (n, *framing.shape), from the cache or decoded into it.

    Args:
        files: which pictures.
        framing: how they are framed.
        progress: is called with how many are done and how many there are.
        all_grey: to 1 channel without loss, or not at all.

    Raises:
        DataError: pictures are damaged.
        _ColourFoundError: a picture has colour and ``all_grey`` is set.
    """
    task = partial(_framed_grey if all_grey else _framed, framing=framing)

    def rows() -> Iterator[NDArray[np.uint8]]:
        damaged: list[tuple[Path, PictureError]] = []
        results = in_parallel(task, files.paths, progress)
        for path, result in zip(files.paths, results, strict=True):
            if isinstance(result, PictureError):
                damaged.append((path, result))
            else:
                yield result
        if damaged:
            raise _damaged(files, damaged)

    key = key_of(files.folder, files.paths, "images", sorted(framing.to_json().items()))
    return remembered(key, (len(files.paths), *framing.shape), rows)


def _framed(path: Path, framing: Framing) -> NDArray[np.uint8] | PictureError:
    try:
        return frame(open_picture(path), framing)
    except PictureError as error:
        return error


def _framed_grey(path: Path, framing: Framing) -> NDArray[np.uint8] | PictureError:
    framed = _framed(path, Framing(framing.kind, framing.height, framing.width, 3, framing.box))
    if isinstance(framed, PictureError):
        return framed
    if not is_grey(framed):
        raise _ColourFoundError
    return framed[:, :, :1]


def _damaged(files: LabelledFiles, damaged: Sequence[tuple[Path, PictureError]]) -> DataError:
    names = ", ".join(f"'{path.relative_to(files.folder)}'" for path, _ in damaged[:NAMED_AT_MOST])
    if files.table:
        hint = Message(
            "imagelet data show {file} says what is wrong with the first",
            file=shlex.quote(str(damaged[0][0])),
        )
    else:
        hint = Message(
            "imagelet data check {folder} says what is wrong with each", folder=shlex.quote(str(files.folder))
        )
    place = files.table or files.folder
    unnamed = len(damaged) - NAMED_AT_MOST
    more = Message(" and {count} more", count=unnamed) if unnamed > 0 else ""
    return DataError(
        "{count} of {total} pictures in '{place}' cannot be read: {names}{more}",
        hint,
        count=len(damaged),
        total=len(files.paths),
        place=place,
        names=names,
        more=more,
    )
