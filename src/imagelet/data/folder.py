"""Your own images: a folder with one subfolder a class, perhaps under ``train/``, ``val/`` and ``test/``.

A picture is opened and framed by the same code that later opens a person's own picture.
Where there is no ``test/``, a fifth of each class is set aside as the test part, chosen by the rank of the
files' SHA-256: copies of one file fall on one side, and adding pictures moves few from one side to the other.
"""

import hashlib
import shlex
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagelet.data.folder_cache import in_parallel, key_of, remembered
from imagelet.data.imageset import Dataset, DatasetCard, ImageSet
from imagelet.data.labelled_files import (
    LabelledFiles,
    check_classes,
    existing,
    list_files,
    part_folders,
    set_aside_by_rank,
)
from imagelet.data.labelled_table import is_table, list_table
from imagelet.errors import DataError, PictureError, SettingError
from imagelet.messages import Message, message_of
from imagelet.preprocessing.framing import Framing, frame, framings
from imagelet.preprocessing.picture import open_picture, picture_size
from imagelet.preprocessing.pixel_formats import is_grey
from imagelet.progress import Progress

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
            ``validation/``) and ``test/``.
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
    folder = existing(path)
    framings.get(framing_kind)
    if shape is not None:
        _framing(framing_kind, shape)  # refused before anything is read
    sources, set_aside = _sources(folder)
    training = sources["train"]()
    framing = _framing(framing_kind, shape or _shape_for(training, framing_kind, progress))
    name = folder.resolve().name or str(folder)
    card = DatasetCard(
        name=name,
        title=name,
        description=_described(training, set_aside),
        classes=training.classes,
        framing=framing,
        flips=False,
        source=str(folder),
        licence="that of your own pictures",
    )
    parts = {part: partial(_read, files, framing, progress) for part, files in sources.items()}
    return Dataset(card, str(folder), parts)


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


def _described(training: LabelledFiles, set_aside: bool) -> str:
    described = f"{len(training.paths):,} training pictures in {len(training.classes)} classes"
    if not set_aside:
        return f"{described}."
    return (
        f"{described}; there is no test/, so a fifth of each class, by the files' content, is the test part."
    )


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
    if "test" in parts:
        return sources | {"test": partial(list_files, parts["test"])}, False
    chosen = _chosen_for_test(training)
    rest, test = (training.take(np.flatnonzero(where)) for where in (~chosen, chosen))
    return sources | {"train": lambda: rest, "test": lambda: test}, True


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
        with path.open("rb") as file:
            return np.frombuffer(hashlib.file_digest(file, "sha256").digest(), np.uint8)
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
