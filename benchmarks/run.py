"""Measure imagelet as a user meets it: start-up, loading, the demo, one epoch of the course's network.

    python -m benchmarks.run             what takes minutes; what lacks its data is left out
    python -m benchmarks.run demo mnist  some of it
    python -m benchmarks.run course      every training of the course with three seeds, more than an hour

Each writes ``benchmarks/results/<name>.json``: what was measured, mean and deviation over the repetitions,
seeds, commit, machine and versions. ``benchmarks/tables.py`` makes ``docs/benchmarks.md`` of these files.
"""

import functools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import course
from benchmarks.measuring import summary
from imagelet import files
from imagelet.data.datasets import load_dataset, place_of
from imagelet.experiment.environment import environment

RESULTS = Path(__file__).parent / "results"
SEEDS = (0, 1, 2)


def startup() -> dict[str, Any]:
    """Seconds of ``imagelet --help``, a whole process, eleven times after a warm-up."""
    _imagelet("--help")
    return {"help_seconds": summary([_timed(lambda: _imagelet("--help")) for _ in range(11)])}


def loading() -> dict[str, Any]:
    """Seconds from the official files to arrays of training and test images, seven times after a warm-up."""
    measured = {}
    for name in ("mnist", "fashion-mnist", "cifar-10"):
        if place_of(name) is None:
            continue
        _read_all(name)
        read = functools.partial(_read_all, name)
        measured[f"{name}_seconds"] = summary([_timed(read) for _ in range(7)])
    return measured


def demo() -> dict[str, Any]:
    """``imagelet demo`` as a whole process, three seeds."""
    return _trainings([["demo", "--seed", str(seed)] for seed in SEEDS])


def mnist() -> dict[str, Any]:
    """One epoch of ``cnn-3`` on MNIST and a look at its test images, three seeds."""
    if place_of("mnist") is None:
        return {}
    words = ["train", "mnist", "--network", "cnn-3", "--epochs", "1", "--test"]
    return _trainings([[*words, "--seed", str(seed)] for seed in SEEDS])


def precision() -> dict[str, Any]:
    """float32 against bfloat16 in turn: two epochs of ``convnet`` on MNIST, five seeds, validation images."""
    if place_of("mnist") is None:
        return {}
    words = ["train", "mnist", "--network", "convnet", "--epochs", "2"]
    accuracy: dict[str, list[float]] = {"fp32": [], "bf16": []}
    seconds: dict[str, list[float]] = {"fp32": [], "bf16": []}
    for seed in range(5):
        for name in accuracy:
            with tempfile.TemporaryDirectory() as folder:
                rest = ["--precision", name, "--seed", str(seed), "--json", "--runs", folder]
                document = json.loads(_imagelet(*words, *rest))
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


BENCHMARKS: dict[str, Callable[[], dict[str, Any]]] = {
    "startup": startup,
    "loading": loading,
    "demo": demo,
    "mnist": mnist,
    "precision": precision,
}


def _trainings(commands: list[list[str]]) -> dict[str, Any]:
    """Carry out trainings as whole processes and return what they came to."""
    documents, seconds = [], []
    for words in commands:
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            documents.append(json.loads(_imagelet(*words, "--json", "--runs", folder)))
            seconds.append(time.perf_counter() - started)
    tests = [document["test"] for document in documents]
    return {
        "command": f"imagelet {' '.join(commands[0][: commands[0].index('--seed')])}",
        "seeds": list(SEEDS),
        "test_images": tests[0]["images"],
        "test_accuracy": summary([test["accuracy"] for test in tests]),
        "test_intervals": [test["interval"] for test in tests],
        "validation_accuracy": summary([document["validation"]["accuracy"] for document in documents]),
        "training_seconds": summary([document["seconds"]["training"] for document in documents]),
        "process_seconds": summary(seconds),
        "images_per_second": summary([document["images_per_second"] for document in documents]),
    }


def _imagelet(*words: str) -> str:
    command = [sys.executable, "-m", "imagelet", *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _read_all(name: str) -> None:
    dataset = load_dataset(name)
    for part in dataset.parts:
        dataset.read(part)


def _timed(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def main(names: Sequence[str]) -> int:
    """Measure and write what ``names`` ask for; what takes minutes if they are none."""
    of_the_course = course.benchmarks()
    known = BENCHMARKS | of_the_course
    if names == ["course"]:
        names = list(of_the_course)
    if unknown := set(names) - set(known):
        print(f"unknown benchmark '{min(unknown)}'; there are {', '.join(known)}, course", file=sys.stderr)
        return 2
    for name in names or BENCHMARKS:
        print(f"{name}: {known[name].__doc__}", file=sys.stderr)
        measured = known[name]()
        if not measured:
            print("  left out: the data is not at hand", file=sys.stderr)
            continue
        content = {"name": name, "measured": measured, "environment": environment()}
        files.write_json(RESULTS / f"{name}.json", content)
        print(json.dumps(measured, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
