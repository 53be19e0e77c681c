"""`imagelet course`: listed, carried out, gone on with; what goes wrong is told."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagelet.course import lessons, results
from imagelet.experiment import runner as experiments
from imagelet.registry import Registry

from .conftest import Run


@pytest.fixture
def place(small_data: Path, tmp_path: Path) -> Path:
    """A folder for runs; small data is at hand."""
    return tmp_path / "runs"


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """Own pictures of digits: a dark square on light ground, two of each of three classes."""
    for label in "027":
        (tmp_path / "own" / label).mkdir(parents=True)
        for number in range(2):
            pixels = np.full((60, 50), 230, np.uint8)
            pixels[20:40, 10 + int(label) : 30] = 20 + number
            Image.fromarray(pixels).save(tmp_path / "own" / label / f"{number}.png")
    return tmp_path / "own"


def test_the_list_names_every_experiment(run: Run, place: Path) -> None:
    done = run("course", "--list", "--runs", place)
    assert done.code == 0
    for name in lessons.lessons:
        assert name in done.stdout
    assert "99.42" in done.stdout
    assert "5,259,594" in done.stdout
    assert not place.exists()
    assert run("course", "own-digits", "--list", "--runs", place).code == 0


def test_an_experiment_is_carried_out_once(run: Run, place: Path) -> None:
    first = run("course", "softmax", "--runs", place, "--json").document
    (softmax,) = first["experiments"]
    assert softmax["id"] == "softmax"
    assert (softmax["part"], softmax["printed"], softmax["parameters"]) == ("test", 0.92, 7850)
    low, high = softmax["interval"]
    assert low <= softmax["reached"] <= high
    assert softmax["images"] == 100
    assert softmax["command"].startswith("imagelet train mnist --network softmax")
    assert first["table"] == str(place / "course" / "README.md")
    weights = (place / "course" / "softmax" / "classifier.safetensors").read_bytes()
    again = run("course", "softmax", "--runs", place)
    assert "finished before" in again.stderr
    assert (place / "course" / "softmax" / "classifier.safetensors").read_bytes() == weights
    assert [path.parent.name for path in (place / "course").glob("*/experiment.toml")] == ["softmax"]


def test_the_table_and_the_summary_are_printed_and_written(run: Run, place: Path) -> None:
    done = run("course", "softmax", "mlp-512", "--runs", place)
    lines = done.stdout.splitlines()
    assert any(line.startswith("softmax") and "7,850" in line and "~92 test" in line for line in lines)
    assert any("91.83 validation" in line for line in lines)
    assert any("softmax regression" in line and "about 92 %" in line for line in lines)
    assert any("convolutional network" in line and "not yet" in line for line in lines)
    content = json.loads((place / "course" / "results.json").read_text())
    reached = {each["id"]: each["reached"] for each in content["experiments"]}
    assert reached["softmax"] is not None
    assert reached["cnn-3"] is None
    assert "| mlp-512 |" in (place / "course" / "README.md").read_text("utf-8")


def test_an_interruption_loses_nothing(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiments, "SECONDS_BETWEEN_EPOCHS", 0.0)
    saved = experiments._save

    def interrupted(*values: object) -> None:
        saved(*values)  # type: ignore[arg-type]
        raise KeyboardInterrupt("stopped")

    monkeypatch.setattr(experiments, "_save", interrupted)
    done = run("course", "softmax", "--runs", place)
    assert done.code == 130
    assert "type the same again to resume" in done.stderr
    monkeypatch.setattr(experiments, "_save", saved)
    again = run("course", "softmax", "--runs", place)
    assert again.code == 0
    assert "resuming" in again.stderr
    assert [path.parent.name for path in (place / "course").glob("*/experiment.toml")] == ["softmax"]


def test_another_seed_is_another_run_with_a_table_of_its_own(run: Run, place: Path) -> None:
    run("course", "softmax", "--runs", place)
    told = run("course", "softmax", "--seed", "4", "--runs", place, "--json").document
    assert told["experiments"][0]["seed"] == 4
    assert told["table"].endswith("README-seed-4.md")
    assert (place / "course" / "softmax-seed-4" / "metrics.json").exists()


def test_the_feature_maps_have_the_notes_shapes(run: Run, place: Path) -> None:
    done = run("course", "feature-maps", "--runs", place)
    assert "(1, 14, 14, 5)" in done.stdout
    assert "(1, 7, 7, 5)" in done.stdout
    assert width_of(place / "course" / "feature-maps.png") > 500
    (told,) = run("course", "feature-maps", "--runs", place, "--json").document["exercises"]
    assert told["facts"]["maps"] == [1, 14, 14, 5]
    assert told["facts"]["max_pooled"] == told["facts"]["average_pooled"] == [1, 7, 7, 5]


@pytest.mark.parametrize(
    ("exercise", "training"), [("three-images", "cnn-3"), ("probabilities", "basic-cnn")]
)
def test_an_exercise_trains_the_network_that_it_needs(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch, exercise: str, training: str
) -> None:
    _with_a_quick_network(monkeypatch)
    done = run("course", exercise, "--runs", place)
    assert done.code == 0
    assert (place / "course" / training / "metrics.json").exists()
    assert width_of(place / "course" / f"{exercise}.png") > 300
    (told,) = run("course", exercise, "--runs", place, "--json").document["exercises"]
    images = told["facts"]["images"]
    assert len(images) == (3 if exercise == "three-images" else 32)
    for image in images:
        assert f"{image['label']}" in done.stdout
        assert 0 < image["probability"] <= 1
    if exercise == "probabilities":
        assert sum(told["facts"]["probabilities"].values()) == pytest.approx(1)
        assert [image["image"] for image in images] == list(range(32))


def test_three_images_are_others_with_another_seed(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_a_quick_network(monkeypatch)
    shown = [
        run("course", "three-images", *words, "--runs", place, "--json").document["exercises"][0]["facts"]
        for words in ((), (), ("--seed", "1"))
    ]
    places = [[image["image"] for image in each["images"]] for each in shown]
    assert places[0] == places[1] != places[2]
    assert [path.parent.name for path in (place / "course").glob("*/experiment.toml")] == ["cnn-3"]


def test_own_digits_are_classified_in_three_ways(
    run: Run, place: Path, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_a_quick_network(monkeypatch)
    words = ("course", "own-digits", "--pictures", digits, "--runs", place)
    done = run(*words)
    assert done.code == 0, done.stderr
    assert "framed as MNIST's digits were" in done.stdout
    told = run(*words, "--json").document
    facts = told["exercises"][0]["facts"]
    assert [way["way"] for way in facts["ways"]] == ["notes", "scaled", "framed"]
    assert facts["images"] == 6
    assert len(facts["wrong"]) == round(6 * (1 - facts["ways"][2]["accuracy"]))
    (own,) = told["experiments"]
    assert (own["part"], own["printed"]) == ("own pictures", 26 / 30)
    assert own["reached"] == facts["ways"][2]["accuracy"]
    table = (place / "course" / "README.md").read_text("utf-8")
    assert "| own-digits |" in table
    assert "own pictures 86.67 %" in table


def test_all_of_the_course_leaves_out_own_digits_without_pictures(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lessons, "lessons", _without_long_trainings())
    done = run("course", "--runs", place)
    assert done.code == 0
    assert "own-digits (" not in done.stderr
    assert {"softmax", "feature-maps.png"} <= {path.name for path in (place / "course").iterdir()}


def test_what_fails_does_not_keep_the_others(run: Run, small_data: Path, place: Path) -> None:
    shutil.rmtree(small_data / "fashion-mnist")
    done = run("course", "fashion-cnn", "softmax", "--runs", place, "--json")
    assert done.code == 1
    (error,) = done.document["errors"]
    assert error["id"] == "fashion-cnn"
    assert "imagelet data get fashion-mnist" in done.stderr
    reached = {each["id"]: each["reached"] for each in done.document["experiments"]}
    assert reached["fashion-cnn"] is None
    assert reached["softmax"] is not None


def test_a_missing_dataset_says_how_to_get_it(run: Run, tmp_path: Path) -> None:
    done = run("course", "softmax", "--runs", tmp_path)
    assert done.code == 1
    assert "imagelet data get mnist" in done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("cnn3",), "unknown experiment of the course 'cnn3'; did you mean 'cnn-3'?"),
        (("own-digits",), "own-digits needs pictures of digits that you drew"),
        (("softmax", "--pictures", "own"), "--pictures is for own-digits alone"),
        (("softmax", "--seed", "-1"), "seed = -1 is not allowed"),
        (("softmax", "--device", "gpu"), "unknown device 'gpu'"),
        (("softmax", "--precision", "half"), "unknown precision 'half'"),
        (("softmax", "--threads", "none"), "threads = none is not allowed"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_trained(
    run: Run, place: Path, words: tuple[str, ...], sentence: str
) -> None:
    done = run("course", *words, "--runs", place)
    assert done.code == 2
    assert sentence in done.stderr
    assert not place.exists()


def test_pictures_that_are_not_there_are_told_before_anything_is_trained(run: Run, place: Path) -> None:
    done = run("course", "own-digits", "--pictures", "nowhere.csv", "--runs", place)
    assert done.code == 1
    assert "nowhere.csv" in done.stderr
    assert not place.exists()


def test_help_promises_the_fields_that_come(run: Run, place: Path, documented: Callable[..., str]) -> None:
    listed = run("course", "--list", "--runs", place, "--json").document
    assert documented("course").startswith("experiments[{" + ", ".join(listed["experiments"][0]) + "}]")
    assert set(listed) == {"experiments", "summary", "exercises", "errors", "table"}


def width_of(path: Path) -> int:
    with Image.open(path) as image:
        return image.width


def _with_a_quick_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an exercise's training be `softmax` for an epoch, under the training's own name."""
    describe = results.describe

    def quick(dataset: str, network: str, recipe: str, settings: dict[str, object], **rest: object) -> object:
        return describe(dataset, "softmax", recipe, {**settings, "epochs": 1}, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(results, "describe", quick)


def _without_long_trainings() -> Registry[lessons.Lesson]:
    """Return the lessons, the trainings but one left out and the exercises that need them."""
    few: Registry[lessons.Lesson] = Registry("experiment of the course", "imagelet course --list")
    for name in ("softmax", "feature-maps", "own-digits", "deep-cnn"):
        lesson = lessons.lessons.get(name)
        few.add(name, dataclasses.replace(lesson, settings={"epochs": 1}) if name == "deep-cnn" else lesson)
    return few
