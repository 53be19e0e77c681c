"""Framing inside an ONNX graph: pictures of any size become the images that our own framing makes of them."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from PIL import Image

import imagelet
from imagelet.classifier.classifier import Classifier
from imagelet.errors import UsageError
from imagelet.interop import onnx as interop
from imagelet.interop.onnx import LARGEST_MEAN_DIFFERENCE, export_onnx, onnx_model, with_framing
from imagelet.interop.onnx_framing import OFFERED, add_framing
from imagelet.metrics.calibration import Calibration
from imagelet.networks import build
from imagelet.networks.onnx_graph import OnnxGraph
from imagelet.preprocessing.framing import Framing, frame, framings
from imagelet.preprocessing.normalization import Normalization

SHAPES = ((28, 28, 1), (32, 32, 3), (20, 33, 3))
NETWORK = "conv(4, 3x3, same, stride=2) relu flatten dense(classes)"


@functools.cache
def session_of(kind: str, shape: tuple[int, int, int]) -> Any:
    """Return a runtime that only frames."""
    graph = OnnxGraph()
    framed, _ = add_framing(graph, Framing(kind, *shape))
    pictures = helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", "height", "width", 3])
    outputs = {framed: helper.make_tensor_value_info("framed", TensorProto.UINT8, ["n", *shape])}
    return interop._session(interop._model(graph, [pictures], outputs).SerializeToString())


def classifier_of(kind: str) -> Classifier:
    return Classifier(
        network=build(NETWORK, (28, 28, 1), 3, seed=1),
        classes=("a", "b", "c"),
        framing=Framing(kind, 28, 28, 1),
        normalization=Normalization((0.3,), (0.5,)),
        calibration=Calibration(temperature=1.5, threshold=0.1),
        training={},
    )


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Return a picture that is harder than any photograph: every pixel differs from its neighbours."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def photograph(height: int, width: int) -> np.ndarray:
    """Return a picture as smooth as photographs are, uint8 (height, width, 3)."""
    return np.asarray(Image.fromarray(noise(6, 6)).resize((width, height), Image.Resampling.BICUBIC))


def difference(picture: np.ndarray, framing: Framing) -> np.ndarray:
    """Return by how many grey levels the graph's image of a picture differs from ours, everywhere."""
    session = session_of(framing.kind, framing.shape)
    (framed,) = session.run(["framed"], {"pictures": picture[np.newaxis]})
    return np.abs(framed[0].astype(int) - frame(picture, framing))


@pytest.mark.parametrize("kind", OFFERED)
@pytest.mark.parametrize("shape", SHAPES)
class TestOffered:
    @given(height=st.integers(24, 90), width=st.integers(24, 90), seed=st.integers(0, 999))
    @settings(max_examples=60, derandomize=True)
    def test_any_small_picture_is_framed_as_by_us(
        self, kind: str, shape: tuple[int, int, int], height: int, width: int, seed: int
    ) -> None:
        apart = difference(noise(height, width, seed), Framing(kind, *shape))
        assert apart.mean() <= LARGEST_MEAN_DIFFERENCE

    @given(height=st.integers(1, 90), width=st.integers(1, 23), seed=st.integers(0, 999))
    @settings(max_examples=60, derandomize=True)
    def test_noise_of_a_few_pixels_across_is_framed_nearly_so(
        self, kind: str, shape: tuple[int, int, int], height: int, width: int, seed: int
    ) -> None:
        # Pillow scales such a picture down before it widens it, and rounds in between; the graph does not.
        apart = difference(noise(height, width, seed), Framing(kind, *shape))
        assert apart.mean() <= 2 * LARGEST_MEAN_DIFFERENCE

    @pytest.mark.parametrize("size", [(300, 200), (200, 300), (480, 640), (1237, 911), (40, 1500)])
    def test_a_photograph_is_framed_as_by_us(
        self, kind: str, shape: tuple[int, int, int], size: tuple[int, int]
    ) -> None:
        apart = difference(photograph(*size), Framing(kind, *shape))
        assert apart.mean() <= 0.3
        assert apart.max() <= 2

    def test_several_pictures_of_one_size_are_framed_at_once(
        self, kind: str, shape: tuple[int, int, int]
    ) -> None:
        pictures = np.stack([noise(50, 70, seed) for seed in range(3)])
        (together,) = session_of(kind, shape).run(["framed"], {"pictures": pictures})
        for picture, framed in zip(pictures, together, strict=True):
            (alone,) = session_of(kind, shape).run(["framed"], {"pictures": picture[np.newaxis]})
            np.testing.assert_array_equal(framed, alone[0])


