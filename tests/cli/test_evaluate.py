"""`imagelet evaluate`: figures, and the count of test evaluations."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imagelet.analysis import error_analysis, robustness
from imagelet.cli import evaluate as printed
from imagelet.data.datasets import load_dataset
from imagelet.metrics.corruptions import CORRUPTIONS

Run = Callable[..., Any]
Documented = Callable[..., str]


@pytest.fixture(autouse=True)
def _few_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let galleries be small: each image takes its time."""
    monkeypatch.setattr(error_analysis, "MOST_SHOWN", 2)
    monkeypatch.setattr(error_analysis, "SHOWN", 2)
    monkeypatch.setattr(error_analysis, "MOST_WRONG", 1)


def test_prints_what_json_has(run: Run, short_run: Path) -> None:
    outcome = run("evaluate", short_run)
    assert outcome.code == 0
    document = run("evaluate", short_run, "--json").document
    lines = [line.split() for line in outcome.stdout.splitlines()]
    assert lines[0][:2] == ["accuracy", f"{100 * document['accuracy']:.2f}"]
    assert ["loss", f"{document['loss']:.4f}"] in lines
    assert sum(each["images"] for each in document["classes"]) == document["images"] == 360
    right = sum(document["confusion"][index][index] for index in range(10))
    assert right / 360 == pytest.approx(document["accuracy"])


@pytest.mark.usefixtures("undrawn")
def test_has_the_fields_of_its_help(run: Run, short_run: Path, documented: Documented) -> None:
    assert run("evaluate", short_run, "--json").fields == documented("evaluate")


@pytest.mark.usefixtures("undrawn")
def test_counts_each_test_evaluation(run: Run, short_run: Path) -> None:
    assert "the first of this run" in run("evaluate", short_run).stdout
    assert "2 so far" in run("evaluate", short_run).stdout
    assert run("evaluate", short_run, "--json").document["test_evaluations"] == 3


@pytest.mark.usefixtures("undrawn")
def test_of_validation_images_is_no_look(run: Run, short_run: Path) -> None:
    document = run("evaluate", short_run, "--split", "validation", "--json").document
    assert document["test_evaluations"] is None
    assert (
        document["accuracy"] == json.loads((short_run / "metrics.json").read_text())["validation"]["accuracy"]
    )
    assert not (short_run / "test_evaluations.jsonl").exists()


def test_of_a_part_that_is_not_there_is_wrong_usage(run: Run, short_run: Path) -> None:
    outcome = run("evaluate", short_run, "--split", "train")
    assert outcome.code == 2
    assert "train" in outcome.stderr


@pytest.mark.usefixtures("undrawn")
def test_names_the_classes_that_are_confused_most_often(run: Run, short_run: Path) -> None:
    words = ("evaluate", short_run, "--split", "validation")
    counts = sorted(
        (len(cell["images"]) for cell in run(*words, "--json").document["confused"]), reverse=True
    )
    rows = _records(run(*words).stdout, "most often confused")
    assert [int(row[-1]) for row in rows] == counts[:5]


# -- image by image ------------------------------------------------------------------------------------------


def _records(text: str, heading: str) -> list[list[str]]:
    """Return the words of a table's rows under a heading."""
    found = text.partition(heading)[2].partition("\n\n")[0].splitlines()
    return [line.split() for line in found[2:]]


@pytest.mark.usefixtures("undrawn")
def test_prints_misclassified_images_and_label_issues(run: Run, short_run: Path) -> None:
    document = run("evaluate", short_run, "--split", "validation", "--json").document
    outcome = run("evaluate", short_run, "--split", "validation")
    for heading, records, answer, most in (
        ("misclassified, the most confident first", document["misclassified"], "predicted", 10),
        ("labels may be wrong", document["label_issues"], "suggested", 5),
    ):
        assert len(records) > most
        assert _records(outcome.stdout, heading) == [
            [str(each["image"]), each["label"], each[answer], f"{100 * each['probability']:.2f}", "%"]
            for each in records[:most]
        ]
        assert f"{len(records) - most:,} more; --json lists all of them" in outcome.stderr
    assert f"{len(document['label_issues'])} of {document['images']} labels may be wrong" in outcome.stdout


