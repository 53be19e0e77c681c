"""Paper and ink are told apart whatever the pen, the paper and the light."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from imagelet.preprocessing.binarise import (
    LEAST_CONTRAST,
    WORKING_SIDE,
    Ink,
    contrast_of,
    evened,
    grey_of,
    otsu,
    shrunk,
    thresholded,
    upright,
)
from imagelet.preprocessing.picture import with_channels

pytestmark = pytest.mark.portable

Pixels = NDArray[np.uint8]
BAR = slice(30, 70), slice(45, 55)
levels = st.integers(0, 255)
pictures = arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3])))


def sheet(paper: int | tuple[int, ...] = 245, ink: int | tuple[int, ...] = 25, side: int = 100) -> Pixels:
    """Return uint8 (side, side, 1 or 3): a bar of 40 x 10 pixels on a sheet of paper."""
    picture = np.full((side, side, np.size(paper)), paper, np.uint8)
    picture[BAR] = ink
    return picture


def darkness_of(picture: Pixels) -> Ink:
    return (1 - picture[:, :, 0] / np.float32(255)).astype(np.float32)


def ink_of(picture: Pixels) -> Ink:
    return thresholded(evened(upright(darkness_of(picture))))


class TestShrunk:
    @pytest.mark.parametrize("size", [(1, 5000), (5000, 1), (640, 480), (480, 640), (321, 321), (3000, 7)])
    @pytest.mark.parametrize("channels", [1, 3])
    def test_gives_the_working_side_and_keeps_the_aspect(self, size: tuple[int, int], channels: int) -> None:
        small = shrunk(np.full((*size, channels), 99, np.uint8))
        assert max(small.shape[:2]) == WORKING_SIDE
        scale = WORKING_SIDE / max(size)
        assert all(
            abs(one - max(1, scale * other)) <= 1 for one, other in zip(small.shape, size, strict=False)
        )
        assert small.shape[2] == channels
        assert np.all(small == 99)

    @given(pictures)
    @settings(deadline=None, max_examples=50)
    def test_leaves_what_is_small(self, picture: Pixels) -> None:
        assert np.array_equal(shrunk(picture), picture)

    def test_weighs_every_pixel(self) -> None:
        stripes = np.zeros((4 * WORKING_SIDE, 4 * WORKING_SIDE, 1), np.uint8)
        stripes[:, ::2] = 255
        assert np.abs(shrunk(stripes) - 127.5).max() <= 1


class TestGreyOf:
    @pytest.mark.parametrize(
        ("paper", "ink", "best"),
        [
            ((255, 255, 255), (255, 240, 60), 2),
            ((250, 250, 245), (250, 240, 150), 2),
            ((0, 130, 0), (255, 0, 0), 0),
        ],
        ids=["yellow on white", "pale yellow", "red on green as bright"],
    )
    def test_is_the_colour_in_which_the_ink_stands_out(
        self, paper: tuple[int, ...], ink: tuple[int, ...], best: int
    ) -> None:
        picture = sheet(paper, ink)
        assert np.array_equal(grey_of(picture), picture[:, :, best : best + 1])

    @pytest.mark.parametrize("ink", [(20, 20, 25), (30, 40, 120)], ids=["black", "blue"])
    def test_is_grey_where_grey_is_about_as_good(self, ink: tuple[int, ...]) -> None:
        picture = sheet((245, 245, 240), ink)
        assert np.array_equal(grey_of(picture), with_channels(picture, 1))

    @given(pictures)
    @settings(deadline=None, max_examples=50)
    def test_is_grey_or_a_colour_of_the_picture(self, picture: Pixels) -> None:
        grey = grey_of(picture)
        planes = [with_channels(picture, 1), *np.split(picture, picture.shape[2], axis=2)]
        assert any(np.array_equal(grey, plane) for plane in planes)


class TestUpright:
    @given(levels, levels)
    @settings(deadline=None, max_examples=50)
    def test_makes_the_ink_darker_than_the_paper(self, paper: int, ink: int) -> None:
        assume(paper != ink)
        darkness = upright(darkness_of(sheet(paper, ink)))
        assert darkness[BAR].min() > darkness[0].max()
        assert darkness[BAR].max() - darkness[0].min() == pytest.approx(abs(paper - ink) / 255, abs=1e-6)

    @given(levels, levels)
    @settings(deadline=None, max_examples=50)
    def test_gives_a_picture_and_its_negative_the_same(self, paper: int, ink: int) -> None:
        assume(paper != ink)
        picture = sheet(paper, ink)
        one, other = (upright(darkness_of(each)) for each in (picture, 255 - picture))
        assert np.allclose(one, other, atol=1e-6)

    def test_is_not_misled_by_a_few_pixels(self) -> None:
        picture = sheet(paper=200, ink=120)
        picture[5:9, 5:9] = 255  # a glint, further from the paper than the ink
        assert np.array_equal(upright(darkness_of(picture))[BAR], darkness_of(picture)[BAR])

    def test_sees_a_small_digit_on_a_large_dark_sheet(self) -> None:
        picture = sheet(paper=10, ink=240, side=WORKING_SIDE)  # 400 of 102,400 pixels
        assert upright(darkness_of(picture))[BAR].min() > 0.9


class TestEvened:
    def test_is_the_same_in_half_the_light(self) -> None:
        bright, dim = sheet(paper=240, ink=48), sheet(paper=120, ink=24)
        assert np.abs(evened(darkness_of(bright)) - evened(darkness_of(dim))).max() < 0.02

    @pytest.mark.parametrize("turn", range(4))
    def test_takes_a_shadow_off_the_paper_and_leaves_the_ink(self, turn: int) -> None:
        light = np.linspace(1.0, 0.4, 100)[:, None, None]
        darkness = evened(np.rot90(darkness_of((sheet() * light).astype(np.uint8)), turn))
        turned = np.rot90(darkness, -turn)
        paper = np.ones((100, 100), bool)
        paper[BAR] = False
        assert turned[paper].max() < 0.25
        assert turned[BAR].min() > 0.75

    @given(
        arrays.arrays(
            np.float32, arrays.array_shapes(min_dims=2, max_dims=2), elements=st.floats(0, 1, width=32)
        )
    )
    @settings(deadline=None, max_examples=50)
    def test_stays_between_nothing_and_all(self, darkness: Ink) -> None:
        even = evened(darkness)
        assert even.shape == darkness.shape
        assert even.dtype == np.float32
        assert np.all((even >= 0) & (even <= 1))


class TestThresholded:
    @pytest.mark.parametrize("ink", [25, 110, 190])
    def test_is_exactly_none_on_the_paper_and_all_on_the_ink(self, ink: int) -> None:
        found = ink_of(sheet(ink=ink))
        assert np.all(found[BAR] == 1)
        assert found.sum() == found[BAR].sum()

    def test_is_exactly_none_on_grainy_paper(self) -> None:
        grain = np.random.default_rng(0).normal(0, 10, (100, 100, 1))
        found = ink_of(np.clip(sheet() + grain, 0, 255).astype(np.uint8))
        assert not found[:25].any()
        assert found[BAR].min() > 0.8

    def test_has_soft_edges(self) -> None:
        angled = Image.fromarray(sheet()[:, :, 0]).rotate(30, Image.Resampling.BICUBIC, fillcolor=245)
        found = ink_of(np.asarray(angled)[:, :, None])
        assert ((found > 0) & (found < 1)).sum() > 50

    def test_keeps_the_amount_of_ink(self) -> None:
        angled = Image.fromarray(sheet()[:, :, 0]).rotate(30, Image.Resampling.BICUBIC, fillcolor=245)
        assert ink_of(np.asarray(angled)[:, :, None]).sum() == pytest.approx(400, rel=0.1)

    @given(st.floats(0, 1, width=32), st.floats(0, 0.9 * LEAST_CONTRAST))
    @settings(deadline=None, max_examples=50)
    def test_finds_none_where_there_is_next_to_no_contrast(self, level: float, apart: float) -> None:
        darkness = np.full((20, 20), level, np.float32)
        darkness[5:9, 5:9] = min(1.0, level + apart)
        assert not thresholded(darkness).any()


class TestContrast:
    @given(st.floats(0.1, 0.4), st.floats(0.6, 0.9), st.integers(10, 90))
    @settings(deadline=None, max_examples=50)
    def test_is_the_distance_of_paper_and_ink(self, low: float, high: float, inked: int) -> None:
        values = np.full(100, low, np.float32)
        values[:inked] = high
        assert contrast_of(values.reshape(10, 10)) == pytest.approx(high - low, abs=1e-5)
        assert low < otsu(values) < high

    @given(st.floats(0, 1, width=32), arrays.array_shapes(min_dims=2, max_dims=2))
    @settings(deadline=None, max_examples=50)
    def test_is_none_on_one_level(self, level: float, shape: tuple[int, ...]) -> None:
        assert contrast_of(np.full(shape, level, np.float32)) == 0


class TestOtsu:
    @given(arrays.arrays(np.uint8, (12, 12)))
    @settings(deadline=None, max_examples=50)
    def test_finds_the_largest_variance_between_the_sides(self, picture: Pixels) -> None:
        values = ((picture + 0.5) / 256).astype(np.float32)

        def between(threshold: float) -> float:
            low, high = values[values <= threshold], values[values > threshold]
            if low.size == 0 or high.size == 0:
                return 0.0
            return low.size * high.size * float(high.mean(dtype=float) - low.mean(dtype=float)) ** 2

        best = max(between(level / 256) for level in range(257))
        assert between(otsu(values)) == pytest.approx(best, rel=1e-4, abs=1e-6)

    @given(st.integers(5, 120), st.integers(130, 250))
    @settings(deadline=None, max_examples=50)
    def test_is_in_the_middle_of_an_empty_gap(self, low: int, high: int) -> None:
        values = np.array([low + 0.5, high + 0.5], np.float32).repeat(50) / 256
        assert otsu(values) == pytest.approx((low + high) / 512, abs=2 / 256)
