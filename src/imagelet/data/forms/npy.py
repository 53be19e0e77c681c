"""NumPy arrays: images and labels side by side in a folder, or one file a class (Quick, Draw! bitmaps)."""

import math
import tokenize
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from imagelet.data.forms.form import Arrays, Contents, Form, assigned, forms, left_out
from imagelet.errors import DataError
from imagelet.messages import Message, message_of

LONGEST_HEADER = 10_000  # bytes
UNREADABLE = (OSError, ValueError, EOFError, SyntaxError, tokenize.TokenError)  # what NumPy raises


def recognises(path: Path) -> bool:
    """Say whether a folder holds ``.npy`` files, or a file is one."""
    if path.is_dir():
        return any(path.glob("*.npy"))
    return path.suffix.lower() == ".npy" and path.is_file()


def read(path: Path) -> Contents:
    """Return the parts, by the files' names; of a file, those of its folder."""
    folder = path if path.is_dir() else path.parent
    files = {file.stem: file for file in sorted(folder.glob("*.npy"))}
    try:
        pairs, others = assigned(files, str(folder))
    except DataError:
        if len(files) < 2 or not all(_is_of_one_class(file) for file in files.values()):
            raise
        images, labels = partial(_stacked, files), partial(_named, files)
        source = f"{', '.join(list(files)[:3])} … ({len(files)} files, one a class)"
        return Contents({"train": Arrays(images, labels, source)})
    parts = {
        part: Arrays(partial(load, files[images]), partial(load, files[labels]), f"{images}, {labels}")
        for part, (images, labels) in pairs.items()
    }
    return Contents(parts, tuple(left_out(f"{name}.npy") for name in others))


def load(file: Path) -> NDArray[Any]:
    """Return the array of a ``.npy`` file, memory-mapped.

    Raises:
        DataError: it is damaged, or holds Python objects.
    """
    try:
        with file.open("rb") as opened:
            _read_header(opened, file.stat().st_size)
        array: NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
    except UNREADABLE as error:
        raise DataError("{file} cannot be read: {error}", file=file, error=message_of(error)) from error
    return array


def read_array(file: IO[bytes], size: int) -> NDArray[Any]:
    """Return the array of an opened ``.npy`` file of ``size`` bytes, never making more room than it has.

    Raises:
        ValueError: it is damaged, announces more than it holds, or holds Python objects.
    """
    shape, fortran, dtype = _read_header(file, size)
    values = math.prod(shape)
    array = np.frombuffer(file.read(values * dtype.itemsize), dtype, count=values)
    return array.reshape(shape, order="F" if fortran else "C")


def _read_header(file: IO[bytes], size: int) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, order and type of the array in an opened file; raises as :func:`read_array`."""
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"it is of version {version}; 1.0 and 2.0 are read")
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read_header(file, max_header_size=LONGEST_HEADER)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never loaded")
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize > size:
        raise ValueError("it announces more values than it holds")
    return shape, fortran, dtype


def _is_of_one_class(file: Path) -> bool:
    """Say whether a file's rows are images: labels would have one number each."""
    return load(file).ndim >= 2 and load(file).shape[-1] > 1


def _stacked(files: dict[str, Path]) -> NDArray[Any]:
    arrays = [load(file) for file in files.values()]
    if len({(array.shape[1:], array.dtype) for array in arrays}) > 1:
        raise DataError(
            "the files {first} … hold images of several sizes or kinds", first=next(iter(files.values()))
        )
    return np.concatenate(arrays)


def _named(files: dict[str, Path]) -> NDArray[np.str_]:
    return np.concatenate([np.full(len(load(file)), name) for name, file in files.items()])


forms.add(
    "npy",
    Form(
        "npy",
        Message("NumPy arrays (.npy)"),
        Message("a folder with x_train.npy, y_train.npy …, or with one file a class: cat.npy, dog.npy"),
        recognises,
        read,
    ),
)
