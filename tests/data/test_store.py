"""Images that are too many for memory: converted once, whole or not at all, and equal to those in memory."""

import errno
import json
import os
import subprocess
import sys
import textwrap
import warnings
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from imagelet.data import ImageSet, growing, load_dataset, on_disk, rows, store
from imagelet.data.on_disk import ImagesOnDisk
from imagelet.data.store import fits_in_memory
from imagelet.errors import DataError, SettingError
from imagelet.progress import Notice

COUNT = 60


def made(seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (COUNT, 6, 6), np.uint8)
    images[:, 0, 0], images[:, -1, -1] = 0, 255
    images[[30, 45, 57]] = images[[3, 3, 6]]  # copies
    return images, np.arange(COUNT) % 3


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return a NumPy archive without a test part."""
    images, labels = made()
    np.savez(tmp_path / "made.npz", x_train=images, y_train=labels)
    return tmp_path / "made.npz"


@pytest.fixture(autouse=True)
def blocks_of_four_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "AT_ONCE", 4 * 36)
    monkeypatch.setattr(on_disk, "COPIED_AT_MOST", 0)
    monkeypatch.setattr(growing, "SECONDS_BETWEEN_RECORDS", 0.0)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Notice)
        yield


def stores() -> list[Path]:
    folder = Path(os.environ["IMAGELET_HOME"]) / "stores"
    return sorted(folder.iterdir()) if folder.exists() else []


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def assert_equal(one: ImageSet, other: ImageSet) -> None:
    assert np.array_equal(np.asarray(one.images), np.asarray(other.images))
    assert np.array_equal(one.labels, other.labels)
    assert one.classes == other.classes
    assert one.fingerprint() == other.fingerprint()
    assert np.array_equal(one.originals, other.originals)
    for kind in ("scale", "standardize"):
        assert one.normalization(kind) == other.normalization(kind)


def test_a_store_holds_what_memory_would(archive: Path) -> None:
    kept, read = load_dataset(archive, in_memory=False), load_dataset(archive, in_memory=True)
    for part in ("train", "test"):
        assert_equal(kept.read(part), read.read(part))
        assert isinstance(kept.read(part).images, ImagesOnDisk)
        assert isinstance(read.read(part).images, np.ndarray)
    assert kept.understood == read.understood
    some = np.array([5, 0, 17, 5])
    assert_equal(kept.train.take(some), read.train.take(some))
    assert_equal(kept.train.take(some).take([2, 1]), read.train.take(some).take([2, 1]))


def test_it_is_made_once_and_said(archive: Path) -> None:
    with pytest.warns(Notice, match="converted once into"):
        first = load_dataset(archive, in_memory=False)
    before = [path.stat().st_mtime_ns for path in stores()[0].iterdir()]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        second = load_dataset(archive, in_memory=False)
    assert [path.stat().st_mtime_ns for path in stores()[0].iterdir()] == before
    assert_equal(first.train, second.train)


def test_a_fingerprint_is_not_worked_out_again(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_dataset(archive, in_memory=False)
    images = load_dataset(archive, in_memory=False).train
    monkeypatch.setattr(ImagesOnDisk, "__getitem__", lambda *_: pytest.fail("the images are read"))
    assert len(images.fingerprint()) == 64
    images.normalization("standardize")


def test_what_changes_gets_another_store_and_the_old_one_goes(archive: Path) -> None:
    before = load_dataset(archive, in_memory=False).train.fingerprint()
    (old,) = stores()
    images, labels = made(1)
    np.savez(archive, x_train=images, y_train=labels)
    assert load_dataset(archive, in_memory=False).train.fingerprint() != before
    (new,) = stores()
    assert new != old


@pytest.mark.parametrize("damage", ["images", "labels", "sums", "groups", "test", "store"])
@pytest.mark.parametrize("how", ["gone", "short", "else"])
def test_a_damaged_store_is_made_again(archive: Path, damage: str, how: str) -> None:
    load_dataset(archive, in_memory=False)
    (path,) = stores()[0].glob(f"{damage}.*")
    match how:
        case "gone":
            path.unlink()
        case "short":
            path.write_bytes(path.read_bytes()[:-40])
        case "else":
            path.write_bytes(b"[1, 2]")
    assert_equal(load_dataset(archive, in_memory=False).train, load_dataset(archive).train)


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from imagelet.data import growing, load_dataset, rows
    rows.AT_ONCE, growing.SECONDS_BETWEEN_RECORDS = 4 * 36, 0.0
    def progress(done, total):
        if done >= int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
    load_dataset(sys.argv[1], in_memory=False, progress=progress)
    """
)


