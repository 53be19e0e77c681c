"""Comparing classifiers on the same images: accuracies, paired tests, settings, disagreements.

By default the classifiers are compared on the validation images, which they must have in common. These chose
each one's epoch, so all accuracies are a little too high. A comparison on the test images is a test
evaluation of every run that takes part: it is recorded and counted there.
"""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from imagelet import plots
from imagelet.analysis.opening import check_split
from imagelet.analysis.test_evaluation import Evaluated, evaluate_images, evaluate_test_images
from imagelet.classifier.classifier import Classifier
from imagelet.data.imageset import Dataset, ImageSet
from imagelet.errors import DataError, UsageError
from imagelet.metrics.classification import Interval
from imagelet.metrics.comparison import PairedDifference, compare_predictions, disagreements, holm
from imagelet.networks import count_parameters
from imagelet.progress import Progress, silent
from imagelet.runs.definition import Experiment
from imagelet.runs.learner import Learner, find_learner
from imagelet.runs.provenance import PartImages, Provenance, provenance_of, provenance_of_run
from imagelet.runs.run import Run
from imagelet.training.history import as_columns
from imagelet.training.recipe import Recipe, recipe_to_json

MOST_SHOWN = 24  # disagreements in a sheet


@dataclass(frozen=True)
class Subject:
    """A classifier that is compared with others.

    Attributes:
        name: no other subject's.
        classifier: the classifier.
        provenance: what it learned from.
    """

    name: str
    classifier: Classifier
    provenance: Provenance

    @property
    def run(self) -> Run | None:
        """The run that made it; None where it is only a file, or a shipped one."""
        return self.provenance.run


def open_subjects(given: Sequence[Any], *, allow_import: bool | None = None) -> tuple[Subject, ...]:
    """Return the classifiers that are meant, each as :func:`imagelet.load` takes it.

    Raises:
        UsageError: fewer than two, one of them twice, or something that is no classifier.
        RunError: one is not there, or its run has no classifier yet.
        ClassifierFileError: a file is damaged, or is no classifier.
        DataError: one does not say what it learned from.
    """
    if isinstance(given, str | os.PathLike) or not isinstance(given, Iterable):
        raise UsageError(
            "compare takes a list of runs; this is of the type {type}",
            hint="for example compare([run, other])",
            type=type(given).__name__,
        )
    given = list(given)
    learners = [find_learner(one) for one in given]
    if len(learners) < 2:
        raise UsageError(
            "compare takes at least 2 runs, not {count}",
            hint="imagelet runs lists them",
            count=len(learners),
        )
    places = [id(one.loaded) if one.file is None else one.file.resolve() for one in learners]
    texts = [
        one if isinstance(one, str) else learner.name for one, learner in zip(given, learners, strict=True)
    ]
    for place, text in zip(places, texts, strict=True):
        if places.count(place) > 1:
            raise UsageError(
                "'{name}' is named twice; compare takes different runs",
                hint="imagelet runs lists them",
                name=text,
            )
    names = [learner.name for learner in learners]
    unique = [
        name if names.count(name) == 1 else text if texts.count(text) == 1 else f"{text} ({number})"
        for number, (name, text) in enumerate(zip(names, texts, strict=True), start=1)
    ]
    runs = [learner.run for learner in learners if learner.run is not None]
    of_runs = {provenance.data_sha256: provenance for provenance in map(provenance_of_run, runs)}
    return tuple(
        _subject(name, learner, of_runs, allow_import) for name, learner in zip(unique, learners, strict=True)
    )


def shared_images(
    subjects: Sequence[Subject], split: str
) -> tuple[tuple[PartImages, ...], tuple[Dataset, ...]]:
    """Return the images of ``split`` that the subjects have in common, and the datasets that they are from.

    For each subject they are the same n images, of the size that it takes, with their indices in the dataset.

    Args:
        subjects: at least one.
        split: ``test``: the test images of what all were trained on; ``validation``: the images that chose
            each one's epoch, which must be the same.

    Raises:
        DataError: they were trained on different data, it has changed since, or there are no such images.
    """
    _check_same_data(subjects)
    opened: dict[tuple[str, str], Dataset] = {}
    parts: list[PartImages] = []
    datasets: list[Dataset] = []
    for subject in subjects:
        provenance = subject.provenance
        learned_from = provenance.open(opened.get(provenance.source))
        datasets.append(opened.setdefault(provenance.source, learned_from.dataset))
        part = learned_from.part(split)
        if parts and not _alike(parts[0], part):
            raise DataError(
                "'{a}' and '{b}' have different {part} images",
                hint="compare them with --split test; runs of the same --seed and --validation share theirs",
                a=subjects[0].name,
                b=subject.name,
                part=split,
            )
        if subject.classifier.classes != part.images.classes:
            values = {"name": subject.name, "dataset": provenance.dataset}
            raise DataError("'{name}' knows other classes than {dataset} has", **values)
        parts.append(part)
    return tuple(parts), tuple(datasets)


