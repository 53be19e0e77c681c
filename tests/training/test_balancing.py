"""Uneven classes: the weights are scikit-learn's, and an order that is balanced leaves no class behind."""

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from imagelet.training import balancing
from imagelet.training.balancing import balanced_order, balanced_weights

COUNTS = st.lists(st.integers(0, 60), min_size=2, max_size=6).filter(any)


def labels_of(counts: list[int]) -> np.ndarray:
    return np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))


@given(COUNTS)
def test_weights_are_scikit_learns_and_their_mean_over_the_images_is_1(counts: list[int]) -> None:
    labels = labels_of(counts)
    weights = balanced_weights(labels, len(counts))
    there = np.unique(labels)
    assert weights[there] == pytest.approx(compute_class_weight("balanced", classes=there, y=labels))
    assert weights[labels].mean() == pytest.approx(1)
    assert (weights[np.array(counts) == 0] == 0).all()


@given(COUNTS, st.integers(0, 100))
def test_an_order_has_every_class_and_each_of_its_images_equally_often_within_one(
    counts: list[int], seed: int
) -> None:
    labels = labels_of(counts)
    order = balanced_order(labels, np.random.default_rng(seed))
    assert len(order) == len(labels)
    of_class = np.bincount(labels[order], minlength=len(counts))[np.array(counts) > 0]
    assert of_class.max() - of_class.min() <= 1
    often = np.bincount(order, minlength=len(labels))
    for label in np.unique(labels):
        assert np.ptp(often[labels == label]) <= 1
    assert np.array_equal(order, balanced_order(labels, np.random.default_rng(seed)))


def test_another_epoch_leaves_other_images_of_a_large_class_out() -> None:
    labels = labels_of([90, 10])
    first, second = (set(balanced_order(labels, np.random.default_rng(seed))) for seed in (1, 2))
    assert len(first) == len(second) == 60
    assert first != second


def test_the_examples_in_the_docstrings() -> None:
    assert doctest.testmod(balancing).failed == 0
