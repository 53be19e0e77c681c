"""Mistakes and cells, against tables worked by hand and against scikit-learn's confusion matrix."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import cross_val_predict

from imagelet.metrics.misclassified import cells, class_thresholds, find_label_issues, find_misclassified

SHARES = np.array(
    [
        [0.7, 0.2, 0.1],  # right
        [0.1, 0.6, 0.3],  # label 2, answer 1
        [0.05, 0.9, 0.05],  # label 0, answer 1; two rivals are equal
        [0.1, 0.6, 0.3],  # label 2, answer 1, as sure as the second image
        [0.0, 0.1, 0.9],  # right
        [0.2, 0.0, 0.8],  # right, less sure
    ]
)
LABELS = np.array([0, 2, 0, 2, 2, 2])


def test_mistakes_come_the_surest_first_and_equal_ones_in_their_order() -> None:
    found = find_misclassified(SHARES, LABELS)
    assert [each.image for each in found] == [2, 1, 3]
    assert [(each.label, each.predicted, each.second) for each in found] == [(0, 1, 0), (2, 1, 2), (2, 1, 2)]
    assert [(each.probability, each.label_probability) for each in found] == [
        (0.9, 0.05),
        (0.6, 0.3),
        (0.6, 0.3),
    ]


def test_the_second_choice_need_not_be_the_label() -> None:
    (only,) = find_misclassified(np.array([[0.1, 0.5, 0.4]]), np.array([0]))
    assert (only.second, only.label_probability) == (2, 0.1)
    (certain,) = find_misclassified(np.array([[0.0, 0.0, 1.0]]), np.array([1]))
    assert certain.second == 0


def test_a_mistake_is_plain_data_with_the_names_of_its_classes() -> None:
    told = json.loads(json.dumps(find_misclassified(SHARES, LABELS)[0].to_json(("a", "b", "c"))))
    assert told == {
        "image": 2,
        "label": "a",
        "predicted": "b",
        "probability": 0.9,
        "label_probability": 0.05,
        "second": "a",
    }


def test_cells_hold_their_images_the_surest_first() -> None:
    assert cells(SHARES, LABELS) == {(0, 0): (0,), (0, 1): (2,), (2, 1): (1, 3), (2, 2): (4, 5)}


@given(st.integers(1, 60), st.integers(2, 6), st.integers(0, 10_000))
@settings(deadline=None)
def test_cells_are_what_the_confusion_matrix_counts(images: int, classes: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    shares = generator.dirichlet(np.ones(classes), images).round(2)  # rounded: there are equal ones
    labels = generator.integers(0, classes, images)
    found = cells(shares, labels)
    table = np.zeros((classes, classes), int)
    for (label, answer), within in found.items():
        table[label, answer] = len(within)
        confidences = shares[list(within), answer]
        assert (np.diff(confidences) <= 0).all()
    assert np.array_equal(table, confusion_matrix(labels, shares.argmax(axis=1), labels=range(classes)))
    assert sorted(image for within in found.values() for image in within) == list(range(images))
    wrong = {image for (label, answer), within in found.items() if label != answer for image in within}
    assert {each.image for each in find_misclassified(shares, labels)} == wrong


def test_without_mistakes_there_are_none() -> None:
    assert find_misclassified(np.eye(3), np.arange(3)) == ()


@pytest.mark.parametrize("labels", [[0, 1], [0, 1, 3], [0, -1, 1]])
def test_labels_that_do_not_fit_are_refused(labels: list[int]) -> None:
    for function in (find_misclassified, cells):
        with pytest.raises(ValueError, match="labels"):
            function(np.eye(3), np.array(labels))  # type: ignore[operator]


pytestmark = pytest.mark.portable

ISSUE_PROBABILITIES = np.array(
    [
        [0.9, 0.1, 0.0],
        [0.7, 0.3, 0.0],
        [0.8, 0.2, 0.0],  # label 1: as probable as class 0 is for half of its own
        [0.75, 0.25, 0.0],  # label 1: less so
        [0.0, 1.0, 0.0],
        [0.1, 0.9, 0.0],
    ]
)
ISSUE_LABELS = np.array([0, 0, 1, 1, 1, 1])


def test_a_class_is_suggested_where_it_is_as_probable_as_for_its_own_images() -> None:
    assert class_thresholds(ISSUE_PROBABILITIES, ISSUE_LABELS) == pytest.approx([0.8, 0.5875, np.inf])
    (found,) = find_label_issues(ISSUE_PROBABILITIES, ISSUE_LABELS)
    assert (found.image, found.label, found.suggested) == (2, 1, 0)
    assert (found.probability, found.label_probability) == (0.8, 0.2)
    assert json.loads(json.dumps(found.to_json("abc"))) == {
        "image": 2,
        "label": "b",
        "suggested": "a",
        "probability": 0.8,
        "label_probability": 0.2,
    }


def test_a_class_that_no_image_carries_is_never_suggested() -> None:
    shares = np.array([[0.0, 0.0, 1.0], [0.6, 0.4, 0.0], [0.4, 0.6, 0.0]])
    assert find_label_issues(shares, np.array([0, 0, 1])) == ()


def test_labels_that_are_the_answers_are_not_suspect() -> None:
    assert find_label_issues(ISSUE_PROBABILITIES, ISSUE_PROBABILITIES.argmax(axis=1)) == ()


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    images, labels = load_digits(return_X_y=True)
    return images / 16, labels


def held_out(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return probabilities (n, 10), each image's from a model that has not learned from it."""
    model = LogisticRegression(C=1.0, max_iter=300)
    return cross_val_predict(model, images, labels, method="predict_proba", cv=5)


