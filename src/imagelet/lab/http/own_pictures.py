"""A person's own test set: pictures added, shown and taken out, and how a classifier does on them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from imagelet.errors import PictureError
from imagelet.http.schemas import Picture, Received, Sent
from imagelet.lab.http.collect import PNG, small_picture
from imagelet.lab.http.schemas import Name
from imagelet.lab.http.state import CurrentLab, Lab
from imagelet.lab.services import own_pictures

router = APIRouter(prefix="/api", tags=["own pictures"])

ClassifierName = Annotated[Name, Query(description="The set is that of its classes.")]
FileName = Annotated[Name, Query(description="The picture's.")]


class NewOwnPicture(Received):
    """A picture and what it shows."""

    classifier: Name = Field(description="The picture joins the set of its classes.")
    picture: Picture
    label: Name = Field(description="One of the classifier's classes.")
    name: str | None = Field(None, max_length=100, description="Who drew, wrote or took it.")


class OwnPicture(Sent):
    """A picture of the set."""

    file: str
    label: str
    name: str = Field(description="Who drew, wrote or took it; may be empty.")


class OwnPictures(Sent):
    """A person's own labelled pictures of a list of classes, the last first."""

    count: int
    table: str = Field(description="The file that names the pictures with their labels.")
    pictures: list[OwnPicture]


class Tested(Received):
    """A classifier to test."""

    classifier: Name


class Mistake(Sent):
    """A picture whose predicted class is not its label."""

    file: str
    label: str
    predicted: str
    probability: float


class OwnResult(Sent):
    """How a classifier does on the own pictures."""

    images: int
    correct: int
    accuracy: float
    interval: list[float] = Field(description="At 95 %, where each picture counts by itself.")
    people: int | None = Field(description="How many the pictures are from; null where nobody said.")
    interval_by_person: list[float] | None = Field(
        description="At 95 %, where each person's pictures count together."
    )
    mistakes: list[Mistake] = Field(description="The most confident first.")


@router.get("/own", response_model=OwnPictures)
async def list_own_pictures(lab: CurrentLab, classifier: ClassifierName) -> Any:
    """List the own pictures of a classifier's classes, and say where they are."""
    return await lab.threads.run(own_pictures.own_pictures, lab.settings.runs, _classes(lab, classifier))


@router.post("/own", response_model=OwnPictures)
async def add_own_picture(lab: CurrentLab, body: NewOwnPicture) -> Any:
    """Add a labelled picture to the person's own; one that is there gets this label."""
    async with lab.pictures.opened([body.picture]) as (picture,):
        if isinstance(picture, PictureError):
            raise picture
        return await lab.threads.run(
            own_pictures.add_picture,
            lab.settings.runs,
            _classes(lab, body.classifier),
            picture,
            body.label,
            body.name or "",
        )


@router.delete("/own", response_model=OwnPictures)
async def remove_own_picture(lab: CurrentLab, classifier: ClassifierName, file: FileName) -> Any:
    """Take a picture out of the set."""
    classes = _classes(lab, classifier)
    return await lab.threads.run(own_pictures.remove_picture, lab.settings.runs, classes, file)


@router.get("/own/picture", response_class=Response, responses=PNG)
async def own_picture(lab: CurrentLab, classifier: ClassifierName, file: FileName) -> Response:
    """Send a picture of the set, small, as PNG."""
    return await small_picture(
        lab, own_pictures.find_picture(lab.settings.runs, _classes(lab, classifier), file)
    )


@router.post("/own/result", response_model=OwnResult)
async def own_result(lab: CurrentLab, body: Tested) -> Any:
    """Test a classifier on the own pictures."""
    named = lab.classifiers.find(body.classifier)
    classes = _classes(lab, body.classifier)
    return await lab.threads.run(own_pictures.result_of, lab.settings.runs, classes, named.file)


def _classes(lab: Lab, name: str) -> list[str]:
    """Return a classifier's classes, read from the head of its file."""
    return [str(label) for label in lab.classifiers.facts(lab.classifiers.find(name))["classes"]]
