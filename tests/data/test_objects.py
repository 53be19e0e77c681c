"""Arrays, splits and datasets of other libraries become ours: the same pixels, labels and names."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import imagelet
from imagelet.data.imageset import ImageSet
from imagelet.data.kept import folder_of_kept, keep, list_kept, open_kept
from imagelet.data.objects import dataset_from, has_labels, labelled_pictures
from imagelet.errors import DataError, UsageError
from tests.conftest import make_images

IMAGES, LABELS = make_images(60, 10, 1, seed=3)


class Feature:
    """A column's kind, known by the name of its class."""


class Rows:
    """Like a ``datasets.Dataset``."""

    def __init__(self, features: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        self.features, self.column_names, self._rows = features, list(features), rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._rows)


def feature(kind: str, **fields: Any) -> Any:
    made = type(kind, (Feature,), {})()
    vars(made).update(fields)
    return made


def picture(image: np.ndarray) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def rows(**more: Any) -> list[dict[str, Any]]:
    return [
        {"image": picture(image), "label": int(label), **more}
        for image, label in zip(IMAGES, LABELS, strict=True)
    ]


NAMES = [f"bar {number}" for number in range(10)]


# -- arrays --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "images",
    [
        IMAGES,
        IMAGES[..., 0],
        IMAGES.reshape(60, 100),
        IMAGES.transpose(0, 3, 1, 2),
        IMAGES.astype(np.float64),
        IMAGES / np.float32(255),
        torch.tensor(IMAGES),
        [*IMAGES],
        [picture(image) for image in IMAGES],
    ],
)
@pytest.mark.parametrize(
    "labels", [LABELS, LABELS.astype(np.uint8), LABELS[:, np.newaxis], np.eye(10)[LABELS], LABELS.tolist()]
)
def test_arrays_of_every_layout_are_the_same_images(images: Any, labels: Any) -> None:
    made = ImageSet.from_arrays(images, labels)
    assert np.array_equal(made.images, IMAGES)
    assert np.array_equal(made.labels, LABELS)
    assert made.classes == tuple("0123456789")


def test_class_names_are_counted_or_named() -> None:
    for labels in (LABELS, [NAMES[label] for label in LABELS]):
        made = ImageSet.from_arrays(IMAGES, labels, classes=NAMES)
        assert (made.classes, made.labels.tolist()) == (tuple(NAMES), LABELS.tolist())
    backwards = ImageSet.from_arrays(IMAGES, [NAMES[label] for label in LABELS], classes=NAMES[::-1])
    assert backwards.labels.tolist() == (9 - LABELS).tolist()


