"""USPS is read from libsvm's text, and everything that can be wrong with a line is said."""

import bz2
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_svmlight_file

from imagelet.data import load_dataset
from imagelet.data.official import usps
from imagelet.data.official.usps import parse_line
from imagelet.errors import DataError
from tests.official_files import write_usps


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the training file, in a data folder with small files."""
    write_usps(tmp_path)
    monkeypatch.setenv("IMAGELET_DATA", str(tmp_path))
    return tmp_path / "usps" / "usps.bz2"


def test_the_text_is_read_as_scikit_learn_reads_it(file: Path) -> None:
    values, labels = load_svmlight_file(str(file))
    train = load_dataset("usps").train
    assert np.array_equal(train.labels, labels - 1)
    assert np.allclose(train.images.reshape(len(train), -1) / 127.5 - 1, values.toarray(), atol=0.005)


def test_a_pixel_that_is_not_named_is_grey() -> None:
    digit, pixels = parse_line(b"10 1:-1 256:1 3:0.5")
    assert digit == 9
    assert (pixels[0], pixels[255], pixels[2], pixels[1]) == (0, 255, 191, 128)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"0 1:-1", "the label is 0, not 1 to 10"),
        (b"11 1:-1", "the label is 11"),
        (b"1 0:1", "the pixel is 0, not 1 to 256"),
        (b"1 257:1", "the pixel is 257"),
        (b"1 1:1.5", "a value is not from"),
        (b"1 1:nan", "a value is not from"),
        (b"", "values to unpack"),
        (b"one 1:1", "invalid literal"),
        (b"1 1=1", "invalid literal"),
        (b"1 1:", "could not convert"),
    ],
)
def test_a_wrong_line_is_named(line: bytes, message: str, file: Path) -> None:
    file.write_bytes(bz2.compress(bz2.decompress(file.read_bytes()) + line + b"\n"))
    with pytest.raises(DataError, match=r"usps\.bz2 has a wrong line 51: ") as told:
        _ = load_dataset("usps").train
    assert message in told.value.message
    assert "imagelet data get usps" in told.value.hint


def test_a_file_that_is_no_whole_archive_is_told(file: Path) -> None:
    for content in (file.read_bytes()[:-10], b"not bzip2"):
        file.write_bytes(content)
        with pytest.raises(DataError, match="is not a whole bzip2 file"):
            _ = load_dataset("usps").train
    file.write_bytes(bz2.compress(b""))
    with pytest.raises(DataError, match="holds no images"):
        _ = load_dataset("usps").train


def test_no_more_is_unpacked_than_is_allowed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usps, "LARGEST_TEXT", 1000)
    with pytest.raises(DataError, match="has more than 1,000 bytes"):
        _ = load_dataset("usps").train
