"""Near copies: pictures that look almost alike, such as a photograph that was stored as PNG and as JPEG.

A perceptual hash of 64 bits finds pairs that may be such, and their pixels decide: two digits that are alike
may have the same hash, too.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

SIDE = 8  # of the square of frequencies that the hash keeps
MOST_BITS = 3  # in which the hashes of near copies may differ
BANDS = MOST_BITS + 1  # of 16 bits: two such hashes are equal in one of them at least
LEAST_CORRELATION = 0.985  # of the pixels of near copies
MOST_PAIRS = 50_000_000  # that are looked at: a set of pictures that all look alike has more

_AT_ONCE = 4096  # images or pairs


def near_copies(images: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return pairs of different images that look almost alike, the most alike first.

    Args:
        images: uint8 (n, height, width, channels), no two of them equal.

    Returns:
        int64 (pairs, 2), the lower index first, and the correlation of each pair's pixels, float64 (pairs,),
        at least ``LEAST_CORRELATION``.
    """
    found = [
        (pairs[alike], correlations[alike])
        for pairs in _candidates(perceptual_hashes(images))
        for correlations in (_correlations(images, pairs),)
        for alike in (correlations >= LEAST_CORRELATION,)
    ]
    pairs = np.concatenate([np.empty((0, 2), np.int64), *(each for each, _ in found)])
    correlations = np.concatenate([np.empty(0), *(each for _, each in found)])
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -correlations))
    return pairs[order], correlations[order]


def perceptual_hashes(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the pHash of each image, 64 bits: which low frequencies are stronger than their median.

    The frequencies are the 8 × 8 lowest of the discrete cosine transform of the grey image (C. Zauner,
    "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010). The transform is taken at the
    images' own size: at 8 pixels a side it is all of them.

    Args:
        images: uint8 (n, height, width, channels).

    Returns:
        uint64 (n,).
    """
    rows, columns = (_cosines(size) for size in images.shape[1:3])  # (8, height), (8, width)
    hashes = np.empty(len(images), np.uint64)
    for start in range(0, len(images), _AT_ONCE):
        part = images[start : start + _AT_ONCE].astype(np.float32)
        grey = part @ np.ones(part.shape[3], np.float32)  # (m, height, width), the sum of the channels
        frequencies = (rows @ grey @ columns.T).reshape(-1, SIDE * SIDE)  # (m, 64)
        bits = frequencies > np.median(frequencies, axis=1, keepdims=True)
        hashes[start : start + len(grey)] = np.packbits(bits, axis=1).view(np.uint64)[:, 0]
    return hashes


def _cosines(size: int) -> NDArray[np.float32]:
    """Return the lowest frequencies of the cosine transform of ``size`` values: (8, size)."""
    places = (np.arange(size) + 0.5) / size
    return np.cos(np.pi * np.arange(SIDE)[:, None] * places).astype(np.float32)


def _candidates(hashes: NDArray[np.uint64]) -> Iterator[NDArray[np.int64]]:
    """Yield the pairs of images (m, 2) whose hashes differ in a few bits at most, each pair once."""
    bands = hashes.view(np.uint16).reshape(-1, BANDS)  # (n, 4)
    looked_at = 0
    for band in range(BANDS):
        order = np.argsort(bands[:, band], kind="stable")
        values, ordered = bands[order, band], hashes[order]
        first = np.arange(len(values) - 1)  # those that have the same value ``step`` places further on
        step = 1
        while len(first := first[first + step < len(values)]) and looked_at < MOST_PAIRS:
            first = first[values[first] == values[first + step]]
            looked_at += len(first)
            differing = ordered[first] ^ ordered[first + step]
            for _ in range(MOST_BITS):
                differing &= differing - np.uint64(1)  # without the lowest bit that is set
            near = first[differing == 0]
            pairs = np.sort(np.stack([order[near], order[near + step]], axis=1), axis=1)
            seen = (bands[pairs[:, 0], :band] == bands[pairs[:, 1], :band]).any(axis=1)  # in an earlier band
            if not seen.all():
                yield pairs[~seen]
            step += 1


def _correlations(images: NDArray[np.uint8], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return Pearson's correlation of the pixels of each pair; 0 where an image has one value alone."""
    found = np.zeros(len(pairs))
    for start in range(0, len(pairs), _AT_ONCE):
        part = pairs[start : start + _AT_ONCE]
        one, other = (images[part[:, side]].reshape(len(part), -1).astype(np.float32) for side in (0, 1))
        one -= one.mean(axis=1, keepdims=True)
        other -= other.mean(axis=1, keepdims=True)
        together = np.einsum("ij,ij->i", one, other).astype(np.float64)
        apart = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        np.divide(together, apart, out=found[start : start + len(part)], where=apart > 0)
    return found
