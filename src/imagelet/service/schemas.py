"""What the service receives and sends, as pydantic models."""

from typing import Literal

from pydantic import Field

from imagelet.http.schemas import MOST_PICTURES, Picture, PlainPrediction, Received, Sent, Unreadable

FRAMED = "Whether each prediction brings the image that the network got, as a PNG file in base64."


class Pictures(Received):
    """Pictures to predict, in JSON."""

    pictures: list[Picture] = Field(min_length=1, max_length=MOST_PICTURES)
    framed: bool = Field(False, description=FRAMED)


class Form(Received):
    """Pictures to predict, in a form with files."""

    pictures: list[bytes] = Field(
        min_length=1,
        max_length=MOST_PICTURES,
        description="A picture file (PNG, JPEG, …); the field comes once for each picture.",
    )
    framed: bool = Field(False, description=FRAMED)


class Prediction(PlainPrediction):
    """The classifier's prediction for one picture."""

    framed: str | None = Field(
        None, description="Where it is asked for: the image that the network got, a PNG file in base64."
    )


class Predictions(Sent):
    """The classifier's prediction for each picture, in their order."""

    classes: list[str]
    predictions: list[Prediction | Unreadable]


class Health(Sent):
    """Whether the service is ready."""

    status: Literal["ready", "loading"]


class Limits(Sent):
    """What one request may hold at most, and how long it may take."""

    pictures: int
    bytes: int
    seconds: float


class Info(Sent):
    """The classifier, and what the service takes."""

    name: str
    imagelet: str = Field(description="The version of imagelet.")
    network: str = Field(description="The network's text.")
    classes: list[str]
    input_shape: list[int] = Field(description="(height, width, channels) of the network's input.")
    dataset: str = Field(description="What the classifier learned from; empty where that is not known.")
    validation_accuracy: float | None = Field(description="From 0 to 1.")
    sure_from: float = Field(description="A prediction of a lower probability is unsure.")
    limits: Limits
