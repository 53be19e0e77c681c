"""Damaged files of encoded pictures: zip and tar archives, WebDataset's shards, Parquet files."""

import bz2
import gzip
import io
import json
import lzma
import os
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.reliability.data_files import check_images, small_picture, with_tar_headers
from benchmarks.reliability.files import in_folder, pictures
from benchmarks.reliability.fuzzing import Case, Fuzzer
from benchmarks.reliability.mutation import HEAD, ODD_TEXTS, hostile_value, mutated, mutated_json

CLASSES = ("cat", "dog", "owl")
ODD_NAMES = (
    "../out.png",
    "/etc/out.png",
    "C:\\out.png",
    "cat",
    "cat/",
    "cat//x.png",
    "train/cat/1.png",
    ".png",
)
PACKINGS: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    (".tar", bytes),
    (".tar.gz", partial(gzip.compress, mtime=0)),
    (".tar.xz", lzma.compress),
    (".tar.bz2", bz2.compress),
)
BOMB = 2**24  # bytes of zeros


def _files(random: Random) -> dict[str, bytes]:
    """Return pictures by name, one folder a class; some are damaged, some names odd."""
    prefix = random.choice(("", "", "", "photos/", "./", "a/" * random.choice((2, 31, 40))))
    parts = random.choice((("",), ("",), ("train/", "test/"), ("train/", "val/", "test/")))
    files: dict[str, bytes] = {}
    for part in parts:
        for label in CLASSES:
            for number in range(random.randint(2, 4)):
                name = f"{prefix}{part}{label}/{number}.png"
                files[name] = small_picture(name)
                if random.random() < 0.02:
                    files[name] = mutated(random, random.choice(pictures()), pictures())
    if random.random() < 0.15:
        name = random.choice((*ODD_NAMES, *ODD_TEXTS))[:60_000].encode("utf-8", "replace").decode()
        files[name or "x"] = small_picture(name)
    return files


