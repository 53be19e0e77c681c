"""What a worker is: it reads trainings from standard input and answers how long a step took.

A request is a line of JSON, :class:`Training` as a mapping; the answer is a line, ``{"step_seconds": x}``.
A training that was asked for before goes on where it was: the network is built and warmed up once.
This module and the workers' side of it need neither torch nor TensorFlow.
"""

import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

FIRST_STEPS = 8  # to warm up, and to estimate how many steps are a measurement


@dataclass(frozen=True)
class Training:
    """A network of imagelet's and how it learns.

    Attributes:
        network: its name.
        input_shape: (height, width, channels).
        classes: how many there are.
        batch_size: images in a step.
        optimizer: as imagelet's recipes name it.
        learning_rate: constant.
        precision: imagelet's word for it; a peer may have its own.
        seconds: about how long to measure.
    """

    network: str
    input_shape: tuple[int, int, int]
    classes: int
    batch_size: int
    optimizer: str
    learning_rate: float
    precision: str
    seconds: float


class Epoch(Protocol):
    """Trains one epoch on the first ``steps`` batches of its images."""

    def __call__(self, steps: int) -> None:
        """Train."""


Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]


def random_images(training: Training, steps: int) -> tuple[Pixels, Labels]:
    """Return as many images (n, height, width, channels) with labels (n,) as ``steps`` steps need."""
    chance = np.random.default_rng(0)
    number = steps * training.batch_size
    images = chance.integers(0, 256, (number, *training.input_shape), np.uint8)
    return images, chance.integers(0, training.classes, number)


def serve(prepare: Callable[[Training], Epoch]) -> None:
    """Answer requests until standard input ends.

    Args:
        prepare: builds a training's network and returns what trains it.
    """
    prepared: dict[Training, tuple[Epoch, int]] = {}
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        training = Training(**request | {"input_shape": tuple(request["input_shape"])})
        if training not in prepared:
            epoch = prepare(training)
            epoch(FIRST_STEPS)
            steps = max(FIRST_STEPS, math.ceil(training.seconds * FIRST_STEPS / _seconds(epoch, FIRST_STEPS)))
            prepared[training] = (epoch, steps)
            epoch(steps)
        epoch, steps = prepared[training]
        print(json.dumps({"step_seconds": _seconds(epoch, steps) / steps}), flush=True)


def _seconds(epoch: Epoch, steps: int) -> float:
    started = time.perf_counter()
    epoch(steps)
    return time.perf_counter() - started
