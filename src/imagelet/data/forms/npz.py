"""NumPy archives: Keras's ``mnist.npz`` (``x_train``), MedMNIST's (``train_images``) and their like."""

import contextlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from imagelet.data.download import damaged
from imagelet.data.forms import npy
from imagelet.data.forms.form import Contents, Form, forms, paired
from imagelet.data.idx import DEFLATE_RATIO
from imagelet.data.labels import MOST_CLASSES
from imagelet.data.rows import Rows
from imagelet.errors import DataError
from imagelet.messages import Message, message_of

UNREADABLE = (
    *npy.UNREADABLE,
    KeyError,
    RuntimeError,  # an archive with a password
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)
LARGEST_MEMBER = 4 << 30  # bytes
CLASS_NAMES = "class_names"  # a member that names the classes, in which the labels count then


def recognises(path: Path) -> bool:
    """Say whether it is a zip archive of ``.npy`` files."""
    return path.suffix.lower() == ".npz" and path.is_file()


def read(path: Path) -> Contents:
    """Return the parts, by the members' names."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise DataError("{file} is no NumPy archive: {error}", file=path, error=message_of(error)) from error
    named = CLASS_NAMES in names
    contents = paired(
        [name for name in names if name != CLASS_NAMES],
        str(path),
        partial(_member, path),
        partial(_rows, path),
        lambda _: path,
    )
    if not named:
        return contents
    classes = _class_names(path)
    parts = {
        part: replace(arrays, labels=partial(_named, arrays.labels, classes, path), classes=classes)
        for part, arrays in contents.parts.items()
    }
    return replace(contents, parts=parts)


def _class_names(path: Path) -> tuple[str, ...]:
    """Return the names of the classes, in the order of the labels."""
    array = _member(path, CLASS_NAMES)
    names = tuple(array.tolist()) if array.dtype.kind == "U" and array.ndim == 1 else ()
    if not 2 <= len(set(names)) == len(names) <= MOST_CLASSES:
        raise DataError("the class names in {file} are not different texts", file=path)
    return names


def _named(labels: Callable[[], NDArray[Any]], classes: tuple[str, ...], path: Path) -> NDArray[Any]:
    """Return the class name of each label, which counts in ``classes``."""
    indices, count = labels(), len(classes)
    if indices.dtype.kind not in "iu" or not (0 <= indices.min(initial=0) <= indices.max(initial=0) < count):
        raise DataError(
            "the labels in {file} are no indices of its {count:,} class names", file=path, count=count
        )
    names: NDArray[Any] = np.array(classes)[indices]
    return names


def read_official(path: Path, name: str, dataset: str, dimensions: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return an array of bytes of a dataset's official archive.

    Args:
        path: the archive.
        name: of the array in it.
        dataset: whose it is, for the message.
        dimensions: how many it may have.

    Raises:
        DataError: it is missing, damaged or of another kind.
    """
    try:
        with _member_of(path, name) as (file, size):
            if size > LARGEST_MEMBER:
                raise ValueError("it announces more than it can hold")
            array = npy.read_array(file, size)
    except FileNotFoundError:
        raise damaged(path, dataset, Message("is missing")) from None
    except UNREADABLE as error:
        wrong = Message("cannot be read ({error})", error=message_of(error)[:120])
        raise damaged(path, dataset, wrong) from error
    if array.dtype != np.uint8 or array.ndim not in dimensions:
        wrong = Message("holds {dtype} {shape} as {name}", dtype=array.dtype, shape=array.shape, name=name)
        raise damaged(path, dataset, wrong)
    return array


def _member(path: Path, name: str) -> NDArray[Any]:
    with _opened(path, name) as (file, size):
        if size > LARGEST_MEMBER:
            raise ValueError("it announces more than it can hold")
        return npy.read_array(file, size)


def _rows(path: Path, name: str) -> Rows:
    @contextlib.contextmanager
    def values() -> Iterator[IO[bytes]]:
        with _opened(path, name) as (file, size):
            npy.read_header(file, size)
            yield file

    with _opened(path, name) as (file, size):
        shape, fortran, dtype = npy.read_header(file, size)
        return Rows.of(_member(path, name)) if fortran else Rows.of_stream(values, shape, dtype)


@contextlib.contextmanager
def _opened(path: Path, name: str) -> Iterator[tuple[IO[bytes], int]]:
    """Open a member, and yield it with its size; what goes wrong in the block is told in one sentence."""
    try:
        with _member_of(path, name) as (file, size):
            yield file, size
    except UNREADABLE as error:
        raise DataError(
            "{name} in {file} cannot be read: {error}", name=name, file=path, error=message_of(error)
        ) from error


@contextlib.contextmanager
def _member_of(path: Path, name: str) -> Iterator[tuple[IO[bytes], int]]:
    """Open a member, and yield it with its size; raises one of ``UNREADABLE`` where that cannot be."""
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(f"{name}.npy")
        if member.file_size > DEFLATE_RATIO * max(member.compress_size, 1) + 1024:
            raise ValueError("it announces more than it can hold")
        with archive.open(member) as file:
            yield file, member.file_size


forms.add(
    "npz",
    Form(
        "npz",
        Message("NumPy archive (.npz)"),
        Message("x_train, y_train, x_test, y_test; train_images, train_labels, val_images …; images, labels"),
        recognises,
        read,
    ),
)
