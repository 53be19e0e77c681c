"""What the page can do with trainings: start, pause, resume and stop them, and change their learning rate."""

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

from imagelet.errors import BusyError, ConflictError, UsageError
from imagelet.lab.jobs import worker
from imagelet.lab.jobs.store import (
    FAILED,
    PAUSE,
    PAUSED,
    QUEUED,
    RUN,
    RUNNING,
    STOP,
    STOPPED,
    Job,
    JobStore,
    new_id,
)
from imagelet.runs.run import Run

KEPT = 50  # ended jobs; of older ones only the runs remain
LOWEST, HIGHEST = 0.001, 100.0  # of a learning rate factor


def submit(store: JobStore, experiment: Mapping[str, Any], most: int, **fields: Any) -> Job:
    """Put a training into the queue, see to it that a worker is there, and return the job.

    Args:
        store: where jobs are kept.
        experiment: as ``Experiment.to_toml`` returns it.
        most: jobs that may wait.
        **fields: other fields of the job: ``name``, ``test``, ``course``, ``continues``.

    Raises:
        BusyError: so many wait already.
    """
    with store.changing():
        _require_room(store, most)
        job = store.move(Job(new_id(), QUEUED, experiment, queued=time.time_ns(), **fields), QUEUED)
        for old in [job for job in store.jobs() if job.ended][:-KEPT]:
            store.forget(old)
    worker.ensure(store)
    return job


def pause(store: JobStore, identity: str) -> Job:
    """Let a job wait: its state is saved, and the next one in the queue runs.

    Raises:
        RunError: there is no such job.
        ConflictError: it neither runs nor waits in the queue.
    """
    return _want(store, identity, PAUSE, PAUSED)


def stop(store: JobStore, identity: str) -> Job:
    """End a job: it becomes a finished run with the best epoch so far.

    Before its first epoch is done there is no such epoch; then its state is saved as :func:`pause` does.

    Raises:
        RunError: there is no such job.
        ConflictError: it has ended.
    """
    return _want(store, identity, STOP, STOPPED)


def resume(store: JobStore, identity: str, most: int) -> Job:
    """Put a job back into the queue that was paused, stopped before its run was finished, or failed.

    Raises:
        RunError: there is no such job.
        ConflictError: its run is finished.
        BusyError: too many jobs wait.
    """
    with store.changing():
        job = store.find(identity)
        if job.state == QUEUED or (job.state == RUNNING and store.control(identity).want == RUN):
            return job
        if job.run is not None and Run(store.runs / job.run).finished:
            raise ConflictError(
                "the run '{name}' is finished: there is nothing to resume",
                "continue it for more epochs, which begins a new run with its weights",
                name=job.run,
            )
        if job.state != RUNNING:
            _require_room(store, most)
            job = store.move(dataclasses.replace(job, queued=time.time_ns()), QUEUED)
        store.write_control(identity, want=RUN)
    worker.ensure(store)
    return job


def change_learning_rate(store: JobStore, identity: str, factor: float) -> Job:
    """Multiply the learning rates of a job's recipe by ``factor`` from its next step on.

    Raises:
        UsageError: a factor that is not allowed.
        RunError: there is no such job.
        ConflictError: it has ended.
    """
    if not LOWEST <= factor <= HIGHEST:
        raise UsageError(
            "a learning rate factor of {factor:g} is not allowed; it is from {low:g} to {high:g}",
            "1 is the recipe's own",
            factor=factor,
            low=LOWEST,
            high=HIGHEST,
        )
    with store.changing():
        job = store.find(identity)
        if job.ended and not (job.state == FAILED and job.run):
            raise ConflictError("the job is {state}: its learning rate changes nothing", state=job.state)
        store.write_control(identity, learning_rate_factor=factor)
    return job


def _want(store: JobStore, identity: str, want: str, state: str) -> Job:
    """Let a running job know what is wanted of it; one that waits gets its new state at once."""
    with store.changing():
        job = store.find(identity)
        if job.state == RUNNING:
            store.write_control(identity, want=want)
        elif job.state == QUEUED or (job.state == PAUSED and want == STOP):
            job = store.move(job, state)
        elif job.state != state:
            raise ConflictError("the job is {state} and cannot be {word}", state=job.state, word=state)
    return job


def _require_room(store: JobStore, most: int) -> None:
    if sum(job.state == QUEUED for job in store.jobs()) >= most:
        raise BusyError(
            "{count} trainings wait already, and no more may", "wait a moment and try again", count=most
        )
