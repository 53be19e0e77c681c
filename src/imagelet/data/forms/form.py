"""What a form of data is, and how what its reader finds becomes a dataset."""

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.data import copies
from imagelet.data.growing import require_count
from imagelet.data.imageset import PARTS, Dataset, DatasetCard, ImageSet, relabelled
from imagelet.data.labels import as_labels
from imagelet.data.pictures.labelled import PictureParts
from imagelet.data.pictures.listing import NAMES_OF_PARTS, subfolders
from imagelet.data.rows import Rows, images_in, limits_of
from imagelet.data.sources import describe_sides, set_aside_sources
from imagelet.data.store import (
    Choose,
    Content,
    InMemory,
    Stored,
    announce,
    divided,
    filled,
    fits_in_memory,
    stored,
)
from imagelet.errors import DataError, PictureError
from imagelet.messages import Message, message_of
from imagelet.preprocessing.arrays import images_of
from imagelet.preprocessing.framing import Framing
from imagelet.preprocessing.picture_files import DiskFolder, PictureFolder
from imagelet.progress import Progress
from imagelet.registry import Registry

LARGE = 1 << 30  # bytes; an array of more is read some rows at a time, into memory, too
TEST_SHARE = 0.2
NAMES_OF_IMAGES = ("x", "image", "images", "img", "imgs", "data", "pixels", "patterns", "fea")
NAMES_OF_LABELS = ("y", "label", "labels", "target", "targets", "class", "classes", "gnd")
KINDS = {"images": NAMES_OF_IMAGES, "labels": NAMES_OF_LABELS}


@dataclass(frozen=True)
class Arrays:
    """The images and labels of one part as they are in the file, unread.

    Attributes:
        images: reads an array: one image a row, or (n, height, width) with channels first, last or none.
        labels: reads an array (n,), (n, 1) or one-hot (n, classes): whole numbers or texts.
        source: which files or members they are: ``x_train, y_train``.
        rows: reads the images' array some rows at a time; None: that is not possible.
        files: in which they are.
        sources: reads an array (n,): who wrote each image; None where nobody said.
        classes: the names of the classes in their order, where the file has them.
    """

    images: Callable[[], Any]
    labels: Callable[[], NDArray[Any]]
    source: str
    rows: Callable[[], Rows] | None = None
    files: tuple[Path, ...] = ()
    sources: Callable[[], NDArray[Any]] | None = None
    classes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Contents:
    """What a reader finds.

    Attributes:
        parts: ``train`` and perhaps ``validation`` and ``test``.
        left_out: a sentence about everything that is not read, with the reason.
    """

    parts: Mapping[str, Arrays]
    left_out: tuple[Message, ...] = ()


@dataclass(frozen=True)
class PlainForm:
    """What ``imagelet data formats`` says of a form of data; alone, of one taken where none is recognised.

    Attributes:
        name: a word: ``npz``.
        title: what people call it.
        layout: what is in it, so that it is recognised.
    """

    name: str
    title: Message
    layout: Message


@dataclass(frozen=True)
class Form(PlainForm):
    """A form of data.

    Attributes:
        recognises: says whether a file or folder is of this form; reads a few bytes at most.
        read: returns what it holds; raises DataError where it is damaged or has two readings.
    """

    recognises: Callable[[Path], bool]
    read: Callable[[Path], Contents]


@dataclass(frozen=True)
class PictureForm(PlainForm):
    """A form of encoded pictures, which are decoded and framed as those of a folder are.

    Attributes:
        recognises: says whether a file or folder is of this form; reads a few bytes at most.
        open: returns the folder of classes in it, or the pictures by part; raises DataError where it is
            damaged or has two readings.
    """

    recognises: Callable[[Path], bool]
    open: Callable[[Path], PictureFolder | PictureParts]


forms: Registry[Form | PictureForm] = Registry(
    Message("form of data"), "imagelet data formats", home="imagelet.data.forms"
)


PICTURES = (  # forms of pictures that data/pictures/ reads where none is recognised
    PlainForm(
        "folder",
        Message("folder of pictures"),
        Message("one subfolder a class, perhaps under train/, val/ and test/"),
    ),
    PlainForm(
        "picture-table",
        Message("table of pictures (.csv)"),
        Message("a line a picture: path, label, perhaps split; or filename, class and their like"),
    ),
)


def form_of(path: Path, folder: PictureFolder | None = None) -> Form | PictureForm | None:
    """Return the form that a file or folder is of; None where no reader recognises it.

    Args:
        path: the file or folder.
        folder: the folder, if it is listed already; where it has subfolders, forms of pictures alone are
            asked.
    """
    if folder is None and path.is_dir():
        folder = DiskFolder(path)
    has_subfolders = folder is not None and bool(subfolders(folder))
    known = (forms.get(name) for name in forms)
    asked = (form for form in known if not has_subfolders or isinstance(form, PictureForm))
    return next((form for form in asked if form.recognises(path)), None)


