"""USPS: digits from envelopes, in the libsvm text format packed by bzip2.

A line is a label and, for each pixel that is not 0, its number and value from −1 to 1: ``7 1:-1 2:-0.873``.
Labels are 1 to 10 for the digits 0 to 9. The address and the SHA-256 are those that torchvision and another
project agree on; no source tells the sizes.
(https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass.html#usps)
"""

import bz2
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagelet.data.download import RemoteFile, damaged
from imagelet.data.imageset import DatasetCard, ImageSet, KnownAccuracy
from imagelet.data.known import KnownDataset, datasets
from imagelet.data.layouts import Layout
from imagelet.data.official.mnist import MNIST
from imagelet.messages import Message, message_of
from imagelet.preprocessing.framing import Framing

SIDE = 16  # pixels
PIXELS = SIDE * SIDE
LARGEST_TEXT = 1 << 26  # bytes; the official training file has some 20 million
MIRROR = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/"
NAMES = {"train": "usps.bz2", "test": "usps.t.bz2"}
OFFICIAL = {  # part: (bytes, at most; SHA-256)
    "train": (10_000_000, "3771e9dd6ba685185f89867b6e249233dd74652389f263963b3b741e994b034f"),
    "test": (3_000_000, "a9c0164e797d60142a50604917f0baa604f326e9a689698763793fa5d12ffc4e"),
}

USPS = DatasetCard(
    name="usps",
    title="USPS",
    description="9,298 handwritten digits from envelopes of the US postal service, 16×16 grey: light ink on "
    "black. The test digits are harder than the training digits.",
    classes=MNIST.classes,
    framing=Framing("handwriting", SIDE, SIDE, 1),
    flips=False,
    source="https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass.html#usps",
    licence=Message("none stated"),
    citation="J. J. Hull. A Database for Handwritten Text Recognition Research. IEEE Transactions on Pattern "
    "Analysis and Machine Intelligence 16(5), 1994.",
    turned=MNIST.turned,
    known_accuracy=KnownAccuracy(
        97.63, "Human Performance on the USPS Database: an error of 2.37 %", by_people=True
    ),
)


def usps_files() -> tuple[RemoteFile, ...]:
    """Return the two official files."""
    return tuple(
        RemoteFile(
            dataset=USPS.name,
            path=f"usps/{NAMES[part]}",
            size=size,
            sha256=sha256,
            mirrors=(MIRROR + NAMES[part],),
            parts=(part,),
            exact=False,
        )
        for part, (size, sha256) in OFFICIAL.items()
    )


def read_part(folder: Path, part: str) -> ImageSet:
    """Read "train" or "test" from the folder that holds the files.

    Raises:
        DataError: the file is missing, truncated, corrupt or of another kind.
    """
    file = folder / NAMES[part]
    try:
        with bz2.open(file) as packed:
            text = packed.read(LARGEST_TEXT + 1)
    except FileNotFoundError:
        raise damaged(file, USPS.name, Message("is missing")) from None
    except (OSError, EOFError) as error:
        raise damaged(file, USPS.name, Message("is not a whole bzip2 file")) from error
    if len(text) > LARGEST_TEXT:
        raise damaged(file, USPS.name, Message("has more than {most:,} bytes", most=LARGEST_TEXT))
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            rows.append(parse_line(line))
        except ValueError as error:
            wrong = Message("has a wrong line {number}: {error}", number=number, error=message_of(error))
            raise damaged(file, USPS.name, wrong) from error
    if not rows:
        raise damaged(file, USPS.name, Message("holds no images"))
    images = np.stack([image for _, image in rows]).reshape(-1, SIDE, SIDE, 1)
    return ImageSet(images, np.array([digit for digit, _ in rows], dtype=np.int64), USPS.classes)


def parse_line(line: bytes) -> tuple[int, NDArray[np.uint8]]:
    """Return the digit and the pixels, uint8 (256,), of a line.

    Raises:
        ValueError: it has a label, a pixel or a value that is none.
    """
    label, *pixels = line.split()
    values = np.zeros(PIXELS)  # what is not named is 0, between black and white
    if not 1 <= int(label) <= len(USPS.classes):
        raise ValueError(Message("the label is {label}, not 1 to 10", label=int(label)))
    for pixel in pixels:
        place, _, value = pixel.partition(b":")
        if not 1 <= int(place) <= PIXELS:
            raise ValueError(Message("the pixel is {place}, not 1 to 256", place=int(place)))
        values[int(place) - 1] = float(value)
    if not (np.abs(values) <= 1).all():
        raise ValueError(Message("a value is not from −1 to 1"))
    return int(label) - 1, np.rint((values + 1) * 127.5).astype(np.uint8)


datasets.add(
    USPS.name, KnownDataset(USPS, {"train": 7_291, "test": 2_007}, (Layout(usps_files(), read_part),))
)
