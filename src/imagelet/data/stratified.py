"""Shares of images drawn by seed, as scikit-learn draws them, without the second that its import takes.

The indices are those of ``train_test_split``: the same labels with the same seed have the same images on both
sides there. The random numbers are those of NumPy's ``RandomState``, whose stream is frozen.
"""

import math

import numpy as np
from numpy.typing import NDArray

Sides = tuple[NDArray[np.int64], NDArray[np.int64]]
"""The indices of those that stay, and of those that are drawn."""

SORTED_FAST = 1 << 16  # classes; fewer are sorted by their digits, many times as fast


def shuffled_split(count: int, fraction: float, seed: int) -> Sides:
    """Return ``train_test_split(range(count), test_size=fraction, random_state=seed)``.

    Args:
        count: of images, at least 2.
        fraction: above 0 and below 1; of the images, rounded up.
        seed: from 0 to 2**32 - 1.

    Returns:
        int64 (n,) and (m,), shuffled.
    """
    order = np.random.RandomState(seed).permutation(count)
    drawn = math.ceil(fraction * count)
    return order[drawn:], order[:drawn]


def stratified_split(labels: NDArray[np.int64], fraction: float, seed: int) -> Sides:
    """Return ``train_test_split(range(n), test_size=fraction, random_state=seed, stratify=labels)``.

    Args:
        labels: int64 (n,), from 0; each side must have room for one image of each class that there is.
        fraction: above 0 and below 1; of the images, rounded up.
        seed: from 0 to 2**32 - 1.

    Returns:
        int64 (n,) and (m,), shuffled; of each class as many as its share, to within one image.
    """
    random = np.random.RandomState(seed)
    counts = np.bincount(labels)
    counts = counts[counts > 0]
    drawn = math.ceil(fraction * len(labels))
    staying = _shares(counts, len(labels) - drawn, random)
    leaving = _shares(counts - staying, drawn, random)
    narrow = labels.astype(np.uint16) if labels.max() < SORTED_FAST else labels
    of_classes = np.split(np.argsort(narrow, kind="stable"), np.cumsum(counts)[:-1])
    sides: tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]] = ([], [])
    for members, stay, leave in zip(of_classes, staying, leaving, strict=True):
        shuffled = members[random.permutation(len(members))]
        sides[0].append(shuffled[:stay])
        sides[1].append(shuffled[stay : stay + leave])
    train, rest = (random.permutation(np.concatenate(side)) for side in sides)
    return train, rest


def _shares(counts: NDArray[np.int64], wanted: int, random: np.random.RandomState) -> NDArray[np.int64]:
    """Divide ``wanted`` images among classes by their ``counts`` (classes,); the largest remainders go up.

    Among equal remainders lots are drawn.
    """
    exact = counts / counts.sum() * wanted
    shares = np.floor(exact)
    remainders, missing = exact - shares, int(wanted - shares.sum())
    for remainder in np.unique(remainders)[::-1]:
        if missing == 0:
            break
        (alike,) = np.nonzero(remainders == remainder)
        lots = random.choice(alike, size=min(len(alike), missing), replace=False)
        shares[lots] += 1
        missing -= len(lots)
    return np.asarray(shares, np.int64)
