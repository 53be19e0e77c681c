"""The IDX format of MNIST and its like.

A file begins with two zero bytes, the kind of the values (8: unsigned bytes), the number of dimensions and,
for each of these, its size in four bytes, most significant first; then come the values.
(Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".)
"""

import gzip
import io
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagelet.data.download import damaged, read_bytes
from imagelet.messages import Message, message_of

UNSIGNED_BYTES = 8
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
    name = dataset or path.name
    content = read_bytes(path, name, LARGEST_CONTENT)
    try:
        return _parse(content, dimensions, is_packed=path.suffix == ".gz" or content[:2] == GZIP)
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise damaged(path, name, Message("is not a whole gzip file")) from error
    except ValueError as error:
        raise damaged(path, name, message_of(error)) from error


def _parse(content: bytes, dimensions: int | None, *, is_packed: bool) -> NDArray[np.uint8]:
    ratio = DEFLATE_RATIO if is_packed else 1
    with gzip.open(io.BytesIO(content)) if is_packed else io.BytesIO(content) as file:
        magic = file.read(4)
        if dimensions is None and magic[:3] == bytes((0, 0, UNSIGNED_BYTES)) and len(magic) == 4:
            dimensions = magic[3]
        expected = bytes((0, 0, UNSIGNED_BYTES, dimensions or 1))
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
        shape = struct.unpack(f">{count}I", sizes)
        length, written = math.prod(shape), "x".join(map(str, shape))
        if 0 in shape or length > ratio * len(content):
            raise ValueError(Message("announces {shape} values, which it cannot hold", shape=written))
        if length > LARGEST_CONTENT:
            raise ValueError(
                Message(
                    "announces {shape} values; at most {most:,} are read", shape=written, most=LARGEST_CONTENT
                )
            )
        values = file.read(length + 1)
    if len(values) != length:
        held = Message("only {count}", count=len(values)) if len(values) < length else Message("more")
        raise ValueError(Message("announces {count} values and holds {found}", count=length, found=held))
    return np.frombuffer(values, np.uint8).reshape(shape)
