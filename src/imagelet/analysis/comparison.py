"""Comparing classifiers on the same images: accuracies, paired tests, settings, disagreements.

By default the classifiers are compared on the validation images, which they must have in common. These chose
each one's epoch, so all accuracies are a little too high. A comparison on the test images is a test
evaluation of every run that takes part: it is recorded and counted there.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from imagelet import plots
from imagelet.analysis.compared_classifiers import (
    SharedImages,
    Subject,
    differing_settings,
    open_subjects,
    shared_images,
)
from imagelet.analysis.evaluate import SPLITS
from imagelet.analysis.test_evaluation import Evaluated, evaluate_images, evaluate_test_images
from imagelet.errors import SettingError
from imagelet.metrics.classification import Interval
from imagelet.metrics.paired_tests import PairedDifference, compare_predictions, disagreements, holm
from imagelet.networks import summarize
from imagelet.plots.curves import compared_curves
from imagelet.plots.prediction_sheets import disagreements as disagreements_sheet
from imagelet.progress import Progress, silent
from imagelet.runs.provenance import PartImages
from imagelet.training.history import as_columns

MOST_SHOWN = 24  # disagreements in a sheet


@dataclass(frozen=True)
class Compared:
    """One of the classifiers, with its figures on the common images.

    Attributes:
        name: the run's, the file's or the shipped classifier's.
        accuracy: the fraction of correct predictions, 0 to 1.
        interval: its Wilson interval at 95 %.
        loss: the mean cross-entropy, in nats.
        parameters: how many the network has.
        epochs: how many it was trained for; None where its file does not say.
        best_epoch: the epoch whose weights it has; None where its file does not say.
        seconds: what its training took; None without a run.
        test_evaluations: how often the run was evaluated on the test images, this time included; None
            without a run, and where the images were not the test images.
        history: the epochs' figures, by kind; None without a run.
    """

    name: str
    accuracy: float
    interval: Interval
    loss: float
    parameters: int
    epochs: int | None
    best_epoch: int | None
    seconds: float | None
    test_evaluations: int | None
    history: Mapping[str, Sequence[float]] | None

    def to_json(self, images: int) -> dict[str, Any]:
        """Return it as plain data; ``images``: how many there are."""
        rest = ("loss", "parameters", "epochs", "best_epoch", "seconds", "test_evaluations", "history")
        return {
            "run": self.name,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "images": images,
            **{name: getattr(self, name) for name in rest},
        }


@dataclass(frozen=True)
class Pair:
    """Two of the classifiers.

    Attributes:
        a: the name of the one.
        b: the name of the other.
        paired: by how much b is better.
        corrected_p: its p, corrected for the number of pairs after Holm.
    """

    a: str
    b: str
    paired: PairedDifference
    corrected_p: float


@dataclass(frozen=True)
class Disagreement:
    """An image for which not all predict the same class.

    Attributes:
        image: its index in the part of the dataset.
        label: its class.
        predictions: the predicted classes, in the order of the classifiers.
        probabilities: of these classes, 0 to 1.
    """

    image: int
    label: str
    predictions: tuple[str, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison.

    Attributes:
        dataset: whose images they are.
        split: ``test`` or ``validation``.
        part: the dataset's part that the images' indices count in; ``train`` where validation was split off.
        images: how many.
        compared: the classifiers.
        settings: what they were trained with, where it differs: name → value of each; None where a file does
            not say.
        pairs: every two of them.
        disagreements: the most confident first.
        seconds: reading and predicting.
        figures: the pictures that were drawn.
    """

    dataset: str
    split: str
    part: str
    images: int
    compared: tuple[Compared, ...]
    settings: Mapping[str, tuple[Any, ...]]
    pairs: tuple[Pair, ...]
    disagreements: tuple[Disagreement, ...]
    seconds: float
    figures: tuple[Path, ...]

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        names = [one.name for one in self.compared]
        return {
            "dataset": self.dataset,
            "split": self.split,
            "part": self.part,
            "images": self.images,
            "runs": [one.to_json(self.images) for one in self.compared],
            "settings": [{"setting": name, "values": list(values)} for name, values in self.settings.items()],
            "pairs": [
                {"a": pair.a, "b": pair.b, **pair.paired.to_json(), "corrected_p": pair.corrected_p}
                for pair in self.pairs
            ],
            "disagreements": [
                {
                    "image": one.image,
                    "label": one.label,
                    "predictions": [
                        {"run": name, "predicted": predicted, "probability": probability}
                        for name, predicted, probability in zip(
                            names, one.predictions, one.probabilities, strict=True
                        )
                    ],
                }
                for one in self.disagreements
            ],
            "seconds": self.seconds,
            "figures": [str(path) for path in self.figures],
        }


