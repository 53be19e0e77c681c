"""Ctrl-C between two steps instead of in the middle of one."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Collect Ctrl-C (and SIGTERM) inside the block; the function that is yielded says whether one came.

    A second one interrupts at once, as ever. Outside the main thread, where Python allows no signal handlers,
    nothing is collected.
    """
    came = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield came.is_set
        return
    before = {int(number): signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, _: FrameType | None) -> None:
        came.set()
        signal.signal(number, before[number])

    for number in before:
        signal.signal(number, note)
    try:
        yield came.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
