"""Evaluation on a run's test images: computed, recorded and counted in one operation.

Everything that evaluates a run on its test images calls :func:`evaluate_test_images`: `train --test`,
`evaluate`, `evaluate --shift`, `compare --split test` and `report --test`. Figures are drawn from its result.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imagelet.classifier.classifier import Classifier
from imagelet.data.copies import are_copies
from imagelet.data.imageset import Dataset, ImageSet
from imagelet.errors import DataError
from imagelet.metrics.classification import Metrics
from imagelet.runs.model_card import write_model_card
from imagelet.runs.provenance import count_learned_before
from imagelet.runs.run import Run


@dataclass(frozen=True, eq=False)
class Evaluated:
    """Labelled images with a classifier's probabilities and its figures.

    Attributes:
        images: n images.
        probabilities: float64 (n, classes), calibrated.
        metrics: the figures.
        test_evaluations: how often the run was evaluated on its test images, this time included; None where
            the images were others.
        learned_before: how many of the run's test images the classifier that it started from had learned
            from; None where it started from none, or that is not known.
    """

    images: ImageSet
    probabilities: NDArray[np.float64]
    metrics: Metrics
    test_evaluations: int | None = None
    learned_before: int | None = None


def evaluate_images(classifier: Classifier, images: ImageSet) -> Evaluated:
    """Evaluate a classifier on labelled images of its size and classes; nothing is recorded.

    Raises:
        ValueError: images of another size, or other labels.
    """
    probabilities = classifier.predict_proba(images.images)
    return Evaluated(images, probabilities, classifier.compute_metrics(images, probabilities))


def is_test_part(run: Run, images: ImageSet) -> bool:
    """Say whether images may be the run's test part: those of every evaluation before, if there was any."""
    known = {entry["data_sha256"] for entry in run.test_evaluations if entry.get("data_sha256")}
    return not known or known == {images.fingerprint()}


def evaluate_test_images(run: Run, classifier: Classifier, dataset: Dataset) -> Evaluated:
    """Evaluate a run's classifier on its test images, record the figures in the run, and count it.

    The line in ``test_evaluations.jsonl``, ``test`` in ``metrics.json`` and the model card are written under
    one lock, so that all of them agree, whoever else evaluates the run at the same time. A run that is not
    finished has neither ``metrics.json`` nor a card: what finishes it writes them.

    Args:
        run: the run.
        classifier: the run's.
        dataset: what the run learned from, unchanged.

    Raises:
        DataError: there are no test images, or others than at an evaluation before.
    """
    if not is_test_part(run, dataset.test):
        raise DataError(
            "the test images of '{dataset}' are not those on which the run '{name}' was evaluated before",
            hint="bring the data back as it was",
            dataset=run.experiment["dataset"],
            name=run.name,
        )
    evaluated = evaluate_images(classifier, dataset.test)
    copies = are_copies(dataset.test.images, dataset.train.images)
    metrics = replace(evaluated.metrics, copies_of_training=int(copies.sum()))
    figures = metrics.to_json(classifier.classes)
    learned_before = count_learned_before(run, dataset.test)
    if learned_before is not None:
        figures["learned_before"] = learned_before
    count = run.record_test_evaluation(
        figures,
        then=lambda: write_model_card(run, classifier, dataset.card, run.metrics),
        data_sha256=dataset.test.fingerprint(),
    )
    return Evaluated(evaluated.images, evaluated.probabilities, metrics, count, learned_before)
