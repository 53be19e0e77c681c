"""The results of the named recipes: whole trainings, several seeds each, kept one by one.

A benchmark that was interrupted goes on with the seeds that it lacks, if recipe, command and machine are
those of the seeds that it has. A change of imagelet's own code is not noticed: delete the file to begin anew.
"""

import dataclasses
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import result_files
from benchmarks.measuring import NO_DATA, Benchmark, LeftOut, Measured, summary
from benchmarks.processes import AVX2, NONE, imagelet, runs_folder
from imagelet.classifier.classifier import Classifier
from imagelet.data.datasets import load_dataset, place_of
from imagelet.device import processor_class
from imagelet.metrics.classification import wilson_interval
from imagelet.runs.environment import environment
from imagelet.training.recipe import recipe_to_json
from imagelet.training.recipes import recipes


@dataclass(frozen=True)
class Claim:
    """A recipe on a dataset, of which figures are to be published.

    Attributes:
        recipe: its name.
        dataset: a registered dataset.
        seeds: how many, from 0.
        validation: share of the training images that choose the best epoch.
        limit: how many of the training images to use; 0 for all.
        test_images: the first so many of the test images; 0 for all of them.
        epochs: how many; 0 for the recipe's own.
        avx2: whether the processor computes float32 by AVX2, as most laptops do; else as well as it can.
    """

    recipe: str
    dataset: str
    seeds: int
    validation: str = "0.05"
    limit: int = 0
    test_images: int = 0
    epochs: int = 0
    avx2: bool = False

    @property
    def name(self) -> str:
        """The benchmark's name: the dataset's in it where the recipe is tried on several."""
        several = len({each.dataset for each in CLAIMS if each.recipe == self.recipe}) > 1
        parts = [
            "recipe",
            self.recipe,
            *([self.dataset] if several else []),
            *(["avx2"] if self.avx2 else []),
        ]
        return "-".join(parts)

    @property
    def processor_class(self) -> str:
        """What the processor multiplies, see :func:`imagelet.device.processor_class`."""
        return "AVX2" if self.avx2 else processor_class()

    @property
    def words(self) -> list[str]:
        """What is typed after ``imagelet``, without the seed."""
        words = ["train", self.dataset, "--recipe", self.recipe, "--validation", self.validation]
        words += ["--limit", str(self.limit)] if self.limit else []
        words += ["--epochs", str(self.epochs)] if self.epochs else []
        words += ["--precision", "fp32"] if self.avx2 else []
        return words if self.test_images else [*words, "--test"]

    def on(self, processor_class: str) -> "Claim":
        """Return the same training on a processor of that class: this one, or this one kept to AVX2."""
        return dataclasses.replace(self, avx2=processor_class == "AVX2")


# Not every copy of CIFAR-10's test images is the official one throughout, so the official batch's first
# thousand images, which are the same in all of them, are what is tested on.
CIFAR: dict[str, Any] = {"dataset": "cifar-10", "validation": "0.1", "test_images": 1000}
CLAIMS = (
    Claim("mnist-fast", "mnist", seeds=10),
    Claim("mnist-fast", "mnist", seeds=10, avx2=True),
    Claim("mnist-best", "mnist", seeds=5),
    Claim("fashion-fast", "fashion-mnist", seeds=5),
    Claim("fashion-best", "fashion-mnist", seeds=3),
    Claim("cifar-fast", seeds=3, **CIFAR),
    Claim("general", "digits", seeds=3),
    Claim("general", "fashion-mnist", seeds=3, limit=2000),
    Claim("general", seeds=3, limit=5000, **CIFAR),
)


def benchmarks() -> dict[str, Benchmark]:
    """Return what there is to measure, by name."""
    return {claim.name: benchmark(claim, claim.seeds) for claim in CLAIMS}


def benchmark(claim: Claim, seeds: int) -> Benchmark:
    """Return the benchmark of a claim with the first ``seeds`` seeds."""

    def measure() -> Iterator[Measured]:
        yield from run_experiment(claim, seeds)

    measure.__doc__ = f"``imagelet {' '.join(claim.words)}``, {seeds} seeds."
    return measure


def run_experiment(claim: Claim, seeds: int) -> Iterator[Measured]:
    """Measure the seeds that the result does not have yet, and yield all that it has after each of them.

    Raises:
        LeftOut: there is no such recipe, the data is not on this computer, or there is nothing left to do.
    """
    if claim.recipe not in recipes:
        raise LeftOut(f"there is no recipe '{claim.recipe}' yet")
    if place_of(claim.dataset) is None:
        raise LeftOut(NO_DATA)
    settings = _settings(claim)
    each = _measured_before(claim, settings)
    missing = sorted(set(range(seeds)) - {one["seed"] for one in each})
    if not missing:
        raise LeftOut(f"its seeds are measured; delete {result_files.path_of(claim.name)} to begin anew")
    if each:
        print(f"  goes on: {len(each)} seeds are measured", file=sys.stderr)
    for seed in missing:
        each = sorted([*each, run_seed(claim, seed)], key=lambda one: one["seed"])
        yield {"settings": settings, **summarized(claim, each), "each": each}


