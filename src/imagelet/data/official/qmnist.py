"""QMNIST: MNIST's digits once more, with 60,000 test images instead of 10,000, and who wrote each.

The labels come as eight whole numbers an image: class, series of NIST, writer, and five more. Writers become
the images' sources. Address, sizes and SHA-256 are those that TensorFlow Datasets and torchvision agree on.
(https://github.com/facebookresearch/qmnist)
"""

from pathlib import Path

import numpy as np

from imagelet.data.download import RemoteFile, damaged
from imagelet.data.idx import read_idx, read_idx_numbers
from imagelet.data.imageset import DatasetCard, ImageSet, KnownAccuracy
from imagelet.data.known import KnownDataset, datasets
from imagelet.data.layouts import Layout
from imagelet.data.official.mnist import MNIST, image_set
from imagelet.messages import Message

COLUMNS = 8  # of the labels
CLASS, WRITER = 0, 2  # which of them is what

MIRROR = "https://raw.githubusercontent.com/facebookresearch/qmnist/master/"
OFFICIAL = {  # name: (bytes, SHA-256)
    "qmnist-train-images-idx3-ubyte.gz": (
        9_704_059,
        "9e26a7bf1683614e065d7b76460ccd52807165b3f22561fb782bd9f38c52b51d",
    ),
    "qmnist-train-labels-idx2-int.gz": (
        463_024,
        "2c05dc77f6b916b38e455e97ab129a42a444f3dbef09b278a366f82904e0dd9f",
    ),
    "qmnist-test-images-idx3-ubyte.gz": (
        9_742_279,
        "43fc22bf7498b8fc98de98369d72f752d0deabc280a43a7bcc364ab19e57b375",
    ),
    "qmnist-test-labels-idx2-int.gz": (
        526_800,
        "9fbcbe594c3766fdf4f0b15c5165dc0d1e57ac604e01422608bb72c906030d06",
    ),
}

QMNIST = DatasetCard(
    name="qmnist",
    title="QMNIST",
    description="120,000 handwritten digits, 28×28 grey: MNIST made anew from its source. The training "
    "images and the first 10,000 test images are MNIST's; 50,000 more test images were believed lost. Who "
    "wrote each digit is known.",
    classes=MNIST.classes,
    framing=MNIST.framing,
    flips=False,
    source="https://github.com/facebookresearch/qmnist",
    licence="BSD 3-Clause",
    citation="C. Yadav, L. Bottou. Cold Case: The Lost MNIST Digits. Advances in Neural Information "
    "Processing Systems 32, 2019.",
    turned=MNIST.turned,
    known_accuracy=KnownAccuracy(
        99.69, "VGG-5: P. Chopra. ProgressiveSpinalNet architecture for FC layers. 2021"
    ),
)


def qmnist_files() -> tuple[RemoteFile, ...]:
    """Return the four official files."""
    return tuple(
        RemoteFile(
            dataset=QMNIST.name,
            path=f"qmnist/{name}",
            size=size,
            sha256=sha256,
            mirrors=(MIRROR + name,),
            parts=(name.split("-")[1],),
        )
        for name, (size, sha256) in OFFICIAL.items()
    )


def read_part(folder: Path, part: str) -> ImageSet:
    """Read "train" or "test" from the folder that holds the files; the images' sources are their writers.

    Raises:
        DataError: a file is missing, truncated, corrupt or of another kind, or the two do not match.
    """
    images_file = folder / f"qmnist-{part}-images-idx3-ubyte.gz"
    labels_file = folder / f"qmnist-{part}-labels-idx2-int.gz"
    table = read_idx_numbers(labels_file, 2, QMNIST.name)  # (n, 8)
    if table.shape[1] != COLUMNS:
        wrong = Message("has {count} columns, not {expected}", count=table.shape[1], expected=COLUMNS)
        raise damaged(labels_file, QMNIST.name, wrong)
    images = read_idx(images_file, 3, QMNIST.name)
    writers = table[:, WRITER].astype(np.int64)
    return image_set(QMNIST, images_file, images, labels_file, table[:, CLASS], writers)


datasets.add(
    QMNIST.name,
    KnownDataset(QMNIST, {"train": 60_000, "test": 60_000}, (Layout(qmnist_files(), read_part),)),
)
