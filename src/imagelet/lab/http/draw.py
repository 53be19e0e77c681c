"""The tab Draw: predictions, explanations, images to try, one's own pictures."""

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field, model_validator

from imagelet.explanation.attribution import METHODS
from imagelet.http.predicting import translate_prediction
from imagelet.http.schemas import MOST_PICTURES, Picture, PlainPrediction, Received, Sent, Unreadable
from imagelet.lab.http.schemas import Image, Name, Numbers, Part, Sample
from imagelet.lab.http.state import CurrentLab
from imagelet.lab.services import pictures
from imagelet.lab.services.classifiers import classifier_rows
from imagelet.messages import Message

router = APIRouter(prefix="/api", tags=["draw"])

MOST_NEIGHBOURS = 50

Method = Literal["saliency", "integrated-gradients", "grad-cam", "occlusion"]


class KnownClassifier(Sent):
    """A classifier by its name."""

    name: str
    shipped: bool
    dataset: str
    classes: list[str]
    input_shape: list[int]
    accuracy: float | None = Field(description="On the validation images, from 0 to 1.")
    network: str


class Pictures(Received):
    """Pictures, and the classifier that is to predict them."""

    classifier: Name
    pictures: list[Picture] = Field(min_length=1, max_length=MOST_PICTURES)


class Prediction(PlainPrediction):
    """A classifier's prediction for one picture, and what the network saw of it."""

    framed_input: Image


class Predictions(Sent):
    """A classifier's prediction for each picture, in their order."""

    classes: list[str]
    predictions: list[Prediction | Unreadable]


class OnePicture(Received):
    """One picture, or an image of the dataset, and the classifier."""

    classifier: Name
    picture: Picture | None = None
    sample: Sample | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "OnePicture":
        if (self.picture is None) == (self.sample is None):
            raise ValueError(Message("send either a picture or a sample"))
        return self


class Explained(OnePicture):
    """One picture, and what to explain of it."""

    layers: bool = False
    attributions: list[Method] = Field([], max_length=len(METHODS))
    target: int | Name | None = Field(None, description="The class that the attributions are about.")
    neighbours: int = Field(0, ge=0, le=MOST_NEIGHBOURS)


class Unit(OnePicture):
    """One picture, and one number of a layer's activations."""

    layer: Name
    index: list[Annotated[int, Field(ge=-(2**31), le=2**31)]] = Field(min_length=1, max_length=3)


class LayerActivations(Sent):
    """What a layer makes of the picture."""

    name: str
    kind: str
    family: str
    channelwise: bool = Field(description="Whether each channel comes from its own channel alone.")
    sources: list[str] = Field(description="The layers whose outputs it takes.")
    shape: list[int] = Field(description="(height, width, channels) or (values).")
    low: float
    high: float
    zeros: float = Field(description="The fraction of values that are 0.")
    silent: float = Field(description="The fraction of units without a value above 0.")
    values: Numbers
    weights: bool = Field(False, description="Whether it has weights.")
    biases: bool = Field(False, description="Whether it has biases.")


class AttributionMap(Sent):
    """What speaks for a class, pixel by pixel."""

    method: str
    layer: str | None
    name: str
    probability: float
    signed: bool = Field(description="Whether values below 0 speak against the class.")
    values: Numbers = Field(description="(height, width) of the image that the network gets.")
    on_picture: Numbers | None = Field(
        description=f"The same on the whole picture, at most {pictures.LONGEST_SIDE} a side."
    )


class NeighbourImage(Sent):
    """A training image that is like the picture to the network."""

    index: int
    label: str
    distance: float
    image: Image


class Explanation(Sent):
    """A classifier's prediction for one picture, and how it comes about."""

    prediction: Prediction
    classes: list[str]
    label: str | None = Field(description="The true class, where the picture is an image of the dataset.")
    input: LayerActivations | None = Field(description="What the first layer gets: the normalised pixels.")
    layers: list[LayerActivations]
    attributions: list[AttributionMap]
    neighbours: list[NeighbourImage]
    preparing: bool = Field(description="The neighbours are being prepared; ask again in some seconds.")
    prepared: float | None = Field(
        description="The fraction of training images that is prepared, once known."
    )
    missing: list[str] = Field(description="What is left out, and why.")


