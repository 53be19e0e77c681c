"""Labelled pictures in a folder, one subfolder a class: found and listed; nothing is opened."""

import contextlib
import itertools
import shlex
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagelet.data.pictures.labelled import LabelledPictures, PictureParts, itself, require_classes
from imagelet.errors import DataError, PictureError
from imagelet.messages import Message
from imagelet.preprocessing.picture_files import (
    DiskFolder,
    PictureFolder,
    files_in,
    is_picture,
    natural_key,
    pictures_in,
    suffix_of,
)

NAMES_OF_PARTS = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "tst", "t10k", "eval"),
}
PART_NAMES = {name: part for part, names in NAMES_OF_PARTS.items() for name in names}
SYSTEM_FOLDERS = frozenset(  # what a Mac, a NAS and Windows add
    {"__MACOSX", "@eaDir", "$RECYCLE.BIN", "lost+found", "System Volume Information"}
)
EXPERIMENT = "experiment.toml"  # of a run
NAMED_AT_MOST = 10  # suffixes of files that are not read


def existing(path: str | Path) -> DiskFolder:
    """Return the folder that ``path`` names.

    Raises:
        DataError: there is none.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise DataError(
            "the folder '{path}' is a file; a folder with one subfolder a class is needed"
            if folder.exists()
            else "the folder '{path}' is not there; a folder with one subfolder a class is needed",
            path=path,
        )
    return DiskFolder(folder)


def part_folders(folder: PictureFolder) -> dict[str, PictureFolder]:
    """Return the subfolders for "train", "validation" and "test", those that there are; {}: no such layout.

    A folder is laid out so where ``train/`` or ``test/`` holds folders; ``train/`` with pictures alone is a
    class of trains.

    Raises:
        DataError: two folders stand for one part, one may be a class as well, or a folder cannot be listed.
    """
    parts: dict[str, PictureFolder] = {}
    for subfolder in subfolders(folder):
        part = PART_NAMES.get(subfolder.name.lower())
        if part in parts:
            raise DataError(
                "the folder '{folder}' has both {one}/ and {other}/: one is needed",
                folder=folder.path,
                one=parts[part].name,
                other=subfolder.name,
            )
        if part:
            parts[part] = subfolder
    if not any(subfolders(parts[part]) for part in ("train", "test") if part in parts):
        return {}
    others = [below for below in subfolders(folder) if below not in parts.values() and subfolders(below)]
    if others and len(parts) == 1:
        (alone,) = parts.values()
        raise DataError(
            "'{name}' in '{folder}' may be a part of a dataset, or a class beside {others}",
            hint="if it is a class, give the folder another name; if it is a part, move the others away",
            name=alone.name,
            folder=folder.path,
            others=", ".join(below.name for below in others[:3]),
        )
    return parts


def subfolders(folder: PictureFolder) -> list[PictureFolder]:
    """Return the folders in ``folder`` that may hold pictures, in natural order.

    Hidden ones, those of a system, and runs of ours are left out.

    Raises:
        DataError: it cannot be listed.
    """
    with _as_data_error():
        found = [below for name, below in folder.entries.items() if below and name not in SYSTEM_FOLDERS]
        found = [below for below in found if not _is_of_runs(below)]
    return sorted(found, key=lambda below: natural_key(composed(below.name)))


def unwrapped(folder: PictureFolder) -> PictureFolder:
    """Return the folder that holds the classes or the parts, which may lie in another folder alone.

    Raises:
        DataError: a folder cannot be listed.
    """
    while True:
        below = subfolders(folder)
        if len(below) != 1 or below[0].name.lower() in PART_NAMES or not subfolders(below[0]):
            return folder
        if any(is_picture(name) for name, inner in below[0].entries.items() if inner is None):
            return folder  # a class, some of whose pictures lie deeper
        (folder,) = below


def parts_of_folder(folder: PictureFolder) -> PictureParts:
    """Return the pictures of a folder by part; those of the training part are listed at once.

    Raises:
        DataError: there is nothing to learn from, one class only or an empty one, or other classes in parts.
    """
    given, folder = folder, unwrapped(folder)
    parts = part_folders(folder)
    if parts and "train" not in parts:
        raise DataError(
            "the folder '{folder}' has test/ but no train/: there is nothing to learn from",
            hint="put the class subfolders to learn from under train/",
            folder=folder.path,
        )
    training = list_pictures(parts.get("train", folder))
    require_classes(training)
    for place in parts.values():
        check_classes(training, place)
    listed = {"train": partial(itself, training)}
    for part in ("validation", "test"):
        if part in parts and not (part == "test" and is_unlabelled(parts[part])):
            listed[part] = partial(list_pictures, parts[part])
    return PictureParts(given.path, listed, left_out_of(given, folder))


def list_labelled_in(folder: PictureFolder) -> LabelledPictures:
    """Return a folder's pictures to evaluate on: its test part, else its training part, else all.

    Raises:
        DataError: there are none, or no subfolders.
    """
    parts = part_folders(folder)
    source = parts.get("test") or parts.get("train") or folder
    listed = list_pictures(source, empty_allowed=True)
    if not listed.pictures:
        raise DataError("the folder '{folder}' holds no pictures in its subfolders", folder=source.path)
    return listed


def list_pictures(folder: PictureFolder, *, empty_allowed: bool = False) -> LabelledPictures:
    """Return the pictures below ``folder``'s subfolders, each of which is a class.

    Raises:
        DataError: there are no subfolders, or one has no pictures and that is not allowed.
    """
    classes = subfolders(folder)
    with _as_data_error():
        if not classes:
            raise _without_classes(folder)
        pictures = [pictures_in(class_folder) for class_folder in classes]
    for class_folder in classes:
        name = class_folder.name
        if name.encode("utf-8", "ignore").decode() != name:  # no classifier's file could hold it
            raise DataError(
                "the class folder {name!a} in '{folder}' has a name that is not Unicode",
                hint="rename it",
                name=name,
                folder=folder.path,
            )
    _refuse_parts(folder, classes)
    empty = [class_folder.name for class_folder, found in zip(classes, pictures, strict=True) if not found]
    if empty and not empty_allowed:
        raise DataError(
            "the class '{name}' in '{folder}' has no pictures{more}",
            hint="put pictures (PNG, JPEG, WebP, BMP, GIF, TIFF or PPM) into its folder, or take the folder "
            "away",
            name=empty[0],
            folder=folder.path,
            more=_more_empty(len(empty) - 1),
        )
    labels = np.repeat(np.arange(len(classes), dtype=np.int64), [len(found) for found in pictures])
    names = tuple(composed(class_folder.name) for class_folder in classes)
    return LabelledPictures(folder.path, names, tuple(itertools.chain.from_iterable(pictures)), labels)


def _without_classes(folder: PictureFolder) -> DataError:
    if pictures_in(folder):
        return DataError(
            "the folder '{folder}' holds pictures but no subfolders: one subfolder a class is needed",
            folder=folder.path,
        )
    others = _counted(folder)
    return DataError(
        "the folder '{folder}' holds neither pictures nor subfolders: one subfolder a class is needed; it "
        "holds {counted}"
        if others
        else "the folder '{folder}' holds neither pictures nor subfolders: one subfolder a class is needed",
        hint="imagelet data formats lists what else is read, each by its own path" if others else "",
        folder=folder.path,
        counted=others,
    )


def _counted(folder: PictureFolder) -> str:
    """Return the suffixes of the files below a folder that are not read as pictures, with their numbers."""
    suffixes = Counter(suffix_of(name) or name for _, name in files_in(folder) if not is_picture(name))
    return ", ".join(f"{suffix} ({count:,})" for suffix, count in sorted(suffixes.items())[:NAMED_AT_MOST])


def set_aside_by_rank(
    digests: NDArray[np.uint8], labels: NDArray[np.int64], fraction: float
) -> NDArray[np.bool_]:
    """Choose about ``fraction`` of each class by the rank of the contents' hashes.

    Args:
        digests: uint8 (n, bytes), the same for the same content.
        labels: int64 (n,).
        fraction: between 0 and 1.

    Returns:
        bool (n,), True where chosen. Equal contents are chosen together, and those that stand in several
        classes not at all: no answer could be right for them. Of a class with two or more different contents
        of its own at least one is chosen and one left; of a class with one none is chosen.
    """
    contents = np.array([digest.tobytes() for digest in digests], dtype=object)  # (n,)
    in_classes = Counter(content for content, _ in set(zip(contents, labels.tolist(), strict=True)))
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        copies = Counter(contents[members])
        own = sorted(content for content in copies if in_classes[content] == 1)
        candidates = own[:-1] if len(own) == len(copies) else own  # one is always left
        wanted, taken = fraction * len(members), 0
        picked: set[bytes] = set()
        for content in candidates:
            if taken and taken + copies[content] / 2 > wanted:
                break
            taken += copies[content]
            picked.add(content)
        chosen[members] = [content in picked for content in contents[members]]
    return chosen


def check_classes(training: LabelledPictures, place: PictureFolder) -> None:
    """See that the folder of another part has the class subfolders of the training part.

    Raises:
        DataError: a class is missing on one side.
    """
    names = {composed(subfolder.name) for subfolder in subfolders(place)}
    if not names:
        return  # without its files there is nothing to compare; whoever reads that part is told
    if missing := set(training.classes) - names:
        first, where, lacking = min(missing, key=natural_key), training.place.name, place.name
    elif missing := names - set(training.classes):
        first, where, lacking = min(missing, key=natural_key), place.name, training.place.name
    else:
        return
    raise DataError(
        "the class '{name}' is in {where}/ but not in {lacking}/{more}: the parts of '{folder}' need the "
        "same class subfolders",
        hint="imagelet data check {quoted}",
        name=first,
        where=where,
        lacking=lacking,
        more=_more_missing(len(missing) - 1),
        folder=training.place.parent,
        quoted=shlex.quote(str(training.place.parent)),
    )


def composed(name: str) -> str:
    """Return a name with its accents composed (NFC): a Mac's files have them beside their letters."""
    return unicodedata.normalize("NFC", name)


