"""The budget of a search: when each of its parts ends, and how long its trainings can be."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

MOST_SEEDS = 3  # of each finalist
FEWEST_TRAININGS = 4  # of the final, where they are shortened: two seeds of the start, two of another
MOST_TRAININGS = 12
FINAL_SHARE = 0.5  # of the budget at most
TRIALS_AT_LEAST = 6  # of full length that a search has time for
MOST_WRITING, WRITING_SHARE = 5.0, 0.05  # seconds for figures and files, and the part of a short budget
CERTAIN = 0.8  # of what a training is thought to take; with less left it is not begun


class Lengths(NamedTuple):
    """How long the trainings of a search are.

    Attributes:
        search: epochs of a trial.
        final: epochs of a training of the final.
    """

    search: int
    final: int


@dataclass(frozen=True)
class Budget:
    """The time of one session.

    Attributes:
        begun: when it began, by ``time.monotonic``.
        seconds: how long it may last.
        interrupted: says whether Ctrl-C was pressed.
    """

    begun: float
    seconds: float
    interrupted: Callable[[], bool]

    @property
    def end(self) -> float:
        """The moment from which on nothing more is trained: what is left is for writing."""
        return self.begun + self.seconds - min(MOST_WRITING, WRITING_SHARE * self.seconds)

    @property
    def left(self) -> float:
        """The seconds until then."""
        return self.end - time.monotonic()

    def is_over(self) -> bool:
        """Say whether training ends now: the time is up, or Ctrl-C was pressed."""
        return self.interrupted() or self.left <= 0


def lengths(seconds: float, epoch: float, epochs: int) -> Lengths:
    """Return how long trainings can be.

    The final has all of the start's epochs where two such trainings fit into half of the time; else fewer, so
    that four fit.

    Args:
        seconds: of the budget.
        epoch: what one epoch of the start takes, in seconds.
        epochs: of the start.
    """
    half = FINAL_SHARE * seconds
    final = epochs if 2 * epoch * epochs <= half else max(1, int(half / (FEWEST_TRAININGS * epoch)))
    rest = seconds - seconds_of_final(seconds, epoch * min(final, epochs))
    search = max(1, int(rest / (TRIALS_AT_LEAST * epoch)))
    return Lengths(min(search, final, epochs), min(final, epochs))


def seconds_of_final(seconds: float, training: float) -> float:
    """Return how much of the budget is kept for the final.

    Args:
        seconds: of the budget.
        training: what one training of the final takes.
    """
    return min(FINAL_SHARE * seconds, MOST_TRAININGS * training)


def candidates_and_seeds(seconds: float, training: float) -> tuple[int, int]:
    """Return how many trials get into the final beside the start, and with how many seeds each is trained.

    Args:
        seconds: that are left.
        training: what one training of the final takes.
    """
    trainings = int(seconds / training) if training > 0 else MOST_TRAININGS
    if trainings >= MOST_TRAININGS:
        return MOST_TRAININGS // MOST_SEEDS - 1, MOST_SEEDS
    candidates = 2 if trainings == 3 or trainings >= 6 else 1
    return candidates, min(MOST_SEEDS, max(1, trainings // (candidates + 1)))
