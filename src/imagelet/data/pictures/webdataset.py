"""WebDataset: tar archives in which a picture and its label lie side by side under one key.

``000017.jpg`` and ``000017.cls`` are a sample, whose key ends at the first dot of the name. A label is a
number (``.cls``), a text (``.txt``) or stands in JSON (``.json``) under a usual name. ``classnames.txt``
beside the shards may name the classes, one a line.
(https://github.com/webdataset/webdataset)
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagelet.data.pictures.archive import ArchivedPicture
from imagelet.data.pictures.archive_formats import (
    TAR,
    Archive,
    Member,
    first_names,
    is_tar,
    list_archive,
    read_member,
)
from imagelet.data.pictures.labelled import PictureParts
from imagelet.data.pictures.shards import Label, Labelled, parts_of_shards, shards_in, without_label
from imagelet.errors import DataError, PictureError
from imagelet.preprocessing.picture_files import is_picture

LABELS = ("cls", "json", "txt")  # suffixes of labels; the first that a sample has counts
JSON_NAMES = ("label", "cls", "class", "class_name", "category", "target")
CLASS_NAMES = "classnames.txt"
LARGEST_LABEL = 2**16  # bytes
LARGEST_NAMES = 2**20  # bytes of the names of all classes


@dataclass
class _Sample:
    """What lies under one key: the picture, and the labels by their suffixes."""

    picture: Member | None
    labels: dict[str, Member]


def is_webdataset(path: Path) -> bool:
    """Say whether a tar archive, or the first of a folder, begins with a picture and a label of one key."""
    shards = shards_in(path, _is_shard)
    first = next(iter(shards.values()))[0] if shards else path
    names = first_names(first) if is_tar(first) else []
    labelled = {key for key, suffix in map(_split, names) if suffix in LABELS}
    return any(is_picture(name) and _split(name)[0] in labelled for name in names)


def open_webdataset(path: Path) -> PictureParts:
    """List the pictures of an archive, or of a folder of shards, with their labels, in their order.

    Raises:
        DataError: an archive is damaged, a label cannot be read, or labels are of two kinds.
    """
    parts: dict[str, Labelled] = {}
    alone = 0
    shards = shards_in(path, _is_shard) or {"train": [path]}
    for part, files in shards.items():
        pictures: list[ArchivedPicture] = []
        labels: list[Label] = []
        for file in files:
            archive = list_archive(file)
            for sample in _samples(archive.members):
                label = _label_of(archive, sample)
                if sample.picture is None or label is None:
                    alone += 1
                else:
                    place = archive.path / sample.picture.name
                    pictures.append(ArchivedPicture(place, archive, sample.picture))
                    labels.append(label)
        if pictures:
            parts[part] = Labelled(pictures, labels)
    if not parts:
        raise DataError("'{place}' holds no pictures with labels", place=path)
    return parts_of_shards(path, parts, _class_names(path), without_label(alone))


def _is_shard(name: str) -> bool:
    return bool(TAR.search(name))


def _samples(members: Iterable[Member]) -> Iterator[_Sample]:
    """Yield the samples in the order of their keys."""
    samples: dict[str, _Sample] = {}
    for member in members:
        key, suffix = _split(member.name)
        sample = samples.setdefault(key, _Sample(None, {}))
        if is_picture(member.name) and sample.picture is None:
            sample.picture = member
        elif suffix in LABELS:
            sample.labels[suffix] = member
    return (sample for sample in samples.values() if sample.picture or sample.labels)


def _split(name: str) -> tuple[str, str]:
    """Return the key of a member's name and the suffix after the last dot, in small letters."""
    folder, slash, base = name.rpartition("/")
    key, _, suffixes = base.partition(".")
    return f"{folder}{slash}{key}", suffixes.rpartition(".")[2].lower()


def _label_of(archive: Archive, sample: _Sample) -> Label | None:
    """Return a sample's label; None where it has none."""
    suffix = next((suffix for suffix in LABELS if suffix in sample.labels), None)
    if suffix is None:
        return None
    member = sample.labels[suffix]
    name = archive.path / member.name
    try:
        if member.size > LARGEST_LABEL:
            raise ValueError
        text = read_member(archive, member, name).decode("utf-8-sig").strip()
        return _from_json(json.loads(text)) if suffix == "json" else _as_label(text)
    except PictureError as error:
        raise DataError(error.message, error.hint) from error
    except (ValueError, RecursionError) as error:
        raise DataError("the label '{file}' cannot be read", file=name) from error


def _from_json(content: Any) -> Label | None:
    if isinstance(content, dict):
        content = next((content[name] for name in JSON_NAMES if name in content), None)
    return _as_label(str(content)) if isinstance(content, int | str) else None


def _as_label(text: str) -> Label | None:
    """Return a number or a text; None for nothing."""
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) < 10:
        return int(text)
    return text or None


def _class_names(path: Path) -> list[str]:
    """Return the names of the classes, where a file beside the shards has them."""
    for folder in (path, path.parent):
        file = folder / CLASS_NAMES
        try:
            if file.is_file() and file.stat().st_size <= LARGEST_NAMES:
                return [line.strip() for line in file.read_text("utf-8-sig").splitlines() if line.strip()]
        except (OSError, ValueError) as error:
            raise DataError("the names of classes in '{file}' cannot be read", file=file) from error
    return []
