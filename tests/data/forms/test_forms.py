"""Every form of arrays: written, recognised, read, damaged."""

import gzip
import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.io import savemat

from imagelet.data import load_dataset
from imagelet.data.forms.form import Form, assigned, form_of, forms
from imagelet.data.forms.npy import read_array
from imagelet.errors import DataError, ImageletError

SIDE = 6
ORDER = ([1, 0, 1, 2], [2, 0, 2, 1])  # of the classes in the labels below, numbers and texts
CLASSES = 3

Parts = dict[str, tuple[NDArray[np.uint8], NDArray[np.int64]]]
Write = Callable[[Path, Parts], Path]


def made(seed: int = 0) -> Parts:
    """Return images (n, 6, 6) with labels for training and test; 0 and 255 are among the values."""
    rng = np.random.default_rng(seed)
    parts: Parts = {}
    for part, count in (("train", 24), ("test", 9)):
        images = rng.integers(0, 256, (count, SIDE, SIDE), np.uint8)
        images[:, 0, 0], images[:, -1, -1] = 0, 255
        parts[part] = images, np.arange(count) % CLASSES
    return parts


def write_npz(folder: Path, parts: Parts) -> Path:
    arrays = {f"x_{part}": images for part, (images, _) in parts.items()}
    arrays |= {f"y_{part}": labels for part, (_, labels) in parts.items()}
    np.savez_compressed(folder / "made.npz", **arrays)
    return folder / "made.npz"


def write_npy(folder: Path, parts: Parts) -> Path:
    for part, (images, labels) in parts.items():
        np.save(folder / f"{part}_images.npy", images)
        np.save(folder / f"{part}_labels.npy", labels)
    return folder


def write_idx(folder: Path, parts: Parts) -> Path:
    for part, (images, labels) in parts.items():
        name = {"train": "train", "test": "t10k"}[part]
        write_idx_file(folder / f"{name}-images-idx3-ubyte", images)
        write_idx_file(folder / f"{name}-labels.idx1-ubyte.gz", labels)
    return folder


def write_idx_file(path: Path, array: NDArray[Any]) -> None:
    content = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    content += array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_pixel_table(folder: Path, parts: Parts) -> Path:
    for part, (images, labels) in parts.items():
        header = ",".join(["label", *(f"pixel{number}" for number in range(SIDE * SIDE))])
        rows = np.column_stack([labels, images.reshape(len(images), -1)])
        np.savetxt(folder / f"{part}.csv", rows, "%d", ",", header=header, comments="")
    return folder / "train.csv"


def write_mat(folder: Path, parts: Parts) -> Path:
    arrays = {f"X_{part}": np.moveaxis(images, 0, -1) for part, (images, _) in parts.items()}
    arrays |= {f"y_{part}": labels[:, np.newaxis] for part, (_, labels) in parts.items()}
    savemat(folder / "made.mat", arrays, do_compression=True)
    return folder / "made.mat"


WRITE: dict[str, Write] = {
    "npz": write_npz,
    "npy": write_npy,
    "idx": write_idx,
    "pixel-table": write_pixel_table,
    "mat": write_mat,
}


def test_every_form_of_arrays_is_tried_here() -> None:
    assert set(WRITE) == {name for name in forms if isinstance(forms.get(name), Form)}


@pytest.mark.parametrize("name", list(WRITE))
def test_what_is_written_is_recognised_and_read(name: str, tmp_path: Path) -> None:
    parts = made()
    path = WRITE[name](tmp_path, parts)
    assert [form for form in forms if forms.get(form).recognises(path)] == [name]
    dataset = load_dataset(path)
    for part, images in (("train", dataset.train), ("test", dataset.test)):
        assert np.array_equal(images.images[..., 0], parts[part][0])
        assert np.array_equal(images.labels, parts[part][1])
        assert images.classes == ("0", "1", "2")
    said = " ".join(dataset.understood)
    assert "24 training images in 3 classes, taken as 6×6 grey" in said
    assert "values 0–255" in said


