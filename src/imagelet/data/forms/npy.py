"""NumPy arrays: images and labels side by side in a folder, or one file a class (Quick, Draw! bitmaps)."""

import contextlib
import math
import tokenize
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from imagelet.data.forms.form import Arrays, Contents, Form, assigned, forms, left_out
from imagelet.data.rows import Rows
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
        every = tuple(files.values())
        return Contents({"train": Arrays(images, labels, source, partial(_rows_of_all, every), every)})
    parts = {}
    for part, (images_name, labels_name) in pairs.items():
        used = files[images_name], files[labels_name]
        load_images, load_labels = (partial(load, file) for file in used)
        source = f"{images_name}, {labels_name}"
        parts[part] = Arrays(load_images, load_labels, source, partial(rows_of, used[0]), used)
    return Contents(parts, tuple(left_out(f"{name}.npy") for name in others))


def load(file: Path) -> NDArray[Any]:
    """Return the array of a ``.npy`` file, memory-mapped.

    Raises:
        DataError: it is damaged, or holds Python objects.
    """
    with _reading(file):
        with file.open("rb") as opened:
            read_header(opened, file.stat().st_size)
        array: NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
        return array


def rows_of(file: Path) -> Rows:
    """Return the rows of the array in a ``.npy`` file; raises as :func:`load`, when they are read, too."""

    @contextlib.contextmanager
    def opened() -> Iterator[IO[bytes]]:
        with _reading(file), file.open("rb") as values:
            read_header(values, file.stat().st_size)
            yield values

    with _reading(file), file.open("rb") as values:
        shape, fortran, dtype = read_header(values, file.stat().st_size)
        return Rows.of(load(file)) if fortran else Rows.of_stream(opened, shape, dtype)


@contextlib.contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Let what goes wrong with ``file`` in the block be told in one sentence."""
    try:
        yield
    except UNREADABLE as error:
        raise DataError("{file} cannot be read: {error}", file=file, error=message_of(error)) from error


def read_array(file: IO[bytes], size: int) -> NDArray[Any]:
    """Return the array of an opened ``.npy`` file of ``size`` bytes, never making more room than it has.

    Raises:
        ValueError: it is damaged, announces more than it holds, or holds Python objects.
    """
    shape, fortran, dtype = read_header(file, size)
    values = math.prod(shape)
    array = np.frombuffer(file.read(values * dtype.itemsize), dtype, count=values)
    return array.reshape(shape, order="F" if fortran else "C")


def read_header(file: IO[bytes], size: int) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, order and type of the array in an opened file of ``size`` bytes, up to its first value.

    Raises:
        ValueError: as :func:`read_array`.
    """
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
    return np.concatenate(_alike(tuple(files.values())))


def _alike(files: Sequence[Path]) -> list[NDArray[Any]]:
    arrays = [load(file) for file in files]
    if len({(array.shape[1:], array.dtype) for array in arrays}) > 1:
        raise DataError("the files {first} … hold images of several sizes or kinds", first=files[0])
    return arrays


def _rows_of_all(files: Sequence[Path]) -> Rows:
    """Return the rows of several files, one file after the other."""
    counts = [len(array) for array in _alike(files)]
    parts = [rows_of(file) for file in files]

    def blocks(first: int) -> Iterator[NDArray[Any]]:
        for part, count in zip(parts, counts, strict=True):
            if first < count:
                yield from part.blocks(first)
            first = max(0, first - count)

    return Rows(parts[0].dtype, sum(part.size for part in parts), blocks)


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
