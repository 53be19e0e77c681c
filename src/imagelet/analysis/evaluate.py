"""Evaluating a classifier on its run's own test images, or on other labelled images.

:func:`open_evaluation` decides which images are meant: those that the classifier's run set aside, those of a
dataset, or a person's own pictures, which are still to be framed.
"""

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from imagelet import plots
from imagelet.analysis import error_analysis
from imagelet.analysis.error_analysis import (
    Cell,
    ErrorAnalysis,
    analyze_errors,
    cell_file,
    cell_to_json,
    draw_cell,
    draw_label_issues,
    draw_reliability,
    read_cell,
)
from imagelet.analysis.test_evaluation import Evaluated, evaluate_images, evaluate_test_images
from imagelet.classifier.classifier import Classifier
from imagelet.classifier.prediction import FramedInput
from imagelet.data.datasets import findable, load_dataset
from imagelet.data.folder import list_labelled, load_folder
from imagelet.data.imageset import Dataset, ImageSet, relabelled
from imagelet.data.known import datasets
from imagelet.data.labelled_pictures import LabelledFiles, is_table
from imagelet.errors import DataError, PictureError, SettingError, UsageError
from imagelet.metrics.classification import Interval, Metrics, clustered_interval
from imagelet.preprocessing.inspection import thumbnail
from imagelet.runs.provenance import LearnedFrom, provenance_of
from imagelet.runs.run import Run
from imagelet.runs.store import find_classifier, run_of

SPLITS = ("test", "validation")
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


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    Attributes:
        metrics: the figures.
        classes: the class names, in their order.
        dataset: what it was evaluated on.
        split: ``test`` or ``validation``.
        test_evaluations: how often the run was evaluated on its test images, this time included; None
            where the images were others.
        seconds: reading and predicting.
        figures: the folder with the pictures; None where none were drawn.
        error_analysis: the predictions image by image.
        cell: the label and the predicted class whose images were asked for; None where none were.
        cell_figure: the gallery of that cell; None where none was drawn.
        pictures: what is known of a person's own pictures beside the figures; None where they were others.
    """

    metrics: Metrics
    classes: tuple[str, ...]
    dataset: str
    split: str
    test_evaluations: int | None
    seconds: float
    figures: Path | None
    error_analysis: ErrorAnalysis
    cell: Cell | None = None
    cell_figure: Path | None = None
    pictures: OwnPictures | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        paths = self.pictures.files if self.pictures else None
        return {
            "dataset": self.dataset,
            "split": self.split,
            **self.metrics.to_json(self.classes),
            **self.error_analysis.to_json(self.classes, paths),
            **(self.pictures.to_json() if self.pictures else {}),
            **self._cell_to_json(paths),
            "test_evaluations": self.test_evaluations,
            "seconds": self.seconds,
        }

    def _cell_to_json(self, paths: tuple[str, ...] | None) -> dict[str, Any]:
        if self.cell is None:
            return {}
        within = cell_to_json(self.cell, self.error_analysis.cells.get(self.cell, ()), self.classes, paths)
        return {"cell": {**within, "figure": None if self.cell_figure is None else str(self.cell_figure)}}


@dataclass(frozen=True, eq=False)
class Opened:
    """A classifier and the labelled data that it is evaluated on.

    Attributes:
        classifier: the classifier.
        run: the run whose own images are meant; None where they are others.
        dataset: the name of the data, as it is typed.
        split: ``test`` or ``validation``.
        learned_from: what the classifier learned from, where its own images are meant.
    """

    classifier: Classifier
    run: Run | None
    dataset: str
    split: str
    learned_from: LearnedFrom | None

    @property
    def counted(self) -> bool:
        """Whether this is an evaluation of a run on its test images."""
        return self.run is not None and self.split == "test"

    def images(self) -> ImageSet | None:
        """Return the images, labelled by the classifier's classes; None where pictures are to be framed.

        Raises:
            DataError: there are no such images, they have another size, or classes that are not known.
        """
        if self.learned_from is not None:
            return self.learned_from.part(self.split).images
        images = _ready_images(self.classifier, self.dataset, self.split)
        return None if images is None else relabelled(images, self.classifier.classes, self.dataset)

    def evaluate(self, images: ImageSet) -> Evaluated:
        """Evaluate the classifier on the images; on a run's test images that is recorded and counted."""
        if self.run is not None and self.learned_from is not None and self.counted:
            return evaluate_test_images(self.run, self.classifier, self.learned_from.dataset)
        return evaluate_images(self.classifier, images)

    def figures(self, out: Path | None) -> Path | None:
        """Return the folder to draw into: ``out``, else that of the run whose images they are."""
        return out if out is not None or self.run is None else self.run.figures


