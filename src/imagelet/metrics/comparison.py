"""Classifiers compared: two on the same images, several trainings of one experiment, pooled folds.

Of two on the same images those that both classify correctly, or both wrongly, say nothing of the difference.
What counts are the images that only one of them classifies correctly.

The intervals cover different kinds of chance. That of :func:`spread` covers training (initial weights, order
of the images, dropout, augmentation), not the images; each run's own Wilson interval covers these. That of
:func:`pooled` covers the images, each of which was classified once, not training.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from imagelet.metrics.classification import CONFIDENCE, Interval, wilson_interval, wilson_score

EXACTNESS = 1e-12  # of an interval's ends


@dataclass(frozen=True)
class PairedDifference:
    """By how much two classifiers, a and b, differ.

    Attributes:
        difference: the accuracy of b minus that of a, -1 to 1: above 0 where b is better.
        interval: Tango's score interval of the difference, at 95 %.
        p: McNemar's exact two-sided p: how probable so uneven a count would be if neither were better.
        both_correct: how many images both classify correctly.
        only_a: how many only a classifies correctly.
        only_b: how many only b classifies correctly.
        both_wrong: how many neither classifies correctly.
    """

    difference: float
    interval: Interval
    p: float
    both_correct: int
    only_a: int
    only_b: int
    both_wrong: int

    @property
    def images(self) -> int:
        """How many images there are."""
        return self.both_correct + self.only_a + self.only_b + self.both_wrong

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return {**vars(self), "interval": list(self.interval)}


def compare_predictions(correct_a: np.ndarray, correct_b: np.ndarray) -> PairedDifference:
    """Compare two classifiers' predictions for the same images.

    Args:
        correct_a: bool ``(n,)``: which images a classifies correctly, ``n`` at least 1.
        correct_b: bool ``(n,)``: which b does, in the same order.

    Raises:
        ValueError: the arrays are not of these types and shapes.
    """
    if correct_a.dtype != np.bool_ or correct_b.dtype != np.bool_ or correct_a.ndim != 1:
        raise ValueError(
            f"arrays of {correct_a.dtype} {correct_a.shape} and {correct_b.dtype}: must be bool (n,)"
        )
    if correct_a.shape != correct_b.shape or not len(correct_a):
        raise ValueError(f"{len(correct_a)} and {len(correct_b)} predictions: as many are needed, at least 1")
    images = len(correct_a)
    only_a, only_b = int((correct_a & ~correct_b).sum()), int((correct_b & ~correct_a).sum())
    both_correct = int((correct_a & correct_b).sum())
    return PairedDifference(
        both_correct=both_correct,
        only_a=only_a,
        only_b=only_b,
        both_wrong=images - both_correct - only_a - only_b,
        difference=(only_b - only_a) / images,
        interval=paired_interval(only_a, only_b, images),
        p=exact_mcnemar(only_a, only_b),
    )


def mean_difference(correct_a: np.ndarray, correct_b: np.ndarray) -> tuple[float, Interval]:
    """Return by how much b, trained several times, is better than a on the same images, and the interval.

    What counts for an image is the difference of the fractions of the trainings that classify it correctly.
    The interval, at 95 %, is Student's t over the images, cut off at -1 and 1; it covers other images, and
    the trainings as far as they were averaged. Of one training each it is :func:`paired_interval`, and so it
    is where all images have the same difference.

    Args:
        correct_a: bool ``(trainings, images)``, at least 1 of each: which images each training of a
            classifies correctly.
        correct_b: the same of b, of as many trainings.

    Raises:
        ValueError: the arrays are not of these types and shapes.
    """
    if correct_a.dtype != np.bool_ or correct_b.dtype != np.bool_ or correct_a.ndim != 2:
        raise ValueError(
            f"arrays of {correct_a.dtype} {correct_a.shape} and {correct_b.dtype}: must be bool (s, n)"
        )
    if correct_a.shape != correct_b.shape or not correct_a.size:
        raise ValueError(f"{correct_a.shape} and {correct_b.shape} predictions: as many are needed")
    images = correct_a.shape[1]
    differences = correct_b.mean(0) - correct_a.mean(0)  # (n,)
    mean = float(differences.mean())
    if len(correct_a) == 1 or not differences.std() or images < 2:
        only_a, only_b = (correct_a & ~correct_b).sum(1).mean(), (correct_b & ~correct_a).sum(1).mean()
        return mean, paired_interval(round(only_a), round(only_b), images)
    from scipy.special import stdtrit

    reach = float(stdtrit(images - 1, (1 + CONFIDENCE) / 2) * differences.std(ddof=1) / math.sqrt(images))
    return mean, Interval(max(-1.0, mean - reach), min(1.0, mean + reach))


def exact_mcnemar(only_a: int, only_b: int) -> float:
    """Return McNemar's exact two-sided p: a fair coin for each image that only one classifies correctly.

    Without any such image it is 1.
    """
    if only_a + only_b == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(only_b, only_a + only_b, 0.5).pvalue)


def paired_interval(only_a: int, only_b: int, images: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval in which the accuracy of b minus that of a lies.

    It holds every difference that McNemar's statistic, written for that difference, does not reject: T.
    Tango, "Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design" (1998). It stays inside [-1, 1], and has a width even where both classify the same images
    correctly. It leaves 0 out where McNemar's asymptotic test is significant; the exact p is more careful,
    and may be above 0.05 then.

    >>> paired_interval(16, 6, 161)
    Interval(low=-0.124..., high=-0.005...)

    Args:
        only_a: how many images only a classifies correctly.
        only_b: how many only b classifies correctly.
        images: how many there are in all, at least 1.
        confidence: between 0 and 1.

    Raises:
        ValueError: there are no images, fewer than those counted, or negative counts, or no such confidence.
    """
    if min(only_a, only_b) < 0 or images < max(1, only_a + only_b):
        raise ValueError(f"{only_a} and {only_b} of {images} images: must be from 0 to {images}, at least 1")
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence of {confidence}: must be between 0 and 1")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    high = _upper_end(only_a, only_b, images, z)
    return Interval(-_upper_end(only_b, only_a, images, z), high)  # b minus a is minus a minus b


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """Return p-values corrected for their number.

    The smallest is multiplied by their number, the next by one less, …, and none comes out below a smaller
    one (S. Holm, "A simple sequentially rejective multiple test procedure", 1979). Who then takes those below
    0.05 for shown is wrong in any of them in at most 5 of 100 cases.

    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    corrected = [0.0] * len(ps)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda place: ps[place])):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[place]))
        corrected[place] = highest
    return tuple(corrected)


def disagreements(predicted: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the images for which not all classifiers predict the same class, the most confident first.

    A disagreement is as confident as the most confident prediction against the most confident of all.

    Args:
        predicted: int ``(classifiers, n)``, classes.
        probabilities: float ``(classifiers, n)``, of these classes.

    Returns:
        int64 ``(m,)``: the images' indices; among equals the first comes first.

    Raises:
        ValueError: the arrays differ in shape.
    """
    if predicted.ndim != 2 or predicted.shape != probabilities.shape:
        raise ValueError(
            f"predictions {predicted.shape} with probabilities {probabilities.shape}: must be alike"
        )
    first = np.take_along_axis(predicted, probabilities.argmax(axis=0)[None], axis=0)  # (1, n)
    against = np.where(predicted != first, probabilities, -1.0).max(axis=0)  # (n,)
    differing = np.flatnonzero((predicted != predicted[:1]).any(axis=0))
    return differing[np.argsort(-against[differing], kind="stable")].astype(np.int64)


