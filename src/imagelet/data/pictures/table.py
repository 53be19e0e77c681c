"""Tables that name pictures: a line a picture, with its file, its label, and perhaps its source and part.

The delimiter is the comma, the semicolon (which spreadsheets write where the comma is the decimal sign) or
the tab, whichever the header line has between the names. The text is UTF-8, with or without a byte order
mark.
"""

import csv
import io
import itertools
import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from imagelet.data.imageset import PARTS
from imagelet.data.pictures.labelled import LabelledPictures, PictureParts, itself, require_classes
from imagelet.data.pictures.listing import composed, named_part
from imagelet.data.pictures.table_columns import (
    COLUMNS,
    PART,
    SOURCE,
    SUFFIXES,
    Columns,
    ColumnsError,
    known_names,
    read_columns,
)
from imagelet.errors import DataError
from imagelet.messages import Message
from imagelet.preprocessing.picture_files import PictureFile, is_picture, natural_key

DELIMITERS = (",", ";", "\t")
LONGEST_HEADER = 10_000  # letters that are looked at; of something else that was taken for a table
DEPTHS = ("*", "*/*", "*/*/*")  # below a table's folder, where pictures are looked for by their names
NAMED_AT_MOST = 3  # folders in a sentence
FORM = Message("a table of pictures is a CSV file with the columns path and label")


@dataclass(frozen=True)
class _Row:
    """One labelled picture.

    Args:
        line: of the table, where the row ends; counted from 1.
        path: as it is written.
        label: the class.
        source: where it comes from; None where the table does not say.
        part: which part it is of; None where the table does not say.
    """

    line: int
    path: str
    label: str
    source: str | None
    part: str | None


def is_table(path: str | Path) -> bool:
    """Tell whether ``path`` names a table rather than a folder: it is a file, or would be by its suffix."""
    given = Path(path).expanduser()
    return given.is_file() or (given.suffix.lower() in SUFFIXES and not given.is_dir())


def parts_of_table(table: Path) -> PictureParts:
    """Return what :func:`list_table` does, by part: a column ``split`` says the parts, if there is one.

    Raises:
        DataError: as :func:`list_table`, or there is nothing to learn from.
    """
    listed, told = _read(table)
    require_classes(listed)
    named = np.array([part or "train" for part in listed.parts or [""] * len(listed)])
    parts = {
        part: partial(itself, listed.take(np.flatnonzero(named == part)))
        for part in PARTS
        if (named == part).any()
    }
    if "train" not in parts:
        raise DataError("the table '{table}' has no row of the split 'train'", table=table)
    return PictureParts(table, parts, told)


def list_table(path: str | Path) -> LabelledPictures:
    """Return the pictures that a table names, in its order, with their labels as classes.

    Paths are relative to the table's folder, absolute, or lead out of it by ``..``; a backslash between
    folders is read as a slash. What is no path, ``img_7``, is the name of one picture up to two folders below
    that one, with or without its suffix. A column ``source`` says who each picture comes from, a column
    ``split`` which part it is of; :func:`read_columns` says what the columns may be called. Other columns and
    blank rows are passed over; a file that is named twice with the same label is taken once.

    Args:
        path: UTF-8 text with a header line.

    Raises:
        DataError: the table is not there, is empty, is not UTF-8, lacks a column, or names no pictures; or a
            row lacks a path or a label, has too many cells, names what is no file, or gives a file another
            label than a row before. The message tells the line.
    """
    return _read(Path(path).expanduser())[0]


def _read(table: Path) -> tuple[LabelledPictures, tuple[Message, ...]]:
    """Return what :func:`list_table` does, and what is to be said of columns and files."""
    folder = table.parent.resolve()
    below = _Below(table, folder)
    columns, rows = _rows(table)
    first: dict[Path, _Row] = {}
    files: list[Path] = []
    for row in rows:
        file = below.file_of(row)
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
    parts = tuple(row.part or "" for row in first.values())
    pictures = tuple(map(PictureFile, files))
    named = parts if any(parts) else None
    listed = LabelledPictures(folder, classes, pictures, labels, table, known, named)
    return listed, tuple(filter(None, (columns.told, below.told)))


