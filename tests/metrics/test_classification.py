"""The figures, against scikit-learn and SciPy as oracles and against sums worked by hand."""

import doctest
import json
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from scipy.stats import t as student
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
)

from imagelet.metrics import classification
from imagelet.metrics.classification import (
    Interval,
    accuracy_interval,
    balanced_accuracy,
    calibration_error,
    clustered_interval,
    effective_number,
    evaluate_probabilities,
    macro_f1,
    wilson_interval,
    wilson_score,
)

pytestmark = pytest.mark.portable


def some_probabilities(images: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are right more often than not, and the labels."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, images)
    logits = generator.normal(0, 2, (images, classes))
    logits[np.arange(images), labels] += 1.5
    shares = np.exp(logits)
    return shares / shares.sum(axis=1, keepdims=True), labels


def one_hot(answers: list[int], classes: int) -> np.ndarray:
    return np.eye(classes)[answers]


@given(st.data(), st.integers(1, 20_000), st.sampled_from([0.8, 0.95, 0.99]))
@settings(deadline=None)
def test_the_wilson_interval_is_scipys(data: st.DataObject, total: int, confidence: float) -> None:
    right = data.draw(st.integers(0, total))
    oracle = binomtest(right, total).proportion_ci(confidence, method="wilson")
    interval = wilson_interval(right, total, confidence)
    assert interval == pytest.approx((oracle.low, oracle.high), abs=1e-12)
    assert 0 <= interval.low <= right / total <= interval.high <= 1


@given(st.data(), st.integers(1, 5000), st.floats(0.01, 0.999))
@settings(deadline=None)
def test_the_interval_of_the_mistakes_mirrors_that_of_the_right_answers(
    data: st.DataObject, total: int, confidence: float
) -> None:
    right = data.draw(st.integers(0, total))
    low, high = wilson_interval(right, total, confidence)
    mirrored = wilson_interval(total - right, total, confidence)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 1.0])
def test_more_images_and_less_confidence_narrow_the_interval(share: float) -> None:
    def reach(total: int, confidence: float = 0.95) -> float:
        low, high = wilson_interval(int(share * total), total, confidence)
        return high - low

    assert reach(10) > reach(100) > reach(1000) > reach(10_000)
    assert reach(100, 0.99) > reach(100, 0.95) > reach(100, 0.5)


def test_the_interval_of_the_courses_own_digits() -> None:
    assert wilson_interval(26, 30) == pytest.approx((0.703, 0.947), abs=5e-4)


def test_an_interval_ends_exactly_at_its_bounds_and_says_nothing_without_images() -> None:
    assert wilson_interval(0, 7).low == 0.0
    assert wilson_interval(7, 7).high == 1.0
    assert wilson_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("right", "total"), [(-1, 3), (4, 3), (0, -1)])
def test_impossible_counts_are_refused(right: int, total: int) -> None:
    with pytest.raises(ValueError, match="must be between"):
        wilson_interval(right, total)


@pytest.mark.parametrize("confidence", [0.0, 1.0, float("nan")])
def test_impossible_confidences_are_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        wilson_interval(1, 2, confidence)


@given(st.integers(1, 60), st.integers(2, 6), st.integers(0, 10_000))
@settings(deadline=None)
def test_every_figure_is_scikit_learns(images: int, classes: int, seed: int) -> None:
    probabilities, labels = some_probabilities(images, classes, seed)
    found = evaluate_probabilities(probabilities, labels)
    answers = probabilities.argmax(axis=1)
    names = list(range(classes))

    assert found.images == images
    assert found.accuracy == pytest.approx(accuracy_score(labels, answers))
    assert found.interval == wilson_interval(int((answers == labels).sum()), images)
    assert found.loss == pytest.approx(log_loss(labels, probabilities, labels=names))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of labels that no image has
        assert found.balanced_accuracy.value == pytest.approx(balanced_accuracy_score(labels, answers))
    assert found.macro_f1.value == pytest.approx(f1_score(labels, answers, average="macro"))
    assert found.distinct_images == images
    assert np.array_equal(found.confusion, confusion_matrix(labels, answers, labels=names))
    oracle = precision_recall_fscore_support(labels, answers, labels=names, zero_division=np.nan)
    for index, figures in enumerate(found.classes):
        ours = [figures.precision, figures.recall, figures.f1]
        theirs = [column[index] for column in oracle[:3]]
        theirs = [None if np.isnan(value) else pytest.approx(value) for value in theirs]
        assert ours == theirs
        assert figures.images == oracle[3][index]


