"""The same pictures written in every form of encoded pictures, for the tests of the forms."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pictures = dict[str, list[tuple[str, bytes]]]
"""For each part the pictures, ordered by class and name: the class, and the bytes."""

PARTS_AS = {"train": "train", "validation": "val", "test": "test"}


def encoded(pixels: NDArray[np.uint8], kind: str = "PNG") -> bytes:
    """Return pixels as a picture file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def named(pictures: Pictures) -> dict[str, bytes]:
    """Return the pictures by their places: ``train/cat/003.png``; without parts where there is one alone."""
    files = {}
    for part, several in pictures.items():
        folder = f"{PARTS_AS[part]}/" if len(pictures) > 1 else ""
        files |= {f"{folder}{label}/{n:03}.png": content for n, (label, content) in enumerate(several)}
    return files


def write_folder(folder: Path, pictures: Pictures) -> Path:
    """Write one subfolder a class."""
    for name, content in named(pictures).items():
        (folder / "pictures" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "pictures" / name).write_bytes(content)
    return folder / "pictures"


def write_zip(folder: Path, pictures: Pictures) -> Path:
    """Write a zip archive of that folder."""
    with zipfile.ZipFile(folder / "pictures.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in named(pictures).items():
            archive.writestr(name, content)
    return folder / "pictures.zip"


def write_tar(folder: Path, pictures: Pictures, suffix: str = ".tar") -> Path:
    """Write a tar archive of that folder."""
    return tar_of(folder / f"pictures{suffix}", named(pictures))


def tar_of(path: Path, files: dict[str, bytes]) -> Path:
    """Write files into a tar archive, packed by gzip where its suffix says so."""
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w:") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def write_webdataset(folder: Path, pictures: Pictures, kind: str = "cls", suffix: str = ".tar") -> Path:
    """Write two shards for each part; labels are numbers, texts, or JSON."""
    place = folder / "shards"
    place.mkdir()
    classes = sorted({label for several in pictures.values() for label, _ in several})
    if kind == "cls":
        (place / "classnames.txt").write_text("\n".join(classes))
    for part, several in pictures.items():
        for shard, chosen in enumerate((several[: len(several) // 2], several[len(several) // 2 :])):
            files = {}
            for number, (label, content) in enumerate(chosen):
                texts = {"cls": str(classes.index(label)), "txt": label, "json": json.dumps({"label": label})}
                files[f"{shard}{number:05}.png"] = content
                files[f"{shard}{number:05}.{kind}"] = texts[kind].encode()
            tar_of(place / f"{part}-{shard:06}{suffix}", files)
    return place


def write_parquet(
    folder: Path, pictures: Pictures, *, as_record: bool = True, as_class_label: bool = True
) -> Path:
    """Write two shards for each part, as the Hub's library does."""
    place = folder / "parquet" / "data"
    place.mkdir(parents=True)
    classes = sorted({label for several in pictures.values() for label, _ in several})
    for part, several in pictures.items():
        halves = (several[: len(several) // 2], several[len(several) // 2 :])
        for shard, chosen in enumerate(halves):
            path = place / f"{part}-{shard:05}-of-00002.parquet"
            parquet_of(path, chosen, classes if as_class_label else None, as_record=as_record)
    return folder / "parquet"


def parquet_of(
    path: Path,
    pictures: Sequence[tuple[str, bytes]],
    classes: list[str] | None = None,
    *,
    as_record: bool = True,
    rows_in_a_group: int = 5,
) -> Path:
    """Write pictures and labels into a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    contents = [content for _, content in pictures]
    labels = [classes.index(label) if classes else label for label, _ in pictures]
    image = (
        pa.array(
            [{"bytes": content, "path": f"{number}.png"} for number, content in enumerate(contents)],
            pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
        )
        if as_record
        else pa.array(contents, pa.binary())
    )
    table = pa.table({"image": image, "label": pa.array(labels, pa.int64() if classes else pa.string())})
    if classes:
        features = {"image": {"_type": "Image"}, "label": {"names": classes, "_type": "ClassLabel"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path, row_group_size=rows_in_a_group)
    return path


WRITE: dict[str, Callable[[Path, Pictures], Path]] = {
    "archive": write_zip,
    "webdataset": write_webdataset,
    "parquet": write_parquet,
}