def evaluate(
    run_or_file: str,
    data: str | os.PathLike[str] | None = None,
    split: str = "test",
    out: Path | None = None,
    cell: str | None = None,
) -> Evaluation:
    """Evaluate a classifier.

    Args:
        run_or_file: a run's folder or name, a ``.safetensors`` file, or a shipped classifier's name.
        data: a dataset's name, a folder of labelled pictures, or a CSV file that names them with their
            labels; None: what the classifier was trained on.
        split: ``test``: the images that had no part in training; ``validation``: those that chose the epoch.
        out: a folder for the figures; None: the run's figures for its own images, else nowhere.
        cell: ``LABEL,PREDICTED``, two class names: the images with this label and this prediction are drawn,
            too.

    Raises:
        ImageletError: a run or dataset that is not there, other classes, or data that has changed.
    """
    started = time.perf_counter()
    opened = open_evaluation(run_or_file, data, split)
    classifier, folder = opened.classifier, opened.figures(out)
    wanted = None if cell is None else read_cell(cell, classifier.classes)  # before the images are read
    images, pictures, counted = opened.images(), None, None
    if images is None:
        listed = list_labelled(opened.dataset)
        pictures = evaluate_pictures(classifier, listed, opened.dataset, folder, wanted)
        metrics, analysis, cell_figure = pictures.metrics, pictures.error_analysis, pictures.cell_figure
    else:
        evaluated = opened.evaluate(images)
        metrics, counted = evaluated.metrics, evaluated.test_evaluations
        analysis = analyze_errors(evaluated.probabilities, images.labels)
        cell_figure = _draw(folder, evaluated, analysis, split, wanted)
    return Evaluation(
        metrics=metrics,
        classes=classifier.classes,
        dataset=opened.dataset,
        split=split,
        test_evaluations=counted,
        seconds=time.perf_counter() - started,
        figures=folder,
        error_analysis=analysis,
        cell=wanted,
        cell_figure=cell_figure,
        pictures=pictures,
    )


def _draw(
    folder: Path | None, evaluated: Evaluated, analysis: ErrorAnalysis, split: str, cell: Cell | None
) -> Path | None:
    """Draw all figures into ``folder``, and return the gallery of the cell; None where it is not drawn."""
    if folder is None:
        return None
    error_analysis.draw_evaluation(folder, evaluated, split)
    error_analysis.draw_error_analysis(folder, evaluated.images, analysis, split)
    if cell is None:
        return None
    path = folder / error_analysis.cell_file(cell, evaluated.images.classes, split)
    return error_analysis.draw_cell(path, evaluated.images, evaluated.probabilities, cell)


def open_evaluation(run_or_file: str, data: str | os.PathLike[str] | None, split: str) -> Opened:
    """Return the classifier, and the data that is meant; arguments as :func:`evaluate`'s.

    Raises:
        UsageError: data of another type, or no such split.
        RunError: no such run or classifier.
        DataError: what the classifier learned from is not there, has changed, or is not known.
    """
    if not isinstance(data, str | os.PathLike | None):
        raise UsageError(
            "the data is a dataset's name, a folder or a CSV file; this is of the type {type}",
            hint="load(...).evaluate takes an ImageSet of arrays",
            type=type(data).__name__,
        )
    data = None if data is None else os.fspath(data)
    if split not in SPLITS:
        raise SettingError(
            "unknown split '{split}'; allowed are {names}", split=split, names=", ".join(SPLITS)
        )
    path = find_classifier(run_or_file)
    classifier = Classifier.load(path)
    if data is None or run_of(path) is not None:
        provenance = provenance_of(path, classifier)
        if data is None or findable(data) == provenance.dataset:
            return Opened(classifier, provenance.run, provenance.dataset, split, provenance.open())
    return Opened(classifier, None, data, split, None)


def _ready_images(classifier: Classifier, data: str, split: str) -> ImageSet | None:
    """Return images of the classifier's size; None where ``data`` names pictures that are still to be framed.

    All pictures of a folder count, unless the classifier was trained on that very folder: then those that had
    been set aside.

    Raises:
        DataError: there are no such images, or they have another size.
    """
    if data not in datasets and is_table(data):
        return None
    if data not in datasets and Path(data).expanduser().is_dir():
        return _own_test_part(classifier, data)
    images = _part(load_dataset(data), split)
    if images.shape != classifier.input_shape:
        raise DataError(
            "{dataset} has images of {shape}, the classifier takes {expected}",
            hint="give pictures, in a folder or named by a CSV file: they are brought to its size",
            dataset=data,
            shape=images.shape,
            expected=classifier.input_shape,
        )
    return images


def _own_test_part(classifier: Classifier, folder: str) -> ImageSet | None:
    """Return the folder's test part if the classifier was trained on its training part, else None."""
    with contextlib.suppress(DataError):  # what cannot be trained on can still be evaluated on
        dataset = load_folder(folder, classifier.input_shape, classifier.framing.kind)
        if dataset.train.fingerprint() == classifier.training.get("data_sha256"):
            return dataset.test
    return None


def _part(dataset: Dataset, split: str) -> ImageSet:
    if split == "test":
        return dataset.test
    if dataset.validation is None:
        raise DataError(
            "{dataset} has no validation images of its own",
            hint="use --split test",
            dataset=dataset.card.name,
        )
    return dataset.validation
