"""The tab Course: its pages, and its trainings with the notes' figures beside ours."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field

from imagelet.course.lessons import Language, Training, page_names, read_page, trainings
from imagelet.course.results import Result, course_folder, experiment_of, result_of
from imagelet.errors import ImageletError
from imagelet.http.schemas import Sent
from imagelet.lab.http.roles import Role, role_in
from imagelet.lab.http.schemas import Name
from imagelet.lab.http.state import CurrentLab
from imagelet.lab.jobs.store import FAILED, PAUSED, QUEUED, RUNNING, Job, JobStore
from imagelet.runs.store import find_run_of

router = APIRouter(prefix="/api", tags=["course"])


class Lesson(Sent):
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
    job: str | None = Field(description="The last job that ran it.")
    command: str


class Heading(Sent):
    """A page of the course, by its heading."""

    name: str
    title: str
    experiment: str | None = Field(description="The training that it is about.")


class Reading(Heading):
    """A page of the course, to be read."""

    language: Language
    html: str = Field(description="From its heading on; links lead to `#/course?page=NAME`.")
    previous: Heading | None
    next: Heading | None


@router.get("/course/pages", response_model=list[Heading])
def pages(language: Annotated[Language, Query()] = "en") -> Any:
    """List the course's pages in their order; the entrance is the first."""
    return [_heading(name, language) for name in page_names()]


@router.get("/course/pages/{name}", response_model=Reading)
def page(name: Annotated[Name, Path()], language: Annotated[Language, Query()] = "en") -> Any:
    """Return a page of the course."""
    content = read_page(name, language)
    return {
        **_heading(name, language),
        "language": language,
        "html": content.html,
        "previous": content.previous and _heading(content.previous, language),
        "next": content.next and _heading(content.next, language),
    }


@router.get("/course", response_model=list[Lesson])
def lessons(request: Request, lab: CurrentLab) -> Any:
    """List the course's trainings in their order; to a class's pupils none of them is trained."""
    if role_in(request.scope) is Role.PUPIL:
        return [_facts(Result(training, training.seed, None)) for training in trainings()]
    last = {job.course: job for job in lab.jobs.jobs_if_usable() if job.course is not None}
    return [_lesson(training, lab.jobs, last.get(training.name)) for training in trainings()]


def _heading(name: str, language: Language) -> dict[str, Any]:
    content = read_page(name, language)
    return {"name": name, "title": content.title, "experiment": content.experiment}


def _lesson(training: Training, store: JobStore, job: Job | None) -> dict[str, Any]:
    """Return what is known of a training, and of the last job that ran it."""
    is_damaged = False
    run = find_run_of(experiment_of(training), course_folder(store.runs))
    try:
        result = result_of(training, training.seed, run)
    except (ImageletError, LookupError, TypeError, AssertionError):
        result, is_damaged = Result(training, training.seed, run.folder if run else None), True
    state = "new" if run is None else "finished" if run.finished else "unfinished"
    if job is not None and (job.state in (QUEUED, RUNNING) or (state != "finished" and _can_resume(job))):
        state = job.state
    return {
        **_facts(result),
        "state": "damaged" if is_damaged else state,
        "run": run and run.folder.relative_to(store.runs).as_posix(),
        "job": job and job.id,
    }


def _facts(result: Result) -> dict[str, Any]:
    """Return what the notes and our training say, without what is under way."""
    training, facts = result.training, result.to_json()
    printed = training.printed[0]
    return {
        "id": training.name,
        "title": training.name,
        "note": training.teaches,
        **{name: facts[name] for name in ("network", "dataset", "parameters", "part", "command")},
        **{name: facts[name] for name in ("reached", "interval", "images", "seconds")},
        "expected": printed.accuracy,
        "rough": printed.rough,
        "notes_seconds": training.notes_seconds or None,
        "state": "new",
        "run": None,
        "job": None,
    }


def _can_resume(job: Job) -> bool:
    return job.state in (PAUSED, FAILED)
