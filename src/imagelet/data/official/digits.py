"""The digits that scikit-learn ships: 1,797 real handwritten digits, 8×8, there without any download."""

import errno
import gzip
import importlib.util
import os
from functools import cache, partial
from pathlib import Path

import numpy as np

from imagelet.data.imageset import Dataset, DatasetCard, ImageSet
from imagelet.data.known import KnownDataset, datasets
from imagelet.data.stratified import stratified_split
from imagelet.errors import DataError
from imagelet.preprocessing.framing import Framing

IMAGES = 1_797
SIDE = 8  # pixels
STRONGEST_INK = 16  # the values are 0 to 16
TEST_SHARE = 0.2
TEST_SEED = 0  # the test part is the same for ever

DIGITS = DatasetCard(
    name="digits",
    title="Digits",
    description="1,797 handwritten digits, 8×8 grey, light ink on black; a fixed fifth of each class is the "
    "test part. The same people wrote both parts, so a new writer is harder than the test images.",
    classes=tuple("0123456789"),
    framing=Framing("handwriting", SIDE, SIDE, 1),
    flips=False,
    source="https://archive.ics.uci.edu/dataset/80 (its test set, shipped with scikit-learn)",
    licence="CC BY 4.0",
    citation="E. Alpaydin, C. Kaynak. Optical Recognition of Handwritten Digits. UCI Machine Learning "
    "Repository, 1998.",
)


def load_digits() -> Dataset:
    """Return the digits; scikit-learn's file is read when a part is first asked for."""
    parts = {part: partial(_read_part, part) for part in ("train", "test")}
    return Dataset(DIGITS, "scikit-learn", parts)


def digits_file() -> Path | None:
    """Return scikit-learn's file that holds the digits, without importing it; None where it is not there."""
    spec = importlib.util.find_spec("sklearn")
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"
    return file if file.is_file() else None


@cache
def _read() -> dict[str, ImageSet]:
    try:
        if (file := digits_file()) is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        lines = gzip.decompress(file.read_bytes()).decode("ascii").split()
        table = np.array([line.split(",") for line in lines], np.int64).reshape(IMAGES, SIDE * SIDE + 1)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            "the digits that scikit-learn ships cannot be read ({error})",
            hint="pip install --force-reinstall scikit-learn",
            error=error,
        ) from error
    values, labels = table[:, :-1].reshape(-1, SIDE, SIDE), table[:, -1]  # (1797, 8, 8), 0–16; (1797,)
    images = np.rint(values * (255 / STRONGEST_INK)).astype(np.uint8)[..., np.newaxis]  # (1797, 8, 8, 1)
    everything = ImageSet(images, labels, DIGITS.classes)
    train, test = stratified_split(labels, TEST_SHARE, TEST_SEED)
    return {"train": everything.take(np.sort(train)), "test": everything.take(np.sort(test))}


def _read_part(part: str) -> ImageSet:
    return _read()[part]


datasets.add(
    DIGITS.name, KnownDataset(DIGITS, {"train": 1_437, "test": 360}, load=load_digits, file=digits_file)
)
