"""One picture from inside: what the lab sends is what the explanations themselves say."""

import base64
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagelet.classifier.classifier import Classifier
from imagelet.data.datasets import load_dataset
from imagelet.explanation.activations import layer_activations
from imagelet.explanation.attribution import METHODS, attribute
from imagelet.lab.services import classifiers
from imagelet.runs.store import shipped_classifiers
from tests.lab.conftest import Lab
from tests.servers import drawing, png


def values(numbers: dict[str, Any]) -> np.ndarray:
    """Return numbers as they are sent: float32 of their shape."""
    return np.frombuffer(base64.b64decode(numbers["base64"]), "<f4").reshape(numbers["shape"])


def explain(lab: Lab, **named: Any) -> dict[str, Any]:
    answer = lab.post("/api/explain", {"classifier": "small", "sample": "test:5", **named})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def classifier(small_run: Path) -> Classifier:
    return Classifier.load(small_run / "classifier.safetensors")


@pytest.fixture
def image() -> np.ndarray:
    return np.asarray(load_dataset("digits").test.images[5])


class TestLayers:
    def test_are_the_networks_own(self, lab: Lab, classifier: Classifier, image: np.ndarray) -> None:
        told = explain(lab, layers=True)
        expected = layer_activations(classifier, image)
        assert [each["name"] for each in told["layers"]] == [each.name for each in expected]
        for given, each in zip(told["layers"], expected, strict=True):
            assert (given["kind"], given["shape"]) == (each.kind, list(each.shape))
            assert values(given["values"]) == pytest.approx(each.values, abs=1e-6)
            facts = [given[name] for name in ("low", "high", "zeros", "silent")]
            assert facts == pytest.approx([each.low, each.high, each.zeros, each.silent], abs=1e-6)
        assert values(told["input"]["values"]) == pytest.approx(
            classifier.prepare(image[np.newaxis])[0].permute(1, 2, 0).numpy()
        )

    def test_are_left_out_where_nobody_asks(self, lab: Lab, small_run: Path) -> None:
        told = explain(lab)
        assert (told["layers"], told["input"], told["attributions"], told["neighbours"]) == ([], None, [], [])
        assert told["missing"] == []
        assert not told["preparing"]

    def test_the_answer_comes_with_the_label_of_a_sample(
        self, lab: Lab, classifier: Classifier, image: np.ndarray
    ) -> None:
        told = explain(lab)
        images = load_dataset("digits").test
        assert told["label"] == images.classes[images.labels[5]]
        (expected,) = classifier.predict(image)
        assert told["prediction"]["predicted"] == expected.predicted
        assert told["prediction"]["probability"] == pytest.approx(expected.probability, abs=1e-6)


class TestAttributions:
    def test_is_the_methods_own(self, lab: Lab, classifier: Classifier, image: np.ndarray) -> None:
        told = explain(lab, attributions=list(METHODS), target="3")["attributions"]
        assert [each["method"] for each in told] == list(METHODS)
        for given in told:
            expected = attribute(classifier, image, given["method"], "3")
            assert given["name"] == "3"
            assert given["probability"] == pytest.approx(expected.probability, abs=1e-6)
            assert (given["layer"], given["signed"]) == (expected.layer, expected.signed)
            assert values(given["values"]) == pytest.approx(expected.values, abs=1e-5)

    def test_lies_where_the_picture_has_its_ink(self, lab: Lab) -> None:
        picture = drawing(700)
        told = explain(lab, classifier="mnist", sample=None, picture=png(picture), attributions=["occlusion"])
        carried = values(told["attributions"][0]["on_picture"])
        assert carried.shape == (280, 280)
        ink = np.asarray(picture.resize((280, 280))) < 128
        assert np.abs(carried[ink]).mean() > 5 * np.abs(carried[~ink]).mean()

    def test_a_long_thin_picture_keeps_its_sides(self, lab: Lab) -> None:
        picture = png(drawing(100).resize((100, 560)))
        told = explain(lab, classifier="mnist", sample=None, picture=picture, attributions=["saliency"])
        assert told["attributions"][0]["on_picture"]["shape"] == [280, 50]

    def test_each_method_comes_once(self, lab: Lab, small_run: Path) -> None:
        told = explain(lab, attributions=["saliency", "saliency"])
        assert len(told["attributions"]) == 1

    @pytest.mark.parametrize(
        ("target", "sentence"), [("eleven", "unknown class 'eleven'"), (10, "there is no class 10")]
    )
    def test_a_wrong_class_is_a_sentence(
        self, lab: Lab, small_run: Path, target: int | str, sentence: str
    ) -> None:
        answer = lab.post("/api/explain", {"classifier": "small", "sample": "test:5", "target": target})
        assert 400 <= answer.status_code < 500
        assert sentence in answer.json()["error"]["message"]


