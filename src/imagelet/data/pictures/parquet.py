"""Parquet files with a column of encoded pictures, as datasets of the Hugging Face Hub come.

The column of pictures holds bytes, or a record with the field ``bytes``. What the Hub's library writes into
the schema's metadata (key ``huggingface``) says which columns are pictures and labels, and what the classes
are called; without it the columns' types and usual names say so. A column of texts called ``split`` says
which part a row is of.
(https://huggingface.co/docs/datasets/about_dataset_features)
"""

import io
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from imagelet.data.imageset import PARTS
from imagelet.data.pictures.forward import ForwardReader
from imagelet.data.pictures.labelled import PictureParts
from imagelet.data.pictures.listing import named_part
from imagelet.data.pictures.parquet_pages import require_modest
from imagelet.data.pictures.shards import (
    Label,
    Labelled,
    is_named_after,
    parts_of_shards,
    shards_in,
    without_label,
)
from imagelet.errors import DataError, PictureError
from imagelet.messages import Message, message_of
from imagelet.preprocessing.picture_files import StoredPicture, too_many_bytes, version_of
from imagelet.preprocessing.picture_limits import MAX_BYTES

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

MAGIC = b"PAR1"
SUFFIX = ".parquet"
BYTES = "bytes"  # the field of a record that holds a picture
NAMES_OF_PICTURES = ("image", "img", "picture", "photo", "x", "input", "pixels")
NAMES_OF_LABELS = ("label", "labels", "class", "class_name", "category", "target", "y", "fine_label")
PART = "split"  # a column that may be there: train, validation or test
UNLABELLED = -1  # stands for no label in the Hub's test parts
BATCH = 64  # pictures that are read at once
BATCH_OF_LABELS = 65_536
FEWEST_BYTES = 32  # of a file for each picture that it announces; the smallest PNG has 67
SPARE_ROWS = 1_000
LARGEST_NAMES = 10_000_000  # bytes of one text in a file's description
MOST_COLUMNS = 100_000


@dataclass(frozen=True)
class _Columns:
    """The columns that matter.

    Attributes:
        picture: the path to the bytes: ``image.bytes``.
        label: the name.
        classes: what the classes are called; empty where the file does not say.
        part: the name of the column that says which part a row is of; None where there is none.
    """

    picture: str
    label: str
    classes: tuple[str, ...]
    part: str | None


@dataclass(frozen=True)
class _Rows:
    """What a file's rows hold.

    Attributes:
        pictures: of each row.
        labels: of each row; None, -1 or "" where it has none.
        parts: of each row; "" where the file does not say.
        classes: what the classes are called; empty where the file does not say.
    """

    pictures: list["ParquetPicture"]
    labels: list[Any]
    parts: list[str]
    classes: tuple[str, ...]


class ParquetPicture(StoredPicture):
    """A picture in a row of a Parquet file."""

    __slots__ = ("_path", "_reader", "_row", "_version")

    def __init__(self, path: Path, row: int, version: str, reader: ForwardReader) -> None:
        self._path, self._row, self._version, self._reader = path, row, version, reader

    @property
    def path(self) -> Path:
        """The file's path, and the row in it, counted from 0."""
        return self._path / f"row {self._row}"

    @property
    def position(self) -> int:
        """The row."""
        return self._row

    def version(self) -> str:
        """Return the file's size and time; the row is in the path."""
        return self._version

    def open(self) -> BinaryIO:
        """Read the row into memory."""
        try:
            content = self._reader.read(self._row)
        except _unreadable() as error:
            raise PictureError(
                "{picture} is damaged or cut short: {error}", picture=f"'{self}'", error=_reason(error)
            ) from error
        if not content:
            raise PictureError(
                "{picture} holds no bytes of a picture, at most the name of a file",
                hint="save the dataset with its pictures in it",
                picture=f"'{self}'",
            )
        if len(content) > MAX_BYTES:
            raise too_many_bytes(f"'{self}'", len(content))
        return io.BytesIO(content)


