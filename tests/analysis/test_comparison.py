"""Comparisons of small runs: on which images, what is counted, what differs, what cannot be compared."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from imagelet import train
from imagelet.analysis import error_analysis
from imagelet.analysis.comparison import compare
from imagelet.classifier.classifier import Classifier
from imagelet.data.datasets import load_dataset
from imagelet.data.splits import Split
from imagelet.errors import DataError, RunError, SettingError, UsageError
from imagelet.experiment import finalize
from imagelet.metrics.classification import wilson_interval
from imagelet.metrics.comparison import compare_predictions, holm
from imagelet.preprocessing.framing import Framing
from imagelet.runs.run import Run
from imagelet.runs.store import find_classifier
from imagelet.training.recipe import Recipe

NETWORK = "flatten dense(classes) softmax"


@pytest.fixture(scope="module", autouse=True)
def _no_figures_of_runs() -> Iterator[None]:
    """Let training draw nothing: that would take longer than all the rest."""
    with pytest.MonkeyPatch.context() as patched:
        nothing = SimpleNamespace(curves=lambda _history: None, save=lambda _figure, _path: None)
        patched.setattr(finalize, "plots", nothing)
        patched.setattr(error_analysis, "draw_evaluation", lambda *_: None)
        yield


@pytest.fixture(scope="module")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with runs on digits; `a`, `b` and `c` share their validation images."""
    folder = tmp_path_factory.mktemp("trained")
    settings = {
        "a": {"epochs": 2, "learning_rate": 0.002},
        "b": {"epochs": 1, "learning_rate": 0.02},
        "c": {"epochs": 1, "learning_rate": 0.05, "flip": False},
        "other seed": {"epochs": 1, "seed": 7},
        "no validation": {"epochs": 1, "validation": "0"},
    }
    for name, each in settings.items():
        train("digits", NETWORK, "default", name=name, folder=folder, **each)
    return folder


