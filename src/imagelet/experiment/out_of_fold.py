"""Out-of-fold predictions: probabilities of training images by networks that did not learn from them."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from imagelet import atomic_files
from imagelet.analysis.error_analysis import draw_label_issues
from imagelet.classifier.classifier import Classifier
from imagelet.data.imageset import ImageSet
from imagelet.device import choose_device
from imagelet.errors import DataError, RunError
from imagelet.metrics.calibration import DEFAULT_THRESHOLD, Calibration, fit_temperature
from imagelet.metrics.misclassified import LabelIssue, find_label_issues
from imagelet.networks.zoo import is_imported
from imagelet.runs.definition import Experiment
from imagelet.runs.provenance import provenance_of_run
from imagelet.runs.run import Run

FILE = "out-of-fold.safetensors"


class OutOfFold(NamedTuple):
    """Probabilities of training images by classifiers that had not learned them, in the images' order.

    Attributes:
        probabilities: float32 (n, classes), rows of sum 1.
        labels: int64 (n,), as the dataset has them.
        indices: int64 (n,), which training images they are; all of them unless the runs had a limit.
    """

    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    indices: NDArray[np.int64]


def write_out_of_fold(runs: Sequence[Run], folder: Path) -> Path:
    """Predict each fold's images with its own classifier, write all to one file, and return the file.

    A fold's temperature is fitted on the other folds' images: neither the weights nor the temperature behind
    an image's probabilities have seen its label.

    Args:
        runs: finished, one for each fold; together they hold every image once.
        folder: where the file goes.

    Raises:
        DataError: the data is not what the runs learned from.
    """
    experiment = Experiment.from_toml(runs[0].experiment)
    dataset = provenance_of_run(runs[0]).load()
    folds, logits = [], []
    for run in runs:
        held_out = provenance_of_run(run).open(dataset).part("validation")
        classifier = Classifier.load(run.classifier_file, allow_import=is_imported(experiment.network))
        classifier = classifier.to(choose_device(experiment.device))
        folds.append(held_out)
        logits.append(classifier.logits(held_out.images.images))
    labels = [fold.images.labels for fold in folds]
    probabilities = np.concatenate(calibrated_by_others(logits, labels))  # (n, classes)
    indices = np.concatenate([fold.indices for fold in folds])
    order = np.argsort(indices)
    arrays: dict[str, NDArray[Any]] = {
        "probabilities": probabilities[order].astype(np.float32),
        "labels": np.concatenate(labels)[order],
        "indices": indices[order],
    }
    path = folder / FILE
    facts = {"data_sha256": dataset.train.fingerprint()}  # safetensors would write two in any order
    atomic_files.write_bytes(path, safetensors.numpy.save(arrays, facts))
    return path


def label_issues_of_folds(folder: Path, images: ImageSet) -> tuple[LabelIssue, ...]:
    """Return the training images whose labels may be wrong by the out-of-fold predictions, and draw them.

    Args:
        folder: has ``out-of-fold.safetensors``; gets ``label-issues.png`` where there are any.
        images: the training images, which the issues' indices count.

    Raises:
        RunError, DataError: as :func:`out_of_fold`.
    """
    predictions = out_of_fold(folder, images)
    issues = tuple(
        dataclasses.replace(issue, image=int(predictions.indices[issue.image]))
        for issue in find_label_issues(predictions.probabilities, predictions.labels)
    )
    draw_label_issues(folder / "label-issues.png", images, issues)
    return issues


def calibrated_by_others(
    logits: Sequence[np.ndarray], labels: Sequence[np.ndarray]
) -> list[NDArray[np.float64]]:
    """Return each fold's probabilities, with the temperature under which the others' labels are most likely.

    Args:
        logits: of each fold, float (n, classes); at least 2 folds.
        labels: of each fold, int (n,).
    """
    probabilities = []
    for fold, own in enumerate(logits):
        others = [other for other in range(len(logits)) if other != fold]
        temperature = fit_temperature(
            np.concatenate([logits[other] for other in others]),
            np.concatenate([labels[other] for other in others]),
        )
        probabilities.append(Calibration(temperature, DEFAULT_THRESHOLD).probabilities(own))
    return probabilities


def out_of_fold(folder: Path, images: ImageSet | None = None) -> OutOfFold:
    """Return the predictions of the folds, from the folder that ``imagelet train --folds`` names.

    Args:
        folder: has ``out-of-fold.safetensors``.
        images: the training images as they are now; they must be those of the predictions. None: any.

    Raises:
        RunError: there is no such file in the folder, or it is damaged.
        DataError: the images are other ones.
    """
    path = Path(folder) / FILE
    try:
        if path.exists() and not path.is_file():
            raise OSError("it is not a file")  # a pipe would be waited for
        with safetensors.safe_open(path, framework="numpy") as file:
            facts = file.metadata() or {}
            predictions = OutOfFold(*(file.get_tensor(name) for name in OutOfFold._fields))
    except FileNotFoundError as error:
        raise RunError(
            "there is no {path}", hint="imagelet train DATASET --folds 5 makes one", path=path
        ) from error
    except (OSError, safetensors.SafetensorError) as error:
        raise RunError(
            "{file} cannot be read: {error}", hint="run the folds again", file=path, error=error
        ) from error
    if not _is_valid(predictions):
        raise RunError("{path} does not hold the predictions of folds", hint="run the folds again", path=path)
    if images is not None and images.fingerprint() != facts.get("data_sha256"):
        raise DataError(
            "the images are not those that {path} has predictions for: the data has changed since",
            hint="run the folds again",
            path=path,
        )
    return predictions


def _is_valid(predictions: OutOfFold) -> bool:
    probabilities, labels, indices = predictions
    return (
        probabilities.dtype == np.float32
        and labels.dtype == indices.dtype == np.int64
        and probabilities.ndim == 2
        and labels.shape == indices.shape == probabilities.shape[:1]
    )
