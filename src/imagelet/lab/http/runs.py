"""The tab Runs: runs, series and studies listed, opened, compared, deleted and restored.

A run of a course or a series has a slash in its name, which an address may hold as it is.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import FileResponse

from imagelet import paths
from imagelet.analysis.comparison import compare
from imagelet.errors import ConflictError, RunError, UsageError
from imagelet.http.schemas import Sent
from imagelet.lab.http.schemas import Image
from imagelet.lab.http.state import CurrentLab
from imagelet.lab.jobs.store import QUEUED, RUNNING
from imagelet.lab.services.runs import RunList, cell, in_full
from imagelet.report import write_report
from imagelet.runs.run import Run
from imagelet.runs.store import (
    delete_run,
    deleted_runs,
    restore_run,
    shipped_classifiers,
)

router = APIRouter(prefix="/api", tags=["runs"])

MOST_COMPARED = 8
LARGEST_CLASS = 100_000

FILE: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {}}}}
PAGE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {}}}}


class Accuracy(Sent):
    """A fraction of correct predictions with its Wilson interval at 95 %."""

    accuracy: float
    interval: list[float]
    images: int


class RunRow(Sent):
    """A run among others."""

    name: str
    state: str = Field(description="running, finished, unfinished or damaged")
    problem: str | None = Field(description="Why the run is damaged.")
    dataset: str | None
    network: str | None
    parameters: int | None
    epochs: int | None
    seconds: float | None
    validation: Accuracy | None
    test: Accuracy | None
    test_evaluations: int | None = Field(description="How often the run was evaluated on the test images.")
    created: str | None


class Mean(Sent):
    """The accuracies of several trainings taken together; of a study, the best one."""

    accuracy: float
    interval: list[float] | None = Field(description="At 95 %: over seeds, or of all folds' images.")
    deviation: float | None = Field(description="The sample standard deviation of the accuracies.")
    runs: int = Field(description="How many trainings are in it.")


class Numbered(Sent):
    """A run of a series."""

    number: int = Field(description="Its seed, or its fold, counted from 1.")
    name: str


class GroupRow(Sent):
    """A series of runs, or a study, among others."""

    name: str
    kind: str = Field(description="seeds, folds or study")
    state: str = Field(description="running, finished, unfinished or damaged")
    problem: str | None = Field(description="Why it is damaged.")
    dataset: str | None
    network: str | None
    planned: int = Field(description="How many trainings belong to it; of a study, the trials so far.")
    finished: int = Field(description="How many of them were trained to their end.")
    runs: list[Numbered] = Field(description="Those of a series that were started.")
    validation: Mean | None
    test: Mean | None
    seconds: float | None
    created: str | None


class Study(Sent):
    """A search for a better recipe."""

    name: str
    dataset: str
    recipe: str = Field(description="That the search started from.")
    result: dict[str, Any] | None = Field(description="What imagelet tune --json prints.")
    recipe_file: str | None
    figures: list[str] = Field(description="The pictures that it has.")
    resume: str = Field(description="What resumes it in a terminal.")


class Confusion(Sent):
    """How often each label (row) was predicted as each class (column)."""

    part: str
    classes: list[str]
    table: list[list[int]]


class RunInFull(Sent):
    """All that is in a run's folder."""

    name: str
    state: str
    experiment: dict[str, Any]
    metrics: dict[str, Any]
    history: list[dict[str, Any]]
    environment: dict[str, Any]
    confusion: Confusion | None
    test_evaluations: int
    terminal: str = Field(description="What the command line calls the run.")


class CellImage(Sent):
    """An image behind a number of the confusion matrix."""

    sample: str
    image: Image
    label: str
    predicted: str
    probability: float


class Deleted(Sent):
    """A run or a study that was deleted, or restored."""

    name: str


@router.get("/runs", response_model=list[RunRow])
def list_runs(lab: CurrentLab) -> Any:
    """List the runs, the newest first."""
    return lab.runs.rows(lab.jobs.runs_in(RUNNING))


@router.get("/groups", response_model=list[GroupRow])
def list_groups(lab: CurrentLab) -> Any:
    """List the series and the studies."""
    return lab.groups.rows(lab.jobs.runs_in(RUNNING))


@router.get("/studies/{name}", response_model=Study)
def one_study(lab: CurrentLab, name: str) -> Any:
    """Return all that is known of a study."""
    study = lab.groups.study(name)
    words = ["imagelet", "tune", study["dataset"], "--name", name, "--resume"]
    if lab.runs.folder.resolve() != paths.runs().resolve():
        words += ["--runs", str(lab.runs.folder)]
    return {**study, "resume": " ".join(paths.typed(word) for word in words)}


