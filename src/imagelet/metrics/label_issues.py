"""Labels that may be wrong, found by confident learning.

C. G. Northcutt, L. Jiang and I. L. Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels"
(2021, arXiv 1911.00068): a label is an issue when another class is at least as probable as that class is, on
average, for the images that carry it. So each class has a threshold of its own, and a class of which the
classifier is seldom confident is not held against its images.

The probabilities must come from a classifier that has not learned from these very images: of a test or
validation part, or of cross-validation. A network repeats a wrong label that it was trained on.
A label issue is an image to look at, not a proven error: a confident wrong prediction looks the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imagelet.metrics.classification import check_labels

ROUNDING = 1e-6  # images of equal confidence reach their own mean in spite of rounding


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
    return tuple(
        LabelIssue(
            image=int(image),
            label=int(labels[image]),
            suggested=int(predicted[image]),
            probability=float(highest[image]),
            label_probability=float(label_probability[image]),
        )
        for image in issues
    )


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
