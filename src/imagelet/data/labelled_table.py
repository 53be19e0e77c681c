"""Labelled pictures that a table names: a CSV file with the columns ``path`` and ``label``.

The delimiter is the comma, the semicolon (which spreadsheets write where the comma is the decimal sign) or
the tab, whichever the header line has between the two names. The text is UTF-8, with or without a byte order
mark. Nothing is opened but the table.
"""

import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imagelet.data.labelled_files import LabelledFiles
from imagelet.errors import DataError
from imagelet.messages import Message
from imagelet.preprocessing.picture import natural_key

COLUMNS = ("path", "label")
SOURCE = "source"  # a column that may be there: who wrote, drew or took the picture
DELIMITERS = (",", ";", "\t")
SUFFIXES = frozenset({".csv", ".tsv"})  # by which a table is known that is not there
LONGEST_HEADER = 10_000  # letters that are looked at; of something else that was taken for a table
FORM = "a table of pictures is a CSV file with the columns path and label"


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
    file, what = folder / row.path, ""
    try:
        if not file.is_relative_to(folder):
            file = folder / os.path.relpath(file.resolve(), folder)
        if not file.is_file():
            what = "is a folder" if file.is_dir() else "is not there"
    except (OSError, ValueError) as error:  # too long, not to be looked at, or on another drive of Windows
        what = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    if what:
        raise _error(
            table,
            row.line,
            Message("names the file '{path}', which {what}", path=row.path, what=what),
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
        what = "is empty" if header is None else "has a header line but no rows"
        raise DataError("the table '{table}' {what}", hint=FORM, table=table, what=what)


def _text(table: Path) -> str:
    try:
        content = table.read_bytes()
    except FileNotFoundError:
        raise DataError("the table '{table}' is not there", hint=FORM, table=table) from None
    except OSError as error:
        raise DataError(
            "the table '{table}' cannot be read: {strerror}", table=table, strerror=error.strerror
        ) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _error(
            table,
            line,
            Message("is not UTF-8 text"),
            hint=Message("save it as CSV in UTF-8; {FORM}", FORM=FORM),
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
            what = "opens a double quote that is never closed" if "end of data" in str(error) else error
            raise _error(table, reader.line_num, Message("is not CSV: {what}", what=what)) from error
        yield reader.line_num, [cell.strip() for cell in cells]


def _header(table: Path, line: int, cells: Sequence[str]) -> list[str]:
    header = _names(cells)
    for name in (*COLUMNS, SOURCE):
        if header.count(name) > 1 or (name in COLUMNS and name not in header):
            what = f"has the column '{name}' twice" if name in header else f"lacks the column '{name}'"
            raise _error(
                table,
                line,
                Message("{what}; its columns are {names}", what=what, names=", ".join(filter(None, header))),
                hint=FORM,
            )
    return header


def _names(cells: Sequence[str]) -> list[str]:
    return [cell.strip().casefold() for cell in cells]


def _error(table: Path, line: int, what: str, hint: str = "") -> DataError:
    return DataError("line {line} of '{table}' {what}", hint, line=line, table=table, what=what)
