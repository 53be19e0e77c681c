"""The cache: each thing is made once, outside of any lock, and the oldest are forgotten."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from imagelet.lab.services.cache import Cache

SECONDS = 20  # more than any of this takes


def test_a_thing_is_made_once_and_the_oldest_is_forgotten() -> None:
    cache, made = Cache[str](2), []

    def make(name: str) -> str:
        made.append(name)
        return name.upper()

    for name in ("a", "b", "a", "c", "a", "b"):
        assert cache.get(name, lambda name=name: make(name)) == name.upper()
    assert made == ["a", "b", "c", "b"]
    assert ("a" in cache, "b" in cache, "c" in cache) == (True, True, False)


def test_who_asks_meanwhile_waits_for_the_same_and_others_do_not_wait() -> None:
    cache, started, go_on = Cache[object](4), threading.Event(), threading.Event()
    made = []

    def slow() -> object:
        made.append(object())
        started.set()
        assert go_on.wait(SECONDS)
        return made[-1]

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(cache.get, "slow", slow)
        assert started.wait(SECONDS)
        second = threads.submit(cache.get, "slow", slow)
        assert cache.get("quick", lambda: 1) == 1  # while the slow one is made
        go_on.set()
        assert first.result(SECONDS) is second.result(SECONDS)
    assert len(made) == 1


def test_an_error_is_raised_for_all_who_wait_and_is_not_kept() -> None:
    cache, started, go_on = Cache[int](4), threading.Event(), threading.Event()

    def failing() -> int:
        started.set()
        assert go_on.wait(SECONDS)
        raise ZeroDivisionError

    with ThreadPoolExecutor(2) as threads:
        futures = [threads.submit(cache.get, "key", failing)]
        assert started.wait(SECONDS)
        futures.append(threads.submit(cache.get, "key", failing))
        go_on.set()
        for future in futures:
            assert isinstance(future.exception(SECONDS), ZeroDivisionError)
    assert cache.get("key", lambda: 3) == 3


def test_what_takes_long_is_made_elsewhere_and_can_be_asked_for_again() -> None:
    go_on = threading.Event()

    def slow() -> int:
        assert go_on.wait(SECONDS)
        return 7

    with ThreadPoolExecutor(1) as threads:
        cache = Cache[int](1, threads)
        with pytest.raises(TimeoutError):
            cache.get("key", slow, seconds=0.01)
        assert "key" in cache
        go_on.set()
        assert cache.get("key", slow, SECONDS) == 7


def test_an_error_that_came_too_late_is_raised_the_next_time() -> None:
    go_on = threading.Event()

    def failing() -> int:
        assert go_on.wait(SECONDS)
        raise ZeroDivisionError

    with ThreadPoolExecutor(1) as threads:
        cache = Cache[int](1, threads)
        with pytest.raises(TimeoutError):
            cache.get("key", failing, seconds=0.01)
        go_on.set()
        with pytest.raises(ZeroDivisionError):
            cache.get("key", failing, SECONDS)
