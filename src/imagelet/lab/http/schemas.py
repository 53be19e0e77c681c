"""What several routes of the lab receive and send, as pydantic models."""

from typing import Annotated, Literal

from pydantic import Field

from imagelet.http.schemas import Sent

Name = Annotated[str, Field(min_length=1, max_length=200)]
Part = Literal["train", "validation", "test"]
SAMPLE = r"^(train|validation|test):[0-9]{1,9}$"
Sample = Annotated[
    str, Field(pattern=SAMPLE, max_length=21, description="An image of the dataset: `test:17`.")
]


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