def is_parquet(path: Path) -> bool:
    """Say whether it is a Parquet file, or a folder of such shards."""
    shards = shards_in(path, _is_shard)
    first = next(iter(shards.values()))[0] if shards else path
    try:
        with first.open("rb") if first.is_file() else io.BytesIO() as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def open_parquet(path: Path) -> PictureParts:
    """List the pictures of a file, or of a folder of shards, with their labels, in the order of the rows.

    Raises:
        DataError: pyarrow is not installed, a file is damaged, it is not clear which columns are meant, or a
            row's ``split`` is no part, or another than the one that the file's name says.
    """
    pictures: dict[str, list[ParquetPicture]] = {part: [] for part in PARTS}
    labels: dict[str, list[Label]] = {part: [] for part in PARTS}
    classes: tuple[str, ...] = ()
    unlabelled = 0
    for part, files in (shards_in(path, _is_shard) or {"train": [path]}).items():
        for file in files:
            rows = _list_file(file, classes)
            classes = rows.classes
            if is_named_after(part, file, path):
                _require_part(part, file, rows)
            for picture, label, named in zip(rows.pictures, rows.labels, rows.parts, strict=True):
                if label in (None, UNLABELLED, ""):
                    unlabelled += 1
                else:
                    pictures[named or part].append(picture)
                    labels[named or part].append(label)
    parts = {part: Labelled(pictures[part], labels[part]) for part in PARTS if labels[part]}
    if not parts:
        raise DataError("'{place}' holds no pictures with labels", place=path)
    return parts_of_shards(path, parts, classes, without_label(unlabelled))


def _require_part(part: str, file: Path, rows: _Rows) -> None:
    """Raise where the column ``split`` names another part than the file's name, or that of its folder."""
    for row, named in enumerate(rows.parts):
        if named not in ("", part):
            problem = Message(
                "is of the part {named}, but the file's name says {part}", named=named, part=part
            )
            raise _wrong_row(file, row, problem)


def _wrong_row(file: Path, row: int, problem: Message) -> DataError:
    return DataError(
        "row {row} of '{file}' {problem}",
        hint="the column split says the part of each row: train, validation or test; if yours says something "
        "else, give it another name",
        row=row,
        file=file,
        problem=problem,
    )


def _is_shard(name: str) -> bool:
    return name.endswith(SUFFIX)


def _list_file(path: Path, classes: tuple[str, ...]) -> _Rows:
    """Return what a file's rows hold; ``classes`` are those of the files before."""
    try:
        with _opened(path) as file:
            rows = file.metadata.num_rows
            if rows > SPARE_ROWS + path.stat().st_size // FEWEST_BYTES:
                raise ValueError(Message("it announces {count:,} rows, which it cannot hold", count=rows))
            columns = _columns(file.schema_arrow, path)
            read = [columns.label, *filter(None, [columns.part])]
            require_modest(path, rows, (columns.picture, *read))
        values = {name: _values(path, name) for name in read}
        if len({len(column) for column in values.values()}) > 1:
            raise ValueError(Message("its columns differ in length"))
    except _unreadable() as error:
        raise DataError(
            "the Parquet file '{file}' cannot be read: {error}",
            hint="it may have been cut short on its way here: fetch or write it anew",
            file=path,
            error=_reason(error),
        ) from error
    if classes and columns.classes and classes != columns.classes:
        raise DataError("the classes in '{file}' have other names than in the files before", file=path)
    reader = ForwardReader(partial(_contents, path, columns.picture))
    version = version_of(path)
    labels = values[columns.label]
    pictures = [ParquetPicture(path, row, version, reader) for row in range(len(labels))]
    parts = _parts(path, values[columns.part]) if columns.part else [""] * len(labels)
    return _Rows(pictures, labels, parts, columns.classes or classes)


def _values(path: Path, column: str) -> list[Any]:
    """Return what is in a column; equal texts are one object, as in a file they may be stored once."""
    values: list[Any] = []
    with _opened(path, dictionaries=[column]) as file:
        for batch in file.iter_batches(BATCH_OF_LABELS, columns=[column], use_threads=False):
            cells = batch.column(column)
            if hasattr(cells, "dictionary"):
                texts = cells.dictionary.to_pylist()
                values += [None if place is None else texts[place] for place in cells.indices.to_pylist()]
            else:  # numbers
                values += cells.to_pylist()
    return values


def _parts(path: Path, cells: list[str | None]) -> list[str]:
    """Return the part that each cell of the column ``split`` names; "" for one that is empty."""
    named: dict[str | None, str] = {"": "", None: ""}
    for row, cell in enumerate(cells):
        if cell and cell not in named:
            named[cell] = named_part(cell, partial(_wrong_row, path, row))
    return [named[cell] for cell in cells]


