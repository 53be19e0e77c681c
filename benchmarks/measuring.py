"""What every benchmark needs."""

import math
import statistics
from collections.abc import Sequence


def summary(values: Sequence[float]) -> dict[str, float | int]:
    """Return mean, sample deviation, median and number of ``values``."""
    deviation = statistics.stdev(values) if len(values) > 1 else math.nan
    return {
        "mean": statistics.fmean(values),
        "deviation": deviation,
        "median": statistics.median(values),
        "repetitions": len(values),
    }
