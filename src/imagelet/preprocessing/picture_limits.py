"""What decoding a picture file takes, read from its header, and the limits that are checked before.

A few bytes can ask for gigabytes or for minutes: a header with a huge size, a JPEG with hundreds of scans, a
file with millions of tags. So a file's parts are counted first, and the memory for its pixels is worked out
from its size, what a pixel is and how the format is decoded. Only then is anything decoded.

Sources: ITU-T T.81 (JPEG), W3C PNG, CompuServe GIF89a, TIFF 6.0, Netpbm's pages on PBM, PGM and PPM.
"""

import re
import struct
from collections.abc import Callable
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from imagelet.errors import PictureError
from imagelet.messages import Message

MAX_BYTES = 256 * 2**20  # that opening one picture may take: 38 megapixels of RGB, an A4 page at 600 dpi
MAX_PIXELS = 64_000_000  # decoded at once
MAX_SCANS = 32  # of a JPEG: progressive files have 10, those of four inks 18; each is a pass over all pixels
MAX_SEGMENTS = 1_000  # of a JPEG: one for 64 kB of metadata, some for each scan
MAX_PARTS = 100_000  # chunks of a PNG, blocks before a GIF's first frame, values of one TIFF tag
MAX_METADATA_BYTES = 16 * 2**20  # before a JPEG's pixels
MAX_EXIF_BYTES = 2**20  # EXIF allows 64 kB
MAX_JUNK_BYTES = 2**16  # between two segments of a JPEG
MAX_RUNS_BYTES = 4 * 2**20  # of what Pillow decodes in Python, 2 MB a second: runs in a BMP, numbers in a PPM
MAX_COMMENTS = 1_000  # in a PPM that is written as text; each is cut out by itself
MAX_HEADER_BYTES = 2**16  # of a PPM, with its comments

_BYTES_OF_TEXT = 2 * 2**20  # Pillow unpacks up to 1 MB of each compressed text, as bytes and as text
_BYTES_OF_WEBP = 10  # a pixel's, beside the image: two canvases, and some for the frame
_ORIENTATION, _TILE_WIDTH, _TILE_LENGTH, _LAST_PICTURE_TAG = 274, 322, 323, 340  # TIFF tags
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # not stuffed or filling bytes, not restarts
_ALONE, _END, _SCAN, _APP1 = (0x01, 0xD8), 0xD9, 0xDA, 0xE1
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
_RUN_LENGTHS = (b"\1\0\0\0", b"\2\0\0\0")  # a BMP's compression
_ASCII, _BYTE_TYPES = 2, (1, 2, 6, 7)
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}


def check_parts(stream: BinaryIO, name: str) -> int:
    """Count a file's parts; return the bytes of memory that decoding takes beside the image itself.

    Args:
        stream: the file, open at any place; it is left there.
        name: of the picture, for the error.

    Raises:
        PictureError: there are more scans, segments, chunks, blocks or tags than any honest file has.
    """
    stream.seek(0)
    start = stream.read(8)
    check = next((check for magic, check in _CHECKS.items() if start.startswith(magic)), None)
    stream.seek(0)
    return check(stream, name) if check is not None else 0


