"""The two-dimensional datasets of MedMNIST at 28×28 pixels, each one NumPy archive with three parts.

Their own validation part chooses the epoch. ChestMNIST is left out: each of its images has up to 14 labels at
once, and a classifier here gives one. The grades of RetinaMNIST are an order, which is kept in their names
alone: an answer that is off by one grade counts as wrong as any other.

Addresses and MD5s are those of the package `medmnist` 3.0.2; each MD5 is named by another project that
fetched the file, too, except OrganSMNIST's, which is not downloaded therefore. MD5 finds damage, not deceit.
Where no source tells a file's size, no more is taken than its images have pixels: the archives are packed.
(https://medmnist.com, https://doi.org/10.5281/zenodo.10519652)
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from imagelet.data.download import RemoteFile, damaged
from imagelet.data.forms.npz import read_official
from imagelet.data.imageset import DatasetCard, ImageSet, KnownAccuracy
from imagelet.data.known import KnownDataset, datasets
from imagelet.data.layouts import Layout
from imagelet.messages import Message
from imagelet.preprocessing.framing import Framing

SIDE = 28  # pixels
MIRROR = "https://zenodo.org/records/10519652/files/"
PARTS = {"train": "train", "validation": "val", "test": "test"}
TABLE_3 = "the best of ten methods: J. Yang et al. MedMNIST v2. Scientific Data 10:41, 2023, table 3"
ORGANS = (
    *("bladder", "left femur", "right femur", "heart", "left kidney", "right kidney", "liver", "left lung"),
    *("right lung", "pancreas", "spleen"),
)


@dataclass(frozen=True)
class Row:
    """What the table says of one dataset.

    Attributes:
        title: the name as it is written: ``PathMNIST``.
        description: one or two sentences.
        classes: in the order of the labels.
        channels: 1 or 3.
        images: of the parts train, validation and test.
        md5: of the archive; None where no two sources agree.
        percent: what the best method of table 3 reaches; None where quotations of it differ.
        size: of the archive in bytes; None where no source tells it.
        flips: whether a mirrored image is still of its class.
        licence: of the images.
    """

    title: str
    description: str
    classes: tuple[str, ...]
    channels: int
    images: tuple[int, int, int]
    md5: str | None
    percent: float | None
    size: int | None = None
    flips: bool = True
    licence: str = "CC BY 4.0"

    @property
    def name(self) -> str:
        """The name that is typed."""
        return self.title.lower()

    @property
    def card(self) -> DatasetCard:
        """What the dataset is."""
        return DatasetCard(
            name=self.name,
            title=self.title,
            description=self.description,
            classes=self.classes,
            framing=Framing("stretch", SIDE, SIDE, self.channels),
            flips=self.flips,
            source="https://medmnist.com",
            licence=Message("{licence}; not for clinical use", licence=self.licence),
            citation="J. Yang, R. Shi, D. Wei, Z. Liu, L. Zhao, B. Ke, H. Pfister, B. Ni. MedMNIST v2: a "
            "large-scale lightweight benchmark for 2D and 3D biomedical image classification. Scientific "
            "Data 10:41, 2023.",
            known_accuracy=None if self.percent is None else KnownAccuracy(self.percent, TABLE_3),
        )

    @property
    def file(self) -> RemoteFile:
        """The archive."""
        pixels = sum(self.images) * SIDE * SIDE * self.channels
        return RemoteFile(
            dataset=self.name,
            path=f"medmnist/{self.name}.npz",
            size=self.size or pixels,
            sha256=None,
            mirrors=(f"{MIRROR}{self.name}.npz?download=1",),
            parts=tuple(PARTS),
            md5=self.md5,
            exact=self.size is not None,
        )


TABLE = (
    Row(
        "PathMNIST",
        "107,180 pieces of tissue of the colon under the microscope, stained, 28×28 RGB. The test images "
        "come from another hospital.",
        (
            *("adipose", "background", "debris", "lymphocytes", "mucus", "smooth muscle"),
            *("normal colon mucosa", "cancer-associated stroma", "colorectal adenocarcinoma epithelium"),
        ),
        3,
        (89_996, 10_004, 7_180),
        "a8b06965200029087d5bd730944a56c1",
        91.1,
        size=205_615_438,
    ),
    Row(
        "DermaMNIST",
        "10,015 spots on the skin through a dermatoscope, 28×28 RGB; two in three are moles. Some lesions "
        "are in the training and the test part (K. Abhishek et al., Scientific Data 12:196, 2025), which "
        "flatters the accuracy.",
        (
            *("actinic keratoses and intraepithelial carcinoma", "basal cell carcinoma"),
            *("benign keratosis-like lesions", "dermatofibroma", "melanoma", "melanocytic nevi"),
            "vascular lesions",
        ),
        3,
        (7_007, 1_003, 2_005),
        "0744692d530f8e62ec473284d019b0c7",
        76.8,
        licence="CC BY-NC 4.0",
    ),
    Row(
        "OCTMNIST",
        "109,309 sections of the retina by optical coherence tomography, 28×28 grey.",
        ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
        1,
        (97_477, 10_832, 1_000),
        "c68d92d5b585d8d81f7112f81e2d0842",
        77.6,
    ),
    Row(
        "PneumoniaMNIST",
        "5,856 X-rays of children's chests, with pneumonia or without, 28×28 grey.",
        ("normal", "pneumonia"),
        1,
        (4_708, 524, 624),
        "28209eda62fecd6e6a2d98b1501bb15f",
        94.6,
        size=4_170_669,
    ),
    Row(
        "RetinaMNIST",
        "1,600 pictures of the back of the eye, 28×28 RGB, in five grades of diabetic retinopathy.",
        tuple(f"grade {grade}" for grade in range(5)),
        3,
        (1_080, 120, 400),
        "bd4c0672f1bba3e3a89f0e4e876791e4",
        53.1,
    ),
    Row(
        "BreastMNIST",
        "780 ultrasound pictures of breasts, 28×28 grey; three in four are normal or benign.",
        ("malignant", "normal or benign"),
        1,
        (546, 78, 156),
        "750601b1f35ba3300ea97c75c52ff8f6",
        86.3,
        size=559_580,
    ),
    Row(
        "BloodMNIST",
        "17,092 blood cells of healthy people under the microscope, 28×28 RGB.",
        (
            *("basophil", "eosinophil", "erythroblast", "immature granulocyte", "lymphocyte", "monocyte"),
            *("neutrophil", "platelet"),
        ),
        3,
        (11_959, 1_712, 3_421),
        "7053d0359d879ad8a5505303e11de1dc",
        96.6,
    ),
    Row(
        "TissueMNIST",
        "236,386 cells of the kidney's cortex under the microscope, 28×28 grey.",
        (
            *("collecting duct, connecting tubule", "distal convoluted tubule"),
            *("glomerular endothelial cells", "interstitial endothelial cells", "leukocytes", "podocytes"),
            *("proximal tubule segments", "thick ascending limb"),
        ),
        1,
        (165_466, 23_640, 47_280),
        "ebe78ee8b05294063de985d821c1c34b",
        None,
    ),
    Row(
        "OrganAMNIST",
        "58,830 axial sections of eleven organs by computed tomography, 28×28 grey. The test images are of "
        "other scans.",
        ORGANS,
        1,
        (34_561, 6_491, 17_778),
        "68e3f8846a6bd62f0c9bf841c0d9eacc",
        95.1,
        flips=False,
    ),
    Row(
        "OrganCMNIST",
        "23,583 coronal sections of eleven organs by computed tomography, 28×28 grey. The test images are of "
        "other scans.",
        ORGANS,
        1,
        (12_975, 2_392, 8_216),
        "b9ceb9546e10131b32923c5bbeaea2b1",
        92.0,
        flips=False,
    ),
    Row(
        "OrganSMNIST",
        "25,211 sagittal sections of eleven organs by computed tomography, 28×28 grey. The test images are "
        "of other scans.",
        ORGANS,
        1,
        (13_932, 2_452, 8_827),
        None,
        81.3,
        flips=False,
    ),
)


def read_part(card: DatasetCard, archive: Path, part: str) -> ImageSet:
    """Read "train", "validation" or "test" from a dataset's archive.

    Raises:
        DataError: the archive is missing, damaged or holds something else, or images and labels do not match.
    """
    assert card.framing is not None
    labels = read_official(archive, f"{PARTS[part]}_labels", card.name, (1, 2)).reshape(-1)  # (n, 1) → (n,)
    images = read_official(archive, f"{PARTS[part]}_images", card.name, (3, 4))
    images = images[..., np.newaxis] if images.ndim == 3 else images  # (n, 28, 28, channels)
    if images.shape != (len(labels), *card.framing.shape):
        wrong = Message("holds images {shape} with {count} labels", shape=images.shape, count=len(labels))
        raise damaged(archive, card.name, wrong)
    if len(labels) and labels.max() >= len(card.classes):
        wrong = Message(
            "holds the label {label}; they are 0 to {last}", label=labels.max(), last=len(card.classes) - 1
        )
        raise damaged(archive, card.name, wrong)
    return ImageSet(images, labels.astype(np.int64), card.classes)


for _row in TABLE:
    _layout = Layout((_row.file,), partial(read_part, _row.card))
    datasets.add(_row.name, KnownDataset(_row.card, dict(zip(PARTS, _row.images, strict=True)), (_layout,)))
