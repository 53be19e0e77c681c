"""The classifiers of a lab by name: runs, shipped ones, and those it was started with.

A name is looked up in a list and never made into a path. What is loaded is kept, and so are the datasets that
images are taken from: who asks for the same classifier again reads nothing from the disk. The list is made
anew when it is asked for, or when a name is unknown; :meth:`Classifiers.check` notices files that changed.
"""

import contextlib
import copy
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from numpy.typing import NDArray

from imagelet.analysis.embeddings import Neighbourhood, neighbourhood
from imagelet.classifier.classifier import Classifier
from imagelet.classifier.file import LARGEST_FILE
from imagelet.data.imageset import Dataset, ImageSet
from imagelet.errors import ClassifierFileError, ImageletError, RunError
from imagelet.http.computing import use_one_core
from imagelet.lab.services.cache import Cache
from imagelet.lab.services.runs import RunList, version_of
from imagelet.lab.settings import Settings
from imagelet.messages import Message
from imagelet.registry import suggestion
from imagelet.runs.learner import Learner
from imagelet.runs.provenance import LearnedFrom, provenance_of, provenance_of_run
from imagelet.runs.run import Run
from imagelet.runs.store import run_of, shipped_classifiers

LOADED = 6  # classifiers
READ = 2  # datasets: the largest has 180 MB
NEIGHBOURHOODS = 1  # in memory: one of a large network has 120 MB
PATIENCE = 1.0  # seconds in which a neighbourhood that was kept on the disk is read


class StoppedError(Exception):
    """The lab is closed, or nobody wants any more what it prepares."""


class Preparation:
    """A neighbourhood that is being prepared.

    Attributes:
        done: images that are prepared.
        total: how many there are; 0 while that is not known.
        stopped: whether it is to end.
    """

    def __init__(self) -> None:
        self.done, self.total, self.stopped = 0, 0, False

    def __call__(self, done: int, total: int | None) -> None:
        """Take how far it is, or end it.

        Raises:
            StoppedError: it is to end.
        """
        self.done, self.total = done, total or 0
        if self.stopped:
            raise StoppedError


@dataclass(frozen=True)
class Named:
    """A classifier's file, and where it comes from.

    Attributes:
        name: what a request says.
        file: its ``.safetensors`` file.
        shipped: whether it came with the package.
        run: the run that made it; None where there is none.
        version: what differs when the file is replaced or changed.
    """

    name: str
    file: Path
    shipped: bool
    run: Run | None
    version: tuple[int, ...]

    @property
    def key(self) -> tuple[Path, tuple[int, ...]]:
        """What is made of the file is kept under this key."""
        return self.file, self.version


