"""Data that a program passed, kept in the cache, so that its runs find it again in any process.

Each dataset is a folder: ``dataset.json`` and, for each part, images and labels as ``.npy`` files,
which are memory-mapped. The folder's name ends in a hash of all that is in it, so the same
arrays are kept once, whoever passes them. Nothing is ever deleted but by people.
"""

import contextlib
import hashlib
import json
import re
import secrets
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from imagelet import atomic_files, paths
from imagelet.data.forms import npy
from imagelet.data.imageset import PARTS, Dataset, DatasetCard, ImageSet, Turned, left_on_disk
from imagelet.errors import DataError, ImageletError
from imagelet.messages import Message, message_of
from imagelet.preprocessing.framing import Framing

FORMAT = 1
FACTS = "dataset.json"
LARGEST_FACTS = 2**22  # bytes: ten thousand long class names
MAKING = ".making-"
WRITTEN_AT_ONCE = 2**24  # bytes
HASHED = 16  # hexadecimal digits of the hash in a folder's name


def folder_of_kept() -> Path:
    """Return the folder that holds all kept datasets. It need not exist."""
    return paths.home() / "arrays"


def is_kept(path: Path) -> bool:
    """Say whether a folder is a kept dataset, or was one."""
    return (path / FACTS).is_file() or (path.parent == folder_of_kept() and not path.exists())


def keep(dataset: Dataset) -> Path:
    """Keep a dataset, all its parts, and return its folder; the same data is kept once.

    Raises:
        DataError: a part cannot be read.
        OSError: the cache cannot be written, or the disk is full; nothing half-written is left.
    """
    parts = {part: dataset.read(part) for part in dataset.parts}
    facts = json.dumps(_facts(dataset, parts), indent=2, ensure_ascii=False) + "\n"
    digest = hashlib.sha256(facts.encode()).hexdigest()[:HASHED]
    name = re.sub(r"[^\w-]+", "-", dataset.card.name)[:40]
    place = folder_of_kept() / f"{name}-{digest}"
    if (place / FACTS).is_file():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(place.parent / f"{MAKING}lock"):
        for dead in place.parent.glob(f"{MAKING}*.part"):  # whose maker was killed: this one holds the lock
            shutil.rmtree(dead, ignore_errors=True)
        if not (place / FACTS).is_file():
            _write(place, parts, facts)
    return place


def _write(place: Path, parts: dict[str, ImageSet], facts: str) -> None:
    made = place.with_name(f"{MAKING}{secrets.token_hex(4)}.part")
    try:
        made.mkdir()
        for part, images in parts.items():
            _save(made / f"{part}-images.npy", images.images)
            _save(made / f"{part}-labels.npy", images.labels)
            if images.sources is not None:
                _save(made / f"{part}-sources.npy", images.sources)
        atomic_files.write_text(made / FACTS, facts)
        made.rename(place)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    atomic_files.flush_folder(place.parent)


