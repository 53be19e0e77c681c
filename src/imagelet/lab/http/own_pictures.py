"""A person's own labelled pictures: kept beside the runs, as a test set of one's own.

``imagelet evaluate RUN --data runs/own-pictures/pictures.csv`` measures a classifier on them.
"""

import csv
import io
from pathlib import Path
from typing import Any

import filelock
from fastapi import APIRouter, Request
from pydantic import Field

from imagelet import atomic_files
from imagelet.errors import DataError, UsageError
from imagelet.lab.http.schemas import Asked, Name, Picture, Told
from imagelet.lab.services import encoding
from imagelet.messages import Message
from imagelet.preprocessing.picture import open_picture, write_picture

router = APIRouter(prefix="/api", tags=["own pictures"])

FOLDER = "own-pictures"
TABLE = "pictures.csv"
COLUMNS = ["path", "label", "source"]
MOST = 10_000  # pictures


class OwnPicture(Asked):
    """A picture and what it shows."""

    picture: Picture
    label: Name
    name: str | None = Field(None, max_length=100, description="Who drew, wrote or took it.")


class OwnPictures(Told):
    """What is there."""

    count: int
    table: str = Field(description="The file that names the pictures with their labels.")


@router.get("/own", response_model=OwnPictures)
async def own_pictures(request: Request) -> Any:
    """Say how many own pictures there are, and where."""
    state = request.app.state
    return await state.work.run(counted, state.settings.runs)


@router.post("/own", response_model=OwnPictures)
async def add_own_picture(request: Request, asked: OwnPicture) -> Any:
    """Add a labelled picture to the person's own."""
    state = request.app.state
    return await state.work.run(add, state.settings.runs, asked)


def counted(runs: Path) -> dict[str, Any]:
    """Return what is there as :class:`OwnPictures` has it."""
    table = runs / FOLDER / TABLE
    return {"count": len(_rows(table)), "table": str(table)}


def add(runs: Path, asked: OwnPicture) -> dict[str, Any]:
    """Keep a picture as PNG and name it in the table; return what is there then.

    Raises:
        PictureError: it cannot be read.
        UsageError: a label or name that cannot be shown, or too many pictures.
        DataError: the table is not the lab's.
    """
    label, source = _plain(asked.label, Message("label")), _plain(asked.name or "", Message("name"))
    if not label:
        raise UsageError("the label is empty", hint="say what the picture shows")
    pixels = open_picture(encoding.picture_file(asked.picture))
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
        number = 1 + max(
            (int(path.stem) for path in folder.glob("*.png") if path.stem.isdecimal()), default=0
        )
        path = folder / f"{number:05}.png"
        write_picture(pixels, path)
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows, [path.name, label, source]])
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
        columns = ",".join(COLUMNS)
        raise DataError(
            "{file} does not have the columns {columns}",
            hint="move it away, or rename them",
            file=table,
            columns=columns,
        )
    return [row for row in rows if row]


def _plain(text: str, what: str) -> str:
    if not text.isprintable():
        raise UsageError(
            "the {what} holds what cannot be shown", hint="write it in letters and digits", what=what
        )
    return text.strip()
