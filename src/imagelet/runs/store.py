"""The runs in a folder: make one, list them, find one by name or experiment; the trash."""

import contextlib
import dataclasses
import datetime
import hashlib
import itertools
import os
import re
import secrets
import shutil
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from imagelet import atomic_files, paths
from imagelet.errors import ConflictError, ImageletError, RunError, UnknownRunError, UsageError
from imagelet.messages import Message
from imagelet.registry import suggestion
from imagelet.runs.run import Run

if TYPE_CHECKING:
    from imagelet.runs.definition import Experiment

T = TypeVar("T")

RUN_FILES = ("*/experiment.toml", "*/*/experiment.toml")  # of runs, and of those of a course or a series
STUDY_FILE = "study.toml"  # that makes a folder among the runs a study, the search of a better recipe
MAKING = ".making-"  # a run's folder until it holds its first files
MAKING_LOCK = ".making.lock"
ABANDONED = 3600.0  # seconds after which nobody is still writing a temporary file of a finished run
SUMMARY = (
    "dataset",
    "network",
    "recipe",
    "parameters",
    "epochs",
    "best_epoch",
    "validation",
    "test",
    "test_evaluations",
    "seconds",
    "created",
)


def create_run(
    folder: Path, name: str | None, default_name: str, write: Callable[[Path], None] = lambda _: None
) -> Run:
    """Make a new run folder, which appears with its first files or not at all; it never overwrites another.

    Args:
        folder: where runs live; made if need be.
        name: the name that the user chose, if any.
        default_name: the name where none was chosen; ``-2``, ``-3``, … is added where it is taken.
        write: writes the first files into the folder that it is given.

    Raises:
        UsageError: the chosen name is not a plain folder name.
        RunError: the chosen name is taken.
    """
    if name is not None:
        check_run_name(name)
    base = name or re.sub(r"[^\w.+-]+", "-", default_name).strip("-.")[:80] or "run"
    folder.mkdir(parents=True, exist_ok=True)
    import filelock

    with filelock.FileLock(folder / MAKING_LOCK):
        for dead in folder.glob(f"{MAKING}*"):  # whose maker was killed: this one holds the lock now
            shutil.rmtree(dead, ignore_errors=True)
        place = folder / base
        for number in itertools.count(2):
            if not os.path.lexists(place):
                break
            if name is not None:
                raise _taken(place)
            place = folder / f"{base}-{number}"
        made = folder / f"{MAKING}{secrets.token_hex(4)}"
        try:
            made.mkdir()
            write(made)
            made.rename(place)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        atomic_files.flush_folder(folder)
    return Run(place)


def check_run_name(name: str) -> None:
    """Raise where a name that the user chose is not a plain folder name.

    Raises:
        UsageError: it is none.
    """
    if not re.fullmatch(r"\w[\w .+-]{0,99}", name):
        raise UsageError(
            "'{name}' cannot be a run's name",
            hint="use 1 to 100 letters, digits, spaces and . + - _, beginning with a letter or digit",
            name=name,
        )


def _taken(folder: Path) -> RunError:
    return RunError(
        "there is a run '{name}' in {folder} already, and a run never overwrites another",
        hint="choose another --name"
        if Run(folder).finished or not (folder / "experiment.toml").exists()
        else "choose another --name, or resume it: imagelet train --resume {run}",
        name=folder.name,
        folder=folder.parent,
        run=paths.typed(folder),
    )


def list_runs(folder: Path | None = None) -> list[Run]:
    """Return the runs in ``folder`` (default: where runs are written), the oldest first.

    Raises:
        RunError: the folder that was named does not exist.
    """
    parent = folder or paths.runs()
    if not parent.is_dir():
        if folder is None:
            return []
        raise UnknownRunError(
            "there is no folder {folder}", hint="imagelet train DATASET makes the first run", folder=folder
        )
    return [Run(path.parent) for path in sorted(_experiments(parent, RUN_FILES[:1]), key=_started)]


def summary(run: Run) -> dict[str, Any]:
    """Return what is known of a run in short; of a damaged one only that it is, and why.

    Returns:
        ``run`` (its name), ``folder``, ``state`` (finished, unfinished, damaged), ``problem`` (the damaged
        file and what is wrong in it, or None) and the fields of :data:`SUMMARY`; ``validation`` and ``test``
        are None or hold ``accuracy``, ``interval`` and ``images``; ``created`` is a UTC time in ISO 8601.
    """
    facts = {
        "run": run.name,
        "folder": run.folder,
        "state": "damaged",
        "problem": None,
        **dict.fromkeys(SUMMARY),
    }
    try:
        experiment, metrics, history = run.experiment, run.metrics, run.history
        return facts | {
            "state": "finished" if run.finished else "unfinished",
            "dataset": experiment["dataset"],
            "network": experiment["network"],
            "recipe": experiment["recipe"].get("name"),
            "parameters": experiment["resolved"]["parameters"],
            "epochs": metrics.get("epochs", len(history)),
            "best_epoch": metrics.get("best_epoch"),
            "validation": _accuracy(metrics.get("validation")),
            "test": _accuracy(metrics.get("test")),
            "test_evaluations": len(run.test_evaluations),
            "seconds": metrics.get("seconds", {}).get("total"),
            "created": datetime.datetime.fromtimestamp(
                _started(run.folder / "experiment.toml"), datetime.UTC
            ).isoformat(timespec="seconds"),
        }
    except RunError as error:  # one damaged run hides no other
        return facts | {"problem": error.message.values.get("problem", error.message)}


