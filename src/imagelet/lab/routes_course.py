"""The course's trainings: the notes' figures beside those that were reached here. A job carries one out."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field

from imagelet.course.carrying_out import course_folder, experiment_of
from imagelet.course.lessons import Training, trainings
from imagelet.course.results import Result, result_of
from imagelet.errors import ImageletError
from imagelet.experiment.finding import find
from imagelet.lab import jobs, queue
from imagelet.lab.jobs import FAILED, PAUSED, QUEUED, RUNNING, Job
from imagelet.lab.schemas import Told

router = APIRouter(prefix="/api", tags=["course"])


class Lesson(Told):
    """A training of the course."""

    id: str
    title: str
    note: str = Field(description="What it teaches.")
    network: str
    dataset: str
    parameters: int
    part: str = Field(description="What the figure is of: test, or validation after the last epoch.")
    expected: float = Field(description="The notes' figure, from 0 to 1.")
    rough: bool = Field(description='Whether the notes say "about".')
    reached: float | None
    interval: list[float] | None
    images: int | None
    seconds: float | None
    notes_seconds: int | None = Field(description="How long the notes' authors waited.")
    state: str = Field(description="new, queued, running, paused, failed, unfinished, finished or damaged")
    run: str | None
    job: str | None = Field(description="The last job that carried it out.")
    command: str


@router.get("/course", response_model=list[Lesson])
def course(request: Request) -> Any:
    """List the course's trainings in their order."""
    runs: Path = request.app.state.settings.runs
    queue.tend(runs)
    last = {job.course: job for job in jobs.list_jobs(runs) if job.course is not None}
    return [told(training, runs, last.get(training.name)) for training in trainings()]


def told(training: Training, runs: Path, job: Job | None) -> dict[str, Any]:
    """Return what :class:`Lesson` tells of a training, and of the last job that carried it out."""
    damaged = False
    run = find(experiment_of(training), course_folder(runs))
    try:
        result = result_of(training, training.seed, run)
    except (ImageletError, LookupError, TypeError, AssertionError):
        result, damaged = Result(training, training.seed, run.folder if run else None), True
    facts, printed = result.to_json(), training.printed[0]
    state = "new" if run is None else "finished" if run.finished else "unfinished"
    if job is not None and (job.state in (QUEUED, RUNNING) or (state != "finished" and _is_left(job))):
        state = job.state
    return {
        "id": training.name,
        "title": training.name,
        "note": training.teaches,
        **{name: facts[name] for name in ("network", "dataset", "parameters", "part", "command")},
        **{name: facts[name] for name in ("reached", "interval", "images", "seconds")},
        "expected": printed.accuracy,
        "rough": printed.rough,
        "notes_seconds": training.notes_seconds or None,
        "state": "damaged" if damaged else state,
        "run": run and run.folder.relative_to(runs).as_posix(),
        "job": job and job.id,
    }


def _is_left(job: Job) -> bool:
    """Say whether a job was left as it is, to be gone on with."""
    return job.state in (PAUSED, FAILED)
