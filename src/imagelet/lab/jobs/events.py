"""A job's events as server-sent events: first the past, then what happens until it ends."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

from imagelet.errors import RunError
from imagelet.lab.jobs.store import Event, Failure, Job, JobStore
from imagelet.messages import translate

SECONDS_BETWEEN_CHECKS = 0.1
SECONDS_BETWEEN_BEATS = 10.0


async def stream(store: JobStore, identity: str, after: int = 0) -> AsyncIterator[bytes]:
    """Yield a job's events as a browser's ``EventSource`` takes them.

    Args:
        store: where jobs are kept.
        identity: the job's.
        after: the ``id`` of the last event that was received; 0 for all of them.
    """
    beat = time.monotonic()
    while True:
        ended = await asyncio.to_thread(_has_ended, store, identity)  # read before the events: none is missed
        events = await asyncio.to_thread(store.events, identity, after)
        for event in events:
            yield _encoded(event)
        if events:
            after, beat = events[-1].id, time.monotonic()
        if ended:
            return
        if time.monotonic() - beat >= SECONDS_BETWEEN_BEATS:
            beat = time.monotonic()
            yield b": still here\n\n"
        await asyncio.sleep(SECONDS_BETWEEN_CHECKS)


def all_received(store: JobStore, job: Job, after: int) -> bool:
    """Say whether a job has ended and nothing happened in it after the event with the id ``after``."""
    return job.ended and not store.events(job.id, after)


def _has_ended(store: JobStore, identity: str) -> bool:
    try:
        return store.find(identity).ended
    except RunError:  # forgotten
        return True


def _encoded(event: Event) -> bytes:
    data = event.data
    if event.name == "error":
        data = {name: translate(text) for name, text in Failure.from_json(data).texts.items()}
    return f"id: {event.id}\nevent: {event.name}\ndata: {json.dumps(data)}\n\n".encode()
