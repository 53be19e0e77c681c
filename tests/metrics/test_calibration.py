"""Temperature and threshold, on networks whose true calibration is known."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax
from sklearn.calibration import calibration_curve

from imagelet.metrics.calibration import (
    HIGHEST_THRESHOLD,
    Calibration,
    fit_calibration,
    fit_temperature,
    fit_threshold,
    reliability_bins,
)
from imagelet.metrics.classification import calibration_error, evaluate_probabilities, wilson_interval

pytestmark = pytest.mark.portable


def boasting_network(
    temperature: float, images: int = 8000, seed: int = 0, skill: float = 1.5
) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are ``temperature`` times too large for how often they are right, and the labels."""
    generator = np.random.default_rng(seed)
    honest = generator.normal(0, skill, (images, 5))
    shares = softmax(honest, axis=1)
    labels = (shares.cumsum(axis=1) > generator.uniform(size=(images, 1))).argmax(axis=1)
    return honest * temperature, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 3.0])
def test_the_true_temperature_is_found(temperature: float) -> None:
    assert fit_temperature(*boasting_network(temperature)) == pytest.approx(temperature, rel=0.06)


@pytest.mark.parametrize("temperature", [0.7, 1.0, 2.2])
@pytest.mark.parametrize("images", [50, 300])
def test_no_other_temperature_makes_the_softened_labels_more_likely(temperature: float, images: int) -> None:
    logits, labels = boasting_network(temperature, images)
    doubt = 1 / (images + 2)
    targets = np.full((images, 5), doubt / 4)
    targets[np.arange(images), labels] = 1 - doubt
    tried = np.geomspace(0.25, 4, 4001)
    losses = [-(targets * log_softmax(logits / each, axis=1)).sum(axis=1).mean() for each in tried]
    assert fit_temperature(logits, labels) == pytest.approx(tried[np.argmin(losses)], rel=1e-3)


def test_the_temperature_follows_the_logits_scale_and_ignores_what_all_classes_share() -> None:
    logits, labels = boasting_network(1.0, images=500)
    expected = fit_temperature(logits, labels)
    assert fit_temperature(logits * 2, labels) == pytest.approx(2 * expected, rel=1e-4)
    shifted = logits + np.random.default_rng(0).normal(0, 50, (500, 1))
    assert fit_temperature(shifted, labels) == pytest.approx(expected, rel=1e-4)
    assert fit_temperature(logits.astype(np.float32), labels.astype(np.int32)) == pytest.approx(
        expected, rel=1e-4
    )
    assert fit_temperature(logits, labels) == expected


def test_the_found_temperature_lowers_the_loss_and_the_calibration_error_on_new_images() -> None:
    found = Calibration(fit_temperature(*boasting_network(2.5, seed=1)), threshold=0.5)
    logits, labels = boasting_network(2.5, seed=2)
    before = evaluate_probabilities(softmax(logits, axis=1), labels)
    after = evaluate_probabilities(found.probabilities(logits), labels)
    assert after.loss < before.loss
    assert after.calibration_error < 0.03 < before.calibration_error
    assert after.accuracy == before.accuracy


@pytest.mark.parametrize("temperature", [0.01, 1e6])
def test_the_temperature_stays_in_its_bounds(temperature: float) -> None:
    assert 0.25 <= fit_temperature(*boasting_network(temperature, images=500)) <= 4


def test_a_network_without_mistakes_is_not_driven_to_certainty() -> None:
    labels = np.arange(200) % 10
    for margin in (1.0, 6.0, 40.0):
        logits = np.eye(10)[labels] * margin
        found = Calibration(fit_temperature(logits, labels), 0.5)
        # Platt's rule: 200 of 200 right is evidence for 201/202, where the bounds let it be reached.
        certainty = found.probabilities(logits).max()
        assert certainty <= 201 / 202 + 1e-4 or found.temperature > 3.99


def test_logits_that_say_nothing_and_logits_that_are_huge_are_fitted_without_a_warning() -> None:
    labels = np.arange(100) % 4
    assert 0.25 <= fit_temperature(np.zeros((100, 4)), labels) <= 4
    assert fit_temperature(np.eye(4)[labels] * 1e30, labels) == pytest.approx(4, rel=1e-3)


