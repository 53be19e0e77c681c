"""Archives of pictures, read where they are: nothing is unpacked to the disk.

An archive becomes a tree of folders, which is then listed as one of the disk is. What could lead out of it
(absolute names, ``..``, links) is left out.
"""

import io
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from imagelet.data.pictures.archive_formats import Archive, Member, list_archive, read_member
from imagelet.messages import Message
from imagelet.preprocessing.picture_files import (
    PictureFolder,
    StoredPicture,
    natural_key,
    too_many_bytes,
)
from imagelet.preprocessing.picture_limits import MAX_BYTES

MOST_DEEP = 32  # folders in each other


class ArchivedPicture(StoredPicture):
    """A picture that is a member of an archive."""

    __slots__ = ("_archive", "_member", "_path")

    def __init__(self, path: Path, archive: Archive, member: Member) -> None:
        self._path, self._archive, self._member = path, archive, member

    @property
    def path(self) -> Path:
        """The archive's path, and the member's name in it."""
        return self._path

    @property
    def position(self) -> int:
        """Where it is in a packed archive."""
        return self._member.offset if self._archive.in_order else 0

    def version(self) -> str:
        """Return what is told of the member and of its archive."""
        member = self._member
        return f"{self._archive.version}\0{member.offset}\0{member.size}\0{member.checksum}"

    def open(self) -> BinaryIO:
        """Read the member into memory."""
        if self._member.size > MAX_BYTES:
            raise too_many_bytes(f"'{self}'", self._member.size)
        return io.BytesIO(read_member(self._archive, self._member, self))


class ArchiveFolder(PictureFolder):
    """A folder inside an archive.

    Args:
        path: the archive's path, and the folder's in it.
        archive: the archive.
    """

    def __init__(self, path: Path, archive: Archive) -> None:
        self.path = path
        self._archive = archive
        self._folders: dict[str, ArchiveFolder] = {}
        self._members: dict[str, Member] = {}

    @cached_property
    def entries(self) -> Mapping[str, PictureFolder | None]:
        """What is in it and not hidden; of a file and a folder with one name, the folder."""
        names = (name for name in {**self._folders, **self._members} if name[0] != ".")
        return {name: self._folders.get(name) for name in sorted(names, key=natural_key)}

    @property
    def identity(self) -> object:
        """The folder itself: there is one path to it."""
        return self

    def around(self) -> set[object]:
        """Return nothing: no link leads up."""
        return set()

    def picture(self, name: str) -> StoredPicture:
        """Return a member."""
        return ArchivedPicture(self.path / name, self._archive, self._members[name])

    def below(self, names: Sequence[str]) -> "ArchiveFolder":
        """Return the folder that ``names`` lead to, one in the other; it is made where it is not there."""
        folder = self
        for name in names:
            found = folder._folders.get(name)
            if found is None:
                found = folder._folders[name] = ArchiveFolder(folder.path / name, self._archive)
            folder = found
        return folder

    def put(self, name: str, member: Member) -> None:
        """Put a file in; one of the same name gives way, as it would when the archive is unpacked."""
        self._members[name] = member


def open_archive(path: Path) -> ArchiveFolder:
    """Return an archive's content as a folder; its members are listed, not read.

    Raises:
        DataError: it is damaged, has a password, is packed in a way that is not read, or too large.
    """
    return tree_of(list_archive(path))


def tree_of(archive: Archive) -> ArchiveFolder:
    """Return the members of an archive by their folders; those whose names lead out of it are left out."""
    top = ArchiveFolder(archive.path, archive)
    outside = archive.odd
    for name in archive.folders:
        if names := _names_in(name):
            top.below(names)
    for member in archive.members:
        names = _names_in(member.name)
        if names:
            top.below(names[:-1]).put(names[-1], member)
        else:
            outside += 1
    if outside:
        top.left_out = (
            Message(
                "members of the archive that are links or whose names lead out of it, left out: {count:,}.",
                count=outside,
            ),
        )
    return top


def _names_in(name: str) -> list[str] | None:
    """Return the names that lead from an archive's top to a member; None where they may lead out of it."""
    names = [part for part in re.split(r"[/\\]", name) if part not in ("", ".")]
    outside = name[:1] in ("/", "\\") or re.match(r"[A-Za-z]:", name) or ".." in names
    return None if outside or not 0 < len(names) <= MOST_DEEP or "\0" in name else names