def _settings(claim: Claim) -> dict[str, Any]:
    """Return what must be the same for all seeds of a result, as JSON gives it back."""
    where = environment()
    settings = {
        "command": f"imagelet {' '.join(claim.words)}",
        "recipe": recipe_to_json(recipes.get(claim.recipe)),
        "test_images": claim.test_images,
        "processor": where["processor"],
        "processor_class": claim.processor_class,
        "threads": where["threads"],
        "cuda_devices": where["cuda_devices"],
    }
    plain: dict[str, Any] = json.loads(json.dumps(settings))
    return plain


def _measured_before(claim: Claim, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the seeds that need not be measured again: with the same settings, and on a machine at rest."""
    result = result_files.read(claim.name)
    if result is None or result.get("busy") or result["measured"].get("settings") != settings:
        return []
    each: list[dict[str, Any]] = result["measured"]["each"]
    return each


def run_seed(claim: Claim, seed: int) -> dict[str, Any]:
    """Train with one seed as a whole process and return its figures."""
    with runs_folder() as folder:
        rest = ["--seed", str(seed), "--json", "--runs", f"{folder}/recipes"]
        process = imagelet([*claim.words, *rest], AVX2 if claim.avx2 else NONE)
        document = process.document
        test = document.get("test") or _evaluated(claim, document["classifier"])
    figures = {
        "seed": seed,
        "commit": environment()["commit"],
        "network": document["network"],
        "parameters": document["parameters"],
        "epochs": document["epochs"],
        "test": _part(test),
        "validation": _part(document["validation"]),
        "training_seconds": document["seconds"]["training"],
        "total_seconds": document["seconds"]["total"],
        "process_seconds": process.seconds,
        "peak_bytes": process.peak_bytes,
    }
    print(f"  seed {seed}: {figures['test']['accuracy']:.4f} of the test images", file=sys.stderr)
    return figures


def _evaluated(claim: Claim, classifier_file: str) -> dict[str, Any]:
    """Look once at the test images that the claim is about."""
    images = load_dataset(claim.dataset).test.take(np.arange(claim.test_images))
    return Classifier.load(classifier_file).evaluate(images).to_json()


def _part(metrics: dict[str, Any]) -> dict[str, Any]:
    """Return the figures that are kept; without other views of an image it has only the one."""
    kept = {name: metrics[name] for name in ("accuracy", "interval", "images")}
    return {**kept, "one_view_accuracy": metrics.get("one_view_accuracy", metrics["accuracy"])}


def summarized(claim: Claim, each: Sequence[dict[str, Any]]) -> Measured:
    """Return the results of all seeds together; the interval is that of all their answers."""
    answers = [(one["test"]["accuracy"], one["test"]["images"]) for one in each]
    total = sum(images for _, images in answers)
    right = sum(round(accuracy * images) for accuracy, images in answers)
    measured: Measured = {
        "command": f"imagelet {' '.join(claim.words)}",
        "recipe": claim.recipe,
        "dataset": claim.dataset,
        "processor_class": claim.processor_class,
        "limit": claim.limit,
        "seeds": [one["seed"] for one in each],
        "network": each[0]["network"],
        "parameters": each[0]["parameters"],
        "epochs": each[0]["epochs"],
        "test_interval": list(wilson_interval(right, total)),
    }
    for part in ("test", "validation"):
        measured[f"{part}_images"] = each[0][part]["images"]
        for name in ("accuracy", "one_view_accuracy"):
            measured[f"{part}_{name}"] = summary([one[part][name] for one in each])
    for name in ("training_seconds", "total_seconds", "process_seconds"):
        measured[name] = summary([one[name] for one in each])
    peaks = [one["peak_bytes"] for one in each if one["peak_bytes"] is not None]
    return {**measured, "peak_bytes": summary(peaks) if peaks else None}


def claim_of(measured: Measured) -> tuple[str, int, int]:
    """Return what a recipe says of its benchmark: test accuracy in percent, seeds, seconds of training."""
    accuracy = measured["test_accuracy"]
    spread = "" if accuracy["deviation"] is None else f" ± {100 * accuracy['deviation']:.2f}"
    seconds = round(measured["training_seconds"]["median"])
    return f"{100 * accuracy['mean']:.2f}{spread}", len(measured["seeds"]), seconds
