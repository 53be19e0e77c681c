"""Comparing classifiers on the same images: their settings, their curves, and where their answers differ.

The test images are read only on demand. By default the classifiers are compared on the validation
images, which they must have in common: those that chose each one's epoch, so that all are flattered a little.
A comparison on the test images is a test evaluation of every run that takes part, and is counted.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from imagelet import plots
from imagelet.analysis.differing_settings import differing_settings
from imagelet.analysis.evaluate import SPLITS
from imagelet.analysis.shared_images import SharedImages, Subject, open_subjects, shared_images
from imagelet.errors import SettingError
from imagelet.metrics.classification import Interval, evaluate_probabilities
from imagelet.metrics.paired_tests import PairedDifference, compare_answers, disagreements, holm
from imagelet.networks import summarize
from imagelet.plots.curves import compared_curves
from imagelet.plots.prediction_sheets import disagreements as disagreements_sheet
from imagelet.progress import Progress, silent
from imagelet.training.history import as_columns

MOST_SHOWN = 24  # disagreements in a sheet


@dataclass(frozen=True)
class Compared:
    """One of the classifiers, with its figures on the common images.

    Attributes:
        name: the run's, the file's or the shipped classifier's.
        accuracy: the share of right answers, 0 to 1.
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
        """Return it as plain data; ``images``: how many were answered."""
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
        found: by how much b is better.
        corrected_p: its p, corrected for the number of pairs after Holm.
    """

    a: str
    b: str
    found: PairedDifference
    corrected_p: float


@dataclass(frozen=True)
class Disagreement:
    """An image to which not all give the same answer.

    Attributes:
        image: its place in the part of the dataset.
        label: its class.
        answers: each one's answer, in the order of the classifiers.
        probabilities: how probable each holds its answer, 0 to 1.
    """

    image: int
    label: str
    answers: tuple[str, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes:
        dataset: whose images they are.
        split: ``test`` or ``validation``.
        part: the dataset's part that the images' numbers count in; ``train`` where validation was split off.
        images: how many.
        compared: the classifiers.
        settings: what they were trained with, where it differs: name → value of each; None where a file does
            not say.
        pairs: every two of them.
        disagreements: the surest first.
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
        names = [each.name for each in self.compared]
        return {
            "dataset": self.dataset,
            "split": self.split,
            "part": self.part,
            "images": self.images,
            "runs": [each.to_json(self.images) for each in self.compared],
            "settings": [{"setting": name, "values": list(each)} for name, each in self.settings.items()],
            "pairs": [
                {"a": each.a, "b": each.b, **each.found.to_json(), "corrected_p": each.corrected_p}
                for each in self.pairs
            ],
            "disagreements": [
                {
                    "image": each.image,
                    "label": each.label,
                    "answers": [
                        {"run": name, "answer": answer, "probability": share}
                        for name, answer, share in zip(names, each.answers, each.probabilities, strict=True)
                    ],
                }
                for each in self.disagreements
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
            is counted.
        out: a folder for ``curves.png`` and ``disagreements.png``; None for nowhere.
        progress: is told how many classifiers have answered, and how many there are.

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
    probabilities = []
    for done, (subject, images) in enumerate(zip(subjects, shared.seen, strict=True), start=1):
        probabilities.append(subject.classifier.predict_proba(images.images))
        progress(done, len(subjects))
    compared = tuple(
        _compared(subject, images.labels, each, counted=split == "test")
        for subject, images, each in zip(subjects, shared.seen, probabilities, strict=True)
    )
    shares = np.stack(probabilities)  # (classifiers, n, k)
    answers = shares.argmax(axis=2)  # (classifiers, n)
    surest = disagreements(answers, shares.max(axis=2))
    disagreed = _disagreements(shared, surest, answers, shares.max(axis=2))
    return Comparison(
        dataset=subjects[0].data,
        split=split,
        part=shared.part,
        images=len(shared.numbers),
        compared=compared,
        settings=differing_settings(subjects),
        pairs=_pairs([each.name for each in subjects], answers == shared.seen[0].labels),
        disagreements=disagreed,
        seconds=time.perf_counter() - started,
        figures=() if out is None else _draw(out, compared, shared, surest, disagreed),
    )


def _compared(subject: Subject, labels: np.ndarray, probabilities: np.ndarray, *, counted: bool) -> Compared:
    metrics = evaluate_probabilities(probabilities, labels)
    run, trained = subject.run, subject.classifier.training
    evaluations = None
    if run is not None and counted:
        evaluations = run.record_test_evaluation(metrics.accuracy, metrics.images)
    return Compared(
        name=subject.name,
        accuracy=metrics.accuracy,
        interval=metrics.interval,
        loss=metrics.loss,
        parameters=summarize(subject.classifier.network).total,
        epochs=_whole(trained.get("epochs")),
        best_epoch=_whole(trained.get("best_epoch")),
        seconds=None if run is None else run.metrics.get("seconds", {}).get("total"),
        test_evaluations=evaluations,
        history=None if run is None else as_columns(run.history),
    )


def _whole(value: Any) -> int | None:
    """Return what a classifier's file says of a number of epochs, if it is one."""
    return value if isinstance(value, int) else None


def _pairs(names: Sequence[str], right: np.ndarray) -> tuple[Pair, ...]:
    """Return every pair; ``right`` is bool (classifiers, n)."""
    places = list(combinations(range(len(names)), 2))
    found = [compare_answers(right[a], right[b]) for a, b in places]
    corrected = holm([each.p for each in found])
    return tuple(
        Pair(names[a], names[b], each, p) for (a, b), each, p in zip(places, found, corrected, strict=True)
    )


def _disagreements(
    shared: SharedImages, surest: np.ndarray, answers: np.ndarray, shares: np.ndarray
) -> tuple[Disagreement, ...]:
    images = shared.seen[0]
    return tuple(
        Disagreement(
            image=int(shared.numbers[place]),
            label=images.classes[images.labels[place]],
            answers=tuple(images.classes[answer] for answer in answers[:, place]),
            probabilities=tuple(map(float, shares[:, place])),
        )
        for place in surest
    )


def _draw(
    out: Path,
    compared: Sequence[Compared],
    shared: SharedImages,
    surest: np.ndarray,
    disagreed: Sequence[Disagreement],
) -> tuple[Path, ...]:
    """Draw what there is to draw, and take away pictures of an earlier comparison."""
    curves, sheet = out / "curves.png", out / "disagreements.png"
    for path in (curves, sheet):
        path.unlink(missing_ok=True)
    histories = {each.name: each.history for each in compared if each.history and each.history["val_loss"]}
    if histories:
        best = {each.name: each.best_epoch for each in compared if each.best_epoch and each.name in histories}
        same_images = shared.part != "test"
        plots.save(compared_curves(histories, best, same_images=same_images), curves)
    if shown := disagreed[:MOST_SHOWN]:
        plots.save(
            disagreements_sheet(
                shared.seen[0].take(surest[: len(shown)]).images,
                [f"{shared.part} {each.image}, label {each.label}" for each in shown],
                [each.label for each in shown],
                [list(zip(each.answers, each.probabilities, strict=True)) for each in shown],
                [each.name for each in compared],
            ),
            sheet,
        )
    return tuple(path for path in (curves, sheet) if path.exists())
