"""A download is whole and official or not there; it goes on where it broke; every failure says what to do."""

import errno
import hashlib
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from imagelet import paths
from imagelet.data import download as module
from imagelet.data import transfer
from imagelet.data.download import RemoteFile, damaged, download, existing_folders, fetch, is_file, read_bytes
from imagelet.errors import DataError, DownloadError
from tests.conftest import FileServer

CONTENT = bytes(range(256)) * 4096  # 1 MiB, four pieces
NAME = "pets/images.gz"
Make = Callable[..., RemoteFile]


@pytest.fixture
def remote(file_server: FileServer) -> Make:
    """Return a function that makes the file of which the mirrors at the given paths are to hold CONTENT."""

    def make(*paths: str, content: bytes = CONTENT) -> RemoteFile:
        mirrors = tuple(f"{file_server.url}/{path}" for path in paths or ("a",))
        return RemoteFile("pets", NAME, len(CONTENT), hashlib.sha256(content).hexdigest(), mirrors)

    file_server.files["a"] = CONTENT
    return make


def kept() -> dict[str, int]:
    """Return the files in the cache with their sizes, without the locks."""
    folder = paths.downloads()
    return {
        str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()
    }


class TestDownload:
    def test_is_kept_whole_and_reported(self, remote: Make, capfd: pytest.CaptureFixture[str]) -> None:
        seen: list[tuple[int, int | None]] = []
        path = download(remote(), lambda done, total: seen.append((done, total)))
        assert path == paths.downloads() / NAME
        assert path.read_bytes() == CONTENT
        assert kept() == {NAME: len(CONTENT)}
        assert seen[0] == (0, len(CONTENT))
        assert seen[-1] == (len(CONTENT), len(CONTENT))
        assert seen == sorted(seen)
        assert len(seen) > 3
        assert capfd.readouterr() == ("", "")

    def test_happens_once(self, remote: Make, file_server: FileServer) -> None:
        assert fetch(remote()) == fetch(remote()) == download(remote())
        assert len(file_server.requests) == 1

    def test_has_the_rights_of_any_new_file(self, remote: Make, tmp_path: Path) -> None:
        (tmp_path / "ordinary").write_bytes(b"")
        assert download(remote()).stat().st_mode == (tmp_path / "ordinary").stat().st_mode

    def test_takes_the_next_mirror_where_one_fails(self, remote: Make, file_server: FileServer) -> None:
        file_server.files |= {"short": CONTENT[:-1], "other": CONTENT[::-1], "busy": CONTENT}
        file_server.status["busy"] = 503
        assert download(remote("gone", "busy", "short", "other", "a")).read_bytes() == CONTENT
        assert [path for path, _ in file_server.requests] == ["gone", "busy", "short", "other", "a"]
        assert kept() == {NAME: len(CONTENT)}

    def test_replaces_another_file_only_when_it_is_told_to(self, remote: Make) -> None:
        target = paths.downloads() / NAME
        target.parent.mkdir(parents=True)
        target.write_bytes(b"mine")
        assert download(remote()).read_bytes() == b"mine"
        with pytest.raises(DownloadError):
            download(remote("gone"), replace=True)
        assert target.read_bytes() == b"mine"
        assert download(remote(), replace=True).read_bytes() == CONTENT


