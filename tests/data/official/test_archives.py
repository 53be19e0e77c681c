"""Datasets in NumPy archives, MedMNIST's and Kuzushiji-49: their cards are true, and damage is told."""

from pathlib import Path

import numpy as np
import pytest

from imagelet.data import load_dataset
from imagelet.data.known import datasets
from imagelet.data.official.medmnist import TABLE
from imagelet.errors import DataError
from tests.official_files import write_kuzushiji, write_medmnist

IMAGES, LABELS = np.zeros((4, 28, 28), np.uint8), np.zeros((4, 1), np.uint8)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a data folder with small files."""
    write_medmnist("breastmnist", tmp_path)
    write_kuzushiji(tmp_path)
    monkeypatch.setenv("IMAGELET_DATA", str(tmp_path))
    return tmp_path


def test_the_datasets_own_validation_part_is_used(data: Path) -> None:
    dataset = load_dataset("breastmnist")
    assert dataset.validation is not None
    assert len(dataset.validation) == 4


def test_the_table_is_whole() -> None:
    assert len(TABLE) == 11  # of twelve: ChestMNIST's images have several labels each
    for row in TABLE:
        known = datasets.get(row.name)
        assert tuple(known.images) == ("train", "validation", "test")
        assert bool(known.download) == (row.md5 is not None)
        assert f"{sum(row.images):,}" in row.description


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES[:3], LABELS, r"holds images \(3, 28, 28, 1\) with 4 labels"),
        (np.zeros((4, 28, 28, 3), np.uint8), LABELS, "holds images"),
        (IMAGES[:, :20], LABELS, "holds images"),
        (IMAGES, LABELS + 2, "holds the label 2; they are 0 to 1"),
        (IMAGES.astype(float), LABELS, "holds float64"),
        (IMAGES, np.array([{}] * 4), "cannot be read"),
        (None, LABELS, "cannot be read"),
    ],
)
def test_other_arrays_are_refused(
    images: np.ndarray | None, labels: np.ndarray, message: str, data: Path
) -> None:
    arrays = {"train_labels": labels} | ({} if images is None else {"train_images": images})
    np.savez(data / "medmnist" / "breastmnist.npz", **arrays)
    with pytest.raises(DataError, match=message) as told:
        _ = load_dataset("breastmnist").train
    assert "imagelet data get breastmnist" in told.value.hint


@pytest.mark.parametrize("name", ["breastmnist", "kuzushiji-49"])
def test_a_damaged_archive_is_told(name: str, data: Path) -> None:
    for file in [*data.glob("medmnist/*"), *data.glob("*/k49-train-*")]:
        file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(DataError, match="cannot be read"):
        _ = load_dataset(name).train


def test_a_label_of_no_character_is_refused(data: Path) -> None:
    np.savez(data / "kuzushiji-49" / "k49-train-labels.npz", np.full(245, 49, np.uint8))
    with pytest.raises(DataError, match="holds the label 49; they are 0 to 48"):
        _ = load_dataset("kuzushiji-49").train
