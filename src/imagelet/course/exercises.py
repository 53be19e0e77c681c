"""The course's exercises: feature maps, three images, ten probabilities, own digits in three ways.

Each returns plain data and leaves a picture in the course's folder. The exercise on own digits compares the
notes' way with framing, for the same pictures and network: the notes read a picture as grey, inverted it,
squeezed it to 28×28, and forgot to divide by 255.
"""

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imagelet import atomic_files, plots
from imagelet.classifier.classifier import Classifier
from imagelet.course.lessons import OWN_DIGITS
from imagelet.data.datasets import load_dataset
from imagelet.data.imageset import ImageSet, relabelled
from imagelet.data.pictures.dataset import list_labelled
from imagelet.explanation import arithmetic
from imagelet.metrics.classification import Interval, wilson_interval
from imagelet.preprocessing.framing import frame
from imagelet.preprocessing.normalization import Normalization
from imagelet.preprocessing.picture import open_picture, with_channels
from imagelet.runs.provenance import provenance_of_run
from imagelet.runs.run import Run

FILTERS, DEVIATION = 5, 0.01  # drawn from a normal distribution, as in the notes
IMAGES = 3
BATCH = 32
DATASET = "mnist"
WAYS = {
    "notes": "the notes' way: inverted, squeezed, not divided by 255",
    "scaled": "the same, divided by 255",
    "framed": "framed as MNIST's digits were",
}
UNSCALED = Normalization((0.0,), (1 / 255,))  # network input from 0 to 255
SURE = 0.5  # the notes set probabilities below it to 0; where all are, the first class is predicted
SHOWN = 48  # pictures in the sheet, misclassified ones first


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

    def to_json(self) -> dict[str, Any]:
        """Return the shapes of all of them."""
        return {
            "image": (1, *self.image.shape),
            "filters": self.kernels.shape,
            "maps": self.maps.shape,
            "max_pooled": self.largest.shape,
            "average_pooled": self.mean.shape,
        }


def feature_maps(folder: Path, seed: int = 0) -> FeatureMaps:
    """Send MNIST's first training image through five random filters and pool what comes out.

    Args:
        folder: where ``feature-maps.png`` is written.
        seed: of the filters' weights.
    """
    image = load_dataset(DATASET).train.images[0]  # (28, 28, 1)
    kernels = np.random.default_rng(seed).normal(0.0, DEVIATION, (FILTERS, 3, 3))
    maps = np.stack(
        [arithmetic.convolve(image[..., 0] / 255, kernel, 2, "same").output for kernel in kernels]
    )
    largest = np.stack([arithmetic.pool(one, 2, padding="same").output for one in maps])
    mean = np.stack([arithmetic.pool(one, 2, padding="same", kind="average").output for one in maps])
    picture = folder / "feature-maps.png"
    rows = [
        ("the image", image[None, ..., 0]),
        ("the filters, 3×3", kernels),
        ("what they give: stride 2, SAME", maps),
        ("the largest of each 2×2", largest),
        ("the mean of each 2×2", mean),
    ]
    plots.save(plots.feature_maps(rows), picture)
    maps, largest, mean = (np.moveaxis(one, 0, -1)[None] for one in (maps, largest, mean))
    return FeatureMaps(image, kernels, maps, largest, mean, picture)  # maps are (1, height, width, filters)


@dataclass(frozen=True)
class PredictedImages:
    """A classifier's predictions for some of its test images.

    Attributes:
        indices: which test images, counted from 0.
        images: uint8 (n, 28, 28, 1).
        labels: class names, n of them.
        predicted: class names, n of them.
        probabilities: float (n, classes).
        classes: all class names.
        picture: the file with them.
    """

    indices: tuple[int, ...]
    images: NDArray[np.uint8]
    labels: tuple[str, ...]
    predicted: tuple[str, ...]
    probabilities: NDArray[np.float64]
    classes: tuple[str, ...]
    picture: Path

    @property
    def first_probabilities(self) -> dict[str, float]:
        """The probabilities of the first image, by class."""
        return dict(zip(self.classes, map(float, self.probabilities[0]), strict=True))

    def to_json(self) -> dict[str, Any]:
        """Return the predictions as plain data."""
        rows = zip(self.indices, self.labels, self.predicted, self.probabilities, strict=True)
        return {
            "probabilities": self.first_probabilities,
            "images": [
                {"image": index, "label": label, "predicted": predicted, "probability": float(ten.max())}
                for index, label, predicted, ten in rows
            ],
        }


def three_images(run: Run, folder: Path, seed: int = 0) -> PredictedImages:
    """Draw three random test images with label and prediction.

    Args:
        run: the training's.
        folder: where ``three-images.png`` is written.
        seed: of the choice.
    """
    images = _test_images(run)
    chosen = np.random.default_rng(seed).choice(len(images), min(IMAGES, len(images)), replace=False)
    return _predictions(run, images, chosen, folder / "three-images.png", columns=IMAGES)


def probabilities(run: Run, folder: Path) -> PredictedImages:
    """Predict the first test images: the notes show the first one's probabilities and the classes of all.

    Args:
        run: the training's.
        folder: where ``probabilities.png`` is written.
    """
    images = _test_images(run)
    first = np.arange(min(BATCH, len(images)))
    return _predictions(run, images, first, folder / "probabilities.png", columns=8)