@pytest.mark.parametrize("name", list(WRITE))
def test_without_a_test_part_a_fifth_is_set_aside_and_copies_stay_together(name: str, tmp_path: Path) -> None:
    images, labels = made()["train"]
    twice = np.concatenate([images, images]), np.concatenate([labels, labels])
    dataset = load_dataset(WRITE[name](tmp_path, {"train": twice}))
    assert len(dataset.train) + len(dataset.test) == 48
    assert 6 <= len(dataset.test) <= 12
    assert "a fifth of each class" in dataset.understood[1]
    train, test = ({image.tobytes() for image in part.images} for part in (dataset.train, dataset.test))
    assert not train & test


@pytest.mark.parametrize("name", list(WRITE))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_one_raises_nothing_but_our_errors(
    name: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path = WRITE[name](folder, made())
    file = data.draw(st.sampled_from(sorted(folder.iterdir())))
    content = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, min(len(content), 400) - 1))
    match data.draw(st.sampled_from(["cut", "flip", "fill"])):
        case "cut":
            del content[place:]
        case "flip":
            content[place] ^= data.draw(st.integers(1, 255))
        case "fill":
            content[place : place + 8] = b"\xff" * 8
    file.write_bytes(content)
    try:
        dataset = load_dataset(path)
        _ = dataset.train, dataset.test
    except ImageletError:
        pass


@pytest.mark.parametrize(
    ("names", "train"),
    [
        (("x_train", "y_train", "x_test", "y_test"), ("x_train", "y_train")),
        (("train_images", "train_labels", "val_images", "val_labels"), ("train_images", "train_labels")),
        (("images", "labels"), ("images", "labels")),
        (("X", "y"), ("X", "y")),
        (("data", "target"), ("data", "target")),
        (("emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte"),) * 2,
        (("kmnist-train-imgs", "kmnist-train-labels"),) * 2,
    ],
)
def test_usual_names_are_understood(names: tuple[str, ...], train: tuple[str, str]) -> None:
    pairs, others = assigned(names, "it")
    assert pairs["train"] == train
    assert not others


@pytest.mark.parametrize("names", [(), ("x_train",), ("a", "b"), ("x_test", "y_test"), ("x", "images", "y")])
def test_what_does_not_come_in_pairs_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="it holds"):
        assigned(names, "it")


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.array([3, 1, 3, 10] * 3), ("1", "3", "10")),
        (np.array([3.0, 1.0, 3.0, 10.0] * 3), ("1", "3", "10")),
        (np.array(["cat", "ant", "cat", "bee"] * 3), ("ant", "bee", "cat")),
        (np.array([b"cat", b"ant", b"cat", b"bee"] * 3), ("ant", "bee", "cat")),
        (np.array([[1], [0], [1], [2]] * 3), ("0", "1", "2")),
        (np.eye(3, dtype=int)[[1, 0, 1, 2] * 3], ("0", "1", "2")),
    ],
)
def test_labels_come_as_numbers_texts_or_one_hot(
    labels: NDArray[Any], classes: tuple[str, ...], tmp_path: Path
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (12, 6, 6), np.uint8)
    np.savez(tmp_path / "made.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    train = load_dataset(tmp_path / "made.npz").train
    assert train.classes == classes
    names = [train.classes[label] for label in train.labels[:4]]
    assert names == [classes[index] for index in ORDER[labels.dtype.kind in "US"]]


@pytest.mark.parametrize("labels", [np.zeros(12), np.full(12, np.nan), np.arange(12) / 2, np.zeros((12, 3))])
def test_other_labels_are_refused(labels: NDArray[Any], tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (12, 6, 6), np.uint8)
    np.savez(tmp_path / "made.npz", images=images, labels=labels)
    with pytest.raises(DataError, match="labels"):
        load_dataset(tmp_path / "made.npz")


@pytest.mark.parametrize("shape", [(2**63, 2), (2**32, 2**32), (-1, 3)])
def test_an_array_that_no_computer_holds_is_refused(shape: tuple[int, ...], tmp_path: Path) -> None:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}".encode()
    for name in ("cat", "dog"):
        size = len(header).to_bytes(2, "little")
        (tmp_path / f"{name}.npy").write_bytes(b"\x93NUMPY\x01\x00" + size + header + bytes(12))
    with pytest.raises(DataError, match="cannot be read"):
        load_dataset(tmp_path)


