"""Any picture of a person's own, opened safely and turned into 8-bit grey or RGB.

Seven formats are read and no others: each decoder more is one more that a hostile file can reach.
"""

import contextlib
import io
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, UnidentifiedImageError

from imagelet import atomic_files
from imagelet.errors import PictureError
from imagelet.messages import Message
from imagelet.preprocessing.file_kind import HEAD, kind_of
from imagelet.preprocessing.picture_files import StoredPicture, open_file
from imagelet.preprocessing.picture_limits import (
    MAX_PIXELS,
    check_cost,
    check_parts,
    too_many_pixels,
)
from imagelet.preprocessing.value_range import (
    TILE_SIDE,
    Measured,
    ValueRange,
    eight_bits,
    is_deep,
    measure,
    tiles,
)


def is_grey(picture: NDArray[np.uint8]) -> bool:
    """Tell whether ``picture`` (height, width, 1 or 3) holds no colour."""
    return bool((picture == picture[:, :, :1]).all())


def plain(image: Image.Image, values: ValueRange | None = None) -> NDArray[np.uint8]:
    """Return a loaded image's pixels without transparency, 8 bits, grey or RGB.

    They are converted tile by tile: a whole copy of a large picture for each step would take gigabytes.

    Args:
        image: of any mode that the formats give, with its file's ``info`` and tags.
        values: which numbers of more than 8 bits become 0 and 255; None: as the format means.

    Returns:
        uint8 (height, width, 1 or 3).
    """
    if image.mode in ("L", "RGB") and max(image.size) <= TILE_SIDE and not image.has_transparency_data:
        return np.array(image).reshape(image.height, image.width, -1)  # there is nothing to convert
    split = _splitter(image, values)
    background = _background(image, split)
    result: NDArray[np.uint8] | None = None
    for left, top, right, bottom in tiles(image):
        colours, alpha = split(image.crop((left, top, right, bottom)))
        if alpha is not None:
            sheet = Image.new(colours.mode, colours.size, background)
            sheet.paste(colours, mask=alpha)
            colours = sheet
        if result is None:
            result = np.empty((image.height, image.width, len(colours.mode)), np.uint8)  # L or RGB
        result[top:bottom, left:right] = np.asarray(colours).reshape(bottom - top, right - left, -1)
    assert result is not None  # Pillow opens no picture without pixels
    in_palette = image.mode in ("P", "PA")
    if in_palette and all(
        is_grey(result[top:bottom, left:right]) for left, top, right, bottom in tiles(image)
    ):
        return np.ascontiguousarray(result[:, :, :1])
    return result


_Split = Callable[[Image.Image], tuple[Image.Image, Image.Image | None]]


def _splitter(image: Image.Image, values: ValueRange | None) -> _Split:
    """Return the function that makes L or RGB of a part of ``image``, and its alpha, L, if it has any."""
    transparent = image.info.get("transparency")
    if is_deep(image):
        scale = eight_bits(image, values)

        def split_numbers(tile: Image.Image) -> tuple[Image.Image, Image.Image | None]:
            if not isinstance(transparent, int):
                return scale(tile), None
            # a 16-bit PNG with one grey that counts as transparent
            visible = np.where(np.asarray(tile) == transparent, 0, 255).astype(np.uint8)
            return scale(tile), Image.fromarray(visible)

        return split_numbers
    if image.mode == "RGB" and isinstance(transparent, tuple) and max(transparent) > 255:
        image.info["transparency"] = tuple(value >> 8 for value in transparent)  # as Pillow cut the pixels
    # Pillow takes each CMYK for one of Adobe's, which are inverted
    is_inverted = image.mode == "CMYK" and image.format in ("JPEG", "MPO") and "adobe" not in image.info
    has_alpha = image.has_transparency_data and not is_inverted
    target = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"

    def split(tile: Image.Image) -> tuple[Image.Image, Image.Image | None]:
        if not has_alpha:
            return (ImageChops.invert(tile) if is_inverted else tile).convert(target), None
        with_alpha = tile.convert(target + "A")
        return with_alpha.convert(target), with_alpha.getchannel("A")

    return split


