"""What cannot be read is an error or left out and named; equal pixels are equal in every format."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imagelet.data import load_dataset
from imagelet.data.pictures import facts
from imagelet.data.pictures.facts import digest_of
from imagelet.errors import DataError
from imagelet.preprocessing.picture import Opened, Source, open_numbers, open_once

FORMS = (".png", ".bmp", ".tif", ".webp", ".gif")
HTML = b"<!DOCTYPE html><html><title>404</title></html>"


def write(path: Path, pixels: np.ndarray, mode: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    options = {"lossless": True} if path.suffix == ".webp" else {}
    (image.convert(mode) if mode else image).save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of two classes with ten pictures each."""
    random = np.random.default_rng(0)
    for index in range(20):
        pixels = random.integers(0, 256, (12, 12), np.uint8)
        write(tmp_path / "pictures" / "ab"[index % 2] / f"{index}.png", pixels)
    return tmp_path / "pictures"


class TestSkipBad:
    @pytest.fixture
    def damaged(self, folder: Path) -> Path:
        (folder / "a" / "x.jpg").write_bytes(HTML)
        (folder / "a" / "y.JPEG").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
        content = (folder / "b" / "1.png").read_bytes()
        (folder / "b" / "z.png").write_bytes(content[: len(content) // 2])
        return folder

    def test_is_named_where_pictures_cannot_be_read(self, damaged: Path) -> None:
        with pytest.raises(DataError, match=r"3 of 23 pictures in .* cannot be read") as refused:
            load_dataset(damaged)
        assert "(Git LFS pointer (1), HTML page (1), damaged (1)): 'a/x.jpg'" in refused.value.message
        assert "--skip-bad leaves out what cannot be read" in refused.value.hint

    def test_leaves_them_out_and_says_so(self, damaged: Path, folder: Path) -> None:
        dataset = load_dataset(damaged, skip_bad=True)
        assert len(dataset.train) + len(dataset.test) == 20
        assert dataset.left_out["train"].names == ("a/x.jpg", "a/y.JPEG", "b/z.png")
        assert dataset.left_out["train"].told in dataset.understood
        assert dataset.left_out["train"].told.startswith("3 of 23 pictures cannot be read and are left out")

    def test_after_they_were_named_opens_no_other_picture_again(
        self, damaged: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(DataError):
            load_dataset(damaged)
        opened: list[Source] = []

        def watched(picture: Source, *values: Any, **asked: bool) -> Opened:
            opened.append(picture)
            return open_once(picture, *values, **asked)

        monkeypatch.setattr(facts, "open_once", watched)
        dataset = load_dataset(damaged, skip_bad=True)
        assert len(dataset.train) + len(dataset.test) == 20
        assert {Path(str(picture)).name for picture in opened} == {"x.jpg", "y.JPEG", "z.png"}

    def test_divides_as_if_they_had_never_been_there(self, damaged: Path) -> None:
        with_them = load_dataset(damaged, skip_bad=True)
        for name in with_them.left_out["train"].names:
            (damaged / name).unlink()
        without = load_dataset(damaged)
        assert with_them.train.fingerprint() == without.train.fingerprint()
        assert with_them.test.fingerprint() == without.test.fingerprint()
        assert without.left_out == {}

    def test_notes_those_of_another_part_when_it_is_read(self, damaged: Path, tmp_path: Path) -> None:
        (damaged).rename(tmp_path / "test")
        for name in "ab":
            for index in range(3):
                pixels = np.full((12, 12), 50 * index, np.uint8)
                write(tmp_path / "parted" / "train" / name / f"{index}.png", pixels)
        (tmp_path / "test").rename(tmp_path / "parted" / "test")
        dataset = load_dataset(tmp_path / "parted", skip_bad=True)
        assert dataset.left_out == {}
        assert len(dataset.test) == 20
        assert dataset.left_out["test"].names == ("a/x.jpg", "a/y.JPEG", "b/z.png")

    def test_needs_one_of_each_class(self, folder: Path) -> None:
        for path in (folder / "b").iterdir():
            path.write_bytes(HTML)
        with pytest.raises(DataError, match=r"no picture of the class 'b' in .* can be read"):
            load_dataset(folder, skip_bad=True)


class TestCopies:
    @pytest.mark.parametrize("suffix", FORMS)
    def test_have_one_digest_in_every_format(self, tmp_path: Path, suffix: str) -> None:
        pixels = np.random.default_rng(0).integers(0, 256, (12, 12), np.uint8)
        one, other = write(tmp_path / "x.png", pixels), write(tmp_path / f"y{suffix}", pixels)
        colour = write(tmp_path / "z.png", pixels, "RGB")
        digests = {digest_of(open_numbers(path)) for path in (one, other, colour)}
        assert len(digests) == 1
        pixels[0, 0] ^= 1
        assert digest_of(open_numbers(write(tmp_path / "w.png", pixels))) not in digests

    def test_of_sixteen_bits_are_known_by_their_numbers(self, tmp_path: Path) -> None:
        numbers = np.random.default_rng(0).integers(200, 264, (12, 12)).astype(np.uint16)
        one, other = write(tmp_path / "x.png", numbers), write(tmp_path / "y.tif", numbers)
        assert digest_of(open_numbers(one)) == digest_of(open_numbers(other))
        third = write(tmp_path / "z.png", numbers + 1)  # to 8 bits, all three are one grey
        assert digest_of(open_numbers(third)) != digest_of(open_numbers(one))

    def test_stay_on_one_side_of_the_test_part(self, tmp_path: Path) -> None:
        random = np.random.default_rng(0)
        for index in range(40):
            pixels = random.integers(0, 256, (12, 12), np.uint8)
            for suffix in FORMS:
                write(tmp_path / "pictures" / "ab"[index % 2] / f"{index}{suffix}", pixels)
        dataset = load_dataset(tmp_path / "pictures")
        parts = [{image.tobytes() for image in part.images} for part in (dataset.train, dataset.test)]
        assert not parts[0] & parts[1]
        assert sum(map(len, parts)) == 40
        assert len(dataset.test) == pytest.approx(40, abs=10)


class TestValues:
    def test_in_a_narrow_range_are_spread_and_it_is_said(self, tmp_path: Path) -> None:
        random = np.random.default_rng(0)
        for index in range(20):
            numbers = random.integers(200, 264, (12, 12)).astype(np.uint16)
            write(tmp_path / "depth" / "ab"[index % 2] / f"{index}.png", numbers)
        dataset = load_dataset(tmp_path / "depth")
        assert dataset.card.framing is not None
        assert dataset.card.framing.values == (200, 263)
        assert (dataset.train.images.min(), dataset.train.images.max()) == (0, 255)
        (told,) = dataset.understood[1:]
        assert told.startswith("16 of 16 pictures have more than 8 bits")
        assert "200 becomes black and 263 white" in told

    def test_of_eight_bits_have_none(self, folder: Path) -> None:
        framing = load_dataset(folder).card.framing
        assert framing is not None
        assert framing.values is None