@dataclass
class _Below:
    """The files that rows name: by their paths, or by the names of pictures below the table's folder.

    Args:
        table: the table.
        folder: where it lies.
    """

    table: Path
    folder: Path
    found: set[Path] = field(default_factory=set)

    def file_of(self, row: _Row) -> Path:
        """Return the row's file.

        Raises:
            DataError: it is not there, or several have its name.
        """
        if "/" in row.path or "\\" in row.path or _is_there(self.folder, row.path):
            return _existing(self.table, self.folder, row)
        files = self._by_name.get(composed(row.path), [])
        if len(files) > 1:
            one, other = sorted(str(file.relative_to(self.folder)) for file in files)[:2]
            problem = Message(
                "names '{path}', which {one} and {other} may be", path=row.path, one=one, other=other
            )
            raise _error(self.table, row.line, problem, hint=Message("write the path with its folder"))
        if not files:
            return _existing(self.table, self.folder, row)  # its error
        if files[0].parent != self.folder:  # there it lacks its suffix alone
            self.found.add(files[0].parent)
        return files[0]

    @property
    def told(self) -> Message | None:
        """Where pictures were found by their names; None where none were."""
        if not self.found:
            return None
        places = sorted(f"{place.relative_to(self.folder)}{os.sep}" for place in self.found)
        return Message(
            "The pictures are found by their names in {folders}{more}.",
            folders=", ".join(places[:NAMED_AT_MOST]),
            more=" …" if len(places) > NAMED_AT_MOST else "",
        )

    @cached_property
    def _by_name(self) -> Mapping[str, list[Path]]:
        """The pictures below the folder, by their names and by these without their suffixes."""
        named: dict[str, list[Path]] = {}
        for file in itertools.chain.from_iterable(map(self.folder.glob, DEPTHS)):
            if not is_picture(file.name) or any(
                part[0] == "." for part in file.relative_to(self.folder).parts
            ):
                continue
            for name in (file.name, file.stem):
                named.setdefault(composed(name), []).append(file)
        return named


def _is_there(folder: Path, path: str) -> bool:
    try:
        return any(spelling.exists() for spelling in _spellings(folder, path))
    except (OSError, ValueError):
        return True  # its error is told


def _existing(table: Path, folder: Path, row: _Row) -> Path:
    """Return the row's file as a path that starts with ``folder`` (and may lead out of it)."""
    file, problem = folder / row.path, None
    try:
        file = next((path for path in _spellings(folder, row.path) if path.is_file()), file)
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


def _spellings(folder: Path, path: str) -> Iterator[Path]:
    """Yield the ways in which a path may be meant: as it is, Windows's, with accents composed or not."""
    for slashes in dict.fromkeys((path, path.replace("\\", "/"))):
        for accents in dict.fromkeys((slashes, composed(slashes), unicodedata.normalize("NFD", slashes))):
            yield folder / accents


def _rows(table: Path) -> tuple[Columns, Iterator[_Row]]:
    """Return what the columns are, and the rows with both cells filled, at least one."""
    lines = ((line, cells) for line, cells in _cells(table) if any(cells))
    line, header = next(lines, (0, []))
    following = list(itertools.islice(lines, 1))
    if not header:
        raise DataError("the table '{table}' is empty", hint=FORM, table=table)
    try:
        columns = read_columns(header, following[0][1] if following else ())
    except ColumnsError as error:
        raise _error(table, line, error.args[0], hint=FORM) from error
    if not following:
        raise DataError("the table '{table}' has a header line but no rows", hint=FORM, table=table)
    return columns, (_row(table, columns, *row) for row in itertools.chain(following, lines))


def _row(table: Path, columns: Columns, line: int, cells: Sequence[str]) -> _Row:
    if any(cells[len(columns.names) :]):
        problem = Message(
            "has {count} cells where the header has {columns}", count=len(cells), columns=len(columns.names)
        )
        raise _error(table, line, problem, hint=Message("put cells that hold a comma into double quotes"))
    try:
        values = columns.values(cells)
    except ColumnsError as error:
        raise _error(table, line, error.args[0], hint=FORM) from error
    for name in COLUMNS:
        if not values.get(name):
            raise _error(table, line, Message("has no {name}", name=name))
    return _Row(line, values["path"], values["label"], values.get(SOURCE), _part(table, line, values))


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
        names = known_names(next(csv.reader(io.StringIO(heading), delimiter=delimiter), []))
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


def _part(table: Path, line: int, values: Mapping[str, str]) -> str | None:
    """Return the part that a row's column ``split`` names."""
    given = values.get(PART)
    if not given:
        return None
    return named_part(given, partial(_error, table, line))


def _error(table: Path, line: int, problem: Message, hint: str = "") -> DataError:
    return DataError("line {line} of '{table}' {problem}", hint, line=line, table=table, problem=problem)
