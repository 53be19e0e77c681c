"""The benchmark of few pictures: which are drawn, what is compared, and what the page says of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import few, pages
from imagelet.data import load_dataset
from imagelet.data.imageset import ImageSet
from tests.test_benchmarks import result


def images(classes: int = 4, each: int = 6) -> ImageSet:
    """Return images that each have a colour of their own, their labels in turn."""
    count = classes * each
    pixels = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    labels = np.arange(count, dtype=np.int64) % classes
    return ImageSet(pixels, labels, tuple("abcdefgh"[:classes]))


def test_every_second_kind_is_a_set_of_its_own() -> None:
    pictures, others = few.of_kinds(images(), 0), few.of_kinds(images(), 1)
    assert (pictures.classes, others.classes) == (("a", "c"), ("b", "d"))
    assert set(pictures.images.ravel()) | set(others.images.ravel()) == set(range(24))
    assert set(pictures.images[pictures.labels == 1].ravel()) == {2, 6, 10, 14, 18, 22}  # c


def test_each_seed_draws_as_many_of_each_class_and_tests_on_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(few, "PICTURES", 2)
    drawn, rest = few.draw(images(), 3)
    assert np.bincount(images().labels[drawn]).tolist() == [2, 2, 2, 2]
    assert sorted([*drawn, *rest]) == list(range(24))
    assert not np.array_equal(drawn, few.draw(images(), 4)[0])


def test_the_folder_is_read_as_the_images(tmp_path: Path) -> None:
    for part in ("train", "test"):
        few.write_folder(images(), tmp_path / part)
    read = load_dataset(tmp_path).train
    assert (read.classes, len(read)) == (images().classes, 24)
    assert sorted(read.images[:, 0, 0, 0]) == list(range(24))


def test_differences_are_taken_seed_by_seed_and_are_on_the_page() -> None:
    each: list[dict[str, Any]] = [
        {"seed": seed, "images": 400, few.SCRATCH: scratch, few.OTHERS: scratch + 0.2, few.SHIPPED: 0.9}
        for seed, scratch in enumerate((0.4, 0.5, 0.6))
    ]
    found = few.summarized(each)
    assert found["better"][few.OTHERS]["interval"] == pytest.approx([0.2, 0.2])
    assert found["better"][few.SHIPPED]["mean"] == pytest.approx(0.4)
    low, high = found["better"][few.SHIPPED]["interval"]
    assert (low, high) == pytest.approx((0.4 - 0.2484, 0.4 + 0.2484), abs=1e-3)  # 4.303 · 0.1 / √3
    measured = {"pictures": 20, "kinds": ["bird", "ship"], **found, "each": each}
    page = pages.benchmarks_page({"few": result("few", measured)})
    assert "| other kinds | 70.00 ± 10.00 % | +20.0 | +20.0 to +20.0 |" in page
    assert "| scratch | 50.00 ± 10.00 % | – | – |" in page


def test_one_seed_has_no_interval() -> None:
    found = few.summarized([{"seed": 0, few.SCRATCH: 0.4, few.OTHERS: 0.5, few.SHIPPED: 0.6}])
    assert found["better"][few.OTHERS]["interval"] is None
