"""Evaluating a classifier: on its run's locked test set, or on other labelled images."""

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagelet import atomic_files
from imagelet.analysis.error_analysis import Answered, Review, cell_to_json, read_cell, review_images
from imagelet.analysis.own_pictures import OwnPictures, evaluate_pictures
from imagelet.analysis.robustness import ShiftReport, report_shifts
from imagelet.analysis.test_evaluation import draw, judge, look
from imagelet.classifier.classifier import Classifier
from imagelet.data.datasets import findable, load_dataset
from imagelet.data.folder import list_labelled, load_folder, read_labelled
from imagelet.data.imageset import Dataset, ImageSet, relabelled
from imagelet.data.known import datasets
from imagelet.data.labelled_pictures import is_table
from imagelet.errors import DataError, SettingError
from imagelet.metrics.classification import Metrics
from imagelet.progress import Progress, silent
from imagelet.runs.definition import Experiment
from imagelet.runs.provenance import images_of
from imagelet.runs.run import Run
from imagelet.runs.store import find_classifier, run_of

SPLITS = ("test", "validation")


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        metrics: the figures.
        classes: the class names, in their order.
        dataset: what it was evaluated on.
        split: ``test`` or ``validation``.
        test_evaluations: how often the run was evaluated on its test images, this time included; None
            where the images were others.
        seconds: reading and predicting.
        figures: the folder with the pictures; None where none were drawn.
        review: the answers image by image: mistakes, suspects, cells, reliability.
        cell: the label and the answer, class indices, whose images were asked for; None where none were.
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
    review: Review
    cell: tuple[int, int] | None = None
    cell_figure: Path | None = None
    pictures: OwnPictures | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        paths = self.pictures.files if self.pictures else None
        return {
            "dataset": self.dataset,
            "split": self.split,
            **self.metrics.to_json(self.classes),
            **self.review.to_json(self.classes, paths),
            **(self.pictures.to_json() if self.pictures else {}),
            **self._cell_to_json(paths),
            "test_evaluations": self.test_evaluations,
            "seconds": self.seconds,
        }

    def _cell_to_json(self, paths: tuple[str, ...] | None) -> dict[str, Any]:
        if self.cell is None:
            return {}
        within = cell_to_json(self.cell, self.review.cells.get(self.cell, ()), self.classes, paths)
        return {"cell": {**within, "figure": None if self.cell_figure is None else str(self.cell_figure)}}


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
            labels; None: what the run was trained on.
        split: ``test``: the images that had no part in training; ``validation``: those that chose the epoch.
        out: a folder for the confusion matrix and the mistakes; None: the run's figures for its own images,
            else nowhere.
        cell: ``LABEL,ANSWER``, two class names: the images with this label and this answer are drawn, too.

    Raises:
        ImageletError: a run or dataset that is not there, other classes, or data that has changed.
    """
    started = time.perf_counter()
    classifier, run, name = _opened(run_or_file, data, split)
    asked = None if cell is None else read_cell(cell, classifier.classes)  # before anything is looked at
    pictures = None
    if run is not None:
        answered = _evaluate_run(run, classifier, split, out, asked)
    else:
        answered, pictures = _evaluate_elsewhere(classifier, name, split, out, asked)
    return Evaluation(
        metrics=answered.metrics,
        classes=classifier.classes,
        dataset=name,
        split=split,
        test_evaluations=len(run.test_evaluations) if run is not None and split == "test" else None,
        seconds=time.perf_counter() - started,
        figures=_figures(run, out),
        review=answered.review,
        cell=asked,
        cell_figure=answered.cell_figure,
        pictures=pictures,
    )


def evaluate_shifts(
    run_or_file: str,
    data: str | None = None,
    split: str = "test",
    out: Path | None = None,
    progress: Progress = silent,
) -> ShiftReport:
    """Measure a classifier on images that are changed in many ways; arguments as :func:`evaluate`'s.

    An evaluation on a run's own test images is counted.

    Raises:
        ImageletError: as :func:`evaluate`.
    """
    classifier, run, name = _opened(run_or_file, data, split)
    if run is not None:
        images = images_of(run, split)
    else:
        ready = _ready_images(classifier, name, split)
        images = relabelled(ready or read_labelled(name, classifier.framing), classifier.classes, name)
    folder = _figures(run, out)
    picture = None if folder is None else folder / f"shifts-{split}.png"
    report = report_shifts(classifier, images, name, picture, progress)
    if run is not None and split == "test":
        run.record_test_evaluation(report.plain.accuracy, report.images)
    return report


def _opened(run_or_file: str, data: str | None, split: str) -> tuple[Classifier, Run | None, str]:
    """Return the classifier, its run if it is the run's own data that is meant, and the data's name."""
    if split not in SPLITS:
        raise SettingError(
            "unknown split '{split}'; allowed are {names}", split=split, names=", ".join(SPLITS)
        )
    path = find_classifier(run_or_file)
    classifier = Classifier.load(path)
    run = run_of(path)
    if run is not None:
        dataset = Experiment.from_toml(run.experiment).dataset
        if data is None or findable(data) == dataset:
            return classifier, run, dataset
    name = classifier.training.get("dataset") if data is None else data
    if not name:
        raise DataError("the classifier does not say what it was trained on", hint="say it with --data")
    return classifier, None, str(name)


def _figures(run: Run | None, out: Path | None) -> Path | None:
    """Return the folder to draw into: the one asked for, else that of the run whose images they are."""
    return out if out is not None or run is None else run.figures


def _evaluate_run(
    run: Run, classifier: Classifier, split: str, out: Path | None, cell: tuple[int, int] | None
) -> Answered:
    """Evaluate on the run's own data, which must be what the run was trained on."""
    images = images_of(run, split)
    probabilities = classifier.predict_proba(images.images)
    folder = out or run.figures
    if split == "validation":
        metrics = judge(folder, classifier, images, probabilities, split)
    else:
        metrics = look(run, classifier, images, probabilities, folder)
        content = run.metrics | {"test": metrics.to_json(classifier.classes)}
        atomic_files.write_json(run.folder / "metrics.json", content)
    return Answered(metrics, *review_images(images, probabilities, split, folder, cell))


def _evaluate_elsewhere(
    classifier: Classifier, data: str, split: str, out: Path | None, cell: tuple[int, int] | None
) -> tuple[Answered, OwnPictures | None]:
    """Evaluate on images that the classifier was not trained on, class names matched by name.

    The pictures of a folder or of a table are framed as the classifier frames every picture. All of them
    count, unless the classifier was trained on that very folder: then those that had been set aside.
    """
    images = _ready_images(classifier, data, split)
    if images is None:
        found = evaluate_pictures(classifier, list_labelled(data), data, out, cell)
        return Answered(found.metrics, found.review, found.cell_figure), found
    images = relabelled(images, classifier.classes, data)
    probabilities = classifier.predict_proba(images.images)
    metrics = classifier.judge(images, probabilities)
    if out is not None:
        draw(out, images, probabilities, metrics, split)
    return Answered(metrics, *review_images(images, probabilities, split, out, cell)), None


def _ready_images(classifier: Classifier, data: str, split: str) -> ImageSet | None:
    """Return images of the classifier's size; None where ``data`` names pictures that are still to be framed.

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
