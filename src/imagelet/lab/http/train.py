"""The tab Train: datasets, recipes, and trainings that are started, watched and steered."""

import re
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, Header
from pydantic import Field, StrictBool, StrictFloat, StrictInt, model_validator
from starlette.responses import Response, StreamingResponse

from imagelet.errors import BusyError, ConflictError
from imagelet.http.schemas import Fault, Received, Sent
from imagelet.lab.http.schemas import Image, Name
from imagelet.lab.http.state import CurrentLab, Lab
from imagelet.lab.jobs import plan as plans
from imagelet.lab.jobs import queue
from imagelet.lab.jobs.events import all_received, stream
from imagelet.lab.jobs.measure import seconds_of
from imagelet.lab.jobs.plan import for_a_page
from imagelet.lab.jobs.queue import job_facts
from imagelet.lab.jobs.store import RUNNING
from imagelet.lab.services.networks import dataset_rows, dataset_samples, recipe_rows
from imagelet.messages import Message, translate
from imagelet.runs.definition import AUTO

router = APIRouter(prefix="/api", tags=["train"])

EVENT_ID = re.compile(r"[0-9]{1,15}")
LONGEST = 20_000  # letters of network text
Setting = Annotated[
    StrictBool | StrictInt | StrictFloat | str, Field(union_mode="left_to_right")
]  # strict: else 1 were true


class Described(Received):
    """What is trained on what, how."""

    dataset: Name | None = None
    network: str | None = Field(
        None, max_length=LONGEST, description="Its name or its text; else the recipe's."
    )
    recipe: Name = "general"
    settings: dict[Name, Setting] = Field(
        default_factory=dict, max_length=100, description="Fields of the recipe that are to be otherwise."
    )
    seed: int = 0
    validation: float | Annotated[str, Field(max_length=40)] = AUTO
    limit: int = Field(0, description="How many training images to use at most; 0 for all.")


class Planned(Described):
    """A training that may come."""

    dataset: Name
    name: str | None = Field(None, max_length=1000, description="The run's.")


class NewJob(Described):
    """A training: either the course's, by its id, or described."""

    course: Name | None = Field(None, description="An experiment of the course; then nothing else is said.")
    name: str | None = Field(None, max_length=1000, description="The run's.")
    test: bool = Field(False, description="Evaluate on the test images at the end, once.")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.course is None) == (self.dataset is None):
            raise ValueError(Message("say either a dataset or an experiment of the course"))
        return self


class Continued(Received):
    """How much longer a finished training goes on."""

    epochs: int = Field(ge=1, le=10_000)


class Place(Received):
    """Where a training that waits is to be in the queue."""

    place: int = Field(ge=0, le=10_000, description="0: it is the next one.")


class Change(Received):
    """What is changed while a training runs."""

    learning_rate_factor: float = Field(ge=queue.LOWEST, le=queue.HIGHEST)


class Job(Sent):
    """A training and how far it has come."""

    id: str
    state: str = Field(description="queued, running, paused, stopped, finished or failed")
    want: str = Field(description="run, pause, stop or step: what one that runs or waits has been asked for")
    place: int | None = Field(description="In the queue, of one that waits; 0 is the next one.")
    run: str | None = Field(description="The run's name, once it has started.")
    name: str | None = Field(description="The name that was asked for.")
    experiment: dict[str, Any]
    test: bool
    course: str | None
    continues: str | None = Field(description="The run with whose weights it starts.")
    created: str
    learning_rate_factor: float
    progress: dict[str, Any] | None = Field(description="Of one that runs.")
    history: list[dict[str, Any]]
    can_retry: bool = Field(description="Its loss was not finite: a lower learning rate may help.")
    can_resume: bool
    can_continue: bool
    error: Fault | None


class Plan(Sent):
    """What a training would be."""

    network: str = Field(description="Its name or its text: the real one, where the recipe says auto.")
    parameters: int
    available_images: int
    training_images: int
    validation_images: int
    steps: int = Field(description="In an epoch.")
    epochs: int
    stops_early: bool = Field(description="It may end before the last epoch.")
    settings: dict[str, int | float] = Field(description="What the recipe's auto stands for here.")
    memory_bytes: int = Field(description="That it takes about.")
    memory_there: int = Field(description="0 where the system does not tell.")


class Duration(Sent):
    """How long a training takes here, about."""

    seconds: float | None
    why: Literal["training", "measuring", "long"] | None = Field(
        description="Why there are no seconds: something trains, another is being measured, or a few steps "
        "alone take too long to be waited for."
    )


