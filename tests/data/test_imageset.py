"""An ImageSet is what it says it is, and a Dataset reads no part before it is asked for."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelet.data.imageset import Dataset, DatasetCard, ImageSet, relabelled
from imagelet.errors import DataError
from imagelet.preprocessing.framing import Framing

CLASSES = ("cat", "dog", "newt")


def make(number: int = 6, shape: tuple[int, int, int] = (4, 5, 1), seed: int = 0, **changes: Any) -> ImageSet:
    images = np.random.default_rng(seed).integers(0, 256, (number, *shape), dtype=np.uint8)
    fields = {"images": images, "labels": np.arange(number) % 3, "classes": CLASSES}
    return ImageSet(**{**fields, **changes})


class TestImageSet:
    def test_has_a_length_and_a_shape(self) -> None:
        images = make(7, (4, 5, 3))
        assert (len(images), images.shape) == (7, (4, 5, 3))

    def test_may_be_empty(self) -> None:
        assert len(make(0)) == 0

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"images": np.zeros((6, 4, 5, 1))}, "float64; uint8"),
            ({"images": np.zeros((6, 4, 5), np.uint8)}, "6x4x5"),
            ({"images": np.zeros((6, 4, 5, 2), np.uint8)}, "1 or 3 channels"),
            ({"images": np.zeros((6, 0, 5, 1), np.uint8)}, "6x0x5x1"),
            ({"labels": np.zeros(6, np.int32)}, "int32; int64"),
            ({"labels": np.zeros(5, np.int64)}, "6 images but labels of the shape 5"),
            ({"labels": np.zeros((6, 1), np.int64)}, "6x1"),
            ({"labels": np.array([0, 1, 2, 3, 0, 1])}, "label 3 is out of range"),
            ({"labels": np.array([0, 1, 2, -1, 0, 1])}, "label -1 is out of range"),
            ({"classes": ()}, "no class names"),
            ({"classes": ("a", "b", "a")}, "'a' stands twice"),
        ],
    )
    def test_refuses_what_does_not_fit(self, changes: dict[str, Any], message: str) -> None:
        with pytest.raises(DataError, match=message):
            make(**changes)

    def test_cannot_be_changed_but_leaves_the_callers_array_as_it_was(self) -> None:
        own = np.zeros((6, 4, 5, 1), np.uint8)
        images = make(images=own)
        with pytest.raises(ValueError, match="read-only"):
            images.images[0] = 1
        with pytest.raises(ValueError, match="read-only"):
            images.labels[0] = 1
        own[0] = 1

    @given(st.lists(st.integers(0, 5), max_size=12))
    def test_takes_what_is_asked_for_in_that_order(self, indices: list[int]) -> None:
        images = make()
        taken = images.take(indices)
        assert taken.classes == images.classes
        assert [image.tobytes() for image in taken.images] == [images.images[i].tobytes() for i in indices]
        assert taken.labels.tolist() == [int(images.labels[i]) for i in indices]

    @pytest.mark.parametrize("index", [-1, 6])
    def test_does_not_take_what_is_not_there(self, index: int) -> None:
        with pytest.raises(DataError, match=f"no image {index}: .* 0 to 5"):
            make().take(np.array([0, index]))

    def test_counts_every_class_even_one_without_images(self) -> None:
        assert make(labels=np.array([0, 0, 2, 2, 2, 0])).counts().tolist() == [3, 0, 3]


class TestFingerprint:
    def test_is_the_same_for_the_same_content_however_it_lies_in_memory(self, tmp_path: Path) -> None:
        images = make(50, (4, 5, 3))
        columns_first = ImageSet(np.asfortranarray(images.images), images.labels, images.classes)
        np.save(tmp_path / "images.npy", images.images)
        mapped = ImageSet(np.load(tmp_path / "images.npy", mmap_mode="r"), images.labels, images.classes)
        assert columns_first.fingerprint() == images.fingerprint() == mapped.fingerprint()
        assert len(images.fingerprint()) == 64

    def test_is_the_same_in_whatever_pieces_it_is_hashed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = make(50).fingerprint()
        monkeypatch.setattr("imagelet.data.imageset._READ_AT_ONCE", 64)
        assert make(50).fingerprint() == whole

    def test_changes_with_a_pixel_a_label_a_class_name_the_order_and_the_shape(self) -> None:
        images = make(30)
        pixels = images.images.copy()
        pixels[29, 3, 4, 0] ^= 1
        labels = images.labels.copy()
        labels[29] = 0
        others = [
            make(30, images=pixels),
            make(30, labels=labels),
            make(30, classes=("cat", "dog", "eft")),
            images.take([1, 0, *range(2, 30)]),
            make(30, images=images.images.reshape(30, 5, 4, 1)),
        ]
        assert len({images.fingerprint(), *(other.fingerprint() for other in others)}) == 6


def card(**changes: Any) -> DatasetCard:
    fields: dict[str, Any] = {
        "name": "pets",
        "title": "Pets",
        "description": "",
        "classes": CLASSES,
        "framing": Framing("fit", 4, 5, 1),
        "flips": True,
        "source": "",
        "licence": "",
    }
    return DatasetCard(**{**fields, **changes})


def counting(images: ImageSet, calls: list[str], name: str) -> Callable[[], ImageSet]:
    def read() -> ImageSet:
        calls.append(name)
        return images

    return read


class TestDataset:
    def test_reads_a_part_when_it_is_first_asked_for_and_remembers_it(self) -> None:
        calls: list[str] = []
        parts = {name: counting(make(), calls, name) for name in ("train", "test")}
        dataset = Dataset(card(), "here", parts)
        assert (dataset.classes, dataset.shape, dataset.validation) == (CLASSES, (4, 5, 1), None)
        assert calls == []
        assert dataset.train is dataset.read("train")
        assert calls == ["train"]
        assert dataset.test is dataset.test
        assert calls == ["train", "test"]

    def test_reads_the_training_part_for_what_the_card_leaves_open(self) -> None:
        calls: list[str] = []
        parts = {
            name: counting(make(shape=(4, 4, 3)), calls, name) for name in ("train", "validation", "test")
        }
        dataset = Dataset(card(classes=(), framing=None), "here", parts)
        assert (dataset.classes, dataset.shape) == (CLASSES, (4, 4, 3))
        assert calls == ["train"]
        assert dataset.validation is not None
        assert calls == ["train", "validation"]

    def test_says_which_parts_there_are(self) -> None:
        with pytest.raises(DataError, match="'pets' has no part 'test'; it has train"):
            _ = Dataset(card(), "here", {"train": make}).test

    def test_refuses_parts_that_do_not_match(self) -> None:
        dataset = Dataset(card(), "here", {"train": make, "test": lambda: make(shape=(4, 4, 3))})
        assert len(dataset.train) == 6
        with pytest.raises(DataError, match="'test' has images of 4x4x3 in 3 classes, 'train' of 4x5x1 in 3"):
            _ = dataset.test

    def test_needs_a_training_part_and_no_other_names(self) -> None:
        with pytest.raises(ValueError, match="no part 'train'"):
            Dataset(card(), "here", {"test": make})
        with pytest.raises(ValueError, match="unknown parts"):
            Dataset(card(), "here", {"train": make, "dev": make})


class TestSources:
    def test_go_along_and_change_no_fingerprint(self) -> None:
        images = make(6)
        known = replace(images, sources=np.array([1, 1, 2, 2, 3, 3]))
        assert known.fingerprint() == images.fingerprint()
        assert known.take([5, 0]).sources.tolist() == [3, 1]
        more = relabelled(known, (*known.classes, "another"), "it")
        assert more.sources.tolist() == [1, 1, 2, 2, 3, 3]
        with pytest.raises(ValueError, match="read-only"):
            known.sources[0] = 9

    @pytest.mark.parametrize("sources", [np.zeros(5, np.int64), np.zeros(6), np.zeros((6, 1), np.int64)])
    def test_of_another_type_or_number_are_refused(self, sources: np.ndarray) -> None:
        with pytest.raises(DataError, match="sources are int64, one for each of the 6 images"):
            replace(make(6), sources=sources)
        with pytest.raises(DataError, match="sources are of the type list"):
            replace(make(6), sources=[0] * 6)