def test_lists_and_draws_a_cell(run: Run, short_run: Path, tmp_path: Path) -> None:
    words = ("evaluate", short_run, "--split", "validation", "--out", tmp_path / "cell")
    confused = run(*words, "--json").document["confused"][0]
    cell = f"{confused['label']},{confused['predicted']}"
    told = run(*words, "--cell", cell, "--json").document["cell"]
    assert told["images"] == confused["images"]
    outcome = run(*words, "--cell", cell)
    assert (
        f"label {confused['label']}, predicted {confused['predicted']}: {len(told['images'])} image"
        in outcome.stdout
    )
    assert ", ".join(map(str, told["images"][:20])) in outcome.stdout
    assert f"drawn as {told['figure']}" in outcome.stdout
    with Image.open(told["figure"]) as image:
        assert image.format == "PNG"
    text = " ".join(run("evaluate", "--help").stdout.split())
    assert f"With --cell also cell: {', '.join(told)}." in text


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("44", "not a cell of the confusion matrix"),
        ("4,90", "did you mean '9'"),
        ("x,4", "unknown class 'x'"),
    ],
)
def test_a_cell_that_is_none_is_wrong_usage_and_no_look(
    run: Run, short_run: Path, cell: str, said: str
) -> None:
    outcome = run("evaluate", short_run, "--cell", cell)
    assert outcome.code == 2
    assert said in outcome.stderr
    assert not (short_run / "test_evaluations.jsonl").exists()


def test_a_cell_of_shifts_is_wrong_usage(run: Run, short_run: Path) -> None:
    assert run("evaluate", short_run, "--cell", "4,9", "--shift").code == 2
    assert not (short_run / "test_evaluations.jsonl").exists()


# -- own pictures --------------------------------------------------------------------------------------------


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Return a CSV file that names 18 digits of three people; the first two labels are wrong."""
    images = load_dataset("digits").test.take(np.arange(18))
    rows = ["path,label,source"]
    for number, (image, label) in enumerate(zip(images.images, images.labels, strict=True)):
        Image.fromarray(image[..., 0]).save(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,{(label + 1) % 10 if number < 2 else label},person {number % 3}")
    (tmp_path / "mine.csv").write_text("\n".join(rows))
    return tmp_path / "mine.csv"


def test_of_own_pictures_prints_what_json_has(run: Run, short_run: Path, table: Path) -> None:
    document = run("evaluate", short_run, "--data", table, "--json").document
    outcome = run("evaluate", short_run, "--data", table)
    assert outcome.code == 0
    facts = dict(line.split("  ", 1) for line in outcome.stdout.split("\n\n")[0].splitlines())
    facts = {name: told.strip() for name, told in facts.items()}
    low, high = (100 * each for each in document["interval_by_source"])
    assert document["sources"] == 3
    assert facts["by source"] == f"95 % interval {low:.2f} to {high:.2f} %, 3 sources"
    assert (
        facts["unsure"]
        == f"{document['unsure']} predictions, {document['correct_but_unsure']} of them correct"
    )
    assert facts["images"] == f"18 of {table}"
    assert "test evaluations" not in facts
    listed = (
        outcome.stdout.partition("misclassified, the most confident first\n")[2]
        .partition("\n\n")[0]
        .splitlines()[1:]
    )
    assert [line.split()[0] for line in listed] == [each["file"] for each in document["misclassified"]][:10]
    shares = [each["probability"] for each in document["misclassified"]]
    assert shares == sorted(shares, reverse=True)
    assert len(shares) == round(18 * (1 - document["accuracy"])) >= 2


def test_of_own_pictures_has_the_fields_of_its_help(
    run: Run, short_run: Path, table: Path, documented: Documented
) -> None:
    document = run("evaluate", short_run, "--data", table, "--json").document
    text = " ".join(run("evaluate", "--help").stdout.split())
    more = text.partition("JSON of own pictures has besides ")[2].partition(";")[0]
    besides, _, misclassified = more.partition(", and ")
    assert misclassified == f"misclassified[{{{', '.join(document['misclassified'][0])}}}]"
    everywhere = {name.partition("[")[0] for name in _top(documented("evaluate"))}
    assert set(document) - everywhere == set(besides.split(", "))
    assert everywhere <= set(document)
    assert list(document["confused"][0]) == ["label", "predicted", "files"]
    assert all(next(iter(each)) == "file" for each in document["label_issues"])


def _top(fields: str) -> list[str]:
    """Return the fields of a help text that are not within another's braces."""
    while "{" in fields:
        fields = fields[: fields.index("[{")] + fields[fields.index("}]") + 2 :]
    return fields.split(", ")


