"""Trainings that start from a trained classifier: its weights, and the truth about what had been learned."""

import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imagelet import continue_training, load, load_dataset, train
from imagelet.analysis.evaluate import evaluate
from imagelet.classifier.classifier import Classifier
from imagelet.data import Split
from imagelet.errors import RunError, SettingError, UsageError
from imagelet.experiment.continuing import continued, run_continued
from imagelet.experiment.finalize import Finished
from imagelet.experiment.reproduce import compare, run_again
from imagelet.experiment.runner import Event, RunStarted, resume_experiment, run_experiment
from imagelet.runs.definition import describe
from imagelet.runs.learner import find_learner
from imagelet.runs.provenance import count_learned_before, digests_learned_from, image_digests
from imagelet.runs.run import Run
from imagelet.training.loop import Step

NETWORK = "conv(4, 3x3, same) batchnorm relu pool(4) flatten dense(classes) softmax"
QUICK = {"epochs": 2, "batch_size": 50, "learning_rate": 0.01}


@pytest.fixture
def first(small_data: Path) -> Run:
    return train("mnist", NETWORK, **QUICK, name="first").run


def started(dataset: str, start: str, name: str = "second", **settings: object) -> tuple[RunStarted, Run]:
    """Train on a dataset, starting from a classifier; return the first event and the run."""
    events: list[Event] = list(
        run_experiment(describe(dataset, settings=QUICK | settings, start_from=start), name=name)
    )
    begun, end = events[0], events[-1]
    assert isinstance(begun, RunStarted)
    assert isinstance(end, Finished)
    return begun, end.run


def folder_of(images: np.ndarray, labels: np.ndarray, folder: Path, names: str) -> Path:
    """Write images as pictures of classes that have other names."""
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        place = folder / names[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[:, :, 0]).save(place / f"{number}.png")
    return folder


def own_pictures(tmp_path: Path, name: str = "own", classes: str = "abc", first: int = 0) -> Path:
    images = load_dataset("mnist").train
    few = np.flatnonzero(images.labels < 3)[first : first + 60]
    return folder_of(images.images[few], images.labels[few], tmp_path / name, classes)


def test_the_same_classes_keep_every_weight(first: Run) -> None:
    before = load("first").network.state_dict()
    events = run_experiment(describe("mnist", settings=QUICK, start_from="first"))
    assert isinstance(next(events), RunStarted)
    step = next(events)
    assert isinstance(step, Step)
    largest = max(
        float((before[name].float() - tensor.float()).abs().max())
        for name, tensor in step.state.network.state_dict().items()
        if "running" not in name and "num_batches" not in name
    )
    assert 0 < largest < 0.01  # one small step away


def test_other_classes_get_a_new_head_and_keep_the_rest(first: Run, tmp_path: Path) -> None:
    begun, run = started(str(own_pictures(tmp_path)), "first", freeze="body")
    assert begun.resolved["start"]["head"] == "new"
    assert any("other classes: the last layer is new" in line for line in begun.resolved["understood"])
    before, after = load("first"), load("second")
    assert after.classes == ("a", "b", "c")
    assert after.normalization == before.normalization
    assert after.framing == before.framing
    for name, tensor in after.network.state_dict().items():
        assert name.startswith("dense1.") or torch.equal(tensor, before.network.state_dict()[name])
    assert after.training["start"]["name"] == "first"
    assert after.training["start"]["learned_from"] == ["mnist"]
    assert "The training started from the weights of `first`, with a new last layer" in (
        run.folder / "README.md"
    ).read_text(encoding="utf-8")


def test_a_written_number_of_classes_gives_way_to_another(small_data: Path, tmp_path: Path) -> None:
    train("mnist", "pool(4) flatten dense(16) relu dense(10)", **QUICK, name="first")
    _, run = started(str(own_pictures(tmp_path)), "first")
    assert load("second").network_text == "pool(4) flatten dense(16) relu dense(classes)"
    assert run.experiment["network"] == "pool(4) flatten dense(16) relu dense(classes)"


def test_a_whitening_layer_is_not_fitted_anew(small_data: Path) -> None:
    train("mnist", "fast-narrow", epochs=1, batch_size=100, limit=100, name="first")
    started("mnist", "first")
    weights = [load(name).network.state_dict()["whiten.weight"] for name in ("first", "second")]
    assert torch.equal(*weights)


