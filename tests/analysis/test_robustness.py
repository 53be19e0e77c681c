"""Accuracies under shifts: of a classifier whose weights are set by hand, and of a small run."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imagelet import load, load_dataset, train
from imagelet.analysis import robustness
from imagelet.analysis.robustness import (
    RobustnessReport,
    draw_corruptions,
    evaluate_corruptions,
    measure_corruptions,
)
from imagelet.classifier.classifier import Classifier
from imagelet.data.imageset import ImageSet
from imagelet.errors import DataError, SettingError
from imagelet.metrics.calibration import Calibration
from imagelet.metrics.classification import wilson_interval
from imagelet.metrics.corruptions import CORRUPTIONS, Corruption, inverted
from imagelet.networks import build
from imagelet.preprocessing.framing import Framing, frame
from imagelet.preprocessing.normalization import Normalization
from imagelet.runs.run import Run

CLASSES = ("dark", "grey", "light")
FEW = (CORRUPTIONS[0], Corruption("inversion", "", (1,), inverted))


@pytest.fixture
def classifier(by_brightness: Callable[[Framing], Classifier]) -> Classifier:
    """Return a classifier that tells by their mean whether 8×8 images are dark, grey or light."""
    return by_brightness(Framing("fit", 8, 8, 1))


def levels(number: int = 30) -> ImageSet:
    """Return images of noise about 20, 128 and 230 in turn, of which every tenth has a wrong label."""
    labels = np.arange(number) % 3
    drawn = np.random.default_rng(0).integers(-10, 11, (number, 8, 8, 1))
    images = (np.array([20, 128, 230])[labels][:, None, None, None] + drawn).astype(np.uint8)
    return ImageSet(images, np.where(np.arange(number) % 10 == 9, (labels + 1) % 3, labels), CLASSES)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be two shifts only."""
    monkeypatch.setattr(robustness, "CORRUPTIONS", FEW)


def rows(report: RobustnessReport) -> list[tuple[str, str, float]]:
    return [(each.corruption, each.unit, each.strength) for each in report.corrupted]


def test_each_strength_of_each_shift_has_a_row(classifier: Classifier) -> None:
    steps: list[tuple[int, int | None]] = []
    report = measure_corruptions(classifier, levels(12), "levels", lambda *step: steps.append(step))
    assert rows(report) == [(each.name, each.unit, one) for each in CORRUPTIONS for one in each.strengths]
    assert steps == [(done, len(report.corrupted)) for done in range(1, len(report.corrupted) + 1)]
    for each in (report.plain, *report.corrupted):
        right = round(12 * each.accuracy)
        assert each.interval == wilson_interval(right, 12)
        assert 0 <= each.unsure <= 1


@pytest.mark.usefixtures("few")
def test_the_accuracies_are_those_of_the_changed_images(classifier: Classifier) -> None:
    """Dark and light change places under an inversion; grey stays what it is."""
    images = levels()
    report = measure_corruptions(classifier, images, "levels")
    assert (report.plain.corruption, report.plain.strength) == ("none", 0)
    assert report.plain.accuracy == classifier.evaluate(images).accuracy == 0.9
    assert report.plain.interval == classifier.evaluate(images).interval
    turned = report.corrupted[-1]
    swapped = ImageSet(images.images, np.array([2, 1, 0])[images.labels], CLASSES)
    assert turned.corruption == "inversion"
    assert turned.accuracy == classifier.evaluate(swapped).accuracy < 0.5


@pytest.mark.usefixtures("few")
def test_an_answer_is_unsure_below_the_threshold(classifier: Classifier) -> None:
    never, always = (
        measure_corruptions(classifier.calibrated(Calibration(1.0, threshold)), levels(), "levels")
        for threshold in (0.0, 1.0)
    )
    assert [each.unsure for each in (never.plain, *never.corrupted)] == [0.0] * 6
    assert [each.unsure for each in (always.plain, *always.corrupted)] == [1.0] * 6
    images = levels().images
    expected = np.mean([not answer.sure for answer in classifier.predict(images)])
    assert measure_corruptions(classifier, levels(), "levels").plain.unsure == pytest.approx(expected)


