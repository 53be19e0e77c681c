"""Damaged arrays: archives and arrays of NumPy, IDX and MATLAB files, tables of pixels."""

import gzip
import io
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from random import Random
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat

from benchmarks.reliability.data_files import check_images, idx_bytes
from benchmarks.reliability.files import in_folder
from benchmarks.reliability.fuzzing import Case, Fuzzer
from benchmarks.reliability.mutation import INTERESTING, mutated, mutated_text

IMAGES, SIDE = 12, 8
TYPES = ("u1", "i8", "<f4", ">f8", "c8", "O", "U5", "M8[s]", "b1", "V3", "<u2", "f2")
BOMB = 2**32  # values that a header announces
HEADER_OF_MATLAB = 512  # bytes, of version 7.3; of version 5 it and the first variable's tag


def _images(random: Random) -> NDArray[np.generic]:
    """Return images of a usual or an unusual shape and type."""
    shape = random.choice(
        ((SIDE, SIDE), (SIDE, SIDE, 1), (SIDE, SIDE, 3), (3, SIDE, SIDE), (SIDE * SIDE,), ())
    )
    number = random.choice((IMAGES, IMAGES, IMAGES, 0, 1))
    values = np.random.default_rng(random.randrange(2**32)).integers(0, 256, (number, *shape), dtype=np.uint8)
    kind = random.choice((*6 * ("u1",), *(name for name in TYPES if name[0] not in "OMV")))
    return np.asarray(values.astype(kind)) if random.random() < 0.9 else np.asarray(values / 255)


def _labels(random: Random) -> NDArray[np.generic]:
    labels = np.arange(IMAGES) % 4
    names = np.array(["cat", "dog", "", "\ud55c"])[labels]
    return random.choice((labels, labels, labels.astype(np.uint8)[:, None], names, labels - 1, labels * 1e9))


def npy(random: Random, array: NDArray[np.generic]) -> bytes:
    """Return an array's file, in one of three with another header, or with damaged bytes."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), allow_pickle=False)
    content = file.getvalue()
    action = random.random()
    if action < 0.1:
        return mutated(random, content)
    if action > 0.3:
        return content
    shape = random.choice(((BOMB, SIDE), (0,), (-1, 3), (2**63, 2), array.shape[::-1], (1,) * 70))
    header = {"descr": random.choice(TYPES), "fortran_order": random.random() < 0.3, "shape": shape}
    text = mutated_text(random, repr(header)) if random.random() < 0.5 else repr(header)
    encoded = text.encode("utf-8", "replace")[:60_000]
    size = random.choice((len(encoded), len(encoded), random.choice(INTERESTING))) % 65536
    return b"\x93NUMPY\x01\x00" + size.to_bytes(2, "little") + encoded + content[128:]


def _npz(random: Random) -> dict[str, bytes]:
    names = random.choice(
        (
            ("x_train", "y_train", "x_test", "y_test"),
            ("train_images", "train_labels", "val_images", "val_labels", "test_images", "test_labels"),
            ("images", "labels"),
            ("x", "y", "a/../b", "images"),
        )
    )
    file = io.BytesIO()
    kind = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(file, "w", kind) as archive:
        for name in names:
            is_labels = name[0] == "y" or name.endswith("labels")
            archive.writestr(f"{name}.npy", npy(random, _labels(random) if is_labels else _images(random)))
        if random.random() < 0.02:
            archive.writestr("more.npy", bytes(2**28), zipfile.ZIP_DEFLATED)
    content = file.getvalue()
    return {"data.npz": mutated(random, content) if random.random() < 0.3 else content}


def _npy_folder(random: Random) -> dict[str, bytes]:
    if random.random() < 0.5:
        return {f"data/{name}.npy": npy(random, _images(random)) for name in ("cat", "dog")}
    parts = {"x_train": _images, "y_train": _labels, "x_test": _images, "y_test": _labels}
    return {f"data/{name}.npy": npy(random, make(random)) for name, make in parts.items()}


def _idx_folder(random: Random) -> dict[str, bytes]:
    images = idx_bytes(np.zeros((IMAGES, SIDE, SIDE), np.uint8))
    labels = idx_bytes((np.arange(IMAGES) % 3).astype(np.uint8))
    files: dict[str, bytes] = {}
    for part in ("train", "t10k"):
        for name, content in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels)):
            damaged = mutated(random, content) if random.random() < 0.3 else content
            if random.random() < 0.3:
                files[f"data/{part}-{name}.gz"] = gzip.compress(damaged, mtime=0)
            else:
                files[f"data/{part}-{name.replace('-idx', random.choice(('-idx', '.idx')))}"] = damaged
    return files


def _pixel_table(random: Random) -> dict[str, bytes]:
    values = np.random.default_rng(random.randrange(2**32)).integers(0, 256, (IMAGES, SIDE * SIDE))
    rows = [",".join(map(str, (number % 3, *row))) for number, row in enumerate(values)]
    if random.random() < 0.6:
        rows.insert(0, ",".join(("label", *(f"pixel{number}" for number in range(SIDE * SIDE)))))
    text = "\n".join(rows)
    if random.random() < 0.7:
        text = mutated_text(random, text)
    return {"data.csv": text.encode("utf-8", "replace")}


def _matlab(random: Random) -> dict[str, bytes]:
    """Return SVHN's, EMNIST's or USPS's file, of one of three kinds, most with damaged bytes."""
    values = np.random.default_rng(random.randrange(2**32)).integers(0, 256, (IMAGES, SIDE, SIDE), np.uint8)
    labels = np.arange(IMAGES)[:, None] % 3
    contents: tuple[dict[str, Any], ...] = (
        {"X": np.moveaxis(values, 0, -1), "y": labels},
        {"dataset": {"train": {"images": values.reshape(IMAGES, -1), "labels": labels, "writers": labels}}},
        {"train_patterns": values.reshape(IMAGES, -1).T / 127.5 - 1, "train_labels": np.eye(3)[labels[:, 0]]},
    )
    content = random.choice(contents)
    file = io.BytesIO()
    is_hdf5 = random.random() < 0.4
    if is_hdf5:
        _write_hdf5(random, file, content)
    else:
        savemat(file, content, do_compression=random.random() < 0.5)
    whole = file.getvalue()
    if random.random() < 0.2:
        return {"data.mat": whole}
    kept = random.choice((0, HEADER_OF_MATLAB))  # the start says what it is; damage there ends it at once
    return {"data.mat": whole[:kept] + mutated(random, whole[kept:])}


