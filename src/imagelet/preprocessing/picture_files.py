"""Where pictures lie: folders that are listed, and pictures in them that are not opened yet.

A picture may be a file of the disk, a member of an archive or a row of a table; whoever decodes it need not
know. A folder is listed once, when it is first asked for, and remembers what is in it.
"""

import abc
import contextlib
import io
import os
import re
import stat
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from imagelet.errors import PictureError
from imagelet.messages import Message
from imagelet.preprocessing.picture_limits import MAX_BYTES

PICTURE_SUFFIXES = frozenset(
    {
        *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
        *(".pbm", ".pgm", ".ppm", ".pnm"),
    }
)


_DIGITS = re.compile(r"([0-9]+)")


class StoredPicture(abc.ABC):
    """A picture where it lies, not opened yet."""

    __slots__ = ()

    def __str__(self) -> str:
        """Return what people call it: a path, which for a member of an archive goes on inside of that."""
        return str(self.path)

    @property
    @abc.abstractmethod
    def path(self) -> Path:
        """Where it lies; begins with the path of the folder that it was found in."""

    @property
    def position(self) -> int:
        """Where it stands in what must be read from front to end; 0 where that need not be."""
        return 0

    @abc.abstractmethod
    def version(self) -> str:
        """Return a text that is another one when the content is: a file's size and time."""

    @abc.abstractmethod
    def open(self) -> BinaryIO:
        """Open it to read its bytes.

        Raises:
            PictureError: it is not there, cannot be read or has more than ``MAX_BYTES``.
        """


class PictureFile(StoredPicture):
    """A picture that is a file of its own.

    Args:
        path: of the file, as ``str(Path(…))`` writes it.
    """

    __slots__ = ("_text",)

    def __init__(self, path: str | Path) -> None:
        self._text = os.fspath(path)  # of hundreds of thousands; a path takes ten times as long to make

    def __str__(self) -> str:
        """Return the path."""
        return self._text

    @property
    def path(self) -> Path:
        """Where the file is."""
        return Path(self._text)

    def version(self) -> str:
        """Return the file's size and time."""
        return version_of(self._text)

    def open(self) -> BinaryIO:
        """Open the file."""
        return open_file(self._text)


class PictureFolder(abc.ABC):
    """A folder that pictures may lie in, of the disk or inside an archive.

    Attributes:
        path: where it is; for a folder inside an archive it goes on inside of that.
        left_out: a sentence about what is in it and cannot be listed.
    """

    path: Path
    left_out: tuple[Message, ...] = ()

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.name

    @property
    @abc.abstractmethod
    def entries(self) -> Mapping[str, "PictureFolder | None"]:
        """What is in it and not hidden, in natural order: the folders by their names, None for a file.

        Raises:
            PictureError: it cannot be listed.
        """

    @property
    @abc.abstractmethod
    def identity(self) -> object:
        """The same for two paths to one folder.

        Raises:
            PictureError: it is not there.
        """

    @abc.abstractmethod
    def around(self) -> set[object]:
        """Return the identities of the folders that it lies in."""

    @abc.abstractmethod
    def picture(self, name: str) -> StoredPicture:
        """Return the picture that the file ``name`` in this folder is."""


