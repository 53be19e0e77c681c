"""Which images got which prediction: the cells of the confusion matrix, and the misclassified images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imagelet.metrics.classification import check_labels

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
    rest = probabilities[wrong]  # (wrong, k), a copy
    rest[np.arange(len(wrong)), predicted[wrong]] = -1  # what remains without the predicted class
    return tuple(
        Misclassified(
            image=int(image),
            label=int(labels[image]),
            predicted=int(predicted[image]),
            probability=float(probabilities[image, predicted[image]]),
            label_probability=float(probabilities[image, labels[image]]),
            second=int(second),
        )
        for image, second in zip(wrong, rest.argmax(axis=1), strict=True)
    )


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
