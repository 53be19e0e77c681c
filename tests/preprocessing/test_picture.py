"""Whatever a picture file holds comes out as the pixels that a person sees, or as one clear sentence."""

import io
import os
import struct
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from imagelet.errors import PictureError
from imagelet.preprocessing import open_picture
from imagelet.preprocessing.picture import (
    Source,
    border,
    measure_values,
    open_numbers,
    open_once,
    picture_size,
    with_channels,
)

pytestmark = pytest.mark.portable

Pixels = NDArray[np.uint8]

# EXIF 2.3, tag 274: which side of the upright picture the file's first row and first column are.
SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def random_pixels(*shape: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def smooth_pixels(height: int, width: int) -> Pixels:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 3, columns * 4, 255 - rows * 2 - columns], axis=2).astype(np.uint8)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(pixels: NDArray[np.uint16] | Pixels, color_type: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG written by hand: pixels (height, width, channels), uint8 or uint16."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    height, width = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8 * pixels.itemsize, color_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() for row in pixels)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def tiff(values: NDArray[np.uint16], photometric: int) -> bytes:
    """Return a TIFF written by hand: 16-bit grey, where ``photometric`` 0 means that 0 is white."""
    height, width = values.shape
    fields = [
        (256, width),
        (257, height),
        (258, 16),  # bits
        (259, 1),  # not compressed
        (262, photometric),
        (273, 8 + 2 + 12 * 9 + 4),  # where the pixels begin
        (277, 1),  # values of a pixel
        (278, height),  # rows in the strip
        (279, values.nbytes),
    ]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields)
    header = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(fields))
    return header + entries + struct.pack("<I", 0) + values.astype("<u2").tobytes()


def as_stored(upright: Pixels, orientation: int) -> Pixels:
    """Return the rows and columns of the file whose picture is ``upright``."""
    first_row, first_column = SIDES[orientation]
    height, width = upright.shape[:2]
    turned = first_row in ("left", "right")
    stored = np.empty((width, height) if turned else (height, width), np.uint8)
    for row in range(stored.shape[0]):
        for column in range(stored.shape[1]):
            down, across = (column, row) if turned else (row, column)
            vertical, horizontal = (first_column, first_row) if turned else (first_row, first_column)
            down = height - 1 - down if vertical == "bottom" else down
            across = width - 1 - across if horizontal == "right" else across
            stored[row, column] = upright[down, across, 0]
    return stored


class TestFormats:
    @pytest.mark.parametrize(
        ("kind", "options"), [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True})]
    )
    def test_without_loss_come_out_exactly(
        self, kind: str, options: dict[str, object], tmp_path: Path
    ) -> None:
        pixels = random_pixels(9, 14, 3)
        path = tmp_path / f"a.{kind.lower()}"
        path.write_bytes(encoded(Image.fromarray(pixels), kind, **options))
        assert np.array_equal(open_picture(path), pixels)

    def test_jpeg_and_webp_come_out_nearly(self) -> None:
        pixels = smooth_pixels(40, 60)
        for kind in ("JPEG", "WEBP"):
            found = open_picture(encoded(Image.fromarray(pixels), kind, quality=95))
            assert found.shape == pixels.shape
            assert np.abs(found.astype(int) - pixels).mean() < 3

    def test_a_gif_gives_its_first_frame(self) -> None:
        frames = [
            Image.fromarray(np.full((6, 8, 3), colour, np.uint8)) for colour in [(250, 0, 9), (0, 9, 250)]
        ]
        content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
        assert np.array_equal(open_picture(content), np.full((6, 8, 3), (250, 0, 9)))

    def test_a_tiff_gives_its_first_page(self) -> None:
        pages = [Image.fromarray(random_pixels(5, 6, seed=seed)) for seed in range(2)]
        content = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
        assert np.array_equal(open_picture(content)[:, :, 0], random_pixels(5, 6, seed=0))

    def test_are_read_from_paths_names_bytes_and_open_files(self, tmp_path: Path) -> None:
        pixels = random_pixels(5, 6, 3)
        path = tmp_path / "a.png"
        Image.fromarray(pixels).save(path)
        for source in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes())):
            assert np.array_equal(open_picture(source), pixels)
        with path.open("rb") as file:
            assert np.array_equal(open_picture(file), pixels)
            assert not file.closed

    def test_a_huge_jpeg_is_decoded_at_a_fraction(self) -> None:
        pixels = np.zeros((2100, 4200, 3), np.uint8)
        pixels[:, 2100:] = 255
        found = open_picture(encoded(Image.fromarray(pixels), "JPEG"))
        assert found.shape == (1050, 2100, 3)
        assert found[:, :1000].max() < 8
        assert found[:, 1100:].min() > 247


