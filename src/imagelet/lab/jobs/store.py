"""Jobs as they lie on the disk: trainings that the page asked for, each in a folder of its own.

Everything is in ``<runs>/.lab/``, so that server and worker need nothing of each other but files:

==========================  ========================================================================
``jobs/ID/job.json``        what is to be trained, and how far it has come
``jobs/ID/control.json``    what the page wants of it while it runs
``jobs/ID/events.jsonl``    what happened, one event a line
``jobs.lock``               held for the moment in which a job changes
``worker.lock``             held by the worker as long as it lives: one training at a time
``worker.starting``         there from a worker's start until it holds that lock
``worker.log``              what the worker could not say otherwise
==========================  ========================================================================
"""

import contextlib
import dataclasses
import datetime
import json
import math
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import filelock

from imagelet import atomic_files
from imagelet.errors import RunError
from imagelet.training.history import EpochFigures

QUEUED, RUNNING, PAUSED = "queued", "running", "paused"
STOPPED, FINISHED, FAILED = "stopped", "finished", "failed"
ENDED = frozenset({STOPPED, FINISHED, FAILED})

RUN, PAUSE, STOP = "run", "pause", "stop"
"""What the page can want of a job."""

KILLED = {
    "message": "the process that trained it ended in the middle; the state of the last epoch is saved",
    "hint": "go on with it: nothing before that is lost",
}

TAIL = 2**18  # bytes at the end of the events in which the last progress is looked for
SECONDS_FOR_A_CHANGE = 10.0
SECONDS_TO_START = 30.0
_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9]{6}-[0-9a-f]{4}")
_TIME = "%Y%m%d-%H%M%S-%f"


@dataclass(frozen=True)
class Job:
    """A training that the page asked for.

    Attributes:
        id: its folder's name; later jobs have later ids.
        state: ``queued``, ``running``, ``paused``, ``stopped``, ``finished`` or ``failed``.
        experiment: the content of its ``experiment.toml``; what it leaves open is settled when it begins.
        run: the run's name, its place below the folder with the runs; None until it has begun.
        name: the run's name as it was asked for; None: made of dataset and network.
        test: whether it ends with one evaluation on the test images.
        course: the experiment of the course that it is; None for any other.
        continues: the finished run with whose weights it begins; None: with new ones.
        queued: when it took its place in the queue, in nanoseconds since 1970.
        error: ``message`` and ``hint`` where it failed.
    """

    id: str
    state: str
    experiment: Mapping[str, Any]
    run: str | None = None
    name: str | None = None
    test: bool = False
    course: str | None = None
    continues: str | None = None
    queued: int = 0
    error: Mapping[str, str] | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of it, unless it is asked for."""
        return self.state in ENDED

    def with_state(self, state: str, error: Mapping[str, str] | None = None) -> Self:
        """Return the job in another state; an error that it had is forgotten."""
        return dataclasses.replace(self, state=state, error=error)


@dataclass(frozen=True)
class Control:
    """What the page wants of a job.

    Attributes:
        want: ``run``, ``pause`` or ``stop``.
        learning_rate_factor: what the recipe's step sizes are multiplied by.
    """

    want: str = RUN
    learning_rate_factor: float = 1.0


def new_id() -> str:
    """Return the id of a new job: the time to the microsecond, and four random digits."""
    return f"{datetime.datetime.now(datetime.UTC):{_TIME}}-{secrets.token_hex(2)}"


def created(job: Job) -> datetime.datetime:
    """Return when a job was asked for, by its id."""
    return datetime.datetime.strptime(job.id[:-5], _TIME).replace(tzinfo=datetime.UTC)


def lab_folder(runs: Path) -> Path:
    """Return the folder of all that the lab keeps beside the runs. It need not exist."""
    return runs / ".lab"


def job_folder(runs: Path, identity: str) -> Path:
    """Return the folder of a job."""
    return lab_folder(runs) / "jobs" / identity


def worker_lock(runs: Path) -> filelock.FileLock:
    """Return the lock that a worker holds as long as it lives; whoever dies lets go of it."""
    lab_folder(runs).mkdir(parents=True, exist_ok=True)
    return filelock.FileLock(lab_folder(runs) / "worker.lock", timeout=0)


def note_start(runs: Path) -> bool:
    """Note that a worker is started; return False, and note nothing, if one was started a moment ago.

    On a busy machine it takes a worker seconds to hold its lock.
    """
    stamp = lab_folder(runs) / "worker.starting"
    with changing(runs):
        with contextlib.suppress(OSError):
            if abs(time.time() - stamp.stat().st_mtime) < SECONDS_TO_START:
                return False
        atomic_files.write_text(stamp, "")
        return True


def note_started(runs: Path) -> None:
    """Note that the worker holds its lock: when it has died, another may be started at once."""
    (lab_folder(runs) / "worker.starting").unlink(missing_ok=True)


@contextlib.contextmanager
def changing(runs: Path) -> Iterator[None]:
    """Keep others from changing jobs in the block, which is to be a short one."""
    lab_folder(runs).mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(lab_folder(runs) / "jobs.lock", timeout=SECONDS_FOR_A_CHANGE):
        yield


def list_jobs(runs: Path) -> list[Job]:
    """Return all jobs, the oldest first; a folder that cannot be read is passed over."""
    found = []
    for path in sorted((lab_folder(runs) / "jobs").glob("*/job.json")):
        with contextlib.suppress(RunError):  # forgotten just now, or damaged
            found.append(find_job(runs, path.parent.name))
    return found


def find_job(runs: Path, identity: str) -> Job:
    """Return the job of that id.

    Raises:
        RunError: there is none.
    """
    if _ID.fullmatch(identity):
        with contextlib.suppress(OSError, ValueError, TypeError):
            job = Job(**json.loads((job_folder(runs, identity) / "job.json").read_bytes()))
            if job.id == identity:
                return job
    raise RunError("there is no job '{id}'", hint="/api/jobs lists the jobs", id=identity[:40])


def write_job(runs: Path, job: Job) -> None:
    """Write the job, whole or not at all; inside :func:`changing`."""
    atomic_files.write_json(job_folder(runs, job.id) / "job.json", dataclasses.asdict(job))


def read_control(runs: Path, identity: str) -> Control:
    """Return what the page wants of a job; of one that it has said nothing of, that it runs."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        return Control(**json.loads((job_folder(runs, identity) / "control.json").read_bytes()))
    return Control()


