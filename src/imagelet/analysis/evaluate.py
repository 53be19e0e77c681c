"""Evaluating a classifier on its run's own test images, or on other labelled images.

:func:`open_evaluation` decides which images are meant: those that the classifier's run set aside, those of a
dataset, or a person's own pictures, which are still to be framed.
"""

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet import plots
from imagelet.analysis.error_analysis import (
    Cell,
    ErrorAnalysis,
    analyze_errors,
    cell_to_json,
    draw_cell,
    draw_error_analysis,
    draw_evaluation,
    draw_label_issues,
    draw_reliability,
    read_cell,
)
from imagelet.analysis.test_evaluation import Evaluated, evaluate_images, evaluate_test_images
from imagelet.classifier.classifier import Classifier
from imagelet.classifier.prediction import FramedInput
from imagelet.data.datasets import findable, load_dataset
from imagelet.data.forms.form import PictureForm, form_of
from imagelet.data.imageset import Dataset, ImageSet, relabelled
from imagelet.data.known import datasets
from imagelet.data.objects import has_splits, labelled_pictures, title_of
from imagelet.data.pictures.dataset import list_labelled
from imagelet.data.pictures.decoding import in_parallel
from imagelet.data.pictures.labelled import LabelledPictures
from imagelet.data.pictures.table import is_table
from imagelet.errors import DataError, PictureError, SettingError, UsageError
from imagelet.metrics.classification import Interval, Metrics, clustered_interval
from imagelet.preprocessing.inspection import thumbnail
from imagelet.preprocessing.picture_files import StoredPicture
from imagelet.runs.learner import Learner, find_learner
from imagelet.runs.provenance import LearnedFrom, provenance_of
from imagelet.runs.run import Run

SPLITS = ("test", "validation")
MOST_SHOWN = 60  # misclassified pictures in a sheet


@dataclass(frozen=True, eq=False)
class OwnPictures:
    """What is known of a person's own pictures beside the figures.

    Attributes:
        listed: the pictures where they lie.
        warnings: what was odd about each.
        unsure: bool (n,), which predictions were called unsure.
        correct: bool (n,), which are correct.
    """

    listed: tuple[StoredPicture, ...]
    warnings: tuple[tuple[str, ...], ...]
    unsure: NDArray[np.bool_]
    correct: NDArray[np.bool_]

    @cached_property
    def files(self) -> tuple[str, ...]:
        """What each picture is called: its path."""
        return tuple(map(str, self.listed))

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return {
            "unsure": int(self.unsure.sum()),
            "correct_but_unsure": int((self.unsure & self.correct).sum()),
        }


