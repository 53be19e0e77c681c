"""Pictures are found where they lie: each folder once, in natural order, links followed without circles."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagelet.errors import PictureError
from imagelet.preprocessing import PICTURE_SUFFIXES, find_pictures, natural_key, picture
from imagelet.preprocessing.picture_files import DiskFolder, PictureFile, files_in, pictures_in


class TestFindPictures:
    def test_finds_pictures_by_suffix_in_natural_order(self, tmp_path: Path) -> None:
        for name in ("10.png", "2.JPG", "a/1.tiff", "a/b/3.webp", "note.txt", ".hidden.png", ".git/4.png"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        found = [path.relative_to(tmp_path).as_posix() for path in find_pictures(tmp_path)]
        assert found == ["2.JPG", "10.png", "a/1.tiff", "a/b/3.webp"]
        names = [name for _, name in files_in(DiskFolder(tmp_path))]
        assert names == ["2.JPG", "10.png", "1.tiff", "3.webp", "note.txt"]

    def test_ends_in_a_circle_and_does_not_climb(self, tmp_path: Path) -> None:
        inside = tmp_path / "top" / "inside"
        inside.mkdir(parents=True)
        for path in (tmp_path / "outside.png", tmp_path / "top" / "beside.png", inside / "mine.png"):
            path.touch()
        (inside / "self").symlink_to(inside)
        (inside / "up").symlink_to(tmp_path / "top")
        (inside / "broken.png").symlink_to(tmp_path / "gone.png")
        assert [path.name for path in find_pictures(inside)] == ["broken.png", "mine.png"]

    def test_follows_a_link_to_elsewhere(self, tmp_path: Path) -> None:
        for folder in ("here", "there"):
            (tmp_path / folder).mkdir()
        (tmp_path / "there" / "a.png").touch()
        (tmp_path / "here" / "link").symlink_to(tmp_path / "there")
        assert find_pictures(tmp_path / "here") == [tmp_path / "here" / "link" / "a.png"]

    @pytest.mark.parametrize("name", ["gone", "gone/deeper"])
    def test_says_that_there_is_no_folder(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(PictureError, match="cannot be listed"):
            find_pictures(tmp_path / name)

    def test_suffixes_are_those_of_the_formats(self) -> None:
        Image.init()
        known = {suffix for suffix, kind in Image.registered_extensions().items() if kind in picture.FORMATS}
        assert known >= PICTURE_SUFFIXES


class TestNaturalKey:
    @given(st.lists(st.integers(0, 10**30), min_size=2), st.text(max_size=3))
    def test_orders_numbers_as_numbers(self, numbers: list[int], prefix: str) -> None:
        texts = [f"{prefix}-{number}" for number in numbers]
        assert sorted(texts, key=natural_key) == [f"{prefix}-{number}" for number in sorted(numbers)]

    @given(st.text(), st.text())
    def test_tells_different_texts_apart(self, one: str, other: str) -> None:
        assert (natural_key(one) == natural_key(other)) == (one == other)
        assert (natural_key(one) < natural_key(other)) or (natural_key(one) >= natural_key(other))


class TestDiskFolder:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Return a folder with three pictures, one of them deeper."""
        for name in ("a/1.png", "a/deep/2.png", "b/3.png"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    def test_is_listed_once(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        listed: list[str] = []
        scandir = os.scandir

        def count(path: Path) -> object:
            listed.append(str(path))
            return scandir(path)

        monkeypatch.setattr(os, "scandir", count)
        disk_folder = DiskFolder(folder)
        for _ in range(3):
            assert len(pictures_in(disk_folder)) == 3
        assert sorted(listed) == sorted(map(str, (folder, folder / "a", folder / "a" / "deep", folder / "b")))

    def test_a_pictures_version_is_another_after_a_change(self, folder: Path) -> None:
        stored = PictureFile(folder / "b" / "3.png")
        before = stored.version()
        os.utime(stored.path, ns=(1, 1))
        assert stored.version() != before
        stored.path.unlink()
        assert stored.version() == "-1\0-1"
