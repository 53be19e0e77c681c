"""Near copies are found among pictures that are not, by a hash and a correlation with oracles."""

import io
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dctn

from imagelet.data import near_copies
from imagelet.data.near_copies import LEAST_CORRELATION, MOST_BITS, perceptual_hashes

HASHES = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=12)


def scenes(count: int, size: int = 32, seed: int = 0) -> NDArray[np.uint8]:
    """Pictures (count, size, size, 3) of strong coarse shapes and weak fine ones, as photographs are."""
    generator = np.random.default_rng(seed)
    light = np.zeros((count, size, size))
    for cells in (2, 4, 8, 16):
        for picture in light:
            drawn = Image.fromarray(generator.normal(0, 60 / cells, (cells, cells)).astype(np.float32))
            picture += np.asarray(drawn.resize((size, size), Image.Resampling.BICUBIC))
    tints = generator.uniform(0.7, 1.3, (count, 1, 1, 3))
    return (128 + light[..., None] * tints).clip(0, 255).astype(np.uint8)


def as_jpeg(picture: NDArray[np.uint8], quality: int = 60) -> NDArray[np.uint8]:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "jpeg", quality=quality)
    return np.asarray(Image.open(buffer))


def through_half(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Stored at half the size, and back."""
    size = picture.shape[0]
    return np.asarray(Image.fromarray(picture).resize((size // 2, size // 2)).resize((size, size)))


@pytest.mark.parametrize(
    "change",
    [as_jpeg, through_half, lambda picture: (picture * 0.9 + 10).astype(np.uint8)],
    ids=["jpeg", "half the size", "paler"],
)
def test_a_picture_stored_in_another_way_is_found_and_no_other(change) -> None:  # type: ignore[no-untyped-def]
    pictures = scenes(300)
    stored = np.concatenate([pictures, np.stack([change(pictures[index]) for index in (4, 7)])])
    pairs, correlations = near_copies.near_copies(stored)
    assert sorted(map(tuple, pairs.tolist())) == [(4, 300), (7, 301)]
    assert (correlations >= LEAST_CORRELATION).all()
    assert (np.diff(correlations) <= 0).all()


def test_the_hash_is_that_of_the_cosine_transform() -> None:
    images = scenes(20)
    hashes = perceptual_hashes(images)
    for image, found in zip(images, hashes, strict=True):
        frequencies = dctn(image.mean(axis=2))[:8, :8].ravel()
        expected = np.packbits(frequencies > np.median(frequencies)).view(np.uint64)[0]
        assert (int(found) ^ int(expected)).bit_count() <= 1  # a frequency at the median may round either way


@given(HASHES, st.lists(st.tuples(st.integers(0, 11), st.sets(st.integers(0, 63), max_size=5)), max_size=12))
def test_every_pair_of_hashes_that_differ_in_few_bits_is_a_candidate_once(
    hashes: list[int], changes: list[tuple[int, set[int]]]
) -> None:
    hashes += [hashes[index % len(hashes)] ^ sum(1 << bit for bit in bits) for index, bits in changes]
    yielded = [
        tuple(pair)
        for pairs in near_copies._candidates(np.array(hashes, np.uint64))
        for pair in pairs.tolist()
    ]
    expected = [
        (one, other)
        for one, other in combinations(range(len(hashes)), 2)
        if (hashes[one] ^ hashes[other]).bit_count() <= MOST_BITS
    ]
    assert sorted(yielded) == expected


@pytest.mark.parametrize("count", [0, 1])
def test_few_images_have_none(count: int) -> None:
    pairs, correlations = near_copies.near_copies(scenes(2)[:count])
    assert (pairs.shape, correlations.shape) == ((0, 2), (0,))


def test_pictures_of_one_colour_are_none_of_each_other() -> None:
    plain = np.stack([np.full((8, 8, 1), value, np.uint8) for value in range(9)])
    assert len(near_copies.near_copies(plain)[0]) == 0


def test_a_set_that_all_looks_alike_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_copies, "MOST_PAIRS", 100)
    noisy = scenes(1)[0].astype(np.int64) + np.random.default_rng(0).integers(-2, 3, (200, 32, 32, 3))
    pairs, _ = near_copies.near_copies(noisy.clip(0, 255).astype(np.uint8))
    assert 0 < len(pairs) < 2000
