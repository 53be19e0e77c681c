"""One picture looked at from inside: layers, evidence, neighbours, and single numbers taken apart."""

import dataclasses
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request
from numpy.typing import NDArray
from pydantic import Field, model_validator

from imagelet.analysis.embeddings import neighbours_of
from imagelet.classifier.prediction import FramedInput
from imagelet.errors import DataError
from imagelet.explanation.activations import filters, layer_activations, network_input
from imagelet.explanation.attribution import (
    METHODS,
    NO_CONVOLUTION,
    Attribution,
    attribute,
    class_of,
    methods_for,
)
from imagelet.explanation.unit_trace import trace_unit
from imagelet.lab.http.draw import Answer, prediction
from imagelet.lab.http.schemas import Asked, Image, Name, Numbers, Picture, Sample, Told
from imagelet.lab.services import encoding
from imagelet.lab.services.classifiers import Classifiers
from imagelet.messages import Message, translate
from imagelet.preprocessing.picture import open_picture

router = APIRouter(prefix="/api", tags=["explain"])

MOST_NEIGHBOURS = 50
LONGEST_SIDE = 280  # of evidence that is carried onto the picture; a larger picture gets it coarser

Method = Literal["saliency", "integrated-gradients", "grad-cam", "occlusion"]


class OnePicture(Asked):
    """One picture, or an image of the dataset, and whom to ask."""

    classifier: Name
    picture: Picture | None = None
    sample: Sample | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "OnePicture":
        if (self.picture is None) == (self.sample is None):
            raise ValueError(Message("send either a picture or a sample"))
        return self


class Question(OnePicture):
    """What to explain of it."""

    layers: bool = False
    attributions: list[Method] = Field([], max_length=len(METHODS))
    target: int | Name | None = Field(None, description="The class that the evidence is about.")
    neighbours: int = Field(0, ge=0, le=MOST_NEIGHBOURS)


class NumberQuestion(OnePicture):
    """Which number of a layer's output to take apart."""

    layer: Name
    index: list[Annotated[int, Field(ge=-(2**31), le=2**31)]] = Field(min_length=1, max_length=3)


class LayerActivations(Told):
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


class AttributionMap(Told):
    """What speaks for a class, pixel by pixel."""

    method: str
    layer: str | None
    name: str
    probability: float
    signed: bool = Field(description="Whether values below 0 speak against the class.")
    values: Numbers = Field(description="(height, width) of the image that the network gets.")
    on_picture: Numbers | None = Field(
        description=f"The same on the whole picture, at most {LONGEST_SIDE} a side."
    )


class NeighbourImage(Told):
    """A training image that is like the picture to the network."""

    index: int
    label: str
    distance: float
    image: Image


class Explanation(Told):
    """What a classifier makes of one picture, and how."""

    prediction: Answer
    classes: list[str]
    label: str | None = Field(description="The right answer, where the picture is an image of the dataset.")
    input: LayerActivations | None = Field(description="What the first layer gets: the normalised pixels.")
    layers: list[LayerActivations]
    attributions: list[AttributionMap]
    neighbours: list[NeighbourImage]
    preparing: bool = Field(description="The neighbours are being prepared; ask again in some seconds.")
    missing: list[str] = Field(description="What is left out, and why.")


class NextLayer(Told):
    """A layer that comes after; its value is null where it takes other numbers, too."""

    name: str
    kind: str
    value: float | None


class Number(Told):
    """One number of a layer's output, and how it comes about; lists are null where there is nothing."""

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


@router.post("/explain", response_model=Explanation)
async def explain(request: Request, asked: Question) -> Any:
    """Look at one picture from inside: layers, evidence for a class, the nearest training images."""
    return await request.app.state.work.run(explanation, request.app.state.classifiers, asked)


@router.post("/number", response_model=Number)
async def number(request: Request, asked: NumberQuestion) -> Any:
    """Take one number of a layer's output apart."""
    return await request.app.state.work.run(one_number, request.app.state.classifiers, asked)


