"""The runs by name, and those that were deleted: moved to ``.trash/`` among the runs, and back.

A run's name is its place below the folder with the runs: ``mnist-small-cnn``, ``course/cnn-3``. It is looked
up among the runs that are there, never made into a path.
"""

import datetime
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from imagelet.errors import RunError
from imagelet.lab.http.errors import RefusedError
from imagelet.lab.jobs import store
from imagelet.lab.jobs.store import QUEUED, RUNNING
from imagelet.messages import Message
from imagelet.registry import suggestion
from imagelet.runs.run import Run

T = TypeVar("T")


def runs_by_name(runs: Path) -> dict[str, Run]:
    """Return every run, the newest first: those in the folder, and those of a course or a series within."""
    found = [
        path
        for pattern in ("*/experiment.toml", "*/*/experiment.toml")
        for path in runs.glob(pattern)
        if not any(part.startswith(".") for part in path.relative_to(runs).parts)
    ]
    newest = sorted(found, key=_begun, reverse=True)
    return {path.parent.relative_to(runs).as_posix(): Run(path.parent) for path in newest}


def named_run(runs: Path, name: str) -> Run:
    """Return the run of that name.

    Raises:
        RunError: there is none; the nearest name is suggested.
    """
    return _named(runs_by_name(runs), name, "run", "/api/runs lists the runs")


def delete(runs: Path, name: str) -> None:
    """Move a run to the trash.

    Raises:
        RunError: there is none of that name, or it is in training.
    """
    run = named_run(runs, name)
    with store.changing(runs):
        if any(job.run == name and job.state in (QUEUED, RUNNING) for job in store.list_jobs(runs)):
            message = Message("the run '{name}' is in training", name=name)
            raise RefusedError(message, "stop it first, or pause it", status=409)
        with run.in_use():  # a training that the lab knows nothing of would be noticed here
            pass
        stamp = f"{datetime.datetime.now(datetime.UTC):%Y%m%d-%H%M%S-%f}-{secrets.token_hex(2)}"
        place = trash(runs) / stamp / name
        place.parent.mkdir(parents=True)
        run.folder.rename(place)


def restore(runs: Path, name: str) -> None:
    """Bring back the run of that name which was deleted last.

    Raises:
        RunError: none of that name was deleted, or there is another by now.
    """
    deleted = _named(deleted_runs(runs), name, "deleted run", "/api/trash lists them")
    place = runs / name
    if place.exists():
        message = Message("there is a run '{name}' again, and a run never overwrites another", name=name)
        raise RefusedError(message, "delete that one first", status=409)
    place.parent.mkdir(parents=True, exist_ok=True)
    deleted.rename(place)
    for folder in deleted.relative_to(trash(runs)).parents[:-1]:
        (trash(runs) / folder).rmdir()  # empty now


def deleted_runs(runs: Path) -> dict[str, Path]:
    """Return the folders of the deleted runs by their names, of several the one that was deleted last."""
    found: dict[str, Path] = {}
    for stamp in sorted(trash(runs).glob("*")):
        for pattern in ("*/experiment.toml", "*/*/experiment.toml"):
            found |= {path.parent.relative_to(stamp).as_posix(): path.parent for path in stamp.glob(pattern)}
    return found


def trash(runs: Path) -> Path:
    """Return the folder of what was deleted. It need not exist."""
    return runs / ".trash"


def _named(found: Mapping[str, T], name: str, what: str, hint: str) -> T:
    if name in found:
        return found[name]
    raise RunError(
        "there is no {what} '{name}'{meant}",
        hint,
        what=what,
        name=name[:200],
        meant=suggestion(name[:200], found),
    )


def _begun(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # deleted just now
        return 0.0
