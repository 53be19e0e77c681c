"""The images on which classifiers can be compared fairly: none has learned from them, and all answer them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagelet.classifier.classifier import Classifier
from imagelet.data.datasets import load_dataset
from imagelet.data.imageset import Dataset, ImageSet
from imagelet.data.known import datasets
from imagelet.data.splits import Split
from imagelet.errors import DataError, UsageError
from imagelet.runs.definition import Experiment
from imagelet.runs.provenance import validation_images
from imagelet.runs.run import Run
from imagelet.runs.store import find_classifier, run_of

Source = tuple[str, tuple[int, int, int] | None]  # a dataset, and the shape that its pictures are brought to


@dataclass(frozen=True)
class Subject:
    """A classifier that is compared with others.

    Attributes:
        name: no other subject's.
        classifier: the classifier.
        run: the run that made it; None where it is only a file, or a shipped one.
        data: what it was trained on: a dataset's name, or a folder.
        data_sha256: the fingerprint of the images that it was trained on.
    """

    name: str
    classifier: Classifier
    run: Run | None
    data: str
    data_sha256: str


@dataclass(frozen=True)
class SharedImages:
    """The same images for every subject.

    Attributes:
        part: which part of the dataset they are from: ``train`` (split off it), ``validation`` or ``test``.
        numbers: int64 (n,), each image's place in that part.
        seen: for each subject the n images, of the size that it takes.
    """

    part: str
    numbers: NDArray[np.int64]
    seen: tuple[ImageSet, ...]


def open_subjects(texts: Sequence[str]) -> tuple[Subject, ...]:
    """Return the classifiers that are named, each by a run's folder or name, a file, or a shipped one's name.

    Raises:
        UsageError: fewer than two, or one of them twice.
        RunError: one is not there, or its run has no classifier yet.
        ClassifierFileError: a file is damaged, or is no classifier.
        DataError: one does not say what it was trained on.
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
    return tuple(_subject(name, path) for name, path in zip(unique, paths, strict=True))


def shared_images(subjects: Sequence[Subject], split: str) -> SharedImages:
    """Return the images of ``split`` that the subjects have in common.

    Args:
        subjects: at least one.
        split: ``test``: the test images of what all were trained on; ``validation``: the images that chose
            each one's epoch, which must be the same.

    Raises:
        DataError: they were trained on different data, it has changed since, or there are no such images.
    """
    sources = [_source(subject, subjects) for subject in subjects]
    _check_same_data(subjects, sources)
    opened = {source: load_dataset(source[0], shape=source[1]) for source in dict.fromkeys(sources)}
    for subject, source in zip(subjects, sources, strict=True):
        if opened[source].train.fingerprint() != subject.data_sha256:
            raise DataError(
                "{dataset} is not what '{name}' was trained on: the data has changed since",
                hint="bring the data back as it was",
                dataset=source[0],
                name=subject.name,
            )
    parts: list[tuple[str, NDArray[np.int64], ImageSet]] = []
    for subject, source in zip(subjects, sources, strict=True):
        part = _part(subject, opened[source], split)
        if parts and not _alike(parts[0], part):
            raise DataError(
                "'{a}' and '{b}' have different {part} images",
                hint="compare them with --split test; runs of the same --seed and --validation share theirs",
                a=subjects[0].name,
                b=subject.name,
                part=split,
            )
        if subject.classifier.classes != part[2].classes:
            raise DataError(
                "'{name}' knows other classes than {dataset} has", name=subject.name, dataset=source[0]
            )
        parts.append(part)
    part_name, numbers, _ = parts[0]
    return SharedImages(part_name, numbers, tuple(images for _, _, images in parts))


def _subject(name: str, path: Path) -> Subject:
    classifier = Classifier.load(path)
    run = run_of(path)
    trained = classifier.training
    data = Experiment.from_toml(run.experiment).dataset if run else trained.get("dataset")
    if not data or not trained.get("data_sha256"):
        raise DataError(
            "'{name}' does not say what it was trained on, so it cannot be compared",
            hint="imagelet evaluate FILE --data DATASET tells how good it is",
            name=name,
        )
    return Subject(name, classifier, run, str(data), str(trained["data_sha256"]))


def _source(subject: Subject, subjects: Sequence[Subject]) -> Source:
    """Return what to read for ``subject``; a file knows of a folder only its name, a run its place."""
    if subject.run is None:
        for other in subjects:
            if other.run is not None and other.data_sha256 == subject.data_sha256:
                return _source(other, subjects)
        return subject.data, None if subject.data in datasets else subject.classifier.input_shape
    return subject.data, Experiment.from_toml(subject.run.experiment).input_shape


def _check_same_data(subjects: Sequence[Subject], sources: Sequence[Source]) -> None:
    """Raise unless all were trained on the same images, perhaps brought to different sizes."""
    first = subjects[0]
    for subject, source in zip(subjects, sources, strict=True):
        same_size = subject.classifier.input_shape == first.classifier.input_shape
        if subject.data_sha256 == first.data_sha256 or (source[0] == sources[0][0] and not same_size):
            continue
        told = (
            f"{source[0]} has changed between them"
            if source[0] == sources[0][0]
            else f"{sources[0][0]} and {source[0]}"
        )
        raise DataError(
            "'{a}' and '{b}' were trained on different data: {problem}",
            hint="compare classifiers of one dataset",
            a=first.name,
            b=subject.name,
            problem=told,
        )


def _part(subject: Subject, dataset: Dataset, split: str) -> tuple[str, NDArray[np.int64], ImageSet]:
    """Return the part's name, the images' places in it, and the images."""
    if split == "test":
        return "test", np.arange(len(dataset.test)), dataset.test
    if subject.run is None:
        raise DataError(
            "'{name}' is a classifier without its run: its validation images are not known",
            hint="compare it with --split test",
            name=subject.name,
        )
    frozen = Split.load(subject.run.folder / "split.json")
    experiment = Experiment.from_toml(subject.run.experiment)
    images = validation_images(dataset, frozen, experiment.validation)
    if images is None:
        raise DataError(
            "the run '{name}' has no validation images",
            hint="compare it with --split test",
            name=subject.name,
        )
    if len(frozen.validation):
        return "train", frozen.validation, images
    return "validation", np.arange(len(images)), images


def _alike(
    one: tuple[str, NDArray[np.int64], ImageSet], other: tuple[str, NDArray[np.int64], ImageSet]
) -> bool:
    """Say whether both are the same images in the same order; of another size only labels can be compared."""
    (part, numbers, images), (other_part, other_numbers, others) = one, other
    same = part == other_part and np.array_equal(numbers, other_numbers)
    same = same and images.classes == others.classes and np.array_equal(images.labels, others.labels)
    return same and (images.shape != others.shape or np.array_equal(images.images, others.images))