def _background(image: Image.Image, split: _Split) -> str:
    """Return what a transparent image is laid onto: white, or black where its visible part is mostly light.

    White chalk on a transparent sheet would vanish on white.
    """
    visible = light = 0
    for tile in tiles(image):
        colours, alpha = split(image.crop(tile))
        if alpha is None:
            return "white"
        weights, brightness = np.asarray(alpha), np.asarray(colours.convert("L"))
        visible += int(weights.sum(dtype=np.int64))
        light += int(np.einsum("hw,hw->", weights, brightness, dtype=np.int64))
    return "black" if light > 127.5 * visible else "white"


FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
READ_AT_ONCE = 1 << 16  # bytes; a picture that has fewer is read by one call of the system
DRAFT_SIDE = 1024  # pixels; a JPEG is decoded at 1/2, 1/4 or 1/8 as long as both sides keep as many

_WIDTH, _HEIGHT, _ORIENTATION = 256, 257, 274  # tags of EXIF and TIFF
_TURNED_SIDEWAYS = (5, 6, 7, 8)  # its values that swap height and width

Source = str | Path | bytes | BinaryIO | StoredPicture
Number = TypeVar("Number", bound=np.generic)


def open_picture(source: Source, values: ValueRange | None = None) -> NDArray[np.uint8]:
    """Decode one picture: upright, without transparency, 8 bits, grey or RGB.

    EXIF orientation is applied. Grey files give one channel, and so do palettes that hold only grey; all
    others give three. Transparency is laid onto white, or onto black where the visible ink is light. Of an
    animation or a file with several pages the first is taken. JPEGs whose sides are at least twice
    ``DRAFT_SIDE`` are decoded at a fraction of their size.

    Args:
        source: a file's path, a file's content, an open binary file (read from its start), or a picture where
            it lies.
        values: which numbers of more than 8 bits become 0 and 255; None: as the format means.

    Returns:
        uint8 (height, width, 1 or 3).

    Raises:
        PictureError: there is no such file, it is not a picture of the ``FORMATS``, it is damaged or cut
            short, or it is beyond one of the limits in ``picture_limits``.
    """
    with opened_file(source) as image:
        image.load()
        orientation = orientation_of(image)  # after load: a TIFF is turned by then, a PNG may tell only then
        pixels = plain(image, values)
    del image  # and with it its memory, before the pixels are turned
    return _upright(pixels, orientation)


def open_numbers(source: Source) -> NDArray[Any]:
    """Decode one picture as :func:`open_picture` does, but leave numbers of more than 8 bits as they are.

    Returns:
        uint8 (height, width, 1 or 3); of more than 8 bits (height, width, 1) of another type.

    Raises:
        PictureError: as :func:`open_picture`.
    """
    with opened_file(source) as image:
        image.load()
        orientation = orientation_of(image)
        numbers = np.array(image)[:, :, np.newaxis] if is_deep(image) else plain(image)
    return _upright(numbers, orientation)


class Opened(NamedTuple):
    """One picture, with all that is asked of each picture of a dataset.

    Attributes:
        size: the upright height and width, as :func:`picture_size` returns them.
        is_deep: whether it has one channel of numbers of more than 8 bits.
        numbers: as :func:`open_numbers` returns them; None where they were not asked for.
        pixels: as :func:`open_picture` returns them; None where they were not asked for.
    """

    size: tuple[int, int]
    is_deep: bool
    numbers: NDArray[Any] | None
    pixels: NDArray[np.uint8] | None


def open_once(source: Source, values: ValueRange | None = None, *, numbers: bool, pixels: bool) -> Opened:
    """Open one picture once, where the functions above would each open it.

    Args:
        source: as for :func:`open_picture`.
        values: as for :func:`open_picture`.
        numbers: whether its numbers are asked for.
        pixels: whether its pixels are asked for. Without both, nothing is decoded.

    Raises:
        PictureError: as :func:`open_picture`; of a picture that is not decoded, as :func:`picture_size`.
    """
    decoded: list[NDArray[Any] | None] = [None, None]
    with _opened_header(source) as header:
        size, has_deep_header = _upright_size(header.image), is_deep(header.image)
        if not (numbers or pixels):
            return Opened(size, has_deep_header, None, None)
        image = _checked(header, copies=1)
        image.load()
        orientation = orientation_of(image)
        deep = is_deep(image)
        if numbers and deep:
            decoded[0] = np.array(image)[:, :, np.newaxis]
        if pixels or not deep:
            decoded[1] = plain(image, values)
    del header, image
    upright = [None if one is None else _upright(one, orientation) for one in decoded]
    return Opened(
        size, has_deep_header, upright[0 if deep else 1] if numbers else None, upright[1] if pixels else None
    )


