"""A store of trainings without a worker process, and what the page does while one trains here."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imagelet.lab.jobs import run_job, worker
from imagelet.lab.jobs.store import JobStore
from imagelet.training.loop import Step


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    opened = JobStore(tmp_path / "runs")
    yield opened
    opened.close()


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Start no worker; return for which folders of runs one was wanted."""
    wanted: list[Path] = []
    monkeypatch.setattr(worker, "start", lambda store: wanted.append(store.runs))
    return wanted


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> dict[int, Callable[[], object]]:
    """Return a dictionary to fill: what the page does after so many steps of all."""
    planned: dict[int, Callable[[], object]] = {}
    write = run_job.EventWriter.step

    def step(self: run_job.EventWriter, event: Step) -> None:
        planned.get(event.state.steps_done(event.steps), lambda: None)()
        write(self, event)

    monkeypatch.setattr(run_job.EventWriter, "step", step)
    monkeypatch.setattr(run_job, "SECONDS_BETWEEN_CHECKS", 0.0)
    return planned


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """Return the data of all events that are written from now on, by their names, also of those replaced."""
    data: dict[str, list[Any]] = defaultdict(list)
    add = JobStore.add_event

    def add_event(self: JobStore, identity: str, name: str, content: dict[str, Any]) -> None:
        data[name].append(content)
        add(self, identity, name, content)

    monkeypatch.setattr(JobStore, "add_event", add_event)
    monkeypatch.setattr(run_job, "SECONDS_BETWEEN_SNAPSHOTS", 0.0)
    return data