def _accuracy(figures: dict[str, Any] | None) -> dict[str, Any] | None:
    return figures and {name: figures[name] for name in ("accuracy", "interval", "images")}


def sweep(folder: Path) -> None:
    """Remove what killed processes left in runs: temporary files, and the checkpoints of finished ones.

    A run that is being trained is left alone, and so is a temporary file that may still be written.
    """
    for run in runs_by_name(folder).values():
        dead_checkpoints = run.finished and run.checkpoints.exists()
        if not dead_checkpoints and not atomic_files.abandoned(run.folder, ABANDONED):
            continue
        with contextlib.suppress(RunError, OSError), run.in_use():
            if dead_checkpoints:
                shutil.rmtree(run.checkpoints, ignore_errors=True)
            atomic_files.remove_abandoned(run.folder, ABANDONED)


def find_run(text: str, folder: Path | None = None) -> Run:
    """Return the run that ``text`` names: a run's folder, or its name among the runs in ``folder``.

    Raises:
        RunError: there is none; the nearest name is suggested.
    """
    place = folder or paths.runs()
    if run := _run_at(text, place):
        return run
    raise _no_run(text, place, [run.name for run in list_runs(folder)])


def find_classifier(text: str) -> Path:
    """Return the classifier file that ``text`` names: a ``.safetensors`` file, a run's, or a shipped one.

    Of a run and a shipped classifier with the same name the run is meant.

    Raises:
        RunError: there is none of these, or the run is not finished.
    """
    if text.endswith(".safetensors"):
        path = Path(text).expanduser()
        if not path.is_file():
            raise UnknownRunError("there is no file {file}", hint="imagelet runs lists the runs", file=path)
        return path
    place, shipped = paths.runs(), shipped_classifiers()
    run = _run_at(text, place)
    if run is None:
        if text in shipped:
            return shipped[text]
        raise _no_run(text, place, [*(run.name for run in list_runs()), *shipped])
    if text in shipped:
        _warn(
            Message(
                "'{name}' is the run {taken}; the classifier of that name that comes with imagelet is typed "
                "{other}",
                name=text,
                taken=paths.typed(run.folder),
                other=paths.typed(shipped[text]),
            )
        )
    if not run.finished or not run.classifier_file.exists():
        raise RunError(
            "the run '{name}' is not finished: it has no classifier yet",
            hint="imagelet train --resume {folder}",
            name=run.name,
            folder=paths.typed(run.folder),
        )
    return run.classifier_file


def find_run_of(experiment: "Experiment", folder: Path, data_sha256: str | None = None) -> Run | None:
    """Return the run of exactly this experiment in ``folder``: a finished one, else the last started.

    Args:
        experiment: may leave open what :func:`imagelet.runs.definition.settled` decides by the images.
        folder: need not be there.
        data_sha256: the training images' fingerprint that the run must have; None: any.
    """
    if not folder.is_dir():
        return None
    runs = [run for run in list_runs(folder) if is_run_of(run, experiment, data_sha256)]
    return next((run for run in runs if run.finished), runs[-1] if runs else None)


def is_run_of(
    run: Run,
    experiment: "Experiment",
    data_sha256: str | None = None,
    own: Mapping[str, Any] = MappingProxyType({}),
    world: int = 1,
) -> bool:
    """Say whether a run is of exactly this experiment.

    Arguments are :func:`find_run_of`'s, what the run keeps of a person's own loss and augmentation, and the
    number of processes that train it.
    """
    from imagelet.runs.definition import Experiment, settled, settling_facts
    from imagelet.training.division import with_lanes

    with contextlib.suppress(ImageletError, KeyError, TypeError):  # not one of ours, or damaged
        content = run.experiment
        resolved = content["resolved"]
        complete = settled(experiment, *settling_facts(resolved))
        complete = dataclasses.replace(complete, recipe=with_lanes(complete.recipe, world))
        same_data = data_sha256 is None or resolved["data_sha256"] == data_sha256
        if experiment.start_from is not None:
            start = find_classifier(experiment.start_from).read_bytes()
            same_data &= resolved["start"]["sha256"] == hashlib.sha256(start).hexdigest()
        return same_data and resolved.get("own", {}) == own and Experiment.from_toml(content) == complete
    return False


