"""What a classifier shares with those of scikit-learn: ``score`` and ``classes_``."""

import numpy as np
import pytest

from imagelet import load, load_dataset
from imagelet.errors import DataError


def test_a_score_is_the_accuracy_by_names_and_by_numbers() -> None:
    classifier, images = load("mnist"), load_dataset("digits").test
    framed = np.stack([classifier.frame(image).image for image in images.images[:20]])
    labels = images.labels[:20]
    expected = float((classifier.predict_proba(framed).argmax(1) == labels).mean())
    assert classifier.score(framed, labels) == expected
    assert classifier.score(framed, classifier.classes_[labels]) == expected
    assert classifier.score(framed, [classifier.classes[label] for label in labels]) == expected
    with pytest.raises(DataError, match="there are 20 images but labels of the shape 3"):
        classifier.score(framed, labels[:3])


def test_the_classes_are_an_array_of_names() -> None:
    classifier = load("mnist")
    assert tuple(classifier.classes_) == classifier.classes
