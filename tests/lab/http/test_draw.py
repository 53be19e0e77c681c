"""Classifiers by name, their answers to pictures, samples to try, and a person's own pictures."""

import base64
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelet.classifier.classifier import Classifier
from imagelet.data.datasets import load_dataset
from imagelet.lab.services.pictures import draw_indices
from imagelet.runs.store import shipped_classifiers
from tests.lab.conftest import Lab
from tests.servers import drawing, png

BROKEN = base64.b64encode(b"no picture at all").decode()


def pixels(image: dict) -> np.ndarray:
    """Return the pixels of an image as it is sent: uint8 (height, width, channels)."""
    flat = np.frombuffer(base64.b64decode(image["base64"]), np.uint8)
    return flat.reshape(image["height"], image["width"], image["channels"])


class TestClassifiers:
    def test_the_shipped_ones_are_listed(self, lab: Lab) -> None:
        listed = {each["name"]: each for each in lab.get("/api/classifiers").json()}
        assert set(listed) == set(shipped_classifiers())
        for name, path in shipped_classifiers().items():
            classifier = Classifier.load(path)
            assert listed[name] == {
                "name": name,
                "shipped": True,
                "dataset": classifier.training["dataset"],
                "classes": list(classifier.classes),
                "input_shape": list(classifier.input_shape),
                "accuracy": classifier.training["validation_accuracy"],
                "network": classifier.network_text,
            }

    def test_runs_come_first(self, lab: Lab, small_run: Path) -> None:
        first, *rest = lab.get("/api/classifiers").json()
        assert (first["name"], first["shipped"], first["dataset"]) == ("small", False, "digits")
        assert len(rest) == len(shipped_classifiers())

    def test_a_run_goes_before_a_shipped_one_of_its_name(self, lab: Lab, small_run: Path) -> None:
        small_run.rename(small_run.with_name("mnist"))
        (found,) = [each for each in lab.get("/api/classifiers").json() if each["name"] == "mnist"]
        assert not found["shipped"]
        assert found["input_shape"] == [8, 8, 1]

    def test_one_from_elsewhere_has_the_name_it_was_given(self, open_lab, tmp_path: Path) -> None:
        file = Path(shutil.copy(shipped_classifiers()["mnist"], tmp_path / "mine.safetensors"))
        lab = open_lab(others={"mine": file})
        answer = lab.post("/api/predict", {"classifier": "mine", "pictures": [png(drawing())]})
        assert answer.json()["predictions"][0]["predicted"] == "7"

    def test_a_damaged_one_is_left_out_and_refused_with_a_sentence(
        self, lab: Lab, small_run: Path, seven: str
    ) -> None:
        (small_run / "classifier.safetensors").write_bytes(b"nothing of use")
        assert "small" not in {each["name"] for each in lab.get("/api/classifiers").json()}
        answer = lab.post("/api/predict", {"classifier": "small", "pictures": [seven]})
        assert answer.status_code == 422
        assert "no classifier that can be used" in answer.json()["error"]["message"]

    def test_one_that_is_trained_anew_is_read_anew(self, lab: Lab, small_run: Path, seven: str) -> None:
        asked = {"classifier": "small", "pictures": [seven]}
        before = lab.post("/api/predict", asked).json()["predictions"][0]["probabilities"]
        file = small_run / "classifier.safetensors"
        classifier = Classifier.load(file)
        for weights in classifier.network.parameters():
            weights.data.mul_(0.5)
        classifier.save(file)
        os.utime(file, (1, 1))
        lab.state.classifiers.check()  # as the lab does every second
        after = lab.post("/api/predict", asked).json()["predictions"][0]["probabilities"]
        assert not np.allclose(before, after)

    def test_one_is_loaded_once(self, lab: Lab, seven: str, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = {"classifier": "mnist", "pictures": [seven]}
        lab.post("/api/predict", asked)
        monkeypatch.setattr(Classifier, "load", None)
        assert lab.post("/api/predict", asked).status_code == 200

    def test_a_wrong_name_is_answered_with_the_nearest(self, lab: Lab, seven: str) -> None:
        answer = lab.post("/api/predict", {"classifier": "mnits", "pictures": [seven]})
        assert answer.status_code == 404
        assert answer.json()["error"]["message"] == "there is no classifier 'mnits'; did you mean 'mnist'?"


class TestPredict:
    def test_the_answers_are_the_classifiers_own(self, lab: Lab) -> None:
        files = [png(drawing(side)) for side in (280, 90, 28)]
        told = lab.post("/api/predict", {"classifier": "mnist", "pictures": files}).json()
        classifier = Classifier.load(shipped_classifiers()["mnist"])
        expected = classifier.predict([base64.b64decode(each) for each in files], top=10)
        assert told["classes"] == list(classifier.classes)
        for given_, each in zip(told["predictions"], expected, strict=True):
            assert (given_["predicted"], given_["class"], given_["sure"]) == (
                *(each.predicted, each.class_index, each.sure),
            )
            assert given_["warnings"] == list(each.warnings)
            assert given_["probability"] == pytest.approx(each.probability, abs=1e-6)
            shares = dict(each.top)
            wanted = [shares[name] for name in classifier.classes]
            assert given_["probabilities"] == pytest.approx(wanted, abs=1e-6)
            assert sum(given_["probabilities"]) == pytest.approx(1)
            assert (pixels(given_["framed_input"]) == each.framed_input).all()

    def test_a_broken_picture_beside_good_ones_has_an_error_in_its_place(self, lab: Lab, seven: str) -> None:
        sent = [BROKEN, seven, "§", seven, base64.b64encode(base64.b64decode(seven)[:200]).decode()]
        told = lab.post("/api/predict", {"classifier": "mnist", "pictures": sent}).json()["predictions"]
        assert [each.get("predicted") for each in told] == [None, "7", None, "7", None]
        assert told[0]["error"]["message"].startswith("the picture is not a PNG")
        assert told[2]["error"]["message"] == "the picture is not in base64"
        assert "damaged" in told[4]["error"]["message"]

    def test_an_empty_drawing_is_unsure(self, lab: Lab) -> None:
        from PIL import Image

        empty = png(Image.new("L", (280, 280), 255))
        (told,) = lab.post("/api/predict", {"classifier": "mnist", "pictures": [empty]}).json()["predictions"]
        assert not told["sure"]
        assert told["warnings"]


class TestSamples:
    def test_they_are_the_datasets_own(self, lab: Lab, small_run: Path) -> None:
        told = lab.get("/api/samples", params={"classifier": "small", "count": 20, "seed": 3}).json()
        images = load_dataset("digits").test
        for each in told:
            part, _, index = each["sample"].partition(":")
            assert part == "test"
            assert each["label"] == images.classes[images.labels[int(index)]]
            assert (pixels(each["image"]) == images.images[int(index)]).all()
        assert sorted(each["label"] for each in told) == sorted([*"0123456789"] * 2)

    def test_another_seed_draws_others(self, lab: Lab, small_run: Path) -> None:
        first, again, other = (
            lab.get("/api/samples", params={"classifier": "small", "seed": seed}).json() for seed in (1, 1, 2)
        )
        assert first == again
        assert first != other

    def test_images_that_are_not_on_this_machine_are_not_downloaded(self, lab: Lab) -> None:
        answer = lab.get("/api/samples", params={"classifier": "mnist"})
        assert answer.status_code == 422
        assert answer.json()["error"] == {
            "message": "the images of 'mnist' that the classifier 'mnist' learned from "
            "are not on this machine",
            "hint": "bring them here: imagelet data get mnist",
        }

    def test_validation_images_are_those_that_the_run_set_aside(self, lab: Lab, small_run: Path) -> None:
        set_aside = json.loads((small_run / "split.json").read_text())["validation"]
        images = load_dataset("digits").train
        for sample in lab.get("/api/samples", params={"classifier": "small", "part": "validation"}).json():
            index = set_aside[int(sample["sample"].removeprefix("validation:"))]
            assert sample["label"] == images.classes[images.labels[index]]
            assert (pixels(sample["image"]) == images.images[index]).all()

    def test_a_part_that_is_not_there_is_a_sentence(self, lab: Lab, small_run: Path) -> None:
        split = json.loads((small_run / "split.json").read_text())
        (small_run / "split.json").write_text(json.dumps(split | {"validation": []}))
        answer = lab.get("/api/samples", params={"classifier": "small", "part": "validation"})
        assert answer.json()["error"]["message"] == "the run 'small' has no validation images"

    @given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(1, 80), st.integers(0, 9))
    def test_classes_come_in_turn(self, labels: list[int], count: int, seed: int) -> None:
        places = draw_indices(np.array(labels, np.int64), count, seed)
        assert len(set(places)) == len(places) == min(count, len(labels))
        held = [labels.count(label) for label in range(5)]
        shown = [[labels[place] for place in places].count(label) for label in range(5)]
        rest = min((number for number, whole in zip(shown, held, strict=True) if number < whole), default=99)
        assert all(
            min(whole, rest) <= number <= min(whole, rest + 1)
            for number, whole in zip(shown, held, strict=True)
        )
