"""Two classifiers on the same images: by how much they differ, and whether that can be chance.

The images are the same for both, so what both get right or both get wrong says nothing of the difference.
All that counts are the images that only one of them gets right.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from imagelet.metrics.classification import CONFIDENCE, Interval

EXACTNESS = 1e-12  # of an interval's ends


@dataclass(frozen=True)
class PairedDifference:
    """What :func:`compare_answers` found of two classifiers, a and b.

    Attributes:
        both_right: how many images both get right.
        only_a: how many only a gets right.
        only_b: how many only b gets right.
        both_wrong: how many both get wrong.
        difference: the accuracy of b minus that of a, -1 to 1: above 0 where b is better.
        interval: where the true difference lies, at 95 %; Tango's score interval.
        p: McNemar's exact two-sided p: how probable so uneven a count would be if neither were better.
    """

    both_right: int
    only_a: int
    only_b: int
    both_wrong: int
    difference: float
    interval: Interval
    p: float

    @property
    def images(self) -> int:
        """How many images there are."""
        return self.both_right + self.only_a + self.only_b + self.both_wrong

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return {
            "difference": self.difference,
            "interval": list(self.interval),
            "p": self.p,
            "both_right": self.both_right,
            "only_a": self.only_a,
            "only_b": self.only_b,
            "both_wrong": self.both_wrong,
        }


def compare_answers(right_a: np.ndarray, right_b: np.ndarray) -> PairedDifference:
    """Compare two classifiers' right and wrong answers to the same images.

    Args:
        right_a: bool ``(n,)``: which images a gets right, ``n`` at least 1.
        right_b: bool ``(n,)``: which b gets right, in the same order.

    Raises:
        ValueError: the arrays are not of these types and shapes.
    """
    if right_a.dtype != np.bool_ or right_b.dtype != np.bool_ or right_a.ndim != 1:
        raise ValueError(
            f"right answers of {right_a.dtype} {right_a.shape} and {right_b.dtype}: must be bool (n,)"
        )
    if right_a.shape != right_b.shape or not len(right_a):
        raise ValueError(f"{len(right_a)} and {len(right_b)} answers: as many are needed, at least 1")
    images = len(right_a)
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    both_right = int((right_a & right_b).sum())
    return PairedDifference(
        both_right=both_right,
        only_a=only_a,
        only_b=only_b,
        both_wrong=images - both_right - only_a - only_b,
        difference=(only_b - only_a) / images,
        interval=paired_interval(only_a, only_b, images),
        p=exact_mcnemar(only_a, only_b),
    )


def exact_mcnemar(only_a: int, only_b: int) -> float:
    """Return McNemar's exact two-sided p: a fair coin for each image that only one gets right.

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
    design" (1998). It stays inside [-1, 1], and has a width even where no image is right for one only. It
    leaves 0 out where McNemar's asymptotic test is significant; the exact p is more careful, and may be above
    0.05 then.

    >>> paired_interval(16, 6, 161)
    Interval(low=-0.124..., high=-0.005...)

    Args:
        only_a: how many images only a gets right.
        only_b: how many only b gets right.
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


def disagreements(answers: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the images to which not all classifiers give the same answer, the surest disagreement first.

    A disagreement is as sure as the surest answer against the surest of all.

    Args:
        answers: int ``(classifiers, n)``.
        probabilities: float ``(classifiers, n)``, of these answers.

    Returns:
        int64 ``(m,)``: the images' indices; among equals the first comes first.

    Raises:
        ValueError: the arrays differ in shape.
    """
    if answers.ndim != 2 or answers.shape != probabilities.shape:
        raise ValueError(f"answers {answers.shape} with probabilities {probabilities.shape}: must be alike")
    surest = np.take_along_axis(answers, probabilities.argmax(axis=0)[None], axis=0)  # (1, n)
    against = np.where(answers != surest, probabilities, -1.0).max(axis=0)  # (n,)
    found = np.flatnonzero((answers != answers[:1]).any(axis=0))
    return found[np.argsort(-against[found], kind="stable")].astype(np.int64)


def _upper_end(only_a: int, only_b: int, images: int, z: float) -> float:
    """Return the largest difference b minus a that is not rejected."""
    if only_b == images:
        return 1.0
    from scipy.optimize import brentq

    found = (only_b - only_a) / images

    def excess(difference: float) -> float:
        distance = images * difference - (only_b - only_a)
        return distance - z * _deviation(only_a, only_b, images, difference)

    start = found + EXACTNESS  # at what was found itself the deviation may be 0: no image only one gets right
    return float(brentq(excess, start, 1.0, xtol=EXACTNESS))  # below 0 at the first, above at the second


def _deviation(only_a: int, only_b: int, images: int, difference: float) -> float:
    """Return the standard deviation of ``only_b - only_a`` if the true difference were ``difference``.

    The share that only a gets right is then the most likely one: the larger root of a quadratic equation.
    """
    linear = (2 * images + only_a - only_b) * difference - only_a - only_b
    constant = -only_a * difference * (1 - difference)
    root = math.sqrt(max(0.0, linear * linear - 8 * images * constant))
    # Where both terms would nearly cancel, the product of the roots gives the same number without loss.
    share = -2 * constant / (root + linear) if linear > 0 else (root - linear) / (4 * images)
    return math.sqrt(images * max(0.0, 2 * share + difference * (1 - difference)))