def _save(path: Path, array: NDArray[Any]) -> None:
    """Write an array, some rows at a time: it may be larger than the memory."""
    with path.open("xb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False}
        np.lib.format.write_array_header_1_0(file, header | {"shape": array.shape})
        rows = max(1, WRITTEN_AT_ONCE // max(1, array.nbytes // max(1, len(array))))
        for start in range(0, len(array), rows):
            file.write(np.ascontiguousarray(array[start : start + rows]).data)


def _facts(dataset: Dataset, parts: dict[str, ImageSet]) -> dict[str, Any]:
    card, images = dataset.card, parts["train"]
    height, width, channels = images.shape
    return {
        "format": FORMAT,
        **{name: getattr(card, name) for name in ("name", "title", "description", "flips", "licence")},
        "classes": list(images.classes),
        "framing": (card.framing or Framing("fit", height, width, channels)).to_json(),
        "turned": [list(turned) for turned in card.turned],
        "understood": list(dataset.understood),
        "parts": {part: _part_facts(one) for part, one in parts.items()},
    }


def _part_facts(images: ImageSet) -> dict[str, Any]:
    """Return what tells a part from every other; sources are no part of the fingerprint."""
    sources = None if images.sources is None else hashlib.sha256(images.sources.tobytes()).hexdigest()
    return {"images": len(images), "sha256": images.fingerprint(), "sources_sha256": sources}


def open_kept(folder: Path) -> Dataset:
    """Open a kept dataset; its parts are memory-mapped when they are asked for.

    Raises:
        DataError: it is not there any more, or damaged.
    """
    if not folder.exists():
        raise DataError(
            "the arrays that were kept in {folder} are not there any more",
            hint="pass the same again, as imagelet.load_dataset(X, y): imagelet.evaluate(run, …), "
            "imagelet.resume(run, data=…)",
            folder=folder,
        )
    try:
        facts = _read(folder / FACTS)
        card, parts = _card(facts, folder), list(facts["parts"])
        if "train" not in parts or set(parts) - set(PARTS):
            raise ValueError(Message("its parts are not those of a dataset"))
    except (OSError, ValueError, TypeError, LookupError, RecursionError, ImageletError) as error:
        raise _damaged(folder, error) from error
    readers = {part: partial(_part, folder, part, card.classes) for part in parts}
    understood = *map(Message, facts["understood"]), _said(folder)
    return Dataset(card, str(folder), readers, understood, str(folder))


def _said(folder: Path) -> Message:
    size = sum(file.stat().st_size for file in folder.glob("*.npy")) / 2**20
    return Message(
        "Kept in {folder} ({size:,.1f} MB), so that the run finds them again; delete the folder when you "
        "need no run of it any more.",
        folder=folder,
        size=size,
    )


def _read(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        content = file.read(LARGEST_FACTS + 1)
    if len(content) > LARGEST_FACTS:
        raise ValueError(Message("it has more than {most:,} bytes", most=LARGEST_FACTS))
    facts = json.loads(content)
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise ValueError(Message("its format is not {format}; a newer imagelet may read it", format=FORMAT))
    return facts


def _card(facts: dict[str, Any], folder: Path) -> DatasetCard:
    return DatasetCard(
        name=str(facts["name"]),
        title=str(facts["title"]),
        description=str(facts["description"]),
        licence=str(facts["licence"]),
        classes=tuple(map(str, facts["classes"])),
        framing=Framing.from_json(facts["framing"]),
        flips=bool(facts["flips"]),
        source=str(folder),
        turned=tuple(Turned(tuple(map(int, c)), int(q), bool(m)) for c, q, m in facts["turned"]),
    )


def _part(folder: Path, part: str, classes: tuple[str, ...]) -> ImageSet:
    try:
        images, labels = (npy.load(folder / f"{part}-{kind}.npy") for kind in ("images", "labels"))
        named = folder / f"{part}-sources.npy"
        sources = np.array(npy.load(named)) if named.exists() else None
        return left_on_disk(ImageSet(images, np.array(labels), classes, sources=sources))
    except (OSError, DataError) as error:
        raise _damaged(folder, error) from error


def _damaged(folder: Path, error: Exception) -> DataError:
    return DataError(
        "the arrays that were kept in {folder} are damaged: {problem}",
        hint="delete the folder, and pass the same arrays again",
        folder=folder,
        problem=error.message if isinstance(error, ImageletError) else message_of(error),
    )


def list_kept() -> list[dict[str, Any]]:
    """Return what is kept, the last one first: ``name``, ``images``, ``classes``, ``bytes``, ``folder``."""
    listed = []
    files = folder_of_kept().glob(f"[!.]*/{FACTS}")
    for file in sorted(files, key=lambda file: file.stat().st_mtime, reverse=True):
        with contextlib.suppress(OSError, ValueError, TypeError, LookupError):  # damaged: opening it says so
            facts = _read(file)
            listed.append(
                {
                    "name": str(facts["name"]),
                    "images": sum(int(part["images"]) for part in facts["parts"].values()),
                    "classes": len(facts["classes"]),
                    "bytes": sum(part.stat().st_size for part in file.parent.iterdir()),
                    "folder": file.parent,
                }
            )
    return listed
