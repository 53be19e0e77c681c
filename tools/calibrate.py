"""Calibrate the shipped classifiers anew: ``python -m tools.calibrate mnist``; without a name, all of them.

The validation images are those of their trainings, so nothing is learned from and no other image is looked
at. The weights stay as they are, byte for byte. ``--images N`` takes no more than so many of them, drawn by
seed 0, which is enough for ``lowest_logits``; temperature and threshold are fitted anew where all are taken.
"""

import argparse
import dataclasses
import sys
from collections.abc import Sequence

import numpy as np

from imagelet import atomic_files, paths
from imagelet.classifier.classifier import Classifier
from imagelet.classifier.file import with_calibration
from imagelet.data.datasets import load_dataset
from imagelet.data.splits import split
from imagelet.metrics.calibration import Calibration, fit_calibration
from tools.pretrain import SHIPPED, Shipped


def main(words: Sequence[str]) -> None:
    """Calibrate those that are named, or all."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.calibrate", description=(__doc__ or "").split("\n")[0]
    )
    known = {each.dataset: each for each in SHIPPED}
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--images", type=int, default=0, help="of the validation images; 0 for all")
    asked = parser.parse_args(words)
    if unknown := [name for name in asked.names if name not in known]:
        sys.exit(f"no shipped classifier is called '{unknown[0]}'; they are {', '.join(known)}")
    for name in asked.names or known:
        calibrate(known[name], asked.images)


def calibrate(shipped: Shipped, most: int = 0) -> None:
    """Fit a classifier's calibration on its validation images, and put it into its file.

    Args:
        shipped: which one.
        most: how many of the images are taken; 0 for all.

    Raises:
        ValueError: the validation images are not those of its training.
    """
    path = paths.shipped() / f"{shipped.dataset}.safetensors"
    classifier, dataset = Classifier.load(path), load_dataset(shipped.dataset)
    images = dataset.train.take(split(dataset.train, shipped.validation, shipped.seed).validation)
    if (
        dataset.train.fingerprint() != classifier.training["data_sha256"]
        or len(images) != classifier.training["validation_images"]
    ):
        raise ValueError(f"these are not the images that '{shipped.dataset}' was validated on")
    is_part = 0 < most < len(images)
    if is_part:
        images = images.take(np.sort(np.random.default_rng(0).permutation(len(images))[:most]))
    fitted = fit_calibration(classifier.logits(images.images), images.labels)
    changed = calibration_of(classifier.calibration, fitted, is_part=is_part)
    atomic_files.write_bytes(path, with_calibration(path.read_bytes(), changed))


def calibration_of(before: Calibration, fitted: Calibration, *, is_part: bool) -> Calibration:
    """Return the fitted calibration; of a part of the images only its lowest logits."""
    return dataclasses.replace(before, lowest_logits=fitted.lowest_logits) if is_part else fitted


if __name__ == "__main__":
    main(sys.argv[1:])
