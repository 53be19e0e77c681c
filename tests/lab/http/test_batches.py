"""Requests that come at the same time are carried out together, and everyone gets what they asked for."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

import pytest

from imagelet.errors import BusyError, ConflictError
from imagelet.lab.http.batches import TOGETHER, Together
from imagelet.lab.http.threads import Work
from tests.lab.conftest import in_a_loop

Batches = list[tuple[str, list[str]]]


class Lab:
    """A ``Together`` that turns texts round, keeps every batch, and waits in the first until it may go on."""

    def __init__(self, work: Work, waiting: int = 64) -> None:
        self.batches: Batches = []
        self.go_on = threading.Event()
        self.together = Together(self._turned, work, waiting)

    def _turned(self, kind: str, asked: Sequence[str]) -> list[str]:
        self.batches.append((kind, list(asked)))
        assert self.go_on.wait(10)
        if "bad" in asked:
            raise ConflictError("no")
        return [each[::-1] for each in asked]

    async def with_first(self, *others: Coroutine[Any, Any, Any]) -> list[Any]:
        """Return the first request's result and the others', which come while it is worked out."""
        first = asyncio.create_task(self.together.ask("a", "first"))
        while not self.batches:
            await asyncio.sleep(0.001)
        rest = [asyncio.create_task(each) for each in others]
        await asyncio.sleep(0)  # they ask
        self.go_on.set()
        return await asyncio.gather(first, *rest, return_exceptions=True)


@pytest.fixture
def make() -> Iterator[Callable[..., Lab]]:
    """Return a function that makes a ``Lab`` with threads of its own."""
    work = Work(at_once=2, waiting=4, seconds=20)
    yield lambda **named: Lab(work, **named)
    work.close()


def test_one_alone_is_answered_at_once(make: Callable[..., Lab]) -> None:
    lab = make()
    assert in_a_loop(lab.with_first()) == ["tsrif"]
    assert lab.batches == [("a", ["first"])]


def test_what_comes_meanwhile_goes_together_and_everyone_gets_their_own(make: Callable[..., Lab]) -> None:
    lab = make()
    texts = [f"{number:02}" for number in range(10)]
    assert in_a_loop(lab.with_first(*(lab.together.ask("a", each) for each in texts))) == [
        "tsrif",
        *(each[::-1] for each in texts),
    ]
    assert lab.batches == [("a", ["first"]), ("a", texts)]


def test_a_batch_is_of_one_kind_and_of_no_more_than_pays(make: Callable[..., Lab]) -> None:
    lab = make()
    long = "x" * (TOGETHER - 2)
    asked = [("a", long), ("b", "one"), ("a", "two"), ("a", "no"), ("b", "y" * 2 * TOGETHER)]
    results = in_a_loop(lab.with_first(*(lab.together.ask(*each) for each in asked)))
    assert results[1:] == [each[::-1] for _, each in asked]
    assert lab.batches[1:] == [
        ("a", [long, "no"]),
        ("b", ["one"]),
        ("a", ["two"]),
        ("b", ["y" * 2 * TOGETHER]),
    ]


def test_an_error_is_told_to_its_batch_alone_and_the_next_goes_on(make: Callable[..., Lab]) -> None:
    lab = make()
    asked = [("b", "bad"), ("b", "good"), ("a", "good")]
    _, bad, beside, good = in_a_loop(lab.with_first(*(lab.together.ask(*each) for each in asked)))
    assert isinstance(bad, ConflictError)
    assert isinstance(beside, ConflictError)
    assert good == "doog"


def test_who_has_gone_is_left_out(make: Callable[..., Lab]) -> None:
    lab = make()

    async def gone() -> str:
        asked = asyncio.create_task(lab.together.ask("a", "gone"))
        await asyncio.sleep(0)
        asked.cancel()
        return "left"

    assert in_a_loop(lab.with_first(gone(), lab.together.ask("a", "here"))) == ["tsrif", "left", "ereh"]
    assert [asked for _, asked in lab.batches] == [["first"], ["here"]]


def test_more_than_can_wait_is_sent_away(make: Callable[..., Lab]) -> None:
    lab = make(waiting=2)
    _, one, two, three = in_a_loop(lab.with_first(*(lab.together.ask("a", each) for each in "123")))
    assert (one, two) == ("1", "2")
    assert isinstance(three, BusyError)
