"""How often answers of each confidence are right: what stands behind the calibration error."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from imagelet.metrics.classification import CALIBRATION_BINS, Interval, check_labels, wilson_interval


@dataclass(frozen=True)
class Bin:
    """The answers whose confidence lies in ``(low, high]``, at least one.

    Attributes:
        low: the end that does not belong to it.
        high: the end that does.
        images: how many answers it holds.
        confidence: the mean probability of these answers, 0 to 1.
        accuracy: the share of them that are right, 0 to 1.
        interval: the accuracy's Wilson interval at 95 %.
    """

    low: float
    high: float
    images: int
    confidence: float
    accuracy: float
    interval: Interval

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data, the interval as ``[low, high]``."""
        return {**vars(self), "interval": list(self.interval)}


def find_reliability(
    probabilities: np.ndarray, labels: np.ndarray, bins: int = CALIBRATION_BINS
) -> tuple[Bin, ...]:
    """Return the answers sorted into bins of equal width by their confidence, the lowest first.

    The bins are those of :func:`imagelet.metrics.classification.calibration_error`: the mean distance between
    their confidence and accuracy, weighted with their images, is that error. Empty ones are left out.

    Args:
        probabilities: float ``(n, k)``, each row in [0, 1] with a sum of 1.
        labels: int ``(n,)``, in ``[0, k)``.
        bins: how many bins there are between 0 and 1.

    Raises:
        ValueError: other numbers of labels, or labels out of range.
    """
    check_labels(labels, images=len(probabilities), classes=probabilities.shape[1])
    confidences = probabilities.max(axis=1).astype(np.float64)  # (n,)
    right = probabilities.argmax(axis=1) == labels  # (n,)
    places = np.clip(np.ceil(confidences * bins).astype(np.int64) - 1, 0, bins - 1)  # (n,)
    found = []
    for place in np.unique(places).tolist():
        inside = places == place
        images, hits = int(inside.sum()), int(right[inside].sum())
        found.append(
            Bin(
                low=place / bins,
                high=(place + 1) / bins,
                images=images,
                confidence=float(confidences[inside].mean()),
                accuracy=hits / images,
                interval=wilson_interval(hits, images),
            )
        )
    return tuple(found)
