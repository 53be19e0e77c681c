import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from imagelet.preprocessing.normalization import SMALLEST_STD, Normalization

pytestmark = pytest.mark.portable


def drawn(channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (50, 7, 9, channels)).astype(np.uint8)


@given(st.sampled_from([1, 3]), st.integers(0, 50))
def test_standardized_images_have_mean_zero_and_standard_deviation_one_in_each_channel(channels, seed):
    images = drawn(channels, seed)
    normalization = Normalization.of(images, "standardize")
    assert normalization.mean == pytest.approx((images / 255).mean((0, 1, 2)))
    assert normalization.std == pytest.approx((images / 255).std((0, 1, 2)))
    result = normalization.apply(torch.from_numpy(images)).double()
    assert result.mean((0, 2, 3)).numpy() == pytest.approx(0, abs=1e-5)
    assert result.std((0, 2, 3), correction=0).numpy() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_scaling_divides_by_255_and_channels_come_first_in_shape_and_last_in_memory(channels):
    images = drawn(channels)
    result = Normalization.of(images, "scale").apply(torch.from_numpy(images))
    assert result.shape == (50, channels, 7, 9)
    assert result.dtype == torch.float32
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert result.numpy() == pytest.approx(images.transpose(0, 3, 1, 2) / 255, abs=1e-7)


def test_images_of_one_colour_are_not_divided_by_zero():
    normalization = Normalization.of(np.full((4, 5, 5, 1), 77, np.uint8), "standardize")
    assert normalization.std == (SMALLEST_STD,)


def test_measuring_in_parts_changes_nothing(monkeypatch):
    images = drawn(3)
    whole = Normalization.of(images, "standardize")
    monkeypatch.setattr("imagelet.preprocessing.normalization.MEASURED_AT_ONCE", 100)
    parts = Normalization.of(images, "standardize")
    assert parts.mean == pytest.approx(whole.mean)
    assert parts.std == pytest.approx(whole.std)


def test_json_and_back():
    normalization = Normalization((0.1, 0.2, 1 / 3), (0.5, 1.0, 2.0))
    assert Normalization.from_json(normalization.to_json()) == normalization


@pytest.mark.parametrize(
    "content",
    [
        None,
        {},
        {"mean": [0.0]},
        {"mean": [0.0], "std": [0.0]},
        {"mean": [0.0], "std": [1.0, 1.0]},
        {"mean": [float("nan")], "std": [1.0]},
        {"mean": [], "std": []},
        {"mean": ["0"], "std": [1.0]},
        {"mean": [True], "std": [1.0]},
        {"mean": [0.0], "std": [1.0], "more": 1},
    ],
)
def test_anything_else_is_refused(content):
    with pytest.raises(ValueError, match=r"normalization|mean"):
        Normalization.from_json(content)
