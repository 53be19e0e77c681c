"""A job's events as server-sent events: what has happened, then what happens, until the job has ended."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

from imagelet.errors import RunError
from imagelet.lab.jobs import queue, store
from imagelet.lab.jobs.store import Job

SECONDS_BETWEEN_LOOKS = 0.1
SECONDS_BETWEEN_TENDING = 2.0
SECONDS_BETWEEN_BEATS = 10.0
PASSING = frozenset({"progress", "data"})
"""Events that say only how far it is."""

Told = tuple[int, dict[str, Any]]


async def events(runs: Path, identity: str, start: int = 0) -> AsyncIterator[bytes]:
    """Yield a job's events as a browser's ``EventSource`` takes them.

    Args:
        runs: the folder with the runs.
        identity: the job's.
        start: the byte of its events to begin with: the ``id`` of the last event that was heard.
    """
    beat = tended = time.monotonic()
    replayed = False
    while True:
        ended = await asyncio.to_thread(_has_ended, runs, identity)  # asked before reading: nothing is missed
        told = await asyncio.to_thread(store.read_events, runs, identity, start)
        for place, event in told if replayed else thinned(told):
            yield _written(place, event)
        replayed = True
        if told:
            start, beat = told[-1][0], time.monotonic()
        if ended:
            return
        if time.monotonic() - beat >= SECONDS_BETWEEN_BEATS:
            beat = time.monotonic()
            yield b": still here\n\n"
        if time.monotonic() - tended >= SECONDS_BETWEEN_TENDING:
            tended = time.monotonic()
            await asyncio.to_thread(queue.tend, runs)
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


def thinned(told: Iterable[Told]) -> Iterator[Told]:
    """Yield events of the past: all but progress, of which only the last is worth hearing."""
    past = list(told)
    last = max((place for place, event in past if event["event"] in PASSING), default=0)
    for place, event in past:
        if event["event"] not in PASSING or place == last:
            yield place, event


def heard_all(runs: Path, job: Job, start: int) -> bool:
    """Say whether a job has ended and nothing was told of it after byte ``start``."""
    return job.ended and not store.read_events(runs, job.id, start)


def _has_ended(runs: Path, identity: str) -> bool:
    try:
        if not store.find_job(runs, identity).ended:
            return False
    except RunError:  # forgotten
        return True
    with store.changing(runs):  # whoever ends it writes this first, and then the last event
        return True


def _written(place: int, event: dict[str, Any]) -> bytes:
    return f"id: {place}\nevent: {event['event']}\ndata: {json.dumps(event['data'])}\n\n".encode()
