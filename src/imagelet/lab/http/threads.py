"""Work that takes a core: done in a few threads, with a bounded queue and an end."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from imagelet.errors import BusyError
from imagelet.lab.services.classifiers import use_one_core

P = ParamSpec("P")
T = TypeVar("T")


class Work:
    """Threads that compute, each of them on one core.

    Args:
        at_once: how many there are.
        waiting: how much work may wait for them.
        seconds: after which nobody waits for a result any more; the thread is free when it is done.
    """

    def __init__(self, at_once: int, waiting: int, seconds: float) -> None:
        self._threads = ThreadPoolExecutor(at_once, "lab", initializer=use_one_core)
        self._most = at_once + waiting
        self._seconds = seconds
        self._open = 0

    async def run(self, function: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Return what the function returns, once a thread has had time for it.

        Raises:
            BusyError: too much is waiting, or it took too long.
        """
        if self._open >= self._most:
            raise BusyError("too much is being computed already", "wait a moment and try again")
        loop = asyncio.get_running_loop()
        self._open += 1
        try:
            context = contextvars.copy_context()  # the language of the request
            future = self._threads.submit(lambda: context.run(function, *args, **named))
        except BaseException:
            self._open -= 1
            raise
        future.add_done_callback(lambda done: self._done(loop, done))
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._seconds)
        except TimeoutError:
            raise BusyError(
                "this takes longer than {seconds:g} seconds",
                "ask for less, or try again in a minute",
                seconds=self._seconds,
            ) from None

    def close(self) -> None:
        """Take no more work and forget what is waiting; what is being worked out is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _done(self, loop: asyncio.AbstractEventLoop, _: Future[T]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._one_less)

    def _one_less(self) -> None:
        self._open -= 1
