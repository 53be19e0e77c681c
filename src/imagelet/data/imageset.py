"""Images with their labels, and datasets made of such parts.

An :class:`ImageSet` is what everything above works on: uint8 images, int64 labels, class names.
A :class:`Dataset` is a card (what it is) and its parts (train, test, perhaps validation), each of which is
read when it is first asked for and never before: training works with the test files deleted.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagelet import html_repr
from imagelet.data import copies
from imagelet.data.labels import as_labels
from imagelet.data.on_disk import COPIED_AT_MOST, ImagesOnDisk, as_array, chosen
from imagelet.data.stacking import stacked
from imagelet.errors import DataError, PictureError
from imagelet.messages import Message
from imagelet.preprocessing.arrays import numbers_of
from imagelet.preprocessing.framing import Framing
from imagelet.preprocessing.normalization import Normalization, PixelSums

SHOWN = 10  # images in a notebook
PARTS = ("train", "validation", "test")
CHANNELS = (1, 3)  # grey, RGB

_READ_AT_ONCE = 1 << 24  # bytes; bounds the memory that reading a whole memory-mapped file takes


class Known(NamedTuple):
    """What a store knows of its images, so that they need not all be read for it.

    Attributes:
        sha256: their fingerprint.
        sums: (n, 2, channels), of each image the sum of its pixels and of their squares.
        groups: int64 (n,), the same number for images with the same pixels.
    """

    sha256: str
    sums: NDArray[np.unsignedinteger[Any]]
    groups: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images, their labels and the names of the classes.

    The arrays are kept as read-only views, so that a fingerprint once taken stays true.

    Args:
        images: uint8 (n, height, width, channels), channels 1 or 3, values 0–255; may be memory-mapped.
        labels: int64 (n,), each from 0 to ``len(classes) - 1``.
        classes: the class names, in the order of the labels.
        known: what was found out about them already.
        sources: int64 (n,), equal within the set for images from one source: the number of who wrote them;
            None where nobody said. No part of the fingerprint.

    Raises:
        DataError: a wrong type, shape or label.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    known: Known | None = field(default=None, repr=False)
    sources: NDArray[np.int64] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("images", "labels"):
            _check_is_array(name, getattr(self, name))
        _check_images(self.images)
        object.__setattr__(self, "classes", _as_names(self.classes))
        _check_classes(self.classes)
        _check_labels(self.labels, len(self.images), self.classes)
        _check_sources(self.sources, len(self.images))
        for name in ("images", "labels", "sources"):
            if isinstance(getattr(self, name), np.ndarray):
                view = getattr(self, name).view()
                view.flags.writeable = False
                object.__setattr__(self, name, view)

    @classmethod
    def from_arrays(cls, images: Any, labels: Any, classes: Sequence[str] | None = None) -> "ImageSet":
        """Return images and labels as a program has them as a set; what has two meanings is refused.

        Args:
            images: an array or a tensor: (n, height, width), channels last or first, or square grey images as
                rows (n, height · width); bool, whole numbers from 0 to 255, or floats from 0 to 1 or to 255.
                Or pictures one by one: images of Pillow, paths.
            labels: (n,) whole numbers or texts, or one-hot rows (n, classes).
            classes: the class names in their order, which the labels name or count from 0; None: the labels
                that occur, numbers in their order, texts by alphabet.

        Raises:
            DataError: another shape, other values, or labels that do not fit.
        """
        try:
            pixels, _ = stacked(images)
        except PictureError as error:
            raise DataError(error.message, error.hint) from error
        numbers, names = as_labels(numbers_of(labels), Message("labels"), classes)
        return cls(pixels, numbers, names)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of one image: (height, width, channels)."""
        _, height, width, channels = self.images.shape
        return height, width, channels

    def take(self, indices: NDArray[np.int64] | Sequence[int]) -> "ImageSet":
        """Return the images at ``indices`` (n,), in that order, as a set of its own.

        It is in memory, or where these images are many and in a store, in its file.

        Raises:
            DataError: an index that is not there; negative ones are not there either.
        """
        rows = np.asarray(indices, dtype=np.int64)
        if rows.size and not (rows.min() >= 0 and rows.max() < len(self)):
            wrong = rows.min() if rows.min() < 0 else rows.max()
            raise DataError(
                "there is no image {number}: the images are numbered 0 to {last}",
                number=wrong,
                last=len(self) - 1,
            )
        known = Known("", self.known.sums[rows], self.known.groups[rows]) if self.known else None
        sources = None if self.sources is None else self.sources[rows]
        return ImageSet(chosen(self.images, rows), self.labels[rows], self.classes, known, sources)

    def counts(self) -> NDArray[np.int64]:
        """Return the number of images of each class, int64 (classes,)."""
        return np.bincount(self.labels, minlength=len(self.classes)).astype(np.int64)

    @cached_property
    def originals(self) -> NDArray[np.int64]:
        """int64 (n,): for each image the index of the first with the same pixels; its own if none has."""
        if self.known is not None:
            return copies.first_of_each(self.known.groups)
        return copies.originals(self.images)

    def histogram(self) -> NDArray[np.int64]:
        """Return how many of all pixels have each value, int64 (256,)."""
        counts = np.zeros(256, np.int64)
        rows = max(1, _READ_AT_ONCE // math.prod(self.shape))
        for start in range(0, len(self), rows):
            counts += np.bincount(self.images[start : start + rows].ravel(), minlength=256)
        return counts

    def normalization(self, kind: str) -> Normalization:
        """Return the normalization of these images, as :meth:`Normalization.of` does."""
        if self.known is None:
            return Normalization.of(self.images, kind)
        total, squares = self.known.sums.sum(axis=0, dtype=np.uint64)  # (channels,) each
        return Normalization.of_sums(PixelSums(total, squares, len(self) * math.prod(self.shape[:2])), kind)

    def fingerprint(self) -> str:
        """Return the SHA-256, in hexadecimal, over shape, class names, labels and pixels, in that order."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        if self.known and self.known.sha256:
            return self.known.sha256
        digest = hashlib.sha256(repr((self.images.shape, self.classes)).encode())
        digest.update(np.ascontiguousarray(self.labels, dtype="<i8").data)
        rows = max(1, _READ_AT_ONCE // max(1, int(np.prod(self.shape))))
        for start in range(0, len(self), rows):
            digest.update(np.ascontiguousarray(self.images[start : start + rows]).data)
        return digest.hexdigest()

    def _repr_html_(self) -> str:
        """Return the set as a notebook shows it: the first image of each class, then the first others."""
        firsts = np.unique(self.labels, return_index=True)[1]  # in the order of the classes
        others = np.setdiff1d(np.arange(min(len(self), 2 * SHOWN)), firsts)
        chosen = [*firsts, *others][:SHOWN]
        return html_repr.block(
            f"{html_repr.counted(len(self), 'image')}, {html_repr.shape(self.shape)}",
            html_repr.strip(
                (self.images[one] for one in chosen), (self.classes[self.labels[one]] for one in chosen)
            ),
            html_repr.facts({"classes": html_repr.listed(self.classes)}),
        )


def relabelled(images: ImageSet, classes: tuple[str, ...], name: str) -> ImageSet:
    """Return ``images`` with labels that count in ``classes``; classes may be missing, not added.

    Raises:
        DataError: ``images`` have a class that is not in ``classes``.
    """
    if unknown := [one for one in images.classes if one not in classes]:
        raise DataError(
            "{dataset} has the class '{name}', which the classifier does not know; it knows {classes}",
            dataset=name,
            name=unknown[0],
            classes=", ".join(classes),
        )
    if images.classes == classes:
        return images
    places = np.array([classes.index(one) for one in images.classes], dtype=np.int64)
    known = images.known and images.known._replace(sha256="")  # labels and classes are in it
    return ImageSet(images.images, places[images.labels], classes, known, images.sources)


def left_on_disk(images: ImageSet) -> ImageSet:
    """Return images that lie in a memory-mapped file in such a way that their number takes no memory."""
    if isinstance(images.images, np.memmap) and images.images.nbytes > COPIED_AT_MOST:
        return replace(images, images=as_array(ImagesOnDisk(images.images)))
    return images


class Turned(NamedTuple):
    """Images that look like no class when they are turned: a mirrored 4.

    Attributes:
        classes: whose images, by their indices.
        quarters: by how many quarters they are turned to the left, 0 to 3.
        mirrored: whether they are mirrored left to right before.
    """

    classes: tuple[int, ...]
    quarters: int
    mirrored: bool = False


class KnownAccuracy(NamedTuple):
    """How often the test images of a dataset were told right: what a figure of one's own is held against.

    Attributes:
        percent: of the test images.
        source: who measured it, with what, and where it stands.
        by_people: True where people answered, False where the best network did that we know of.
    """

    percent: float
    source: str
    by_people: bool = False


@dataclass(frozen=True)
class DatasetCard:
    """What a dataset is, before a byte of it is read.

    Args:
        name: the name that is typed, or the folder's.
        title: the name as it is written.
        description: one or two sentences.
        classes: the class names in the order of the labels; empty where a folder tells them.
        framing: how a picture becomes an image like the dataset's; None where a folder tells it.
        flips: True where a mirrored image is still of its class.
        source: address or text that says where the data comes from.
        licence: the licence, or what is known of it.
        citation: how to cite it, if at all.
        turned: which images are of no class any more when they are turned.
        known_accuracy: what people or networks reach; None where no source was found.
    """

    name: str
    title: str
    description: str
    classes: tuple[str, ...]
    framing: Framing | None
    flips: bool
    source: str
    licence: str
    citation: str = ""
    turned: tuple[Turned, ...] = ()
    known_accuracy: KnownAccuracy | None = None


class LeftOut(NamedTuple):
    """Pictures that were left out because they cannot be read.

    Attributes:
        names: of the files.
        told: the sentence about them.
    """

    names: tuple[str, ...]
    told: Message


class Dataset:
    """A card, the place where the data was found, and the parts, unread until asked for.

    Args:
        card: what the dataset is.
        place: where it was found: a folder, or words.
        parts: for each of "train", "validation", "test" that exists, the function that reads it.
        understood: what the data was taken for and what was left out, sentences; empty for a known dataset.
        reference: what ``load_dataset`` opens the same by, in any process: a name or a path; None where only
            this object knows.
        left_out: for each part that is read, what was left out because it cannot be read; what reads a part
            later adds to it.

    Raises:
        ValueError: a part of another name, or no "train".
    """

    def __init__(
        self,
        card: DatasetCard,
        place: str,
        parts: Mapping[str, Callable[[], ImageSet]],
        understood: tuple[Message, ...] = (),
        reference: str | None = None,
        left_out: dict[str, LeftOut] | None = None,
    ) -> None:
        if unknown := set(parts) - set(PARTS):
            raise ValueError(f"unknown parts {sorted(unknown)}; there are {', '.join(PARTS)}")
        if "train" not in parts:
            raise ValueError(f"the dataset '{card.name}' has no part 'train'")
        self.card = card
        self.place = place
        self.parts = dict(parts)
        self.understood = understood
        self.reference = reference
        self.left_out = {} if left_out is None else left_out
        self._read: dict[str, ImageSet] = {}

    def __repr__(self) -> str:
        return f"Dataset({self.card.name!r}, place={self.place!r}, parts={tuple(self.parts)})"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the card, and the training images if they are read already."""
        card, training = self.card, self._read.get("train")
        parts = [f"{len(self._read[part]):,} {part}" if part in self._read else part for part in self.parts]
        facts = {
            "place": self.place,
            "parts": ", ".join(parts),
            "classes": html_repr.listed(card.classes) if card.classes and training is None else None,
            "licence": card.licence,
        }
        shown = "" if training is None else html_repr.Html(training._repr_html_())
        return html_repr.block(f"{card.title} ({card.name})", card.description, html_repr.facts(facts), shown)

    def read(self, part: str) -> ImageSet:
        """Return one part; it is read at the first call and remembered.

        Raises:
            DataError: there is no such part, its files are missing or damaged, or it does not match the
                parts that were read before.
        """
        if part not in self._read:
            if part not in self.parts:
                raise DataError(
                    "the dataset '{name}' has no part '{part}'; it has {parts}",
                    name=self.card.name,
                    part=part,
                    parts=", ".join(self.parts),
                )
            images = self.parts[part]()
            for other, known in self._read.items():
                self._check_alike(part, images, other, known)
            self._read[part] = images
        return self._read[part]

    @property
    def train(self) -> ImageSet:
        """The images to learn from."""
        return self.read("train")

    @property
    def validation(self) -> ImageSet | None:
        """The dataset's own validation images; None where it comes without."""
        return self.read("validation") if "validation" in self.parts else None

    @property
    def test(self) -> ImageSet:
        """The images to look at once, at the end."""
        return self.read("test")

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names; reads the training part where the card leaves them open."""
        return self.card.classes or self.train.classes

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of one image (height, width, channels); reads "train" where the card leaves it open."""
        framing = self.card.framing
        return (framing.height, framing.width, framing.channels) if framing else self.train.shape

    def _check_alike(self, part: str, images: ImageSet, other: str, known: ImageSet) -> None:
        if images.shape != known.shape or images.classes != known.classes:
            raise DataError(
                "the parts of '{name}' do not match: '{part}' has images of {shape} in {count} classes, "
                "'{other}' of {other_shape} in {other_count} classes",
                hint="give every part the same image size and the same class names",
                name=self.card.name,
                part=part,
                shape=_written(images.shape),
                count=len(images.classes),
                other=other,
                other_shape=_written(known.shape),
                other_count=len(known.classes),
            )


def _written(shape: Sequence[int]) -> str:
    return "x".join(str(size) for size in shape)


def _check_is_array(name: str, value: object) -> None:
    if not isinstance(value, np.ndarray | ImagesOnDisk):
        raise DataError(
            "{name} are of the type {type}; a NumPy array is needed", name=name, type=type(value).__name__
        )


def _as_names(classes: object) -> tuple[str, ...]:
    names = tuple(classes) if isinstance(classes, list | tuple) else ()
    if not all(isinstance(name, str) for name in names) or isinstance(classes, str):
        raise DataError("class names are a tuple of texts")
    return names


def _check_images(images: NDArray[np.uint8]) -> None:
    if images.dtype != np.uint8:
        raise DataError("images are {type}; uint8 values from 0 to 255 are needed", type=images.dtype)
    if images.ndim != 4 or images.shape[3] not in CHANNELS or 0 in images.shape[1:]:
        raise DataError(
            "images have the shape {shape}; (number, height, width, channels) with 1 or 3 channels is needed",
            shape=_written(images.shape),
        )


def _check_classes(classes: tuple[str, ...]) -> None:
    if not classes:
        raise DataError("there are no class names; at least one is needed")
    if len(set(classes)) != len(classes):
        twice = next(name for name in classes if classes.count(name) > 1)
        raise DataError(
            "the class name '{name}' stands twice; each class needs a name of its own", name=twice
        )


def _check_labels(labels: NDArray[np.int64], images: int, classes: tuple[str, ...]) -> None:
    if labels.dtype != np.int64:
        raise DataError("labels are {type}; int64 is needed", type=labels.dtype)
    if labels.shape != (images,):
        raise DataError(
            "there are {count} images but labels of the shape {shape}",
            count=images,
            shape=_written(labels.shape),
        )
    if images and not (labels.min() >= 0 and labels.max() < len(classes)):
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise DataError(
            "label {label} is out of range: the {count} classes are 0 to {last}",
            label=wrong,
            count=len(classes),
            last=len(classes) - 1,
        )


def _check_sources(sources: object, images: int) -> None:
    if sources is None:
        return
    _check_is_array("sources", sources)
    if sources.dtype != np.int64 or sources.shape != (images,):  # type: ignore[attr-defined]
        raise DataError("sources are int64, one for each of the {count} images", count=images)
