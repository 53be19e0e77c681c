"""A network broken on purpose: what is asked over HTTP is what the changed classifier itself says."""

import threading
from pathlib import Path

import numpy as np
import pytest

from imagelet.classifier.classifier import Classifier
from imagelet.data.datasets import load_dataset
from imagelet.explanation.ablation import Ablation, Movement, ablated, moved
from imagelet.lab.services import ablations
from imagelet.lab.services.cache import Cache
from tests.lab.conftest import Lab

CHANGES = {"layer": "conv1", "maps": [1, 3], "biases": False, "noise": 0.5, "degrees": 20, "right": 1}
ABLATION, MOVEMENT = Ablation("conv1", (1, 3), False, 0.5), Movement(20, 1)


@pytest.fixture
def classifier(small_run: Path) -> Classifier:
    return Classifier.load(small_run / "classifier.safetensors")


def predicted(lab: Lab, changes: dict[str, object]) -> dict[str, dict[str, list[float]]]:
    body = {"classifier": "small", "sample": "test:5", "changes": changes}
    response = lab.post("/api/ablation", body)
    assert response.status_code == 200, response.text
    return response.json()


def counted(lab: Lab, changes: dict[str, object], classifier: str = "small") -> dict[str, dict[str, int]]:
    response = lab.post("/api/ablation/accuracy", {"classifier": classifier, "changes": changes})
    assert response.status_code == 200, response.text
    return response.json()


class TestPredictions:
    def test_are_the_changed_classifiers_own(self, lab: Lab, classifier: Classifier) -> None:
        image = np.asarray(load_dataset("digits").test.images[5:6])
        response = predicted(lab, CHANGES)
        original = classifier.predict_proba(image)[0]
        changed = ablated(classifier, ABLATION).predict_proba(moved(image, MOVEMENT))[0]
        assert response["original"]["probabilities"] == pytest.approx(original, abs=1e-5)
        assert response["changed"]["probabilities"] == pytest.approx(changed, abs=1e-5)
        assert np.abs(original - changed).max() > 0.01

    def test_without_changes_are_equal(self, lab: Lab, small_run: Path) -> None:
        response = predicted(lab, {})
        assert response["original"] == response["changed"]

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"layer": "conv9", "maps": [0]}, 404),
            ({"layer": "conv1", "maps": [4]}, 422),
            ({"layer": "conv1", "noise": -1}, 422),
            ({"layer": "conv1", "maps": [-1]}, 422),
        ],
    )
    def test_what_there_is_not_is_refused(
        self, lab: Lab, small_run: Path, changes: dict[str, object], status: int
    ) -> None:
        body = {"classifier": "small", "sample": "test:5", "changes": changes}
        assert lab.post("/api/ablation", body).status_code == status


class TestAccuracies:
    def test_are_of_the_validation_images(self, lab: Lab, classifier: Classifier) -> None:
        response = counted(lab, CHANGES)
        images = lab.state.classifiers.part("small", "validation")
        pixels = np.asarray(images.images)
        original = int((classifier.logits(pixels).argmax(1) == images.labels).sum())
        logits = ablated(classifier, ABLATION).logits(moved(pixels, MOVEMENT))
        changed = int((logits.argmax(1) == images.labels).sum())
        assert response["original"] == {"correct": original, "images": len(pixels)}
        assert response["changed"] == {"correct": changed, "images": len(pixels)}
        assert changed < original

    def test_are_kept(self, lab: Lab, small_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        first = counted(lab, CHANGES)
        monkeypatch.setattr(ablations, "_measure", lambda *_: pytest.fail("it is counted again"))
        assert counted(lab, CHANGES) == first

    def test_are_of_the_images_so_far_when_the_time_is_over(
        self, lab: Lab, small_run: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ablations, "SECONDS", 0.0)
        assert counted(lab, CHANGES)["changed"]["images"] == ablations.BATCH

    def test_are_given_up_when_nobody_waits(self, lab: Lab, small_run: Path) -> None:
        cancelled = threading.Event()
        cancelled.set()
        cache: ablations.Accuracies = Cache(2)
        with pytest.raises(ablations.CancelledError):
            ablations.accuracies(lab.state.classifiers, cache, "small", ABLATION, MOVEMENT, cancelled)
        again = ablations.accuracies(
            lab.state.classifiers, cache, "small", ABLATION, MOVEMENT, threading.Event()
        )
        assert again["changed"] is not None

    def test_without_validation_images_say_why(self, lab: Lab) -> None:
        response = counted(lab, CHANGES, "mnist")
        assert (response["original"], response["changed"]) == (None, None)
        assert "not on this machine" in response["missing"]
