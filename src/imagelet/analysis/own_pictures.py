"""A person's own labelled pictures as a second test set: figures, by person too, and what went wrong."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from imagelet import plots
from imagelet.analysis.error_analysis import (
    Review,
    cell_file,
    draw_cell,
    draw_reliability,
    draw_suspects,
    review,
)
from imagelet.classifier.classifier import Classifier
from imagelet.classifier.prediction import FramedInput
from imagelet.data.imageset import ImageSet, relabelled
from imagelet.data.labelled_pictures import LabelledFiles
from imagelet.errors import DataError, PictureError
from imagelet.metrics.classification import Interval, Metrics
from imagelet.metrics.clustered import clustered_interval
from imagelet.preprocessing.inspection import thumbnail

MOST_SHOWN = 60  # mistakes in a sheet


@dataclass(frozen=True)
class Mistake:
    """A picture that was answered wrong.

    Attributes:
        file: its path.
        label: its class.
        answer: what the classifier said.
        probability: how probable it held that, 0 to 1.
        warnings: what was odd about the picture.
    """

    file: str
    label: str
    answer: str
    probability: float
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class OwnPictures:
    """What a classifier makes of labelled pictures.

    Attributes:
        metrics: the figures.
        mistakes: what it got wrong, the surest first.
        unsure: how many answers it called unsure.
        right_but_unsure: how many of these are right.
        sources: how many people the pictures come from; None where nobody said.
        by_source: the accuracy's interval, counted by people.
        files: the paths of all pictures.
        review: the answers picture by picture; its numbers of images count in ``files``.
        cell_figure: the gallery of the cell that was asked for; None where none was drawn.
    """

    metrics: Metrics
    mistakes: tuple[Mistake, ...]
    unsure: int
    right_but_unsure: int
    sources: int | None
    by_source: Interval | None
    files: tuple[str, ...]
    review: Review
    cell_figure: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """Return all but the metrics as plain data."""
        return {
            "unsure": self.unsure,
            "right_but_unsure": self.right_but_unsure,
            "sources": self.sources,
            "interval_by_source": None if self.by_source is None else list(self.by_source),
            "mistakes": [asdict(mistake) for mistake in self.mistakes],
        }


def evaluate_pictures(
    classifier: Classifier,
    listed: LabelledFiles,
    name: str,
    folder: Path | None,
    cell: tuple[int, int] | None = None,
) -> OwnPictures:
    """Evaluate a classifier on labelled pictures, framed as it frames every picture.

    Args:
        classifier: knows all the classes of the pictures.
        listed: the pictures.
        name: what the pictures are called.
        folder: where ``confusion.png``, ``mistakes.png``, ``suspects.png`` and ``reliability.png`` are drawn;
            None for nowhere.
        cell: a label and an answer whose pictures are drawn there, too.

    Raises:
        DataError: a class that the classifier does not know, or a picture that cannot be read.
    """
    framed = [_frame(path, classifier) for path in listed.paths]
    inputs = np.stack([picture.image for picture in framed])
    images = relabelled(ImageSet(inputs, listed.labels, listed.classes), classifier.classes, name)
    probabilities = classifier.predict_proba(images.images)
    answers, highest = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = answers == images.labels
    unsure = np.array(
        [not classifier.is_sure(picture, float(each)) for picture, each in zip(framed, highest, strict=True)]
    )
    reviewed = review(probabilities, images.labels)
    files = tuple(str(path) for path in listed.paths)
    found = OwnPictures(
        metrics=classifier.judge(images, probabilities),
        mistakes=_mistakes(reviewed, files, framed, classifier.classes),
        unsure=int(unsure.sum()),
        right_but_unsure=int((unsure & right).sum()),
        sources=None if listed.sources is None else len(set(listed.sources)),
        by_source=None if listed.sources is None else clustered_interval(right, listed.sources),
        files=files,
        review=reviewed,
    )
    if folder is None:
        return found
    _draw_all(found, images, unsure, folder)
    if cell is None:
        return found
    path = folder / cell_file(cell, classifier.classes)
    return replace(found, cell_figure=draw_cell(path, images, probabilities, cell, files))


def _mistakes(
    reviewed: Review, files: Sequence[str], framed: Sequence[FramedInput], classes: Sequence[str]
) -> tuple[Mistake, ...]:
    """Return the mistakes with their files, their classes by name and what was odd about the pictures."""
    return tuple(
        Mistake(
            files[each.image],
            classes[each.label],
            classes[each.answer],
            each.probability,
            framed[each.image].warnings,
        )
        for each in reviewed.mistakes
    )


def _draw_all(found: OwnPictures, images: ImageSet, unsure: np.ndarray, folder: Path) -> None:
    """Draw all that is always drawn; what an earlier look left is replaced or removed."""
    plots.save(plots.confusion(found.metrics.confusion, images.classes), folder / "confusion.png")
    (folder / "mistakes.png").unlink(missing_ok=True)
    wrong = np.array([each.image for each in found.review.mistakes], np.int64)
    if len(wrong):
        _draw(found.mistakes, images.images[wrong], unsure[wrong], folder / "mistakes.png")
    draw_suspects(folder / "suspects.png", images, found.review.suspects, found.files)
    draw_reliability(folder / "reliability.png", found.review)


def _frame(path: Path, classifier: Classifier) -> FramedInput:
    try:
        return classifier.frame(path)
    except PictureError as error:
        raise DataError(error.message, error.hint or "imagelet data show FILE tells what it is") from error


def _draw(mistakes: tuple[Mistake, ...], seen: np.ndarray, unsure: np.ndarray, path: Path) -> None:
    shown = mistakes[:MOST_SHOWN]
    sheet = plots.seen(
        [thumbnail(each.file) for each in shown],
        seen[: len(shown)],
        [
            f"{plots.answer_line(each.answer, each.probability, unsure=bool(doubt))}   label {each.label}"
            for each, doubt in zip(shown, unsure, strict=False)
        ],
        [Path(each.file).name for each in shown],
        [each.warnings for each in shown],
        [not doubt for doubt in unsure[: len(shown)]],
    )
    plots.save(sheet, path)
