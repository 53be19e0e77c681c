"""Requests that come at the same time are computed together, and everyone gets what they asked for."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

import pytest

from imagelet.errors import BusyError, ConflictError
from imagelet.http import computing
from imagelet.http.computing import BATCH, Batches, Threads
from tests.servers import in_a_loop


class Server:
    """Batches of texts, turned round; it keeps every batch, and waits in the first until it may go on."""

    def __init__(
        self, threads: Threads, waiting: int = 64, on_the_way: Callable[[], int] = lambda: 0
    ) -> None:
        self.computed: list[tuple[str, list[str]]] = []
        self.go_on = threading.Event()
        self.batches = Batches(self._turned, threads, waiting, on_the_way)

    def _turned(self, kind: str, texts: Sequence[str]) -> list[str]:
        self.computed.append((kind, list(texts)))
        assert self.go_on.wait(10)
        if "bad" in texts:
            raise ConflictError("no")
        return [text[::-1] for text in texts]

    async def with_first(self, *others: Coroutine[Any, Any, Any]) -> list[Any]:
        """Return the first request's result and the others', which come while it is computed."""
        first = asyncio.create_task(self.batches.run("a", "first"))
        while not self.computed:
            await asyncio.sleep(0.001)
        rest = [asyncio.create_task(other) for other in others]
        await asyncio.sleep(0)  # they ask
        self.go_on.set()
        return await asyncio.gather(first, *rest, return_exceptions=True)


@pytest.fixture
def make() -> Iterator[Callable[..., Server]]:
    """Return a function that makes a ``Server`` with threads of its own."""
    threads = Threads(at_once=2, waiting=4, seconds=20)
    yield lambda **named: Server(threads, **named)
    threads.close()


def test_one_alone_is_computed_at_once(make: Callable[..., Server]) -> None:
    server = make()
    assert in_a_loop(server.with_first()) == ["tsrif"]
    assert server.computed == [("a", ["first"])]


def test_what_comes_meanwhile_goes_together_and_everyone_gets_their_own(make: Callable[..., Server]) -> None:
    server = make()
    texts = [f"{number:02}" for number in range(BATCH // 2)]
    assert in_a_loop(server.with_first(*(server.batches.run("a", text) for text in texts))) == [
        "tsrif",
        *(text[::-1] for text in texts),
    ]
    assert server.computed == [("a", ["first"]), ("a", texts)]


def test_a_batch_is_of_one_kind_and_of_no_more_than_pays(make: Callable[..., Server]) -> None:
    server = make()
    long = "x" * (BATCH - 2)
    requests = [("a", long), ("b", "one"), ("a", "two"), ("a", "no"), ("b", "y" * 2 * BATCH)]
    results = in_a_loop(server.with_first(*(server.batches.run(*request) for request in requests)))
    assert results[1:] == [text[::-1] for _, text in requests]
    assert server.computed[1:] == [
        ("a", [long, "no"]),
        ("b", ["one"]),
        ("a", ["two"]),
        ("b", ["y" * 2 * BATCH]),
    ]


def test_an_error_is_of_its_batch_alone_and_the_next_goes_on(make: Callable[..., Server]) -> None:
    server = make()
    requests = [("b", "bad"), ("b", "good"), ("a", "good")]
    _, bad, beside, good = in_a_loop(
        server.with_first(*(server.batches.run(*request) for request in requests))
    )
    assert isinstance(bad, ConflictError)
    assert isinstance(beside, ConflictError)
    assert good == "doog"


def test_who_has_gone_is_left_out(make: Callable[..., Server]) -> None:
    server = make()

    async def gone() -> str:
        request = asyncio.create_task(server.batches.run("a", "gone"))
        await asyncio.sleep(0)
        request.cancel()
        return "left"

    results = in_a_loop(server.with_first(gone(), server.batches.run("a", "here")))
    assert results == ["tsrif", "left", "ereh"]
    assert [texts for _, texts in server.computed] == [["first"], ["here"]]


def test_more_than_can_wait_is_sent_away(make: Callable[..., Server]) -> None:
    server = make(waiting=2)
    _, one, two, three = in_a_loop(server.with_first(*(server.batches.run("a", text) for text in "123")))
    assert (one, two) == ("1", "2")
    assert isinstance(three, BusyError)


def test_a_small_batch_waits_for_what_is_on_its_way(
    make: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computing, "GATHERING_SECONDS", 60.0)
    server = make(on_the_way=lambda: 3 - len(asked))
    server.go_on.set()
    asked: list[str] = []

    async def one_after_the_other() -> list[str]:
        tasks = []
        for text in ("one", "two", "three"):
            asked.append(text)
            tasks.append(asyncio.create_task(server.batches.run("a", text)))
            await asyncio.sleep(0.001)
        return list(await asyncio.gather(*tasks))

    assert in_a_loop(one_after_the_other()) == ["eno", "owt", "eerht"]
    assert server.computed == [("a", ["one", "two", "three"])]


def test_nobody_waits_long_for_what_does_not_come(make: Callable[..., Server]) -> None:
    server = make(on_the_way=lambda: 1)
    server.go_on.set()
    assert in_a_loop(server.batches.run("a", "one")) == "eno"
