"""Official files: found in one of the data folders, else downloaded, whole and verified.

A file comes from the first mirror that gives it. It grows in a ``.part`` file beside its final name, is
compared with its SHA-256, or with its MD5 where sources agree on that alone, and only then takes that name.
What a broken connection left is gone on with at the next try; after any other failure nothing is left. A lock
lets one process download while the others wait, and what a process left that was killed is swept under it.
"""

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from imagelet import atomic_files, paths
from imagelet.data import transfer
from imagelet.errors import DataError, DownloadError
from imagelet.messages import Message
from imagelet.progress import Progress

FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class RemoteFile:
    """One official file.

    Args:
        dataset: the dataset that it belongs to.
        path: where it lies in a data folder: ``mnist/train-images-idx3-ubyte.gz``.
        size: in bytes.
        sha256: in hexadecimal; None where no two public sources agree on one.
        mirrors: full addresses, best first; empty where the file comes only inside another one.
        parts: the dataset's parts that need it.
        md5: in hexadecimal, where sources agree on that alone. It finds damage, not deceit: files with one
            MD5 can be made. With neither hash a file cannot be downloaded.
        exact: False where no source tells the size, and ``size`` is the most that is taken from a mirror.
    """

    dataset: str
    path: str
    size: int
    sha256: str | None
    mirrors: tuple[str, ...] = ()
    parts: tuple[str, ...] = ("train", "test")
    md5: str | None = None
    exact: bool = True

    @property
    def name(self) -> str:
        """The file's name without folders."""
        return self.path.rpartition("/")[2]

    @property
    def can_be_downloaded(self) -> bool:
        """Whether there is an address, and a hash to compare what comes from there with."""
        return bool(self.mirrors and (self.sha256 or self.md5))

    def is_official(self, path: Path) -> bool | None:
        """Return whether ``path`` holds the official file; None where no hash of that is known."""
        if self.sha256 is not None:
            return sha256_of(path) == self.sha256
        return None if self.md5 is None else _digest(path, "md5") == self.md5


def fetch(file: RemoteFile, progress: Progress | None = None) -> Path:
    """Return where ``file`` lies: in the first data folder that has it, else in the cache, downloaded.

    Raises:
        DownloadError: no mirror gave it, or the cache cannot hold it.
        DataError: IMAGELET_DATA names a folder that is not there.
    """
    for folder in existing_folders():
        if is_file(folder / file.path):
            return folder / file.path
    return download(file, progress)


def existing_folders() -> tuple[Path, ...]:
    """Return the data folders, best first.

    Raises:
        DataError: IMAGELET_DATA names a folder that is not there.
    """
    folders = paths.data_folders()
    if os.environ.get("IMAGELET_DATA") and not folders[0].is_dir():
        raise DataError(
            "IMAGELET_DATA names '{folder}', which is not a folder",
            hint="let it name the folder that holds the official files, or unset it to download them",
            folder=folders[0],
        )
    return folders


def download(file: RemoteFile, progress: Progress | None = None, *, replace: bool = False) -> Path:
    """Download ``file`` into the cache, unless it is there already, and return its path.

    Args:
        file: what to download.
        progress: is called with the bytes that are there and the bytes in all.
        replace: what is there is replaced, once the official file has come, if it has another hash.

    Raises:
        DownloadError: no hash of it is known, no mirror gave it, or the cache cannot hold it.
    """
    target = paths.downloads() / file.path
    if not (file.sha256 or file.md5 or target.is_file()):
        raise _not_offered(file)
    with writing(target, file.size):
        if not target.is_file() or (replace and file.is_official(target) is False):
            part = part_of(target)
            try:
                _from_mirrors(file, target, part, progress)
            except OSError:
                part.unlink(missing_ok=True)  # the disk is at fault: leave nothing, and free the room
                raise
            atomic_files.flush_folder(target.parent)
        part_of(target).unlink(missing_ok=True)  # of another try, before the file came from a folder
    return target


def part_of(target: Path) -> Path:
    """Return where ``target`` grows while it is downloaded."""
    return target.with_name(f"{target.name}.part")


@contextlib.contextmanager
def writing(target: Path, size: int) -> Iterator[None]:
    """Hold the lock under which ``target``, in the cache, may be written; its folder exists inside.

    What another process left that was killed while it copied a file there is swept.

    Args:
        target: the file to write.
        size: in bytes, for the message where the disk is full.

    Raises:
        DownloadError: the disk is full, or the cache cannot be written.
    """
    from filelock import FileLock

    locks = paths.home() / "locks"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        locks.mkdir(parents=True, exist_ok=True)
        with FileLock(locks / f"{target.parent.name}-{target.name}.lock"):
            atomic_files.sweep(target)
            yield
    except OSError as error:
        raise _disk_error(error, target, size) from error


def is_file(path: Path) -> bool:
    """Return whether ``path`` is a file that can be looked at."""
    with contextlib.suppress(OSError):
        return path.is_file()
    return False


