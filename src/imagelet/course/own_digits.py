"""The course's test on own pictures: the notes' way beside framing, on the same pictures and network.

The notes read a picture as grey, inverted it and squeezed it to 28×28, and forgot to divide by 255.
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
from imagelet.data.folder import list_labelled
from imagelet.data.imageset import ImageSet, relabelled
from imagelet.data.labelled_pictures import LabelledFiles
from imagelet.errors import DataError
from imagelet.metrics.classification import Interval, wilson_interval
from imagelet.preprocessing.framing import frame
from imagelet.preprocessing.normalization import Normalization
from imagelet.preprocessing.picture import open_picture, with_channels
from imagelet.runs.run import Run

NAME = "own-digits"
WAYS = {
    "notes": "the notes' way: inverted, squeezed, not divided by 255",
    "scaled": "the same, divided by 255",
    "framed": "framed as MNIST's digits were",
}
UNSCALED = Normalization((0.0,), (1 / 255,))  # network input from 0 to 255
SURE = 0.5  # the notes set probabilities below it to 0; where all are, the first class is the answer
SHOWN = 48  # pictures in the sheet, the wrong ones first


@dataclass(frozen=True)
class OwnDigits:
    """What the three ways came to.

    Attributes:
        pictures: where they lie.
        images: how many there are.
        accuracies: 0 to 1, for each of ``WAYS``.
        wrong: the pictures that the framed way got wrong: (file, label, answer).
        seconds: of opening, framing and answering.
        picture: a sheet of what the network saw, the wrong ones first.
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
            "wrong": [{"file": file, "label": label, "answer": answer} for file, label, answer in self.wrong],
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
    answers = _answers(classifier, squeezed, framed)
    picture = folder / f"{NAME}.png"
    wrong = np.flatnonzero(answers["framed"] != framed.labels)
    _draw(framed, answers["framed"], wrong, picture)
    names = classifier.classes
    found = OwnDigits(
        pictures=pictures,
        images=len(framed),
        accuracies={way: float((answers[way] == framed.labels).mean()) for way in WAYS},
        wrong=tuple(
            (
                str(listed.paths[i].relative_to(listed.folder)),
                names[framed.labels[i]],
                names[answers["framed"][i]],
            )
            for i in wrong
        ),
        seconds=time.perf_counter() - started,
        picture=picture,
    )
    atomic_files.write_json(folder / f"{NAME}.json", {"run": run.name, **found.to_json()})
    return found


def result_of(folder: Path, seed: int, run: Run | None) -> Result:
    """Return what the exercise came to when it was last carried out with this run, if it was.

    Raises:
        DataError: its file is damaged.
    """
    lesson = lessons.get(NAME)
    assert isinstance(lesson, Exercise)
    place = run.folder if run else None
    path = folder / f"{NAME}.json"
    if run is None or not path.exists():
        return Result(lesson, seed, place)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["run"] != run.name:
            return Result(lesson, seed, place)
        framed = next(way for way in content["ways"] if way["way"] == "framed")
        figure = Reached(
            lesson.printed[0], framed["accuracy"], Interval(*framed["interval"]), content["images"]
        )
        return Result(lesson, seed, place, (figure,), content["seconds"])
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


def _answers(classifier: Classifier, squeezed: ImageSet, framed: ImageSet) -> dict[str, NDArray[np.int64]]:
    """Return the answers, for each of ``WAYS``."""
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


def _draw(images: ImageSet, answers: NDArray[np.int64], wrong: NDArray[np.int64], picture: Path) -> None:
    """Write a sheet of what the network saw: the wrong ones, then others, as far as there is room."""
    right = np.setdiff1d(np.arange(len(images)), wrong)
    chosen = np.concatenate([wrong, right])[:SHOWN]
    shown = images.take(chosen)
    sheet = plots.predictions(shown.images, shown.labels, answers[chosen], images.classes, columns=8)
    plots.save(sheet, picture)
