"""A classifier's answers image by image: mistakes, suspects, cells of the confusion matrix, calibration."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from imagelet import plots
from imagelet.data.imageset import ImageSet
from imagelet.errors import UnknownNameError, UsageError
from imagelet.metrics.classification import Metrics, calibration_error
from imagelet.metrics.label_issues import Suspect, find_suspects
from imagelet.metrics.misclassified import Cells, Mistake, cells, find_mistakes
from imagelet.metrics.reliability import Bin, find_reliability
from imagelet.plots.classification import reliability

MOST_SHOWN = 24  # images in a gallery
COLUMNS = 6


@dataclass(frozen=True)
class Review:
    """What labels and held-out probabilities tell, image by image.

    Attributes:
        mistakes: the wrong answers, the surest first.
        suspects: the images whose labels may be wrong, the surest first.
        cells: for each (label, answer) that occurs its images, the surest first.
        reliability: how often answers of each confidence are right.
        calibration_error: how far confidence and accuracy lie apart, on average.
    """

    mistakes: tuple[Mistake, ...]
    suspects: tuple[Suspect, ...]
    cells: Cells
    reliability: tuple[Bin, ...]
    calibration_error: float

    def to_json(self, classes: Sequence[str], paths: Sequence[str] | None = None) -> dict[str, Any]:
        """Return all of it as plain data; of the cells those that hold mistakes.

        Args:
            classes: the class names.
            paths: the images' files, which are then named in place of the images' numbers.
        """
        return {
            "mistakes": [_named(each.to_json(classes), paths) for each in self.mistakes],
            "suspects": [_named(each.to_json(classes), paths) for each in self.suspects],
            "confused": [
                cell_to_json((label, answer), images, classes, paths)
                for (label, answer), images in self.cells.items()
                if label != answer
            ],
            "reliability": [each.to_json() for each in self.reliability],
        }


def review(probabilities: np.ndarray, labels: np.ndarray) -> Review:
    """Review the answers to images that the classifier has not learned from.

    Args:
        probabilities: float ``(n, k)``.
        labels: int ``(n,)``, in ``[0, k)``.
    """
    right = probabilities.argmax(axis=1) == labels
    return Review(
        mistakes=find_mistakes(probabilities, labels),
        suspects=find_suspects(probabilities, labels),
        cells=cells(probabilities, labels),
        reliability=find_reliability(probabilities, labels),
        calibration_error=calibration_error(probabilities.max(axis=1), right),
    )


class Answered(NamedTuple):
    """What a classifier made of images: figures, the answers one by one, and the gallery of a cell."""

    metrics: Metrics
    review: Review
    cell_figure: Path | None


def review_images(
    images: ImageSet, probabilities: np.ndarray, part: str, folder: Path | None, cell: tuple[int, int] | None
) -> tuple[Review, Path | None]:
    """Review the answers to ``images`` and draw what is found; return it, and the gallery of the cell.

    Args:
        images: that the classifier has not learned from.
        probabilities: float ``(n, k)``, its answers to them.
        part: of a dataset, for the pictures' names.
        folder: to draw into; None for nowhere.
        cell: a label and an answer whose images are drawn, too.
    """
    found = review(probabilities, images.labels)
    if folder is None:
        return found, None
    draw_review(folder, images, found, part)
    if cell is None:
        return found, None
    return found, draw_cell(folder / cell_file(cell, images.classes, part), images, probabilities, cell)


def cell_to_json(
    cell: tuple[int, int], images: Sequence[int], classes: Sequence[str], paths: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return a cell of the confusion matrix with its images, or with their files, as plain data."""
    within = {"images": list(images)} if paths is None else {"files": [paths[image] for image in images]}
    return {"label": classes[cell[0]], "answer": classes[cell[1]], **within}


def read_cell(text: str, classes: Sequence[str]) -> tuple[int, int]:
    """Return label and answer, as class indices, from ``LABEL,ANSWER``; names may hold commas themselves.

    Raises:
        UsageError: there is no comma in it.
        UnknownNameError: one of them is no class; the nearest one is suggested.
    """
    places = [place for place, letter in enumerate(text) if letter == ","]
    if not places:
        raise UsageError(
            "'{given}' is not a cell of the confusion matrix",
            hint="name a label and an answer: --cell {first},{last}",
            given=text,
            first=classes[0],
            last=classes[-1],
        )
    pairs = [(text[:place].strip(), text[place + 1 :].strip()) for place in places]
    for label, answer in pairs:
        if label in classes and answer in classes:
            return classes.index(label), classes.index(answer)
    # Of several ways to part the text the one that is nearest to being right is spoken of.
    pair = max(pairs, key=lambda pair: sum(name in classes for name in pair))
    raise _unknown(next(name for name in pair if name not in classes), classes)