def differing_settings(subjects: Sequence[Subject]) -> dict[str, tuple[Any, ...]]:
    """Return the settings that not all subjects have in common, each with its value for every subject.

    What a file does not say is None, and is no difference.
    """
    stated = [_settings(subject) for subject in subjects]
    differing = {}
    for name in dict.fromkeys(name for settings in stated for name in settings):
        values = tuple(settings.get(name) for settings in stated)
        known = [value for value in values if value is not None]
        if any(value != known[0] for value in known):
            differing[name] = values
    if "network" in differing:
        names = tuple(
            subject.classifier.network_text if subject.run is None else subject.run.experiment["network"]
            for subject in subjects
        )
        if len(set(names)) == len(set(differing["network"])):  # else the name hides what differs
            differing["network"] = names
    return differing


def _subject(
    name: str, learner: Learner, of_runs: Mapping[str, Provenance], allow_import: bool | None
) -> Subject:
    """Return a subject; a file that learned from a folder does not say where that is, a run of it does."""
    classifier = learner.load(allow_import=allow_import)
    same_data = of_runs.get(str(classifier.training.get("data_sha256")))
    if same_data is not None and learner.run is None:
        return Subject(name, classifier, replace(same_data, name=learner.name, run=None))
    return Subject(name, classifier, provenance_of(replace(learner, loaded=classifier)))


def _check_same_data(subjects: Sequence[Subject]) -> None:
    """Raise unless all were trained on the same images, perhaps brought to different sizes."""
    first = subjects[0]
    for subject in subjects:
        same_size = subject.classifier.input_shape == first.classifier.input_shape
        a, b = first.provenance, subject.provenance
        if a.data_sha256 == b.data_sha256 or (a.dataset == b.dataset and not same_size):
            continue
        raise DataError(
            "'{a}' and '{b}' were trained on different data: {dataset} has changed between them"
            if a.dataset == b.dataset
            else "'{a}' and '{b}' were trained on different data: {other} and {dataset}",
            hint="compare classifiers of one dataset",
            a=first.name,
            b=subject.name,
            other=a.dataset,
            dataset=b.dataset,
        )


def _alike(one: PartImages, other: PartImages) -> bool:
    """Say whether both are the same images in the same order; of another size only labels can be compared."""
    same = one.part == other.part and np.array_equal(one.indices, other.indices)
    a, b = one.images, other.images
    same = same and a.classes == b.classes and np.array_equal(a.labels, b.labels)
    return same and (a.shape != b.shape or np.array_equal(a.images, b.images))


