"""A picture file takes no more memory and time than its limits say, whatever its bytes ask for."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imagelet.errors import PictureError
from imagelet.preprocessing import framings, open_picture, picture_limits, value_range
from imagelet.preprocessing.picture import opened_file, picture_size
from imagelet.preprocessing.picture_limits import MAX_BYTES, check_cost, check_parts, needed_bytes

SIDE = 2500  # pixels: 44 MB as RGB
SLACK = 24 * 2**20  # for the file, tiles and the decoder's own buffers

OPEN_AND_SAY_HOW_MUCH_MEMORY_IT_TOOK = """
import resource, sys
from imagelet.preprocessing import Framing, frame, open_picture
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
picture = open_picture(sys.argv[1])
if len(sys.argv) > 2:
    frame(picture, Framing(sys.argv[2], 28, 28, 1))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def small(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    return encoded(Image.new(mode, (8, 8)), kind, **options)


def with_size(content: bytes, marker: bytes, width: int, height: int) -> bytes:
    """Return a JPEG whose frame, which begins with ``marker``, says another size."""
    place = content.index(marker) + 5
    return content[:place] + struct.pack(">HH", height, width) + content[place + 4 :]


def png_with(*chunks: tuple[bytes, bytes]) -> bytes:
    content = small("PNG")
    extra = (
        struct.pack(">I", len(text)) + kind + text + struct.pack(">I", zlib.crc32(kind + text))
        for kind, text in chunks
    )
    return content[:33] + b"".join(extra) + content[33:]


def tiff_with(*fields: tuple[int, int, bytes], tail: bytes = b"") -> bytes:
    """Return a TIFF of 8 x 8 grey pixels with more tags: (tag, type, values)."""
    sizes = {1: 1, 3: 2, 4: 4}
    plain = [(256, 8), (257, 8), (258, 8), (259, 1), (262, 1), (277, 1), (278, 8), (279, 64)]
    tags = {tag: (4, struct.pack("<I", value)) for tag, value in plain}
    tags |= {tag: (kind, values) for tag, kind, values in fields}
    entries, values_after = b"", b""
    start = 8 + 2 + 12 * len(tags) + 4
    for tag, (kind, values) in sorted(tags.items()):
        entries += struct.pack("<HHI", tag, kind, len(values) // sizes[kind])
        if len(values) <= 4:
            entries += values.ljust(4, b"\0")
        else:
            entries += struct.pack("<I", start + len(values_after))
            values_after += values
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + values_after + tail


def gif_with(before_the_frame: bytes) -> bytes:
    content = small("GIF", "P")
    start = 13 + (3 << ((content[10] & 7) + 1))
    return content[:start] + before_the_frame + content[start:]


def bmp_of_runs(runs: int) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, 8, 8, 1, 8, 1, 0, 0, 0, 1, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 58) + header + bytes(4) + b"\x05\0" * runs


def jpeg_with(after_first_segment: bytes) -> bytes:
    content = small("JPEG")
    return content[:20] + after_first_segment + content[20:]


def scans(count: int) -> bytes:
    """Return a progressive JPEG with its last scan once more, until there are so many."""
    content = small("JPEG", progressive=True)
    last, end = content.rindex(b"\xff\xda"), content.rindex(b"\xff\xd9")
    present = content.count(b"\xff\xda")
    return content[:end] + content[last:end] * (count - present) + content[end:]


PARTS = picture_limits.MAX_PARTS
HOSTILE = {
    "a JPEG with hundreds of scans": (scans(400), "JPEG of more than 32 scans"),
    "a JPEG with millions of comments": (jpeg_with(b"\xff\xfe\0\2" * 2_000), "metadata or parts"),
    "a JPEG with EXIF in thousands of pieces": (
        jpeg_with((b"\xff\xe1\x40\0Exif\0\0" + bytes(0x4000 - 8)) * 80),
        "metadata or parts",
    ),
    "a JPEG with junk between its segments": (jpeg_with(b"x" * 100_000), "metadata or parts"),
    "a JPEG filled up with 0xFF": (jpeg_with(b"\xff" * 100_000), "metadata or parts"),
    "a JPEG with endless metadata": (
        jpeg_with((b"\xff\xe5\xff\xff" + bytes(65533)) * 300),
        "metadata or parts",
    ),
    "a progressive JPEG that keeps 357 MB of coefficients": (
        with_size(small("JPEG", progressive=True, subsampling=0), b"\xff\xc2", 7900, 7900),
        "it takes 384 MB of memory, and at most 256 MB",
    ),
    "a JPEG of four components in scans of their own": (
        with_size(small("JPEG", "CMYK", progressive=True), b"\xff\xc2", 7900, 7900),
        "it takes 503 MB of memory",
    ),
    "a PNG with a million chunks": (png_with(*[(b"tEXt", b"a\0")] * (PARTS + 1)), "metadata or parts"),
    "a PNG with many compressed texts": (
        png_with(*[(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_000_000)))] * 130),
        "Too much memory used in text chunks",
    ),
    "a PNG with megabytes of EXIF": (png_with((b"eXIf", bytes(2**21))), "metadata or parts"),
    "a GIF with endless blocks before its frame": (
        gif_with(b"!\xfe" + b"\1a" * (PARTS + 1) + b"\0"),
        "metadata or parts",
    ),
    "a GIF with junk before its frame": (gif_with(b"x" * (PARTS + 1)), "metadata or parts"),
    "a TIFF with a million strips": (tiff_with((273, 4, bytes(4 * (PARTS + 1)))), "metadata or parts"),
    "a TIFF with a million strips in bytes": (tiff_with((273, 1, bytes(PARTS + 1))), "metadata or parts"),
    "a TIFF with a tile much larger than itself": (
        tiff_with(*((tag, 4, struct.pack("<I", 32768)) for tag in (322, 323)), (324, 4, bytes(4))),
        "it takes 8,193 MB of memory",
    ),
    "a BMP of endless runs": (bmp_of_runs(2**21 + 1), "metadata or parts"),
}


