"""The members of zip and tar archives: listed, and read one by one where they are.

Sizes and numbers are bounded before anything is read, whatever an archive announces.
"""

import contextlib
import importlib
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

try:
    from lzma import LZMAError
except ImportError:  # Python may be built without it
    LZMAError = ValueError  # type: ignore[misc, assignment]

from imagelet.data.pictures.forward import ForwardReader
from imagelet.errors import DataError, PictureError
from imagelet.messages import Message, message_of
from imagelet.preprocessing.picture_files import version_of
from imagelet.preprocessing.picture_limits import MAX_BYTES

MOST_MEMBERS = 1_000_000
LARGEST_DIRECTORY = 2**28  # bytes; the list of a zip archive's members
LARGEST_HEADER = 2**15  # bytes; of one member of a tar archive
MOST_RATIO = 200  # bytes that a packed tar archive may hold for each of its own; pictures hardly shrink
SMALLEST_LIMIT = 2**26  # bytes that it may hold in any case
FIRST = 32  # members that tell what an archive is

ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # how a zip archive begins, with members and without
ZIP_ENTRY = b"PK\x01\x02"  # how each entry of its list begins
LOCAL_HEADER = 30  # bytes before a member's name
IS_UTF_8 = 0x800  # the flag of a zip archive's member whose name is so
HANGUL = ("\uac00", "\ud7a3")  # the first syllable and the last
PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\0": "lzma"}  # first bytes, and Python's module
TAR = re.compile(r"\.(tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz))$")

UNREADABLE = (
    OSError,
    EOFError,
    LookupError,
    ValueError,
    RuntimeError,  # names that are nested without end
    MemoryError,
    OverflowError,
    struct.error,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    LZMAError,
)


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive.

    Attributes:
        name: as it is written there.
        size: in bytes, unpacked.
        offset: where it begins, in bytes: its header in a zip archive, its content in a tar archive.
        packed: in bytes, as it lies in a zip archive.
        is_deflated: whether it has to be unpacked.
        checksum: CRC-32 of the content in a zip archive.
    """

    name: str
    size: int
    offset: int
    packed: int = 0
    is_deflated: bool = False
    checksum: int = 0


@dataclass(frozen=True, eq=False)
class Archive:
    """An archive whose members are listed.

    Attributes:
        path: where it is.
        version: another text when it is another archive.
        folders: the names of its folders, as far as they have entries of their own.
        members: its ordinary files.
        odd: how many others it has: links, devices.
        read: returns a member's bytes; raises one of ``UNREADABLE`` where that cannot be done.
        in_order: whether members must be read from front to end.
    """

    path: Path
    version: str
    folders: Sequence[str]
    members: Sequence[Member]
    odd: int
    read: Callable[[Member], bytes]
    in_order: bool = False


def list_archive(path: Path) -> Archive:
    """List an archive's members.

    Raises:
        DataError: it is damaged, has a password, is packed in a way that is not read, or too large.
    """
    try:
        return _list_zip(path) if is_zip(path) else _list_tar(path)
    except UNREADABLE as error:
        raise DataError(
            "the archive '{file}' cannot be read: {error}",
            hint="it may have been cut short on its way here: fetch it or pack it anew",
            file=path,
            error=_reason(error),
        ) from error


def read_member(archive: Archive, member: Member, name: object) -> bytes:
    """Return a member's bytes.

    Args:
        archive: the archive.
        member: one of its members, of a size that may be read.
        name: what an error calls it.

    Raises:
        PictureError: it is damaged.
    """
    try:
        content = archive.read(member)
        if len(content) != member.size:
            raise ValueError(
                Message("it has {count:,} of {size:,} bytes", count=len(content), size=member.size)
            )
    except UNREADABLE as error:
        raise PictureError(
            "{picture} is damaged or cut short: {error}", picture=f"'{name}'", error=_reason(error)
        ) from error
    return content


def is_zip(path: Path) -> bool:
    """Say whether a file is a zip archive, by its suffix or its first bytes; NumPy's are not meant."""
    suffix = path.suffix.lower()
    return path.is_file() and suffix != ".npz" and (suffix == ".zip" or _start_of(path).startswith(ZIP))