def test_most_flipped_labels_are_found_and_few_others(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = digits
    generator = np.random.default_rng(0)
    flipped = generator.choice(len(labels), round(0.03 * len(labels)), replace=False)
    wrong = labels.copy()
    wrong[flipped] = (labels[flipped] + generator.integers(1, 10, len(flipped))) % 10
    found = find_label_issues(held_out(images, wrong), wrong)
    hits = [each for each in found if each.image in set(flipped.tolist())]
    assert len(hits) / len(flipped) > 0.7  # recall
    assert len(hits) / len(found) > 0.6  # precision; of images at random 0.03
    best = [each.image in set(flipped.tolist()) for each in found[:20]]
    assert sum(best) >= 18  # the surest ones are nearly all flipped
    right = [each.suggested == labels[each.image] for each in hits]
    assert np.mean(right) > 0.9  # and what they are is known


def test_of_clean_labels_few_are_suspect(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = digits
    assert len(find_label_issues(held_out(images, labels), labels)) < 0.006 * len(labels)


def test_suspects_are_those_of_cleanlab(digits: tuple[np.ndarray, np.ndarray]) -> None:
    filters = pytest.importorskip("cleanlab.filter")
    images, labels = digits
    generator = np.random.default_rng(1)
    wrong = np.where(generator.random(len(labels)) < 0.05, generator.integers(0, 10, len(labels)), labels)
    shares = held_out(images, wrong)
    theirs = filters.find_label_issues(
        wrong,
        shares,
        filter_by="confident_learning",
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    )
    assert [each.image for each in find_label_issues(shares, wrong)] == theirs.tolist()
    assert len(theirs) > 50


@given(st.integers(2, 40), st.integers(2, 5), st.integers(0, 10_000))
@settings(deadline=None)
def test_suspects_are_surely_answered_mistakes_the_surest_first(images: int, classes: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    shares = generator.dirichlet(np.ones(classes), images)
    labels = generator.integers(0, classes, images)
    found = find_label_issues(shares, labels)
    doubts = [each.label_probability for each in found]
    assert doubts == sorted(doubts)
    for each in found:
        assert each.suggested == shares[each.image].argmax() != labels[each.image] == each.label
        usual = shares[labels == each.suggested, each.suggested].mean()
        assert each.probability >= usual - 1e-5
    assert len({each.image for each in found}) == len(found)


def test_label_issues_need_labels_that_fit() -> None:
    with pytest.raises(ValueError, match="5 labels for 6 images"):
        find_label_issues(ISSUE_PROBABILITIES, ISSUE_LABELS[:5])
