"""NumPy archives: Keras's ``mnist.npz`` (``x_train``), MedMNIST's (``train_images``) and their like."""

import contextlib
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray

from imagelet.data.forms import npy
from imagelet.data.forms.form import Contents, Form, forms, paired
from imagelet.data.idx import DEFLATE_RATIO
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
    return paired(names, str(path), partial(_member, path), partial(_rows, path), lambda _: path)


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
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo(f"{name}.npy")
            if member.file_size > DEFLATE_RATIO * max(member.compress_size, 1) + 1024:
                raise ValueError("it announces more than it can hold")
            with archive.open(member) as file:
                yield file, member.file_size
    except UNREADABLE as error:
        raise DataError(
            "{name} in {file} cannot be read: {error}", name=name, file=path, error=message_of(error)
        ) from error


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
