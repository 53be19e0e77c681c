"""MNIST and the two datasets that come in the same four files: Fashion-MNIST and Kuzushiji-MNIST.

Kuzushiji-MNIST's address and SHA-256 are those that its own README, TensorFlow Datasets, torchvision and the
torchvision for Ruby agree on; the sizes are TensorFlow Datasets' and its README's.
"""

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagelet.data.download import RemoteFile, damaged
from imagelet.data.idx import read_idx
from imagelet.data.imageset import DatasetCard, ImageSet, KnownAccuracy, Turned
from imagelet.data.known import KnownDataset, datasets
from imagelet.data.layouts import Layout
from imagelet.messages import Message
from imagelet.preprocessing.framing import Framing

SIDE = 28  # pixels

MIRRORS = {
    "mnist": (
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
    "fashion-mnist": (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    "kmnist": ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
}
OFFICIAL = {  # name: (bytes, SHA-256)
    "mnist": {
        "train-images-idx3-ubyte.gz": (
            9_912_422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        "train-labels-idx1-ubyte.gz": (
            28_881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        "t10k-images-idx3-ubyte.gz": (
            1_648_877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        "t10k-labels-idx1-ubyte.gz": (
            4_542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte.gz": (
            26_421_880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        "train-labels-idx1-ubyte.gz": (
            29_515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        "t10k-images-idx3-ubyte.gz": (
            4_422_102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        "t10k-labels-idx1-ubyte.gz": (
            5_148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    },
    "kmnist": {
        "train-images-idx3-ubyte.gz": (
            18_165_135,
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        ),
        "train-labels-idx1-ubyte.gz": (
            29_497,
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        ),
        "t10k-images-idx3-ubyte.gz": (
            3_041_136,
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        ),
        "t10k-labels-idx1-ubyte.gz": (
            5_120,
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ),
    },
}
PREFIXES = {"train": "train", "test": "t10k"}

MNIST = DatasetCard(
    name="mnist",
    title="MNIST",
    description="70,000 handwritten digits, 28×28 grey: white ink on black, each digit in a box of 20×20 "
    "pixels around the centre of mass.",
    classes=tuple("0123456789"),
    framing=Framing("handwriting", SIDE, SIDE, 1, box=20 / SIDE),
    flips=False,
    source="http://yann.lecun.com/exdb/mnist/",
    licence="CC BY-SA 3.0",
    citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. Gradient-based learning applied to document "
    "recognition. Proceedings of the IEEE 86(11), 1998.",
    turned=(  # not 0, 1 and 8, which stay what they are, nor a half turn of 6 and 9, nor a mirrored 2 or 5
        Turned((3, 4, 6, 7, 9), quarters=0, mirrored=True),
        Turned((2, 3, 4, 5, 6, 7, 9), quarters=1),
        Turned((3, 4, 7), quarters=2),
        Turned((2, 3, 4, 5, 6, 7, 9), quarters=3),
    ),
    known_accuracy=KnownAccuracy(
        99.87,
        "A. Byerly, T. Kalganova, I. Dear. No Routing Needed Between Capsules. arXiv:2001.09136, 2020",
    ),
)
FASHION_MNIST = DatasetCard(
    name="fashion-mnist",
    title="Fashion-MNIST",
    description="70,000 articles of clothing from Zalando's shop, 28×28 grey: light on black.",
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    framing=Framing("object", SIDE, SIDE, 1),
    flips=True,
    source="https://github.com/zalandoresearch/fashion-mnist",
    licence="MIT",
    citation="H. Xiao, K. Rasul, R. Vollgraf. Fashion-MNIST: a novel image dataset for benchmarking machine "
    "learning algorithms. arXiv:1708.07747, 2017.",
    known_accuracy=KnownAccuracy(
        83.5,
        "people without knowledge of fashion, 1,000 test images: README of github.com/zalandoresearch/"
        "fashion-mnist",
        by_people=True,
    ),
)
KMNIST = DatasetCard(
    name="kmnist",
    title="Kuzushiji-MNIST",
    description="70,000 handwritten hiragana from old Japanese books, one for each of ten rows of the "
    "syllabary, 28×28 grey: light ink on black. Each class holds several shapes of its character.",
    classes=("お o", "き ki", "す su", "つ tsu", "な na", "は ha", "ま ma", "や ya", "れ re", "を wo"),
    framing=Framing("handwriting", SIDE, SIDE, 1),
    flips=False,
    source="https://github.com/rois-codh/kmnist",
    licence="CC BY-SA 4.0",
    citation="T. Clanuwat, M. Bober-Irizar, A. Kitamoto, A. Lamb, K. Yamamoto, D. Ha. Deep Learning for "
    "Classical Japanese Literature. arXiv:1812.01718, 2018.",
    known_accuracy=KnownAccuracy(
        98.83, "PreActResNet-18 with manifold mixup: README of github.com/rois-codh/kmnist"
    ),
)


def idx_files(dataset: str) -> tuple[RemoteFile, ...]:
    """Return the four official files of "mnist", "fashion-mnist" or "kmnist"."""
    return tuple(
        RemoteFile(
            dataset=dataset,
            path=f"{dataset}/{name}",
            size=size,
            sha256=sha256,
            mirrors=tuple(mirror + name for mirror in MIRRORS[dataset]),
            parts=tuple(part for part, prefix in PREFIXES.items() if name.startswith(prefix)),
        )
        for name, (size, sha256) in OFFICIAL[dataset].items()
    )


def read_part(card: DatasetCard, folder: Path, part: str) -> ImageSet:
    """Read "train" or "test" of an IDX dataset from the folder that holds its files.

    Raises:
        DataError: a file is missing, truncated, corrupt or of another kind, or the two do not match.
    """
    images_file, labels_file = (
        folder / f"{PREFIXES[part]}-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1")
    )
    labels = read_idx(labels_file, 1, card.name)
    return image_set(card, images_file, read_idx(images_file, 3, card.name), labels_file, labels)


def image_set(
    card: DatasetCard,
    images_file: Path,
    images: NDArray[np.uint8],
    labels_file: Path,
    labels: NDArray[np.integer],
    sources: NDArray[np.int64] | None = None,
) -> ImageSet:
    """Return grey images of 28×28 pixels (n, 28, 28) with their labels, which count in the card's classes.

    Raises:
        DataError: they have another size, their numbers differ, or a label is of no class; the file is named.
    """
    if images.shape[1:] != (SIDE, SIDE):
        height, width = images.shape[1:]
        raise damaged(
            images_file,
            card.name,
            Message(
                "holds images of {height}x{width} pixels, not {side}x{other}",
                height=height,
                width=width,
                side=SIDE,
                other=SIDE,
            ),
        )
    if len(images) != len(labels):
        raise damaged(
            labels_file,
            card.name,
            Message(
                "holds {labels} labels for the {images} images beside it",
                labels=len(labels),
                images=len(images),
            ),
        )
    if len(labels) and not (labels.min() >= 0 and labels.max() < len(card.classes)):
        raise damaged(
            labels_file,
            card.name,
            Message(
                "holds the label {label}; they are 0 to {last}",
                label=labels.min() if labels.min() < 0 else labels.max(),
                last=len(card.classes) - 1,
            ),
        )
    pixels = images[..., np.newaxis]  # (n, 28, 28, 1)
    return ImageSet(pixels, labels.astype(np.int64), card.classes, sources=sources)


for _card in (MNIST, FASHION_MNIST, KMNIST):
    _layout = Layout(idx_files(_card.name), partial(read_part, _card))
    datasets.add(_card.name, KnownDataset(_card, {"train": 60_000, "test": 10_000}, (_layout,)))
