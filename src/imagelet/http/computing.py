"""Requests computed in a few threads, and predictions in batches."""

import asyncio
import contextvars
import sys
from collections.abc import Callable, Sequence, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, ParamSpec, TypeVar

from imagelet.errors import BusyError

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T", bound=Sized)

BATCH = 16  # pictures; more gain nothing, and the first would wait for the last
LOOK_SECONDS = 0.003  # until it looks again whether they have come
GATHERING_SECONDS = 0.05  # that it waits at most for pictures on their way


def use_one_core() -> None:
    """Let PyTorch compute on one core in the thread that calls this: the others have work, too."""
    import torch

    torch.set_num_threads(1)


def use_cores(count: int) -> None:
    """Let PyTorch compute on so many cores in the thread that calls this, where PyTorch is loaded at all."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(count)


class Threads:
    """Threads that compute, each of them on one core.

    Args:
        at_once: how many there are.
        waiting: how many requests may wait for them.
        seconds: after which a request waits no more for its result; the thread is free when it is done.
        initializer: called in each thread when it starts.
    """

    def __init__(
        self,
        at_once: int,
        waiting: int,
        seconds: float,
        initializer: Callable[[], None] | None = use_one_core,
    ) -> None:
        self._threads = ThreadPoolExecutor(at_once, "lab", initializer=initializer)
        self._most = at_once + waiting
        self._seconds = seconds
        self._open = 0

    async def run(self, function: Callable[P, R], *args: P.args, **named: P.kwargs) -> R:
        """Return what the function returns, once a thread has had time for it.

        Raises:
            BusyError: too many wait, or it took too long.
        """
        if self._open >= self._most:
            raise _busy()
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

    def call(self, function: Callable[[], R]) -> R:
        """Return what the function returns, in one of the threads, and wait: before requests come."""
        return self._threads.submit(function).result()

    def close(self) -> None:
        """Take no more requests and forget what waits; what is being computed is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _done(self, loop: asyncio.AbstractEventLoop, _: Future[R]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._one_less)

    def _one_less(self) -> None:
        self._open -= 1


@dataclass(frozen=True, eq=False)
class _Request(Generic[T, R]):
    kind: str
    content: T
    result: "asyncio.Future[R]"


class Batches(Generic[T, R]):
    """Requests that are computed in batches of one kind, the first come first.

    A network takes less time for many pictures at once than for one after the other. So what comes while
    others are computed waits, and goes as one batch; who comes alone is computed at once. There is one batch
    at a time: two threads with small steps of Python in between stand in each other's way. While others are
    on their way, a small batch waits a moment for them.

    Args:
        compute: given a kind and the contents of requests, returns the results in that order; in a thread.
        threads: where it is called.
        waiting: requests that may wait.
        on_the_way: says how many pictures will come in a moment.
    """

    def __init__(
        self,
        compute: Callable[[str, Sequence[T]], Sequence[R]],
        threads: Threads,
        waiting: int,
        on_the_way: Callable[[], int] = lambda: 0,
    ) -> None:
        self._on_the_way = on_the_way
        self._compute = compute
        self._threads = threads
        self._most = waiting
        self._waiting: list[_Request[T, R]] = []
        self._computing: asyncio.Task[None] | None = None

    async def run(self, kind: str, content: T) -> R:
        """Return the result of a request.

        Raises:
            BusyError: too many wait, or it took too long.
            ImageletError: what ``compute`` refuses, for all requests of its batch.
        """
        if len(self._waiting) >= self._most:
            raise _busy()
        request = _Request[T, R](kind, content, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        if self._computing is None or self._computing.done():
            self._computing = asyncio.create_task(self._run_batches())
        return await request.result

    async def _run_batches(self) -> None:
        """Compute batches until nothing waits."""
        while self._waiting:
            await self._gather()
            batch = self._next()
            if not batch:
                break
            try:
                contents = [request.content for request in batch]
                results = await self._threads.run(self._compute, batch[0].kind, contents)
            except Exception as error:
                for request in batch:
                    if not request.result.done():
                        request.result.set_exception(error)
                continue
            for request, result in zip(batch, results, strict=True):
                if not request.result.done():
                    request.result.set_result(result)

    async def _gather(self) -> None:
        """Wait a moment for pictures on their way."""
        loop = asyncio.get_running_loop()
        until = loop.time() + GATHERING_SECONDS
        while sum(len(request.content) for request in self._waiting) < BATCH:
            if not self._on_the_way() or loop.time() >= until:
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _next(self) -> list[_Request[T, R]]:
        """Take the request that has waited longest and others of its kind; those given up are left out."""
        waiting = [request for request in self._waiting if not request.result.done()]
        batch: list[_Request[T, R]] = []
        size = 0
        for request in waiting:
            fits = not batch or size + len(request.content) <= BATCH
            if request.kind == waiting[0].kind and fits:
                batch.append(request)
                size += len(request.content)
        self._waiting = [request for request in waiting if request not in batch]
        return batch


def _busy() -> BusyError:
    return BusyError("too much is being computed already", "wait a moment and try again")