def measure_values(source: Source) -> Measured | None:
    """Return what the numbers of a picture of more than 8 bits are; None of any other, which is not decoded.

    Raises:
        PictureError: as :func:`open_picture`.
    """
    with opened_file(source, copies=0) as image:
        if not is_deep(image):
            return None
    with opened_file(source) as image:
        image.load()
        return measure(image)


def write_picture(pixels: NDArray[np.uint8], path: Path) -> None:
    """Write pixels, uint8 (height, width, 1 or 3), as PNG, whole or not at all.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    with atomic_files.replacing(path) as file:
        image.save(file, format="PNG")


def picture_size(source: Source) -> tuple[int, int]:
    """Return a picture's upright height and width in pixels; the pixels are not decoded.

    Raises:
        PictureError: as ``open_picture``, as far as the file's first bytes tell.
    """
    with opened_file(source, copies=0) as image:
        return _upright_size(image)


def _upright_size(image: Image.Image) -> tuple[int, int]:
    """Return the upright height and width of an image that is not loaded."""
    if image.format == "PNG" and "exif" not in image.info:  # asking Pillow would decode the pixels
        return image.height, image.width
    tags = getattr(image, "tag_v2", {})  # of a TIFF, whose sides some versions of Pillow have swapped by now
    width, height = tags.get(_WIDTH, image.width), tags.get(_HEIGHT, image.height)
    sideways = orientation_of(image) in _TURNED_SIDEWAYS
    return (width, height) if sideways else (height, width)


def with_channels(picture: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Return ``picture`` (height, width, 1 or 3) with 1 or 3 channels; grey is ITU-R 601 luma."""
    if picture.shape[2] == channels:
        return picture
    if channels == 3:
        return np.repeat(picture, 3, axis=2)
    return np.asarray(Image.fromarray(picture).convert("L"))[:, :, np.newaxis]


def border(picture: NDArray[Number]) -> NDArray[Number]:
    """Return the outermost pixels of ``picture`` (height, width[, channels]), each once: (n[, channels])."""
    ends, sides = picture[[0, -1][: len(picture)]], picture[1:-1, [0, -1][: picture.shape[1]]]
    channels = picture.shape[2:]
    return np.concatenate([ends.reshape(-1, *channels), sides.reshape(-1, *channels)])


class _Header(NamedTuple):
    """A picture of which only the header is read, its name, and the bytes that decoding takes beside it."""

    image: Image.Image
    name: str
    beside: int


@contextlib.contextmanager
def opened_file(source: Source, *, copies: int = 1) -> Iterator[Image.Image]:
    """Open the file's header, check the limits, and turn whatever goes wrong into a PictureError.

    Args:
        source: as :func:`open_picture` takes it.
        copies: how often the decoded image will be kept: 1 for a JPEG decoded at a fraction of its size, more
            for a picture as it is stored, 0 where only the header is read.
    """
    with _opened_header(source) as header:
        yield _checked(header, copies)


def _checked(header: _Header, copies: int) -> Image.Image:
    """Return the image, which may now be decoded where it is to be kept ``copies`` times, at its least cost.

    Raises:
        PictureError: it is beyond the limits.
    """
    image = header.image
    if copies == 1 and image.format in ("JPEG", "MPO"):
        image.draft(None, (DRAFT_SIDE, DRAFT_SIDE))
    if copies:
        check_cost(image, header.name, header.beside, copies)
    return image


