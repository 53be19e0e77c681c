"""Numbers for an image go back to the place in the picture that its pixels come from."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from imagelet.preprocessing import Framing, frame, framings
from imagelet.preprocessing.framing import Framed, apply_framing
from imagelet.preprocessing.geometry import UNMOVED, Placement, whole

pytestmark = pytest.mark.portable

Pixels = NDArray[np.uint8]
SQUARE = (slice(0, 6), slice(0, 6))
SIZES = [(28, 28), (40, 40), (90, 60), (60, 150), (500, 380), (17, 23)]
MNIST = Framing("handwriting", 28, 28, 1, box=20 / 28)

sides = st.integers(1, 12)
numbers = st.floats(-50, 50)
sizes = st.floats(0.1, 30)
placements = st.builds(Placement, numbers, numbers, sizes, sizes)


def dotted(height: int, width: int, row: float, column: float, radius: float, dark: bool) -> Pixels:
    """Return a picture, uint8 (height, width, 1), with one soft dot at (row, column), in pixel centres."""
    rows, columns = np.mgrid[:height, :width]
    dot = np.clip(radius + 0.5 - np.hypot(rows - row, columns - column), 0, 1)[:, :, None]
    light = np.rint(20 + 225 * dot)
    return (255 - light if dark else light).astype(np.uint8)


def back(framed: Framed, picture: Pixels, kind: str) -> NDArray[np.float32]:
    """Return how far each pixel of the image is from its paper, carried back onto the picture."""
    assert framed.placement is not None
    paper = 0 if kind in ("handwriting", "object") else int(picture[0, 0, 0])
    return framed.placement.onto(np.abs(framed.image[:, :, 0].astype(np.float32) - paper), *picture.shape[:2])


class TestOnto:
    @given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 9))
    @settings(deadline=None)
    def test_the_picture_itself_changes_nothing(self, height: int, width: int, seed: int) -> None:
        values = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
        np.testing.assert_allclose(UNMOVED.onto(values, height, width), values, rtol=1e-6)

    def test_is_bilinear_by_hand(self) -> None:
        placement = Placement.of((slice(2, 6), slice(0, 4)), at=(slice(0, 2), slice(0, 2)))
        carried = placement.onto(np.array([[0.0, 4.0], [8.0, 12.0]]), 7, 5)
        across = [0, 1, 3, 4]  # the centres of 4 pixels between those of 2, cut off at the rim
        wanted = [
            [0] * 5,
            [0] * 5,
            *[[*(down + each for each in across), 0] for down in (0, 2, 6, 8)],
            [0] * 5,
        ]
        np.testing.assert_allclose(carried, wanted, atol=1e-6)
        assert carried.dtype == np.float32

    @given(st.integers(2, 9), st.integers(2, 9), st.integers(1, 9), st.integers(0, 9))
    @settings(deadline=None)
    def test_enlarges_as_scipy_does(self, height: int, width: int, factor: int, seed: int) -> None:
        values = np.random.default_rng(seed).normal(size=(height, width))
        carried = Placement(0, 0, factor, factor).onto(values, height * factor, width * factor)
        wanted = ndimage.zoom(values, factor, order=1, mode="nearest", grid_mode=True)
        np.testing.assert_allclose(carried, wanted, atol=1e-5)

    @given(st.integers(2, 9), st.integers(1, 8), st.integers(0, 9))
    @settings(deadline=None)
    def test_shrinks_as_pillow_does(self, side: int, factor: int, seed: int) -> None:
        values = np.random.default_rng(seed).normal(size=(side * factor, side * factor)).astype(np.float32)
        carried = Placement(0, 0, 1 / factor, 1 / factor).onto(values, side, side)
        wanted = np.asarray(Image.fromarray(values).resize((side, side), Image.Resampling.BILINEAR))
        np.testing.assert_allclose(carried[1:-1, 1:-1], wanted[1:-1, 1:-1], atol=1e-5)

    @given(placements, sides, sides, st.integers(1, 40), st.integers(1, 40))
    @settings(deadline=None)
    def test_gives_one_number_back_inside_and_nothing_outside(
        self, placement: Placement, height: int, width: int, picture_height: int, picture_width: int
    ) -> None:
        carried = placement.onto(np.full((height, width), 3.0), picture_height, picture_width)
        rows, columns = np.arange(picture_height) + 0.5, np.arange(picture_width) + 0.5
        down = (rows >= placement.top) & (rows <= placement.top + height * placement.pixel_height)
        across = (columns >= placement.left) & (columns <= placement.left + width * placement.pixel_width)
        np.testing.assert_allclose(carried, 3 * np.outer(down, across), atol=1e-4)

    @pytest.mark.parametrize("shape", [(4,), (4, 4, 1)])
    def test_refuses_what_is_no_map(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match="a map is"):
            UNMOVED.onto(np.zeros(shape), 4, 4)


class TestPlacement:
    @given(placements, placements, sides, sides)
    @settings(deadline=None)
    def test_of_a_part_of_a_part_is_both_one_after_the_other(
        self, inner: Placement, outer: Placement, row: int, column: int
    ) -> None:
        def place(placement: Placement, row: float, column: float) -> tuple[float, float]:
            down = placement.top + row * placement.pixel_height
            return down, placement.left + column * placement.pixel_width

        wanted = place(outer, *place(inner, row, column))
        np.testing.assert_allclose(place(inner.within(outer), row, column), wanted, rtol=1e-9, atol=1e-6)

    def test_of_the_whole_as_it_is_moves_nothing(self) -> None:
        pixels = np.zeros((5, 7, 3))
        assert Placement.of(whole(pixels), whole(pixels)) == UNMOVED

    def test_is_plain_json(self) -> None:
        placement = Placement.of(SQUARE, (slice(1, 4), slice(2, 5)))
        assert Placement(**json.loads(json.dumps(placement.to_json()))) == placement

    @pytest.mark.parametrize("fields", [(0, 0, 0, 1), (0, 0, 1, -1), (np.nan, 0, 1, 1), (0, 0, 1, np.inf)])
    def test_without_a_size_or_a_place_is_refused(self, fields: tuple[float, ...]) -> None:
        with pytest.raises(ValueError, match="a placement has"):
            Placement(*fields)


class TestOfEveryFraming:
    @pytest.mark.parametrize("kind", tuple(framings))
    @pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
    @pytest.mark.parametrize("dark", [True, False], ids=["dark on light", "light on dark"])
    @pytest.mark.parametrize("shape", [(28, 28), (20, 32)], ids=lambda shape: f"to {shape[0]}x{shape[1]}")
    def test_a_dot_comes_back_to_where_it_is(
        self, kind: str, size: tuple[int, int], dark: bool, shape: tuple[int, int]
    ) -> None:
        height, width = size
        framing = Framing(kind, *shape, 1, box=20 / 28)
        short = min(size)
        for down, across in ((0.5, 0.5), (0.35, 0.6), (0.62, 0.44)):
            row = (height - short) / 2 + down * short  # in the middle square, which a crop keeps, too
            column = (width - short) / 2 + across * short
            picture = dotted(height, width, row, column, max(1.5, short / 14), dark)
            framed = apply_framing(picture, framing)
            assert framed.placement is not None
            found = ndimage.center_of_mass(back(framed, picture, kind))
            placed = framed.placement
            assert abs(found[0] - row) <= max(0.5 * placed.pixel_height, 0.5)
            assert abs(found[1] - column) <= max(0.5 * placed.pixel_width, 0.5)

    @pytest.mark.parametrize("kind", tuple(framings))
    @pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
    def test_two_strokes_come_back_as_long_and_as_wide_as_they_are(
        self, kind: str, size: tuple[int, int]
    ) -> None:
        height, width = size
        short = min(size)
        top, left = (height - short) // 2, (width - short) // 2
        rows, columns = (
            slice(int(start * short), int(stop * short)) for start, stop in ((0.2, 0.7), (0.3, 0.8))
        )
        picture = np.full((height, width, 1), 240, np.uint8)
        thick = max(2, short // 8)
        square = picture[top : top + short, left : left + short]
        square[rows.start : rows.start + thick, columns] = 10
        square[rows, columns.stop - thick : columns.stop] = 10
        framed = apply_framing(picture, Framing(kind, 28, 28, 1, box=20 / 28))
        carried = back(framed, picture, kind)
        assert framed.placement is not None
        found = carried > carried.max() / 2
        pixel = framed.placement.pixel_height, framed.placement.pixel_width
        for axis, wanted in ((0, rows), (1, columns)):
            inked = np.flatnonzero(found.any(axis=1 - axis))
            start = (top, left)[axis]
            assert abs(inked[0] - start - wanted.start) <= max(1, pixel[axis])
            assert abs(inked[-1] + 1 - start - wanted.stop) <= max(1, pixel[axis])
        assert np.corrcoef(carried.ravel(), 240.0 - picture.ravel())[0, 1] > 0.8

    @pytest.mark.parametrize("pen", [1, 3, 8, 20, 40])
    def test_strokes_that_are_widened_or_thinned_come_back_in_the_middle_of_the_pens(self, pen: int) -> None:
        picture = np.full((300, 400, 1), 240, np.uint8)
        picture[60:230, 200 - pen // 2 : 200 - pen // 2 + pen] = 20
        picture[60 : 60 + pen, 130:300] = 20
        framed = apply_framing(picture, MNIST)
        assert framed.placement is not None
        carried = back(framed, picture, "handwriting")
        stem = carried[150:200].mean(axis=0)
        middle = (stem * np.arange(400)).sum() / stem.sum()
        assert middle == pytest.approx(200 - pen // 2 + (pen - 1) / 2, abs=framed.placement.pixel_width / 2)
        bar = carried[:, 250:290].mean(axis=1)
        middle = (bar * np.arange(300)).sum() / bar.sum()
        assert middle == pytest.approx(60 + (pen - 1) / 2, abs=framed.placement.pixel_height)

    @pytest.mark.parametrize("kind", tuple(framings))
    def test_an_image_that_passes_unchanged_is_its_own_place(self, kind: str) -> None:
        framing = Framing(kind, 28, 28, 1, box=20 / 28)
        image = frame(dotted(200, 200, 90, 120, 14, True), Framing("handwriting", 28, 28, 1, box=20 / 28))
        framed = apply_framing(image, framing)
        assert np.array_equal(framed.image, image)
        assert framed.placement == UNMOVED

    @pytest.mark.parametrize("kind", ["handwriting", "object"])
    def test_a_blank_picture_has_none(self, kind: str) -> None:
        assert apply_framing(np.full((50, 60, 1), 200, np.uint8), Framing(kind, 28, 28, 1)).placement is None

    def test_one_that_knows_of_no_placement_has_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(framings._things, "plain", lambda picture, framing: Framed(picture))
        assert apply_framing(np.zeros((4, 4, 1), np.uint8), Framing("plain", 4, 4, 1)).placement is None
