"""imagelet as a user meets it: loading, the demo, an epoch of MNIST, float32 and bfloat16."""

import functools
from typing import Any

from benchmarks import starting
from benchmarks.measuring import Benchmark, at_once, seconds_of, summary
from benchmarks.processes import imagelet, runs_folder
from imagelet.data.datasets import load_dataset, place_of

SEEDS = (0, 1, 2)


def loading() -> dict[str, Any]:
    """Seconds from the official files to arrays of training and test images, seven times after a warm-up."""
    measured = {}
    for name in ("mnist", "fashion-mnist", "cifar-10"):
        if place_of(name) is None:
            continue
        _read_all(name)
        read = functools.partial(_read_all, name)
        measured[f"{name}_seconds"] = summary([seconds_of(read) for _ in range(7)])
    return measured


def demo() -> dict[str, Any]:
    """``imagelet demo`` as a whole process, three seeds."""
    return _trainings(["demo"])


def mnist() -> dict[str, Any]:
    """One epoch of ``cnn-3`` on MNIST and a look at its test images, three seeds."""
    if place_of("mnist") is None:
        return {}
    return _trainings(
        ["train", "mnist", "--network", "cnn-3", "--recipe", "keras", "--epochs", "1", "--test"]
    )


def precision() -> dict[str, Any]:
    """float32 against bfloat16 in turn: two epochs of ``convnet`` on MNIST, five seeds, validation images."""
    if place_of("mnist") is None:
        return {}
    words = ["train", "mnist", "--network", "convnet", "--recipe", "keras", "--epochs", "2"]
    accuracy: dict[str, list[float]] = {"fp32": [], "bf16": []}
    seconds: dict[str, list[float]] = {"fp32": [], "bf16": []}
    for seed in range(5):
        for name in accuracy:
            rest = ["--precision", name, "--seed", str(seed), "--json"]
            with runs_folder() as folder:
                document = imagelet([*words, *rest, "--runs", f"{folder}/precision"]).document
            accuracy[name].append(document["validation"]["accuracy"])
            seconds[name].append(document["seconds"]["training"])
    differences = [bf16 - fp32 for fp32, bf16 in zip(accuracy["fp32"], accuracy["bf16"], strict=True)]
    return {
        "command": f"imagelet {' '.join(words)}",
        "seeds": list(range(5)),
        "validation_accuracy": {name: summary(values) for name, values in accuracy.items()},
        "difference": summary(differences),
        "training_seconds": {name: summary(values) for name, values in seconds.items()},
    }


def benchmarks() -> dict[str, Benchmark]:
    """Return what there is to measure, by name."""
    functions = {
        "startup": starting.startup,
        "loading": loading,
        "demo": demo,
        "mnist": mnist,
        "precision": precision,
    }
    return {name: at_once(function) for name, function in functions.items()}


def _trainings(words: list[str]) -> dict[str, Any]:
    """Run a training with each seed, each a whole process, and return the results."""
    documents, seconds = [], []
    for seed in SEEDS:
        with runs_folder() as folder:
            rest = ["--seed", str(seed), "--json", "--runs", f"{folder}/daily"]
            process = imagelet([*words, *rest])
        documents.append(process.document)
        seconds.append(process.seconds)
    tests = [document["test"] for document in documents]
    return {
        "command": f"imagelet {' '.join(words)}",
        "seeds": list(SEEDS),
        "test_images": tests[0]["images"],
        "test_accuracy": summary([test["accuracy"] for test in tests]),
        "test_intervals": [test["interval"] for test in tests],
        "validation_accuracy": summary([document["validation"]["accuracy"] for document in documents]),
        "training_seconds": summary([document["seconds"]["training"] for document in documents]),
        "process_seconds": summary(seconds),
        "images_per_second": summary([document["images_per_second"] for document in documents]),
    }


def _read_all(name: str) -> None:
    dataset = load_dataset(name)
    for part in dataset.parts:
        dataset.read(part)
