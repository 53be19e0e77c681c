"""How soon imagelet answers: its help, one prediction and 400 of them, beside ``import torch`` alone."""

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.measuring import summary
from benchmarks.processes import Process, imagelet, run_experiment
from imagelet.data.datasets import load_dataset

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "inside-photo.png"
WORKER = Path(__file__).with_name("starting_worker.py")
REPETITIONS = 11  # after a warm-up
MANY = 400  # pictures
MANY_REPETITIONS = 3
SIDE = 200  # pixels of each of them


def startup() -> dict[str, Any]:
    """Seconds of whole processes: help, a prediction and its parts, ``import torch``; and 400 pictures.

    The parts of a prediction: framing the picture, computing the network, and all else, which is the start.
    """
    seconds: dict[str, list[float]] = {
        f"{name}_seconds": []
        for name in ("help", "predict", "predict_start", "predict_framing", "predict_network", "import_torch")
    }
    for _ in range(REPETITIONS + 1):
        seconds["help_seconds"].append(imagelet(["--help"]).seconds)
        process = _predicted(PICTURE)
        framing, network = (process.document[name] for name in ("framing_seconds", "network_seconds"))
        seconds["predict_seconds"].append(process.seconds)
        seconds["predict_framing_seconds"].append(framing)
        seconds["predict_network_seconds"].append(network)
        seconds["predict_start_seconds"].append(process.seconds - framing - network)
        seconds["import_torch_seconds"].append(run_experiment([sys.executable, "-c", "import torch"]).seconds)
    with tempfile.TemporaryDirectory() as folder:
        _draw(Path(folder))
        many = [_predicted(Path(folder)).seconds for _ in range(MANY_REPETITIONS)]
    return {name: summary(values[1:]) for name, values in seconds.items()} | {
        "predict_400_seconds": summary(many)
    }


def _predicted(pictures: Path) -> Process:
    """Run ``imagelet predict mnist``, which prints how long its parts took."""
    return run_experiment([sys.executable, str(WORKER), str(pictures)])


def _draw(folder: Path) -> None:
    """Write digits that people drew as pictures of their own, larger than any network's input."""
    images = load_dataset("digits").train.images[:MANY]
    for number, image in enumerate(images):
        grey = Image.fromarray(np.ascontiguousarray(image[:, :, 0]))
        grey.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(folder / f"{number:03}.png")
