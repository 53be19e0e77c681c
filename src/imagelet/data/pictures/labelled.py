"""Pictures with their classes, wherever they lie, not yet opened; and all of them by part."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagelet.data.sources import numbered
from imagelet.errors import DataError
from imagelet.messages import Message
from imagelet.preprocessing.picture_files import StoredPicture

VERSION_BYTES = 16
PIXELS, SOURCES = "pixels", "sources"  # by which a test part is set aside


@dataclass(frozen=True, eq=False)
class LabelledPictures:
    """Pictures with their classes, not yet opened.

    Args:
        place: the folder or file that all of them lie in: their paths begin with its.
        classes: the class names in natural order.
        pictures: where each lies.
        labels: int64 (pictures,).
        table: the file that names them; None where they lie in one subfolder a class.
        sources: who or what each comes from; None where nobody said.
        parts: train, validation or test for each; None where a table does not say.
        known_versions: the property ``versions``, where it was asked for before.
    """

    place: Path
    classes: tuple[str, ...]
    pictures: tuple[StoredPicture, ...]
    labels: NDArray[np.int64]
    table: Path | None = None
    sources: tuple[str, ...] | None = None
    parts: tuple[str, ...] | None = None
    known_versions: NDArray[np.uint8] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.pictures)

    def take(self, indices: NDArray[np.int64]) -> "LabelledPictures":
        """Return the pictures at ``indices`` (n,)."""
        pictures = tuple(self.pictures[index] for index in indices)
        sources = None if self.sources is None else tuple(self.sources[index] for index in indices)
        parts = None if self.parts is None else tuple(self.parts[index] for index in indices)
        known = self.__dict__.get("versions", self.known_versions)
        versions = None if known is None else known[indices]
        labels = self.labels[indices]
        return LabelledPictures(
            self.place, self.classes, pictures, labels, self.table, sources, parts, versions
        )

    @cached_property
    def versions(self) -> NDArray[np.uint8]:
        """uint8 (pictures, ``VERSION_BYTES``), a hash of each one's name, size and time, asked for once."""
        if self.known_versions is not None:
            return self.known_versions
        texts = (f"{self.within(picture)}\0{picture.version()}\0" for picture in self.pictures)
        hashes = (blake2b(text.encode(errors="surrogateescape"), digest_size=VERSION_BYTES) for text in texts)
        whole = b"".join(one.digest() for one in hashes)
        return np.frombuffer(whole, np.uint8).reshape(len(self), VERSION_BYTES)

    def within(self, picture: StoredPicture) -> str:
        """Return a picture's path from the place on: ``cat/1.png``."""
        return str(picture).removeprefix(f"{self.place}{os.sep}")

    def numbered_sources(self) -> NDArray[np.int64] | None:
        """Return a number (n,) for each picture's source; one without a source is a source of its own."""
        if self.sources is None:
            return None
        return numbered(self.sources)


@dataclass(frozen=True)
class PictureParts:
    """Pictures listed by part.

    Attributes:
        place: the folder or file that they lie in.
        parts: for each of "train", "validation", "test" that there is, the function that lists it.
        left_out: a sentence about everything that is not read.
        form: what people call the form of the data; None for a folder and a table.
    """

    place: Path
    parts: Mapping[str, Callable[[], LabelledPictures]]
    left_out: tuple[Message, ...] = ()
    form: Message | None = None


def require_classes(training: LabelledPictures) -> None:
    """Raise where there is one class only.

    Raises:
        DataError: there is.
    """
    if len(training.classes) >= 2:
        return
    (name,) = training.classes
    if training.table:
        raise DataError(
            "the table '{table}' has one class only, '{name}': two are needed",
            table=training.table,
            name=name,
        )
    raise DataError(
        "the folder '{folder}' has one class only, '{name}': two are needed",
        hint="if the class subfolders lie one level deeper, name that folder",
        folder=training.place,
        name=name,
    )


def itself(pictures: LabelledPictures) -> LabelledPictures:
    """Return what it gets: the function that lists pictures which are listed already."""
    return pictures


def describe(training: LabelledPictures, set_aside: str | None) -> Message:
    """Return how many pictures there are to learn from, and what was set aside as the test part.

    Args:
        training: the pictures that are left.
        set_aside: ``PIXELS`` or ``SOURCES``; None: nothing.
    """
    values = {"count": len(training), "classes": len(training.classes)}
    if set_aside == SOURCES:
        return Message(
            "{count:,} training pictures in {classes} classes; there is no labelled test/, so whole sources, "
            "about a fifth of the pictures where they can be, are the test part.",
            **values,
        )
    if set_aside == PIXELS:
        return Message(
            "{count:,} training pictures in {classes} classes; there is no labelled test/, so a fifth of "
            "each class, by the pixels, is the test part.",
            **values,
        )
    return Message("{count:,} training pictures in {classes} classes.", **values)
