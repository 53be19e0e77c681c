"""Labels that may be wrong: flipped on purpose, by hand, and against cleanlab, by the method's authors."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from imagelet.metrics.label_issues import class_thresholds, find_label_issues

pytestmark = pytest.mark.portable

SHARES = np.array(
    [
        [0.9, 0.1, 0.0],
        [0.7, 0.3, 0.0],
        [0.8, 0.2, 0.0],  # label 1: as probable as class 0 is for half of its own
        [0.75, 0.25, 0.0],  # label 1: less so
        [0.0, 1.0, 0.0],
        [0.1, 0.9, 0.0],
    ]
)
LABELS = np.array([0, 0, 1, 1, 1, 1])


def test_a_class_is_suggested_where_it_is_as_probable_as_for_its_own_images() -> None:
    assert class_thresholds(SHARES, LABELS) == pytest.approx([0.8, 0.5875, np.inf])
    (found,) = find_label_issues(SHARES, LABELS)
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
    assert find_label_issues(SHARES, SHARES.argmax(axis=1)) == ()


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


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="5 labels for 6 images"):
        find_label_issues(SHARES, LABELS[:5])
