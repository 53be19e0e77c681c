"""`imagelet evaluate`: figures, and the count of looks."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagelet.cli.evaluate import _most_confused

Run = Callable[..., Any]
Documented = Callable[..., str]


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


def test_has_the_fields_of_its_help(run: Run, short_run: Path, documented: Documented) -> None:
    assert run("evaluate", short_run, "--json").fields == documented("evaluate")


def test_counts_each_look_at_the_test_images(run: Run, short_run: Path) -> None:
    assert "the first at these test images" in run("evaluate", short_run).stdout
    assert "2 by now" in run("evaluate", short_run).stdout
    assert run("evaluate", short_run, "--json").document["looks"] == 3


def test_of_validation_images_is_no_look(run: Run, short_run: Path) -> None:
    document = run("evaluate", short_run, "--split", "validation", "--json").document
    assert document["looks"] is None
    assert (
        document["accuracy"] == json.loads((short_run / "metrics.json").read_text())["validation"]["accuracy"]
    )
    assert not (short_run / "looks.jsonl").exists()


def test_of_a_part_that_is_not_there_is_wrong_usage(run: Run, short_run: Path) -> None:
    outcome = run("evaluate", short_run, "--split", "train")
    assert outcome.code == 2
    assert "train" in outcome.stderr


def test_names_the_mistakes_that_were_made_most_often() -> None:
    confusion = [[9, 1, 0], [3, 8, 1], [0, 0, 7]]
    assert _most_confused(confusion, ("a", "b", "c")) == [("b", "a", "3"), ("a", "b", "1"), ("b", "c", "1")]
    assert _most_confused([[5, 0], [0, 5]], ("a", "b")) == []
    assert len(_most_confused([[0, 1, 1], [1, 0, 1], [1, 1, 0]], ("a", "b", "c"))) == 5
