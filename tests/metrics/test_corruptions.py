"""The shifts: each keeps what it must keep, and does what its name says, by other means of reckoning."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from scipy.special import ndtr

from imagelet.metrics.corruptions import (
    CORRUPTIONS,
    Corruption,
    blurred,
    brighter,
    fainter,
    inverted,
    moved,
    noisy,
    rotated,
    scaled,
    thicker,
    thinner,
)

pytestmark = pytest.mark.portable

Images = NDArray[np.uint8]
EACH = pytest.mark.parametrize("shift", CORRUPTIONS, ids=lambda shift: shift.name)


def signs(number: int = 4, height: int = 40, width: int = 40, channels: int = 1) -> Images:
    """Return images of fat strokes, 230 on 20, each with others."""
    images = []
    for place in range(number):
        image = Image.new("L", (width, height), 20)
        pen = ImageDraw.Draw(image)
        middle = width // 2 + place % 3 - 1
        pen.line([(middle, height // 4), (middle, 3 * height // 4)], 230, 7)
        pen.line([(width // 3, height // 4 + place), (2 * width // 3, height // 4)], 230, 6)
        images.append(np.asarray(image))
    return np.repeat(np.stack(images)[..., None], channels, axis=3)


def greys(level: int, number: int = 4, side: int = 40) -> Images:
    return np.full((number, side, side, 1), level, np.uint8)


def away(shift: Corruption, strength: float) -> float:
    """Return by how many grey levels a pixel changes on average."""
    images = signs()
    return float(np.abs(shift.change(images, strength).astype(float) - images).mean())


def centre(image: Images) -> tuple[float, float]:
    """Return the centre of what is light on a dark ground (height, width, 1), in rows and columns."""
    light = image[..., 0].astype(float) - image.min()
    rows, columns = np.indices(light.shape)
    return float((rows * light).sum() / light.sum()), float((columns * light).sum() / light.sum())


# -- every shift ---------------------------------------------------------------------------------------------


@EACH
@pytest.mark.parametrize("shape", [(40, 40, 1), (21, 26, 3)], ids=str)
def test_every_strength_gives_new_images_of_the_same_kind_and_the_same_again(
    shift: Corruption, shape: tuple[int, int, int]
) -> None:
    images = signs(3, *shape)
    kept = images.copy()
    images.flags.writeable = False
    for strength in shift.strengths:
        changed = shift.change(images, strength)
        assert changed.dtype == np.uint8
        assert changed.shape == (3, *shape)
        assert not np.array_equal(changed, images)
        assert np.array_equal(changed, shift.change(images, strength))
    assert np.array_equal(images, kept)


@EACH
def test_a_stronger_one_leads_further_away(shift: Corruption) -> None:
    for strengths in (
        [each for each in shift.strengths if each < 1][:: -1 if shift.name == "scale" else 1],
        [each for each in shift.strengths if each >= 1],
    ):
        for weaker, stronger in itertools.pairwise(away(shift, each) for each in strengths):
            assert weaker < stronger


@EACH
def test_colours_are_changed_alike(shift: Corruption) -> None:
    if shift.name == "noise":  # which each channel has of its own
        return
    for strength in shift.strengths:
        assert np.array_equal(
            shift.change(signs(channels=3), strength), np.repeat(shift.change(signs(), strength), 3, axis=3)
        )


def test_each_has_a_name_of_its_own() -> None:
    assert len({shift.name for shift in CORRUPTIONS}) == len(CORRUPTIONS)


# -- where things are ----------------------------------------------------------------------------------------


def test_a_quarter_turn_is_numpys_to_one_side_and_the_other() -> None:
    images = signs()
    for place, image in enumerate(rotated(images, 90)):
        assert np.array_equal(image, np.rot90(images[place], 1 if place % 2 == 0 else -1))


@pytest.mark.parametrize("degrees", [10, 30])
def test_turns_back_and_forth_are_opposite_and_keep_the_centre(degrees: float) -> None:
    bar = greys(0, 2, 41)
    bar[:, 8:33, 18:23] = 200
    one, other = rotated(bar, degrees)
    assert np.array_equal(one, other[:, ::-1])
    assert centre(one) == pytest.approx((20, 20), abs=0.05)
    rows = np.arange(12, 29)
    columns = (one[rows, :, 0] @ np.arange(41.0)) / one[rows, :, 0].sum(axis=1, dtype=float)
    assert abs(np.polyfit(rows, columns, 1)[0]) == pytest.approx(np.tan(np.radians(degrees)), abs=0.02)


@pytest.mark.parametrize("pixels", [1, 2, 5])
def test_a_move_by_whole_pixels_is_a_roll_to_each_of_the_four_corners(pixels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 20, 40, 1), dtype=np.uint8)
    inner = slice(pixels, -pixels), slice(2 * pixels, -2 * pixels)
    corners = []
    for before, after in zip(images, moved(images, 100 * pixels / 20), strict=True):
        found = [
            (down, across)
            for down in (-pixels, pixels)
            for across in (-2 * pixels, 2 * pixels)
            if np.array_equal(after[inner], np.roll(before, (down, across), (0, 1))[inner])
        ]
        corners += found
    assert len(corners) == 8
    assert len(set(corners)) == 4
    assert corners[:4] == corners[4:]


def test_a_move_repeats_the_edge() -> None:
    image = np.tile(np.arange(20, dtype=np.uint8)[:, None, None], (1, 1, 20, 1))
    assert moved(image, 10)[0, :3, 0, 0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.2, 1.5])
def test_a_square_is_scaled_about_its_centre(factor: float) -> None:
    square = greys(0, 2, 41)
    square[:, 14:27, 14:27] = 250
    changed = scaled(square, factor)
    assert np.array_equal(changed[0], changed[1])
    assert changed[0].sum() / square[0].sum() == pytest.approx(factor**2, rel=0.08)
    assert centre(changed[0]) == pytest.approx((20, 20), abs=0.05)


# -- how thick and how sharp ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "oracle"), [(thinner, ImageFilter.MinFilter(3)), (thicker, ImageFilter.MaxFilter(3))]
)
def test_a_pixel_a_side_is_pillows_filter(change: object, oracle: ImageFilter.Filter) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 12, 15, 1), dtype=np.uint8)
    assert callable(change)
    for before, after in zip(images, change(images, 1), strict=True):
        expected = np.asarray(Image.fromarray(before[..., 0]).filter(oracle))
        assert np.array_equal(after[1:-1, 1:-1, 0], expected[1:-1, 1:-1])


def test_strokes_lose_and_gain_as_many_pixels_as_are_said() -> None:
    bar = greys(0, 1, 20)
    bar[:, :, 8:13] = 200
    for pixels in (0.5, 1, 1.5, 2):
        for change, expected in ((thinner, 5 - 2 * pixels), (thicker, 5 + 2 * pixels)):
            assert change(bar, pixels)[0, 10].sum(dtype=float) / 200 == pytest.approx(expected)


def test_to_thin_light_strokes_is_to_thicken_the_dark() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 12, 15, 1), dtype=np.uint8)
    for pixels in (0.5, 1, 1.5):
        assert np.array_equal(thinner(255 - images, pixels), 255 - thicker(images, pixels))


@pytest.mark.parametrize("pixels", [1, 2])
def test_a_blurred_edge_is_the_normal_distribution(pixels: float) -> None:
    edge = greys(0)
    edge[:, :, 20:] = 255
    expected = 255 * ndtr((np.arange(40) - 19.5) / pixels)
    for image in (blurred(edge, pixels)[0], blurred(np.swapaxes(edge, 1, 2), pixels)[0].swapaxes(0, 1)):
        assert np.abs(image[20, :, 0] - expected).max() < 3


def test_a_blur_mixes_no_images() -> None:
    images = np.concatenate([greys(0, 1), greys(255, 1)])
    assert np.array_equal(blurred(images, 2), images)


# -- how light -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deviation", [15, 30])
def test_noise_has_its_deviation_and_no_image_has_anothers(deviation: float) -> None:
    noise = noisy(greys(128), deviation).astype(float) - 128
    assert noise.std() == pytest.approx(deviation, rel=0.05)
    assert abs(noise.mean()) < deviation / 10
    assert np.abs(np.corrcoef(noise.reshape(4, -1)) - np.eye(4)).max() < 0.1


def test_an_inversion_takes_dark_for_light_and_twice_is_none() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    assert inverted(every, 1).reshape(-1).tolist() == list(range(255, -1, -1))
    assert np.array_equal(inverted(inverted(every, 1), 1), every)


@pytest.mark.parametrize("contrast", [0.5, 0.1, 0.0])
def test_contrast_is_a_share_of_the_way_from_the_middle(contrast: float) -> None:
    every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    found = fainter(every, contrast).reshape(-1)
    assert np.abs(found - (127.5 + contrast * (np.arange(256) - 127.5))).max() <= 0.5
    assert (np.diff(found.astype(int)) >= 0).all()


def test_every_second_image_gets_darker_and_none_wraps_around() -> None:
    levels = [image[0, 0, 0] for level in (10, 128, 250) for image in brighter(greys(level), 60)]
    assert levels == [70, 0, 70, 0, 188, 68, 188, 68, 255, 190, 255, 190]
