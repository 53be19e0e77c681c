"""The shards of a dataset are found by their names, or by those of the folders that they lie in."""

from pathlib import Path

import numpy as np
import pytest

from imagelet.data.pictures.shards import Labelled, parts_of_shards, shards_in
from imagelet.errors import DataError
from imagelet.preprocessing.picture_files import PictureFile


def is_shard(name: str) -> bool:
    return name.endswith(".tar")


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (["one.tar"], {"train": ["one.tar"]}),
        (["a-10.tar", "a-9.tar"], {"train": ["a-9.tar", "a-10.tar"]}),
        (
            ["train-0.tar", "train-1.tar", "val-0.tar", "Test-0.TAR"],
            {"train": ["train-0.tar", "train-1.tar"], "validation": ["val-0.tar"], "test": ["Test-0.TAR"]},
        ),
        (
            ["data/train-0.tar", "data/test-0.tar", "README.md"],
            {"train": ["train-0.tar"], "test": ["test-0.tar"]},
        ),
        (["train/0.tar", "train/1.tar", "dev/0.tar"], {"train": ["0.tar", "1.tar"], "validation": ["0.tar"]}),
        (["it/train/0.tar", "it/eval/0.tar", ".cache/x.tar"], {"train": ["0.tar"], "test": ["0.tar"]}),
        (["cat/1.png", "dog/2.png"], {}),
        (["cat/1.png", "dog/2.png", "backup.tar"], {}),
        (["restaurants-0.tar"], {"train": ["restaurants-0.tar"]}),
        ([], {}),
    ],
)
def test_are_found_by_part(names: list[str], parts: dict[str, list[str]], tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = shards_in(tmp_path, is_shard)
    assert {part: [path.name for path in paths] for part, paths in found.items()} == parts
    assert all(path.is_file() for paths in found.values() for path in paths)


def labelled(*labels: int | str) -> Labelled:
    return Labelled([PictureFile(Path(f"{n}.png")) for n in range(len(labels))], labels)


def test_classes_are_in_the_order_of_their_numbers_or_in_natural_order() -> None:
    train = parts_of_shards(Path("it"), {"train": labelled(10, 2, 10)}).parts["train"]()
    assert (train.classes, train.labels.tolist()) == (("2", "10"), [1, 0, 1])
    train = parts_of_shards(Path("it"), {"train": labelled("b10", "b9")}).parts["train"]()
    assert (train.classes, train.labels.tolist()) == (("b9", "b10"), [1, 0])
    named = parts_of_shards(Path("it"), {"train": labelled(2, 0)}, ("ant", "bee", "cat")).parts["train"]()
    assert (named.classes, named.labels.dtype) == (("ant", "cat"), np.int64)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"train": labelled(0, "a")}, "some labels in 'it' are numbers and some are texts"),
        ({"train": labelled(0, 1), "test": labelled(2)}, "class '2' is in the part test of 'it', but not in"),
        ({"train": labelled("a", "x" * 300)}, "is no name of a class"),
        ({"train": labelled("a", "\ud800")}, "is no name of a class"),
    ],
)
def test_labels_that_are_none_are_refused(parts: dict[str, Labelled], message: str) -> None:
    with pytest.raises(DataError, match=message):
        parts_of_shards(Path("it"), parts)
