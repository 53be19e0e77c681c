"""The list of runs, one run in full, and the images of a cell of its confusion matrix."""

import contextlib
import os
import time
from collections.abc import Set
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet import paths
from imagelet.classifier.classifier import Classifier
from imagelet.errors import RunError, UsageError
from imagelet.lab.services.cache import Cache
from imagelet.lab.services.encoding import epoch_figures, image
from imagelet.messages import Message, translate
from imagelet.metrics.misclassified import cells
from imagelet.runs.provenance import PartImages, provenance_of_run
from imagelet.runs.run import Run
from imagelet.runs.store import named, runs_by_name, summary

MOST_SHOWN = 60  # images of a cell
SETTLED = 2_000_000_000  # nanoseconds after which a further change of a folder has another time
ROW_FILES = ("experiment.toml", "metrics.json", "history.jsonl", "test_evaluations.jsonl")

Predictions = tuple[PartImages, NDArray[np.float64]]
"""Images of a run, n of them, and the probabilities (n, classes)."""


class RunList:
    """The runs of a folder, kept until something in it changes; several threads may ask.

    Args:
        folder: the folder with the runs. It need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runs: dict[str, Run] = {}
        self._folders: dict[Path, int] | None = None
        self._facts: Cache[dict[str, Any]] = Cache(10_000)

    def by_name(self) -> dict[str, Run]:
        """Return every run by its name, the newest first."""
        folders = _folders(self.folder)  # before the runs: what changes meanwhile is noticed the next time
        if folders != self._folders:
            self._runs = runs_by_name(self.folder)
            is_settled = max(folders.values(), default=0) < time.time_ns() - SETTLED
            self._folders = folders if is_settled else None
        return self._runs

    def find(self, name: str) -> Run:
        """Return the run of that name.

        Raises:
            RunError: there is none; the nearest name is suggested.
        """
        return named(self.by_name(), name, Message("run"), Message("/api/runs lists the runs"))

    def rows(self, training: Set[str]) -> list[dict[str, Any]]:
        """Return what is known of each run in short, the newest first; one damaged run hides no other.

        Args:
            training: the names of the runs that are being trained.
        """
        rows = []
        for name, run in self.by_name().items():
            facts = _with_state(self._row(run), is_running=name in training)
            rows.append({**facts, "name": name, "problem": facts["problem"] and translate(facts["problem"])})
        return rows

    def _row(self, run: Run) -> dict[str, Any]:
        if not run.finished:  # its history grows
            return summary(run)
        versions = (version_of(run.folder / name) for name in ROW_FILES)
        return self._facts.get((run.folder, *versions), lambda: summary(run))


def in_full(name: str, run: Run, *, is_running: bool) -> dict[str, Any]:
    """Return all that is in a run's folder, with a confusion matrix: of the validation images if it can be.

    Raises:
        RunError: a file of it is damaged.
    """
    metrics, experiment = run.metrics, run.experiment
    part = next((part for part in ("validation", "test") if part in metrics), None)
    classes = experiment["resolved"]["classes"]
    if part and len(metrics[part]["confusion"]) != len(classes):
        raise RunError("the run '{name}' is damaged: its figures are of other classes", name=name)
    confusion = part and {"part": part, "classes": classes, "table": metrics[part]["confusion"]}
    return {
        "name": name,
        "state": _with_state(summary(run), is_running=is_running)["state"],
        "experiment": experiment,
        "metrics": metrics,
        "history": [epoch_figures(epoch) for epoch in run.history],
        "environment": run.environment,
        "confusion": confusion,
        "test_evaluations": len(run.test_evaluations),
    }


def cell(run: Run, label: int, predicted: int, part: str, kept: Cache[Predictions]) -> list[dict[str, Any]]:
    """Return the images of ``part`` with this label and this prediction, the most confident first.

    Test images are shown only where the run was evaluated on them, which was counted: the same predictions
    tell nothing new.

    Args:
        run: a finished run.
        label: of the images, the index of a class.
        predicted: the predicted class, an index, too.
        part: ``validation`` or ``test``.
        kept: the predictions of the last runs that were asked for.

    Raises:
        UsageError: there is no such class, or the run was not evaluated on the test images.
        RunError, ClassifierFileError, DataError: the run or its data is not there, or has changed since.
    """
    if part == "test" and "test" not in run.metrics:
        message = Message("the run '{name}' has not been evaluated on the test images", name=run.name)
        raise UsageError(
            message, hint="imagelet evaluate {run} does that, and counts it", run=paths.typed(run.folder)
        )
    file = run.classifier_file
    if not file.is_file():
        raise RunError(
            "the run '{name}' has no classifier yet", hint="wait until it is finished", name=run.name
        )
    key = (str(file), file.stat().st_mtime_ns, part)
    chosen, probabilities = kept.get(key, lambda: predictions(run, part))
    images = chosen.images
    for number in (label, predicted):
        if number >= len(images.classes):
            message = Message(
                "there is no class {number}: there are {count}, counted from 0",
                number=number,
                count=len(images.classes),
            )
            raise UsageError(message, hint="they are {names}", names=", ".join(images.classes[:20]))
    within = cells(probabilities, images.labels).get((label, predicted), ())
    return [
        {
            "sample": f"{chosen.part}:{chosen.indices[index]}",
            "image": image(np.asarray(images.images[index])),
            "label": images.classes[label],
            "predicted": images.classes[predicted],
            "probability": float(probabilities[index, predicted]),
        }
        for index in within[:MOST_SHOWN]
    ]


def predictions(run: Run, part: str) -> Predictions:
    """Return the classifier's predictions for the run's own images; no test evaluation is counted.

    Raises:
        RunError, ClassifierFileError: a file of the run is damaged.
        DataError: its data is not on this machine (nothing is downloaded), or has changed since.
    """
    provenance = provenance_of_run(run)
    provenance.require_present()
    chosen = provenance.open().part(part)
    return chosen, Classifier.load(run.classifier_file).predict_proba(chosen.images.images)


def version_of(file: Path) -> tuple[int, ...] | None:
    """Return what differs when a file is replaced or changed; None where there is none."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _with_state(facts: dict[str, Any], *, is_running: bool) -> dict[str, Any]:
    return facts | {"state": "running"} if is_running and facts["state"] != "damaged" else facts


def _folders(folder: Path) -> dict[Path, int]:
    """Return the folders in which runs may lie and that runs may be, with the times of their last changes."""
    times: dict[Path, int] = {}
    level = [folder]
    for _ in range(3):  # the folder, runs and series, runs of a series
        below: list[Path] = []
        for path in level:
            with contextlib.suppress(OSError):  # it is gone, or was never there
                times[path] = path.stat().st_mtime_ns
                with os.scandir(path) as entries:
                    below += [Path(entry) for entry in entries if entry.name[0] != "." and entry.is_dir()]
        level = below
    return times
