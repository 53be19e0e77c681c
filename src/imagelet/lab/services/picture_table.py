"""A table of labelled pictures, beside their files; ``imagelet evaluate --data`` reads it."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from imagelet import atomic_files
from imagelet.errors import DataError

COLUMNS = ["path", "label", "source"]


class Row(NamedTuple):
    """A picture: its file, what it shows, and who drew, wrote or took it."""

    path: str
    label: str
    source: str


def write_table(table: Path, rows: Iterable[Row]) -> None:
    """Write a table, whole or not at all.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    atomic_files.write_text(table, text.getvalue())


def read_table(table: Path) -> list[Row]:
    """Return the rows below the header; none where there is no table.

    Raises:
        DataError: it cannot be read, or has other columns.
    """
    if not table.is_file():
        return []
    try:
        header, *rows = list(csv.reader(io.StringIO(table.read_text(encoding="utf-8-sig"))))
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(
            "{file} cannot be read: {error}", hint="move it away", file=table, error=error
        ) from error
    if header != COLUMNS or any(len(row) != len(COLUMNS) for row in rows if row):
        raise DataError(
            "{file} does not have the columns {columns}",
            hint="move it away, or rename them",
            file=table,
            columns=",".join(COLUMNS),
        )
    return [Row(*row) for row in rows if row]
