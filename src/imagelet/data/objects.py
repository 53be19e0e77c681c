"""What a program passes as data: arrays, splits of them, datasets of torch, torchvision and Hugging Face.

Everything is known by what it can do, so that none of these libraries is imported. A torch ``Dataset`` has a
length and gives (picture, label) at each index. One of Hugging Face has ``features`` and ``column_names``,
and gives rows; a ``DatasetDict`` is a dict of them.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.data.forms.form import (
    NAMES_OF_IMAGES,
    NAMES_OF_LABELS,
    Arrays,
    assigned,
    chosen_for_test,
    left_out,
    part_of,
    understood,
)
from imagelet.data.growing import require_count
from imagelet.data.imageset import Dataset, DatasetCard, ImageSet, relabelled
from imagelet.data.labels import as_labels
from imagelet.data.stacking import stacked
from imagelet.data.store import divided
from imagelet.errors import DataError, PictureError
from imagelet.messages import Message, message_of
from imagelet.preprocessing.arrays import is_array, numbers_of
from imagelet.preprocessing.framing import Framing

Part = Arrays | ImageSet
Shape = tuple[int, int, int]

TAKEN = Message(
    "a dataset's name, a file or folder, arrays as (X, y), a dict of splits, an ImageSet, a Dataset, or a "
    "dataset of torch or Hugging Face"
)


def dataset_from(
    data: Any,
    labels: Any = None,
    *,
    validation: Any = None,
    test: Any = None,
    classes: Sequence[str] | None = None,
    shape: Shape | None = None,
) -> Dataset:
    """Return what a program holds in memory as a dataset.

    Args:
        data: images, whose ``labels`` are given; (images, labels); Keras's two such pairs, training and test;
            a dict of splits, or of arrays named ``x_train``, ``y_train`` and so on; an :class:`ImageSet`; a
            dataset of torch or Hugging Face.
        labels: of the images; None where ``data`` has them.
        validation: labelled images that choose the epoch, of the same kinds; None: none of their own.
        test: labelled images to test on; None: those of ``data``, or a fifth that is set aside.
        classes: the names of the classes in their order; None: what the data says.
        shape: (height, width, channels) that the images are framed to; None: as they are.

    Raises:
        DataError: it is none of these, or its images or labels cannot be used.
    """
    parts, others, told = _parts_of(data, labels)
    for name, given in (("validation", validation), ("test", test)):
        if given is not None:
            parts[name], _, found = _only_part(given, name)
            told = told or found
    if "train" not in parts:
        raise DataError(
            "there are no images to learn from: there is only {parts}",
            hint="call the split to learn from 'train'",
            parts=", ".join(parts),
        )
    names = tuple(classes) if classes is not None else told
    return _dataset_of(parts, title_of(data), names, shape, tuple(map(left_out, others)))


def _dataset_of(
    parts: Mapping[str, Part],
    title: str,
    classes: tuple[str, ...] | None,
    shape: Shape | None,
    not_read: tuple[Message, ...],
) -> Dataset:
    """Return parts as a dataset; without a test part a fifth of each class is set aside as one."""
    images, taken = read_part(parts["train"], classes, shape)
    choose = None if "test" in parts else partial(chosen_for_test, title)
    train = divided(images, taken, choose)
    readers: dict[str, Callable[[], ImageSet]] = {"train": lambda: train.images}
    for name in parts:
        if name != "train":
            readers[name] = partial(_read_alike, parts[name], classes, shape, train.images.classes)
    if (aside := train.aside) is not None:
        readers["test"] = lambda: aside
    sources = {name: source_of(part).removeprefix(f"{name}: ") for name, part in parts.items()}
    told = understood(title[:1].upper() + title[1:], sources, train, not_read)
    height, width, channels = images.shape
    card = DatasetCard(
        name=re.sub(r"\W+", "-", title.lower()).strip("-"),
        title=title,
        description=" ".join(map(str, told)),
        classes=images.classes,
        framing=Framing("fit", height, width, channels),
        flips=False,
        source=title,
        licence="that of your own pictures",
    )
    return Dataset(card, str(Message("memory")), readers, told)


def read_part(
    part: Part, classes: Sequence[str] | None = None, shape: Shape | None = None
) -> tuple[ImageSet, Message]:
    """Return a part, and what its images were taken for.

    Args:
        part: as a program passed it.
        classes: the names of the classes in their order; None: the labels tell.
        shape: (height, width, channels) that the images are framed to; None: as they are.

    Raises:
        DataError: its images or labels cannot be used, or can be read in two ways.
    """
    if isinstance(part, ImageSet):
        height, width, channels = part.shape
        colour = Message("grey") if channels == 1 else Message("colour")
        return part, Message("{height}×{width} {colour}", height=height, width=width, colour=colour)
    try:
        images, taken = stacked(part.images(), shape)
        labels, names = as_labels(np.asarray(part.labels()), part.source, classes)
        require_count(len(images), len(labels))
    except PictureError as error:
        values = {"where": part.source, "problem": error.message}
        raise DataError("{where}: {problem}", hint=error.hint, **values) from error
    except ValueError as error:
        raise DataError("{where}: {problem}", where=part.source, problem=message_of(error)) from error
    return ImageSet(images, labels, names), taken


def source_of(part: Part) -> str:
    """Return what a part was read from, in a word or two."""
    return type(part).__name__ if isinstance(part, ImageSet) else part.source


def _read_alike(
    part: Part, classes: tuple[str, ...] | None, shape: Shape | None, known: tuple[str, ...]
) -> ImageSet:
    images, _ = read_part(part, classes, shape)
    return relabelled(images, known, source_of(part))


def labelled_pictures(
    data: Any, labels: Any = None, *, classes: Sequence[str] | None = None
) -> tuple[Any, NDArray[np.int64], tuple[str, ...]]:
    """Return pictures as they are, their labels as indices (n,), and the class names that these count.

    Args:
        data: as for :func:`dataset_from`, but one part alone.
        labels: of images that come without.
        classes: the class names, where the data does not say them itself.

    Returns:
        Pictures: uint8 (n, height, width, channels), or what can be opened one by one.

    Raises:
        DataError: they are no labelled images, or can be read in two ways.
    """
    part, _, told = _only_part(data if labels is None else (data, labels), "test")
    if isinstance(part, ImageSet):
        return part.images, part.labels, part.classes
    pictures = part.images()
    if is_array(pictures) or all(map(is_array, pictures)):
        images, _ = read_part(part, told or classes)
        return images.images, images.labels, images.classes
    numbers, names = as_labels(np.asarray(part.labels()), part.source, told or classes)
    try:
        require_count(len(pictures), len(numbers))
    except ValueError as error:
        raise DataError("{where}: {problem}", where=part.source, problem=message_of(error)) from error
    return pictures, numbers, names


def has_labels(data: Any) -> bool:
    """Say whether data of any kind comes with its labels: all but images alone."""
    return not (is_array(data) or (isinstance(data, list) and not (data and _is_pair(data[0]))))


def has_splits(data: Any) -> bool:
    """Say whether data has several parts: a dataset, a dict of splits, or Keras's two pairs."""
    return isinstance(data, Dataset | Mapping) or (_is_pair(data) and all(map(_is_pair, data)))