def _contents(path: Path, column: str, position: int) -> Iterator[tuple[int, bytes]]:
    """Yield the rows and their pictures from the beginning of the group of rows that ``position`` is in."""
    with _opened(path) as file:
        row = group = 0
        while group < file.num_row_groups - 1 and row + file.metadata.row_group(group).num_rows <= position:
            row += file.metadata.row_group(group).num_rows
            group += 1
        groups = range(group, file.num_row_groups)
        for batch in file.iter_batches(BATCH, groups, columns=[column], use_threads=False):
            values = batch.column(0)
            for content in values.flatten()[0] if column.endswith(f".{BYTES}") else values:
                yield row, content.as_py() or b""
                row += 1


def _columns(schema: "pa.Schema", path: Path) -> _Columns:
    """Return the columns of pictures and labels.

    Raises:
        DataError: there is none of either, or more than one may be meant.
    """
    features = _features(schema)
    pictures = {field.name: column for field in schema if (column := _bytes_of(field))}
    named = [name for name in pictures if _kind(features.get(name)) == "Image"]
    picture = _one(named or list(pictures), NAMES_OF_PICTURES, schema, path, Message("pictures"))
    labelled = [field.name for field in schema if _kind(features.get(field.name)) == "ClassLabel"]
    others = [field.name for field in schema if field.name in NAMES_OF_LABELS and _is_label(field.type)]
    label = _one(labelled or others, NAMES_OF_LABELS, schema, path, Message("labels"))
    place = schema.get_field_index(PART)  # -1 where there is none, or more than one
    part = PART if label != PART and place >= 0 and _is_text(schema.field(place).type) else None
    return _Columns(pictures[picture], label, _class_names(features.get(label)), part)


def _one(found: Sequence[str], usual: Sequence[str], schema: "pa.Schema", path: Path, kind: Message) -> str:
    """Return the one column that is meant: the only one, else the one that has the most usual name."""
    chosen = found if len(found) == 1 else [name for name in usual[:2] if name in found]
    if len(chosen) != 1:
        raise DataError(
            "'{file}' has no column of {kind}; its columns are {names}"
            if not found
            else "'{file}' has several columns that may be the {kind}; its columns are {names}",
            hint="the columns image and label are read; give yours these names",
            file=path,
            kind=kind,
            names=", ".join(schema.names[:20]),
        )
    return chosen[0]


def _bytes_of(field: "pa.Field[Any]") -> str | None:
    """Return the path to the bytes in a column; None where it holds none."""
    import pyarrow as pa

    if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
        return str(field.name)
    if pa.types.is_struct(field.type):
        names = {inner.name: inner.type for inner in field.type}
        kind = names.get(BYTES)
        if kind is not None and (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
            return f"{field.name}.{BYTES}"
    return None


def _is_label(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_integer(inner) or _is_text(inner))


def _is_text(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(inner) or pa.types.is_large_string(inner))


def _features(schema: "pa.Schema") -> dict[str, Any]:
    """Return what the Hub's library says of the columns; {} where it says nothing that is understood."""
    try:
        content = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = content["info"]["features"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def _kind(feature: Any) -> str:
    kind = feature.get("_type") if isinstance(feature, dict) else None
    return kind if isinstance(kind, str) else ""


def _class_names(feature: Any) -> tuple[str, ...]:
    names = feature.get("names") if isinstance(feature, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return ()
    return tuple(names)


def _opened(path: Path, dictionaries: Sequence[str] = ()) -> "ParquetFile":
    """Open a file, which reads its description, at its end.

    Args:
        path: of the file.
        dictionaries: columns of which different texts are read once each, with their places in the rows.

    Raises:
        DataError: pyarrow is not installed.
    """
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise without_pyarrow(path) from error
    return ParquetFile(
        path,
        read_dictionary=list(dictionaries),
        pre_buffer=False,
        buffer_size=2**20,
        thrift_string_size_limit=LARGEST_NAMES,
        thrift_container_size_limit=MOST_COLUMNS,
    )


def without_pyarrow(path: Path) -> DataError:
    """Return the error where pyarrow is not installed, which reads and writes such files."""
    return DataError(
        "Parquet files such as '{file}' need the package pyarrow",
        hint="pip install 'imagelet[formats]'",
        file=path,
    )


def _unreadable() -> tuple[type[Exception], ...]:
    """Return what is raised for a damaged file."""
    arrow = sys.modules.get("pyarrow")
    of_arrow = (arrow.ArrowException,) if arrow else ()
    return (*of_arrow, OSError, ValueError, LookupError, TypeError, MemoryError, OverflowError)


def _reason(error: BaseException) -> str:
    said = message_of(error) or type(error).__name__
    return said if isinstance(said, Message) else said.splitlines()[0][:200]