class TestResume:
    def test_goes_on_where_the_connection_broke(self, remote: Make, file_server: FileServer) -> None:
        file_server.cut_after = 600_000
        with pytest.raises(DownloadError, match="broke"):
            download(remote())
        assert kept() == {f"{NAME}.part": 600_000}
        file_server.cut_after = None
        seen: list[int] = []
        assert download(remote(), lambda done, total: seen.append(done)).read_bytes() == CONTENT
        assert [asked for _, asked in file_server.requests] == ["", "bytes=600000-"]
        assert seen[0] == 600_000
        assert kept() == {NAME: len(CONTENT)}

    def test_goes_on_at_the_next_mirror(self, remote: Make, file_server: FileServer) -> None:
        file_server.files["b"] = CONTENT
        file_server.cut_after = 600_000
        assert download(remote("a", "b")).read_bytes() == CONTENT
        assert file_server.requests == [("a", ""), ("b", "bytes=600000-")]

    def test_begins_again_where_the_server_cannot_go_on(self, remote: Make, file_server: FileServer) -> None:
        file_server.cut_after = 600_000
        with pytest.raises(DownloadError):
            download(remote())
        file_server.cut_after, file_server.ranges = None, False
        seen: list[int] = []
        assert download(remote(), lambda done, total: seen.append(done)).read_bytes() == CONTENT
        assert seen[0] == 0
        assert [asked for _, asked in file_server.requests] == ["", "bytes=600000-"]  # and no third one

    def test_begins_again_where_what_was_there_is_wrong(self, remote: Make, file_server: FileServer) -> None:
        for content in (b"x" * 1000, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 1)):
            part = paths.downloads() / f"{NAME}.part"
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
            path = download(remote())
            assert path.read_bytes() == CONTENT
            assert kept() == {NAME: len(CONTENT)}
            path.unlink()

    def test_begins_again_where_the_servers_file_is_shorter(
        self, remote: Make, file_server: FileServer
    ) -> None:
        file_server.files["short"] = CONTENT[:500_000]
        part = paths.downloads() / f"{NAME}.part"
        part.parent.mkdir(parents=True)
        part.write_bytes(CONTENT[:600_000])
        with pytest.raises(DownloadError, match="offers 500000 bytes instead of 1048576"):
            download(remote("short"))
        assert kept() == {}


