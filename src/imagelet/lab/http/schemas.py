"""What several routes receive and send, as pydantic models."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_PICTURES = 100
Name = Annotated[str, Field(min_length=1, max_length=200)]
Part = Literal["train", "validation", "test"]
SAMPLE = r"^(train|validation|test):[0-9]{1,9}$"
Sample = Annotated[
    str, Field(pattern=SAMPLE, max_length=21, description="An image of the dataset: `test:17`.")
]
Picture = Annotated[
    str, Field(min_length=1, description="A picture file's content (PNG, JPEG, …) in base64.")
]


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
    meant: str | None = Field(None, description="The known name that is nearest to an unknown one.")


class Problem(Sent):
    """Every response to a request that is refused or fails."""

    error: Fault


class Numbers(Sent):
    """Numbers as they are: float32, little-endian, row by row."""

    shape: list[int]
    base64: str


class Image(Sent):
    """Pixels: uint8 (height, width, channels), row by row, 1 or 3 channels."""

    height: int
    width: int
    channels: int
    base64: str
