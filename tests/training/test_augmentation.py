import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage
from scipy.special import softmax
from scipy.stats import entropy

from imagelet.training import augmentation
from imagelet.training.augmentation import (
    add_background,
    add_noise,
    augment,
    blur,
    change_thickness,
    cut_out,
    divergence_from_uniform,
    lower_resolution,
    make_outliers,
    mirrored_in,
    shift,
    transform,
)
from imagelet.training.recipe import Recipe

pytestmark = pytest.mark.portable

STILL = Recipe(shift=0, rotation=0, scaling=0, shear=0, cutout=0)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbered(n: int = 16, channels: int = 1, height: int = 6, width: int = 5) -> torch.Tensor:
    """Return n times the same image, whose values are all different and above 0."""
    pixels = torch.arange(1, channels * height * width + 1, dtype=torch.float32)
    return pixels.reshape(channels, height, width).expand(n, -1, -1, -1).clone()


def all_drawn(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    """Let every random number from 0 to 1 be ``value``."""
    monkeypatch.setattr(augmentation.torch, "rand", lambda *size, **_: torch.full(size, value))


# -- all together --------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 99),
    channels=st.sampled_from([1, 3]),
    height=st.integers(4, 9),
    width=st.integers(4, 9),
    recipe=st.builds(
        Recipe,
        shift=st.sampled_from([0, 1.5, 2]),
        rotation=st.sampled_from([0, 10]),
        scaling=st.sampled_from([0, 0.1]),
        shear=st.sampled_from([0, 20]),
        thickness=st.sampled_from([0, 0.7]),
        coarseness=st.sampled_from([0, 0.5]),
        background=st.sampled_from([0, 0.3]),
        blur=st.sampled_from([0, 0.9]),
        noise=st.sampled_from([0, 0.2]),
        cutout=st.sampled_from([0, 3, 64]),
    ),
    mirrored=st.booleans(),
)
def test_shape_type_and_seed_decide_the_result(seed, channels, height, width, recipe, mirrored):
    images = torch.rand(4, channels, height, width, generator=seeded(seed))
    which = torch.tensor([True, False, True, False]) if mirrored else None
    given_images, before = images.clone(), torch.get_rng_state()
    one = augment(images, recipe, seeded(seed), mirrored=which)
    assert one.shape == images.shape
    assert one.dtype == torch.float32
    assert torch.equal(one, augment(images, recipe, seeded(seed), mirrored=which))
    assert recipe.noise or (one.min() >= -1e-6 and one.max() <= 1 + 1e-6)
    assert torch.equal(images, given_images)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "change",
    [
        *({"shift": 1}, {"shift": 0.5}, {"rotation": 20}, {"scaling": 0.3}, {"shear": 20}, {"cutout": 3}),
        *({"thickness": 0.5}, {"coarseness": 0.5}, {"blur": 0.5}, {"background": 0.3}, {"noise": 0.1}),
    ],
)
def test_each_setting_alone_changes_images_in_another_way_for_another_seed(change):
    images = torch.rand(20, 3, 9, 9, generator=seeded())
    recipe = dataclasses.replace(STILL, **change)
    one, other = (augment(images, recipe, seeded(seed)) for seed in (1, 2))
    assert not torch.equal(one, images)
    assert not torch.equal(one, other)
    assert torch.equal(augment(images, STILL, seeded()), images)


def test_a_shift_by_whole_pixels_alone_mixes_no_pixels():
    shifted = augment(numbered(50), dataclasses.replace(STILL, shift=2.0), seeded())
    assert set(shifted.unique().tolist()) <= set(numbered(1).unique().tolist())


@pytest.mark.parametrize(
    "recipe",
    [
        *(Recipe(shift=1), Recipe(shift=1, rotation=5), Recipe(shift=1, cutout=3)),
        *(Recipe(thickness=0.5), Recipe(coarseness=0.5), Recipe(blur=0.5)),
        *(Recipe(background=0.3), Recipe(noise=0.1)),
    ],
)
def test_changed_images_are_channels_last_in_memory(recipe):
    images = torch.rand(4, 3, 8, 8, generator=seeded()).contiguous(memory_format=torch.channels_last)
    assert augment(images, recipe, seeded()).is_contiguous(memory_format=torch.channels_last)


# -- mirror images -------------------------------------------------------------------------------------------