def title_of(data: Any) -> str:
    """Return what people call this kind of data."""
    if _is_hugging_face(data) or (isinstance(data, Mapping) and any(map(_is_hugging_face, data.values()))):
        one = data if _is_hugging_face(data) else next(iter(data.values()))
        return str(getattr(getattr(one, "info", None), "dataset_name", None) or "Hugging Face")
    if isinstance(data, ImageSet) or is_array(data) or isinstance(data, Mapping | Sequence):
        return "arrays"
    return type(data).__name__


def _parts_of(data: Any, labels: Any) -> tuple[dict[str, Part], list[str], tuple[str, ...] | None]:
    """Return the parts, the names of what belongs to none, and the class names as far as the data says."""
    if labels is None and isinstance(data, Mapping):
        return _of_mapping(data)
    if labels is None and has_splits(data):
        (x_train, y_train), (x_test, y_test) = data  # what keras.datasets.….load_data() returns
        return {"train": _pair(x_train, y_train), "test": _pair(x_test, y_test)}, [], None
    part, others, told = _only_part(data if labels is None else (data, labels), "train")
    return {"train": part}, others, told


def _of_mapping(data: Mapping[Any, Any]) -> tuple[dict[str, Part], list[str], tuple[str, ...] | None]:
    """Return the parts of a dict of splits, or of one of arrays named as in ``mnist.npz``."""
    names = [str(name) for name in data]
    if data and all(is_array(value) or not has_labels(value) for value in data.values()):
        pairs, others = assigned(names, "the dict")
        return {part: _pair(data[x], data[y], f"{x}, {y}") for part, (x, y) in pairs.items()}, others, None
    parts: dict[str, Part] = {}
    others, told = [], None
    for name, value in data.items():
        part = part_of(re.findall(r"[a-z0-9]+", str(name).lower()))
        if part is None:
            others.append(str(name))
        elif part in parts:
            raise DataError("the dict has two splits for {part}", hint="pass one of them", part=part)
        else:
            parts[part], _, found = _only_part(value, str(name))
            told = told or found
    if not parts:
        raise DataError(
            "the dict has no split to learn from; it has {names}",
            hint="call it 'train', and others 'validation' and 'test'",
            names=", ".join(names) or Message("nothing"),
        )
    return parts, others, told