class Classifiers:
    """The classifiers of a lab.

    Args:
        settings: say where the runs lie, and which others there are.
        runs: the runs.
    """

    def __init__(self, settings: Settings, runs: RunList) -> None:
        self._settings = settings
        self._runs = runs
        self._listed: dict[str, Named] = {}
        self._loaded: Cache[Classifier] = Cache(LOADED)
        self._facts: Cache[dict[str, Any]] = Cache(1_000)
        self._datasets: Cache[Dataset] = Cache(READ)
        self._learned_from: Cache[LearnedFrom] = Cache(READ)
        self._thread = ThreadPoolExecutor(1, "lab-neighbours", initializer=use_one_core)
        self._neighbourhoods: Cache[Neighbourhood] = Cache(NEIGHBOURHOODS, self._thread)
        self._preparations: dict[tuple[Path, tuple[int, ...]], Preparation] = {}
        self._for_pupils = False

    def for_pupils(self) -> "Classifiers":
        """Return the classifiers of a class's pupils: the shipped ones, and that with which the lab opens.

        What is loaded is kept once for all.
        """
        view = copy.copy(self)
        view._listed, view._for_pupils = {}, True
        return view

    def listed(self) -> dict[str, Named]:
        """Return every classifier by its name, the last run first, the shipped ones at the end."""
        named: dict[str, Named | None] = {}
        for name, run in self._runs.by_name().items():
            named[name] = _named(name, run.classifier_file, run)
        for name, path in self._settings.others.items():
            named[name] = _named(name, path, run_of(path))
        for name, path in shipped_classifiers().items():
            named[name] = named.get(name) or _named(name, path, None, shipped=True)
        self._listed = {name: entry for name, entry in named.items() if entry is not None}
        if self._for_pupils:
            own = {name: entry for name, entry in self._listed.items() if name == self._settings.first}
            self._listed = own | {name: entry for name, entry in self._listed.items() if entry.shipped}
        return self._listed

    def check(self) -> None:
        """Make the list anew if the file of a loaded classifier has changed since."""
        loaded = [named for named in self._listed.values() if named.key in self._loaded]
        if any(version_of(named.file) != named.version for named in loaded):
            self.listed()

    def find(self, name: str) -> Named:
        """Return the classifier of that name; nothing is read from the disk where the name is known.

        Raises:
            RunError: there is none; the nearest name is suggested.
        """
        named = self._listed.get(name) or self.listed().get(name)
        if named is not None:
            return named
        raise RunError(
            "there is no classifier '{name}'{meant}",
            Message("/api/classifiers lists them"),
            name=name,
            meant=suggestion(name, self._listed),
        )

    def load(self, name: str) -> Classifier:
        """Return the classifier of that name, on the CPU.

        Raises:
            RunError: there is none.
            ClassifierFileError: its file is damaged.
        """
        named = self.find(name)
        return self._loaded.get(named.key, lambda: Classifier.load(named.file))

    def facts(self, named: Named) -> dict[str, Any]:
        """Return the header of a classifier's file, without its weights.

        Raises:
            ClassifierFileError: it has none.
        """
        return self._facts.get(named.key, lambda: _header(named.file))

    def part(self, name: str, part: str) -> ImageSet:
        """Return images of the dataset that a classifier learned from: its train, validation or test part.

        Raises:
            RunError: there is no such classifier.
            DataError: its dataset is not on this machine (nothing is downloaded) or has changed, or there is
                no such part.
        """
        learned_from = self._opened(self.find(name))
        return learned_from.dataset.train if part == "train" else learned_from.part(part).images

    def sample(self, name: str, sample: str) -> tuple[NDArray[np.uint8], str]:
        """Return the image that ``test:17`` names, uint8 (height, width, channels), and its class.

        Raises:
            RunError, DataError: as :meth:`part`.
            UsageError: there are fewer images.
        """
        return self._opened(self.find(name)).sample(sample)

    def neighbourhood(self, name: str) -> Neighbourhood | None:
        """Return the classifier's training images as it sees them; None while they are being prepared.

        Raises:
            RunError: there is no such classifier.
            DataError: its training images are not on this machine, or have changed.
        """
        named = self.find(name)
        with contextlib.suppress(StoppedError):  # one that was stopped before: it is prepared again
            return self._prepared_or_not(named)
        try:
            return self._prepared_or_not(named)
        except StoppedError:
            return None

    def _prepared_or_not(self, named: Named) -> Neighbourhood | None:
        def prepare() -> Neighbourhood:
            preparation = self._preparations[named.key] = Preparation()
            try:
                return neighbourhood(named.file, preparation)
            finally:
                self._preparations.pop(named.key, None)

        try:
            return self._neighbourhoods.get(named.key, prepare, PATIENCE)
        except TimeoutError:
            return None

    def prepared(self, name: str) -> float | None:
        """Return the fraction of a classifier's training images that is prepared; None while it is not known.

        Raises:
            RunError: there is no such classifier.
        """
        preparation = self._preparations.get(self.find(name).key)
        return preparation.done / preparation.total if preparation and preparation.total else None

    def cancel_neighbourhood(self, name: str) -> None:
        """Stop preparing a classifier's neighbourhood, if that is under way.

        Raises:
            RunError: there is no such classifier.
        """
        if preparation := self._preparations.get(self.find(name).key):
            preparation.stopped = True

    def close(self) -> None:
        """Give up what is being prepared."""
        for preparation in list(self._preparations.values()):
            preparation.stopped = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _opened(self, named: Named) -> LearnedFrom:
        """Return what a classifier learned from; it is kept, and so are the datasets."""

        def open_images() -> LearnedFrom:
            provenance = (
                provenance_of(Learner(named.name, named.file, None, self.load(named.name)))
                if named.run is None
                else provenance_of_run(named.run)
            )
            provenance.require_present()
            return provenance.open(self._datasets.get(provenance.source, provenance.load))

        return self._learned_from.get(named.key, open_images)


def classifier_rows(classifiers: Classifiers) -> list[dict[str, Any]]:
    """Return what is known of each classifier without its weights; a damaged file is left out."""
    rows = []
    for named in classifiers.listed().values():
        with contextlib.suppress(ImageletError, OSError, LookupError, TypeError, AttributeError):
            rows.append(_row(named, classifiers.facts(named)))
    return rows


def _row(named: Named, facts: dict[str, Any]) -> dict[str, Any]:
    training = facts["training"]
    accuracy = training.get("validation_accuracy")
    return {
        "name": named.name,
        "shipped": named.shipped,
        "dataset": str(training.get("dataset", "")),
        "classes": facts["classes"],
        "input_shape": facts["network"]["input_shape"],
        "accuracy": float(accuracy) if isinstance(accuracy, int | float) and 0 <= accuracy <= 1 else None,
        "network": str(facts["network"]["text"]),
    }


def _named(name: str, file: Path, run: Run | None, *, shipped: bool = False) -> Named | None:
    """Return a classifier as it is listed; None where there is no such file."""
    version = version_of(file)
    return None if version is None else Named(name, file, shipped, run, version)


def _header(file: Path) -> dict[str, Any]:
    try:
        if not file.is_file() or file.stat().st_size > LARGEST_FILE:  # a pipe would be waited for
            raise ValueError("it is no file, or too large")
        with safetensors.safe_open(file, framework="numpy") as opened:
            facts = json.loads((opened.metadata() or {})["imagelet"])
    except (OSError, ValueError, KeyError, RecursionError, safetensors.SafetensorError) as error:
        raise ClassifierFileError("{file} is no classifier that can be used", file=file.name) from error
    if not isinstance(facts, dict):
        raise ClassifierFileError("{file} is no classifier that can be used", file=file.name)
    return facts