class TestGrey:
    def test_stays_one_channel(self) -> None:
        pixels = random_pixels(7, 5)
        assert np.array_equal(open_picture(encoded(Image.fromarray(pixels), "PNG")), pixels[:, :, None])

    def test_of_one_bit_is_black_and_white(self) -> None:
        bits = random_pixels(7, 21) > 127
        for kind in ("PNG", "TIFF", "BMP"):
            found = open_picture(encoded(Image.fromarray(bits), kind))
            assert np.array_equal(found, np.where(bits, 255, 0)[:, :, None])

    def test_of_16_bits_keeps_its_own_range(self) -> None:
        values = np.arange(0, 65536, 97, dtype=np.uint16)[:660].reshape(22, 30) // 2  # darker than half
        wanted = np.rint(values / 257)
        for content in (png(values[:, :, None], 0), encoded(Image.fromarray(values), "TIFF")):
            assert np.array_equal(open_picture(content)[:, :, 0], wanted)

    def test_of_16_bits_with_one_transparent_grey_is_laid_on_white(self) -> None:
        values = np.full((4, 4, 1), 1000, np.uint16)
        values[1, 1] = 40_000
        found = open_picture(png(values, 0, (b"tRNS", struct.pack(">H", 40_000))))
        assert found[1, 1, 0] == 255
        assert np.all(np.delete(found.ravel(), 5) == round(1000 / 257))

    @pytest.mark.parametrize("photometric", [0, 1])
    def test_of_16_bits_may_count_from_white(self, photometric: int) -> None:
        values = np.random.default_rng(0).integers(0, 65536, (6, 8), dtype=np.uint16)
        wanted = np.rint(values / 257)
        found = open_picture(tiff(values, photometric))[:, :, 0]
        assert np.array_equal(found, wanted if photometric else 255 - wanted)

    @pytest.mark.parametrize(
        ("largest", "scale"), [(1.0, 255.0), (255.0, 1.0), (65535.0, 1 / 257), (0.25, 255.0)]
    )
    def test_of_floats_is_scaled_by_the_range_that_they_fit(self, largest: float, scale: float) -> None:
        values = np.linspace(0, largest, 48, dtype=np.float32).reshape(6, 8)
        found = open_picture(encoded(Image.fromarray(values), "TIFF"))
        assert np.abs(found[:, :, 0] - values * scale).max() <= 0.51

    def test_of_other_floats_is_stretched(self) -> None:
        values = np.linspace(-3e6, 9e6, 48, dtype=np.float32).reshape(6, 8)
        values[0, 0] = np.nan
        found = open_picture(encoded(Image.fromarray(values), "TIFF"))
        assert (found[0, 0, 0], found[0, 1, 0], found[-1, -1, 0]) == (0, 0, 255)
        assert np.all(np.diff(found.ravel().astype(int)) >= 0)

    @pytest.mark.parametrize(("largest", "scale"), [(255, 1.0), (65535, 1 / 257)])
    def test_of_32_bits_is_scaled_by_the_range_that_it_fits(self, largest: int, scale: float) -> None:
        values = np.linspace(0, largest, 48).astype(np.int32).reshape(6, 8)
        found = open_picture(encoded(Image.fromarray(values), "TIFF"))
        assert np.abs(found[:, :, 0] - values * scale).max() <= 0.51