def test_those_images_are_mirrored_that_shall_be():
    images = torch.rand(5, 3, 4, 6, generator=seeded())
    which = torch.tensor([True, False, False, True, True])
    result = augment(images, STILL, seeded(), mirrored=which)
    for image, seen, mirrored in zip(images, result, which, strict=True):
        assert torch.equal(seen, torch.from_numpy(image.numpy()[:, :, ::-1].copy()) if mirrored else image)
    assert torch.equal(augment(images, STILL, seeded(), mirrored=None), images)


def test_two_epochs_show_each_image_both_ways():
    first = torch.rand(100, generator=seeded()) < 0.5
    epochs = [mirrored_in(epoch, first) for epoch in range(6)]
    assert torch.equal(epochs[0], first)
    for one, next_one in itertools.pairwise(epochs):
        assert (one ^ next_one).all()
    assert torch.equal(epochs[4], first)


# -- shifts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_a_shift_moves_by_whole_pixels_and_fills_with_the_edge(channels):
    images = numbered(300, channels)
    seen = set()
    for one in shift(images, 2, seeded()):
        matches = []
        for down in range(-2, 3):
            for across in range(-2, 3):
                rows = [min(max(row + down, 0), 5) for row in range(6)]
                columns = [min(max(column + across, 0), 4) for column in range(5)]
                if torch.equal(one, images[0][:, rows][:, :, columns]):
                    matches.append((down, across))
        assert len(matches) == 1
        seen.add(matches[0])
    assert len(seen) == 25


def test_a_shift_may_be_wider_than_the_image():
    shifted = shift(numbered(200, height=3, width=2), 7, seeded())
    assert shifted.shape == (200, 1, 3, 2)
    constant = (shifted == shifted[:, :, :1, :1]).all(dim=(1, 2, 3))
    assert constant.sum() > 20  # nothing but a corner is left to see


