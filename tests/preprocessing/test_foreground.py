"""An object on plain ground comes out as Fashion-MNIST holds its clothes."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from imagelet.data import load_dataset
from imagelet.preprocessing import Framing, foreground, frame
from imagelet.preprocessing.foreground import alone

pytestmark = pytest.mark.portable

Pixels = NDArray[np.uint8]
FASHION = Framing("object", 28, 28, 1)


def shirt(ground: int = 245, cloth: int = 90, side: int = 300) -> Pixels:
    """Return a picture, uint8 (side, side, 1), of something like a shirt."""
    image = Image.new("L", (side, side), ground)
    low, high = side * 0.2, side * 0.8
    pen = ImageDraw.Draw(image)
    pen.rectangle([low + side * 0.1, low, high - side * 0.1, high], fill=cloth)
    pen.rectangle([low, low, high, low + side * 0.15], fill=cloth - 30)
    return np.asarray(image)[:, :, None]


def test_light_ground_becomes_black_and_the_object_fills_the_image() -> None:
    image = frame(shirt(), FASHION)
    rows, columns = np.flatnonzero(image.any(axis=(1, 2))), np.flatnonzero(image.any(axis=(0, 2)))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 28
    assert image.max() == 255
    assert image[14, 14, 0] == pytest.approx((245 - 90) / (245 - 60) * 255, abs=3)  # of the darkest cloth
    assert image[27, 0, 0] == 0


@pytest.mark.parametrize("cloth", [60, 150, 200])
def test_light_clothes_are_as_bright_as_dark_ones(cloth: int) -> None:
    inside = shirt() < 245
    light, dark = (np.where(inside, value, 245).astype(np.uint8) for value in (cloth, 0))
    assert np.abs(frame(light, FASHION).astype(int) - frame(dark, FASHION)).max() <= 1


def test_cloth_nearly_as_light_as_the_ground_is_not_cut_out() -> None:
    lace = shirt(cloth=120).copy()
    lace[110:230, 91:210] = 235  # nearly the ground's 245, between dark hems
    assert foreground.GROUND > (245 - 235) / 245
    assert frame(lace, FASHION)[14, 14, 0] == pytest.approx((245 - 235) / (245 - 90) * 255, abs=4)


def test_the_darker_cloth_is_the_brighter_pixel() -> None:
    image = frame(shirt(), FASHION)
    assert image[2, 14, 0] > image[20, 14, 0] + 20


def test_light_clothes_on_dark_ground_stay_light() -> None:
    image = frame(shirt(ground=10, cloth=200), FASHION)
    assert image[14, 14, 0] > 180
    assert image[27, 0, 0] == 0


def test_the_aspect_is_kept_and_the_object_is_in_the_middle() -> None:
    trousers = np.full((200, 300, 1), 250, np.uint8)
    trousers[20:180, 40:90] = 60
    columns = np.flatnonzero(frame(trousers, FASHION).any(axis=(0, 2)))
    assert len(columns) == pytest.approx(28 * 50 / 160, abs=1)
    assert abs((columns[0] + columns[-1]) / 2 - 13.5) <= 0.5


@pytest.mark.parametrize("room", [0, 30, 200])
def test_room_around_the_object_does_not_matter(room: int) -> None:
    wider = np.pad(shirt(), ((room, 0), (0, room), (0, 0)), constant_values=245)
    assert np.array_equal(frame(wider, FASHION), frame(shirt(), FASHION))


def test_a_huge_picture_is_scaled_down_first(monkeypatch: pytest.MonkeyPatch) -> None:
    large = np.kron(shirt(), np.ones((4, 4, 1), np.uint8))
    whole = alone(large, 28, 28)
    monkeypatch.setattr(foreground, "LONGEST_SIDE", max(shirt().shape))
    scaled = alone(large, 28, 28)
    assert whole.placement is not None
    assert scaled.placement is not None
    assert np.abs(scaled.image.astype(int) - whole.image).max() <= 8
    assert dataclasses.astuple(scaled.placement) == pytest.approx(dataclasses.astuple(whole.placement))


def test_dust_is_left_out() -> None:
    dusty = shirt().copy()
    dusty[2:5, 2:5] = 0
    assert np.array_equal(frame(dusty, FASHION), frame(shirt(), FASHION))


def test_a_busy_ground_and_a_blank_picture_are_told_and_doubted() -> None:
    busy = np.random.default_rng(0).integers(0, 256, (90, 90, 1)).astype(np.uint8)
    assert "ground is not plain" in alone(busy, 28, 28).warnings[0]
    assert alone(busy, 28, 28).unclear
    blank = alone(np.full((50, 40, 1), 128, np.uint8), 28, 28)
    assert blank.unclear
    assert blank.warnings
    assert not blank.image.any()
    assert not alone(shirt(), 28, 28).warnings
    assert not alone(shirt(), 28, 28).unclear


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))))
@settings(deadline=None, max_examples=60)
def test_every_picture_has_an_image(picture: Pixels) -> None:
    found = alone(picture, 28, 20)
    assert found.image.shape == (28, 20, 1)
    assert found.image.dtype == np.uint8


@pytest.mark.realdata
def test_the_datasets_own_images_pass_unchanged() -> None:
    images = load_dataset("fashion-mnist").test.images[:500]
    same = [np.array_equal(frame(image, FASHION), image) for image in images]
    assert np.mean(same) > 0.95