@pytest.fixture
def runs(_trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with these runs that the test may change; it is where runs are looked for."""
    folder = Path(shutil.copytree(_trained, tmp_path / "runs"))
    monkeypatch.setenv("IMAGELET_RUNS", str(folder))
    return folder


def counts(folder: Path) -> dict[str, int]:
    return {path.name: len(Run(path).test_evaluations) for path in folder.iterdir() if path.is_dir()}


# -- the images ----------------------------------------------------------------------------------------------


def test_by_default_the_common_validation_images_are_compared_and_nothing_is_counted(runs: Path) -> None:
    found = compare(["a", "b"])
    assert (found.dataset, found.split, found.part) == ("digits", "validation", "train")
    for each in found.compared:
        metrics = Run(runs / each.name).metrics
        assert each.accuracy == metrics["validation"]["accuracy"]
        assert each.interval == wilson_interval(round(each.accuracy * found.images), found.images)
        assert each.loss == pytest.approx(metrics["validation"]["loss"])
        assert found.images == metrics["validation"]["images"]
        assert (each.parameters, each.epochs) == (metrics["parameters"], metrics["epochs"])
        assert (each.best_epoch, each.seconds) == (metrics["best_epoch"], metrics["seconds"]["total"])
        assert each.test_evaluations is None
    assert set(counts(runs).values()) == {0}
    assert found.figures == ()


def test_validation_leaves_the_test_images_unread(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from imagelet.data import imageset

    read = imageset.Dataset.read
    parts: list[str] = []

    def watched(self: imageset.Dataset, part: str) -> imageset.ImageSet:
        parts.append(part)
        return read(self, part)

    monkeypatch.setattr(imageset.Dataset, "read", watched)
    compare(["a", "b"])
    assert set(parts) == {"train"}


def test_on_test_images_a_look_is_counted_for_each_run(runs: Path) -> None:
    Run(runs / "b").record_test_evaluation(Run(runs / "b").metrics["validation"])
    found = compare(["a", "other seed", "b", "no validation"], split="test")
    assert (found.split, found.part, found.images) == ("test", "test", len(load_dataset("digits").test))
    assert [each.test_evaluations for each in found.compared] == [1, 1, 2, 1]
    assert counts(runs) == {"a": 1, "b": 2, "c": 0, "other seed": 1, "no validation": 1}
    for each in found.compared:
        assert Run(runs / each.name).test_evaluations[-1]["accuracy"] == each.accuracy
        assert (
            each.accuracy
            == Classifier.load(runs / each.name / "classifier.safetensors")
            .evaluate(load_dataset("digits").test)
            .accuracy
        )


# -- what is found -------------------------------------------------------------------------------------------


def test_pairs_and_disagreements_are_those_of_the_answers(runs: Path) -> None:
    found = compare(["a", "b", "c"])
    numbers = Split.load(runs / "a" / "split.json").validation
    images = load_dataset("digits").train.take(numbers)
    shares = [Classifier.load(find_classifier(name)).predict_proba(images.images) for name in "abc"]
    right = [each.argmax(axis=1) == images.labels for each in shares]
    assert [(pair.a, pair.b) for pair in found.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    expected = [compare_predictions(right[a], right[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert [pair.paired for pair in found.pairs] == expected
    assert [pair.corrected_p for pair in found.pairs] == list(holm([each.p for each in expected]))
    answers = np.stack([each.argmax(axis=1) for each in shares])
    differing = np.flatnonzero((answers != answers[0]).any(axis=0))
    assert {each.image for each in found.disagreements} == set(numbers[differing].tolist())
    assert len(found.disagreements) == len(differing) > 3
    for each in found.disagreements:
        (place,) = np.flatnonzero(numbers == each.image)
        assert each.label == images.classes[images.labels[place]]
        names = tuple(images.classes[one] for one in answers[:, place])
        assert each.predictions == tuple(zip(names, (share[place].max() for share in shares), strict=True))


def test_of_two_the_surest_disagreement_comes_first(runs: Path) -> None:
    surest = [min(share for _, share in each.predictions) for each in compare(["a", "c"]).disagreements]
    assert surest == sorted(surest, reverse=True)


def test_settings_are_told_where_they_differ_and_only_there(runs: Path) -> None:
    found = compare(["a", "b", "c"])
    assert found.settings == {
        "recipe.epochs": (2, 1, 1),
        "recipe.learning_rate": (0.002, 0.02, 0.05),
        "recipe.flip": (True, True, False),
    }
    assert compare(["a", "other seed"], split="test").settings["seed"] == (0, 7)
    assert "validation_images" in compare(["a", "no validation"], split="test").settings


def test_networks_are_told_by_name_where_they_have_one(runs: Path) -> None:
    train(
        "digits", "flatten dense(9) relu dense(classes) softmax", "default", name="d", folder=runs, epochs=1
    )
    train("digits", "softmax", "default", name="e", folder=runs, epochs=1)
    of_text = "flatten dense(9) relu dense(classes) softmax"
    assert compare(["d", "e"]).settings["network"] == (of_text, "softmax")
    assert "network" not in compare(["a", "e"]).settings  # a name for the same text is no difference


def test_the_network_that_a_recipe_only_suggests_is_no_difference(runs: Path) -> None:
    for name, suggested in (("f", "lenet-5"), ("g", "softmax")):
        train("digits", "softmax", Recipe(epochs=1, network=suggested), name=name, folder=runs)
    assert compare(["f", "g"]).settings == {}


def test_a_run_that_is_compared_with_its_copy_has_no_difference(runs: Path) -> None:
    shutil.copytree(runs / "a", runs / "copy")
    found = compare(["a", "copy"])
    assert found.settings == {}
    assert found.disagreements == ()
    (pair,) = found.pairs
    assert (pair.paired.difference, pair.paired.p) == (0, 1)
    assert pair.paired.interval.low < 0 < pair.paired.interval.high


def test_as_json_it_is_plain_and_whole(runs: Path) -> None:
    document = compare(["a", "b"]).to_json()
    assert json.loads(json.dumps(document)) == document
    assert [each["run"] for each in document["runs"]] == ["a", "b"]
    assert document["runs"][0]["history"]["val_loss"] == [each.val_loss for each in Run(runs / "a").history]
    (pair,) = document["pairs"]
    assert pair["difference"] == pytest.approx(
        document["runs"][1]["accuracy"] - document["runs"][0]["accuracy"]
    )
    first = document["disagreements"][0]["predictions"]
    assert [each["run"] for each in first] == ["a", "b"]
    assert first[0]["predicted"] != first[1]["predicted"]


# -- classifiers without a run -------------------------------------------------------------------------------


def test_a_file_without_its_run_is_compared_on_test_images(runs: Path, tmp_path: Path) -> None:
    shutil.copy(runs / "b" / "classifier.safetensors", tmp_path / "alone.safetensors")
    found = compare(["a", str(tmp_path / "alone.safetensors")], split="test")
    alone = found.compared[1]
    assert (alone.name, alone.epochs, alone.seconds, alone.test_evaluations, alone.history) == (
        "alone",
        1,
        None,
        None,
        None,
    )
    assert set(found.settings) == {"recipe.epochs", "recipe.learning_rate"}
    assert counts(runs)["a"] == 1
    assert counts(runs)["b"] == 0
    with pytest.raises(DataError, match="the classifier 'alone' is a file without its run") as caught:
        compare(["a", str(tmp_path / "alone.safetensors")])
    assert "--split test" in caught.value.hint


def test_a_file_that_does_not_say_its_data_is_refused(
    runs: Path, tmp_path: Path, by_brightness: Callable[[Framing], Classifier]
) -> None:
    by_brightness(Framing("fit", 8, 8, 1)).save(tmp_path / "unknown.safetensors")
    with pytest.raises(
        DataError, match="the classifier 'unknown' does not say where the images that it learned from"
    ):
        compare(["a", str(tmp_path / "unknown.safetensors")], split="test")


def test_runs_of_one_name_are_told_apart_by_what_was_typed(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "b", tmp_path / "elsewhere" / "a")
    found = compare(["a", str(tmp_path / "elsewhere" / "a")])
    assert [each.name for each in found.compared] == ["a", str(tmp_path / "elsewhere" / "a")]
    assert [each.epochs for each in found.compared] == [2, 1]


# -- folders -------------------------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return a folder of 60 pictures in two classes."""
    drawn = np.random.default_rng(0).integers(0, 90, (60, 12, 12), dtype=np.uint8)
    for number, pixels in enumerate(drawn):
        name = ("left", "right")[number % 2]
        pixels[:, 6 * (number % 2) : 6 * (number % 2) + 6] += 120
        (tmp_path / "mine" / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "mine" / name / f"{number}.png")
    return tmp_path / "mine"


def test_runs_of_a_folder_may_differ_in_the_size_of_their_images(runs: Path, pictures: Path) -> None:
    for size in (8, 12):
        train(
            str(pictures),
            NETWORK,
            "default",
            name=f"size {size}",
            folder=runs,
            input_shape=(size, size, 1),
            epochs=1,
        )
    found = compare(["size 8", "size 12"])
    assert found.settings["input_shape"] == ([8, 8, 1], [12, 12, 1])
    assert [each.accuracy for each in found.compared] == [
        Run(runs / name).metrics["validation"]["accuracy"] for name in ("size 8", "size 12")
    ]


def test_data_that_has_changed_is_refused(runs: Path, pictures: Path) -> None:
    train(str(pictures), NETWORK, "default", name="before", folder=runs, epochs=1)
    train(str(pictures), NETWORK, "default", name="too", folder=runs, epochs=1)
    next((pictures / "left").iterdir()).unlink()
    with pytest.raises(DataError, match="the data has changed since"):
        compare(["before", "too"])
    train(str(pictures), NETWORK, "default", name="after", folder=runs, epochs=1)
    with pytest.raises(DataError, match=r"different data: .*mine has changed between them"):
        compare(["before", "after"])


# -- pictures ------------------------------------------------------------------------------------------------


def test_curves_and_disagreements_are_drawn_where_asked(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "compared"
    found = compare(["a", "c"], out=out)
    assert found.figures == (out / "curves.png", out / "disagreements.png")
    for path in found.figures:
        with Image.open(path) as image:
            assert image.format == "PNG"
    shutil.copytree(runs / "a", runs / "copy")
    assert compare(["a", "copy"], out=out).figures == (out / "curves.png",)
    assert not (out / "disagreements.png").exists()  # the earlier comparison's is gone
    shutil.copytree(runs / "no validation", runs / "no curves")
    assert compare(["no validation", "no curves"], split="test", out=out).figures == ()


def test_it_tells_how_many_have_answered(runs: Path) -> None:
    steps: list[tuple[int, int | None]] = []
    compare(["a", "b", "c"], progress=lambda *step: steps.append(step))
    assert steps == [(1, 3), (2, 3), (3, 3)]


# -- what cannot be compared ---------------------------------------------------------------------------------


def test_different_validation_images_are_refused_with_what_to_type(runs: Path) -> None:
    with pytest.raises(DataError, match="'a' and 'other seed' have different validation images") as caught:
        compare(["a", "other seed"])
    assert "--split test" in caught.value.hint
    with pytest.raises(DataError, match="'no validation' has no validation images"):
        compare(["a", "no validation"])
    assert set(counts(runs).values()) == {0}


@pytest.mark.usefixtures("small_data")
def test_different_datasets_are_refused(runs: Path) -> None:
    train("mnist", NETWORK, "default", name="m", folder=runs, epochs=1)
    with pytest.raises(DataError, match="'a' and 'm' were trained on different data: digits and mnist"):
        compare(["a", "m"], split="test")
    assert set(counts(runs).values()) == {0}


@pytest.mark.usefixtures("runs")
def test_wrong_usage_is_said(runs: Path) -> None:
    with pytest.raises(UsageError, match="at least 2 runs, not 1"):
        compare(["a"])
    with pytest.raises(UsageError, match="is named twice"):
        compare(["a", "b", str(runs / "a")])
    with pytest.raises(UsageError, match="is named twice"):
        compare(["a", str(runs / "a" / "classifier.safetensors")])
    with pytest.raises(SettingError, match="unknown split 'train'"):
        compare(["a", "b"], split="train")
    with pytest.raises(RunError, match="did you mean"):
        compare(["a", "othr seed"])


def test_a_run_without_a_classifier_is_refused(runs: Path) -> None:
    (runs / "b" / "classifier.safetensors").unlink()
    with pytest.raises(RunError, match="'b' is not finished"):
        compare(["a", "b"])


def test_copies_are_compared_once(tmp_path: Path) -> None:
    known = np.random.default_rng(0).integers(0, 256, (60, 6, 6), dtype=np.uint8)
    tested = [*range(40, 60), *range(40, 60)]
    labels = np.arange(60) % 2
    path = tmp_path / "copied.npz"
    np.savez(path, x_train=known[:40], y_train=labels[:40], x_test=known[tested], y_test=labels[tested])
    for seed in (0, 1):
        train(str(path), "flatten dense(classes)", epochs=1, batch_size=8, seed=seed, name=f"seed{seed}")
    compared = compare(["seed0", "seed1"], split="test")
    assert (compared.images, compared.pairs[0].paired.images) == (40, 20)
    difference = compared.compared[1].accuracy - compared.compared[0].accuracy
    assert compared.pairs[0].paired.difference == pytest.approx(difference)  # all are there twice
