"""Datasets written for other programs: as a NumPy archive, a Parquet file, or a folder of PNG files.

Read again, each gives the same images with the same classes in the same parts; the files in the same order,
too, a folder class by class. What is written appears when it is complete; after an error or a full disk
nothing is left of it.
"""

import contextlib
import io
import itertools
import json
import secrets
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagelet import atomic_files
from imagelet.data.forms.npz import CLASS_NAMES
from imagelet.data.imageset import Dataset, ImageSet
from imagelet.data.pictures.parquet import BYTES, PART, without_pyarrow
from imagelet.data.splits import split
from imagelet.errors import DataError, UsageError
from imagelet.progress import Progress, silent

if TYPE_CHECKING:
    import pyarrow as pa

AT_ONCE = 1 << 24  # bytes of pixels that are written at a time
NOT_IN_FOLDERS = frozenset('<>:"/\\|?*')  # Windows refuses them in names

Parts = Mapping[str, ImageSet]


def parts_to_save(
    dataset: Dataset, validation: float | str | None = None, seed: int = 0
) -> dict[str, ImageSet]:
    """Return the parts of a dataset by name: all that it has, and validation images.

    Args:
        dataset: is read whole.
        validation: the fraction of the training images to set aside, as ``imagelet train`` does with this
            seed; None: the dataset's own validation images, if it has any.
        seed: for that choice.

    Raises:
        DataError: it cannot be read, or has too few images of a class.
        UsageError: it has validation images of its own, and others are asked for.
    """
    parts = {part: dataset.read(part) for part in dataset.parts}
    if validation is None:
        return parts
    if "validation" in parts:
        raise UsageError(
            "{dataset} has validation images of its own",
            hint="leave --validation out",
            dataset=dataset.card.name,
        )
    divided = split(parts["train"], validation, seed)
    rest = {name: images for name, images in parts.items() if name != "train"}
    train, aside = parts["train"].take(divided.train), parts["train"].take(divided.validation)
    return {"train": train, **({"validation": aside} if len(aside) else {}), **rest}


def save_parts(parts: Parts, out: Path, progress: Progress | None = None) -> None:
    """Write parts of a dataset to ``out``: ``NAME.npz``, ``NAME.parquet``, or a folder of PNG files.

    Args:
        parts: train, and perhaps validation and test, with the same classes.
        out: must not be there; its suffix says what is written.
        progress: is called with how many images are written, and how many there are.

    Raises:
        UsageError: it is there already, or has another suffix.
        DataError: it cannot be written; nothing is left of it. Or it needs pyarrow, which is not installed.
    """
    write = _writer_for(out)
    if out.exists():
        raise UsageError("'{out}' is there already", hint="name another, or take it away first", out=out)
    total = sum(map(len, parts.values()))
    try:
        write(parts, out, _counting(total, progress or silent))
    except OSError as error:
        raise DataError(
            "'{out}' cannot be written: {error}; nothing is left of it",
            hint="choose a place with more room",
            out=out,
            error=error.strerror or error,
        ) from error


def _writer_for(out: Path) -> Callable[[Parts, Path, Callable[[int], None]], None]:
    writers = {".npz": _write_archive, ".parquet": _write_parquet, "": _write_folder}
    if out.suffix.lower() not in writers:
        raise UsageError(
            "'{out}' is neither NAME.npz nor NAME.parquet nor a folder, which has no suffix",
            hint="imagelet data save mnist mnist.npz",
            out=out,
        )
    return writers[out.suffix.lower()]


def _counting(total: int, progress: Progress) -> Callable[[int], None]:
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        progress(done, total)

    return count