@dataclass(frozen=True)
class BySource:
    """The accuracy, counted by who wrote the images.

    Attributes:
        count: of sources.
        interval: the accuracy's.
    """

    count: int
    interval: Interval


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    Attributes:
        metrics: the figures.
        classes: the class names, in their order.
        dataset: what it was evaluated on.
        split: ``test`` or ``validation``.
        error_analysis: the predictions image by image.
        figures: the folder with the pictures; None where none were drawn.
        cell: the label and the predicted class whose images were asked for; None where none were.
        cell_figure: the gallery of that cell; None where none was drawn.
        pictures: what is known of a person's own pictures beside the figures; None where they were others.
        by_source: the accuracy by who wrote the images; None where nobody said.
        test_evaluations: how often the run was evaluated on its test images, this time included; None
            where the images were others.
        seconds: reading and predicting.
    """

    metrics: Metrics
    classes: tuple[str, ...]
    dataset: str
    split: str
    error_analysis: ErrorAnalysis
    figures: Path | None
    cell: Cell | None
    cell_figure: Path | None
    pictures: OwnPictures | None = None
    by_source: BySource | None = None
    test_evaluations: int | None = None
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        files = self.pictures.files if self.pictures else None
        return {
            "dataset": self.dataset,
            "split": self.split,
            **self.metrics.to_json(self.classes),
            **self.error_analysis.to_json(self.classes, files),
            **(self._pictures_to_json(self.pictures) if self.pictures else {}),
            **self._cell_to_json(files),
            "sources": None if self.by_source is None else self.by_source.count,
            "interval_by_source": None if self.by_source is None else list(self.by_source.interval),
            "test_evaluations": self.test_evaluations,
            "seconds": self.seconds,
        }

    def _pictures_to_json(self, pictures: OwnPictures) -> dict[str, Any]:
        misclassified = [
            {
                "file": pictures.files[wrong.image],
                "label": self.classes[wrong.label],
                "predicted": self.classes[wrong.predicted],
                "probability": wrong.probability,
                "warnings": pictures.warnings[wrong.image],
            }
            for wrong in self.error_analysis.misclassified
        ]
        return {**pictures.to_json(), "misclassified": misclassified}

    def _cell_to_json(self, files: tuple[str, ...] | None) -> dict[str, Any]:
        if self.cell is None:
            return {}
        images = self.error_analysis.cells.get(self.cell, ())
        figure = None if self.cell_figure is None else str(self.cell_figure)
        return {"cell": {**cell_to_json(self.cell, images, self.classes, files), "figure": figure}}


@dataclass(frozen=True, eq=False)
class Opened:
    """A classifier and the labelled data that it is evaluated on.

    Attributes:
        classifier: the classifier.
        run: the run whose own images are meant; None where they are others.
        dataset: the name of the data, as it is typed.
        split: ``test`` or ``validation``.
        learned_from: what the classifier learned from, where its own images are meant.
        given: labelled images of a program, where these are meant.
    """

    classifier: Classifier
    run: Run | None
    dataset: str
    split: str
    learned_from: LearnedFrom | None
    given: ImageSet | None = None

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
        images = self.given or _ready_images(self.classifier, self.dataset, self.split)
        return None if images is None else relabelled(images, self.classifier.classes, self.dataset)

    def evaluate(self, images: ImageSet) -> Evaluated:
        """Evaluate the classifier on the images; on a run's test images that is recorded and counted."""
        if self.run is not None and self.learned_from is not None and self.counted:
            return evaluate_test_images(self.run, self.classifier, self.learned_from.dataset)
        return evaluate_images(self.classifier, images)

    def figures(self, out: str | os.PathLike[str] | None) -> Path | None:
        """Return the folder to draw into: ``out``, else that of the run whose images they are."""
        if out is not None:
            return Path(out)
        return None if self.run is None else self.run.figures


def evaluate(
    run_or_file: Any,
    data: Any = None,
    labels: Any = None,
    *,
    split: str = "test",
    out: str | os.PathLike[str] | None = None,
    cell: str | None = None,
    allow_import: bool | None = None,
) -> Evaluation:
    """Evaluate a classifier.

    Args:
        run_or_file: as :func:`imagelet.load` takes it.
        data: a dataset's name, a folder of labelled pictures or a CSV file that names them; or labelled
            images: (X, y), an ``ImageSet``, a dataset of torch; None: what the classifier was trained on.
        labels: of images without: (n,) class names, or numbers that count the classes from 0.
        split: ``test``: the images that had no part in training; ``validation``: those that chose the epoch.
        out: a folder for the figures; None: the run's figures for its own images, else nowhere.
        cell: ``LABEL,PREDICTED``, two class names, whose images are drawn, too.
        allow_import: as :func:`imagelet.load` takes it.

    Raises:
        ImageletError: a run or dataset that is not there, other classes, or data that has changed.
    """
    started = time.perf_counter()
    opened = open_evaluation(run_or_file, data, split, labels, allow_import=allow_import)
    classifier, name, folder = opened.classifier, opened.dataset, opened.figures(out)
    wanted = None if cell is None else read_cell(cell, classifier.classes)  # before the images are read
    if (images := opened.images()) is None:
        evaluation = evaluate_pictures(classifier, list_labelled(name), name, folder, wanted)
    else:
        evaluated = opened.evaluate(images)
        analysis = analyze_errors(evaluated.probabilities, images.labels)
        if folder is not None:
            draw_evaluation(folder, evaluated, split)
            draw_error_analysis(folder, images, analysis, split)
        evaluation = Evaluation(
            metrics=evaluated.metrics,
            classes=classifier.classes,
            dataset=name,
            split=split,
            error_analysis=analysis,
            figures=folder,
            cell=wanted,
            cell_figure=draw_cell(folder, evaluated, wanted, split),
            by_source=_by_source(evaluated, images.sources),
            test_evaluations=evaluated.test_evaluations,
        )
    return replace(evaluation, split=split, seconds=time.perf_counter() - started)