@pytest.mark.parametrize("labels_type", [np.uint8, np.int32, np.uint64])
@pytest.mark.parametrize("shares_type", [np.float16, np.float32])
def test_other_widths_of_numbers_and_read_only_arrays_give_the_same_figures(
    labels_type: type, shares_type: type
) -> None:
    probabilities, labels = some_probabilities(50, 4, seed=3)
    narrow, given_labels = probabilities.astype(shares_type), labels.astype(labels_type)
    before = narrow.copy()
    for array in (narrow, given_labels):
        array.flags.writeable = False
    found = evaluate_probabilities(narrow, given_labels)
    expected = evaluate_probabilities(narrow.astype(np.float64), labels)
    assert found == expected
    assert expected.loss == pytest.approx(evaluate_probabilities(probabilities, labels).loss, rel=0.01)
    assert np.array_equal(narrow, before)


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=20)
def test_the_order_of_the_images_does_not_matter(seed: int) -> None:
    probabilities, labels = some_probabilities(40, 3, seed)
    order = np.random.default_rng(seed).permutation(40)
    first, second = (
        evaluate_probabilities(probabilities[chosen], labels[chosen]) for chosen in (np.arange(40), order)
    )
    assert first.confusion == second.confusion
    assert first.classes == second.classes
    assert (first.loss, first.calibration_error) == pytest.approx((second.loss, second.calibration_error))


def test_of_equal_probabilities_the_first_class_is_the_answer() -> None:
    found = evaluate_probabilities(np.full((3, 4), 0.25), np.array([0, 1, 0]))
    assert found.confusion == ((2, 0, 0, 0), (1, 0, 0, 0), (0,) * 4, (0,) * 4)


def test_the_figures_are_pythons_own_numbers() -> None:
    found = evaluate_probabilities(*some_probabilities(9, 2, seed=0))
    assert [type(value) for value in (found.images, found.accuracy, found.loss, found.calibration_error)] == [
        *(int, float, float, float)
    ]
    assert {type(count) for row in found.confusion for count in row} == {int}
    assert {type(value) for value in found.interval} == {float}


def test_a_class_without_images_or_answers_has_no_figures() -> None:
    found = evaluate_probabilities(one_hot([0, 0, 1], classes=4), np.array([0, 1, 1]))
    assert found.classes[0] == classification.ClassMetrics(images=1, precision=0.5, recall=1.0, f1=2 / 3)
    assert found.classes[3] == classification.ClassMetrics(images=0, precision=None, recall=None, f1=None)


def test_a_class_that_is_answered_but_has_no_images_has_no_recall() -> None:
    found = evaluate_probabilities(one_hot([1], classes=2), np.array([0]))
    assert found.classes[1] == classification.ClassMetrics(images=0, precision=0.0, recall=None, f1=0.0)
    assert found.classes[0] == classification.ClassMetrics(images=1, precision=None, recall=0.0, f1=0.0)


def test_a_certain_mistake_has_a_large_finite_loss_and_a_certain_hit_none() -> None:
    assert evaluate_probabilities(one_hot([1], 2), np.array([0])).loss == pytest.approx(np.log(1e12))
    assert str(evaluate_probabilities(one_hot([1], 2), np.array([1])).loss) == "0.0"


