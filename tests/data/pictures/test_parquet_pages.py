"""The sizes of a Parquet file's pages are those that pyarrow wrote, and a lie about them is found."""

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagelet.data.pictures import parquet
from imagelet.data.pictures.dataset import list_labelled
from imagelet.data.pictures.parquet_pages import Column, Page, columns_of, pages_of, require_modest
from imagelet.errors import DataError

pa = pytest.importorskip("pyarrow", reason="pyarrow, of the extra formats, is not here")
pq = pytest.importorskip("pyarrow.parquet")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    contents=st.lists(st.binary(max_size=3000), min_size=1, max_size=40),
    compression=st.sampled_from(["none", "snappy", "gzip", "zstd", "brotli"]),
    options=st.fixed_dictionaries(
        {
            "data_page_version": st.sampled_from(["1.0", "2.0"]),
            "use_dictionary": st.booleans(),
            "write_statistics": st.booleans(),
            "write_page_checksum": st.booleans(),
            "data_page_size": st.sampled_from([200, 5000, 2**20]),
            "row_group_size": st.integers(1, 50),
        }
    ),
)
def test_sizes_add_up_to_what_is_written(
    tmp_path_factory: pytest.TempPathFactory,
    contents: list[bytes],
    compression: str,
    options: dict[str, object],
) -> None:
    path = tmp_path_factory.mktemp("pages") / "it.parquet"
    table = pa.table({"image": contents, "label": list(range(len(contents)))})
    pq.write_table(table, path, compression=compression, write_batch_size=1, **options)
    metadata = pq.ParquetFile(path).metadata
    require_modest(path, metadata.num_rows, ("image", "label"))
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    described = [group.column(number) for group in groups for number in range(group.num_columns)]
    with path.open("rb") as file:
        found = columns_of(file)
        assert [column.path for column in found] == [column.path_in_schema for column in described]
        for column, told in zip(found, described, strict=True):
            pages = list(pages_of(file, column, path.stat().st_size))
            assert sum(page.header + page.packed for page in pages) == told.total_compressed_size
            assert sum(page.header + page.unpacked for page in pages) == told.total_uncompressed_size


def varint(number: int) -> bytes:
    """Return a number as Thrift's compact protocol writes it, with a sign."""
    number, written = number << 1, bytearray()
    while number > 127:
        written.append(number & 127 | 128)
        number >>= 7
    return bytes([*written, number])


def test_a_page_that_unpacks_to_gigabytes_is_refused_whatever_the_footer_says(tmp_path: Path) -> None:
    path = tmp_path / "it.parquet"
    size = 2**25
    table = pa.table({"image": [bytes(size)], "label": [0]})
    pq.write_table(table, path, compression="zstd", use_dictionary=False)
    column = pq.ParquetFile(path).metadata.row_group(0).column(0)
    content = path.read_bytes()
    said, less = varint(column.total_uncompressed_size), varint(1000)
    less = less[:-1] + bytes([less[-1] | 128]) + b"\x80" * (len(said) - len(less) - 1) + b"\0"
    footer = len(content) - 8 - struct.unpack("<I", content[-8:-4])[0]
    path.write_bytes(content[:footer] + content[footer:].replace(said, less))
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).total_uncompressed_size == 1000
    with pytest.raises(DataError, match="unpacks to more than 16,777,216 bytes, too many for its size"):
        list_labelled(path)


@pytest.mark.parametrize(
    "header",
    [
        b"\x15\x00\x15\x08\x15\x06\xff",  # a kind that is none
        b"\x15\x00\x15\x07\x15\x06\x00",  # a negative size
        b"\x15\x00\x00",  # no sizes
        b"\x15" + b"\xff" * 12,  # a number without end
        b"\x1c" * 50,  # structures in each other
        b"\x19\xfc\xff\xff\xff\xff\x7f" + b"\x1c" * 5000,  # a list of as many
        b"",
    ],
)
def test_damaged_headers_are_refused(header: bytes, tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_bytes(b"PAR1" + header + bytes(20) * 600)
    if not header:
        path.write_bytes(b"PAR1")
    with path.open("rb") as file, pytest.raises(ValueError, match=r"damaged|beyond the end"):
        list(pages_of(file, Column("image", 4, 10_000), path.stat().st_size))


def test_a_page_is_what_its_header_says(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_bytes(b"PAR1" + b"\x15\x00\x15\x0a\x15\x06\x00" + b"abc")
    with path.open("rb") as file:
        assert list(pages_of(file, Column("image", 4, 10), 14)) == [Page(7, 3, 5)]


def test_a_description_that_contradicts_itself_ends_no_process(tmp_path: Path) -> None:
    """pyarrow ends its process where a column's statistics count levels that the schema does not have."""
    path = tmp_path / "it.parquet"
    table = pa.table({"image": [b"1", b"2"], "label": [0, 1], "tags": [[1, 2], [3]]})
    pq.write_table(table, path)
    content = path.read_bytes()
    footer = len(content) - 8 - struct.unpack("<I", content[-8:-4])[0]
    levels, fewer = b"\x26\x04\x02", b"\x16\x84\x02"  # two numbers, and one in as many bytes
    assert content[footer:].count(levels) == 1
    path.write_bytes(content[:footer] + content[footer:].replace(levels, fewer))
    with path.open("rb") as file:
        assert [column.path for column in columns_of(file)] == ["image", "label", "tags.list.element"]
    assert len(list_labelled(path)) == 2


def test_columns_of_different_length_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "it.parquet"
    pq.write_table(pa.table({"image": [b"1", b"2"], "label": [0, 1], "split": ["train", "test"]}), path)
    lengths = {"label": [0, 1], "split": ["train"]}
    monkeypatch.setattr(parquet, "_values", lambda _, column: lengths[column])
    with pytest.raises(DataError, match="its columns differ in length"):
        list_labelled(path)


@pytest.mark.parametrize(
    "footer", [b"", b"\x00", b"\x49\x1c\x19\x1c\x00\x00\x00", b"\x49\xfc\xff\xff\xff\x7f"]
)
def test_a_damaged_description_is_refused(footer: bytes, tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_bytes(b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1")
    with path.open("rb") as file, pytest.raises(ValueError, match="damaged"):
        columns_of(file)
