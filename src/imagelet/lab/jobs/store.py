"""The store of trainings: jobs, their events and controls, in one SQLite file.

The file is ``<runs>/.lab/jobs.sqlite``. Server, worker and other labs on the same folder open it at the same
time: it has a write-ahead log, so that reading waits for nobody, and a writer waits for the writer before it.
Reading makes no file. Beside it lie ``worker.lock``, held by the worker as long as it lives, and
``worker.log``.
"""

import contextlib
import dataclasses
import datetime
import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagelet.errors import BusyError, JobStoreError, RunError
from imagelet.messages import Message

QUEUED, RUNNING, PAUSED = "queued", "running", "paused"
STOPPED, FINISHED, FAILED = "stopped", "finished", "failed"
ENDED = frozenset({STOPPED, FINISHED, FAILED})

RUN, PAUSE, STOP, STEP = "run", "pause", "stop", "step"
"""What the page can want of a job; of one that is paused also a single optimizer step."""

SECONDS_FOR_A_CHANGE = 10.0  # that a writer waits for the one before it
VERSION = 1
SCHEMA = """
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    experiment TEXT NOT NULL,      -- JSON
    run TEXT,
    name TEXT,
    test INTEGER NOT NULL,
    course TEXT,
    continues TEXT,
    queued INTEGER NOT NULL,       -- nanoseconds since 1970
    error TEXT                     -- JSON
);
CREATE TABLE controls (
    job TEXT PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
    want TEXT NOT NULL,
    learning_rate_factor REAL NOT NULL
);
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,
    name TEXT NOT NULL,
    data TEXT NOT NULL             -- JSON
);
CREATE INDEX events_by_job ON events (job);
CREATE INDEX events_by_name ON events (job, name);
CREATE TABLE worker (started REAL NOT NULL)  -- one row from a worker's start until it holds its lock
"""

REPLACED = frozenset({"progress", "data", "filters", "weights", "misread", "batch"})
"""Events that say only how it is now: a new one takes the place of the last."""

_TIME = "%Y%m%d-%H%M%S-%f"


@dataclass(frozen=True)
class Failure:
    """Why a job failed: what happened, and what to do next.

    Attributes:
        message: what happened.
        hint: what to do next.
        diverged: a loss or a weight was not finite; a lower learning rate may help.
    """

    message: str
    hint: str = ""
    diverged: bool = False

    @property
    def texts(self) -> dict[str, str]:
        """What is read: ``message`` and ``hint``."""
        return {"message": self.message, "hint": self.hint}

    def to_json(self) -> dict[str, Any]:
        """Return plain data that keeps the templates, so that they can be translated where they are shown."""
        texts = {name: Message(text).to_json() for name, text in self.texts.items()}
        return {**texts, **({"diverged": True} if self.diverged else {})}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Failure":
        """Return what :meth:`to_json` wrote."""
        texts = {name: Message.from_json(content[name]) for name in ("message", "hint")}
        return cls(**texts, diverged=bool(content.get("diverged")))


