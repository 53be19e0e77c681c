"""EMNIST is read from the official zip file and from its unpacked files, upright; damage is told."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from imagelet.data import get_dataset_files, load_dataset
from imagelet.data.official import emnist
from imagelet.errors import DataError
from tests.official_files import emnist_members, pictures, write_emnist

ARCHIVE = Path("emnist", "gzip.zip")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a data folder with a small official zip file."""
    write_emnist(tmp_path)
    monkeypatch.setenv("IMAGELET_DATA", str(tmp_path))
    return tmp_path


def unpack(folder: Path, name: str) -> None:
    """Put the files of one set in place of the zip file."""
    (folder / ARCHIVE).unlink()
    for file, content in emnist_members(name).items():
        (folder / "emnist" / file).write_bytes(content)


@pytest.mark.parametrize("name", ["emnist-letters", "emnist-balanced", "emnist-digits", "emnist-byclass"])
def test_unpacked_files_give_the_same_as_the_archive(name: str, data: Path) -> None:
    packed = load_dataset(name)
    before = [packed.train.fingerprint(), packed.test.fingerprint()]
    unpack(data, name)
    unpacked = load_dataset(name)
    assert [unpacked.train.fingerprint(), unpacked.test.fingerprint()] == before


def test_images_stand_upright_and_letters_count_from_a(data: Path) -> None:
    images, _ = pictures("emnist-letters", "train")
    train = load_dataset("emnist-letters").train
    assert np.array_equal(train.images, images)
    assert [train.classes[label] for label in train.labels[:3]] == ["A", "B", "C"]


def test_of_balanced_small_letters_are_classes_where_they_look_different(data: Path) -> None:
    classes = load_dataset("emnist-balanced").classes
    assert "".join(classes) == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"
    assert len(load_dataset("emnist-byclass").classes) == 62


def test_the_files_come_from_a_folder_without_a_network(
    data: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IMAGELET_DATA")
    (kept,) = get_dataset_files("emnist-digits", data / "emnist")
    assert kept.official is False
    assert len(load_dataset("emnist-digits").train) == 50


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[:-30], "is not a whole zip file"),
        (lambda content: b"", "is not a whole zip file"),
        (lambda content: content.replace(b"emnist-digits-train-i", b"emnist-figure-train-i"), "is not in it"),
        (lambda content: content.replace(b"\x1f\x8b", b"\x1f\x8c"), "Bad CRC-32"),
    ],
)
def test_a_damaged_archive_is_told(change, message: str, data: Path) -> None:
    content = (data / ARCHIVE).read_bytes()
    (data / ARCHIVE).write_bytes(change(content))
    with pytest.raises(DataError, match=message) as told:
        _ = load_dataset("emnist-digits").train
    assert "imagelet data get emnist-digits" in told.value.hint


def test_a_member_that_announces_too_much_is_not_read(data: Path) -> None:
    kind = next(kind for kind in emnist.KINDS if kind.name == "digits")
    with zipfile.ZipFile(data / ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(kind.files("train")[0], bytes(1000))
    content = bytearray((data / ARCHIVE).read_bytes())
    place = content.index(b"PK\x01\x02") + 24  # the size in the list of members
    content[place : place + 4] = (1 << 27).to_bytes(4, "little")
    (data / ARCHIVE).write_bytes(content)
    with pytest.raises(DataError, match="announces more than it can hold"):
        _ = load_dataset("emnist-digits").train


def test_the_archive_may_not_have_ever_more_members(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emnist, "MOST_MEMBERS", 3)
    with pytest.raises(DataError, match="over 3 members"):
        _ = load_dataset("emnist-digits").train


def test_unpacked_files_of_another_size_or_label_are_told(data: Path) -> None:
    unpack(data, "emnist-letters")
    for file, content in emnist_members("emnist-balanced").items():
        (data / "emnist" / file.replace("balanced", "letters")).write_bytes(content)
    with pytest.raises(DataError, match="holds the label -1; they are 0 to 25"):
        _ = load_dataset("emnist-letters").train
