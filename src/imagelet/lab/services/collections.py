"""Collections: pictures that a person gathers on the page, in a folder with one subfolder a class.

``runs/collections/NAME`` is what ``imagelet train`` takes. The names of files are made here, of what kind a
picture is and of its content, so that the same picture is kept once. Collections, classes and files are
looked up in listings: no name that a request gives becomes a path, except that of a new folder, which is
checked to be plain on every system. What is deleted waits in the hidden folder ``.trash`` for a day.
"""

import contextlib
import hashlib
import os
import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import filelock
import numpy as np
from numpy.typing import NDArray

from imagelet import atomic_files, paths
from imagelet.data.pictures.listing import SYSTEM_FOLDERS
from imagelet.errors import BusyError, ConflictError, DataError, RunError, UsageError
from imagelet.messages import Message
from imagelet.preprocessing.picture import write_picture
from imagelet.preprocessing.picture_files import is_picture, natural_key
from imagelet.registry import suggestion

FOLDER = "collections"
TRASH = ".trash"
LOCK = ".lock"
MOST_COLLECTIONS = 200
MOST_CLASSES = 100
MOST = 10_000  # pictures of a collection
MOST_BYTES = 2 * 2**30  # of a collection's files
LONGEST_NAME = 50  # letters
SECONDS_IN_TRASH = 24 * 3600
DIGITS = 12  # of a content's hash, in a file's name
FORBIDDEN = frozenset('<>:"/\\|?*')  # in the names of files on Windows
DEVICES = frozenset(
    {
        "con",
        "prn",
        "aux",
        "nul",
        *(f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"),
    }
)
SUFFIXES = ((b"\x89PNG\r\n\x1a\n", ".png"), (b"\xff\xd8\xff", ".jpg"))  # what is kept as it was given


class Named(NamedTuple):
    """A picture as a request names it: its class and its file."""

    label: str
    file: str


@dataclass(frozen=True)
class Collection:
    """A collection where it lies.

    Attributes:
        name: of its folder.
        folder: holds one subfolder a class.
    """

    name: str
    folder: Path

    @property
    def classes(self) -> dict[str, Path]:
        """The folders of its classes by their names, in natural order."""
        return dict(sorted(_folders(self.folder).items(), key=lambda item: natural_key(item[0])))

    def class_folder(self, name: str) -> Path:
        """Return the folder of a class.

        Raises:
            UsageError: there is none of that name.
        """
        folder: Path = _looked_up(name, self.classes, Message("class"))
        return folder

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Let nobody else change it in the block.

        Raises:
            BusyError: somebody else does, for seconds.
        """
        try:
            with filelock.FileLock(self.folder / LOCK, timeout=10):
                yield
        except filelock.Timeout:
            raise BusyError(
                "the collection '{name}' is being changed", "wait a moment and try again", name=self.name
            ) from None


def collections_folder(runs: Path) -> Path:
    """Return the folder that holds the collections; it need not exist."""
    return runs / FOLDER


def list_collections(runs: Path) -> list[dict[str, Any]]:
    """Return the collections, the one that was changed last first: ``name``, ``classes`` and ``pictures``."""
    found = [Collection(name, folder) for name, folder in _folders(collections_folder(runs)).items()]
    rows = []
    for collection in sorted(found, key=_changed, reverse=True):
        counts = {name: len(_files(folder)) for name, folder in collection.classes.items()}
        rows.append({"name": collection.name, "classes": list(counts), "pictures": sum(counts.values())})
    return rows


def find_collection(runs: Path, name: str) -> Collection:
    """Return the collection of that name.

    Raises:
        RunError: there is none.
    """
    known = _folders(collections_folder(runs))
    folder = known.get(unicodedata.normalize("NFC", name))
    if folder is None:
        raise RunError(
            "there is no collection '{name}'{meant}",
            Message("/api/collections lists them"),
            name=name,
            meant=suggestion(name, known),
        )
    return Collection(folder.name, folder)


def create_collection(runs: Path, name: str, classes: Sequence[str]) -> Collection:
    """Make a collection's folder with a subfolder for each class, and return it.

    Raises:
        UsageError: a name that no folder may have on every system, or a class twice.
        ConflictError: there is one of that name, or there are too many.
    """
    name = plain_name(name, Message("name of the collection"))
    names: list[str] = []
    for given in classes:
        names.append(_new_name(given, names))
    above = collections_folder(runs)
    known = _folders(above)
    if name.casefold() in {other.casefold() for other in known} or (above / name).exists():
        raise ConflictError(
            "there is a collection '{name}' already", "open it, or choose another name", name=name
        )
    if len(known) >= MOST_COLLECTIONS:
        raise ConflictError(
            "there are {count} collections already, and no more may be",
            "move some out of {folder}",
            count=MOST_COLLECTIONS,
            folder=above,
        )
    folder = above / name
    for below in names:
        (folder / below).mkdir(parents=True)
    folder.mkdir(parents=True, exist_ok=True)
    return Collection(name, folder)


def describe_collection(collection: Collection) -> dict[str, Any]:
    """Return a collection with its pictures, those that came last first in each class."""
    return {
        "name": collection.name,
        "folder": str(collection.folder.resolve()),
        "command": f"imagelet train {paths.typed(collection.folder)}",
        "classes": [
            {"name": name, "pictures": [_facts(entry) for entry in _files(folder).values()]}
            for name, folder in collection.classes.items()
        ],
    }


def add_class(collection: Collection, name: str) -> None:
    """Add a class without pictures.

    Raises:
        UsageError: a name that no folder may have on every system, or a class of that name is there.
    """
    with collection.changing():
        known = collection.classes
        if len(known) >= MOST_CLASSES:
            raise UsageError("a collection has at most {count} classes", count=MOST_CLASSES)
        (collection.folder / _new_name(name, known)).mkdir()


def rename_class(collection: Collection, name: str, new: str) -> None:
    """Give a class another name.

    Raises:
        UsageError: there is no such class, or as :func:`add_class`.
    """
    with collection.changing():
        folder = collection.class_folder(name)
        others = [other for other in collection.classes if other != folder.name]
        folder.rename(collection.folder / _new_name(new, others))


def remove_class(collection: Collection, name: str) -> None:
    """Take a class away that has no pictures.

    Raises:
        UsageError: there is no such class.
        ConflictError: it has pictures.
    """
    with collection.changing():
        folder = collection.class_folder(name)
        try:
            folder.rmdir()
        except OSError as error:
            raise ConflictError(
                "the class '{name}' has pictures", "delete or move them first", name=name
            ) from error


def add_pictures(
    collection: Collection,
    label: str,
    kind: str,
    pictures: Sequence[tuple[bytes, NDArray[np.uint8]]],
    burst: int | None = None,
) -> list[dict[str, Any]]:
    """Keep pictures in a class, PNG and JPEG files as they are, others as PNG.

    Args:
        collection: where.
        label: the class.
        kind: how they came: ``camera``, ``drawing`` or ``file``.
        pictures: the content of each file, and its pixels, uint8 (height, width, 1 or 3).
        burst: a number that the pictures of one burst of the camera share.

    Returns:
        For each picture ``file``, its name; and ``known``: the class that has it already, else None.

    Raises:
        UsageError: there is no such class, or the collection is full.
    """
    with collection.changing():
        folder = collection.class_folder(label)
        kept = {name: _files(place) for name, place in collection.classes.items()}
        _require_room(collection, kept, [content for content, _ in pictures])
        known = {_digest_of(file): (name, file) for name, files in kept.items() for file in files}
        added: list[dict[str, Any]] = []
        for content, pixels in pictures:
            digest = hashlib.sha256(content).hexdigest()[:DIGITS]
            if digest in known:
                name, file = known[digest]
                added.append({"file": file, "known": name})
                continue
            stem = "-".join([kind, *([] if burst is None else [f"{burst:015}"]), digest])
            suffix = next((suffix for head, suffix in SUFFIXES if content.startswith(head)), None)
            file = stem + (suffix or ".png")
            if suffix is None:
                write_picture(pixels, folder / file)
            else:
                atomic_files.write_bytes(folder / file, content)
            known[digest] = (label, file)
            added.append({"file": file, "known": None})
    return added


def move_pictures(collection: Collection, pictures: Sequence[Named], label: str) -> list[Named]:
    """Give pictures another class, and return them as they are named then.

    Raises:
        UsageError: there is no such class or picture; then nothing is moved.
    """
    with collection.changing():
        folder = collection.class_folder(label)
        found = [(named, find_picture(collection, named)) for named in pictures]
        for named, path in found:
            target = folder / named.file
            if path != target and target.exists():
                raise ConflictError(
                    "the class '{name}' has a picture {file} already", name=label, file=named.file
                )
        for named, path in found:
            path.replace(folder / named.file)
    return [Named(folder.name, named.file) for named, _ in found]


def delete_pictures(collection: Collection, pictures: Sequence[Named]) -> None:
    """Move pictures into the trash, from which they can be brought back for a day.

    Raises:
        UsageError: there is no such class or picture; then nothing is deleted.
    """
    with collection.changing():
        found = [(named, find_picture(collection, named)) for named in pictures]
        _sweep(collection.folder / TRASH)
        for named, path in found:
            place = collection.folder / TRASH / path.parent.name
            place.mkdir(parents=True, exist_ok=True)
            path.replace(place / named.file)
            os.utime(place / named.file)  # when it was deleted


def restore_pictures(collection: Collection, pictures: Sequence[Named]) -> None:
    """Bring deleted pictures back into their classes.

    Raises:
        UsageError: one is not in the trash; then none is brought back.
        ConflictError: a class has another file of that name by now.
    """
    with collection.changing():
        places = _folders(collection.folder / TRASH)
        found = []
        for named in pictures:
            place = _looked_up(named.label, places, Message("class"))
            path = Path(_looked_up(named.file, _files(place), Message("picture")).path)
            target = collection.folder / place.name / path.name
            if target.exists():
                raise ConflictError(
                    "the class '{name}' has a picture {file} already", name=place.name, file=path.name
                )
            found.append((path, target))
        for path, target in found:
            target.parent.mkdir(exist_ok=True)
            path.replace(target)


def find_picture(collection: Collection, named: Named) -> Path:
    """Return the file of a picture.

    Raises:
        UsageError: there is no such class or picture.
    """
    folder = collection.class_folder(named.label)
    return Path(_looked_up(named.file, _files(folder), Message("picture")).path)


def plain_name(given: str, what: str) -> str:
    """Return a name that a folder may have on every system, its accents composed and no space around it.

    Raises:
        UsageError: it is empty, long, hidden, or means something to a system.
    """
    name = unicodedata.normalize("NFC", given).strip()
    if not name or len(name) > LONGEST_NAME:
        raise UsageError("the {what} has 1 to {most} letters", what=what, most=LONGEST_NAME)
    odd = sorted({letter for letter in name if letter in FORBIDDEN or not letter.isprintable()})
    if odd:
        raise UsageError(
            "the {what} '{name}' holds {letters}, which no folder's name may hold",
            "write it in letters, digits, spaces and -",
            what=what,
            name=name,
            letters=" ".join(ascii(letter)[1:-1] for letter in odd[:5]),
        )
    is_of_system = name in SYSTEM_FOLDERS or name.partition(".")[0].strip().casefold() in DEVICES
    if name[0] == "." or name[-1] == "." or is_of_system:
        raise UsageError(
            "the {what} cannot be '{name}': that means something to a system",
            "choose another",
            what=what,
            name=name,
        )
    return name


def _new_name(given: str, known: Sequence[str] | dict[str, Path]) -> str:
    name = plain_name(given, Message("name of the class"))
    if name.casefold() in {other.casefold() for other in known}:
        raise UsageError("there is a class '{name}' already", "choose another name", name=name)
    return name


def _looked_up(name: str, known: Any, what: str) -> Any:
    """Return what a listing has under a name that a request gives; accents may be composed or not."""
    wanted = unicodedata.normalize("NFC", name)
    if wanted not in known:
        raise UsageError(
            "there is no {what} '{name}'", "reload the page: it may have been moved", what=what, name=name
        )
    return known[wanted]


def _folders(folder: Path) -> dict[str, Path]:
    """Return the folders in a folder that are neither hidden nor links, by their names, accents composed."""
    try:
        with os.scandir(folder) as entries:
            found = [
                Path(entry)
                for entry in entries
                if entry.name[0] != "." and entry.name not in SYSTEM_FOLDERS and _is_folder(entry)
            ]
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DataError(
            "the folder '{folder}' cannot be listed: {error}", folder=folder, error=error.strerror
        ) from error
    return {unicodedata.normalize("NFC", path.name): path for path in found}


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    return entry.is_dir(follow_symlinks=False)


def _files(folder: Path) -> dict[str, "os.DirEntry[str]"]:
    """Return the pictures that lie in a folder, no links, by their names, the newest first."""
    found: list[tuple[int, os.DirEntry[str]]] = []
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name[0] != "." and is_picture(entry.name) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError):  # it has just been moved
                    found.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry))
    found.sort(key=lambda pair: (-pair[0], pair[1].name))
    return {unicodedata.normalize("NFC", entry.name): entry for _, entry in found}


def _facts(entry: "os.DirEntry[str]") -> dict[str, Any]:
    """Return a picture's name, and a text that is another one when the file is."""
    status = entry.stat(follow_symlinks=False)
    return {
        "file": unicodedata.normalize("NFC", entry.name),
        "version": f"{status.st_size:x}-{status.st_mtime_ns:x}",
    }


def _digest_of(file: str) -> str:
    """Return the hash in a file's name that was made here; of another file its name."""
    return file.rpartition(".")[0].rpartition("-")[2]


def _require_room(
    collection: Collection, kept: dict[str, dict[str, "os.DirEntry[str]"]], contents: Sequence[bytes]
) -> None:
    count = sum(map(len, kept.values()))
    if count + len(contents) > MOST:
        raise UsageError(
            "the collection '{name}' has {count:,} pictures, and no more than {most:,} may be",
            "delete some, or begin another collection",
            name=collection.name,
            count=count,
            most=MOST,
        )
    size = sum(entry.stat().st_size for files in kept.values() for entry in files.values())
    if size + sum(map(len, contents)) > MOST_BYTES:
        raise UsageError(
            "the files of the collection '{name}' take {size} MB, and no more than {most} MB may be",
            "delete some, or begin another collection",
            name=collection.name,
            size=size // 2**20,
            most=MOST_BYTES // 2**20,
        )


def _sweep(trash: Path) -> None:
    """Remove for good what was deleted more than a day ago."""
    oldest = time.time() - SECONDS_IN_TRASH
    for folder in _folders(trash).values():
        for entry in _files(folder).values():
            with contextlib.suppress(OSError):
                if entry.stat().st_mtime < oldest:
                    Path(entry).unlink()
        with contextlib.suppress(OSError):
            folder.rmdir()  # where nothing is left


def _changed(collection: Collection) -> int:
    """Return when a collection or a class of it was changed last, in nanoseconds."""
    times = [0]
    for folder in (collection.folder, *collection.classes.values()):
        with contextlib.suppress(OSError):
            times.append(folder.stat().st_mtime_ns)
    return max(times)
