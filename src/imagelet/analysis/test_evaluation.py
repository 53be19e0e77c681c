"""The test evaluation of a run: figures on the test images, drawn and counted."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imagelet import plots
from imagelet.classifier.classifier import Classifier
from imagelet.data.imageset import ImageSet
from imagelet.metrics.classification import Metrics
from imagelet.metrics.misclassified import surest_first
from imagelet.runs.run import Run

if TYPE_CHECKING:
    from imagelet.plots import Figure

SHOWN = 24  # images in the picture of predictions


MOST_WRONG = 12  # of them wrong ones, where there are so many


def look(
    run: Run, classifier: Classifier, images: ImageSet, probabilities: np.ndarray, folder: Path | None = None
) -> Metrics:
    """Evaluate on the test images, draw into ``folder``, else the run's, and record that in the run."""
    metrics = judge(folder or run.figures, classifier, images, probabilities, "test")
    run.record_test_evaluation(metrics.accuracy, len(images))
    return metrics


def judge(
    folder: Path, classifier: Classifier, images: ImageSet, probabilities: np.ndarray, part: str
) -> Metrics:
    """Evaluate the probabilities (n, classes); draw the confusion matrix and a sheet of predictions."""
    metrics = classifier.judge(images, probabilities)
    draw(folder, images, probabilities, metrics, part)
    return metrics


def draw(folder: Path, images: ImageSet, probabilities: np.ndarray, metrics: Metrics, part: str) -> None:
    """Draw the confusion matrix and a sheet of predictions into ``folder``, named after the part."""
    confusion = plots.confusion(metrics.confusion, images.classes)
    plots.save(confusion, folder / f"confusion-{part}.png")
    plots.save(predictions_sheet(images, probabilities), folder / f"predictions-{part}.png")


def predictions_sheet(images: ImageSet, probabilities: np.ndarray) -> "Figure":
    """Return a sheet of images with label and prediction: the surest mistakes, then the first images."""
    predicted = probabilities.argmax(axis=1)
    worst = surest_first(np.flatnonzero(predicted != images.labels), probabilities)[:MOST_WRONG]
    right = np.flatnonzero(predicted == images.labels)[: SHOWN - len(worst)]
    chosen = np.concatenate([worst, right])
    shown = images.take(chosen)
    return plots.predictions(shown.images, shown.labels, predicted[chosen], images.classes, columns=6)
