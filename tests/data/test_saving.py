"""What is saved is read again as it was, and appears whole or not at all."""

import errno
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagelet import atomic_files
from imagelet.data import Dataset, DatasetCard, ImageSet, load_dataset, saving
from imagelet.data.saving import parts_to_save, save_parts
from imagelet.errors import DataError, UsageError

OUT = ("made.npz", "made.parquet", "made")
CLASSES = ("zebra", "ant", "10", "9", "고양이", "a b")


@st.composite
def datasets(draw: st.DrawFn) -> dict[str, ImageSet]:
    """Return parts of a small dataset, with every class in each."""
    count = draw(st.integers(2, 4))
    classes = tuple(draw(st.permutations(CLASSES))[:count])
    names = ["train", *draw(st.sampled_from([["test"], ["validation", "test"]]))]
    shape = draw(st.integers(5, 9)), draw(st.integers(5, 9)), draw(st.sampled_from([1, 3]))
    random = np.random.default_rng(draw(st.integers(0, 100)))
    parts = {}
    for name in names:
        number = draw(st.integers(count, 12))
        labels = random.permutation(np.arange(number) % count)
        parts[name] = ImageSet(random.integers(0, 256, (number, *shape), np.uint8), labels, classes)
    return parts


@pytest.mark.parametrize("out", OUT)
@settings(max_examples=25)
@given(parts=datasets())
def test_what_is_saved_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, out: str, parts: dict[str, ImageSet]
) -> None:
    path = tmp_path_factory.mktemp("saved") / out
    save_parts(parts, path)
    dataset = load_dataset(path)
    assert set(dataset.parts) == set(parts)
    for name, images in parts.items():
        read = dataset.read(name)
        if path.suffix:
            assert read.classes == images.classes
            assert np.array_equal(read.labels, images.labels)
            assert np.array_equal(read.images, images.images)
        for label, known in enumerate(images.classes):
            same = read.images[read.labels == read.classes.index(known)]
            assert np.array_equal(same, images.images[images.labels == label])


@pytest.mark.parametrize("out", OUT)
def test_equal_data_gives_equal_files(tmp_path: Path, out: str) -> None:
    parts = parts_to_save(load_dataset("digits"))
    contents = []
    for number in range(2):
        path = tmp_path / str(number) / out
        save_parts(parts, path)
        files = [path] if path.is_file() else sorted(path.rglob("*.*"))
        contents.append([(file.relative_to(path.parent), file.read_bytes()) for file in files])
    assert contents[0] == contents[1]


@pytest.mark.parametrize("out", OUT)
def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str) -> None:
    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(saving, "as_png", fail)
    monkeypatch.setattr(atomic_files.os, "fsync", fail)
    with pytest.raises(DataError, match="cannot be written: No space left on device; nothing is left"):
        save_parts(parts_to_save(load_dataset("digits")), tmp_path / "new" / out)
    assert not list((tmp_path / "new").iterdir())


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_text("precious")
    with pytest.raises(UsageError, match="is there already"):
        save_parts(parts_to_save(load_dataset("digits")), tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_text() == "precious"


@pytest.mark.parametrize("name", ["a.zip", "a.csv", "a.tar.gz"])
def test_other_endings_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"neither NAME\.npz nor NAME\.parquet nor"):
        save_parts(parts_to_save(load_dataset("digits")), tmp_path / name)


@pytest.mark.parametrize("name", ["T-shirt/top", ".hidden", "a\n", "A", " b", ""])
def test_a_class_that_cannot_be_a_folder_is_refused_and_kept_in_a_file(tmp_path: Path, name: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 6, 6, 1), np.uint8)
    part = ImageSet(images, np.arange(8) % 2, ("a", name))
    parts = {"train": part, "test": part}
    with pytest.raises(UsageError, match="cannot be the name of a folder"):
        save_parts(parts, tmp_path / "folder")
    assert not list(tmp_path.iterdir())
    for file in ("a.npz", "a.parquet"):
        save_parts(parts, tmp_path / file)
        assert load_dataset(tmp_path / file).train.classes == ("a", name)


@pytest.mark.parametrize(
    ("names", "labels"), [(["a", "a"], [0, 1]), ([1, 2], [0, 1]), (["a", "b"], [0, 2]), (["a", "b"], [-1, 0])]
)
def test_class_names_that_do_not_fit_are_refused(tmp_path: Path, names: list[Any], labels: list[int]) -> None:
    images = np.zeros((2, 6, 6), np.uint8)
    np.savez(tmp_path / "a.npz", x_train=images, y_train=np.array(labels), class_names=np.array(names))
    with pytest.raises(DataError, match="class names"):
        load_dataset(tmp_path / "a.npz")


def test_validation_images_are_those_of_a_training() -> None:
    dataset = load_dataset("digits")
    parts = parts_to_save(dataset, "0.2", seed=3)
    assert list(parts) == ["train", "validation", "test"]
    assert len(parts["train"]) + len(parts["validation"]) == len(dataset.train)
    assert list(parts_to_save(dataset)) == ["train", "test"]
    assert list(parts_to_save(dataset, "0")) == ["train", "test"]


def test_its_own_validation_images_are_not_replaced() -> None:
    images = load_dataset("digits").train
    card = DatasetCard("own", "own", "", images.classes, None, False, "", "")
    own = Dataset(card, "", dict.fromkeys(("train", "validation", "test"), lambda: images))
    with pytest.raises(UsageError, match="validation images of its own"):
        parts_to_save(own, "0.2")


def test_a_parquet_file_has_the_columns_of_hugging_face(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(saving, "AT_ONCE", 500 * 8 * 8)
    parts = parts_to_save(load_dataset("digits"))
    save_parts(parts, tmp_path / "digits.parquet")
    file = pq.ParquetFile(tmp_path / "digits.parquet")
    assert file.num_row_groups == sum(-(-len(images) // 500) for images in parts.values())
    assert str(file.schema_arrow.field("image").type) == "struct<bytes: binary, path: string>"
    assert str(file.schema_arrow.field("label").type) == "int64"
    said = json.loads(file.schema_arrow.metadata[b"huggingface"])["info"]["features"]
    assert said["image"] == {"_type": "Image"}
    assert said["label"] == {"_type": "ClassLabel", "names": [str(digit) for digit in range(10)]}
    rows = file.read()
    assert rows.column("split").to_pylist() == [part for part in parts for _ in range(len(parts[part]))]
    names = [picture["path"] for picture in rows.column("image").to_pylist()]
    assert len(set(names)) == len(names)


def test_a_parquet_file_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DataError, match="need the package pyarrow") as refused:
        save_parts(parts_to_save(load_dataset("digits")), tmp_path / "new" / "digits.parquet")
    assert refused.value.hint == "pip install 'imagelet[formats]'"
    assert not list(tmp_path.iterdir())