def test_names_some_of_many_misclassified_images_and_how_many_more_there_are(
    run: Run, short_run: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printed, "MOST_MISCLASSIFIED", 1)
    misclassified = run("evaluate", short_run, "--data", table, "--json").document["misclassified"]
    outcome = run("evaluate", short_run, "--data", table)
    table_of_them = outcome.stdout.partition("misclassified, the most confident first\n")[2].partition(
        "\n\n"
    )[0]
    assert len(table_of_them.splitlines()) == 2
    assert f"{len(misclassified) - 1} more; --json lists all of them" in outcome.stderr


def test_draws_misclassified_pictures_into_a_folder(
    run: Run, short_run: Path, table: Path, tmp_path: Path
) -> None:
    outcome = run("evaluate", short_run, "--data", table, "--out", tmp_path / "drawn")
    assert str(tmp_path / "drawn") in outcome.stdout
    for name in ("confusion.png", "misclassified.png"):
        with Image.open(tmp_path / "drawn" / name) as image:
            assert image.format == "PNG"
    assert not (short_run / "test_evaluations.jsonl").exists()


# -- shifts --------------------------------------------------------------------------------------------------


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be few shifts and few images."""
    monkeypatch.setattr(robustness, "CORRUPTIONS", [CORRUPTIONS[0], CORRUPTIONS[7]])
    monkeypatch.setattr(robustness, "MOST_IMAGES", 40)


@pytest.mark.usefixtures("few")
def test_of_shifts_prints_what_json_has_and_counts_one_look_each_time(
    run: Run, short_run: Path, documented: Documented
) -> None:
    outcome = run("evaluate", short_run, "--shift", "--json")
    document = outcome.document
    assert outcome.fields == documented("evaluate", of="--shift")
    assert document["figure"] == str(short_run / "figures" / "corruptions-test.png")
    assert Path(document["figure"]).exists()
    assert document["images"] == 40
    plain, *corrupted = document["corruptions"]
    assert [each["corruption"] for each in corrupted] == ["rotation"] * 4 + ["inversion"]
    shown = run("evaluate", short_run, "--shift")
    assert shown.code == 0
    assert f"{100 * plain['accuracy']:.2f} %" in shown.stdout
    assert "40 of digits" in shown.stdout
    rows = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    turned = " ".join(f"{each['strength']:g}: {100 * each['accuracy']:.1f} %" for each in corrupted[:4])
    assert f"rotation degrees {turned}" in rows
    assert f"inversion 1: {100 * corrupted[4]['accuracy']:.1f} %" in rows
    assert len((short_run / "test_evaluations.jsonl").read_text().splitlines()) == 2


@pytest.mark.usefixtures("few")
def test_of_shifts_of_own_pictures_is_no_look(run: Run, short_run: Path, table: Path, tmp_path: Path) -> None:
    document = run("evaluate", short_run, "--data", table, "--shift", "--json").document
    assert (document["dataset"], document["images"], document["figure"]) == (str(table), 18, None)
    run("evaluate", short_run, "--data", table, "--shift", "--out", tmp_path / "drawn")
    with Image.open(tmp_path / "drawn" / "corruptions-test.png") as image:
        assert image.format == "PNG"
    assert not (short_run / "test_evaluations.jsonl").exists()


@pytest.mark.usefixtures("undrawn")
def test_says_how_many_test_images_are_copies_of_training_images(run: Run, tmp_path: Path) -> None:
    known = np.random.default_rng(0).integers(0, 256, (100, 8, 8), dtype=np.uint8)
    path = tmp_path / "copied.npz"
    tested = [*range(5), *range(80, 90), *range(80, 85)]
    labels = np.arange(100) % 2
    np.savez(path, x_train=known[:80], y_train=labels[:80], x_test=known[tested], y_test=labels[tested])
    words = ("--network", "flatten dense(classes)", "--epochs", "1", "-b", "16", "--runs", tmp_path)
    assert run("train", path, *words, "--name", "copied").code == 0
    outcome = run("evaluate", tmp_path / "copied")
    assert "20 images, 15 of them different" in outcome.stdout
    assert "5 of these images are copies of training images" in outcome.stdout
    document = run("evaluate", tmp_path / "copied", "--json").document
    assert (document["distinct_images"], document["copies_of_training"]) == (15, 5)
