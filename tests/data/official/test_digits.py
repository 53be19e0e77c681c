"""The built-in digits: scikit-learn's values, a test part that is the same for ever, imported late."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits as read_digits

from imagelet.data import found_files, load_dataset, place_of
from imagelet.data.official import digits
from imagelet.errors import DataError


def by_content(images: np.ndarray, labels: np.ndarray) -> list[bytes]:
    return sorted(image.tobytes() + bytes([label]) for image, label in zip(images, labels, strict=True))


def test_are_scikit_learns_values_scaled_to_bytes() -> None:
    dataset = load_dataset("digits")
    official = read_digits()
    scaled = np.array([round(value * 255 / 16) for value in range(17)], np.uint8)[official.images.astype(int)]
    images = np.concatenate([dataset.train.images, dataset.test.images])
    labels = np.concatenate([dataset.train.labels, dataset.test.labels])
    assert by_content(images, labels) == by_content(scaled, official.target)
    assert (images.min(), images.max()) == (0, 255)
    assert dataset.train.classes == tuple("0123456789")


def test_set_a_fifth_of_each_class_aside() -> None:
    dataset = load_dataset("digits")
    assert (len(dataset.train), len(dataset.test)) == (1437, 360)
    shares = dataset.test.counts() / (dataset.train.counts() + dataset.test.counts())
    assert np.abs(shares - 0.2).max() < 0.005


def test_have_the_test_part_that_they_always_had() -> None:
    test = load_dataset("digits").test
    assert test.labels[:20].tolist() == [1, 4, 8, 6, 5, 9, 9, 1, 3, 2, 2, 2, 0, 7, 4, 8, 1, 5, 3, 9]
    assert hashlib.sha256(test.images.tobytes()).hexdigest()[:16] == "de85aee14a9506dd"


def test_name_the_file_that_they_come_from() -> None:
    (file,) = found_files("digits")
    assert file.path == place_of("digits") == digits.digits_file()
    assert file.name == "digits.csv.gz"
    assert (file.size, file.official) == (file.path.stat().st_size, None)


def test_have_no_file_where_scikit_learn_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert place_of("digits") is None
    assert found_files("digits") == ()


@pytest.mark.parametrize("content", [None, b"", b"\x1f\x8b cut short"])
def test_say_so_where_scikit_learn_lost_its_file(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "digits.csv.gz"
    if content is not None:
        file.write_bytes(content)
    digits._read.cache_clear()
    monkeypatch.setattr(digits, "digits_file", lambda: file if file.exists() else None)
    with pytest.raises(DataError, match="cannot be read") as caught:
        _ = load_dataset("digits").train
    assert "scikit-learn" in caught.value.hint


def test_scikit_learn_is_not_imported(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from imagelet.data import load_dataset, place_of\n"
        "dataset = load_dataset('digits')\n"
        "assert dataset.shape == (8, 8, 1) and place_of('digits')\n"
        "assert len(dataset.test) == 360\n"
        "assert not {'sklearn', 'torch', 'requests', 'filelock'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)
