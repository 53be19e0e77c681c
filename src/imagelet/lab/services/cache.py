"""A cache: each thing is made once, in one thread, while no lock is held."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Cache(Generic[T]):
    """The last few things that were made; several threads may ask for them.

    Args:
        most: how many are kept.
        executor: where they are made; None: in the thread that asks first.
    """

    def __init__(self, most: int, executor: Executor | None = None) -> None:
        self._most = most
        self._executor = executor
        self._futures: OrderedDict[Hashable, Future[T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T], seconds: float | None = None) -> T:
        """Return what is kept under ``key``, or make it; who asks meanwhile waits for the same.

        An error of ``make`` is raised for all who wait, and the next one who asks tries again.

        Raises:
            TimeoutError: it is not there after so many seconds; it is still being made.
        """
        with self._lock:
            future = self._futures.get(key)
            is_new = future is None
            if future is None:
                future = self._futures[key] = Future()
            self._futures.move_to_end(key)
            self._forget_oldest()
        if is_new and self._executor is not None:
            self._executor.submit(_make, future, make)
        elif is_new:
            _make(future, make)
        try:
            return future.result(seconds)
        except BaseException:
            if future.done():
                self._forget(key, future)
            raise

    def __contains__(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._futures

    def _forget(self, key: Hashable, future: "Future[T]") -> None:
        with self._lock:
            if self._futures.get(key) is future:
                del self._futures[key]

    def _forget_oldest(self) -> None:
        """Keep no more than allowed of what is made; what is being made is kept in any case."""
        made = [key for key, future in self._futures.items() if future.done()]
        for key in made[: max(0, len(self._futures) - self._most)]:
            del self._futures[key]


def _make(future: "Future[T]", make: Callable[[], T]) -> None:
    try:
        future.set_result(make())
    except BaseException as error:
        future.set_exception(error)
