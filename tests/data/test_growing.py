"""Arrays that grow in files go on where they were, together, in any order, and leave nothing half-written."""

import os
import time
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from imagelet.data import growing
from imagelet.data.growing import Growing, Parts, grow, remove_abandoned
from imagelet.progress import silent

ROWS = 12


class KilledError(BaseException):
    """Ends a process in the middle, as far as this process is concerned."""


@pytest.fixture(autouse=True)
def _noted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "SECONDS_BETWEEN_RECORDS", 0.0)


@pytest.fixture
def arrays(tmp_path: Path) -> list[Growing]:
    """Return two arrays of as many rows."""
    return [Growing(tmp_path / "images.npy", (ROWS, 2, 3)), Growing(tmp_path / "facts.npy", (ROWS, 5))]


def rows(array: Growing) -> NDArray[np.uint8]:
    return np.random.default_rng(len(array.shape)).integers(0, 256, array.shape, np.uint8)


class Source:
    """Yields rows, two at a time, and may end with an error.

    Attributes:
        begun: from which row on it was asked.
    """

    def __init__(
        self,
        arrays: list[Growing],
        order: NDArray[np.int64] | None = None,
        error: BaseException | None = None,
        at: int = 6,
    ) -> None:
        self.wholes = [rows(array) if order is None else rows(array)[order] for array in arrays]
        self.error, self.at = error, at
        self.begun: list[int] = []

    def blocks(self, first: int) -> Iterator[Parts]:
        self.begun.append(first)
        for start in range(first, ROWS, 2):
            if self.error and start >= self.at:
                raise self.error
            yield tuple(whole[start : start + 2] for whole in self.wholes)


def assert_written(arrays: list[Growing]) -> None:
    for array in arrays:
        assert np.array_equal(np.load(array.path), rows(array))
    assert {path.suffix for path in arrays[0].path.parent.iterdir()} == {".npy"}


@pytest.mark.parametrize("order", [None, np.random.default_rng(0).permutation(ROWS)])
def test_what_was_killed_goes_on_where_it_was(arrays: list[Growing], order: NDArray[np.int64] | None) -> None:
    with pytest.raises(KilledError):
        grow(arrays, Source(arrays, order, KilledError()).blocks, silent, order)
    assert not arrays[0].path.exists()
    calls: list[tuple[int, int | None]] = []
    source = Source(arrays, order)
    grow(arrays, source.blocks, lambda *call: calls.append(call), order)
    assert source.begun == [6]
    assert calls == [(8, ROWS), (10, ROWS), (12, ROWS)]
    assert_written(arrays)


def test_what_was_interrupted_goes_on_where_it_was(
    arrays: list[Growing], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing, "SECONDS_BETWEEN_RECORDS", 60.0)
    with pytest.raises(KeyboardInterrupt):
        grow(arrays, Source(arrays, error=KeyboardInterrupt()).blocks, silent)
    source = Source(arrays)
    grow(arrays, source.blocks, silent)
    assert source.begun == [6]
    assert_written(arrays)


def test_what_was_killed_between_two_names_is_not_written_again(arrays: list[Growing]) -> None:
    grow(arrays, Source(arrays).blocks, silent)
    arrays[1].path.rename(arrays[1].growing)
    (arrays[0].path.parent / "images.npy.rows").write_text(f"{ROWS}\n")
    source = Source(arrays)
    grow(arrays, source.blocks, silent)
    assert source.begun == []
    assert_written(arrays)


@pytest.mark.parametrize("lost", ["images.npy.growing", "facts.npy.growing", "images.npy.rows"])
@pytest.mark.parametrize("order", [None, np.random.default_rng(0).permutation(ROWS)])
def test_what_is_not_whole_is_written_from_the_start(
    arrays: list[Growing], lost: str, order: NDArray[np.int64] | None
) -> None:
    with pytest.raises(KilledError):
        grow(arrays, Source(arrays, order, KilledError()).blocks, silent, order)
    path = arrays[0].path.parent / lost
    path.write_bytes(path.read_bytes()[:-1] if "rows" not in lost else b"99999999999999")
    source = Source(arrays, order)
    grow(arrays, source.blocks, silent, order)
    assert source.begun == [0]
    assert_written(arrays)


def test_an_error_leaves_nothing(arrays: list[Growing]) -> None:
    with pytest.raises(OSError, match="full"):
        grow(arrays, Source(arrays, error=OSError("full")).blocks, silent)
    assert not list(arrays[0].path.parent.iterdir())


def test_too_little_room_is_said_before_anything_is_made(
    arrays: list[Growing], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(growing.shutil, "disk_usage", lambda _: usage(100))
    source = Source(arrays)
    with pytest.raises(OSError, match="No space left"):
        grow(arrays, source.blocks, silent)
    assert source.begun == []
    assert not list(arrays[0].path.parent.iterdir())


def test_what_nobody_goes_on_with_is_removed_after_a_day(arrays: list[Growing]) -> None:
    with pytest.raises(KilledError):
        grow(arrays, Source(arrays, error=KilledError()).blocks, silent)
    folder = arrays[0].path.parent
    remove_abandoned(folder)
    assert len(list(folder.iterdir())) == 3
    for path in folder.iterdir():
        os.utime(path, (time.time(), time.time() - 25 * 60 * 60))
    (folder / "whole.npy").touch()
    remove_abandoned(folder)
    assert [path.name for path in folder.iterdir()] == ["whole.npy"]


def test_more_rows_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    array = Growing(tmp_path / "a.npy", (2, 3))
    with pytest.raises(ValueError, match="2 labels"):
        grow([array], lambda _: iter([(np.zeros((3, 3), np.uint8),)]), silent)
    assert not list(tmp_path.iterdir())
