"""Accuracy with its interval, loss, precision, recall, F1, confusion, calibration error: arrays → figures.

Accuracy never comes alone: :class:`Metrics` carries the number of images and the Wilson interval.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

CONFIDENCE = 0.95  # of every interval that is printed
CALIBRATION_BINS = 15  # equal-width, as in Guo et al., "On Calibration of Modern Neural Networks" (2017)
SMALLEST_PROBABILITY = 1e-12  # a probability of 0 for the true class counts as this: its loss stays finite
ROUNDING = 1e-12  # a variance that is no more than this is none
SUM_TOLERANCE = 1e-3  # how far a row of probabilities may be from a sum of 1: half precision rounds so much


class Interval(NamedTuple):
    """The confidence interval of a proportion. Both ends are in [0, 1]."""

    low: float
    high: float


@dataclass(frozen=True)
class ClassMetrics:
    """The figures of one class; each in [0, 1], or None where it would be a division by zero.

    Attributes:
        images: how many images carry this label; may be 0.
        precision: the fraction of the predictions of this class that is correct; None where there are none.
        recall: the fraction of the class's images that is predicted as it; None where it has no images.
        f1: the harmonic mean of the two; None where the class has no images and is never predicted.
    """

    images: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class Metrics:
    """The figures of a classifier on labelled images.

    Attributes:
        images: how many images were evaluated, at least 1.
        accuracy: the fraction of them that is classified correctly, in [0, 1].
        interval: the accuracy's Wilson interval at 95 %.
        loss: the mean cross-entropy, in nats.
        classes: one entry a class, in the order of the classes.
        confusion: how often each label (row) got each prediction (column).
        calibration_error: the mean distance between probability and accuracy, in [0, 1].
        one_view: the accuracy without other views of each image; None where the classifier takes only one.
    """

    images: int
    accuracy: float
    interval: Interval
    loss: float
    classes: tuple[ClassMetrics, ...]
    confusion: tuple[tuple[int, ...], ...]
    calibration_error: float
    one_view: float | None = None

    def to_json(self, names: Sequence[str] | None = None) -> dict[str, Any]:
        """Return the figures as JSON would hold them; intervals as ``[low, high]``.

        Args:
            names: the class names, which then stand beside the class indices as ``name``.

        Raises:
            ValueError: there are more or fewer names than classes.
        """
        if names is not None and len(names) != len(self.classes):
            raise ValueError(f"{len(names)} names for {len(self.classes)} classes")
        classes = []
        for index, figures in enumerate(self.classes):
            name = {} if names is None else {"name": names[index]}
            classes.append({"class": index, **name, **vars(figures)})
        return {
            "images": self.images,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            **({} if self.one_view is None else {"one_view_accuracy": self.one_view}),
            "loss": self.loss,
            "calibration_error": self.calibration_error,
            "classes": classes,
            "confusion": [list(row) for row in self.confusion],
        }


def wilson_interval(correct: int, total: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of a proportion after ``correct`` of ``total`` trials succeeded.

    Wilson (1927): unlike the normal approximation it stays inside [0, 1] and holds near both ends.
    With no trials at all it is the whole of [0, 1].

    >>> wilson_interval(26, 30)
    Interval(low=0.703..., high=0.946...)

    Raises:
        ValueError: ``correct`` is not in [0, total], or ``confidence`` is not between 0 and 1.
    """
    if not 0 <= correct <= total:
        raise ValueError(f"{correct} correct of {total}: must be between 0 and {total}")
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence of {confidence}: must be between 0 and 1")
    if total == 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    return wilson_score(correct / total, total, z)


def wilson_score(proportion: float, total: float, z: float) -> Interval:
    """Return Wilson's interval of a ``proportion`` of ``total`` trials, ``z`` deviations to either side."""
    shrink = 1 + z * z / total
    centre = (proportion + z * z / (2 * total)) / shrink
    reach = z * math.sqrt(proportion * (1 - proportion) / total + z * z / (4 * total * total)) / shrink
    low = 0.0 if proportion == 0 else max(0.0, centre - reach)  # exact at the ends, where rounding would miss
    high = 1.0 if proportion == 1 else min(1.0, centre + reach)
    return Interval(low, high)


def clustered_interval(
    correct: np.ndarray, sources: Sequence[str], confidence: float = CONFIDENCE
) -> Interval:
    """Return the interval of an accuracy when the images come in clusters: many pictures by few people.

    Pictures by one hand are alike. Ten people who draw forty digits each tell less of everybody's than four
    hundred who draw one, and an interval that counts pictures is too narrow.

    The variance between sources gives an effective number of images, which goes into Wilson's interval, with
    Student's t for the number of sources (E. L. Korn and B. I. Graubard, "Confidence intervals for
    proportions with small expected number of positive counts estimated from survey data", 1998). Where the
    accuracy is the same in all sources, nothing is known of that variance: then each source counts as one
    image, more or less as their sizes differ.

    Args:
        correct: bool ``(n,)``, ``n`` at least 1.
        sources: where each image comes from, ``n`` of them: a person's name.
        confidence: between 0 and 1.

    Raises:
        ValueError: other numbers of sources, or no images.
    """
    if len(correct) != len(sources) or len(correct) == 0:
        raise ValueError(f"{len(correct)} images from {len(sources)} sources: as many are needed, at least 1")
    names, numbers = np.unique(np.asarray(sources), return_inverse=True)
    sizes = np.bincount(numbers).astype(np.float64)  # (sources,)
    hits = np.bincount(numbers, weights=np.asarray(correct, np.float64))  # (sources,)
    count, images = len(names), float(sizes.sum())
    if count == 1:
        return Interval(0.0, 1.0)  # one person says nothing of others
    accuracy = float(hits.sum()) / images
    alone = images**2 / float(np.square(sizes).sum())  # Kish's number of sources of equal size
    variance = count / (count - 1) * float(np.square(hits - accuracy * sizes).sum()) / images**2
    effective = accuracy * (1 - accuracy) / variance if variance > ROUNDING else alone
    from scipy.special import stdtrit

    student = float(stdtrit(count - 1, (1 + confidence) / 2))
    return wilson_score(accuracy, min(effective, images), student)


