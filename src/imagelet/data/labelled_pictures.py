"""Labelled pictures in a folder, one subfolder a class: found and listed; nothing is opened."""

import os
import shlex
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagelet.errors import DataError, PictureError
from imagelet.messages import Message
from imagelet.preprocessing.picture import (
    PICTURE_SUFFIXES,
    find_files,
    find_pictures,
    is_folder,
    natural_key,
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


@dataclass(frozen=True, eq=False)
class LabelledFiles:
    """Pictures with their classes, not yet opened.

    Args:
        folder: all paths start with it.
        classes: the class names in natural order.
        paths: the files.
        labels: int64 (files,).
        table: the file that names them; None where they lie in one subfolder a class.
        sources: who or what each file comes from; None where nobody said.
        parts: train, validation or test for each file; None where a table does not say.
    """

    folder: Path
    classes: tuple[str, ...]
    paths: tuple[Path, ...]
    labels: NDArray[np.int64]
    table: Path | None = None
    sources: tuple[str, ...] | None = None
    parts: tuple[str, ...] | None = None

    def take(self, indices: NDArray[np.int64]) -> "LabelledFiles":
        """Return the files at ``indices`` (n,)."""
        paths = tuple(self.paths[index] for index in indices)
        sources = None if self.sources is None else tuple(self.sources[index] for index in indices)
        parts = None if self.parts is None else tuple(self.parts[index] for index in indices)
        return LabelledFiles(
            self.folder, self.classes, paths, self.labels[indices], self.table, sources, parts
        )


def existing(path: str | Path) -> Path:
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
    return folder


def part_folders(folder: Path) -> dict[str, Path]:
    """Return the subfolders for "train", "validation" and "test", those that there are; {}: no such layout.

    A folder is laid out so where ``train/`` or ``test/`` holds folders; ``train/`` with pictures alone is a
    class of trains.

    Raises:
        DataError: two folders stand for one part, one may be a class as well, or a folder cannot be listed.
    """
    parts: dict[str, Path] = {}
    for subfolder in subfolders(folder):
        part = PART_NAMES.get(subfolder.name.lower())
        if part in parts:
            raise DataError(
                "the folder '{folder}' has both {one}/ and {other}/: one is needed",
                folder=folder,
                one=parts[part].name,
                other=subfolder.name,
            )
        if part:
            parts[part] = subfolder
    if not any(subfolders(parts[part]) for part in ("train", "test") if part in parts):
        return {}
    others = [path for path in subfolders(folder) if path not in parts.values() and subfolders(path)]
    if others and len(parts) == 1:
        (alone,) = parts.values()
        raise DataError(
            "'{name}' in '{folder}' may be a part of a dataset, or a class beside {others}",
            hint="if it is a class, give the folder another name; if it is a part, move the others away",
            name=alone.name,
            folder=folder,
            others=", ".join(path.name for path in others[:3]),
        )
    return parts


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in ``folder`` that may hold pictures, in natural order.

    Hidden ones, those of a system, and runs of ours are left out.

    Raises:
        DataError: it cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if is_folder(entry) and _is_visible(entry.name)]
    except OSError as error:
        raise DataError(
            "the folder '{folder}' cannot be listed: {error}", folder=folder, error=error.strerror
        ) from error
    found = [folder / name for name in sorted(names, key=lambda name: natural_key(composed(name)))]
    return [path for path in found if not _is_of_runs(path)]


def list_files(folder: Path, *, empty_allowed: bool = False) -> LabelledFiles:
    """Return the pictures below ``folder``'s subfolders, each of which is a class.

    Raises:
        DataError: there are no subfolders, or one has no pictures and that is not allowed.
    """
    classes = subfolders(folder)
    try:
        if not classes:
            if find_pictures(folder):
                raise DataError(
                    "the folder '{folder}' holds pictures but no subfolders: one subfolder a class is needed",
                    folder=folder,
                )
            raise DataError(
                "the folder '{folder}' holds neither pictures nor subfolders: one subfolder a class is "
                "needed",
                folder=folder,
            )
        pictures = [find_pictures(class_folder) for class_folder in classes]
    except PictureError as error:
        raise DataError(error.message, error.hint) from error
    for class_folder in classes:
        name = class_folder.name
        if name.encode("utf-8", "ignore").decode() != name:  # no classifier's file could hold it
            raise DataError(
                "the class folder {name!a} in '{folder}' has a name that is not Unicode",
                hint="rename it",
                name=name,
                folder=folder,
            )
    _refuse_parts(folder, classes)
    empty = [class_folder.name for class_folder, paths in zip(classes, pictures, strict=True) if not paths]
    if empty and not empty_allowed:
        raise DataError(
            "the class '{name}' in '{folder}' has no pictures{more}",
            hint="put pictures (PNG, JPEG, WebP, BMP, GIF or TIFF) into its folder, or take the folder away",
            name=empty[0],
            folder=folder,
            more=_more_empty(len(empty) - 1),
        )
    labels = np.repeat(np.arange(len(classes), dtype=np.int64), [len(paths) for paths in pictures])
    names = tuple(composed(class_folder.name) for class_folder in classes)
    return LabelledFiles(folder, names, tuple(path for paths in pictures for path in paths), labels)


