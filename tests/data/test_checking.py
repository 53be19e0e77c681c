"""A check finds what spoils a dataset, the worst first, and finds nothing where all is well."""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imagelet.data.checking import KINDS, Problem, check
from imagelet.errors import DataError, UnknownNameError
from tests.conftest import idx_bytes, make_images, write_idx
from tests.data.test_near_copies import scenes


def write(path: Path, seed: int, shape: tuple[int, ...] = (20, 20)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels_of(seed, shape)).save(path)
    return path


def pixels_of(seed: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with nothing wrong: classes a and b, four pictures each."""
    for seed in range(8):
        write(tmp_path / "own" / "ab"[seed % 2] / f"{seed // 2}.png", seed)
    return tmp_path / "own"


@pytest.fixture
def parted(tmp_path: Path) -> Path:
    """Return a folder with nothing wrong: train/ and test/ of the classes a and b."""
    for seed in range(16):
        part = "test" if seed >= 12 else "train"
        write(tmp_path / "parted" / part / "ab"[seed % 2] / f"{seed // 2}.png", seed)
    return tmp_path / "parted"


def name(*parts: str) -> str:
    return str(Path(*parts))


class TestFolders:
    def test_nothing_is_wrong_with_good_ones(self, folder: Path, parted: Path) -> None:
        assert check(folder) == check(str(folder)) == check(parted) == []

    def test_a_picture_under_two_labels(self, folder: Path) -> None:
        shutil.copy(folder / "a" / "1.png", folder / "b" / "9.png")
        (problem,) = check(folder)
        assert problem == Problem(
            "two labels",
            "the same picture has the labels 'a', 'b'",
            (name("a", "1.png"), name("b", "9.png")),
        )

    def test_copies_in_a_class(self, folder: Path) -> None:
        for number in ("8", "9"):
            shutil.copy(folder / "a" / "1.png", folder / "a" / f"{number}.png")
        (problem,) = check(folder)
        assert problem.kind == "duplicate"
        assert problem.message == "the same picture is 3 times in the class 'a'"
        assert problem.files == (name("a", "1.png"), name("a", "8.png"), name("a", "9.png"))

    def test_copies_in_another_format_and_mode(self, folder: Path) -> None:
        Image.open(folder / "a" / "1.png").convert("RGB").save(folder / "a" / "9.bmp")
        assert [problem.kind for problem in check(folder)] == ["duplicate"]

    def test_equal_bytes_of_another_shape_are_no_copies(self, folder: Path) -> None:
        write(folder / "a" / "8.png", 99, (20, 10))
        Image.fromarray(pixels_of(99, (20, 10)).reshape(10, 20)).save(folder / "a" / "9.png")
        assert [problem.kind for problem in check(folder)] == ["size"]

    def test_a_photograph_in_two_formats_and_parts(self, parted: Path) -> None:
        picture = Image.fromarray(scenes(1, 200, seed=1)[0])
        picture.save(parted / "train" / "a" / "90.png")
        picture.resize((150, 150)).save(parted / "test" / "b" / "91.jpg", quality=70)
        near = next(problem for problem in check(parted) if problem.kind == "near copy")
        assert near.files == (name("train", "a", "90.png"), name("test", "b", "91.jpg"))
        assert "with the labels 'a', 'b', in the parts 'train', 'test'" in near.message
        assert near.images is not None
        assert near.images.shape == (2, 32, 32, 3)
        assert set(near.to_json()) == {"kind", "message", "files"}

    def test_a_picture_that_was_learnt_and_is_tested(self, parted: Path) -> None:
        shutil.copy(parted / "train" / "a" / "1.png", parted / "test" / "a" / "9.png")
        (problem,) = check(parted)
        assert problem.kind == "shared"
        assert problem.message == "the same picture is in the parts 'train', 'test'"
        assert problem.files == (name("train", "a", "1.png"), name("test", "a", "9.png"))

    def test_a_picture_that_is_shared_under_another_label_is_both(self, parted: Path) -> None:
        shutil.copy(parted / "train" / "a" / "1.png", parted / "test" / "b" / "9.png")
        assert [problem.kind for problem in check(parted)] == ["two labels", "shared"]

    def test_unreadable_pictures(self, folder: Path) -> None:
        (folder / "b" / "2.png").write_bytes((folder / "b" / "2.png").read_bytes()[:80])
        (folder / "b" / "3.png").write_bytes(b"")
        first, second = check(folder)
        assert first.kind == second.kind == "unreadable"
        assert first.files == (name("b", "2.png"),)
        assert "is damaged or cut short" in first.message
        assert "is empty" in second.message

    def test_empty_classes(self, parted: Path) -> None:
        for part in ("train", "test"):
            (parted / part / "c").mkdir()
        problems = check(parted)
        assert [(each.kind, each.files) for each in problems] == [
            ("classes", (name("train", "c"),)),
            ("classes", (name("test", "c"),)),
        ]
        assert problems[0].message == f"the class '{name('train', 'c')}' has no pictures"

    def test_parts_with_other_classes(self, parted: Path) -> None:
        (parted / "test" / "b").rename(parted / "test" / "B")
        (problem,) = check(parted)
        assert problem.kind == "classes"
        assert "the class 'b' is in train/ but not in test/" in problem.message

    def test_pictures_without_classes(self, tmp_path: Path) -> None:
        write(tmp_path / "loose" / "1.png", 1)
        first, second = check(tmp_path / "loose")
        assert "one subfolder a class is needed" in first.message
        assert (second.kind, second.files) == ("left out", ("1.png",))

    def test_files_that_are_left_out(self, folder: Path) -> None:
        (folder / "labels.csv").touch()
        (folder / "a" / "1.svg").touch()
        (folder / ".hidden").touch()
        write(folder / "loose.png", 77)
        (problem,) = check(folder)
        assert problem.kind == "left out"
        assert problem.files == (name("a", "1.svg"), "labels.csv", "loose.png")
        assert problem.message.startswith("3 files are not used")

    def test_sizes_that_differ_from_the_commonest(self, folder: Path) -> None:
        write(folder / "a" / "9.png", 50, (20, 21))
        (problem,) = check(folder)
        assert (problem.kind, problem.files) == ("size", (name("a", "9.png"),))
        assert problem.message.startswith("1 of 9 pictures are not 20x20")

    def test_the_worst_come_first(self, parted: Path) -> None:
        write(parted / "train" / "a" / "90.png", 90, (9, 9))
        (parted / "notes.txt").touch()
        shutil.copy(parted / "train" / "b" / "1.png", parted / "train" / "b" / "91.png")
        (parted / "train" / "empty").mkdir()
        (parted / "train" / "a" / "92.png").write_bytes(b"damaged")
        shutil.copy(parted / "train" / "b" / "0.png", parted / "test" / "b" / "93.png")
        shutil.copy(parted / "train" / "a" / "2.png", parted / "train" / "b" / "94.png")
        picture = Image.fromarray(scenes(1, 20, seed=1)[0])
        picture.save(parted / "train" / "a" / "95.png")
        picture.save(parted / "train" / "a" / "96.jpg", quality=80)
        kinds = [problem.kind for problem in check(parted)]
        assert list(dict.fromkeys(kinds)) == list(KINDS)

    def test_progress_counts_the_pictures(self, folder: Path) -> None:
        calls: list[tuple[int, int | None]] = []
        check(folder, progress=lambda *call: calls.append(call))
        assert calls == [(done, 8) for done in range(1, 9)]

    def test_circles_end(self, folder: Path) -> None:
        (folder / "a" / "up").symlink_to(folder)
        (folder / "circle").symlink_to(folder / "circle")
        assert [problem.kind for problem in check(folder)] == ["left out"]

    def test_nothing_is_changed_or_written(self, folder: Path, imagelet_home: Path) -> None:
        before = sorted(folder.rglob("*"))
        check(folder)
        assert sorted(folder.rglob("*")) == before
        assert not imagelet_home.exists()


class TestRegistered:
    def test_nothing_is_wrong_with_the_digits(self) -> None:
        assert check("digits") == []

    def test_copies_are_found_in_and_between_parts(self, small_data: Path) -> None:
        images, labels = make_images(100, 28, 1, seed=2)
        images[7], images[13] = images[3], images[3]  # another label, and the same
        learnt, learnt_labels = make_images(300, 28, 1, seed=1)
        images[20] = learnt[10]  # both are of class 0
        write_idx(small_data / "mnist", "t10k", images[..., 0], labels)
        problems = check("mnist")
        assert learnt_labels[10] == labels[20]
        assert problems == [
            Problem(
                "two labels", "the same picture has the labels '3', '7'", ("test 3", "test 7", "test 13")
            ),
            Problem("shared", "the same picture is in the parts 'train', 'test'", ("train 10", "test 20")),
        ]

    def test_damaged_files_are_an_error(self, small_data: Path) -> None:
        path = small_data / "mnist" / "t10k-labels-idx1-ubyte.gz"
        path.write_bytes(gzip.compress(idx_bytes(np.zeros(3, np.uint8))))
        with pytest.raises(DataError):
            check("mnist")

    @pytest.mark.realdata
    def test_mnist_has_no_copies_and_few_images_that_look_alike(self) -> None:
        problems = check("mnist")
        assert {problem.kind for problem in problems} == {"near copy"}
        assert len(problems) < 100  # of 2,000,000,000 pairs


class TestRefusals:
    def test_an_unknown_name(self) -> None:
        with pytest.raises(UnknownNameError, match="did you mean 'mnist'"):
            check("mnits")

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="is not there"):
            check(tmp_path / "gone")
        with pytest.raises(DataError, match="is not there"):
            check("./mnist")
