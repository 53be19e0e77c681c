"""How long a training would take here: a few of its steps are taken and timed, in a process of its own.

``python -m imagelet.lab.jobs.measure`` reads an experiment from standard input and writes the seconds of a
step to standard output. The steps are those of the training itself, on images of noise: what an image shows
changes no time.
"""

import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from imagelet.errors import BusyError
from imagelet.lab.jobs.plan import Plan
from imagelet.lab.jobs.worker import NICENESS
from imagelet.runs.definition import Experiment

SECONDS_OF_STEPS = 1.0  # after the first, which is slower
MOST_SECONDS = 60.0  # of the process; steps that take longer are not waited for
FEWEST_STEPS, MOST_STEPS = 3, 50
BATCHES = 4  # of noise, taken again and again
MOST_EVALUATED = 500  # images
FOR_EVER = 100_000  # epochs

_one_at_a_time = threading.Lock()  # two would slow each other down, and both be wrong


def seconds_of(plan: Plan) -> float | None:
    """Return about how many seconds a training takes here; None where a few steps take too long to wait for.

    Raises:
        BusyError: another is being measured.
    """
    recipe = plan.experiment.recipe
    asked = json.dumps(dataclasses.replace(plan.experiment, limit=0, seed=0).to_toml())
    if not _one_at_a_time.acquire(blocking=False):
        raise BusyError("another training is being measured", "wait a moment and try again")
    try:
        measured = _measured(asked, plan.shape, plan.classes)
    except subprocess.SubprocessError:
        return None
    finally:
        _one_at_a_time.release()
    epoch = plan.steps * measured["step"] + plan.validation * measured["evaluated_image"]
    return float(measured["start"] + recipe.epochs * epoch)


@lru_cache(32)
def _measured(asked: str, shape: tuple[int, int, int], classes: int) -> dict[str, float]:
    """Return seconds: of the process until its first step, of a step, and of an image that is evaluated."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "imagelet.lab.jobs.measure"],
        input=json.dumps({"experiment": json.loads(asked), "shape": shape, "classes": classes}),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=MOST_SECONDS,
        check=True,
    )
    measured: dict[str, float] = json.loads(done.stdout)
    return {**measured, "start": max(0.0, time.monotonic() - began - measured.pop("measuring"))}


def measure(experiment: Experiment, shape: Sequence[int], classes: int) -> dict[str, float]:
    """Take some steps of a training on noise.

    Returns:
        Seconds: ``step``, ``evaluated_image``, and ``measuring``, those that the measurement itself took.
    """
    import numpy as np

    from imagelet.data.imageset import ImageSet
    from imagelet.device import choose_device, choose_precision
    from imagelet.networks import build
    from imagelet.training import loop
    from imagelet.training.evaluation import evaluate

    recipe = dataclasses.replace(experiment.recipe, epochs=FOR_EVER, early_stopping=0)
    count = max(classes, BATCHES * recipe.batch_size)
    noise = np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)
    names = tuple(str(number) for number in range(classes))
    images = ImageSet(noise, np.arange(count, dtype=np.int64) % classes, names)
    device = choose_device(experiment.device)
    precision = choose_precision(experiment.precision, device)
    normalization = images.normalization(recipe.normalization)
    setup = loop.TrainingSetup(images, None, recipe, normalization, True, 0, device, precision)
    network = build(experiment.network, shape, classes, recipe.initial_weights, allow_import=False)
    state = loop.start(setup, network)
    began = time.monotonic()
    steps = _seconds_of_steps(loop.train(setup, state))
    few = images.take(np.arange(min(count, MOST_EVALUATED)))
    evaluate(network, few, normalization, device, precision)  # the first is slower
    before = time.monotonic()
    evaluate(network, few, normalization, device, precision)
    ended = time.monotonic()
    return {
        "step": statistics.median(steps),
        "evaluated_image": (ended - before) / len(few),
        "measuring": ended - began,
    }


def _seconds_of_steps(events: Any) -> list[float]:
    """Return how long each of a few steps took, without the first."""
    from imagelet.training.loop import Step

    seconds: list[float] = []
    before = began = 0.0
    for event in events:
        now = time.monotonic()
        if isinstance(event, Step):
            if before:
                seconds.append(now - before)
            began = began or now
            enough = now - began >= SECONDS_OF_STEPS and len(seconds) >= FEWEST_STEPS
            if enough or len(seconds) >= MOST_STEPS:
                break
        before = now
    events.close()
    return seconds


def main() -> int:
    """Measure what standard input describes; return the process's exit code."""
    with contextlib.suppress(OSError, AttributeError):  # as the worker does; Windows has no niceness
        os.nice(NICENESS)
    asked = json.load(sys.stdin)
    experiment = Experiment.from_toml(asked["experiment"])
    json.dump(measure(experiment, tuple(asked["shape"]), asked["classes"]), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
