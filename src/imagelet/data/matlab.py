"""MATLAB's files: the numeric variables of versions 5 to 7 and of 7.3, by name, as MATLAB shapes them.

Version 5 is read here: a reader that makes room for what a header announces, or goes as deep as a file nests,
can be brought down by a file of a few bytes. This one looks at tags, unpacks no more than zlib could have
packed, and hands out views. Version 7.3 is HDF5, which h5py reads; links to other files, virtual datasets and
filters other than MATLAB's are refused. No object, function or class that a file names is ever made.
(MathWorks, "MAT-File Format", R2023b; version 7.3 stores each array with its axes reversed)
"""

import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.data.hdf5 import LARGEST, MAGIC, check_array, check_heaps, first_line
from imagelet.data.idx import DEFLATE_RATIO
from imagelet.errors import DataError
from imagelet.messages import Message

HEADER = 128  # bytes; version and byte order are the last four
USERBLOCK = 512  # bytes before the HDF5 file in one of version 7.3
MOST_VARIABLES = 1000
DEEPEST = 6  # structs in structs
MOST_AXES = 8
FIRST_BYTES = 1 << 16  # of a packed variable, for its type, shape and name

MATRIX, COMPRESSED = 14, 15
TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
DOUBLE, SINGLE, LAST_NUMERIC = 6, 7, 15  # classes of variables; from DOUBLE on they are numeric
STRUCT = 2
COMPLEX, LOGICAL = 0x0800, 0x0200  # flags
KINDS = {1: "cell array", 3: "object", 4: "text", 5: "sparse matrix", 16: "function", 17: "object"}


@dataclass(frozen=True)
class Variable:
    """One variable, or one field of a struct.

    Attributes:
        shape: as MATLAB has it.
        read: returns the array, of that shape; raises ValueError where it is damaged or not numeric.
    """

    shape: tuple[int, ...]
    read: Callable[[], NDArray[Any]]


Named = Iterator[tuple[str, Variable]]


def read_variables(path: Path) -> dict[str, Variable]:
    """Return the variables of a file; ``dataset.train.images`` is a field of a struct in a struct.

    Raises:
        ValueError: the file is damaged, or is no MATLAB file of version 5 or later.
        DataError: h5py is needed and not installed.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(HEADER)
        file.seek(USERBLOCK)
        is_hdf5 = file.read(len(MAGIC)) == MAGIC
    order = {b"IM": "<", b"MI": ">"}.get(start[126:128])
    if order is None:
        raise ValueError(Message("it is no MATLAB file of version 5 or later"))
    variables: dict[str, Variable] = {}
    for name, variable in _of_hdf5(path) if is_hdf5 else _of_version_5(path, order):
        if len(variables) == MOST_VARIABLES:
            raise ValueError(Message("it has over {most} variables", most=MOST_VARIABLES))
        variables[name] = variable
    return variables


# -- version 5 ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Element:
    """A tag and what it announces.

    Attributes:
        kind: the number of its type.
        body: its bytes.
        end: where the next one begins.
    """

    kind: int
    body: memoryview
    end: int


def _of_version_5(path: Path, order: str) -> Named:
    content = memoryview(np.memmap(path, np.uint8, "r"))  # type: ignore[arg-type]
    place = HEADER
    while place < len(content):
        element = _element(content, place, order)
        place = element.end
        if element.kind == COMPRESSED:
            yield from _packed(element.body, order)
        elif element.kind == MATRIX:
            yield from _matrix(element.body, order)


def _element(content: memoryview, place: int, order: str) -> Element:
    """Return the element at ``place``; raise ValueError where the content ends within it."""
    if place + 8 > len(content):
        raise ValueError(Message("it ends within a variable"))
    kind, size = (int(number) for number in np.frombuffer(content, f"{order}u4", 2, place))
    if kind >> 16:  # four bytes or fewer stand in the tag itself
        kind, size, start, end = kind & 0xFFFF, kind >> 16, place + 4, place + 8
        if size > 4:
            raise ValueError(Message("it has a tag that announces more than it can hold"))
    else:
        start = place + 8
        end = start + size if kind == COMPRESSED else start + -(-size // 8) * 8
    if start + size > len(content):
        raise ValueError(Message("it ends within a variable"))
    return Element(kind, content[start : start + size], end)


def _packed(body: memoryview, order: str) -> Named:
    """Yield what a packed variable holds; an array is unpacked when it is read, a struct now."""
    first = _unpacked(body, FIRST_BYTES)
    if len(first) < 8:
        raise ValueError(Message("it ends within a variable"))
    kind, size = (int(number) for number in np.frombuffer(first, f"{order}u4", 2))
    if kind != MATRIX or size > min(LARGEST, DEFLATE_RATIO * len(body) + 1024):
        raise ValueError(Message("it has a packed variable that announces more than it can hold"))
    start = memoryview(first)[8 : 8 + size]
    class_, _, shape, name, _ = _described(start, order)
    if class_ == STRUCT:
        yield from _matrix(_whole(body, size), order)
    else:
        yield name, Variable(shape, lambda: _array(_whole(body, size), order))


def _unpacked(body: memoryview, most: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(body, most)
    except zlib.error as error:
        raise ValueError(Message("it has a packed variable that is damaged")) from error


def _whole(body: memoryview, size: int) -> memoryview:
    """Return the ``size`` bytes of a packed variable, without its tag."""
    content = _unpacked(body, size + 8)
    if len(content) < size + 8:
        raise ValueError(Message("it ends within a variable"))
    return memoryview(content)[8:]


def _described(body: memoryview, order: str) -> tuple[int, int, tuple[int, ...], str, int]:
    """Return a variable's class, flags, shape and name, and where its content begins."""
    flags = _element(body, 0, order)
    axes = _element(body, flags.end, order)
    name = _element(body, axes.end, order)
    if (
        len(flags.body) != 8
        or axes.kind != 5
        or not 8 <= len(axes.body) <= 4 * MOST_AXES
        or len(axes.body) % 4
    ):
        raise ValueError(Message("it has a variable without a type or a shape"))
    bits = int(np.frombuffer(flags.body, f"{order}u4")[0])
    shape = tuple(int(size) for size in np.frombuffer(axes.body, f"{order}i4"))
    if min(shape) < 0:
        raise ValueError(Message("it has a variable without a type or a shape"))
    text = bytes(name.body).decode("ascii", "replace")
    return bits & 0xFF, bits, shape, text, name.end