@pytest.mark.parametrize(
    ("images", "labels", "classes", "words"),
    [
        (IMAGES, LABELS[:-1], None, "59 labels for 60 images|labels of the shape 59"),
        (IMAGES - 1.0, LABELS, None, "negative"),
        (IMAGES, LABELS + 0.5, None, "no whole numbers"),
        (IMAGES, np.zeros(60), None, "1 different labels"),
        (IMAGES, LABELS, ["a", "b"], "there is a label '2'; the classes are a, b"),
        ([*IMAGES[:3], np.zeros((5, 5, 1), np.uint8)], [0, 1, 0, 1], None, "several shapes"),
        ([], [], None, "no pictures"),
        ([3.5, 4.5], [0, 1], None, "one is of the type float"),
    ],
)
def test_what_does_not_fit_is_said(images: Any, labels: Any, classes: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        ImageSet.from_arrays(images, labels, classes)


def test_pictures_of_several_sizes_are_framed_to_one() -> None:
    pictures = [picture(image).resize((18 + number % 5, 24)) for number, image in enumerate(IMAGES)]
    assert imagelet.load_dataset(pictures, LABELS).shape == (20, 20, 1)
    assert imagelet.load_dataset(pictures, LABELS, shape=(12, 12, 3)).shape == (12, 12, 3)


# -- splits --------------------------------------------------------------------------------------------------


def test_without_a_test_part_a_fifth_is_set_aside_and_said() -> None:
    dataset = dataset_from(IMAGES, LABELS)
    assert (len(dataset.train), len(dataset.test)) == (50, 10)
    assert "taken as 10×10 grey, channels last, values 0–255" in dataset.understood[0]
    assert "a fifth of each class" in dataset.understood[1]


@pytest.mark.parametrize(
    "splits",
    [
        {"train": (IMAGES, LABELS), "valid": (IMAGES[:20], LABELS[:20]), "test": (IMAGES[20:], LABELS[20:])},
        {
            **{"x_train": IMAGES, "y_train": LABELS, "x_val": IMAGES[:20], "y_val": LABELS[:20]},
            **{"x_test": IMAGES[20:], "y_test": LABELS[20:]},
        },
        {
            "train": Rows({"image": feature("Image"), "label": feature("ClassLabel", names=None)}, rows()),
            "validation": ImageSet.from_arrays(IMAGES[:20], LABELS[:20]),
            "test": (IMAGES[20:], LABELS[20:]),
        },
    ],
)
def test_a_dict_is_its_splits(splits: dict[str, Any]) -> None:
    dataset = dataset_from(splits)
    validation = dataset.validation
    assert validation is not None
    assert [len(part) for part in (dataset.train, validation, dataset.test)] == [60, 20, 40]
    assert np.array_equal(dataset.test.images, IMAGES[20:])


def test_named_parts_are_taken_beside_arrays() -> None:
    pair = IMAGES[:20], LABELS[:20]
    dataset = imagelet.load_dataset(IMAGES, LABELS, validation_data=pair, test_data=pair)
    assert [len(dataset.read(part)) for part in ("train", "validation", "test")] == [60, 20, 20]


@pytest.mark.parametrize(
    ("data", "labels", "words"),
    [
        (IMAGES, None, "images without labels"),
        ([*IMAGES], None, "images without labels"),
        ({"holdout": (IMAGES, LABELS)}, None, "no split to learn from; it has holdout"),
        ({"test": (IMAGES, LABELS)}, None, "nothing to learn from|no images to learn from"),
        ({}, None, "no split to learn from|no images with labels"),
        (3.5, None, "this is of the type float"),
        (None, None, "this is of the type NoneType"),
        ([(1, 2, 3)], None, "without labels|not \\(picture, label\\)"),
    ],
)
def test_what_is_no_data_is_said(data: Any, labels: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        dataset_from(data, labels)


def test_data_that_has_labels_takes_none() -> None:
    with pytest.raises(UsageError, match="labels goes with arrays; 'digits' says it itself"):
        imagelet.load_dataset("digits", LABELS)


# -- other libraries -----------------------------------------------------------------------------------------


class Items(torch.utils.data.Dataset[Any]):
    """Like a dataset of torchvision."""

    def __init__(self, make: Callable[[np.ndarray], Any]) -> None:
        self.make, self.classes = make, NAMES

    def __len__(self) -> int:
        return 60

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.make(IMAGES[index]), int(LABELS[index])


@pytest.mark.parametrize(
    "make", [picture, lambda image: torch.tensor(image).permute(2, 0, 1) / 255, lambda image: image]
)
def test_a_dataset_of_torch_gives_its_pictures_labels_and_names(make: Callable[[np.ndarray], Any]) -> None:
    for items in (Items(make), torch.utils.data.Subset(Items(make), range(60))):
        pictures, labels, classes = labelled_pictures(items)
        made = dataset_from(items, test=(IMAGES, LABELS)).train
        assert np.array_equal(made.images, IMAGES)
        assert made.classes == classes == tuple(NAMES)
        assert len(pictures) == 60
        assert np.array_equal(labels, LABELS)


def test_a_dataset_of_hugging_face_is_known_by_its_features() -> None:
    features = {
        "image": feature("Image"),
        "label": feature("ClassLabel", names=NAMES),
        "writer": feature("Value"),
    }
    dataset = dataset_from(Rows(features, rows(writer="w")))
    assert dataset.classes == tuple(NAMES)
    assert dataset.card.name == "hugging-face"
    assert any("writer is left out" in sentence for sentence in dataset.understood)
    kept = np.concatenate([dataset.train.images, dataset.test.images])
    assert sorted(map(bytes, kept)) == sorted(map(bytes, IMAGES))


def test_columns_that_are_not_certain_are_named() -> None:
    names = {"coarse": feature("ClassLabel", names=NAMES), "fine": feature("ClassLabel", names=NAMES)}
    with pytest.raises(DataError, match="which column holds the labels is not certain: there are image"):
        dataset_from(Rows({"image": feature("Image"), **names}, rows()))


def test_labels_come_with_everything_but_images_alone() -> None:
    assert not any(map(has_labels, (IMAGES, torch.tensor(IMAGES), [*IMAGES], [picture(IMAGES[0])])))
    assert all(map(has_labels, ("digits", Path("x"), (IMAGES, LABELS), {"train": 1}, Items(picture))))


# -- kept ----------------------------------------------------------------------------------------------------


def test_what_is_kept_comes_back_in_any_process() -> None:
    dataset = imagelet.load_dataset(IMAGES, LABELS, classes=NAMES[::-1])
    place = keep(dataset)
    again = imagelet.load_dataset(place)
    assert again.card.name == "arrays"
    assert again.classes == tuple(NAMES[::-1])
    assert list(again.parts) == list(dataset.parts)
    for part in dataset.parts:
        assert again.read(part).fingerprint() == dataset.read(part).fingerprint()
    assert isinstance(again.train.images.base, np.memmap | np.ndarray)
    assert any(f"Kept in {place}" in sentence for sentence in again.understood)
    assert keep(imagelet.load_dataset(IMAGES.copy(), LABELS.copy(), classes=NAMES[::-1])) == place
    assert [path.name for path in folder_of_kept().iterdir() if path.is_dir()] == [place.name]


def test_what_is_kept_is_listed() -> None:
    assert list_kept() == []
    place = keep(imagelet.load_dataset(IMAGES, LABELS))
    (listed,) = list_kept()
    assert (listed["folder"], listed["images"], listed["classes"]) == (place, 60, 10)
    assert listed["bytes"] == sum(file.stat().st_size for file in place.iterdir())
    (place / "dataset.json").write_text("{}")
    assert list_kept() == []


def test_who_made_each_image_is_kept_too() -> None:
    writers = np.arange(60, dtype=np.int64) // 6
    plain = ImageSet.from_arrays(IMAGES, LABELS)
    of_writers = ImageSet(plain.images, plain.labels, plain.classes, sources=writers)
    parts = [{"train": one, "test": one} for one in (plain, of_writers)]
    first, second = (keep(imagelet.load_dataset(one)) for one in parts)
    assert first != second
    sources = open_kept(second).train.sources
    assert sources is not None
    assert np.array_equal(sources, writers)
    assert open_kept(first).train.sources is None


def test_a_dataset_with_its_own_card_keeps_it() -> None:
    digits = imagelet.load_dataset("digits")
    assert digits.reference == "digits"
    own = imagelet.Dataset(digits.card, "here", digits.parts)
    again = open_kept(keep(own))
    assert again.card.framing == digits.card.framing
    assert again.train.fingerprint() == digits.train.fingerprint()


def test_a_kept_one_that_is_gone_or_damaged_says_what_to_do() -> None:
    place = keep(imagelet.load_dataset(IMAGES, LABELS))
    (place / "train-images.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match="are damaged") as damaged:
        _ = imagelet.load_dataset(place).train
    assert "pass the same arrays again" in damaged.value.hint
    for file in place.iterdir():
        file.unlink()
    place.rmdir()
    with pytest.raises(DataError, match="are not there any more") as gone:
        imagelet.load_dataset(place)
    assert "data=" in gone.value.hint


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"format": 2}', b'{"format": 1}', b"[" * 100_000, b'{"format": 1, "parts": {"a": 1}}'],
)
def test_hostile_facts_raise_our_error(content: bytes) -> None:
    place = keep(imagelet.load_dataset(IMAGES, LABELS))
    (place / "dataset.json").write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        imagelet.load_dataset(place)


@pytest.mark.parametrize("name", ["../x", "a/b", "", "é" * 300])
def test_any_name_of_a_dataset_gives_a_folder_inside_the_cache(name: str) -> None:
    digits = imagelet.load_dataset("digits")
    card = imagelet.load_dataset(IMAGES, LABELS).card
    named = imagelet.Dataset(type(card)(**{**vars(card), "name": name}), "", digits.parts)
    assert keep(named).parent == folder_of_kept()
