"""Labels as people have them, numbers, texts or one-hot rows, as indices and class names."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.errors import DataError

MOST_CLASSES = 10_000


def as_labels(
    array: NDArray[Any], origin: str, classes: Sequence[str] | None = None
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return labels as indices (n,), and the names of the classes.

    Args:
        array: (n,), (n, 1) or one-hot (n, classes): whole numbers or texts.
        origin: what errors call the labels.
        classes: the names in their order; the labels are these names, or their indices. None: the labels that
            occur, numbers in their order, texts by alphabet.

    Raises:
        DataError: other labels, fewer than two classes, or a label that ``classes`` does not have.
    """
    labels = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if labels.ndim == 2 and labels.dtype.kind in "biuf" and _is_one_hot(labels):
        found = tuple(map(str, range(labels.shape[1]))) if classes is None else tuple(classes)
        if len(found) != labels.shape[1]:
            raise DataError(
                "{origin}: the labels are one-hot rows of {columns:,} numbers for {count:,} class names",
                origin=origin,
                columns=labels.shape[1],
                count=len(found),
            )
        return labels.argmax(axis=1).astype(np.int64), found
    labels = _whole_or_texts(labels, origin)
    if classes is not None:
        return _among(labels, tuple(classes), origin), tuple(classes)
    values, indices = np.unique(labels, return_inverse=True)
    if not 2 <= len(values) <= MOST_CLASSES:
        raise DataError(
            "{origin}: there are {count:,} different labels; 2 to {most:,} classes are needed",
            origin=origin,
            count=len(values),
            most=MOST_CLASSES,
        )
    return indices.astype(np.int64), tuple(map(_name, values))


def _whole_or_texts(labels: NDArray[Any], origin: str) -> NDArray[Any]:
    if labels.dtype.kind == "O" and labels.ndim == 1 and all(isinstance(label, str) for label in labels):
        labels = labels.astype(str)  # what pandas makes of texts
    if labels.ndim != 1 or labels.dtype.kind not in "biufUS":
        raise DataError(
            "{origin}: the labels are {dtype} {shape}; one whole number or text an image is needed",
            origin=origin,
            dtype=labels.dtype,
            shape=labels.shape,
        )
    if labels.dtype.kind == "f" and not (np.isfinite(labels).all() and (labels == np.rint(labels)).all()):
        raise DataError("{origin}: the labels are no whole numbers", origin=origin)
    return labels.astype(np.int64) if labels.dtype.kind in "bf" else labels


def _among(labels: NDArray[Any], classes: tuple[str, ...], origin: str) -> NDArray[np.int64]:
    """Return the indices of labels that are class names, or such indices themselves."""
    values, inverse = np.unique(labels, return_inverse=True)
    places = {name: place for place, name in enumerate(classes)}
    found = [places.get(_name(value)) for value in values]
    if None in found and labels.dtype.kind in "iu" and not any(name.isdecimal() for name in classes):
        found = [int(value) if 0 <= value < len(classes) else None for value in values]
    if None in found:
        raise DataError(
            "{origin}: there is a label '{label}'; the classes are {classes}",
            hint="labels are these names, or their indices, counted from 0",
            origin=origin,
            label=_name(values[found.index(None)]),
            classes=", ".join([*classes[:12], *(["…"] if len(classes) > 12 else [])]),
        )
    return np.array(found, dtype=np.int64)[inverse]


def _name(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _is_one_hot(labels: NDArray[Any]) -> bool:
    return bool(
        labels.shape[1] > 1 and ((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all()
    )
