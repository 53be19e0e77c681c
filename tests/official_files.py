"""Small files of every official dataset, in the exact form of the official ones.

``WRITE[dataset](folder)`` writes them into a data folder, 5 training images and 2 others of each class. The
contracts of every dataset and the tests of single ones read them.
"""

import bz2
import functools
import gzip
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat

from imagelet.data.known import datasets
from imagelet.data.official.emnist import KINDS
from imagelet.data.official.medmnist import PARTS, TABLE
from tests.conftest import CIFAR_BATCHES, cifar_file, idx_bytes, write_idx, write_tar

EACH = {"train": 5, "validation": 2, "test": 2}
DRAWINGS = 7_000  # in each file of Quick, Draw!


def pictures(dataset: str, part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return images (n, height, width, channels) of noise, 0 and 255 among it, with labels in turn."""
    known = datasets.get(dataset)
    assert known.card.framing is not None
    classes = len(known.card.classes)
    labels = np.arange(EACH[part] * classes) % classes
    generator = np.random.default_rng(len(part))
    images = generator.integers(0, 256, (len(labels), *known.card.framing.shape), np.uint8)
    images[:, 0, 0], images[:, -1, -1] = 0, 255
    return images, labels


def writers(dataset: str, part: str) -> NDArray[np.int64]:
    """Return who wrote each of the :func:`pictures`: five people, each one image of every class."""
    _, labels = pictures(dataset, part)
    return 100 + np.arange(len(labels)) // len(datasets.get(dataset).card.classes)


def write_mnist(name: str, folder: Path) -> None:
    """Write MNIST's four files."""
    for part, prefix in (("train", "train"), ("test", "t10k")):
        images, labels = pictures(name, part)
        write_idx(folder / name, prefix, images[..., 0], labels)


def write_qmnist(folder: Path) -> None:
    """Write QMNIST's four files; of the labels' eight columns, class and writer are used."""
    (folder / "qmnist").mkdir()
    for part in ("train", "test"):
        images, labels = pictures("qmnist", part)
        prefix = folder / "qmnist" / f"qmnist-{part}"
        Path(f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(images[..., 0])))
        table = np.zeros((len(labels), 8), ">i4")
        table[:, 0], table[:, 2] = labels, writers("qmnist", part)
        content = struct.pack(">BBBBII", 0, 0, 12, 2, *table.shape) + table.tobytes()
        Path(f"{prefix}-labels-idx2-int.gz").write_bytes(gzip.compress(content))


def emnist_members(name: str) -> dict[str, bytes]:
    """Return the four packed files of one of EMNIST's sets: the images lie on their side."""
    members = {}
    kind = next(kind for kind in KINDS if kind.card.name == name)
    for part in ("train", "test"):
        images, labels = pictures(name, part)
        arrays = images[..., 0].transpose(0, 2, 1), (labels + kind.first_label).astype(np.uint8)
        for file, array in zip(kind.files(part), arrays, strict=True):
            members[file] = gzip.compress(idx_bytes(np.ascontiguousarray(array)))
    return members


def write_emnist(folder: Path) -> None:
    """Write the one zip file that holds all of EMNIST."""
    (folder / "emnist").mkdir()
    with zipfile.ZipFile(folder / "emnist" / "gzip.zip", "w") as archive:
        for kind in KINDS:
            for name, content in emnist_members(kind.card.name).items():
                archive.writestr(f"gzip/{name}", content)


def write_kuzushiji(folder: Path) -> None:
    """Write Kuzushiji-49's four archives."""
    (folder / "kuzushiji-49").mkdir()
    for part in ("train", "test"):
        images, labels = pictures("kuzushiji-49", part)
        for name, array in (("imgs", images[..., 0]), ("labels", labels.astype(np.uint8))):
            np.savez_compressed(folder / "kuzushiji-49" / f"k49-{part}-{name}.npz", array)


