"""What is wrong with a dataset: unreadable pictures, copies, test images that were learnt, and less.

Copies have the same pixels. Near copies look almost alike: a photograph stored in two formats or sizes.

The kinds of problems, the worst first:

=================  ===================================================================================
``two labels``     the same pixels in two classes: one of the labels must be wrong
``shared``         the same pixels in two parts: a test on what was learnt shows nothing
``unreadable``     no picture, or a damaged one
``classes``        an empty class, parts with different classes, no class subfolders
``duplicate``      the same pixels twice in a class
``near copy``      two pictures that look almost alike
``left out``       a file that is no picture by its name, or lies in no class
``size``           not of the size that most pictures have; that is allowed, and only said
=================  ===================================================================================
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.data.datasets import load_dataset
from imagelet.data.forms.form import PictureForm, form_of
from imagelet.data.imageset import PARTS, Dataset
from imagelet.data.known import datasets
from imagelet.data.near_copies import near_copies
from imagelet.data.pictures.facts import digest_of
from imagelet.data.pictures.labelled import LabelledPictures, PictureParts
from imagelet.data.pictures.listing import check_classes, existing, list_pictures, part_folders, unwrapped
from imagelet.data.pictures.working import in_parallel
from imagelet.errors import DataError, PictureError
from imagelet.messages import Message
from imagelet.preprocessing.file_kind import describe_kinds
from imagelet.preprocessing.framing import Framing, frame
from imagelet.preprocessing.picture import open_numbers, open_picture
from imagelet.preprocessing.picture_files import PictureFolder, StoredPicture, files_in
from imagelet.progress import Progress

KINDS = ("two labels", "shared", "unreadable", "classes", "duplicate", "near copy", "left out", "size")
MOST_COMPARED = 100_000  # images among which near copies are looked for; their pixels are all in memory

_COMPARED = Framing("fit", 32, 32, 3)  # pictures of a folder, for that; 3 kB each


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Args:
        kind: one of ``KINDS``.
        message: what is wrong, in one sentence.
        files: which files it is about, as paths below the folder; images of a registered dataset are named
            by part and number, counted from 0: ``train 12``.
        images: the two near copies, uint8 (2, height, width, channels); None of every other kind.
    """

    kind: str
    message: str
    files: tuple[str, ...] = ()
    images: NDArray[np.uint8] | None = field(default=None, compare=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return the problem as plain data, without its images."""
        return {"kind": self.kind, "message": self.message, "files": self.files}


@dataclass(frozen=True)
class _Image:
    """One image that could be read: its pixels, of all images the same size, are those to be compared."""

    name: str
    part: str
    label: str
    digest: bytes
    pixels: NDArray[np.uint8]


def check(name_or_folder: str | Path, progress: Progress | None = None) -> list[Problem]:
    """Return the problems of a dataset, the worst first; every picture of a folder is decoded.

    Args:
        name_or_folder: as ``load_dataset`` takes it.
        progress: is called with what is done and the total.

    Returns:
        The problems; one for each group of copies, for each pair of near copies, the most alike first, for
        each unreadable picture, and for all files that are left out or of another size together.

    Raises:
        UnknownNameError: neither a registered name nor a folder.
        DataError: the folder is not there, or a registered dataset's files are damaged.
    """
    text = str(name_or_folder)
    is_name = not isinstance(name_or_folder, Path) and text in datasets
    opened = None if is_name else _opened(Path(text).expanduser())
    if opened is None:
        problems = _copies(_images_of(load_dataset(name_or_folder, progress=progress)))
    elif isinstance(opened, PictureFolder):
        problems = _check_folder(opened, progress)
    else:
        parts = {part: list_part() for part, list_part in opened.parts.items()}
        problems = _check_pictures(opened.place, parts, progress)
        problems += [Problem("left out", sentence) for sentence in opened.left_out]
    return sorted(problems, key=lambda problem: KINDS.index(problem.kind))  # stable


def _opened(path: Path) -> PictureFolder | PictureParts | None:
    """Return the pictures in a folder or file; None where it holds other images, or is not there."""
    form = form_of(path)
    if isinstance(form, PictureForm):
        return form.open(path)
    return existing(path) if form is None and path.is_dir() else None


def _check_folder(given: PictureFolder, progress: Progress | None) -> list[Problem]:
    parts, problems = _list_parts(given, unwrapped(given))
    problems += _check_pictures(given.path, parts, progress)
    used = {picture.path for listed in parts.values() for picture in listed.pictures}
    problems += [Problem("left out", sentence) for sentence in given.left_out]
    return problems + _left_out(given, used)


def _check_pictures(
    place: Path, parts: Mapping[str, LabelledPictures], progress: Progress | None
) -> list[Problem]:
    """Return what is wrong with pictures themselves, each of which is decoded."""
    problems: list[Problem] = []
    sizes: dict[str, tuple[int, int]] = {}
    images: list[_Image] = []
    pictures = [
        (part, listed.classes[label], picture)
        for part, listed in parts.items()
        for picture, label in zip(listed.pictures, listed.labels, strict=True)
    ]
    looked_at = dict(in_parallel(_look_at, [picture for _, _, picture in pictures], progress))
    for index, (part, label, picture) in enumerate(pictures):
        name, result = _within(place, picture.path), looked_at[index]
        if isinstance(result, PictureError):
            problems.append(Problem("unreadable", result.sentence, (name,)))
        else:
            content, sizes[name], pixels = result
            images.append(_Image(name, part, label, content, pixels))
    return problems + _copies(images) + _sizes(sizes)


def _list_parts(
    given: PictureFolder, folder: PictureFolder
) -> tuple[dict[str, LabelledPictures], list[Problem]]:
    """Return the pictures of each part, and what is wrong with the classes.

    Args:
        given: what was asked for.
        folder: where the classes or parts are in it.
    """
    problems: list[Problem] = []
    listed: dict[str, LabelledPictures] = {}
    places = part_folders(folder) or {"train": folder}
    for part in (each for each in PARTS if each in places):
        try:
            listed[part] = list_pictures(places[part], empty_allowed=True)
            if part != "train" and "train" in listed:
                check_classes(listed["train"], places[part])
        except DataError as error:
            problems.append(Problem("classes", error.message))
    for pictures in listed.values():
        counts = np.bincount(pictures.labels, minlength=len(pictures.classes))
        empty = [name for name, count in zip(pictures.classes, counts, strict=True) if count == 0]
        places_of_empty = [_within(given.path, pictures.place / name) for name in empty]
        problems += [
            Problem("classes", Message("the class '{name}' has no pictures", name=place), (place,))
            for place in places_of_empty
        ]
    return listed, problems


def _within(place: Path, path: Path) -> str:
    return str(path.relative_to(place))


def _look_at(picture: StoredPicture) -> tuple[bytes, tuple[int, int], NDArray[np.uint8]] | PictureError:
    """Return the digest of a picture's pixels, its size, and it in small; or why it cannot be read."""
    try:
        numbers = open_numbers(picture)
    except PictureError as error:
        return error
    height, width = numbers.shape[:2]
    pixels = numbers if numbers.dtype == np.uint8 else open_picture(picture)
    return digest_of(numbers), (height, width), frame(pixels, _COMPARED)


def _images_of(dataset: Dataset) -> list[_Image]:
    images = []
    for part in dataset.parts:
        read = dataset.read(part)
        names = [read.classes[label] for label in read.labels]
        images += [
            _Image(f"{part} {number}", part, label, digest_of(pixels), pixels)
            for number, (label, pixels) in enumerate(zip(names, np.asarray(read.images), strict=True))
        ]
    return images


def _copies(images: Sequence[_Image]) -> list[Problem]:
    """Return what is wrong with each group of images that have the same pixels, and with near copies."""
    groups: dict[bytes, list[_Image]] = defaultdict(list)
    for image in images:
        groups[image.digest].append(image)
    problems = [problem for group in groups.values() if len(group) > 1 for problem in _group(group)]
    return problems + _near_copies([group[0] for group in groups.values()][:MOST_COMPARED])


def _near_copies(different: Sequence[_Image]) -> list[Problem]:
    """Return a problem for each pair of images that look almost alike."""
    if not different:
        return []
    pixels = np.stack([image.pixels for image in different])
    problems = []
    for pair, correlation in zip(*near_copies(pixels), strict=True):
        one, other = (different[index] for index in pair)
        where = (
            ""
            if one.part == other.part
            else Message(", in the parts {parts}", parts=_quoted((one.part, other.part)))
        )
        message = Message(
            "these look almost alike (correlation {correlation:.4f}){labels}{parts}",
            correlation=min(float(correlation), 0.9999),  # equal ones are copies
            labels=Message(", with the labels {labels}", labels=_quoted((one.label, other.label)))
            if one.label != other.label
            else "",
            parts=where,
        )
        problems.append(Problem("near copy", message, (one.name, other.name), pixels[pair]))
    return problems


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


def _left_out(folder: PictureFolder, used: set[Path]) -> list[Problem]:
    found = (place.picture(name) for place, name in files_in(folder))
    files = sorted((file for file in found if file.path not in used), key=lambda file: file.path)
    if not files:
        return []
    message = Message(
        "1 file is not used, no picture by its name or in no class: {kinds}"
        if len(files) == 1
        else "{count:,} files are not used, no pictures by their names or in no class: {kinds}",
        count=len(files),
        kinds=describe_kinds(files),
    )
    return [Problem("left out", message, tuple(_within(folder.path, file.path) for file in files))]


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
