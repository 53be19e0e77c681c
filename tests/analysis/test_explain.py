"""A picture explained: of a small run on the built-in digits."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagelet import train
from imagelet.analysis.explain import draw, explain, load_and_frame
from imagelet.data.datasets import load_dataset
from imagelet.errors import DataError, PictureError, UnknownNameError, UsageError
from imagelet.explanation.attribution import METHODS

TEXT = "conv(4, 3x3, same) relu pool(2) flatten dense(classes) softmax"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    return train("digits", TEXT, "digits", folder=folder, name="small", epochs=2).run.folder


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    return train(
        "digits", "flatten dense(classes)", "digits", folder=folder, name="flat", epochs=1
    ).run.folder


def test_the_layers_end_in_the_classifiers_own_logits_and_the_evidence_is_for_its_answer(run):
    image = load_dataset("digits").test.images[5]
    found = explain(run, image, neighbours=3)
    assert [each.name for each in found.layers] == ["conv1", "relu1", "pool1", "flatten", "dense1", "softmax"]
    logits = found.classifier.logits(image[np.newaxis])[0]
    np.testing.assert_allclose(found.layers[-2].values, logits, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found.framed.image, image)
    assert [each.method for each in found.attributions] == list(METHODS)
    assert {each.class_name for each in found.attributions} == {found.prediction.predicted}
    assert found.attributions[0].probability == pytest.approx(found.prediction.probability)
    assert len(found.neighbours) == 3
    assert found.missing == ()


def test_an_image_of_the_dataset_is_named_by_its_part_and_number(run):
    images = load_dataset("digits").test.images
    _, framed = load_and_frame(run, "test:5")
    np.testing.assert_array_equal(framed.image, images[5])
    assert explain(run, "test:5", neighbours=0).prediction == explain(run, images[5], neighbours=0).prediction


def test_a_runs_validation_images_are_those_that_it_set_aside(run):
    frozen = json.loads((run / "split.json").read_text())
    expected = load_dataset("digits").train.images[frozen["validation"][3]]
    np.testing.assert_array_equal(load_and_frame(run, "validation:3")[1].image, expected)
    with pytest.raises(DataError, match="without its run"):
        load_and_frame("mnist", "validation:3")


def test_units_are_dead_that_rise_for_none_of_the_training_images(run):
    found = explain(run, "test:5", neighbours=1)
    (dead,) = found.dead
    images = load_dataset("digits").train
    classifier, _ = load_and_frame(run, "test:5")
    kernels = classifier.network.state_dict()["conv1.weight"]
    assert dead.name == "relu1"
    assert dead.units == len(kernels)
    assert 300 < dead.images <= len(images)
    assert explain(run, "test:5", neighbours=0).dead == ()


def test_a_file_that_is_called_like_an_image_of_the_dataset_goes_before_it(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other = load_dataset("digits").test.images[9]
    Image.fromarray(other[:, :, 0]).save(tmp_path / "test:5", "PNG")
    np.testing.assert_array_equal(load_and_frame(run, "test:5")[1].image, load_and_frame(run, other)[1].image)
    assert load_and_frame(run, tmp_path / "test:5")[1].image.any()


def test_a_training_image_is_its_own_nearest_neighbour(run):
    found = (
        explain(run, "train:0", neighbours=1) if 0 in _learned(run) else explain(run, "train:1", neighbours=1)
    )
    assert found.neighbours[0].distance == pytest.approx(0, abs=1e-3)


def _learned(run: Path) -> list[int]:
    return list(json.loads((run / "split.json").read_text())["train"])


def test_the_evidence_can_be_asked_for_any_class(run):
    found = explain(run, "test:5", "3", neighbours=0)
    assert {each.class_name for each in found.attributions} == {"3"}
    assert found.near is None


def test_everything_is_drawn_and_the_plain_data_name_the_files(run, tmp_path):
    found = explain(run, "test:5", neighbours=2)
    drawn = draw(found, tmp_path / "inside")
    assert set(drawn) == {"evidence", "neighbours", "histograms", "conv1 filters"} | {
        each.name for each in found.layers
    }
    assert sorted(drawn.values()) == sorted((tmp_path / "inside").iterdir())
    for path in drawn.values():
        with Image.open(path) as picture:
            picture.verify()
    plain = json.loads(json.dumps(found.to_json(drawn)))
    assert plain["layers"][0]["file"] == str(drawn["conv1"])
    assert plain["layers"][0]["filters"] == str(drawn["conv1 filters"])
    assert plain["layers"][1]["filters"] is None
    assert len(plain["files"]) == len(drawn)
    with pytest.raises(UsageError, match="unknown scope"):
        draw(found, tmp_path, "everything")


def test_a_notebook_shows_the_answer_and_a_row_for_each_layer(run):
    found = explain(run, "test:5", neighbours=0)
    shown = found._repr_html_()
    assert found.prediction.predicted in shown
    assert all(each.name in shown for each in found.layers)
    assert len(shown) < 30_000


def test_without_convolutions_grad_cam_is_left_out_and_said(flat, tmp_path):
    found = explain(flat, "test:5", neighbours=0)
    assert [each.method for each in found.attributions] == [name for name in METHODS if name != "grad-cam"]
    assert found.missing == ("grad-cam: the network has no convolution",)
    assert "evidence" in draw(found, tmp_path)


def test_a_classifier_whose_training_images_are_not_here_is_explained_without_neighbours():
    found = explain("mnist", np.zeros((28, 28, 1), np.uint8))
    assert found.neighbours == ()
    assert "not on this machine" in found.missing[0]


@pytest.mark.parametrize(
    ("picture", "target", "error", "sentence"),
    [
        ("test:5", "ten", UnknownNameError, "unknown class 'ten'"),
        ("test:5", 10, UsageError, "there is no class 10"),
        ("test:99999", None, UsageError, "there is no image test:99999"),
        ("nothing.png", None, PictureError, "nothing.png"),
    ],
)
def test_what_is_not_there_is_said(run, picture, target, error, sentence):
    with pytest.raises(error, match=sentence):
        explain(run, picture, target)
