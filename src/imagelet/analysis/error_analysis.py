"""Error analysis: misclassified images, label issues, cells of the confusion matrix, calibration; drawn.

Everything counts images by their index in the part that was evaluated, or names their files.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imagelet import plots
from imagelet.analysis.test_evaluation import Evaluated
from imagelet.data.imageset import ImageSet
from imagelet.errors import UsageError
from imagelet.messages import Message
from imagelet.metrics.calibration import ReliabilityBin, reliability_bins
from imagelet.metrics.classification import calibration_error
from imagelet.metrics.misclassified import (
    Cells,
    LabelIssue,
    Misclassified,
    cells,
    find_label_issues,
    find_misclassified,
    most_confident_first,
)
from imagelet.registry import unknown

MOST_SHOWN = 24  # images in a gallery
SHOWN = 24  # images in the sheet of predictions
MOST_WRONG = 12  # of them wrong ones, where there are so many
COLUMNS = 6

Cell = tuple[int, int]  # label and predicted class, indices


@dataclass(frozen=True)
class ErrorAnalysis:
    """What labels and probabilities of images that were not learned from say, image by image.

    Attributes:
        misclassified: the wrong predictions, the most confident first.
        label_issues: the images whose labels may be wrong, the least probable labels first.
        cells: for each (label, predicted class) that occurs its images, the most confident first.
        reliability: how often predictions of each confidence are correct.
        calibration_error: how far confidence and accuracy lie apart, on average.
    """

    misclassified: tuple[Misclassified, ...]
    label_issues: tuple[LabelIssue, ...]
    cells: Cells
    reliability: tuple[ReliabilityBin, ...]
    calibration_error: float

    def to_json(self, classes: Sequence[str], paths: Sequence[str] | None = None) -> dict[str, Any]:
        """Return all of it as plain data; of the cells those that hold wrong predictions.

        Args:
            classes: the class names.
            paths: the images' files, which are then named in place of the images' indices.
        """
        return {
            "misclassified": [_named(image.to_json(classes), paths) for image in self.misclassified],
            "label_issues": [_named(issue.to_json(classes), paths) for issue in self.label_issues],
            "confused": [
                cell_to_json((label, predicted), images, classes, paths)
                for (label, predicted), images in self.cells.items()
                if label != predicted
            ],
            "reliability": [reliability_bin.to_json() for reliability_bin in self.reliability],
        }


def analyze_errors(probabilities: np.ndarray, labels: np.ndarray) -> ErrorAnalysis:
    """Analyze the predictions for images that the classifier has not learned from.

    Args:
        probabilities: float ``(n, k)``.
        labels: int ``(n,)``, in ``[0, k)``.
    """
    correct = probabilities.argmax(axis=1) == labels
    return ErrorAnalysis(
        misclassified=find_misclassified(probabilities, labels),
        label_issues=find_label_issues(probabilities, labels),
        cells=cells(probabilities, labels),
        reliability=reliability_bins(probabilities, labels),
        calibration_error=calibration_error(probabilities.max(axis=1), correct),
    )


def cell_to_json(
    cell: Cell, images: Sequence[int], classes: Sequence[str], paths: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return a cell of the confusion matrix with its images, or with their files, as plain data."""
    within = {"images": list(images)} if paths is None else {"files": [paths[image] for image in images]}
    return {"label": classes[cell[0]], "predicted": classes[cell[1]], **within}


def read_cell(text: str, classes: Sequence[str]) -> Cell:
    """Return label and predicted class from ``LABEL,PREDICTED``; names may hold commas themselves.

    Raises:
        UsageError: there is no comma in it.
        UnknownNameError: one of them is no class; the nearest one is suggested.
    """
    commas = [index for index, letter in enumerate(text) if letter == ","]
    if not commas:
        raise UsageError(
            "'{given}' is not a cell of the confusion matrix",
            hint="name a label and a predicted class: --cell {first},{last}",
            given=text,
            first=classes[0],
            last=classes[-1],
        )
    pairs = [(text[:comma].strip(), text[comma + 1 :].strip()) for comma in commas]
    for label, predicted in pairs:
        if label in classes and predicted in classes:
            return classes.index(label), classes.index(predicted)
    # Of several ways to divide the text, the error speaks of the one that is nearest to being right.
    pair = max(pairs, key=lambda pair: sum(name in classes for name in pair))
    name = next(name for name in pair if name not in classes)
    raise unknown(Message("class"), name, classes, Message("classes are {names}", names=", ".join(classes)))


# -- figures -------------------------------------------------------------------------------------------------


