"""Benchmarks keep what they measured and go on where they stopped; their page says what the files say."""

import io
import itertools
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import (
    inside,
    inside_page,
    labels,
    pages,
    plot,
    prediction,
    prediction_worker,
    processes,
    recipes,
    result_files,
    run,
    starting,
    steps,
)
from benchmarks.measuring import LeftOut, at_once, geometric_mean, summary
from benchmarks.peers import worker
from benchmarks.processes import NONE, Process
from imagelet.classifier.classifier import Classifier
from imagelet.course.lessons import trainings
from imagelet.data.datasets import load_dataset
from imagelet.data.official.cifar import CIFAR_10
from imagelet.metrics.calibration import Calibration
from imagelet.metrics.classification import wilson_interval
from imagelet.networks import build
from imagelet.plots.style import empty_figure
from imagelet.preprocessing.framing import Framing
from imagelet.preprocessing.normalization import Normalization
from imagelet.registry import Registry
from imagelet.training.recipe import Recipe
from imagelet.training.recipes import measured as published
from imagelet.training.recipes import recipes as named_recipes

ENVIRONMENT = {
    "python": "3.12.1",
    "versions": {"torch": "2.99.0"},
    "processor": "Abacus 9",
    "threads": 7,
    "cuda_devices": [],
    "commit": "0123456789abcdef+changes",
}
Words = list[str]


