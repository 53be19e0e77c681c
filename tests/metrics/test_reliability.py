"""The bins behind the calibration error, against it, against scikit-learn, and by hand."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from imagelet.metrics.classification import calibration_error, wilson_interval
from imagelet.metrics.reliability import find_reliability

pytestmark = pytest.mark.portable


def some_answers(images: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator.dirichlet(np.ones(classes) / 2, images), generator.integers(0, classes, images)


def test_two_bins_by_hand() -> None:
    shares = np.array([[0.6, 0.4], [0.7, 0.3], [0.2, 0.8], [0.05, 0.95]])
    low, high = find_reliability(shares, np.array([0, 1, 1, 1]), bins=4)
    assert (low.low, low.high, low.images) == (0.5, 0.75, 2)
    assert (low.confidence, low.accuracy) == (pytest.approx(0.65), 0.5)
    assert low.interval == wilson_interval(1, 2)
    assert (high.low, high.high, high.images) == (0.75, 1.0, 2)
    assert (high.confidence, high.accuracy) == (pytest.approx(0.875), 1.0)
    told = json.loads(json.dumps(high.to_json()))
    assert told["interval"] == list(wilson_interval(2, 2))
    assert list(told) == ["low", "high", "images", "confidence", "accuracy", "interval"]


def test_the_upper_end_belongs_to_a_bin() -> None:
    shares = np.array([[0.5, 0.5], [1.0, 0.0]])
    found = find_reliability(shares, np.array([0, 0]), bins=2)
    assert [(each.low, each.high, each.images) for each in found] == [(0.0, 0.5, 1), (0.5, 1.0, 1)]


@given(st.integers(1, 200), st.integers(2, 6), st.integers(1, 20), st.integers(0, 10_000))
@settings(deadline=None)
def test_their_mean_distance_is_the_calibration_error(
    images: int, classes: int, bins: int, seed: int
) -> None:
    shares, labels = some_answers(images, classes, seed)
    found = find_reliability(shares, labels, bins)
    assert sum(each.images for each in found) == images
    error = sum(each.images * abs(each.confidence - each.accuracy) for each in found) / images
    right = shares.argmax(axis=1) == labels
    assert error == pytest.approx(calibration_error(shares.max(axis=1), right, bins), abs=1e-12)
    assert all(each.low < each.confidence <= each.high for each in found)
    assert all(each.interval.low <= each.accuracy <= each.interval.high for each in found)
    assert [each.low for each in found] == sorted(each.low for each in found)


def test_confidences_and_accuracies_are_scikit_learns() -> None:
    shares, labels = some_answers(500, 3, seed=4)
    found = find_reliability(shares, labels, bins=10)
    right = shares.argmax(axis=1) == labels
    accuracies, confidences = calibration_curve(right, shares.max(axis=1), n_bins=10)
    assert [each.accuracy for each in found] == pytest.approx(accuracies)
    assert [each.confidence for each in found] == pytest.approx(confidences)
