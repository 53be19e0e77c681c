"""The IDX format of MNIST and its like.

A file begins with two zero bytes, the kind of the values (8: unsigned bytes, 12: whole numbers of four
bytes), the number of dimensions and, for each of these, its size in four bytes, most significant first; then
come the values, most significant byte first. (Y. LeCun, C. Cortes, C. Burges, "The MNIST database of
handwritten digits".)
"""

import contextlib
import gzip
import io
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from imagelet.data.download import damaged, read_bytes
from imagelet.data.rows import Rows
from imagelet.messages import Message, message_of

UNSIGNED_BYTES, NUMBERS = 8, 12
TYPES: dict[int, np.dtype[Any]] = {UNSIGNED_BYTES: np.dtype(np.uint8), NUMBERS: np.dtype(">i4")}
MOST_DIMENSIONS = 4
LARGEST_CONTENT = 1 << 30  # bytes; EMNIST's largest file holds 550 MB
DEFLATE_RATIO = 1032  # no deflate stream holds more bytes for each of its own (zlib's technical notes)
GZIP = b"\x1f\x8b"


def is_idx(path: Path) -> bool:
    """Say whether a file begins as an IDX file of unsigned bytes does, packed by gzip or not."""
    try:
        with path.open("rb") as file:
            start = file.read(512)
        if start[:2] == GZIP:
            start = zlib.decompressobj(31).decompress(start, 4)
    except (OSError, zlib.error):
        return False
    return len(start) >= 4 and start[:3] == bytes((0, 0, UNSIGNED_BYTES)) and 1 <= start[3] <= MOST_DIMENSIONS


def read_idx(path: Path, dimensions: int | None = None, dataset: str = "") -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, packed by gzip or not.

    Args:
        path: the file.
        dimensions: how many it must have: 3 for images, 1 for labels; None: any.
        dataset: the dataset's name, for the message; empty: the file's.

    Returns:
        A read-only uint8 array with the file's shape.

    Raises:
        DataError: the file is missing, truncated, corrupt or of another kind.
    """
    array: NDArray[np.uint8] = _read(path, dimensions, dataset or path.name, UNSIGNED_BYTES)
    return array


def read_idx_numbers(path: Path, dimensions: int, dataset: str) -> NDArray[np.int32]:
    """Read an IDX file of whole numbers; arguments and errors are those of :func:`read_idx`."""
    return _read(path, dimensions, dataset, NUMBERS).astype(np.int32)


def parse_idx(content: bytes, dimensions: int | None = None) -> NDArray[np.uint8]:
    """Return the array in the ``content`` of an IDX file of unsigned bytes, packed by gzip or not.

    Raises:
        ValueError: it is truncated, corrupt or of another kind.
    """
    try:
        array: NDArray[np.uint8] = _parse(content, dimensions, is_packed=content[:2] == GZIP)
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise ValueError(Message("is not a whole gzip file")) from error
    return array


def _read(path: Path, dimensions: int | None, name: str, kind: int) -> NDArray[Any]:
    content = read_bytes(path, name, LARGEST_CONTENT)
    with _reading(path, name):
        return _parse(content, dimensions, is_packed=path.suffix == ".gz" or content[:2] == GZIP, kind=kind)


def rows_of_idx(path: Path) -> Rows:
    """Return the rows of the array in an IDX file of unsigned bytes, packed by gzip or not.

    Raises:
        DataError: as :func:`read_idx`, when the rows are read, too.
    """

    @contextlib.contextmanager
    def opened() -> Iterator[IO[bytes]]:
        with _reading(path, path.name), _unpacked(path) as file:
            _read_header(file, None)
            yield file

    with _reading(path, path.name), _unpacked(path) as file:
        shape = _read_header(file, None)
        _require_possible(shape, path.stat().st_size, is_packed=isinstance(file, gzip.GzipFile))
        return Rows.of_stream(opened, shape, np.dtype(np.uint8), ends=True)


@contextlib.contextmanager
def _reading(path: Path, name: str) -> Iterator[None]:
    """Let what goes wrong with a file of the dataset ``name`` in the block be told in one sentence."""
    try:
        yield
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise damaged(path, name, Message("is not a whole gzip file")) from error
    except OSError as error:
        raise damaged(path, name, Message("cannot be read ({error})", error=error.strerror)) from error
    except ValueError as error:
        raise damaged(path, name, message_of(error)) from error


def _unpacked(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        is_packed = path.suffix == ".gz" or file.read(2) == GZIP
    return cast(IO[bytes], gzip.open(path)) if is_packed else path.open("rb")


def _parse(
    content: bytes, dimensions: int | None, *, is_packed: bool, kind: int = UNSIGNED_BYTES
) -> NDArray[Any]:
    size = TYPES[kind].itemsize
    with gzip.open(io.BytesIO(content)) if is_packed else io.BytesIO(content) as file:
        shape = _read_header(cast(IO[bytes], file), dimensions, kind)
        _require_possible(shape, len(content) // size, is_packed=is_packed)
        count = math.prod(shape)
        if count * size > LARGEST_CONTENT:
            raise ValueError(
                Message(
                    "announces {shape} values; at most {most:,} are read",
                    shape=_written(shape),
                    most=LARGEST_CONTENT // size,
                )
            )
        values = file.read(count * size + 1)
    if len(values) != count * size:
        held = Message("only {count}", count=len(values) // size)
        if len(values) > count * size:
            held = Message("more")
        raise ValueError(Message("announces {count} values and holds {found}", count=count, found=held))
    return np.frombuffer(values, TYPES[kind]).reshape(shape)


def _read_header(file: IO[bytes], dimensions: int | None, kind: int = UNSIGNED_BYTES) -> tuple[int, ...]:
    """Return the shape of the array in an opened file, up to its first value."""
    magic = file.read(4)
    if dimensions is None and magic[:3] == bytes((0, 0, kind)) and len(magic) == 4:
        dimensions = magic[3]
    expected = bytes((0, 0, kind, dimensions or 1))
    if magic != expected:
        raise ValueError(
            Message(
                "begins with {found} where {expected} is needed",
                found=magic.hex() or "nothing",
                expected=expected.hex(),
            )
        )
    count = expected[3]
    sizes = file.read(4 * count)
    if len(sizes) < 4 * count:
        raise ValueError(Message("ends within its header"))
    return struct.unpack(f">{count}I", sizes)


def _require_possible(shape: tuple[int, ...], file_bytes: int, *, is_packed: bool) -> None:
    ratio = DEFLATE_RATIO if is_packed else 1
    if 0 in shape or math.prod(shape) > ratio * file_bytes:
        raise ValueError(Message("announces {shape} values, which it cannot hold", shape=_written(shape)))


def _written(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