def _zip(random: Random, _: int) -> Case:
    """Return a zip archive, sound, or with bytes changed at its beginning, anywhere, or in its list."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, content in _files(random).items():
            archive.writestr(name.replace("\0", "x"), content)
        if random.random() < 0.01:
            archive.writestr("cat/bomb.png", bytes(BOMB), zipfile.ZIP_DEFLATED)
    content = file.getvalue()
    if random.random() < 0.7:
        content = _damaged(random, content, content.rindex(b"PK\x01\x02") - 200)
    return _case({"data.zip": content})


def _tar(random: Random, _: int) -> Case:
    """Return a tar archive, packed or not; a header, the archive or the packed bytes are damaged."""
    suffix, packed = _packed(random, _tar_of(random, _files(random)))
    return _case({f"data{suffix}": packed})


def _webdataset(random: Random, _: int) -> Case:
    """Return one shard or several, with labels of one kind; a label or an archive may be damaged."""
    kind = random.choice(("cls", "txt", "json"))
    shards = {}
    for part in random.choice((("train",), ("train", "test"), ("train-000", "train-001", "val-000"))):
        files: dict[str, bytes] = {}
        for number in range(random.randint(4, 9)):
            picture = small_picture(f"{part}{number}")
            files[f"{number}.png"] = mutated(random, picture) if random.random() < 0.01 else picture
            files[f"{number}.{kind}"] = _label(random, kind, number % 3)
        suffix, packed = _packed(random, _tar_of(random, files))
        shards[f"data/{part}{suffix}"] = packed
    if random.random() < 0.5:
        names = "\n".join(CLASSES).encode()
        shards["data/classnames.txt"] = mutated(random, names) if random.random() < 0.3 else names
    return _case(shards)


def _label(random: Random, kind: str, number: int) -> bytes:
    if random.random() < 0.02:
        return json.dumps(hostile_value(random), ensure_ascii=False).encode("utf-8", "replace")
    text = {"cls": str(number), "txt": CLASSES[number], "json": json.dumps({"label": number})}[kind]
    return mutated(random, text.encode()) if random.random() < 0.02 else text.encode()


def _parquet(random: Random, _: int) -> Case:
    """Return one shard or several; the description of the classes, the pages or the footer are damaged."""
    names = random.choice((("data.parquet",), ("data/train-0.parquet", "data/test-0.parquet")))
    files = {}
    for name in names:
        content = _parquet_file(random)
        if random.random() < 0.5:
            content = _damaged(random, content, len(content) - random.choice((600, 1500, 3000)))
        files[name] = content
    return _case(files)


def _parquet_file(random: Random) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = random.choice((3, 12, 40))
    contents = [small_picture(str(index)) for index in range(number)]
    kind = random.choice((pa.int64(), pa.int8(), pa.string(), pa.dictionary(pa.int8(), pa.string())))
    as_text = pa.types.is_string(kind) or pa.types.is_dictionary(kind)
    labels = [CLASSES[index % 3] if as_text else index % 3 for index in range(number)]
    records = pa.array([{"bytes": content, "path": None} for content in contents])
    table = pa.table(
        {
            "image": random.choice((records, pa.array(contents))),
            random.choice((*4 * ("label",), "class", "x")): pa.array(labels).cast(kind),
        }
    )
    if random.random() < 0.4:
        names = random.choices(("train", "val", "test", None, "extra"), (20, 4, 4, 1, 0.2), k=number)
        table = table.append_column("split", pa.array(names, pa.string()))
    if random.random() < 0.6:
        label = {"names": list(CLASSES), "_type": "ClassLabel"}
        features: Any = {"image": {"_type": "Image"}, "label": label}
        said = json.dumps({"info": {"features": features}})
        if random.random() < 0.3:
            said = mutated_json(random, json.loads(said))
        table = table.replace_schema_metadata({"huggingface": said.encode("utf-8", "replace")})
    file = io.BytesIO()
    compression = random.choice(("none", "snappy", "zstd", "gzip", "brotli"))
    pq.write_table(table, file, row_group_size=random.choice((5, 100)), compression=compression)
    return file.getvalue()


def _tar_of(random: Random, files: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    kind = random.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT))
    with tarfile.open(fileobj=file, mode="w", format=kind) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    content = file.getvalue()
    way = random.random()
    if way < 0.4:
        return with_tar_headers(random, content)
    return mutated(random, content) if way < 0.6 else content


def _packed(random: Random, content: bytes) -> tuple[str, bytes]:
    """Return a suffix and the tar archive as it says; now and then damaged."""
    suffix, pack = random.choice((PACKINGS[0], PACKINGS[0], *PACKINGS[1:]))
    if random.random() < 0.01 and suffix != ".tar":
        content += bytes(BOMB)
    packed = pack(content)
    return suffix, mutated(random, packed) if random.random() < 0.15 else packed


def _damaged(random: Random, content: bytes, place: int) -> bytes:
    """Return bytes changed at the beginning or anywhere, or from ``place`` on, where a list is."""
    if random.random() < 0.4:
        return mutated(random, content)
    place = max(0, place + random.randrange(HEAD))
    return content[:place] + mutated(random, content[place:])


def _case(files: dict[str, bytes]) -> Case:
    return Case(files, partial(in_folder, partial(_read, next(iter(files)).split("/")[0]), files))


def _read(name: str, folder: Path) -> None:
    """Check what ``name`` is in the folder, read every part, and read it to evaluate on."""
    from imagelet.data.checking import check
    from imagelet.data.datasets import load_dataset
    from imagelet.data.pictures.dataset import read_labelled
    from imagelet.preprocessing.framing import Framing

    with tempfile.TemporaryDirectory() as home:
        os.environ["IMAGELET_HOME"] = home
        check(folder / name)
        dataset = load_dataset(folder / name)
        for part in dataset.parts:
            check_images(dataset.read(part))
        check_images(read_labelled(folder / name, Framing("fit", 8, 8, 1)))


FUZZERS = (
    Fuzzer("zip", "zip archives of pictures", 5_000, _zip),
    Fuzzer("tar", "tar archives of pictures, packed or not", 5_000, _tar),
    Fuzzer("webdataset", "shards of WebDataset", 5_000, _webdataset),
    Fuzzer("parquet", "Parquet files of pictures", 5_000, _parquet),
)
