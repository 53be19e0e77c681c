"""The store of trainings: whole or not at all, for several at once, and never in the way of the runs."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imagelet.errors import BusyError, JobStoreError
from imagelet.lab.jobs import store as store_module
from imagelet.lab.jobs.store import FAILED, PAUSE, QUEUED, RUNNING, Control, Failure, Job, JobStore, new_id
from imagelet.messages import Message
from tests.lab.conftest import Lab

WRITES = 20
WRITER = f"""
import sys
from pathlib import Path
from imagelet.lab.jobs.store import QUEUED, Job, JobStore, new_id
store = JobStore(Path(sys.argv[1]))
for number in range({WRITES}):
    job = store.move(Job(new_id(), QUEUED, {{}}), QUEUED)
    store.add_event(job.id, "progress", {{"step": number}})
store.close()
"""


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Callable[[], JobStore]]:
    """Return a function that opens the store, as each lab and each worker does."""
    opened: list[JobStore] = []

    def make() -> JobStore:
        opened.append(JobStore(tmp_path / "runs"))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[[], JobStore]) -> JobStore:
    return open_store()


@pytest.fixture
def job(store: JobStore) -> Job:
    """Return a job that waits."""
    return store.move(Job(new_id(), QUEUED, {"dataset": "digits"}, name="mine", test=True), QUEUED)


def test_reading_makes_no_file(store: JobStore) -> None:
    assert store.jobs() == store.events("x") == []
    assert store.next_in_queue() is None
    assert store.control("x") == Control()
    assert not store.runs.exists()


def test_a_job_comes_back_as_it_was(store: JobStore, job: Job, open_store: Callable[[], JobStore]) -> None:
    assert open_store().find(job.id) == job
    failure = Failure(Message("the run '{name}' is gone", name="mine"), Message("train it again"))
    failed = store.move(job, FAILED, failure)
    read = open_store().find(job.id)
    assert read == failed
    assert isinstance(read.error, Failure)
    assert isinstance(read.error.message, Message)
    assert read.error.message.template == "the run '{name}' is gone"


def test_events_are_read_on_from_the_last_one(store: JobStore, job: Job) -> None:
    for number in range(3):
        store.add_event(job.id, "epoch", {"number": number})
    events = store.events(job.id)
    assert [event.name for event in events] == ["state", "epoch", "epoch", "epoch"]
    for place, event in enumerate(events):
        assert store.events(job.id, event.id) == events[place + 1 :]


def test_of_the_progress_only_the_last_is_kept(store: JobStore, job: Job) -> None:
    other = store.move(Job(new_id(), QUEUED, {}), QUEUED)
    store.add_event(other.id, "progress", {"step": 9})
    for number in range(3):
        store.add_event(job.id, "progress", {"step": number})
        store.add_event(job.id, "epoch", {"number": number})
    names = [event.name for event in store.events(job.id)]
    assert names == ["state", "epoch", "epoch", "progress", "epoch"]
    assert (store.progress(job.id), store.progress(other.id)) == ({"step": 2}, {"step": 9})


def test_an_id_of_an_event_is_never_used_again(store: JobStore, job: Job) -> None:
    last = store.events(job.id)[-1].id
    store.forget(job)
    assert store.events(job.id) == []
    again = store.move(Job(new_id(), QUEUED, {}), QUEUED)
    assert store.events(again.id)[0].id > last


def test_what_fails_in_the_middle_changes_nothing(store: JobStore, job: Job) -> None:
    def change() -> None:
        with store.changing():
            store.move(job, RUNNING)
            store.write_control(job.id, want=PAUSE)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change()
    assert store.find(job.id).state == QUEUED
    assert store.control(job.id) == Control()
    assert len(store.events(job.id)) == 1


def test_several_processes_write_at_once_and_nothing_is_lost(store: JobStore) -> None:
    command = [sys.executable, "-c", WRITER, str(store.runs)]
    writers = [subprocess.Popen(command) for _ in range(3)]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    jobs = store.jobs()
    assert len({job.id for job in jobs}) == 3 * WRITES
    assert all(len(store.events(job.id)) == 2 for job in jobs)


def test_reading_does_not_wait_for_a_writer_and_a_writer_gives_up(
    job: Job, open_store: Callable[[], JobStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "SECONDS_FOR_A_CHANGE", 0.01)
    one, other = open_store(), open_store()
    with one.changing():
        one.move(job, RUNNING)
        assert [found.state for found in other.jobs()] == [QUEUED]
        with pytest.raises(BusyError):
            other.write_control(job.id, want=PAUSE)
    assert [found.state for found in other.jobs()] == [RUNNING]


def test_a_store_that_is_taken_away_is_begun_anew(store: JobStore, job: Job) -> None:
    for file in store.folder.iterdir():
        file.rename(store.runs / file.name)
    assert store.jobs() == []
    again = store.move(Job(new_id(), QUEUED, {}), QUEUED)
    assert [found.id for found in store.jobs()] == [again.id]


def test_another_version_is_said(store: JobStore, job: Job) -> None:
    with sqlite3.connect(store.file) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    store.close()
    with pytest.raises(JobStoreError, match="version 7"):
        store.jobs()


class TestDamaged:
    @pytest.fixture
    def lab(self, open_lab: Callable[..., Lab], small_run: Path) -> Lab:
        """Return a lab with one run, whose store of trainings is damaged."""
        store = JobStore(small_run.parent)
        store.folder.mkdir()
        store.file.write_bytes(b"no database at all" * 1000)
        return open_lab(training=True)

    @pytest.mark.parametrize(("method", "path"), [("GET", "/api/jobs"), ("POST", "/api/jobs")])
    def test_is_said_in_one_sentence(self, lab: Lab, method: str, path: str) -> None:
        answer = lab.ask(method, path, {"dataset": "digits"} if method == "POST" else None)
        error = answer.json()["error"]
        assert answer.status_code == 422
        assert error["message"] == "the lab's store of trainings cannot be used: file is not a database"
        assert str(lab.settings.runs / ".lab" / "jobs.sqlite") in error["hint"]

    def test_hides_no_run(self, lab: Lab) -> None:
        assert [run["name"] for run in lab.get("/api/runs").json()] == ["small"]
        assert lab.get("/api/runs/small").json()["state"] == "finished"
        assert lab.get("/api/course").status_code == 200
        assert lab.ask("DELETE", "/api/runs/small").status_code == 200

    def test_does_not_harm_the_file(self, lab: Lab) -> None:
        lab.get("/api/jobs")
        assert (lab.settings.runs / ".lab" / "jobs.sqlite").read_bytes().startswith(b"no database")


def test_a_damaged_row_is_said_too(store: JobStore, job: Job) -> None:
    with store.changing() as connection:
        connection.execute("UPDATE jobs SET experiment = '{'")
    with pytest.raises(JobStoreError, match="cannot be used"):
        store.jobs()