def test_one_file_a_class_is_a_dataset(tmp_path: Path) -> None:
    for number, name in enumerate(("cat", "dog")):
        np.save(tmp_path / f"{name}.npy", np.random.default_rng(number).integers(0, 256, (10, 36), np.uint8))
    dataset = load_dataset(tmp_path)
    assert dataset.train.classes == ("cat", "dog")
    assert dataset.train.shape == (6, 6, 1)
    assert form_of(tmp_path) is forms.get("npy")


def test_an_unlabelled_table_beside_is_left_out_and_said(tmp_path: Path) -> None:
    write_pixel_table(tmp_path, made())
    table = tmp_path / "test.csv"
    lines = [line.partition(",")[2] for line in table.read_text().splitlines()]
    table.write_text("\n".join(lines))
    dataset = load_dataset(tmp_path)
    assert "test.csv is left out: it has no column of labels." in dataset.understood
    assert len(dataset.train) < 24


@pytest.mark.parametrize("column", [0, -1])
def test_without_a_header_the_border_tells_where_the_labels_are(column: int, tmp_path: Path) -> None:
    images, labels = made()["train"]
    rows = np.insert(images.reshape(24, -1), column if column == 0 else SIDE * SIDE, labels, axis=1)
    np.savetxt(tmp_path / "train.csv", rows, "%d", ",")
    train = load_dataset(tmp_path / "train.csv").train
    assert train.classes == ("0", "1", "2")
    rows[:, [0, -1]] = np.arange(24)[:, np.newaxis]
    np.savetxt(tmp_path / "train.csv", rows, "%d", ",")
    with pytest.raises(DataError, match="first or the last"):
        load_dataset(tmp_path / "train.csv")


def test_several_datasets_in_a_folder_are_not_guessed(tmp_path: Path) -> None:
    images, labels = made()["train"]
    for name in ("letters", "digits"):
        write_idx_file(tmp_path / f"emnist-{name}-train-images-idx3-ubyte", images)
        write_idx_file(tmp_path / f"emnist-{name}-train-labels-idx1-ubyte", labels)
    with pytest.raises(DataError, match="several datasets: emnist-digits, emnist-letters"):
        load_dataset(tmp_path)
    assert len(load_dataset(tmp_path / "emnist-digits-train-images-idx3-ubyte").train.classes) == 3


def test_an_unknown_form_is_named(tmp_path: Path) -> None:
    (tmp_path / "data.xyz").write_bytes(b"?")
    with pytest.raises(DataError, match="no form that is read") as refused:
        load_dataset(tmp_path / "data.xyz")
    assert refused.value.hint.endswith("; imagelet data formats lists the forms")


def test_python_objects_are_never_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "made.npz", x_train=np.array([{}], dtype=object), y_train=np.array([1]))
    with pytest.raises(DataError, match="objects"):
        load_dataset(tmp_path / "made.npz")


def test_no_more_is_made_than_a_file_holds() -> None:
    """A header that announces a terabyte costs nothing."""
    file = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (10**12,)}
    np.lib.format.write_array_header_1_0(file, header)
    file.seek(0)
    with pytest.raises(ValueError, match="more values than it holds"):
        read_array(file, 1_000)


def test_images_that_are_texts_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "texts.npz", x_train=np.full((6, 5, 5), "five"), y_train=np.arange(6) % 2)
    with pytest.raises(DataError, match="its values are no numbers"):
        load_dataset(tmp_path / "texts.npz")


def test_a_table_that_ends_in_no_text_is_refused(tmp_path: Path) -> None:
    row = ",".join(map(str, range(785)))
    header = ",".join(["label", *(f"pixel{place}" for place in range(784))])
    (tmp_path / "pixels.csv").write_bytes("\n".join([header, *[row] * 9]).encode() + b"\n\xff\xfe\n")
    with pytest.raises(DataError, match="holds no table of pixels"):
        load_dataset(tmp_path / "pixels.csv")
