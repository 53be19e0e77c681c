"""SVHN is read from MATLAB's files: the images count along the last axis, and 10 is the digit 0."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from imagelet.data import load_dataset
from imagelet.errors import DataError
from tests.official_files import pictures, write_svhn

IMAGES = np.zeros((32, 32, 3, 4), np.uint8)
LABELS = np.array([[1], [2], [9], [10]], np.uint8)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the training file, in a data folder with small files."""
    write_svhn(tmp_path)
    monkeypatch.setenv("IMAGELET_DATA", str(tmp_path))
    return tmp_path / "svhn" / "train_32x32.mat"


def test_ten_is_zero(file: Path) -> None:
    savemat(file, {"X": IMAGES, "y": LABELS})
    assert load_dataset("svhn").train.labels.tolist() == [1, 2, 9, 0]


def test_the_files_are_read_as_a_form_too(file: Path) -> None:
    dataset = load_dataset(file)
    images, _ = pictures("svhn", "train")
    assert np.array_equal(dataset.train.images, images)
    assert dataset.train.classes == ("1", "2", "3", "4", "5", "6", "7", "8", "9", "10")
    assert len(dataset.test) == 20  # of test_32x32.mat beside it


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"X": IMAGES}, "does not hold X and y"),
        ({"X": IMAGES[:30], "y": LABELS}, r"holds images \(30, 32, 3, 4\) with 4 labels"),
        ({"X": IMAGES[..., :3], "y": LABELS}, r"holds images \(32, 32, 3, 3\) with 4 labels"),
        ({"X": IMAGES.astype(float), "y": LABELS}, "holds images"),
        ({"X": IMAGES, "y": LABELS + 1}, "holds the label 11; they are 1 to 10"),
        ({"X": IMAGES, "y": LABELS - 1}, "holds the label 0; they are 1 to 10"),
        ({"X": IMAGES, "y": LABELS + 0.5}, r"holds the label 1\.5"),
        ({"X": "text", "y": LABELS}, "cannot be read"),
    ],
)
def test_other_contents_are_refused(content: dict[str, object], message: str, file: Path) -> None:
    savemat(file, content)
    with pytest.raises(DataError, match=message) as told:
        _ = load_dataset("svhn").train
    assert "imagelet data get svhn" in told.value.hint


def test_a_damaged_file_is_told(file: Path) -> None:
    content = file.read_bytes()
    for damaged in (content[:-100], content[:100], b"", content[:200] + bytes(100) + content[300:]):
        file.write_bytes(damaged)
        with pytest.raises(DataError, match="cannot be read"):
            _ = load_dataset("svhn").train
