"""What every benchmark needs."""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Measured = dict[str, Any]
Benchmark = Callable[[], Iterator[Measured]]
"""Yields what it has measured until now, as often as there is something worth keeping."""

NO_DATA = "the data is not on this computer"


class LeftOut(Exception):
    """There is nothing to measure; the message says why."""


def at_once(function: Callable[[], Measured]) -> Benchmark:
    """Return the benchmark of a function that measures all there is; nothing at all is for want of data."""

    def measure() -> Iterator[Measured]:
        measured = function()
        if not measured:
            raise LeftOut(NO_DATA)
        yield measured

    measure.__doc__ = function.__doc__
    return measure


def summary(values: Sequence[float]) -> dict[str, Any]:
    """Return mean, sample deviation (None for a single value), median, lowest, highest, number of values."""
    return {
        "mean": statistics.fmean(values),
        "deviation": statistics.stdev(values) if len(values) > 1 else None,
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
        "repetitions": len(values),
    }


def geometric_mean(ratios: Sequence[float]) -> float:
    """Return the geometric mean of positive numbers: that of ratios and of their inverses agree."""
    return math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))


def seconds_of(function: Callable[[], object]) -> float:
    """Return how long a call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started
