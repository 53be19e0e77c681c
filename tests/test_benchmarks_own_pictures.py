"""The benchmark of people's own pictures: how a table of them is read, and what the page says of it."""

import copy
from pathlib import Path

import numpy as np
import pytest

from benchmarks import own_pictures, pages, result_files
from imagelet.classifier.prediction import Prediction
from imagelet.preprocessing.picture import write_picture

TROUSERS = np.full((200, 120, 1), 250, np.uint8)
TROUSERS[20:180, 30:55] = TROUSERS[20:180, 65:90] = TROUSERS[20:45, 30:90] = 40


def test_other_classifiers_are_measured_by_people(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_picture(TROUSERS, tmp_path / f"{name}.png")
    table = tmp_path / "manifest.csv"
    table.write_text("path,label,source\nfirst.png,Trouser,a\nsecond.png,Bag,b\n", "utf-8")
    found = own_pictures._of_others("fashion-mnist", table)
    assert (found["pictures"], found["people"], found["wrong"], found["wrong_but_sure"]) == (2, 2, 1, 1)
    assert found["framed"]["accuracy"] == 0.5


def test_sureness_counts_right_and_wrong_apart() -> None:
    def of(sure: bool) -> Prediction:
        return Prediction("", 0, "", 0.9, (), (), sure, (), TROUSERS)

    found = own_pictures._sureness([of(True), of(False), of(True), of(False)], np.array([1, 1, 0, 0], bool))
    assert found == {"right_but_unsure": 0.5, "wrong_but_sure": 1, "wrong": 2}


def test_the_page_shows_other_classifiers_where_they_were_measured() -> None:
    result = copy.deepcopy(result_files.read("own-pictures"))
    assert result is not None
    row = {
        "classifier": "cifar-10",
        "pictures": 8,
        "people": 3,
        "framed": {"accuracy": 0.75, "interval": [0.4, 0.9]},
        "wrong": 2,
        "wrong_but_sure": 1,
        "right_but_unsure": 0.5,
    }
    result["measured"]["others"] = [row]
    assert "| `cifar-10` | 8 | 3 | 75.0 % (40.0 to 90.0 %) | 2 | 1 | 50.0 % |" in pages.own_pictures_page(
        result
    )
    del result["measured"]["others"]
    assert "Clothes and objects" not in pages.own_pictures_page(result)


@pytest.mark.parametrize("name", own_pictures.OTHERS)
def test_the_variables_are_in_the_readme(name: str) -> None:
    readme = (Path(own_pictures.__file__).parent / "README.md").read_text("utf-8")
    assert f"`{own_pictures.OTHERS[name]}`" in readme
