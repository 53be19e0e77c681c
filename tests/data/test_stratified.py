"""Shares of images are scikit-learn's to the index, of any labels, fraction and seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from imagelet.data.stratified import shuffled_split, stratified_split

SEEDS = st.integers(0, 2**32 - 1)


@given(st.lists(st.integers(2, 40), min_size=1, max_size=12), st.floats(0.05, 0.95), SEEDS)
def test_a_stratified_share_is_scikit_learns(counts: list[int], fraction: float, seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)) * 3, counts)  # classes may be missing
    labels = np.random.default_rng(seed).permutation(labels)
    try:
        expected = train_test_split(
            np.arange(len(labels)), test_size=fraction, random_state=seed, stratify=labels
        )
    except ValueError:  # a side has no room for every class
        return
    for side, expected_side in zip(stratified_split(labels, fraction, seed), expected, strict=True):
        np.testing.assert_array_equal(side, expected_side)


@given(st.integers(2, 300), st.floats(0.05, 0.95), SEEDS)
def test_a_shuffled_share_is_scikit_learns(count: int, fraction: float, seed: int) -> None:
    try:
        expected = train_test_split(np.arange(count), test_size=fraction, random_state=seed)
    except ValueError:  # nothing would stay
        return
    for side, expected_side in zip(shuffled_split(count, fraction, seed), expected, strict=True):
        np.testing.assert_array_equal(side, expected_side)


@pytest.mark.parametrize("last", [9, 70_000])
def test_classes_beyond_16_bits_are_sorted_as_well(last: int) -> None:
    labels = np.array([0, last] * 10)
    train, rest = stratified_split(labels, 0.25, 3)
    assert sorted(np.bincount(labels[rest])[[0, last]]) == [2, 3]
    assert sorted([*train, *rest]) == list(range(20))