class LearningRates(Sent):
    """What a learning rate range test measured."""

    settings: dict[str, float] = Field(description="The suggestion, as fields of the recipe.")
    suggestion: float
    steepest: float = Field(description="The rate at which the loss falls most steeply.")
    tenth_of_lowest: float = Field(description="A tenth of the rate at which the loss is lowest.")
    lowest: float
    exploded: bool = Field(description="It ended because the loss exploded, not at the highest rate.")
    steps: int
    rates: list[float] = Field(description="Of each step, rising.")
    losses: list[float]
    smoothed: list[float] = Field(description="The moving average of the losses.")


class RangeTest(Sent):
    """A learning rate range test and how far it has come."""

    id: str
    state: Literal["running", "finished", "failed"]
    step: int = Field(description="How many steps are taken.")
    steps: int | None = Field(description="How many there are at most, once the images are read.")
    result: LearningRates | None
    error: Fault | None


class ListedSample(Sent):
    """A training image of a dataset."""

    label: str
    image: Image


class ListedDataset(Sent):
    """A dataset by its name."""

    name: str
    title: str
    description: str
    classes: list[str]
    shape: list[int]
    images: dict[str, int]
    available: bool = Field(description="Whether its images are on this machine.")


class ListedRecipe(Sent):
    """A recipe by its name."""

    name: str
    note: str
    network: str
    settings: dict[str, bool | int | float | str]


class SettingField(Sent):
    """A setting of every recipe."""

    name: str
    group: str = Field(description="What it is for: settings of one purpose are shown together.")
    term: str = Field(description="What the literature calls it.")
    unit: str
    meaning: str
    default: bool | int | float | str
    allowed: list[str] | list[float] | None = Field(
        description="Names; or the lowest and the highest number; null for true and false."
    )
    open_end: bool = Field(description="The highest number itself is not allowed.")
    auto: int | None = Field(description="The number that stands for what suits the images, if there is one.")


class Recipes(Sent):
    """Every recipe, and what can be set in them."""

    recipes: list[ListedRecipe]
    fields: list[SettingField]


async def _training_lab(lab: CurrentLab) -> Lab:
    """Return the lab, if it may start trainings."""
    if not lab.settings.training:
        raise ConflictError("this lab trains nothing")
    return lab


TrainingLab = Annotated[Lab, Depends(_training_lab)]


@router.get("/datasets", response_model=list[ListedDataset])
async def list_datasets(lab: CurrentLab) -> Any:
    """List the datasets that have a name, the smallest first: the page begins with the quickest."""
    return await lab.threads.run(dataset_rows)


@router.get("/datasets/{name}/samples", response_model=list[ListedSample])
async def list_samples(lab: CurrentLab, name: str) -> Any:
    """List some training images of a dataset, the classes in turn."""
    with for_a_page():
        return await lab.threads.run(dataset_samples, name)


@router.get("/recipes", response_model=Recipes)
async def list_recipes() -> Any:
    """List the recipes, and the fields of all of them."""
    rows = recipe_rows()
    for recipe in rows["recipes"]:
        recipe["note"] = translate(recipe["note"])
    for field in rows["fields"]:
        field |= {name: translate(field[name]) for name in ("term", "unit", "meaning")}
    return rows


@router.post("/jobs", response_model=Job)
def start(lab: TrainingLab, body: NewJob) -> Any:
    """Put a training into the queue; it starts when no other runs."""
    with for_a_page():
        if body.course is not None:
            job = queue.start_lesson(lab.jobs, lab.settings.queued, body.course)
        else:
            fields = body.model_dump(exclude={"course"}) | {"validation": str(body.validation)}
            job = queue.start(lab.jobs, lab.settings.queued, **fields)
    return job_facts(lab.jobs, job)


@router.post("/plan", response_model=Plan)
def show_plan(lab: TrainingLab, body: Planned) -> Any:
    """Check a training that may come, and say what it would be: network, images, steps, memory."""
    return _plan(lab, body).facts()


@router.post("/plan/seconds", response_model=Duration)
def measure_plan(lab: TrainingLab, body: Planned) -> Any:
    """Say how long a training would take: a few of its steps are taken in a process of its own.

    While another one trains nothing is measured: both would be slower.
    """
    planned = _plan(lab, body)
    if any(job.state == RUNNING for job in lab.jobs.jobs()):
        return {"seconds": None, "why": "training"}
    try:
        seconds = seconds_of(planned)
    except BusyError:
        return {"seconds": None, "why": "measuring"}
    return {"seconds": seconds, "why": None if seconds is not None else "long"}


@router.post("/learning-rates", response_model=RangeTest)
def start_range_test(lab: TrainingLab, body: Planned) -> Any:
    """Start a learning rate range test of a training that may come, in its own process; no run is made."""
    planned = _plan(lab, body)
    if any(job.state == RUNNING for job in lab.jobs.jobs()):
        raise ConflictError("something is being trained", "test learning rates when it is done, or pause it")
    return lab.range_tests.start(planned).facts()


