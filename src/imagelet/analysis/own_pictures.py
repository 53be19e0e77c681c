"""A person's own labelled pictures as a test set: figures, also by person, and the misclassified pictures."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from imagelet import plots
from imagelet.analysis.error_analysis import (
    Cell,
    ErrorAnalysis,
    analyze_errors,
    cell_file,
    draw_cell,
    draw_label_issues,
    draw_reliability,
)
from imagelet.classifier.classifier import Classifier
from imagelet.classifier.prediction import FramedInput
from imagelet.data.imageset import ImageSet, relabelled
from imagelet.data.labelled_pictures import LabelledFiles
from imagelet.errors import DataError, PictureError
from imagelet.metrics.classification import Interval, Metrics, clustered_interval
from imagelet.preprocessing.inspection import thumbnail

MOST_SHOWN = 60  # misclassified pictures in a sheet


@dataclass(frozen=True)
class MisclassifiedPicture:
    """A picture whose predicted class is not its label.

    Attributes:
        file: its path.
        label: its class.
        predicted: the most probable class.
        probability: of the predicted class, 0 to 1.
        warnings: what was odd about the picture.
    """

    file: str
    label: str
    predicted: str
    probability: float
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class OwnPictures:
    """The result of an evaluation on labelled pictures.

    Attributes:
        metrics: the figures.
        misclassified: the wrong predictions, the most confident first.
        unsure: how many predictions were called unsure.
        correct_but_unsure: how many of these are correct.
        sources: how many people the pictures come from; None where nobody said.
        by_source: the accuracy's interval, counted by people.
        files: the paths of all pictures.
        error_analysis: the predictions picture by picture; its images are indices into ``files``.
        cell_figure: the gallery of the cell that was asked for; None where none was drawn.
    """

    metrics: Metrics
    misclassified: tuple[MisclassifiedPicture, ...]
    unsure: int
    correct_but_unsure: int
    sources: int | None
    by_source: Interval | None
    files: tuple[str, ...]
    error_analysis: ErrorAnalysis
    cell_figure: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """Return all but the metrics as plain data."""
        return {
            "unsure": self.unsure,
            "correct_but_unsure": self.correct_but_unsure,
            "sources": self.sources,
            "interval_by_source": None if self.by_source is None else list(self.by_source),
            "misclassified": [asdict(picture) for picture in self.misclassified],
        }


def evaluate_pictures(
    classifier: Classifier, listed: LabelledFiles, name: str, folder: Path | None, cell: Cell | None = None
) -> OwnPictures:
    """Evaluate a classifier on labelled pictures, framed as it frames every picture.

    Args:
        classifier: knows all the classes of the pictures.
        listed: the pictures.
        name: what the pictures are called.
        folder: where ``confusion.png``, ``misclassified.png``, ``label-issues.png`` and ``reliability.png``
            are drawn; None for nowhere.
        cell: a label and a predicted class whose pictures are drawn there, too.

    Raises:
        DataError: a class that the classifier does not know, or a picture that cannot be read.
    """
    framed = [_frame(path, classifier) for path in listed.paths]
    pixels = np.stack([picture.image for picture in framed])
    images = relabelled(ImageSet(pixels, listed.labels, listed.classes), classifier.classes, name)
    probabilities = classifier.predict_proba(images.images)
    correct = probabilities.argmax(axis=1) == images.labels
    confidences = probabilities.max(axis=1)
    unsure = np.array(
        [
            not classifier.is_sure(picture, float(confidence))
            for picture, confidence in zip(framed, confidences, strict=True)
        ]
    )
    analysis = analyze_errors(probabilities, images.labels)
    files = tuple(str(path) for path in listed.paths)
    result = OwnPictures(
        metrics=classifier.compute_metrics(images, probabilities),
        misclassified=_misclassified(analysis, files, framed, classifier.classes),
        unsure=int(unsure.sum()),
        correct_but_unsure=int((unsure & correct).sum()),
        sources=None if listed.sources is None else len(set(listed.sources)),
        by_source=None if listed.sources is None else clustered_interval(correct, listed.sources),
        files=files,
        error_analysis=analysis,
    )
    if folder is None:
        return result
    _draw_all(result, images, unsure, folder)
    if cell is None:
        return result
    path = folder / cell_file(cell, classifier.classes)
    return replace(result, cell_figure=draw_cell(path, images, probabilities, cell, files))


def _misclassified(
    analysis: ErrorAnalysis, files: Sequence[str], framed: Sequence[FramedInput], classes: Sequence[str]
) -> tuple[MisclassifiedPicture, ...]:
    """Return the misclassified images with their files, the names of their classes, and their warnings."""
    return tuple(
        MisclassifiedPicture(
            file=files[wrong.image],
            label=classes[wrong.label],
            predicted=classes[wrong.predicted],
            probability=wrong.probability,
            warnings=framed[wrong.image].warnings,
        )
        for wrong in analysis.misclassified
    )


def _draw_all(result: OwnPictures, images: ImageSet, unsure: np.ndarray, folder: Path) -> None:
    """Draw all that is always drawn; figures of an earlier evaluation are replaced or removed."""
    plots.save(plots.confusion(result.metrics.confusion, images.classes), folder / "confusion.png")
    (folder / "misclassified.png").unlink(missing_ok=True)
    wrong = np.array([picture.image for picture in result.error_analysis.misclassified], np.int64)
    if len(wrong):
        path = folder / "misclassified.png"
        _draw_misclassified(result.misclassified, images.images[wrong], unsure[wrong], path)
    draw_label_issues(folder / "label-issues.png", images, result.error_analysis.label_issues, result.files)
    draw_reliability(folder / "reliability.png", result.error_analysis)


def _frame(path: Path, classifier: Classifier) -> FramedInput:
    try:
        return classifier.frame(path)
    except PictureError as error:
        raise DataError(error.message, error.hint or "imagelet data show FILE tells what it is") from error


def _draw_misclassified(
    misclassified: tuple[MisclassifiedPicture, ...], framed: np.ndarray, unsure: np.ndarray, path: Path
) -> None:
    shown = misclassified[:MOST_SHOWN]
    sheet = plots.seen(
        [thumbnail(picture.file) for picture in shown],
        framed[: len(shown)],
        [
            f"{plots.answer_line(picture.predicted, picture.probability, unsure=bool(is_unsure))}"
            f"   label {picture.label}"
            for picture, is_unsure in zip(shown, unsure, strict=False)
        ],
        [Path(picture.file).name for picture in shown],
        [picture.warnings for picture in shown],
        [not is_unsure for is_unsure in unsure[: len(shown)]],
    )
    plots.save(sheet, path)