def test_few_images_leave_the_temperature_and_the_threshold_alone() -> None:
    logits, labels = boasting_network(3.0, images=49)
    assert fit_temperature(logits, labels) == 1.0
    assert fit_calibration(logits, labels) == Calibration.none()
    assert fit_calibration(np.zeros((0, 5)), np.zeros(0, np.int64)) == Calibration.none()
    assert fit_calibration(*boasting_network(3.0, images=200)) != Calibration.none()


@given(st.integers(50, 400), st.integers(0, 1000))
@settings(deadline=None)
def test_at_most_three_in_a_hundred_right_answers_are_called_unsure(images: int, seed: int) -> None:
    logits, labels = boasting_network(1.0, images, seed)
    probabilities = softmax(logits * 4, axis=1)
    threshold = fit_threshold(probabilities, labels)
    confidences = probabilities.max(axis=1)
    right = confidences[probabilities.argmax(axis=1) == labels]
    if len(right) < 50:
        assert threshold == 0.5
        return
    assert threshold >= 0.5
    if threshold > 0.5:
        assert (right < threshold).sum() <= 0.03 * len(right)
    higher = np.unique(right[right > threshold])  # the next threshold up would call too many unsure
    if threshold < HIGHEST_THRESHOLD and len(higher):
        assert (right < higher[0]).sum() > 0.03 * len(right)


def test_what_is_more_likely_wrong_than_right_is_never_sure() -> None:
    logits, labels = boasting_network(1.0, skill=0.5)  # right in less than half of its answers
    assert fit_calibration(logits, labels).threshold == 0.5


@pytest.mark.parametrize("temperature", [0.5, 1.2])
def test_the_threshold_holds_for_the_calibrated_probabilities(temperature: float) -> None:
    logits, labels = boasting_network(temperature, images=2000, skill=8.0)
    calibration = fit_calibration(logits, labels)
    assert calibration.temperature == fit_temperature(logits, labels)
    shares = calibration.probabilities(logits)
    right = shares.max(axis=1)[shares.argmax(axis=1) == labels]
    unsure = np.count_nonzero(~calibration.are_sure(logits)[logits.argmax(axis=1) == labels])
    assert 0.03 * len(right) - 2 < unsure <= 0.03 * len(right)  # whom both doubt is counted once


def test_mistakes_and_their_probabilities_do_not_move_the_threshold() -> None:
    shares = np.linspace(0.5, 0.9, 100)
    right = np.stack([shares, 1 - shares], axis=1)
    labels = np.zeros(100, np.int64)
    expected = fit_threshold(right, labels)
    assert expected == pytest.approx(shares[3])
    wrong = np.tile([0.51, 0.49], (500, 1))
    both = np.concatenate([right, wrong]), np.concatenate([labels, np.ones(500, np.int64)])
    assert fit_threshold(*both) == expected


def test_fifty_right_answers_are_enough_and_forty_nine_are_not() -> None:
    shares = np.tile([0.8, 0.2], (50, 1))
    assert fit_threshold(shares, np.zeros(50, np.int64)) == 0.8
    assert fit_threshold(shares, np.array([1] + [0] * 49)) == 0.5
    assert fit_threshold(np.zeros((0, 2)), np.zeros(0, np.int64)) == 0.5


def test_a_threshold_never_calls_90_percent_unsure() -> None:
    probabilities = np.full((100, 2), [0.999, 0.001])
    assert fit_threshold(probabilities, np.zeros(100, np.int64)) == 0.9


def test_an_answer_at_the_threshold_is_sure() -> None:
    logits = np.log([[0.8, 0.2], [0.79, 0.21], [np.nan, np.nan]])
    threshold = float(Calibration(1.0, 0).probabilities(logits[:1]).max())
    assert Calibration(1.0, threshold).are_sure(logits).tolist() == [True, False, False]


def test_a_likely_answer_is_unsure_where_its_largest_logit_is_below_the_lowest_of_its_class() -> None:
    logits = np.array([[9.0, 1.0], [7.9, 0.0], [0.0, 7.9], [0.0, 5.9]])
    calibration = Calibration(1.0, 0.5, (8.0, 6.0))
    assert calibration.are_unlike(logits).tolist() == [False, True, False, True]
    assert calibration.are_sure(logits).tolist() == [True, False, True, False]
    assert Calibration(1.0, 0.5).are_sure(logits).all()