@given(st.integers(1, 200), st.integers(1, 30), st.integers(0, 10_000))
@settings(deadline=None)
def test_the_calibration_error_is_that_of_the_definition(images: int, bins: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    confidences = generator.uniform(0, 1, images)
    right = generator.uniform(size=images) < 0.7
    expected = 0.0
    for place in range(bins):  # Guo et al. (2017), equations 2 and 3
        inside = (confidences > place / bins) & (confidences <= (place + 1) / bins)
        if inside.any():
            expected += inside.sum() / images * abs(right[inside].mean() - confidences[inside].mean())
    assert calibration_error(confidences, right, bins) == pytest.approx(expected, abs=1e-12)


def test_confidences_of_zero_and_one_have_a_bin() -> None:
    assert calibration_error(np.array([0.0, 1.0]), np.array([False, True])) == 0
    assert calibration_error(np.array([0.0, 1.0]), np.array([True, False])) == 1


def test_the_calibration_error_worked_by_hand() -> None:
    # Bins of width 1/15: 0.61 and 0.65 share (9/15, 10/15]; 0.9 is in (13/15, 14/15]; 1.0 in the last.
    confidences = np.array([0.61, 0.65, 0.9, 1.0])
    right = np.array([True, False, False, True])
    by_hand = (abs(0.63 - 0.5) * 2 + abs(0.9 - 0) * 1 + abs(1.0 - 1) * 1) / 4
    assert calibration_error(confidences, right) == pytest.approx(by_hand)


def test_a_confidence_on_a_border_belongs_to_the_bin_below() -> None:
    # With two bins, 0.5 is in (0, 0.5] beside 0.2: gaps 1 − 0.5 and 0 − 0.2 cancel in part.
    assert calibration_error(np.array([0.5, 0.2]), np.array([True, False]), bins=2) == pytest.approx(0.15)


def test_the_calibration_error_of_an_evaluation_is_that_of_its_answers() -> None:
    probabilities = np.array([[0.7, 0.3], [0.7, 0.3], [0.05, 0.95]])
    found = evaluate_probabilities(probabilities, np.array([0, 1, 1]))
    assert found.calibration_error == pytest.approx((2 * abs(0.7 - 0.5) + 0.05) / 3)


def test_well_calibrated_answers_have_a_small_error_and_boasting_ones_a_large() -> None:
    generator = np.random.default_rng(0)
    confidences = generator.uniform(0.5, 1, 20_000)
    honest = generator.uniform(size=20_000) < confidences
    assert calibration_error(confidences, honest) < 0.02
    assert calibration_error(np.ones(20_000), honest) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(
    ("probabilities", "labels", "complaint"),
    [
        (np.zeros((0, 3)), np.zeros(0, np.int64), "no images"),
        (one_hot([0, 1], 3), np.array([0]), "1 labels for 2 images"),
        (one_hot([0, 1], 3), np.array([0, 3]), "must be from 0 to 2"),
        (one_hot([0, 1], 3), np.array([-1, 0]), "must be from 0 to 2"),
        (one_hot([0, 1], 3), np.array([0.0, 1.0]), "integers"),
        (one_hot([0, 1], 3), np.array([[0], [1]]), "integers"),
        (np.array([[np.nan, 0.5]]), np.array([0]), "finite"),
        (np.array([[np.inf, 0.5]]), np.array([0]), "finite"),
        (np.array([[-0.5, 1.5]]), np.array([0]), "between 0 and 1"),
        (np.array([[-0.2, 0.6, 0.6]]), np.array([0]), "between 0 and 1"),
        (np.array([[0.5, 0.2]]), np.array([0]), "sum of 1"),
        (np.array([0.5, 0.5]), np.array([0, 1]), "images, classes"),
        (np.ones((2, 1)), np.array([0, 0]), "images, classes"),
    ],
)
def test_bad_arrays_are_refused(probabilities: np.ndarray, labels: np.ndarray, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        evaluate_probabilities(probabilities, labels)


def test_the_figures_are_plain_json() -> None:
    found = evaluate_probabilities(*some_probabilities(20, 3, seed=1))
    content = found.to_json(["ant", "bee", "고양이"])
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["interval"] == [found.interval.low, found.interval.high]
    assert content["classes"][2]["class"] == 2
    assert content["classes"][2]["name"] == "고양이"
    assert "name" not in found.to_json()["classes"][0]
    with pytest.raises(ValueError, match="2 names for 3 classes"):
        found.to_json(["ant", "bee"])


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(classification, optionflags=doctest.ELLIPSIS).failed == 0


def test_importing_the_figures_brings_neither_torch_nor_scikit_learn_nor_scipy() -> None:
    program = (
        "import sys, imagelet.metrics.classification, imagelet.metrics.calibration\n"
        "print(*sorted({'torch', 'sklearn', 'scipy', 'matplotlib', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# -- by source ----------------------------------------------------------------------------------------------


def by_source(table: list[tuple[int, int]]) -> tuple[np.ndarray, list[str]]:
    """Return right or not, and the source, of each image; ``table``: for each source right ones, images."""
    right = [place < found for found, images in table for place in range(images)]
    return np.array(right), [
        f"person {index}" for index, (_, images) in enumerate(table) for _ in range(images)
    ]


def clustered(*table: tuple[int, int], confidence: float = 0.95) -> Interval:
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
    low, high = clustered(*table, confidence=confidence)
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
def test_the_clustered_interval_of_the_wrong_ones_mirrors_that_of_the_correct_ones(
    table: list[tuple[int, int]],
) -> None:
    right, sources = by_source(table)
    low, high = clustered_interval(right, sources)
    assert clustered_interval(~right, sources) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@pytest.mark.parametrize(("right", "images"), [(3, 8), (26, 30), (200, 400)])
def test_one_image_a_source_gives_wilsons_interval_by_students_t_with_one_image_less(
    right: int, images: int
) -> None:
    found = clustered(*[(1, 1)] * right, *[(0, 1)] * (images - right))
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
    assert clustered(*[(int(each), images) for each in found]) == pytest.approx(expected, abs=1e-9)


def test_two_sources_worked_by_hand() -> None:
    """Right are 3 and 1 of 4: each source is 1 from half, variance 2/1 · 2/64 = 1/16, so 4 of 8 count."""
    assert clustered((3, 4), (1, 4)) == pytest.approx(wilson_score(0.5, 4, deviations(1)))


def test_sources_that_agree_within_themselves_count_as_one_image_each() -> None:
    """Ten people, each with twenty pictures that are all right or all wrong, tell what ten pictures tell."""
    alike = clustered(*[(20, 20)] * 7, *[(0, 20)] * 3)
    assert alike == pytest.approx(clustered(*[(1, 1)] * 7, *[(0, 1)] * 3))
    assert length(alike) > 3 * length(wilson_interval(140, 200))


def test_sources_that_differ_less_than_chance_count_no_image_twice() -> None:
    found = clustered(*[(4, 8), (5, 8)] * 10)
    assert found == pytest.approx(wilson_score(90 / 160, 160, deviations(19)))


@pytest.mark.parametrize("share", [0, 1])
def test_where_all_agree_as_many_are_counted_as_there_are_sources(share: int) -> None:
    few, many = (clustered(*[(share * images, images)] * 5) for images in (2, 100))
    assert few == many == wilson_score(share, 5, deviations(4))
    assert few[share] == share
    assert length(many) > 10 * length(wilson_interval(share * 500, 500))


@pytest.mark.parametrize("table", [[(15, 22)] * 2, [(13, 23)] * 2, [(13, 23)] * 3])
def test_where_all_sources_have_the_same_share_one_picture_more_changes_little(
    table: list[tuple[int, int]],
) -> None:
    found, more = clustered(*table), clustered(*[(right + 1, images) for right, images in table])
    assert length(found) == pytest.approx(length(more), rel=0.1)


def test_where_all_agree_one_large_source_counts_as_few() -> None:
    even, uneven = clustered(*[(10, 10)] * 5), clustered((46, 46), *[(1, 1)] * 4)
    assert uneven.low < even.low < 0.7
    assert uneven.high == 1.0


def test_more_sources_and_less_confidence_narrow_the_interval() -> None:
    lengths = [length(clustered(*[(9, 10), (6, 10)] * pairs)) for pairs in (1, 2, 5, 20, 100)]
    assert lengths == sorted(lengths, reverse=True)
    assert len(set(lengths)) == 5
    table = [(9, 10), (6, 10), (7, 10)]
    assert length(clustered(*table, confidence=0.5)) < length(clustered(*table, confidence=0.8))


@pytest.mark.parametrize(("right", "images"), [(0, 1), (1, 1), (30, 40)])
def test_one_source_tells_nothing_of_others(right: int, images: int) -> None:
    assert clustered((right, images)) == (0.0, 1.0)


@pytest.mark.parametrize(("images", "sources"), [(0, 0), (3, 2), (2, 3), (0, 1)])
def test_other_numbers_of_sources_than_images_are_refused(images: int, sources: int) -> None:
    with pytest.raises(ValueError, match=f"{images} images from {sources} sources"):
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


@given(st.lists(st.integers(1, 6), min_size=1, max_size=30), st.floats(0.1, 0.9))
def test_the_effective_number_is_that_of_the_variance(sizes: list[int], share: float) -> None:
    of_each = np.repeat(np.arange(len(sizes)), sizes)
    effective = effective_number(of_each)
    weights = np.array(sizes) / sum(sizes)
    variance = share * (1 - share) * np.square(weights).sum()  # of a weighted mean of independent draws
    assert share * (1 - share) / effective == pytest.approx(variance)
    assert effective <= len(sizes) + 1e-9
    assert (effective == len(sizes)) or len(set(sizes)) > 1


class TestCopies:
    def test_leave_the_figures_and_widen_the_intervals(self) -> None:
        probabilities, labels = some_probabilities(60, 3, seed=4)
        originals = np.repeat(np.arange(20), 3)  # each image three times
        thrice = np.arange(60) // 3
        probabilities, labels = probabilities[thrice], labels[thrice]
        plain, copied = (evaluate_probabilities(probabilities, labels, given) for given in (None, originals))
        single = evaluate_probabilities(probabilities[::3], labels[::3])
        assert (copied.accuracy, copied.loss, copied.confusion) == (
            plain.accuracy,
            plain.loss,
            plain.confusion,
        )
        assert (copied.images, copied.distinct_images, plain.distinct_images) == (60, 20, 60)
        assert copied.interval == pytest.approx(single.interval)  # as though each were there once
        assert copied.balanced_accuracy.interval == pytest.approx(single.balanced_accuracy.interval)
        assert copied.macro_f1.interval == pytest.approx(single.macro_f1.interval)
        assert copied.interval.low < plain.interval.low

    def test_count_in_their_own_class(self) -> None:
        labels = np.array([0] * 50 + [1] * 50)
        originals = np.array([*range(50), *[50] * 50])  # all of class 1 are one picture
        found = evaluate_probabilities(one_hot([0] * 50 + [1] * 50, 2), labels, originals)
        apart = balanced_accuracy(np.array([[50, 0], [0, 1]]))
        assert found.balanced_accuracy.interval == pytest.approx(apart.interval)

    def test_may_have_two_labels(self) -> None:
        found = evaluate_probabilities(one_hot([0, 0, 1], 2), np.array([0, 1, 1]), np.array([0, 0, 2]))
        assert found.interval == pytest.approx(
            accuracy_interval(np.array([True, False, True]), np.array([0, 0, 2]))
        )


class TestUneven:
    def test_says_what_always_the_commonest_answer_reaches(self) -> None:
        found = evaluate_probabilities(one_hot([0] * 42, 2), np.array([0] * 40 + [1] * 2))
        assert found.uneven
        assert found.most_frequent == (0, pytest.approx(40 / 42))
        assert found.accuracy == found.most_frequent[1]
        assert found.balanced_accuracy.value == 0.5
        told = found.to_json(["common", "rare"])
        assert told["most_frequent"] == {"class": "common", "accuracy": pytest.approx(40 / 42)}

    @pytest.mark.parametrize(
        ("counts", "uneven"), [((10, 10), False), ((19, 10, 0), False), ((20, 10), True)]
    )
    def test_is_a_class_with_twice_the_images_of_another(self, counts: tuple[int, ...], uneven: bool) -> None:
        labels = np.repeat(np.arange(len(counts)), counts)
        assert evaluate_probabilities(one_hot(labels.tolist(), 3), labels).uneven == uneven

    @pytest.mark.parametrize("figure", [balanced_accuracy, macro_f1])
    @given(st.lists(st.integers(0, 30), min_size=9, max_size=9))
    def test_intervals_hold_their_figure_and_narrow_with_more_images(self, figure, cells: list[int]) -> None:  # type: ignore[no-untyped-def]
        table = np.array(cells).reshape(3, 3)
        assume(table.sum())
        value, interval = figure(table)
        assert 0 <= interval.low <= value <= interval.high <= 1
        assert interval.low < interval.high
        narrower = figure(4 * table).interval
        assert narrower.high - narrower.low < interval.high - interval.low

    @pytest.mark.parametrize("figure", [balanced_accuracy, macro_f1])
    @pytest.mark.parametrize(
        ("counts", "recall"),
        [((200, 8), 0.95), ((60, 60), 0.9), ((300, 30, 30, 10), 0.8), ((40,) * 10, 0.97)],
    )
    def test_intervals_hold_the_truth_in_95_of_100_samples(
        self,
        figure,  # type: ignore[no-untyped-def]
        counts: tuple[int, ...],
        recall: float,
    ) -> None:
        classes, generator = len(counts), np.random.default_rng(1)
        others = (1 - recall) / (classes - 1)
        chances = np.full((classes, classes), others) + np.eye(classes) * (recall - others)
        truth = figure(np.array(counts)[:, None] * chances * 10_000).value
        held = 0
        for _ in range(400):
            table = np.stack([generator.multinomial(n, p) for n, p in zip(counts, chances, strict=True)])
            low, high = figure(table).interval
            held += low <= truth <= high
        assert held / 400 > 0.93