def evaluate_pictures(
    classifier: Classifier, listed: LabelledPictures, name: str, folder: Path | None, cell: Cell | None = None
) -> Evaluation:
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
    framed = _frame(listed.pictures, classifier)
    pixels = np.stack([picture.image for picture in framed])
    images = relabelled(ImageSet(pixels, listed.labels, listed.classes), classifier.classes, name)
    evaluated = evaluate_images(classifier, images)
    highest = evaluated.probabilities.max(axis=1).tolist()
    pictures = OwnPictures(
        listed=listed.pictures,
        warnings=tuple(picture.warnings for picture in framed),
        unsure=~np.array([*map(classifier.is_sure, framed, highest)]),
        correct=evaluated.probabilities.argmax(axis=1) == images.labels,
    )
    analysis = analyze_errors(evaluated.probabilities, images.labels)
    if folder is not None:
        plots.save(plots.confusion(evaluated.metrics.confusion, images.classes), folder / "confusion.png")
        _draw_misclassified(folder / "misclassified.png", images, analysis, pictures)
        draw_label_issues(folder / "label-issues.png", images, analysis.label_issues, pictures.files)
        draw_reliability(folder / "reliability.png", analysis)
    return Evaluation(
        metrics=evaluated.metrics,
        classes=classifier.classes,
        dataset=name,
        split="test",
        error_analysis=analysis,
        figures=folder,
        cell=cell,
        cell_figure=draw_cell(folder, evaluated, cell, paths=pictures.files),
        pictures=pictures,
        by_source=_by_source(evaluated, listed.sources),
    )


def _by_source(evaluated: Evaluated, sources: Sequence[str] | NDArray[np.int64] | None) -> BySource | None:
    """Return the accuracy by the images' sources, one for each; None without."""
    if sources is None:
        return None
    correct = evaluated.probabilities.argmax(axis=1) == evaluated.images.labels
    return BySource(len(np.unique(sources)), clustered_interval(correct, sources))


def _frame(pictures: Sequence[StoredPicture], classifier: Classifier) -> list[FramedInput]:
    try:
        framed = dict(in_parallel(classifier.frame, pictures))
    except PictureError as error:
        raise DataError(error.message, error.hint or "imagelet data show FILE tells what it is") from error
    return [framed[index] for index in range(len(pictures))]


def _draw_misclassified(path: Path, images: ImageSet, analysis: ErrorAnalysis, pictures: OwnPictures) -> None:
    """Draw the first misclassified pictures, each beside what the network got; none: no file is left."""
    path.unlink(missing_ok=True)  # of an earlier evaluation
    if not (shown := analysis.misclassified[:MOST_SHOWN]):
        return
    chosen = [wrong.image for wrong in shown]
    unsure = pictures.unsure[chosen].tolist()
    sheet = plots.seen(
        [thumbnail(pictures.listed[image]) for image in chosen],
        images.images[chosen],
        [
            f"{plots.answer_line(images.classes[wrong.predicted], wrong.probability, unsure=is_unsure)}"
            f"   label {images.classes[wrong.label]}"
            for wrong, is_unsure in zip(shown, unsure, strict=True)
        ],
        [pictures.listed[image].path.name for image in chosen],
        [pictures.warnings[image] for image in chosen],
        [not is_unsure for is_unsure in unsure],
    )
    plots.save(sheet, path)


