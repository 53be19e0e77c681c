"""Labelled pictures in a folder, one subfolder a class: found and listed; nothing is opened."""

import contextlib
import itertools
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from imagelet import paths
from imagelet.data.pictures.labelled import LabelledPictures, PictureParts, itself, require_classes
from imagelet.data.pictures.table_columns import SUFFIXES
from imagelet.errors import DataError, PictureError
from imagelet.messages import Message
from imagelet.preprocessing.file_kind import describe_kinds, kind_of_stored, left_out
from imagelet.preprocessing.picture_files import (
    DiskFolder,
    PictureFolder,
    StoredPicture,
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
PUT_PICTURES = Message(
    "put pictures (PNG, JPEG, WebP, BMP, GIF, TIFF or PPM) into its folder, or take the folder away"
)
EXPERIMENT = "experiment.toml"  # of a run


def named_part(given: str, wrong: Callable[[Message], DataError]) -> str:
    """Return the part that a cell of a column ``split`` names: "train" for "Training".

    Args:
        given: what is in the cell.
        wrong: returns the error about the row, of which the message says what is wrong.

    Raises:
        DataError: it is no usual name of a part.
    """
    part = PART_NAMES.get(given.strip().casefold())
    if part is None:
        raise wrong(
            Message("has the split '{given}'; train, validation and test are known", given=given[:100])
        )
    return part


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
    with _table_named(folder):
        training = list_pictures(parts.get("train", folder))
        require_classes(training)
    for place in parts.values():
        check_classes(training, place)
    listed = {"train": partial(itself, training)}
    for part in ("validation", "test"):
        if part in parts and not (part == "test" and is_unlabelled(parts[part])):
            listed[part] = partial(list_pictures, parts[part])
    return PictureParts(given.path, listed, left_out_of(given, folder))


@contextlib.contextmanager
def _table_named(folder: PictureFolder) -> Iterator[None]:
    """Let the error about a folder without classes name the table beside its pictures, if there is one."""
    try:
        yield
    except DataError as error:
        tables = sorted(name for name in folder.entries if suffix_of(name) in SUFFIXES)
        if not tables or not isinstance(folder, DiskFolder):
            raise
        hint = Message(
            "if {table} names the pictures and their labels, give it instead of the folder: "
            "imagelet train {typed}",
            table=tables[0],
            typed=paths.typed(folder.path / tables[0]),
        )
        raise DataError(error.message, hint) from error


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
    empty = [class_folder for class_folder, found in zip(classes, pictures, strict=True) if not found]
    if empty and not empty_allowed:
        raise _of_empty(folder, empty)
    labels = np.repeat(np.arange(len(classes), dtype=np.int64), [len(found) for found in pictures])
    names = tuple(composed(class_folder.name) for class_folder in classes)
    return LabelledPictures(folder.path, names, tuple(itertools.chain.from_iterable(pictures)), labels)


def _without_classes(folder: PictureFolder) -> DataError:
    """Return the error about a folder without subfolders; it says what is in it instead."""
    others = _others_in(folder)
    if pictures_in(folder):
        return DataError(
            "the folder '{folder}' holds pictures but no subfolders: one subfolder a class is needed",
            hint="sort the pictures into subfolders, or name each with its class in a table: a CSV file with "
            "the columns path and label",
            folder=folder.path,
        )
    if not others:
        return DataError(
            "the folder '{folder}' holds neither pictures nor subfolders: one subfolder a class is needed",
            folder=folder.path,
        )
    kind = kind_of_stored(others[0])
    return DataError(
        "the folder '{folder}' holds neither pictures nor subfolders: one subfolder a class is needed; it "
        "holds {kinds}",
        hint="imagelet data formats lists what else is read, each by its own path"
        if kind is None
        else "{advice}; imagelet data formats lists what else is read, each by its own path",
        folder=folder.path,
        kinds=describe_kinds(others),
        advice="" if kind is None else kind.advice,
    )


def _of_empty(folder: PictureFolder, empty: Sequence[PictureFolder]) -> DataError:
    """Return the error about classes without pictures; it says what is in the first one instead."""
    more = _more_empty(len(empty) - 1)
    others = _others_in(empty[0])
    if not others:
        return DataError(
            "the class '{name}' in '{folder}' has no pictures{more}",
            hint=PUT_PICTURES,
            name=empty[0].name,
            folder=folder.path,
            more=more,
        )
    kind = kind_of_stored(others[0])
    return DataError(
        "the class '{name}' in '{folder}' has no pictures that are read, but {kinds}{more}",
        hint=PUT_PICTURES if kind is None or kind.is_of_data else "{advice}",
        name=empty[0].name,
        folder=folder.path,
        kinds=describe_kinds(others),
        more=more,
        advice="" if kind is None else kind.advice,
    )


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
        quoted=paths.typed(training.place.parent),
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
    parts = part_folders(folder)
    unlabelled = parts.get("test")
    if unlabelled and is_unlabelled(unlabelled):
        told.append(
            Message(
                "{name}/ holds pictures without labels and is left out; imagelet predict classifies them.",
                name=unlabelled.name,
            )
        )
    with _as_data_error():
        astray = _in_no_class(folder, parts)
        others = left_out(_others_in(given))
    if astray:
        told.append(
            Message(
                "1 picture lies in no class and is left out: {names}."
                if len(astray) == 1
                else "{count:,} pictures lie in no class and are left out: {names}{more}.",
                count=len(astray),
                names=", ".join(str(picture.path.relative_to(folder.path)) for picture in astray[:3]),
                more=" …" if len(astray) > 3 else "",
            )
        )
    if others:
        told.append(others)
    return tuple(told)


def _in_no_class(folder: PictureFolder, parts: Mapping[str, PictureFolder]) -> list[StoredPicture]:
    """Return the pictures beside the classes, beside the parts, and in folders that are no parts."""
    labelled = [place for part, place in parts.items() if not (part == "test" and is_unlabelled(place))]
    astray = [
        place.picture(name)
        for place in (folder, *labelled)
        for name, below in place.entries.items()
        if below is None and is_picture(name)
    ]
    others = [below for below in subfolders(folder) if parts and below not in parts.values()]
    return astray + [picture for place in others for picture in pictures_in(place)]


def _others_in(folder: PictureFolder) -> list[StoredPicture]:
    """Return the files in a folder and below that are no pictures by their names; none of runs."""
    known = subfolders(folder)
    skipped = [below.path for below in folder.entries.values() if below and below not in known]
    return [
        place.picture(name)
        for place, name in files_in(folder)
        if not is_picture(name) and not any(place.path.is_relative_to(path) for path in skipped)
    ]