class TestFailures:
    def failing(self, file: RemoteFile) -> DownloadError:
        with pytest.raises(DownloadError) as caught:
            download(file)
        error = caught.value
        assert "images.gz" in error.message
        assert "\n" not in error.message
        assert error.hint
        return error

    def test_without_a_network_name_the_mirrors_and_what_else_can_be_done(self) -> None:
        mirrors = ("https://data.example.org/pets.gz", "http://127.0.0.1:9/pets.gz")
        error = self.failing(RemoteFile("pets", NAME, 5, "0" * 64, mirrors))
        assert "data.example.org: no connection; 127.0.0.1: no connection" in error.message
        assert "imagelet data get pets --from DIR" in error.hint
        assert "IMAGELET_DATA" in error.hint
        assert kept() == {}

    def test_with_a_wrong_hash_leave_nothing(self, remote: Make) -> None:
        error = self.failing(remote(content=b"another"))
        assert "another SHA-256" in error.message
        assert kept() == {}

    def test_with_a_page_instead_of_the_file_leave_nothing(
        self, remote: Make, file_server: FileServer
    ) -> None:
        file_server.files["a"] = b"<html>please log in</html>"
        assert "offers 26 bytes instead of 1048576" in self.failing(remote()).message
        assert kept() == {}

    def test_with_more_than_the_file_leave_nothing(self, remote: Make, file_server: FileServer) -> None:
        file_server.tells_length = False
        file_server.files["a"] = CONTENT + b"more"
        assert "sends more than 1048576 bytes" in self.failing(remote()).message
        assert kept() == {}

    def test_with_a_server_that_does_not_tell_the_length_notice_the_end(
        self, remote: Make, file_server: FileServer
    ) -> None:
        file_server.tells_length = False
        file_server.cut_after = 600_000
        assert "broke after 600000 of 1048576 bytes" in self.failing(remote()).message
        file_server.cut_after = None
        assert download(remote()).read_bytes() == CONTENT
        assert file_server.requests[-1] == ("a", "bytes=600000-")

    def test_give_the_servers_status(self, remote: Make, file_server: FileServer) -> None:
        file_server.status["a"] = 403
        assert "answered 403" in self.failing(remote()).message

    def test_with_a_server_that_does_not_answer_time_out(
        self, remote: Make, file_server: FileServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(transfer, "TIMEOUT", (0.2, 0.2))
        file_server.wait.clear()
        assert "timed out" in self.failing(remote()).message
        file_server.wait.set()

    def test_without_a_mirror_say_so(self) -> None:
        assert "there is none" in self.failing(RemoteFile("pets", NAME, 5, "0" * 64)).message

    @pytest.mark.parametrize("call", ["open", "fsync"])
    def test_on_a_full_disk_leave_nothing(
        self, remote: Make, call: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*values: Any) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        if call == "fsync":
            monkeypatch.setattr(os, "fsync", full)
        else:
            monkeypatch.setattr(module, "_write", full)
        error = self.failing(remote())
        assert error.message.startswith("the disk is full: images.gz needs 1.0 MB in ")
        assert "IMAGELET_HOME" in error.hint
        assert kept() == {}

    def test_with_a_cache_that_is_no_folder(
        self, remote: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").write_bytes(b"")
        monkeypatch.setenv("IMAGELET_HOME", str(tmp_path / "file"))
        error = self.failing(remote())
        assert "cannot be written" in error.message
        assert "IMAGELET_HOME" in error.hint

    @pytest.mark.skipif(sys.platform != "linux", reason="/sys is Linux's")
    def test_with_a_cache_that_cannot_be_written(self, remote: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("IMAGELET_HOME", "/sys/imagelet")
        assert "/sys/imagelet/data/pets cannot be written" in self.failing(remote()).message

    def test_interrupted_leave_what_can_be_gone_on_with(self, remote: Make) -> None:
        def interrupt(done: int, total: int | None) -> None:
            if done > 500_000:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            download(remote(), interrupt)
        assert 500_000 < kept()[f"{NAME}.part"] < len(CONTENT)
        assert download(remote()).read_bytes() == CONTENT


class TestSlowServers:
    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
        """Return a clock that stands still until its ``seconds`` are changed."""
        clock = SimpleNamespace(seconds=0.0)
        monkeypatch.setattr(transfer, "clock", lambda: clock.seconds)
        return clock

    def test_that_let_bytes_drip_are_given_up(
        self, remote: Make, file_server: FileServer, clock: SimpleNamespace
    ) -> None:
        file_server.pause_after = 100

        def pass_time(done: int, total: int | None) -> None:
            clock.seconds += 61 if done else 0

        with pytest.raises(DownloadError, match=r"sent 100 bytes in 60 seconds, which is too slow"):
            download(remote(), pass_time)
        file_server.pause_after = None
        file_server.wait.set()
        assert kept() == {f"{NAME}.part": 100}
        assert download(remote()).read_bytes() == CONTENT
        assert [asked for _, asked in file_server.requests] == ["", "bytes=100-"]

    def test_that_send_no_answer_are_given_up(
        self, remote: Make, file_server: FileServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file_server.files["b"] = CONTENT
        file_server.wait.clear()
        ticking = itertools.count(0, 40)
        monkeypatch.setattr(transfer, "clock", lambda: next(ticking))
        with pytest.raises(DownloadError, match=r"(127\.0\.0\.1: sent 0 bytes in 60 seconds.*){2}"):
            download(remote("a", "b"))
        file_server.wait.set()

    def test_have_a_time_in_all(self, remote: Make, file_server: FileServer, clock: SimpleNamespace) -> None:
        file_server.files["b"] = CONTENT

        def pass_time(done: int, total: int | None) -> None:
            clock.seconds += 4000 if done else 0

        file_server.pause_after = 100_000
        with pytest.raises(DownloadError, match=r"(took longer than the 60 minutes.*){2}"):
            download(remote("a", "b"), pass_time)
        file_server.wait.set()
        assert 0 < kept()[f"{NAME}.part"] <= 100_000

    def test_may_be_as_slow_as_the_limit_says(self, clock: SimpleNamespace) -> None:
        pace = transfer.Pace(end=3600)
        for _ in range(59):
            pace.count(transfer.LEAST // 2)
            clock.seconds += 30
            pace.count(transfer.LEAST // 2)
            clock.seconds += 30
            assert 0 <= pace.patience <= 1
        pace.count(transfer.LEAST)
        clock.seconds += 60
        with pytest.raises(transfer.SlowError, match="60 minutes"):
            pace.count(0)


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            "http://[",
            "http://[::1",
            "ftp://example.org/images.gz",
            "file:///etc/passwd",
            "example.org/images.gz",
            "//example.org/images.gz",
            "http://",
            "http:///images.gz",
            "http://exa mple.org/images.gz",
            " http://example.org/images.gz",
            "http://example.org:port/images.gz",
            "http://example.org:99999/images.gz",
            "http://example.org/\n",
            "http://example.org/\udc80",
            "http://\udc80.org/",
            "http://" + "a" * 70 + ".org/",
            "",
        ],
    )
    def test_that_are_malformed_are_named_and_the_next_is_taken(self, remote: Make, address: str) -> None:
        file = remote()
        alone, before = (replace(file, mirrors=(address, *rest)) for rest in ((), file.mirrors))
        with pytest.raises(DownloadError) as caught:
            download(alone)
        shown = address if address.isprintable() else ascii(address)
        assert f"'{shown}' is not an address that begins with http:// or https://" in caught.value.message
        assert caught.value.message.isprintable()
        assert download(before).read_bytes() == CONTENT

    @pytest.mark.parametrize(
        "address", ["http://[::1]:8000/a", "https://example.org/%20é", "HTTPS://bücher.example/a?b#c"]
    )
    def test_that_are_sound_are_asked(self, address: str) -> None:
        assert transfer.is_address(address)

    @pytest.mark.parametrize("proxy", ["http://[", "ftp://127.0.0.1:9", "http://127.0.0.1:port"])
    def test_of_a_malformed_proxy_are_an_error_of_ours(
        self, proxy: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, proxy)
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        with pytest.raises(DownloadError, match=r"malformed|no connection"):
            download(RemoteFile("pets", NAME, 5, "0" * 64, ("http://example.org/a",)))

    def test_may_lead_to_one_that_is_malformed(self, remote: Make, file_server: FileServer) -> None:
        for target in ("http://[", "ftp://127.0.0.1/a", "http://127.0.0.1:port/a"):
            file_server.redirects["away"] = target
            with pytest.raises(DownloadError, match=r"malformed|the connection broke"):
                download(remote("away"))


def test_what_killed_processes_left_is_swept(remote: Make) -> None:
    folder = (paths.downloads() / NAME).parent
    folder.mkdir(parents=True)
    for name in (".images.gz.0123abcd.part", ".other.gz.0123abcd.part", "other.gz.part"):
        (folder / name).write_bytes(b"left")
    download(remote())
    assert kept().keys() == {NAME, "pets/.other.gz.0123abcd.part", "pets/other.gz.part"}


def test_a_broken_download_goes_once_the_file_is_there(remote: Make, file_server: FileServer) -> None:
    file_server.cut_after = 600_000
    with pytest.raises(DownloadError):
        download(remote())
    (paths.downloads() / NAME).write_bytes(CONTENT)  # copied there by hand
    download(remote())
    assert kept() == {NAME: len(CONTENT)}


def test_processes_that_start_at_once_download_once(remote: Make, file_server: FileServer) -> None:
    file = remote()
    program = (
        "import sys; from imagelet.data.download import RemoteFile, download\n"
        f"print(download({file!r}).read_bytes().__len__())"
    )
    file_server.wait.clear()
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stdout=pipe, stderr=pipe, text=True)
        for _ in range(2)
    ]
    while not file_server.requests:
        time.sleep(0.01)
    time.sleep(0.5)  # long enough for the other one to come to the lock
    assert len(file_server.requests) == 1
    file_server.wait.set()
    assert [process.communicate() for process in processes] == [(f"{len(CONTENT)}\n", "")] * 2
    assert len(file_server.requests) == 1
    assert kept() == {NAME: len(CONTENT)}


class TestFetch:
    def test_looks_in_the_named_folder_then_the_cache_then_the_systems(
        self, remote: Make, file_server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("IMAGELET_DATA", str(tmp_path / "named"))
        monkeypatch.setattr(paths, "SYSTEM_DATA", tmp_path / "system")
        for folder in (tmp_path / "named", paths.downloads(), tmp_path / "system"):
            (folder / NAME).parent.mkdir(parents=True)
            (folder / NAME).write_bytes(b"here")
        for folder in (tmp_path / "named", paths.downloads(), tmp_path / "system"):
            assert fetch(remote()) == folder / NAME
            (folder / NAME).unlink()
        assert file_server.requests == []
        assert fetch(remote()) == paths.downloads() / NAME
        assert len(file_server.requests) == 1

    def test_says_where_imagelet_data_names_no_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("IMAGELET_DATA", str(tmp_path / "typo"))
        with pytest.raises(DataError, match=r"IMAGELET_DATA names .*typo', which is not a folder") as caught:
            existing_folders()
        assert "unset it" in caught.value.hint


def test_a_file_in_the_cache_is_replaced_by_get_another_by_the_user(tmp_path: Path) -> None:
    inside = damaged(paths.downloads() / NAME, "pets", "is damaged")
    outside = damaged(tmp_path / NAME, "pets", "is damaged")
    assert inside.message == f"images.gz is damaged: {paths.downloads() / NAME}"
    assert inside.hint == "imagelet data get pets replaces it"
    assert "put the official file there" in outside.hint


def test_a_file_that_cannot_be_looked_at_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied")

    (tmp_path / "file").write_bytes(b"")
    assert is_file(tmp_path / "file")
    monkeypatch.setattr(Path, "is_file", refuse)
    assert not is_file(tmp_path / "file")


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, mode: str) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"images\.gz cannot be read \(Permission denied\)"):
        read_bytes(tmp_path / "images.gz", "pets", 5)


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "images.gz").write_bytes(b"12345")
    assert read_bytes(tmp_path / "images.gz", "pets", 5) == b"12345"
    with pytest.raises(DataError, match=r"images\.gz has more than 4 bytes"):
        read_bytes(tmp_path / "images.gz", "pets", 4)