@router.get("/learning-rates/{identity}", response_model=RangeTest)
def one_range_test(lab: CurrentLab, identity: str) -> Any:
    """Say how far a learning rate range test is, and at its end what it measured."""
    return lab.range_tests.find(identity).facts()


@router.delete("/learning-rates/{identity}", status_code=204)
def cancel_range_test(lab: CurrentLab, identity: str) -> None:
    """End a learning rate range test; nothing of it is kept."""
    lab.range_tests.cancel(identity)


def _plan(lab: Lab, body: Planned) -> plans.Plan:
    with for_a_page():
        plans.check_name(lab.jobs, body.name)
        fields = body.model_dump(exclude={"name"}) | {"validation": str(body.validation)}
        return plans.plan(**fields)[1]


@router.get("/jobs", response_model=list[Job])
def list_jobs(lab: CurrentLab) -> Any:
    """List the trainings, the oldest first."""
    return [job_facts(lab.jobs, job) for job in lab.jobs.jobs()]


@router.get("/jobs/{identity}", response_model=Job)
def one_job(lab: CurrentLab, identity: str) -> Any:
    """Return one training."""
    return job_facts(lab.jobs, lab.jobs.find(identity))


@router.post("/jobs/{identity}/pause", response_model=Job)
def pause(lab: CurrentLab, identity: str) -> Any:
    """Save a training's state and let the next one run."""
    return job_facts(lab.jobs, queue.pause(lab.jobs, identity))


@router.post("/jobs/{identity}/resume", response_model=Job)
def resume(lab: TrainingLab, identity: str) -> Any:
    """Resume a training that was paused or cut short, to the same result as without the pause."""
    return job_facts(lab.jobs, queue.resume(lab.jobs, identity, lab.settings.queued))


@router.post("/jobs/{identity}/stop", response_model=Job)
def stop(lab: CurrentLab, identity: str) -> Any:
    """End a training with the best epoch so far; before the first is done its state stays saved."""
    return job_facts(lab.jobs, queue.stop(lab.jobs, identity))


@router.post("/jobs/{identity}/step", response_model=Job)
def step(lab: TrainingLab, identity: str) -> Any:
    """Let a paused training take one optimizer step; the event batch says what it learned from."""
    return job_facts(lab.jobs, queue.step(lab.jobs, identity))


@router.post("/jobs/{identity}/retry", response_model=Job)
def retry(lab: TrainingLab, identity: str) -> Any:
    """Begin a training whose loss was not finite once more, with a tenth of its learning rates."""
    return job_facts(lab.jobs, queue.retry(lab.jobs, lab.settings.queued, identity))


@router.post("/jobs/{identity}/place", response_model=Job)
def place(lab: CurrentLab, identity: str, body: Place) -> Any:
    """Give a training that waits another place in the queue."""
    return job_facts(lab.jobs, queue.place(lab.jobs, identity, body.place))


@router.delete("/jobs/{identity}", status_code=204)
def remove(lab: CurrentLab, identity: str) -> None:
    """Take a training that waits out of the queue, or one that has ended out of the list; its run stays."""
    queue.remove(lab.jobs, identity)


@router.delete("/jobs", status_code=204)
def remove_failed(lab: CurrentLab, state: Literal["failed"]) -> None:
    """Take all trainings of a state out of the list; their runs stay."""
    queue.remove_all(lab.jobs, state)


@router.patch("/jobs/{identity}", response_model=Job)
def change(lab: CurrentLab, identity: str, body: Change) -> Any:
    """Multiply the recipe's learning rate by a factor from the next step on."""
    return job_facts(lab.jobs, queue.change_learning_rate(lab.jobs, identity, body.learning_rate_factor))


@router.post("/jobs/{identity}/continue", response_model=Job)
def continue_training(lab: TrainingLab, identity: str, body: Continued) -> Any:
    """Train a finished run's weights for more epochs: a new run, the recipe's schedule from its start."""
    job = queue.continue_training(lab.jobs, lab.settings.queued, identity, body.epochs)
    return job_facts(lab.jobs, job)


@router.get(
    "/jobs/{identity}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}, 204: {"description": "All was received."}},
)
def events(
    lab: CurrentLab, identity: str, last_event_id: Annotated[str | None, Header(max_length=20)] = None
) -> Response:
    """Send what happens as server-sent events, from the beginning.

    They are state, data, progress, epoch, filters, weights, misread, batch, manual_change, finishing and
    error. Of what only says how it is now, such as progress and filters, the last is sent. The stream ends
    when the training has ended.
    """
    job = lab.jobs.find(identity)
    after = int(last_event_id) if last_event_id and EVENT_ID.fullmatch(last_event_id) else 0
    if after and all_received(lab.jobs, job, after):
        return Response(status_code=204)  # a browser stops connecting again and again
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    content = stream(lab.jobs, identity, after)
    return StreamingResponse(content, media_type="text/event-stream", headers=headers)
