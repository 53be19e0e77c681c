"""The groups of a lab: series, whose runs are listed as one, and studies: searches for a better recipe."""

import datetime
from collections.abc import Sequence, Set
from functools import partial
from pathlib import Path
from typing import Any

from imagelet.errors import ConflictError, ImageletError, RunError
from imagelet.experiment.tuning.conclusion import IMPORTANCE_FIGURE, RECIPE, TRIALS_FIGURE
from imagelet.experiment.tuning.study import experiment_of, is_searched
from imagelet.lab.services.cache import Cache
from imagelet.lab.services.runs import RunList, version_of
from imagelet.messages import Message, translate
from imagelet.metrics.comparison import spread
from imagelet.runs.files import read_study
from imagelet.runs.series import SEEDS, RecordedSeries, read_recorded, runs_of, series_files
from imagelet.runs.store import STUDY_FILE, move_to_trash, named

STUDY = "study"
FIGURES = (TRIALS_FIGURE, IMPORTANCE_FIGURE)


class Groups:
    """The series and studies among the runs of a lab; several threads may ask.

    Args:
        runs: the list of runs.
    """

    def __init__(self, runs: RunList) -> None:
        self._runs = runs
        self._numbers: Cache[int | None] = Cache(100_000)

    def rows(self, training: Set[str]) -> list[dict[str, Any]]:
        """Return what is known of each group in short; one that is damaged hides no other.

        Args:
            training: the names of the runs that are being trained.
        """
        rows = {row["name"]: row for row in self._runs.rows(training)}
        found = []
        for file in series_files(self._runs.folder):
            try:
                found.append(self._series(read_recorded(file), rows))
            except ImageletError as error:
                found.append(_damaged(file.parent.name, file.stem, error))
        found += [_study_row(folder) for folder in self._studies().values()]
        return [row for row in found if row["kind"] == STUDY or row["problem"] or row["runs"]]

    def study(self, name: str) -> dict[str, Any]:
        """Return all that is known of a study; its result is None before its first end.

        Raises:
            RunError: there is none of that name, or it is damaged.
        """
        folder = self._study(name)
        recipe = folder / RECIPE
        experiment = experiment_of(folder)
        return {
            "name": name,
            "dataset": experiment.dataset,
            "recipe": experiment.recipe.name,
            "result": read_study(folder) or None,
            "recipe_file": str(recipe) if recipe.is_file() else None,
            "figures": [figure for figure in FIGURES if (folder / figure).is_file()],
        }

    def delete_study(self, name: str) -> None:
        """Move a study into the trash.

        Raises:
            RunError: there is none of that name.
            ConflictError: a process works on it.
        """
        if is_searched(self._study(name)):
            raise ConflictError(
                "the search '{name}' is running",
                "wait for its end, or end it where it was started",
                name=name,
            )
        move_to_trash(self._runs.folder, name)

    def file_of(self, name: str, file: str) -> Path:
        """Return a file of a study: a figure, or its recipe.

        Raises:
            RunError: it is not there, or is a link to a file elsewhere.
        """
        path = self._study(name) / file
        if not path.is_file() or not path.resolve().is_relative_to(self._runs.folder.resolve()):
            raise RunError("the study '{name}' has no {file}", name=name, file=file)
        return path

    def _studies(self) -> dict[str, Path]:
        return {path.parent.name: path.parent for path in sorted(self._runs.folder.glob(f"*/{STUDY_FILE}"))}

    def _study(self, name: str) -> Path:
        return named(self._studies(), name, Message("study"), Message("/api/groups lists the studies"))

    def _series(self, recorded: RecordedSeries, rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
        version = version_of(recorded.file)
        numbered = []
        for name, run in self._runs.by_name().items():
            key = (recorded.file, version, name, version_of(run.folder / "experiment.toml"))
            number = self._numbers.get(key, partial(recorded.number_of, run))
            if number is not None and name in rows:
                numbered.append((number, run))
        runs = {number: rows[_name(run.folder, self._runs)] for number, run in runs_of(numbered).items()}
        finished = [row for row in runs.values() if row["state"] == "finished"]
        return _row(
            recorded.name,
            recorded.kind,
            state=_state(list(runs.values()), len(recorded.numbers)),
            dataset=recorded.experiment.dataset,
            network=next((row["network"] for row in runs.values()), recorded.experiment.network),
            planned=len(recorded.numbers),
            finished=len(finished),
            runs=[{"number": number, "name": row["name"]} for number, row in runs.items()],
            validation=_mean(recorded, finished, "validation"),
            test=_mean(recorded, finished, "test") if recorded.kind == SEEDS else None,
            seconds=sum(row["seconds"] or 0.0 for row in finished) if finished else None,
            created=max((row["created"] for row in runs.values() if row["created"]), default=None),
        )


def _name(folder: Path, runs: RunList) -> str:
    return folder.relative_to(runs.folder).as_posix()


def _mean(recorded: RecordedSeries, finished: Sequence[dict[str, Any]], part: str) -> dict[str, Any] | None:
    """Return the mean accuracy of the finished trainings, with its interval and deviation, if any."""
    accuracies = [row[part]["accuracy"] for row in finished if row[part]]
    if not accuracies:
        return None
    figures: dict[str, Any] = {"accuracy": accuracies[0], "interval": None, "deviation": None}
    if len(accuracies) > 1:
        taken = spread(accuracies)
        figures = {"accuracy": taken.mean, "interval": taken.interval, "deviation": taken.standard_deviation}
    if recorded.kind != SEEDS:  # their intervals hold for all their images alone
        is_whole = len(accuracies) == len(recorded.numbers)
        figures |= recorded.pooled if recorded.pooled and is_whole else {"interval": None}
    return {**figures, "interval": list(figures["interval"] or ()) or None, "runs": len(accuracies)}


def _state(runs: Sequence[dict[str, Any]], planned: int) -> str:
    states = [row["state"] for row in runs]
    if "running" in states:
        return "running"
    return "finished" if states.count("finished") == planned else "unfinished"


def _study_row(folder: Path) -> dict[str, Any]:
    try:
        experiment, result = experiment_of(folder), read_study(folder)
        best = result.get("best", {})
        accuracy = best.get("validation")
        if accuracy is None:
            reached = [trial["validation"] for trial in result.get("trials", ()) if trial["validation"]]
            accuracy = max(reached, default=None)
        figures = {"accuracy": accuracy, "interval": None, "deviation": None, "runs": 1}
        trials = result.get("trials", ())
        made = datetime.datetime.fromtimestamp((folder / STUDY_FILE).stat().st_mtime, datetime.UTC)
    except (ImageletError, OSError) as error:
        return _damaged(folder.name, STUDY, error)
    return _row(
        folder.name,
        STUDY,
        state="finished" if result else "unfinished",
        dataset=experiment.dataset,
        network=best.get("network", experiment.network),
        planned=len(trials),
        finished=sum(trial["state"] != "running" for trial in trials),
        validation=figures if accuracy is not None else None,
        created=made.isoformat(timespec="seconds"),
    )


def _damaged(name: str, kind: str, error: Exception) -> dict[str, Any]:
    problem = translate(error.message) if isinstance(error, ImageletError) else str(error)
    return _row(name, kind, state="damaged", problem=problem)


def _row(name: str, kind: str, **facts: Any) -> dict[str, Any]:
    unknown = dict.fromkeys(("problem", "dataset", "network", "validation", "test", "seconds", "created"))
    return {"name": name, "kind": kind, "planned": 0, "finished": 0, "runs": [], **unknown, **facts}