@router.get("/studies/{name}/{file}", response_class=FileResponse, responses=FILE)
def file_of_a_study(
    lab: CurrentLab, name: str, file: Literal["trials.png", "importance.png", "recipe.toml"]
) -> FileResponse:
    """Send a figure of a study, or the recipe that it found."""
    path = lab.groups.file_of(name, file)
    return FileResponse(path, 200, None, "image/png" if path.suffix == ".png" else "application/toml")


@router.delete("/studies/{name}", response_model=Deleted)
def remove_study(lab: CurrentLab, name: str) -> Any:
    """Move a study to the trash, from which it can be restored."""
    lab.groups.delete_study(name)
    return {"name": name}


@router.get("/compare")
async def compared(lab: CurrentLab, runs: Annotated[str, Query(max_length=2_000)]) -> dict[str, Any]:
    """Compare runs and shipped classifiers, their names parted by commas, on their validation images."""
    files = _classifiers(lab.runs, [name for name in runs.split(",") if name])
    comparison = await lab.threads.run(compare, files)
    return {**comparison.to_json(), "figures": []}


@router.get("/trash", response_model=list[Deleted])
def list_deleted(lab: CurrentLab) -> Any:
    """List the deleted runs and studies that can be restored."""
    return [{"name": name} for name in sorted(deleted_runs(lab.runs.folder))]


@router.get("/runs/{name:path}/cell", response_model=list[CellImage])
async def images_of_a_cell(
    lab: CurrentLab,
    name: str,
    label: Annotated[int, Query(ge=0, le=LARGEST_CLASS)],
    predicted: Annotated[int, Query(ge=0, le=LARGEST_CLASS)],
    part: Literal["validation", "test"] = "validation",
) -> Any:
    """Show the images with this label and this prediction, indices of classes, the most confident first."""
    return await lab.threads.run(cell, lab.runs.find(name), label, predicted, part, lab.cells)


@router.get("/runs/{name:path}/classifier", response_class=FileResponse, responses=FILE)
def classifier(lab: CurrentLab, name: str) -> FileResponse:
    """Send the run's classifier, the one file that predicts."""
    run = finished_run(lab.runs, name)
    if not run.classifier_file.resolve().is_relative_to(lab.runs.folder.resolve()):
        raise RunError(
            "the classifier of the run '{name}' is a link to a file elsewhere, which is not sent",
            hint="copy that file into the run's folder",
            name=name,
        )
    return FileResponse(
        run.classifier_file, 200, None, "application/octet-stream", filename=f"{run.name}.safetensors"
    )


@router.post("/runs/{name:path}/report", response_class=FileResponse, responses=PAGE)
async def report(lab: CurrentLab, name: str) -> FileResponse:
    """Write the run's page, one HTML file that needs nothing else, and send it."""
    run = finished_run(lab.runs, name)
    written = await lab.threads.run(write_report, run)
    return FileResponse(written.file, 200, None, "text/html", filename=f"{run.name}-report.html")


@router.post("/runs/{name:path}/restore", response_model=Deleted)
def restore(lab: CurrentLab, name: str) -> Any:
    """Restore a deleted run or study."""
    restore_run(lab.runs.folder, name)
    return {"name": name}


@router.get("/runs/{name:path}", response_model=RunInFull)
def one_run(lab: CurrentLab, name: str) -> Any:
    """Return all that is in a run's folder."""
    training = lab.jobs.runs_in(RUNNING)
    run = lab.runs.find(name)
    terminal = name if lab.runs.folder.resolve() == paths.runs().resolve() else str(run.folder)
    return {**in_full(name, run, is_running=name in training), "terminal": terminal}


@router.delete("/runs/{name:path}", response_model=Deleted)
def remove(lab: CurrentLab, name: str) -> Any:
    """Move a run to the trash, from which it can be restored."""
    if name in lab.jobs.runs_in(QUEUED, RUNNING):
        raise ConflictError("the run '{name}' is in training", "stop it first, or pause it", name=name)
    delete_run(lab.runs.folder, name)
    return {"name": name}


def finished_run(runs: RunList, name: str) -> Run:
    """Return the run of that name, which has a classifier.

    Raises:
        RunError: there is none, or it is not finished.
    """
    run = runs.find(name)
    if not run.finished or not run.classifier_file.is_file():
        raise RunError(
            "the run '{name}' is not finished: it has no classifier yet", "wait until it is", name=name
        )
    return run


def _classifiers(runs: RunList, names: list[str]) -> list[str]:
    """Return the files of the classifiers that are named; a run comes before a shipped one of its name."""
    if not 2 <= len(names) <= MOST_COMPARED:
        raise UsageError(
            "compare takes 2 to {most} runs, not {count}",
            "choose others",
            most=MOST_COMPARED,
            count=len(names),
        )
    shipped, known = shipped_classifiers(), runs.by_name()
    return [
        str(
            shipped[name]
            if name in shipped and name not in known
            else finished_run(runs, name).classifier_file
        )
        for name in names
    ]
