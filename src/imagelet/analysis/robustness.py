"""Robustness: how much a classifier's accuracy falls when its images are corrupted."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from imagelet import plots
from imagelet.analysis.opening import open_evaluation
from imagelet.classifier.classifier import Classifier
from imagelet.cores import AUTO
from imagelet.data.imageset import ImageSet, relabelled
from imagelet.data.pictures.dataset import list_readable, read_listed
from imagelet.messages import Message
from imagelet.metrics.classification import Interval, accuracy_interval
from imagelet.metrics.corruptions import CORRUPTIONS
from imagelet.progress import Progress, silent

MOST_IMAGES = 500  # each is framed anew at every strength of every corruption


@dataclass(frozen=True)
class CorruptedAccuracy:
    """The accuracy at one strength of one corruption.

    Attributes:
        corruption: its name; "none" for the images as they are.
        unit: of the strength.
        strength: how far the images were changed.
        accuracy: the fraction of correct predictions, 0 to 1.
        interval: its Wilson interval at 95 %.
        unsure: the fraction of the predictions that were called unsure.
    """

    corruption: str
    unit: str
    strength: float
    accuracy: float
    interval: Interval
    unsure: float

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return {**vars(self), "interval": list(self.interval)}


@dataclass(frozen=True)
class RobustnessReport:
    """The accuracies under all corruptions.

    Attributes:
        dataset: whose images they are.
        images: how many of them.
        plain: without any corruption.
        corrupted: the corruptions in their order, each from its weakest strength to its strongest.
        seconds: all in all.
        figure: the plot; None where none was drawn.
        test_evaluations: how often the run was evaluated on its test images, this time included; None
            where the images were others.
    """

    dataset: str
    images: int
    plain: CorruptedAccuracy
    corrupted: tuple[CorruptedAccuracy, ...]
    seconds: float
    figure: Path | None = None
    test_evaluations: int | None = None
    understood: tuple[Message, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return {
            "dataset": self.dataset,
            "understood": list(self.understood),
            "images": self.images,
            "corruptions": [accuracy.to_json() for accuracy in (self.plain, *self.corrupted)],
            "test_evaluations": self.test_evaluations,
            "seconds": self.seconds,
            "figure": None if self.figure is None else str(self.figure),
        }


def evaluate_corruptions(
    run_or_file: Any,
    data: Any = None,
    split: str = "test",
    out: Path | None = None,
    progress: Progress = silent,
    *,
    skip_bad: bool = False,
    device: str | None = None,
    threads: int | str = AUTO,
) -> RobustnessReport:
    """Measure a classifier on corrupted images; arguments as :func:`imagelet.analysis.evaluate.evaluate`'s.

    A run's own test images are evaluated as they are first, all of them, which is recorded and counted.

    Raises:
        ImageletError: as :func:`imagelet.analysis.evaluate.evaluate`.
    """
    started = time.perf_counter()
    opened = open_evaluation(run_or_file, data, split)
    classifier, folder = opened.classifier, opened.figures(out)
    with opened.computing(device, threads):
        if (images := opened.images()) is None:
            listed, lost = list_readable(opened.dataset, skip_bad=skip_bad)
            images = read_listed(listed, classifier.framing)
            images = relabelled(images, classifier.classes, opened.dataset)
            opened = replace(opened, understood=(*opened.understood, *lost))
        counted = opened.evaluate(images).test_evaluations if opened.counted else None
        report = measure_corruptions(classifier, images, opened.dataset, progress)
    figure = None if folder is None else folder / f"corruptions-{split}.png"
    if figure is not None:
        draw_corruptions(figure, report)
    seconds = time.perf_counter() - started
    return replace(report, seconds=seconds, figure=figure, test_evaluations=counted, understood=opened.told)


def measure_corruptions(
    classifier: Classifier, images: ImageSet, dataset: str, progress: Progress = silent
) -> RobustnessReport:
    """Measure the accuracy under every corruption at every strength; nothing is drawn, recorded or counted.

    Each changed image is framed as the classifier frames every picture, so what is measured is what a person
    would meet. Of many images every so many-th is taken.

    Args:
        classifier: knows the images' classes.
        images: of the classifier's size.
        dataset: whose images they are.
        progress: is called with how many of the strengths are done, and how many there are.
    """
    started = time.perf_counter()
    count = min(len(images), MOST_IMAGES)
    chosen = images.take(np.arange(count) * len(images) // count)
    plain = _measure(classifier, chosen, chosen.images, "none", "", 0)
    settings = [(corruption, strength) for corruption in CORRUPTIONS for strength in corruption.strengths]
    corrupted = []
    for done, (corruption, strength) in enumerate(settings, start=1):
        changed = corruption.change(chosen.images, strength)
        corrupted.append(_measure(classifier, chosen, changed, corruption.name, corruption.unit, strength))
        progress(done, len(settings))
    return RobustnessReport(dataset, count, plain, tuple(corrupted), time.perf_counter() - started)


def draw_corruptions(path: Path, report: RobustnessReport) -> None:
    """Draw accuracy against strength, a small panel for each corruption, as ``path``."""
    curves: dict[str, list[tuple[float, float, Interval]]] = {}
    for point in report.corrupted:
        curve = curves.setdefault(f"{point.corruption}\n{point.unit}", [])
        curve.append((point.strength, point.accuracy, point.interval))
    plots.save(plots.corruption_curves(report.plain.accuracy, curves), path)


def _measure(
    classifier: Classifier, chosen: ImageSet, changed: np.ndarray, name: str, unit: str, strength: float
) -> CorruptedAccuracy:
    predictions = classifier.predict(changed, top=1)
    predicted = np.array([prediction.class_index for prediction in predictions])
    correct = predicted == chosen.labels  # (n,)
    unsure = sum(not prediction.sure for prediction in predictions) / len(chosen)
    interval = accuracy_interval(correct, chosen.originals)
    return CorruptedAccuracy(name, unit, strength, float(correct.mean()), interval, unsure)
