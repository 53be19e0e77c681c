"""IDX files are read as they are, and everything that can be wrong with one is said in one sentence."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagelet.data import idx, load_dataset
from imagelet.data.idx import read_idx
from imagelet.data.official.mnist import MNIST, idx_files, read_part
from imagelet.errors import DataError
from tests.conftest import idx_bytes, make_images

TRAIN = "train-images-idx3-ubyte.gz"
LABELS = "train-labels-idx1-ubyte.gz"


@pytest.fixture
def folder(idx_folder: Path) -> Path:
    return idx_folder / "mnist"


def broken(folder: Path, part: str = "train") -> DataError:
    """Return the error that reading gives, after checking what every such error must say."""
    with pytest.raises(DataError) as caught:
        read_part(MNIST, folder, part)
    error = caught.value
    assert str(folder) in error.message
    assert "\n" not in error.message
    assert "imagelet data get mnist" in error.hint
    return error


def test_reads_what_was_written(folder: Path) -> None:
    for part, number, seed in (("train", 300, 1), ("test", 100, 2)):
        images, labels = make_images(number, 28, 1, seed)
        read = read_part(MNIST, folder, part)
        assert np.array_equal(read.images, images)
        assert read.labels.tolist() == labels.tolist()
        assert read.classes == tuple("0123456789")


@settings(deadline=None)
@given(data=st.data())
def test_reads_every_array_of_bytes(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=4)))
    array = np.frombuffer(data.draw(st.binary(min_size=(n := int(np.prod(shape))), max_size=n)), np.uint8)
    path = tmp_path_factory.mktemp("idx") / "values.gz"
    content = idx_bytes(array.reshape(shape))
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(gzip.compress(content[:cut]) + gzip.compress(content[cut:]))  # two members are one file
    assert np.array_equal(read_idx(path, len(shape), "mnist"), array.reshape(shape))


def test_accepts_a_file_that_the_user_compressed_anew(folder: Path) -> None:
    before = read_part(MNIST, folder, "train").fingerprint()
    for path in folder.iterdir():
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=1) + bytes(512))
    assert read_part(MNIST, folder, "train").fingerprint() == before


def test_the_training_part_needs_no_test_files(folder: Path) -> None:
    for path in folder.glob("t10k*"):
        path.unlink()
    assert len(read_part(MNIST, folder, "train")) == 300
    assert "is missing" in broken(folder, "test").message


Change = Callable[[bytes], bytes]


def anew(change: Change) -> Change:
    """Return a change to a file's uncompressed content."""
    return lambda compressed: gzip.compress(change(gzip.decompress(compressed)))


def flip(position: int) -> Change:
    def change(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[position] ^= 0x55
        return bytes(changed)

    return change


@pytest.mark.parametrize("name", [TRAIN, LABELS])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[:-1], "is not a whole gzip file"),
        (lambda content: content[: len(content) // 2], "is not a whole gzip file"),
        (lambda content: content[:5], "is not a whole gzip file"),
        (lambda content: b"<html>not here</html>", "is not a whole gzip file"),
        (flip(-5), "is not a whole gzip file"),  # the length at the end
        (flip(-8), "is not a whole gzip file"),  # the checksum
        (lambda content: content + b"more", "is not a whole gzip file"),
        (lambda content: b"", "begins with nothing"),
        (lambda content: gzip.compress(b""), "begins with nothing"),
        (anew(flip(2)), "begins with 00005d0"),
        (anew(lambda content: content[:-1]), "and holds only"),
        (anew(lambda content: content + b"0"), "and holds more"),
        (anew(lambda content: content[:6]), "ends within its header"),
        (anew(lambda content: content[:4] + b"\xff" * 4 + content[8:]), "announces 4294967295"),
        (anew(lambda content: content[:4] + bytes(4) + content[8:]), "announces 0"),
    ],
)
def test_refuses_a_damaged_file(folder: Path, name: str, change: Change, message: str) -> None:
    path = folder / name
    path.write_bytes(change(path.read_bytes()))
    error = broken(folder)
    assert error.message.startswith(f"{name} ")
    assert message in error.message


