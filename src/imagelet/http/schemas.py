"""What every server receives and sends, as pydantic models: pictures, and errors."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MOST_PICTURES = 100
Picture = Annotated[str, Field(description="A picture file's content (PNG, JPEG, …) in base64.")]


class Received(BaseModel):
    """What a request holds; an unknown field is refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Sent(BaseModel):
    """What a response holds."""


class Fault(Sent):
    """What went wrong, and what to do next."""

    message: str
    hint: str
    position: int | None = Field(None, description="Where in a network's text, counted from 1.")
    field: str | None = Field(None, description="The field of the request that is wrong.")
    meant: str | None = Field(None, description="The known name that is nearest to an unknown one.")


class Problem(Sent):
    """Every response to a request that is refused or fails."""

    error: Fault


class PlainPrediction(Sent):
    """A classifier's prediction for one picture."""

    predicted: str = Field(description="The predicted class's name.")
    class_: int = Field(alias="class", description="The predicted class's index, from 0.")
    probability: float
    sure: bool
    warnings: list[str]
    probabilities: list[float] = Field(description="One for each class; calibrated, they add up to 1.")


class Unreadable(Sent):
    """A picture that cannot be read."""

    error: Fault
