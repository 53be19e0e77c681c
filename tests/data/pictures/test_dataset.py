"""A folder of pictures is a dataset: read once, by the code that reads a person's own picture."""

import multiprocessing
import os
import shutil
import threading
import time
import unicodedata
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imagelet import atomic_files
from imagelet.data import load_dataset
from imagelet.data.pictures import facts
from imagelet.data.pictures.dataset import load_folder, read_labelled
from imagelet.data.splits import fold, split
from imagelet.errors import DataError, SettingError, UnknownNameError
from imagelet.preprocessing import Framing, frame, open_picture
from imagelet.preprocessing.picture import Opened, Source, open_once

Pixels = NDArray[np.uint8]
Make = Callable[..., Path]
CLASSES = ("2", "10", "cat")
PARTS = ("train", "test")


def pixels_of(number: int, shape: Sequence[int]) -> Pixels:
    return np.random.default_rng(number).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that fills a folder: class → number of pictures, each one different."""
    made = iter(range(100_000))

    def fill(
        name: str, counts: dict[str, int], shape: Sequence[int] = (20, 20), suffix: str = ".png"
    ) -> Path:
        for label, count in counts.items():
            (tmp_path / name / label).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                picture = Image.fromarray(pixels_of(next(made), shape))
                picture.save(tmp_path / name / label / f"{number}{suffix}")
        return tmp_path / name

    return fill


@pytest.fixture
def plain(make: Make) -> Path:
    """Return a folder with three classes of ten grey 20×20 pictures each."""
    return make("own pictures", dict.fromkeys(CLASSES, 10))


@pytest.fixture
def parted(make: Make) -> Path:
    """Return a folder with train/, val/ and test/ of two classes."""
    for part, count in (("train", 5), ("val", 2), ("test", 3)):
        make(f"parted/{part}", {"a": count, "b": count})
    return make("parted", {})


@pytest.fixture
def no_decoding(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function after which no picture can be decoded."""

    def poison() -> None:
        def refuse(picture: Source, *_: object, **__: object) -> Opened:
            raise AssertionError(f"{picture!r} was decoded")

        monkeypatch.setattr(facts, "open_once", refuse)

    return poison


def opened(path: Path) -> Pixels:
    return open_picture(path)[:, :, 0]


def read_all(folder: Path, **options: Any) -> None:
    dataset = load_folder(folder, **options)
    for part in dataset.parts:
        dataset.read(part)