@given(st.floats(0.25, 4), st.integers(0, 1000))
@settings(deadline=None)
def test_probabilities_are_scipys_softmax_and_rows_have_a_sum_of_one(temperature: float, seed: int) -> None:
    logits = np.random.default_rng(seed).normal(0, 300, (4, 6)).astype(np.float32)
    found = Calibration(temperature, 0.5).probabilities(logits)
    assert found.dtype == np.float64
    assert np.allclose(found.sum(axis=1), 1, atol=1e-12)
    assert np.allclose(found, softmax(logits.astype(np.float64) / temperature, axis=1), atol=1e-12)
    oracle = log_softmax(logits.astype(np.float64) / temperature, axis=1)
    assert np.allclose(found, np.exp(oracle), atol=1e-12)


@pytest.mark.parametrize(
    ("logits", "labels", "complaint"),
    [
        (np.full((60, 3), np.nan), np.zeros(60, np.int64), "finite"),
        (np.full((60, 3), np.inf), np.zeros(60, np.int64), "finite"),
        (np.zeros((60, 3)), np.full(60, 3), "must be from 0 to 2"),
        (np.zeros((60, 3)), np.zeros(59, np.int64), "59 labels for 60 images"),
        (np.zeros((0, 3)), np.zeros(1, np.int64), "1 labels for 0 images"),
        (np.zeros(60), np.zeros(60, np.int64), "images, classes"),
    ],
)
def test_bad_arrays_are_refused(logits: np.ndarray, labels: np.ndarray, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        fit_calibration(logits, labels)


@given(
    st.floats(0.25, 4),
    st.floats(0, 1),
    st.none() | st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 3),
)
@settings(deadline=None)
def test_a_calibration_survives_json(
    temperature: float, threshold: float, lowest: tuple[float, ...] | None
) -> None:
    calibration = Calibration(temperature, threshold, lowest)
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration


@pytest.mark.parametrize(
    "content",
    [
        None,
        [1.0, 0.5],
        {},
        {"temperature": 1.0},
        {"temperature": 1.0, "threshold": 0.5, "more": 1},
        {"temperature": "1", "threshold": 0.5},
        {"temperature": True, "threshold": 0.5},
        {"temperature": 0.0, "threshold": 0.5},
        {"temperature": float("nan"), "threshold": 0.5},
        {"temperature": float("inf"), "threshold": 0.5},
        {"temperature": 1.0, "threshold": 1.5},
        {"temperature": 1.0, "threshold": float("nan")},
        {"temperature": 10**400, "threshold": 0.5},
    ],
)
def test_a_calibration_that_is_none_is_refused(content: object) -> None:
    with pytest.raises(ValueError, match=r"temperature|threshold"):
        Calibration.from_json(content)


# -- reliability --------------------------------------------------------------------------------------------


def some_answers(images: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator.dirichlet(np.ones(classes) / 2, images), generator.integers(0, classes, images)


def test_two_bins_by_hand() -> None:
    shares = np.array([[0.6, 0.4], [0.7, 0.3], [0.2, 0.8], [0.05, 0.95]])
    low, high = reliability_bins(shares, np.array([0, 1, 1, 1]), bins=4)
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
    found = reliability_bins(shares, np.array([0, 0]), bins=2)
    assert [(each.low, each.high, each.images) for each in found] == [(0.0, 0.5, 1), (0.5, 1.0, 1)]


@given(st.integers(1, 200), st.integers(2, 6), st.integers(1, 20), st.integers(0, 10_000))
@settings(deadline=None)
def test_their_mean_distance_is_the_calibration_error(
    images: int, classes: int, bins: int, seed: int
) -> None:
    shares, labels = some_answers(images, classes, seed)
    found = reliability_bins(shares, labels, bins)
    assert sum(each.images for each in found) == images
    error = sum(each.images * abs(each.confidence - each.accuracy) for each in found) / images
    right = shares.argmax(axis=1) == labels
    assert error == pytest.approx(calibration_error(shares.max(axis=1), right, bins), abs=1e-12)
    assert all(each.low < each.confidence <= each.high for each in found)
    assert all(each.interval.low <= each.accuracy <= each.interval.high for each in found)
    assert [each.low for each in found] == sorted(each.low for each in found)


def test_confidences_and_accuracies_are_scikit_learns() -> None:
    shares, labels = some_answers(500, 3, seed=4)
    found = reliability_bins(shares, labels, bins=10)
    right = shares.argmax(axis=1) == labels
    accuracies, confidences = calibration_curve(right, shares.max(axis=1), n_bins=10)
    assert [each.accuracy for each in found] == pytest.approx(accuracies)
    assert [each.confidence for each in found] == pytest.approx(confidences)
