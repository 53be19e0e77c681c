"""A class writes its own test set: what the teacher asks for, who has joined, the pictures, the result.

All of it lies in one folder among the runs: ``task.json``, ``pupils.json``, the pictures, and the table
``pictures.csv``, which ``imagelet evaluate mnist --data`` takes. Its column ``source`` names who wrote what.
"""

import json
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagelet import atomic_files
from imagelet.errors import DataError, UsageError
from imagelet.lab.services.picture_table import Row, read_table, write_table
from imagelet.metrics.classification import clustered_interval
from imagelet.preprocessing.picture import write_picture

FOLDER = "class-pictures"
TABLE = "pictures.csv"
MOST_PUPILS = 200
MOST_TIMES = 20  # pictures of a label by one pupil
LONGEST_NAME = 24  # characters
WALL = 60  # wrong pictures that are shown, the last first


@dataclass(frozen=True)
class Task:
    """What the teacher asks for.

    Attributes:
        classifier: whose accuracy is measured.
        labels: what is to be written, in this order.
        times: how often each of them, by every pupil.
    """

    classifier: str
    labels: tuple[str, ...]
    times: int


class Answer(NamedTuple):
    """What a classifier said of a picture."""

    predicted: str
    sure: bool


Predict = Callable[[str, Sequence[Path]], Sequence[Answer]]
"""Given a classifier's name and picture files, returns what it says of each."""