def _blocks(images: ImageSet) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """Yield pixels (k, height, width, channels) with their labels (k,)."""
    rows = max(1, AT_ONCE // int(np.prod(images.shape)))
    for start in range(0, len(images), rows):
        yield images.images[start : start + rows], images.labels[start : start + rows]


# -- a NumPy archive -----------------------------------------------------------------------------------------


def _write_archive(parts: Parts, out: Path, count: Callable[[int], None]) -> None:
    """Write ``x_train``, ``y_train``, … and the class names; grey images without an axis for the channel."""
    with (
        atomic_files.replacing(out) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for part, images in parts.items():
            height, width, channels = images.shape
            shape = (len(images), height, width, *([channels] if channels > 1 else []))
            with _member(archive, f"x_{part}", np.dtype(np.uint8), shape) as member:
                for pixels, _ in _blocks(images):
                    member.write(np.ascontiguousarray(pixels).data)
                    count(len(pixels))
            _add(archive, f"y_{part}", images.labels)
        _add(archive, CLASS_NAMES, np.array(parts["train"].classes))


@contextlib.contextmanager
def _member(
    archive: zipfile.ZipFile, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> Iterator[IO[bytes]]:
    """Open a member for an array's values; its header is written already."""
    info = zipfile.ZipInfo(f"{name}.npy")  # without the time: equal data gives equal files
    info.compress_type = zipfile.ZIP_DEFLATED
    with archive.open(info, "w", force_zip64=True) as member:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(member, header)
        yield member


def _add(archive: zipfile.ZipFile, name: str, array: NDArray[Any]) -> None:
    with _member(archive, name, array.dtype, array.shape) as member:
        member.write(np.ascontiguousarray(array).tobytes())


# -- a Parquet file ------------------------------------------------------------------------------------------


def _write_parquet(parts: Parts, out: Path, count: Callable[[int], None]) -> None:
    """Write the columns ``image``, ``label`` and ``split``, as Hugging Face's library would.

    Raises:
        DataError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter
    except ImportError as error:
        raise without_pyarrow(out) from error
    schema = _schema(parts["train"].classes)
    with (
        atomic_files.replacing(out) as file,
        ParquetWriter(file, schema, use_dictionary=[PART]) as writer,
    ):
        for part, images in parts.items():
            names = (f"{part}-{number:06}.png" for number in itertools.count(1))
            for pixels, labels in _blocks(images):  # each a group of rows
                pictures = [{BYTES: as_png(picture), "path": next(names)} for picture in pixels]
                columns = (pictures, labels, [part] * len(pixels))
                arrays = [pa.array(each, kind) for each, kind in zip(columns, schema.types, strict=True)]
                writer.write_batch(pa.record_batch(arrays, schema=schema))
                count(len(pixels))


def _schema(classes: tuple[str, ...]) -> "pa.Schema":
    """Return the columns, with what Hugging Face's library says of them.

    (https://huggingface.co/docs/datasets/about_dataset_features)
    """
    import pyarrow as pa

    features = {
        "image": {"_type": "Image"},
        "label": {"names": list(classes), "_type": "ClassLabel"},
        PART: {"dtype": "string", "_type": "Value"},
    }
    columns = {
        "image": pa.struct({BYTES: pa.binary(), "path": pa.string()}),
        "label": pa.int64(),
        PART: pa.string(),
    }
    return pa.schema(columns, {"huggingface": json.dumps({"info": {"features": features}})})


# -- a folder ------------------------------------------------------------------------------------------------


def _write_folder(parts: Parts, out: Path, count: Callable[[int], None]) -> None:
    """Write ``train/CLASS/000001.png`` and so on."""
    classes = parts["train"].classes
    _require_folder_names(classes)
    growing = out.with_name(f".{out.name}.{secrets.token_hex(4)}{atomic_files.TEMPORARY}")
    try:
        for part, images in parts.items():
            for name in classes:
                (growing / part / name).mkdir(parents=True)
            numbers = dict.fromkeys(range(len(classes)), 0)
            for pixels, labels in _blocks(images):
                for picture, label in zip(pixels, labels.tolist(), strict=True):
                    numbers[label] += 1
                    file = growing / part / classes[label] / f"{numbers[label]:06}.png"
                    file.write_bytes(as_png(picture))
                count(len(pixels))
        growing.rename(out)
    except BaseException:
        shutil.rmtree(growing, ignore_errors=True)
        raise
    atomic_files.flush_folder(out.parent)


def _require_folder_names(classes: tuple[str, ...]) -> None:
    folded = [name.casefold() for name in classes]
    for name in classes:
        possible = name.isprintable() and name == name.strip(". ") and not NOT_IN_FOLDERS & set(name)
        if not (name and possible) or folded.count(name.casefold()) > 1:
            raise UsageError(
                "the class '{name}' cannot be the name of a folder everywhere",
                hint="save it as a file: NAME.npz or NAME.parquet",
                name=name,
            )


def as_png(picture: NDArray[np.uint8]) -> bytes:
    """Return pixels (height, width, 1 or 3) as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture).save(file, "png")
    return file.getvalue()