def run_of(classifier_file: Path) -> Run | None:
    """Return the run whose folder a classifier lies in; None for one that is only a file."""
    run = Run(classifier_file.parent)
    return run if (run.folder / "experiment.toml").is_file() else None


def shipped_classifiers() -> dict[str, Path]:
    """Return the files of the classifiers that come with the package, by name."""
    return {path.stem: path for path in sorted(paths.shipped().glob("*.safetensors"))}


def _run_at(text: str, place: Path) -> Run | None:
    candidates = (Path(text).expanduser(), place / text)
    found = [Run(path) for path in candidates if os.path.lexists(path / "experiment.toml")]
    is_name = os.sep not in text and "/" not in text
    if is_name and len(found) > 1 and found[0].folder.resolve() != found[1].folder.resolve():
        _warn(
            Message(
                "'{name}' is the run in the folder {taken}; the other run of that name is typed {other}",
                name=text,
                taken=paths.typed(f"{os.curdir}{os.sep}{text}"),
                other=paths.typed(found[1].folder),
            )
        )
    return found[0] if found else None


def _warn(text: Message) -> None:
    """Warn that a name has two meanings."""
    warnings.warn(UserWarning(text), stacklevel=2)


def _no_run(text: str, place: Path, names: list[str]) -> UnknownRunError:
    meant = suggestion(Path(text).name, names)
    return UnknownRunError(
        "no run '{given}' here or in {place}{meant}",
        hint="imagelet runs lists them",
        given=text,
        place=f"{place}{os.sep}",
        meant=meant,
    )


def runs_by_name(folder: Path) -> dict[str, Run]:
    """Return every run below ``folder`` by its name, the newest first: those of a course or a series, too.

    The name is the path below the folder: ``mnist-small-cnn``, ``course/cnn-3``.
    """
    newest = sorted(_experiments(folder, RUN_FILES), key=_started, reverse=True)
    return {path.parent.relative_to(folder).as_posix(): Run(path.parent) for path in newest}


def delete_run(folder: Path, name: str) -> None:
    """Move the run of that name below ``folder`` into the trash.

    Raises:
        RunError: there is none, or it is being trained.
    """
    run = named(runs_by_name(folder), name, Message("run"), Message("/api/runs lists the runs"))
    with run.in_use():
        pass
    move_to_trash(folder, name)


def move_to_trash(folder: Path, name: str) -> None:
    """Move a run or a study, which nobody works on, into the trash, the folder ``.trash`` in ``folder``."""
    stamp = f"{datetime.datetime.now(datetime.UTC):%Y%m%d-%H%M%S-%f}-{secrets.token_hex(2)}"
    place = _trash(folder) / stamp / name
    place.parent.mkdir(parents=True)
    (folder / name).rename(place)


def restore_run(folder: Path, name: str) -> None:
    """Bring back the run or study of that name which was deleted last.

    Raises:
        RunError: none of that name was deleted.
        ConflictError: there is another by now.
    """
    kind, hint = Message("deleted run or study"), Message("/api/trash lists them")
    deleted = named(deleted_runs(folder), name, kind, hint)
    place = folder / name
    if place.exists():
        raise ConflictError(
            "there is another '{name}' by now, and nothing is ever overwritten",
            "delete that one first",
            name=name,
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    deleted.rename(place)
    for parent in deleted.relative_to(_trash(folder)).parents[:-1]:
        (_trash(folder) / parent).rmdir()  # empty now


def deleted_runs(folder: Path) -> dict[str, Path]:
    """Return the folders of the deleted runs and studies by name, of several the one deleted last."""
    deleted: dict[str, Path] = {}
    for stamp in sorted(_trash(folder).glob("*")):
        for pattern in (*RUN_FILES, f"*/{STUDY_FILE}"):
            deleted |= {
                path.parent.relative_to(stamp).as_posix(): path.parent for path in stamp.glob(pattern)
            }
    return deleted


def named(things: Mapping[str, T], name: str, what: str, hint: str) -> T:
    """Return the thing of that name; a name is looked up and never made into a path.

    Raises:
        RunError: there is none; the nearest name is suggested.
    """
    if name in things:
        return things[name]
    meant = suggestion(name[:200], things)
    raise RunError("there is no {what} '{name}'{meant}", hint, what=what, name=name[:200], meant=meant)


def _trash(folder: Path) -> Path:
    return folder / ".trash"


def _experiments(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    """Return the ``experiment.toml`` of every run, also where a folder or a dead link is in its place."""
    files = [path for pattern in patterns for path in folder.glob(pattern)]
    return [path for path in files if not any(part[0] == "." for part in path.relative_to(folder).parts)]


def _started(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # deleted just now
        return 0.0
