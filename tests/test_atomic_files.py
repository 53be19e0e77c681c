import errno
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagelet import atomic_files

posix_only = pytest.mark.skipif(os.name == "nt", reason="POSIX permissions and signals")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.binary(max_size=1000))
def test_bytes_come_back_as_they_were_written(tmp_path: Path, content: bytes) -> None:
    atomic_files.write_bytes(tmp_path / "file", content)
    assert (tmp_path / "file").read_bytes() == content


def test_text_is_written_as_utf8_with_its_line_ends_kept(tmp_path: Path) -> None:
    atomic_files.write_text(tmp_path / "file", "größe\n손글씨\r\n")
    assert (tmp_path / "file").read_bytes() == "größe\n손글씨\r\n".encode()


def test_json_is_indented_readable_and_ends_in_a_new_line(tmp_path: Path) -> None:
    atomic_files.write_json(tmp_path / "file", {"class": "é", "n": [1]})
    text = (tmp_path / "file").read_text(encoding="utf-8")
    assert json.loads(text) == {"class": "é", "n": [1]}
    assert text == '{\n  "class": "é",\n  "n": [\n    1\n  ]\n}\n'


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_has_no_words_for_are_refused_and_leave_nothing(
    tmp_path: Path, number: float
) -> None:
    with pytest.raises(ValueError, match="JSON"):
        atomic_files.write_json(tmp_path / "file", {"loss": number})
    assert list(tmp_path.iterdir()) == []


def test_missing_folders_are_made(tmp_path: Path) -> None:
    atomic_files.write_text(tmp_path / "a" / "b" / "file", "x")
    assert (tmp_path / "a" / "b" / "file").read_text() == "x"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(error), atomic_files.replacing(path) as file:  # noqa: PT012  (the write is part of it)
        file.write(b"half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "file"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        atomic_files.write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_stands_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with atomic_files.replacing(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_the_content_is_on_the_disk_before_the_name_is_visible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(handle: int) -> None:
        happened.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        assert os.fstat(handle).st_size > 0  # nothing waits in Python's buffer
        fsync(handle)

    def noted_replace(self: Path, target: Path) -> Path:
        happened.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    atomic_files.write_text(tmp_path / "file", "new")
    assert happened[:2] == ["file", "rename"]
    assert happened[2:] == ([] if os.name == "nt" else ["folder"])


@posix_only
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_permissions_are_those_of_an_ordinary_file(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        atomic_files.write_text(tmp_path / "file", "x")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~mask


@posix_only
def test_a_process_killed_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    program = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom imagelet import atomic_files\n"
        "with atomic_files.replacing(Path(sys.argv[1])) as file:\n"
        "    file.write(b'half')\n    file.flush()\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"


def test_writers_at_the_same_time_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [bytes([number]) * 100_000 for number in range(8)]
    writers = [
        threading.Thread(target=atomic_files.write_bytes, args=(path, content)) for content in contents
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_opened_is_no_reason_to_fail(tmp_path: Path) -> None:
    atomic_files.flush_folder(tmp_path / "missing")


def test_a_folder_is_not_replaced_and_the_error_names_it(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        atomic_files.write_text(tmp_path / "taken", "text")
    assert caught.value.filename == str(tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_sweeping_removes_what_killed_writers_of_one_file_left(tmp_path: Path) -> None:
    kept = {"a[1].npy", ".b.npy.0123abcd.part", ".a[1].npy.part", ".a1.npy.0123abcd.part"}
    for name in (*kept, ".a[1].npy.0123abcd.part", ".a[1].npy.deadbeef.part"):
        (tmp_path / name).write_bytes(b"")
    atomic_files.sweep(tmp_path / "a[1].npy")
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_a_file_that_gets_its_own_name_meanwhile_is_not_abandoned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / ".a.0123abcd.part"
    left.touch()
    monkeypatch.setattr(Path, "rglob", lambda *_: iter([tmp_path / ".b.0123abcd.part", left]))
    assert atomic_files.abandoned(tmp_path) == [left]
