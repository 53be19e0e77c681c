"""What several routes send and receive, as pydantic models; and plain data made to fit them."""

import base64
import binascii
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from imagelet.errors import PictureError

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


class Asked(BaseModel):
    """What a request holds; a field that nobody knows is refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Told(BaseModel):
    """What an answer holds."""


class Fault(Told):
    """What went wrong, and what to do next."""

    message: str
    hint: str
    position: int | None = Field(None, description="Where in a network's text, counted from 1.")


class Problem(Told):
    """Every answer that is not what was asked for."""

    error: Fault


class Numbers(Told):
    """Numbers as they are: float32, little-endian, row by row."""

    shape: list[int]
    base64: str


class Image(Told):
    """Pixels: uint8 (height, width, channels), row by row, 1 or 3 channels."""

    height: int
    width: int
    channels: int
    base64: str


def numbers(values: NDArray[Any]) -> dict[str, Any]:
    """Return numbers of any shape as :class:`Numbers` has them."""
    plain = np.ascontiguousarray(values, dtype="<f4")
    return {"shape": list(values.shape), "base64": base64.b64encode(plain.data).decode()}


def image(pixels: NDArray[np.uint8]) -> dict[str, Any]:
    """Return uint8 (height, width, channels) as :class:`Image` has it."""
    height, width, channels = pixels.shape
    content = base64.b64encode(np.ascontiguousarray(pixels).data).decode()
    return {"height": height, "width": width, "channels": channels, "base64": content}


def file_content(picture: str) -> bytes:
    """Return the file whose content in base64 was sent.

    Raises:
        PictureError: it is not base64.
    """
    try:
        return base64.b64decode(picture, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PictureError("the picture is not in base64", "send a file's content in base64") from error