class TestColour:
    def test_of_16_bits_keeps_the_higher_byte(self) -> None:
        values = np.random.default_rng(0).integers(0, 65536, (5, 6, 3), dtype=np.uint16)
        assert np.array_equal(open_picture(png(values, 2)), values >> 8)

    def test_of_a_palette_is_rgb(self) -> None:
        palette = random_pixels(16, 3)
        indices = random_pixels(6, 9) % 16
        image = Image.fromarray(indices, "L").convert("P")
        image.putpalette(palette.tobytes())
        for kind in ("PNG", "GIF", "BMP"):
            assert np.array_equal(open_picture(encoded(image, kind)), palette[indices])

    def test_of_a_grey_palette_is_grey(self) -> None:
        palette = np.repeat(random_pixels(16, 1), 3, axis=1)
        indices = random_pixels(6, 9) % 16
        image = Image.fromarray(indices, "L").convert("P")
        image.putpalette(palette.tobytes())
        assert np.array_equal(open_picture(encoded(image, "PNG")), palette[indices][:, :, :1])

    @pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
    def test_of_a_press_is_rgb(self, kind: str) -> None:
        inks = np.zeros((16, 16, 4), np.uint8)
        inks[:] = (200, 30, 90, 40)
        found = open_picture(encoded(Image.fromarray(inks, "CMYK"), kind))
        wanted = [(255 - ink) * (255 - 40) / 255 for ink in (200, 30, 90)]
        assert np.abs(found - np.array(wanted)).max() <= 3

    def test_of_a_press_is_rgb_without_adobes_mark_too(self) -> None:
        inks = np.zeros((16, 16, 4), np.uint8)
        inks[:] = (200, 30, 90, 40)
        content = encoded(Image.fromarray(255 - inks, "CMYK"), "JPEG")  # Pillow inverts what it writes
        start = content.index(b"\xff\xeeAdobe"[:2])
        length = struct.unpack(">H", content[start + 2 : start + 4])[0]
        assert content[start + 4 : start + 9] == b"Adobe"
        found = open_picture(content[:start] + content[start + 2 + length :])
        wanted = [(255 - ink) * (255 - 40) / 255 for ink in (200, 30, 90)]
        assert np.abs(found - np.array(wanted)).max() <= 3


class TestTransparency:
    @pytest.mark.parametrize(
        ("mode", "kind"),
        [("LA", "PNG"), ("LA", "TIFF"), ("RGBA", "PNG"), ("RGBA", "TIFF"), ("RGBA", "WEBP")],
    )
    @pytest.mark.parametrize(("ink", "paper"), [(20, 255), (230, 0)])
    def test_is_laid_where_the_ink_is_seen(self, mode: str, kind: str, ink: int, paper: int) -> None:
        alpha = np.zeros((4, 5), np.uint8)
        alpha[1, 1:4] = (255, 128, 51)
        channels = 1 if mode == "LA" else 3
        pixels = np.dstack([np.full((4, 5), ink, np.uint8)] * channels + [alpha])
        options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
        found = open_picture(encoded(Image.fromarray(pixels, mode), kind, **options))
        share = alpha[:, :, None] / 255
        assert found.shape == (4, 5, channels)
        assert np.abs(found - (share * ink + (1 - share) * paper)).max() <= 1

    def test_of_a_palettes_colour_is_white_under_dark_ink(self) -> None:
        indices = np.zeros((4, 4), np.uint8)
        indices[1:3, 1:3] = 1
        image = Image.fromarray(indices, "L").convert("P")
        image.putpalette([255, 0, 255, 10, 60, 20])
        for kind in ("PNG", "GIF"):
            found = open_picture(encoded(image, kind, transparency=0))
            assert np.array_equal(found[1, 1], [10, 60, 20])
            assert np.array_equal(found[0, 0], [255, 255, 255])

    def test_of_one_colour_is_white_under_dark_ink(self) -> None:
        pixels = np.full((4, 4, 3), (0, 255, 0), np.uint8)
        pixels[1, 1] = (30, 20, 10)
        found = open_picture(png(pixels, 2, (b"tRNS", struct.pack(">HHH", 0, 255, 0))))
        assert np.array_equal(found[1, 1], [30, 20, 10])
        assert np.all(np.delete(found.reshape(-1, 3), 5, axis=0) == 255)

    def test_of_one_colour_of_16_bits_is_white_under_dark_ink(self) -> None:
        pixels = np.full((4, 4, 3), (7, 65_280, 258), np.uint16)
        pixels[1, 1] = (3_000, 2_000, 1_000)
        found = open_picture(png(pixels, 2, (b"tRNS", struct.pack(">HHH", 7, 65_280, 258))))
        assert np.array_equal(found[1, 1], [3_000 >> 8, 2_000 >> 8, 1_000 >> 8])
        assert np.all(np.delete(found.reshape(-1, 3), 5, axis=0) == 255)

    def test_of_all_leaves_a_plain_sheet(self) -> None:
        found = open_picture(encoded(Image.fromarray(np.zeros((3, 3, 4), np.uint8), "RGBA"), "PNG"))
        assert len(np.unique(found)) == 1


