"""How a dataset's official files may lie: as an archive, or unpacked in a folder.

A part is read from the first data folder in which one layout is there for it. Where there is none, the first
layout's files are downloaded. Only what a part needs is looked for: training works without the test files.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagelet import atomic_files, paths
from imagelet.data.download import (
    RemoteFile,
    damaged,
    download,
    existing_folders,
    fetch,
    is_file,
    part_of,
    sha256_of,
    writing,
)
from imagelet.data.imageset import ImageSet
from imagelet.data.transfer import CHUNK
from imagelet.errors import DataError
from imagelet.messages import Message
from imagelet.progress import Progress


@dataclass(frozen=True)
class Layout:
    """One way in which a dataset's files may lie: together in a folder, or as one archive.

    Args:
        files: all that belong to it.
        read: (place, part) → the part's images, where the place is the folder of the files, or the archive;
            raises DataError where a file is damaged.
    """

    files: tuple[RemoteFile, ...]
    read: Callable[[Path, str], ImageSet]

    def place(self, data_folder: Path) -> Path:
        """Return where the layout lies in a data folder, if it is there."""
        path = data_folder / self.files[0].path
        return path.parent if len(self.files) > 1 else path

    def paths(self, place: Path, part: str | None = None) -> dict[RemoteFile, Path]:
        """Return where each file lies at ``place``: those that ``part`` needs, or all."""
        several = len(self.files) > 1
        return {
            file: place / file.name if several else place
            for file in self.files
            if part is None or part in file.parts
        }


@dataclass(frozen=True)
class FoundFile:
    """A file of a dataset that is on this computer.

    Args:
        name: its path in the data folder.
        path: where it lies.
        size: in bytes.
        sha256: of its content, in hexadecimal.
        official: whether that is the official file, by its SHA-256 or MD5; None where neither is known.
    """

    name: str
    path: Path
    size: int
    sha256: str
    official: bool | None


def find(layouts: Sequence[Layout], part: str) -> tuple[Layout, Path] | None:
    """Return the layout, and its place, that ``part`` is to be read from; None where none is there.

    Raises:
        DataError: IMAGELET_DATA names a folder that is not there.
    """
    for folder in existing_folders():
        for layout in layouts:
            place = layout.place(folder)
            if all(is_file(path) for path in layout.paths(place, part).values()):
                return layout, place
    return None


def read_part(layouts: Sequence[Layout], part: str, progress: Progress | None = None) -> ImageSet:
    """Read ``part`` from where it lies; its files are downloaded where they lie nowhere.

    Raises:
        DataError: a file is damaged, or a data folder other than the cache lacks one beside the others.
        DownloadError: no mirror gave a file, or the cache cannot be written.
    """
    located = find(layouts, part)
    if located is None:
        _refuse_incomplete(layouts, part)
        layout = layouts[0]
        for file in layout.files:
            if part in file.parts:
                fetch(file, progress)
        located = layout, layout.place(paths.downloads())
    layout, place = located
    return layout.read(place, part)


def found_files(layouts: Sequence[Layout], parts: Sequence[str]) -> tuple[FoundFile, ...]:
    """Return the files that ``parts`` would be read from, as far as they are there."""
    present: dict[RemoteFile, Path] = {}
    for part in parts:
        if located := find(layouts, part):
            layout, place = located
            present |= layout.paths(place, part)
    return tuple(identify(file, path) for file, path in present.items())


def keep(
    layouts: Sequence[Layout], parts: Sequence[str], source: Path, progress: Progress | None = None
) -> tuple[FoundFile, ...]:
    """Copy one layout's files from the folder ``source`` into the cache, after reading them all.

    Raises:
        DataError: the folder lacks a file, or one is damaged; nothing was kept.
        DownloadError: the cache cannot be written.
    """
    layout, place = _in_folder(layouts, source.expanduser())
    for file, path in layout.paths(place).items():
        located = identify(file, path)
        unchecked = not file.name.endswith(".gz")  # gzip has a checksum of its own, so reading will tell
        if unchecked and located.official is False and file.exact and located.size == file.size:
            raise damaged(path, file.dataset, Message("has the official length but not the official SHA-256"))
    for part in parts:
        layout.read(place, part)
    kept = [(file, _copy(file, path, progress)) for file, path in layout.paths(place).items()]
    return tuple(identify(file, path) for file, path in kept)


def renew(
    layouts: Sequence[Layout], parts: Sequence[str], progress: Progress | None = None
) -> tuple[FoundFile, ...]:
    """Download what is missing, and what lies in the cache with another hash.

    Raises:
        DownloadError: no mirror gave a file, or the cache cannot be written.
    """
    missing = {part for part in parts if not find(layouts, part)}
    replacing = any(
        file.official is False and file.path.is_relative_to(paths.downloads())
        for file in found_files(layouts, parts)
    )
    for file in layouts[0].files:
        if replacing or missing & set(file.parts):
            download(file, progress, replace=True)
    return found_files(layouts, parts)


def identify(file: RemoteFile, path: Path) -> FoundFile:
    """Return what lies at ``path`` in the place of ``file``.

    Raises:
        DataError: it cannot be read.
    """
    try:
        size, sha256, official = path.stat().st_size, sha256_of(path), file.is_official(path)
    except OSError as error:
        raise damaged(
            path, file.dataset, Message("cannot be read ({error})", error=error.strerror)
        ) from error
    return FoundFile(file.path, path, size, sha256, official)


def _refuse_incomplete(layouts: Sequence[Layout], part: str) -> None:
    """Raise where a data folder has some of a part's files; in the cache the others are downloaded."""
    for folder in existing_folders():
        for layout in layouts if folder != paths.downloads() else ():
            needed = layout.paths(layout.place(folder), part).values()
            missing = [path for path in needed if not is_file(path)]
            if len(missing) < len(needed):
                raise damaged(missing[0], layouts[0].files[0].dataset, Message("is missing"))


def _in_folder(layouts: Sequence[Layout], source: Path) -> tuple[Layout, Path]:
    if not source.is_dir():
        raise DataError(
            "'{source}' is not a folder",
            hint="--from takes the folder with the official files",
            source=source,
        )
    for layout in layouts:
        inside = source if len(layout.files) > 1 else source / layout.files[0].name
        for place in (layout.place(source), inside):
            if all(is_file(path) for path in layout.paths(place).values()):
                return layout, place
    names = " or ".join(", ".join(file.name for file in layout.files) for layout in layouts)
    raise DataError(
        "'{source}' does not hold {dataset}: it needs {names}",
        hint="--from takes the folder with the official files",
        source=source,
        dataset=layouts[0].files[0].dataset,
        names=names,
    )


def _copy(file: RemoteFile, source: Path, progress: Progress | None) -> Path:
    """Copy ``source`` to the place of ``file`` in the cache, whole or not at all, and return that."""
    target = paths.downloads() / file.path
    size, done = source.stat().st_size, 0
    with writing(target, size):
        with source.open("rb") as original, atomic_files.replacing(target) as copy:
            while piece := original.read(CHUNK):
                copy.write(piece)
                done += len(piece)
                if progress:
                    progress(done, size)
        part_of(target).unlink(missing_ok=True)  # of a download that broke before
    return target