def write_medmnist(name: str, folder: Path) -> None:
    """Write one of MedMNIST's archives."""
    arrays = {}
    for part, prefix in PARTS.items():
        images, labels = pictures(name, part)
        arrays[f"{prefix}_images"] = images[..., 0] if images.shape[3] == 1 else images
        arrays[f"{prefix}_labels"] = labels[:, np.newaxis].astype(np.uint8)
    (folder / "medmnist").mkdir(exist_ok=True)
    np.savez_compressed(folder / "medmnist" / f"{name}.npz", **arrays)


def cifar_100_records(part: str) -> bytes:
    """Return a batch of CIFAR-100's binary form: coarse label, fine label, pixels in colour planes."""
    images, labels = pictures("cifar-100", part)
    planes = images.transpose(0, 3, 1, 2).reshape(len(labels), -1)
    both = np.stack([labels // 5, labels], axis=1).astype(np.uint8)
    return np.concatenate([both, planes], axis=1).tobytes()


def write_cifar(folder: Path) -> None:
    """Write the unpacked binary files of CIFAR-10, and the archive of CIFAR-100."""
    (folder / "cifar-10-batches-bin").mkdir()
    for name in CIFAR_BATCHES:
        (folder / "cifar-10-batches-bin" / f"{name}.bin").write_bytes(cifar_file(name, "bin"))
    members = {f"cifar-100-binary/{part}.bin": cifar_100_records(part) for part in ("train", "test")}
    write_tar(folder / "cifar-100-binary.tar.gz", members)


def usps_text(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> str:
    """Return images (n, 16, 16, 1) as lines in libsvm's text format."""
    lines = []
    for image, label in zip(images.reshape(len(labels), -1), labels, strict=True):
        values = (f"{place}:{value / 127.5 - 1:.6f}" for place, value in enumerate(image, start=1))
        lines.append(f"{label + 1} {' '.join(values)}\n")
    return "".join(lines)


def write_usps(folder: Path) -> None:
    """Write USPS's two text files."""
    (folder / "usps").mkdir()
    for part, name in (("train", "usps.bz2"), ("test", "usps.t.bz2")):
        text = usps_text(*pictures("usps", part))
        (folder / "usps" / name).write_bytes(bz2.compress(text.encode()))


def write_svhn(folder: Path) -> None:
    """Write SVHN's two MATLAB files: the images count along the last axis, the label of 0 is 10."""
    (folder / "svhn").mkdir()
    for part in ("train", "test"):
        images, labels = pictures("svhn", part)
        content = {"X": images.transpose(1, 2, 3, 0), "y": np.where(labels == 0, 10, labels)[:, np.newaxis]}
        savemat(folder / "svhn" / f"{part}_32x32.mat", content, do_compression=True)


def drawings(thing: str, number: int = DRAWINGS) -> NDArray[np.uint8]:
    """Return drawings (number, 784) of a thing, each of which tells its number by its first bytes."""
    rows = np.zeros((number, 28 * 28), np.uint8)
    rows[:, :4] = np.arange(number, dtype="<u4")[:, np.newaxis].view(np.uint8).reshape(-1, 4)
    rows[:, 4:100] = 255
    rows[:, 100] = len(thing)
    return rows


def write_quickdraw(things: tuple[str, ...], folder: Path) -> None:
    """Write a file of drawings for each of some things."""
    (folder / "quickdraw").mkdir(exist_ok=True)
    for thing in things:
        np.save(folder / "quickdraw" / f"{thing}.npy", drawings(thing))


WRITE: dict[str, Callable[[Path], None]] = {
    **{name: functools.partial(write_mnist, name) for name in ("mnist", "fashion-mnist", "kmnist")},
    "qmnist": write_qmnist,
    "emnist": write_emnist,
    "kuzushiji-49": write_kuzushiji,
    **{row.name: functools.partial(write_medmnist, row.name) for row in TABLE},
    "cifar": write_cifar,
    "usps": write_usps,
    "svhn": write_svhn,
    "quickdraw": functools.partial(write_quickdraw, datasets.get("quickdraw").card.classes),
}
