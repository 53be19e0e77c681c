"""Novelty: what is unlike the training images, by largest logits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from imagelet.metrics.novelty import PRIOR, UNLIKE, are_unlike, fit_lowest_logits


def answers(
    images: int, seed: int = 0, heights: tuple[float, ...] = (8, 12, 10)
) -> tuple[np.ndarray, np.ndarray]:
    """Return correct logits float32 (n, k) of classes whose largest logits differ, and labels."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, len(heights), images)
    logits = generator.normal(0, 0.1, (images, len(heights)))
    logits[np.arange(images), labels] = np.array(heights)[labels] + generator.normal(0, 1, images)
    return logits.astype(np.float32), labels


@given(st.integers(50, 600), st.integers(0, 1000))
@settings(deadline=None)
def test_few_of_the_correct_predictions_are_unlike(images: int, seed: int) -> None:
    logits, labels = answers(images, seed)
    lowest = fit_lowest_logits(logits, labels)
    assert lowest is not None
    assert np.count_nonzero(are_unlike(logits, lowest)) <= UNLIKE * images


def test_each_class_has_its_own_mean_and_all_have_one_margin() -> None:
    logits, labels = answers(30_000)
    lowest = fit_lowest_logits(logits, labels)
    assert lowest is not None
    assert np.diff(lowest) == pytest.approx([4, -2], abs=0.1)
    assert lowest[0] == pytest.approx(8 + norm.ppf(UNLIKE), abs=0.1)


def test_the_mean_of_a_class_without_predictions_is_that_of_all() -> None:
    logits, labels = answers(100, heights=(8, 12))
    logits = np.concatenate([logits, np.zeros((100, 1), np.float32)], axis=1)
    lowest = fit_lowest_logits(logits, labels)
    assert lowest is not None
    largest = logits.max(axis=1).astype(np.float64)
    ones = labels == 1
    mean = (largest[ones].sum() + PRIOR * largest.mean()) / (ones.sum() + PRIOR)
    assert lowest[1] - lowest[2] == pytest.approx(mean - largest.mean())


def test_wrong_predictions_do_not_count() -> None:
    logits, labels = answers(200)
    wrong = np.tile(np.float32([[1, 2, 3]]), (50, 1))
    both = np.concatenate([logits, wrong]), np.concatenate([labels, np.zeros(50, np.int64)])
    assert fit_lowest_logits(*both) == fit_lowest_logits(logits, labels)


def test_fifty_correct_predictions_are_enough_and_forty_nine_are_not() -> None:
    logits, labels = answers(50)
    assert fit_lowest_logits(logits, labels) is not None
    assert fit_lowest_logits(logits[1:], labels[1:]) is None
    assert fit_lowest_logits(np.zeros((0, 3), np.float32), np.zeros(0, np.int64)) is None


def test_the_lowest_logit_itself_is_not_unlike() -> None:
    logits = np.array([[3.0, 1.0], [np.nextafter(3.0, 0), 1.0], [0.0, 1.0]])
    assert are_unlike(logits, (3.0, 1.0)).tolist() == [False, True, False]