class Classroom:
    """A class that writes; safe to use from several threads of one lab.

    Args:
        runs: the folder with the runs; nothing is written before the teacher asks for something.
    """

    def __init__(self, runs: Path) -> None:
        self.folder = runs / FOLDER
        self._lock = threading.RLock()
        self._answers: dict[tuple[str, str], Answer] = {}  # by classifier and file
        self._task: Task | None = None
        self._keys: dict[str, str] = {}  # by nickname
        self._pictures: list[Row] = []
        self._is_read = False

    @property
    def table(self) -> Path:
        """The table that names the pictures."""
        return self.folder / TABLE

    def task(self) -> Task | None:
        """Return what the teacher asks for; None before that."""
        with self._lock:
            self._read()
            return self._task

    def ask_for(self, task: Task) -> None:
        """Ask the pupils for something else; what they have written stays.

        Raises:
            UsageError: nothing to write, or the same twice.
        """
        if not task.labels or len(set(task.labels)) < len(task.labels):
            raise UsageError("the class writes each label once", hint="choose at least one, and none twice")
        with self._lock:
            self._read()
            self.folder.mkdir(parents=True, exist_ok=True)
            atomic_files.write_json(self.folder / "task.json", asdict(task))
            self._task = task

    def join(self, nickname: str) -> str:
        """Let a pupil in; return the key that the pupil's page shows from now on.

        Raises:
            UsageError: a name that is empty, cannot be shown, is too long or taken; or too many pupils.
        """
        name = nickname.strip()
        if not name or not name.isprintable() or len(name) > LONGEST_NAME:
            raise UsageError(
                "a nickname has 1 to {most} letters or digits", hint="take another one", most=LONGEST_NAME
            )
        with self._lock:
            self._read()
            self._require_task()
            if name.casefold() in {taken.casefold() for taken in self._keys}:
                raise UsageError("somebody is called {name} already", hint="take another one", name=name)
            if len(self._keys) >= MOST_PUPILS:
                raise UsageError(
                    "there are {most} pupils already", hint="tell your teacher", most=MOST_PUPILS
                )
            self._keys[name] = secrets.token_urlsafe(12)
            atomic_files.write_json(self.folder / "pupils.json", self._keys)
            return self._keys[name]

    def task_of(self, nickname: str, key: str) -> Task:
        """Return what a pupil is asked for.

        Raises:
            UsageError: nobody of that name and key has joined, or nothing is asked for.
        """
        with self._lock:
            self._read()
            self._require_pupil(nickname, key)
            return self._require_task()

    def progress(self, nickname: str, key: str) -> dict[str, Any]:
        """Return what a pupil writes next: ``label`` (None: all is done), ``done`` and ``total``.

        Raises:
            UsageError: nobody of that name and key has joined, or nothing is asked for.
        """
        with self._lock:
            self._read()
            task, name = self._require_task(), self._require_pupil(nickname, key)
            counts = Counter(row.label for row in self._pictures if row.source == name)
            fewest = min(task.labels, key=counts.__getitem__)
            label = fewest if counts[fewest] < task.times else None
            done = sum(min(counts[label], task.times) for label in task.labels)
            return {"label": label, "done": done, "total": task.times * len(task.labels)}

    def add(self, nickname: str, key: str, label: str, pixels: NDArray[np.uint8], answer: Answer) -> None:
        """Keep what a pupil has written.

        Args:
            nickname: of the pupil.
            key: what the pupil's page got when it joined.
            label: what it shows.
            pixels: uint8 (height, width, 1 or 3).
            answer: what the task's classifier says of it.

        Raises:
            UsageError: the pupil has not joined, or the label is not asked for any more.
        """
        with self._lock:
            self._read()
            task, name = self._require_task(), self._require_pupil(nickname, key)
            written = sum(row.label == label and row.source == name for row in self._pictures)
            if label not in task.labels or written >= task.times:
                raise UsageError(
                    "'{label}' is not asked for now", hint="write what the page shows", label=label
                )
            numbers = [int(Path(row.path).stem) for row in self._pictures]
            row = Row(f"{1 + max(numbers, default=0):05}.png", label, name)
            write_picture(pixels, self.folder / row.path)
            self._write([*self._pictures, row])
            self._answers[task.classifier, row.path] = answer

    def remove(self, path: str) -> None:
        """Take a picture out of the test set; its file goes, too.

        Raises:
            UsageError: there is none of that name.
        """
        with self._lock:
            self._read()
            kept = [row for row in self._pictures if row.path != path]
            if len(kept) == len(self._pictures):
                raise UsageError("there is no such picture any more", hint="look at the list again")
            self._write(kept)
            (self.folder / path).unlink(missing_ok=True)
            for known in [known for known in self._answers if known[1] == path]:
                del self._answers[known]  # the next picture may get this name

    def result(self, predict: Predict) -> dict[str, Any]:
        """Return the accuracy by pupils, and what was wrong.

        Args:
            predict: is asked for pictures that have no answer yet: those of before the lab was started, or of
                another classifier.
        """
        with self._lock:
            self._read()
            task, rows, pupils = self._task, list(self._pictures), len(self._keys)
            if task is None:
                return {"pupils": pupils, "people": [], "wrong": [], "accuracy": None, "interval": None}
            labels = set(task.labels)
            rows = [row for row in rows if row.label in labels]
            known = dict(self._answers)
        missing = [row for row in rows if (task.classifier, row.path) not in known]
        if missing:
            answers = predict(task.classifier, [self.folder / row.path for row in missing])
            pairs = zip(missing, answers, strict=True)
            known |= {(task.classifier, row.path): answer for row, answer in pairs}
            with self._lock:
                self._answers |= known
        answers_of = [known[task.classifier, row.path] for row in rows]
        return {"pupils": pupils, **_figures(rows, answers_of)}

    def _require_task(self) -> Task:
        if self._task is None:
            raise UsageError("nothing is asked for yet", hint="wait for your teacher")
        return self._task

    def _require_pupil(self, nickname: str, key: str) -> str:
        known = self._keys.get(nickname)
        if known is None or not secrets.compare_digest(known.encode(), key.encode(errors="replace")):
            raise UsageError("nobody of that name has joined here", hint="join with a nickname")
        return nickname

    def _write(self, rows: list[Row]) -> None:
        write_table(self.table, rows)
        self._pictures = rows

    def _read(self) -> None:
        """Read what an earlier lab has kept, once.

        Raises:
            DataError: a file is not the lab's.
        """
        if self._is_read:
            return
        try:
            if (file := self.folder / "task.json").is_file():
                content = json.loads(file.read_text("utf-8"))
                labels = tuple(str(label) for label in content["labels"])
                self._task = Task(str(content["classifier"]), labels, int(content["times"]))
            if (file := self.folder / "pupils.json").is_file():
                self._keys = {
                    str(name): str(key) for name, key in json.loads(file.read_text("utf-8")).items()
                }
            self._pictures = read_table(self.table)
            _ = [int(Path(row.path).stem) for row in self._pictures]
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise DataError(
                "{folder} is not what the lab has written", hint="move it away", folder=self.folder
            ) from error
        self._is_read = True


def _figures(rows: Sequence[Row], answers: Sequence[Answer]) -> dict[str, Any]:
    """Return the accuracy with its interval by person, each person's figures, and the wrong ones."""
    correct = np.array(
        [row.label == answer.predicted for row, answer in zip(rows, answers, strict=True)], bool
    )
    people = {name: [0, 0] for name in sorted({row.source for row in rows})}
    for row, is_correct in zip(rows, correct, strict=True):
        people[row.source][0] += int(is_correct)
        people[row.source][1] += 1
    wrong = [
        {**row._asdict(), **answer._asdict()}
        for row, answer in zip(rows, answers, strict=True)
        if row.label != answer.predicted
    ]
    sources = [row.source for row in rows]
    return {
        "images": len(rows),
        "correct": int(correct.sum()),
        "accuracy": float(correct.mean()) if rows else None,
        "interval": list(clustered_interval(correct, sources)) if len(people) > 1 else None,
        "people": [{"name": name, "correct": right, "images": of} for name, (right, of) in people.items()],
        "wrong": wrong[: -WALL - 1 : -1],
    }