class TestHostileFiles:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_are_refused_before_anything_is_decoded(
        self, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        content, sentence = HOSTILE[name]
        Image.init()  # builds a picture of its own
        monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("it was decoded"))
        path = tmp_path / "hostile"
        path.write_bytes(content)
        for source in (content, path, io.BytesIO(content)):
            with pytest.raises(PictureError, match=sentence) as caught:
                open_picture(source)
            assert "\n" not in str(caught.value)

    def test_tags_that_lie_on_each_other_are_no_more_than_the_file(self) -> None:
        entries = b"".join(struct.pack("<HHII", 1000 + tag, 7, 20_000, 0) for tag in range(1000))
        content = b"II*\0\x08\0\0\0" + struct.pack("<H", 1000) + entries + bytes(20_000)
        with pytest.raises(PictureError, match="metadata or parts"):
            open_picture(content)

    def test_memory_that_is_not_there_is_a_sentence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def load(_: Image.Image) -> None:
            raise MemoryError

        content = small("PNG")
        monkeypatch.setattr(Image.Image, "load", load)
        with pytest.raises(PictureError, match="takes more memory than there is"):
            open_picture(content)


class TestHonestFiles:
    @pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
    def test_of_progressive_jpegs_are_read(self, mode: str) -> None:
        content = small("JPEG", mode, progressive=True)
        assert 4 <= content.count(b"\xff\xda") <= picture_limits.MAX_SCANS * 0.6
        assert open_picture(content).shape[:2] == (8, 8)

    def test_of_the_most_scans_that_are_allowed_are_read(self) -> None:
        content = scans(picture_limits.MAX_SCANS)
        assert open_picture(content).shape == (8, 8, 3)
        with pytest.raises(PictureError, match="scans"):
            open_picture(scans(picture_limits.MAX_SCANS + 1))

    def test_of_several_pictures_count_the_scans_of_the_first(self) -> None:
        first, second = (Image.new("RGB", (2048, 2048), colour) for colour in ("red", "blue"))
        content = encoded(first, "MPO", save_all=True, append_images=[second])
        with Image.open(io.BytesIO(content)) as image:
            assert image.format == "MPO"
        found = open_picture(content + scans(20) * 4)  # what a camera's film holds looks like scans, too
        assert found.shape == (1024, 1024, 3)  # drafted as every other JPEG
        assert found[0, 0, 0] > 240

    def test_with_much_metadata_are_read(self) -> None:
        profile = bytes(1_000_000)
        for kind in ("JPEG", "PNG", "TIFF", "WEBP"):
            assert open_picture(small(kind, icc_profile=profile)).shape == (8, 8, 3)
        assert open_picture(gif_with(b"!\xfe" + b"\xff" + bytes(255) + b"\0")).shape[:2] == (8, 8)
        assert open_picture(small("TIFF", tiffinfo={270: "a" * 200_000})).shape == (8, 8, 3)

    @pytest.mark.parametrize(
        ("kind", "mode", "width", "height"),
        [
            ("WEBP", "RGB", 4032, 3024),  # a telephone's photo
            ("PNG", "RGBA", 3840, 2160),
            ("PNG", "RGB", 4961, 7016),  # an A4 page at 600 dpi
            ("TIFF", "RGB", 4961, 7016),
            ("TIFF", "F", 6000, 6000),
            ("PNG", "I;16", 8000, 8000),
            ("BMP", "1", 8000, 8000),
        ],
    )
    def test_of_usual_sizes_are_within_the_limit(self, kind: str, mode: str, width: int, height: int) -> None:
        header: Any = SimpleNamespace(format=kind, mode=mode, width=width, height=height, info={})
        check_cost(header, "it", 0)

    def test_of_large_cameras_tell_their_size_without_being_decoded(self) -> None:
        content = with_size(small("JPEG"), b"\xff\xc0", 12_000, 9_000)
        assert picture_size(content) == (9_000, 12_000)


