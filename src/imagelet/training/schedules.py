"""Learning rate schedules: from the first optimizer step to the last.

Each rises during the warm-up, and then

==========  ====================================================================================
constant    stays
linear      falls to 0 in a straight line
cosine      falls to 0 along half a cosine (Loshchilov and Hutter 2016)
one-cycle   falls to 1/250,000 along half a cosine (Smith 2018; PyTorch's OneCycleLR)
==========  ====================================================================================

The warm-up rises from 0 in a straight line, in one-cycle from 1/25 along half a cosine.
"""

import math

SCHEDULES = ("constant", "linear", "cosine", "one-cycle")


def learning_rate(schedule: str, highest: float, warmup: float, progress: float) -> float:
    """Return the learning rate when ``progress`` (0 to 1) of all steps are done.

    Args:
        schedule: one of ``SCHEDULES``.
        highest: the learning rate at the end of the warm-up.
        warmup: the fraction of the steps in which it rises, 0 to below 1.
        progress: the fraction of the steps that are done.
    """
    warming = progress < warmup
    position = progress / warmup if warming else (progress - warmup) / (1 - warmup)  # 0 to 1
    match schedule:
        case "one-cycle" if warming:
            return highest * _half_cosine(1 / 25, 1.0, position)
        case "one-cycle":
            return highest * _half_cosine(1.0, 1 / 250_000, position)
        case _ if warming:
            return highest * progress / warmup
        case "linear":
            return highest * (1 - position)
        case "cosine":
            return highest * _half_cosine(1.0, 0.0, position)
    return highest


def _half_cosine(start: float, end: float, position: float) -> float:
    """Return the value at ``position`` (0 to 1) of the way from ``start`` to ``end`` along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * position)) / 2