def is_tar(path: Path) -> bool:
    """Say whether a file is a tar archive, by its suffix or its first bytes, packed or not."""
    if not path.is_file():
        return False
    if TAR.search(path.name.lower()):
        return True
    try:
        with _unpacked(path) as file:
            return file.read(512)[257:262] == b"ustar"
    except UNREADABLE:
        return False


def _list_zip(path: Path) -> Archive:
    size = path.stat().st_size
    with path.open("rb") as file, zipfile.ZipFile(_Guarded(file, LARGEST_DIRECTORY, size)) as archive:
        infos = archive.infolist()
    if sum(info.compress_size for info in infos) > size:
        raise ValueError(Message("its members lie over each other"))
    members, folders, odd = [], [], 0
    for info in infos:
        name = _name_of(info)
        if not name:
            odd += 1
        elif name.endswith("/"):
            folders.append(name)
        elif (info.external_attr >> 16) & 0o170000 == 0o120000:  # a link, as Unix marks them
            odd += 1
        else:
            _require_plain(info)
            is_deflated = info.compress_type == zipfile.ZIP_DEFLATED
            members.append(
                Member(
                    *(name, info.file_size, info.header_offset, info.compress_size),
                    *(is_deflated, info.CRC),
                )
            )
    return Archive(path, version_of(path), folders, members, odd, partial(_read_zip, path, size))


def _name_of(info: zipfile.ZipInfo) -> str:
    """Return a member's name, which is UTF-8 where the archive says so, and often where it does not.

    Without that mark Python takes a name for one of DOS. Macs write UTF-8 nevertheless, and Korean Windows
    EUC-KR, whose bytes are frames and shades in a name of DOS, so that no name can be meant both ways.
    """
    if info.flag_bits & IS_UTF_8 or info.filename.isascii():
        return info.filename
    written = info.filename.encode("cp437", "replace")
    for encoding in ("utf-8", "euc_kr"):
        with contextlib.suppress(ValueError):
            name = written.decode(encoding)
            if encoding == "utf-8" or all(sign.isascii() or HANGUL[0] <= sign <= HANGUL[1] for sign in name):
                return name
    return info.filename


def _require_plain(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & 1:
        raise ValueError(Message("{name} is locked by a password", name=info.filename))
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(
            Message(
                "{name} is packed in the way number {number}, which is not read; pack it with deflate",
                name=info.filename,
                number=info.compress_type,
            )
        )


def _read_zip(path: Path, size: int, member: Member) -> bytes:
    with path.open("rb") as file:
        file.seek(min(member.offset, size))
        header = file.read(LOCAL_HEADER)
        if len(header) < LOCAL_HEADER or header[:4] != ZIP[0]:
            raise ValueError(Message("it is not where the archive says"))
        file.seek(sum(struct.unpack("<2H", header[26:])), 1)  # its name and more
        content = file.read(min(member.packed, size))
    if member.is_deflated:
        content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, member.size + 1)
    if len(content) == member.size and zlib.crc32(content) != member.checksum:
        raise ValueError(Message("its checksum is wrong"))
    return content


def _list_tar(path: Path) -> Archive:
    members: list[Member] = []
    folders: list[str] = []
    odd = 0
    for info in _tar_members(path):
        if info.isdir():
            folders.append(info.name)
        elif info.isreg() and not info.issparse():
            members.append(Member(info.name, info.size, info.offset_data))
        else:
            odd += 1
    read, in_order = partial(_read_tar, path), _module(path) is not None
    if in_order:
        reader = ForwardReader(partial(_contents, path, [one for one in members if one.size <= MAX_BYTES]))
        read = partial(_read_packed, reader)
    return Archive(path, version_of(path), folders, members, odd, read, in_order)


