"""Files that are whole or absent: written to a temporary name, flushed to the disk, renamed."""

import contextlib
import errno
import glob
import json
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

TEMPORARY = ".part"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file that takes the place of ``path`` when the block ends without an error.

    The content is on the disk (fsync of file and folder) before the new name is visible, so a reader sees
    the old file or the new one, after a power cut too. On an error the temporary file is removed and
    ``path`` is as it was.

    Raises:
        OSError: the folder cannot be written, the disk is full, or ``path`` is a folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():  # said before the work of writing, and of the name that was asked for
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        flush_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sweep(path: Path) -> None:
    """Remove what processes left that were killed while they replaced ``path``.

    The caller holds the lock that lets one process replace it at a time.
    """
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.????????{TEMPORARY}"):
        leftover.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content``, whole or not at all."""
    with replacing(path) as file:
        file.write(content)


def write_text(path: Path, content: str) -> None:
    """Replace ``path`` by UTF-8 text, whole or not at all."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Any) -> None:
    """Replace ``path`` by indented JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def flush_folder(folder: Path) -> None:
    """Make renames in ``folder`` durable, where the system can (Windows cannot open a folder)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def abandoned(folder: Path, age: float = 0.0) -> list[Path]:
    """Return the temporary files that killed processes left in ``folder`` and the folders in it.

    Args:
        folder: it may be absent.
        age: seconds for which a file must be unchanged; 0 where the caller knows that nobody writes there.
    """
    found = []
    for path in folder.rglob(f".*{TEMPORARY}"):
        with contextlib.suppress(OSError):  # it has just got its own name
            if time.time() - path.lstat().st_mtime >= age:
                found.append(path)
    return found


def remove_abandoned(folder: Path, age: float = 0.0) -> None:
    """Remove the files that :func:`abandoned` returns."""
    for path in abandoned(folder, age):
        with contextlib.suppress(OSError):
            path.unlink()
