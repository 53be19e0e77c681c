"""The pages of a Parquet file's columns: what one unpacks to is bounded before it is unpacked.

pyarrow makes as much room for a page as the page's header announces, up to 2 GB. The headers are structures
of Thrift's compact protocol; nothing of them is read here but the two sizes.
(https://parquet.apache.org/docs/file-format, https://github.com/apache/thrift/blob/master/doc/specs)
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from imagelet.messages import Message
from imagelet.preprocessing.picture_limits import MAX_BYTES

SMALLEST_LIMIT = 2**24  # bytes that a page may unpack to in any case; usual ones have 2**20
MOST_RATIO = 20  # and for each of its own bytes; pictures hardly shrink
HEADER_SIZES = (2**12, 2**20)  # bytes that are read of a header; the largest holds a column's extreme values
MOST_NESTED = 8  # structures in each other
SPARE_PAGES = 1_000

_UNPACKED, _PACKED = 2, 3  # fields of a page's header
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT, _UUID = range(1, 14)
_BYTES = {_BYTE: 1, _DOUBLE: 8, _UUID: 16}
_MANY = 15  # in four bits: the number of items follows


def require_modest(path: Path, metadata: Any, columns: Sequence[str]) -> None:
    """See that no page of some columns unpacks to far more than it takes in the file.

    Args:
        path: of the file.
        metadata: pyarrow's ``FileMetaData``.
        columns: their paths in the schema: ``image.bytes``.

    Raises:
        ValueError: one does, or a header is damaged.
        OSError: the file cannot be read.
    """
    left = SPARE_PAGES + 2 * metadata.num_rows
    size = path.stat().st_size
    with path.open("rb") as file:
        for group in map(metadata.row_group, range(metadata.num_row_groups)):
            for column in map(group.column, range(group.num_columns)):
                if column.path_in_schema not in columns:
                    continue
                for page in pages_of(file, column, size):
                    _require_modest(page)
                    left -= 1
                    if left < 0:
                        raise ValueError(Message("it has far more pages than rows"))


class Page(NamedTuple):
    """The sizes of a page, in bytes: of its header, and of the rest as it is in the file and unpacked."""

    header: int
    packed: int
    unpacked: int


def pages_of(file: BinaryIO, column: Any, size: int) -> Iterator[Page]:
    """Yield the pages of a column of a group of rows.

    Args:
        file: the Parquet file.
        column: pyarrow's ``ColumnChunkMetaData``.
        size: of the file, in bytes.

    Raises:
        ValueError: the column is not in the file, or a header is damaged.
    """
    place = min(filter(None, (column.dictionary_page_offset, column.data_page_offset)), default=0)
    end = place + column.total_compressed_size
    if not 0 <= place <= end <= size:
        raise ValueError(Message("a column goes on beyond the end of the file"))
    while place < end:
        page = _page_at(file, place)
        yield page
        place += page.header + page.packed


def _page_at(file: BinaryIO, place: int) -> Page:
    for size in HEADER_SIZES:
        file.seek(place)
        header = _Header(file.read(size))
        try:
            numbers = header.structure()
        except IndexError:
            continue
        page = Page(header.place, numbers.get(_PACKED, -1), numbers.get(_UNPACKED, -1))
        if min(page) >= 0:
            return page
        break
    raise _damaged()


def _require_modest(page: Page) -> None:
    most = min(max(SMALLEST_LIMIT, MOST_RATIO * page.packed), MAX_BYTES + SMALLEST_LIMIT)
    if page.unpacked > most:
        raise ValueError(Message("it unpacks to more than {most:,} bytes, too many for its size", most=most))


def _damaged() -> ValueError:
    return ValueError(Message("the header of a page is damaged"))


class _Header:
    """Bytes of Thrift's compact protocol, and how far they are read; IndexError: there should be more."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.place = 0

    def structure(self, nested: int = 0) -> dict[int, int]:
        """Pass over a structure and return its whole numbers by their fields.

        Raises:
            ValueError: it is none.
        """
        if nested > MOST_NESTED:
            raise _damaged()
        numbers: dict[int, int] = {}
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._signed()
            kind = head & 15
            if kind in (_I16, _I32, _I64):
                numbers[field] = self._signed()
            elif kind not in (_TRUE, _FALSE):  # which are all that there is of them
                self._pass_over(kind, nested)
        return numbers

    def _pass_over(self, kind: int, nested: int) -> None:
        if kind in (_I16, _I32, _I64):
            self._number()
        elif kind in (_TRUE, _FALSE):  # in a list they take a byte
            self._skip(1)
        elif kind in _BYTES:
            self._skip(_BYTES[kind])
        elif kind == _BINARY:
            self._skip(self._number())
        elif kind in (_LIST, _SET):
            head = self._byte()
            count = self._number() if head >> 4 == _MANY else head >> 4
            for _ in range(count):
                self._pass_over(head & 15, nested + 1)
        elif kind == _STRUCT:
            self.structure(nested + 1)
        else:  # no page's header has a map
            raise _damaged()

    def _byte(self) -> int:
        self.place += 1
        return self._content[self.place - 1]

    def _skip(self, count: int) -> None:
        self.place += count
        if self.place > len(self._content):
            raise IndexError

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
