"""EMNIST: handwritten letters and digits in MNIST's form, four of its sets, straight from the official zip.

The official images lie on their side: rows and columns are exchanged. Here they stand upright. Labels of the
letters count from 1 in the files and from 0 here. The size and the SHA-256 are those that TensorFlow Datasets
and several other projects agree on; NIST serves one file at both addresses.
(https://www.nist.gov/itl/products-and-services/emnist-dataset)
"""

import string
import zipfile
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from imagelet.data.download import RemoteFile, damaged
from imagelet.data.idx import DEFLATE_RATIO, parse_idx, read_idx
from imagelet.data.imageset import DatasetCard, ImageSet, KnownAccuracy, Turned
from imagelet.data.known import KnownDataset, datasets
from imagelet.data.layouts import Layout
from imagelet.data.official.mnist import MNIST, SIDE, image_set
from imagelet.messages import Message, message_of
from imagelet.preprocessing.framing import Framing

ARCHIVE = "emnist/gzip.zip"
ARCHIVE_SIZE = 561_753_746  # bytes
ARCHIVE_SHA256 = "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e"
MIRRORS = (
    "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
    "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip",
)
LARGEST_MEMBER = 1 << 28  # bytes of a packed IDX file
MOST_MEMBERS = 1000  # the official file has some forty
UNREADABLE = (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)

EFFICIENTNET = "README of github.com/sandeepkumaraau/EMNIST-byclass-"
SPLIT_LETTERS = "abdefghnqrt"  # whose small form does not look like the capital


@dataclass(frozen=True)
class Kind:
    """One of EMNIST's sets.

    Attributes:
        card: what it is.
        images: part → how many there are.
        first_label: the lowest label in its files.
    """

    card: DatasetCard
    images: dict[str, int]
    first_label: int = 0

    @property
    def name(self) -> str:
        """What the files call it: ``letters``."""
        return self.card.name.removeprefix("emnist-")

    def files(self, part: str) -> tuple[str, str]:
        """Return the names of a part's files, images and labels."""
        prefix = f"emnist-{self.name}-{part}"
        return f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz"


def _card(
    kind: str,
    title: str,
    description: str,
    classes: str,
    known_accuracy: KnownAccuracy | None = None,
    turned: tuple[Turned, ...] = (),
) -> DatasetCard:
    return DatasetCard(
        name=f"emnist-{kind}",
        title=f"EMNIST {title}",
        description=description,
        classes=tuple(classes),
        framing=Framing("handwriting", SIDE, SIDE, 1, box=24 / SIDE),
        flips=False,
        source="https://www.nist.gov/itl/products-and-services/emnist-dataset",
        licence=Message("none stated; a work of the US government's NIST"),
        citation="G. Cohen, S. Afshar, J. Tapson, A. van Schaik. EMNIST: an extension of MNIST to "
        "handwritten letters. arXiv:1702.05373, 2017.",
        known_accuracy=known_accuracy,
        turned=turned,
    )


KINDS = (
    Kind(
        _card(
            "letters",
            "Letters",
            "145,600 handwritten letters, 28×28 grey: light ink on black. Small and capital letters are one "
            "class.",
            string.ascii_uppercase,
            KnownAccuracy(
                95.96,
                "P. Jeevan, K. Viswanathan, Anandu A S, A. Sethi. WaveMix. arXiv:2205.14375, 2022",
            ),
        ),
        {"train": 124_800, "test": 20_800},
        first_label=1,
    ),
    Kind(
        _card(
            "balanced",
            "Balanced",
            "131,600 handwritten letters and digits, 28×28 grey: light ink on black, as many of each of 47 "
            "classes. A small letter that looks like its capital is of the capital's class.",
            string.digits + string.ascii_uppercase + SPLIT_LETTERS,
            KnownAccuracy(91.06, f"EfficientNet with MixUp and CutMix: {EFFICIENTNET}"),
        ),
        {"train": 112_800, "test": 18_800},
    ),
    Kind(
        _card(
            "digits",
            "Digits",
            "280,000 handwritten digits, 28×28 grey: light ink on black, as many of each.",
            string.digits,
            KnownAccuracy(99.82, "VGG-5: P. Chopra. ProgressiveSpinalNet architecture for FC layers. 2021"),
            MNIST.turned,
        ),
        {"train": 240_000, "test": 40_000},
    ),
    Kind(
        _card(
            "byclass",
            "ByClass",
            "814,255 handwritten digits, capital and small letters, 28×28 grey: light ink on black, as often "
            "as they were written. Many classes look alike: 0 and O, 1, l and I, c and C.",
            string.digits + string.ascii_uppercase + string.ascii_lowercase,
            KnownAccuracy(88.61, f"EfficientNet with MixUp and CutMix: {EFFICIENTNET}"),
        ),
        {"train": 697_932, "test": 116_323},
    ),
)


