"""SVHN: digits of house numbers as cropped squares, in MATLAB's files.

The label of the digit 0 is 10 in the files and 0 here. The 531,131 easier images of ``extra_32x32.mat`` are
not offered. Addresses, sizes and SHA-256 are those that TensorFlow Datasets, torchvision and others agree on.
(http://ufldl.stanford.edu/housenumbers/)
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.data.download import RemoteFile, damaged
from imagelet.data.imageset import DatasetCard, ImageSet, KnownAccuracy
from imagelet.data.known import KnownDataset, datasets
from imagelet.data.layouts import Layout
from imagelet.data.matlab import read_variables
from imagelet.messages import Message, message_of
from imagelet.preprocessing.framing import Framing

SIDE = 32  # pixels
MIRROR = "http://ufldl.stanford.edu/housenumbers/"
OFFICIAL = {  # part: (bytes, SHA-256)
    "train": (182_040_794, "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"),
    "test": (64_275_384, "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"),
}

SVHN = DatasetCard(
    name="svhn",
    title="SVHN",
    description="99,289 digits of house numbers in Google Street View, 32×32 RGB, each in the middle of its "
    "image; the neighbouring digits can often be seen beside it.",
    classes=tuple("0123456789"),
    framing=Framing("fit", SIDE, SIDE, 3),
    flips=False,
    source="http://ufldl.stanford.edu/housenumbers/",
    licence=Message("for non-commercial use only"),
    citation="Y. Netzer, T. Wang, A. Coates, A. Bissacco, B. Wu, A. Y. Ng. Reading Digits in Natural Images "
    "with Unsupervised Feature Learning. NIPS Workshop on Deep Learning and Unsupervised Feature Learning, "
    "2011.",
    known_accuracy=KnownAccuracy(99.0, "N. H. Phong, B. Ribeiro. arXiv:2007.15161, 2020"),
)


def svhn_files() -> tuple[RemoteFile, ...]:
    """Return the two official files."""
    return tuple(
        RemoteFile(
            dataset=SVHN.name,
            path=f"svhn/{_name(part)}",
            size=size,
            sha256=sha256,
            mirrors=(MIRROR + _name(part),),
            parts=(part,),
        )
        for part, (size, sha256) in OFFICIAL.items()
    )


def _name(part: str) -> str:
    return f"{part}_32x32.mat"


def read_part(folder: Path, part: str) -> ImageSet:
    """Read "train" or "test" from the folder that holds the files.

    Raises:
        DataError: the file is missing, truncated, corrupt or holds something else.
    """
    file = folder / _name(part)
    try:
        variables = read_variables(file)
        images, labels = (variables[name].read() for name in ("X", "y"))
    except FileNotFoundError:
        raise damaged(file, SVHN.name, Message("is missing")) from None
    except KeyError as error:
        raise damaged(file, SVHN.name, Message("does not hold X and y")) from error
    except (ValueError, OSError) as error:
        wrong = Message("cannot be read ({error})", error=message_of(error)[:120])
        raise damaged(file, SVHN.name, wrong) from error
    return ImageSet(_images(file, images, labels.size), _digits(file, labels), SVHN.classes)


def _images(file: Path, images: NDArray[Any], count: int) -> NDArray[np.uint8]:
    """Return the images (32, 32, 3, n) as (n, 32, 32, 3)."""
    if images.dtype != np.uint8 or images.shape != (SIDE, SIDE, 3, count):
        wrong = Message("holds images {shape} with {count} labels", shape=images.shape, count=count)
        raise damaged(file, SVHN.name, wrong)
    return np.ascontiguousarray(images.transpose(3, 0, 1, 2))


def _digits(file: Path, labels: NDArray[Any]) -> NDArray[np.int64]:
    """Return the labels 1 to 10, of any shape, as digits (n,)."""
    numbers = labels.reshape(-1)
    wrong = numbers[~np.isin(numbers, np.arange(1, 11))]
    if len(wrong):
        raise damaged(file, SVHN.name, Message("holds the label {label}; they are 1 to 10", label=wrong[0]))
    return numbers.astype(np.int64) % 10


datasets.add(
    SVHN.name, KnownDataset(SVHN, {"train": 73_257, "test": 26_032}, (Layout(svhn_files(), read_part),))
)