class DiskFolder(PictureFolder):
    """A folder of the disk.

    Args:
        path: of the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def entries(self) -> Mapping[str, PictureFolder | None]:
        """What is in it and not hidden; a link to a folder is a folder, except one in a circle."""
        with self._listed(), os.scandir(self.path) as entries:
            visible = {entry.name: _is_folder(entry) for entry in entries if entry.name[0] != "."}
        return {
            name: DiskFolder(self.path / name) if visible[name] else None
            for name in sorted(visible, key=natural_key)
        }

    @cached_property
    def identity(self) -> object:
        """The device and the place on it."""
        with self._listed():
            return _identity(self.path)

    def around(self) -> set[object]:
        """Return the identities of the folders from the parent to the root."""
        with self._listed():
            return {_identity(path) for path in self.path.resolve(strict=True).parents}

    def picture(self, name: str) -> StoredPicture:
        """Return a file."""
        return PictureFile(f"{self._prefix}{name}")

    @cached_property
    def _prefix(self) -> str:
        """What a file's path begins with, before its name."""
        return str(self.path / "x")[:-1]

    @contextlib.contextmanager
    def _listed(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise PictureError(
                "the folder '{folder}' cannot be listed: {error}", folder=self.path, error=error.strerror
            ) from error


def files_in(folder: PictureFolder) -> Iterator[tuple[PictureFolder, str]]:
    """Yield every file that is not hidden in ``folder`` and below: the folder that it lies in and its name.

    They come in natural order. Links are followed, each real folder once and none that leads up to a folder
    around ``folder``, so circles end.

    Raises:
        PictureError: a folder cannot be listed.
    """
    visited = folder.around()
    waiting: list[tuple[PictureFolder, str | None]] = [(folder, None)]
    while waiting:
        place, name = waiting.pop()
        if name is not None:
            yield place, name
        elif place.identity not in visited:
            visited.add(place.identity)
            waiting += [
                (place, entry) if below is None else (below, None)
                for entry, below in reversed([*place.entries.items()])
            ]


def pictures_in(folder: PictureFolder) -> list[StoredPicture]:
    """Return the pictures among :func:`files_in`, by their suffixes."""
    return [place.picture(name) for place, name in files_in(folder) if is_picture(name)]


def find_pictures(folder: Path) -> list[Path]:
    """Return the pictures in ``folder`` and below, by their suffixes, in natural order.

    Hidden files and folders are left out. Links are followed, as :func:`files_in` does.

    Raises:
        PictureError: ``folder`` or one below cannot be listed.
    """
    return [place.path / name for place, name in files_in(DiskFolder(folder)) if is_picture(name)]


def version_of(path: str | Path) -> str:
    """Return a file's size and time, a text that is another one when the file is; -1 for an absent file."""
    size, changed = -1, -1
    with contextlib.suppress(OSError):
        status = os.stat(path)  # noqa: PTH116  (a path need not be made for it)
        size, changed = status.st_size, status.st_mtime_ns
    return f"{size}\0{changed}"


def is_picture(name: str) -> bool:
    """Tell whether a file is taken for a picture, by its suffix."""
    return suffix_of(name) in PICTURE_SUFFIXES


def suffix_of(name: str) -> str:
    """Return the suffix of a file's name in small letters, with the dot; empty where it has none."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122  (a tenth of the time of a path)


def natural_key(text: str) -> tuple[Any, ...]:
    """Return a sort key that puts ``2`` before ``10``; different texts have different keys.

    >>> sorted(["10", "2", "a10", "a9"], key=natural_key)
    ['2', '10', 'a9', 'a10']
    """
    parts = _DIGITS.split(text)  # text, digits, text, …: always alternating, so always comparable
    numbers = [digits.lstrip("0") for digits in parts[1::2]]
    keys: list[Any] = [part.casefold() for part in parts]
    keys[1::2] = [(len(digits), digits) for digits in numbers]  # as numbers, however long
    return (tuple(keys), text)


def open_file(path: str | Path, name: str | None = None) -> io.BufferedReader:
    """Open a picture's file to read its bytes.

    Args:
        path: of the file.
        name: what an error calls it; None: the path in quotes.

    Raises:
        PictureError: it is not there or cannot be read, is a folder or anything else that is no ordinary
            file (a named pipe could be waited on forever), or has more than ``MAX_BYTES``.
    """
    name = name or f"'{path}'"
    try:
        status = os.stat(path)  # noqa: PTH116  (once, for all that is asked)
        if stat.S_ISDIR(status.st_mode):
            raise PictureError(
                "{picture} is a folder, not a picture", hint="name the files in it", picture=name
            )
        if not stat.S_ISREG(status.st_mode):
            raise PictureError("{picture} is not an ordinary file", picture=name)
        if status.st_size > MAX_BYTES:
            raise too_many_bytes(name, status.st_size)
        return open(path, "rb")  # noqa: PTH123  (whoever asks closes it)
    except FileNotFoundError as error:
        raise PictureError("{picture} does not exist", picture=name) from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise PictureError(
            "{file} cannot be read: {error}", file=name, error=getattr(error, "strerror", None) or error
        ) from error


def too_many_bytes(name: str, size: int) -> PictureError:
    """Return the error of a picture that has more bytes than are read; ``name`` is what it is called."""
    return PictureError(
        "{picture} has {count:,} bytes; at most {most:,} are read",
        hint="save it as PNG or JPEG",
        picture=name,
        count=size,
        most=MAX_BYTES,
    )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a folder or a link to one; a link in a circle is not."""
    with contextlib.suppress(OSError):
        return entry.is_dir()
    return False


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
