"""Progress: whom long work tells how far it is, when to show it, and how long the rest takes."""

import math
import time
from collections.abc import Callable

Progress = Callable[[int, int | None], None]  # (done, total); total is None where it is not known

UPDATES_PER_SECOND = 5


class Notice(UserWarning):
    """What long work says before it begins; the command line prints it as a line, no cause for concern."""


def silent(_done: int, _total: int | None) -> None:
    """Show nothing: what work reports to where nobody watches."""


class Pace:
    """When a bar is to be drawn again, how fast the work goes, and how long the rest takes.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._drawn = -math.inf
        self._first: tuple[float, int] | None = None  # when it was first measured, and how much was done then

    def due(self) -> bool:
        """Return whether the last drawing is long enough ago; five a second are enough."""
        return self._clock() - self._drawn >= 1 / UPDATES_PER_SECOND

    def drawn(self) -> None:
        """Note that the bar was drawn now."""
        self._drawn = self._clock()

    def speed(self, done: int) -> float | None:
        """Return how much is done in a second, since this was first asked for; None until that is known."""
        now = self._clock()
        if self._first is None or done < self._first[1]:  # the next file of several
            self._first = (now, done)
        seconds, more = now - self._first[0], done - self._first[1]
        return more / seconds if seconds and more else None


def write_seconds(seconds: float) -> str:
    """Return ``5.2 s``, ``1:05``, or ``1:00:05`` from an hour on."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
