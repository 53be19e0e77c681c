"""Several trainings of one experiment: mean, standard deviation, the interval of the mean, pooled folds.

The intervals cover different kinds of chance. That of :func:`spread` covers training (initial weights, order
of the images, dropout, augmentation), not the images; each run's own Wilson interval covers these. That of
:func:`pooled` covers the images, each of which was classified once, not training.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imagelet.metrics.classification import CONFIDENCE, Interval, wilson_interval


@dataclass(frozen=True)
class Spread:
    """The accuracies of several trainings, taken together.

    Attributes:
        mean: their mean, in [0, 1].
        standard_deviation: of the accuracies, with n - 1.
        interval: of the mean accuracy of all trainings that could have been drawn.
    """

    mean: float
    standard_deviation: float
    interval: Interval

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return {**vars(self), "interval": list(self.interval)}


@dataclass(frozen=True)
class Pooled:
    """The predictions of several classifiers, each for images of its own, counted together.

    Attributes:
        images: how many there are, at least 1.
        accuracy: the fraction of them that is classified correctly.
        interval: its Wilson interval.
    """

    images: int
    accuracy: float
    interval: Interval

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return {"accuracy": self.accuracy, "interval": list(self.interval), "images": self.images}


def spread(accuracies: Sequence[float], confidence: float = CONFIDENCE) -> Spread:
    """Return mean, standard deviation and the interval of the mean of trainings that differ by their seed.

    Student's t, for accuracies that scatter about as a normal distribution does; the interval is cut off at 0
    and 1. It covers the chance that the seed brings into training. Measured on test images, these are the
    same for each training, and their choice is not in it. Where each seed sets validation images of its own
    aside, the choice among the training images is in it too, and still not what other images would give.

    >>> spread([0.90, 0.92, 0.94]).interval
    Interval(low=0.870..., high=0.969...)

    Args:
        accuracies: from 0 to 1, at least 2.
        confidence: between 0 and 1.

    Raises:
        ValueError: fewer than 2 accuracies.
    """
    if len(accuracies) < 2:
        raise ValueError(f"{len(accuracies)} accuracies have no spread: at least 2 are needed")
    values = np.asarray(accuracies, np.float64)
    mean, deviation = float(values.mean()), float(values.std(ddof=1))
    if len(set(accuracies)) == 1:
        mean, deviation = float(accuracies[0]), 0.0  # rounding would leave a little
    from scipy.special import stdtrit

    reach = float(stdtrit(len(values) - 1, (1 + confidence) / 2)) * deviation / math.sqrt(len(values))
    return Spread(mean, deviation, Interval(max(0.0, mean - reach), min(1.0, mean + reach)))


def pooled(correct: Sequence[int], images: Sequence[int]) -> Pooled:
    """Return the accuracy over all folds' images: each was classified by a network that had not learned it.

    The interval takes the predictions for independent, which the folds' classifiers, with most of their
    training images in common, are only nearly. The folds' accuracies get no interval of their own: there is
    no unbiased estimate of its variance (Y. Bengio and Y. Grandvalet, "No unbiased estimator of the variance
    of K-fold cross-validation", 2004).

    Args:
        correct: of each fold, how many of its images were classified correctly.
        images: of each fold, how many there are; at least 1 in all.

    Raises:
        ValueError: more correct predictions than images.
    """
    hits, total = sum(correct), sum(images)
    return Pooled(total, hits / total, wilson_interval(hits, total))
