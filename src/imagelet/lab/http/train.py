"""Trainings: begun, watched, paused, changed and stopped."""

import re
from typing import Annotated, Any, Self

from fastapi import APIRouter, Header, Request
from pydantic import Field, StrictBool, StrictFloat, StrictInt, model_validator
from starlette.responses import Response, StreamingResponse

from imagelet.course import runner as course
from imagelet.course.lessons import lessons, training_of
from imagelet.data.known import datasets
from imagelet.errors import ConflictError, UsageError
from imagelet.lab.http.schemas import Asked, Fault, Name, Told
from imagelet.lab.jobs import queue
from imagelet.lab.jobs.events import all_received, stream
from imagelet.lab.jobs.store import FAILED, PAUSED, RUN, RUNNING, STOPPED, Job, JobStore
from imagelet.lab.services.encoding import epoch_figures
from imagelet.lab.settings import Settings
from imagelet.messages import Message, translate
from imagelet.networks.shapes import infer_shapes
from imagelet.networks.zoo import find_network
from imagelet.runs.definition import AUTO, Experiment, describe
from imagelet.runs.run import Run
from imagelet.runs.store import find_run_of
from imagelet.training.recipe import with_settings

router = APIRouter(prefix="/api", tags=["jobs"])

RUN_NAME = r"^\w[\w .+-]{0,99}$"
TAKEN = ("course", "own-pictures")  # folders of another kind among the runs
LARGEST = 2**32 - 1
EVENT_ID = re.compile(r"[0-9]{1,15}")
LONGEST = 20_000  # letters of network text
Setting = Annotated[
    StrictBool | StrictInt | StrictFloat | str, Field(union_mode="left_to_right")
]  # strict: else 1 were true


class NewJob(Asked):
    """A training: either the course's, by its id, or described."""

    course: Name | None = Field(None, description="An experiment of the course; then nothing else is said.")
    dataset: Name | None = None
    network: str | None = Field(
        None, max_length=LONGEST, description="Its name or its text; else the recipe's."
    )
    recipe: Name = "general"
    settings: dict[Name, Setting] = Field(
        default_factory=dict, max_length=100, description="Fields of the recipe that are to be otherwise."
    )
    name: str | None = Field(None, pattern=RUN_NAME, max_length=100, description="The run's.")
    seed: int = Field(0, ge=0, le=LARGEST)
    validation: float | Annotated[str, Field(max_length=40)] = AUTO
    limit: int = Field(0, ge=0, le=LARGEST, description="How many training images to use; 0 for all.")
    test: bool = Field(False, description="Evaluate on the test images at the end, once.")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.course is None) == (self.dataset is None):
            raise ValueError(Message("say either a dataset or an experiment of the course"))
        return self


class Continued(Asked):
    """How much longer a finished training goes on."""

    epochs: int = Field(ge=1, le=10_000)


class Change(Asked):
    """What is changed while a training runs."""

    learning_rate_factor: float = Field(ge=queue.LOWEST, le=queue.HIGHEST)


class JobTold(Told):
    """A training and how far it has come."""

    id: str
    state: str = Field(description="queued, running, paused, stopped, finished or failed")
    want: str = Field(description="run, pause or stop: what a running one has been asked for")
    run: str | None = Field(description="The run's name, once it has begun.")
    name: str | None = Field(description="The name that was asked for.")
    experiment: dict[str, Any]
    test: bool
    course: str | None
    continues: str | None = Field(description="The run with whose weights it begins.")
    created: str
    learning_rate_factor: float
    progress: dict[str, Any] | None = Field(description="Of one that runs.")
    history: list[dict[str, Any]]
    can_resume: bool
    can_continue: bool
    error: Fault | None


@router.post("/jobs", response_model=JobTold)
def start(request: Request, asked: NewJob) -> Any:
    """Put a training into the queue; it starts when no other runs."""
    settings, store = _training(request), _store(request)
    if asked.course is not None:
        job = _of_course(settings, store, asked.course)
    else:
        job = _described(settings, store, asked)
    return job_facts(store, job)


@router.get("/jobs", response_model=list[JobTold])
def list_jobs(request: Request) -> Any:
    """List the trainings, the oldest first."""
    store = _store(request)
    return [job_facts(store, job) for job in store.jobs()]


@router.get("/jobs/{identity}", response_model=JobTold)
def one_job(request: Request, identity: str) -> Any:
    """Return one training."""
    store = _store(request)
    return job_facts(store, store.find(identity))


@router.post("/jobs/{identity}/pause", response_model=JobTold)
def pause(request: Request, identity: str) -> Any:
    """Save a training's state and let the next one run."""
    queue.pause(_store(request), identity)
    return one_job(request, identity)


@router.post("/jobs/{identity}/resume", response_model=JobTold)
def resume(request: Request, identity: str) -> Any:
    """Resume a training that was paused or cut short, to the same result as without the pause."""
    queue.resume(_store(request), identity, _training(request).queued)
    return one_job(request, identity)


@router.post("/jobs/{identity}/stop", response_model=JobTold)
def stop(request: Request, identity: str) -> Any:
    """End a training with the best epoch so far."""
    queue.stop(_store(request), identity)
    return one_job(request, identity)


@router.patch("/jobs/{identity}", response_model=JobTold)
def change(request: Request, identity: str, asked: Change) -> Any:
    """Multiply the recipe's learning rate by a factor from the next step on."""
    queue.change_learning_rate(_store(request), identity, asked.learning_rate_factor)
    return one_job(request, identity)


