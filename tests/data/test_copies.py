"""Copies are found whatever the order and the size of the set, and only copies are."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imagelet.data import copies
from imagelet.data.copies import (
    are_copies,
    digest,
    digests,
    first_of_each,
    originals,
    with_copies,
)

CONTENTS = st.lists(st.integers(0, 12), max_size=40)


def images_of(contents: list[int]) -> NDArray[np.uint8]:
    """Return an image (3, 5, 1) for each number, the same for the same number; 0 is all black."""
    known = np.random.default_rng(0).integers(0, 256, (13, 3, 5, 1), dtype=np.uint8)
    known[0] = 0
    known[1] = 0
    known[1, 2, 4] = 1  # differs in its last bit alone
    return known[np.array(contents, np.int64)]


@given(CONTENTS)
def test_each_image_gets_the_first_one_like_it(contents: list[int]) -> None:
    found = originals(images_of(contents))
    assert found.dtype == np.int64
    assert found.tolist() == [contents.index(content) for content in contents]


@given(st.lists(st.integers(-3, 40), max_size=20))
def test_numbers_of_groups_become_the_index_of_the_first_of_each(groups: list[int]) -> None:
    found = first_of_each(np.array(groups, np.int64))
    assert found.tolist() == [groups.index(group) for group in groups]
    assert first_of_each(found).tolist() == found.tolist()


@given(CONTENTS)
def test_images_that_share_a_short_hash_are_still_told_apart(contents: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(copies, "_hashes", lambda images: np.zeros(len(images), np.int64))
        found = originals(images_of(contents))
        copied = are_copies(images_of(contents), images_of([3, 7]))
    assert found.tolist() == [contents.index(content) for content in contents]
    assert copied.tolist() == [content in (3, 7) for content in contents]


@given(CONTENTS, CONTENTS)
def test_copies_are_found_between_two_sets(contents: list[int], others: list[int]) -> None:
    found = are_copies(images_of(contents), images_of(others))
    assert found.tolist() == [content in others for content in contents]


def test_images_of_another_size_are_no_copies() -> None:
    assert (
        are_copies(np.zeros((2, 3, 5, 1), np.uint8), np.zeros((2, 5, 3, 1), np.uint8)).tolist() == [False] * 2
    )
    assert digest(np.zeros((3, 5, 1), np.uint8)) != digest(np.zeros((5, 3, 1), np.uint8))


@pytest.mark.parametrize("at_once", [1, 40, 10**6])
def test_a_set_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(copies, "_READ_AT_ONCE", at_once)
    assert originals(images_of([4, 2, 4, 4, 0])).tolist() == [0, 1, 0, 0, 4]


def test_rows_that_do_not_lie_in_one_piece_are_read_too() -> None:
    wide = np.random.default_rng(1).integers(0, 256, (4, 6, 6, 3), dtype=np.uint8)
    wide[3, ::2, ::3] = wide[1, ::2, ::3]
    assert originals(wide[:, ::2, ::3]).tolist() == [0, 1, 2, 1]


def test_digests_are_sha256() -> None:
    images = images_of([5, 0])
    assert [bytes(each) for each in digests(images)] == [
        hashlib.sha256(image.tobytes()).digest() for image in images
    ]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.randoms())
def test_with_copies_lists_each_chosen_image_and_then_its_copies(contents: list[int], random) -> None:  # type: ignore[no-untyped-def]
    found = originals(images_of(contents))
    chosen = np.unique(found)
    random.shuffle(chosen)
    listed = with_copies(chosen, found)
    assert sorted(listed) == list(range(len(contents)))
    expected = [index for first in chosen for index in np.flatnonzero(found == first)]
    assert listed.tolist() == expected
    assert with_copies(chosen[:0], found).tolist() == []