def _only_part(data: Any, name: str) -> tuple[Part, list[str], tuple[str, ...] | None]:
    """Return labelled images as one part, no names, and the class names as far as the data says."""
    if isinstance(data, ImageSet):
        return data, [], None
    if isinstance(data, tuple) and len(data) == 2:
        return _pair(*data, "X, y" if name == "train" else f"{name}: X, y"), [], None
    if is_array(data) or (isinstance(data, list) and not has_labels(data)):
        raise DataError(
            "there are images without labels", hint="pass both: train(X, y), or (X, y) where one is expected"
        )
    if _is_hugging_face(data):
        return *_of_hugging_face(data, name), _names(data)
    items = getattr(data, "dataset", data) if hasattr(data, "batch_size") else data  # a DataLoader's
    if not isinstance(items, str | bytes | Mapping) and all(
        hasattr(items, method) for method in ("__len__", "__getitem__")
    ):
        return _of_items(items, name), [], _class_names(items)
    raise DataError("data is {taken}; this is of the type {type}", taken=TAKEN, type=type(data).__name__)


def _pair(images: Any, labels: Any, source: str = "X, y") -> Arrays:
    return Arrays(lambda: images, lambda: numbers_of(labels), source)


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2


def _of_items(items: Any, source: str) -> Arrays:
    """Return the pictures and labels of what has a length and gives (picture, label) at each index."""
    pictures: list[Any] = []
    labels: list[Any] = []
    for index in range(len(items)):
        item = items[index]
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise DataError(
                "the item {index} of a {type} is of the type {given}, not (picture, label)",
                index=index,
                type=type(items).__name__,
                given=type(item).__name__,
            )
        pictures.append(item[0])
        labels.append(_plain_label(item[1]))
    return Arrays(lambda: pictures, lambda: np.asarray(labels), source)


def _plain_label(label: Any) -> Any:
    return numbers_of(label) if is_array(label) else label


def _class_names(items: Any) -> tuple[str, ...] | None:
    """Return the class names that torchvision's datasets have, also where only some images are taken."""
    while not hasattr(items, "classes") and hasattr(items, "dataset"):  # torch's Subset
        items = items.dataset
    names = getattr(items, "classes", None)
    is_list = isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
    return tuple(names) if is_list and names else None


def _is_hugging_face(data: Any) -> bool:
    return isinstance(getattr(data, "features", None), Mapping) and hasattr(data, "column_names")


def _of_hugging_face(data: Any, source: str) -> tuple[Arrays, list[str]]:
    """Return the column of images and that of labels, and the names of the others."""
    if not hasattr(data, "__len__"):
        raise DataError(
            "a {type} is a stream without a length",
            hint="load it without streaming",
            type=type(data).__name__,
        )
    image = _column(data, "Image", NAMES_OF_IMAGES, Message("images"))
    label = _column(data, "ClassLabel", NAMES_OF_LABELS, Message("labels"))
    pictures, labels = [], []
    for row in data:
        pictures.append(_decoded(row[image]))
        labels.append(row[label])
    others = [name for name in data.features if name not in (image, label)]
    return Arrays(lambda: pictures, lambda: np.asarray(labels), f"{source}: {image}, {label}"), others


def _column(data: Any, kind: str, names: Iterable[str], what: str) -> str:
    """Return the one column of that kind of feature, else the one with a usual name."""
    features: Mapping[str, Any] = data.features
    of_kind = [name for name, feature in features.items() if type(feature).__name__ == kind]
    usual = [name for name in of_kind or features if name.lower() in names]
    found = of_kind if len(of_kind) == 1 else usual
    if len(found) == 1:
        return found[0]
    raise DataError(
        "which column holds the {what} is not certain: there are {columns}",
        hint="keep two columns: dataset.select_columns(['image', 'label'])",
        what=what,
        columns=", ".join(features),
    )


def _decoded(picture: Any) -> Any:
    """Return a picture that is not decoded yet as what can be opened, lists of numbers as an array."""
    if isinstance(picture, Mapping):  # Image(decode=False)
        return picture.get("bytes") or picture.get("path")
    return np.asarray(picture) if isinstance(picture, list) else picture


def _names(data: Any) -> tuple[str, ...] | None:
    label = _column(data, "ClassLabel", NAMES_OF_LABELS, Message("labels"))
    names = getattr(data.features[label], "names", None)
    return tuple(names) if names else None
