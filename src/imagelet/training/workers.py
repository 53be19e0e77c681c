"""Threads that compute side by side, each with one thread of torch: no sum depends on their number."""

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TypeVar

import torch

from imagelet.device import using_threads

A = TypeVar("A")
B = TypeVar("B")


def in_order(pool: Executor, function: Callable[[A], B], items: Iterable[A], ahead: int) -> Iterator[B]:
    """Yield ``function(item)`` in the order of the items, while the pool is at most ``ahead`` items ahead."""
    waiting: deque[Future[B]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


class Workers:
    """Threads of this process; a single one is the caller itself.

    Attributes:
        threads: how many.
    """

    def __init__(self, threads: int, pool: Executor | None) -> None:
        self.threads, self._pool = threads, pool

    def map(self, function: Callable[[A], B], items: Iterable[A], *, alone: bool = False) -> Iterator[B]:
        """Yield ``function(item)`` in the order of the items; ``alone``: one by one, by the caller."""
        if self._pool is None or alone:
            return map(function, items)
        return in_order(self._pool, function, items, self.threads)


ALONE = Workers(1, None)


@contextlib.contextmanager
def workers(threads: int) -> Iterator[Workers]:
    """Yield ``threads`` workers; within the block the caller computes with one thread, too."""
    with using_threads(1):
        if threads == 1:
            yield Workers(1, None)
            return
        pool = ThreadPoolExecutor(threads, "imagelet-lane", initializer=_compute_alone)
        try:
            yield Workers(threads, pool)
        finally:
            pool.shutdown(cancel_futures=True)


def _compute_alone() -> None:
    """Let this thread compute without others; the settings are the thread's own."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
