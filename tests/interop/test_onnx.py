"""ONNX: the probabilities of every classifier, in a runtime that is not ours."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from imagelet.classifier.classifier import Classifier
from imagelet.errors import UsageError
from imagelet.interop import onnx as interop
from imagelet.interop.onnx import LARGEST_DIFFERENCE, OPSET, export_onnx, onnx_model, run_onnx
from imagelet.metrics.calibration import Calibration
from imagelet.networks import build, networks
from imagelet.networks.layers import KINDS
from imagelet.preprocessing.framing import Framing
from imagelet.preprocessing.normalization import Normalization
from imagelet.preprocessing.test_time_augmentation import TEST_TIME_AUGMENTATIONS
from tests.contracts.test_every_layer import CLASSES, SHAPE, drawn

SMALL = "conv(4, 3x3, same, stride=2) batchnorm relu pool(2, same) flatten dense(classes) softmax"


def classifier_of(network: torch.nn.Module, augmentation: str = "none") -> Classifier:
    height, width, channels = network.input_shape
    return Classifier(
        network=network,
        classes=tuple(f"class {number}" for number in range(network.classes)),
        framing=Framing("fit", height, width, channels),
        normalization=Normalization((0.3,) * channels, (0.5,) * channels),
        calibration=Calibration(temperature=1.5, threshold=0.6),
        training={},
        test_time_augmentation=augmentation,
    )


def images_for(classifier: Classifier, number: int = 5) -> np.ndarray:
    generator = np.random.default_rng(number)
    return generator.integers(0, 256, (number, *classifier.input_shape), dtype=np.uint8)


def assert_alike(classifier: Classifier) -> None:
    """Check that onnxruntime gives the classifier's probabilities, for one image and for several."""
    content = onnx_model(classifier).SerializeToString()
    for number in (1, 5):
        images = images_for(classifier, number)
        expected = classifier.predict_proba(images)
        np.testing.assert_allclose(run_onnx(content, images), expected, atol=LARGEST_DIFFERENCE)


@pytest.mark.parametrize("word", tuple(KINDS))
def test_every_kind_of_layer_gives_the_same(word: str) -> None:
    assert_alike(classifier_of(drawn(word)))


@pytest.mark.parametrize("name", tuple(networks))
def test_every_named_network_gives_the_same(name: str) -> None:
    assert_alike(classifier_of(build(name, networks.get(name).input_shape, 3, seed=2)))


@pytest.mark.parametrize("augmentation", TEST_TIME_AUGMENTATIONS)
def test_every_test_time_augmentation_gives_the_same(augmentation: str) -> None:
    assert_alike(classifier_of(build(SMALL, SHAPE, CLASSES, seed=1), augmentation))


def test_sure_is_what_the_threshold_says() -> None:
    classifier = classifier_of(build(SMALL, SHAPE, CLASSES, seed=1))
    images = images_for(classifier, 40)
    logits = classifier.logits(images)
    likely = classifier.calibrated(Calibration(1.5, 0)).predict_proba(images).max(axis=1)
    threshold = float(np.quantile(likely, 0.3))
    for lowest in (None, tuple(np.full(CLASSES, np.median(logits.max(axis=1))).tolist())):
        calibrated = classifier.calibrated(Calibration(1.5, threshold, lowest))
        session = interop._session(onnx_model(calibrated).SerializeToString())
        (sure,) = session.run(["sure"], {"images": images})
        assert sure.tolist() == calibrated.calibration.are_sure(logits).tolist()
        assert 0 < sure.sum() < len(sure)
        assert lowest is None or (~sure & (likely >= threshold)).any()


def test_the_file_says_what_it_needs_and_gives(tmp_path: Path) -> None:
    classifier = classifier_of(build(SMALL, SHAPE, CLASSES, seed=1))
    classifier.save(tmp_path / "mine.safetensors")
    written = export_onnx(tmp_path / "mine.safetensors", tmp_path / "mine.onnx")
    assert (written.checked_on, written.images, written.opset) == ("random", 500, OPSET)
    assert written.largest_difference <= LARGEST_DIFFERENCE
    model = onnx.load(tmp_path / "mine.onnx")
    facts = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert facts["classes"] == list(classifier.classes)
    assert facts["framing"] == classifier.framing.to_json()
    assert facts["threshold"] == classifier.calibration.threshold
    assert [value.name for value in model.graph.output] == ["probabilities", "sure"]
    sizes = [size.dim_param or size.dim_value for size in model.graph.input[0].type.tensor_type.shape.dim]
    assert sizes == ["n", *SHAPE]


def test_a_file_that_gives_something_else_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier_of(build(SMALL, SHAPE, CLASSES, seed=1)).save(tmp_path / "mine.safetensors")
    given = interop.run_onnx
    monkeypatch.setattr(interop, "run_onnx", lambda *arguments: given(*arguments) + np.float32(1e-3))
    with pytest.raises(UsageError, match=r"differ from ours by up to 0\.001"):
        export_onnx(tmp_path / "mine.safetensors", tmp_path / "mine.onnx")
    assert not (tmp_path / "mine.onnx").exists()


def test_a_layer_that_onnx_has_no_nodes_for_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(KINDS.get("pool"), "to_onnx")
    with pytest.raises(UsageError, match="has layers that cannot be written as ONNX"):
        onnx_model(classifier_of(build(SMALL, SHAPE, CLASSES, seed=1)))
