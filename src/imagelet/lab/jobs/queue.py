"""What the page can do with jobs: begin, pause, go on, stop; and a worker that carries them out.

A worker is a process of its own that outlives the page and the server. It is started when something waits and
no worker is alive, and takes one job after the other.
"""

import dataclasses
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import filelock

from imagelet.errors import UsageError
from imagelet.lab.http.errors import RefusedError, busy
from imagelet.lab.jobs import store
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
)
from imagelet.messages import Message
from imagelet.runs.run import Run

KEPT = 50  # ended jobs; of older ones only the runs remain
LOWEST, HIGHEST = 0.001, 100.0  # of a learning rate factor


def submit(runs: Path, experiment: Mapping[str, Any], most: int, **rest: Any) -> Job:
    """Put a training into the queue, and return its job.

    Args:
        runs: the folder with the runs.
        experiment: as ``Experiment.to_toml`` returns it.
        most: jobs that may wait.
        rest: other fields of the job: ``name``, ``test``, ``course``, ``continues``.

    Raises:
        RefusedError: so many wait already.
    """
    with store.changing(runs):
        _require_room(runs, most)
        job = Job(store.new_id(), QUEUED, experiment, queued=time.time_ns(), **rest)
        job = store.move(runs, job, QUEUED)
        _forget(runs)
    tend(runs)
    return job


def pause(runs: Path, identity: str) -> Job:
    """Let a job wait: its state is saved, its place is given up to the next one.

    Raises:
        RunError: there is no such job.
        RefusedError: it neither runs nor waits in the queue.
    """
    return _want(runs, identity, PAUSE, PAUSED, "paused")


def stop(runs: Path, identity: str) -> Job:
    """End a job: it becomes a finished run with the best epoch so far.

    Before its first epoch is done there is no such epoch; then its state is saved as :func:`pause` does.

    Raises:
        RunError: there is no such job.
        RefusedError: it has ended.
    """
    return _want(runs, identity, STOP, STOPPED, "stopped")


def resume(runs: Path, identity: str, most: int) -> Job:
    """Let a job go on that was paused or stopped before its run was finished, or that failed.

    Raises:
        RunError: there is no such job.
        RefusedError: its run is finished, or too many jobs wait.
    """
    with store.changing(runs):
        job = store.find_job(runs, identity)
        if job.state == QUEUED or (job.state == RUNNING and store.read_control(runs, identity).want == RUN):
            return job
        if job.run is not None and Run(runs / job.run).finished:
            raise RefusedError(
                "the run '{name}' is finished: there is nothing to resume",
                "continue it for more epochs, which begins a new run with its weights",
                status=409,
                name=job.run,
            )
        control = store.read_control(runs, identity)
        if job.state != RUNNING:
            _require_room(runs, most)
            job = store.move(runs, dataclasses.replace(job, queued=time.time_ns()), QUEUED)
        store.write_control(runs, identity, dataclasses.replace(control, want=RUN))
    tend(runs)
    return job


def change_learning_rate(runs: Path, identity: str, factor: float) -> Job:
    """Multiply the step sizes of a job's recipe by ``factor`` from its next step on.

    Raises:
        UsageError: a factor that is not allowed.
        RunError: there is no such job.
        RefusedError: it has ended.
    """
    if not LOWEST <= factor <= HIGHEST:
        message = Message(
            "a learning rate factor of {factor:g} is not allowed; it is from {low:g} to {high:g}",
            factor=factor,
            low=LOWEST,
            high=HIGHEST,
        )
        raise UsageError(message, hint="1 is the recipe's own")
    with store.changing(runs):
        job = store.find_job(runs, identity)
        if job.ended and not (job.state == FAILED and job.run):
            raise RefusedError(
                "the job is {state}: its learning rate changes nothing", status=409, state=job.state
            )
        control = store.read_control(runs, identity)
        store.write_control(runs, identity, dataclasses.replace(control, learning_rate_factor=factor))
    return job


def tend(runs: Path) -> None:
    """See to it that the queue goes on: notice a worker that died, and start one where something waits."""
    listed = {job.state for job in store.list_jobs(runs)}
    if not listed & {QUEUED, RUNNING}:
        return
    try:
        with store.worker_lock(runs):
            store.notice_the_killed(runs)
    except filelock.Timeout:  # a worker is alive, and sees for itself what waits
        return
    waiting = store.next_in_queue(runs)
    if waiting is not None and store.note_start(runs):
        start_worker(runs, store.job_folder(runs, waiting.id))


def start_worker(runs: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start a worker that lives on when this process ends, and return it."""
    with (store.lab_folder(runs) / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "imagelet.lab.jobs.worker", str(folder.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    threading.Thread(target=process.wait, daemon=True).start()  # so that no dead process is left behind
    return process


def described(runs: Path, job: Job) -> dict[str, Any]:
    """Return a job as the page gets it: with what is wanted of it, its progress and its epochs."""
    control = store.read_control(runs, job.id)
    place = None if job.run is None else Run(runs / job.run)
    there = place is not None and (place.folder / "experiment.toml").is_file()
    return {
        "id": job.id,
        "state": job.state,
        "want": control.want if job.state == RUNNING else RUN,
        "run": job.run,
        "name": job.name,
        "experiment": dict(job.experiment),
        "test": job.test,
        "course": job.course,
        "continues": job.continues,
        "created": store.created(job).isoformat(),
        "learning_rate_factor": control.learning_rate_factor,
        "progress": None if job.ended else store.last_progress(runs, job.id),
        "history": [store.figures_of(epoch) for epoch in place.history] if place and there else [],
        "can_resume": not (place is not None and place.finished)
        and (job.state == PAUSED or job.state in (STOPPED, FAILED)),
        "can_continue": place is not None and place.finished and place.classifier_file.is_file(),
        "error": None if job.error is None else dict(job.error),
    }


def _want(runs: Path, identity: str, want: str, state: str, word: str) -> Job:
    with store.changing(runs):
        job = store.find_job(runs, identity)
        if job.state == RUNNING:
            control = store.read_control(runs, identity)
            store.write_control(runs, identity, dataclasses.replace(control, want=want))
        elif job.state == QUEUED or (job.state == PAUSED and want == STOP):
            job = store.move(runs, job, state)
        elif job.state != state:
            raise RefusedError(
                "the job is {state} and cannot be {word}", status=409, state=job.state, word=word
            )
    tend(runs)
    return job


def _require_room(runs: Path, most: int) -> None:
    if sum(job.state == QUEUED for job in store.list_jobs(runs)) >= most:
        raise busy(Message("{count} trainings wait already, and no more may", count=most))


def _forget(runs: Path) -> None:
    """Remove the folders of the oldest ended jobs; their runs stay."""
    for job in [each for each in store.list_jobs(runs) if each.ended][:-KEPT]:
        shutil.rmtree(store.job_folder(runs, job.id), ignore_errors=True)
