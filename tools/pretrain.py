"""Train the shipped classifiers anew: ``python -m tools.pretrain mnist``; without a name, all of them.

Each is what ``imagelet train DATASET --recipe RECIPE`` gives, its weights kept in half precision; ``mnist``
is two such trainings of different length side by side, with the same validation images. ``--runs DIR`` keeps
the runs, and takes those that are there already. What a classifier reaches is measured on the file that is
shipped, the test images once, and written on its card.
"""

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imagelet import atomic_files, paths
from imagelet.classifier.classifier import Classifier
from imagelet.classifier.file import packed
from imagelet.data.datasets import load_dataset
from imagelet.data.splits import Split
from imagelet.experiment.finalize import Finished
from imagelet.experiment.runner import run_experiment
from imagelet.metrics.calibration import fit_calibration
from imagelet.networks.module_summary import summarize
from imagelet.runs.definition import Experiment, describe
from imagelet.runs.model_card import model_card
from imagelet.runs.provenance import provenance_of_run
from imagelet.runs.run import Run
from imagelet.runs.store import is_run_of
from tools.ensemble import side_by_side


@dataclass(frozen=True)
class Shipped:
    """One of the shipped classifiers.

    Attributes:
        dataset: what it is trained on, and its name.
        recipe: how.
        validation: share of the training images that choose the best epoch.
        limits: what it is not for; a sentence or two.
        seed: of the training.
        members: what is set otherwise than in the recipe, for each of the trainings that stand side by side.
        test_images: the first so many of the test images; 0 for all of them.
    """

    dataset: str
    recipe: str
    validation: float
    limits: str
    seed: int = 0
    members: tuple[dict[str, float], ...] = ({},)
    test_images: int = 0


SHIPPED = (
    Shipped(
        "mnist",
        "handwriting",
        1 / 6,
        "One handwritten digit in a picture, in any ink on any plain paper. Not for numbers of several "
        "digits, nor for forms, cheques or anything on which money or health depends: nobody has tested it "
        "for that. Letters often look like digits to it.",
        members=({"epochs": 14, "background": 0.0}, {}),
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


def main(words: Sequence[str]) -> None:
    """Train those that are named, or all, and put them into the package with their cards."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.pretrain", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="mnist, fashion-mnist or cifar-10")
    parser.add_argument("--runs", type=Path, help="where the runs are kept")
    asked = parser.parse_args(words)
    known = {each.dataset: each for each in SHIPPED}
    if unknown := [name for name in asked.names if name not in known]:
        sys.exit(f"no shipped classifier is called '{unknown[0]}'; they are {', '.join(known)}")
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.names or known:
            ship(known[name], *trained(known[name], asked.runs or Path(folder)))


def trained(shipped: Shipped, folder: Path) -> tuple[Classifier, dict[str, Any]]:
    """Return a classifier and the figures of its run; of several members those of all of them.

    Args:
        shipped: which one.
        folder: where the runs are, and go.
    """
    members: list[Finished] = []
    for place, settings in enumerate(shipped.members):
        experiment = describe(
            shipped.dataset,
            None,
            shipped.recipe,
            settings,
            validation=shipped.validation,
            seed=shipped.seed,
        )
        split = Split.load(members[0].run.folder / "split.json") if members else None
        members.append(_member(experiment, f"{shipped.dataset}-{place}", folder, split))
    if len(members) == 1:
        return members[0].classifier, members[0].metrics
    return joined(members)


def _member(experiment: Experiment, name: str, folder: Path, split: Split | None) -> Finished:
    """Return a run that was finished before, or run it."""
    run = Run(folder / name)
    if run.finished and is_run_of(run, experiment):
        return Finished(run, Classifier.load(run.classifier_file), run.metrics)
    *_, last = run_experiment(experiment, name=name, folder=folder, frozen=split)
    assert isinstance(last, Finished)
    return last


def joined(members: Sequence[Finished]) -> tuple[Classifier, dict[str, Any]]:
    """Return the classifiers of runs with the same split side by side, calibrated on its validation images.

    Each one's logits are divided by its own temperature first, so that none outweighs the others.
    """
    first = members[0]
    scales = [1 / each.classifier.calibration.temperature for each in members]
    network = side_by_side([each.classifier.network for each in members], scales)
    recipes = [each.classifier.training["recipe"] for each in members]
    training = {**members[-1].classifier.training, "side_by_side": recipes, "validation_accuracy": None}
    classifier = dataclasses.replace(first.classifier, network=network, training=training)
    images = provenance_of_run(first.run).open().part("validation").images
    classifier = classifier.calibrated(fit_calibration(classifier.logits(images.images), images.labels))
    validated = classifier.evaluate(images)
    classifier.training["validation_accuracy"] = validated.accuracy
    seconds = {"training": sum(each.metrics["seconds"]["training"] for each in members)}
    figures = {
        "validation": validated.to_json(classifier.classes),
        "seconds": seconds,
        "parameters": summarize(network).total,
    }
    return classifier, {**members[-1].metrics, **figures}


def ship(shipped: Shipped, classifier: Classifier, metrics: dict[str, Any]) -> None:
    """Write a classifier, test it as it is shipped, and write its card.

    Args:
        shipped: which one it is.
        classifier: as training left it.
        metrics: of its run.
    """
    path = paths.shipped() / f"{shipped.dataset}.safetensors"
    atomic_files.write_bytes(path, packed(classifier.to_bytes(half=True)))
    dataset = load_dataset(shipped.dataset)
    images = dataset.test
    if shipped.test_images:
        images = images.take(np.arange(shipped.test_images))
    as_shipped = Classifier.load(path)
    tested = {**metrics, "test": as_shipped.evaluate(images).to_json(as_shipped.classes)}
    card = model_card(shipped.dataset, as_shipped, dataset.card, tested, shipped.limits)
    atomic_files.write_text(path.with_suffix(".md"), card)


if __name__ == "__main__":
    main(sys.argv[1:])
