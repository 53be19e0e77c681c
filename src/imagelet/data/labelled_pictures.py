"""Labelled pictures: in a folder, one subfolder a class, or in a table that names them.

Nothing is opened but the table: a CSV file with the columns ``path`` and ``label``. Its delimiter is the
comma, the semicolon (which spreadsheets write where the comma is the decimal sign) or the tab, whichever
the header line has between the two names. Its text is UTF-8, with or without a byte order mark.
"""

import csv
import io
import os
import shlex
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagelet.errors import DataError, PictureError
from imagelet.messages import Message
from imagelet.preprocessing.picture import find_pictures, is_folder, natural_key

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
    """

    folder: Path
    classes: tuple[str, ...]
    paths: tuple[Path, ...]
    labels: NDArray[np.int64]
    table: Path | None = None
    sources: tuple[str, ...] | None = None

    def take(self, indices: NDArray[np.int64]) -> "LabelledFiles":
        """Return the files at ``indices`` (n,)."""
        paths = tuple(self.paths[index] for index in indices)
        sources = None if self.sources is None else tuple(self.sources[index] for index in indices)
        return LabelledFiles(self.folder, self.classes, paths, self.labels[indices], self.table, sources)


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


COLUMNS = ("path", "label")
SOURCE = "source"  # a column that may be there: who wrote, drew or took the picture
DELIMITERS = (",", ";", "\t")
SUFFIXES = frozenset({".csv", ".tsv"})  # by which a table is known that is not there
LONGEST_HEADER = 10_000  # letters that are looked at; of something else that was taken for a table
FORM = Message("a table of pictures is a CSV file with the columns path and label")


@dataclass(frozen=True)
class _Row:
    """One labelled picture.

    Args:
        line: of the table, where the row ends; counted from 1.
        path: as it is written.
        label: the class.
        source: where it comes from; None where the table does not say.
    """

    line: int
    path: str
    label: str
    source: str | None


def is_table(path: str | Path) -> bool:
    """Tell whether ``path`` names a table rather than a folder: it is a file, or would be by its suffix."""
    given = Path(path).expanduser()
    return given.is_file() or (given.suffix.lower() in SUFFIXES and not given.is_dir())


def list_table(path: str | Path) -> LabelledFiles:
    """Return the pictures that a table names, in its order, with their labels as classes.

    Paths are relative to the table's folder, absolute, or lead out of it by ``..``. A column ``source`` says
    who each picture comes from. Other columns and blank rows are passed over; a file that is named twice with
    the same label is taken once.

    Args:
        path: UTF-8 text with a header line.

    Raises:
        DataError: the table is not there, is empty, is not UTF-8, lacks a column, or names no pictures; or a
            row lacks a path or a label, has too many cells, names what is no file, or gives a file another
            label than a row before. The message tells the line.
    """
    table = Path(path).expanduser()
    folder = table.parent.resolve()
    first: dict[Path, _Row] = {}
    files: list[Path] = []
    for row in _rows(table):
        file = _existing(table, folder, row)
        before = first.setdefault(file.resolve(), row)
        if before.label != row.label:
            problem = Message(
                "labels '{path}' as '{label}', but line {line} says '{other}'",
                path=row.path,
                label=row.label,
                line=before.line,
                other=before.label,
            )
            raise _error(table, row.line, problem)
        if before is row:
            files.append(file)
    classes = tuple(sorted({row.label for row in first.values()}, key=natural_key))
    places = {name: place for place, name in enumerate(classes)}
    labels = np.array([places[row.label] for row in first.values()], np.int64)
    sources = tuple(row.source or "" for row in first.values())
    known = sources if any(sources) else None
    return LabelledFiles(folder, classes, tuple(files), labels, table, known)


def _existing(table: Path, folder: Path, row: _Row) -> Path:
    """Return the row's file as a path that starts with ``folder`` (and may lead out of it)."""
    file, problem = folder / row.path, None
    try:
        if not file.is_relative_to(folder):
            file = folder / os.path.relpath(file.resolve(), folder)
        if not file.is_file():
            problem = Message(
                "names the file '{path}', which is a folder"
                if file.is_dir()
                else "names the file '{path}', which is not there",
                path=row.path,
            )
    except (OSError, ValueError) as error:  # too long, not to be looked at, or on another drive of Windows
        problem = Message(
            "names the file '{path}', which cannot be read: {error}",
            path=row.path,
            error=getattr(error, "strerror", None) or error,
        )
    if problem:
        raise _error(
            table,
            row.line,
            problem,
            hint=Message("a path is absolute or starts in '{folder}'", folder=folder),
        )
    return file


