"""Paired differences against published tables, hand-worked numbers, and all outcomes that there can be."""

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import minimize_scalar
from scipy.stats import multinomial, norm

from imagelet.metrics.classification import wilson_interval
from imagelet.metrics.comparison import (
    compare_predictions,
    disagreements,
    exact_mcnemar,
    holm,
    paired_interval,
    pooled,
    spread,
)

pytestmark = pytest.mark.portable

Z = norm.ppf(0.975)


def answers(both_correct: int, only_a: int, only_b: int, both_wrong: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the right answers of a and of b, mixed, with these counts."""
    counts = (both_correct, only_a, only_b, both_wrong)
    order = np.random.default_rng(0).permutation(sum(counts))
    a = np.repeat([True, True, False, False], counts)[order]
    return a, np.repeat([True, False, True, False], counts)[order]


# -- published tables ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "difference", "interval", "p"),
    [
        # Tango's interval and the exact p as the R package contingencytables prints them for a table of
        # M. W. Fagerland, S. Lydersen and P. Laake, "Statistical Analysis of Contingency Tables" (2017),
        # chapter 8; p1 - p2 there is a's accuracy minus b's.
        ((59, 6, 16, 80), 0.0621, (0.0054, 0.1240), 0.052479),  # Cavo et al. (2012)
    ],
)
def test_published_tables_come_out(
    counts: tuple[int, int, int, int], difference: float, interval: tuple[float, float], p: float
) -> None:
    found = compare_predictions(*answers(*counts))
    assert (found.both_correct, found.only_a, found.only_b, found.both_wrong) == counts
    assert found.images == sum(counts)
    assert found.difference == pytest.approx(difference, abs=5e-5)
    assert found.interval == pytest.approx(interval, abs=5e-5)
    assert found.p == pytest.approx(p, abs=5e-7)


# -- hand-worked numbers -------------------------------------------------------------------------------------


def test_mcnemars_p_is_that_of_a_fair_coin() -> None:
    """One head of eight: 2 (1 + 8) of 256 outcomes are as uneven or more."""
    assert exact_mcnemar(1, 7) == exact_mcnemar(7, 1) == pytest.approx(18 / 256)
    assert exact_mcnemar(0, 5) == pytest.approx(2 / 32)
    assert exact_mcnemar(0, 1) == exact_mcnemar(4, 4) == exact_mcnemar(0, 0) == 1.0


@pytest.mark.parametrize("images", [1, 2, 44, 10_000, 10**7])
def test_without_an_image_that_only_one_gets_right_the_interval_still_has_a_width(images: int) -> None:
    """No such image: the statistic is n d / sqrt(n d (1 - d)), which is z where d = z² / (n + z²)."""
    end = Z**2 / (images + Z**2)
    assert paired_interval(0, 0, images) == pytest.approx((-end, end), rel=1e-4)


def test_of_one_image_nothing_is_known() -> None:
    right, wrong = np.array([True]), np.array([False])
    alike = compare_predictions(right, right)
    assert (alike.difference, alike.p) == (0, 1)
    assert alike.interval == pytest.approx((-0.7935, 0.7935), abs=5e-5)  # 3.8415 / 4.8415
    better = compare_predictions(wrong, right)
    assert (better.difference, better.p, better.only_b, better.interval.high) == (1, 1, 1, 1)
    assert -1 < better.interval.low < 0


def test_the_ends_are_where_the_statistic_reaches_z() -> None:
    """Checked with the likeliest shares found by search, of which the code knows a formula."""
    for only_a, only_b, images in ((3, 9, 50), (0, 4, 30), (5, 0, 12), (40, 20, 160), (5, 8, 60_000)):
        for end in paired_interval(only_a, only_b, images):
            share = likeliest(only_a, only_b, images, end)
            deviation = math.sqrt(images * (2 * share + end - end**2))
            assert abs(only_b - only_a - images * end) / deviation == pytest.approx(Z, abs=2e-3)


def likeliest(only_a: int, only_b: int, images: int, difference: float) -> float:
    """Return the likeliest share of images that only a gets right, if b is better by ``difference``."""
    others = images - only_a - only_b

    def unlikeliness(share: float) -> float:
        pairs = ((only_a, share), (only_b, share + difference), (others, 1 - 2 * share - difference))
        return -sum(count * math.log(max(each, 1e-300)) for count, each in pairs if count)

    bounds = (max(0.0, -difference), (1 - difference) / 2)
    # a fine search near the lower end, where the share of a good classifier lies
    grid = bounds[0] + (bounds[1] - bounds[0]) * np.linspace(0, 1, 4001) ** 3
    best = int(np.argmin([unlikeliness(share) for share in grid]))
    around = (grid[max(0, best - 1)], grid[min(4000, best + 1)])
    return float(minimize_scalar(unlikeliness, bounds=around, method="bounded", options={"xatol": 1e-12}).x)


def test_holms_correction() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx(
        (0.03, 0.06, 0.06)
    )  # 3 x, then 2 x 0.03, which 0.04 meets
    assert holm([0.2]) == (0.2,)
    assert holm([0.9, 0.5, 1.0]) == (1.0, 1.0, 1.0)
    assert holm([0.02, 0.02]) == (0.04, 0.04)
    assert holm([]) == ()


# -- what must always hold -----------------------------------------------------------------------------------

counts = st.tuples(*[st.integers(0, 60)] * 4).filter(any)


@given(counts)
def test_the_interval_holds_the_difference_and_stays_in_range(table: tuple[int, int, int, int]) -> None:
    found = compare_predictions(*answers(*table))
    low, high = found.interval
    assert -1 <= low <= found.difference <= high <= 1
    assert low < high
    assert 0 < found.p <= 1


@given(counts)
def test_changing_places_changes_the_sign(table: tuple[int, int, int, int]) -> None:
    a, b = answers(*table)
    one, other = compare_predictions(a, b), compare_predictions(b, a)
    assert other.difference == -one.difference
    assert other.interval == pytest.approx((-one.interval.high, -one.interval.low), abs=1e-11)
    assert other.p == pytest.approx(one.p)


@given(counts)
def test_the_interval_leaves_0_out_where_mcnemars_statistic_is_beyond_z(
    table: tuple[int, int, int, int],
) -> None:
    _, only_a, only_b, _ = table
    if only_a + only_b:
        statistic = abs(only_b - only_a) / math.sqrt(only_a + only_b)
        low, high = paired_interval(only_a, only_b, sum(table))
        assert (low > 0 or high < 0) == (statistic > Z)


def test_more_confidence_makes_it_wider() -> None:
    narrow, usual, wide = (paired_interval(4, 11, 90, confidence) for confidence in (0.8, 0.95, 0.99))
    assert wide.low < usual.low < narrow.low < 7 / 90 < narrow.high < usual.high < wide.high


@pytest.mark.parametrize("images", [20, 100])
def test_the_interval_holds_the_true_difference_in_95_of_100_cases(images: int) -> None:
    """Exactly: the probabilities of all outcomes whose interval holds the truth, added up."""
    pairs = [(a, b) for a, b in itertools.product(range(images + 1), repeat=2) if a + b <= images]
    intervals = np.array([paired_interval(a, b, images) for a, b in pairs])
    outcomes = np.array([(a, b, images - a - b) for a, b in pairs])
    found = []
    for a, b in itertools.combinations_with_replacement((0.01, 0.02, 0.05, 0.1, 0.2), 2):
        likely = multinomial.pmf(outcomes, images, (a, b, 1 - a - b))
        assert likely.sum() == pytest.approx(1)
        holds = (intervals[:, 0] <= b - a) & (b - a <= intervals[:, 1])
        found.append(likely[holds].sum())
    assert min(found) > 0.92
    assert 0.945 < np.mean(found) < 0.985


# -- on what they disagree -----------------------------------------------------------------------------------


def test_the_surest_disagreement_comes_first() -> None:
    said = np.array([[1, 2, 3, 4, 5], [1, 0, 0, 0, 0]])
    sure = np.array([[0.9, 0.99, 0.7, 0.8, 0.4], [0.9, 0.5, 0.8, 0.9, 0.3]])
    assert disagreements(said, sure).tolist() == [3, 2, 1, 4]  # 0.8, 0.7, 0.5, 0.3; the first is none


def test_of_three_the_surest_against_the_surest_counts() -> None:
    said = np.array([[1, 1, 1, 1], [1, 1, 1, 1], [2, 1, 2, 2]])
    sure = np.array([[0.9, 0.9, 0.5, 0.3], [0.8, 0.9, 0.4, 0.8], [0.6, 0.9, 0.95, 0.8]])
    assert disagreements(said, sure).tolist() == [
        3,
        0,
        2,
    ]  # 0.8 against 0.8, 0.9 against 0.6, 0.95 against 0.5


def test_among_equals_the_first_comes_first_and_agreement_is_none() -> None:
    said = np.array([[0, 0, 0], [1, 1, 1]])
    assert disagreements(said, np.full((2, 3), 0.5)).tolist() == [0, 1, 2]
    assert disagreements(said[:1], np.ones((1, 3))).tolist() == []
    assert disagreements(np.zeros((2, 0), int), np.zeros((2, 0))).tolist() == []


# -- what is refused -----------------------------------------------------------------------------------------


def test_what_cannot_be_compared_is_refused() -> None:
    three = np.array([True, False, True])
    with pytest.raises(ValueError, match="3 and 2 predictions"):
        compare_predictions(three, three[:2])
    with pytest.raises(ValueError, match="0 and 0 predictions"):
        compare_predictions(three[:0], three[:0])
    with pytest.raises(ValueError, match="must be bool"):
        compare_predictions(three.astype(int), three)
    for only_a, only_b, images in ((2, 2, 3), (-1, 0, 3), (0, 0, 0)):
        with pytest.raises(ValueError, match="images: must be"):
            paired_interval(only_a, only_b, images)
    with pytest.raises(ValueError, match=r"confidence of 1\.0"):
        paired_interval(1, 2, 9, 1.0)
    with pytest.raises(ValueError, match="must be alike"):
        disagreements(np.zeros((2, 3)), np.zeros((2, 4)))


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