def _settings(subject: Subject) -> dict[str, Any]:
    """Return all that was resolved for a training: of a run, from its experiment; of a file, what it says."""
    trained = subject.classifier.training
    recipe, seed = trained.get("recipe"), trained.get("seed")
    of_run: dict[str, Any] = {}
    if subject.run is not None:
        content = subject.run.experiment
        experiment, resolved = Experiment.from_toml(content), content.get("resolved", {})
        recipe, seed = recipe_to_json(experiment.recipe), experiment.seed
        of_run = {name: getattr(experiment, name) for name in ("dataset", "validation", "limit")}
        of_run |= {name: resolved.get(name) for name in ("device", "precision")}
    written = {**recipe_to_json(Recipe()), **recipe} if isinstance(recipe, Mapping) else {}
    written.pop("network", None)  # only what the recipe would suggest; the network that was trained is above
    return {
        "network": subject.classifier.network_text,
        "input_shape": list(subject.classifier.input_shape),
        **{f"recipe.{name}": value for name, value in written.items()},
        "seed": seed,
        **of_run,
        **{name: trained.get(name) for name in ("training_images", "validation_images")},
    }


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
        predictions: the predicted class and its probability, 0 to 1, in the order of the classifiers.
    """

    image: int
    label: str
    predictions: tuple[tuple[str, float], ...]


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

    def __repr__(self) -> str:
        accuracies = ", ".join(f"{one.name!r} {100 * one.accuracy:.2f} %" for one in self.compared)
        return f"Comparison({self.dataset!r}, {self.split}, {self.images:,} images: {accuracies})"

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
                        for name, (predicted, probability) in zip(names, one.predictions, strict=True)
                    ],
                }
                for one in self.disagreements
            ],
            "seconds": self.seconds,
            "figures": [str(path) for path in self.figures],
        }


def compare(
    runs: Sequence[Any],
    split: str = "validation",
    out: str | os.PathLike[str] | None = None,
    progress: Progress = silent,
    *,
    allow_import: bool | None = None,
) -> Comparison:
    """Compare classifiers on the same images.

    It is about these classifiers, not about their settings: another seed gives another classifier.

    Args:
        runs: two or more, each a run, its folder or name; what training returned; a classifier, a
            ``.safetensors`` file, or a shipped classifier's name.
        split: ``validation``: the images that chose their epochs, which must be the same; or ``test``, which
            is recorded and counted in every run.
        out: a folder for ``curves.png`` and ``disagreements.png``; None for nowhere.
        progress: is told how many classifiers have been asked, and how many there are.
        allow_import: whether code that a file names as its network is imported, as :func:`imagelet.load`.

    Raises:
        ImageletError: classifiers that are not there, or that cannot be compared.
    """
    started = time.perf_counter()
    check_split(split)
    subjects = open_subjects(runs, allow_import=allow_import)
    parts, datasets = shared_images(subjects, split)
    evaluated: list[Evaluated] = []
    for subject, part, dataset in zip(subjects, parts, datasets, strict=True):
        evaluated.append(_evaluated(subject, part, dataset, split))
        progress(len(evaluated), len(subjects))
    probabilities = np.stack([one.probabilities for one in evaluated])  # (classifiers, n, k)
    predicted, confidences = probabilities.argmax(axis=2), probabilities.max(axis=2)  # (classifiers, n)
    first = parts[0]
    order = disagreements(predicted, confidences)
    compared = tuple(map(_compared, subjects, evaluated))
    disagreed = tuple(_disagreement(first, at, predicted[:, at], confidences[:, at]) for at in order)
    return Comparison(
        dataset=subjects[0].provenance.dataset,
        split=split,
        part=first.part,
        images=len(first.indices),
        compared=compared,
        settings=differing_settings(subjects),
        pairs=_pairs([subject.name for subject in subjects], predicted, first.images),
        disagreements=disagreed,
        seconds=time.perf_counter() - started,
        figures=() if out is None else _draw(Path(out), compared, first, order, disagreed),
    )


def _evaluated(subject: Subject, part: PartImages, dataset: Dataset, split: str) -> Evaluated:
    if subject.run is not None and split == "test":  # recorded and counted
        return evaluate_test_images(subject.run, subject.classifier, dataset)
    return evaluate_images(subject.classifier, part.images)


def _compared(subject: Subject, evaluated: Evaluated) -> Compared:
    run, trained, metrics = subject.run, subject.classifier.training, evaluated.metrics
    return Compared(
        name=subject.name,
        accuracy=metrics.accuracy,
        interval=metrics.interval,
        loss=metrics.loss,
        parameters=count_parameters(subject.classifier.network),
        epochs=_whole(trained.get("epochs")),
        best_epoch=_whole(trained.get("best_epoch")),
        seconds=None if run is None else run.metrics.get("seconds", {}).get("total"),
        test_evaluations=evaluated.test_evaluations,
        history=None if run is None else as_columns(run.history),
    )


def _whole(value: Any) -> int | None:
    """Return what a classifier's file says of a number of epochs, if it is one."""
    return value if isinstance(value, int) else None


def _pairs(names: Sequence[str], predicted: np.ndarray, images: ImageSet) -> tuple[Pair, ...]:
    """Return every pair, by their predictions (classifiers, n); of copies, predicted alike, one counts."""
    different = np.unique(images.originals)
    correct = predicted[:, different] == images.labels[different]  # (classifiers, different images)
    indices = list(combinations(range(len(names)), 2))
    differences = [compare_predictions(correct[a], correct[b]) for a, b in indices]
    corrected = holm([difference.p for difference in differences])
    return tuple(
        Pair(names[a], names[b], difference, p)
        for (a, b), difference, p in zip(indices, differences, corrected, strict=True)
    )


def _disagreement(
    part: PartImages, index: int, predicted: np.ndarray, confidences: np.ndarray
) -> Disagreement:
    classes = part.images.classes
    predictions = zip((classes[one] for one in predicted), confidences.tolist(), strict=True)
    label = classes[part.images.labels[index]]
    return Disagreement(int(part.indices[index]), label, tuple(predictions))


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
        plots.save(plots.compared_curves(histories, best, same_images=same_images), curves)
    if shown := disagreed[:MOST_SHOWN]:
        plots.save(
            plots.disagreements(
                part.images.take(order[: len(shown)]).images,
                [f"{part.part} {one.image}, label {one.label}" for one in shown],
                [one.label for one in shown],
                [list(one.predictions) for one in shown],
                [one.name for one in compared],
            ),
            sheet,
        )
    return tuple(path for path in (curves, sheet) if path.exists())
