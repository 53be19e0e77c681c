"""Connected parts, dilation, erosion, smoothing and centre of mass of small images, with NumPy alone.

The results are those of ``scipy.ndimage``, to the bit, and the tests compare the two. Importing that takes
longer than framing a picture does.
"""

import math
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value", bound=np.generic)
Values = TypeVar("Values", NDArray[np.bool_], NDArray[np.float32])

EDGE_OF_DISK = 0.3  # pixels that a disk is larger than its radius, which makes the small ones round
TRUNCATED = 4  # standard deviations, at which a Gaussian ends


def label(mask: NDArray[np.bool_], *, corners: bool) -> tuple[NDArray[np.int32], int]:
    """Number the connected parts of a mask, in the order of their first pixels.

    The runs of True pixels in each row are joined with those that they touch in the next row: each is given
    the smallest number among its neighbours, until none changes.

    Args:
        mask: (height, width).
        corners: pixels that touch at a corner only belong together, too.

    Returns:
        int32, of the mask's shape: 1 to the number of parts, 0 where the mask is False; and that number.
    """
    first, last = _runs(mask)
    pitch, reach = mask.shape[1] + 2, int(corners)  # rows lie apart, so that no run reaches beyond the next
    begin = np.searchsorted(last, first + pitch - reach, side="right")  # of the runs that it touches below
    counts = np.searchsorted(first, last + pitch + reach, side="left") - begin
    upper = np.repeat(np.arange(len(first)), counts)
    lower = np.arange(len(upper)) + np.repeat(begin - np.cumsum(counts) + counts, counts)
    roots = _smallest_connected(len(first), upper, lower)
    numbers = np.cumsum(roots == np.arange(len(first)))[roots]
    labels = np.zeros(mask.shape, np.int32)
    labels[mask] = np.repeat(numbers, last - first)
    return labels, int(numbers.max(initial=0))


def _runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first place, and that behind the last, of every run of True pixels, row by row.

    Places are counted over rows that have two pixels more than the mask's.
    """
    flat = padded(mask, 0, 1).ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1])  # each run changes twice
    return changes[::2], changes[1::2]


def runs(line: NDArray[np.bool_]) -> list[slice]:
    """Return the runs of True values in ``line`` (n,)."""
    starts, stops = _runs(line[np.newaxis])
    return [slice(int(start), int(stop)) for start, stop in zip(starts, stops, strict=True)]


def _smallest_connected(count: int, one: NDArray[np.intp], other: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for each of ``count`` nodes the smallest node that edges ``one``–``other`` connect it with."""
    roots = np.arange(count)
    while True:
        smaller = np.minimum(roots[one], roots[other])
        joined = roots.copy()
        np.minimum.at(joined, roots[one], smaller)
        np.minimum.at(joined, roots[other], smaller)
        while not np.array_equal(further := joined[joined], joined):
            joined = further
        if np.array_equal(joined, roots):
            return roots
        roots = joined


def boxes(labels: NDArray[np.int32], count: int) -> list[tuple[slice, slice]]:
    """Return the rows and columns that each of ``count`` labelled parts takes."""
    ends = []
    places = np.nonzero(labels)
    numbers = labels[places] - 1
    for size, place in zip(labels.shape, places, strict=True):
        start, stop = np.full(count, size), np.zeros(count, np.intp)
        np.minimum.at(start, numbers, place)
        np.maximum.at(stop, numbers, place + 1)
        ends.append([slice(*pair) for pair in zip(start.tolist(), stop.tolist(), strict=True)])
    return list(zip(*ends, strict=True))


def centre_of_mass(values: NDArray[np.float32]) -> tuple[float, float]:
    """Return row and column of the centre of mass of ``values`` (height, width), whose sum is not 0."""
    total = values.sum()
    rows, columns = np.ogrid[: values.shape[0], : values.shape[1]]
    return float((values * rows.astype(float)).sum() / total), float(
        (values * columns.astype(float)).sum() / total
    )