def _matrix(body: memoryview, order: str, prefix: str = "", depth: int = 0) -> Named:
    """Yield a variable, or the fields of a struct."""
    if not len(body):
        return  # a field that was never set
    class_, _, shape, own_name, place = _described(body, order)
    name = prefix or own_name
    if class_ != STRUCT or math.prod(shape) != 1:
        yield name, Variable(shape, partial(_array, body, order))
        return
    if depth == DEEPEST:
        raise ValueError(Message("it nests structs deeper than {most}", most=DEEPEST))
    length = _element(body, place, order)
    names = _element(body, length.end, order)
    width = int(np.frombuffer(length.body, f"{order}i4")[0]) if len(length.body) == 4 else 0
    if width < 1 or len(names.body) % width or len(names.body) // width > MOST_VARIABLES:
        raise ValueError(Message("it has a struct without names"))
    place = names.end
    for at in range(0, len(names.body), width):
        field = bytes(names.body[at : at + width]).partition(b"\0")[0].decode("ascii", "replace")
        element = _element(body, place, order)
        if element.kind != MATRIX:
            raise ValueError(Message("it has a struct with a field that is no variable"))
        yield from _matrix(element.body, order, f"{name}.{field}", depth + 1)
        place = element.end


def _array(body: memoryview, order: str) -> NDArray[Any]:
    """Return the numbers of a variable."""
    class_, flags, shape, _, place = _described(body, order)
    if not DOUBLE <= class_ <= LAST_NUMERIC or flags & COMPLEX:
        kind = "complex numbers" if flags & COMPLEX else KINDS.get(class_, "struct array")
        raise ValueError(Message("it is of the kind '{kind}', not of numbers", kind=kind))
    element = _element(body, place, order)
    stored = TYPES.get(element.kind)
    if stored is None or len(element.body) != math.prod(shape) * int(stored[1]):
        raise ValueError(Message("it holds another number of values than its shape {shape}", shape=shape))
    array: NDArray[Any] = np.frombuffer(element.body, order + stored).reshape(shape, order="F")
    if class_ in (DOUBLE, SINGLE) and array.dtype.kind != "f":  # MATLAB stores whole numbers as such
        array = array.astype(np.float32 if array.dtype.itemsize <= 2 else np.float64)
    return array.astype(bool) if flags & LOGICAL else array


# -- version 7.3 -------------------------------------------------------------------------------------------


def _of_hdf5(path: Path) -> Named:
    try:
        import h5py
    except ImportError as error:
        raise DataError(
            "{file} is a MATLAB file of version 7.3, which h5py reads",
            hint="pip install 'imagelet[formats]'; or save it in MATLAB with -v7",
            file=path,
        ) from error
    try:
        check_heaps(path)
        with h5py.File(path, "r") as file:
            found = list(_of_group(path, file, "", 0))
    except ValueError:
        raise
    except Exception as error:  # damaged files raise almost anything
        raise ValueError(
            Message("it is a damaged file of version 7.3 ({error})", error=first_line(error))
        ) from error
    yield from found


def _of_group(path: Path, group: Any, prefix: str, depth: int) -> Named:
    import h5py

    if depth > DEEPEST:
        raise ValueError(Message("it nests structs deeper than {most}", most=DEEPEST))
    for number, key in enumerate(group):
        if number > MOST_VARIABLES:
            raise ValueError(Message("it has over {most} variables", most=MOST_VARIABLES))
        if key.startswith("#") or not isinstance(group.get(key, getlink=True), h5py.HardLink):
            continue  # MATLAB's own tables; links, which may lead to other files
        item, name = group[key], f"{prefix}{key}"
        if isinstance(item, h5py.Group):
            yield from _of_group(path, item, f"{name}.", depth + 1)
        elif isinstance(item, h5py.Dataset):
            yield name, Variable(item.shape[::-1], partial(_read_hdf5, path, item.name))


def _read_hdf5(path: Path, name: str) -> NDArray[Any]:
    """Return an array of a file of version 7.3, with the axes as MATLAB has them."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            dataset = file[name]
            check_array(dataset, path.stat().st_size)
            array: NDArray[Any] = np.asarray(dataset[()]).T
            return array.astype(bool) if dataset.attrs.get("MATLAB_class") == b"logical" else array
    except ValueError:
        raise
    except Exception as error:  # damaged files raise almost anything
        raise ValueError(Message("it is damaged ({error})", error=first_line(error))) from error
