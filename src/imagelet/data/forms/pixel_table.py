"""Tables of pixels: a line an image, one column a pixel and one for the label, as Kaggle's ``train.csv``."""

import contextlib
import csv
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.data.forms.form import NAMES_OF_LABELS, Arrays, Contents, Form, forms, part_of
from imagelet.data.rows import AT_ONCE, Rows
from imagelet.errors import DataError
from imagelet.messages import Message, message_of

FEWEST_COLUMNS = 26  # 5×5 pixels and a label
LONGEST_LINE = 1 << 20  # characters
LINES_LOOKED_AT = 200  # to tell labels from pixels where no header does

Table = tuple[bool, int]
"""Whether there is a header, and the column of the labels."""


def recognises(path: Path) -> bool:
    """Say whether a file is a table with a column a pixel, or a folder holds such a table to learn from."""
    if path.is_dir():
        return _beside(path, "train") is not None
    return path.suffix.lower() == ".csv" and path.is_file() and _is_wide(path)


def read(path: Path) -> Contents:
    """Return the parts: the table itself, and those beside it whose names say another part."""
    training = path if path.is_file() else _beside(path, "train")
    if training is None:
        raise DataError("{folder} holds no table of pixels to learn from", folder=path)
    tables = {"train": training}
    for part in ("validation", "test"):
        beside = _beside(training.parent, part)
        if beside is not None and beside != training and _part_of(training) == "train":
            tables[part] = beside
    parts, left_out = {}, []
    for part, table in tables.items():
        try:
            has_header, column = _layout(table)
        except DataError:
            if part == "train":
                raise
            left_out.append(Message("{name} is left out: it has no column of labels.", name=table.name))
            continue
        where = table, has_header, column
        read_rows = partial(_rows_of_pixels, *where)
        parts[part] = Arrays(
            partial(_pixels, *where), partial(_labels, *where), table.name, read_rows, (table,)
        )
    return Contents(parts, tuple(left_out))


def _beside(folder: Path, part: str) -> Path | None:
    tables = (path for path in sorted(folder.glob("*.csv")) if _part_of(path) == part)
    return next((path for path in tables if path.is_file() and _is_wide(path)), None)


def _part_of(path: Path) -> str | None:
    return part_of(path.stem.lower().replace("-", "_").split("_"))


def _is_wide(path: Path) -> bool:
    rows = _rows(path, 2)
    return bool(rows) and len(rows[-1]) >= FEWEST_COLUMNS and _are_numbers(rows[-1][1:-1])


def _rows(path: Path, count: int) -> list[list[str]]:
    """Return the first rows of a table; none of what is no text."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = (file.readline(LONGEST_LINE) for _ in range(count))
            return [row for row in csv.reader(islice(lines, count)) if row]
    except (OSError, ValueError, csv.Error):
        return []


def _are_numbers(cells: list[str]) -> bool:
    try:
        [float(cell) for cell in cells]
    except ValueError:
        return False
    return True


def _layout(path: Path) -> Table:
    """Return whether a table has a header, and which column holds the labels.

    Raises:
        DataError: no column does, or the first and the last may.
    """
    rows = _rows(path, LINES_LOOKED_AT)
    if not rows:
        raise DataError("{folder} holds no table of pixels to learn from", folder=path)
    if not _are_numbers(rows[0][1:-1]):
        named = [index for index, name in enumerate(rows[0]) if name.strip().lower() in NAMES_OF_LABELS]
        if len(named) == 1:
            return True, named[0]
        raise DataError(
            "{file} has several columns for the labels" if named else "{file} has no column for the labels",
            hint="call the column of the labels 'label'",
            file=path,
        )
    varied = [len({row[column] for row in rows if row}) > 1 for column in (0, -1)]
    if varied[0] != varied[1]:  # the other is a pixel at the border, which stays the same
        return False, 0 if varied[0] else len(rows[0]) - 1
    raise DataError(
        "{file} has no header, and its labels may be in the first or the last column",
        hint="add a header line that calls the column of the labels 'label'",
        file=path,
    )


def _pixels(path: Path, has_header: bool, column: int) -> NDArray[Any]:
    values = _loaded(path, has_header, _columns_of_pixels(path, column), np.float32)
    return values.astype(np.int32) if (values == np.rint(values)).all() else values


def _columns_of_pixels(path: Path, column: int) -> list[int]:
    width = len(_rows(path, 1)[0])
    return [index for index in range(width) if index != column]


def _rows_of_pixels(path: Path, has_header: bool, column: int) -> Rows:
    """Return what :func:`_pixels` does, some lines at a time."""
    columns = _columns_of_pixels(path, column)
    row_bytes = len(columns) * np.dtype(np.float32).itemsize

    def blocks(first: int) -> Iterator[NDArray[Any]]:
        with _reading(path), path.open(encoding="utf-8-sig", newline="") as file:
            lines = islice((line for line in file if line.strip()), first + has_header, None)
            while some := list(islice(lines, max(1, AT_ONCE // row_bytes))):
                yield _parsed(some, columns, np.float32)

    with _reading(path), path.open("rb") as file:
        line_bytes = max(len(file.readline(LONGEST_LINE)) for _ in range(2))
    return Rows(np.dtype(np.float32), path.stat().st_size // line_bytes * row_bytes, blocks, is_text=True)


def _labels(path: Path, has_header: bool, column: int) -> NDArray[Any]:
    texts = _loaded(path, has_header, [column], str)[:, 0]
    try:
        return np.array([int(text) for text in texts])
    except ValueError:
        return texts


def _loaded(path: Path, has_header: bool, columns: list[int], kind: Any) -> NDArray[Any]:
    with _reading(path):
        return _parsed(path, columns, kind, int(has_header))


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Let what goes wrong with a table in the block be told in one sentence."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise DataError("{file} cannot be read: {error}", file=path, error=message_of(error)) from error


def _parsed(lines: Path | list[str], columns: list[int], kind: Any, skipped: int = 0) -> NDArray[Any]:
    """Return some columns of a table's lines, (lines, columns)."""
    table: NDArray[Any] = np.loadtxt(
        lines,
        kind,
        comments=None,
        delimiter=",",
        skiprows=skipped,
        usecols=columns,
        ndmin=2,
        quotechar='"',
        encoding="utf-8-sig",
    )
    return table


forms.add(
    "pixel-table",
    Form(
        "pixel-table",
        Message("table of pixels (.csv)"),
        Message("a line an image: label, pixel0, pixel1 …; with a header, or labels first or last"),
        recognises,
        read,
    ),
)