def dilated(values: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """Return the largest of ``values`` (height, width) in a disk around each pixel; around them lies 0."""
    return _over_disk(values, radius, np.maximum)


def eroded(values: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """Return the smallest of ``values`` (height, width) in a disk around each pixel; around them lies 0."""
    return _over_disk(values, radius, np.minimum)


def _over_disk(values: NDArray[np.float32], radius: int, extreme: np.ufunc) -> NDArray[np.float32]:
    """Return the extreme in a disk, made of rows: each a window as wide as the disk is there."""
    height, width = values.shape
    wider, result = padded(values, radius, radius), values
    for distance in range(radius + 1):
        reach = int(math.sqrt((radius + EDGE_OF_DISK) ** 2 - distance**2))
        across = _sliding(wider, 2 * reach + 1, extreme)[:, radius - reach :][:, :width]
        for first in (radius - distance, radius + distance):
            result = extreme(result, across[first : first + height])
    return result


def largest_around(values: Values, side: int) -> Values:
    """Return the largest of ``values`` (height, width) in a square around each pixel.

    Args:
        values: beyond their edges they go on as they are there.
        side: of the square, odd.
    """
    return _over_square(values, side, np.maximum)


def closed(values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return ``values`` (height, width) without what is smaller than around it and narrower than a square.

    Args:
        values: beyond their edges they go on as they are there.
        side: of the square, odd.
    """
    return _over_square(_over_square(values, side, np.maximum), side, np.minimum)


def _over_square(values: Values, side: int, extreme: np.ufunc) -> Values:
    for _ in range(2):  # along the rows, and turned, along the columns
        values = _sliding(_continued(values, side // 2), side, extreme).T
    return values


def padded(values: NDArray[Value], rows: int, columns: int) -> NDArray[Value]:
    """Return ``values`` (height, width) with so many rows and columns of 0 before and behind them.

    It is what ``numpy.pad`` returns, in a tenth of the time for a small picture.
    """
    height, width = values.shape
    wider = np.zeros((height + 2 * rows, width + 2 * columns), values.dtype)
    wider[rows : rows + height, columns : columns + width] = values
    return wider


def _continued(values: NDArray[Value], columns: int) -> NDArray[Value]:
    """Return ``values`` (height, width) with so many columns on both sides, as those at the edge are."""
    height, width = values.shape
    wider = np.empty((height, width + 2 * columns), values.dtype)
    wider[:, :columns], wider[:, columns + width :] = values[:, :1], values[:, -1:]
    wider[:, columns : columns + width] = values
    return wider


def _sliding(values: Values, length: int, extreme: np.ufunc) -> Values:
    """Return the extreme of each ``length`` neighbours in a row: (height, width - length + 1)."""
    covered = 1
    while 2 * covered <= length:
        values = extreme(values[:, :-covered], values[:, covered:])
        covered *= 2
    rest = length - covered
    return extreme(values[:, :-rest], values[:, rest:]) if rest else values


def smoothed(values: NDArray[np.float32], deviation: float) -> NDArray[np.float32]:
    """Return ``values`` (height, width) convolved with a Gaussian of this standard deviation, in pixels.

    Beyond their edges they go on as they are there.
    """
    reach = int(TRUNCATED * deviation + 0.5)
    weights = np.exp(-0.5 / deviation**2 * np.arange(-reach, reach + 1) ** 2)
    weights /= weights.sum()
    for _ in range(2):  # along the rows, and turned, along the columns
        wider = _continued(values.astype(float), reach)
        width = values.shape[1]
        sums: NDArray[Any] = wider[:, reach : reach + width] * weights[reach]
        for first in range(reach):
            mirrored = 2 * reach - first
            pair = wider[:, first : first + width] + wider[:, mirrored : mirrored + width]
            sums += pair * weights[first]
        values = sums.astype(np.float32).T
    return values