def open_evaluation(
    run_or_file: Any, data: Any, split: str, labels: Any = None, *, allow_import: bool | None = None
) -> Opened:
    """Return the classifier, and the data that is meant; arguments as :func:`evaluate`'s.

    Raises:
        UsageError: data of another type, or no such split.
        RunError: no such run or classifier.
        DataError: what the classifier learned from is not there, has changed, or is not known.
    """
    check_split(split)
    learner = find_learner(run_or_file)
    classifier = learner.load(allow_import=allow_import)
    learner = replace(learner, loaded=classifier)
    if data is not None and not isinstance(data, str | os.PathLike):
        return _open_given(learner, classifier, data, labels, split)
    if labels is not None:
        raise UsageError(
            "labels go with arrays: evaluate(run, X, y)", hint="another part is split='validation'"
        )
    data = None if data is None else os.fspath(data)
    if data is None or learner.run is not None:
        provenance = provenance_of(learner)
        if data is None or findable(data) == provenance.dataset:
            return Opened(classifier, provenance.run, provenance.dataset, split, provenance.open())
    return Opened(classifier, None, data, split, None)


def check_split(split: str) -> None:
    """Raise SettingError where ``split`` names no part to evaluate on."""
    if split not in SPLITS:
        raise SettingError(
            "unknown split '{split}'; allowed are {names}", split=split, names=", ".join(SPLITS)
        )


def _open_given(learner: Learner, classifier: Classifier, data: Any, labels: Any, split: str) -> Opened:
    """Return labelled images of a program; where they are the run's own test images, they count as these."""
    provenance = None if learner.run is None else provenance_of(learner)
    if labels is None and has_splits(data):
        dataset = load_dataset(data)
        if provenance is not None and dataset.train.fingerprint() == provenance.data_sha256:
            own = provenance.open(dataset)
            return Opened(classifier, provenance.run, provenance.dataset, split, own)
        part = _part(dataset, split)
        images = ImageSet(_framed_images(part.images, classifier), part.labels, part.classes)
        return Opened(classifier, None, dataset.card.name, split, None, images)
    pictures, numbers, classes = labelled_pictures(data, labels, classes=classifier.classes)
    images = ImageSet(_framed_images(pictures, classifier), numbers, classes)
    if provenance is not None:
        with contextlib.suppress(DataError):  # what it learned from is not there any more
            own = provenance.open()
            alike = relabelled(images, classifier.classes, title_of(data))
            if "test" in own.dataset.parts and alike.fingerprint() == own.dataset.test.fingerprint():
                return Opened(classifier, provenance.run, provenance.dataset, "test", own)
    return Opened(classifier, None, title_of(data), split, None, images)


def _framed_images(pictures: Any, classifier: Classifier) -> NDArray[np.uint8]:
    """Return images of the classifier's size: as they are, or framed as it frames every picture.

    Raises:
        DataError: a picture cannot be read.
    """
    if isinstance(pictures, np.ndarray) and pictures.shape[1:] == classifier.input_shape:
        return pictures
    try:
        return np.stack([classifier.frame(picture).image for picture in pictures])
    except PictureError as error:
        raise DataError(error.message, error.hint) from error


def _ready_images(classifier: Classifier, data: str, split: str) -> ImageSet | None:
    """Return images of the classifier's size; None where ``data`` names pictures that are still to be framed.

    All pictures of a folder count, unless the classifier was trained on that very folder: then those that had
    been set aside.
    """
    if data not in datasets:
        path = Path(data).expanduser()
        form = form_of(path)
        if isinstance(form, PictureForm) or (form is None and path.is_dir()):
            return _own_test_part(classifier, path)
        if form is None and is_table(data):
            return None
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


def _own_test_part(classifier: Classifier, path: Path) -> ImageSet | None:
    """Return the pictures' test part if the classifier was trained on their training part, else None."""
    with contextlib.suppress(DataError):  # what cannot be trained on can still be evaluated on
        dataset = load_dataset(path, shape=classifier.input_shape, framing_kind=classifier.framing.kind)
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
