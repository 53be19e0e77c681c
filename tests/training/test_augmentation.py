import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imagelet.training.augmentation import augment, flip, move, shift
from imagelet.training.recipe import Recipe


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbered(n: int = 16, channels: int = 1, height: int = 6, width: int = 5) -> torch.Tensor:
    pixels = torch.arange(channels * height * width, dtype=torch.float32).reshape(channels, height, width)
    return pixels.expand(n, -1, -1, -1).clone()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 99), st.sampled_from([1, 3]), st.integers(4, 9), st.integers(4, 9))
def test_shape_type_and_seed_decide_the_result(seed, channels, height, width):
    images = torch.rand(4, channels, height, width, generator=seeded(seed))
    recipe = Recipe(shift=1.5, rotation=10, scaling=0.1)
    one = augment(images, recipe, seeded(seed), flips=True)
    assert one.shape == images.shape
    assert one.dtype == torch.float32
    assert torch.equal(one, augment(images, recipe, seeded(seed), flips=True))
    assert one.min() >= 0
    assert one.max() <= 1


def test_a_flip_mirrors_about_half_of_the_images_and_only_mirrors():
    images = numbered(200)
    flipped = flip(images, seeded())
    mirrored = (flipped == images.flip(3)).all(dim=(1, 2, 3))
    same = (flipped == images).all(dim=(1, 2, 3))
    assert (mirrored ^ same).all()
    assert 70 < int(mirrored.sum()) < 130


def test_a_flip_needs_both_the_recipe_and_the_card():
    images = numbered(64)
    assert torch.equal(augment(images, Recipe(flip=True), seeded(), flips=False), images)
    assert torch.equal(augment(images, Recipe(flip=False), seeded(), flips=True), images)
    assert not torch.equal(augment(images, Recipe(flip=True), seeded(), flips=True), images)


def test_a_shift_moves_by_whole_pixels_and_fills_with_the_edge():
    images = numbered(300)
    shifted = shift(images, 2, seeded())
    seen = set()
    for one in shifted[:, 0]:
        matches = []
        for down in range(-2, 3):
            for across in range(-2, 3):
                rows = [min(max(row + down, 0), 5) for row in range(6)]
                columns = [min(max(column + across, 0), 4) for column in range(5)]
                if torch.equal(one, images[0, 0][rows][:, columns]):
                    matches.append((down, across))
        assert len(matches) == 1
        seen.add(matches[0])
    assert len(seen) == 25


def test_a_move_by_nothing_changes_nothing():
    images = torch.rand(3, 3, 7, 9, generator=seeded())
    assert move(images, 0, 0, 0, seeded()) == pytest.approx(images, abs=1e-5)


def test_a_rotation_about_the_centre_keeps_what_is_round():
    rows, columns = torch.meshgrid(torch.arange(21.0), torch.arange(21.0), indexing="ij")
    round_hill = torch.exp(-((rows - 10) ** 2 + (columns - 10) ** 2) / 12)[None, None].repeat(8, 1, 1, 1)
    turned = move(round_hill, 0, 180, 0, seeded(4))
    assert turned == pytest.approx(round_hill, abs=0.03)
    assert turned != pytest.approx(round_hill, abs=1e-4)


def test_a_rotation_is_a_rotation_on_images_that_are_not_square():
    image = torch.zeros(1, 1, 11, 21)
    image[0, 0, 5, 5:16] = 1.0  # a horizontal bar of 11 pixels
    for seed in range(20):
        turned = move(image, 0, 90, 0, seeded(seed))[0, 0]
        places = (turned > 0.3).nonzero().float()
        length = (places.max(0).values - places.min(0).values).norm()
        assert 7 < length < 13