@contextlib.contextmanager
def _opened_header(source: Source) -> Iterator[_Header]:
    """Open the file's header, and turn whatever goes wrong, now and later, into a PictureError."""
    name, head = _name(source), b""
    try:
        with _stream(source, name) as file, without_pillow_warnings():
            is_ours = isinstance(source, str | Path | StoredPicture)  # of others, fewer may not be all
            if not (start := file.read(READ_AT_ONCE if is_ours else HEAD)):
                raise PictureError("{picture} is empty: it has 0 bytes", picture=name)
            head, stream = start[:HEAD], io.BytesIO(start) if is_ours and len(start) < READ_AT_ONCE else file
            beside = check_parts(stream, name)
            stream.seek(0)
            with Image.open(stream, formats=FORMATS) as image:
                yield _Header(image, name, beside)
    except PictureError:
        raise
    except UnidentifiedImageError as error:
        raise _unidentified(name, head) from error
    except Image.DecompressionBombError as error:
        count = 2 * (Image.MAX_IMAGE_PIXELS or MAX_PIXELS)
        raise too_many_pixels(name, Message("over {count:,}", count=count)) from error
    except MemoryError as error:
        raise PictureError(
            "{picture} takes more memory than there is", hint="scale it down", picture=name
        ) from error
    except Exception as error:  # Pillow's decoders raise a dozen kinds on damaged files
        reason = (str(error) or type(error).__name__).splitlines()[0][:120]
        raise PictureError(
            "{picture} is damaged or cut short: {error}", picture=name, error=reason
        ) from error


def _unidentified(name: str, head: bytes) -> PictureError:
    """Return the error about a file that is no picture that is read, with what it is by its first bytes."""
    kind = kind_of(head)
    if kind is None or kind.is_picture:
        return PictureError(
            "{picture} is not a PNG, JPEG, WebP, BMP, GIF, TIFF or PPM picture, or its first bytes are "
            "damaged",
            hint="save it as PNG or JPEG",
            picture=name,
        )
    return PictureError(
        "{picture} is not a PNG, JPEG, WebP, BMP, GIF, TIFF or PPM picture: it {looks}",
        hint=kind.advice_for_picture,
        picture=name,
        looks=kind.looks,
    )


def _name(source: Source) -> str:
    if isinstance(source, bytes):
        return Message("the picture")
    if isinstance(source, StoredPicture):
        return f"'{source}'"
    name = source if isinstance(source, str | Path) else getattr(source, "name", None)
    return f"'{name}'" if isinstance(name, str | Path) else Message("the picture")


def _stream(source: Source, name: str) -> contextlib.AbstractContextManager[BinaryIO]:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if isinstance(source, StoredPicture):
        return source.open()
    if not isinstance(source, str | Path):
        return contextlib.nullcontext(source if source.seekable() else io.BytesIO(source.read()))
    return open_file(source, name)


def orientation_of(image: Image.Image) -> int:
    """Return EXIF's orientation, 1 (upright) to 8; 1 where there is none."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF: the pixels may be sound, and upright is the likeliest
        return 1


def pixels_of_image(image: Image.Image, values: ValueRange | None = None) -> NDArray[np.uint8]:
    """Return the pixels of an image that a program opened or made with Pillow, as :func:`open_picture` does.

    Args:
        image: an image.
        values: as for :func:`open_picture`.

    Returns:
        uint8 (height, width, 1 or 3).

    Raises:
        PictureError: it has no pixels, or they cannot be decoded.
    """
    try:
        image.load()
        if 0 in image.size:
            raise PictureError(
                "the picture has no pixels: it is {width} x {height}", width=image.width, height=image.height
            )
        orientation = orientation_of(image)
        pixels = plain(image, values)
    except PictureError:
        raise
    except Exception as error:  # its file may be closed, damaged or gone
        reason = (str(error) or type(error).__name__).splitlines()[0][:120]
        raise PictureError("the image cannot be decoded: {error}", error=reason) from error
    return _upright(pixels, orientation)


def _upright(pixels: NDArray[Number], orientation: int) -> NDArray[Number]:
    """Undo the camera's rotation and mirroring (EXIF 2.3, tag 274)."""
    if orientation in _TURNED_SIDEWAYS:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


_quiet = threading.Lock()
_quiet_readers = 0
_quiet_filters = contextlib.ExitStack()


@contextlib.contextmanager
def without_pillow_warnings() -> Iterator[None]:
    """Silence Pillow's warnings, also while several threads read.

    ``warnings.catch_warnings`` restores what it found, so overlapping threads would restore each other's
    filters in the wrong order. Here the first reader sets the filter and the last one takes it away.
    """
    global _quiet_readers
    with _quiet:
        if _quiet_readers == 0:
            _quiet_filters.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", module=r"PIL\b")
        _quiet_readers += 1
    try:
        yield
    finally:
        with _quiet:
            _quiet_readers -= 1
            if _quiet_readers == 0:
                _quiet_filters.close()
