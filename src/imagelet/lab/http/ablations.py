"""The tab Draw: a network broken on purpose, beside the network as it is."""

import asyncio
import threading
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field

from imagelet.explanation.ablation import Ablation, Movement
from imagelet.http.predicting import translate_prediction
from imagelet.http.schemas import Received, Sent
from imagelet.lab.http.draw import OnePicture, Prediction
from imagelet.lab.http.schemas import Name
from imagelet.lab.http.state import CurrentLab
from imagelet.lab.services import ablations, pictures
from imagelet.messages import Message, translate

router = APIRouter(prefix="/api", tags=["draw"])

MOST_MAPS = 4096
SECONDS_BETWEEN_LOOKS = 0.2  # at whether the page still waits


class Changes(Received):
    """What is changed in a layer, and how the picture is moved; by themselves nothing."""

    layer: Name | None = None
    maps: list[Annotated[int, Field(ge=0, lt=2**31)]] = Field(
        [], max_length=MOST_MAPS, description="Maps, or values, of the layer that become 0."
    )
    biases: bool = Field(True, description="Whether the layer keeps its biases.")
    noise: float = Field(0.0, ge=0, le=10, description="Added to the weights, in their standard deviations.")
    degrees: float = Field(0.0, ge=-180, le=180, description="By which images are turned to the left.")
    right: float = Field(0.0, ge=-100, le=100, description="Pixels of the network's input.")
    down: float = Field(0.0, ge=-100, le=100, description="Pixels of the network's input.")

    @property
    def ablation(self) -> Ablation:
        """What is changed in the layer."""
        return Ablation(self.layer, tuple(sorted(set(self.maps))), self.biases, self.noise)

    @property
    def movement(self) -> Movement:
        """How the picture is moved."""
        return Movement(self.degrees, self.right, self.down)


class ChangedPicture(OnePicture):
    """A picture, and what is changed."""

    changes: Changes


class ChangedClassifier(Received):
    """A classifier, and what is changed."""

    classifier: Name
    changes: Changes


class TwoPredictions(Sent):
    """What the network predicts as it is, and changed."""

    original: Prediction
    changed: Prediction


class Accuracy(Sent):
    """How many validation images are classified correctly."""

    correct: int
    images: int = Field(description="Fewer than 500 where there are fewer, or the time was over.")


class TwoAccuracies(Sent):
    """The accuracy of the network as it is, and changed."""

    original: Accuracy | None
    changed: Accuracy | None
    missing: str | None = Field(description="Why there are no accuracies.")


@router.post("/ablation", response_model=TwoPredictions)
async def predict_changed(lab: CurrentLab, body: ChangedPicture) -> Any:
    """Predict what a picture shows, by the network as it is and by a changed one."""
    values = partial(pictures.value_range, lab.classifiers, body.classifier)
    changes = body.changes
    async with lab.pictures.opened_one(body.picture, values) as picture:
        response = await lab.threads.run(
            ablations.predictions,
            lab.classifiers,
            body.classifier,
            picture,
            body.sample,
            changes.ablation,
            changes.movement,
        )
    for prediction in response.values():
        translate_prediction(prediction)
    return response


@router.post("/ablation/accuracy", response_model=TwoAccuracies)
async def accuracy_changed(request: Request, lab: CurrentLab, body: ChangedClassifier) -> Any:
    """Count how many of 500 validation images are classified correctly; who leaves cancels it."""
    cancelled = threading.Event()
    watch = asyncio.create_task(_cancel_with(request, cancelled))
    changes = body.changes
    try:
        response = await lab.threads.run(
            ablations.accuracies,
            lab.classifiers,
            lab.accuracies,
            body.classifier,
            changes.ablation,
            changes.movement,
            cancelled,
        )
    except ablations.CancelledError:
        return {"original": None, "changed": None, "missing": translate(Message("it was cancelled"))}
    finally:
        watch.cancel()
        cancelled.set()
    if response["missing"] is not None:
        response["missing"] = translate(response["missing"])
    return response


async def _cancel_with(request: Request, cancelled: threading.Event) -> None:
    """Say that nobody waits any more, as soon as the request's connection is closed."""
    while not await request.is_disconnected():
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    cancelled.set()