def write_control(runs: Path, identity: str, control: Control) -> None:
    """Write what the page wants of a job; inside :func:`changing`."""
    atomic_files.write_json(job_folder(runs, identity) / "control.json", dataclasses.asdict(control))


def next_in_queue(runs: Path) -> Job | None:
    """Return the job that has waited longest; None where none waits."""
    waiting = [job for job in list_jobs(runs) if job.state == QUEUED]
    return min(waiting, key=lambda job: (job.queued, job.id), default=None)


def move(runs: Path, job: Job, state: str, error: Mapping[str, str] | None = None, **told: Any) -> Job:
    """Write that a job is in another state, tell it as an event, and return the job as it is now.

    Args:
        runs: the folder with the runs.
        job: the job.
        state: the new state.
        error: why it failed.
        told: what else there is to say in the event.
    """
    moved = job.with_state(state, error)
    write_job(runs, moved)
    if error:
        tell(runs, job.id, "error", dict(error))
    tell(runs, job.id, "state", {"state": state, "run": moved.run, **told})
    return moved


def notice_the_killed(runs: Path) -> None:
    """Say of jobs that seem to run that they failed; for whoever holds the worker's lock and runs none."""
    with changing(runs):
        for job in list_jobs(runs):
            if job.state == RUNNING:
                move(runs, job, FAILED, KILLED)


# -- events --------------------------------------------------------------------------------------------------


def events_file(runs: Path, identity: str) -> Path:
    """Return the file of a job's events. It need not exist."""
    return job_folder(runs, identity) / "events.jsonl"


def tell(runs: Path, identity: str, event: str, data: Mapping[str, Any]) -> None:
    """Add an event to a job's file. What a killed worker left of a line is closed first."""
    line = json.dumps({"event": event, "data": data}, allow_nan=False).encode() + b"\n"
    with events_file(runs, identity).open("ab+") as file:
        if size := file.seek(0, os.SEEK_END):
            file.seek(size - 1)
            line = line if file.read(1) == b"\n" else b"\n" + line
        file.write(line)


def read_events(runs: Path, identity: str, start: int = 0) -> list[tuple[int, dict[str, Any]]]:
    """Return the whole events from byte ``start`` on, each with the byte after its line.

    A line that is no event is passed over, and one that is still being written is left for later.
    """
    try:
        with events_file(runs, identity).open("rb") as file:
            file.seek(start)
            content = file.read()
    except OSError:
        return []
    found: list[tuple[int, dict[str, Any]]] = []
    for line in content.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        start += len(line)
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict) and {"event", "data"} <= event.keys():
                found.append((start, event))
    return found


def figures_of(epoch: EpochFigures) -> dict[str, Any]:
    """Return an epoch's figures as JSON can hold them: a number that is not finite is None."""
    values = dataclasses.asdict(epoch)
    return {name: each if each is not None and math.isfinite(each) else None for name, each in values.items()}


def last_progress(runs: Path, identity: str) -> dict[str, Any] | None:
    """Return the data of the last ``progress`` event; None where there was none."""
    path = events_file(runs, identity)
    size = path.stat().st_size if path.exists() else 0
    recent = read_events(runs, identity, max(0, size - TAIL))  # the first line may be a part of one
    told = [event["data"] for _, event in recent if event["event"] == "progress"]
    return told[-1] if told else None
