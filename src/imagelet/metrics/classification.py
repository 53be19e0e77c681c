"""Accuracy with its interval, loss, precision, recall, F1, confusion, calibration error: arrays → figures.

Accuracy never comes alone: :class:`Metrics` carries the number of images and the Wilson interval. Where some
classes have many images and others few, accuracy is mostly that of the many: balanced accuracy and macro F1
count every class alike.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

CONFIDENCE = 0.95  # of every interval that is printed
CALIBRATION_BINS = 15  # equal-width, as in Guo et al., "On Calibration of Modern Neural Networks" (2017)
SMALLEST_PROBABILITY = 1e-12  # a probability of 0 for the true class counts as this: its loss stays finite
ROUNDING = 1e-12  # a variance that is no more than this is none
UNEVEN = 2.0  # times as many images in the largest class as in the smallest: then accuracy misleads
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


class Estimate(NamedTuple):
    """A figure in [0, 1] with its interval at 95 %."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class Metrics:
    """The figures of a classifier on labelled images.

    Attributes:
        images: how many images were evaluated, at least 1.
        accuracy: the fraction of them that is classified correctly, in [0, 1].
        interval: the accuracy's Wilson interval at 95 %; copies of an image do not narrow it.
        loss: the mean cross-entropy, in nats.
        balanced_accuracy: the mean of the classes' recalls, as :func:`balanced_accuracy` has it.
        macro_f1: the mean of the classes' F1, as :func:`macro_f1` has it.
        distinct_images: how many of the images differ in their pixels.
        classes: one entry a class, in the order of the classes.
        confusion: how often each label (row) got each prediction (column).
        calibration_error: the mean distance between probability and accuracy, in [0, 1].
        one_view: the accuracy without other views of each image; None where the classifier takes only one.
        copies_of_training: how many of the images have the pixels of a training image; None where nobody
            looked.
    """

    images: int
    accuracy: float
    interval: Interval
    loss: float
    balanced_accuracy: Estimate
    macro_f1: Estimate
    distinct_images: int
    classes: tuple[ClassMetrics, ...]
    confusion: tuple[tuple[int, ...], ...]
    calibration_error: float
    one_view: float | None = None
    copies_of_training: int | None = None

    def __repr__(self) -> str:
        low, high = (f"{100 * end:.2f}" for end in self.interval)
        return (
            f"Metrics(accuracy {100 * self.accuracy:.2f} % (95 % interval {low} to {high} %, "
            f"{self.images:,} images), loss {self.loss:.4f})"
        )

    @property
    def uneven(self) -> bool:
        """Whether the largest class has at least twice the images of the smallest that has any."""
        counts = [known.images for known in self.classes if known.images]
        return max(counts) >= UNEVEN * min(counts)

    @property
    def most_frequent(self) -> tuple[int, float]:
        """The class with the most images, and the accuracy of always predicting it."""
        label = max(range(len(self.classes)), key=lambda index: self.classes[index].images)
        return label, self.classes[label].images / self.images

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
        label, reached = self.most_frequent
        return {
            "images": self.images,
            "distinct_images": self.distinct_images,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            **({} if self.one_view is None else {"one_view_accuracy": self.one_view}),
            "balanced_accuracy": self.balanced_accuracy.value,
            "balanced_accuracy_interval": list(self.balanced_accuracy.interval),
            "macro_f1": self.macro_f1.value,
            "macro_f1_interval": list(self.macro_f1.interval),
            "uneven": self.uneven,
            "most_frequent": {"class": label if names is None else names[label], "accuracy": reached},
            "copies_of_training": self.copies_of_training,
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
    correct: np.ndarray, sources: Sequence[str] | np.ndarray, confidence: float = CONFIDENCE
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
        sources: where each image comes from, ``n`` of them: a person's name or number.
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


def effective_number(originals: np.ndarray) -> float:
    """Return of how many different images the mean over all of them, copies included, is as certain.

    Copies get the same answer, so a picture that is there m times is one draw that counts m-fold. The
    variance of such a mean is that of (Σ m)² / Σ m² images that count alike (L. Kish, "Survey Sampling",
    1965). That is their number where all differ, and at most the number of different ones.

    >>> effective_number(np.array([0, 1, 2])), effective_number(np.array([0, 0, 2, 2]))
    (3.0, 2.0)

    Args:
        originals: int (n,), the same number for copies of each other; n at least 1.
    """
    _, counts = np.unique(originals, return_counts=True)
    return float(counts.sum()) ** 2 / float(np.square(counts).sum())


def accuracy_interval(correct: np.ndarray, originals: np.ndarray) -> Interval:
    """Return the interval of an accuracy of images among which there may be copies.

    It is Wilson's, of the number of images that :func:`effective_number` gives: of all where they differ.

    Args:
        correct: bool ``(n,)``, ``n`` at least 1.
        originals: int ``(n,)``, the same number for copies of each other.
    """
    return _wilson(correct.mean(), effective_number(originals))


def balanced_accuracy(table: np.ndarray, scales: np.ndarray | None = None) -> Estimate:
    """Return the mean of the recalls of the classes that have images: each class counts alike.

    Its interval is that of R. M. Price and D. G. Bonett, "An improved confidence interval for a linear
    function of binomial proportions" (2004): with m classes, each gets 2/m correct and 2/m wrong predictions
    more. It has a width even where every image is predicted correctly.

    Args:
        table: int ``(k, k)``, rows are labels, columns predicted classes; at least one image.
        scales: float ``(k,)``, how many images one of the class counts as; None: 1, there are no copies.
    """
    return _estimate(table, scales, _mean_recall)


def macro_f1(table: np.ndarray, scales: np.ndarray | None = None) -> Estimate:
    """Return the mean of the F1 of the classes that have images or are predicted, as scikit-learn has it.

    Its interval is the delta method's, for a table with the additions that :func:`balanced_accuracy` makes:
    the slopes of the mean by the cells of the table, whose rows are multinomial. An error counts in two
    classes, which the slopes hold.

    Args:
        table: int ``(k, k)``, rows are labels, columns predicted classes; at least one image.
        scales: as for :func:`balanced_accuracy`.
    """
    return _estimate(table, scales, _mean_f1)


Figure = Callable[[np.ndarray], tuple[float, np.ndarray]]
"""A figure of a table (k, k) of classes that have images or are predicted, and its slope by each cell."""


def _mean_recall(table: np.ndarray) -> tuple[float, np.ndarray]:
    images = table.sum(axis=1)  # (k,)
    there = images > 0
    part = np.divide(1.0, images, out=np.zeros(len(table)), where=there) / there.sum()  # (k,)
    return float((table.diagonal() * part).sum()), np.diag(part)


def _mean_f1(table: np.ndarray) -> tuple[float, np.ndarray]:
    involved = table.sum(axis=0) + table.sum(axis=1)  # (k,)
    f1 = 2 * table.diagonal() / involved  # (k,)
    by_error = f1 / involved / len(table)  # (k,): by how much one more error of a class lowers the mean
    slopes = -by_error[:, None] - by_error[None, :]  # (k, k)
    np.fill_diagonal(slopes, 2 * (1 - f1) / involved / len(table))
    return float(f1.mean()), slopes


def _estimate(table: np.ndarray, scales: np.ndarray | None, figure: Figure) -> Estimate:
    """Return a figure of a table with its interval at 95 %, by the delta method with Price's additions."""
    scales = np.ones(len(table)) if scales is None else scales
    known = (table.sum(axis=0) + table.sum(axis=1)) > 0
    table, scales = table[known][:, known].astype(np.float64), scales[known]
    classes, images = len(table), table.sum(axis=1)  # (k,)
    if classes == 1:
        return Estimate(1.0, _wilson(1.0, images[0] * scales[0]))
    there = images > 0
    more = np.where(there, 2 / there.sum() / scales, 0.0)  # (k,), correct predictions, and as many wrong ones
    enlarged = table + (more / (classes - 1))[:, None]
    np.fill_diagonal(enlarged, table.diagonal() + more)
    centre, slopes = figure(enlarged)
    images = enlarged.sum(axis=1)
    fractions = np.divide(enlarged, images[:, None], out=np.zeros_like(enlarged), where=there[:, None])
    spread = (fractions * slopes**2).sum(axis=1) - (fractions * slopes).sum(axis=1) ** 2  # (k,)
    reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * math.sqrt(float((images * spread / scales).sum()))
    value = figure(table)[0]
    low, high = min(value, centre - reach), max(value, centre + reach)
    return Estimate(value, Interval(max(0.0, low), min(1.0, high)))


def _scales(labels: np.ndarray, originals: np.ndarray, classes: int) -> np.ndarray:
    """Return how many images one image of each class counts as (classes,): below 1 where there are copies."""
    pairs = labels.astype(np.int64) * len(labels) + originals
    _, first, counts = np.unique(pairs, return_index=True, return_counts=True)
    squares = np.bincount(labels[first], weights=np.square(counts), minlength=classes)
    images = np.bincount(labels, minlength=classes)
    return np.divide(images, squares, out=np.ones(classes), where=images > 0)


def _wilson(proportion: float, total: float) -> Interval:
    return wilson_score(float(proportion), float(total), NormalDist().inv_cdf((1 + CONFIDENCE) / 2))


def evaluate_probabilities(
    probabilities: np.ndarray, labels: np.ndarray, originals: np.ndarray | None = None
) -> Metrics:
    """Compare a classifier's probabilities with the true labels.

    Args:
        probabilities: float ``(n, k)``, each row in [0, 1] with a sum of 1; ``n`` at least 1.
        labels: int ``(n,)``, in ``[0, k)``; not every class need occur.
        originals: int ``(n,)``, the same number for copies of each other; None: all images differ.

    Raises:
        ValueError: an array of another shape, labels out of range, or rows that are no probabilities.
    """
    probabilities, labels = _checked(probabilities, labels)
    originals = np.arange(len(labels)) if originals is None else originals
    predicted = probabilities.argmax(axis=1)  # (n,); the first of equals
    correct = predicted == labels  # (n,)
    table = confusion(labels, predicted, probabilities.shape[1])  # (k, k)
    of_label = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]  # (n,)
    loss = -np.log(np.clip(of_label, SMALLEST_PROBABILITY, 1.0)).mean()
    scales = _scales(labels, originals, len(table))  # (k,)
    return Metrics(
        images=len(labels),
        accuracy=int(correct.sum()) / len(labels),
        interval=accuracy_interval(correct, originals),
        loss=abs(float(loss)),  # never a negative zero
        balanced_accuracy=balanced_accuracy(table, scales),
        macro_f1=macro_f1(table, scales),
        distinct_images=len(np.unique(originals)),
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
