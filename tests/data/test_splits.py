"""A split is what was asked for, comes back as it was, and notices other data."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold, train_test_split

from imagelet.data import load_dataset, splits
from imagelet.data.imageset import ImageSet
from imagelet.data.splits import Split, fold, read_fold, split, validation_fraction
from imagelet.errors import DataError, SettingError


def make(labels: list[int] | np.ndarray, classes: int = 3) -> ImageSet:
    labels = np.asarray(labels, dtype=np.int64)
    images = np.random.default_rng(0).integers(0, 256, (len(labels), 2, 2, 1), dtype=np.uint8)
    return ImageSet(images, labels, tuple(f"class {index}" for index in range(classes)))


IMAGES = make(np.arange(60) % 3)


class TestStratified:
    @settings(deadline=None, max_examples=30)
    @given(
        st.lists(st.integers(10, 40), min_size=1, max_size=4),
        st.floats(0.1, 0.9),
        st.integers(0, 2**32 - 1),
    )
    def test_puts_every_image_on_one_side_and_every_class_by_its_share(
        self, counts: list[int], share: float, seed: int
    ) -> None:
        images = make(np.repeat(np.arange(len(counts)), counts), len(counts))
        made = split(images, share, seed)
        assert sorted([*made.train, *made.validation]) == list(range(len(images)))
        held_back = images.take(made.validation).counts()
        for held, count in zip(held_back, counts, strict=True):
            assert abs(held - share * count) < 1.5  # whole images, and scikit-learn deals the remainders out

    def test_is_scikit_learns(self) -> None:
        train, validation = train_test_split(
            np.arange(60), test_size=0.25, random_state=7, stratify=IMAGES.labels
        )
        made = split(IMAGES, 0.25, 7)
        assert made.train.tolist() == train.tolist()
        assert made.validation.tolist() == validation.tolist()
        assert (made.method, made.seed) == ("stratified 0.25", 7)

    def test_depends_on_the_seed_alone(self) -> None:
        first, same, other = (split(IMAGES, 0.2, seed) for seed in (1, 1, 2))
        assert first.train.tolist() == same.train.tolist()
        assert first.train.tolist() != other.train.tolist()

    def test_takes_the_share_as_it_is_typed(self) -> None:
        assert split(IMAGES, "0.2", 1).train.tolist() == split(IMAGES, 0.2, 1).train.tolist()

    @pytest.mark.parametrize("none", [0, 0.0, "0"])
    def test_leaves_validation_out_where_none_is_wanted(self, none: float | str) -> None:
        made = split(make([0, 1, 1]), none, 3)
        assert (made.train.tolist(), made.validation.tolist(), made.method) == ([0, 1, 2], [], "all")

    def test_leaves_a_class_without_images_alone(self) -> None:
        assert len(split(make([0] * 10 + [2] * 10), 0.2, 0).validation) == 4

    @pytest.mark.parametrize("wrong", [1, 1.5, -0.1, "half", "", "nan", "inf", float("nan")])
    def test_refuses_another_share(self, wrong: float | str) -> None:
        with pytest.raises(SettingError, match="a fraction from 0 to below 1, or 'course'"):
            split(IMAGES, wrong, 0)

    def test_names_a_class_that_is_too_small(self) -> None:
        with pytest.raises(DataError, match="the class 'class 2' has 1 image; at least 2"):
            split(make([0] * 10 + [1] * 10 + [2]), 0.2, 0)

    @pytest.mark.parametrize("share", [0.05, 0.95])
    def test_says_where_a_side_has_fewer_images_than_classes(self, share: float) -> None:
        with pytest.raises(DataError, match=r"divides 20 images into .* each side needs at least 3"):
            split(make([0] * 10 + [1] * 5 + [2] * 5), share, 0)


class TestCourse:
    @pytest.mark.parametrize("number", [2, 5, 60, 1797])
    def test_is_scikit_learns_to_the_index(self, number: int) -> None:
        train, validation = train_test_split(range(number), test_size=0.2, random_state=9)
        made = split(make(np.arange(number) % 3), "course", seed=1234)
        assert made.train.tolist() == train
        assert made.validation.tolist() == validation
        assert (made.method, made.seed) == ("course", 9)

    def test_needs_two_images(self) -> None:
        with pytest.raises(DataError, match="1 image cannot be split"):
            split(make([0]), "course", 0)

    @pytest.mark.realdata
    @pytest.mark.parametrize(
        ("name", "first_ten"),
        [
            ("mnist", [9, 9, 9, 5, 3, 2, 0, 4, 2, 7]),
            ("fashion-mnist", [3, 1, 2, 6, 7, 3, 5, 1, 1, 5]),
            ("cifar-10", [9, 8, 9, 3, 1, 8, 3, 2, 5, 5]),
        ],
    )
    def test_gives_the_labels_that_the_course_prints(
        self, name: str, first_ten: list[int], real_data: Path
    ) -> None:
        images = load_dataset(name).train
        made = split(images, "course", 0)
        assert images.labels[made.train[:10]].tolist() == first_ten
        assert (len(made.train), len(made.validation)) == (len(images) * 4 // 5, len(images) // 5)


def copied(contents: list[int], labels: list[int]) -> ImageSet:
    """Images of which those with the same number have the same pixels."""
    pixels = np.random.default_rng(1).integers(0, 256, (200, 2, 2, 1), dtype=np.uint8)
    return ImageSet(pixels[contents], np.array(labels, np.int64), ("a", "b"))


class TestCopies:
    @given(st.lists(st.integers(0, 40), min_size=30, max_size=60), st.integers(0, 1000), st.booleans())
    def test_stay_on_one_side_of_every_split_and_fold(
        self, contents: list[int], seed: int, limited: bool
    ) -> None:
        contents += list(range(41, 61))  # enough of either class
        images = copied(contents, [content % 2 for content in contents])
        for validation in (0.2, 0.5, *(fold(number, 3) for number in (1, 2, 3))):
            made = split(images, validation, seed, limit=len(images) - 5 if limited else 0)
            learned, held_out = (
                {contents[index] for index in part} for part in (made.train, made.validation)
            )
            assert not learned & held_out
            assert len(made.train) + len(made.validation) == len(images) - (5 if limited else 0)
            assert {content % 2 for content in held_out} == {content % 2 for content in learned} == {0, 1}

    def test_hold_every_image_once_in_all_folds(self) -> None:
        images = copied([0, 1, 2, 3, 4, 5, 0, 0, 1, 3], [0, 1] * 3 + [0, 0, 1, 1])
        folds = [split(images, fold(number, 3), 0) for number in (1, 2, 3)]
        assert sorted(np.concatenate([each.validation for each in folds])) == list(range(10))

    def test_count_once(self) -> None:
        images = copied([0, 1, 2, 3, *[0] * 96], [0, 1, 0, 1, *[0] * 96])
        assert len(split(images, 0.5, 0).validation) in (2, 98)
        with pytest.raises(DataError, match="'a' has 1 image and copies of it; at least 2 different"):
            split(copied([0, 0, 1, 2], [0, 0, 1, 1]), 0.5, 0)
        with pytest.raises(DataError, match="'a' has 1 image, too few for 2 folds"):
            split(copied([0, 0, 1, 2], [0, 0, 1, 1]), fold(1, 2), 0)

    def test_with_two_labels_stay_together_too(self) -> None:
        images = copied([0, 0, *range(1, 9)], [0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
        for seed in range(10):
            made = split(images, 0.4, seed)
            assert ({0, 1} <= set(made.train)) or ({0, 1} <= set(made.validation))

    def test_leave_the_courses_split_as_its_notes_have_it(self) -> None:
        images = copied([0] * 30, [0, 1] * 15)
        train, validation = train_test_split(range(30), test_size=0.2, random_state=9)
        made = split(images, "course", 0)
        assert (made.train.tolist(), made.validation.tolist()) == (train, validation)

    @pytest.mark.realdata
    @pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar-10", "digits"])
    def test_are_not_in_these_datasets_so_their_splits_are_scikit_learns(
        self, name: str, real_data: Path
    ) -> None:
        images = load_dataset(name).train
        made = split(images, 0.2, 3)
        train, validation = train_test_split(
            np.arange(len(images)), test_size=0.2, random_state=3, stratify=images.labels
        )
        assert np.array_equal(made.train, train)
        assert np.array_equal(made.validation, validation)


class TestFile:
    def test_comes_back_as_it_was(self, tmp_path: Path) -> None:
        for validation in ("course", 0.3, 0):
            made = split(IMAGES, validation, 5)
            made.save(tmp_path / "split.json")
            read = Split.load(tmp_path / "split.json")
            read.check(IMAGES)
            for name in ("train", "validation"):
                assert getattr(read, name).dtype == np.int64
                assert getattr(read, name).tolist() == getattr(made, name).tolist()
            assert (read.method, read.seed, read.data_sha256) == (made.method, made.seed, made.data_sha256)

    def test_very_many_indices_are_packed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(splits, "MOST_LISTED", 20)
        made = split(IMAGES, 0.3, 5)
        made.save(tmp_path / "split.json")
        content = json.loads((tmp_path / "split.json").read_text())
        assert isinstance(content["train"], str)
        assert isinstance(content["validation"], list)
        read = Split.load(tmp_path / "split.json")
        assert np.array_equal(read.train, made.train)
        assert np.array_equal(read.validation, made.validation)
        for damage in ("int32:AAA", "int32:!!!!", "int64:AAAA", "int32:AAAAAAAA", "int32://///w==", "AAAA"):
            (tmp_path / "split.json").write_text(json.dumps({**content, "train": damage}))
            with pytest.raises(DataError, match="does not hold a split"):
                Split.load(tmp_path / "split.json")

    def test_a_file_beyond_its_bounds_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        split(IMAGES, 0.3, 5).save(tmp_path / "split.json")
        monkeypatch.setattr(splits, "LARGEST_LISTED", 100)
        monkeypatch.setattr(splits, "MOST_LISTED", 0)
        monkeypatch.setattr(splits, "MOST_SIGNS", 30)
        with pytest.raises(DataError, match="more than two lists"):
            Split.load(tmp_path / "split.json")

    def test_notices_a_changed_picture_label_name_or_number(self) -> None:
        made = split(IMAGES, 0.2, 0)
        pixels = IMAGES.images.copy()
        pixels[59, 1, 1, 0] ^= 1
        labels = IMAGES.labels.copy()
        labels[0] = 2
        for changed in (
            ImageSet(pixels, IMAGES.labels, IMAGES.classes),
            ImageSet(IMAGES.images, labels, IMAGES.classes),
            ImageSet(IMAGES.images, IMAGES.labels, ("a", "b", "c")),
            IMAGES.take(range(59)),
        ):
            with pytest.raises(DataError, match="the data has changed"):
                made.check(changed)

    def test_notices_an_index_beyond_the_images(self) -> None:
        made = Split(np.array([0, 60]), np.array([1]), "course", 9, IMAGES.fingerprint())
        with pytest.raises(DataError, match="60 images"):
            made.check(IMAGES)

    @pytest.mark.parametrize(
        "change",
        [
            {"train": [0, 0]},
            {"train": [-1, 2]},
            {"train": []},
            {"train": [0.5]},
            {"train": [True]},
            {"train": [2**70]},
            {"train": {"0": 1}},
            {"validation": [3]},
            {"seed": "9"},
            {"more": 1},
            {"method": None},
        ],
    )
    def test_refuses_a_file_that_holds_something_else(self, tmp_path: Path, change: dict[str, Any]) -> None:
        content = {"train": [3, 1], "validation": [2], "method": "course", "seed": 9, "data_sha256": "0"}
        path = tmp_path / "split.json"
        path.write_text(json.dumps(content))
        Split.load(path)
        path.write_text(json.dumps({**content, **change}))
        with pytest.raises(DataError, match=r"split\.json' does not hold a split"):
            Split.load(path)

    @pytest.mark.parametrize("content", [b"", b"[1, 2", b"\xff\xfe", b"[" * 100_000])
    def test_refuses_a_damaged_file(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "split.json").write_bytes(content)
        with pytest.raises(DataError, match=r"split\.json' cannot be read"):
            Split.load(tmp_path / "split.json")

    def test_says_where_there_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"gone\.json"):
            Split.load(tmp_path / "gone.json")


def test_a_split_refuses_indices_of_another_type() -> None:
    with pytest.raises(DataError, match="int32"):
        Split(np.array([0], np.int32), np.array([], np.int64), "all", 0, "")


class TestFolds:
    def test_are_scikit_learns_and_hold_every_image_once(self) -> None:
        dealt = StratifiedKFold(4, shuffle=True, random_state=3).split(IMAGES.labels, IMAGES.labels)
        folds = [split(IMAGES, fold(number, 4), 3) for number in (1, 2, 3, 4)]
        for made, (train, held_out) in zip(folds, dealt, strict=True):
            assert made.train.tolist() == train.tolist()
            assert made.validation.tolist() == held_out.tolist()
        assert sorted(np.concatenate([each.validation for each in folds])) == list(range(60))
        assert (folds[1].method, folds[1].seed) == ("fold 2 of 4", 3)

    def test_of_a_limit_divide_the_images_that_were_drawn(self) -> None:
        folds = [split(IMAGES, fold(number, 2), 3, limit=30) for number in (1, 2)]
        held_out = np.concatenate([each.validation for each in folds])
        assert len(set(held_out)) == 30
        assert sorted([*folds[0].train, *folds[0].validation]) == sorted(held_out)
        assert folds[0].data_sha256 == IMAGES.fingerprint()

    def test_are_named_and_read(self) -> None:
        assert read_fold(fold(2, 5)) == (2, 5)
        assert read_fold("0.2") is read_fold(0.2) is read_fold("course") is None
        assert validation_fraction("fold 1 of 4") == 0.25

    @pytest.mark.parametrize(
        ("name", "sentence"),
        [
            ("fold 1 of 1", "1 folds is not allowed"),
            ("fold 0 of 3", "no fold 0"),
            ("fold 4 of 3", "no fold 4"),
        ],
    )
    def test_that_cannot_be_are_refused(self, name: str, sentence: str) -> None:
        with pytest.raises(SettingError, match=sentence):
            split(IMAGES, name, 0)

    def test_need_an_image_of_each_class(self) -> None:
        images = make([0] * 9 + [1] * 3 + [2] * 5)
        assert len(split(images, fold(1, 3), 0).validation) in (5, 6)
        with pytest.raises(DataError, match="'class 1' has 3 images, too few for 4 folds"):
            split(images, fold(1, 4), 0)
        with pytest.raises(DataError, match="'class 2' has 1 image, too few"):
            split(make([0, 0, 1, 1, 2]), fold(1, 2), 0)

    def test_pass_over_a_class_without_images(self) -> None:
        made = split(make([0, 0, 2, 2]), fold(1, 2), 0)
        assert len(made.validation) == 2


def test_a_limit_is_no_more_than_there_is() -> None:
    assert len(split(IMAGES, 0, 1, limit=60).train) == 60
    with pytest.raises(SettingError, match="limit = 61 is more than the 60"):
        split(IMAGES, 0, 1, limit=61)


class TestSources:
    """Where it is known who wrote each image, nobody is on both sides."""

    @settings(deadline=None, max_examples=30)
    @given(st.integers(4, 30), st.floats(0.15, 0.5), st.integers(0, 2**32 - 1))
    def test_are_on_one_side_each_and_the_share_is_about_right(
        self, people: int, share: float, seed: int
    ) -> None:
        labels = np.tile(np.arange(30) % 3, people)
        images = replace(make(labels), sources=np.repeat(np.arange(people, dtype=np.int64), 30))
        made = split(images, share, seed)
        assert made.method == f"stratified {share:g} by source"
        assert sorted([*made.train, *made.validation]) == list(range(len(images)))
        assert not set(images.sources[made.train]) & set(images.sources[made.validation])
        assert abs(len(made.validation) / 30 - share * people) <= 1  # whole people
        assert split(images, share, seed).validation.tolist() == made.validation.tolist()

    def test_are_in_one_fold_each(self) -> None:
        images = replace(IMAGES, sources=np.repeat(np.arange(10, dtype=np.int64), 6))
        folds = [split(images, fold(number, 5), 1) for number in range(1, 6)]
        assert folds[2].method == "fold 3 of 5 by source"
        assert sorted(np.concatenate([made.validation for made in folds])) == list(range(60))
        for made in folds:
            assert not set(images.sources[made.train]) & set(images.sources[made.validation])

    def test_with_a_copy_of_each_others_image_stay_together(self) -> None:
        pixels = IMAGES.images.copy()
        pixels[6] = pixels[0]  # the second writer's first image is the first writer's
        images = ImageSet(
            pixels, IMAGES.labels, IMAGES.classes, sources=np.repeat(np.arange(10, dtype=np.int64), 6)
        )
        for seed in range(10):
            held_out = set(split(images, 0.3, seed).validation.tolist())
            assert (0 in held_out) == (6 in held_out) == (11 in held_out)

    def test_of_one_class_each_are_divided_as_images_are(self) -> None:
        images = replace(IMAGES, sources=IMAGES.labels)
        for way in (0.25, fold(1, 3)):
            made = split(images, way, 3)
            assert made.method == str(split(IMAGES, way, 3).method)
            assert made.validation.tolist() == split(IMAGES, way, 3).validation.tolist()

    def test_are_not_asked_by_the_course(self) -> None:
        images = replace(IMAGES, sources=np.zeros(60, np.int64))
        assert (
            split(images, "course", 0).validation.tolist() == split(IMAGES, "course", 0).validation.tolist()
        )

    def test_of_a_limit_count_too(self) -> None:
        images = replace(IMAGES, sources=np.repeat(np.arange(10, dtype=np.int64), 6))
        made = split(images, 0.3, 4, limit=40)
        assert made.method == "stratified 0.3 by source"
        assert not set(images.sources[made.train]) & set(images.sources[made.validation])
