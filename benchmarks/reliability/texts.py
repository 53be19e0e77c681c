"""Damaged texts: networks, recipe settings, splits, ``experiment.toml``."""

import json
import tempfile
import tomllib
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import tomli_w

from benchmarks.reliability.fuzzing import Case, Fuzzer, WrongAnswerError
from benchmarks.reliability.mutation import (
    NUMBERS,
    ODD_TEXTS,
    hostile_value,
    mutated,
    mutated_json,
    mutated_text,
)
from imagelet.data.imageset import ImageSet
from imagelet.data.splits import Split, split
from imagelet.networks import networks
from imagelet.networks.layer_kind import KINDS as LAYER_KINDS
from imagelet.networks.summary import summarize_text
from imagelet.networks.text import parse, to_text
from imagelet.runs.definition import Experiment, describe, settled
from imagelet.training.recipe import Recipe, recipe_from_json, recipe_to_json, setting_fields, with_settings

SHAPES = ((28, 28, 1), (32, 32, 3), (1, 1, 1), (96, 96, 3), (8, 100, 1))
WORDS = (
    "conv",
    "same",
    "3x3",
    "relu",
    "residual",
    "(",
    ")",
    ",",
    "=",
    "stride",
    "pool",
    "dense",
    "classes",
    "x",
    "2",
)


@cache
def _network_texts() -> tuple[str, ...]:
    return tuple(networks.get(name).text for name in networks)


def _network(random: Random, _: int) -> Case:
    """Return a network's text with letters or words changed."""
    text = random.choice(_network_texts())
    if random.random() < 0.4:
        words = text.split(" ")
        for _ in range(random.randint(1, 3)):
            words.insert(random.randrange(len(words) + 1), random.choice((*WORDS, *words, *LAYER_KINDS)))
        text = " ".join(words)
    if random.random() < 0.6:
        text = mutated_text(random, text, _network_texts())
    if random.random() < 0.01:
        text = random.choice(
            ("residual(" * 5000, "(" * 100_000, "relu " * 100_000, "residual(relu " * 60 + ")" * 60)
        )
    shape, classes = random.choice(SHAPES), random.choice((1, 2, 10, 1000, 0, -1))
    return _case("network.txt", text, partial(_read_network, text, shape, classes))


def _read_network(text: str, shape: tuple[int, int, int], classes: int) -> None:
    """Read a network's text and count its layers; written again it means the same."""
    summarize_text(text, shape, classes)
    if text not in networks and ":" not in text:
        again = to_text(parse(text))
        if to_text(parse(again)) != again:
            raise WrongAnswerError(f"{text!r} becomes {again!r}")


def _settings(random: Random, _: int) -> Case:
    """Return recipe settings as a person types them, or as a file holds them."""
    fields = setting_fields()
    values: dict[str, Any] = {}
    for _ in range(random.randint(1, 4)):
        field = random.choice(fields)
        typed = random.choice((*ODD_TEXTS, *map(str, NUMBERS), "inf", "-0", "1_0", "٣", "yes"))
        name = mutated_text(random, field.name) if random.random() < 0.1 else field.name
        values[name] = typed if random.random() < 0.5 else hostile_value(random)
    return _case("settings.txt", repr(values)[:10_000], partial(_read_settings, values))


def _read_settings(values: dict[str, Any]) -> None:
    """Change a recipe; what is accepted comes back the same from a file, and suits images."""
    recipe = with_settings(Recipe(), values)
    if recipe_from_json(json.loads(json.dumps(recipe_to_json(recipe)))) != recipe:
        raise WrongAnswerError(f"{values} do not come back the same")
    settled(describe("digits", recipe=recipe), 1000, (28, 28, 1))


@cache
def _few_images() -> ImageSet:
    return ImageSet(
        np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8),
        np.arange(40) % 4,
        ("a", "b", "c", "d"),
    )


@cache
def _sound_split() -> dict[str, Any]:
    images = _few_images()
    made = split(images, 0.2, 0)
    parts = {"train": made.train.tolist(), "validation": made.validation.tolist()}
    return {"method": made.method, "seed": 0, "data_sha256": images.fingerprint(), **parts}


