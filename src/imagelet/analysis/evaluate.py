"""Evaluating a classifier on its run's own test images, or on other labelled images."""

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
from imagelet.analysis.opening import Opened, open_evaluation
from imagelet.analysis.test_evaluation import Evaluated
from imagelet.classifier.classifier import Classifier
from imagelet.classifier.prediction import FramedInput, verdict
from imagelet.cores import AUTO
from imagelet.data.imageset import ImageSet, relabelled
from imagelet.data.pictures.dataset import list_readable
from imagelet.data.pictures.labelled import LabelledPictures
from imagelet.data.pictures.working import in_parallel
from imagelet.errors import DataError, PictureError
from imagelet.messages import Message
from imagelet.metrics.classification import Interval, Metrics, clustered_interval
from imagelet.preprocessing.inspection import thumbnail
from imagelet.preprocessing.picture_files import StoredPicture

MOST_SHOWN = 60  # misclassified pictures in a sheet


@dataclass(frozen=True, eq=False)
class OwnPictures:
    """What is known of a person's own pictures beside the figures.

    Attributes:
        listed: the pictures where they lie.
        warnings: what speaks against each prediction; none of a sure one.
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
        learned_before: how many of the run's test images the classifier that it started from had learned
            from; None where it started from none, or that is not known.
        seconds: reading and predicting.
        understood: which images these are, where that is not plain from their name, and what was left out.
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
    learned_before: int | None = None
    seconds: float = 0.0
    understood: tuple[Message, ...] = ()

    def __repr__(self) -> str:
        return f"Evaluation({self.dataset!r}, {self.split}, {self.metrics!r})"

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        files = self.pictures.files if self.pictures else None
        return {
            "dataset": self.dataset,
            "understood": list(self.understood),
            "split": self.split,
            **self.metrics.to_json(self.classes),
            **self.error_analysis.to_json(self.classes, files),
            **(self._pictures_to_json(self.pictures) if self.pictures else {}),
            **self._cell_to_json(files),
            "sources": None if self.by_source is None else self.by_source.count,
            "interval_by_source": None if self.by_source is None else list(self.by_source.interval),
            "test_evaluations": self.test_evaluations,
            "learned_before": self.learned_before,
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


def evaluate(
    run_or_file: Any,
    data: Any = None,
    labels: Any = None,
    *,
    split: str = "test",
    out: str | os.PathLike[str] | None = None,
    cell: str | None = None,
    allow_import: bool | None = None,
    skip_bad: bool = False,
    device: str | None = None,
    threads: int | str = AUTO,
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
        skip_bad: leave out other pictures that cannot be read, and say which; else they are an error.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``; None: where the classifier is, a loaded one on the
            processor.
        threads: with how many threads the processor computes, up to its cores; ``auto``: as torch chooses.

    Raises:
        ImageletError: a run or dataset that is not there, other classes, or data that has changed.
    """
    started = time.perf_counter()
    opened = open_evaluation(run_or_file, data, split, labels, allow_import=allow_import)
    classifier, name, folder = opened.classifier, opened.dataset, opened.figures(out)
    wanted = None if cell is None else read_cell(cell, classifier.classes)  # before the images are read
    with opened.computing(device, threads):
        if (images := opened.images()) is None:
            listed, lost = list_readable(name, skip_bad=skip_bad)
            opened = replace(opened, understood=(*opened.understood, *lost))
            evaluation = evaluate_pictures(classifier, listed, name, folder, wanted)
        else:
            evaluation = _evaluate_images(opened, images, folder, wanted)
    seconds = time.perf_counter() - started
    return replace(evaluation, split=split, seconds=seconds, understood=opened.told)


def _evaluate_images(opened: Opened, images: ImageSet, folder: Path | None, cell: Cell | None) -> Evaluation:
    """Evaluate on images of the classifier's size, and draw the figures."""
    evaluated, split = opened.evaluate(images), opened.split
    analysis = analyze_errors(evaluated.probabilities, images.labels)
    if folder is not None:
        draw_evaluation(folder, evaluated, split)
        draw_error_analysis(folder, images, analysis, split)
    return Evaluation(
        metrics=evaluated.metrics,
        classes=opened.classifier.classes,
        dataset=opened.dataset,
        split=split,
        error_analysis=analysis,
        figures=folder,
        cell=cell,
        cell_figure=draw_cell(folder, evaluated, cell, split),
        by_source=_by_source(evaluated, images.sources),
        test_evaluations=evaluated.test_evaluations,
        learned_before=evaluated.learned_before,
    )


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
    logits = classifier.logits(images.images)
    probabilities = classifier.calibration.probabilities(logits)
    evaluated = Evaluated(images, probabilities, classifier.compute_metrics(images, probabilities))
    verdicts = [verdict(classifier.calibration, *pair) for pair in zip(framed, logits, strict=True)]
    pictures = OwnPictures(
        listed=listed.pictures,
        warnings=tuple(warnings for _, warnings in verdicts),
        unsure=np.array([not sure for sure, _ in verdicts]),
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
