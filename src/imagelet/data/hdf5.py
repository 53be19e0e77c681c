"""Arrays in other people's HDF5 files: what may be read, and how much of it."""

import math
import mmap
from pathlib import Path
from typing import Any

from imagelet.data.idx import DEFLATE_RATIO
from imagelet.messages import Message

MAGIC = b"\x89HDF\r\n\x1a\n"
LARGEST = 2 << 30  # bytes of an array; SVHN's largest file holds 1.6 GB
FILTERS = {1, 2, 3}  # deflate, shuffle, checksum
HEAP = b"GCOL\x01"  # how a heap of texts of any length begins, of version 1
HEAP_HEAD, OBJECT_HEAD = 16, 16  # bytes
WIDTHS = {0: 13, 1: 13, 2: 9, 3: 9}  # where the two widths of numbers stand, by the version of the file


def check_array(dataset: Any, file_size: int, kinds: str = "biuf") -> None:
    """Raise where reading a dataset would take more memory than its file can hold, or read other files.

    Args:
        dataset: of h5py.
        file_size: in bytes.
        kinds: NumPy's letters for the types that are allowed.

    Raises:
        ValueError: its type, size or storage is not allowed.
    """
    if dataset.dtype.kind not in kinds:
        raise ValueError(Message("it is of the kind '{kind}', not of numbers", kind=dataset.dtype))
    if math.prod(dataset.shape) * dataset.dtype.itemsize > min(LARGEST, DEFLATE_RATIO * file_size + 1024):
        raise ValueError(Message("it announces more than it can hold"))
    properties = dataset.id.get_create_plist()
    filters = {properties.get_filter(at)[0] for at in range(properties.get_nfilters())}
    if dataset.is_virtual or dataset.external or filters - FILTERS:
        raise ValueError(Message("it is stored in a way that is not read"))


def check_heaps(file: Path | bytes) -> None:
    """Raise where a text of any length would keep HDF5's library busy for ever.

    It walks through a heap object by object, and stays for ever at one that has no size. (HDF5 1.14,
    ``H5HG__cache_heap_deserialize``; "HDF5 File Format Specification", III.E.)

    Args:
        file: where it is, or its content.

    Raises:
        ValueError: a heap is damaged, or the file has numbers of other widths than 8 bytes.
    """
    if isinstance(file, bytes):
        _check_heaps(file)
        return
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        _check_heaps(content)


def _check_heaps(content: "bytes | mmap.mmap") -> None:
    start = content.find(MAGIC)
    widths = WIDTHS.get(content[start + 8] if 0 <= start < len(content) - 16 else -1)
    if widths is None or content[start + widths : start + widths + 2] != b"\x08\x08":
        raise ValueError(Message("it is of a version that is not read"))
    place = content.find(HEAP)
    while place >= 0:
        end = place + _number(content, place + 8)
        at = place + HEAP_HEAD
        if end > len(content) or end < at:
            raise ValueError(Message("it has a damaged heap of texts"))
        while at + OBJECT_HEAD <= end:
            index, size = int.from_bytes(content[at : at + 2], "little"), _number(content, at + 8)
            needed = OBJECT_HEAD + -(-size // 8) * 8 if index else size
            if not needed or needed > end - at:
                raise ValueError(Message("it has a damaged heap of texts"))
            at += needed
        place = content.find(HEAP, place + 1)


def _number(content: "bytes | mmap.mmap", at: int) -> int:
    return int.from_bytes(content[at : at + 8], "little")


def item_at(group: Any, path: str) -> Any:
    """Return what lies at ``path``, names with slashes, without following a link to elsewhere.

    Raises:
        ValueError: nothing lies there, or a link.
    """
    import h5py

    item = group
    for name in filter(None, path.split("/")):
        if not isinstance(item, h5py.Group) or not isinstance(item.get(name, getlink=True), h5py.HardLink):
            raise ValueError(Message("'{path}' is missing", path=path[:80]))
        item = item[name]
    return item


def first_line(error: Exception) -> str:
    """Return what an error of h5py says, in a few words."""
    return (str(error) or type(error).__name__).splitlines()[0][:120]
