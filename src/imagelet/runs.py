"""The run folder: what training leaves, and what everyone reads.

================================  ==================================================================
``experiment.toml``               what was trained on what, how; all that was resolved
``split.json``                    the training and validation images, frozen
``environment.json``              versions, device, commit, hash of the data
``checkpoint/``                   what ``--resume`` needs; gone when the run is finished
``history.jsonl``                 one line an epoch
``classifier.safetensors``        the classifier of the best validation epoch
``metrics.json``                  figures and seconds; its presence says that the run is finished
``looks.jsonl``                   one line for each look at the test images
``report.html``                   the page that ``imagelet report`` makes
``figures/``, ``README.md``       pictures and the model card
``embeddings.safetensors``        embeddings of the training images, made when first asked for
================================  ==================================================================
"""

import contextlib
import datetime
import json
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from imagelet import files, markup, places
from imagelet.errors import RunError, UsageError
from imagelet.registry import suggestion
from imagelet.training.history import EpochFigures, read_history


@dataclass(frozen=True)
class Run:
    """One carried-out experiment, in its folder."""

    folder: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def classifier_file(self) -> Path:
        """The classifier of the best validation epoch."""
        return self.folder / "classifier.safetensors"

    @property
    def checkpoints(self) -> Path:
        """The folder with what ``--resume`` needs."""
        return self.folder / "checkpoint"

    @property
    def figures(self) -> Path:
        """The folder with the pictures."""
        return self.folder / "figures"

    @property
    def embeddings_file(self) -> Path:
        """The embeddings of the training images; absent until they are first asked for."""
        return self.folder / "embeddings.safetensors"

    @property
    def finished(self) -> bool:
        """Whether training came to its end."""
        return (self.folder / "metrics.json").exists()

    @property
    def experiment(self) -> dict[str, Any]:
        """The content of ``experiment.toml``."""
        try:
            return tomllib.loads((self.folder / "experiment.toml").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"{self.folder} has no experiment.toml that can be read: {error}") from error

    @property
    def metrics(self) -> dict[str, Any]:
        """The content of ``metrics.json``; empty while the run is not finished."""
        return self._json("metrics.json")

    @property
    def environment(self) -> dict[str, Any]:
        """The content of ``environment.json``."""
        return self._json("environment.json")

    @property
    def history(self) -> list[EpochFigures]:
        """The figures of the epochs that are done."""
        return read_history(self.folder / "history.jsonl")

    @property
    def looks(self) -> list[dict[str, Any]]:
        """Every look at the test images, the oldest first."""
        path = self.folder / "looks.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def count_look(self, accuracy: float, images: int) -> int:
        """Note a look at the test images and return how many there were, this one included."""
        look = {
            "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "accuracy": accuracy,
            "images": images,
        }
        with filelock.FileLock(self.folder / ".looks.lock"):
            looks = [*self.looks, look]
            content = "".join(json.dumps(one) + "\n" for one in looks)
            files.write_text(self.folder / "looks.jsonl", content)
        return len(looks)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the state, the figures, the epochs as a curve."""
        title = f"Run {self.name}"
        try:
            facts, past = markup.carried_out(self.experiment, self.metrics, len(self.looks)), self.history
            curves: list[tuple[str, list[float | None]]] = [("training", [each.accuracy for each in past])]
            curves += [("validation", [each.val_accuracy for each in past])]
            return markup.block(title, markup.facts(facts | {"folder": self.folder}), markup.curves(curves))
        except (RunError, OSError, LookupError, TypeError, ValueError) as error:
            return markup.block(title, markup.facts({"state": f"damaged: {error}"}))

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep other processes from training in this folder at the same time.

        Raises:
            RunError: another process does already.
        """
        lock = filelock.FileLock(self.folder / ".training.lock", timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            raise RunError(
                f"the run '{self.name}' is being trained by another process",
                hint="wait for it, or train under another --name",
            ) from error
        try:
            yield
        finally:
            lock.release()

    def _json(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        if not path.exists():
            return {}
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RunError(f"{path} is damaged: {error}") from error
        return content


def create_run(folder: Path, name: str | None, default_name: str) -> Run:
    """Make a new, empty run folder; a run never overwrites another.

    Args:
        folder: where runs live; made if need be.
        name: the name that the user chose, if any.
        default_name: the name where none was chosen; ``-2``, ``-3``, … is added where it is taken.

    Raises:
        UsageError: the chosen name is not a plain folder name.
        RunError: the chosen name is taken.
    """
    if name is not None:
        if not re.fullmatch(r"\w[\w .+-]{0,99}", name):
            raise UsageError(
                f"'{name}' cannot be a run's name",
                hint="use 1 to 100 letters, digits, spaces and . + - _, beginning with a letter or digit",
            )
        return _make(folder / name) or _taken(folder / name)
    base = re.sub(r"[^\w.+-]+", "-", default_name).strip("-.")[:80] or "run"
    number = 1
    while True:
        run = _make(folder / (base if number == 1 else f"{base}-{number}"))
        if run:
            return run
        number += 1


def _make(folder: Path) -> Run | None:
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        return None
    return Run(folder)


def _taken(folder: Path) -> Run:
    raise RunError(
        f"there is a run '{folder.name}' in {folder.parent} already, and a run never overwrites another",
        hint=f"choose another --name, or go on with it: imagelet train --resume {folder}",
    )


def list_runs(folder: Path | None = None) -> list[Run]:
    """Return the runs in ``folder`` (default: where runs are written), the oldest first.

    Raises:
        RunError: the folder that was named does not exist.
    """
    place = folder or places.runs()
    if not place.is_dir():
        if folder is None:
            return []
        raise RunError(f"there is no folder {folder}", hint="imagelet train DATASET makes the first run")
    found = [path.parent for path in place.glob("*/experiment.toml")]
    return [Run(path) for path in sorted(found, key=lambda path: (path / "experiment.toml").stat().st_mtime)]


def find_run(text: str, folder: Path | None = None) -> Run:
    """Return the run that ``text`` names: a run's folder, or its name among the runs in ``folder``.

    Raises:
        RunError: there is none; the nearest name is suggested.
    """
    place = folder or places.runs()
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
            raise RunError(f"there is no file {path}", hint="imagelet runs lists the runs")
        return path
    place = places.runs()
    run = _run_at(text, place)
    if run is None:
        shipped = shipped_classifiers()
        if text in shipped:
            return shipped[text]
        raise _no_run(text, place, [*(each.name for each in list_runs()), *shipped])
    if not run.classifier_file.exists():
        raise RunError(
            f"the run '{run.name}' is not finished: it has no classifier yet",
            hint=f"imagelet train --resume {run.folder}",
        )
    return run.classifier_file


def run_of(classifier_file: Path) -> Run | None:
    """Return the run whose folder a classifier lies in; None for one that is only a file."""
    run = Run(classifier_file.parent)
    return run if (run.folder / "experiment.toml").is_file() else None


def shipped_classifiers() -> dict[str, Path]:
    """Return the files of the classifiers that come with the package, by name."""
    return {path.stem: path for path in sorted(places.shipped().glob("*.safetensors"))}


def _run_at(text: str, place: Path) -> Run | None:
    for candidate in (Path(text).expanduser(), place / text):
        if (candidate / "experiment.toml").is_file():
            return Run(candidate)
    return None


def _no_run(text: str, place: Path, names: list[str]) -> RunError:
    meant = suggestion(Path(text).name, names)
    return RunError(f"no run '{text}' here or in {place}{os.sep}{meant}", hint="imagelet runs lists them")