@pytest.mark.parametrize("place", [1, 4, 6])
def test_an_interrupted_one_ends_with_the_same_bytes_though_its_start_is_gone(
    first: Run, tmp_path: Path, place: int
) -> None:
    own = str(own_pictures(tmp_path))
    settings = {"batch_size": 10, "freeze": "body", "freeze_until": 0.5}
    _, straight = started(own, "first", **settings)
    events = run_experiment(describe(own, settings=QUICK | settings, start_from="first"), name="stopped")
    begun = next(events)
    assert isinstance(begun, RunStarted)
    for _ in range(place):
        next(events)
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        list(events)
    shutil.rmtree(first.folder)
    list(resume_experiment(begun.run))
    for name in ("classifier.safetensors", "history.jsonl"):
        assert (begun.run.folder / name).read_bytes() == (straight.folder / name).read_bytes()


def test_a_run_that_was_killed_before_its_first_step_starts_from_the_same_weights(first: Run) -> None:
    _, straight = started("mnist", "first")
    events = run_experiment(describe("mnist", settings=QUICK, start_from="first"), name="killed")
    begun = next(events)
    assert isinstance(begun, RunStarted)
    events.close()
    list(resume_experiment(begun.run))
    assert begun.run.classifier_file.read_bytes() == straight.classifier_file.read_bytes()


def test_it_is_reproduced_to_the_byte_though_its_start_is_gone(first: Run, tmp_path: Path) -> None:
    _, run = started(str(own_pictures(tmp_path)), "first")
    shutil.rmtree(first.folder)
    *_, last = run_again(run)
    assert isinstance(last, Finished)
    assert compare(run, last.run).identical


def test_the_split_of_the_run_is_kept_so_that_no_validation_image_was_learned(first: Run) -> None:
    events = run_experiment(describe("mnist", settings=QUICK, start_from="first", seed=5))
    begun = next(events)
    events.close()
    assert isinstance(begun, RunStarted)
    assert begun.warnings == ()
    assert begun.resolved["start"]["validation_learned"] == 0
    assert (begun.run.folder / "split.json").read_bytes() == (first.folder / "split.json").read_bytes()


def test_validation_images_that_were_learned_before_are_said(first: Run) -> None:
    events = run_experiment(describe("mnist", settings=QUICK, start_from="first", seed=5, validation="0.5"))
    begun = next(events)
    events.close()
    assert isinstance(begun, RunStarted)
    learned = set(Split.load(first.folder / "split.json").train)
    common = len(learned & set(Split.load(begun.run.folder / "split.json").validation))
    assert begun.resolved["start"]["validation_learned"] == common > 0
    assert f"had learned from {common} of the 150 validation images" in begun.warnings[0]


def test_test_images_that_were_learned_before_are_counted_and_said(small_data: Path, tmp_path: Path) -> None:
    earlier = str(own_pictures(tmp_path, "earlier"))
    first = train(earlier, NETWORK, **QUICK, name="first").run
    _, run = started(str(own_pictures(tmp_path, classes="xyz", first=20)), "first")
    evaluation = evaluate("second")
    frozen = Split.load(first.folder / "split.json")
    learned = image_digests(load_dataset(earlier).train.take(frozen.train))
    own = load_dataset(tmp_path / "own")
    expected = int(np.isin(image_digests(own.test), learned).sum())
    assert evaluation.learned_before == expected > 0
    assert run.metrics["test"]["learned_before"] == expected
    card = (run.folder / "README.md").read_text(encoding="utf-8")
    assert f"It had learned from {expected} of the {len(own.test)} test images" in card


def test_what_a_start_had_started_from_counts_too(first: Run, tmp_path: Path) -> None:
    started(str(own_pictures(tmp_path)), "first")
    _, third = started("mnist", "second", name="third")
    assert third.experiment["resolved"]["start"]["learned_from"] == ["mnist", "own"]
    known = digests_learned_from(find_learner("third"))
    assert known is not None
    of_first = load_dataset("mnist").train.take(Split.load(first.folder / "split.json").train)
    assert np.isin(image_digests(of_first), known).all()
    assert count_learned_before(third, of_first) == len(of_first)


