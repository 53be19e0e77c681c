"""Which images got which answer: the cells of the confusion matrix, and the mistakes, the surest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imagelet.metrics.classification import check_labels

Cells = dict[tuple[int, int], tuple[int, ...]]
"""For each (label, answer) that occurs: the indices of its images."""


@dataclass(frozen=True)
class Mistake:
    """An image that was answered wrong; classes are indices.

    Attributes:
        image: its index among the images.
        label: its class.
        answer: the most probable class.
        probability: of the answer, 0 to 1.
        label_probability: of the label, 0 to 1.
        second: the second most probable class, often the label.
    """

    image: int
    label: int
    answer: int
    probability: float
    label_probability: float
    second: int

    def to_json(self, names: Sequence[str]) -> dict[str, Any]:
        """Return it as plain data, the classes by their ``names``."""
        classes = {name: names[getattr(self, name)] for name in ("label", "answer", "second")}
        return {**vars(self), **classes}


def find_mistakes(probabilities: np.ndarray, labels: np.ndarray) -> tuple[Mistake, ...]:
    """Return what was answered wrong, the surest first; of equally sure ones the first image first.

    Args:
        probabilities: float ``(n, k)``, ``n`` and ``k`` at least 1 and 2.
        labels: int ``(n,)``, in ``[0, k)``.

    Raises:
        ValueError: other numbers of labels, or labels out of range.
    """
    check_labels(labels, images=len(probabilities), classes=probabilities.shape[1])
    answers = probabilities.argmax(axis=1)  # (n,); the first of equals
    wrong = surest_first(np.flatnonzero(answers != labels), probabilities)
    rest = probabilities[wrong]  # (wrong, k), a copy
    rest[np.arange(len(wrong)), answers[wrong]] = -1  # what remains without the answer
    return tuple(
        Mistake(
            image=int(image),
            label=int(labels[image]),
            answer=int(answers[image]),
            probability=float(probabilities[image, answers[image]]),
            label_probability=float(probabilities[image, labels[image]]),
            second=int(second),
        )
        for image, second in zip(wrong, rest.argmax(axis=1), strict=True)
    )


def cells(probabilities: np.ndarray, labels: np.ndarray) -> Cells:
    """Return the images behind each number of the confusion matrix, each cell's surest first.

    Args:
        probabilities: float ``(n, k)``.
        labels: int ``(n,)``, in ``[0, k)``.

    Returns:
        The cells that hold images, in the order of the labels, then of the answers; right answers too.

    Raises:
        ValueError: as :func:`find_mistakes`.
    """
    classes = probabilities.shape[1]
    check_labels(labels, images=len(probabilities), classes=classes)
    order = surest_first(np.arange(len(labels)), probabilities)
    keys = (labels * classes + probabilities.argmax(axis=1))[order]  # (n,)
    order, keys = order[np.argsort(keys, kind="stable")], np.sort(keys)
    found, starts = np.unique(keys, return_index=True)
    return {
        (int(key) // classes, int(key) % classes): tuple(images.tolist())
        for key, images in zip(found, np.split(order, starts[1:]), strict=True)
    }


def surest_first(images: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return ``images``, indices ``(m,)``, by the probabilities of their answers, the highest first."""
    if not len(images):
        return images
    return images[np.argsort(-probabilities[images].max(axis=1), kind="stable")]
