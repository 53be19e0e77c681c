"""Pictures in several files beside each other, the shards of a dataset, and the classes of their labels."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from imagelet.data.imageset import PARTS
from imagelet.data.pictures.labelled import LabelledPictures, PictureParts, itself
from imagelet.data.pictures.listing import PART_NAMES, SYSTEM_FOLDERS
from imagelet.errors import DataError
from imagelet.messages import Message
from imagelet.preprocessing.picture_files import StoredPicture, natural_key

MOST_SHARDS = 10_000
MOST_CLASSES = 10_000
LOOKED_AT = 50  # entries of a folder, to see whether it holds shards
LONGEST_NAME = 200  # letters of a class; more is a caption

Label = int | str


@dataclass(frozen=True)
class Labelled:
    """Some pictures as a shard gives them.

    Attributes:
        pictures: where they lie.
        labels: of each the number of its class, or its name.
    """

    pictures: Sequence[StoredPicture]
    labels: Sequence[Label]


def shards_in(path: Path, is_shard: Callable[[str], bool], deep: int = 3) -> dict[str, list[Path]]:
    """Return the shards that a file or folder stands for by part, in natural order; {}: there are none.

    Args:
        path: a shard; or a folder with shards alone; or one with such folders, each a part, or a single one.
        is_shard: tells by a file's name in small letters.
        deep: how many folders that lie alone in each other are passed through.
    """
    if path.is_file():
        return {"train": [path]} if is_shard(path.name.lower()) else {}
    folders, files = _entries(path, is_shard)
    parts: dict[str, list[Path]] = {}
    if files and not folders:
        for file in files:
            parts.setdefault(_part_of(file.name) or "train", []).append(file)
    elif not files:
        within = {folder: shards for folder in folders if (shards := _entries(folder, is_shard)[1])}
        alone = [folder for folder in within or folders if folder.name.lower() not in PART_NAMES]
        if deep and len(alone) == len(within or folders) == 1:
            return shards_in(alone[0], is_shard, deep - 1)
        for folder, shards in within.items():
            if part := _part_of(folder.name):
                parts.setdefault(part, []).extend(shards)
    return {part: parts[part] for part in PARTS if part in parts}


def is_named_after(part: str, shard: Path, path: Path) -> bool:
    """Say whether a shard's name, or its folder's within ``path``, is what says its part."""
    return any(_part_of(name) == part for name in shard.relative_to(path).parts)


def parts_of_shards(
    place: Path, parts: Mapping[str, Labelled], names: Sequence[str] = (), left_out: Sequence[Message] = ()
) -> PictureParts:
    """Return the pictures of shards by part, in their order; classes are those of the training part.

    Args:
        place: the folder or file that they lie in.
        parts: the pictures of each part with their labels, all numbers or all texts.
        names: what the classes with the numbers 0, 1, 2 … are called; empty: by their numbers.
        left_out: a sentence about everything that is not read.

    Raises:
        DataError: a label has no name, is no class of the training part, or there are too many classes.
    """
    first = parts.get("train") or next(iter(parts.values()))
    values = set(first.labels)
    if len({type(label) for part in parts.values() for label in part.labels}) > 1:
        raise DataError("some labels in '{place}' are numbers and some are texts", place=place)
    if len(values) > MOST_CLASSES:
        raise DataError(
            "'{place}' has {count:,} different labels; at most {most:,} classes are read",
            hint="a label is the name or the number of a class, not a caption",
            place=place,
            count=len(values),
            most=MOST_CLASSES,
        )
    ordered = sorted(values, key=lambda label: natural_key(label) if isinstance(label, str) else (label,))
    indices = {label: index for index, label in enumerate(ordered)}
    classes = tuple(_name_of(label, names, place) for label in ordered)
    listed = {}
    for part, labelled in parts.items():
        strange = next((label for label in labelled.labels if label not in indices), None)
        if strange is not None:  # 0 is a label
            raise DataError(
                "the class '{name}' is in the part {part} of '{place}', but not in the part train",
                name=_name_of(strange, names, place),
                part=part,
                place=place,
            )
        labels = np.array([indices[label] for label in labelled.labels], np.int64)
        pictures = LabelledPictures(place, classes, tuple(labelled.pictures), labels)
        listed[part] = partial(itself, pictures)
    return PictureParts(place, listed, tuple(left_out))


def without_label(count: int) -> list[Message]:
    """Return what is said of pictures that have no label, or labels that have no picture."""
    if not count:
        return []
    return [
        Message("pictures without a label, or labels without a picture, left out: {count:,}.", count=count)
    ]


def _name_of(label: Label, names: Sequence[str], place: Path) -> str:
    if isinstance(label, str):
        name = label
    elif not names:
        return str(label)
    elif 0 <= label < len(names):
        name = names[label]
    else:
        raise DataError(
            "a picture in '{place}' has the label {label}; the {count} classes are 0 to {last}",
            place=place,
            label=label,
            count=len(names),
            last=len(names) - 1,
        )
    if len(name) > LONGEST_NAME or name.encode("utf-8", "ignore").decode() != name:
        raise DataError(
            "the label {name!a} in '{place}' is no name of a class",
            hint="a name is Unicode and has at most {most} letters",
            name=name[:LONGEST_NAME],
            place=place,
            most=LONGEST_NAME,
        )
    return name


def _part_of(name: str) -> str | None:
    """Return the part that a word of a file's name is a usual name of."""
    words = re.findall(r"[a-z]+(?:10k)?", name.lower())
    return next((PART_NAMES[word] for word in words if word in PART_NAMES), None)


def _entries(folder: Path, is_shard: Callable[[str], bool]) -> tuple[list[Path], list[Path]]:
    """Return the folders in a folder, and the shards; of many entries, only if the first have a shard."""
    try:
        with os.scandir(folder) as entries:
            seen = list(islice(entries, LOOKED_AT))
            if any(is_shard(entry.name.lower()) for entry in seen):
                seen += list(islice(entries, MOST_SHARDS))
            seen = [one for one in seen if one.name[0] != "." and one.name not in SYSTEM_FOLDERS]
            folders = [folder / entry.name for entry in seen if entry.is_dir()]
            shards = [folder / one.name for one in seen if is_shard(one.name.lower()) and one.is_file()]
    except OSError:
        return [], []
    return folders, sorted(shards, key=lambda path: natural_key(path.name))
