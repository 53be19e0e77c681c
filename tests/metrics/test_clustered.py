"""An accuracy's interval counted by source: against hand-worked sums, SciPy and simulated people."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from imagelet.metrics.classification import Interval, wilson_interval, wilson_score
from imagelet.metrics.clustered import clustered_interval

pytestmark = pytest.mark.portable


def by_source(table: list[tuple[int, int]]) -> tuple[np.ndarray, list[str]]:
    """Return right or not, and the source, of each image; ``table``: for each source right ones, images."""
    right = [place < found for found, images in table for place in range(images)]
    return np.array(right), [
        f"person {index}" for index, (_, images) in enumerate(table) for _ in range(images)
    ]


def interval(*table: tuple[int, int], confidence: float = 0.95) -> Interval:
    return clustered_interval(*by_source(list(table)), confidence)


def deviations(freedom: int, confidence: float = 0.95) -> float:
    return float(student.ppf((1 + confidence) / 2, freedom))


def length(found: Interval) -> float:
    return found.high - found.low


TABLES = st.lists(
    st.integers(1, 9).flatmap(lambda images: st.tuples(st.integers(0, images), st.just(images))),
    min_size=2,
    max_size=12,
)


@given(TABLES, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
@settings(deadline=None, max_examples=50)
def test_the_interval_holds_the_share_and_is_no_narrower_than_wilsons(
    table: list[tuple[int, int]], confidence: float
) -> None:
    right, images = (sum(column) for column in zip(*table, strict=True))
    low, high = interval(*table, confidence=confidence)
    plain = wilson_interval(right, images, confidence)
    assert 0 <= low <= plain.low + 1e-12
    assert plain.high - 1e-12 <= high <= 1
    assert low <= right / images <= high


@given(TABLES, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=50)
def test_neither_the_order_nor_the_names_matter(
    table: list[tuple[int, int]], drawn: np.random.Generator
) -> None:
    right, sources = by_source(table)
    order = list(range(len(right)))
    drawn.shuffle(order)
    renamed = [f"{sources[place][::-1]}!" for place in order]
    assert clustered_interval(right[order], renamed) == pytest.approx(clustered_interval(right, sources))


@given(TABLES)
@settings(deadline=None, max_examples=50)
def test_the_interval_of_the_mistakes_mirrors_that_of_the_right_answers(table: list[tuple[int, int]]) -> None:
    right, sources = by_source(table)
    low, high = clustered_interval(right, sources)
    assert clustered_interval(~right, sources) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@pytest.mark.parametrize(("right", "images"), [(3, 8), (26, 30), (200, 400)])
def test_one_image_a_source_gives_wilsons_interval_by_students_t_with_one_image_less(
    right: int, images: int
) -> None:
    found = interval(*[(1, 1)] * right, *[(0, 1)] * (images - right))
    expected = wilson_score(right / images, images - 1, deviations(images - 1))
    assert found == pytest.approx(expected, abs=1e-12)
    assert found == pytest.approx(wilson_interval(right, images), abs=0.6 / images)


@given(st.integers(2, 10), st.integers(2, 9), st.data())
@settings(deadline=None, max_examples=50)
def test_sources_of_one_size_are_worth_the_variance_of_their_means(
    sources: int, images: int, data: st.DataObject
) -> None:
    found = np.array(data.draw(st.lists(st.integers(0, images), min_size=sources, max_size=sources)))
    assume(np.ptp(found) > 0)
    means = found / images
    share = float(means.mean())
    effective = share * (1 - share) / (means.var(ddof=1) / sources)
    expected = wilson_score(share, min(effective, sources * images), deviations(sources - 1))
    assert interval(*[(int(each), images) for each in found]) == pytest.approx(expected, abs=1e-9)


def test_two_sources_worked_by_hand() -> None:
    """Right are 3 and 1 of 4: each source is 1 from half, variance 2/1 · 2/64 = 1/16, so 4 of 8 count."""
    assert interval((3, 4), (1, 4)) == pytest.approx(wilson_score(0.5, 4, deviations(1)))


def test_sources_that_agree_within_themselves_count_as_one_image_each() -> None:
    """Ten people, each with twenty pictures that are all right or all wrong, tell what ten pictures tell."""
    alike = interval(*[(20, 20)] * 7, *[(0, 20)] * 3)
    assert alike == pytest.approx(interval(*[(1, 1)] * 7, *[(0, 1)] * 3))
    assert length(alike) > 3 * length(wilson_interval(140, 200))


def test_sources_that_differ_less_than_chance_count_no_image_twice() -> None:
    found = interval(*[(4, 8), (5, 8)] * 10)
    assert found == pytest.approx(wilson_score(90 / 160, 160, deviations(19)))


@pytest.mark.parametrize("share", [0, 1])
def test_where_all_agree_as_many_are_counted_as_there_are_sources(share: int) -> None:
    few, many = (interval(*[(share * images, images)] * 5) for images in (2, 100))
    assert few == many == wilson_score(share, 5, deviations(4))
    assert few[share] == share
    assert length(many) > 10 * length(wilson_interval(share * 500, 500))


@pytest.mark.parametrize("table", [[(15, 22)] * 2, [(13, 23)] * 2, [(13, 23)] * 3])
def test_where_all_sources_have_the_same_share_one_picture_more_changes_little(
    table: list[tuple[int, int]],
) -> None:
    found, more = interval(*table), interval(*[(right + 1, images) for right, images in table])
    assert length(found) == pytest.approx(length(more), rel=0.1)


def test_where_all_agree_one_large_source_counts_as_few() -> None:
    even, uneven = interval(*[(10, 10)] * 5), interval((46, 46), *[(1, 1)] * 4)
    assert uneven.low < even.low < 0.7
    assert uneven.high == 1.0


def test_more_sources_and_less_confidence_narrow_the_interval() -> None:
    lengths = [length(interval(*[(9, 10), (6, 10)] * pairs)) for pairs in (1, 2, 5, 20, 100)]
    assert lengths == sorted(lengths, reverse=True)
    assert len(set(lengths)) == 5
    table = [(9, 10), (6, 10), (7, 10)]
    assert length(interval(*table, confidence=0.5)) < length(interval(*table, confidence=0.8))


@pytest.mark.parametrize(("right", "images"), [(0, 1), (1, 1), (30, 40)])
def test_one_source_tells_nothing_of_others(right: int, images: int) -> None:
    assert interval((right, images)) == (0.0, 1.0)


@pytest.mark.parametrize(("images", "sources"), [(0, 0), (3, 2), (2, 3), (0, 1)])
def test_other_numbers_of_sources_than_images_are_refused(images: int, sources: int) -> None:
    with pytest.raises(ValueError, match=f"{images} answers from {sources} sources"):
        clustered_interval(np.ones(images, bool), ["a"] * sources)


@pytest.mark.parametrize("mean", [0.7, 0.9])
def test_95_of_100_intervals_hold_the_truth_where_wilsons_hold_it_far_less_often(mean: float) -> None:
    """People of other talents, ten to thirty pictures each; the truth is the mean over people."""
    drawn = np.random.default_rng(0)
    counted = {"clustered": 0, "wilson": 0}
    for _ in range(600):
        people = drawn.integers(10, 31, 12)
        found = drawn.binomial(people, drawn.beta(3 * mean, 3 * (1 - mean), 12))
        right, sources = by_source(list(zip(found.tolist(), people.tolist(), strict=True)))
        for name, (low, high) in (
            ("clustered", clustered_interval(right, sources)),
            ("wilson", wilson_interval(int(right.sum()), len(right))),
        ):
            counted[name] += low <= mean <= high
    assert 0.9 * 600 < counted["clustered"] <= 0.985 * 600
    assert counted["wilson"] < 0.75 * 600
