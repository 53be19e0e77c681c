"""The pages of a Parquet file's columns: what one unpacks to is bounded before it is unpacked.

pyarrow makes as much room for a page as the page's header announces, up to 2 GB, and ends the whole process
where a file's description of a column contradicts itself. So the description and the headers, structures of
Thrift's compact protocol, are read here.
(https://parquet.apache.org/docs/file-format, https://github.com/apache/thrift/blob/master/doc/specs)
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from imagelet.messages import Message
from imagelet.preprocessing.picture_limits import MAX_BYTES

SMALLEST_LIMIT = 2**24  # bytes that a page may unpack to in any case; usual ones have 2**20
MOST_RATIO = 20  # and for each of its own bytes; pictures hardly shrink
HEADER_SIZES = (2**12, 2**20)  # bytes that are read of a header; the largest holds a column's extreme values
MOST_NESTED = 8  # structures in each other
FOOTER = 8  # bytes at a file's end: the description's length, and the word PAR1
SPARE_PAGES = 1_000

_UNPACKED, _PACKED = 2, 3  # fields of a page's header
_GROUPS, _COLUMNS, _DESCRIPTION = 4, 1, 3  # of a file's description, of a group of rows, of a column in it
_PATH, _BYTES_IN_ALL, _FIRST_PAGE, _DICTIONARY_PAGE = 3, 7, 9, 11  # of a column's own
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT, _UUID = range(1, 14)
_BYTES = {_BYTE: 1, _DOUBLE: 8, _UUID: 16}
_MANY = 15  # in four bits: the number of items follows


def require_modest(path: Path, rows: int, columns: Sequence[str]) -> None:
    """See that no page of some columns unpacks to far more than it takes in the file.

    Args:
        path: of the file.
        rows: how many it has.
        columns: their paths in the schema: ``image.bytes``.

    Raises:
        ValueError: one does, or the file's description or a header is damaged.
        OSError: the file cannot be read.
    """
    left = SPARE_PAGES + 2 * rows
    size = path.stat().st_size
    with path.open("rb") as file:
        for column in columns_of(file):
            if column.path not in columns:
                continue
            for page in pages_of(file, column, size):
                _require_modest(page)
                left -= 1
                if left < 0:
                    raise ValueError(Message("it has far more pages than rows"))


class Column(NamedTuple):
    """Where a column of a group of rows has its pages: path in the schema, offset and size in bytes."""

    path: str
    offset: int
    size: int


def columns_of(file: BinaryIO) -> list[Column]:
    """Return the columns of each group of rows, as the description at the file's end has them.

    Raises:
        ValueError: it is damaged.
        OSError: the file cannot be read.
    """
    try:
        end = file.seek(-FOOTER, os.SEEK_END)
        length = int.from_bytes(file.read(4), "little")
        file.seek(end - length)
        described = _Structure(file.read(length)).read()
        chunks = [chunk[_DESCRIPTION] for group in described[_GROUPS] for chunk in group[_COLUMNS]]
        return [
            Column(
                ".".join(name.decode() for name in chunk[_PATH]),
                min(filter(None, (chunk.get(_DICTIONARY_PAGE), chunk[_FIRST_PAGE])), default=0),
                chunk[_BYTES_IN_ALL],
            )
            for chunk in chunks
        ]
    except (LookupError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise ValueError(Message("the description of its columns is damaged")) from error


class Page(NamedTuple):
    """The sizes of a page, in bytes: of its header, and of the rest as it is in the file and unpacked."""

    header: int
    packed: int
    unpacked: int


def pages_of(file: BinaryIO, column: Column, size: int) -> Iterator[Page]:
    """Yield the pages of a column of a group of rows.

    Args:
        file: the Parquet file.
        column: where they are.
        size: of the file, in bytes.

    Raises:
        ValueError: the column is not in the file, or a header is damaged.
    """
    place, end = column.offset, column.offset + column.size
    if not 0 <= place <= end <= size:
        raise ValueError(Message("a column goes on beyond the end of the file"))
    while place < end:
        page = _page_at(file, place)
        yield page
        place += page.header + page.packed


def _page_at(file: BinaryIO, place: int) -> Page:
    for size in HEADER_SIZES:
        file.seek(place)
        header = _Structure(file.read(size))
        try:
            fields = header.read()
        except IndexError:
            continue
        packed, unpacked = fields.get(_PACKED), fields.get(_UNPACKED)
        if isinstance(packed, int) and isinstance(unpacked, int) and min(packed, unpacked) >= 0:
            return Page(header.place, packed, unpacked)
        break
    raise _damaged()


def _require_modest(page: Page) -> None:
    most = min(max(SMALLEST_LIMIT, MOST_RATIO * page.packed), MAX_BYTES + SMALLEST_LIMIT)
    if page.unpacked > most:
        raise ValueError(Message("it unpacks to more than {most:,} bytes, too many for its size", most=most))


def _damaged() -> ValueError:
    return ValueError(Message("the header of a page is damaged"))


class _Structure:
    """A structure of Thrift's compact protocol; IndexError: there should be more bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.place = 0

    def read(self, nested: int = 0) -> dict[int, Any]:
        """Return the fields by their numbers: whole numbers, bytes, lists and structures.

        Raises:
            ValueError: it is no structure.
        """
        if nested > MOST_NESTED:
            raise _damaged()
        fields: dict[int, Any] = {}
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._signed()
            kind = head & 15
            if kind not in (_TRUE, _FALSE):  # which are all that there is of them
                fields[field] = self._value(kind, nested)
        return fields

    def _value(self, kind: int, nested: int) -> Any:
        if kind in (_I16, _I32, _I64):
            return self._signed()
        if kind in (_TRUE, _FALSE):  # in a list they take a byte
            return self._bytes(1)
        if kind in _BYTES:
            return self._bytes(_BYTES[kind])
        if kind == _BINARY:
            return self._bytes(self._number())
        if kind in (_LIST, _SET):
            head = self._byte()
            count = self._number() if head >> 4 == _MANY else head >> 4
            return [self._value(head & 15, nested + 1) for _ in range(count)]
        if kind == _STRUCT:
            return self.read(nested + 1)
        raise _damaged()  # nothing that is read here has a map

    def _byte(self) -> int:
        self.place += 1
        return self._content[self.place - 1]

    def _bytes(self, count: int) -> bytes:
        self.place += count
        if self.place > len(self._content):
            raise IndexError
        return self._content[self.place - count : self.place]

    def _number(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number
            if shift > 63:
                raise _damaged()

    def _signed(self) -> int:
        number = self._number()
        return (number >> 1) ^ -(number & 1)
