"""A person's own labelled pictures as a second test set: figures, by person too, and what went wrong."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imagelet import figures
from imagelet.classifier import Classifier
from imagelet.data.imageset import ImageSet, relabelled
from imagelet.data.labelled_files import LabelledFiles
from imagelet.errors import DataError, PictureError
from imagelet.evaluation.clustered import clustered_interval
from imagelet.evaluation.metrics import Interval, Metrics
from imagelet.prediction import Look
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
    """

    metrics: Metrics
    mistakes: tuple[Mistake, ...]
    unsure: int
    right_but_unsure: int
    sources: int | None
    by_source: Interval | None

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
    classifier: Classifier, listed: LabelledFiles, name: str, folder: Path | None
) -> OwnPictures:
    """Evaluate a classifier on labelled pictures, framed as it frames every picture.

    Args:
        classifier: knows all the classes of the pictures.
        listed: the pictures.
        name: what the pictures are called.
        folder: where ``confusion.png`` and ``mistakes.png`` are drawn; None for nowhere.

    Raises:
        DataError: a class that the classifier does not know, or a picture that cannot be read.
    """
    looks = [_look_at(path, classifier) for path in listed.paths]
    seen = np.stack([look.seen for look in looks])
    images = relabelled(ImageSet(seen, listed.labels, listed.classes), classifier.classes, name)
    probabilities = classifier.predict_proba(images.images)
    answers, highest = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = answers == images.labels
    unsure = np.array(
        [not classifier.is_sure(look, float(each)) for look, each in zip(looks, highest, strict=True)]
    )
    wrong = np.flatnonzero(~right)
    wrong = wrong[np.argsort(-highest[wrong], kind="stable")]
    found = OwnPictures(
        metrics=classifier.judge(images, probabilities),
        mistakes=tuple(
            Mistake(
                str(listed.paths[place]),
                classifier.classes[images.labels[place]],
                classifier.classes[answers[place]],
                float(highest[place]),
                looks[place].warnings,
            )
            for place in wrong
        ),
        unsure=int(unsure.sum()),
        right_but_unsure=int((unsure & right).sum()),
        sources=None if listed.sources is None else len(set(listed.sources)),
        by_source=None if listed.sources is None else clustered_interval(right, listed.sources),
    )
    if folder is not None:
        figures.save(figures.confusion(found.metrics.confusion, classifier.classes), folder / "confusion.png")
        (folder / "mistakes.png").unlink(missing_ok=True)  # of an earlier look
        if len(wrong):
            _draw(found.mistakes, seen[wrong], unsure[wrong], folder / "mistakes.png")
    return found


def _look_at(path: Path, classifier: Classifier) -> Look:
    try:
        return classifier.look_at(path)
    except PictureError as error:
        raise DataError(error.message, error.hint or "imagelet data show FILE tells what it is") from error


def _draw(mistakes: tuple[Mistake, ...], seen: np.ndarray, unsure: np.ndarray, path: Path) -> None:
    shown = mistakes[:MOST_SHOWN]
    sheet = figures.seen(
        [thumbnail(each.file) for each in shown],
        seen[: len(shown)],
        [
            f"{figures.answer_line(each.answer, each.probability, unsure=bool(doubt))}   label {each.label}"
            for each, doubt in zip(shown, unsure, strict=False)
        ],
        [Path(each.file).name for each in shown],
        [each.warnings for each in shown],
        [not doubt for doubt in unsure[: len(shown)]],
    )
    figures.save(sheet, path)
