"""How numbers are spread: the range that colours stand for, and histograms. NumPy only."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIGITS = 6  # that plain data keep of a number


@dataclass(frozen=True)
class ValueRange:
    """The numbers that a colour scale stands for.

    ``low`` is −``high`` where there are numbers of both signs, so that 0 is in the middle; else one of the
    two is 0. Both are 0 where every number is.
    """

    low: float
    high: float

    @classmethod
    def of(cls, low: float, high: float) -> "ValueRange":
        """Return the range for numbers from ``low`` to ``high``."""
        if low < 0 < high:
            largest = max(-low, high)
            return cls(-largest, largest)
        return cls(min(low, 0.0), max(high, 0.0))

    @property
    def signed(self) -> bool:
        """Whether there are numbers on both sides of 0."""
        return self.low < 0 < self.high

    def to_json(self) -> dict[str, Any]:
        """Return low, high and signed."""
        return {"low": self.low, "high": self.high, "signed": self.signed}


@dataclass(frozen=True, eq=False)
class Histogram:
    """How many values lie where.

    Attributes:
        counts: int64 (bins,), of all values.
        edges: float64 (bins + 1,), ascending.
        mean, standard_deviation: of all values.
        number: how many values there are.
        zeros: how many of them are exactly 0.
    """

    counts: NDArray[np.int64]
    edges: NDArray[np.float64]
    mean: float
    standard_deviation: float
    number: int
    zeros: int

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and numbers."""
        return {**vars(self), "counts": self.counts.tolist(), "edges": rounded(self.edges).tolist()}


def histogram(values: NDArray[np.generic], bins: int = 40) -> Histogram:
    """Return how the values of a layer are spread.

    Args:
        values: finite numbers of any shape, at least one.
        bins: of equal width from the lowest to the highest value, at least 1.
    """
    flat = np.asarray(values, np.float64).ravel()
    low, high = flat.min(), flat.max()
    around = 0.5 * max(abs(low), 1.0) if low == high else 0.0  # one value only: it stands in the middle
    counts, edges = np.histogram(flat, bins, (low - around, high + around))
    zeros = int((flat == 0).sum())
    return Histogram(counts, edges, float(flat.mean()), float(flat.std()), flat.size, zeros)


def rounded(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the values with six digits each, whatever their size, so that plain data stay short."""
    exact = np.asarray(values, np.float64)
    size = np.floor(np.log10(np.abs(exact), out=np.zeros_like(exact), where=exact != 0))
    factors = 10.0 ** np.clip(DIGITS - 1 - size, -300, 300)
    result: NDArray[np.float64] = np.round(exact * factors) / factors
    return result
