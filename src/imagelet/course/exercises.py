"""The course's exercises: feature maps, three images, ten probabilities, own digits in three ways.

Each returns plain data and leaves a picture in the course's folder. The exercise on own digits compares the
notes' way with framing, for the same pictures and network: the notes read a picture as grey, inverted it,
squeezed it to 28×28, and forgot to divide by 255.
"""

import dataclasses
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imagelet import atomic_files, plots
from imagelet.classifier.classifier import Classifier
from imagelet.course.lessons import Exercise, lessons
from imagelet.course.results import Reached, Result
from imagelet.data.datasets import load_dataset
from imagelet.data.folder import list_labelled
from imagelet.data.imageset import ImageSet, relabelled
from imagelet.data.labelled_pictures import LabelledFiles
from imagelet.errors import DataError
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
OWN_DIGITS = "own-digits"
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


def feature_maps(folder: Path, seed: int = 0) -> FeatureMaps:
    """Send MNIST's first training image through five random filters and pool what comes out.

    Args:
        folder: where ``feature-maps.png`` is written.
        seed: of the filters' weights.
    """
    image = load_dataset(DATASET).train.images[0]  # (28, 28, 1)
    kernels = np.random.default_rng(seed).normal(0.0, DEVIATION, (FILTERS, 3, 3))
    maps = [arithmetic.convolve(image[..., 0] / 255, kernel, 2, "same").output for kernel in kernels]
    largest = [arithmetic.pool(one, 2, padding="same").output for one in maps]
    mean = [arithmetic.pool(one, 2, padding="same", kind="average").output for one in maps]
    picture = folder / "feature-maps.png"
    rows = [
        ("the image", image[None, ..., 0]),
        ("the filters, 3×3", kernels),
        ("what they give: stride 2, SAME", np.stack(maps)),
        ("the largest of each 2×2", np.stack(largest)),
        ("the mean of each 2×2", np.stack(mean)),
    ]
    plots.save(plots.feature_maps(rows), picture)
    return FeatureMaps(image, kernels, _batch(maps), _batch(largest), _batch(mean), picture)


def _batch(maps: list[Any]) -> NDArray[np.float64]:
    return np.stack(maps, axis=-1)[None]  # (1, height, width, filters)


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
    plots.save(plots.predictions(shown.images, shown.labels, predicted, classes, columns), picture)
    return PredictedImages(
        indices=tuple(map(int, chosen)),
        images=shown.images,
        labels=tuple(classes[label] for label in shown.labels),
        predicted=tuple(classes[index] for index in predicted),
        probabilities=probabilities,
        classes=classes,
        picture=picture,
    )


# -- own digits ----------------------------------------------------------------------------------------------


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
    squeezed, framed = _read(listed, classifier, pictures)
    predicted = _own_predictions(classifier, squeezed, framed)
    picture = folder / f"{OWN_DIGITS}.png"
    wrong = np.flatnonzero(predicted["framed"] != framed.labels)
    _draw_own(framed, predicted["framed"], wrong, picture)
    names = classifier.classes
    result = OwnDigits(
        pictures=pictures,
        images=len(framed),
        accuracies={way: float((predicted[way] == framed.labels).mean()) for way in WAYS},
        wrong=tuple(
            (
                str(listed.paths[i].relative_to(listed.folder)),
                names[framed.labels[i]],
                names[predicted["framed"][i]],
            )
            for i in wrong
        ),
        seconds=time.perf_counter() - started,
        picture=picture,
    )
    atomic_files.write_json(folder / f"{OWN_DIGITS}.json", {"run": run.name, **result.to_json()})
    return result


def own_digits_result(folder: Path, seed: int, run: Run | None) -> Result:
    """Return the result of the exercise on own digits with this run; without figures where it was not run.

    Raises:
        DataError: its file is damaged.
    """
    lesson = lessons.get(OWN_DIGITS)
    assert isinstance(lesson, Exercise)
    run_folder = run.folder if run else None
    path = folder / f"{OWN_DIGITS}.json"
    if run is None or not path.exists():
        return Result(lesson, seed, run_folder)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["run"] != run.name:
            return Result(lesson, seed, run_folder)
        framed = next(way for way in content["ways"] if way["way"] == "framed")
        figure = Reached(
            lesson.printed[0], framed["accuracy"], Interval(*framed["interval"]), content["images"]
        )
        return Result(lesson, seed, run_folder, (figure,), content["seconds"])
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise DataError("{file} is damaged: {error}", hint="delete it", file=path, error=error) from error


def _read(listed: LabelledFiles, classifier: Classifier, pictures: str) -> tuple[ImageSet, ImageSet]:
    """Return the pictures as the notes made images of them, and framed; labels count in the classifier's."""
    squeezed, framed = [], []
    for path in listed.paths:
        picture = open_picture(path)
        squeezed.append(squeezed_as_in_the_notes(picture, classifier.input_shape))
        framed.append(frame(picture, classifier.framing))
    return (
        relabelled(ImageSet(np.stack(squeezed), listed.labels, listed.classes), classifier.classes, pictures),
        relabelled(ImageSet(np.stack(framed), listed.labels, listed.classes), classifier.classes, pictures),
    )


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


def _draw_own(
    images: ImageSet, predicted: NDArray[np.int64], wrong: NDArray[np.int64], picture: Path
) -> None:
    """Write a sheet of the framed pictures: misclassified ones, then others, as far as there is room."""
    correct = np.setdiff1d(np.arange(len(images)), wrong)
    chosen = np.concatenate([wrong, correct])[:SHOWN]
    shown = images.take(chosen)
    sheet = plots.predictions(shown.images, shown.labels, predicted[chosen], images.classes, columns=8)
    plots.save(sheet, picture)