def open_form(
    path: Path, form: Form, in_memory: InMemory = "auto", progress: Progress | None = None
) -> Dataset:
    """Return the dataset in ``path``; its training part is read now, others when they are asked for.

    Where there is no test part, a fifth of each class is set aside by the rank of the pixels' SHA-256: copies
    fall on one side.

    Args:
        path: a file or folder.
        form: what it is.
        in_memory: whether images are read into memory, or kept in a store; ``auto``: where they are large.
        progress: is called with how many images are read, and how many there are, where they are large.

    Raises:
        DataError: it is damaged, holds no images with labels, or can be read in two ways.
    """
    contents = form.read(path)
    read = partial(_read, path, in_memory=in_memory, progress=progress)
    choose = None if "test" in contents.parts else partial(chosen_for_test, path)
    train = read(contents.parts["train"], choose)
    parts: dict[str, Callable[[], ImageSet]] = {"train": lambda: train.images}
    for part in PARTS[1:]:
        if part in contents.parts:
            parts[part] = partial(_read_alike, read, contents.parts[part], path, train.images.classes)
    if (aside := train.aside) is not None:
        parts["test"] = lambda: aside
    sources = {part: arrays.source for part, arrays in contents.parts.items()}
    told = understood(form.title, sources, train, contents.left_out)
    height, width, channels = train.images.shape
    card = DatasetCard(
        name=path.stem.partition(".")[0] or path.name,
        title=path.name,
        description=" ".join(map(str, told)),
        classes=train.images.classes,
        framing=Framing("fit", height, width, channels),
        flips=False,
        source=str(path),
        licence="that of your own pictures",
    )
    return Dataset(card, str(path), parts, told)


def assigned(names: Iterable[str], origin: str) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """Tell which of several arrays are images and labels of which part, by their names.

    Args:
        names: of members or files: ``x_train``, ``train_images``, ``t10k-labels-idx1-ubyte.gz``.
        origin: what to call where they are, in errors.

    Returns:
        part → (name of the images, name of the labels), and the names that are neither. Without the name of a
        part they are ``train``.

    Raises:
        DataError: two are the images or labels of one part, or images and labels do not come in pairs.
    """
    chosen: dict[tuple[str, str], str] = {}
    others: list[str] = []
    for name in names:
        words = re.findall(r"[a-z]+(?:10k)?", name.lower())
        part = part_of(words) or "train"
        kinds = [kind for kind, known in KINDS.items() if set(words) & set(known)]
        if len(kinds) != 1:
            others.append(name)
        elif (part, kinds[0]) in chosen:
            raise DataError(
                "{origin} holds two arrays of {kind} for {part}, {first} and {second}",
                hint="keep one pair of images and labels for each part",
                origin=origin,
                kind=kinds[0],
                part=part,
                first=chosen[part, kinds[0]],
                second=name,
            )
        else:
            chosen[part, kinds[0]] = name
    pairs: dict[str, tuple[str, str]] = {}
    for part in PARTS:
        images, labels = chosen.get((part, "images")), chosen.get((part, "labels"))
        if images and labels:
            pairs[part] = images, labels
        elif images or labels:
            others.append(str(images or labels))
    if "train" not in pairs:
        raise DataError(
            "{origin} holds no images with labels to learn from; it holds {names}",
            hint="name them x_train and y_train, or images and labels",
            origin=origin,
            names=", ".join(sorted({*chosen.values(), *others})[:10]) or Message("nothing"),
        )
    return pairs, others


def paired(
    names: Iterable[str],
    origin: str,
    load: Callable[[str], NDArray[Any]],
    rows: Callable[[str], Rows],
    file: Callable[[str], Path],
) -> Contents:
    """Return the parts of several named arrays, which :func:`assigned` tells apart.

    Args:
        names: what they are called.
        origin: what to call where they are, in errors.
        load: reads one.
        rows: reads one, some rows at a time.
        file: tells in which file one is.
    """
    pairs, others = assigned(names, origin)
    parts = {
        part: Arrays(
            images=partial(load, images),
            labels=partial(load, labels),
            source=f"{images}, {labels}",
            rows=partial(rows, images),
            files=tuple(dict.fromkeys((file(images), file(labels)))),
        )
        for part, (images, labels) in pairs.items()
    }
    return Contents(parts, tuple(map(left_out, others)))


def left_out(name: str) -> Message:
    """Return the sentence about an array that is neither images nor labels of any part."""
    return Message("{name} is left out: it is not images or labels that belong together.", name=name)


def part_of(words: Iterable[str]) -> str | None:
    """Return the part that one of the words is a usual name of."""
    return next((part for part, names in NAMES_OF_PARTS.items() if set(words) & set(names)), None)