# -- blanked squares -----------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(1, 8), st.integers(1, 8), st.sampled_from([1, 3]), st.integers(0, 99))
def test_a_square_is_blanked_and_nothing_else(side, height, width, channels, seed):
    images = numbered(60, channels, height, width)
    result = cut_out(images, side, seeded(seed))

    def blanked(centre: int, length: int) -> tuple[int, int]:
        return max(0, centre - side // 2), min(length, centre - side // 2 + side)

    possible = {
        (*blanked(row, height), *blanked(column, width)) for row in range(height) for column in range(width)
    }
    for image, seen in zip(images, result, strict=True):
        blank = (seen == 0).all(dim=0)
        assert torch.equal(seen, torch.where(blank, 0.0, image))
        rows, columns = blank.any(dim=1).nonzero().flatten(), blank.any(dim=0).nonzero().flatten()
        place = (int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)
        assert place in possible
        assert int(blank.sum()) == (place[1] - place[0]) * (place[3] - place[2])


@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_a_square_inside_the_image_has_its_full_size_and_may_be_anywhere(side):
    blank = cut_out(numbered(2000, 1, 6, 5), side, seeded())[:, 0] == 0  # (n, height, width)
    sizes = blank.sum(dim=(1, 2))
    assert int(sizes.max()) == side**2
    rim = blank[:, 0].any(1) | blank[:, -1].any(1) | blank[:, :, 0].any(1) | blank[:, :, -1].any(1)
    assert (sizes[~rim] == side**2).all()
    if side == 1:  # then the square is its centre
        assert blank.double().mean(dim=0).numpy() == pytest.approx(1 / 30, abs=0.02)


def test_cutting_out_0_pixels_blanks_nothing():
    images = numbered(20)
    assert torch.equal(augment(images, dataclasses.replace(STILL, cutout=0), seeded()), images)


# -- rotation, scale, shear ----------------------------------------------------------------------------------


def line(height: int, width: int) -> torch.Tensor:
    """Return an image (1, 1, height, width) with an upright line of 1 or 2 pixels through its centre."""
    image = torch.zeros(1, 1, height, width)
    image[..., (width - 1) // 2 : width // 2 + 1] = 1.0
    return image


def slope(image: torch.Tensor) -> float:
    """Return by how many columns a line (height, width) goes to the right for each row that it goes down."""
    height, width = image.shape
    middle = slice(height // 4, height - height // 4)
    rows = torch.arange(height, dtype=torch.float32)[middle] - (height - 1) / 2
    columns = (image @ torch.arange(width, dtype=torch.float32) / image.sum(dim=1))[middle] - (width - 1) / 2
    leaning = (rows * columns).sum() / (rows * rows).sum()
    assert (columns - leaning * rows).abs().max() < 0.2  # a straight line through the centre
    return float(leaning)


def moved(image: torch.Tensor, **settings_: float) -> torch.Tensor:
    return transform(image, dataclasses.replace(STILL, **settings_), seeded())


@pytest.mark.parametrize("size", [(24, 40), (40, 24), (31, 31)])
@pytest.mark.parametrize("kind", ["shear", "rotation"])
def test_an_upright_line_leans_by_the_angle_that_is_drawn(kind, size, monkeypatch):
    leaning = []
    for drawn, share in ((0.0, -1), (0.25, -0.5), (0.5, 0), (0.75, 0.5), (1.0, 1)):
        all_drawn(monkeypatch, drawn)
        leaning.append(slope(moved(line(*size), **{kind: 20.0})[0, 0]))
        assert abs(leaning[-1]) == pytest.approx(math.tan(math.radians(20 * abs(share))), abs=0.01)
    assert leaning == pytest.approx([-each for each in reversed(leaning)], abs=0.01)
    assert abs(sum(math.copysign(1, each) for each in leaning[:2])) == 2  # one way below, the other above


def test_a_shear_moves_rows_as_wholes_and_no_row_up_or_down(monkeypatch):
    all_drawn(monkeypatch, 1.0)
    image = torch.zeros(1, 1, 21, 41)
    image[0, 0, 7:9, 10:31] = 1.0  # a lying bar
    sheared = moved(image, shear=30.0)[0, 0]
    assert sheared[:7].abs().max() < 1e-4
    assert sheared[9:].abs().max() < 1e-4
    assert sheared.sum(dim=1)[7:9].tolist() == pytest.approx([21, 21], abs=0.01)
    columns = torch.arange(41.0)
    centres = (sheared[7:9] @ columns / sheared[7:9].sum(dim=1)).tolist()
    offsets = [abs(centre - 20) for centre in centres]
    assert offsets == pytest.approx([3 * math.tan(math.pi / 6), 2 * math.tan(math.pi / 6)], abs=0.01)


@pytest.mark.parametrize("drawn", [0.0, 0.9, 1.0])
def test_rotation_and_shear_together_keep_areas(drawn, monkeypatch):
    all_drawn(monkeypatch, drawn)
    image = torch.zeros(1, 1, 40, 50)
    image[0, 0, 14:26, 19:31] = 1.0
    assert moved(image, rotation=40.0, shear=30.0).sum().item() == pytest.approx(144, rel=0.01)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_angles_are_drawn_evenly_up_to_the_recipes(seed):
    recipe = dataclasses.replace(STILL, shear=25.0)
    slopes = [slope(one[0]) for one in transform(line(31, 41).expand(50, -1, -1, -1), recipe, seeded(seed))]
    degrees = [math.degrees(math.atan(each)) for each in slopes]
    assert max(map(abs, degrees)) <= 25.6
    assert max(degrees) > 10
    assert min(degrees) < -10


@pytest.mark.parametrize(("drawn", "factor"), [(0.0, 1 / 1.5), (0.5, 1.0), (1.0, 1.5)])
def test_a_square_grows_or_shrinks_by_the_scale_that_is_drawn(drawn, factor, monkeypatch):
    all_drawn(monkeypatch, drawn)
    image = torch.zeros(1, 1, 40, 30)
    image[0, 0, 14:26, 9:21] = 1.0  # 12 pixels each way
    result = moved(image, scaling=0.5)
    across, down = result[0, 0].amax(dim=0), result[0, 0].amax(dim=1)
    lengths = sorted((float(across.sum()) / 12, float(down.sum()) / 12))
    assert lengths == pytest.approx(sorted((lengths[0], lengths[0])), abs=0.02)
    assert min(abs(lengths[0] - factor), abs(lengths[0] - 1 / factor)) < 0.05


def test_scales_are_as_often_above_as_below_one():
    image = torch.zeros(200, 1, 40, 40)
    image[:, 0, 14:26, 14:26] = 1.0
    areas = moved(image, scaling=0.4).sum(dim=(1, 2, 3)) / 144
    assert 1 / 1.4**2 - 0.05 < float(areas.min()) < 0.6
    assert 1.8 < float(areas.max()) < 1.4**2 + 0.1
    assert 80 < int((areas > 1).sum()) < 120


def test_a_move_by_nothing_changes_nothing():
    images = torch.rand(3, 3, 7, 9, generator=seeded())
    assert transform(images, STILL, seeded()) == pytest.approx(images, abs=1e-5)


@pytest.mark.parametrize("drawn", [0.0, 1.0])
def test_a_shift_by_a_part_of_a_pixel_lies_between_its_neighbours(drawn, monkeypatch):
    all_drawn(monkeypatch, drawn)
    images = torch.rand(1, 1, 6, 7, generator=seeded())
    result = moved(images, shift=0.5)
    wider = torch.nn.functional.pad(images, (1, 1, 1, 1), mode="replicate")
    top = slice(0, 6) if drawn == 0 else slice(1, 7)
    left = slice(0, 7) if drawn == 0 else slice(1, 8)
    corners = [
        wider[:, :, top.start + down : top.stop + down, left.start + across : left.stop + across]
        for down in (0, 1)
        for across in (0, 1)
    ]
    assert result.numpy() == pytest.approx((sum(corners) / 4).numpy(), abs=1e-5)


def test_a_rotation_about_the_centre_keeps_what_is_round():
    rows, columns = torch.meshgrid(torch.arange(21.0), torch.arange(21.0), indexing="ij")
    round_hill = torch.exp(-((rows - 10) ** 2 + (columns - 10) ** 2) / 12)[None, None].repeat(8, 1, 1, 1)
    result = transform(round_hill, dataclasses.replace(STILL, rotation=180.0), seeded(4))
    assert result == pytest.approx(round_hill, abs=0.03)
    assert result != pytest.approx(round_hill, abs=1e-4)


def test_a_rotation_is_a_rotation_on_images_that_are_not_square():
    image = torch.zeros(1, 1, 11, 21)
    image[0, 0, 5, 5:16] = 1.0  # a horizontal bar of 11 pixels
    for seed in range(20):
        result = transform(image, dataclasses.replace(STILL, rotation=90.0), seeded(seed))[0, 0]
        places = (result > 0.3).nonzero().float()
        length = (places.max(0).values - places.min(0).values).norm()
        assert 7 < length < 13


# -- strokes, sharpness, noise -------------------------------------------------------------------------------


AMOUNTS = (change_thickness, lower_resolution, blur, add_noise)


@pytest.mark.parametrize("change", AMOUNTS)
@pytest.mark.parametrize("size", [(6, 6), (7, 9), (3, 1)], ids=str)
def test_an_amount_of_0_changes_nothing_and_another_keeps_shape_and_type(change, size):
    images = torch.rand(5, 3, *size, generator=seeded())
    assert torch.equal(change(images, 0.0, seeded()), images)
    changed = change(images, 0.8, seeded(1))
    assert changed.shape == images.shape
    assert changed.dtype == torch.float32
    assert torch.equal(changed, change(images, 0.8, seeded(1)))


@pytest.mark.parametrize("change", [change_thickness, lower_resolution, blur])
@pytest.mark.parametrize("size", [(6, 6), (7, 9)], ids=str)
def test_an_image_of_one_level_stays_as_it_is(change, size):
    images = torch.full((4, 3, *size), 0.37)
    assert change(images, 1.0, seeded()).numpy() == pytest.approx(images.numpy(), abs=1e-6)


@pytest.mark.parametrize(
    ("drawn", "oracle"),
    [(1.0, ndimage.grey_dilation), (0.75, ndimage.grey_dilation), (0.0, ndimage.grey_erosion)],
)
def test_light_strokes_grow_or_shrink_towards_scipys_dilation_or_erosion(drawn, oracle, monkeypatch):
    all_drawn(monkeypatch, drawn)
    images = torch.from_numpy(np.random.default_rng(0).random((2, 3, 7, 9), np.float32))
    whole = np.stack([[oracle(plane, (3, 3), mode="nearest") for plane in image] for image in images.numpy()])
    for most in (0.5, 1.0):
        amount = most * abs(2 * drawn - 1)
        expected = images.numpy() + amount * (whole - images.numpy())
        assert change_thickness(images, most, seeded()).numpy() == pytest.approx(expected, abs=1e-6)


def test_a_light_stroke_gets_wider_and_narrower_by_up_to_the_pixels_on_each_side():
    bar = torch.zeros(300, 1, 9, 15)
    bar[..., 5:10] = 1.0
    widths = change_thickness(bar, 0.8, seeded())[:, 0, 4].sum(dim=1)
    assert 5 - 1.6 <= float(widths.min()) < 3.5
    assert 6.5 < float(widths.max()) <= 5 + 1.6
    assert 120 < int((widths > 5).sum()) < 180


@pytest.mark.parametrize("size", [(6, 8), (12, 4)], ids=str)
def test_half_the_resolution_is_pillows(size):
    images = np.random.default_rng(0).random((3, 1, *size), np.float32)
    coarse = lower_resolution(torch.from_numpy(images), 1.0, seeded())[:, 0].numpy()
    for before, after in zip(images[:, 0], coarse, strict=True):
        small = Image.fromarray(before).resize((size[1] // 2, size[0] // 2), Image.Resampling.BOX)
        expected = np.asarray(small.resize((size[1], size[0]), Image.Resampling.BILINEAR))
        assert after == pytest.approx(expected, abs=1e-5)


def test_a_share_of_the_images_is_coarse_and_the_others_are_as_they_were():
    images = torch.rand(400, 1, 6, 6, generator=seeded())
    changed = (lower_resolution(images, 0.3, seeded(1)) != images).flatten(1)
    assert 90 < int(changed.any(dim=1).sum()) < 150
    assert changed[changed.any(dim=1)].float().mean() > 0.9


def test_a_blur_worked_by_hand(monkeypatch):
    all_drawn(monkeypatch, 1.0)
    images = torch.zeros(2, 1, 3, 3)
    images[0, 0, 1, 1] = images[1, 0, 0, 0] = 16.0  # in the middle, and in the corner, which repeats
    assert blur(images, 1.0, seeded())[:, 0].tolist() == [
        [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]],
        [[9.0, 3.0, 0.0], [3.0, 1.0, 0.0], [0.0, 0.0, 0.0]],
    ]
    assert blur(images, 0.5, seeded())[0, 0].tolist() == [[0.5, 1.0, 0.5], [1.0, 10.0, 1.0], [0.5, 1.0, 0.5]]


@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 99))
@settings(deadline=None, max_examples=25)
def test_a_blur_keeps_what_there_is_and_evens_it_out(height, width, seed):
    images = torch.rand(6, 3, height, width, generator=seeded(seed))
    blurred = blur(images, 1.0, seeded(seed))
    assert blurred.mean(dim=(2, 3)).numpy() == pytest.approx(images.mean(dim=(2, 3)).numpy(), abs=1e-5)
    assert (blurred.var(dim=(2, 3), correction=0) <= images.var(dim=(2, 3), correction=0) + 1e-6).all()


def test_noise_has_a_deviation_of_each_images_own_up_to_the_most():
    images = torch.rand(200, 1, 20, 20, generator=seeded())
    added = add_noise(images, 0.5, seeded(1)) - images
    deviations = added.std(dim=(1, 2, 3))
    assert 0.45 < float(deviations.max()) < 0.55
    assert float(deviations.min()) < 0.05
    assert float(deviations.median()) == pytest.approx(0.25, abs=0.06)
    assert abs(float(added.mean())) < 0.01


def test_noise_is_normal(monkeypatch):
    all_drawn(monkeypatch, 1.0)
    noise = add_noise(torch.zeros(4, 3, 50, 50), 2.0, seeded()) / 2
    for deviations, share in ((1, 0.6827), (2, 0.9545)):
        assert float((noise.abs() < deviations).float().mean()) == pytest.approx(share, abs=0.01)
    assert np.abs(np.corrcoef(noise.reshape(12, -1)) - np.eye(12)).max() < 0.08  # each channel has its own


def test_a_gradient_of_grey_lies_behind_what_is_light(monkeypatch):
    all_drawn(monkeypatch, 1.0)  # a whole turn: it rises from left to right
    images = torch.full((1, 1, 2, 3), -1.0)
    images[0, 0, 0, 0], images[0, 0, 1, 2] = 1.0, 0.5
    laid = add_background(images, 0.5, seeded())[0, 0]
    torch.testing.assert_close(laid, torch.tensor([[1.0, -0.5, 0.0], [-1.0, -0.5, 0.5]]))


def test_a_grey_background_keeps_to_its_share_of_the_contrast():
    images = torch.rand(50, 1, 8, 8, generator=seeded()).round()
    laid = add_background(images, 0.4, seeded(1))
    assert torch.equal(laid[images == 1], images[images == 1])
    assert 0.3 < laid[images == 0].max() <= 0.4
    assert torch.equal(add_background(torch.ones(3, 1, 4, 4), 0.4, seeded()), torch.ones(3, 1, 4, 4))


SIZES = [(7, 9), (8, 8), (28, 28), (9, 6)]
METHODS = 6


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