def assert_opened_once_alike(source: Source) -> None:
    """See that what is opened once is what several openings give."""
    opened = open_once(source, numbers=True, pixels=True)
    assert opened.size == picture_size(source)
    assert opened.is_deep == (measure_values(source) is not None)
    for one, other in ((opened.numbers, open_numbers(source)), (opened.pixels, open_picture(source))):
        assert one is not None
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)


class TestOpenedOnce:
    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
    @pytest.mark.parametrize("kind", ["PNG", "TIFF"])
    def test_is_as_opened_for_each_question(self, kind: str, mode: str) -> None:
        numbers = np.random.default_rng(0).integers(0, 65_536, (7, 9)).astype(np.uint16)
        pixels = random_pixels(7, 9, 3)
        image = Image.fromarray(numbers) if mode == "I;16" else Image.fromarray(pixels).convert(mode)
        assert_opened_once_alike(encoded(image, kind))

    @pytest.mark.parametrize("side", [511, 513])  # pixels that are converted at once, or tile by tile
    def test_is_alike_whatever_its_size(self, side: int) -> None:
        assert_opened_once_alike(encoded(Image.fromarray(random_pixels(side, 5, 3)), "PNG"))

    def test_large_jpegs_have_their_own_size_and_fewer_pixels(self) -> None:
        content = encoded(Image.fromarray(np.zeros((2_060, 2_050), np.uint8)), "JPEG")
        assert_opened_once_alike(content)
        opened = open_once(content, numbers=False, pixels=True)
        assert opened.size == (2_060, 2_050)
        assert opened.pixels is not None
        assert opened.pixels.shape == (1_030, 1_025, 1)
        assert opened.numbers is None

    def test_is_not_decoded_where_nothing_of_it_is_asked_for(self) -> None:
        cut = encoded(Image.fromarray(random_pixels(40, 40, 3)), "PNG")[:900]
        assert open_once(cut, numbers=False, pixels=False) == ((40, 40), False, None, None)
        with pytest.raises(PictureError, match="is damaged or cut short"):
            open_once(cut, numbers=True, pixels=False)


class TestOrientation:
    @pytest.mark.parametrize("orientation", SIDES)
    @pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "JPEG"])
    def test_is_undone(self, orientation: int, kind: str, tmp_path: Path) -> None:
        upright = np.zeros((16, 24, 1), np.uint8)
        upright[:8, :8], upright[8:, :8], upright[:8, 16:] = 250, 170, 90
        exif = Image.Exif()
        exif[274] = orientation
        options = {"lossless": True} if kind == "WEBP" else {"quality": 100} if kind == "JPEG" else {}
        stored = Image.fromarray(as_stored(upright, orientation))
        path = tmp_path / "turned"
        path.write_bytes(encoded(stored, kind, exif=exif, **options))
        found = open_picture(path)
        assert found.shape[:2] == (16, 24) == picture_size(path)
        assert np.abs(found[:, :, :1].astype(int) - upright).max() <= 2
        assert_opened_once_alike(path)

    def test_that_is_none_leaves_the_picture(self) -> None:
        exif = Image.Exif()
        exif[274] = 99
        pixels = random_pixels(5, 6)
        assert np.array_equal(
            open_picture(encoded(Image.fromarray(pixels), "PNG", exif=exif))[:, :, 0], pixels
        )