def test_a_killed_conversion_goes_on_where_it_was(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = subprocess.run([sys.executable, "-W", "ignore", "-c", KILLED, archive, "28"], check=False)
    assert killed.returncode == -9
    (folder,) = stores()
    assert {path.name for path in folder.iterdir()} == {"images.npy.growing", "images.npy.rows"}
    begun: list[int] = []
    of_stream = rows.Rows.of_stream

    def watched(*given: Any, **named: Any) -> rows.Rows:
        read = of_stream(*given, **named)

        def blocks(first: int) -> Iterator[NDArray[Any]]:
            begun.append(first)
            return read.blocks(first)

        return rows.Rows(read.dtype, read.size, blocks)

    monkeypatch.setattr(rows.Rows, "of_stream", watched)
    resumed = load_dataset(archive, in_memory=False).train
    assert 20 <= max(begun) <= 28
    here = content(folder)
    assert_equal(resumed, load_dataset(archive, in_memory=True).train)
    for path in folder.iterdir():
        path.unlink()
    load_dataset(archive, in_memory=False)
    assert content(folder) == here


def test_what_a_power_cut_took_is_written_again(archive: Path) -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", KILLED, archive, "28"], check=False)
    growing = stores()[0] / "images.npy.growing"
    growing.write_bytes(growing.read_bytes()[:-300])  # fewer rows than the record says
    assert_equal(load_dataset(archive, in_memory=False).train, load_dataset(archive, in_memory=True).train)


def test_two_processes_convert_once(archive: Path) -> None:
    count = textwrap.dedent(
        """
        import sys
        from imagelet.data import load_dataset, rows
        rows.AT_ONCE = 4 * 36
        blocks = []
        progress = lambda *_: blocks.append(1)
        images = load_dataset(sys.argv[1], in_memory=False, progress=progress).train
        print(images.fingerprint(), len(blocks))
        """
    )
    command = [sys.executable, "-W", "ignore", "-c", count, str(archive)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    (one, made_one), (other, made_other) = (process.communicate()[0].split() for process in processes)
    assert one == other
    assert sorted([int(made_one), int(made_other)]) == [0, COUNT // 4]


@pytest.mark.parametrize("full", ["images", "facts", "from the start"])
def test_a_full_disk_leaves_nothing(archive: Path, monkeypatch: pytest.MonkeyPatch, full: str) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if full == "from the start":
        usage = namedtuple("usage", "free")
        monkeypatch.setattr(growing.shutil, "disk_usage", lambda _: usage(100))
    else:
        monkeypatch.setattr(*{"images": (store.os, "fsync", fail), "facts": (np, "save", fail)}[full])
    with pytest.raises(DataError, match=r"cannot be converted into .* No space left") as error:
        load_dataset(archive, in_memory=False)
    assert "IMAGELET_HOME" in error.value.hint
    assert not stores()


@pytest.mark.parametrize("labels", [COUNT - 1, COUNT + 1])
def test_other_numbers_of_images_and_labels_are_refused(tmp_path: Path, labels: int) -> None:
    images, _ = made()
    np.savez(tmp_path / "made.npz", x_train=images, y_train=np.arange(labels) % 3)
    for in_memory in (True, False):
        with pytest.raises(DataError, match=r"made\.npz: there are \d+ labels for \d+ images"):
            load_dataset(tmp_path / "made.npz", in_memory=in_memory)
    assert not stores()


@pytest.mark.parametrize(
    "change",
    [
        lambda images: images / np.float32(255),
        lambda images: images.astype(np.float64),
        lambda images: images.astype(np.int64),
        lambda images: np.asfortranarray(images),
        lambda images: images > 100,
        lambda images: images.reshape(COUNT, 36),
        lambda images: np.repeat(images[:, np.newaxis], 3, axis=1),
    ],
)
def test_other_values_and_layouts_are_taken_as_in_memory(
    tmp_path: Path, change: Callable[[NDArray[np.uint8]], NDArray[Any]]
) -> None:
    images, labels = made()
    np.savez_compressed(tmp_path / "made.npz", x_train=change(images), y_train=labels)
    kept, read = (load_dataset(tmp_path / "made.npz", in_memory=way) for way in (False, True))
    assert_equal(kept.train, read.train)
    assert kept.understood == read.understood


@pytest.mark.parametrize("wrong", [np.float32(300), np.float32(-3), np.float32("nan")])
def test_values_that_memory_refuses_are_refused(tmp_path: Path, wrong: np.float32) -> None:
    images, labels = made()
    values = images.astype(np.float32)
    values[-1, 3, 3] = wrong
    np.savez(tmp_path / "made.npz", x_train=values, y_train=labels)
    with pytest.raises(DataError, match="cannot be taken for a picture"):
        load_dataset(tmp_path / "made.npz", in_memory=False)
    assert not stores()


def test_a_quarter_of_memory_is_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "memory_bytes", lambda: 4_000)
    assert fits_in_memory(1_000, "auto")
    assert not fits_in_memory(1_001, "auto")
    assert fits_in_memory(10**12, True)
    assert not fits_in_memory(1, False)
    monkeypatch.setattr(store, "memory_bytes", lambda: 0)
    assert fits_in_memory(10**12, "auto")
    with pytest.raises(SettingError, match="in_memory"):
        fits_in_memory(1, "no")  # type: ignore[arg-type]


def test_a_container_has_no_more_memory_than_it_may_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "CGROUP", tmp_path / "memory.max")
    machine = store.memory_bytes()
    for text, expected in (("max\n", machine), ("1000000\n", 1_000_000)):
        (tmp_path / "memory.max").write_text(text)
        assert store.memory_bytes() == expected


def test_large_data_is_converted_by_itself(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "memory_bytes", lambda: 4 * COUNT * 36 - 4)
    with pytest.warns(Notice, match="larger than a quarter of this machine's memory: converted once into"):
        load_dataset(archive)
    assert len(stores()) == 1


def test_a_store_says_in_json_what_it_is(archive: Path) -> None:
    load_dataset(archive, in_memory=False)
    description = json.loads((stores()[0] / "store.json").read_text())
    assert description["shape"] == [COUNT, 6, 6, 1]
    assert description["classes"] == ["0", "1", "2"]
    assert set(description["sha256"]) == {"all", "train", "test"}


@pytest.mark.usefixtures("small_data")
def test_a_dataset_by_name_can_be_kept_in_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, read = load_dataset("mnist", in_memory=False), load_dataset("mnist")
    for part in ("train", "test"):
        assert_equal(kept.read(part), read.read(part))
    assert len(stores()) == 2
    from imagelet.data import layouts

    monkeypatch.setattr(layouts, "read_part", lambda *_: pytest.fail("it is read again"))
    assert_equal(load_dataset("mnist", in_memory=False).train, read.train)
