"""What holds for every registered dataset, with small files where it has files."""

import dataclasses
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imagelet.data import Dataset, ImageSet, get_dataset_files, load_dataset, place_of
from imagelet.data.imageset import PARTS
from imagelet.data.known import datasets
from imagelet.data.splits import split
from imagelet.errors import DataError
from imagelet.preprocessing.framing import framings
from tests.conftest import CIFAR_BATCHES, FileServer, cifar_file, write_tar
from tests.official_files import WRITE, pictures, writers

NAMES = tuple(datasets)


@pytest.fixture(scope="module")
def small_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with small files of every dataset that has files."""
    folder = tmp_path_factory.mktemp("official")
    for write in WRITE.values():
        write(folder)
    return folder


@pytest.fixture
def at_hand(small_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let IMAGELET_DATA name a folder with links to those files: what is to be changed is unlinked first."""
    shutil.copytree(small_files, tmp_path / "data", copy_function=os.link)
    monkeypatch.setenv("IMAGELET_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.mark.parametrize("name", NAMES)
class TestEveryDataset:
    def test_has_a_card_that_tells_all(self, name: str) -> None:
        known = datasets.get(name)
        card = known.card
        assert card.name == name
        for field in ("title", "description", "source", "licence", "citation"):
            assert getattr(card, field).strip(), field
        assert len(set(card.classes)) == len(card.classes) > 1
        assert card.framing is not None
        assert card.framing.kind in framings
        assert set(known.images) <= set(PARTS)
        assert all(number > 0 for number in known.images.values())

    def test_gives_images_as_its_card_says(self, name: str, at_hand: Path) -> None:
        dataset = load_dataset(name)
        for part in datasets.get(name).images:
            images = dataset.read(part)
            assert images.images.dtype == np.uint8
            assert images.labels.dtype == np.int64
            assert images.shape == dataset.shape
            assert images.classes == dataset.classes == dataset.card.classes
            assert images.counts().min() > 0
            assert images.images.max() > 128  # the whole range is used

    def test_gives_the_images_that_were_written(self, name: str, at_hand: Path) -> None:
        if name in ("cifar-10", "digits") or name.startswith("quickdraw"):
            pytest.skip("its own tests say so")
        dataset = load_dataset(name)
        for part in dataset.parts:
            read = dataset.read(part)
            images, labels = pictures("cifar-100" if name == "cifar-100-coarse" else name, part)
            assert np.array_equal(read.images, images)
            assert np.array_equal(read.labels, labels // 5 if name == "cifar-100-coarse" else labels)
            if read.sources is not None:
                assert np.array_equal(read.sources, writers(name, part))

    def test_is_the_same_each_time(self, name: str, at_hand: Path) -> None:
        first, second = load_dataset(name), load_dataset(name)
        for part in first.parts:
            assert first.read(part).fingerprint() == second.read(part).fingerprint()

    def test_has_parts_that_do_not_share_all_images(self, name: str, at_hand: Path) -> None:
        dataset = load_dataset(name)
        assert dataset.train.fingerprint() != dataset.test.fingerprint()

    def test_can_be_split(self, name: str, at_hand: Path) -> None:
        images = load_dataset(name).train
        for way in ("course", 0.2):
            made = split(images, way, 0)
            assert len(made.validation) == -(-len(images) // 5)
            if way != "course":  # which is stratified by nothing
                assert images.take(made.train).counts().min() > 0

    def test_has_a_place(self, name: str, at_hand: Path) -> None:
        place = place_of(name)
        assert place is not None
        assert place.exists()
        assert load_dataset(name).place

    def test_trains_where_its_test_files_are_gone_or_damaged(self, name: str, at_hand: Path) -> None:
        files = [file for layout in datasets.get(name).layouts for file in layout.files]
        apart = [at_hand / file.path for file in files if file.parts == ("test",)]
        poisoned = [path for path in apart if path.exists()]
        for path in poisoned:
            path.unlink()
            path.write_bytes(b"poison")
        dataset = load_dataset(name)
        learned = dataset.train.fingerprint()
        if poisoned:
            with pytest.raises(DataError):
                _ = dataset.test
        for path in poisoned:
            path.unlink()
        assert load_dataset(name).train.fingerprint() == learned

    def test_does_not_touch_its_test_part_unasked(
        self, name: str, at_hand: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dataset = poisoned(name, monkeypatch)
        _ = (dataset.classes, dataset.shape, dataset.card, dataset.validation, repr(dataset))
        split(dataset.train, 0.2, 0)
        with pytest.raises(AssertionError, match="the test part was read"):
            _ = dataset.test

    def test_is_fetched_whole_and_verified(
        self, name: str, at_hand: Path, file_server: FileServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The official addresses are replaced by a server on this computer, the hashes by the files'."""
        known = datasets.get(name)
        if not known.download:
            pytest.skip("it is not downloaded")
        small = official_like(name, at_hand)
        for file in known.download:
            assert all(mirror.endswith(f"/{file.name}") or "?" in mirror for mirror in file.mirrors)
            file_server.files[file.path] = small[file.path]
        served = tuple(
            dataclasses.replace(
                file,
                size=len(small[file.path]) if file.exact else file.size,
                sha256=file.sha256 and hashlib.sha256(small[file.path]).hexdigest(),
                md5=file.md5 and hashlib.md5(small[file.path], usedforsecurity=False).hexdigest(),
                mirrors=(f"{file_server.url}/{file.path}",),
            )
            for file in known.download
        )
        layout = dataclasses.replace(known.layouts[0], files=served)
        monkeypatch.setitem(datasets._things, name, dataclasses.replace(known, layouts=(layout,)))
        expected = load_dataset(name).train.fingerprint() if layout.place(at_hand).exists() else None
        monkeypatch.delenv("IMAGELET_DATA")
        assert place_of(name) is None
        fetched = get_dataset_files(name)
        assert [file.official for file in fetched] == [True] * len(served)
        assert len(file_server.requests) == len(served)
        if expected is not None:
            assert load_dataset(name).train.fingerprint() == expected

    def test_has_files_that_are_known_by_a_hash_or_not_downloaded(self, name: str) -> None:
        for file in datasets.get(name).download:
            assert file.mirrors
            assert len(bytes.fromhex(file.sha256 or "")) == (32 if file.sha256 else 0)
            assert file.sha256 or len(bytes.fromhex(file.md5 or "")) == 16
            assert 0 < file.size < 1_000_000_000

    def test_is_described_without_its_files(self, name: str) -> None:
        dataset = load_dataset(name)
        assert dataset.classes
        assert len(dataset.shape) == 3


def official_like(name: str, folder: Path) -> dict[str, bytes]:
    """Return small contents of the files that are downloaded, as far as they are in ``folder``."""
    if name == "cifar-10":  # which lies unpacked there
        members = {f"cifar-10-batches-bin/{batch}.bin": cifar_file(batch, "bin") for batch in CIFAR_BATCHES}
        write_tar(folder / "cifar-10-binary.tar.gz", members)
    return {
        file.path: (folder / file.path).read_bytes()
        for file in datasets.get(name).download
        if (folder / file.path).exists()
    }


def poisoned(name: str, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Open a dataset whose reader of the test part raises."""
    known = datasets.get(name)

    def poison(read: Callable[[Path, str], ImageSet]) -> Callable[[Path, str], ImageSet]:
        def reader(place: Path, part: str) -> ImageSet:
            assert part != "test", "the test part was read"
            return read(place, part)

        return reader

    layouts = tuple(dataclasses.replace(layout, read=poison(layout.read)) for layout in known.layouts)
    monkeypatch.setitem(datasets._things, name, dataclasses.replace(known, layouts=layouts))
    dataset = load_dataset(name)
    if not layouts:  # a dataset without files: at least nothing may ask it for the part

        def read() -> ImageSet:
            raise AssertionError("the test part was read")

        monkeypatch.setitem(dataset.parts, "test", read)
    return dataset
