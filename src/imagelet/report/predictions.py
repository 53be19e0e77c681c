"""The classifier's answers to the images of one part, and the galleries that are made of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagelet.analysis.error_analysis import ErrorAnalysis, analyze_errors, draw_evaluation
from imagelet.analysis.test_evaluation import evaluate_test_images
from imagelet.classifier.classifier import Classifier
from imagelet.data.imageset import ImageSet
from imagelet.runs.provenance import provenance_of_run
from imagelet.runs.run import Run

MOST_MISCLASSIFIED, MOST_LABEL_ISSUES, MOST_UNSURE = 18, 12, 6
MOST_CLASSES = 20  # of which a right answer is shown


@dataclass(frozen=True, eq=False)
class Answered:
    """Images with the classifier's answers.

    Attributes:
        part: ``validation`` or ``test``.
        source: the dataset's part that ``numbers`` count in: validation images may be split off ``train``.
        numbers: int64 (n,), each image's place in it.
        images: n images.
        probabilities: float64 (n, classes), calibrated.
        error_analysis: misclassified images, label issues, calibration.
    """

    part: str
    source: str
    numbers: NDArray[np.int64]
    images: ImageSet
    probabilities: NDArray[np.float64]
    error_analysis: ErrorAnalysis

    def name(self, place: int) -> str:
        """Return what the image at ``place`` is called: ``train 4512``."""
        return f"{self.source} {self.numbers[place]}"


@dataclass(frozen=True, eq=False)
class Tile:
    """An image with its label and its answer.

    Attributes:
        image: uint8 (height, width, 1 or 3).
        name: ``train 4512``.
        label, answer: names of classes.
        probability: of the answer, 0 to 1.
        label_probability: of the label.
    """

    image: NDArray[np.uint8]
    name: str
    label: str
    answer: str
    probability: float
    label_probability: float

    @property
    def right(self) -> bool:
        """Whether the answer is the label."""
        return self.label == self.answer


@dataclass(frozen=True)
class Gallery:
    """Images of one kind.

    Attributes:
        key: a word that stands for it in addresses.
        title: what they are.
        text: how they were found, and how many there are.
        tiles: those that are shown; may be none.
    """

    key: str
    title: str
    text: str
    tiles: tuple[Tile, ...]


def answer(run: Run, classifier: Classifier, part: str) -> Answered:
    """Ask the classifier for its answers to the run's own images of ``part``.

    An evaluation on the test images is counted, and its figures are kept with the run.

    Raises:
        DataError: the data is not there, has changed since, or has no such part.
    """
    learned_from = provenance_of_run(run).open()
    chosen = learned_from.part(part)
    if part == "test":
        evaluated = evaluate_test_images(run, classifier, learned_from.dataset)
        draw_evaluation(run.figures, evaluated, part)
        probabilities = evaluated.probabilities
    else:
        probabilities = classifier.predict_proba(chosen.images.images)
    return Answered(
        part=part,
        source=chosen.part,
        numbers=chosen.indices,
        images=chosen.images,
        probabilities=probabilities,
        error_analysis=analyze_errors(probabilities, chosen.images.labels),
    )


def galleries(answered: Answered) -> tuple[Gallery, ...]:
    """Return the surest mistakes, the labels to look at, right answers, and those right by a hair."""
    found, part = answered.error_analysis, answered.part
    misclassified, label_issues = len(found.misclassified), len(found.label_issues)
    return (
        Gallery(
            "misclassified",
            "Misclassified images",
            f"{misclassified:,} of {len(answered.images):,} {part} images were misclassified; the most "
            "confident wrong predictions come first.",
            _tiles(answered, [each.image for each in found.misclassified[:MOST_MISCLASSIFIED]]),
        ),
        Gallery(
            "label_issues",
            "Labels to look at",
            f"{label_issues:,} of these labels may be wrong: another class is at least as probable as it "
            "usually is for images that carry its label (confident learning, Northcutt et al. 2021). Each is "
            "an image to look at, not a proven error.",
            _tiles(answered, [each.image for each in found.label_issues[:MOST_LABEL_ISSUES]]),
        ),
        Gallery(
            "right",
            "Right answers",
            "The first image of each class that was answered right.",
            _tiles(answered, _first_right(answered)),
        ),
        Gallery(
            "unsure",
            "Right by a hair",
            "The right answers of which the classifier was least sure.",
            _tiles(answered, _least_sure(answered)),
        ),
    )


def pair(answered: Answered) -> tuple[Tile | None, Tile | None]:
    """Return a right and a wrong picture: the surest mistake, and the surest right answer of the same label.

    Where all images of that label are answered wrong, or none of any, the right one is the surest of all.
    """
    right = _right(answered)
    wrong = answered.error_analysis.misclassified[0] if answered.error_analysis.misclassified else None
    of_label = right & (answered.images.labels == wrong.label) if wrong else right
    alike = np.flatnonzero(of_label if of_label.any() else right)
    sure = answered.probabilities.max(axis=1)  # (n,)
    return (
        _tile(answered, int(alike[sure[alike].argmax()])) if len(alike) else None,
        _tile(answered, wrong.image) if wrong else None,
    )


def _right(answered: Answered) -> NDArray[np.bool_]:
    right: NDArray[np.bool_] = answered.probabilities.argmax(axis=1) == answered.images.labels
    return right


def _first_right(answered: Answered) -> list[int]:
    right = np.flatnonzero(_right(answered))
    classes, firsts = np.unique(answered.images.labels[right], return_index=True)
    return [int(right[first]) for first in firsts[:MOST_CLASSES]] if len(classes) else []


def _least_sure(answered: Answered) -> list[int]:
    right = np.flatnonzero(_right(answered))
    order = np.argsort(answered.probabilities[right].max(axis=1), kind="stable")
    return [int(place) for place in right[order[:MOST_UNSURE]]]


def _tiles(answered: Answered, places: list[int]) -> tuple[Tile, ...]:
    return tuple(_tile(answered, place) for place in places)


def _tile(answered: Answered, place: int) -> Tile:
    images, shares = answered.images, answered.probabilities[place]
    label, answer = int(images.labels[place]), int(shares.argmax())
    return Tile(
        image=np.asarray(images.images[place]),
        name=answered.name(place),
        label=images.classes[label],
        answer=images.classes[answer],
        probability=float(shares[answer]),
        label_probability=float(shares[label]),
    )