@router.get("/filters", response_model=Numbers)
async def filters_of(
    request: Request, classifier: Annotated[Name, Query()], layer: Annotated[Name, Query()]
) -> Any:
    """Return a convolution's weights: (filters, height, width, channels that each filter sees)."""
    state = request.app.state

    def found() -> dict[str, Any]:
        return encoding.numbers(filters(state.classifiers.load(classifier).network, layer))

    return await state.work.run(found)


def explanation(classifiers: Classifiers, asked: Question) -> dict[str, Any]:
    """Return what was asked of one picture as :class:`Explanation` has it."""
    classifier = classifiers.load(asked.classifier)
    if asked.target is not None:
        class_of(classifier.classes, asked.target)  # said before the work
    picture, label = _picture(classifiers, asked)
    framed = classifier.frame(picture)
    shares = classifier.predict_proba(framed.image[np.newaxis])[0]
    answer = classifier.prediction(framed, shares, top=len(shares))
    methods, wanted = methods_for(classifier.network), dict.fromkeys(asked.attributions)
    found = [attribute(classifier, framed.image, each, asked.target) for each in wanted if each in methods]
    maps = [_map(each, framed, picture) for each in found]
    missing: list[str] = [] if wanted.keys() <= set(methods) else [NO_CONVOLUTION]
    near, preparing = _neighbours(classifiers, asked, framed, missing)
    outputs = layer_activations(classifier, framed.image) if asked.layers else ()
    return {
        "prediction": prediction(answer),
        "classes": list(classifier.classes),
        "label": label,
        "input": _layer(network_input(classifier, framed.image)) if asked.layers else None,
        "layers": [_layer(each) for each in outputs],
        "attributions": maps,
        "neighbours": near,
        "preparing": preparing,
        "missing": missing,
    }


def one_number(classifiers: Classifiers, asked: NumberQuestion) -> dict[str, Any]:
    """Return one number taken apart as :class:`Number` has it."""
    classifier = classifiers.load(asked.classifier)
    image = classifier.frame(_picture(classifiers, asked)[0]).image
    trace = trace_unit(classifier, image, asked.layer, asked.index)
    formula = None if trace.size_formula is None else translate(trace.size_formula)
    return {**trace.to_json(), "size_formula": formula}


def _picture(classifiers: Classifiers, asked: OnePicture) -> tuple[NDArray[np.uint8], str | None]:
    """Return the pixels (height, width, 1 or 3), and the label where it is an image of the dataset."""
    if asked.sample is not None:
        return classifiers.sample(asked.classifier, asked.sample)
    return open_picture(encoding.picture_file(asked.picture or "")), None


def _layer(output: Any) -> dict[str, Any]:
    return {**output.facts(), "values": encoding.numbers(output.values)}


def _map(found: Attribution, framed: FramedInput, picture: NDArray[np.uint8]) -> dict[str, Any]:
    height, width = picture.shape[:2]
    factor = max(1.0, max(height, width) / LONGEST_SIDE)
    carried = None
    if framed.placement is not None:
        scaled = {name: value / factor for name, value in dataclasses.asdict(framed.placement).items()}
        sides = (max(1, round(height / factor)), max(1, round(width / factor)))
        carried = encoding.numbers(dataclasses.replace(framed.placement, **scaled).onto(found.values, *sides))
    return {
        "method": found.method,
        "layer": found.layer,
        "name": found.class_name,
        "probability": found.probability,
        "signed": found.signed,
        "values": encoding.numbers(found.values),
        "on_picture": carried,
    }


def _neighbours(
    classifiers: Classifiers, asked: Question, framed: FramedInput, missing: list[str]
) -> tuple[list[dict[str, Any]], bool]:
    """Return the nearest training images, and whether they are still being prepared."""
    if not asked.neighbours:
        return [], False
    try:
        near = classifiers.neighbourhood(asked.classifier)
    except DataError as error:
        missing.append(translate(Message("the nearest training images: {reason}", reason=error.message)))
        return [], False
    if near is None:
        missing.append(
            translate("the nearest training images: they are being prepared, once, for about a minute")
        )
        return [], True
    (found,) = neighbours_of(near, framed.image[np.newaxis], min(asked.neighbours, len(near.embeddings)))
    pixels = near.images.images
    return [
        {**each.to_json(near.images.classes), "image": encoding.image(np.asarray(pixels[each.index]))}
        for each in found
    ], False