@router.post("/jobs/{identity}/continue", response_model=JobTold)
def continue_training(request: Request, identity: str, asked: Continued) -> Any:
    """Train a finished run's weights for more epochs: a new run, the recipe's schedule from its start."""
    settings, store = _training(request), _store(request)
    job = store.find(identity)
    run = Run(settings.runs / job.run) if job.run is not None else None
    if run is None or not run.finished or not run.classifier_file.is_file():
        raise ConflictError(
            "the training is not finished: there are no weights to go on with",
            "resume it, or wait until it is finished",
        )
    experiment = _continued(run, asked.epochs)
    new = queue.submit(store, experiment.to_toml(), settings.queued, continues=job.run)
    return job_facts(store, new)


@router.get(
    "/jobs/{identity}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}, 204: {"description": "All was received."}},
)
def events(
    request: Request, identity: str, last_event_id: Annotated[str | None, Header(max_length=20)] = None
) -> Response:
    """Send what happens as server-sent events, from the beginning.

    They are state, data, progress, epoch, filters, manual_change, finishing and error. Of the progress until
    now only the last is sent. The stream ends when the training has ended.
    """
    store = _store(request)
    job = store.find(identity)
    after = int(last_event_id) if last_event_id and EVENT_ID.fullmatch(last_event_id) else 0
    if after and all_received(store, job, after):
        return Response(status_code=204)  # a browser stops connecting again and again
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream(store, identity, after), media_type="text/event-stream", headers=headers)


def job_facts(store: JobStore, job: Job) -> dict[str, Any]:
    """Return a job as :class:`JobTold` has it: with what is wanted of it, its progress and its epochs."""
    control = store.control(job.id)
    run = None if job.run is None else Run(store.runs / job.run)
    exists = run is not None and (run.folder / "experiment.toml").is_file()
    finished = run is not None and run.finished
    return {
        **{name: getattr(job, name) for name in ("id", "state", "run", "name", "experiment", "test")},
        **{name: getattr(job, name) for name in ("course", "continues")},
        "want": control.want if job.state == RUNNING else RUN,
        "created": job.created.isoformat(),
        "learning_rate_factor": control.learning_rate_factor,
        "progress": None if job.ended else store.progress(job.id),
        "history": [epoch_figures(epoch) for epoch in run.history] if run is not None and exists else [],
        "can_resume": not finished and job.state in (PAUSED, STOPPED, FAILED),
        "can_continue": run is not None and finished and run.classifier_file.is_file(),
        "error": job.error and {name: translate(text) for name, text in vars(job.error).items()},
    }


def _described(settings: Settings, store: JobStore, asked: NewJob) -> Job:
    """Put the training that is described into the queue, once all is checked that can be checked at once."""
    assert asked.dataset is not None
    card = datasets.get(asked.dataset).card  # folders are for the command line: no path comes from the page
    experiment = describe(
        asked.dataset,
        asked.network,
        asked.recipe,
        asked.settings,
        validation=str(asked.validation),
        limit=asked.limit,
        seed=asked.seed,
    )
    if experiment.network != AUTO:
        _check_network(experiment.network, card.framing.shape if card.framing else None, len(card.classes))
    if asked.name is not None and (asked.name in TAKEN or (settings.runs / asked.name).exists()):
        message = Message(
            "there is a run '{name}' already, and a run never overwrites another", name=asked.name
        )
        raise ConflictError(message, "choose another name")
    test = asked.test
    return queue.submit(store, experiment.to_toml(), settings.queued, name=asked.name, test=test)


def _of_course(settings: Settings, store: JobStore, name: str) -> Job:
    """Put an experiment of the course into the queue; one that was cut short goes on.

    Raises:
        UnknownNameError: there is none of that name.
        ConflictError: it was run before, or is running.
    """
    training = training_of(lessons.get(name))
    if training is None or training.name != name:
        raise UsageError("{name} trains no network", "type: imagelet course {name}", name=name)
    for job in store.jobs():
        if job.course == name and not job.ended:
            raise ConflictError(
                "{name} is {state} already",
                "wait for it, or resume it",
                name=name,
                state=job.state,
            )
    experiment = course.experiment_of(training)
    run = find_run_of(experiment, course.course_folder(settings.runs))
    if run is not None and run.finished:
        message = Message("{name} was run before: course/{run}", name=name, run=run.name)
        raise ConflictError(message, "delete that run to run it again")
    return queue.submit(store, experiment.to_toml(), settings.queued, course=name, test=True)


def _continued(run: Run, epochs: int) -> Experiment:
    """Return a finished run's experiment for so many epochs, with images in another order."""
    content = run.experiment
    experiment = Experiment.from_toml(content)
    recipe = with_settings(experiment.recipe, {"epochs": epochs})
    changed = {"recipe": recipe, "seed": (experiment.seed + 1) % (LARGEST + 1)}
    return Experiment(**{**vars(experiment), **changed})


def _check_network(text: str, shape: tuple[int, int, int] | None, classes: int) -> None:
    """Raise where a network cannot be built for the images; code is imported for the command line alone."""
    found = find_network(text)
    if isinstance(found.builder, str):
        raise UsageError(
            "'{given}' would run code from outside imagelet", "write network text, or a name", given=text
        )
    if found.builder is None and shape is not None:
        infer_shapes(found.text, shape, classes)


def _training(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    if not settings.training:
        raise ConflictError("this lab trains nothing")
    return settings


def _store(request: Request) -> JobStore:
    store: JobStore = request.app.state.jobs
    return store
