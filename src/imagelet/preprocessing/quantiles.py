"""Median and quantiles of a picture's pixels, as NumPy gives them.

``numpy.median`` and ``numpy.quantile`` look at axes, masks and numbers that are none first. On a small
picture that takes them longer than the values do, and framing asks a dozen times.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def median(values: NDArray[Any]) -> float:
    """Return the median of all ``values``: any shape, not empty, uint8 or finite floats."""
    flat, middle = values.ravel(), values.size // 2
    if values.size % 2:
        return float(np.partition(flat, middle)[middle])
    lower, upper = np.partition(flat, (middle - 1, middle))[middle - 1 : middle + 1].tolist()
    return float(values.dtype.type((lower + upper) / 2) if values.dtype.kind == "f" else (lower + upper) / 2)


def quantiles(values: NDArray[Any], fractions: Sequence[float]) -> list[float]:
    """Return the quantiles of all ``values`` at ``fractions``, each 0 to 1, linear between two values.

    Args:
        values: any shape, not empty, uint8 or finite floats.
        fractions: of the values that are smaller.
    """
    places = [fraction * (values.size - 1) for fraction in fractions]
    neighbours = [(int(place), min(int(place) + 1, values.size - 1)) for place in places]
    ordered = np.partition(values.ravel(), sorted({index for pair in neighbours for index in pair}))
    return [
        (1 - place % 1) * float(ordered[below]) + place % 1 * float(ordered[above])
        for place, (below, above) in zip(places, neighbours, strict=True)
    ]