MEMORY_CASES = [
    *(("PNG", mode, {"compress_level": 1}) for mode in ("L", "RGB", "RGBA", "LA", "P", "I;16")),
    *(("TIFF", mode, {"compression": "tiff_deflate"}) for mode in ("F", "I", "CMYK", "RGB")),
    *(("WEBP", mode, {"lossless": True, "method": 0}) for mode in ("RGB", "RGBA")),
    *[("WEBP", "RGB", {"method": 0}), ("GIF", "P", {}), ("BMP", "RGB", {})],
    *[("JPEG", "RGB", {"progressive": True, "subsampling": 0}), ("JPEG", "CMYK", {})],
]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in other units elsewhere")
@pytest.mark.parametrize(("kind", "mode", "options"), MEMORY_CASES)
def test_no_format_takes_more_memory_than_its_header_announces(
    kind: str, mode: str, options: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "large"
    image = Image.new(mode, (SIDE, SIDE), 1 if len(mode) == 1 or mode == "I;16" else None)
    image.save(path, kind, **options)
    with path.open("rb") as stream:
        beside = check_parts(stream, "it")
    with opened_file(path) as opened:
        announced = needed_bytes(opened, beside)
    assert announced <= MAX_BYTES
    assert memory_of(str(path)) <= announced + SLACK


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in other units elsewhere")
@pytest.mark.parametrize("kind", framings)
def test_no_framing_takes_more_memory_than_decoding(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.new("RGB", (2 * SIDE, SIDE), "red").save(path, compress_level=1)
    with opened_file(path) as opened:
        announced = needed_bytes(opened, 0)
    assert memory_of(str(path), kind) <= announced + SLACK


def memory_of(*words: str) -> int:
    """Return how many bytes a process takes to open a picture, and perhaps to frame it."""
    command = [sys.executable, "-c", OPEN_AND_SAY_HOW_MUCH_MEMORY_IT_TOOK, *words]
    return 1024 * int(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
        *(("TIFF", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I", "F")),
    ],
)
def test_the_size_of_the_tiles_does_not_matter(kind: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (13, 17, 4), dtype=np.uint8)
    colours = Image.fromarray(pixels)
    if mode in ("I", "F", "I;16"):
        dtype = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        image = Image.fromarray((pixels[:, :, 0].astype(np.int64) * 200).astype(dtype))
    else:
        image = colours.convert("RGB").convert(mode) if mode in ("1", "P") else colours.convert(mode)
    options = {"transparency": 3} if kind == "PNG" and mode == "P" else {}
    content = encoded(image, kind, **options)
    whole = open_picture(content)
    monkeypatch.setattr(value_range, "TILE_SIDE", 5)
    assert np.array_equal(open_picture(content), whole)


class TestPpm:
    """Netpbm's pictures: six kinds, as bytes or as text."""

    @pytest.mark.parametrize(
        ("content", "pixels"),
        [
            (b"P1\n# a comment\n4 2\n0101\n1 0 1 0\n", [[255, 0, 255, 0], [0, 255, 0, 255]]),
            (b"P2 3 1 15\n0 5 15", [[0, 85, 255]]),
            (b"P3 1 2 255\n1 2 3  4 5 6\n", [[[1, 2, 3]], [[4, 5, 6]]]),
            (b"P4 8 1\n\xaa", [[0, 255] * 4]),
            (b"P5 3 1 255\n\x00\x80\xff", [[0, 128, 255]]),
            (b"P5 2 1 65535\n\x00\x00\x80\x80", [[0, 128]]),
            (b"P5 2 1 4095\n\x0f\xff\x00\x10", [[255, 1]]),
            (b"P6 1 1 255\nabc", [[[97, 98, 99]]]),
        ],
    )
    def test_are_read_in_full_range(self, content: bytes, pixels: list[object]) -> None:
        wanted = np.array(pixels, np.uint8)
        found = open_picture(content)
        assert np.array_equal(found, wanted if wanted.ndim == 3 else wanted[:, :, None])
        assert picture_size(content) == wanted.shape[:2]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"P2 2000 2000 15\n" + b"1 " * 4_000_000, "takes too long to decode"),
            (b"P6 2000 2000 9\n" + bytes(12_000_000), "takes too long to decode"),
            (b"P2 3 1 15\n" + b"#\n" * 2_000 + b"0 5 15", "metadata or parts"),
            (b"P5 " + b" " * 10**5 + b"3 1 255\nabc", "metadata or parts"),
            (b"P5 #" + b"x" * 10**5, "metadata or parts"),
            (b"P6 60000 60000 255\nabc", "too large"),
            (b"Pf 1 1 -1.0\nabcd", "is not a PNG"),
            (b"P0CMYK 1 1 255\nabcd", "is not a PNG"),
            (b"P5 2 2 255\nab", "cut short"),
            (b"P7 WIDTH 1", "is not a PNG"),
        ],
    )
    def test_that_would_cost_too_much_or_are_others_are_refused(self, content: bytes, message: str) -> None:
        with pytest.raises(PictureError, match=message):
            open_picture(content)
