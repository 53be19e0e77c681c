"""Mistakes and cells, against tables worked by hand and against scikit-learn's confusion matrix."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from imagelet.metrics.misclassified import cells, find_misclassified

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