def read_files(kind: Kind, folder: Path, part: str) -> ImageSet:
    """Read "train" or "test" from the folder that holds the packed IDX files.

    Raises:
        DataError: a file is missing, truncated, corrupt or of another kind, or the two do not match.
    """
    images, labels = (folder / name for name in kind.files(part))
    arrays = read_idx(images, 3, kind.card.name), read_idx(labels, 1, kind.card.name)
    return _upright(kind, images, labels, *arrays)


def read_archive(kind: Kind, archive: Path, part: str) -> ImageSet:
    """Read "train" or "test" from the official zip file; nothing is unpacked to the disk.

    Raises:
        DataError: the file is missing, truncated, corrupt, or lacks what is needed.
    """
    names = kind.files(part)
    try:
        with zipfile.ZipFile(archive) as packed:
            images, labels = (parse_idx(_member(packed, name), 3 - 2 * at) for at, name in enumerate(names))
    except FileNotFoundError:
        raise damaged(archive, kind.card.name, Message("is missing")) from None
    except UNREADABLE as error:
        wrong = Message("is not a whole zip file ({error})", error=str(error)[:120])
        raise damaged(archive, kind.card.name, wrong) from error
    except ValueError as error:
        wrong = Message("does not hold the official files: {error}", error=message_of(error))
        raise damaged(archive, kind.card.name, wrong) from error
    return _upright(kind, archive, archive, images, labels)


def _member(packed: zipfile.ZipFile, name: str) -> bytes:
    """Return the content of the member called ``name``, in whatever folder; raise ValueError without one."""
    members = packed.infolist()
    if len(members) > MOST_MEMBERS:
        raise ValueError(Message("it has over {most} members", most=MOST_MEMBERS))
    found = [member for member in members if PurePosixPath(member.filename).name == name]
    if not found:
        raise ValueError(Message("{name} is not in it", name=name))
    largest = min(LARGEST_MEMBER, DEFLATE_RATIO * found[0].compress_size + 1024)
    if found[0].file_size > largest:
        raise ValueError(Message("{name} announces more than it can hold", name=name))
    return packed.read(found[0])


def _upright(
    kind: Kind, images_file: Path, labels_file: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8]
) -> ImageSet:
    upright = np.ascontiguousarray(images.transpose(0, 2, 1))  # (n, 28, 28)
    numbers = labels.astype(np.int64) - kind.first_label
    return image_set(kind.card, images_file, upright, labels_file, numbers)


def _layouts(kind: Kind) -> tuple[Layout, ...]:
    archive = RemoteFile(kind.card.name, ARCHIVE, ARCHIVE_SIZE, ARCHIVE_SHA256, MIRRORS)
    files = tuple(
        RemoteFile(kind.card.name, f"emnist/{name}", LARGEST_MEMBER, None, parts=(part,), exact=False)
        for part in kind.images
        for name in kind.files(part)
    )
    return (
        Layout((archive,), partial(read_archive, kind)),
        Layout(files, partial(read_files, kind)),
    )


for _kind in KINDS:
    datasets.add(_kind.card.name, KnownDataset(_kind.card, _kind.images, _layouts(_kind)))
