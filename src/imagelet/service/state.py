"""The state behind the routes: the classifier, threads, batches and counts."""

import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from fastapi import Depends, Request
from PIL import Image

from imagelet.classifier.classifier import Classifier
from imagelet.classifier.prediction import FramedInput
from imagelet.errors import PictureError
from imagelet.http.computing import BATCH, Batches, Threads, use_cores
from imagelet.http.decoder import Decoder
from imagelet.http.pictures import Pictures
from imagelet.http.predicting import Result, predict_together
from imagelet.http.schemas import MOST_PICTURES
from imagelet.service.metrics import Metrics
from imagelet.service.settings import Settings

EXPECTED = (
    10_000  # pictures: a service whose network would take NumPy long for so many has torch from the start
)

Framed = FramedInput | PictureError
"""A picture of a request: the network's input, or why it cannot be read."""


@dataclass(eq=False)
class Service:
    """A service that is open.

    Attributes:
        settings: what it was started with.
        classifier: the one that it serves.
        threads: where that is done, one batch at a time.
        pictures: opens those of requests.
        metrics: the counts.
        predictions: requests for predictions.
        ready: whether a request would be answered at once.
    """

    settings: Settings
    classifier: Classifier
    threads: Threads
    pictures: Pictures
    metrics: Metrics = field(init=False)
    predictions: Batches[list[Framed], list[Result]] = field(init=False)
    ready: bool = False

    def __post_init__(self) -> None:
        self.metrics = Metrics(self.settings.name, lambda: self.ready)
        self.predictions = Batches(
            self._predict, self.threads, self.settings.requests, lambda: self.pictures.on_the_way
        )

    def get_ready(self) -> None:
        """Let the workers that open pictures start, and the network see batches of every size, and wait."""
        self.pictures.decoder.start()
        if "torch" in sys.modules:  # which keeps something for each size: memory would grow for a minute
            self.threads.call(self._compute_every_size)
        file = io.BytesIO()
        Image.new("L", (1, 1)).save(file, "PNG")
        self.ready = self.pictures.decoder.open_in_each(file.getvalue())

    def close(self) -> None:
        """Give up what is being computed."""
        self.threads.close()
        self.pictures.close()

    def _compute_every_size(self) -> None:
        images = np.zeros((BATCH, *self.classifier.input_shape), np.uint8)
        for size in range(1, BATCH + 1):
            self.classifier.logits(images[:size])

    def _predict(self, _: str, requests: Sequence[list[Framed]]) -> list[list[Result]]:
        self.metrics.count_batch(sum(map(len, requests)))
        return predict_together(self.classifier, requests)


def open_service(settings: Settings, classifier: Classifier) -> Service:
    """Return a service whose network has computed as much as ever comes: whatever that needs is loaded.

    Raises:
        ClassifierFileError: the network's logits are not finite numbers.
    """
    threads = Threads(1, settings.requests, settings.seconds, initializer=None)

    def compute() -> None:
        classifier.get_ready_for(EXPECTED)
        classifier.logits(np.zeros((MOST_PICTURES, *classifier.input_shape), np.uint8))
        use_cores(settings.cores)

    threads.call(compute)
    return Service(settings, classifier, threads, Pictures(settings, Decoder(framing=classifier.framing)))


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


CurrentService = Annotated[Service, Depends(_service)]