def check_cost(image: Image.Image, name: str, beside: int, copies: int = 1) -> None:
    """Make sure that the pixels of an opened file may be decoded.

    Args:
        image: opened, not loaded; a JPEG at the size at which it will be decoded.
        name: of the picture, for the error.
        beside: what :func:`check_parts` returned.
        copies: how many times the decoded image is kept.

    Raises:
        PictureError: it has more than ``MAX_PIXELS``, or takes more than ``MAX_BYTES``.
    """
    if image.width * image.height > MAX_PIXELS:
        raise too_many_pixels(name, Message("{width} x {height}", width=image.width, height=image.height))
    if len(image.info.get("exif", b"")) > MAX_EXIF_BYTES:
        raise _too_many_parts(name)
    needed = needed_bytes(image, beside, copies)
    if needed > MAX_BYTES:
        raise PictureError(
            "{picture} is too large: it takes {needed:,} MB of memory, and at most {most:,} MB are allowed",
            hint="scale it down or cut the object out",
            picture=name,
            needed=-(-needed // 2**20),
            most=MAX_BYTES // 2**20,
        )


def needed_bytes(image: Image.Image, beside: int, copies: int = 1) -> int:
    """Return how much memory decoding takes at most; the arguments are those of :func:`check_cost`."""
    return beside + copies * image.width * image.height * _bytes_of_pixel(image) + _bytes_of_tile(image)


def too_many_pixels(name: str, count: str) -> PictureError:
    """Return the error of a picture that has too many pixels."""
    return PictureError(
        "{picture} is too large: it has {count} pixels, and at most {most:,} are read",
        hint="scale it down or cut the object out",
        picture=name,
        count=count,
        most=MAX_PIXELS,
    )


def _too_many_parts(name: str) -> PictureError:
    return PictureError(
        "{picture} has far more metadata or parts than a picture needs, and is not read",
        hint="save it anew as PNG or JPEG",
        picture=name,
    )


def _bytes_of_pixel(image: Image.Image) -> int:
    """Return how much memory a pixel takes at most: as Pillow keeps it, and in the array that is returned."""
    stored = 1 if image.mode in ("1", "L", "P") else 2 if image.mode.startswith("I;16") else 4
    result = 1 if image.mode in ("1", "L", "LA", "La", "I", "F") or image.mode.startswith("I;16") else 3
    if image.format == "WEBP":
        return _BYTES_OF_WEBP + stored + result
    turned = getattr(image, "tag_v2", {}).get(_ORIENTATION, 1) != 1  # Pillow turns a TIFF into a second image
    return max(stored + result, 2 * result, 2 * stored if turned else 0)


def _bytes_of_tile(image: Image.Image) -> int:
    """Return the size of a TIFF's tile as it is decoded; it may be larger than the picture."""
    tags = getattr(image, "tag_v2", {})
    width, length = tags.get(_TILE_WIDTH, 0), tags.get(_TILE_LENGTH, 0)
    if not (isinstance(width, int) and isinstance(length, int)):
        return MAX_BYTES + 1
    return 8 * width * length  # four numbers of 16 bits


def _check_jpeg(stream: BinaryIO, name: str) -> int:
    """Return the bytes of the coefficients, which a JPEG of several scans keeps for all of its pixels."""
    content = stream.read(MAX_BYTES)
    position = scans = segments = exif_bytes = coefficient_bytes = components = 0
    several = False
    while (marker := _MARKER.search(content, position)) and marker[0][1] != _END:
        kind, start = marker[0][1], marker.end()
        segments += 1
        length = 0 if kind in _ALONE else int.from_bytes(content[start : start + 2], "big")
        segment = content[start + 2 : start + length]
        if kind in _FRAMES and len(segment) >= 6:
            components = segment[5]
            coefficient_bytes = max(coefficient_bytes, _coefficient_bytes(segment))
            several |= kind in _PROGRESSIVE
        elif kind == _SCAN:
            scans += 1
            several |= bool(segment) and segment[0] < components
        elif kind == _APP1 and segment.startswith(b"Exif"):
            exif_bytes += length
        junk = marker.start() - position if not scans else 0
        position = start + length
        if (
            segments > MAX_SEGMENTS
            or max(junk, exif_bytes // 16) > MAX_JUNK_BYTES
            or (not scans and position > MAX_METADATA_BYTES)
        ):
            raise _too_many_parts(name)
        if scans > MAX_SCANS:
            raise PictureError(
                "{picture} is a JPEG of more than {most} scans, which takes too long to decode",
                hint="save it anew, as a baseline JPEG or as PNG",
                picture=name,
                most=MAX_SCANS,
            )
    return coefficient_bytes if several else 0


def _coefficient_bytes(frame: bytes) -> int:
    """Return the size of a frame's coefficients, 16 bits each, of all components at their own resolution."""
    height, width, count = struct.unpack(">xHHB", frame[:6])
    factors = [(byte >> 4, byte & 15) for byte in frame[7 : 6 + 3 * count : 3]]
    largest = max((across for across, _ in factors), default=1) * max(
        (down for _, down in factors), default=1
    )
    return int(2 * height * width * sum(across * down for across, down in factors) / max(1, largest))


def _check_png(stream: BinaryIO, name: str) -> int:
    """Return the bytes that compressed texts unpack to."""
    beside = 0
    stream.seek(8)
    for _ in range(MAX_PARTS):
        header = stream.read(8)
        if len(header) < 8:
            return beside
        length, kind = struct.unpack(">I4s", header)
        if kind == b"IEND":
            return beside
        if kind in (b"zTXt", b"iTXt", b"iCCP"):
            beside += _BYTES_OF_TEXT
        elif kind not in (b"IDAT", b"fdAT"):
            beside += 2 * length
        stream.seek(length + 4, 1)
    raise _too_many_parts(name)


def _check_gif(stream: BinaryIO, name: str) -> int:
    """Count the blocks before the first frame."""
    screen = stream.read(13)
    if len(screen) == 13 and screen[10] & 0x80:
        stream.seek(3 << ((screen[10] & 7) + 1), 1)
    blocks = 0
    while (introducer := stream.read(1)) not in (b"", b",", b";"):
        blocks += 1
        if introducer == b"!":
            stream.seek(1, 1)
            while (size := stream.read(1)) not in (b"", b"\0") and blocks <= MAX_PARTS:
                blocks += 1
                stream.seek(size[0], 1)
        if blocks > MAX_PARTS:
            raise _too_many_parts(name)
    return 0


def _check_tiff(stream: BinaryIO, name: str) -> int:
    """Bound the number of values of each of the first picture's tags; together they fit into the file."""
    size = stream.seek(0, 2)
    stream.seek(0)
    start = stream.read(16)
    order = "<" if start.startswith(b"II") else ">"
    is_big = start[2:4] in (b"\x2b\0", b"\0\x2b")
    entry = struct.Struct(order + ("HHQ8x" if is_big else "HHI4x"))
    try:
        (offset,) = struct.unpack_from(order + ("8xQ" if is_big else "4xI"), start)
        stream.seek(min(offset, size))
        (count,) = struct.unpack(order + ("Q" if is_big else "H"), stream.read(8 if is_big else 2))
    except struct.error:
        return 0  # cut short: Pillow says so
    if count > MAX_PARTS:
        raise _too_many_parts(name)
    entries = stream.read(count * entry.size)
    bytes_of_tags = 0
    for tag, kind, number in entry.iter_unpack(entries[: len(entries) // entry.size * entry.size]):
        is_plain = kind in _BYTE_TYPES and (kind == _ASCII or tag > _LAST_PICTURE_TAG)
        bytes_of_tags += number * _TYPE_BYTES.get(kind, 0)
        if bytes_of_tags > size or (number > MAX_PARTS and not is_plain):
            raise _too_many_parts(name)
    return 2 * bytes_of_tags


def _check_bmp(stream: BinaryIO, name: str) -> int:
    """Bound the bytes of run-length encoded pixels."""
    header = stream.read(34)
    if len(header) == 34 and header[14] >= 40 and header[30:34] in _RUN_LENGTHS:
        size = stream.seek(0, 2)
        if size > MAX_RUNS_BYTES:
            raise _too_many_parts(name)
    return 0


def _check_ppm(stream: BinaryIO, name: str) -> int:
    """Bound the header, and the bytes of numbers that are no plain bytes or pairs of them."""
    start = stream.read(MAX_HEADER_BYTES)
    size = stream.seek(0, 2)
    header = _PPM_HEADER.match(start)
    if header is None and size > len(start):
        raise _too_many_parts(name)
    kind, highest = start[1:2], header[1] if header else b""
    is_text = kind in b"123"
    if (is_text or highest not in _HIGHEST[kind]) and size > MAX_RUNS_BYTES:
        raise PictureError(
            "{picture} holds numbers that are text or end at an unusual value, and takes too long to decode",
            hint="save it as PNG",
            picture=name,
        )
    stream.seek(0)
    if is_text and stream.read(MAX_RUNS_BYTES).count(b"#") > MAX_COMMENTS:
        raise _too_many_parts(name)
    return 0


def _check_other_ppm(_: BinaryIO, __: str) -> int:
    """Refuse what Pillow's reader of PPM takes beside the six kinds of Netpbm."""
    raise UnidentifiedImageError


_BLANK = rb"(?:[ \t\n\v\f\r]|#[^\r\n]*[\r\n])+"
_NUMBER = _BLANK + rb"[0-9]{1,10}"
_PPM_HEADER = re.compile(
    rb"P(?:[14](?:" + _NUMBER + rb"){2}|[2356](?:" + _NUMBER + rb"){2}" + _BLANK + rb"([0-9]{1,10}))\s"
)
_HIGHEST = {b"4": (None,), b"5": (b"255", b"65535"), b"6": (b"255",)}  # those that are not decoded in Python

_CHECKS: dict[bytes, Callable[[BinaryIO, str], int]] = {
    b"\xff\xd8\xff": _check_jpeg,
    b"\x89PNG\r\n\x1a\n": _check_png,
    b"GIF8": _check_gif,
    b"BM": _check_bmp,
    b"II": _check_tiff,
    b"MM": _check_tiff,
    **{b"P%d" % kind: _check_ppm for kind in range(1, 7)},
    **dict.fromkeys((b"P0", b"Pf", b"Py"), _check_other_ppm),
}
