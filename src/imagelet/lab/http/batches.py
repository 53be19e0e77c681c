"""Requests for predictions that come at the same time, answered together.

A network takes less time for many pictures at once than for one after the other. So what comes while others
are worked out waits, and goes as one batch; who comes alone is answered at once. There is one batch at a
time: two threads with small steps of Python in between stand in each other's way.
"""

import asyncio
from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass
from typing import Generic, TypeVar

from imagelet.errors import BusyError
from imagelet.lab.http.threads import Work

T = TypeVar("T", bound=Sized)
R = TypeVar("R")

TOGETHER = 32  # pictures in a batch; more gain nothing, and who is first waits for the last


@dataclass(frozen=True, eq=False)
class _Waiting(Generic[T, R]):
    kind: str
    asked: T
    result: "asyncio.Future[R]"


class Together(Generic[T, R]):
    """Requests that are answered in batches of one kind, the first come first.

    Args:
        compute: given a kind and what was asked, returns the results in that order; called in a thread.
        work: where the threads are.
        waiting: requests that may wait.
    """

    def __init__(self, compute: Callable[[str, Sequence[T]], Sequence[R]], work: Work, waiting: int) -> None:
        self._compute = compute
        self._work = work
        self._most = waiting
        self._waiting: list[_Waiting[T, R]] = []
        self._working: asyncio.Task[None] | None = None

    async def ask(self, kind: str, asked: T) -> R:
        """Return the result of a request.

        Raises:
            BusyError: too many are waiting, or it took too long.
            ImageletError: what the work itself refuses, for all requests of its batch.
        """
        if len(self._waiting) >= self._most:
            raise BusyError("too much is being computed already", "wait a moment and try again")
        one = _Waiting[T, R](kind, asked, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._go_on())
        return await one.result

    async def _go_on(self) -> None:
        """Compute batches until nothing waits."""
        while batch := self._next():
            try:
                asked = [each.asked for each in batch]
                results = await self._work.run(self._compute, batch[0].kind, asked)
            except Exception as error:
                for each in batch:
                    if not each.result.done():
                        each.result.set_exception(error)
                continue
            for each, result in zip(batch, results, strict=True):
                if not each.result.done():
                    each.result.set_result(result)

    def _next(self) -> list[_Waiting[T, R]]:
        """Take the longest waiting request off the queue, and others of its kind; who has left is skipped."""
        waiting = [each for each in self._waiting if not each.result.done()]
        batch: list[_Waiting[T, R]] = []
        size = 0
        for each in waiting:
            if each.kind == waiting[0].kind and (not batch or size + len(each.asked) <= TOGETHER):
                batch.append(each)
                size += len(each.asked)
        self._waiting = [each for each in waiting if each not in batch]
        return batch
