"""Train the shipped classifiers anew: ``python -m tools.pretrain mnist``; without a name, all of them.

Each is what ``imagelet train DATASET --recipe RECIPE`` gives, its weights kept in half precision.
What it reaches is measured on the file that is shipped, the test images once, and written on its card.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imagelet import files, places, train
from imagelet.classifier import Classifier
from imagelet.data.datasets import load_dataset
from imagelet.experiment.model_card import model_card


@dataclass(frozen=True)
class Shipped:
    """One of the shipped classifiers.

    Attributes:
        dataset: what it is trained on, and its name.
        recipe: how.
        validation: share of the training images that choose the best epoch.
        limits: what it is not for; a sentence or two.
        seed: of the training.
        test_images: the first so many of the test images; 0 for all of them.
    """

    dataset: str
    recipe: str
    validation: float
    limits: str
    seed: int = 0
    test_images: int = 0


SHIPPED = (
    Shipped(
        "mnist",
        "handwriting",
        0.05,
        "One handwritten digit in a picture, in any ink on any plain paper. Not for numbers of several "
        "digits, nor for forms, cheques or anything on which money or health depends: nobody has tested it "
        "for that. Letters often look like digits to it.",
    ),
    Shipped(
        "fashion-mnist",
        "fashion-best",
        0.05,
        "One piece of clothing, upright on plain ground, as shops photograph it. Not for people who wear it, "
        "nor for photos of rooms.",
    ),
    Shipped(
        "cifar-10",
        "cifar-fast",
        0.1,
        "One animal or vehicle that fills a small square picture. It sees 32 by 32 pixels of a photo: "
        "people, plants, food and everything else get one of its ten names too.",
        seed=1,
        test_images=1000,
    ),
)


def main(names: Sequence[str]) -> None:
    """Train those that are named, or all, and put them into the package with their cards."""
    known = {each.dataset: each for each in SHIPPED}
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"no shipped classifier is called '{unknown[0]}'; they are {', '.join(known)}")
    for name in names or known:
        shipped = known[name]
        with tempfile.TemporaryDirectory() as folder:
            finished = train(
                shipped.dataset,
                recipe=shipped.recipe,
                folder=Path(folder),
                validation=shipped.validation,
                seed=shipped.seed,
            )
            ship(shipped, finished.classifier, finished.metrics)


def ship(shipped: Shipped, classifier: Classifier, metrics: dict[str, Any]) -> None:
    """Write a classifier, test it as it is shipped, and write its card.

    Args:
        shipped: which one it is.
        classifier: as training left it.
        metrics: of its run.
    """
    path = places.shipped() / f"{shipped.dataset}.safetensors"
    classifier.save(path, half=True)
    dataset = load_dataset(shipped.dataset)
    images = dataset.test
    if shipped.test_images:
        images = images.take(np.arange(shipped.test_images))
    as_shipped = Classifier.load(path)
    tested = {**metrics, "test": as_shipped.evaluate(images).to_json(as_shipped.classes)}
    card = model_card(shipped.dataset, as_shipped, dataset.card, tested, shipped.limits)
    files.write_text(path.with_suffix(".md"), card)


if __name__ == "__main__":
    main(sys.argv[1:])
