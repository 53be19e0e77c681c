"""A person's own labelled pictures, added to a table beside the runs.

``imagelet evaluate RUN --data runs/own-pictures/pictures.csv`` measures a classifier on them.
"""

import csv
import io
from pathlib import Path
from typing import Any

import filelock
import numpy as np
from numpy.typing import NDArray

from imagelet import atomic_files
from imagelet.errors import DataError, UsageError
from imagelet.messages import Message
from imagelet.preprocessing.picture import write_picture

FOLDER = "own-pictures"
TABLE = "pictures.csv"
COLUMNS = ["path", "label", "source"]
MOST = 10_000  # pictures


def count_pictures(runs: Path) -> dict[str, Any]:
    """Return how many own pictures there are (``count``), and the file that names them (``table``)."""
    table = runs / FOLDER / TABLE
    return {"count": len(_rows(table)), "table": str(table)}


def add_picture(runs: Path, pixels: NDArray[np.uint8], label: str, source: str) -> dict[str, Any]:
    """Keep a picture as PNG and name it in the table; return what :func:`count_pictures` returns then.

    Args:
        runs: the folder with the runs.
        pixels: of the picture, uint8 (height, width, 1 or 3).
        label: what it shows.
        source: who drew, wrote or took it; may be empty.

    Raises:
        UsageError: a label or source that cannot be shown, or too many pictures.
        DataError: the table is not the lab's.
    """
    row = [_plain(label, Message("label")), _plain(source, Message("name"))]
    if not row[0]:
        raise UsageError("the label is empty", hint="say what the picture shows")
    folder = runs / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / ".pictures.lock", timeout=10):
        rows = _rows(folder / TABLE)
        if len(rows) >= MOST:
            raise UsageError(
                "there are {count:,} own pictures already",
                hint="move some out of {folder}",
                count=MOST,
                folder=folder,
            )
        numbers = (int(path.stem) for path in folder.glob("*.png") if path.stem.isdecimal())
        file = folder / f"{1 + max(numbers, default=0):05}.png"
        write_picture(pixels, file)
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows, [file.name, *row]])
        atomic_files.write_text(folder / TABLE, text.getvalue())
    return {"count": len(rows) + 1, "table": str(folder / TABLE)}


def _rows(table: Path) -> list[list[str]]:
    """Return the rows below the header; none where there is no table.

    Raises:
        DataError: it has other columns.
    """
    if not table.is_file():
        return []
    try:
        header, *rows = list(csv.reader(io.StringIO(table.read_text(encoding="utf-8-sig"))))
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(
            "{file} cannot be read: {error}", hint="move it away", file=table, error=error
        ) from error
    if header != COLUMNS:
        raise DataError(
            "{file} does not have the columns {columns}",
            hint="move it away, or rename them",
            file=table,
            columns=",".join(COLUMNS),
        )
    return [row for row in rows if row]


def _plain(text: str, what: str) -> str:
    if not text.isprintable():
        raise UsageError(
            "the {what} holds what cannot be shown", hint="write it in letters and digits", what=what
        )
    return text.strip()