def evaluate_probabilities(probabilities: np.ndarray, labels: np.ndarray) -> Metrics:
    """Compare a classifier's probabilities with the true labels.

    Args:
        probabilities: float ``(n, k)``, each row in [0, 1] with a sum of 1; ``n`` at least 1.
        labels: int ``(n,)``, in ``[0, k)``; not every class need occur.

    Raises:
        ValueError: an array of another shape, labels out of range, or rows that are no probabilities.
    """
    probabilities, labels = _checked(probabilities, labels)
    predicted = probabilities.argmax(axis=1)  # (n,); the first of equals
    correct = predicted == labels  # (n,)
    table = confusion(labels, predicted, probabilities.shape[1])  # (k, k)
    of_label = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]  # (n,)
    loss = -np.log(np.clip(of_label, SMALLEST_PROBABILITY, 1.0)).mean()
    hits = int(correct.sum())
    return Metrics(
        images=len(labels),
        accuracy=hits / len(labels),
        interval=wilson_interval(hits, len(labels)),
        loss=abs(float(loss)),  # never a negative zero
        classes=class_metrics(table),
        confusion=tuple(tuple(row) for row in table.tolist()),
        calibration_error=calibration_error(probabilities.max(axis=1), correct),
    )


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count how often each label got each prediction.

    Args:
        labels: int ``(n,)`` in ``[0, classes)``.
        predicted: int ``(n,)`` in ``[0, classes)``.
        classes: how many classes there are.

    Returns:
        int64 ``(classes, classes)``: rows are labels, columns predicted classes.
    """
    pairs = labels.astype(np.int64) * classes + predicted.astype(np.int64)  # (n,)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def class_metrics(table: np.ndarray) -> tuple[ClassMetrics, ...]:
    """Return every class's precision, recall and F1 from the confusion table.

    Args:
        table: int ``(k, k)``, rows are labels, columns predicted classes.
    """
    correct = table.diagonal()  # (k,)
    images = table.sum(axis=1)  # (k,)
    predicted = table.sum(axis=0)  # (k,)
    return tuple(
        ClassMetrics(
            images=int(images[index]),
            precision=_ratio(correct[index], predicted[index]),
            recall=_ratio(correct[index], images[index]),
            f1=_ratio(2 * correct[index], images[index] + predicted[index]),
        )
        for index in range(len(table))
    )


def calibration_error(confidences: np.ndarray, correct: np.ndarray, bins: int = CALIBRATION_BINS) -> float:
    """Return the expected calibration error: how far confidence and accuracy lie apart, on average.

    The predictions are sorted into equal-width bins of confidence, ``(0, 1/bins]``, ``(1/bins, 2/bins]``, …;
    each bin counts as much as it holds predictions. Guo et al. (2017), equation 3.

    Args:
        confidences: float ``(n,)`` in [0, 1]: the probability of each prediction; ``n`` at least 1.
        correct: bool ``(n,)``: whether that prediction is correct.
        bins: how many bins.
    """
    numbers = np.clip(np.ceil(confidences * bins).astype(np.int64) - 1, 0, bins - 1)  # (n,)
    gaps = np.bincount(numbers, weights=correct - confidences.astype(np.float64), minlength=bins)  # (bins,)
    return float(np.abs(gaps).sum() / len(confidences))


def _ratio(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


def _checked(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both as float64 and int64 arrays, or say what is wrong with them."""
    probabilities, labels = np.asarray(probabilities, np.float64), np.asarray(labels)
    if probabilities.ndim != 2 or probabilities.shape[1] < 2:
        raise ValueError(f"probabilities of shape {probabilities.shape}: must be (images, classes)")
    check_labels(labels, images=len(probabilities), classes=probabilities.shape[1])
    if not ((probabilities >= 0) & (probabilities <= 1 + SUM_TOLERANCE)).all():  # not a number fails too
        raise ValueError("probabilities must be finite and between 0 and 1")
    if not np.allclose(probabilities.sum(axis=1), 1, atol=SUM_TOLERANCE, rtol=0):
        raise ValueError("each image's probabilities must have a sum of 1")
    return probabilities, labels.astype(np.int64)


def check_labels(labels: np.ndarray, images: int, classes: int) -> None:
    """Raise unless there is one label for each image, each the index of a class.

    Raises:
        ValueError: no images, another number of labels, labels that are not integers or out of range.
    """
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels of shape {labels.shape} and type {labels.dtype}: must be (images,) integers"
        )
    if len(labels) != images:
        raise ValueError(f"{len(labels)} labels for {images} images")
    if images == 0:
        raise ValueError("there are no images to evaluate")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels from {labels.min()} to {labels.max()}: must be from 0 to {classes - 1}")