def draw_review(folder: Path, images: ImageSet, found: Review, part: str) -> None:
    """Draw the surest mistakes, the suspects and the calibration into ``folder``, named after the part.

    A gallery without images is not drawn, and one of an earlier evaluation is removed.
    """
    draw_mistakes(folder / f"mistakes-{part}.png", images, found.mistakes)
    draw_suspects(folder / f"suspects-{part}.png", images, found.suspects)
    draw_reliability(folder / f"reliability-{part}.png", found)


def draw_mistakes(path: Path, images: ImageSet, mistakes: Sequence[Mistake]) -> None:
    """Draw the first of ``mistakes`` as ``path``, each under its label, its answer and its number."""
    titles = [
        _title(images, (each.label, each.answer), each.probability, _name(each.image, None))
        for each in mistakes[:MOST_SHOWN]
    ]
    _draw_gallery(path, images, [each.image for each in mistakes], titles)


def draw_suspects(
    path: Path, images: ImageSet, suspects: Sequence[Suspect], paths: Sequence[str] | None = None
) -> None:
    """Draw the first of ``suspects`` as ``path``, each under its label and what it may be.

    Args:
        path: the picture.
        images: those that the suspects are among.
        suspects: the surest first.
        paths: the images' files, whose names then stand in place of the images' numbers.
    """
    titles = [
        f"label {images.classes[each.label]}, perhaps {images.classes[each.suggested]}\n"
        f"{plots.percent(each.probability)}, {_name(each.image, paths)}"
        for each in suspects[:MOST_SHOWN]
    ]
    _draw_gallery(path, images, [each.image for each in suspects], titles)


def draw_reliability(path: Path, found: Review) -> None:
    """Draw the calibration diagram as ``path``."""
    plots.save(reliability(found.reliability, found.calibration_error), path)


def draw_cell(
    path: Path,
    images: ImageSet,
    probabilities: np.ndarray,
    cell: tuple[int, int],
    paths: Sequence[str] | None = None,
) -> Path | None:
    """Draw the surest images of a cell of the confusion matrix as ``path``; None where the cell is empty.

    Args:
        path: the picture; one of an earlier evaluation is removed.
        images: all of them.
        probabilities: float ``(n, k)``, for them.
        cell: label and answer.
        paths: the images' files, whose names then stand in place of the images' numbers.
    """
    within = cells(probabilities, images.labels).get(cell, ())
    titles = [
        _title(images, cell, float(probabilities[image, cell[1]]), _name(image, paths))
        for image in within[:MOST_SHOWN]
    ]
    _draw_gallery(path, images, within, titles)
    return path if within else None


def cell_file(cell: tuple[int, int], classes: Sequence[str], part: str = "") -> str:
    """Return the name of the picture of a cell: ``cell-4-9-test.png``."""
    names = [re.sub(r"[^\w.+]+", "-", classes[place]).strip("-.") for place in cell]
    return "-".join(["cell", *names, *([part] if part else [])]) + ".png"


def _title(images: ImageSet, cell: tuple[int, int], probability: float, name: str) -> str:
    label, answer = (images.classes[place] for place in cell)
    return f"label {label} → {answer}, {plots.percent(probability)}\n{name}"


def _name(image: int, paths: Sequence[str] | None) -> str:
    return f"image {image}" if paths is None else Path(paths[image]).name


def _draw_gallery(path: Path, images: ImageSet, chosen: Sequence[int], titles: Sequence[str]) -> None:
    path.unlink(missing_ok=True)  # of an earlier look
    if chosen:
        plots.save(plots.grid(images.take(chosen[: len(titles)]).images, titles, COLUMNS), path)


def _named(record: dict[str, Any], paths: Sequence[str] | None) -> dict[str, Any]:
    """Return the record of an image, with its file in place of its number if there is one."""
    if paths is None:
        return record
    return {"file": paths[record["image"]], **{key: record[key] for key in record if key != "image"}}


def _unknown(name: str, classes: Sequence[str]) -> UnknownNameError:
    nearest = difflib.get_close_matches(name.lower(), [each.lower() for each in classes], n=1, cutoff=0.5)
    meant = [each for each in classes if each.lower() in nearest]
    suggestion = f"; did you mean '{meant[0]}'?" if meant else ""
    return UnknownNameError(
        "unknown class '{name}'{suggestion}",
        hint="the classes are {names}",
        name=name,
        suggestion=suggestion,
        names=", ".join(classes),
    )