def result(name: str, measured: dict[str, Any], **rest: Any) -> dict[str, Any]:
    """Return a benchmark's file."""
    return {"name": name, "measured": measured, "environment": ENVIRONMENT, **rest}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let results be written to an empty folder, and return it."""
    monkeypatch.setattr(result_files, "FOLDER", tmp_path / "results")
    return tmp_path / "results"


# -- figures -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratios", "mean"), [([1, 4], 2), ([2, 0.5], 1), ([1.5, 6, 3], 3), ([7], 7), ([2, 2, 2, 54], 4.55901411)]
)
def test_the_geometric_mean_is_the_root_of_the_product(ratios: list[float], mean: float) -> None:
    assert geometric_mean(ratios) == pytest.approx(mean)
    assert geometric_mean([1 / ratio for ratio in ratios]) == pytest.approx(1 / mean)


def test_a_summary_has_the_sample_deviation_and_can_be_written() -> None:
    assert summary([1, 2, 3, 6]) == {
        "mean": 3,
        "deviation": pytest.approx(math.sqrt(14 / 3)),
        "median": 2.5,
        "min": 1,
        "max": 6,
        "repetitions": 4,
    }
    assert json.loads(json.dumps(summary([5.0]), allow_nan=False))["deviation"] is None


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(1.234, "1.23 s"), (12.34, "12.3 s"), (0.0456, "45.6 ms"), (0.123, "123 ms"), (0.000789, "789 µs")],
)
def test_seconds_are_written_with_three_digits(seconds: float, written: str) -> None:
    assert pages.short_seconds(seconds) == written


# -- processes -----------------------------------------------------------------------------------------------


def test_a_process_says_what_it_printed_and_how_long_it_took() -> None:
    done = processes.run_experiment(
        [sys.executable, "-c", "import time; time.sleep(0.2); print('{\"a\": 1}')"]
    )
    assert done.document == {"a": 1}
    assert done.seconds >= 0.2


def test_a_process_that_fails_is_an_error() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        processes.run_experiment([sys.executable, "-c", "raise SystemExit(4)"])


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="Windows does not tell")
def test_the_peak_memory_is_the_commands_own_and_not_that_of_who_measures() -> None:
    block = np.ones(25_000_000)  # 200 MB here
    little = processes.run_experiment([sys.executable, "-c", "pass"]).peak_bytes
    much = processes.run_experiment([sys.executable, "-c", "b = b'x' * 150_000_000"]).peak_bytes
    assert block.nbytes == 200_000_000
    assert little is not None
    assert much is not None
    assert little < 100_000_000 < 150_000_000 < much < little + 200_000_000


# -- recipes -------------------------------------------------------------------------------------------------


class FakeImagelet:
    """Answers ``imagelet train`` as if it had trained.

    Attributes:
        seeds: those that were asked for, in this order.
        interrupt_at: the seed at which Ctrl-C is pressed; None for never.
    """

    def __init__(self) -> None:
        self.seeds: list[int] = []
        self.words: list[Words] = []
        self.interrupt_at: int | None = None
        self.more: dict[str, Any] = {}

    def __call__(self, words: Sequence[str], variables: Mapping[str, str] = processes.NONE) -> Process:
        seed = int(words[words.index("--seed") + 1])
        if seed == self.interrupt_at:
            raise KeyboardInterrupt
        self.seeds.append(seed)
        self.words.append(list(words))
        part = {"accuracy": 0.97 + seed / 100, "interval": [0.9, 1.0], "images": 1000}
        document = {
            "network": "softmax",
            "parameters": 7850,
            "epochs": 4,
            "classifier": "none",
            "seconds": {"training": 10.0 + seed, "total": 13.0},
            "validation": {**part, "one_view_accuracy": 0.5},
            "test": part,
            **self.more,
        }
        return Process(json.dumps(document), seconds=15.0, peak_bytes=600_000_000 + seed)


@pytest.fixture
def imagelet(folder: Path, monkeypatch: pytest.MonkeyPatch) -> FakeImagelet:
    """Let the recipe benchmarks be those of one recipe on the digits, carried out by nobody."""
    fake = FakeImagelet()
    known: Registry[Recipe] = Registry("recipe", "imagelet recipes")
    known.add("mnist-fast", Recipe(name="mnist-fast", epochs=4))
    monkeypatch.setattr(recipes, "imagelet", fake)
    monkeypatch.setattr(recipes, "recipes", known)
    monkeypatch.setattr(recipes, "CLAIMS", (recipes.Claim("mnist-fast", "digits", seeds=4),))
    return fake


def kept() -> dict[str, Any]:
    found = result_files.read("recipe-mnist-fast")
    assert found is not None
    return found


def test_every_seed_is_kept_and_they_are_summarized(imagelet: FakeImagelet) -> None:
    assert run.main(["recipe-mnist-fast"]) == 0
    measured = kept()["measured"]
    line = " ".join(imagelet.words[2])
    assert line.startswith(
        "train digits --recipe mnist-fast --validation 0.05 --test --seed 2 --json --runs "
    )
    assert measured["seeds"] == [0, 1, 2, 3]
    assert [one["test"]["accuracy"] for one in measured["each"]] == [0.97, 0.98, 0.99, 1.0]
    assert measured["test_accuracy"] == summary([0.97, 0.98, 0.99, 1.0])
    assert (measured["test_accuracy"]["min"], measured["test_accuracy"]["max"]) == (0.97, 1.0)
    assert measured["test_interval"] == list(wilson_interval(3940, 4000))
    assert measured["test_one_view_accuracy"]["mean"] == measured["test_accuracy"]["mean"]  # no other views
    assert measured["validation_one_view_accuracy"]["mean"] == 0.5
    assert measured["training_seconds"]["mean"] == 11.5
    assert measured["process_seconds"]["mean"] == 15
    assert measured["peak_bytes"]["max"] == 600_000_003
    assert measured["parameters"] == 7850
    assert "torch" in kept()["environment"]["versions"]


def test_what_was_interrupted_goes_on_with_the_missing_seeds(
    imagelet: FakeImagelet, capsys: pytest.CaptureFixture[str]
) -> None:
    imagelet.interrupt_at = 2
    assert run.main(["recipe-mnist-fast"]) == 130
    assert kept()["measured"]["seeds"] == [0, 1]
    before = kept()["measured"]["each"]
    imagelet.interrupt_at = None
    assert run.main(["recipe-mnist-fast"]) == 0
    assert imagelet.seeds == [0, 1, 2, 3]  # none twice
    assert kept()["measured"]["each"][:2] == before
    assert kept()["measured"]["test_accuracy"]["repetitions"] == 4
    file = result_files.path_of("recipe-mnist-fast").read_bytes()
    assert run.main(["recipe-mnist-fast"]) == 0
    assert imagelet.seeds == [0, 1, 2, 3]
    assert result_files.path_of("recipe-mnist-fast").read_bytes() == file
    assert "delete" in capsys.readouterr().err


def test_the_quick_group_measures_three_seeds_and_the_full_one_adds_the_rest(imagelet: FakeImagelet) -> None:
    name = "recipe-mnist-fast"
    for measured in run.groups()["quick"][name]():
        result_files.write(name, measured)
    assert imagelet.seeds == [0, 1, 2]
    for measured in run.groups()["full"][name]():
        result_files.write(name, measured)
    assert imagelet.seeds == [0, 1, 2, 3]
    with pytest.raises(LeftOut):
        next(run.groups()["quick"][name]())  # more seeds than it asks for are kept
    assert len(kept()["measured"]["seeds"]) == 4


@pytest.mark.parametrize("change", ["recipe", "processor", "threads", "busy"])
def test_seeds_of_another_recipe_or_machine_are_not_mixed_in(
    change: str, imagelet: FakeImagelet, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.main(["recipe-mnist-fast"])
    if change == "recipe":
        other: Registry[Recipe] = Registry("recipe", "imagelet recipes")
        other.add("mnist-fast", Recipe(name="mnist-fast", epochs=5))
        monkeypatch.setattr(recipes, "recipes", other)
    elif change == "busy":
        result_files.path_of("recipe-mnist-fast").write_text(json.dumps({**kept(), "busy": True}))
    else:
        other_machine = {**recipes.environment(), change: ENVIRONMENT[change]}
        monkeypatch.setattr(recipes, "environment", lambda: other_machine)
    run.main(["recipe-mnist-fast"])
    assert imagelet.seeds == [0, 1, 2, 3, 0, 1, 2, 3]


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        (recipes.Claim("no-such", "digits", seeds=1), "no recipe 'no-such' yet"),
        (recipes.Claim("mnist-fast", "mnist", seeds=1), "data is not on this computer"),
    ],
)
def test_a_claim_without_its_recipe_or_data_is_left_out_with_a_sentence(
    claim: recipes.Claim, reason: str, imagelet: FakeImagelet
) -> None:
    with pytest.raises(LeftOut, match=reason):
        next(recipes.run_experiment(claim, 1))
    assert imagelet.seeds == []


def test_on_cifar_10_only_the_first_test_images_are_looked_at(
    imagelet: FakeImagelet,
    cifar_folder: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IMAGELET_DATA", str(cifar_folder("bin")))
    file = tmp_path / "frogs.safetensors"
    always(3, (32, 32, 3), CIFAR_10.classes).save(file)
    imagelet.more = {"classifier": str(file), "test": None}
    claim = recipes.Claim("mnist-fast", "cifar-10", seeds=1, test_images=5)
    (measured,) = recipes.run_experiment(claim, 1)
    assert "--test" not in imagelet.words[0]
    assert measured["test_images"] == 5
    assert measured["test_accuracy"]["mean"] == 0.2  # the labels are 0, 1, 2, … in turn


def test_the_claims_are_told_apart() -> None:
    names = [claim.name for claim in recipes.CLAIMS]
    assert len(set(names)) == len(names) == 9
    assert {"recipe-mnist-fast", "recipe-general-digits"} < set(names)
    for claim in recipes.CLAIMS:
        assert claim.validation == ("0.1" if claim.dataset == "cifar-10" else "0.05")
        assert ("--test" in claim.words) == (claim.dataset != "cifar-10")


@pytest.mark.slow
def test_a_recipe_is_really_trained(folder: Path) -> None:
    claim = recipes.Claim("digits", "digits", seeds=1, limit=200)
    (measured,) = recipes.run_experiment(claim, 1)
    result_files.write(claim.name, measured)
    assert measured["test_images"] == 360
    assert measured["test_accuracy"]["mean"] > 0.2
    assert measured["settings"]["recipe"]["name"] == "digits"
    assert 0 < measured["training_seconds"]["mean"] < measured["process_seconds"]["mean"]
    if hasattr(os, "wait4"):
        assert measured["peak_bytes"]["mean"] > 50_000_000


def always(answer: int, shape: tuple[int, int, int], classes: tuple[str, ...]) -> Classifier:
    """Return a classifier that gives every image the same answer."""
    network = build("softmax", shape, len(classes))
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.zero_()
        list(network.parameters())[-1][answer] = 5
    return Classifier(
        network=network,
        classes=classes,
        framing=Framing("stretch", *shape),
        normalization=Normalization((0.5,) * shape[2], (0.5,) * shape[2]),
        calibration=Calibration(temperature=1.0, threshold=0.5),
        training={},
    )


# -- the command ---------------------------------------------------------------------------------------------


def test_an_unknown_benchmark_is_named_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["startup", "recipe-mnist-fats"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("unknown benchmark 'recipe-mnist-fats'; did you mean 'recipe-mnist-fast'?")
    assert "python -m benchmarks.run list" in error


def test_every_benchmark_is_listed_and_says_what_it_measures(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["list"]) == 0
    names = capsys.readouterr().out.split()
    assert {"quick", "full", "recipes", "course", "steps", "memory", "recipe-general-cifar-10"} <= set(names)
    for name, benchmark in run.known().items():
        assert name in names
        assert benchmark.__doc__, name


def test_the_groups_hold_what_they_should() -> None:
    groups = run.groups()
    assert set(groups["full"]) == set(run.known())
    assert set(groups["course"]) >= {f"course-{training.name}" for training in trainings()}
    assert len(groups["recipes"]) == 9
    assert len(groups["recipe-general"]) == 3
    assert tuple(groups["quick"]) == run.QUICK


def test_what_has_no_data_is_left_out_and_writes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main(["mnist", "precision", "prediction", "memory", "loading", "inside"]) == 0
    assert capsys.readouterr().err.count("left out: the data is not on this computer") == 6
    assert not folder.exists()


# -- steps against a peer ------------------------------------------------------------------------------------

TRAINING = worker.Training("softmax", (28, 28, 1), 10, 100, "adam", 0.001, "fp32", 1.5)


@pytest.mark.skipif(os.name == "nt", reason="a script is no program on Windows")
def test_a_worker_is_asked_in_lines_of_json(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, sys\n"
        "assert sys.argv[1:] == ['-m', 'benchmarks.peers.keras_worker'], sys.argv\n"
        "for line in sys.stdin:\n"
        "    asked = json.loads(line)\n"
        "    if asked['network'] == 'gone':\n"
        "        break\n"
        "    print(json.dumps({'step_seconds': asked['batch_size'] / 1000}), flush=True)\n"
    )
    program.chmod(0o755)
    with steps.Worker(str(program), "keras_worker") as peer:
        assert peer.step_seconds(TRAINING) == 0.1
        assert (
            peer.step_seconds(worker.Training("cnn-3", (28, 28, 1), 10, 64, "sgd", 0.1, "bf16", 1)) == 0.064
        )
        with pytest.raises(SystemExit, match="keras_worker"):
            peer.step_seconds(worker.Training("gone", (28, 28, 1), 10, 64, "sgd", 0.1, "bf16", 1))


def test_a_worker_answers_each_line_and_builds_each_training_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.dumps({**vars(TRAINING), "seconds": 0.0, "precision": p}) for p in ("fp32", "bf16", "fp32")]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(lines) + "\n"))
    prepared: list[str] = []
    trained: list[int] = []

    def prepare(training: worker.Training) -> Callable[[int], None]:
        assert training.input_shape == (28, 28, 1)
        prepared.append(training.precision)
        return trained.append

    worker.serve(prepare)
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert prepared == ["fp32", "bf16"]
    assert len(answers) == 3
    assert all(answer.keys() == {"step_seconds"} and answer["step_seconds"] >= 0 for answer in answers)
    assert set(trained) == {worker.FIRST_STEPS}


class FakeWorker:
    """A process that needs 2 ms for a step of imagelet's and 6 for one of Keras's, twice that in bfloat16."""

    asked: list[str]

    def __init__(self, python: str, module: str, variables: Mapping[str, str] = NONE) -> None:
        self.library = module.removesuffix("_worker")

    def __enter__(self) -> "FakeWorker":
        return self

    def __exit__(self, *error: object) -> None: ...

    def step_seconds(self, training: worker.Training) -> float:
        self.asked.append(f"{self.library} {training.precision}")
        return {"imagelet": 0.002, "keras": 0.006}[self.library] * (2 if training.precision == "bf16" else 1)


@pytest.fixture
def fake_worker(monkeypatch: pytest.MonkeyPatch) -> type[FakeWorker]:
    """Let nobody take a step."""
    FakeWorker.asked = []
    monkeypatch.setattr(steps, "Worker", FakeWorker)
    monkeypatch.setattr(steps, "_versions", lambda python: {"python": "3.11.0", "keras": "9.8.7"})
    return FakeWorker


def test_imagelet_and_keras_take_turns(
    fake_worker: type[FakeWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGELET_KERAS", "python-with-keras")
    measured = steps.steps()
    round_ = ["imagelet auto", "imagelet fp32", "keras fp32", "keras bf16"]
    assert fake_worker.asked == round_ * steps.ROUNDS * len(measured["networks"])
    assert list(measured["networks"]) == [training.network for training in trainings()]
    assert measured["networks"]["cnn-3"]["step_seconds"]["keras bf16"]["median"] == 0.012
    assert measured["times_as_fast"]["imagelet auto"]["geometric_mean"] == pytest.approx(3)

    page = pages.benchmarks_page({"steps": result("steps", measured)})
    assert "## Steps against Keras" in page
    assert "| `cnn-3` | 100 | 2.00 | 2.00 | 6.00 | 12.00 | 3.00 | 3.00 | 6.00 |" in page
    assert "| geometric mean |  |  |  |  |  | 3.00 | 3.00 | 6.00 |" in page
    assert "torch 2.99.0, keras 9.8.7" in page


def test_without_keras_only_imagelets_steps_are_measured(
    fake_worker: type[FakeWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IMAGELET_KERAS", raising=False)
    measured = steps.steps()
    assert set(fake_worker.asked) == {"imagelet auto", "imagelet fp32"}
    page = pages.benchmarks_page({"steps": result("steps", measured)})
    assert "## Steps\n" in page
    assert "Keras" not in page
    assert "| `softmax` | 100 | 2.00 | 2.00 |" in page


# -- prediction and memory -----------------------------------------------------------------------------------


def test_prediction_and_memory_are_those_of_whole_processes(
    small_data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carried_out: list[Words] = []

    def imagelet(words: Sequence[str]) -> Process:
        carried_out.append(list(words))
        document = {"classifier": "c.safetensors", "network": "softmax", "parameters": 7850}
        return Process(json.dumps(document), seconds=2.5, peak_bytes=321_000_000)

    def run_experiment(command: Sequence[str]) -> Process:
        what, file, on = command[-3:]
        assert file == "c.safetensors"
        if what == "first":
            assert Path(on).stat().st_size > 0
            seconds: Any = {"import_seconds": 1.5, "load_seconds": 0.05, "first_picture_seconds": 0.011}
        else:
            seconds = {"image_seconds": [0.001, 0.003], "batch_seconds": [0.02], "all_seconds": [1.75]}
        return Process(json.dumps(seconds), seconds=0, peak_bytes=None)

    known: Registry[Recipe] = Registry("recipe", "imagelet recipes")
    for name in ("general", "keras"):
        known.add(name, Recipe(name=name))
    monkeypatch.setattr(prediction, "recipes", known)
    monkeypatch.setattr(prediction, "imagelet", imagelet)
    monkeypatch.setattr(prediction, "run_experiment", run_experiment)
    assert run.main(["prediction", "memory"]) == 0
    trained = [words for words in carried_out if words[0] == "train"]
    lines = [" ".join(words[: words.index("--json")]) for words in trained]
    plain = "train mnist --network cnn-3 --recipe keras --epochs 1"
    assert lines == [plain, "train mnist --recipe general --epochs 1", plain]  # there is no mnist-fast
    assert len(carried_out) == 3 + prediction.REPETITIONS

    page = pages.benchmarks_page(result_files.read_all())
    assert "`softmax`, 7,850 parameters" in page
    for row in (
        "| `imagelet predict RUN PICTURE`, the whole process | 2.50 s | 5 |",
        "| `Classifier.load` | 50.0 ms | 5 |",
        "| its first prediction, of a picture file | 11.0 ms | 5 |",
        "| one framed image | 2.00 ms | 2 |",
        "| 100 framed images | 20.0 ms | 1 |",
        "| 100 framed images | 1.75 s | 1 |",  # all that the small test set has
        "| peak memory of `imagelet predict RUN PICTURE` | 321 MB | 5 |",
        "| `imagelet train mnist --recipe general --epochs 1` | `softmax` | 321 MB |",
    ):
        assert row in page


def test_the_prediction_worker_times_the_first_and_further_answers(small_data: Path, tmp_path: Path) -> None:
    from PIL import Image

    file, picture = tmp_path / "c.safetensors", tmp_path / "picture.png"
    always(3, (28, 28, 1), tuple("0123456789")).save(file)
    Image.fromarray(np.arange(784, dtype=np.uint8).reshape(28, 28)).save(picture)
    first = prediction_worker.first(str(file), str(picture))
    assert list(first) == ["import_seconds", "load_seconds", "first_picture_seconds"]
    again = prediction_worker.again(str(file), "mnist")
    assert {name: len(seconds) for name, seconds in again.items()} == {
        "image_seconds": 200,
        "batch_seconds": 50,
        "all_seconds": 5,
    }
    assert min(*first.values(), *again["image_seconds"], *again["all_seconds"]) > 0


# -- looking inside ------------------------------------------------------------------------------------------


def test_looking_inside_is_measured_first_and_again_and_stands_beside_what_is_asked(
    small_data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[bool] = []  # whether there were embeddings when a command was carried out
    words_of: dict[str, Words] = {}

    def imagelet(words: Sequence[str]) -> Process:
        command = words[0]
        words_of[command] = list(words)
        if command == "train":
            place = Path(words[words.index("--runs") + 1]) / words[words.index("--name") + 1]
            place.mkdir()
            return Process(json.dumps({"network": "softmax", "parameters": 7850}), 9.0, None)
        embeddings = Path(words[1]) / "embeddings.safetensors"
        kept.append(embeddings.exists())
        embeddings.touch()
        if command == "report":
            Path(words[words.index("--out") + 1]).write_bytes(bytes(204_900))
        else:
            assert Path(words[2]).stat().st_size > 0
        return Process("", seconds=2.5 if kept[-1] else 20.0, peak_bytes=None)

    asked: list[Words] = []

    def run_experiment(command: Sequence[str]) -> Process:
        assert command[:3] == [sys.executable, "-m", "benchmarks.inside"]
        what, network, *rest = command[3:]
        asked.append([what, network, *rest])
        methods = ["one"] * (3 if network == "softmax" else 4)
        found: dict[str, Any] = {
            "methods": methods,
            "first_seconds": 1.25,
            "again_seconds": summary([0.5] * 5),
        }
        if what == "embed":
            found = {"network": network, "dataset": rest[0], "images": int(rest[1]), "seconds": 41.5}
        return Process(json.dumps(found), seconds=0, peak_bytes=None)

    monkeypatch.setattr(inside, "imagelet", imagelet)
    monkeypatch.setattr(inside, "run_experiment", run_experiment)
    assert run.main(["inside"]) == 0
    networks = list(dict.fromkeys(training.network for training in trainings()))
    assert asked == [*(["look", name] for name in networks), ["embed", "deep-cnn", "mnist", "60000"]]
    assert kept == [False, True, True, True] * 2  # explain, then report

    page = pages.benchmarks_page(result_files.read_all())
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == ["Looking inside", "Machines"]
    assert "`imagelet train mnist --recipe mnist-fast --epochs 1`: `softmax`, 7,850 parameters" in page
    assert "has 205 kB" in " ".join(page.split())
    for row in (
        "| network | methods | first | again | limit |",
        "| `softmax` | 3 | 1.25 s | 500 ms | under 1 s |",
        "| `deep-cnn` | 4 | 1.25 s | 500 ms | under 1 s |",
        "| 60,000 images of mnist embedded by `deep-cnn` | 41.5 s | – | under 60 s |",
        "| `imagelet explain RUN PICTURE` | 20.0 s | 2.50 s | – |",
        "| `imagelet report RUN` | 20.0 s | 2.50 s | – |",
    ):
        assert row in page
    busy = pages.benchmarks_page({"inside": {**result_files.read_all()["inside"], "busy": True}})
    assert "| 1.25 s * | 500 ms * |" in busy
    assert busy.count("\\* Other work ran on the machine") == 1


@pytest.mark.parametrize(("network", "methods"), [("softmax", 3), ("cnn-1", 4)])
def test_a_look_is_at_all_layers_and_by_every_method_that_the_network_allows(
    network: str, methods: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imagelet.explanation import activations, attribution

    done: list[str] = []
    outputs, found = activations.layer_activations, attribution.attribute
    monkeypatch.setattr(
        activations, "layer_activations", lambda *what: done.append("layers") or outputs(*what)
    )
    monkeypatch.setattr(
        attribution, "attribute", lambda one, image, method: done.append(method) or found(one, image, method)
    )
    measured = inside.look(network)
    assert done == ["layers", *measured["methods"]] * (1 + inside.LOOKS)
    assert len(set(measured["methods"])) == methods
    assert ("grad-cam" in measured["methods"]) == (methods == len(attribution.METHODS))
    assert measured["again_seconds"]["repetitions"] == 5
    assert min(measured["first_seconds"], measured["again_seconds"]["min"]) > 0


def test_a_look_can_be_asked_for_in_a_process_of_its_own() -> None:
    assert inside._ask("look", "softmax")["again_seconds"]["repetitions"] == inside.LOOKS


def test_no_more_images_are_embedded_than_there_are(small_data: Path) -> None:
    measured = inside.embed("softmax", "mnist", "60000")
    assert measured.pop("seconds") > 0
    available = len(load_dataset("mnist").train)
    assert measured == {"network": "softmax", "dataset": "mnist", "images": available}
    assert inside.embed("softmax", "mnist", "7")["images"] == 7


# -- the page on looking inside ------------------------------------------------------------------------------


def test_the_number_on_the_page_is_what_the_classifier_makes_of_the_photo() -> None:
    from imagelet.analysis.explain import load_and_frame
    from imagelet.explanation.unit_trace import trace_unit

    text = inside_page.PAGE.read_text("utf-8")
    photo, layer, place, printed = re.search(
        r"^\$ imagelet explain mnist docs/(\S+) --at (\w+):([\d,]+)\n\w+ at [\d, ]+: \S+\n(.+)$",
        text,
        re.MULTILINE,
    ).groups()
    classifier, framed = load_and_frame("mnist", inside_page.PAGE.parents[1] / photo)
    indices = [int(index) for index in place.split(",")]
    assert trace_unit(classifier, framed.image, layer, indices).text == printed
    (prediction,) = classifier.predict(inside_page.PHOTO)
    assert (prediction.predicted, prediction.sure) == (inside_page.LABEL, True)


def test_the_pictures_of_the_page_are_small_and_all_of_them_are_shown() -> None:
    pictures = sorted(inside_page.PICTURES.glob("inside-*.png"))
    shown = re.findall(
        r"^!\[.+\]\(\.\./images/(inside-\S+)\)$", inside_page.PAGE.read_text("utf-8"), re.MULTILINE
    )
    assert sorted(shown) == [path.name for path in pictures]
    assert max(path.stat().st_size for path in pictures) < 150_000


def test_a_picture_of_few_colours_keeps_them_near_its_own(tmp_path: Path) -> None:
    from PIL import Image

    across, down = np.meshgrid(np.arange(200), np.arange(100))
    pixels = np.stack([across, down * 2, 255 - across], axis=2).astype(np.uint8)
    inside_page.write(pixels, tmp_path / "few.png")
    with Image.open(tmp_path / "few.png") as picture:
        assert picture.mode == "P"
        assert np.abs(np.asarray(picture.convert("RGB")).astype(int) - pixels).max() < 32
    with Image.open(inside_page.PHOTO) as picture:  # the photo that is shipped is the one that is drawn
        kept = np.asarray(picture.convert("RGB")).astype(int)
    assert np.abs(kept - inside_page.photo()).max() < 16


# -- the page ------------------------------------------------------------------------------------------------


def recipe_result(claim: recipes.Claim, seconds: float = 12.0, **rest: Any) -> dict[str, Any]:
    """Return the file of a claim with two seeds."""
    images = claim.test_images or 10_000
    part = {"interval": [0.9, 1.0], "images": images}
    each = [
        {
            "seed": seed,
            "network": "softmax",
            "parameters": 7850,
            "epochs": 3,
            "test": {**part, "accuracy": 0.99 + seed / 500, "one_view_accuracy": 0.987},
            "validation": {**part, "accuracy": 0.995, "one_view_accuracy": 0.98},
            "training_seconds": seconds + seed,
            "total_seconds": seconds + 5,
            "process_seconds": seconds + 8,
            "peak_bytes": 654_321_000,
        }
        for seed in (0, 1)
    ]
    return result(claim.name, recipes.summarized(claim, each), **rest)


def all_recipes() -> dict[str, dict[str, Any]]:
    return {claim.name: recipe_result(claim) for claim in recipes.CLAIMS}


def course_result(name: str, accuracy: float = 0.99, seconds: float = 50.0, **rest: Any) -> dict[str, Any]:
    """Return the file of a training of the course."""
    measured = {
        "training_seconds": summary([seconds, seconds + 2]),
        "process_seconds": summary([60.0, 61.0]),
        "test_images": 10_000,
        "validation_images": 12_000,
        "test_accuracy": summary([accuracy, accuracy + 0.002]),
        "last_val_accuracy": summary([accuracy - 0.1, accuracy - 0.098]),
    }
    return result(f"course-{name}", measured, **rest)


def test_the_page_of_the_recipes_has_every_figure() -> None:
    page = pages.benchmarks_page(all_recipes())
    low, high = (100 * end for end in wilson_interval(19820, 20000))
    assert (
        f"| `mnist-fast` | mnist | 99.10 ± 0.14 % | 2 | {low:.2f} to {high:.2f} % of 2 × 10,000 images "
        "| 98.70 ± 0.00 % | 99.50 ± 0.00 % | AVX2 | 12.5 ± 0.7 s | 20.0 ± 0.0 s | 654 MB "
        "| Abacus 9, 7 threads |"
    ) in page
    assert "| `general` | cifar-10, 5,000 training images | 99.10 ± 0.14 % | 2 |" in page
    assert "2 × 1,000 images" in page
    assert "| Abacus 9 | 7 | – | 3.12.1 | 2.99.0 | 0123456789+changes | recipe-mnist-fast, " in page
    assert "\\*" not in page


def test_one_seed_has_no_deviation() -> None:
    claim = recipes.CLAIMS[0]
    found = recipe_result(claim)
    measured = recipes.summarized(
        claim,
        [{**one, **{"peak_bytes": None}} for one in _each(found)][:1],  # as on Windows
    )
    page = pages.benchmarks_page({claim.name: result(claim.name, measured)})
    assert "| `mnist-fast` | mnist | 99.00 % | 1 |" in page
    assert "| 12.0 s | 20.0 s | – | Abacus 9, 7 threads |" in page


def _each(found: dict[str, Any]) -> list[dict[str, Any]]:
    part = {"accuracy": 0.99, "one_view_accuracy": 0.99, "interval": [0.9, 1.0], "images": 10_000}
    same = {name: found["measured"][name] for name in ("network", "parameters", "epochs")}
    seconds = {"training_seconds": 12.0, "total_seconds": 15.0, "process_seconds": 20.0}
    return [{"seed": 0, "test": part, "validation": part, **same, **seconds}]


def test_a_section_is_there_only_with_its_results() -> None:
    assert re.findall(r"^## (.+)$", pages.benchmarks_page({}), re.MULTILINE) == []
    found = {
        **all_recipes(),
        "course-cnn-3": course_result("cnn-3"),
        "startup": result("startup", {"help_seconds": summary([0.1, 0.2, 0.3])}),
    }
    page = pages.benchmarks_page(found)
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == [
        "Recipes",
        "Start-up and loading",
        "The course",
        "Machines",
    ]
    assert "| `imagelet --help` | 0.20 s | 0.20 ± 0.10 s | 3 |" in page
    assert "| `cnn-3` | test | 99.10 % | 99.10 ± 0.14 % | 10,000 | 51.0 ± 1.4 s | 60.5 ± 0.7 s |" in page
    assert "](../images/accuracy-seconds.svg)" in page
    assert "pictures" not in pages.benchmarks_page({"startup": found["startup"]})


def test_the_start_of_a_prediction_is_compared_with_torchs() -> None:
    measured = {
        "predict_seconds": summary([0.3, 0.4, 0.5]),
        "predict_start_seconds": summary([0.2, 0.3, 0.4]),
        "import_torch_seconds": summary([1.5, 1.6, 1.7]),
    }
    page = pages.benchmarks_page({"startup": result("startup", measured)})
    assert "| … of it the start | 0.30 s |" in page
    assert "A prediction takes 0.25 times as long" in page


def test_the_parts_of_a_prediction_are_timed() -> None:
    done = processes.run_experiment([sys.executable, str(starting.WORKER), str(starting.PICTURE)])
    parts = done.document
    assert set(parts) == {"framing_seconds", "network_seconds"}
    assert 0 < sum(parts.values()) < done.seconds


def test_seconds_of_a_busy_machine_have_a_star() -> None:
    claim = recipes.CLAIMS[0]
    found = {
        claim.name: recipe_result(claim, busy=True),
        "course-cnn-3": course_result("cnn-3", busy=True),
        "course-softmax": course_result("softmax"),
    }
    page = pages.benchmarks_page(found)
    assert "12.5 ± 0.7 s * | 20.0 ± 0.0 s * |" in page
    assert re.search(r"`cnn-3` .* 51\.0 ± 1\.4 s \* \|", page)
    assert not re.search(r"`softmax` .* \* \|", page)
    assert page.count("\\* Other work ran on the machine") == 2
    assert "For a name with a star" in page


def test_page_and_picture_are_written_and_the_page_is_checked(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    monkeypatch.setattr(pages, "DOCUMENTS", tmp_path / "docs")
    monkeypatch.setattr(pages, "BENCHMARKS", tmp_path / "docs" / "explanation" / "benchmarks.md")
    (tmp_path / "README.md").write_text("<!--: recipe-mnist-fast.test -->old<!--/-->")
    folder.mkdir()
    for name, content in all_recipes().items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    assert pages.main([]) == 0
    picture = (tmp_path / "docs" / "images" / "accuracy-seconds.svg").read_bytes()
    assert picture.startswith(b"<?xml")
    assert re.search(r"-->\d+\.\d+ ± \d\.\d+ %<", (tmp_path / "README.md").read_text())
    assert pages.main(["--check"]) == 0
    (folder / "recipe-mnist-fast.json").unlink()
    assert pages.main(["--check"]) == 1
    assert "python -m benchmarks.pages" in capsys.readouterr().err
    assert (tmp_path / "docs" / "images" / "accuracy-seconds.svg").read_bytes() == picture


# -- the picture ---------------------------------------------------------------------------------------------


@pytest.mark.portable
def test_the_picture_shows_the_notes_the_same_networks_and_the_recipes() -> None:
    found = {
        **all_recipes(),
        "course-cnn-3": course_result("cnn-3", accuracy=0.99, seconds=50),
        "course-fashion-cnn": course_result("fashion-cnn", accuracy=0.99, seconds=40, busy=True),
        "course-softmax": course_result("softmax"),  # the notes do not say how long it took
    }
    points = {(point.kind, point.name): point for point in plot.points(found)}
    assert {name for kind, name in points if kind == plot.NOTES} == {"cnn-3", "fashion-cnn"}
    notes, ours = points[plot.NOTES, "cnn-3"], points[plot.COURSE, "cnn-3"]
    assert (notes.seconds, notes.accuracy, notes.accuracy_deviation) == (1300, 0.9910, 0)
    assert (ours.seconds, ours.accuracy) == (51, pytest.approx(0.991))
    assert ours.accuracy_deviation == pytest.approx(0.002 / math.sqrt(2))
    fashion = points[plot.COURSE, "fashion-cnn"]
    assert fashion.accuracy == pytest.approx(0.891)  # on validation images, as the notes' own
    assert points[plot.NOTES, "fashion-cnn"].label == "fashion-cnn *"
    assert points[plot.RECIPE, "general, 5,000 images"].dataset == "cifar-10"
    assert "digits" not in {point.dataset for point in points.values()}


@pytest.mark.portable
def test_equal_results_give_equal_pictures(tmp_path: Path) -> None:
    points = plot.points({**all_recipes(), "course-cnn-3": course_result("cnn-3")})
    for name in ("first.svg", "second.svg"):
        plot.write(points, tmp_path / name)
    first = (tmp_path / "first.svg").read_bytes()
    assert first == (tmp_path / "second.svg").read_bytes()
    assert b"<dc:date>" not in first
    plot.write(points[1:], tmp_path / "third.svg")
    assert first != (tmp_path / "third.svg").read_bytes()


@pytest.mark.portable
@pytest.mark.parametrize("nearness", [1.0, 1.02, 1.3])
def test_labels_cover_neither_each_other_nor_a_mark(nearness: float) -> None:
    points = [
        plot.Point("mnist", plot.RECIPE, f"recipe-{n}", 30 * nearness**n, 1 - 0.005 / nearness**n, 1, 0.0002)
        for n in range(5)
    ]
    points += [
        plot.Point("mnist", plot.NOTES, "deep-cnn", 9300, 0.9942),
        plot.Point("mnist", plot.COURSE, "deep-cnn", 31, 0.9951, 1, 0.0003),
        plot.Point("cifar-10", plot.RECIPE, "another-recipe", 700, 0.9),
    ]
    figure = plot.draw(points)
    axes = figure.axes[0]
    boxes = {text.get_text(): text.get_window_extent() for text in figure.texts}
    boxes = {name: box for name, box in boxes.items() if "recipe-" in name or name == "deep-cnn"}
    assert len(boxes) == 6
    for (one, first), (other, second) in itertools.combinations(boxes.items(), 2):
        assert not first.overlaps(second), f"{one} and {other}"
    for point in points[:-1]:
        x, y = axes.transData.transform((point.seconds, point.error))
        for name, box in boxes.items():
            assert not box.contains(x, y), f"{name} covers the mark of {point.name}"
    for name, box in boxes.items():
        assert axes.get_window_extent().padded(1).containsx(box.x0), name
        assert axes.get_window_extent().padded(1).containsx(box.x1), name


@pytest.mark.portable
def test_a_panel_with_a_single_point_has_the_limits_that_it_was_given() -> None:
    """Matplotlib's own limits for this point are equal but for rounding, which depends on the processor."""
    axes = empty_figure(4, 4).subplots()
    plot._draw_panel(axes, [plot.Point("cifar-10", plot.RECIPE, "lonely", 700, 0.9)])
    assert axes.get_ylim() == pytest.approx((0.15, 0.1 / 1.5))


