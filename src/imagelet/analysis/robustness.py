"""How much a classifier's accuracy falls when pictures differ from those it learned from."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imagelet import plots
from imagelet.classifier.classifier import Classifier
from imagelet.data.imageset import ImageSet
from imagelet.metrics.classification import Interval, wilson_interval
from imagelet.metrics.corruptions import SHIFTS
from imagelet.progress import Progress, silent

MOST_IMAGES = 500  # each is framed anew at every strength of every shift


@dataclass(frozen=True)
class Shifted:
    """The accuracy at one strength of one shift.

    Attributes:
        shift: its name; "none" for the images as they are.
        unit: of the strength.
        strength: how far the images were changed.
        accuracy: the share of right answers, 0 to 1.
        interval: its Wilson interval at 95 %.
        unsure: the share of the answers that were called unsure.
    """

    shift: str
    unit: str
    strength: float
    accuracy: float
    interval: Interval
    unsure: float

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return {**vars(self), "interval": list(self.interval)}


@dataclass(frozen=True)
class ShiftReport:
    """The accuracies under all shifts.

    Attributes:
        dataset: whose images they are.
        images: how many of them.
        plain: without any shift.
        shifted: the shifts in their order, each from its weakest strength to its strongest.
        seconds: all in all.
        figure: the plot; None where none was drawn.
    """

    dataset: str
    images: int
    plain: Shifted
    shifted: tuple[Shifted, ...]
    seconds: float
    figure: Path | None

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return {
            "dataset": self.dataset,
            "images": self.images,
            "shifts": [each.to_json() for each in (self.plain, *self.shifted)],
            "seconds": self.seconds,
            "figure": None if self.figure is None else str(self.figure),
        }


def report_shifts(
    classifier: Classifier,
    images: ImageSet,
    dataset: str,
    picture: Path | None,
    progress: Progress = silent,
) -> ShiftReport:
    """Measure the accuracy under every shift at every strength.

    Each changed image is framed as the classifier frames every picture, so what is measured is what a person
    would meet. Of many images every so many-th is taken.

    Args:
        classifier: knows the images' classes.
        images: of the classifier's size.
        dataset: whose images they are.
        picture: where to draw the plot; None for nowhere.
        progress: is called with how many of the strengths are done, and how many there are.
    """
    started = time.perf_counter()
    count = min(len(images), MOST_IMAGES)
    chosen = images.take(np.arange(count) * len(images) // count)
    plain = _measured(classifier, chosen, chosen.images, "none", "", 0)
    settings = [(shift, strength) for shift in SHIFTS for strength in shift.strengths]
    shifted = []
    for done, (shift, strength) in enumerate(settings, start=1):
        changed = shift.change(chosen.images, strength)
        shifted.append(_measured(classifier, chosen, changed, shift.name, shift.unit, strength))
        progress(done, len(settings))
    if picture is not None:
        curves = {
            f"{shift.name}\n{shift.unit}": [
                (each.strength, each.accuracy, each.interval) for each in shifted if each.shift == shift.name
            ]
            for shift in SHIFTS
        }
        plots.save(plots.shift_curves(plain.accuracy, curves), picture)
    return ShiftReport(dataset, count, plain, tuple(shifted), time.perf_counter() - started, picture)


def _measured(
    classifier: Classifier, chosen: ImageSet, changed: np.ndarray, name: str, unit: str, strength: float
) -> Shifted:
    answers = classifier.predict(changed, top=1)
    right = sum(answer.class_index == label for answer, label in zip(answers, chosen.labels, strict=True))
    unsure = sum(not answer.sure for answer in answers)
    count = len(chosen)
    return Shifted(name, unit, strength, right / count, wilson_interval(right, count), unsure / count)
