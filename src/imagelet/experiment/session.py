"""One session of a training: its seconds, its threads, and Ctrl-C between two steps instead of within one.

A run that was interrupted and resumed has several sessions; its seconds of training are those of all of them.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

import torch

from imagelet.messages import Message
from imagelet.runs.run import Run

SECONDS_OF_ONE = 3.0  # in which what interrupts several processes may come twice


class Clock:
    """Counts from when it is made.

    Attributes:
        data: seconds until the data was in memory.
        training: seconds of training, earlier sessions of the same run included.
        images: images that training went through in this session.
    """

    def __init__(self) -> None:
        self.data = 0.0
        self.training = 0.0
        self.images = 0
        self._start = self._last_save = time.perf_counter()
        self._last = self._start
        self._session = 0.0

    def data_ready(self) -> None:
        """Note that the data is in memory."""
        self.data = self.total

    def training_starts(self, seconds_before: float) -> None:
        """Note that training starts, or resumes after ``seconds_before`` of earlier sessions."""
        self.training = seconds_before
        self._last = self._last_save = time.perf_counter()

    def tick(self, images: int) -> None:
        """Note that training has been through ``images`` more images."""
        now = time.perf_counter()
        self.training += now - self._last
        self._session += now - self._last
        self._last = now
        self.images += images

    def saved(self) -> None:
        """Note that the state was saved."""
        self._last_save = time.perf_counter()

    @property
    def since_save(self) -> float:
        """Seconds since the state was last saved, or since training started."""
        return self._last - self._last_save

    @property
    def total(self) -> float:
        """Seconds of this session, from its start."""
        return time.perf_counter() - self._start

    @property
    def images_per_second(self) -> float:
        """Training images a second, validation and saving included."""
        return self.images / self._session if self._session else 0.0


def threads_of(run: Run, most: int) -> tuple[int, tuple[Message, ...]]:
    """Return with how many threads a run is resumed or continued, and what is said of that.

    They are as many as it was started with, so that the numbers stay the same to the byte.

    Args:
        run: records how many they were.
        most: that this machine has cores for; no more are used.
    """
    recorded = int(run.environment.get("threads") or torch.get_num_threads())
    if recorded <= most:
        return recorded, ()
    told = Message(
        "the run was started with {before} threads, and this machine has {cores} cores: as many threads "
        "compute here, so the weights may differ in their last digits from those of one machine",
        before=recorded,
        cores=most,
    )
    return most, (told,)


@contextlib.contextmanager
def interruptible(*, once: bool = False) -> Iterator[Callable[[], bool]]:
    """Collect Ctrl-C (and SIGTERM) inside the block; the function that is yielded says whether there was one.

    A second one interrupts at once, as ever. Outside the main thread, where Python allows no signal handlers,
    nothing is collected.

    Args:
        once: a second one within the next seconds is the same: a terminal and torchrun both pass it on.
    """
    requested = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield requested.is_set
        return
    first = 0.0
    before = {int(number): signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, _: FrameType | None) -> None:
        nonlocal first
        if once and time.monotonic() - (first := first or time.monotonic()) < SECONDS_OF_ONE:
            requested.set()
            return
        requested.set()
        signal.signal(number, before[number])

    for number in before:
        signal.signal(number, note)
    try:
        yield requested.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