def _upper_end(only_a: int, only_b: int, images: int, z: float) -> float:
    """Return the largest difference b minus a that is not rejected."""
    if only_b == images:
        return 1.0
    from scipy.optimize import brentq

    observed = (only_b - only_a) / images

    def excess(difference: float) -> float:
        distance = images * difference - (only_b - only_a)
        return distance - z * _deviation(only_a, only_b, images, difference)

    start = observed + EXACTNESS  # at the observed difference the deviation may be 0
    return float(brentq(excess, start, 1.0, xtol=EXACTNESS))  # below 0 at the first, above at the second


def _deviation(only_a: int, only_b: int, images: int, difference: float) -> float:
    """Return the standard deviation of ``only_b - only_a`` if the true difference were ``difference``.

    The proportion that only a classifies correctly is then the most likely one: the larger root of a
    quadratic equation.
    """
    linear = (2 * images + only_a - only_b) * difference - only_a - only_b
    constant = -only_a * difference * (1 - difference)
    root = math.sqrt(max(0.0, linear * linear - 8 * images * constant))
    # Where both terms would nearly cancel, the product of the roots gives the same number without loss.
    proportion = -2 * constant / (root + linear) if linear > 0 else (root - linear) / (4 * images)
    return math.sqrt(images * max(0.0, 2 * proportion + difference * (1 - difference)))


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
        accuracy: the fraction of the images that is classified correctly.
        interval: its Wilson interval.
        images: how many there are, at least 1.
    """

    accuracy: float
    interval: Interval
    images: int

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return {**vars(self), "interval": list(self.interval)}


def spread(accuracies: Sequence[float]) -> Spread:
    """Return mean, standard deviation and the interval of the mean of trainings that differ by their seed.

    Student's t, for accuracies that scatter about as a normal distribution does; the interval is cut off at 0
    and 1. It covers the chance that the seed brings into training. Measured on test images, these are the
    same for each training, and their choice is not in it. Where each seed sets validation images of its own
    aside, the choice among the training images is in it too, and still not what other images would give.

    >>> spread([0.90, 0.92, 0.94]).interval
    Interval(low=0.870..., high=0.969...)

    Args:
        accuracies: from 0 to 1, at least 2.

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

    reach = float(stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2)) * deviation / math.sqrt(len(values))
    return Spread(mean, deviation, Interval(max(0.0, mean - reach), min(1.0, mean + reach)))


def pooled(correct: Sequence[int], images: Sequence[int], effective: float | None = None) -> Pooled:
    """Return the accuracy over all folds' images: each was classified by a network that had not learned it.

    The interval takes the predictions for independent, which the folds' classifiers, with most of their
    training images in common, are only nearly. The folds' accuracies get no interval of their own: there is
    no unbiased estimate of its variance (Y. Bengio and Y. Grandvalet, "No unbiased estimator of the variance
    of K-fold cross-validation", 2004).

    Args:
        correct: of each fold, how many of its images were classified correctly.
        images: of each fold, how many there are; at least 1 in all.
        effective: of how many different images the accuracy is as certain; None: they all differ.

    Raises:
        ValueError: more correct predictions than images.
    """
    hits, total = sum(correct), sum(images)
    interval = wilson_interval(hits, total)
    if effective is not None:
        interval = wilson_score(hits / total, effective, NormalDist().inv_cdf((1 + CONFIDENCE) / 2))
    return Pooled(hits / total, interval, total)