def compare(
    runs: Sequence[str],
    split: str = "validation",
    out: Path | None = None,
    progress: Progress = silent,
) -> Comparison:
    """Compare classifiers on the same images.

    It is about these classifiers, not about their settings: another seed gives another classifier.

    Args:
        runs: two or more: a run's folder or name, a ``.safetensors`` file, or a shipped classifier's name.
        split: ``validation``: the images that chose their epochs, which must be the same; or ``test``, which
            is recorded and counted in every run.
        out: a folder for ``curves.png`` and ``disagreements.png``; None for nowhere.
        progress: is told how many classifiers have been asked, and how many there are.

    Raises:
        ImageletError: classifiers that are not there, or that cannot be compared.
    """
    started = time.perf_counter()
    if split not in SPLITS:
        raise SettingError(
            "unknown split '{split}'; allowed are {names}", split=split, names=", ".join(SPLITS)
        )
    subjects = open_subjects(runs)
    shared = shared_images(subjects, split)
    evaluated = []
    for index, subject in enumerate(subjects):
        evaluated.append(_evaluate(subject, shared, index, split))
        progress(index + 1, len(subjects))
    probabilities = np.stack([one.probabilities for one in evaluated])  # (classifiers, n, k)
    predicted, confidences = probabilities.argmax(axis=2), probabilities.max(axis=2)  # (classifiers, n)
    first = shared.parts[0]
    order = disagreements(predicted, confidences)
    compared = tuple(map(_compared, subjects, evaluated))
    disagreed = _disagreements(first, order, predicted, confidences)
    return Comparison(
        dataset=subjects[0].provenance.dataset,
        split=split,
        part=first.part,
        images=len(first.indices),
        compared=compared,
        settings=differing_settings(subjects),
        pairs=_pairs([subject.name for subject in subjects], predicted == first.images.labels),
        disagreements=disagreed,
        seconds=time.perf_counter() - started,
        figures=() if out is None else _draw(out, compared, first, order, disagreed),
    )


def _evaluate(subject: Subject, shared: SharedImages, index: int, split: str) -> Evaluated:
    """Evaluate a subject on the shared images; on a run's test images that is recorded and counted."""
    if subject.run is not None and split == "test":
        return evaluate_test_images(subject.run, subject.classifier, shared.datasets[index])
    return evaluate_images(subject.classifier, shared.parts[index].images)


def _compared(subject: Subject, evaluated: Evaluated) -> Compared:
    run, trained, metrics = subject.run, subject.classifier.training, evaluated.metrics
    return Compared(
        name=subject.name,
        accuracy=metrics.accuracy,
        interval=metrics.interval,
        loss=metrics.loss,
        parameters=summarize(subject.classifier.network).total,
        epochs=_whole(trained.get("epochs")),
        best_epoch=_whole(trained.get("best_epoch")),
        seconds=None if run is None else run.metrics.get("seconds", {}).get("total"),
        test_evaluations=evaluated.test_evaluations,
        history=None if run is None else as_columns(run.history),
    )


def _whole(value: Any) -> int | None:
    """Return what a classifier's file says of a number of epochs, if it is one."""
    return value if isinstance(value, int) else None


def _pairs(names: Sequence[str], correct: np.ndarray) -> tuple[Pair, ...]:
    """Return every pair; ``correct`` is bool (classifiers, n)."""
    indices = list(combinations(range(len(names)), 2))
    differences = [compare_predictions(correct[a], correct[b]) for a, b in indices]
    corrected = holm([difference.p for difference in differences])
    return tuple(
        Pair(names[a], names[b], difference, p)
        for (a, b), difference, p in zip(indices, differences, corrected, strict=True)
    )


def _disagreements(
    part: PartImages, order: np.ndarray, predicted: np.ndarray, confidences: np.ndarray
) -> tuple[Disagreement, ...]:
    images = part.images
    return tuple(
        Disagreement(
            image=int(part.indices[index]),
            label=images.classes[images.labels[index]],
            predictions=tuple(images.classes[one] for one in predicted[:, index]),
            probabilities=tuple(map(float, confidences[:, index])),
        )
        for index in order
    )


def _draw(
    out: Path,
    compared: Sequence[Compared],
    part: PartImages,
    order: np.ndarray,
    disagreed: Sequence[Disagreement],
) -> tuple[Path, ...]:
    """Draw what there is to draw, and remove figures of an earlier comparison."""
    curves, sheet = out / "curves.png", out / "disagreements.png"
    for path in (curves, sheet):
        path.unlink(missing_ok=True)
    histories = {one.name: one.history for one in compared if one.history and one.history["val_loss"]}
    if histories:
        best = {one.name: one.best_epoch for one in compared if one.best_epoch and one.name in histories}
        same_images = part.part != "test"
        plots.save(compared_curves(histories, best, same_images=same_images), curves)
    if shown := disagreed[:MOST_SHOWN]:
        plots.save(
            disagreements_sheet(
                part.images.take(order[: len(shown)]).images,
                [f"{part.part} {one.image}, label {one.label}" for one in shown],
                [one.label for one in shown],
                [list(zip(one.predictions, one.probabilities, strict=True)) for one in shown],
                [one.name for one in compared],
            ),
            sheet,
        )
    return tuple(path for path in (curves, sheet) if path.exists())
