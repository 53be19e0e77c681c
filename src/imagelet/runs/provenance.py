"""What a run or a classifier learned from: its train, validation and test images.

``test:17`` names the test image with the index 17, counted from 0.
"""

import re
from pathlib import Path

import numpy as np

from imagelet.classifier.classifier import Classifier, Source
from imagelet.data.datasets import load_dataset
from imagelet.data.imageset import Dataset, ImageSet
from imagelet.data.splits import Split
from imagelet.errors import DataError, UsageError
from imagelet.runs.definition import AUTO, Experiment
from imagelet.runs.run import Run
from imagelet.runs.store import find_classifier, run_of

NAMED = re.compile(r"(train|test|validation):(\d{1,9})")


def validation_images(dataset: Dataset, frozen: Split, validation: str) -> ImageSet | None:
    """Return the images that choose the best epoch: those split off, or the dataset's own; None without."""
    if len(frozen.validation):
        return dataset.train.take(frozen.validation)
    return dataset.validation if validation == AUTO else None


def images_of(run: Run, split: str) -> ImageSet:
    """Return a part of the run's own data: ``test``, ``validation``, or ``train`` with all training images.

    Raises:
        DataError: it is not there, is not what the run was trained on, or has no such part.
    """
    experiment = Experiment.from_toml(run.experiment)
    dataset = load_dataset(experiment.dataset, shape=experiment.input_shape)
    frozen = Split.load(run.folder / "split.json")
    frozen.check(dataset.train)
    if split == "train":
        return dataset.train
    if split == "test":
        return dataset.test
    images = validation_images(dataset, frozen, experiment.validation)
    if images is None:
        raise DataError("the run '{name}' has no validation images", hint="use --split test", name=run.name)
    return images


def image_of(run_or_file: str | Path, picture: Source) -> Source:
    """Return the pixels of a dataset's image that ``test:17`` names; any other picture as it is.

    Raises:
        UsageError: the dataset has no such image.
        DataError: the classifier does not say what it learned from, or it is not at hand.
    """
    named = NAMED.fullmatch(picture) if isinstance(picture, str) else None
    if named is None or Path(named[0]).exists():
        return picture
    images = part_of(run_or_file, named[1])
    if int(named[2]) >= len(images):
        number = f"{len(images):,} {named[1]} images"
        raise UsageError(
            "there is no image {sample}: there are {count}, counted from 0",
            hint="for example {part}:0",
            sample=named[0],
            count=number,
            part=named[1],
        )
    return np.asarray(images.images[int(named[2])])


def part_of(run_or_file: str | Path, part: str) -> ImageSet:
    """Return a part of what a classifier learned from; of a run the very images that it set aside."""
    path = find_classifier(str(run_or_file))
    run = run_of(path)
    if run is not None:
        return images_of(run, part)
    name = Classifier.load(path).training.get("dataset")
    if not name:
        raise DataError("the classifier does not say what it learned from", hint="name a picture's file")
    if part == "validation":
        raise DataError(
            "a classifier without its run does not know its validation images", hint="for example test:0"
        )
    dataset = load_dataset(str(name))
    return dataset.test if part == "test" else dataset.train