def draw_evaluation(folder: Path, evaluated: Evaluated, part: str) -> None:
    """Draw the confusion matrix and a sheet of predictions into ``folder``, named after the part.

    The sheet shows confident wrong predictions, then the first images.
    """
    matrix = plots.confusion(evaluated.metrics.confusion, evaluated.images.classes)
    plots.save(matrix, folder / f"confusion-{part}.png")
    images, probabilities = evaluated.images, evaluated.probabilities
    predicted = probabilities.argmax(axis=1)
    wrong = most_confident_first(np.flatnonzero(predicted != images.labels), probabilities)[:MOST_WRONG]
    correct = np.flatnonzero(predicted == images.labels)[: SHOWN - len(wrong)]
    chosen = np.concatenate([wrong, correct])
    shown = images.take(chosen)
    sheet = plots.predictions(shown.images, shown.labels, predicted[chosen], images.classes, columns=6)
    plots.save(sheet, folder / f"predictions-{part}.png")


def draw_error_analysis(folder: Path, images: ImageSet, analysis: ErrorAnalysis, part: str) -> None:
    """Draw misclassified images, label issues and the calibration into ``folder``, named after the part.

    A gallery without images is not drawn, and one of an earlier evaluation is removed.
    """
    titles = [
        _title(images, (wrong.label, wrong.predicted), wrong.probability, _name(wrong.image, None))
        for wrong in analysis.misclassified[:MOST_SHOWN]
    ]
    chosen = [wrong.image for wrong in analysis.misclassified]
    _draw_gallery(folder / f"misclassified-{part}.png", images, chosen, titles)
    draw_label_issues(folder / f"label-issues-{part}.png", images, analysis.label_issues)
    draw_reliability(folder / f"reliability-{part}.png", analysis)


def draw_label_issues(
    path: Path, images: ImageSet, issues: Sequence[LabelIssue], paths: Sequence[str] | None = None
) -> None:
    """Draw the first of the label issues as ``path``, each under its label and the suggested class.

    Args:
        path: the picture.
        images: those that the issues are among.
        issues: the least probable labels first.
        paths: the images' files, whose names then stand in place of the images' indices.
    """
    titles = [
        f"label {images.classes[issue.label]}, perhaps {images.classes[issue.suggested]}\n"
        f"{plots.percent(issue.probability)}, {_name(issue.image, paths)}"
        for issue in issues[:MOST_SHOWN]
    ]
    _draw_gallery(path, images, [issue.image for issue in issues], titles)


def draw_reliability(path: Path, analysis: ErrorAnalysis) -> None:
    """Draw the reliability diagram as ``path``."""
    plots.save(plots.reliability(analysis.reliability, analysis.calibration_error), path)


def draw_cell(
    folder: Path | None,
    evaluated: Evaluated,
    cell: Cell | None,
    part: str = "",
    paths: Sequence[str] | None = None,
) -> Path | None:
    """Draw the most confident images of a cell of the confusion matrix; return the file that was drawn.

    Args:
        folder: where; a picture of an earlier evaluation is removed. None: nothing is drawn.
        evaluated: the images, and their probabilities.
        cell: label and predicted class; None or an empty one is not drawn.
        part: stands in the name of the picture.
        paths: the images' files, whose names then stand in place of the images' indices.
    """
    if folder is None or cell is None:
        return None
    images, probabilities = evaluated.images, evaluated.probabilities
    within = cells(probabilities, images.labels).get(cell, ())
    titles = [
        _title(images, cell, float(probabilities[image, cell[1]]), _name(image, paths))
        for image in within[:MOST_SHOWN]
    ]
    path = folder / cell_file(cell, images.classes, part)
    _draw_gallery(path, images, within, titles)
    return path if within else None


def cell_file(cell: Cell, classes: Sequence[str], part: str = "") -> str:
    """Return the name of the picture of a cell: ``cell-4-9-test.png``."""
    names = [re.sub(r"[^\w.+]+", "-", classes[index]).strip("-.") for index in cell]
    return "-".join(["cell", *names, *([part] if part else [])]) + ".png"


def _title(images: ImageSet, cell: Cell, probability: float, name: str) -> str:
    label, predicted = (images.classes[index] for index in cell)
    return f"label {label} → {predicted}, {plots.percent(probability)}\n{name}"


def _name(image: int, paths: Sequence[str] | None) -> str:
    return f"image {image}" if paths is None else Path(paths[image]).name


def _draw_gallery(path: Path, images: ImageSet, chosen: Sequence[int], titles: Sequence[str]) -> None:
    path.unlink(missing_ok=True)  # of an earlier evaluation
    if chosen:
        plots.save(plots.grid(images.take(chosen[: len(titles)]).images, titles, COLUMNS), path)


def _named(record: dict[str, Any], paths: Sequence[str] | None) -> dict[str, Any]:
    """Return the record of an image, with its file in place of its index if there is one."""
    if paths is None:
        return record
    return {"file": paths[record["image"]], **{key: record[key] for key in record if key != "image"}}
