"""Ranges for colours, histograms and short numbers."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelet.explanation.spread import ValueRange, histogram, rounded

finite = st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False)


@given(finite, finite)
def test_a_range_holds_its_numbers_and_zero(one: float, other: float) -> None:
    low, high = sorted((one, other))
    found = ValueRange.of(low, high)
    assert found.low <= min(low, 0) <= max(high, 0) <= found.high
    assert found.signed == (low < 0 < high)
    assert (found.low == -found.high) if found.signed else (found.low == 0 or found.high == 0)
    assert found.to_json() == {"low": found.low, "high": found.high, "signed": found.signed}


def test_a_histogram_counts_by_hand() -> None:
    found = histogram(np.array([[0, 0, 1], [2, 4, 5]]), bins=5)
    assert found.counts.tolist() == [2, 1, 1, 0, 2]
    assert found.edges.tolist() == [0, 1, 2, 3, 4, 5]
    assert (found.mean, found.number, found.zeros) == (2, 6, 2)
    assert found.standard_deviation == pytest.approx(np.std([0, 0, 1, 2, 4, 5]))
    assert json.loads(json.dumps(found.to_json()))["edges"] == [0, 1, 2, 3, 4, 5]


@given(st.lists(finite, min_size=1, max_size=30), st.integers(1, 9))
def test_a_histogram_counts_every_value(numbers: list[float], bins: int) -> None:
    found = histogram(np.array(numbers, np.float32), bins)
    assert found.counts.sum() == found.number == len(numbers)
    assert (np.diff(found.edges) > 0).all()


@pytest.mark.parametrize("number", [0.0, 7.0, -1e25])
def test_of_one_number_the_histogram_has_it_in_the_middle(number: float) -> None:
    found = histogram(np.full(4, number, np.float32), bins=3)
    assert found.counts.tolist() == [0, 4, 0]


def test_rounded_numbers_are_short_and_near() -> None:
    assert rounded(np.array([0.1234567, -98765.4321, 0, 1e-7 / 3])).tolist() == [
        0.123457,
        -98765.4,
        0,
        3.33333e-08,
    ]
    exact = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    np.testing.assert_allclose(rounded(exact), exact, rtol=5e-6)
