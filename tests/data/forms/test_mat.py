"""MATLAB files as people have them: SVHN's, EMNIST's, USPS's; what has two readings is refused."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from imagelet.data import load_dataset
from imagelet.data.splits import split
from imagelet.errors import DataError
from tests.data.test_matlab import write_7_3

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (12, 6, 7, 3), np.uint8)  # (n, height, width, channels)
GREY = RNG.integers(0, 256, (12, 5, 5), np.uint8)
LABELS = np.arange(12) % 3 + 1
COLUMN = LABELS[:, np.newaxis]


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_the_last_axis_may_count_the_images_as_in_svhn(version: str, tmp_path: Path) -> None:
    for part in ("train", "test"):
        content = {"X": COLOUR.transpose(1, 2, 3, 0), "y": COLUMN}
        write = savemat if version == "5" else write_7_3
        write(tmp_path / f"{part}_32x32.mat", content)
    for path in (tmp_path, tmp_path / "train_32x32.mat"):
        dataset = load_dataset(path)
        assert np.array_equal(dataset.train.images, COLOUR)
        assert np.array_equal(dataset.train.labels, LABELS - 1)
        assert len(dataset.test) == 12
        assert "train: train_32x32.mat: X, y, test: test_32x32.mat: X, y" in dataset.understood[0]


def test_emnists_struct_lies_column_by_column_and_names_its_writers(tmp_path: Path) -> None:
    rows = GREY.transpose(0, 2, 1).reshape(12, 25)  # column by column
    train = {"images": rows, "labels": COLUMN, "writers": (np.arange(12) // 3)[:, np.newaxis] + 500}
    test = {"images": rows[:6], "labels": COLUMN[:6], "writers": np.ones((6, 1))}
    mapping = np.array([[1, 65, 97], [2, 66, 98], [3, 67, 99]], np.uint8)
    savemat(tmp_path / "emnist.mat", {"dataset": {"train": train, "test": test, "mapping": mapping}})
    dataset = load_dataset(tmp_path / "emnist.mat")
    assert np.array_equal(dataset.train.images[..., 0], GREY)
    assert len(dataset.test) == 6
    assert dataset.train.sources is not None
    assert dataset.train.sources.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert split(dataset.train, 0.25, 0).method == "stratified 0.25 by source"
    assert any("dataset.mapping is left out" in told for told in dataset.understood)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("fea", COLUMN),
        ("data", COLUMN.T),
        ("patterns", np.eye(3)[LABELS - 1]),
        ("X", np.eye(3)[:, LABELS - 1]),
    ],
)
def test_rows_lie_line_by_line_beside_labels_of_any_kind(
    images: str, labels: np.ndarray, tmp_path: Path
) -> None:
    name = {"fea": "gnd", "data": "labels", "patterns": "labels", "X": "y"}[images]
    savemat(tmp_path / "a.mat", {images: GREY.reshape(12, 25), name: labels})
    dataset = load_dataset(tmp_path / "a.mat")
    both = np.concatenate([dataset.train.images[..., 0], dataset.test.images[..., 0]])
    assert {image.tobytes() for image in both} == {image.tobytes() for image in GREY}
    read = {
        image.tobytes(): label
        for part in (dataset.train, dataset.test)
        for image, label in zip(part.images[..., 0], part.labels, strict=True)
    }
    assert [read[image.tobytes()] for image in GREY] == (LABELS - 1).tolist()


def test_usps_reaches_from_minus_one_to_one_a_column_an_image(tmp_path: Path) -> None:
    signs = np.where(np.eye(3)[:, LABELS - 1] == 1, 1, -1)  # (classes, n), 1 in the image's class
    values = GREY.reshape(12, 25).T / 127.5 - 1
    values[0], values[-1] = -1, 1
    content = {
        f"{part}_{name}": array
        for part in ("train", "test")
        for name, array in (("patterns", values), ("labels", signs))
    }
    savemat(tmp_path / "usps_resampled.mat", content)
    dataset = load_dataset(tmp_path)
    expected = GREY.copy()
    expected[:, 0, 0], expected[:, -1, -1] = 0, 255
    assert np.array_equal(dataset.train.images[..., 0], expected)
    assert dataset.train.labels.tolist() == (LABELS - 1).tolist()
    assert "values −1–1" in dataset.understood[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"X": np.zeros((12, 12)), "y": COLUMN}, "either axis may count the 12 images"),
        ({"X": GREY.transpose(1, 0, 2), "y": COLUMN}, "neither the first nor the last axis counts"),
        ({"X": GREY[:11], "y": COLUMN}, "neither the first nor the last axis"),
        ({"X": "text", "y": COLUMN}, "X in .* cannot be read: it is of the kind 'text', not of numbers"),
        ({"X": GREY, "z": COLUMN}, "holds no images with labels to learn from; it holds X, z"),
        ({"X": GREY, "images": GREY, "y": COLUMN}, "two arrays of images for train, X and images"),
        ({"X": GREY / 200, "y": COLUMN}, "cannot be taken for a picture"),
        ({"X": GREY.astype(float) - 300, "y": COLUMN}, "negative values"),
    ],
)
def test_what_has_no_or_two_readings_is_refused(
    content: dict[str, Any], message: str, tmp_path: Path
) -> None:
    savemat(tmp_path / "a.mat", content)
    with pytest.raises(DataError, match=message):
        load_dataset(tmp_path / "a.mat")


def test_of_several_files_one_is_to_be_named(tmp_path: Path) -> None:
    for name in ("digits", "letters"):
        savemat(tmp_path / f"{name}.mat", {"X": GREY, "y": COLUMN})
    with pytest.raises(DataError, match=r"several MATLAB files: digits\.mat, letters\.mat") as told:
        load_dataset(tmp_path)
    assert f"imagelet train {tmp_path / 'digits.mat'}" in told.value.hint
    assert len(load_dataset(tmp_path / "digits.mat").classes) == 3


def test_a_file_that_is_no_matlab_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.mat").write_bytes(b"<html>")
    with pytest.raises(DataError, match="no MATLAB file of version 5 or later") as told:
        load_dataset(tmp_path / "a.mat")
    assert told.value.hint == "save it in MATLAB with -v7, or as .npz"


def test_without_h5py_it_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_7_3(tmp_path / "a.mat", {"X": GREY, "y": COLUMN})
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DataError, match=r"version 7\.3, which h5py reads") as told:
        load_dataset(tmp_path / "a.mat")
    assert "pip install 'imagelet[formats]'" in told.value.hint