@pytest.mark.usefixtures("few")
def test_images_are_framed_as_pictures_are() -> None:
    """Framed as handwriting, a stroke in a corner is brought to the middle, where this network wants it."""
    corner = np.zeros((6, 28, 28, 1), np.uint8)
    for place, image in enumerate(corner):
        image[2:14, 3 + place : 6 + place] = 255
    images = ImageSet(corner, np.ones(6, np.int64), ("at the top", "below the middle"))
    network = build("flatten dense(classes)", (28, 28, 1), classes=2)
    weight = torch.zeros(2, 28, 28)
    weight[0, :3], weight[1, 16:] = 1.0, 1.0
    network.load_state_dict({"dense1.weight": weight.flatten(1), "dense1.bias": torch.zeros(2)})
    framing = Framing("handwriting", 28, 28, 1, 20 / 28)
    pixels = Normalization((0.0,), (1.0,))
    looking = Classifier(network, images.classes, framing, pixels, Calibration.none(), {})
    assert looking.evaluate(images).accuracy == 0.0
    assert measure_corruptions(looking, images, "corners").plain.accuracy == 1.0
    framed = ImageSet(np.stack([frame(image, framing) for image in corner]), images.labels, images.classes)
    assert looking.evaluate(framed).accuracy == 1.0


@pytest.mark.usefixtures("few")
def test_of_many_images_some_are_taken_from_all_over(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(robustness, "MOST_IMAGES", 10)
    images = levels(95)
    spread = images.take(np.array([0, 9, 19, 28, 38, 47, 57, 66, 76, 85]))
    report = measure_corruptions(classifier, images, "levels")
    assert report.images == 10
    assert report.plain.accuracy == classifier.evaluate(spread).accuracy
    assert measure_corruptions(classifier, levels(7), "levels").images == 7


@pytest.mark.usefixtures("few")
def test_the_report_is_plain_data_and_is_drawn_where_one_says(classifier: Classifier, tmp_path: Path) -> None:
    path = tmp_path / "new" / "corruptions.png"
    report = measure_corruptions(classifier, levels(), "levels")
    draw_corruptions(path, report)
    with Image.open(path) as image:
        assert image.format == "PNG"
    told = measure_corruptions(classifier, levels(), "levels").to_json()
    told = json.loads(json.dumps(told))
    assert list(told) == [
        "dataset",
        "understood",
        "images",
        "corruptions",
        "test_evaluations",
        "seconds",
        "figure",
    ]
    assert (told["dataset"], told["images"], told["figure"]) == ("levels", 30, None)
    assert [each["corruption"] for each in told["corruptions"]] == ["none", *["rotation"] * 4, "inversion"]
    assert list(told["corruptions"][0]) == [
        "corruption",
        "unit",
        "strength",
        "accuracy",
        "interval",
        "unsure",
    ]
    assert told["corruptions"][0]["interval"] == list(report.plain.interval)


# -- of a run ------------------------------------------------------------------------------------------------


@pytest.fixture
def run(small_data: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a run; there is one shift only."""
    monkeypatch.setattr(robustness, "CORRUPTIONS", FEW[1:])
    return train("mnist", "softmax", epochs=2, batch_size=50, learning_rate=0.01, name="run").run


def test_an_evaluation_on_a_runs_test_images_is_counted_once(run: Run, tmp_path: Path) -> None:
    report = evaluate_corruptions("run")
    assert (report.dataset, report.images) == ("mnist", 100)
    assert report.figure == run.figures / "corruptions-test.png"
    assert report.figure.exists()
    (entry,) = run.test_evaluations
    whole = load("run").evaluate(load_dataset("mnist").test)  # as they are, and not framed anew
    assert (entry["accuracy"], entry["images"]) == (whole.accuracy, 100)
    assert run.metrics["test"]["accuracy"] == whole.accuracy
    assert report.test_evaluations == 1
    assert evaluate_corruptions("run", out=tmp_path).figure == tmp_path / "corruptions-test.png"
    assert len(run.test_evaluations) == 2


def test_an_evaluation_on_other_images_is_not_counted(run: Run, tmp_path: Path) -> None:
    validation = evaluate_corruptions("run", split="validation")
    assert (validation.images, validation.figure) == (60, run.figures / "corruptions-validation.png")
    for label in ("1", "7"):
        (tmp_path / "mine" / label).mkdir(parents=True)
        strokes = np.full((50, 40), 250, np.uint8)
        strokes[10:40, 18:22] = 0
        Image.fromarray(strokes).save(tmp_path / "mine" / label / "a.png")
    mine = evaluate_corruptions("run", str(tmp_path / "mine"))
    assert (mine.dataset, mine.images, mine.figure) == (str(tmp_path / "mine"), 2, None)
    assert (validation.test_evaluations, mine.test_evaluations) == (None, None)
    assert mine.plain.accuracy <= 0.5  # both look the same
    assert run.test_evaluations == []


def test_what_cannot_be_measured_is_said_and_not_counted(run: Run) -> None:
    with pytest.raises(SettingError, match="unknown split 'train'"):
        evaluate_corruptions("run", split="train")
    with pytest.raises(DataError, match=r"images of \(8, 8, 1\)"):
        evaluate_corruptions("run", "digits")
    assert run.test_evaluations == []
