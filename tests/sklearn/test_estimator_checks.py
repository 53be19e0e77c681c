"""scikit-learn's own checks of estimators; one failure is expected, and the documents say why."""

from pathlib import Path
from typing import Any

import pytest
from sklearn.utils.estimator_checks import (
    check_sample_weight_equivalence_on_dense_data,
    parametrize_with_checks,
)

from imagelet.sklearn import ImageClassifier

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "scikit-learn.md"
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": (
        "a weight multiplies an image's loss; batches and normalization count that image once, and an image "
        "that is there twice, twice"
    ),
}
CHECKED = ImageClassifier(epochs=20, batch_size=32)


@pytest.mark.slow
@parametrize_with_checks([CHECKED], expected_failed_checks=lambda _: EXPECTED)
def test_the_estimator_is_as_scikit_learn_wants_it(estimator: Any, check: Any) -> None:
    check(estimator)


def test_the_documents_give_the_reason_of_each_failure() -> None:
    text = " ".join(PAGE.read_text("utf-8").split())
    assert len(EXPECTED) <= 2
    for name, reason in EXPECTED.items():
        assert f"`{name}`" in text
        assert reason in text


def test_what_is_expected_to_fail_fails() -> None:
    with pytest.raises(AssertionError, match="not equivalent"):
        check_sample_weight_equivalence_on_dense_data("ImageClassifier", CHECKED)
