"""The worker: a process that runs the trainings in the queue and outlives the page.

``python -m imagelet.lab.jobs.worker RUNS``. It needs no server. It takes the job that has waited longest, one
after the other, stays a little while in case another comes (PyTorch is loaded by then), and ends. One worker
at a time lives for a folder of runs.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import filelock

from imagelet.lab.jobs.store import FAILED, QUEUED, RUNNING, Failure, JobStore
from imagelet.messages import Message

KILLED = Failure(
    Message("the process that trained it ended in the middle; the state of the last epoch is saved"),
    Message("resume it: nothing before that is lost"),
)
SECONDS_TO_START = 30.0  # until a worker holds its lock, on a busy machine
SECONDS_IDLE = 20.0
SECONDS_FOR_THE_LOCK = 2.0  # another process holds it for a moment to see whether a worker is alive
SECONDS_BETWEEN_CHECKS = 0.2
NICENESS = 10  # the page is to stay quick while something is trained


def lock(store: JobStore) -> filelock.FileLock:
    """Return the lock that a worker holds as long as it lives; the system releases it then."""
    store.folder.mkdir(parents=True, exist_ok=True)
    return filelock.FileLock(store.folder / "worker.lock", timeout=0)


def ensure(store: JobStore) -> None:
    """Notice a worker that died, and start one where a job waits and none is alive.

    Raises:
        JobStoreError, BusyError: as the store's methods.
    """
    if not any(job.state in (QUEUED, RUNNING) for job in store.jobs()):
        return
    try:
        with lock(store):
            fail_killed_jobs(store)
    except filelock.Timeout:  # a worker is alive, and sees for itself what waits
        return
    if store.next_in_queue() is not None and store.note_worker_start(time.time(), SECONDS_TO_START):
        start(store)


def start(store: JobStore) -> subprocess.Popen[bytes]:
    """Start a worker that lives on when this process ends, and return it."""
    with (store.folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "imagelet.lab.jobs.worker", str(store.runs.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    threading.Thread(target=process.wait, daemon=True).start()  # so that no dead process is left behind
    return process


def fail_killed_jobs(store: JobStore) -> None:
    """Write of jobs that seem to run that they failed; for whoever holds the worker's lock and runs none."""
    with store.changing():
        for job in store.jobs():
            if job.state == RUNNING:
                store.move(job, FAILED, KILLED)


def main(runs: Path) -> int:
    """Run what waits until nothing does; return the process's exit code."""
    with contextlib.suppress(OSError, AttributeError):  # Windows has no niceness
        os.nice(NICENESS)
    store = JobStore(runs)
    with contextlib.closing(store):
        while True:
            try:
                with lock(store).acquire(timeout=SECONDS_FOR_THE_LOCK):
                    store.note_worker_started()
                    fail_killed_jobs(store)
                    if not _run_jobs(store):
                        return 0
            except filelock.Timeout:
                return 0  # another worker lives, and sees what waits
            if store.next_in_queue() is None:  # what came while the lock was released would wait for ever
                return 0


def _run_jobs(store: JobStore) -> bool:
    """Run what waits, until nothing has come for a while; return whether to check once more."""
    idle_since = time.monotonic()
    while time.monotonic() - idle_since < SECONDS_IDLE:
        job = store.next_in_queue()
        if job is None:
            time.sleep(SECONDS_BETWEEN_CHECKS)
            continue
        from imagelet.lab.jobs.run_job import run_job  # PyTorch takes seconds: not before there is work

        if not run_job(store, job):
            return False
        idle_since = time.monotonic()
    return True


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
