"""Kuzushiji-49: Kuzushiji-MNIST with 49 classes, in NumPy archives.

Addresses are those of the datasets' README; the MD5s are those that four independent readers of these files
agree on. MD5 finds damage, not deceit; nobody publishes a SHA-256. The README tells sizes in round numbers
only. (https://github.com/rois-codh/kmnist)
"""

from pathlib import Path

from imagelet.data.download import RemoteFile
from imagelet.data.forms.npz import read_official
from imagelet.data.imageset import DatasetCard, ImageSet, KnownAccuracy
from imagelet.data.known import KnownDataset, datasets
from imagelet.data.layouts import Layout
from imagelet.data.official.mnist import KMNIST, image_set

MIRROR = "http://codh.rois.ac.jp/kmnist/dataset/k49/"
OFFICIAL = {  # name: (bytes, at most; MD5)
    "k49-train-imgs.npz": (70_000_000, "7ac088b20481cf51dcd01ceaab89d821"),
    "k49-train-labels.npz": (300_000, "44a8e1b893f81e63ff38d73cad420f7a"),
    "k49-test-imgs.npz": (13_000_000, "d352e201d846ce6b94f42c990966f374"),
    "k49-test-labels.npz": (100_000, "4da6f7a62e67a832d5eb1bd85c5ee448"),
}
MEMBER = "arr_0"  # the one array of each archive

CHARACTERS = (
    "あ a,い i,う u,え e,お o,か ka,き ki,く ku,け ke,こ ko,さ sa,し shi,す su,せ se,そ so,た ta,"
    "ち chi,つ tsu,て te,と to,な na,に ni,ぬ nu,ね ne,の no,は ha,ひ hi,ふ fu,へ he,ほ ho,ま ma,"
    "み mi,む mu,め me,も mo,や ya,ゆ yu,よ yo,ら ra,り ri,る ru,れ re,ろ ro,わ wa,ゐ wi,ゑ we,"
    "を wo,ん n,ゝ iteration mark"
)
KUZUSHIJI_49 = DatasetCard(
    name="kuzushiji-49",
    title="Kuzushiji-49",
    description="270,912 handwritten hiragana from old Japanese books, 28×28 grey: light ink on black. Each "
    "class holds several shapes of its character, and some have a tenth of the others' images.",
    classes=tuple(CHARACTERS.split(",")),
    framing=KMNIST.framing,
    flips=False,
    source=KMNIST.source,
    licence=KMNIST.licence,
    citation=KMNIST.citation,
    known_accuracy=KnownAccuracy(
        97.33,
        "balanced accuracy of PreActResNet-18 with manifold mixup: README of github.com/rois-codh/kmnist",
    ),
)


def kuzushiji_files() -> tuple[RemoteFile, ...]:
    """Return the four official files."""
    return tuple(
        RemoteFile(
            dataset=KUZUSHIJI_49.name,
            path=f"kuzushiji-49/{name}",
            size=size,
            sha256=None,
            mirrors=(MIRROR + name,),
            parts=(name.split("-")[1],),
            md5=md5,
            exact=False,
        )
        for name, (size, md5) in OFFICIAL.items()
    )


def read_part(folder: Path, part: str) -> ImageSet:
    """Read "train" or "test" from the folder that holds the archives.

    Raises:
        DataError: an archive is missing, damaged or holds something else, or the two do not match.
    """
    images_file, labels_file = (folder / f"k49-{part}-{kind}.npz" for kind in ("imgs", "labels"))
    labels = read_official(labels_file, MEMBER, KUZUSHIJI_49.name, (1,))
    images = read_official(images_file, MEMBER, KUZUSHIJI_49.name, (3,))
    return image_set(KUZUSHIJI_49, images_file, images, labels_file, labels)


datasets.add(
    KUZUSHIJI_49.name,
    KnownDataset(KUZUSHIJI_49, {"train": 232_365, "test": 38_547}, (Layout(kuzushiji_files(), read_part),)),
)
