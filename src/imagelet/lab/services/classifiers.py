"""The classifiers that the lab can ask, by name: runs, shipped ones, and those it was started with.

A name is looked up in a list and never made into a path. What is loaded is kept, as long as its file is the
same, and so are the datasets that images are taken from.
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import safetensors
from numpy.typing import NDArray

from imagelet.analysis.embeddings import Neighbourhood
from imagelet.classifier.classifier import Classifier
from imagelet.data.datasets import load_dataset, place_of
from imagelet.data.imageset import Dataset, ImageSet
from imagelet.data.known import datasets
from imagelet.errors import ClassifierFileError, DataError, ImageletError, RunError, UsageError
from imagelet.lab.services.neighbourhoods import Neighbourhoods
from imagelet.lab.settings import Settings
from imagelet.messages import Message
from imagelet.registry import suggestion
from imagelet.runs.definition import Experiment
from imagelet.runs.run import Run
from imagelet.runs.store import run_of, runs_by_name, shipped_classifiers

T = TypeVar("T")

LOADED = 6  # classifiers
READ = 2  # datasets: the largest has 180 MB


@dataclass(frozen=True)
class Named:
    """A classifier's file, and where it comes from.

    Attributes:
        name: what a request says.
        file: its ``.safetensors`` file.
        shipped: whether it came with the package.
        run: the run that made it; None where there is none.
    """

    name: str
    file: Path
    shipped: bool
    run: Run | None


class Kept(Generic[T]):
    """The last few things that were made, each under its key; several threads may ask."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what is kept under ``key``, or make it; nobody makes two things at once."""
        with self._lock:
            if key not in self._things:
                self._things[key] = make()
            self._things.move_to_end(key)
            while len(self._things) > self._most:
                self._things.popitem(last=False)
            return self._things[key]


class Classifiers:
    """The classifiers of a lab.

    Args:
        settings: say where the runs lie, and which others there are.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loaded: Kept[Classifier] = Kept(LOADED)
        self._facts: Kept[dict[str, Any]] = Kept(1_000)
        self._datasets: Kept[Dataset] = Kept(READ)
        self._near = Neighbourhoods()

    def listed(self) -> dict[str, Named]:
        """Return every classifier by its name, the last run first, the shipped ones at the end."""
        runs = runs_by_name(self._settings.runs)
        found = {name: Named(name, run.classifier_file, False, run) for name, run in runs.items()}
        found = {name: each for name, each in found.items() if each.file.is_file()}
        for name, path in self._settings.others.items():
            found[name] = Named(name, path, False, run_of(path))
        for name, path in shipped_classifiers().items():
            found.setdefault(name, Named(name, path, True, None))
        return found

    def find(self, name: str) -> Named:
        """Return the classifier of that name.

        Raises:
            RunError: there is none; the nearest name is suggested.
        """
        found = self.listed()
        if name in found:
            return found[name]
        raise RunError(
            "there is no classifier '{name}'{meant}",
            "/api/classifiers lists them",
            name=name,
            meant=suggestion(name, found),
        )

    def load(self, name: str) -> Classifier:
        """Return the classifier of that name, on the CPU; its file is read when it is new or has changed.

        Raises:
            RunError: there is none.
            ClassifierFileError: its file is damaged.
        """
        file = self.find(name).file
        return self._loaded.get(_state(file), lambda: Classifier.load(file))

    def facts(self, named: Named) -> dict[str, Any]:
        """Return the header of a classifier's file, without its weights.

        Raises:
            ClassifierFileError: it has none.
        """
        return self._facts.get(_state(named.file), lambda: _header(named.file))

    def part(self, name: str, part: str) -> ImageSet:
        """Return images of the dataset that a classifier learned from: its train, validation or test part.

        Raises:
            RunError: there is no such classifier.
            DataError: its dataset is not at hand (nothing is downloaded), or has no such part.
        """
        return self._dataset(self.find(name)).read(part)

    def sample(self, name: str, sample: str) -> tuple[NDArray[np.uint8], str]:
        """Return the image that ``test:17`` names, uint8 (height, width, channels), and its class.

        Raises:
            RunError, DataError: as :meth:`part`.
            UsageError: there are fewer images.
        """
        part, _, number = sample.partition(":")
        images = self.part(name, part)
        if int(number) >= len(images):
            message = Message(
                "there is no image {sample}: there are {count:,} {part} images, counted from 0",
                sample=sample,
                count=len(images),
                part=part,
            )
            raise UsageError(message, hint="for example {part}:0", part=part)
        pixels = np.asarray(images.images[int(number)])
        return pixels, images.classes[images.labels[int(number)]]

    def neighbourhood(self, name: str) -> Neighbourhood | None:
        """Return the classifier's training images as it sees them; None while they are being prepared.

        Raises:
            RunError: there is no such classifier.
            DataError: its training images are not on this machine, or have changed.
        """
        file = self.find(name).file
        return self._near.get(_state(file), file)

    def close(self) -> None:
        """Give up what is being prepared."""
        self._near.close()

    def _dataset(self, named: Named) -> Dataset:
        if named.run is not None:
            experiment = Experiment.from_toml(named.run.experiment)
            dataset, shape = experiment.dataset, experiment.input_shape
        else:
            dataset, shape = str(self.load(named.name).training.get("dataset", "")), None
            if dataset not in datasets:  # a file may name any folder of this machine
                message = Message(
                    "the classifier '{name}' does not say where its images lie", name=named.name
                )
                raise DataError(message, hint="take a picture of your own")
        if dataset in datasets and datasets.get(dataset).layouts and place_of(dataset) is None:
            message = Message("the images of '{dataset}' are not on this machine", dataset=dataset)
            raise DataError(message, hint="bring them here: imagelet data get {dataset}", dataset=dataset)
        return self._datasets.get((dataset, shape), lambda: load_dataset(dataset, shape=shape))


def described(classifiers: Classifiers) -> list[dict[str, Any]]:
    """Return what can be told of each classifier without loading its weights; a damaged file is left out."""
    rows = []
    for named in classifiers.listed().values():
        try:
            facts = classifiers.facts(named)
            training = facts["training"]
            share = training.get("validation_accuracy")
            rows.append(
                {
                    "name": named.name,
                    "shipped": named.shipped,
                    "dataset": str(training.get("dataset", "")),
                    "classes": facts["classes"],
                    "input_shape": facts["network"]["input_shape"],
                    "accuracy": float(share) if isinstance(share, int | float) and 0 <= share <= 1 else None,
                    "network": str(facts["network"]["text"]),
                }
            )
        except (ImageletError, OSError, LookupError, TypeError, AttributeError):
            continue
    return rows


def _state(file: Path) -> tuple[str, int, int]:
    """Return what tells a file from the one that was there before.

    Raises:
        RunError: it is gone.
    """
    try:
        found = file.stat()
    except OSError as error:
        raise RunError(
            "the file {file} is gone", "/api/classifiers lists what is there", file=file.name
        ) from error
    return str(file), found.st_mtime_ns, found.st_size


def _header(file: Path) -> dict[str, Any]:
    try:
        with safetensors.safe_open(file, framework="numpy") as opened:
            facts = json.loads((opened.metadata() or {})["imagelet"])
    except (OSError, ValueError, KeyError, safetensors.SafetensorError) as error:
        raise ClassifierFileError("{file} is no classifier that can be used", file=file.name) from error
    if not isinstance(facts, dict):
        raise ClassifierFileError("{file} is no classifier that can be used", file=file.name)
    return facts
