"""``python -m imagelet.lab.jobs.worker JOB_FOLDER``: a process that carries out what waits in the queue.

It needs no server. It takes the job that has waited longest, one after the other, stays a little while in
case another comes (PyTorch is loaded by then), and ends. One worker at a time lives for a folder of runs.
"""

import contextlib
import os
import sys
import time
from pathlib import Path

import filelock

from imagelet.lab.jobs import store

SECONDS_IDLE = 20.0
SECONDS_FOR_THE_LOCK = 2.0  # a server holds it for a moment to see whether a worker is alive
SECONDS_BETWEEN_LOOKS = 0.2
NICENESS = 10  # the page is to stay quick while something is trained


def main(folder: Path) -> int:
    """Work until nothing waits; return the process's exit code.

    Args:
        folder: of any job; all jobs beside it are carried out.
    """
    runs = folder.resolve().parents[2]
    with contextlib.suppress(OSError, AttributeError):  # Windows has no niceness
        os.nice(NICENESS)
    while True:
        try:
            with store.worker_lock(runs).acquire(timeout=SECONDS_FOR_THE_LOCK):
                store.note_started(runs)
                store.notice_the_killed(runs)
                if not _work(runs):
                    return 0
        except filelock.Timeout:
            return 0  # another worker lives, and sees what waits
        if store.next_in_queue(runs) is None:  # what came while the lock was let go would wait for ever
            return 0


def _work(runs: Path) -> bool:
    """Carry out what waits, until nothing has come for a while; return whether to look once more."""
    idle_since = time.monotonic()
    while time.monotonic() - idle_since < SECONDS_IDLE:
        job = store.next_in_queue(runs)
        if job is None:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            continue
        from imagelet.lab.jobs.run_job import run_experiment

        if not run_experiment(runs, job):
            return False
        idle_since = time.monotonic()
    return True


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
