"""A person's own labelled pictures, a test set beside the runs: one for each list of classes.

``imagelet evaluate RUN --data runs/own-pictures/…/pictures.csv`` measures a classifier on them, too. The file
of a picture is named after its pixels, so that it is in the set once: who labels it again corrects the label.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import filelock
import numpy as np
from numpy.typing import NDArray

from imagelet.analysis.evaluate import Evaluation, evaluate
from imagelet.errors import UsageError
from imagelet.lab.services.picture_table import Row, read_table, write_table
from imagelet.metrics.classification import wilson_interval
from imagelet.preprocessing.picture import write_picture

FOLDER = "own-pictures"
TABLE = "pictures.csv"
MOST = 10_000  # pictures
MOST_MISTAKES = 100  # that are told one by one


def table_of(runs: Path, classes: Sequence[str]) -> Path:
    """Return the file that names the own pictures of a list of classes; it need not exist."""
    digest = hashlib.sha256(json.dumps(list(classes)).encode()).hexdigest()
    words = re.sub(r"[^0-9A-Za-z]+", "-", " ".join(classes[:4]))[:30].strip("-") or "classes"
    return runs / FOLDER / f"{words}-{digest[:8]}" / TABLE


def own_pictures(runs: Path, classes: Sequence[str]) -> dict[str, Any]:
    """Return the own pictures of a list of classes, the last first, and the file that names them.

    Raises:
        DataError: the table is not the lab's.
    """
    table = table_of(runs, classes)
    _adopt(runs, classes, table)
    rows = read_table(table)
    pictures = [{"file": row.path, "label": row.label, "name": row.source} for row in reversed(rows)]
    return {"count": len(rows), "table": str(table), "pictures": pictures}


def add_picture(
    runs: Path, classes: Sequence[str], pixels: NDArray[np.uint8], label: str, source: str
) -> dict[str, Any]:
    """Keep a picture as PNG and name it in the table; return what :func:`own_pictures` returns then.

    Args:
        runs: the folder with the runs.
        classes: the list of classes.
        pixels: of the picture, uint8 (height, width, 1 or 3).
        label: what it shows, one of the classes.
        source: who drew, wrote or took it; may be empty.

    Raises:
        UsageError: a label that is no class, a name that cannot be shown, or too many pictures.
        DataError: the table is not the lab's.
    """
    if label not in classes:
        raise UsageError(
            "the classifier has no class '{label}'", hint="choose one of its classes", label=label
        )
    if not source.isprintable():
        raise UsageError("the name holds what cannot be shown", hint="write it in letters and digits")
    table = table_of(runs, classes)
    table.parent.mkdir(parents=True, exist_ok=True)
    with _changing(runs):
        _adopt(runs, classes, table)
        rows = read_table(table)
        file = f"{hashlib.sha256(str(pixels.shape).encode() + pixels.tobytes()).hexdigest()[:16]}.png"
        before = next((row for row in rows if row.path == file), None)
        if before is None and len(rows) >= MOST:
            raise UsageError(
                "there are {count:,} own pictures already",
                hint="move some out of {folder}",
                count=MOST,
                folder=table.parent,
            )
        if before is None:
            write_picture(pixels, table.parent / file)
        row = Row(file, label, source.strip() or (before.source if before else ""))
        write_table(table, [*(other for other in rows if other.path != file), row])
    return own_pictures(runs, classes)


def remove_picture(runs: Path, classes: Sequence[str], file: str) -> dict[str, Any]:
    """Take a picture out of the set; return what :func:`own_pictures` returns then.

    Raises:
        UsageError: there is none of that name.
    """
    path = find_picture(runs, classes, file)
    with _changing(runs):
        write_table(path.parent / TABLE, [row for row in read_table(path.parent / TABLE) if row.path != file])
        path.unlink(missing_ok=True)
    return own_pictures(runs, classes)


def find_picture(runs: Path, classes: Sequence[str], file: str) -> Path:
    """Return the file of a picture of the set, which lies beside the table.

    Raises:
        UsageError: there is none of that name.
    """
    table = table_of(runs, classes)
    if Path(file).name != file or all(row.path != file for row in read_table(table)):
        raise UsageError("there is no own picture '{name}'", "reload the page", name=file)
    return table.parent / file


def result_of(runs: Path, classes: Sequence[str], classifier: Path) -> dict[str, Any]:
    """Return how a classifier does on the own pictures of its classes.

    Args:
        runs: the folder with the runs.
        classes: the classifier's.
        classifier: its file.

    Returns:
        ``images``, ``correct``, ``accuracy`` with its 95 % ``interval``; ``people``, how many they are from,
        and ``interval_by_person``, which takes each person's pictures together, None where nobody said; and
        the ``mistakes``, the most confident first.

    Raises:
        UsageError: there are no pictures.
        DataError: one cannot be read.
    """
    own = own_pictures(runs, classes)
    if not own["count"]:
        raise UsageError("there is no own picture yet", "draw or photograph one, and say what it is")
    evaluation = evaluate(str(classifier), own["table"])
    correct = round(evaluation.metrics.accuracy * evaluation.metrics.images)
    by_source = evaluation.by_source
    return {
        "images": evaluation.metrics.images,
        "correct": correct,
        "accuracy": evaluation.metrics.accuracy,
        "interval": list(wilson_interval(correct, evaluation.metrics.images)),
        "people": None if by_source is None else by_source.count,
        "interval_by_person": None if by_source is None else list(by_source.interval),
        "mistakes": _mistakes(evaluation),
    }


def _mistakes(evaluation: Evaluation) -> list[dict[str, Any]]:
    assert evaluation.pictures is not None  # they were files
    files = evaluation.pictures.files
    return [
        {
            "file": Path(files[wrong.image]).name,
            "label": evaluation.classes[wrong.label],
            "predicted": evaluation.classes[wrong.predicted],
            "probability": wrong.probability,
        }
        for wrong in evaluation.error_analysis.misclassified[:MOST_MISTAKES]
    ]


def _changing(runs: Path) -> filelock.BaseFileLock:
    return filelock.FileLock(runs / FOLDER / ".pictures.lock", timeout=10)


def _adopt(runs: Path, classes: Sequence[str], table: Path) -> None:
    """Move the pictures of the one table that there was for all classes, where these are its classes."""
    old = runs / FOLDER / TABLE
    if not old.is_file() or table.exists():
        return
    rows = read_table(old)
    if not {row.label for row in rows} <= set(classes) or any(
        Path(row.path).name != row.path for row in rows
    ):
        return
    table.parent.mkdir(parents=True, exist_ok=True)
    for row in rows:
        if (old.parent / row.path).is_file():  # else it was moved before this was cut short
            (old.parent / row.path).replace(table.parent / row.path)
    old.replace(table)
