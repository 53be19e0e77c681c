"""What is trained on a collection: its start, its length, and bursts that stay on one side."""

import csv
from pathlib import Path

import numpy as np
import pytest

from imagelet.data.datasets import load_dataset
from imagelet.errors import UsageError
from imagelet.lab.services.collection_training import ENOUGH, experiment_of, suitable_start
from imagelet.lab.services.collections import Collection, add_pictures, create_collection


def noise(seed: int) -> tuple[bytes, np.ndarray]:
    """Return a picture's content, which is no PNG and no JPEG, and its pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 20, 3), np.uint8)
    return pixels.tobytes(), pixels


def collected(runs: Path, kind: str, count: int, bursts: bool = False) -> Collection:
    collection = create_collection(runs, "mine", ["a", "b"])
    for at, label in enumerate("ab"):
        for number in range(count):
            burst = 1000 * at + number // 5 if bursts else None
            add_pictures(collection, label, kind, [noise(1000 * at + number)], burst)
    return collection


@pytest.mark.parametrize(
    ("kind", "start"), [("drawing", "mnist"), ("camera", "cifar-10"), ("file", "cifar-10")]
)
def test_it_starts_from_what_saw_the_like(tmp_path: Path, kind: str, start: str) -> None:
    collection = collected(tmp_path, kind, 3)
    experiment = experiment_of(collection)
    assert experiment.start_from == start
    assert experiment.dataset == str(collection.folder.resolve())
    assert experiment_of(collection, "none").start_from is None


def test_many_pictures_start_from_nothing() -> None:
    assert suitable_start(["file-0123456789ab.png"] * ENOUGH) == "none"
    assert suitable_start(["by hand.png"]) == "cifar-10"


def test_more_pictures_take_fewer_epochs(tmp_path: Path) -> None:
    few = experiment_of(collected(tmp_path / "few", "drawing", 5)).recipe.epochs
    many = experiment_of(collected(tmp_path / "many", "drawing", 80)).recipe.epochs
    assert many < few <= 40


def test_a_burst_is_on_one_side(tmp_path: Path) -> None:
    collection = collected(tmp_path, "camera", 30, bursts=True)
    table = Path(experiment_of(collection).dataset)
    assert table == collection.folder.resolve().with_name("mine.csv")
    with table.open(newline="", encoding="utf-8") as file:
        sources = {Path(row["path"]).name: row["source"] for row in csv.DictReader(file)}
    assert len(sources) == 60
    dataset = load_dataset(table)
    assert len(dataset.test) in range(10, 20)
    assert len(dataset.train) + len(dataset.test) == 60
    learned = {tuple(image.ravel()) for image in dataset.train.images}
    by_source: dict[str, set[bool]] = {}
    for name, source in sources.items():
        (path,) = collection.folder.rglob(name)
        alone = load_pixels(path)
        by_source.setdefault(source, set()).add(
            any(np.array_equal(alone, np.array(each)) for each in learned)
        )
    assert all(len(sides) == 1 for sides in by_source.values())


def load_pixels(path: Path) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(path)).ravel()


def test_too_little_is_told_before_it_is_queued(tmp_path: Path) -> None:
    collection = create_collection(tmp_path, "mine", ["a"])
    with pytest.raises(UsageError, match="two classes"):
        experiment_of(collection)
    collection = create_collection(tmp_path, "other", ["a", "b"])
    add_pictures(collection, "a", "file", [noise(1), noise(2)])
    with pytest.raises(UsageError, match="the class 'b' has 0 pictures"):
        experiment_of(collection)
