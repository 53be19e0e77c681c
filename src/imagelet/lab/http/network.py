"""The tab Network: the named networks, and the summary of a network text."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from imagelet.http.schemas import Received, Sent
from imagelet.lab.http.state import CurrentLab
from imagelet.lab.services.networks import network_rows, network_summary

router = APIRouter(prefix="/api", tags=["network"])

LARGEST_SIDE = 256  # pixels
LONGEST_TEXT = 10_000  # letters
MOST_CLASSES = 10_000


class KnownNetwork(Sent):
    """A network by its name."""

    name: str
    text: str
    note: str
    input_shape: list[int]
    parameters: int


class Sketch(Received):
    """A network that is to be looked at before anything is trained."""

    text: str = Field(max_length=LONGEST_TEXT, description="Network text, or a network's name.")
    input_shape: tuple[
        Annotated[int, Field(ge=1, le=LARGEST_SIDE)],
        Annotated[int, Field(ge=1, le=LARGEST_SIDE)],
        Annotated[int, Field(ge=1, le=3)],
    ] = (28, 28, 1)
    classes: int = Field(10, ge=1, le=MOST_CLASSES)


class SummaryLayer(Sent):
    """A layer of the summary."""

    name: str
    kind: str
    family: str
    sources: list[str] = Field(description="The layers whose outputs it takes; input for the image.")
    block: str = Field(description="The block that it is inside; empty outside of all.")
    shape: list[int]
    parameters: int
    multiply_adds: int
    memory_bytes: int = Field(description="Of the layer's output for one image, in float32.")


class NetworkSummary(Sent):
    """A network's layers and totals."""

    text: str = Field(description="The same network as it is written.")
    input_shape: list[int]
    classes: int
    layers: list[SummaryLayer]
    total: int
    trainable: int
    non_trainable: int
    multiply_adds: int


@router.get("/networks", response_model=list[KnownNetwork])
async def list_networks(lab: CurrentLab) -> Any:
    """List the named networks."""
    return await lab.threads.run(network_rows)


@router.post("/network", response_model=NetworkSummary)
async def summary(lab: CurrentLab, body: Sketch) -> Any:
    """Return a network's layers and totals, or where in its text a mistake is."""
    return await lab.threads.run(network_summary, body.text, body.input_shape, body.classes)