def _test_images(run: Run) -> ImageSet:
    """Return the run's test images: it was evaluated on them, and that was counted."""
    return provenance_of_run(run).open().part("test").images


def _predictions(
    run: Run, images: ImageSet, chosen: NDArray[np.int64], picture: Path, columns: int
) -> PredictedImages:
    classifier, shown = Classifier.load(run.classifier_file), images.take(chosen)
    probabilities = classifier.predict_proba(shown.images)
    predicted, classes = probabilities.argmax(axis=1), classifier.classes
    _draw(shown, predicted, classes, picture, columns)
    return PredictedImages(
        indices=tuple(map(int, chosen)),
        images=shown.images,
        labels=tuple(classes[label] for label in shown.labels),
        predicted=tuple(classes[index] for index in predicted),
        probabilities=probabilities,
        classes=classes,
        picture=picture,
    )


def _draw(
    images: ImageSet, predicted: NDArray[np.int64], classes: tuple[str, ...], picture: Path, columns: int
) -> None:
    plots.save(plots.predictions(images.images, images.labels, predicted, classes, columns), picture)


@dataclass(frozen=True)
class OwnDigits:
    """The accuracies of the three ways.

    Attributes:
        pictures: where they lie.
        images: how many there are.
        accuracies: 0 to 1, for each of ``WAYS``.
        wrong: the pictures that the framed way misclassified: (file, label, predicted class).
        seconds: of opening, framing and predicting.
        picture: a sheet of the framed pictures, misclassified ones first.
    """

    pictures: str
    images: int
    accuracies: dict[str, float]
    wrong: tuple[tuple[str, str, str], ...]
    seconds: float
    picture: Path

    def interval(self, way: str) -> Interval:
        """Return the accuracy's Wilson interval at 95 %; wider in truth where few people drew many digits."""
        return wilson_interval(round(self.accuracies[way] * self.images), self.images)

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return {
            "pictures": self.pictures,
            "images": self.images,
            "ways": [
                {"way": way, "accuracy": self.accuracies[way], "interval": list(self.interval(way))}
                for way in WAYS
            ],
            "wrong": [dict(zip(("file", "label", "predicted"), one, strict=True)) for one in self.wrong],
            "seconds": self.seconds,
            "picture": str(self.picture),
        }


def own_digits(run: Run, pictures: str, folder: Path) -> OwnDigits:
    """Classify own pictures in three ways.

    Args:
        run: of the classifier.
        pictures: a folder with one subfolder a digit, or a CSV file with the columns path and label.
        folder: where ``own-digits.png`` and ``own-digits.json`` are written.

    Raises:
        DataError: there are no such pictures, or they have labels that are no digits.
        PictureError: one cannot be read.
    """
    started = time.perf_counter()
    classifier = Classifier.load(run.classifier_file)
    listed = list_labelled(pictures)
    ways: tuple[list[Any], list[Any]] = [], []
    for own in listed.pictures:
        opened = open_picture(own)
        ways[0].append(squeezed_as_in_the_notes(opened, classifier.input_shape))
        ways[1].append(frame(opened, classifier.framing))
    squeezed, framed = (
        relabelled(ImageSet(np.stack(way), listed.labels, listed.classes), classifier.classes, pictures)
        for way in ways
    )
    predicted = _own_predictions(classifier, squeezed, framed)
    picture = folder / f"{OWN_DIGITS}.png"
    answers, names = predicted["framed"], classifier.classes
    wrong = np.flatnonzero(answers != framed.labels)
    chosen = np.argsort(answers == framed.labels, kind="stable")[:SHOWN]
    _draw(framed.take(chosen), answers[chosen], names, picture, columns=8)
    result = OwnDigits(
        pictures=pictures,
        images=len(framed),
        accuracies={way: float((predicted[way] == framed.labels).mean()) for way in WAYS},
        wrong=tuple(
            (listed.within(listed.pictures[i]), names[framed.labels[i]], names[answers[i]]) for i in wrong
        ),
        seconds=time.perf_counter() - started,
        picture=picture,
    )
    atomic_files.write_json(folder / f"{OWN_DIGITS}.json", {"run": run.name, **result.to_json()})
    return result


def _own_predictions(
    classifier: Classifier, squeezed: ImageSet, framed: ImageSet
) -> dict[str, NDArray[np.int64]]:
    """Return the predicted classes, for each of ``WAYS``."""
    unscaled = dataclasses.replace(classifier, normalization=UNSCALED)
    as_in_the_notes = unscaled.predict_proba(squeezed.images) >= SURE
    return {
        "notes": as_in_the_notes.argmax(axis=1),
        "scaled": classifier.predict_proba(squeezed.images).argmax(axis=1),
        "framed": classifier.predict_proba(framed.images).argmax(axis=1),
    }


def squeezed_as_in_the_notes(picture: NDArray[np.uint8], shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return a picture as the notes made it: grey, inverted, of the network's size by plain interpolation."""
    height, width, channels = shape
    inverted = 255 - with_channels(picture, channels)  # (h, w, 1)
    pixels = torch.from_numpy(inverted[None, ..., 0].astype(np.float32))[None]  # (1, 1, h, w)
    resized = torch.nn.functional.interpolate(pixels, (height, width), mode="bilinear", align_corners=False)
    return resized[0, 0, :, :, None].round().to(torch.uint8).numpy()  # (height, width, 1)
