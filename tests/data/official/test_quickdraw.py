"""Quick, Draw!: any things by name, so many of each, and nothing is downloaded unchecked."""

from pathlib import Path

import numpy as np
import pytest

from imagelet.data import get_dataset_files, load_dataset, place_of
from imagelet.data.known import datasets
from imagelet.data.official.quickdraw import CLASSES, member
from imagelet.errors import DataError, DownloadError, UnknownNameError
from tests.official_files import drawings, write_quickdraw

CAT_AND_DOG = "quickdraw:cat,hot-dog:70"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a data folder with files of two things."""
    write_quickdraw(("cat", "hot dog"), tmp_path)
    monkeypatch.setenv("IMAGELET_DATA", str(tmp_path))
    return tmp_path


def numbers(images: np.ndarray) -> list[int]:
    """Return the places in their file that drawings tell."""
    rows = images.reshape(len(images), -1)
    return np.ascontiguousarray(rows[:, :4]).view("<u4")[:, 0].tolist()


def test_so_many_are_taken_evenly_and_every_seventh_is_for_testing(data: Path) -> None:
    dataset = load_dataset(CAT_AND_DOG)
    assert dataset.classes == ("cat", "hot dog")
    assert dataset.train.counts().tolist() == [60, 60]
    assert dataset.test.counts().tolist() == [10, 10]
    assert numbers(dataset.test.images[:10]) == list(range(600, 7000, 700))
    both = numbers(dataset.train.images[60:]) + numbers(dataset.test.images[10:])
    assert sorted(both) == list(range(0, 7000, 100))
    assert set(dataset.train.images[60:, 3, 16].ravel()) == {len("hot dog")}


def test_seven_thousand_of_each_are_usual(data: Path) -> None:
    assert datasets.get("quickdraw:cat,hot-dog").images == {"train": 12_000, "test": 2_000}
    assert len(load_dataset("quickdraw:cat,hot-dog").train) == 12_000


def test_there_are_345_things() -> None:
    assert len(CLASSES) == len(set(CLASSES)) == 345


@pytest.mark.parametrize("which", ["cat,hot dog", "Cat, hot_dog", "CAT,HOT-DOG", "cat , hot dog"])
def test_things_are_typed_in_several_ways(which: str) -> None:
    known = member(which)
    assert known.card.classes == ("cat", "hot dog")
    assert known.card.name == "quickdraw:cat,hot-dog"
    assert datasets.get(known.card.name).card == known.card


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("cat,hot-dgo", "'hot-dgo'; did you mean 'hot-dog'?"),
        ("cat,zzzzzz", "'zzzzzz'"),
        ("cat", "two or more different things are needed, not 'cat'"),
        ("cat,Cat", "two or more different things"),
        ("", "unknown thing"),
        ("cat,dog:", "'' is no number of drawings"),
        ("cat,dog:6", "'6' is no number"),
        ("cat,dog:many", "'many' is no number"),
        ("cat,dog:999999", "'999999' is no number"),
        ("cat,dog:7:7", "'7:7' is no number"),
    ],
)
def test_what_was_not_drawn_is_refused_in_a_sentence(which: str, message: str) -> None:
    name = f"quickdraw:{which}"
    assert name not in datasets
    with pytest.raises(UnknownNameError) as told:
        load_dataset(name)
    assert message in told.value.message
    assert told.value.hint


def test_files_that_lie_nowhere_are_not_downloaded_but_where_they_are_is_told() -> None:
    assert place_of(CAT_AND_DOG) is None
    assert load_dataset(CAT_AND_DOG).place == f"to be brought: imagelet data get {CAT_AND_DOG} --from DIR"
    with pytest.raises(DownloadError, match="no two public sources agree") as told:
        _ = load_dataset(CAT_AND_DOG).train
    assert "https://storage.googleapis.com/quickdraw_dataset/full/numpy_bitmap/cat.npy" in told.value.hint
    assert f"imagelet data get {CAT_AND_DOG} --from DIR" in told.value.hint
    with pytest.raises(DownloadError, match="no two public sources agree"):
        get_dataset_files(CAT_AND_DOG)


@pytest.mark.parametrize("prefix", ["", "full_numpy_bitmap_"])
def test_they_are_brought_from_a_folder(prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for thing in ("cat", "hot dog"):
        np.save(tmp_path / f"{prefix}{thing}.npy", drawings(thing, 100))
    kept = get_dataset_files(CAT_AND_DOG, tmp_path)
    assert [file.official for file in kept] == [None, None]
    assert len(load_dataset(CAT_AND_DOG).test) == 20


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (drawings("cat", 69), "holds 69 drawings, not 70"),
        (np.zeros((70, 100), np.uint8), r"holds uint8 \(70, 100\)"),
        (np.zeros((70, 784)), "holds float64"),
    ],
)
def test_other_files_are_refused(rows: np.ndarray, message: str, data: Path) -> None:
    np.save(data / "quickdraw" / "cat.npy", rows)
    with pytest.raises(DataError, match=message):
        _ = load_dataset(CAT_AND_DOG).train


def test_a_missing_or_damaged_file_is_told(data: Path) -> None:
    file = data / "quickdraw" / "cat.npy"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"cat\.npy is no whole NumPy file"):
        _ = load_dataset(CAT_AND_DOG).train
    file.unlink()
    with pytest.raises(DataError, match=r"cat\.npy is missing"):
        _ = load_dataset(CAT_AND_DOG).train