def _split(random: Random, _: int) -> Case:
    """Return a split's file, or the words by which one is asked for."""
    if random.random() < 0.5:
        content = mutated_json(random, _sound_split()).encode("utf-8", "surrogatepass")
        content = mutated(random, content) if random.random() < 0.2 else content
        return Case({"split.json": content}, partial(_read_split, content))
    words = (
        "0.2",
        "0",
        "1",
        "course",
        "fold 2 of 5",
        "fold 9 of 5",
        "auto",
        "nan",
        "-0.1",
        "1e-300",
        "0.999999",
    )
    how = mutated_text(random, random.choice(words)) if random.random() < 0.6 else random.choice(words)
    limit = random.choice((0, 0, 1, 2, 39, 40, 41, -1, 10**30))
    text = json.dumps({"validation": how, "limit": limit})
    return _case("asked.json", text, partial(_make_split, how, limit))


def _read_split(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "split.json"
        path.write_bytes(content)
        Split.load(path).check(_few_images())


def _make_split(how: str, limit: int) -> None:
    """Ask for a split as an experiment does; no image is on both sides."""
    experiment = Experiment("digits", validation=how, limit=limit)
    if how == "auto":
        return
    made = split(_few_images(), experiment.validation, experiment.seed, experiment.limit)
    if set(made.train) & set(made.validation):
        raise WrongAnswerError(f"{how!r} puts an image on both sides")


@cache
def experiment_toml() -> dict[str, Any]:
    """Return the content of a sound ``experiment.toml``."""
    experiment = settled(describe("digits", settings={"epochs": 2}), 1000, (8, 8, 1))
    resolved = {
        "network": "flatten dense(10) softmax",
        "input_shape": [8, 8, 1],
        "classes": list("0123456789"),
        "parameters": 650,
        "training_images": 1000,
        "validation_images": 250,
        "device": "cpu",
        "precision": "fp32",
        "data_place": "scikit-learn",
        "data_sha256": "0" * 64,
    }
    return experiment.to_toml() | {"resolved": resolved}


def mutated_toml(random: Random, content: dict[str, Any]) -> bytes:
    """Return a TOML document with values, lines or letters changed, or nested very deeply."""
    text = tomli_w.dumps(content)
    action = random.random()
    if action < 0.4:
        lines = text.splitlines()
        place = random.randrange(len(lines))
        key = lines[place].partition("=")[0]
        values = (
            "1",
            "-1",
            "inf",
            "nan",
            "true",
            '"x"',
            "[]",
            "{}",
            "1979-05-27",
            "[" * 5000 + "]" * 5000,
            "0x7f",
            "9" * 4000,
            '"\\ud800"',
            '"""' + "a" * 10_000 + '"""',
            "[[1]]",
            "{a.b.c = 1}",
        )
        lines[place] = f"{key}= {random.choice(values)}"
        text = "\n".join(lines)
    elif action < 0.8:
        text = mutated_text(random, text)
    elif action < 0.9:
        text += "\n" + random.choice(
            (".".join("a" * 9000) + " = 1", "[" + ".".join("ab" * 9000) + "]", "a = " + "[" * 30_000)
        )
    encoded = text.encode("utf-8", "surrogatepass")
    return mutated(random, encoded) if action >= 0.9 else encoded


def _experiment(random: Random, _: int) -> Case:
    content = mutated_toml(random, experiment_toml())
    return Case({"experiment.toml": content}, partial(_read_experiment, content))


def _read_experiment(content: bytes) -> None:
    """Read an ``experiment.toml`` in a run's folder as an experiment."""
    from imagelet.runs.run import Run

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "experiment.toml").write_bytes(content)
        experiment = Experiment.from_toml(Run(Path(folder)).experiment)
    if tomllib.loads(tomli_w.dumps(experiment.to_toml()))["dataset"] != experiment.dataset:
        raise WrongAnswerError("an experiment does not come back the same")


def _case(name: str, text: str, check: Any) -> Case:
    return Case({name: text.encode("utf-8", "surrogatepass")}, check)


KINDS = (_network, _settings, _split, _experiment)


def _text(random: Random, number: int) -> Case:
    return KINDS[number % len(KINDS)](random, number)


FUZZERS = (Fuzzer("texts", "texts of networks, recipes, splits and experiments", 50_000, _text),)