def _read(
    path: Path,
    arrays: Arrays,
    choose: Choose | None = None,
    *,
    in_memory: InMemory,
    progress: Progress | None,
) -> Stored:
    """Return a part: the images to use, those that ``choose`` sets aside, and what they were taken for."""
    where = f"{arrays.source} in {path}"

    def content() -> Content:
        labels, classes = as_labels(arrays.labels(), where, arrays.classes)
        read_rows = rows or Rows.of(arrays.images())
        blocks, shape, taken = images_in(read_rows, limits_of(read_rows))
        return Content(blocks, shape, labels, classes, taken, choose, _numbered(arrays, len(labels)))

    def announced() -> Content:
        announce(in_memory)
        return content()

    with _said_of(where):
        rows = arrays.rows() if arrays.rows else None
        if not fits_in_memory(rows.size if rows else 0, in_memory):
            return stored(where, arrays.files or (path,), announced, progress)
        if rows and rows.size > LARGE:
            return filled(content(), progress)
        images, taken = images_of(arrays.images())
        labels, classes = as_labels(arrays.labels(), where, arrays.classes)
        require_count(len(images), len(labels))
        sources = _numbered(arrays, len(images))
        return divided(ImageSet(images, labels, classes, sources=sources), taken, choose)


def _numbered(arrays: Arrays, count: int) -> NDArray[np.int64] | None:
    """Return who wrote each image, as numbers; raise ValueError where they are not as many."""
    if arrays.sources is None:
        return None
    sources = arrays.sources()
    if sources.shape != (count,):
        raise ValueError(
            Message(
                "the writers are {shape}, one for each of {count:,} images is needed",
                shape=sources.shape,
                count=count,
            )
        )
    return np.unique(sources, return_inverse=True)[1].astype(np.int64)


@contextlib.contextmanager
def _said_of(where: str) -> Iterator[None]:
    """Let what is wrong with images and labels in the block be said with where they are."""
    try:
        yield
    except PictureError as error:
        raise DataError("{where}: {problem}", hint=error.hint, where=where, problem=error.message) from error
    except ValueError as error:
        raise DataError("{where}: {problem}", where=where, problem=message_of(error)) from error


def _read_alike(
    read: Callable[[Arrays], Stored], arrays: Arrays, path: Path, classes: tuple[str, ...]
) -> ImageSet:
    return relabelled(read(arrays).images, classes, f"{arrays.source} in {path}")


def chosen_for_test(origin: object, images: ImageSet) -> NDArray[np.bool_]:
    """Return which images are set aside for testing, bool (n,): a fifth of each class, copies together.

    Where it is known who wrote each image, they are all images of some sources.

    Raises:
        DataError: a class has one image only.
    """
    digests = copies.digests(images.images)
    if images.sources is None:
        chosen = copies.set_aside_by_rank(digests, images.labels, TEST_SHARE)
    else:
        names = [str(number) for number in images.sources]
        chosen = set_aside_sources(digests, images.labels, names, TEST_SHARE)
    lacking = next(
        (name for label, name in enumerate(images.classes) if not chosen[images.labels == label].any()), None
    )
    if lacking is not None:
        raise DataError(
            "the class '{name}' in {file} has one image only: two different ones are needed, as one is set "
            "aside for testing",
            hint="add images, or a test part of your own: x_test and y_test",
            name=lacking,
            file=origin,
        )
    return chosen


def understood(
    title: str, sources: Mapping[str, str], train: Stored, left_out: tuple[Message, ...]
) -> tuple[Message, ...]:
    """Return what is told before training: the form, the parts, what the values were taken for.

    Args:
        title: of the form.
        sources: where each part is from; without a test part one is set aside.
        train: the training images.
        left_out: sentences about what is not read.
    """
    told = [
        Message(
            "{title}; {sources}; {count:,} training images in {classes} classes, taken as {taken}.",
            title=title,
            sources=", ".join(f"{part}: {source}" for part, source in sources.items()),
            count=len(train.images) + (len(train.aside) if train.aside else 0),
            classes=len(train.images.classes),
            taken=train.taken,
        )
    ]
    if "test" not in sources:
        told += _said_of_test(train)
    return (*told, *left_out)


def _said_of_test(train: Stored) -> list[Message]:
    """Return what is said of the images that were set aside for testing."""
    learned, aside = train.images, train.aside
    by_pixels = Message(
        "There is no test part, so a fifth of each class, by the pixels, is set aside as one."
    )
    if aside is None or learned.sources is None or aside.sources is None:
        return [by_pixels]
    by_sources = Message(
        "There is no test part, so whole sources, about a fifth of the images where they can be, are one."
    )
    sides = describe_sides("test", learned.sources, aside.sources, aside.labels, aside.classes)
    return [by_pixels if np.isin(aside.sources, learned.sources).all() else by_sources, sides]
