"""Several trainings taken together, against scipy, statistics and numbers worked out by hand."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from imagelet.metrics.classification import wilson_interval
from imagelet.metrics.repetition import pooled, spread

pytestmark = pytest.mark.portable

SHARES = st.lists(st.floats(0.3, 0.7), min_size=2, max_size=12).filter(lambda shares: len(set(shares)) > 1)


@given(SHARES)
def test_the_spread_is_students(shares: list[float]) -> None:
    found = spread(shares)
    assert found.mean == pytest.approx(statistics.mean(shares))
    assert found.standard_deviation == pytest.approx(statistics.stdev(shares), abs=1e-9)
    low, high = stats.t.interval(0.95, len(shares) - 1, found.mean, stats.sem(shares))
    assert found.interval == pytest.approx((max(0, low), min(1, high)), abs=1e-9)


def test_the_interval_of_three_seeds_by_hand() -> None:
    # t for 2 degrees of freedom at 95 % is 4.303; the deviation is 0.02, its root of 3 1.732
    found = spread([0.90, 0.92, 0.94])
    assert found.standard_deviation == pytest.approx(0.02)
    assert found.interval == pytest.approx(
        (0.92 - 4.3027 * 0.02 / 1.7321, 0.92 + 4.3027 * 0.02 / 1.7321), abs=1e-5
    )


def test_an_interval_ends_where_shares_do() -> None:
    assert spread([0.9, 1.0]).interval.high == 1.0
    assert spread([0.0, 0.1]).interval.low == 0.0


def test_equal_accuracies_have_no_spread() -> None:
    found = spread([0.1, 0.1, 0.1])
    assert (found.mean, found.standard_deviation, found.interval) == (0.1, 0.0, (0.1, 0.1))


@pytest.mark.parametrize("shares", [[], [0.5]])
def test_one_training_tells_nothing_of_others(shares: list[float]) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        spread(shares)


def test_folds_are_counted_together_image_by_image() -> None:
    found = pooled([9, 5], [10, 30])
    assert (found.images, found.accuracy) == (40, 14 / 40)  # not the mean of 0.9 and 1/6
    assert found.interval == wilson_interval(14, 40)