class TestWhatIsKnownOfAFile:
    """A hash that sources agree on, or none; a size, or the most that is taken."""

    def test_an_md5_alone_tells_the_official_file(self, remote: Make, file_server: FileServer) -> None:
        md5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
        file = replace(remote(), sha256=None, md5=md5)
        assert file.can_be_downloaded
        path = download(file)
        assert file.is_official(path) is True
        path.unlink()
        file_server.files["a"] = CONTENT[::-1]
        with pytest.raises(DownloadError, match="sent a file with another MD5"):
            download(file)
        assert kept() == {}

    def test_without_a_hash_nothing_is_asked_for(self, remote: Make, file_server: FileServer) -> None:
        file = replace(remote(), sha256=None)
        assert not file.can_be_downloaded
        with pytest.raises(DownloadError, match="no two public sources agree on its SHA-256 or MD5") as told:
            download(file)
        assert f"bring it yourself from {file_server.url}/a" in told.value.hint
        assert "imagelet data get pets --from DIR" in told.value.hint
        assert file_server.requests == []
        path = paths.downloads() / NAME
        path.parent.mkdir(parents=True)
        path.write_bytes(b"mine")
        assert download(file) == path  # what somebody brought is taken, and is not called official
        assert file.is_official(path) is None

    @pytest.mark.parametrize("most", [len(CONTENT), len(CONTENT) + 1, 10 * len(CONTENT)])
    def test_of_a_size_that_is_not_known_the_server_tells_the_total(self, most: int, remote: Make) -> None:
        seen: list[tuple[int, int | None]] = []
        file = replace(remote(), size=most, exact=False)
        assert download(file, lambda done, total: seen.append((done, total))).read_bytes() == CONTENT
        assert seen[-1] == (len(CONTENT), len(CONTENT))

    def test_no_more_is_taken_than_is_allowed(self, remote: Make, file_server: FileServer) -> None:
        file = replace(remote(), size=len(CONTENT) - 1, exact=False)
        with pytest.raises(DownloadError, match="offers 1048576 bytes instead of 1048575"):
            download(file)
        assert kept() == {}

    def test_of_an_unknown_size_a_broken_download_goes_on(
        self, remote: Make, file_server: FileServer
    ) -> None:
        file = replace(remote(), size=10 * len(CONTENT), exact=False)
        file_server.cut_after = 600_000
        with pytest.raises(DownloadError):
            download(file)
        assert kept() == {f"{NAME}.part": 600_000}
        file_server.cut_after = None
        assert download(file).read_bytes() == CONTENT
        assert [asked for _, asked in file_server.requests] == ["", "bytes=600000-"]

    def test_of_an_unknown_size_a_whole_part_is_found_to_be_whole(
        self, remote: Make, file_server: FileServer
    ) -> None:
        file = replace(remote(), size=10 * len(CONTENT), exact=False)
        part = paths.downloads() / f"{NAME}.part"
        part.parent.mkdir(parents=True)
        part.write_bytes(CONTENT)
        assert download(file).read_bytes() == CONTENT
        assert kept() == {NAME: len(CONTENT)}
