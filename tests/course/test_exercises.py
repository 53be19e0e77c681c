"""Own pictures in three ways, against a network whose weights are set by hand."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imagelet.classifier.classifier import Classifier
from imagelet.course.exercises import own_digits
from imagelet.experiment.finalize import Finished
from imagelet.experiment.runner import run_experiment
from imagelet.runs.definition import Experiment
from imagelet.runs.run import Run
from imagelet.training.recipes import recipes


@pytest.fixture
def run(small_data: Path, tmp_path: Path) -> Run:
    """A run whose network answers 1 where the top left pixel is light enough, else 7; 0 is never right.

    The logits are 10·p for class 1 and 1,000 for class 7, p being the pixel as the network gets it.
    """
    recipe = dataclasses.replace(recipes.get("keras"), epochs=1)
    experiment = Experiment(dataset="mnist", network="softmax", recipe=recipe, validation="0")
    *_, last = run_experiment(experiment, folder=tmp_path / "runs")
    assert isinstance(last, Finished)
    classifier = Classifier.load(last.run.classifier_file)
    dense = next(layer for layer in classifier.network if hasattr(layer, "weight"))
    with torch.no_grad():
        dense.weight.zero_()
        dense.bias.zero_()
        dense.weight[1, 0] = 10
        dense.bias[7] = 1000
    classifier.save(last.run.classifier_file)
    return last.run


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A picture of a 1: dark at the top left, 56×56, so that four pixels become one."""
    (tmp_path / "own" / "1").mkdir(parents=True)
    pixels = np.full((56, 56), 255, np.uint8)
    pixels[:2, :2] = [[0, 102], [102, 0]]  # inverted and averaged: 204, or 0.8 of 255
    Image.fromarray(pixels).save(tmp_path / "own" / "1" / "a.png")
    return tmp_path / "own"


def test_only_the_notes_way_leaves_the_division_out(run: Run, pictures: Path, tmp_path: Path) -> None:
    """Undivided the pixel is 204 and wins by 2,040 to 1,000 (not inverted it would be 51); divided, 0.8."""
    found = own_digits(run, str(pictures), tmp_path)
    assert found.accuracies["notes"] == 1
    assert found.accuracies["scaled"] == 0


def test_the_notes_way_answers_the_first_class_where_no_probability_reaches_a_half(
    run: Run, pictures: Path, tmp_path: Path
) -> None:
    classifier = Classifier.load(run.classifier_file)
    dense = next(layer for layer in classifier.network if hasattr(layer, "weight"))
    with torch.no_grad():
        dense.weight.zero_()
        dense.bias.zero_()
        dense.bias[1] = 1  # e / (e + 9) = 0.23: the largest, and below a half
    classifier.save(run.classifier_file)
    found = own_digits(run, str(pictures), tmp_path)
    assert found.accuracies == {"notes": 0, "scaled": 1, "framed": 1}
    assert found.wrong == ()


def test_what_was_answered_wrong_is_listed(run: Run, pictures: Path, tmp_path: Path) -> None:
    found = own_digits(run, str(pictures), tmp_path)
    wrong = () if found.accuracies["framed"] else ((str(Path("1") / "a.png"), "1", "7"),)
    assert found.wrong == wrong
    assert found.picture.exists()
