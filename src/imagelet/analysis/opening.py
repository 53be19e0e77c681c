"""Which classifier is evaluated, and on which images: its run's own, a dataset's, or a person's pictures.

:func:`open_evaluation` decides; nothing is evaluated here, but the images of a program are framed.
"""

import contextlib
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.analysis.test_evaluation import (
    Evaluated,
    evaluate_images,
    evaluate_test_images,
    is_test_part,
)
from imagelet.classifier.classifier import Classifier
from imagelet.data import copies
from imagelet.data.datasets import findable, load_dataset
from imagelet.data.forms.form import PictureForm, form_of
from imagelet.data.imageset import Dataset, ImageSet, relabelled
from imagelet.data.known import datasets
from imagelet.data.objects import has_splits, labelled_pictures, title_of
from imagelet.data.pictures.table import is_table
from imagelet.device import choose_device, choose_threads, using_threads
from imagelet.errors import DataError, ImageletError, PictureError, SettingError, UsageError
from imagelet.messages import Message
from imagelet.runs.learner import Learner, find_learner
from imagelet.runs.provenance import LearnedFrom, Provenance, provenance_of
from imagelet.runs.run import Run

SPLITS = ("test", "validation")


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
        understood: which images these are, where that is not plain from their name.
    """

    classifier: Classifier
    run: Run | None
    dataset: str
    split: str
    learned_from: LearnedFrom | None
    given: ImageSet | None = None
    understood: tuple[Message, ...] = ()

    @property
    def told(self) -> tuple[Message, ...]:
        """What is understood, and what of the part was left out when it was read."""
        if self.learned_from is None:
            return self.understood
        left_out = self.learned_from.dataset.left_out.get(self.split)
        return self.understood if left_out is None else (*self.understood, left_out.told)

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

    @contextlib.contextmanager
    def computing(self, device: str | None, threads: int | str) -> Iterator[None]:
        """Let the classifier compute on a device with so many threads in the block, afterwards as before.

        Args:
            device: its name; None: where the classifier is.
            threads: ``auto``, or a number from 1.

        Raises:
            SettingError: there is no such device, or there are fewer cores.
        """
        with using_threads(choose_threads(threads)):
            if device is None:
                yield
                return
            before = self.classifier.device
            self.classifier.to(choose_device(device))
            try:
                yield
            finally:
                self.classifier.to(before)

    def figures(self, out: str | os.PathLike[str] | None) -> Path | None:
        """Return the folder to draw into: ``out``, else that of the run whose images they are."""
        if out is not None:
            return Path(out)
        return None if self.run is None else self.run.figures


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
        return _open_elsewhere(classifier, provenance, data, split)
    return Opened(classifier, None, data, split, None)


def _open_elsewhere(classifier: Classifier, provenance: Provenance, data: str, split: str) -> Opened:
    """Return data in another place than a run's: the run's own, if it has moved, or others."""
    if moved := _moved(provenance, data):
        told = Message(
            "{data} holds the images of the run, which lay in {before}: this counts as an evaluation on its "
            "test part",
            data=data,
            before=provenance.dataset,
        )
        return Opened(classifier, provenance.run, data, split, moved, understood=(told,))
    told = Message(
        "{data} holds other images than those of the run: this does not count as an evaluation on its test "
        "part",
        data=data,
    )
    return Opened(classifier, None, data, split, None, understood=(told,))


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
            _warn_of_learned(images, own)
    return Opened(classifier, None, title_of(data), split, None, images)


def _warn_of_learned(images: ImageSet, own: LearnedFrom) -> None:
    """Say so where images were learned from: figures on them are no test."""
    training = own.dataset.train.take(own.training_indices)
    if known := int(copies.are_copies(images.images, training.images).sum()):
        warnings.warn(
            Message(
                "{known:,} of these {count:,} images were learned from: their figures say nothing of others",
                known=known,
                count=len(images),
            ),
            stacklevel=4,
        )


def _framed_images(pictures: Any, classifier: Classifier) -> NDArray[np.uint8]:
    """Return images of the classifier's size: as they are, or framed as it frames every picture.

    Raises:
        DataError: a picture cannot be read.
    """
    if getattr(pictures, "shape", ())[1:] == classifier.input_shape:
        framed: NDArray[np.uint8] = pictures
        return framed
    try:
        return np.stack([classifier.frame(picture).image for picture in pictures])
    except PictureError as error:
        raise DataError(error.message, error.hint) from error


def _moved(provenance: Provenance, data: str) -> LearnedFrom | None:
    """Return what a run learned from, found in another place; None where other images lie there."""
    run = provenance.run
    if run is None or data in datasets:
        return None
    with contextlib.suppress(ImageletError):  # what cannot be learned from can still be evaluated on
        elsewhere = replace(provenance, dataset=findable(data))
        dataset = elsewhere.load()
        if dataset.train.fingerprint() == provenance.data_sha256 and is_test_part(run, dataset.test):
            return elsewhere.open(dataset)
    return None


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
        dataset = load_dataset(path, framing=classifier.framing)
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