def test_refuses_images_where_labels_are_needed(folder: Path) -> None:
    (folder / LABELS).write_bytes((folder / TRAIN).read_bytes())
    assert "begins with 00000803 where 00000801 is needed" in broken(folder).message


def test_refuses_labels_of_another_number(folder: Path) -> None:
    (folder / LABELS).write_bytes(gzip.compress(idx_bytes(np.zeros(299, np.uint8))))
    assert "train-labels-idx1-ubyte.gz holds 299 labels for the 300 images" in broken(folder).message


def test_refuses_a_label_beyond_the_classes(folder: Path) -> None:
    (folder / LABELS).write_bytes(gzip.compress(idx_bytes(np.full(300, 10, np.uint8))))
    assert "train-labels-idx1-ubyte.gz holds the label 10; they are 0 to 9" in broken(folder).message


def test_refuses_images_of_another_size(folder: Path) -> None:
    (folder / TRAIN).write_bytes(gzip.compress(idx_bytes(np.zeros((300, 32, 30), np.uint8))))
    assert "holds images of 32x30 pixels, not 28x28" in broken(folder).message


def test_does_not_unpack_more_than_the_header_announces(folder: Path) -> None:
    bomb = struct.pack(">BBBBI", 0, 0, 8, 1, 300) + bytes(50_000_000)
    (folder / LABELS).write_bytes(gzip.compress(bomb))
    assert "holds more" in broken(folder).message


def test_unpacks_no_more_than_is_allowed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idx, "LARGEST_CONTENT", 300 * 28 * 28)
    assert len(read_part(MNIST, folder, "train")) == 300
    monkeypatch.setattr(idx, "LARGEST_CONTENT", 300 * 28 * 28 - 1)
    assert "announces 300x28x28 values; at most 235,199 are read" in broken(folder).message


def test_reads_a_file_of_many_empty_members_in_one_pass(folder: Path) -> None:
    content = (folder / LABELS).read_bytes()
    (folder / LABELS).write_bytes(gzip.compress(b"") * 100_000 + content)
    assert len(read_part(MNIST, folder, "train")) == 300


@pytest.mark.parametrize("name", [TRAIN, LABELS])
def test_names_a_file_that_is_missing_or_a_folder(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"{name} is missing" in broken(folder).message
    (folder / name).mkdir()
    assert f"{name} cannot be read" in broken(folder).message


@pytest.mark.parametrize("dataset", ["mnist", "fashion-mnist"])
def test_every_file_has_two_mirrors_and_a_checksum(dataset: str) -> None:
    files = idx_files(dataset)
    assert [len(file.parts) for file in files] == [1, 1, 1, 1]
    for file in files:
        assert len({mirror.split("/")[2] for mirror in file.mirrors}) >= 2
        assert all(mirror.endswith("/" + file.name) for mirror in file.mirrors)
        assert file.sha256 is not None
        assert len(bytes.fromhex(file.sha256)) == 32


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "first", "mean"),
    [
        ("mnist", [5, 0, 4, 1, 9, 2, 1, 3, 1, 4], 33.3184),
        ("fashion-mnist", [9, 0, 0, 3, 0, 2, 7, 2, 5, 5], 72.9404),
    ],
)
def test_the_official_files_are_read(name: str, first: list[int], mean: float, real_data: Path) -> None:
    dataset = load_dataset(name)
    assert (len(dataset.train), len(dataset.test)) == (60_000, 10_000)
    assert dataset.train.labels[:10].tolist() == first
    assert dataset.train.images.mean() == pytest.approx(mean, abs=1e-4)
    assert dataset.test.counts().tolist() == (
        [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009] if name == "mnist" else [1000] * 10
    )
