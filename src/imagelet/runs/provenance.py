"""What a run or a classifier learned from: its images, and that they are unchanged.

A run knows its dataset, where that lies, and its split. A classifier's file without its run knows the name of
a registered dataset and the fingerprint of the training images; which of them were for validation, it does
not say. ``test:17`` names the test image with the index 17, counted from 0.

A run that started from a trained classifier has learned from that one's images, too. Its folder keeps a
digest of each of them, by which its own test and validation images are looked up.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet import paths
from imagelet.classifier.sources import Source
from imagelet.data.copies import digests
from imagelet.data.datasets import load_dataset, place_of
from imagelet.data.imageset import Dataset, ImageSet
from imagelet.data.kept import is_kept
from imagelet.data.known import datasets
from imagelet.data.splits import Split
from imagelet.data.store import InMemory
from imagelet.errors import DataError, RunError, UsageError
from imagelet.messages import Message
from imagelet.preprocessing.framing import Framing
from imagelet.runs.definition import AUTO, Experiment
from imagelet.runs.learner import Learner, find_learner
from imagelet.runs.run import Run

SAMPLE = re.compile(r"(train|validation|test):(\d{1,9})")
DIGEST_BYTES = 8  # the first of SHA-256: of 10,000 images none among 10 million would be found by chance
LARGEST_DIGESTS = 2**29  # bytes; of 67 million images


@dataclass(frozen=True, eq=False)
class PartImages:
    """Images of a dataset, and where they are in it.

    Attributes:
        part: the dataset's part that the indices count in; ``train`` for validation images split off it.
        indices: int64 (n,), each image's index in that part.
        images: the n images.
    """

    part: str
    indices: NDArray[np.int64]
    images: ImageSet


@dataclass(frozen=True)
class Provenance:
    """Which data a run or a classifier's file learned from; nothing is read yet.

    Attributes:
        name: the run's, or the file's without its ending.
        run: None where there is only a file.
        dataset: a registered name, or of a run also a folder.
        reading: how it is read: what ``load_dataset`` takes besides its name.
        data_sha256: the fingerprint of all training images of the dataset.
    """

    name: str
    run: Run | None
    dataset: str
    reading: Mapping[str, Any]
    data_sha256: str

    @property
    def source(self) -> tuple[str, str]:
        """The same for two that are read from one place in one way."""
        return self.dataset, repr(sorted(self.reading.items()))

    @property
    def learner(self) -> Message:
        """What an error calls it."""
        return Message("the classifier '{name}'" if self.run is None else "the run '{name}'", name=self.name)

    def require_present(self) -> None:
        """Raise where the training images would have to be downloaded first.

        Raises:
            DataError: they are not on this machine.
        """
        if self.dataset in datasets and datasets.get(self.dataset).layouts and place_of(self.dataset) is None:
            raise DataError(
                "the images of '{dataset}' that {learner} learned from are not on this machine",
                hint="bring them here: imagelet data get {dataset}",
                dataset=self.dataset,
                learner=self.learner,
            )

    def without_validation(self) -> DataError:
        """Return the error where there are no validation images, or it is not known which they are."""
        return DataError(
            "{learner} is a file without its run: its validation images are not known"
            if self.run is None
            else "{learner} has no validation images",
            hint="use --split test, or test:0 for one image",
            learner=self.learner,
        )

    def load(self, in_memory: InMemory = "auto") -> Dataset:
        """Return the dataset as it is now; its parts are read, and downloaded, when they are asked for.

        Args:
            in_memory: as :func:`load_dataset` takes it.

        Raises:
            DataError: it is not there.
        """
        place = Path(self.dataset)
        if self.dataset not in datasets and not place.exists() and not is_kept(place):
            raise DataError(
                "the images that {learner} learned from are not in {dataset} any more",
                hint="put them back, or, if they have moved, name their new place: "
                "imagelet evaluate {typed} --data NEW",
                learner=self.learner,
                dataset=self.dataset,
                typed=paths.typed(self.name if self.run is None else self.run.folder),
            )
        return load_dataset(self.dataset, **self.reading, in_memory=in_memory)

    def open(self, dataset: Dataset | None = None) -> "LearnedFrom":
        """Return the images, which must be those that were learned from.

        Args:
            dataset: what :meth:`load` returned earlier, which saves reading it again.

        Raises:
            DataError: the data is not there, or has changed since.
        """
        dataset = dataset or self.load()
        if dataset.train.fingerprint() != self.data_sha256:
            raise DataError(
                "the images of '{dataset}' are not those that {learner} learned from: the data has changed "
                "since",
                hint="bring the data back as it was",
                dataset=self.dataset,
                learner=self.learner,
            )
        frozen = None
        if self.run is not None:
            frozen = Split.load(self.run.folder / "split.json")
            frozen.check(dataset.train)
        return LearnedFrom(self, dataset, frozen)


@dataclass(frozen=True, eq=False)
class LearnedFrom:
    """The images that a run or a classifier's file learned from, was chosen by, and is tested on.

    Attributes:
        provenance: whose images they are.
        dataset: all of its parts.
        split: which training images were for validation; None where there is only a file.
    """

    provenance: Provenance
    dataset: Dataset
    split: Split | None

    @property
    def training_indices(self) -> NDArray[np.int64]:
        """int64 (n,), the training images that were learned from; of a file without its run all of them."""
        return np.arange(len(self.dataset.train)) if self.split is None else self.split.train

    @property
    def validation(self) -> PartImages | None:
        """The images that chose the epoch; None where there are none, or it is not known which they are."""
        run = self.provenance.run
        if run is None or self.split is None:
            return None
        if len(self.split.validation):
            return PartImages("train", self.split.validation, self.dataset.train.take(self.split.validation))
        images = validation_images(self.dataset, self.split, Experiment.from_toml(run.experiment).validation)
        return None if images is None else _whole("validation", images)

    def part(self, name: str) -> PartImages:
        """Return the ``test`` images, or the ``validation`` images, which chose the epoch.

        Raises:
            DataError: there are none, or it is not known which they are.
        """
        if name == "test":
            return _whole("test", self.dataset.test)
        validation = self.validation
        if validation is None:
            raise self.provenance.without_validation()
        return validation

    def sample(self, name: str) -> tuple[NDArray[np.uint8], str]:
        """Return the image that ``train:17``, ``validation:17`` or ``test:17`` names, and its class.

        Returns:
            uint8 (height, width, channels), and the class's name.

        Raises:
            UsageError: it names no image.
            DataError: as :meth:`part`.
        """
        named = SAMPLE.fullmatch(name)
        if named is None:
            raise UsageError("'{name}' names no image", hint="for example test:0", name=name)
        part, index = named[1], int(named[2])
        images = self.dataset.train if part == "train" else self.part(part).images
        if index >= len(images):
            raise UsageError(
                "there is no image {name}: there are {count:,} {part} images, counted from 0",
                hint="for example {part}:0",
                name=name,
                count=len(images),
                part=part,
            )
        return np.asarray(images.images[index]), images.classes[images.labels[index]]


def provenance_of(run_or_file: Any) -> Provenance:
    """Return which data a run, a classifier's file or a shipped classifier learned from.

    Args:
        run_or_file: as :func:`imagelet.runs.learner.find_learner` takes it.

    Raises:
        UsageError: it is none of these.
        RunError: there is none, or its run has no classifier yet.
        DataError: a file without its run does not say what it learned from.
    """
    learner = find_learner(run_or_file)
    if learner.run is not None:
        return provenance_of_run(learner.run)
    training = learner.load().training
    dataset, data_sha256 = str(training.get("dataset", "")), training.get("data_sha256")
    if dataset not in datasets or not data_sha256:  # a file may name any folder of this machine
        raise DataError(
            "the classifier '{name}' does not say where the images that it learned from are",
            hint="name its run instead: the folder that training made",
            name=learner.name,
        )
    return Provenance(learner.name, None, dataset, {}, str(data_sha256))


def provenance_of_run(run: Run) -> Provenance:
    """Return which data a run learned from; it need not be finished.

    Raises:
        RunError: its ``experiment.toml`` is damaged.
    """
    content = run.experiment
    experiment = Experiment.from_toml(content)
    data_sha256 = str(content.get("resolved", {}).get("data_sha256", ""))
    start = content.get("resolved", {}).get("start")
    reading = experiment.reading | ({"framing": Framing.from_json(start["framing"])} if start else {})
    return Provenance(run.name, run, experiment.dataset, reading, data_sha256)


def validation_images(dataset: Dataset, frozen: Split, validation: str) -> ImageSet | None:
    """Return the images that choose the best epoch: those split off, or the dataset's own; None without."""
    if len(frozen.validation):
        return dataset.train.take(frozen.validation)
    return dataset.validation if validation == AUTO else None


