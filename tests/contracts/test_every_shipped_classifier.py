"""The classifiers in the package: small, documented, and as good as their cards say."""

import re
from pathlib import Path

import numpy as np
import pytest
import safetensors

from imagelet.classifier.classifier import Classifier
from imagelet.data.datasets import load_dataset
from imagelet.networks.numpy_network import NumpyNetwork
from imagelet.runs.store import find_classifier, shipped_classifiers
from tools.pretrain import SHIPPED, Shipped, joined, ship

IMAGES = 2000  # test images that NumPy and torch classify
MOST_BYTES = {"mnist": 2_000_000, "fashion-mnist": 4_000_000, "cifar-10": 4_000_000}


def test_they_are_those_that_the_repository_trains() -> None:
    assert set(shipped_classifiers()) == {each.dataset for each in SHIPPED} == set(MOST_BYTES)


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda shipped: shipped.dataset)
class TestEach:
    def test_is_small_and_trained_as_the_repository_says(self, shipped: Shipped) -> None:
        path = find_classifier(shipped.dataset)
        training = Classifier.load(path).training
        assert path.stat().st_size <= MOST_BYTES[shipped.dataset]
        with safetensors.safe_open(path, framework="numpy") as opened:  # so that the wheel packs it better
            kinds = {opened.get_slice(name).get_dtype() for name in opened.keys()}  # noqa: SIM118
        assert kinds == {"U8", "I64"}
        assert training["dataset"] == shipped.dataset
        assert training["recipe"]["name"] == shipped.recipe
        assert training["seed"] == shipped.seed

    def test_has_a_card_with_figures_and_limits(self, shipped: Shipped) -> None:
        card = find_classifier(shipped.dataset).with_suffix(".md").read_text("utf-8")
        assert shipped.limits in card
        assert re.search(r"test accuracy \| \d+\.\d\d % \(95 % interval .* images\)", card)
        assert "seconds of training" in card

    @pytest.mark.realdata
    @pytest.mark.slow
    def test_is_as_good_as_its_card_says(self, shipped: Shipped) -> None:
        path = find_classifier(shipped.dataset)
        written = re.search(
            r"test accuracy \| [\d.]+ % \(95 % interval ([\d.]+) to ([\d.]+) %",
            path.with_suffix(".md").read_text("utf-8"),
        )
        assert written is not None
        images = load_dataset(shipped.dataset).test.take(np.arange(250))
        accuracy = 100 * Classifier.load(path).evaluate(images).accuracy
        assert float(written[1]) - 3 <= accuracy <= float(written[2]) + 3


@pytest.mark.realdata
@pytest.mark.slow
def test_without_torch_test_images_get_the_same_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    images = load_dataset("mnist").test.images[:IMAGES]
    classifier = Classifier.load(find_classifier("mnist"))
    monkeypatch.setattr(Classifier, "_is_small_work", lambda *_: True)
    by_numpy = classifier.logits(images)
    assert isinstance(classifier._stored_network, NumpyNetwork)
    monkeypatch.undo()
    _ = classifier.network  # torch's, from here on
    by_torch = classifier.logits(images)
    assert len(images) == IMAGES
    np.testing.assert_allclose(by_numpy, by_torch, rtol=0, atol=1e-4)
    np.testing.assert_array_equal(by_numpy.argmax(axis=1), by_torch.argmax(axis=1))
    sure = [classifier.calibration.are_sure(logits) for logits in (by_numpy, by_torch)]
    assert np.array_equal(*sure)
    assert 0 < sure[0].sum() < len(images)


def test_shipping_writes_half_precision_and_tests_it(
    small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imagelet import paths, train

    finished = train("mnist", "softmax", epochs=1, batch_size=50, name="plain", validation=0.2)
    monkeypatch.setattr(paths, "shipped", lambda: tmp_path)
    ship(Shipped("mnist", "default", 0.2, "For nothing at all."), finished.classifier, finished.metrics)
    written = tmp_path / "mnist.safetensors"
    assert written.stat().st_size < finished.run.classifier_file.stat().st_size
    assert "For nothing at all." in written.with_suffix(".md").read_text("utf-8")
    images = load_dataset("mnist").test
    accuracy = Classifier.load(written).evaluate(images).accuracy
    assert f"test accuracy | {100 * accuracy:.2f} %" in written.with_suffix(".md").read_text("utf-8")


def test_members_side_by_side_answer_with_their_mean_and_are_calibrated_together(
    small_data: Path, tmp_path: Path
) -> None:
    from imagelet.data.splits import Split
    from imagelet.experiment.runner import run_experiment
    from imagelet.runs.definition import describe
    from imagelet.runs.provenance import provenance_of_run

    members, split = [], None
    for seed in (0, 1):
        text, settings = "conv(3, 5x5) relu flatten dense(classes)", {"epochs": 1, "batch_size": 50}
        experiment = describe("mnist", text, "digits", settings, validation=0.2, seed=seed)
        *_, member = run_experiment(experiment, name=f"member-{seed}", folder=tmp_path, frozen=split)
        members.append(member)
        split = Split.load(member.run.folder / "split.json")
    both, figures = joined(members)
    images = provenance_of_run(members[0].run).open().part("validation").images
    scaled = [
        each.classifier.logits(images.images) / each.classifier.calibration.temperature for each in members
    ]
    np.testing.assert_allclose(both.logits(images.images), np.mean(scaled, axis=0), rtol=1e-4, atol=1e-4)
    assert [each["epochs"] for each in both.training["side_by_side"]] == [1, 1]
    assert figures["validation"]["images"] == len(images)
    assert figures["parameters"] == sum(each.numel() for each in both.network.parameters())
    both.save(tmp_path / "both.safetensors")
    again = Classifier.load(tmp_path / "both.safetensors")
    np.testing.assert_array_equal(again.logits(images.images), both.logits(images.images))
