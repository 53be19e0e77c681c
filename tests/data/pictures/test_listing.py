"""Labelled pictures in a folder, read as people lay them out, or refused."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from imagelet.data.copies import set_aside_by_rank
from imagelet.data.pictures.listing import list_pictures, part_folders
from imagelet.errors import DataError
from imagelet.preprocessing.picture_files import DiskFolder

SHARE = 0.2


def digests_of(contents: list[int]) -> NDArray[np.uint8]:
    return np.array([list(np.random.default_rng(each).bytes(32)) for each in contents], np.uint8).reshape(
        -1, 32
    )


class TestSetAsideByRank:
    @given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), min_size=1, max_size=80))
    def test_takes_copies_together_and_about_the_share(self, pictures: list[tuple[int, int]]) -> None:
        labels = np.array([label for label, _ in pictures], np.int64)
        contents = np.array([content for _, content in pictures])
        chosen = set_aside_by_rank(digests_of(contents.tolist()), labels, SHARE)
        assert not set(contents[chosen]) & set(contents[~chosen])
        for label in np.unique(labels):
            inside, taken = contents[labels == label], contents[(labels == label) & chosen]
            own = set(inside) - set(contents[labels != label])
            assert set(taken) <= own
            assert len(taken) < len(inside)
            assert (len(taken) > 0) == (len(set(inside)) > 1 and len(own) > 0)
            most_copies = np.unique(inside, return_counts=True)[1].max()
            if len(own) == len(set(inside)):
                assert abs(len(taken) - SHARE * len(inside)) <= most_copies

    def test_takes_the_share_exactly_where_all_differ(self) -> None:
        labels = np.repeat([0, 1], [50, 100]).astype(np.int64)
        chosen = set_aside_by_rank(digests_of(list(range(150))), labels, SHARE)
        assert np.bincount(labels[chosen]).tolist() == [10, 20]

    def test_does_not_depend_on_the_order(self) -> None:
        digests, labels = digests_of(list(range(60))), np.arange(60, dtype=np.int64) % 3
        order = np.random.default_rng(0).permutation(60)
        chosen = set_aside_by_rank(digests, labels, SHARE)
        assert np.array_equal(set_aside_by_rank(digests[order], labels[order], SHARE), chosen[order])

    def test_moves_few_when_pictures_are_added(self) -> None:
        labels = np.zeros(220, np.int64)
        digests = digests_of(list(range(220)))
        before = set_aside_by_rank(digests[:200], labels[:200], SHARE)
        after = set_aside_by_rank(digests, labels, SHARE)[:200]
        assert (before != after).sum() <= 6
        assert before.sum() == 40


class TestPartFolders:
    def test_a_class_of_trains_is_no_training_part(self, tmp_path: Path) -> None:
        for name in ("train", "test", "bus"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "1.png").touch()
        assert part_folders(DiskFolder(tmp_path)) == {}
        (tmp_path / "test" / "a").mkdir()
        found = part_folders(DiskFolder(tmp_path))
        assert {part: folder.path.name for part, folder in found.items()} == {
            "train": "train",
            "test": "test",
        }


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no such names")
def test_refuses_a_class_whose_name_is_not_unicode(tmp_path: Path) -> None:
    for each in ("plain", os.fsdecode(b"caf\xe9")):
        (tmp_path / each).mkdir()
        Image.new("L", (4, 4)).save(tmp_path / each / "1.png")
    with pytest.raises(DataError, match="is not Unicode"):
        list_pictures(DiskFolder(tmp_path))
