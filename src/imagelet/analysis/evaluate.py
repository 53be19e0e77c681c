"""Evaluating a classifier on its run's own test images, or on other labelled images.

:func:`open_evaluation` decides which images are meant: those that the classifier's run set aside, those of a
dataset, or pictures that are still to be framed.
"""

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagelet.analysis import error_analysis
from imagelet.analysis.error_analysis import Cell, ErrorAnalysis, analyze_errors, cell_to_json, read_cell
from imagelet.analysis.own_pictures import OwnPictures, evaluate_pictures
from imagelet.analysis.test_evaluation import Evaluated, evaluate_images, evaluate_test_images
from imagelet.classifier.classifier import Classifier
from imagelet.data.datasets import findable, load_dataset
from imagelet.data.folder import list_labelled, load_folder
from imagelet.data.imageset import Dataset, ImageSet, relabelled
from imagelet.data.known import datasets
from imagelet.data.labelled_pictures import is_table
from imagelet.errors import DataError, SettingError
from imagelet.metrics.classification import Metrics
from imagelet.runs.provenance import LearnedFrom, provenance_of
from imagelet.runs.run import Run
from imagelet.runs.store import find_classifier, run_of

SPLITS = ("test", "validation")


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
    data: str | None = None,
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


def open_evaluation(run_or_file: str, data: str | None, split: str) -> Opened:
    """Return the classifier, and the data that is meant; arguments as :func:`evaluate`'s.

    Raises:
        SettingError: no such split.
        RunError: no such run or classifier.
        DataError: what the classifier learned from is not there, has changed, or is not known.
    """
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