class NextLayer(Sent):
    """A layer that comes after; its value is null where it takes other numbers, too."""

    name: str
    kind: str
    value: float | None


class Number(Sent):
    """One number of a layer's activations, and how it comes about; lists are null where there is nothing."""

    layer: str
    kind: str
    index: list[int]
    sources: list[str]
    method: str
    inputs: list[Any]
    first: list[int]
    step: list[int]
    weights: list[Any] | None
    products: list[Any] | None
    bias: float
    exponentials: list[Any] | None
    winner: list[int] | None
    parts: dict[str, float]
    result: float
    text: str
    following: list[NextLayer]
    input_shape: list[int] = Field(description="Of what the layer gets.")
    size_formula: str | None = Field(description="How the size of the layer's output comes about.")


class OneFile(Received):
    """A picture file."""

    picture: Picture


class SampleImage(Sent):
    """An image of a dataset."""

    sample: str
    label: str
    image: Image


@router.get("/classifiers", response_model=list[KnownClassifier])
async def list_classifiers(lab: CurrentLab) -> Any:
    """List the classifiers: runs, the last first, then those that come with the package."""
    return await lab.threads.run(classifier_rows, lab.classifiers)


@router.post("/predict", response_model=Predictions)
async def predict(lab: CurrentLab, body: Pictures) -> Any:
    """Predict what each picture shows; one that cannot be read gives an error in its place."""
    values = partial(pictures.value_range, lab.classifiers, body.classifier)
    async with lab.pictures.opened(body.pictures, values) as opened:
        response = await lab.predictions.run(body.classifier, opened)
    for prediction in response["predictions"]:
        translate_prediction(prediction)
    return response


@router.post("/explain", response_model=Explanation)
async def explain(lab: CurrentLab, body: Explained) -> Any:
    """Explain a prediction: by layers, attributions to a class, and the nearest training images."""
    parts = body.model_dump(exclude={"classifier", "picture"})
    values = partial(pictures.value_range, lab.classifiers, body.classifier)
    async with lab.pictures.opened_one(body.picture, values) as picture:
        response = await lab.threads.run(pictures.explain, lab.classifiers, body.classifier, picture, **parts)
    translate_prediction(response["prediction"])
    return response


@router.post("/picture", response_model=Image)
async def picture(lab: CurrentLab, body: OneFile) -> Any:
    """Return a picture as it is read, at most 448 pixels a side, for browsers that do not know its format."""
    async with lab.pictures.opened_one(body.picture) as opened:
        assert opened is not None
        return pictures.shown_picture(opened)


@router.delete("/neighbours", status_code=204)
async def cancel_neighbours(lab: CurrentLab, classifier: Annotated[Name, Query()]) -> None:
    """Stop preparing the nearest training images of a classifier, if that is under way."""
    lab.classifiers.cancel_neighbourhood(classifier)


@router.post("/number", response_model=Number)
async def number(lab: CurrentLab, body: Unit) -> Any:
    """Say how one number of a layer's activations comes about."""
    unit = body.model_dump(exclude={"classifier", "picture"})
    values = partial(pictures.value_range, lab.classifiers, body.classifier)
    async with lab.pictures.opened_one(body.picture, values) as picture:
        return await lab.threads.run(pictures.trace, lab.classifiers, body.classifier, picture, **unit)


@router.get("/filters", response_model=Numbers)
async def filters(
    lab: CurrentLab, classifier: Annotated[Name, Query()], layer: Annotated[Name, Query()]
) -> Any:
    """Return a convolution's weights: (filters, height, width, channels that each filter sees)."""
    return await lab.threads.run(pictures.layer_filters, lab.classifiers, classifier, layer)


@router.get("/samples", response_model=list[SampleImage])
async def samples(
    lab: CurrentLab,
    classifier: Annotated[Name, Query()],
    part: Annotated[Part, Query()] = "test",
    count: Annotated[int, Query(ge=1, le=100)] = 12,
    seed: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> Any:
    """Draw images at random from what a classifier learned from, the classes in turn."""
    return await lab.threads.run(pictures.sample_images, lab.classifiers, classifier, part, count, seed)