def _rows(table: Path) -> Iterator[_Row]:
    """Yield the rows with both cells filled; at least one."""
    header: list[str] | None = None
    has_header = False
    for line, cells in _cells(table):
        if not any(cells):
            continue
        if header is None:
            header = _header(table, line, cells)
            continue
        if any(cells[len(header) :]):
            problem = Message(
                "has {count} cells where the header has {columns}", count=len(cells), columns=len(header)
            )
            raise _error(table, line, problem, hint=Message("put cells that hold a comma into double quotes"))
        values = dict(zip(header, cells, strict=False))
        for name in COLUMNS:
            if not values.get(name):
                raise _error(table, line, Message("has no {name}", name=name))
        has_header = True
        yield _Row(line, values["path"], values["label"], values.get(SOURCE))
    if not has_header:
        raise DataError(
            "the table '{table}' is empty"
            if header is None
            else "the table '{table}' has a header line but no rows",
            hint=FORM,
            table=table,
        )


def _text(table: Path) -> str:
    try:
        content = table.read_bytes()
    except FileNotFoundError:
        raise DataError("the table '{table}' is not there", hint=FORM, table=table) from None
    except OSError as error:
        raise DataError(
            "the table '{table}' cannot be read: {error}", table=table, error=error.strerror
        ) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _error(
            table,
            line,
            Message("is not UTF-8 text"),
            hint=Message("save it as CSV in UTF-8; {form}", form=FORM),
        ) from error


def _delimiter(lines: Sequence[str]) -> str:
    """Return the delimiter that divides the header line into the most of the columns, then into the most."""
    heading = next((line for line in lines if line.strip()), "")[:LONGEST_HEADER]

    def fitness(delimiter: str) -> tuple[int, int]:
        names = _names(next(csv.reader(io.StringIO(heading), delimiter=delimiter), []))
        return len({*COLUMNS} & {*names}), len(names)

    return max(DELIMITERS, key=fitness)


def _cells(table: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each row's line and its cells without the blanks around them."""
    lines = list(io.StringIO(_text(table), newline=""))
    reader = csv.reader(lines, delimiter=_delimiter(lines), strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = (
                Message("is not CSV: opens a double quote that is never closed")
                if "end of data" in str(error)
                else Message("is not CSV: {error}", error=error)
            )
            raise _error(table, reader.line_num, problem) from error
        yield reader.line_num, [cell.strip() for cell in cells]


def _header(table: Path, line: int, cells: Sequence[str]) -> list[str]:
    header = _names(cells)
    for name in (*COLUMNS, SOURCE):
        if header.count(name) > 1 or (name in COLUMNS and name not in header):
            problem = Message(
                "has the column '{name}' twice; its columns are {names}"
                if name in header
                else "lacks the column '{name}'; its columns are {names}",
                name=name,
                names=", ".join(filter(None, header)),
            )
            raise _error(table, line, problem, hint=FORM)
    return header


def _names(cells: Sequence[str]) -> list[str]:
    return [cell.strip().casefold() for cell in cells]


def _error(table: Path, line: int, problem: Message, hint: str = "") -> DataError:
    return DataError("line {line} of '{table}' {problem}", hint, line=line, table=table, problem=problem)