def read_bytes(path: Path, dataset: str, most: int) -> bytes:
    """Return a dataset's file as it is.

    Raises:
        DataError: it is missing, cannot be read, or has more than ``most`` bytes.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError:
        raise damaged(path, dataset, Message("is missing")) from None
    except OSError as error:
        raise damaged(path, dataset, Message("cannot be read ({error})", error=error.strerror)) from error
    if len(content) > most:
        raise damaged(path, dataset, Message("has more than {most:,} bytes", most=most))
    return content


def damaged(path: Path, dataset: str, wrong: str) -> DataError:
    """Return the error for a file of ``dataset`` with which something is ``wrong`` (a verb first)."""
    again = f"imagelet data get {dataset}"
    if path.is_relative_to(paths.downloads()):
        return DataError(
            "{file} {wrong}: {path}",
            hint="{command} replaces it",
            file=path.name,
            wrong=wrong,
            path=path,
            command=again,
        )
    return DataError(
        "{file} {wrong}: {path}",
        hint="put the official file there; or unset IMAGELET_DATA and type: {command}",
        file=path.name,
        wrong=wrong,
        path=path,
        command=again,
    )


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    return _digest(path, "sha256")


def _digest(path: Path, method: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(method, usedforsecurity=False)).hexdigest()


class _BrokenError(Exception):
    """A mirror did not give the whole file; what came so far is right."""


class _WrongFileError(Exception):
    """A mirror gave something else."""


def _from_mirrors(file: RemoteFile, target: Path, part: Path, progress: Progress | None) -> None:
    end = transfer.clock() + transfer.LONGEST
    failures = []
    for address in file.mirrors:
        if not transfer.is_address(address):
            shown = address if address.isprintable() else ascii(address)
            failures.append(f"'{shown}' is not an address that begins with http:// or https://, then a host")
            continue
        host = urlsplit(address).hostname
        for _ in range(2):
            resumed = part.is_file()
            try:
                _retrieve(address, file, target, part, end, progress)
                return
            except _BrokenError as error:
                failures.append(f"{host}: {error}")
                break
            except _WrongFileError as error:
                part.unlink(missing_ok=True)
                if not resumed:
                    failures.append(f"{host}: {error}")
                    break  # else what was gone on with may have been wrong: once more, from the beginning
    raise DownloadError(
        "no mirror gave {file} ({failures})",
        hint=(
            "check the network and try again; or, with the official file in a folder DIR, type: "
            "imagelet data get {dataset} --from DIR; or let IMAGELET_DATA name such a folder"
        ),
        file=file.name,
        failures="; ".join(failures) or "there is none",
        dataset=file.dataset,
    )


def _retrieve(
    address: str, file: RemoteFile, target: Path, part: Path, end: float, progress: Progress | None
) -> None:
    """Let the part grow to the whole file, compare its hash, and give it its final name."""
    import requests
    import urllib3

    done = part.stat().st_size if part.is_file() else 0
    try:
        if done != file.size or not file.exact:
            _receive(address, file, part, done if done < file.size else 0, end, progress)
    except transfer.SlowError as error:
        raise _BrokenError(str(error)) from error
    except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
        raise _BrokenError("timed out") from error
    except requests.ConnectionError as error:
        raise _BrokenError("no connection") from error
    except ValueError as error:
        raise _BrokenError("the address, or that of the proxy, is malformed") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _BrokenError("the connection broke") from error
    if not file.is_official(part):
        raise _WrongFileError(f"sent a file with another {'SHA-256' if file.sha256 else 'MD5'}")
    part.replace(target)


def _receive(
    address: str, file: RemoteFile, part: Path, done: int, end: float, progress: Progress | None
) -> None:
    """Ask for what comes after the first ``done`` bytes; some servers send the whole file."""
    headers = {"Accept-Encoding": "identity", "User-Agent": "imagelet"}
    if done:
        headers["Range"] = f"bytes={done}-"
    with transfer.receiving(address, headers, end) as (response, pieces):
        if response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise _WrongFileError("has a shorter file")
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise _BrokenError(f"answered {response.status}")
        resumes = response.headers.get("Content-Range", "").startswith(f"bytes {done}-")
        if response.status != HTTPStatus.PARTIAL_CONTENT or not resumes:
            done = 0
        length = response.headers.get("Content-Length", "")
        total = done + int(length) if length.isdigit() else file.size
        if total > file.size or (file.exact and total < file.size):
            raise _WrongFileError(f"offers {total} bytes instead of {file.size}")
        _write(pieces, file, part, done, total, progress)
        if file.exact and part.stat().st_size < file.size:
            raise _BrokenError(f"the connection broke after {part.stat().st_size} of {file.size} bytes")


def _write(
    pieces: Iterator[bytes], file: RemoteFile, part: Path, done: int, total: int, progress: Progress | None
) -> None:
    """Write ``pieces`` after the first ``done`` bytes of the part, and flush them to the disk."""
    report = progress or (lambda _done, _total: None)
    with part.open("r+b" if done else "wb") as opened:
        opened.seek(done)
        report(done, total)
        try:
            for piece in pieces:
                done += len(piece)
                if done > file.size:
                    raise _WrongFileError(f"sends more than {file.size} bytes")
                opened.write(piece)
                report(done, total)
        finally:
            opened.flush()
            os.fsync(opened.fileno())


def _not_offered(file: RemoteFile) -> DownloadError:
    return DownloadError(
        "{file} is not downloaded: no two public sources agree on its SHA-256 or MD5",
        hint="bring it yourself from {address} into a folder DIR, then type: "
        "imagelet data get {dataset} --from DIR",
        file=file.name,
        address=", ".join(file.mirrors),
        dataset=file.dataset,
    )


def _disk_error(error: OSError, target: Path, size: int) -> DownloadError:
    if error.errno in FULL:
        return DownloadError(
            "the disk is full: {file} needs {size:.1f} MB in {folder}",
            hint="make room, or let IMAGELET_HOME name a folder on another disk",
            file=target.name,
            size=size / 1e6,
            folder=target.parent,
        )
    return DownloadError(
        "{file} cannot be kept: {folder} cannot be written ({error})",
        hint="let IMAGELET_HOME name a folder that you may write to, "
        "or IMAGELET_DATA one that holds the official files",
        file=target.name,
        folder=target.parent,
        error=error.strerror or error,
    )