class TestRefusals:
    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"", "is empty: it has 0 bytes"),
            (b"not a picture at all", "is not a PNG, JPEG, WebP, BMP, GIF, TIFF or PPM picture"),
            (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not a PNG"),
            (encoded(Image.fromarray(random_pixels(40, 40, 3)), "PNG")[:900], "is damaged or cut short"),
            (encoded(Image.fromarray(random_pixels(40, 40, 3)), "JPEG")[:900], "is damaged or cut short"),
            (encoded(Image.fromarray(random_pixels(40, 40, 3)), "WEBP")[:300], "is "),
            (encoded(Image.fromarray(random_pixels(40, 40, 3)), "BMP")[:900], "is damaged or cut short"),
            (encoded(Image.fromarray(random_pixels(40, 40, 3)), "TIFF")[:900], "is "),
        ],
    )
    def test_say_in_one_sentence_what_is_wrong_with_which_file(
        self, content: bytes, sentence: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "my picture.png"
        path.write_bytes(content)
        with pytest.raises(PictureError) as caught:
            open_picture(path)
        assert caught.value.message.startswith(f"'{path}' {sentence}")
        assert "\n" not in caught.value.message
        with pytest.raises(PictureError, match=r"^the picture is"):
            open_picture(content)

    def test_name_what_is_no_file(self, tmp_path: Path) -> None:
        for source, sentence in [
            (tmp_path, "is a folder, not a picture"),
            (tmp_path / "gone.png", "does not exist"),
            ("a\0b.png", "cannot be read"),
        ]:
            with pytest.raises(PictureError, match=sentence):
                open_picture(source)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
    def test_a_named_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.png")
        with pytest.raises(PictureError, match="is not an ordinary file"):
            open_picture(tmp_path / "pipe.png")

    def test_a_file_larger_than_any_picture_is_not_read(self, tmp_path: Path) -> None:
        path = tmp_path / "sparse.png"
        path.write_bytes(png(np.zeros((1, 1, 3), np.uint8), 2))
        os.truncate(path, 2**36)
        with pytest.raises(PictureError, match=r"has 68,719,476,736 bytes; at most 268,435,456 are read"):
            open_picture(path)

    @pytest.mark.parametrize("side", [9_000, 60_000])
    def test_too_many_pixels_are_refused_before_they_are_decoded(
        self, side: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        content = png(np.zeros((1, 1, 3), np.uint8), 2)
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        huge = content[:16] + header + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + content[33:]
        monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
        with pytest.raises(PictureError, match=r"is too large: it has .* and at most 64,000,000 are read"):
            open_picture(huge)

    @given(
        kind=st.sampled_from(["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"]),
        changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6),
        cut=st.floats(0, 1),
    )
    @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_are_all_that_damage_can_cause(
        self, kind: str, changes: list[tuple[float, int]], cut: float
    ) -> None:
        content = bytearray(encoded(Image.fromarray(random_pixels(12, 13, 3)), kind))
        for place, value in changes:
            content[int(place * (len(content) - 1))] = value
        if cut > 0.5:
            del content[int(len(content) * cut) :]
        try:
            found = open_picture(bytes(content))
        except PictureError:
            return
        assert found.dtype == np.uint8
        assert found.ndim == 3
        assert found.shape[2] in (1, 3)

    def test_are_all_that_is_heard_of_pillows_warnings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # 144 pixels are then worth a warning
        content = encoded(Image.fromarray(random_pixels(12, 12)), "PNG")
        before = list(warnings.filters)
        threads = [threading.Thread(target=open_picture, args=(content,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        open_picture(content)
        for thread in threads:
            thread.join()
        assert list(warnings.filters) == before


class TestChannels:
    def test_grey_is_the_luma_of_itu_r_601(self) -> None:
        pixels = random_pixels(6, 7, 3)
        wanted = pixels @ np.array([0.299, 0.587, 0.114])
        assert np.abs(with_channels(pixels, 1)[:, :, 0] - wanted).max() <= 0.51
        assert with_channels(pixels, 3) is pixels

    def test_colour_of_grey_is_grey(self) -> None:
        pixels = random_pixels(6, 7, 1)
        assert np.array_equal(with_channels(pixels, 3), np.concatenate([pixels] * 3, axis=2))
        assert np.array_equal(with_channels(with_channels(pixels, 3), 1), pixels)

    @pytest.mark.parametrize(("height", "width", "number"), [(4, 5, 14), (1, 5, 5), (2, 2, 4), (1, 1, 1)])
    def test_a_border_has_each_outermost_pixel_once(self, height: int, width: int, number: int) -> None:
        pixels = np.zeros((height, width, 1), np.uint8)
        pixels[1:-1, 1:-1] = 9
        assert border(pixels).shape == (number, 1)
        assert border(pixels).max() == 0
