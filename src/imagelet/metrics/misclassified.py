"""The misclassified images, the cells of the confusion matrix, and labels that may be wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imagelet.metrics.classification import check_labels

ROUNDING = 1e-6  # images of equal confidence reach their own mean in spite of rounding
Cells = dict[tuple[int, int], tuple[int, ...]]
"""For each (label, predicted class) that occurs: the indices of its images."""


@dataclass(frozen=True)
class Misclassified:
    """An image whose predicted class is not its label; classes are indices.

    Attributes:
        image: its index among the images.
        label: its class.
        predicted: the most probable class.
        probability: of the predicted class, 0 to 1.
        label_probability: of the label, 0 to 1.
        second: the second most probable class, often the label.
    """

    image: int
    label: int
    predicted: int
    probability: float
    label_probability: float
    second: int

    def to_json(self, names: Sequence[str]) -> dict[str, Any]:
        """Return it as plain data, the classes by their ``names``."""
        classes = {field: names[getattr(self, field)] for field in ("label", "predicted", "second")}
        return {**vars(self), **classes}


def find_misclassified(probabilities: np.ndarray, labels: np.ndarray) -> tuple[Misclassified, ...]:
    """Return the misclassified images, the most confident prediction first, of equal ones the first image.

    Args:
        probabilities: float ``(n, k)``, ``n`` and ``k`` at least 1 and 2.
        labels: int ``(n,)``, in ``[0, k)``.

    Raises:
        ValueError: other numbers of labels, or labels out of range.
    """
    check_labels(labels, images=len(probabilities), classes=probabilities.shape[1])
    predicted = probabilities.argmax(axis=1)  # (n,); the first of equals
    wrong = most_confident_first(np.flatnonzero(predicted != labels), probabilities)
    label, answer, rows = labels[wrong], predicted[wrong], np.arange(len(wrong))
    rest = probabilities[wrong]  # (wrong, k), a copy
    probability, label_probability = rest[rows, answer], rest[rows, label]
    rest[rows, answer] = -1  # what remains without the predicted class
    fields = (wrong, label, answer, probability, label_probability, rest.argmax(axis=1))
    return tuple(map(Misclassified, *(field.tolist() for field in fields)))


def cells(probabilities: np.ndarray, labels: np.ndarray) -> Cells:
    """Return the images behind each number of the confusion matrix, each cell's most confident first.

    Args:
        probabilities: float ``(n, k)``.
        labels: int ``(n,)``, in ``[0, k)``.

    Returns:
        The cells that hold images, ordered by label, then by predicted class; correct predictions too.

    Raises:
        ValueError: as :func:`find_misclassified`.
    """
    classes = probabilities.shape[1]
    check_labels(labels, images=len(probabilities), classes=classes)
    order = most_confident_first(np.arange(len(labels)), probabilities)
    keys = (labels * classes + probabilities.argmax(axis=1))[order]  # (n,)
    order, keys = order[np.argsort(keys, kind="stable")], np.sort(keys)
    present, starts = np.unique(keys, return_index=True)
    return {
        (int(key) // classes, int(key) % classes): tuple(images.tolist())
        for key, images in zip(present, np.split(order, starts[1:]), strict=True)
    }


def most_confident_first(images: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return ``images``, indices ``(m,)``, by the probability of their predicted class, the highest first."""
    if not len(images):
        return images
    return images[np.argsort(-probabilities[images].max(axis=1), kind="stable")]


@dataclass(frozen=True)
class LabelIssue:
    """An image whose label may be wrong, by held-out probabilities; classes are indices.

    Attributes:
        image: its index among the images.
        label: the class that it carries.
        suggested: the class that is more probable.
        probability: of the suggested class, 0 to 1.
        label_probability: of the label, 0 to 1: the "self-confidence" of the literature.
    """

    image: int
    label: int
    suggested: int
    probability: float
    label_probability: float

    def to_json(self, names: Sequence[str]) -> dict[str, Any]:
        """Return it as plain data, the classes by their ``names``."""
        return {**vars(self), "label": names[self.label], "suggested": names[self.suggested]}


def find_label_issues(probabilities: np.ndarray, labels: np.ndarray) -> tuple[LabelIssue, ...]:
    """Return the images whose labels may be wrong, those with the least probable labels first.

    By confident learning a label is an issue when another class is at least as probable as that class is, on
    average, for the images that carry it. So each class has a threshold of its own, and a class of which the
    classifier is seldom confident is not held against its images. A network repeats a wrong label that it was
    trained on. A label issue is an image to look at: a confident wrong prediction looks the same.

    Source: C. G. Northcutt, L. Jiang and I. L. Chuang, "Confident Learning: Estimating Uncertainty in Dataset
    Labels" (2021, arXiv 1911.00068).

    These are the images off the diagonal of the paper's confident joint (its equation 1), where the suggested
    class is the most probable one, too.

    Args:
        probabilities: float ``(n, k)``, from a classifier that has not learned from these images.
        labels: int ``(n,)``, in ``[0, k)``; not every class need occur. One that does not is never suggested.

    Raises:
        ValueError: other numbers of labels, or labels out of range.
    """
    check_labels(labels, images=len(probabilities), classes=probabilities.shape[1])
    label_probability = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]  # (n,)
    predicted = probabilities.argmax(axis=1)  # (n,)
    highest = probabilities.max(axis=1)  # (n,)
    thresholds = class_thresholds(probabilities, labels)  # (k,)
    issues = np.flatnonzero((predicted != labels) & (highest >= thresholds[predicted] - ROUNDING))
    issues = issues[np.argsort(label_probability[issues], kind="stable")]
    arrays = (labels, predicted, highest, label_probability)
    return tuple(map(LabelIssue, issues.tolist(), *(array[issues].tolist() for array in arrays)))


def class_thresholds(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return each class's mean probability over the images that carry its label (the paper's equation 2).

    Args:
        probabilities: float ``(n, k)``.
        labels: int ``(n,)``, in ``[0, k)``.

    Returns:
        float64 ``(k,)``; infinite for a class without images.
    """
    classes = probabilities.shape[1]
    images = np.bincount(labels, minlength=classes)  # (k,)
    given = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]  # (n,)
    sums = np.bincount(labels, weights=given, minlength=classes)  # (k,)
    return np.where(images > 0, sums / np.maximum(images, 1), np.inf)
