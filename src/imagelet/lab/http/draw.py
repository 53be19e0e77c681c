"""Which classifiers there are, what they make of pictures, and a person's own labelled drawings."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field

from imagelet.classifier.prediction import Prediction
from imagelet.errors import ImageletError, PictureError
from imagelet.lab.http import schemas
from imagelet.lab.http.schemas import Asked, Fault, Image, Name, Picture, Told
from imagelet.lab.services import encoding
from imagelet.lab.services.classifiers import Classifiers, described
from imagelet.messages import translate

router = APIRouter(prefix="/api", tags=["predict"])


class KnownClassifier(Told):
    """A classifier by its name."""

    name: str
    shipped: bool
    dataset: str
    classes: list[str]
    input_shape: list[int]
    accuracy: float | None = Field(description="On the validation images, from 0 to 1.")
    network: str


class Pictures(Asked):
    """Pictures, and whom to ask."""

    classifier: Name
    pictures: list[Picture] = Field(min_length=1, max_length=schemas.MOST_PICTURES)


class Answer(Told):
    """What a classifier says of one picture."""

    predicted: str = Field(description="The predicted class's name.")
    class_: int = Field(alias="class", description="The predicted class's index, from 0.")
    probability: float
    sure: bool
    warnings: list[str]
    probabilities: list[float] = Field(description="One for each class; calibrated, they add up to 1.")
    framed_input: Image


class Unreadable(Told):
    """A picture that cannot be read."""

    error: Fault


class Answers(Told):
    """What a classifier says of each picture, in their order."""

    classes: list[str]
    predictions: list[Answer | Unreadable]


@router.get("/classifiers", response_model=list[KnownClassifier])
async def list_classifiers(request: Request) -> Any:
    """List the classifiers: runs, the last first, then those that come with the package."""
    return await request.app.state.work.run(described, request.app.state.classifiers)


@router.post("/predict", response_model=Answers)
async def predict(request: Request, asked: Pictures) -> Any:
    """Say what each picture shows; one that cannot be read gives an error in its place."""
    answers = await request.app.state.predictions.ask(asked.classifier, asked.pictures)
    for item in answers["predictions"]:  # computed together with others; the language is of this request
        if "error" in item:
            item["error"] = {name: translate(text) for name, text in item["error"].items()}
        else:
            item["warnings"] = [translate(warning) for warning in item["warnings"]]
    return answers


def answers(classifiers: Classifiers, name: str, asked: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """Return a classifier's answers to several requests' pictures, each as :class:`Answers` has them."""
    classifier = classifiers.load(name)
    contents = [_content(picture) for pictures in asked for picture in pictures]
    sound = [each for each in contents if isinstance(each, bytes)]
    given = iter(classifier.predict_each(sound, top=len(classifier.classes)))
    found = (next(given) if isinstance(each, bytes) else each for each in contents)
    told = (
        {"error": error_of(each)} if isinstance(each, PictureError) else prediction(each) for each in found
    )
    classes = list(classifier.classes)
    return [{"classes": classes, "predictions": list(islice(told, len(pictures)))} for pictures in asked]


def prediction(found: Prediction) -> dict[str, Any]:
    """Return a prediction that names all classes as :class:`Answer` has it."""
    shares = dict(zip(found.top_classes, (share for _, share in found.top), strict=True))
    return {
        "predicted": found.predicted,
        "class": found.class_index,
        "probability": found.probability,
        "sure": found.sure,
        "warnings": list(found.warnings),
        "probabilities": [shares[index] for index in sorted(shares)],
        "framed_input": encoding.image(found.framed_input),
    }


def error_of(error: ImageletError) -> dict[str, Any]:
    """Return an error as :class:`Fault` has it."""
    return {"message": error.message, "hint": error.hint}


def _told(found: Prediction | PictureError) -> dict[str, Any]:
    return {"error": error_of(found)} if isinstance(found, PictureError) else prediction(found)


def _content(picture: str) -> bytes | PictureError:
    try:
        return encoding.picture_file(picture)
    except PictureError as error:
        return error
