import os
import resource
import sys
from pathlib import Path

import numpy as np
import pytest

from imagelet.data.on_disk import ImagesOnDisk


@pytest.fixture
def pixels(tmp_path: Path) -> np.ndarray:
    array = np.random.default_rng(0).integers(0, 256, (20, 4, 5, 3), np.uint8)
    np.save(tmp_path / "images.npy", array)
    return np.load(tmp_path / "images.npy", mmap_mode="r")


@pytest.mark.parametrize("rows", [None, np.array([7, 3, 3, 19, 0])])
def test_it_reads_as_an_array_does(pixels: np.ndarray, rows: np.ndarray | None) -> None:
    images = ImagesOnDisk(pixels, rows)
    expected = np.array(pixels if rows is None else pixels[rows])
    assert (len(images), images.shape, images.ndim) == (len(expected), expected.shape, 4)
    assert (images.dtype, images.size, images.nbytes) == (expected.dtype, expected.size, expected.nbytes)
    for index in (
        2,
        np.int64(-1),
        slice(1, 4),
        slice(None),
        np.array([4, 0, 4]),
        [1],
        np.array([], np.int64),
    ):
        assert np.array_equal(images[index], expected[index])
    assert np.array_equal(np.asarray(images), expected)
    assert np.array_equal(np.asarray(images, np.float32), expected.astype(np.float32))
    assert np.array_equal(np.stack(list(images)), expected)
    assert np.array_equal(images.at(np.array([2, 1]))[:], expected[[2, 1]])
    with pytest.raises(IndexError):
        images[len(images)]
    with pytest.raises(ValueError, match="copied"):
        np.asarray(images, copy=False)


def test_what_is_read_is_a_copy_that_can_be_written(pixels: np.ndarray) -> None:
    images = ImagesOnDisk(pixels)
    images[0][:] = 1
    images[:2][:] = 1
    assert np.array_equal(images[0], pixels[0])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_memory_of_a_process_does_not_grow_with_what_it_reads(tmp_path: Path) -> None:
    array = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.uint8, (4_000, 64, 64, 1))
    array[:] = 1
    array.flush()
    del array

    def resident() -> int:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()

    images = ImagesOnDisk(np.load(tmp_path / "a.npy", mmap_mode="r"))
    before = resident()
    for start in range(0, 4_000, 200):
        images[np.arange(start, start + 200)]
    assert resident() - before < 4 << 20  # of 16 MB


@pytest.fixture(params=["preadv", "without"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the system have no ``preadv``, as Windows has none."""
    if request.param == "without":
        monkeypatch.delattr(os, "preadv", raising=False)
    return str(request.param)


@pytest.mark.usefixtures("way")
def test_a_part_of_a_mapped_array_is_read_where_it_lies(pixels: np.ndarray) -> None:
    for part in (pixels[3:11], pixels[3:11].view()[2:], pixels[::2], pixels[:, ::-1], np.array(pixels)):
        images = ImagesOnDisk(part)
        assert np.array_equal(images[:], part)
        assert np.array_equal(images[[1, 0]], part[[1, 0]])


@pytest.mark.skipif(not hasattr(os, "preadv"), reason="reads the mapped array itself")
def test_a_file_that_was_cut_short_is_an_error(pixels: np.ndarray) -> None:
    images = ImagesOnDisk(pixels)
    assert isinstance(pixels, np.memmap)
    os.truncate(pixels.filename, 500)
    with pytest.raises(OSError, match="Input/output error"):
        images[15]