def image_of(run_or_file: Any, picture: Source) -> Source:
    """Return the pixels of the dataset's image that ``test:17`` names; any other picture as it is.

    Raises:
        UsageError: the dataset has no such image.
        DataError: as :func:`provenance_of` and :meth:`Provenance.open`.
    """
    if not isinstance(picture, str) or not SAMPLE.fullmatch(picture) or Path(picture).exists():
        return picture
    provenance = provenance_of(run_or_file)
    if provenance.run is None and picture.startswith("validation"):
        raise provenance.without_validation()  # before the data is read
    pixels, _ = provenance.open().sample(picture)
    return pixels


def image_digests(images: ImageSet) -> NDArray[np.uint64]:
    """Return a digest of each image's pixels, uint64 (n,), in the order of the images."""
    first = np.ascontiguousarray(digests(images.images)[:, :DIGEST_BYTES])  # (n, 8)
    return first.view("<u8")[:, 0]


def digests_learned_from(learner: Learner) -> NDArray[np.uint64] | None:
    """Return the digests of all images that a classifier learned from, those of its own start included.

    Args:
        learner: the classifier, loaded.

    Returns:
        uint64 (n,), sorted; None where the images are not known, not on this machine, or have changed.
    """
    try:
        provenance = provenance_of(learner)
        provenance.require_present()
        learned_from = provenance.open()
    except DataError:
        return None
    own = image_digests(learned_from.dataset.train)[learned_from.training_indices]
    if "start" not in learner.load().training:
        return np.unique(own)
    before = None if provenance.run is None else digests_before(provenance.run)
    return None if before is None else np.union1d(own, before)


def digests_before(run: Run) -> NDArray[np.uint64] | None:
    """Return the digests of the images that the classifier which a run started from had learned from.

    Returns:
        uint64 (n,), sorted; None where they are not known, or the run did not start from one.

    Raises:
        RunError: the file is damaged.
    """
    path = run.start_images_file
    if not path.is_file():
        return None
    size = path.stat().st_size
    if size > LARGEST_DIGESTS or size % DIGEST_BYTES:
        raise RunError(
            "the run '{name}' is damaged: {file} is no list of digests", name=run.name, file=path.name
        )
    return np.fromfile(path, dtype="<u8")


def count_learned_before(run: Run, images: ImageSet) -> int | None:
    """Return how many images the classifier that a run started from had learned from.

    None where the run's weights were drawn, or it is not known.

    Raises:
        RunError: the run's list of digests is damaged.
    """
    before = digests_before(run)
    return None if before is None else int(np.isin(image_digests(images), before).sum())


def _whole(part: str, images: ImageSet) -> PartImages:
    return PartImages(part, np.arange(len(images), dtype=np.int64), images)