def _refuse_parts(folder: PictureFolder, classes: Sequence[PictureFolder]) -> None:
    """Raise where the classes look like the parts of a dataset: each has the same folders below."""
    below = [{inner.name for inner in subfolders(class_folder)} for class_folder in classes[:20]]
    if len(below) > 1 and len(below[0]) > 1 and all(names == below[0] for names in below):
        raise DataError(
            "the folders {names} in '{folder}' look like parts of a dataset, not like classes: each holds "
            "{below}",
            hint="call the parts train, val and test; if they are classes, put their pictures into them",
            names=", ".join(class_folder.name for class_folder in classes[:3]),
            folder=folder.path,
            below=", ".join(sorted(below[0])[:3]),
        )


def _is_of_runs(folder: PictureFolder) -> bool:
    """Say whether a folder is a run, or holds runs, which were written among the classes."""
    return any(EXPERIMENT in place.entries for place in (folder, *filter(None, folder.entries.values())))


@contextlib.contextmanager
def _as_data_error() -> Iterator[None]:
    try:
        yield
    except PictureError as error:
        raise DataError(error.message, error.hint) from error


def _more_empty(count: int) -> str:
    if not count:
        return ""
    return Message(
        " (and {count} more empty class)" if count == 1 else " (and {count} more empty classes)", count=count
    )


def _more_missing(count: int) -> str:
    if not count:
        return ""
    return Message(
        " (and {count} more such class)" if count == 1 else " (and {count} more such classes)", count=count
    )


def is_unlabelled(test: PictureFolder) -> bool:
    """Say whether a part holds pictures and no classes, as those that Kaggle wants to be predicted."""
    return not subfolders(test) and any(
        below is None and is_picture(name) for name, below in test.entries.items()
    )


def left_out_of(given: PictureFolder, folder: PictureFolder) -> tuple[Message, ...]:
    """Return what is said of pictures without labels, and of files that are no pictures that are read.

    Args:
        given: what was asked for.
        folder: where the classes or parts are in it.
    """
    told = [*given.left_out]
    with _as_data_error():
        others = _counted(given)
    unlabelled = part_folders(folder).get("test")
    if unlabelled and is_unlabelled(unlabelled):
        told.append(
            Message(
                "{name}/ holds pictures without labels and is left out; imagelet predict classifies them.",
                name=unlabelled.name,
            )
        )
    if others:
        told.append(Message("files that are not read as pictures, left out: {counted}.", counted=others))
    return tuple(told)