def broken(folder: Path, **options: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        read_all(folder, **options)
    return caught.value


class TestParts:
    def test_are_read_as_they_lie(self, parted: Path) -> None:
        dataset = load_folder(parted)
        assert tuple(dataset.parts) == ("train", "validation", "test")
        for part, place, count in (("train", "train", 5), ("validation", "val", 2), ("test", "test", 3)):
            images = dataset.read(part)
            assert images.classes == dataset.classes == ("a", "b")
            assert images.labels.tolist() == [0] * count + [1] * count
            wanted = [open_picture(parted / place / c / f"{i}.png") for c in "ab" for i in range(count)]
            assert np.array_equal(images.images, wanted)

    def test_may_be_without_validation_and_named_otherwise(self, parted: Path) -> None:
        shutil.rmtree(parted / "test")
        (parted / "val").rename(parted / "Validation")
        assert set(load_folder(parted).parts) == {"train", "validation", "test"}
        shutil.rmtree(parted / "Validation")
        assert set(load_folder(parted).parts) == {"train", "test"}

    def test_a_fifth_of_each_class_is_set_aside(self, plain: Path) -> None:
        dataset = load_folder(plain)
        assert dataset.train.counts().tolist() == [8, 8, 8]
        assert dataset.test.counts().tolist() == [2, 2, 2]
        assert "a fifth of each class" in dataset.card.description
        learnt = {image.tobytes() for image in dataset.train.images}
        tested = {image.tobytes() for image in dataset.test.images}
        assert len(learnt | tested) == 30
        assert not learnt & tested

    def test_what_is_set_aside_does_not_depend_on_names(self, plain: Path) -> None:
        before = load_folder(plain).test
        for path in sorted(plain.rglob("*.png")):
            path.rename(path.with_name(f"new-{99 - int(path.stem)}.png"))
        after = load_folder(plain).test
        assert {each.tobytes() for each in before.images} == {each.tobytes() for each in after.images}

    def test_the_card_tells_nothing_of_setting_aside_where_there_is_a_test_part(self, parted: Path) -> None:
        assert "fifth" not in load_folder(parted).card.description

    @pytest.mark.parametrize(
        ("training", "validation", "test"),
        [("training", "valid", "testing"), ("Train", "dev", "eval"), ("TRAIN", "val", "Test")],
    )
    def test_go_by_any_usual_name(self, parted: Path, training: str, validation: str, test: str) -> None:
        for before, after in (("train", training), ("val", validation), ("test", test)):
            (parted / before).rename(parted / f"new-{after}")
            (parted / f"new-{after}").rename(parted / after)
        dataset = load_folder(parted)
        assert tuple(dataset.parts) == ("train", "validation", "test")
        assert dataset.classes == ("a", "b")

    def test_under_unknown_names_are_not_taken_for_classes(self, make: Make) -> None:
        for part in ("first", "second"):
            folder = make(f"odd/{part}", {"a": 3, "b": 3}).parent
        with pytest.raises(DataError, match=r"first, second in .* look like parts of a dataset"):
            load_folder(folder)

    def test_a_class_that_is_called_train_is_asked_about(self, make: Make) -> None:
        for vehicle in ("bus", "car", "train"):
            folder = make(f"vehicles/{vehicle}", {"front": 3, "side": 3}).parent
        with pytest.raises(DataError, match=r"'train' in .* may be .* a class beside bus, car"):
            load_folder(folder)

    def test_pictures_without_labels_are_left_out_and_said(self, make: Make) -> None:
        folder = make("flat", {"train/a": 10, "train/b": 10, "test": 4})
        dataset = load_folder(folder)
        assert dataset.test.counts().tolist() == [2, 2]
        assert "test/ holds pictures without labels" in dataset.understood[1]

    def test_names_are_compared_with_their_accents_composed(self, make: Make) -> None:
        decomposed = unicodedata.normalize("NFD", "café")
        folder = make("mac", {"train/café": 3, "train/plain": 3, f"test/{decomposed}": 2, "test/plain": 2})
        dataset = load_folder(folder)
        assert dataset.test.classes == dataset.train.classes == ("café", "plain")

    def test_runs_and_folders_of_a_system_are_no_classes(self, plain: Path) -> None:
        for name in ("runs/one", "@eaDir", "$RECYCLE.BIN", "lost+found", "System Volume Information"):
            shutil.copytree(plain / "2", plain / name)
        (plain / "runs" / "one" / "experiment.toml").touch()
        assert load_folder(plain).classes == CLASSES

    def test_what_is_not_read_is_named(self, plain: Path) -> None:
        for name in ("one.heic", "two.HEIC", "drawing.svg"):
            (plain / "2" / name).write_bytes(b"<svg/>" if name.endswith("svg") else b"\0\0\0\x18ftypheic")
        (plain / "2" / "0.png").rename(plain / "2" / "0.PNG")
        Image.fromarray(pixels_of(99, (20, 20))).save(plain / "2" / "web.jfif", "JPEG")
        dataset = load_folder(plain)
        assert dataset.understood[1] == (
            "3 files are not read as pictures and left out: .heic (2, HEIC picture: save it as PNG or JPEG), "
            ".svg (1, SVG drawing: export it as PNG from a browser or a drawing program)."
        )
        assert len(dataset.train) + len(dataset.test) == 31

    def test_classes_are_in_natural_order(self, plain: Path) -> None:
        dataset = load_folder(plain)
        assert dataset.card.classes == dataset.train.classes == CLASSES
        assert "train" not in dataset.card.classes

    def test_one_is_not_read_for_another(self, parted: Path) -> None:
        for path in (parted / "test").rglob("*.png"):
            path.write_bytes(b"damaged")
        dataset = load_folder(parted)
        assert len(dataset.train) == 10
        with pytest.raises(DataError, match="6 of 6 pictures"):
            dataset.read("test")

    def test_training_works_without_the_test_pictures(self, parted: Path) -> None:
        for path in (parted / "test").rglob("*.png"):
            path.unlink()
        assert len(load_folder(parted).train) == 10
        shutil.rmtree(parted / "test" / "a")
        shutil.rmtree(parted / "test" / "b")
        assert len(load_folder(parted).train) == 10

    def test_load_dataset_opens_it(self, plain: Path) -> None:
        dataset = load_dataset(plain, shape=(12, 16, 3), framing_kind="stretch")
        assert dataset.place == str(plain)
        assert dataset.card.name == "own pictures"
        assert dataset.card.framing == Framing("stretch", 12, 16, 3)
        assert dataset.train.shape == dataset.shape == (12, 16, 3)


class TestShape:
    @pytest.mark.parametrize(
        ("shapes", "wanted"),
        [
            ([(20, 20)] * 2, (20, 20, 1)),
            ([(30, 96)] * 2, (30, 96, 1)),
            ([(97, 97)] * 2, (64, 64, 1)),
            ([(50, 41), (60, 41)], (40, 40, 1)),
            ([(50, 43), (60, 44)], (44, 44, 1)),
            ([(9, 50), (11, 50)], (16, 16, 1)),
            ([(20, 20, 3)] * 2, (20, 20, 3)),
            ([(20, 20), (20, 20, 3)], (20, 20, 3)),
        ],
    )
    def test_is_chosen_by_the_pictures(
        self, make: Make, shapes: list[tuple[int, ...]], wanted: tuple[int, int, int]
    ) -> None:
        for label, shape in zip("ab", shapes, strict=True):
            make("folder", {label: 4}, shape)
        dataset = load_folder(make("folder", {}))
        assert dataset.shape == dataset.train.shape == dataset.test.shape == wanted
        assert dataset.card.framing == Framing("fit", *wanted)

    def test_has_one_channel_where_colour_files_hold_grey(self, make: Make) -> None:
        folder = make("folder", {"a": 4, "b": 4})
        grey = {open_picture(path).tobytes() for path in folder.rglob("*.png")}
        for path in folder.rglob("*.png"):
            Image.open(path).convert("RGB").save(path)
        dataset = load_folder(folder)
        assert dataset.shape == dataset.train.shape == (20, 20, 1)
        parts = [dataset.read(part).images for part in dataset.parts]
        assert {image.tobytes() for images in parts for image in images} == grey

    def test_is_that_of_upright_pictures(self, make: Make) -> None:
        exif = Image.Exif()
        exif[274] = 6
        folder = make("folder", {"a": 0, "b": 0})
        for label in "ab":
            for number in range(3):
                path = folder / label / f"{number}.jpg"
                Image.fromarray(pixels_of(10 * (label == "b") + number, (24, 32))).save(path, exif=exif)
        assert load_folder(folder).shape == (32, 24, 1)

    @pytest.mark.parametrize("shape", [(0, 8, 1), (8, 8, 2), (8,), (0, 8), (9999, 8, 1)])
    def test_that_is_impossible_is_refused(self, plain: Path, shape: tuple[int, ...]) -> None:
        with pytest.raises(SettingError, match=r"framing|3 sides"):
            load_folder(plain, shape=shape)

    @pytest.mark.parametrize(("pictures", "channels"), [((20, 20), 1), ((20, 20, 3), 3)])
    def test_without_channels_keeps_those_of_the_pictures(
        self, make: Make, pictures: tuple[int, ...], channels: int
    ) -> None:
        folder = make("folder", {"a": 4, "b": 4}, shape=pictures)
        assert load_folder(folder, shape=(8, 12)).train.shape == (8, 12, channels)
        again = load_folder(folder, shape=(8, 12, channels))
        assert load_folder(folder, shape=(8, 12)).train.fingerprint() == again.train.fingerprint()

    def test_a_framing_says_all_of_it(self, plain: Path) -> None:
        framing = Framing("handwriting", 28, 28, 1, 20 / 28)
        assert load_folder(plain, framing=framing).card.framing == framing
        assert load_dataset(plain, framing=framing).card.framing == framing

    def test_images_are_framed_as_a_persons_own_picture_is(self, make: Make) -> None:
        folder = make("folder", {"a": 4, "b": 4}, shape=(30, 47, 3), suffix=".bmp")
        for kind in ("fit", "crop", "stretch", "handwriting"):
            framing = Framing(kind, 16, 12, 1)
            images = load_folder(folder, shape=framing.shape, framing_kind=kind)
            found = {image.tobytes() for part in ("train", "test") for image in images.read(part).images}
            wanted = {frame(open_picture(path), framing).tobytes() for path in folder.rglob("*.bmp")}
            assert found == wanted
            assert {image.tobytes() for image in read_labelled(folder, framing).images} == wanted

    def test_an_unknown_framing_is_refused(self, plain: Path) -> None:
        with pytest.raises(UnknownNameError, match="did you mean 'stretch'"):
            load_folder(plain, framing_kind="strech")


class TestCache:
    def test_a_second_load_decodes_nothing(self, plain: Path, no_decoding: Callable[[], None]) -> None:
        first = load_folder(plain)
        prints = {part: first.read(part).fingerprint() for part in first.parts}
        no_decoding()
        second = load_folder(plain)
        assert {part: second.read(part).fingerprint() for part in second.parts} == prints
        assert second.card == first.card
        assert isinstance(second.train.images.base, np.memmap)

    def test_is_shared_by_the_chosen_and_the_same_given_shape(
        self, parted: Path, no_decoding: Callable[[], None]
    ) -> None:
        chosen = load_folder(parted).train
        no_decoding()
        assert load_folder(parted, shape=(20, 20, 1)).train.fingerprint() == chosen.fingerprint()

    @pytest.mark.parametrize("change", ["content", "time", "name", "more", "shape", "kind"])
    def test_a_change_is_seen(self, parted: Path, change: str, no_decoding: Callable[[], None]) -> None:
        assert load_folder(parted, shape=(20, 20, 1)).train.shape == (20, 20, 1)
        path = parted / "train" / "a" / "0.png"
        options: dict[str, Any] = {"shape": (20, 20, 1)}
        if change == "content":
            Image.fromarray(pixels_of(4711, (20, 21))).save(path)
        elif change == "time":
            os.utime(path, ns=(1, 1))
        elif change == "name":
            path.rename(path.with_name("zero.png"))
        elif change == "more":
            shutil.copy(path, path.with_name("00.png"))
        elif change == "shape":
            options["shape"] = (20, 21, 1)
        else:
            options["framing_kind"] = "crop"
        no_decoding()
        with pytest.raises(AssertionError, match="was decoded"):
            load_folder(parted, **options).read("train")

    @pytest.mark.parametrize("damage", [b"", b"no array", None])
    def test_a_damaged_file_in_it_is_made_again(
        self, plain: Path, imagelet_home: Path, damage: bytes | None
    ) -> None:
        before = load_folder(plain).train.fingerprint()
        for path in (imagelet_home / "folders").glob("*.npy"):
            path.write_bytes(path.read_bytes()[:-40] if damage is None else damage)
            path.with_name(f".{path.name}.0123abcd.part").write_bytes(b"of a killed process")
        assert load_folder(plain).train.fingerprint() == before
        assert {path.suffix for path in (imagelet_home / "folders").iterdir()} == {".npy"}

    def test_nothing_half_written_is_left_by_a_damaged_picture(
        self, parted: Path, imagelet_home: Path
    ) -> None:
        path = parted / "train" / "b" / "4.png"
        content, status = path.read_bytes(), path.stat()
        path.write_bytes(bytes(len(content)))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        first = broken(parted, shape=(20, 20, 1)).sentence
        assert broken(parted, shape=(20, 20, 1)).sentence == first
        assert {path.suffix for path in (imagelet_home / "folders").iterdir()} == {".npy"}
        path.write_bytes(content)  # as if it had not been allowed to be read: its size and time are the same
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert np.array_equal(load_folder(parted, shape=(20, 20, 1)).train.images[-1, :, :, 0], opened(path))

    def test_that_cannot_be_written_is_done_without(self, plain: Path, imagelet_home: Path) -> None:
        wanted = load_folder(plain).test.fingerprint()
        shutil.rmtree(imagelet_home)
        imagelet_home.write_text("a file where the folder would be")
        with pytest.warns(UserWarning, match=r"the cache '.*' cannot be written .*IMAGELET_HOME"):
            assert load_folder(plain).test.fingerprint() == wanted

    def test_on_a_full_disk_is_done_without(
        self, plain: Path, imagelet_home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wanted = load_folder(plain).train.fingerprint()
        shutil.rmtree(imagelet_home)

        def full(handle: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(atomic_files.os, "fsync", full)
        with pytest.warns(UserWarning, match="No space left on device"):
            assert load_folder(plain).train.fingerprint() == wanted
        assert list((imagelet_home / "folders").iterdir()) == []

    def test_two_processes_can_start_at_once(self, plain: Path, imagelet_home: Path) -> None:
        context = multiprocessing.get_context("spawn")
        with context.Pool(2) as pool:
            prints = pool.map(fingerprint_of, [plain, plain], chunksize=1)
        assert prints == [load_folder(plain).train.fingerprint()] * 2
        assert [path for path in (imagelet_home / "folders").iterdir() if path.suffix != ".npy"] == []

    def test_who_comes_second_waits_and_decodes_nothing(
        self, parted: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        decoded: list[Source] = []
        both_started = threading.Barrier(2)

        def count(picture: Source, *values: Any, **asked: bool) -> Opened:
            if asked["pixels"]:
                decoded.append(picture)
                time.sleep(0.01)
            return open_once(picture, *values, **asked)

        def read() -> None:
            dataset = load_folder(parted, shape=(20, 20, 1))
            both_started.wait()
            dataset.read("train")

        monkeypatch.setattr(facts, "open_once", count)
        threads = [threading.Thread(target=read) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(decoded) == 10

    def test_of_another_shape_is_made_again(self, parted: Path, imagelet_home: Path) -> None:
        before = load_folder(parted, shape=(20, 20, 1)).train.fingerprint()
        path = max((imagelet_home / "folders").glob("*.npy"), key=lambda path: path.stat().st_size)
        np.save(path, np.zeros((10, 20, 20, 3), np.uint8))
        assert load_folder(parted, shape=(20, 20, 1)).train.fingerprint() == before

    def test_progress_counts_every_picture_once(self, parted: Path) -> None:
        calls: list[tuple[int, int | None]] = []
        dataset = load_folder(parted, shape=(8, 8, 1), progress=lambda *call: calls.append(call))
        assert calls == []
        assert len(dataset.train) == 10
        assert calls == [(done, 10) for done in range(1, 11)]


def fingerprint_of(folder: Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return load_folder(folder).train.fingerprint()


class TestRefusals:
    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
    def test_name_a_pipe_that_could_be_waited_for(self, plain: Path) -> None:
        os.mkfifo(next(plain.iterdir()) / "pipe.png")
        assert "is not an ordinary file" in broken(plain).message

    def test_name_a_file_that_is_larger_than_any_picture(self, plain: Path) -> None:
        path = next(plain.iterdir()) / "sparse.png"
        path.touch()
        os.truncate(path, 2**36)
        assert "has 68,719,476,736 bytes" in broken(plain).message

    def test_name_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        assert "gone' is not there" in broken(tmp_path / "gone").message
        (tmp_path / "file").touch()
        assert "file' is a file" in broken(tmp_path / "file").message

    def test_tell_of_pictures_without_subfolders(self, make: Make) -> None:
        folder = make("folder", {".": 3})
        assert broken(folder).message == (
            f"the folder '{folder}' holds pictures but no subfolders: one subfolder a class is needed"
        )

    @pytest.mark.parametrize("layout", [{".": 3}, {"train": 3}])
    def test_name_the_table_that_lies_beside_pictures_without_classes(
        self, make: Make, layout: dict[str, int]
    ) -> None:
        folder = make("folder", layout)
        (folder / "labels.CSV").write_text("id,breed\n")
        assert broken(folder).hint == (
            "if labels.CSV names the pictures and their labels, give it instead of the folder: "
            f"imagelet train {folder / 'labels.CSV'}"
        )

    def test_tell_of_an_empty_folder(self, tmp_path: Path) -> None:
        assert "neither pictures nor subfolders" in broken(tmp_path).message

    def test_name_an_empty_class(self, make: Make) -> None:
        folder = make("folder", {"a": 3, "b": 0, "c": 0})
        error = broken(folder)
        assert "the class 'b'" in error.message
        assert "has no pictures (and 1 more empty class)" in error.message

    def test_tell_of_one_class_only(self, make: Make) -> None:
        error = broken(make("folder", {"digits": 3}))
        assert "one class only, 'digits'" in error.message
        assert "one level deeper" in error.hint

    def test_tell_of_one_picture_in_a_class(self, make: Make) -> None:
        assert "the class 'b' in" in broken(make("folder", {"a": 3, "b": 1})).message

    @pytest.mark.parametrize("part", ["train", "val", "test"])
    def test_name_a_class_that_a_part_lacks(self, parted: Path, part: str) -> None:
        shutil.rmtree(parted / part / "b")
        message = broken(parted).message
        if part == "train":  # then "a" alone is left, which is told first
            assert "one class only, 'a'" in message
        else:
            assert f"the class 'b' is in train/ but not in {part}/: the parts of '{parted}'" in message

    def test_name_a_class_that_was_not_learnt(self, parted: Path) -> None:
        shutil.copytree(parted / "test" / "b", parted / "test" / "c")
        shutil.copytree(parted / "test" / "b", parted / "test" / "d")
        message = broken(parted).message
        assert "the class 'c' is in test/ but not in train/ (and 1 more such class)" in message

    def test_tell_of_a_test_part_without_a_training_part(self, parted: Path) -> None:
        shutil.rmtree(parted / "train")
        assert "has test/ but no train/" in broken(parted).message

    def test_tell_of_two_folders_for_one_part(self, parted: Path) -> None:
        shutil.copytree(parted / "val", parted / "validation")
        assert "both val/ and validation/" in broken(parted).message

    def test_name_a_damaged_picture_and_what_tells_more(self, parted: Path) -> None:
        (parted / "test" / "b" / "1.png").write_bytes(b"damaged")
        error = broken(parted)
        name = parted / "test" / "b" / "1.png"
        assert error.message.startswith(
            f"1 of 6 pictures in '{parted / 'test'}' cannot be read: '{name}' is not"
        )
        assert error.hint == "save it as PNG or JPEG; --skip-bad leaves out what cannot be read"
        (parted / "test" / "b" / "0.png").write_bytes(b"damaged")
        assert broken(parted).hint.startswith(f"imagelet data check {parted / 'test'} ")

    def test_name_the_first_damaged_pictures_and_count_all(self, parted: Path) -> None:
        for path in sorted((parted / "train").rglob("*.png"))[2:7]:
            path.write_bytes(path.read_bytes()[:60])
        message = broken(parted).message
        names = ", ".join(f"'{Path('a') / f'{number}.png'}'" for number in (2, 3, 4))
        assert message.startswith("5 of 10 pictures in ")
        assert message.endswith(f"cannot be read (damaged (5)): {names} and 2 more")

    def test_count_pictures_whose_size_cannot_be_told(self, parted: Path) -> None:
        for path in (parted / "train").rglob("*.png"):
            path.write_bytes(b"damaged")
        assert broken(parted).message.startswith("10 of 10 pictures in ")

    def test_name_a_link_that_leads_nowhere(self, plain: Path) -> None:
        (plain / "cat" / "lost.png").symlink_to(plain / "gone.png")
        assert broken(plain).message.endswith(
            f"cannot be read: '{plain / 'cat' / 'lost.png'}' does not exist"
        )

    def test_do_not_hang_on_links_in_a_circle(self, make: Make) -> None:
        folder = make("folder", {"a": 5, "b": 5})
        (folder / "a" / "up").symlink_to(folder)
        (folder / "a" / "self").symlink_to(folder / "a")
        (folder / "b" / "out").symlink_to(folder.parent)
        (folder / "circle").symlink_to(folder / "circle")
        dataset = load_folder(folder)
        assert len(dataset.train) + len(dataset.test) == 10

    def test_are_not_made_of_what_computers_add(self, plain: Path) -> None:
        wanted = load_folder(plain).train.fingerprint()
        for name in (
            ".DS_Store",
            "2/Thumbs.db",
            "__MACOSX/2/._0.png",
            ".git/x.png",
            "notes.txt",
            "2/._0.png",
        ):
            (plain / name).parent.mkdir(parents=True, exist_ok=True)
            (plain / name).write_bytes(b"no picture")
        assert load_folder(plain).train.fingerprint() == wanted


class TestReadLabelled:
    FRAMING = Framing("fit", 20, 20, 1)

    def test_takes_all_pictures(self, plain: Path) -> None:
        images = read_labelled(plain, self.FRAMING)
        assert images.counts().tolist() == [10, 10, 10]
        assert images.classes == CLASSES

    def test_takes_the_test_part_where_there_is_one(self, parted: Path) -> None:
        assert len(read_labelled(parted, self.FRAMING)) == 6
        shutil.rmtree(parted / "train")
        assert len(read_labelled(parted, self.FRAMING)) == 6

    def test_takes_the_training_part_where_there_is_no_test_part(self, parted: Path) -> None:
        shutil.rmtree(parted / "test")
        assert len(read_labelled(parted, self.FRAMING)) == 10

    def test_is_content_with_one_class_and_an_empty_one(self, make: Make) -> None:
        images = read_labelled(make("folder", {"7": 2, "8": 0}), self.FRAMING)
        assert images.counts().tolist() == [2, 0]

    def test_refuses_what_holds_nothing(self, make: Make) -> None:
        for counts in ({".": 2}, {"7": 0}):
            with pytest.raises(DataError, match="holds"):
                read_labelled(make("/".join(["folder", *counts]), counts), self.FRAMING)

    def test_names_damaged_pictures(self, plain: Path) -> None:
        (plain / "cat" / "3.png").write_bytes(b"damaged")
        with pytest.raises(DataError, match=r"1 of 30 pictures in .* cannot be read: '.*cat.3\.png' is not"):
            read_labelled(plain, self.FRAMING)


class TestTables:
    """A table that names pictures is a dataset to learn from, as it is one to evaluate on."""

    @pytest.fixture
    def table(self, make: Make) -> Path:
        folder = make("all", {"images": 30})
        rows = [f"images\\{number}.png,{'cat' if number % 2 else 'dog'}" for number in range(30)]
        (folder / "labels.csv").write_text("\n".join(["filename,class", *rows]))
        return folder / "labels.csv"

    def test_are_learned_from(self, table: Path) -> None:
        dataset = load_dataset(table)
        assert dataset.classes == ("cat", "dog")
        assert (len(dataset.train), len(dataset.test)) == (24, 6)
        assert "a fifth of each class" in dataset.understood[0]
        picture = open_picture(table.parent / "images" / "0.png")
        assert any(np.array_equal(image, picture) for image in [*dataset.train.images, *dataset.test.images])

    def test_may_say_the_parts(self, table: Path) -> None:
        header, *rows = table.read_text().splitlines()
        parts = ["training"] * 20 + ["valid"] * 4 + ["Test"] * 6
        table.write_text("\n".join([f"{header},subset", *map(",".join, zip(rows, parts, strict=True))]))
        dataset = load_dataset(table)
        assert {part: len(dataset.read(part)) for part in dataset.parts} == {
            "train": 20,
            "validation": 4,
            "test": 6,
        }
        table.write_text(table.read_text().replace("Test", "later"))
        with pytest.raises(DataError, match=r"line 26 .* has the split 'later'"):
            load_dataset(table)

    def test_of_one_class_are_refused(self, table: Path) -> None:
        table.write_text(table.read_text().replace("cat", "dog"))
        with pytest.raises(DataError, match="has one class only, 'dog'"):
            load_dataset(table)


class TestTablesWithSources:
    """Where a table says who made each picture, nobody is in the test part and among what is learned from."""

    @pytest.fixture
    def table(self, make: Make) -> Callable[..., Path]:
        """Return a function that writes a table of 60 pictures with these labels and sources."""
        folder = make("all", {"images": 60})

        def write(labels: Sequence[str], sources: Sequence[str]) -> Path:
            rows = [
                f"images/{number}.png,{label},{source}"
                for number, (label, source) in enumerate(zip(labels, sources, strict=True))
            ]
            (folder / "labels.csv").write_text("\n".join(["path,label,source", *rows]))
            return folder / "labels.csv"

        return write

    LABELS = tuple("cat" if number % 2 else "dog" for number in range(60))
    PEOPLE = tuple(f"person {number // 6}" for number in range(60))

    def sides(self, table: Path) -> tuple[set[str], set[str]]:
        """Return the sources of the images that are learned from, and of the test images."""
        rows = [row.split(",") for row in table.read_text().splitlines()[1:]]
        by_pixels = {open_picture(table.parent / path).tobytes(): source for path, _, source in rows}
        dataset = load_dataset(table)
        assert len(dataset.train) + len(dataset.test) == 60
        train, test = ({by_pixels[image.tobytes()] for image in dataset.read(part).images} for part in PARTS)
        return train, test

    def test_whole_sources_are_set_aside_and_that_is_said(self, table: Callable[..., Path]) -> None:
        path = table(self.LABELS, self.PEOPLE)
        train, test = self.sides(path)
        assert (len(train), len(test)) == (8, 2)
        assert not train & test
        dataset = load_dataset(path)
        assert np.array_equal(dataset.test.counts(), [6, 6])
        assert (
            "whole sources, about a fifth of the pictures where they can be, are the test part"
            in dataset.understood[0]
        )
        assert dataset.understood[1] == (
            "No source is on both sides: the test images have 2 sources, the training images 8 others."
        )

    def test_the_names_decide_not_the_order_or_the_files(self, table: Callable[..., Path]) -> None:
        _, test = self.sides(table(self.LABELS, self.PEOPLE))
        header, *rows = (path := table(self.LABELS, self.PEOPLE)).read_text().splitlines()
        path.write_text("\n".join([header, *reversed(rows)]))
        assert self.sides(path)[1] == test

    def test_the_validation_images_and_the_folds_have_others_too(self, table: Callable[..., Path]) -> None:
        images = load_dataset(table(self.LABELS, self.PEOPLE)).train
        assert images.sources is not None
        for way in (0.25, *(fold(number, 4) for number in range(1, 5))):
            made = split(images, way, 0)
            assert made.method.endswith(" by source")
            assert not set(images.sources[made.train]) & set(images.sources[made.validation])

    def test_two_sources_are_one_on_each_side(self, table: Callable[..., Path]) -> None:
        train, test = self.sides(table(self.LABELS, ["ann"] * 35 + ["bob"] * 25))
        assert (train, test) == ({"ann"}, {"bob"})

    def test_of_one_source_a_fifth_is_set_aside_by_the_pixels(self, table: Callable[..., Path]) -> None:
        dataset = load_dataset(table(self.LABELS, ["ann"] * 60))
        assert len(dataset.test) == 12
        assert "a fifth of each class, by the pixels" in dataset.understood[0]
        assert "too few sources to keep each on one side: test images of every class" in dataset.understood[1]

    def test_a_source_with_nearly_everything_is_learned_from(self, table: Callable[..., Path]) -> None:
        train, test = self.sides(table(self.LABELS, ["ann"] * 56 + ["bob"] * 4))
        assert (train, test) == ({"ann"}, {"bob"})

    def test_of_a_class_with_one_source_a_fifth_is_set_aside_and_it_is_named(
        self, table: Callable[..., Path]
    ) -> None:
        labels = ["bird" if number < 20 else label for number, label in enumerate(self.LABELS)]
        path = table(labels, ["ann"] * 20 + [f"person {number // 5}" for number in range(40)])
        dataset = load_dataset(path)
        train, test = self.sides(path)
        assert train & test == {"ann"}
        assert np.array_equal(dataset.test.counts()[[0]], [4])
        assert "test images of 'bird' have sources that are learned from" in dataset.understood[1]

    def test_pictures_without_a_source_stand_for_themselves(self, table: Callable[..., Path]) -> None:
        train, test = self.sides(table(self.LABELS, ["ann"] * 12 + [""] * 48))
        assert "ann" in train ^ test
        assert "" in train & test

    def test_sources_that_share_a_picture_stay_together(self, table: Callable[..., Path]) -> None:
        path = table(self.LABELS, self.PEOPLE)
        for number in range(0, 60, 12):  # of the first of two, a copy with the second
            shutil.copy(path.parent / f"images/{number}.png", path.parent / f"images/{number + 6}.png")
        dataset = load_dataset(path)
        assert len(dataset.test) == 12
        assert not set(map(bytes, dataset.test.images)) & set(map(bytes, dataset.train.images))

    def test_their_own_parts_go_before(self, table: Callable[..., Path]) -> None:
        path = table(self.LABELS, self.PEOPLE)
        header, *rows = path.read_text().splitlines()
        parts = ["test" if number < 9 else "train" for number in range(60)]
        path.write_text("\n".join([f"{header},split", *map(",".join, zip(rows, parts, strict=True))]))
        assert len(load_dataset(path).test) == 9
