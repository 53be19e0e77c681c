"""Evaluating a classifier: on its run's locked test set, or on other labelled images."""

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imagelet import files
from imagelet.classifier import Classifier
from imagelet.data.datasets import datasets, load_dataset
from imagelet.data.folder import load_folder, read_labelled
from imagelet.data.imageset import Dataset, ImageSet
from imagelet.data.labelled_table import is_table
from imagelet.data.splits import Split
from imagelet.errors import DataError, SettingError
from imagelet.evaluation.metrics import Metrics
from imagelet.experiment.carrying_out import findable, validation_images
from imagelet.experiment.definition import Experiment
from imagelet.experiment.finishing import judge, look
from imagelet.runs import Run, find_classifier

SPLITS = ("test", "validation")


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        metrics: the figures.
        classes: the class names, in their order.
        dataset: what it was evaluated on.
        split: ``test`` or ``validation``.
        looks: how often the run's test images have been looked at, this time included; None where the
            images were not a run's test images.
        seconds: reading and predicting.
        figures: the folder with the pictures; None where there is no run to keep them.
    """

    metrics: Metrics
    classes: tuple[str, ...]
    dataset: str
    split: str
    looks: int | None
    seconds: float
    figures: Path | None

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return {
            "dataset": self.dataset,
            "split": self.split,
            **self.metrics.to_json(self.classes),
            "looks": self.looks,
            "seconds": self.seconds,
        }


def load(run_or_file: str | Path) -> Classifier:
    """Return the classifier of a run (its folder or name), or of a ``.safetensors`` file.

    Raises:
        RunError: there is none.
        ClassifierFileError: the file is damaged, or is no classifier.
    """
    return Classifier.load(find_classifier(str(run_or_file)))


def evaluate(run_or_file: str, data: str | None = None, split: str = "test") -> Evaluation:
    """Evaluate a classifier.

    Args:
        run_or_file: a run's folder or name, or a ``.safetensors`` file.
        data: a dataset's name, a folder of labelled pictures, or a CSV file that names them with their
            labels; None: what the run was trained on.
        split: ``test``: the images that had no part in training; ``validation``: those that chose the epoch.

    Raises:
        ImageletError: a run or dataset that is not there, other classes, or data that has changed.
    """
    if split not in SPLITS:
        raise SettingError(f"unknown split '{split}'; allowed are {', '.join(SPLITS)}")
    started = time.perf_counter()
    path = find_classifier(run_or_file)
    classifier = Classifier.load(path)
    run = Run(path.parent)
    if (run.folder / "experiment.toml").exists():
        experiment = Experiment.from_toml(run.experiment)
        if data is None or findable(data) == experiment.dataset:
            return _evaluate_run(run, classifier, experiment, split, started)
    if data is None:
        data = str(classifier.training.get("dataset", ""))
    metrics = _evaluate_elsewhere(classifier, data, split)
    return Evaluation(metrics, classifier.classes, data, split, None, time.perf_counter() - started, None)


def _evaluate_run(
    run: Run, classifier: Classifier, experiment: Experiment, split: str, started: float
) -> Evaluation:
    """Evaluate on the run's own data, which must be what the run was trained on."""
    dataset = load_dataset(experiment.dataset, shape=experiment.input_shape)
    frozen = Split.load(run.folder / "split.json")
    frozen.check(dataset.train)
    if split == "test":
        metrics = look(run, classifier, dataset)
        files.write_json(
            run.folder / "metrics.json", run.metrics | {"test": metrics.to_json(classifier.classes)}
        )
    else:
        images = validation_images(dataset, frozen, experiment.validation)
        if images is None:
            raise DataError(f"the run '{run.name}' has no validation images", hint="use --split test")
        metrics = judge(run, classifier, images, classifier.predict_proba(images.images), split)
    return Evaluation(
        metrics=metrics,
        classes=classifier.classes,
        dataset=experiment.dataset,
        split=split,
        looks=len(run.looks) if split == "test" else None,
        seconds=time.perf_counter() - started,
        figures=run.figures,
    )


def _evaluate_elsewhere(classifier: Classifier, data: str, split: str) -> Metrics:
    """Evaluate on images that the classifier was not trained on, class names matched by name.

    The pictures of a folder or of a table are framed as the classifier frames every picture. All of them
    count, unless the classifier was trained on that very folder: then those that had been set aside.
    """
    if data not in datasets and is_table(data):
        images = read_labelled(data, classifier.framing)
    elif data not in datasets and Path(data).expanduser().is_dir():
        images = _own_test_part(classifier, data) or read_labelled(data, classifier.framing)
    else:
        images = _part(load_dataset(data), split)
        if images.shape != classifier.input_shape:
            raise DataError(
                f"{data} has images of {images.shape}, the classifier takes {classifier.input_shape}",
                hint="give pictures, in a folder or named by a CSV file: they are brought to its size",
            )
    matched = relabelled(images, classifier.classes, data)
    return classifier.evaluate(matched)


def _own_test_part(classifier: Classifier, folder: str) -> ImageSet | None:
    """Return the folder's test part if the classifier was trained on its training part, else None."""
    with contextlib.suppress(DataError):  # what cannot be trained on can still be evaluated on
        dataset = load_folder(folder, classifier.input_shape, classifier.framing.kind)
        if dataset.train.fingerprint() == classifier.training.get("data_sha256"):
            return dataset.test
    return None


def _part(dataset: Dataset, split: str) -> ImageSet:
    if split == "test":
        return dataset.test
    if dataset.validation is None:
        raise DataError(f"{dataset.card.name} has no validation images of its own", hint="use --split test")
    return dataset.validation


def relabelled(images: ImageSet, classes: tuple[str, ...], name: str) -> ImageSet:
    """Return ``images`` with labels that count in ``classes``; classes may be missing, not added.

    Raises:
        DataError: ``images`` have a class that is not in ``classes``.
    """
    if unknown := [one for one in images.classes if one not in classes]:
        raise DataError(
            f"{name} has the class '{unknown[0]}', which the classifier does not know; "
            f"it knows {', '.join(classes)}"
        )
    places = np.array([classes.index(one) for one in images.classes], dtype=np.int64)
    return ImageSet(images.images, places[images.labels], classes)
