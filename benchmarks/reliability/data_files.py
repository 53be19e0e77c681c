"""Damaged files of datasets: the official ones in all their forms, folders and tables of own pictures."""

import csv
import gzip
import io
import itertools
import os
import pickle
import pickletools
import struct
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.reliability.files import in_folder, pictures
from benchmarks.reliability.fuzzing import Case, Fuzzer, WrongAnswerError
from benchmarks.reliability.mutation import mutated, mutated_text
from imagelet.data.imageset import ImageSet

# -- the official files of datasets --------------------------------------------------------------------------

BOMB = (64 * 2**20, 120)  # bytes of zeros in a member of a gzip file, members
GLOBALS = (
    ("os", "system"),
    ("builtins", "eval"),
    ("numpy", "ndarray"),
    ("numpy", "load"),
    ("_codecs", "encode"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy", "dtype"),
    ("a\ud800", "b"),
)


def _images(number: int, channels: int, side: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (number, channels, side, side), dtype=np.uint8)


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    """Return an array of bytes as an IDX file."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def _idx_file(random: Random, name: str) -> bytes:
    """Return a gzip file of IDX, damaged before or after the compression; one in three is sound."""
    array = _images(12, 1, 28)[:, 0] if "images" in name else np.arange(12, dtype=np.uint8) % 10
    plain = idx_bytes(array)
    way = random.random()
    if way < 0.35:
        plain = mutated(random, plain)
    compressed = gzip.compress(plain, mtime=0)
    if 0.35 < way < 0.6:
        compressed = mutated(random, compressed)
    return compressed + _bomb() if 0.6 < way < 0.605 else compressed


@cache
def _bomb() -> bytes:
    """Return gzip members that hold gigabytes of zeros."""
    size, members = BOMB
    return gzip.compress(bytes(size), mtime=0) * members


def _records(number: int = 3) -> bytes:
    images = _images(number, 3, 32).reshape(number, -1)
    return np.concatenate([np.arange(number, dtype=np.uint8)[:, None] % 10, images], axis=1).tobytes()


def _pickled(number: int = 3, protocol: int = 2) -> bytes:
    batch = {b"labels": [n % 10 for n in range(number)], b"data": _images(number, 3, 32).reshape(number, -1)}
    return pickle.dumps(batch, protocol=protocol)


def mutated_pickle(random: Random) -> bytes:
    """Return a pickle with some of its opcodes removed, repeated, moved, or others put between them."""
    content = _pickled(protocol=random.choice((0, 1, 2, 2, 2, 4, 5)))
    if random.random() < 0.3:
        return mutated(random, content)
    places = [place for _, _, place in pickletools.genops(content) if place is not None]
    parts = [content[start:end] for start, end in itertools.pairwise((*places, len(content)))]
    for _ in range(random.randint(1, 3)):
        place = random.randrange(len(parts))
        action = random.randrange(4)
        if action == 0:
            del parts[place]
        elif action == 1:
            parts.insert(place, random.choice(parts))
        elif action == 2:
            parts[place] = random.choice(parts)
        else:
            parts.insert(place, _opcode(random))
        if not parts:
            break
    return b"".join(parts)


def _opcode(random: Random) -> bytes:
    """Return an opcode that asks for much, or for what no batch needs."""
    size = random.choice((0, 1, 255, 2**20, 2**24, 2**27, 2**30, 2**31 - 1, 2**32 - 1)).to_bytes(4, "little")
    module, name = random.choice(GLOBALS)
    return random.choice(
        (
            b"r" + size,  # LONG_BINPUT: the memo grows up to this place
            b"j" + size,  # LONG_BINGET
            b"\x8b" + size,  # LONG4
            b"B" + size,  # BINBYTES
            b"X" + size,  # BINUNICODE
            b"\x8e" + size * 2,  # BINBYTES8
            b"\x96" + size * 2,  # BYTEARRAY8
            b"\x95" + size * 2,  # FRAME
            f"c{module}\n{name}\n".encode("utf-8", "surrogatepass"),
            *(bytes([code]) for code in b"Rb.}](tusae012\x81\x85\x86\x87\x93\x94\x90\x91\x8f"),
            b"(" * 1000,
            b"]" * 50_000 + b"a" * 49_999,
            b"P1\n",
            b"I" + b"9" * 5000 + b"\n",
            b"\x8a\xff" + b"\xff" * 255,
        )
    )


def _mutated_archive(random: Random, form: str) -> bytes:
    """Return a ``.tar.gz`` whose batch, headers or compressed bytes are damaged."""
    suffix = ".bin" if form == "bin" else ""
    batch = _records() if form == "bin" else _pickled()
    if random.random() < 0.3:
        batch = mutated(random, batch) if form == "bin" else mutated_pickle(random)
    name = f"cifar-10-batches-{form}/test_batch{suffix}"
    tar = io.BytesIO()
    with tarfile.open(
        fileobj=tar, mode="w", format=random.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT))
    ) as archive:
        _add(archive, "readme" * random.choice((1, 40)), b"words")
        _add(archive, name, batch)
    content = tar.getvalue()
    if random.random() < 0.4:
        content = with_tar_headers(random, content)
    compressed = gzip.compress(content, 1, mtime=0)
    if random.random() < 0.2:
        compressed = mutated(random, compressed)
    return compressed + _bomb() if random.random() < 0.004 else compressed


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


TAR_FIELDS = (  # places and sizes: name, mode, size, time, kind, link, version, prefix, sparse parts
    *((0, 100), (100, 8), (124, 12), (136, 12), (156, 1), (157, 100), (263, 2), (345, 155), (386, 96)),
)


def with_tar_headers(random: Random, content: bytes) -> bytes:
    """Return a tar file with a field of a header changed, and that header's checksum made right again."""
    changed = bytearray(content)
    headers = [at for at in range(0, len(changed), 512) if changed[at + 257 : at + 262] == b"ustar"]
    at = random.choice(headers)
    start, size = random.choice(TAR_FIELDS)
    kinds = (
        b"0",
        b"1",
        b"2",
        b"5",
        b"L",
        b"K",
        b"S",
        b"g",
        b"x",
        b"X",
        b"\xff" * size,
        b"7" * (size - 1) + b"\0",
        b"\x80" + b"\0" * (size - 9) + b"\x7f" * 8,
        b"00000000000\0",
        random.randbytes(size),
    )
    value = random.choice(kinds)[:size]
    changed[at + start : at + start + len(value)] = value
    changed[at + 148 : at + 156] = b" " * 8
    changed[at + 148 : at + 156] = b"%06o\0 " % (sum(changed[at : at + 512]) & 0o777777)
    return bytes(changed)


def _official(
    random: Random, _: int, dataset: str, layout: int, make: Callable[[Random, str], bytes]
) -> Case:
    """Return a case of one of the forms that an official dataset has: the files of its test part."""
    import imagelet.data.datasets  # noqa: F401  (registers the official ones)
    from imagelet.data.known import datasets

    chosen = datasets.get(dataset).layouts[layout]
    names = [file.path for file in chosen.files if not file.parts or "test" in file.parts]
    files = {name: make(random, name) for name in names}
    return Case(files, partial(in_folder, partial(_read_part, chosen), files))


def _archive(random: Random, number: int) -> Case:
    """Return a case of the one archive of CIFAR-10 or the other."""
    layout, form = ((0, "bin"), (3, "py"))[number % 2]
    return _official(random, number, "cifar-10", layout, lambda draw, _: _mutated_archive(draw, form))


def _read_part(layout: Any, folder: Path) -> None:
    check_images(layout.read(layout.place(folder), "test"))


def check_images(images: ImageSet) -> None:
    """Say whether images and labels belong together.

    Raises:
        WrongAnswerError: they do not.
    """
    if images.images.dtype != np.uint8 or len(images.images) != len(images.labels):
        raise WrongAnswerError("images and labels do not belong together")
    if len(images.labels) and not 0 <= images.labels.min() <= images.labels.max() < len(images.classes):
        raise WrongAnswerError(f"labels from {images.labels.min()} to {images.labels.max()}")


# -- own pictures --------------------------------------------------------------------------------------------

ODD_NAMES = (
    "a.png",
    "b.PNG",
    "1.jpg",
    ".hidden.png",
    "c.txt",
    "new\nline.png",
    "한.png",
    "\udcff.png",
    "x" * 200 + ".png",
)
SPECIAL = ("circle", "dangling", "folder", "sparse", "pipe", "unreadable")
ODD_FOLDERS = (
    "cat",
    "dog",
    "train/cat",
    "train/dog",
    "test/cat",
    "val/dog",
    "test/bird",
    ".git",
    "cat/inner",
    "Cat",
    "\udcfe",
)


def small_picture(name: str) -> bytes:
    """Return a small PNG, other pixels for each name: copies would have to stay together."""
    seed = zlib.crc32(name.encode("utf-8", "replace"))
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _own_pictures(random: Random, _: int) -> Case:
    """Return a folder of pictures, in every second case with a table, and perhaps something odd in it."""
    entries: dict[str, bytes] = {}
    folders = random.choice((*3 * (ODD_FOLDERS[:2],), ODD_FOLDERS[2:4], ODD_FOLDERS[2:6], ODD_FOLDERS))
    for folder in folders:
        for name in random.sample(ODD_NAMES, random.randint(4, len(ODD_NAMES))):
            entries[f"{folder}/{name}"] = small_picture(f"{folder}/{name}")
            if random.random() < 0.02:
                entries[f"{folder}/{name}"] = mutated(random, random.choice(pictures()), pictures())
    special = random.choice((*6 * (None,), *SPECIAL))
    special_place = f"{random.choice(folders)}/special.png"
    has_table = random.random() < 0.5
    if has_table:
        entries["table.csv"] = _table(random, [name for name in entries if name.lower().endswith(".png")])
    entries["special.txt"] = f"{special} at {special_place}".encode("utf-8", "backslashreplace")
    read = partial(_read_own, special, special_place, has_table)
    return Case(entries, partial(in_folder, read, entries))


def _table(random: Random, names: list[str]) -> bytes:
    """Return a table that names these files, perhaps damaged as text or as bytes."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=random.choice((",", ";", "\t")))
    writer.writerows([("path", "label"), *((name, name.split("/")[0]) for name in names)])
    table = text.getvalue()
    if random.random() < 0.5:
        table = mutated_text(random, table)
    encoding = random.choice((*5 * ("utf-8",), "utf-16"))
    content = table.encode(encoding, "surrogatepass" if "\ud800" in table else "replace")
    return mutated(random, content) if random.random() < 0.2 else content


def _read_own(special: str | None, special_place: str, has_table: bool, folder: Path) -> None:
    """Open a folder of pictures, or a table, read all parts and check it."""
    from imagelet.data.checking import check
    from imagelet.data.datasets import load_dataset
    from imagelet.data.pictures.dataset import read_labelled
    from imagelet.preprocessing.framing import Framing

    place = folder / special_place
    place.parent.mkdir(parents=True, exist_ok=True)
    _make_special(special, place)
    with tempfile.TemporaryDirectory() as home:
        os.environ["IMAGELET_HOME"] = home
        if has_table:
            check_images(read_labelled(folder / "table.csv", Framing("fit", 8, 8, 1)))
            return
        check(folder)
        dataset = load_dataset(str(folder))
        for part in dataset.parts:
            check_images(dataset.read(part))


def _make_special(kind: str | None, place: Path) -> None:
    """Put at ``place`` what is no picture: a link in a circle, a folder, a pipe and the like."""
    if kind in ("circle", "dangling"):
        place.symlink_to(place.parent if kind == "circle" else place.parent / "gone.png")
    elif kind == "folder":
        place.mkdir()
    elif kind == "sparse":
        place.write_bytes(b"\x89PNG\r\n\x1a\n")
        os.truncate(place, 2**36)
    elif kind == "pipe":
        os.mkfifo(place)
    elif kind == "unreadable":
        place.write_bytes(b"")
        place.chmod(0)


FUZZERS = (
    Fuzzer("idx", "pairs of IDX files", 5_000, partial(_official, dataset="mnist", layout=0, make=_idx_file)),
    Fuzzer(
        "cifar-binary",
        "binary batches of CIFAR-10",
        5_000,
        partial(_official, dataset="cifar-10", layout=1, make=lambda random, _: mutated(random, _records())),
    ),
    Fuzzer(
        "cifar-pickle",
        "pickled batches of CIFAR-10",
        5_000,
        partial(_official, dataset="cifar-10", layout=2, make=lambda random, _: mutated_pickle(random)),
    ),
    Fuzzer("archives", "archives of CIFAR-10", 5_000, _archive),
    Fuzzer("own-pictures", "folders and tables of pictures", 5_000, _own_pictures),
)
