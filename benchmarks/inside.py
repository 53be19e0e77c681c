"""What looking inside takes: layers and evidence of one picture, embedding, ``explain`` and ``report``.

    python -m benchmarks.inside look NETWORK                  one picture in a network
    python -m benchmarks.inside embed NETWORK DATASET IMAGES  its embeddings of the first training images

Both print JSON, in a process that does nothing else. Their networks have the weights that training starts
from, which take as long to multiply as trained ones.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.measuring import Benchmark, at_once, seconds_of, summary
from benchmarks.prediction import FAST
from benchmarks.processes import imagelet, run_experiment
from imagelet.course.lessons import trainings
from imagelet.data.datasets import load_dataset, place_of
from imagelet.networks.zoo import networks
from imagelet.preprocessing.picture import write_picture

if TYPE_CHECKING:
    from imagelet.classifier.classifier import Classifier

DATASET = "mnist"
EMBEDDED = ("deep-cnn", DATASET, 60_000)  # network, dataset, training images
LIMITS = {"look": 1.0, "embed": 60.0}  # seconds that are asked for: of one picture, and of all embeddings
LOOKS = 5  # after the first, which also imports what it needs
REPETITIONS = 3  # of a whole command, after the first
CLASSES = tuple("0123456789")


def inside() -> dict[str, Any]:
    """Seconds of looking into each network of the course, of embedding MNIST, of explain and report."""
    if place_of(DATASET) is None:
        return {}
    network, dataset, images = EMBEDDED
    names = dict.fromkeys(training.network for training in trainings())
    return {
        "limits": LIMITS,
        "networks": {name: _ask("look", name) for name in names},
        "embedding": _ask("embed", network, dataset, str(images)),
        **_commands(),
    }


def benchmarks() -> dict[str, Benchmark]:
    """Return what there is to measure, by name."""
    return {"inside": at_once(inside)}


def look(network: str) -> dict[str, Any]:
    """Return the seconds of every layer's output and of the evidence by each method, for one picture.

    Without a convolution there is no ``grad-cam``.
    """
    from imagelet.explanation.activations import layer_activations
    from imagelet.explanation.attribution import attribute, methods_for

    classifier = _untrained(network)
    image = np.random.default_rng(0).integers(0, 256, classifier.input_shape, np.uint8)
    methods = methods_for(classifier.network)

    def one_look() -> None:
        layer_activations(classifier, image)
        for method in methods:
            attribute(classifier, image, method)

    first, *again = [seconds_of(one_look) for _ in range(1 + LOOKS)]
    return {"methods": methods, "first_seconds": first, "again_seconds": summary(again)}


def embed(network: str, dataset: str, images: str) -> dict[str, Any]:
    """Return the seconds of embedding the first ``images`` training images of a dataset, read before."""
    from imagelet.analysis import embeddings

    part = load_dataset(dataset).train
    indices = np.arange(min(int(images), len(part)), dtype=np.int64)
    classifier = _untrained(network)
    seconds = seconds_of(lambda: embeddings.embed(classifier, part, indices))
    return {"network": network, "dataset": dataset, "images": len(indices), "seconds": seconds}


def _untrained(network: str) -> "Classifier":
    """Return a classifier with a network of the zoo that has learned nothing."""
    from imagelet.classifier.classifier import Classifier
    from imagelet.metrics.calibration import Calibration
    from imagelet.networks import build
    from imagelet.preprocessing.framing import Framing
    from imagelet.preprocessing.normalization import Normalization

    shape = networks.get(network).input_shape
    height, width, channels = shape
    halves = (0.5,) * channels
    return Classifier(
        network=build(network, shape, len(CLASSES)),
        classes=CLASSES,
        framing=Framing("stretch", height, width, channels),
        normalization=Normalization(halves, halves),
        calibration=Calibration.none(),
        training={},
    )


def _commands() -> dict[str, Any]:
    """Return the seconds of ``imagelet explain`` and ``imagelet report``, each a new process, of one run.

    The first of each embeds the training images; after it they are kept.
    """
    with tempfile.TemporaryDirectory() as folder:
        trained = imagelet([*FAST, "--json", "--name", "fast", "--runs", folder]).document
        run, picture = Path(folder) / "fast", Path(folder) / "picture.png"
        write_picture(load_dataset(DATASET).test.images[0], picture)
        commands = {
            "explain": ["explain", str(run), str(picture), "--out", f"{folder}/inside"],
            "report": ["report", str(run), "--out", f"{folder}/report.html"],
        }
        seconds: dict[str, Any] = {}
        for name, words in commands.items():
            (run / "embeddings.safetensors").unlink(missing_ok=True)
            first, *again = [imagelet(words).seconds for _ in range(1 + REPETITIONS)]
            seconds |= {f"{name}_first_seconds": first, f"{name}_again_seconds": summary(again)}
        page_bytes = (Path(folder) / "report.html").stat().st_size
    return {
        "command": f"imagelet {' '.join(FAST)}",
        "network": trained["network"],
        "parameters": trained["parameters"],
        "page_bytes": page_bytes,
        **seconds,
    }


def _ask(*words: str) -> dict[str, Any]:
    """Return what this module prints as a process of its own."""
    return run_experiment([sys.executable, "-m", "benchmarks.inside", *words]).document


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    json.dump(look(*rest) if what == "look" else embed(*rest), sys.stdout)