@pytest.mark.parametrize("kind", OFFERED)
def test_a_file_takes_pictures_and_answers_as_we_do(kind: str, tmp_path: Path) -> None:
    classifier = classifier_of(kind)
    classifier.save(tmp_path / "mine.safetensors")
    written = export_onnx(tmp_path / "mine.safetensors", tmp_path / "mine.onnx", pictures=True)
    assert written.framed is not None
    assert written.framed.mean_difference <= LARGEST_MEAN_DIFFERENCE
    model = onnx.load(tmp_path / "mine.onnx")
    assert [value.name for value in model.graph.input] == ["pictures"]
    assert [value.name for value in model.graph.output] == ["probabilities", "sure", "framed"]
    assert "classes" in {entry.key for entry in model.metadata_props}
    session = onnxruntime.InferenceSession(tmp_path / "mine.onnx")
    for picture in (photograph(120, 90), noise(28, 28), np.full((30, 40, 3), 77, np.uint8)):
        probabilities, sure, framed = session.run(None, {"pictures": picture[np.newaxis]})
        np.testing.assert_allclose(probabilities, classifier.predict_proba(framed), atol=1e-4)
        assert sure.tolist() == [prediction.sure for prediction in classifier.predict(picture)]


@pytest.mark.parametrize("kind", sorted(set(framings) - set(OFFERED)))
def test_framings_that_do_more_than_resize_are_refused(kind: str, tmp_path: Path) -> None:
    classifier_of(kind).save(tmp_path / "mine.safetensors")
    with pytest.raises(UsageError, match=f"fit, crop, half-crop, stretch; '{kind}' does more than resize"):
        export_onnx(tmp_path / "mine.safetensors", tmp_path / "mine.onnx", pictures=True)
    assert not (tmp_path / "mine.onnx").exists()


def test_a_file_that_frames_otherwise_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier_of("fit").save(tmp_path / "mine.safetensors")
    monkeypatch.setattr(interop, "frame", lambda picture, framing: frame(255 - picture, framing))
    with pytest.raises(UsageError, match="what onnxruntime frames differs from ours by up to"):
        export_onnx(tmp_path / "mine.safetensors", tmp_path / "mine.onnx", pictures=True)
    assert not (tmp_path / "mine.onnx").exists()


@pytest.mark.slow
def test_eight_bits_and_pictures_go_together(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (150, 12, 12, 3), dtype=np.uint8)
    labels = np.arange(150) % 3
    finished = imagelet.train(images, labels, network=NETWORK, epochs=1, validation=0.2, name="small")
    written = export_onnx(finished, tmp_path / "small.onnx", int8=True, pictures=True)
    assert written.quantized is not None
    assert written.framed is not None
    session = onnxruntime.InferenceSession(tmp_path / "small.onnx")
    probabilities, *_ = session.run(None, {"pictures": photograph(60, 80)[np.newaxis]})
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_what_is_put_before_a_model_leaves_it_as_it_is() -> None:
    classifier = classifier_of("fit")
    plain = onnx_model(classifier)
    both = onnx.load_from_string(with_framing(plain.SerializeToString(), classifier.framing))
    assert {entry.name for entry in plain.graph.initializer} <= {
        entry.name for entry in both.graph.initializer
    }
    assert both.producer_version == plain.producer_version
