"""The classifiers of a comparison: the images that all of them can be asked about, and their settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from imagelet.classifier.classifier import Classifier
from imagelet.data.imageset import Dataset
from imagelet.errors import DataError, UsageError
from imagelet.runs.definition import Experiment
from imagelet.runs.provenance import PartImages, Provenance, provenance_of, provenance_of_run
from imagelet.runs.run import Run
from imagelet.runs.store import find_classifier, run_of
from imagelet.training.recipe import Recipe, recipe_to_json


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


@dataclass(frozen=True, eq=False)
class SharedImages:
    """The same images for every subject.

    Attributes:
        parts: for each subject the n images, of the size that it takes, with their indices in the dataset.
        datasets: for each subject the dataset that they are from.
    """

    parts: tuple[PartImages, ...]
    datasets: tuple[Dataset, ...]


def open_subjects(texts: Sequence[str]) -> tuple[Subject, ...]:
    """Return the classifiers that are named, each by a run's folder or name, a file, or a shipped one's name.

    Raises:
        UsageError: fewer than two, or one of them twice.
        RunError: one is not there, or its run has no classifier yet.
        ClassifierFileError: a file is damaged, or is no classifier.
        DataError: one does not say what it learned from.
    """
    if len(texts) < 2:
        raise UsageError(
            "compare takes at least 2 runs, not {count}", hint="imagelet runs lists them", count=len(texts)
        )
    paths = [find_classifier(text) for text in texts]
    places = [path.resolve() for path in paths]
    for place, text in zip(places, texts, strict=True):
        if places.count(place) > 1:
            raise UsageError(
                "'{name}' is named twice; compare takes different runs",
                hint="imagelet runs lists them",
                name=text,
            )
    names = [path.parent.name if run_of(path) else path.stem for path in paths]
    unique = [name if names.count(name) == 1 else text for name, text in zip(names, texts, strict=True)]
    runs = [run for run in map(run_of, paths) if run is not None]
    of_runs = {provenance.data_sha256: provenance for provenance in map(provenance_of_run, runs)}
    return tuple(_subject(name, path, of_runs) for name, path in zip(unique, paths, strict=True))


def shared_images(subjects: Sequence[Subject], split: str) -> SharedImages:
    """Return the images of ``split`` that the subjects have in common.

    Args:
        subjects: at least one.
        split: ``test``: the test images of what all were trained on; ``validation``: the images that chose
            each one's epoch, which must be the same.

    Raises:
        DataError: they were trained on different data, it has changed since, or there are no such images.
    """
    _check_same_data(subjects)
    opened: dict[tuple[str, Any], Dataset] = {}
    parts: list[PartImages] = []
    for subject in subjects:
        provenance = subject.provenance
        source = (provenance.dataset, provenance.shape)
        learned_from = provenance.open(opened.get(source))
        opened[source] = learned_from.dataset
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
            raise DataError(
                "'{name}' knows other classes than {dataset} has",
                name=subject.name,
                dataset=provenance.dataset,
            )
        parts.append(part)
    sources = [(subject.provenance.dataset, subject.provenance.shape) for subject in subjects]
    return SharedImages(tuple(parts), tuple(opened[source] for source in sources))


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
        names = tuple(_network_name(subject) for subject in subjects)
        if len(set(names)) == len(set(differing["network"])):  # else the name hides what differs
            differing["network"] = names
    return differing


def _subject(name: str, path: Path, of_runs: Mapping[str, Provenance]) -> Subject:
    """Return a subject; a file that learned from a folder does not say where that is, a run of it does."""
    classifier = Classifier.load(path)
    same_data = of_runs.get(str(classifier.training.get("data_sha256")))
    if same_data is not None and run_of(path) is None:
        return Subject(name, classifier, replace(same_data, name=path.stem, run=None))
    return Subject(name, classifier, provenance_of(path, classifier))


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


def _network_name(subject: Subject) -> str:
    if subject.run is None:
        return subject.classifier.network_text
    return Experiment.from_toml(subject.run.experiment).network