@dataclass(frozen=True)
class Job:
    """A training that the page asked for.

    Attributes:
        id: the time when it was asked for and random digits; later jobs have later ids.
        state: ``queued``, ``running``, ``paused``, ``stopped``, ``finished`` or ``failed``.
        experiment: the content of its ``experiment.toml``; what it leaves open is settled when it starts.
        run: the run's name, its path below the folder with the runs; None until it has started.
        name: the run's name that was asked for; None: made of dataset and network.
        test: whether it is evaluated on the test images in the end, once.
        course: the experiment of the course that it is; None for any other.
        continues: the finished run with whose weights it starts; None: with new ones.
        queued: its place in the queue: when it was put there, in nanoseconds since 1970, unless it was moved.
        error: why it failed.
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
    error: Failure | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of it, unless it is resumed."""
        return self.state in ENDED

    @property
    def created(self) -> datetime.datetime:
        """When it was asked for."""
        return datetime.datetime.strptime(self.id[:-5], _TIME).replace(tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Control:
    """What the page wants of a job.

    Attributes:
        want: ``run``, ``pause``, ``stop`` or ``step``.
        learning_rate_factor: what the recipe's learning rates are multiplied by.
    """

    want: str = RUN
    learning_rate_factor: float = 1.0


@dataclass(frozen=True)
class Event:
    """What happened in a job.

    Attributes:
        id: later events have larger ids.
        name: ``state``, ``progress``, ``epoch``, …
        data: JSON.
    """

    id: int
    name: str
    data: Mapping[str, Any]


def new_id() -> str:
    """Return the id of a new job: the time to the microsecond, and four random digits."""
    return f"{datetime.datetime.now(datetime.UTC):{_TIME}}-{secrets.token_hex(2)}"


class JobStore:
    """The trainings of a folder with runs; several threads may use it.

    Args:
        runs: the folder with the runs. It need not exist.

    Every method raises:
        JobStoreError: the file is damaged, cannot be read or written, or is of another version.
        BusyError: others have written for too long.
    """

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self.folder = runs / ".lab"
        self.file = self.folder / "jobs.sqlite"
        self._lock = threading.RLock()  # the connection is for one thread at a time
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def jobs(self) -> list[Job]:
        """Return all jobs, the oldest first."""
        return self._jobs("ORDER BY id")

    def find(self, identity: str) -> Job:
        """Return the job of that id.

        Raises:
            RunError: there is none.
        """
        for job in self._jobs("WHERE id = ?", identity):
            return job
        raise RunError("there is no job '{id}'", "/api/jobs lists the jobs", id=identity[:40])

    def waiting(self) -> list[Job]:
        """Return the jobs that wait, the next one first."""
        return self._jobs("WHERE state = ? ORDER BY queued, id", QUEUED)

    def next_in_queue(self) -> Job | None:
        """Return the job that is run next; None where none waits."""
        jobs = self._jobs("WHERE state = ? ORDER BY queued, id LIMIT 1", QUEUED)
        return jobs[0] if jobs else None

    def jobs_if_usable(self) -> list[Job]:
        """Return all jobs; none where the file is damaged, for what is to be shown without them, too."""
        try:
            return self.jobs()
        except (JobStoreError, BusyError):
            return []

    def runs_in(self, *states: str) -> set[str]:
        """Return the names of the runs whose jobs are in these states; none where the file is damaged."""
        return {job.run for job in self.jobs_if_usable() if job.state in states and job.run is not None}

    def control(self, identity: str) -> Control:
        """Return what the page wants of a job; where it has said nothing, that it runs."""
        for row in self._rows("SELECT want, learning_rate_factor FROM controls WHERE job = ?", identity):
            return Control(*row)
        return Control()

    def events(self, identity: str, after: int = 0) -> list[Event]:
        """Return what happened in a job after the event with the id ``after``; 0 for all."""
        query = "SELECT id, name, data FROM events WHERE job = ? AND id > ? ORDER BY id"
        return [Event(row[0], row[1], json.loads(row[2])) for row in self._rows(query, identity, after)]

    def progress(self, identity: str) -> Mapping[str, Any] | None:
        """Return the data of the last ``progress`` event; None where there was none."""
        rows = self._rows("SELECT data FROM events WHERE job = ? AND name = 'progress'", identity)
        progress: dict[str, Any] | None = json.loads(rows[0][0]) if rows else None
        return progress

    @contextlib.contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Keep others from changing jobs in the block: all that is changed in it is written, or nothing."""
        with self._lock, self._errors():
            connection = self._opened(make=True)
            assert connection is not None
            if connection.in_transaction:  # a block inside a block
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise

    def write(self, job: Job) -> None:
        """Write a job: a new one, or what has become of it."""
        values = {
            **vars(job),
            "experiment": json.dumps(dict(job.experiment)),
            "error": json.dumps(job.error.to_json()) if job.error else None,
        }
        names = [field.name for field in dataclasses.fields(Job)]
        changes = ", ".join(f"{name} = excluded.{name}" for name in names)
        query = (
            f"INSERT INTO jobs ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)}) "
            f"ON CONFLICT (id) DO UPDATE SET {changes}"
        )
        with self.changing() as connection:
            connection.execute(query, values)

    def forget(self, job: Job) -> None:
        """Remove a job with its events; its run stays."""
        with self.changing() as connection:
            connection.execute("DELETE FROM jobs WHERE id = ?", (job.id,))

    def write_control(self, identity: str, **changes: Any) -> None:
        """Change what the page wants of a job: ``want``, ``learning_rate_factor``."""
        with self.changing() as connection:
            control = dataclasses.replace(self.control(identity), **changes)
            query = "INSERT OR REPLACE INTO controls VALUES (?, ?, ?)"
            connection.execute(query, (identity, control.want, control.learning_rate_factor))

    def add_event(self, identity: str, name: str, data: Mapping[str, Any]) -> None:
        """Add an event to a job; a new progress takes the place of the last one."""
        content = json.dumps(dict(data), allow_nan=False)
        with self.changing() as connection:
            if name in REPLACED:
                connection.execute("DELETE FROM events WHERE job = ? AND name = ?", (identity, name))
            query = "INSERT INTO events (job, name, data) VALUES (?, ?, ?)"
            connection.execute(query, (identity, name, content))

    def remove_epochs(self, identity: str, last: int) -> None:
        """Remove the events of a job's epochs after the one with the number ``last``."""
        later = [
            (event.id,)
            for event in self.events(identity)
            if event.name == "epoch" and event.data["figures"]["epoch"] > last
        ]
        with self.changing() as connection:
            connection.executemany("DELETE FROM events WHERE id = ?", later)

    def move(self, job: Job, state: str, error: Failure | None = None) -> Job:
        """Write that a job is in another state, add that as an event, and return the job as it is now.

        An error that it had is forgotten.
        """
        moved = dataclasses.replace(job, state=state, error=error)
        with self.changing():
            self.write(moved)
            if error:
                self.add_event(job.id, "error", error.to_json())
            self.add_event(job.id, "state", {"state": state, "run": moved.run})
        return moved

    def put_first(self, job: Job, want: str) -> Job:
        """Put a job at the head of the queue, write what is wanted of it, and return the job as it is now."""
        with self.changing():
            self.write_control(job.id, want=want)
            first = min((other.queued for other in self.waiting()), default=time.time_ns())
            return self.move(dataclasses.replace(job, queued=first - 1), QUEUED)

    def note_worker_start(self, now: float, patience: float) -> bool:
        """Note that a worker is started; return False, and note nothing, if one was started a moment ago.

        Args:
            now: seconds since 1970.
            patience: seconds within which a worker that was started holds its lock.
        """
        with self.changing() as connection:
            for (started,) in connection.execute("SELECT started FROM worker"):
                if abs(now - started) < patience:
                    return False
            connection.execute("DELETE FROM worker")
            connection.execute("INSERT INTO worker VALUES (?)", (now,))
            return True

    def note_worker_started(self) -> None:
        """Note that the worker holds its lock: when it has died, another may be started at once."""
        with self.changing() as connection:
            connection.execute("DELETE FROM worker")

    def _jobs(self, condition: str, *values: Any) -> list[Job]:
        rows = self._rows(f"SELECT * FROM jobs {condition}", *values)
        try:
            return [_job(row) for row in rows]
        except (ValueError, LookupError, TypeError) as error:
            raise self._unusable(str(error)) from error

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return what a query finds; nothing where there is no file."""
        with self._lock, self._errors():
            connection = self._opened(make=False)
            return connection.execute(query, values).fetchall() if connection is not None else []

    def _opened(self, *, make: bool) -> sqlite3.Connection | None:
        """Return the connection to the file; a file that was taken away meanwhile is not written on."""
        try:
            inode = self.file.stat().st_ino
        except OSError:
            inode = 0
        if self._connection is not None and inode == self._inode:
            return self._connection
        self.close()
        if not inode and not make:
            return None
        self.folder.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(
            self.file, SECONDS_FOR_A_CHANGE, isolation_level=None, check_same_thread=False
        )
        try:
            _prepare(self._connection)
        except BaseException:
            self.close()
            raise
        self._inode = self.file.stat().st_ino
        return self._connection

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn SQLite's errors into sentences."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise BusyError("the store of trainings is in use", "wait a moment and try again") from error
            raise self._unusable(str(error)) from error
        except sqlite3.DatabaseError as error:
            raise self._unusable(str(error)) from error

    def _unusable(self, reason: str) -> JobStoreError:
        return JobStoreError(
            "the lab's store of trainings cannot be used: {reason}",
            "move {file} away: the runs stay, and a new store is made",
            reason=reason,
            file=self.file,
        )


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables of a new file, and refuse a file of another version."""
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(
        "PRAGMA synchronous = NORMAL"
    )  # with the log, a power cut loses the last moments alone
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if not version:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if not version:  # nobody else has made them meanwhile
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
            version = VERSION
        connection.execute("COMMIT")
    if version != VERSION:
        raise sqlite3.DatabaseError(f"it is of version {version}, and this imagelet knows version {VERSION}")


def _job(row: tuple[Any, ...]) -> Job:
    """Return the job of a row, whose columns are the job's fields in their order."""
    values = dict(zip((field.name for field in dataclasses.fields(Job)), row, strict=True))
    values |= {"experiment": json.loads(values["experiment"]), "test": bool(values["test"])}
    values |= {"error": Failure.from_json(json.loads(values["error"])) if values["error"] else None}
    return Job(**values)