def _tar_members(path: Path) -> Iterator[tarfile.TarInfo]:
    """Yield what a tar archive has, packed or not, in order."""
    size = path.stat().st_size
    limit, beyond = size, Message("it ends before its last member does")
    if _module(path):
        limit = max(SMALLEST_LIMIT, MOST_RATIO * size)
        beyond = Message("it unpacks to more than {most:,} bytes, too many for its size", most=limit)
    reached = 0
    with _unpacked(path) as file:
        guarded = _Guarded(file, LARGEST_HEADER, limit, beyond)
        tar = tarfile.TarFile(fileobj=guarded)  # type: ignore[arg-type]
        for _ in range(MOST_MEMBERS):
            info = tar.next()
            if info is None:
                guarded.seek(tar.offset)
                if not guarded.read(tarfile.BLOCKSIZE):  # zeros stand at the end of every whole archive
                    raise ValueError(Message("it is cut short: the mark at its end is missing"))
                while guarded.read(LARGEST_HEADER):
                    pass  # to the end, where what it is packed with has its checksum
                return
            tar.members.clear()  # type: ignore[attr-defined]  # each would be kept a second time
            if tar.offset <= reached or info.size < 0:
                raise ValueError(Message("its members lie over each other"))
            reached = tar.offset
            yield info
    raise _too_many_members()


def _read_tar(path: Path, member: Member) -> bytes:
    with path.open("rb") as file:
        file.seek(member.offset)
        return file.read(member.size)


def _read_packed(reader: ForwardReader, member: Member) -> bytes:
    return reader.read(member.offset)


def _contents(path: Path, members: Sequence[Member], _: int) -> Iterator[tuple[int, bytes]]:
    """Yield the offset and the bytes of each member of a packed archive."""
    with _unpacked(path) as file:
        for member in members:
            file.seek(member.offset)
            yield member.offset, file.read(member.size)


def first_names(path: Path) -> list[str]:
    """Return the names of the first files of a tar archive, as far as they can be read."""
    names = []
    with contextlib.suppress(*UNREADABLE):  # whoever reads it is told
        for info in islice(_tar_members(path), FIRST):
            names.append(info.name)  # noqa: PERF401  (those before one that is damaged count)
    return names


def _start_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(6)
    except OSError:
        return b""


def _module(path: Path) -> str | None:
    """Return Python's module that unpacks a file; None where it is not packed."""
    start = _start_of(path)
    return next((module for magic, module in PACKED.items() if start.startswith(magic)), None)


def _unpacked(path: Path) -> BinaryIO:
    module = _module(path)
    opened: BinaryIO = importlib.import_module(module).open(path) if module else path.open("rb")
    return opened


def _reason(error: BaseException) -> str:
    return message_of(error) or type(error).__name__


def _too_many_members() -> ValueError:
    return ValueError(Message("it has more than {most:,} members", most=MOST_MEMBERS))


class _Guarded:
    """A file of which not too much is read at once, nor anything beyond a limit.

    Args:
        file: the file.
        most: bytes at once.
        limit: bytes from its beginning.
        beyond: what is wrong with a file that goes on beyond it.
    """

    def __init__(self, file: BinaryIO, most: int, limit: int, beyond: str = "") -> None:
        self._file, self._most, self._limit, self._beyond = file, most, limit, beyond
        self.tell, self.seekable = file.tell, file.seekable

    def read(self, size: int | None = -1) -> bytes:
        """Read as a file does."""
        if size is not None and size > self._most:
            raise ValueError(Message("a list of members or a name in it takes {count:,} bytes", count=size))
        content = self._file.read(self._most if size is None or size < 0 else size)
        if len(content) > MOST_MEMBERS and content.count(ZIP_ENTRY) > MOST_MEMBERS:
            raise _too_many_members()
        self._require(self._file.tell())
        return content

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move as in a file."""
        if whence == 0:
            self._require(offset)
        return self._file.seek(offset, whence)

    def _require(self, offset: int) -> None:
        if offset > self._limit:
            raise ValueError(self._beyond)