def _write_hdf5(random: Random, file: IO[bytes], content: Mapping[str, Any]) -> None:
    """Write a file of version 7.3: an HDF5 file behind a header, the axes of its arrays reversed."""
    import h5py

    def write(group: Any, fields: Mapping[str, Any]) -> None:
        for name, value in fields.items():
            if isinstance(value, dict):
                write(group.create_group(name), value)
            else:
                group.create_dataset(name, data=np.asarray(value).T, **how)

    how = random.choice(({}, {"compression": "gzip", "chunks": True}, {"shuffle": True, "fletcher32": True}))
    with h5py.File(file, "w", userblock_size=HEADER_OF_MATLAB) as opened:
        write(opened, content)
    file.seek(0)
    file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


FORMS: tuple[Callable[[Random], dict[str, bytes]], ...] = (_npz, _npy_folder, _idx_folder, _pixel_table)


def _arrays(random: Random, number: int) -> Case:
    return _case(FORMS[number % len(FORMS)](random))


def _matlab_files(random: Random, _: int) -> Case:
    return _case(_matlab(random))


def _case(files: dict[str, bytes]) -> Case:
    return Case(files, partial(in_folder, partial(_read_arrays, files), files))


def _read_arrays(files: Mapping[str, bytes], folder: Path) -> None:
    """Open the file, or the folder that holds the files, and read every part."""
    from imagelet.data.datasets import load_dataset

    with tempfile.TemporaryDirectory() as home:
        os.environ["IMAGELET_HOME"] = home
        dataset = load_dataset(str(folder / next(iter(files)).split("/")[0]))
        for part in dataset.parts:
            check_images(dataset.read(part))


FUZZERS = (
    Fuzzer("arrays", "arrays, archives and tables of pixels", 5_000, _arrays),
    Fuzzer("matlab", "MATLAB files", 5_000, _matlab_files),
)
