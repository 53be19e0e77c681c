import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import entropy

from imagelet.training.outlier_exposure import divergence_from_uniform, make_outliers

SIZES = [(7, 9), (8, 8), (28, 28), (9, 6)]
METHODS = 6


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(n: int = 16, channels: int = 1, height: int = 7, width: int = 9) -> torch.Tensor:
    return torch.randn(n, channels, height, width, generator=seeded(99))


def classes(images: torch.Tensor) -> torch.Tensor:
    """Return labels (n,): five classes in turn."""
    return torch.arange(len(images)) % 5


def outliers_of(images: torch.Tensor, count: int, seed: int = 0) -> torch.Tensor:
    return make_outliers(images, classes(images), count, seeded(seed))


def strokes(n: int = 12, channels: int = 1) -> torch.Tensor:
    """Return images of light strokes, 1, on a dark ground, 0, each with others: (n, channels, 16, 15)."""
    images = torch.zeros(n, channels, 16, 15)
    for place, image in enumerate(images):
        image[:, 2:13, 2 + place % 11] = 1.0
        image[:, 3 + place % 9, 2:12] = 0.75
    return images


# -- how many, and what they are -----------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(
    count=st.integers(0, 45),
    n=st.integers(4, 12),
    channels=st.sampled_from([1, 3]),
    size=st.sampled_from(SIZES),
    seed=st.integers(0, 999),
)
def test_as_many_come_back_as_were_asked_for_and_the_seed_decides_which(count, n, channels, size, seed):
    images = noise(n, channels, *size)
    kept, before = images.clone(), torch.get_rng_state()
    outliers = outliers_of(images, count, seed)
    assert outliers.shape == (count, channels, *size)
    assert outliers.dtype == torch.float32
    assert torch.isfinite(outliers).all()
    assert torch.equal(outliers, outliers_of(images, count, seed))
    assert torch.equal(images, kept)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_none_is_one_of_the_given(channels, size):
    images = noise(16, channels, *size).flatten(1)
    for seed in range(5):
        outliers = outliers_of(images.reshape(16, channels, *size), 60, seed).flatten(1)
        assert float(torch.cdist(outliers, images).min()) > 0.5


@pytest.mark.parametrize("n", [5, 6])
def test_of_few_images_and_hardly_two_classes_none_is_one_of_the_given(n):
    images = noise(n, 1, 8, 8)
    outliers = torch.cat(
        [make_outliers(images, torch.arange(n) // (n - 1), 6 * n, seeded(seed)) for seed in range(20)]
    )
    assert float(torch.cdist(outliers.flatten(1), images.flatten(1)).min()) > 0.5


def test_another_seed_tears_in_another_way():
    one, other = (outliers_of(noise(), METHODS, seed) for seed in (1, 2))
    assert (one != other).flatten(1).any(dim=1).all()


@pytest.mark.parametrize(("n", "count"), [(16, 0), (0, 5), (1, 5), (3, 5)])
def test_of_nothing_or_too_few_nothing_is_torn(n, count):
    assert outliers_of(noise(n, 3), count).shape == (0, 3, 7, 9)


def test_torn_images_are_channels_last_in_memory():
    images = noise(8, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    assert outliers_of(images, 20).is_contiguous(memory_format=torch.channels_last)


# -- what is on them -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ground", [0.0, 1.0])
def test_nothing_is_darker_or_lighter_than_what_was_torn(ground):
    images = (strokes() - ground).abs()  # light on dark, then dark on light
    outliers = outliers_of(images, 40)
    assert float(outliers.min()) >= -1e-6
    assert float(outliers.max()) <= 1 + 1e-6
    assert (outliers.flatten(1).std(dim=1) > 0.02).all()  # on each of them there is something to see


def test_colours_are_torn_together():
    """What is grey stays grey: no channel is taken from another place."""
    grey = outliers_of(strokes(channels=1), 40)
    assert outliers_of(strokes(channels=3), 40).numpy() == pytest.approx(
        grey.expand(-1, 3, -1, -1).numpy(), abs=1e-6
    )


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_first_are_halves_of_two_images_each_at_its_place(size):
    images = noise(16, 1, *size)
    labels = classes(images)
    ways = set()
    for one in outliers_of(images, METHODS * 12)[:12]:
        sources = (images == one).float().argmax(dim=0)[0]  # (height, width): which image a pixel is from
        assert torch.equal(torch.gather(images[:, 0], 0, sources[None])[0], one[0])
        assert len(labels[sources.unique()].unique()) == len(sources.unique()) == 2  # of two classes
        if (sources == sources[:, :1]).all():  # every row is of one image
            ways.add("upper and lower")
            first = int((sources[:, 0] == sources[0, 0]).sum())
            assert abs(first - size[0] / 2) < 1
        else:
            ways.add("left and right")
            assert (sources == sources[:1]).all()
            first = int((sources[0] == sources[0, 0]).sum())
            assert abs(first - size[1] / 2) < 1
    assert ways == {"upper and lower", "left and right"}


def test_blank_images_stay_blank():
    assert torch.equal(outliers_of(torch.full((8, 1, 9, 9), 0.5), 30), torch.full((30, 1, 9, 9), 0.5))


# -- the distance from doubt ---------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.0, -7.5, 1e4])
def test_no_distance_is_left_where_all_classes_are_alike(level):
    assert float(divergence_from_uniform(torch.full((5, 10), level))) == pytest.approx(0, abs=1e-6)


@given(st.integers(1, 8), st.integers(2, 12), st.floats(0.1, 30), st.integers(0, 999))
@settings(deadline=None, max_examples=30)
def test_the_distance_is_scipys_divergence_of_the_answers_from_every_class_alike(n, classes, spread, seed):
    logits = np.random.default_rng(seed).normal(0, spread, (n, classes))
    alike = np.full((n, classes), 1 / classes)
    expected = entropy(alike, softmax(logits, axis=1), axis=1).mean()
    assert float(divergence_from_uniform(torch.tensor(logits))) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_a_step_down_the_distance_leads_to_doubt():
    logits = torch.tensor([[4.0, 0.0, -1.0], [0.0, 2.0, 1.0]], requires_grad=True)
    divergence_from_uniform(logits).backward()
    after = (logits - logits.grad).detach()
    assert divergence_from_uniform(after) < divergence_from_uniform(logits)
    assert (after.softmax(1).amax(1) < logits.softmax(1).amax(1)).all()
    certain = torch.tensor([[200.0, 0.0]])  # a certain answer is far from doubt, but not endlessly
    assert float(divergence_from_uniform(certain)) == pytest.approx(100 - math.log(2))
