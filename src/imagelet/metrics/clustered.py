"""The interval of an accuracy when the images come in clusters: many pictures by few people.

Pictures by one hand are alike. Ten people who draw forty digits each tell less of everybody's than four
hundred who draw one, and an interval that counts pictures is too narrow.
"""

from collections.abc import Sequence

import numpy as np

from imagelet.metrics.classification import CONFIDENCE, Interval, wilson_score

ROUNDING = 1e-12  # a variance that is no more than this is none


def clustered_interval(right: np.ndarray, sources: Sequence[str], confidence: float = CONFIDENCE) -> Interval:
    """Return the interval in which the share of right answers lies, counted by source.

    The variance between sources gives an effective number of images, which goes into Wilson's interval, with
    Student's t for the number of sources (E. L. Korn and B. I. Graubard, "Confidence intervals for
    proportions with small expected number of positive counts estimated from survey data", 1998). Where the
    share is the same in all sources, nothing is known of that variance: then each source counts as one image,
    more or less as their sizes differ.

    Args:
        right: bool ``(n,)``, ``n`` at least 1.
        sources: where each image comes from, ``n`` of them: a person's name.
        confidence: between 0 and 1.

    Raises:
        ValueError: other numbers of sources, or no images.
    """
    if len(right) != len(sources) or len(right) == 0:
        raise ValueError(f"{len(right)} answers from {len(sources)} sources: as many are needed, at least 1")
    names, places = np.unique(np.asarray(sources), return_inverse=True)
    sizes = np.bincount(places).astype(np.float64)  # (sources,)
    found = np.bincount(places, weights=np.asarray(right, np.float64))  # (sources,)
    count, images = len(names), float(sizes.sum())
    if count == 1:
        return Interval(0.0, 1.0)  # one person says nothing of others
    share = float(found.sum()) / images
    alone = images**2 / float(np.square(sizes).sum())  # Kish's number of sources of equal size
    variance = count / (count - 1) * float(np.square(found - share * sizes).sum()) / images**2
    effective = share * (1 - share) / variance if variance > ROUNDING else alone
    return wilson_score(share, min(effective, images), _student(confidence, count - 1))


def _student(confidence: float, freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + confidence) / 2))
