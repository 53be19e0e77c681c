"""The course's trainings at full length, and the result of the change that each of its pages suggests.

Let ``IMAGELET_BENCHMARK_RUNS`` name a folder to keep the runs in; else they are deleted.
"""

import json
import os
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.measuring import summary
from benchmarks.processes import runs_folder
from imagelet.course.exercises import WAYS
from imagelet.course.lessons import OWN_DIGITS, Training, lessons, training_of, trainings
from imagelet.data.datasets import place_of

SEEDS = 3  # the training's own and the next ones
CHANGES = {
    "softmax": "imagelet train mnist --network softmax --recipe keras --optimizer sgd --lr 0.01"
    " --validation 0.1",
    "mlp-512": "imagelet train mnist --network mlp-512 --recipe keras --batch-size 128 --epochs 10"
    " --validation course",
    "mlp-1024": "imagelet train mnist --recipe keras --epochs 15 --validation 0.1"
    ' --network "flatten dense(1024) relu dense(1024) relu dense(1024) relu dense(512) relu'
    ' dense(10) softmax"',
    "cnn-1": "imagelet train mnist --network cnn-1 --recipe keras --optimizer momentum --lr 0.01"
    " --batch-size 128 --epochs 10 --validation course",
    "cnn-3": "imagelet train mnist --recipe keras --validation 0.1"
    ' --network "conv(32, 3x3, same) relu average_pool(2, same) dropout(0.3)'
    " conv(64, 3x3, same) relu average_pool(2, same) dropout(0.3)"
    ' conv(128, 3x3, same) relu average_pool(2, same) flatten dense(128) relu dense(10) softmax"',
    "basic-cnn": "imagelet train mnist --recipe keras --batch-size 64 --epochs 1 --validation 0.1"
    ' --network "conv(32, 3x3, same) relu conv(32, 3x3, same) relu pool(2)'
    " conv(64, 3x3, same) relu conv(64, 3x3, same) relu pool(2)"
    ' flatten dense(512) relu dense(10) softmax"',
    "convnet": "imagelet train mnist --recipe keras --optimizer rmsprop --batch-size 64 --validation 0.1"
    ' --network "conv(32, 3x3, same) relu pool(2) conv(64, 3x3, same) relu pool(2) conv(64, 3x3, same) relu'
    ' flatten dense(64) relu dense(10) softmax"',
    "deep-cnn": "imagelet train mnist --network deep-cnn --epochs 2 --validation 0.1 --seed 1234",
    "fashion-cnn": "imagelet train fashion-mnist --network cnn-1 --recipe keras --batch-size 128 --epochs 10"
    " --validation course",
    "cifar-cnn": "imagelet train cifar-10 --network cifar-cnn --recipe keras --batch-size 128 --epochs 10"
    " --validation course --set flip=true --set shift=3",
}
"""For each training the command with one thing changed, as its page in docs/course has it.

Without ``--test``: what to change is chosen by validation images.
"""


def run_experiment(training: Training) -> dict[str, Any]:
    """Run a training with each seed; each run is evaluated once on the test images."""
    return _summarized(training.command(), training.seed)


def run_change(training: Training) -> dict[str, Any]:
    """Run the changed command with each seed, and where need be the unchanged one on the same images.

    What was trained on all images has no validation images to compare by: it is trained without a tenth.
    """
    measured = _summarized(CHANGES[training.name], training.seed)
    if training.validation == "0":
        unchanged = training.command().replace("--validation 0 ", "--validation 0.1 ")
        measured["unchanged"] = _summarized(unchanged.removesuffix(" --test"), training.seed)
    return measured


def own_digits() -> dict[str, Any]:
    """Classify own pictures with the network of each seed; ``IMAGELET_OWN_DIGITS`` names them."""
    pictures = os.environ.get("IMAGELET_OWN_DIGITS")
    if not pictures or place_of("mnist") is None:
        return {}
    training = training_of(lessons.get(OWN_DIGITS))
    assert training is not None
    seeds, documents = _seeds(training.seed), []
    with runs_folder() as folder:
        for seed in seeds:
            words = ["course", OWN_DIGITS, "--pictures", pictures, "--seed", str(seed), "--runs", folder]
            documents.append(_document(words)["exercises"][0]["facts"])
    ways: dict[str, list[float]] = {way: [] for way in WAYS}
    for document in documents:
        for each in document["ways"]:
            ways[each["way"]].append(each["accuracy"])
    return {
        "command": "imagelet course own-digits --pictures PICTURES",
        "seeds": seeds,
        "images": documents[0]["images"],
        "ways": {way: summary(values) for way, values in ways.items()},
        "seconds": summary([document["seconds"] for document in documents]),
    }


def benchmarks() -> dict[str, Callable[[], dict[str, Any]]]:
    """Return what there is to measure, by name."""
    made: dict[str, Callable[[], dict[str, Any]]] = {}
    for prefix, function in (("course", run_experiment), ("change", run_change)):
        for training in trainings():
            made[f"{prefix}-{training.name}"] = _on_its_data(function, training)
    return {**made, "course-own-digits": own_digits}


def _on_its_data(
    function: Callable[[Training], dict[str, Any]], training: Training
) -> Callable[[], dict[str, Any]]:
    def measure() -> dict[str, Any]:
        return function(training) if place_of(training.dataset) else {}

    measure.__doc__ = f"{function.__name__} {training.name}"
    return measure


def _seeds(first: int) -> list[int]:
    return list(range(first, first + SEEDS))


def _document(words: list[str]) -> dict[str, Any]:
    """Run a command in a process of its own and return its JSON."""
    line = [sys.executable, "-m", "imagelet", *words, "--json"]
    document: dict[str, Any] = json.loads(
        subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout
    )
    return document


def _summarized(command: str, seed: int) -> dict[str, Any]:
    """Run a command with each seed and summarize the results."""
    words = shlex.split(command)[1:]
    if "--seed" in words:
        del words[(place := words.index("--seed")) : place + 2]
    seeds = _seeds(seed)
    documents, seconds = [], []
    for each in seeds:
        with runs_folder() as folder:
            started = time.perf_counter()
            documents.append(_document([*words, "--seed", str(each), "--runs", f"{folder}/course"]))
            seconds.append(time.perf_counter() - started)
    first = documents[0]
    measured: dict[str, Any] = {
        "command": command,
        "seeds": seeds,
        "parameters": first["parameters"],
        "epochs": first["epochs"],
        "training_seconds": summary([document["seconds"]["training"] for document in documents]),
        "process_seconds": summary(seconds),
    }
    measured["history"] = {}
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        if columns := [document["history"][name] for document in documents if document["history"][name]]:
            measured[f"last_{name}"] = summary([column[-1] for column in columns])
            measured["history"][name] = [statistics.fmean(epoch) for epoch in zip(*columns, strict=True)]
    for part in ("validation", "test"):
        if part in first:
            measured[f"{part}_images"] = first[part]["images"]
            measured[f"{part}_accuracy"] = summary([document[part]["accuracy"] for document in documents])
            measured[f"{part}_loss"] = summary([document[part]["loss"] for document in documents])
    return measured
