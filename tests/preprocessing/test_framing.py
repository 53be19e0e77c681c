"""A framing makes every picture the network's size, in its own way, the same way each time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from imagelet.errors import ClassifierFileError, UnknownNameError
from imagelet.preprocessing import Framing, frame, framings
from imagelet.preprocessing.framing import MAX_SIDE, Framed, apply_framing, resized

pytestmark = pytest.mark.portable

Pixels = NDArray[np.uint8]
KINDS = ("fit", "crop", "half-crop", "stretch", "handwriting")
PLAIN_KINDS = KINDS[:-1]


def random_pixels(*shape: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def in_blocks(pixels: Pixels, block: int) -> Pixels:
    return pixels.repeat(block, axis=0).repeat(block, axis=1)


sides = st.integers(1, 40)
pictures = st.tuples(sides, sides, st.sampled_from([1, 3])).flatmap(
    lambda shape: arrays.arrays(np.uint8, shape)
)
frames = st.builds(
    Framing, st.sampled_from(KINDS), sides, sides, st.sampled_from([1, 3]), st.floats(0.05, 1.0)
)


class TestFrame:
    @given(pictures, frames)
    @settings(max_examples=80, deadline=None)
    def test_gives_every_picture_the_shape(self, picture: Pixels, framing: Framing) -> None:
        before = picture.copy()
        framed = frame(picture, framing)
        assert framed.shape == framing.shape
        assert framed.dtype == np.uint8
        assert np.array_equal(frame(picture, framing), framed)
        assert np.array_equal(picture, before)

    @pytest.mark.parametrize("kind", PLAIN_KINDS)
    @pytest.mark.parametrize("channels", [1, 3])
    def test_leaves_a_picture_of_that_shape_as_it_is(self, kind: str, channels: int) -> None:
        picture = random_pixels(20, 12, channels)
        assert np.array_equal(frame(picture, Framing(kind, 20, 12, channels)), picture)

    @given(
        st.sampled_from(PLAIN_KINDS), sides, sides, sides, sides, st.lists(st.integers(0, 255), min_size=3)
    )
    @settings(deadline=None)
    def test_leaves_one_colour_as_it_is(
        self, kind: str, height: int, width: int, to_height: int, to_width: int, colour: list[int]
    ) -> None:
        picture = np.full((height, width, 3), colour[:3], np.uint8)
        assert np.all(frame(picture, Framing(kind, to_height, to_width, 3)) == picture[0, 0])

    @pytest.mark.parametrize("kind", KINDS)
    def test_gives_grey_and_grey_in_colour_the_same(self, kind: str) -> None:
        grey = in_blocks(random_pixels(6, 9, 1), 7)
        for channels in (1, 3):
            framing = Framing(kind, 16, 16, channels)
            assert np.array_equal(frame(grey, framing), frame(np.repeat(grey, 3, axis=2), framing))

    def test_names_the_framings(self) -> None:
        assert set(KINDS) <= set(framings)
        with pytest.raises(UnknownNameError, match="did you mean 'stretch'"):
            frame(random_pixels(4, 4, 1), Framing("strech", 4, 4, 1))

    @pytest.mark.parametrize("shape", [(4, 4), (4, 4, 2), (4, 4, 4), (0, 4, 1), (4, 0, 3), (1, 4, 4, 1)])
    def test_refuses_another_form(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match="a picture is uint8"):
            frame(np.zeros(shape, np.uint8), Framing("fit", 4, 4, 1))

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.int64, np.float32, np.float64])
    def test_refuses_another_dtype(self, kind: str, dtype: type) -> None:
        with pytest.raises(ValueError, match="a picture is uint8"):
            frame(np.zeros((4, 4, 1), dtype), Framing(kind, 4, 4, 1))


class TestLookAt:
    @given(pictures, frames)
    @settings(max_examples=50, deadline=None)
    def test_has_the_image_of_frame(self, picture: Pixels, framing: Framing) -> None:
        assert np.array_equal(apply_framing(picture, framing).image, frame(picture, framing))

    @pytest.mark.parametrize("kind", PLAIN_KINDS)
    def test_has_nothing_to_say_where_the_picture_is_taken_as_it_is(self, kind: str) -> None:
        framed = apply_framing(random_pixels(20, 12, 3), Framing(kind, 8, 8, 3))
        assert framed.warnings == ()
        assert not framed.unclear

    @pytest.mark.parametrize("channels", [1, 3])
    def test_tells_what_handwriting_found(self, channels: int) -> None:
        framed = apply_framing(
            np.full((40, 40, 3), 200, np.uint8), Framing("handwriting", 28, 28, channels, 0.7)
        )
        (warning,) = framed.warnings
        assert "blank" in warning
        assert framed.unclear
        assert framed.image.shape == (28, 28, channels)

    def test_keeps_what_a_framing_says_when_it_changes_the_channels(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said = Framed(random_pixels(4, 4, 1), ("too green",), True)
        monkeypatch.setattr(framings, "get", lambda _: lambda _, __: said)
        framed = apply_framing(random_pixels(9, 9, 3), Framing("fit", 4, 4, 3))
        assert framed[1:] == said[1:]
        assert np.array_equal(framed.image, np.repeat(said.image, 3, axis=2))


class TestFit:
    def test_keeps_the_whole_picture_and_pads_with_the_borders_colour(self) -> None:
        picture = np.full((40, 80, 3), (200, 100, 50), np.uint8)
        picture[10:30, 20:60] = (0, 0, 250)
        framed = frame(picture, Framing("fit", 32, 32, 3))
        inner = framed[8:24]  # 80 → 32, 40 → 16
        assert np.all(framed[:8] == (200, 100, 50))
        assert np.all(framed[24:] == (200, 100, 50))
        assert np.abs(inner[6:10, 10:22].astype(int) - (0, 0, 250)).max() <= 5  # Lanczos rings a little
        assert np.abs(inner[:2].astype(int) - (200, 100, 50)).max() <= 5

    def test_pads_both_sides_alike(self) -> None:
        framed = frame(in_blocks(random_pixels(4, 2, 1, seed=3), 8), Framing("fit", 16, 16, 1))
        assert np.array_equal(framed[:, :4], np.full_like(framed[:, :4], framed[0, 0, 0]))
        assert len(np.unique(framed[:, 12:])) == 1

    def test_keeps_a_line_in_a_very_long_picture(self) -> None:
        picture = np.zeros((3, 300, 1), np.uint8)
        assert frame(picture, Framing("fit", 8, 8, 1)).shape == (8, 8, 1)


class TestCrop:
    def test_takes_the_centred_square(self) -> None:
        picture = np.full((30, 90, 1), 7, np.uint8)
        middle = in_blocks(random_pixels(3, 3, 1), 10)
        picture[:, 30:60] = middle
        assert np.array_equal(frame(picture, Framing("crop", 30, 30, 1)), middle)

    def test_takes_the_inputs_aspect(self) -> None:
        picture = np.full((60, 60, 1), 7, np.uint8)
        picture[20:40] = 99
        assert np.all(frame(picture, Framing("crop", 10, 30, 1)) == 99)


class TestHalfCrop:
    def test_cuts_half_of_what_crop_cuts_and_pads_the_rest(self) -> None:
        picture = in_blocks(random_pixels(2, 12, 3, seed=5), 20)  # (40, 240, 3)
        half = picture[:, 50:190]  # crop takes 40 columns, fit 240
        assert np.array_equal(
            frame(picture, Framing("half-crop", 28, 28, 3)), frame(half, Framing("fit", 28, 28, 3))
        )

    def test_says_which_part_the_image_shows(self) -> None:
        placement = apply_framing(random_pixels(40, 240, 1), Framing("half-crop", 28, 28, 1)).placement
        assert placement is not None
        assert (placement.left, placement.pixel_width) == (50, 5)
        assert placement.top == -10 * 5  # ten rows of padding above 8 rows of picture

    def test_of_the_inputs_aspect_is_as_the_others(self) -> None:
        picture = random_pixels(60, 90, 3)
        first, second, third = (
            frame(picture, Framing(kind, 20, 30, 3)) for kind in ("fit", "crop", "half-crop")
        )
        assert np.array_equal(third, first)
        assert np.array_equal(third, second)


class TestStretch:
    def test_takes_all_and_keeps_no_aspect(self) -> None:
        blocks = np.array([[[10], [200]], [[90], [40]]], np.uint8)
        picture = blocks.repeat(60, axis=0).repeat(30, axis=1)
        framed = frame(picture, Framing("stretch", 12, 12, 1))
        for row, column in np.ndindex(2, 2):
            inside = framed[6 * row + 2 : 6 * row + 4, 6 * column + 2 : 6 * column + 4]
            assert np.abs(inside.astype(int) - blocks[row, column]).max() <= 6


class TestResized:
    def test_weighs_every_pixel_when_it_shrinks(self) -> None:
        stripes = np.zeros((256, 256, 1), np.uint8)
        stripes[:, ::2] = 255
        even = resized(stripes, 16, 16)[:, 1:-1].astype(int)
        assert np.abs(even - 127.5).max() < 4  # aliasing would give 0 or 255

    def test_agrees_with_pillow_when_it_enlarges(self) -> None:
        picture = random_pixels(5, 7, 3)
        wanted = Image.fromarray(picture).resize((21, 15), Image.Resampling.BICUBIC)
        assert np.array_equal(resized(picture, 15, 21), np.asarray(wanted))


class TestFraming:
    @given(frames)
    def test_survives_json(self, framing: Framing) -> None:
        assert Framing.from_json(framing.to_json()) == framing

    @pytest.mark.parametrize(
        ("field", "value"),
        [("height", 0), ("width", MAX_SIDE + 1), ("channels", 2), ("box", 0.0), ("box", 1.01)],
    )
    def test_refuses_what_is_out_of_range(self, field: str, value: float) -> None:
        content = Framing("fit", 8, 8, 1).to_json() | {field: value}
        with pytest.raises(ValueError, match=field):
            Framing(**content)
        with pytest.raises(ClassifierFileError, match=field):
            Framing.from_json(content)

    @pytest.mark.parametrize(
        "change",
        [
            {"height": "8"},
            {"height": True},
            {"height": 8.0},
            {"kind": 3},
            {"kind": "no such framing"},
            {"box": None},
            {"box": float("nan")},
            {"more": 1},
        ],
    )
    def test_refuses_json_that_is_none(self, change: dict[str, object]) -> None:
        with pytest.raises(ClassifierFileError):
            Framing.from_json(Framing("fit", 8, 8, 1).to_json() | change)

    @pytest.mark.parametrize("content", [None, [], "fit", {}, {"kind": "fit"}])
    def test_refuses_json_of_another_form(self, content: object) -> None:
        with pytest.raises(ClassifierFileError, match="must hold exactly"):
            Framing.from_json(content)
