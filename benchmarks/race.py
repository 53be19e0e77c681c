"""Seconds to an accuracy: how long a recipe takes to reach it, and how far Keras gets in its first epoch.

    python -m benchmarks.run time-to-accuracy     each accuracy of ``TARGETS``, by class
    python -m benchmarks.run race                 mnist-fast, and the first epoch of cnn-3 in Keras

What is trained for each accuracy was chosen by validation images; the test images say whether it is reached.
"""

import os
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from benchmarks import recipes
from benchmarks.measuring import NO_DATA, Benchmark, LeftOut, Measured, summary
from benchmarks.processes import AVX2, NONE
from benchmarks.recipes import Claim
from benchmarks.steps import Worker, training_of
from imagelet.course.lessons import trainings
from imagelet.data.datasets import place_of
from imagelet.device import processor_class

SEEDS = 3
TARGETS = (  # test accuracy, and the shortest training whose validation accuracy is above it for each seed
    (0.990, Claim("mnist-fast", "mnist", SEEDS, epochs=1)),
    (0.994, Claim("mnist-fast", "mnist", SEEDS)),
    (0.995, Claim("mnist-fast", "mnist", SEEDS, epochs=3)),
    (0.90, Claim("fashion-fast", "fashion-mnist", SEEDS, epochs=1)),
    (0.93, Claim("fashion-fast", "fashion-mnist", SEEDS, epochs=3)),
    (0.90, Claim("cifar-fast", seeds=SEEDS, epochs=5, **recipes.CIFAR)),
    (0.94, Claim("cifar-fast", seeds=SEEDS, **recipes.CIFAR)),
)
RACES = 10  # one for each seed
LESSON = "cnn-3"
EPOCH = 60_000  # images
LIMITS = {"fraction": 0.25, "accuracy": 0.9942}  # of Keras's first epoch; of the test images


def benchmarks() -> dict[str, Benchmark]:
    """Return what there is to measure, by name."""
    return {"time-to-accuracy": time_to_accuracy, "race": race}


def classes() -> list[str]:
    """Return the classes of processor that this one can be measured as, the faster first."""
    return list(dict.fromkeys([processor_class(), "AVX2"]))


def time_to_accuracy() -> Iterator[Measured]:
    """Seconds of training to an accuracy on the test images, by class of processor, three seeds each."""
    rows: list[dict[str, Any]] = []
    for accuracy, claim in TARGETS:
        if place_of(claim.dataset) is None:
            continue
        for name in classes():
            tried = claim.on(name)
            each = [recipes.run_seed(tried, seed) for seed in range(claim.seeds)]
            rows.append({"accuracy": accuracy, **recipes.summarized(tried, each)})
            yield {"rows": rows}
    if not rows:
        raise LeftOut(NO_DATA)


def race() -> Iterator[Measured]:
    """mnist-fast against the first epoch of cnn-3 in Keras, in turn: seconds, accuracy, ten seeds."""
    keras = os.environ.get("IMAGELET_KERAS")
    if not keras:
        raise LeftOut("IMAGELET_KERAS names no Python with Keras")
    if place_of("mnist") is None:
        raise LeftOut(NO_DATA)
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in classes()}
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(Worker(keras, "keras_worker", AVX2 if name == "AVX2" else NONE))
            for name in measured
        }
        for seed in range(RACES):
            for name, races in measured.items():
                races.append(_race(workers[name], Claim("mnist-fast", "mnist", RACES).on(name), seed))
            yield {
                "lesson": LESSON,
                "images": EPOCH,
                "limits": LIMITS,
                "classes": {name: _summarized(races) for name, races in measured.items()},
            }


def _race(keras: Worker, claim: Claim, seed: int) -> dict[str, float]:
    lesson = next(lesson for lesson in trainings() if lesson.name == LESSON)
    training = training_of(lesson, seconds=5)
    step = keras.step_seconds(training)
    ours = recipes.run_seed(claim, seed)
    epoch = step * EPOCH / training.batch_size
    line = f"  seed {seed}, {claim.processor_class}: {ours['training_seconds']:.1f} s of {epoch:.1f} s"
    print(line, file=sys.stderr)
    return {
        "seed": seed,
        "keras_epoch_seconds": epoch,
        "training_seconds": ours["training_seconds"],
        "process_seconds": ours["process_seconds"],
        "accuracy": ours["test"]["accuracy"],
    }


def _summarized(races: Sequence[dict[str, float]]) -> dict[str, Any]:
    fractions = [race["training_seconds"] / race["keras_epoch_seconds"] for race in races]
    names = ("keras_epoch_seconds", "training_seconds", "process_seconds", "accuracy")
    return {
        "races": list(races),
        "fraction": statistics.median(fractions),
        **{name: summary([race[name] for race in races]) for name in names},
    }