@pytest.mark.portable
def test_a_label_stays_in_its_frame_and_off_obstacles() -> None:
    frame = labels.Box(0, 0, 100, 50)
    (free,) = labels.place([(50, 25)], [(20, 8)], [], frame)
    assert (free.left, free.bottom) == (57, 21)  # to the right
    (at_the_edge,) = labels.place([(95, 25)], [(20, 8)], [], frame)
    assert at_the_edge.outside(frame) == 0
    wall = labels.stroke((60, 0), (60, 50))
    (beside,) = labels.place([(50, 25)], [(20, 8)], wall, frame)
    assert beside.right < 60
    many = labels.place([(50, 25)] * 40, [(20, 8)] * 40, [], frame)  # there is no room for them all
    assert len(many) == 40


@pytest.mark.portable
def test_an_axis_has_at_least_three_ticks_where_it_can() -> None:
    assert sorted(plot._ticks(0.0029, 0.021)) == [0.003, 0.005, 0.007, 0.01, 0.015, 0.02]
    assert sorted(plot._ticks(0.22, 0.49)) == [0.25, 0.3, 0.35, 0.4]


def test_a_function_that_measures_nothing_is_left_out() -> None:
    with pytest.raises(LeftOut):
        next(at_once(dict)())
    assert list(at_once(lambda: {"a": 1})()) == [{"a": 1}]


@pytest.mark.parametrize("claim", [each for each in recipes.CLAIMS if each.recipe != "general"])
def test_a_recipe_says_what_was_measured(claim: recipes.Claim) -> None:
    result, said = result_files.read(claim.name), published.get(claim.recipe)
    if result is None:
        assert claim.avx2 or " s" not in named_recipes.get(claim.recipe).note
        assert said is None or ("AVX2" if claim.avx2 else "bf16") not in said.seconds
        return
    assert said is not None
    accuracy, seeds, seconds = recipes.claim_of(result["measured"])
    assert said.seconds[result["measured"].get("processor_class", "bf16")] == seconds
    if not claim.avx2:
        assert (said.accuracy, said.seeds) == (accuracy, seeds)
        assert said.note == named_recipes.get(claim.recipe).note