def test_it_is_said_where_nobody_knows_what_was_learned(first: Run, tmp_path: Path) -> None:
    own = str(own_pictures(tmp_path))
    alone = tmp_path / "alone.safetensors"
    classifier = load("first")
    classifier.training["dataset"] = "elsewhere"
    classifier.save(alone)
    begun, run = started(own, str(alone))
    assert "it is not known whether yours are among them" in begun.resolved["understood"][-1]
    assert evaluate("second").learned_before is None
    assert not run.start_images_file.exists()


@pytest.mark.parametrize(
    ("fields", "error", "sentence"),
    [
        ({"start_from": "frist"}, RunError, "did you mean 'first'"),
        ({"start_from": "first", "input_shape": (8, 8)}, SettingError, "the input shape is 8x8"),
        ({"start_from": "cifar-10"}, SettingError, "'mnist' is 28x28x1, and 'cifar-10' takes 32x32x3"),
        ({"start_from": "first", "network": "softmax"}, UsageError, "softmax cannot take its place"),
    ],
)
def test_what_does_not_fit_is_said_and_no_run_is_made(
    first: Run, fields: dict[str, object], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        list(run_experiment(describe("mnist", settings=QUICK, **fields), name="second"))  # type: ignore[arg-type]
    assert not (first.folder.parent / "second").exists()


def test_a_damaged_start_is_said(first: Run) -> None:
    _, run = started("mnist", "first")
    Classifier.load(run.start_file).save(run.start_file, half=True)
    with pytest.raises(RunError, match="is not the classifier that it started from"):
        list(run_again(run))
    run.start_images_file.write_bytes(b"123")
    with pytest.raises(RunError, match="no list of digests"):
        count_learned_before(run, load_dataset("mnist").test)


@pytest.mark.realdata
@pytest.mark.slow
def test_pictures_of_mnist_were_learned_by_its_shipped_classifier(tmp_path: Path) -> None:
    images = load_dataset("mnist").train
    few = np.concatenate([np.flatnonzero(images.labels == label)[:20] for label in range(3)])
    own = folder_of(images.images[few], images.labels[few], tmp_path / "own", "abc")
    begun, _ = started(str(own), "mnist")
    assert begun.resolved["start"]["validation_learned"] == begun.resolved["validation_images"] > 0
    assert evaluate("second").learned_before == len(load_dataset(own).test)


class TestContinuing:
    def test_trains_the_weights_on_in_a_new_run(self, first: Run) -> None:
        experiment = continued(first, {"epochs": 1})
        assert (experiment.recipe.epochs, experiment.seed) == (1, 1)
        *_, last = run_continued(first, experiment)
        assert isinstance(last, Finished)
        assert last.run.name == "first-continued"
        assert (last.run.folder / "split.json").read_bytes() == (first.folder / "split.json").read_bytes()
        assert last.run.start_file.read_bytes() == first.classifier_file.read_bytes()
        assert last.run.experiment["network"] == first.experiment["network"]
        assert compare(last.run, last.run).identical

    def test_from_python_gives_the_same_and_takes_other_settings(self, first: Run, tmp_path: Path) -> None:
        *_, expected = run_continued(first, continued(first, {"epochs": 1, "lr": 0.01}))
        assert isinstance(expected, Finished)
        found = continue_training(first, 1, lr=0.01, name="more", folder=tmp_path / "elsewhere")
        assert found.run.folder == tmp_path / "elsewhere" / "more"
        assert found.run.experiment["recipe"]["learning_rate"] == 0.01
        assert compare(expected.run, found.run).identical
        with pytest.raises(UsageError, match="patience"):
            continue_training(first, 1, patience=3)

    def test_is_reproduced_to_the_byte(self, first: Run) -> None:
        *_, last = run_continued(first, continued(first, {"epochs": 1}))
        assert isinstance(last, Finished)
        *_, again = run_again(last.run)
        assert isinstance(again, Finished)
        assert compare(last.run, again.run).identical

    def test_needs_a_finished_run(self, first: Run) -> None:
        (first.folder / "metrics.json").unlink()
        with pytest.raises(RunError, match="no weights to continue with"):
            continued(first, {"epochs": 1})