def set_aside_by_rank(
    digests: NDArray[np.uint8], labels: NDArray[np.int64], fraction: float
) -> NDArray[np.bool_]:
    """Choose about ``fraction`` of each class by the rank of the contents' hashes.

    Args:
        digests: uint8 (n, bytes), the same for the same content.
        labels: int64 (n,).
        fraction: between 0 and 1.

    Returns:
        bool (n,), True where chosen. Equal contents of a class are chosen together. Of a class with two
        or more different contents at least one is chosen and one left; of a class with one none is chosen.
    """
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        contents = [digests[index].tobytes() for index in members]
        copies = Counter(contents)
        wanted, taken = fraction * len(members), 0
        for content in sorted(copies)[:-1]:  # the last is always left
            if taken and taken + copies[content] / 2 > wanted:
                break
            taken += copies[content]
            alike = [index for index, other in zip(members, contents, strict=True) if other == content]
            chosen[alike] = True
    return chosen


def check_classes(training: LabelledFiles, place: Path) -> None:
    """See that the folder of another part has the class subfolders of the training part.

    Raises:
        DataError: a class is missing on one side.
    """
    names = {composed(subfolder.name) for subfolder in subfolders(place)}
    if not names:
        return  # without its files there is nothing to compare; whoever reads that part is told
    if missing := set(training.classes) - names:
        first, where, lacking = min(missing, key=natural_key), training.folder.name, place.name
    elif missing := names - set(training.classes):
        first, where, lacking = min(missing, key=natural_key), place.name, training.folder.name
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
        folder=training.folder.parent,
        quoted=shlex.quote(str(training.folder.parent)),
    )


def composed(name: str) -> str:
    """Return a name with its accents composed (NFC): a Mac's files have them beside their letters."""
    return unicodedata.normalize("NFC", name)


def _refuse_parts(folder: Path, classes: Sequence[Path]) -> None:
    """Raise where the classes look like the parts of a dataset: each has the same folders below."""
    below = [{path.name for path in subfolders(class_folder)} for class_folder in classes[:20]]
    if len(below) > 1 and len(below[0]) > 1 and all(names == below[0] for names in below):
        raise DataError(
            "the folders {names} in '{folder}' look like parts of a dataset, not like classes: each holds "
            "{below}",
            hint="call the parts train, val and test; if they are classes, put their pictures into them",
            names=", ".join(path.name for path in classes[:3]),
            folder=folder,
            below=", ".join(sorted(below[0])[:3]),
        )


def _is_visible(name: str) -> bool:
    return not name.startswith(".") and name not in SYSTEM_FOLDERS


def _is_of_runs(folder: Path) -> bool:
    """Say whether a folder is a run, or holds runs, which were written among the classes."""
    return (folder / "experiment.toml").is_file() or any(folder.glob("*/experiment.toml"))


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


def is_unlabelled(test: Path) -> bool:
    """Say whether a part holds pictures and no classes, as those that Kaggle wants to be predicted."""
    return not subfolders(test) and any(path.suffix.lower() in PICTURE_SUFFIXES for path in test.iterdir())


def left_out_of(folder: Path) -> tuple[Message, ...]:
    """Return what is said of pictures without labels, and of files that are no pictures that are read."""
    told = []
    suffixes = Counter(path.suffix.lower() or path.name for path in find_files(folder))
    others = {suffix: count for suffix, count in suffixes.items() if suffix not in PICTURE_SUFFIXES}
    unlabelled = part_folders(folder).get("test")
    if unlabelled and is_unlabelled(unlabelled):
        told.append(
            Message(
                "{name}/ holds pictures without labels and is left out; imagelet predict classifies them.",
                name=unlabelled.name,
            )
        )
    if others:
        counted = ", ".join(f"{suffix} ({count:,})" for suffix, count in sorted(others.items())[:10])
        told.append(
            Message(
                "files that are not read as pictures, left out: {counted}.",
                counted=counted,
            )
        )
    return tuple(told)


def describe(training: LabelledFiles, set_aside: bool) -> str:
    """Return how many pictures there are to learn from, and whether some were set aside as the test part."""
    described = f"{len(training.paths):,} training pictures in {len(training.classes)} classes"
    if not set_aside:
        return f"{described}."
    how = "a fifth of each class, by the files' content, is the test part"
    return f"{described}; there is no labelled test/, so {how}."
