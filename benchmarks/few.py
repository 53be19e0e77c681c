"""Few pictures: what starting from a trained network is worth, with 20 pictures a class.

The pictures are of every second kind of CIFAR-10. One start is a network that learned the other five kinds
only, as a classifier has not learned a user's own kinds; the other is the shipped ``cifar-10``, which knows
the kinds and none of the pictures. These are among the first thousand test images, as the recipes' are.
"""

import math
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring import NO_DATA, Benchmark, LeftOut, Measured, summary
from benchmarks.processes import imagelet
from imagelet.data.datasets import load_dataset, place_of
from imagelet.data.imageset import ImageSet
from imagelet.preprocessing.picture import write_picture

DATASET = "cifar-10"
SCRATCH, OTHERS, SHIPPED = "scratch", "other kinds", "cifar-10"  # what a training starts from
PICTURES = 20  # of a class
SEEDS = 5  # each draws its own pictures
TEST_IMAGES = 1000  # what is not drawn of these is tested on
EPOCHS = 8  # of the start


def few() -> Iterator[Measured]:
    """``imagelet train FOLDER --from START`` against from scratch: 20 pictures a class, five seeds."""
    if place_of(DATASET) is None:
        raise LeftOut(NO_DATA)
    data = load_dataset(DATASET)
    test = data.test.take(np.arange(TEST_IMAGES))
    kinds = test.classes[::2]
    with tempfile.TemporaryDirectory(prefix="imagelet-few-") as place:
        folder = Path(place)
        starts = {OTHERS: _trained_on_others(data.train, folder), SHIPPED: SHIPPED}
        each: list[dict[str, Any]] = []
        for seed in range(SEEDS):
            each.append({"seed": seed, **_seed(test, starts, folder, seed)})
            print(f"  seed {seed}: {each[-1]}", file=sys.stderr)
            yield {"pictures": PICTURES, "kinds": list(kinds), **summarized(each), "each": each}


def benchmarks() -> dict[str, Benchmark]:
    """Return the benchmark by its name."""
    return {"few": few}


def summarized(each: list[dict[str, Any]]) -> Measured:
    """Return the accuracies over the seeds, and by how much each start is better than none, seed by seed."""
    ways = (SCRATCH, OTHERS, SHIPPED)
    better = {way: [one[way] - one[SCRATCH] for one in each] for way in ways[1:]}
    return {
        "accuracy": {way: summary([one[way] for one in each]) for way in ways},
        "better": {way: {**summary(values), "interval": _interval(values)} for way, values in better.items()},
    }


def _interval(values: Sequence[float]) -> list[float] | None:
    """Return the interval of the mean of differences by Student's t, at 95 %; None of a single one."""
    if len(values) < 2:
        return None
    from scipy.special import stdtrit

    reach = float(stdtrit(len(values) - 1, 0.975)) * statistics.stdev(values) / math.sqrt(len(values))
    return [statistics.fmean(values) - reach, statistics.fmean(values) + reach]


def of_kinds(images: ImageSet, first: int) -> ImageSet:
    """Return the images of every second class from ``first`` on, as a set of these classes alone."""
    chosen = np.flatnonzero(images.labels % 2 == first)
    taken = images.take(chosen)
    return ImageSet(taken.images, taken.labels // 2, images.classes[first::2])


def draw(images: ImageSet, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of ``PICTURES`` images a class, drawn by a seed, and those of all others."""
    order = np.random.default_rng(seed).permutation(len(images))
    drawn = np.concatenate(
        [order[images.labels[order] == label][:PICTURES] for label in range(len(images.classes))]
    )
    return np.sort(drawn), np.setdiff1d(order, drawn)


def write_folder(images: ImageSet, folder: Path) -> None:
    """Write images as PNG files, one subfolder a class."""
    for number, (image, label) in enumerate(zip(images.images, images.labels, strict=True)):
        place = folder / images.classes[label]
        place.mkdir(parents=True, exist_ok=True)
        write_picture(image, place / f"{number:04}.png")


def _trained_on_others(train: ImageSet, folder: Path) -> str:
    """Return the classifier's file of a network that learned the kinds that are not among the pictures."""
    others = of_kinds(train, 1)
    names = np.array(others.classes)[others.labels]
    np.savez(folder / "others.npz", images=others.images, labels=names)
    words = ["train", str(folder / "others.npz"), "--epochs", str(EPOCHS), "--runs", str(folder / "runs")]
    return str(imagelet([*words, "--json"]).document["classifier"])


def _seed(test: ImageSet, starts: dict[str, str], folder: Path, seed: int) -> dict[str, Any]:
    """Train on the pictures that a seed draws, from scratch and from each start; return the accuracies."""
    kinds = of_kinds(test, 0)
    drawn, rest = draw(kinds, seed)
    pictures = folder / f"pictures-{seed}"
    write_folder(kinds.take(drawn), pictures / "train")
    write_folder(kinds.take(rest), pictures / "test")
    accuracies: dict[str, Any] = {"images": len(rest)}
    for way, start in {SCRATCH: None, **starts}.items():
        words = ["train", str(pictures), *(["--from", start] if start else []), "--seed", str(seed)]
        document = imagelet([*words, "--test", "--runs", str(folder / "runs"), "--json"]).document
        accuracies[way] = document["test"]["accuracy"]
    return accuracies
