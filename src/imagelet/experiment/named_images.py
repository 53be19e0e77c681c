"""Images of a dataset by their names: ``test:17`` is the test image with the number 17, counted from 0."""

import re
from pathlib import Path

import numpy as np

from imagelet.classifier import Classifier, Source
from imagelet.data.datasets import load_dataset
from imagelet.data.imageset import ImageSet
from imagelet.errors import DataError, UsageError
from imagelet.experiment.evaluating import images_of
from imagelet.runs import find_classifier, run_of

NAMED = re.compile(r"(train|test|validation):(\d{1,9})")


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
            f"there is no image {named[0]}: there are {number}, counted from 0",
            hint=f"for example {named[1]}:0",
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
