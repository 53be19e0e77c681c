"""What is wrong with a dataset: unreadable pictures, copies, test images that were learnt, and less.

The kinds of problems, the worst first:

=================  ===================================================================================
``two labels``     the same pixels in two classes: one of the labels must be wrong
``shared``         the same pixels in two parts: a test on what was learnt shows nothing
``unreadable``     no picture, or a damaged one
``classes``        an empty class, parts with different classes, no class subfolders
``duplicate``      the same pixels twice in a class
``left out``       a file that is no picture by its name, or lies in no class
``size``           not of the size that most pictures have; that is allowed, and only said
=================  ===================================================================================
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagelet.data.datasets import load_dataset
from imagelet.data.folder import in_parallel
from imagelet.data.imageset import PARTS, Dataset
from imagelet.data.known import datasets
from imagelet.data.labelled_pictures import (
    LabelledFiles,
    check_classes,
    existing,
    list_files,
    part_folders,
)
from imagelet.errors import DataError, PictureError
from imagelet.messages import Message
from imagelet.preprocessing.picture import find_files, is_grey, open_picture
from imagelet.progress import Progress

KINDS = ("two labels", "shared", "unreadable", "classes", "duplicate", "left out", "size")

_DIGEST_BYTES = 16  # of BLAKE2; two images in 10^19 would share one by chance


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Args:
        kind: one of ``KINDS``.
        message: what is wrong, in one sentence.
        files: which files it is about, as paths below the folder; images of a registered dataset are named
            by part and number, counted from 0: ``train 12``.
    """

    kind: str
    message: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Image:
    """One image that could be read."""

    name: str
    part: str
    label: str
    digest: bytes


def check(name_or_folder: str | Path, progress: Progress | None = None) -> list[Problem]:
    """Return the problems of a dataset, the worst first; every picture of a folder is decoded.

    Args:
        name_or_folder: as ``load_dataset`` takes it.
        progress: is called with what is done and the total.

    Returns:
        The problems; one for each group of copies, for each unreadable picture, and for all files that are
        left out or of another size together.

    Raises:
        UnknownNameError: neither a registered name nor a folder.
        DataError: the folder is not there, or a registered dataset's files are damaged.
    """
    text = str(name_or_folder)
    is_name = not isinstance(name_or_folder, Path) and text in datasets
    if is_name or not Path(text).expanduser().is_dir():
        problems = _copies(_images_of(load_dataset(name_or_folder, progress=progress)))
    else:
        problems = _check_folder(existing(text), progress)
    return sorted(problems, key=lambda problem: KINDS.index(problem.kind))  # stable


def _check_folder(folder: Path, progress: Progress | None) -> list[Problem]:
    parts, problems = _list_parts(folder)
    sizes: dict[str, tuple[int, int]] = {}
    images: list[_Image] = []
    files = [
        (part, listed.classes[label], path)
        for part, listed in parts.items()
        for path, label in zip(listed.paths, listed.labels, strict=True)
    ]
    looked_at = in_parallel(_look_at, [path for _, _, path in files], progress)
    for (part, label, path), result in zip(files, looked_at, strict=True):
        name = str(path.relative_to(folder))
        if isinstance(result, PictureError):
            problems.append(Problem("unreadable", result.sentence, (name,)))
        else:
            digest, sizes[name] = result
            images.append(_Image(name, part, label, digest))
    return problems + _copies(images) + _left_out(folder, {path for _, _, path in files}) + _sizes(sizes)


def _list_parts(folder: Path) -> tuple[dict[str, LabelledFiles], list[Problem]]:
    """Return the pictures of each part, and what is wrong with the classes."""
    problems: list[Problem] = []
    listed: dict[str, LabelledFiles] = {}
    places = part_folders(folder) or {"train": folder}
    for part in (each for each in PARTS if each in places):
        try:
            listed[part] = list_files(places[part], empty_allowed=True)
            if part != "train" and "train" in listed:
                check_classes(listed["train"], places[part])
        except DataError as error:
            problems.append(Problem("classes", error.message))
    for files in listed.values():
        counts = np.bincount(files.labels, minlength=len(files.classes))
        empty = [name for name, count in zip(files.classes, counts, strict=True) if count == 0]
        places_of_empty = [str((files.folder / name).relative_to(folder)) for name in empty]
        problems += [
            Problem("classes", Message("the class '{name}' has no pictures", name=place), (place,))
            for place in places_of_empty
        ]
    return listed, problems


def _look_at(path: Path) -> tuple[bytes, tuple[int, int]] | PictureError:
    """Return the digest of a picture's pixels and its height and width, or why it cannot be read."""
    try:
        picture = open_picture(path)
    except PictureError as error:
        return error
    height, width = picture.shape[:2]
    return _digest(picture[:, :, :1] if is_grey(picture) else picture), (height, width)


def _images_of(dataset: Dataset) -> list[_Image]:
    images = []
    for part in dataset.parts:
        read = dataset.read(part)
        names = [read.classes[label] for label in read.labels]
        images += [
            _Image(f"{part} {number}", part, label, _digest(pixels))
            for number, (label, pixels) in enumerate(zip(names, np.asarray(read.images), strict=True))
        ]
    return images


def _digest(pixels: NDArray[np.uint8]) -> bytes:
    digest = hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=_DIGEST_BYTES)
    digest.update(repr(pixels.shape).encode())
    return digest.digest()


def _copies(images: Sequence[_Image]) -> list[Problem]:
    """Return what is wrong with each group of images that have the same pixels."""
    groups: dict[bytes, list[_Image]] = defaultdict(list)
    for image in images:
        groups[image.digest].append(image)
    return [problem for group in groups.values() if len(group) > 1 for problem in _group(group)]


def _group(group: Sequence[_Image]) -> Iterable[Problem]:
    make = partial(Problem, files=tuple(image.name for image in group))
    labels = list(dict.fromkeys(image.label for image in group))
    parts = [part for part in PARTS if any(image.part == part for image in group)]
    if len(labels) > 1:
        yield make("two labels", Message("the same picture has the labels {labels}", labels=_quoted(labels)))
    if len(parts) > 1:
        yield make("shared", Message("the same picture is in the parts {parts}", parts=_quoted(parts)))
    if len(labels) == len(parts) == 1:
        message = Message(
            "the same picture is {count} times in the class '{name}'", count=len(group), name=labels[0]
        )
        yield make("duplicate", message)


def _left_out(folder: Path, used: set[Path]) -> list[Problem]:
    names = sorted(str(path.relative_to(folder)) for path in find_files(folder) if path not in used)
    if not names:
        return []
    if len(names) == 1:
        message = Message("1 file is not used: no picture by its name, or in no class")
    else:
        message = Message(
            "{count:,} files are not used: no pictures by their names, or in no class", count=len(names)
        )
    return [Problem("left out", message, tuple(names))]


def _sizes(sizes: dict[str, tuple[int, int]]) -> list[Problem]:
    if not sizes:
        return []
    (height, width), _ = Counter(sizes.values()).most_common(1)[0]
    others = tuple(name for name, size in sizes.items() if size != (height, width))
    if not others:
        return []
    message = Message(
        "{count:,} of {total:,} pictures are not {size} (height x width), as most are",
        count=len(others),
        total=len(sizes),
        size=f"{height}x{width}",
    )
    return [Problem("size", message, others)]


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