class TestNeighbours:
    def test_an_image_it_learned_from_is_its_own_nearest(self, lab: Lab, small_run: Path) -> None:
        images = load_dataset("digits").train
        told = explain(lab, sample="train:0", neighbours=3)["neighbours"]
        shown = [np.frombuffer(base64.b64decode(each["image"]["base64"]), np.uint8) for each in told]
        for each, pixels in zip(told, shown, strict=True):
            assert each["label"] == images.classes[images.labels[each["index"]]]
            assert (pixels == np.asarray(images.images[each["index"]]).ravel()).all()
        distances = [each["distance"] for each in told]
        assert distances == sorted(distances)

    def test_they_are_prepared_in_the_background(
        self, lab: Lab, small_run: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = classifiers.neighbourhood

        def slow(*arguments: Any) -> Any:
            time.sleep(0.3)
            return made(*arguments)

        monkeypatch.setattr(classifiers, "neighbourhood", slow)
        monkeypatch.setattr(classifiers, "PATIENCE", 0.01)
        told = explain(lab, neighbours=3)
        assert told["preparing"]
        assert told["neighbours"] == []
        assert "being prepared" in told["missing"][0]
        monkeypatch.setattr(classifiers, "PATIENCE", 20.0)
        told = explain(lab, neighbours=3)
        assert not told["preparing"]
        assert len(told["neighbours"]) == 3

    def test_training_images_that_are_not_here_are_said_to_be_missing(self, lab: Lab, seven: str) -> None:
        told = explain(lab, classifier="mnist", sample=None, picture=seven, neighbours=3)
        assert told["neighbours"] == []
        assert "are not on this machine" in told["missing"][0]


class TestOneNumber:
    def test_adds_up(self, lab: Lab, classifier: Classifier, image: np.ndarray) -> None:
        asked = {"classifier": "small", "sample": "test:5", "layer": "conv1", "index": [3, 4, 2]}
        told = lab.post("/api/number", asked).json()
        assert np.sum(told["products"]) + told["bias"] == pytest.approx(told["result"], abs=1e-4)
        assert told["result"] == pytest.approx(
            layer_activations(classifier, image)[0].values[3, 4, 2], abs=1e-5
        )
        assert told["input_shape"] == [8, 8, 1]
        assert told["size_formula"] == "ceil(8 / 1) = 8"
        assert told["following"][0]["name"] == "relu1"

    @pytest.mark.parametrize(
        ("layer", "place", "shape", "formula"),
        [
            ("pool1", [1, 1, 0], [8, 8, 4], "(8 - 2) / 2 + 1 = 4"),
            ("dense1", [3], [64], None),
            ("relu1", [0, 0, 0], [8, 8, 4], None),
            ("softmax", [3], [10], None),
        ],
    )
    def test_says_what_the_layer_gets(
        self, lab: Lab, small_run: Path, layer: str, place: list[int], shape: list[int], formula: str | None
    ) -> None:
        asked = {"classifier": "small", "sample": "test:5", "layer": layer, "index": place}
        told = lab.post("/api/number", asked).json()
        assert (told["input_shape"], told["size_formula"]) == (shape, formula)

    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            ({"layer": "konv1"}, "unknown layer 'konv1'; did you mean 'conv1'?"),
            ({"index": [8, 0, 0]}, "there is no place 8,0,0"),
            ({"index": [-1, 0, 0]}, "there is no place -1,0,0"),
            ({"index": [1]}, "a place in 'conv1' is row, column, channel"),
            ({"sample": "test:360"}, "there are 360 test images"),
            ({"picture": "AAAA"}, "send either a picture or a sample"),
            ({"sample": None}, "send either a picture or a sample"),
            ({"sample": "test:1\n"}, "sample"),
            ({"sample": "../x:1"}, "sample"),
        ],
    )
    def test_wrong_questions_are_sentences(
        self, lab: Lab, small_run: Path, changed: dict[str, Any], sentence: str
    ) -> None:
        asked = {"classifier": "small", "sample": "test:5", "layer": "conv1", "index": [0, 0, 0]}
        answer = lab.post("/api/number", {**asked, **changed})
        assert 400 <= answer.status_code < 500
        assert sentence in answer.json()["error"]["message"]


class TestFilters:
    def test_are_the_convolutions_weights(self, lab: Lab, classifier: Classifier) -> None:
        told = lab.get("/api/filters", params={"classifier": "small", "layer": "conv1"}).json()
        weights = dict(classifier.network.named_children())["conv1"].weight.detach().numpy()
        assert values(told) == pytest.approx(weights.transpose(0, 2, 3, 1))

    def test_other_layers_have_none(self, lab: Lab, small_run: Path) -> None:
        answer = lab.get("/api/filters", params={"classifier": "small", "layer": "pool1"})
        assert answer.status_code == 422
        assert answer.json()["error"]["hint"] == "the convolutions are conv1"


@pytest.mark.parametrize("name", sorted(shipped_classifiers()))
def test_every_shipped_classifier_can_be_looked_into(lab: Lab, seven: str, name: str) -> None:
    told = explain(lab, classifier=name, sample=None, picture=seven, layers=True)
    last = values(told["layers"][-1]["values"])
    assert last.shape == (len(told["classes"]),)
