"""What a picture file is to a program: told truly, whatever the file holds."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from imagelet.errors import PictureError
from imagelet.preprocessing import open_picture, picture, picture_limits
from imagelet.preprocessing.inspection import MODES, Form, _forms, inspect_picture, scaled_down

GREY = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def write(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def of_mode(mode: str, folder: Path) -> Path:
    """Write a picture that Pillow opens in that mode."""
    grey, colour = Image.fromarray(GREY), Image.fromarray(COLOUR)
    match mode:
        case "LA" | "RGBA":
            image = (grey if mode == "LA" else colour).convert(mode)
            image.putalpha(Image.fromarray(np.resize(GREY, image.size[::-1])))
            return write(folder / "picture.png", image)
        case "P":
            return write(folder / "picture.png", colour.quantize(7))
        case "I;16":
            return write(folder / "picture.png", Image.fromarray(GREY.astype(np.uint16) * 257))
        case "CMYK" | "YCbCr":
            return write(folder / "picture.tif", colour.convert(mode))
        case "I" | "F":
            return write(folder / "picture.tif", Image.fromarray(GREY.astype({"I": "i4", "F": "f4"}[mode])))
    return write(folder / "picture.png", (grey if mode in ("1", "L") else colour).convert(mode))


class TestFacts:
    def test_of_a_grey_png(self, tmp_path: Path) -> None:
        facts = inspect_picture(write(tmp_path / "five.png", Image.fromarray(GREY)))
        assert (facts.file, facts.format, facts.mode) == (str(tmp_path / "five.png"), "PNG", "L")
        assert facts.size == (28, 28)
        assert np.array_equal(facts.stored, GREY)
        assert (facts.values.lowest, facts.values.highest) == (GREY.min(), GREY.max())
        assert facts.values.mean == pytest.approx(GREY.mean())
        assert facts.changes == ()
        assert [(form.name, form.shape, form.dtype) for form in facts.forms] == [
            ("as stored", (28, 28), "uint8"),
            ("flat", (784,), "uint8"),
            ("channel axis", (28, 28, 1), "uint8"),
            ("batch", (1, 28, 28, 1), "uint8"),
            ("scaled to 0..1", (1, 28, 28, 1), "float32"),
        ]

    def test_of_a_colour_png_with_height_and_width_apart(self, tmp_path: Path) -> None:
        facts = inspect_picture(write(tmp_path / "horse.png", Image.fromarray(COLOUR[:20])))
        assert (facts.mode, facts.size, facts.stored.shape) == ("RGB", (32, 20), (20, 32, 3))
        assert [form.shape for form in facts.forms] == [
            (20, 32, 3),
            (1920,),
            (20, 32, 3),
            (1, 20, 32, 3),
            (1, 20, 32, 3),
        ]
        assert [channel.name for channel in facts.channels] == ["red", "green", "blue"]
        assert [channel.highest for channel in facts.channels] == COLOUR[:20].max(axis=(0, 1)).tolist()

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"])
    def test_of_any_mode_are_what_numpy_and_imagelet_make_of_the_file(
        self, mode: str, tmp_path: Path
    ) -> None:
        path = of_mode(mode, tmp_path)
        facts = inspect_picture(path)
        with Image.open(path) as image:
            expected = np.asarray(image)
        assert facts.mode == mode
        assert facts.stored.dtype == expected.dtype
        assert np.array_equal(facts.stored, expected)
        assert np.array_equal(facts.picture, open_picture(path))
        assert facts.values.mean == pytest.approx(expected.mean(dtype=np.float64))
        assert facts.values.highest == expected.max()
        planes = facts.stored_channels()
        assert list(planes) == [channel.name for channel in facts.channels]
        assert np.array_equal(np.stack(list(planes.values()), axis=2), np.atleast_3d(expected))
        same = expected.size == facts.picture.size and np.array_equal(expected.ravel(), facts.picture.ravel())
        assert (facts.forms[0].place is not None) == same
        assert (facts.changes == ()) == same

    @pytest.mark.parametrize("mode", sorted(MODES))
    def test_name_every_channel_of_a_mode(self, mode: str) -> None:
        assert len(MODES[mode].channels) == len(Image.new(mode, (1, 1)).getbands())
        assert 1 < len(MODES[mode].meaning.split()) <= 3

    def test_tell_that_alpha_says_nothing(self, tmp_path: Path) -> None:
        opaque = inspect_picture(write(tmp_path / "a.png", Image.fromarray(COLOUR).convert("RGBA")))
        assert opaque.changes == ("alpha is left out, as nothing is transparent",)
        (change,) = inspect_picture(of_mode("RGBA", tmp_path)).changes
        assert change.startswith("transparent parts are laid on")

    def test_tell_of_a_picture_that_lies_on_its_side(self, tmp_path: Path) -> None:
        exif = Image.Exif()
        exif[274] = 6
        path = write(tmp_path / "side.png", Image.fromarray(COLOUR[:20]), exif=exif)
        facts = inspect_picture(path)
        assert facts.size == (32, 20)
        assert facts.forms[0].shape == (20, 32, 3)
        assert facts.forms[2].shape == (32, 20, 3)
        assert facts.changes == ("it is turned upright, as the camera noted",)
        assert facts.forms[0].place is None

    def test_of_a_large_jpeg_are_those_of_all_its_pixels(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(picture, "DRAFT_SIDE", 16)
        facts = inspect_picture(write(tmp_path / "a.jpg", Image.fromarray(COLOUR)))
        assert facts.stored.shape == (32, 32, 3)
        assert facts.picture.shape == (16, 16, 3)
        assert facts.changes == ("a large JPEG is decoded at a fraction of its size",)

    def test_leave_out_what_is_no_number(self, tmp_path: Path) -> None:
        values = np.array([[0.25, np.nan], [np.inf, 0.75]], np.float32)
        facts = inspect_picture(write(tmp_path / "a.tif", Image.fromarray(values)))
        assert (facts.values.lowest, facts.values.highest, facts.values.mean) == (0.25, 0.75, 0.5)
        values[:] = np.nan
        facts = inspect_picture(write(tmp_path / "a.tif", Image.fromarray(values)))
        assert np.isnan([facts.values.lowest, facts.values.highest, facts.values.mean]).all()


class TestRefusals:
    def test_are_those_of_opening_a_picture(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(PictureError, match=r"gone\.png' does not exist"):
            inspect_picture(tmp_path / "gone.png")
        with pytest.raises(PictureError, match="is a folder"):
            inspect_picture(tmp_path)
        whole = write(tmp_path / "a.png", Image.fromarray(COLOUR))
        (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:400])
        with pytest.raises(PictureError, match=r"cut\.png' is damaged or cut short"):
            inspect_picture(tmp_path / "cut.png")
        (tmp_path / "note.png").write_text("no picture")
        with pytest.raises(PictureError, match="is not a PNG"):
            inspect_picture(tmp_path / "note.png")
        monkeypatch.setattr(picture_limits, "MAX_PIXELS", 1000)
        with pytest.raises(PictureError, match="is too large: it has 32 x 32 pixels"):
            inspect_picture(whole)


pictures = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3])).flatmap(
    lambda shape: arrays.arrays(np.uint8, shape)
)


class TestForms:
    @given(pictures)
    def test_hold_the_same_numbers_in_other_shapes(self, image: NDArray[np.uint8]) -> None:
        stored = image[:, :, 0] if image.shape[2] == 1 else image
        forms = _forms(stored, image, same=True)
        values = set()
        for form in forms[:-1]:
            reshaped = image.reshape(form.shape)
            assert form.first == tuple(reshaped.ravel()[:8].tolist())
            assert form.place is not None
            values.add(form.value)
            assert reshaped[form.place] == form.value
        (value,) = values
        farthest = np.abs(image.astype(int) - int(image[0, 0, 0])).max()
        assert abs(value - int(image[0, 0, 0])) == farthest
        scaled: Form = forms[-1]
        assert scaled.first == pytest.approx([number / 255 for number in forms[1].first], abs=1e-4)
        assert scaled.value == pytest.approx(value / 255, abs=1e-4)

    def test_as_stored_have_no_common_number_where_opening_changes_them(self) -> None:
        stored = np.array([[False, True]])
        given_, flat, *_ = _forms(stored, stored[:, :, np.newaxis] * np.uint8(255), same=False)
        assert (given_.first, given_.dtype, given_.place, given_.value) == ((0, 1), "bool", None, None)
        assert (flat.first, flat.place, flat.value) == ((0, 255), (1,), 255)


class TestScaledDown:
    def test_is_the_mean_of_the_pixels_that_become_one(self) -> None:
        small = scaled_down(COLOUR, 8)
        blocks = COLOUR.reshape(8, 4, 8, 4, 3).mean(axis=(1, 3))
        assert small.dtype == np.uint8
        assert np.abs(small - blocks).max() <= 1  # rounded twice, along rows and along columns
        deep = scaled_down(GREY.astype(np.uint16) * 257, 7)
        assert deep.shape == (7, 7)
        assert np.allclose(deep, GREY.reshape(7, 4, 7, 4).mean(axis=(1, 3)) * 257, rtol=1e-4)

    def test_keeps_what_is_small_enough(self) -> None:
        assert scaled_down(COLOUR, 32) is COLOUR

    def test_without_averages_invents_no_number(self) -> None:
        places = (GREY > 128) * np.uint8(7)
        assert set(np.unique(scaled_down(places, 10, average=False))) == {0, 7}
        assert set(np.unique(scaled_down(places, 10))) - {0, 7}

    @pytest.mark.parametrize(
        ("shape", "expected"), [((10, 400), (1, 40)), ((1, 1000, 3), (1, 40, 3)), ((300, 3), (40, 1))]
    )
    def test_leaves_a_pixel_of_the_shorter_side(
        self, shape: tuple[int, ...], expected: tuple[int, ...]
    ) -> None:
        for average in (True, False):
            assert scaled_down(np.zeros(shape, np.uint8), 40, average=average).shape == expected


def test_the_content_decides_not_the_suffix(tmp_path: Path) -> None:
    path = write(tmp_path / "picture.png", Image.fromarray(COLOUR), format="WEBP", lossless=True)
    assert inspect_picture(path).format == "WEBP"
