"""The course's exercises: what filters answer, three images with their predictions, ten probabilities.

Each returns plain data and leaves a picture in the course's folder.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet import plots
from imagelet.classifier.classifier import Classifier
from imagelet.data.datasets import load_dataset
from imagelet.explanation import arithmetic
from imagelet.runs.run import Run

FILTERS, DEVIATION = 5, 0.01  # drawn from a normal distribution, as in the notes
IMAGES = 3
BATCH = 32
DATASET = "mnist"


@dataclass(frozen=True)
class FeatureMaps:
    """The first training image through random filters, and through pooling after them.

    Attributes:
        image: uint8 (28, 28, 1).
        kernels: float (filters, 3, 3).
        maps: float (1, 14, 14, filters): stride 2, SAME.
        largest: float (1, 7, 7, filters): the largest of each 2×2 cells.
        mean: float (1, 7, 7, filters): their mean.
        picture: the file with all of them.
    """

    image: NDArray[np.uint8]
    kernels: NDArray[np.float64]
    maps: NDArray[np.float64]
    largest: NDArray[np.float64]
    mean: NDArray[np.float64]
    picture: Path


def feature_maps(folder: Path, seed: int = 0) -> FeatureMaps:
    """Send MNIST's first training image through five random filters and pool what comes out.

    Args:
        folder: where ``feature-maps.png`` is written.
        seed: of the filters' weights.
    """
    image = load_dataset(DATASET).train.images[0]  # (28, 28, 1)
    kernels = np.random.default_rng(seed).normal(0.0, DEVIATION, (FILTERS, 3, 3))
    maps = [arithmetic.convolve(image[..., 0] / 255, kernel, 2, "same").output for kernel in kernels]
    largest = [arithmetic.pool(each, 2, padding="same").output for each in maps]
    mean = [arithmetic.pool(each, 2, padding="same", kind="average").output for each in maps]
    picture = folder / "feature-maps.png"
    rows = [
        ("the image", image[None, ..., 0]),
        ("the filters, 3×3", kernels),
        ("what they answer: stride 2, SAME", np.stack(maps)),
        ("the largest of each 2×2", np.stack(largest)),
        ("the mean of each 2×2", np.stack(mean)),
    ]
    plots.save(plots.feature_maps(rows), picture)
    return FeatureMaps(image, kernels, _batch(maps), _batch(largest), _batch(mean), picture)


def _batch(maps: list[Any]) -> NDArray[np.float64]:
    return np.stack(maps, axis=-1)[None]  # (1, height, width, filters)


@dataclass(frozen=True)
class Answers:
    """What a classifier says of test images.

    Attributes:
        places: which test images, counted from 0.
        images: uint8 (n, 28, 28, 1).
        labels: class names, n of them.
        predicted: class names, n of them.
        probabilities: float (n, classes).
        classes: all class names.
        picture: the file with them.
    """

    places: tuple[int, ...]
    images: NDArray[np.uint8]
    labels: tuple[str, ...]
    predicted: tuple[str, ...]
    probabilities: NDArray[np.float64]
    classes: tuple[str, ...]
    picture: Path


def three_images(run: Run, folder: Path, seed: int = 0) -> Answers:
    """Draw three random test images with label and prediction.

    Args:
        run: the training's.
        folder: where ``three-images.png`` is written.
        seed: of the choice.
    """
    images = len(load_dataset(DATASET).test)
    chosen = np.random.default_rng(seed).choice(images, min(IMAGES, images), replace=False)
    return _answers(run, chosen, folder / "three-images.png", columns=IMAGES)


def probabilities(run: Run, folder: Path) -> Answers:
    """Answer the first test images: the notes show the first one's probabilities and the classes of all.

    Args:
        run: the training's.
        folder: where ``probabilities.png`` is written.
    """
    images = len(load_dataset(DATASET).test)
    return _answers(run, np.arange(min(BATCH, images)), folder / "probabilities.png", columns=8)


def _answers(run: Run, chosen: NDArray[np.int64], picture: Path, columns: int) -> Answers:
    classifier = Classifier.load(run.classifier_file)
    images = load_dataset(DATASET).test.take(chosen)
    shares = classifier.predict_proba(images.images)
    classes = classifier.classes
    answers = shares.argmax(axis=1)
    labels = tuple(classes[label] for label in images.labels)
    predicted = tuple(classes[answer] for answer in answers)
    plots.save(plots.predictions(images.images, images.labels, answers, classes, columns), picture)
    places = tuple(int(place) for place in chosen)
    return Answers(places, images.images, labels, predicted, shares, classes, picture)
