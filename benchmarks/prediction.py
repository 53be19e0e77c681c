"""What predicting takes, and how much memory training takes."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.measuring import Benchmark, at_once, summary
from benchmarks.prediction_worker import BATCH
from benchmarks.processes import imagelet, run_experiment
from imagelet.data.datasets import load_dataset, place_of
from imagelet.training.recipes import recipes

WORKER = Path(__file__).with_name("prediction_worker.py")
DATASET = "mnist"
REPETITIONS = 5  # of what needs a new process
FAST = ["train", DATASET, "--recipe", "mnist-fast", "--epochs", "1"]
PLAIN = ["train", DATASET, "--network", "cnn-3", "--recipe", "keras", "--epochs", "1"]
TRAININGS = (FAST, ["train", DATASET, "--recipe", "general", "--epochs", "1"], PLAIN)


def prediction() -> dict[str, Any]:
    """Seconds of ``imagelet predict``, of loading a classifier and its answers, after an epoch of MNIST."""
    if place_of(DATASET) is None:
        return {}
    words = FAST if _is_registered(FAST) else PLAIN
    with tempfile.TemporaryDirectory() as folder:
        trained = imagelet([*words, "--json", "--runs", folder]).document
        picture = Path(folder) / "picture.png"
        images = load_dataset(DATASET).test.images
        Image.fromarray(images[0, :, :, 0]).save(picture)
        file = str(trained["classifier"])
        processes = [imagelet(["predict", file, str(picture)]) for _ in range(REPETITIONS)]
        first = [_ask("first", file, str(picture)) for _ in range(REPETITIONS)]
        again = _ask("again", file, DATASET)
    peaks = [process.peak_bytes for process in processes if process.peak_bytes is not None]
    return {
        "command": f"imagelet {' '.join(words)}",
        "network": trained["network"],
        "parameters": trained["parameters"],
        "batch": BATCH,
        "images": len(images),
        "process_seconds": summary([process.seconds for process in processes]),
        "peak_bytes": summary(peaks) if peaks else None,
        **{name: summary([each[name] for each in first]) for name in first[0]},
        **{name: summary(seconds) for name, seconds in again.items()},
    }


def memory() -> dict[str, Any]:
    """The most memory of three trainings of one epoch on MNIST, each a process of its own."""
    if place_of(DATASET) is None:
        return {}
    trainings = []
    for words in filter(_is_registered, TRAININGS):
        with tempfile.TemporaryDirectory() as folder:
            process = imagelet([*words, "--json", "--runs", folder])
        trainings.append(
            {
                "command": f"imagelet {' '.join(words)}",
                "network": process.document["network"],
                "peak_bytes": process.peak_bytes,
                "process_seconds": process.seconds,
            }
        )
    return {"trainings": trainings}


def benchmarks() -> dict[str, Benchmark]:
    """Return what there is to measure, by name."""
    return {"prediction": at_once(prediction), "memory": at_once(memory)}


def _is_registered(words: list[str]) -> bool:
    """Say whether the recipe of a command exists."""
    return words[words.index("--recipe") + 1] in recipes


def _ask(*words: str) -> dict[str, Any]:
    return run_experiment([sys.executable, str(WORKER), *words]).document
