"""QMNIST's writers become the images' sources, and a writer is learned from or chosen by, never both."""

import gzip
import struct
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import imagelet
from imagelet.data import Dataset, load_dataset
from imagelet.data.kept import keep, open_kept
from imagelet.data.splits import split
from imagelet.errors import DataError
from imagelet.progress import Notice
from tests.official_files import write_qmnist, writers


@pytest.fixture
def labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file with the training labels, in a data folder with small files."""
    write_qmnist(tmp_path)
    monkeypatch.setenv("IMAGELET_DATA", str(tmp_path))
    return tmp_path / "qmnist" / "qmnist-train-labels-idx2-int.gz"


def write(path: Path, table: np.ndarray, kind: int = 12) -> None:
    header = struct.pack(">BBBBII", 0, 0, kind, 2, *table.shape)
    path.write_bytes(gzip.compress(header + table.astype(">i4").tobytes()))


def test_the_writers_are_the_sources(labels: Path) -> None:
    train = load_dataset("qmnist").train
    assert np.array_equal(train.sources, writers("qmnist", "train"))


def test_a_writer_is_on_one_side_of_a_split(labels: Path) -> None:
    train = load_dataset("qmnist").train
    made = split(train, 0.2, 3)
    assert made.method == "stratified 0.2 by source"
    assert len(made.validation) == 10  # one of five people, who wrote each digit once
    assert not set(train.sources[made.train]) & set(train.sources[made.validation])


def test_the_writers_are_known_in_a_store_too(labels: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Notice)
        for _ in range(2):  # made, and opened again
            stored = load_dataset("qmnist", in_memory=False).train
            assert np.array_equal(stored.sources, writers("qmnist", "train"))


def test_the_writers_are_known_where_the_dataset_is_kept(labels: Path) -> None:
    dataset = load_dataset("qmnist")
    kept = open_kept(keep(dataset))
    assert np.array_equal(kept.train.sources, dataset.train.sources)
    assert np.array_equal(kept.test.sources, dataset.test.sources)
    assert kept.train.fingerprint() == dataset.train.fingerprint()
    anonymous = Dataset(dataset.card, "memory", {"train": lambda: replace(dataset.train, sources=None)})
    assert open_kept(keep(anonymous)).train.sources is None


@pytest.mark.slow
def test_an_evaluation_has_an_interval_by_writer(labels: Path, tmp_path: Path) -> None:
    finished = imagelet.train("qmnist", epochs=1, network="softmax", folder=tmp_path / "runs")
    found = imagelet.evaluate(finished, "qmnist").to_json()
    assert found["sources"] == 2  # who wrote the twenty test digits
    low, high = found["interval_by_source"]
    assert 0 <= low <= found["accuracy"] <= high <= 1


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.zeros((50, 7)), "has 7 columns, not 8"),
        (np.zeros((49, 8)), "holds 49 labels for the 50 images"),
        (np.full((50, 8), 10), "holds the label 10; they are 0 to 9"),
        (np.full((50, 8), -1), "holds the label -1; they are 0 to 9"),
    ],
)
def test_other_labels_are_refused(table: np.ndarray, message: str, labels: Path) -> None:
    write(labels, table)
    with pytest.raises(DataError, match=message) as told:
        _ = load_dataset("qmnist").train
    assert "imagelet data get qmnist" in told.value.hint


def test_labels_of_bytes_are_refused(labels: Path) -> None:
    write(labels, np.zeros((50, 8)), kind=8)
    with pytest.raises(DataError, match="begins with 00000802 where 00000c02 is needed"):
        _ = load_dataset("qmnist").train


def test_labels_that_were_cut_short_are_refused(labels: Path) -> None:
    content = gzip.decompress(labels.read_bytes())
    labels.write_bytes(gzip.compress(content[:-4]))
    with pytest.raises(DataError, match="announces 400 values and holds only 399"):
        _ = load_dataset("qmnist").train
