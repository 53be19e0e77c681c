"""Any picture of a person's own, opened safely and turned into 8-bit grey or RGB.

Six formats are read and no others: each decoder more is one more that a hostile file can reach.
"""

import contextlib
import io
import os
import re
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, UnidentifiedImageError

from imagelet import atomic_files
from imagelet.errors import PictureError
from imagelet.messages import Message

_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262  # TIFF tags
_WHITE_IS_ZERO = 0


def is_grey(picture: NDArray[np.uint8]) -> bool:
    """Tell whether ``picture`` (height, width, 1 or 3) holds no colour."""
    return bool((picture == picture[:, :, :1]).all())


def plain(image: Image.Image) -> Image.Image:
    """Return a loaded image in mode L or RGB, without transparency.

    Args:
        image: of any mode that the six formats give, with its file's ``info`` and tags.
    """
    transparent = image.info.get("transparency")
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        eight = _eight_bits(image)
        if isinstance(transparent, int):  # a 16-bit PNG with one grey that counts as transparent
            visible = np.where(np.asarray(image) == transparent, 0, 255).astype(np.uint8)
            eight = _laid_on_background(eight, Image.fromarray(visible))
        return eight
    if image.mode == "RGB" and isinstance(transparent, tuple) and max(transparent) > 255:
        image.info["transparency"] = tuple(value >> 8 for value in transparent)  # as Pillow cut the pixels
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        image = ImageChops.invert(image)  # Pillow takes each for one of Adobe's, which are inverted
    target = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if image.has_transparency_data:
        image_with_alpha = image.convert(target + "A")
        result = _laid_on_background(image_with_alpha.convert(target), image_with_alpha.getchannel("A"))
    else:
        result = image.convert(target)
    if image.mode in ("P", "PA") and is_grey(np.atleast_3d(np.asarray(result))):
        return result.getchannel(0)
    return result


def _laid_on_background(image: Image.Image, alpha: Image.Image) -> Image.Image:
    """Lay an L or RGB image onto white, or onto black where its visible part is mostly light.

    White chalk on a transparent sheet would vanish on white.
    """
    weights, brightness = np.asarray(alpha), np.asarray(image.convert("L"))
    visible = int(weights.sum(dtype=np.int64))
    light = np.einsum("hw,hw->", weights, brightness, dtype=np.int64) > 127.5 * visible
    background = Image.new(image.mode, image.size, "black" if light else "white")
    background.paste(image, mask=alpha)
    return background


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale integers of 16 or 32 bits and floats to 0–255 by the range that their format means.

    A format's own range keeps pictures comparable; only where numbers fit none of the usual ranges (0–1,
    0–255, 0–65535) do a picture's smallest and largest number become 0 and 255.
    """
    sixteen = image.mode.startswith("I;16")
    values: NDArray[np.floating] = np.asarray(image).astype(np.float32 if sixteen else np.float64)
    finite = np.isfinite(values)
    if not finite.all():
        values = np.where(finite, values, values[finite].min() if finite.any() else 0.0)
    tags = getattr(image, "tag_v2", {})
    low, high = float(values.min()), float(values.max())
    if sixteen:
        low, high = 0.0, 2.0 ** min(16, tags.get(_BITS_PER_SAMPLE, (16,))[0]) - 1
    elif low >= 0 and high <= 65535:
        fitting = {"F": (1, 255, 65535), "I": (65535,) if image.format == "PNG" else (255, 65535)}
        low, high = 0.0, float(next(limit for limit in fitting[image.mode] if high <= limit))
    scaled = (values - low) * (255 / (high - low) if high > low else 0.0)
    eight = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        eight = 255 - eight
    return Image.fromarray(eight)


PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
MAX_PIXELS = 64_000_000  # decoded at once: 256 MB as RGBA
DRAFT_SIDE = 1024  # pixels; a JPEG is decoded at 1/2, 1/4 or 1/8 as long as both sides keep as many

_WIDTH, _HEIGHT, _ORIENTATION = 256, 257, 274  # tags of EXIF and TIFF
_TURNED_SIDEWAYS = (5, 6, 7, 8)  # its values that swap height and width

Source = str | Path | bytes | BinaryIO
Number = TypeVar("Number", bound=np.generic)


def open_picture(source: Source) -> NDArray[np.uint8]:
    """Decode one picture: upright, without transparency, 8 bits, grey or RGB.

    EXIF orientation is applied. Grey files give one channel, and so do palettes that hold only grey; all
    others give three. Transparency is laid onto white, or onto black where the visible ink is light. Of an
    animation or a file with several pages the first is taken. JPEGs whose sides are at least twice
    ``DRAFT_SIDE`` are decoded at a fraction of their size.

    Args:
        source: a file's path, a file's content, or an open binary file (read from its start).

    Returns:
        uint8 (height, width, 1 or 3).

    Raises:
        PictureError: there is no such file, it is not a picture of the ``FORMATS``, it is damaged or cut
            short, or it has more than ``MAX_PIXELS``.
    """
    with opened_file(source) as image:
        image.load()
        orientation = orientation_of(image)  # after load: a TIFF is turned by then, a PNG may tell only then
        pixels = np.asarray(plain(image))
    return _upright(pixels.reshape(*pixels.shape[:2], -1), orientation)


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
    with opened_file(source, draft=False) as image:
        if image.format == "PNG" and "exif" not in image.info:  # asking Pillow would decode the pixels
            return image.height, image.width
        tags = getattr(
            image, "tag_v2", {}
        )  # of a TIFF, whose sides some versions of Pillow have swapped by now
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
    outermost = np.ones(picture.shape[:2], bool)
    outermost[1:-1, 1:-1] = False
    return picture[outermost]


def find_pictures(folder: Path) -> list[Path]:
    """Return the pictures in ``folder`` and below, by their suffixes, in natural order.

    Hidden files and folders are left out. Links are followed, each real folder once and none that leads up to
    a folder around ``folder``, so circles end.

    Raises:
        PictureError: ``folder`` or one below cannot be listed.
    """
    found = [path for path in find_files(folder) if path.suffix.lower() in PICTURE_SUFFIXES]
    return sorted(found, key=lambda path: [natural_key(part) for part in path.relative_to(folder).parts])


def find_files(folder: Path) -> Iterator[Path]:
    """Yield every file that is not hidden in ``folder`` and below, in no order; see ``find_pictures``."""
    visited: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        try:
            if not visited:
                visited = {_identity(path) for path in folder.resolve(strict=True).parents}
            if _identity(current) in visited:
                continue
            visited.add(_identity(current))
            with os.scandir(current) as entries:
                visible = {
                    current / entry.name: is_folder(entry) for entry in entries if entry.name[0] != "."
                }
        except OSError as error:
            raise PictureError(
                "the folder '{folder}' cannot be listed: {error}", folder=current, error=error.strerror
            ) from error
        waiting += [path for path, is_folder in visible.items() if is_folder]
        yield from (path for path, is_folder in visible.items() if not is_folder)


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a folder or a link to one; a link in a circle is not."""
    with contextlib.suppress(OSError):
        return entry.is_dir()
    return False


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def natural_key(text: str) -> tuple[Any, ...]:
    """Return a sort key that puts ``2`` before ``10``; different texts have different keys.

    >>> sorted(["10", "2", "a10", "a9"], key=natural_key)
    ['2', '10', 'a9', 'a10']
    """
    parts = re.split(r"([0-9]+)", text)  # text, digits, text, …: always alternating, so always comparable
    numbers = [digits.lstrip("0") for digits in parts[1::2]]
    keys: list[Any] = [part.casefold() for part in parts]
    keys[1::2] = [(len(digits), digits) for digits in numbers]  # as numbers, however long
    return (tuple(keys), text)


@contextlib.contextmanager
def opened_file(source: Source, draft: bool = True) -> Iterator[Image.Image]:
    """Open the file's header, bound the pixels, and turn whatever goes wrong into a PictureError."""
    name = _name(source)
    try:
        with _stream(source, name) as stream, _without_pillow_warnings():
            if not stream.read(1):
                raise PictureError("{picture} is empty: it has 0 bytes", picture=name)
            stream.seek(0)
            with Image.open(stream, formats=FORMATS) as image:
                if draft and image.format == "JPEG":
                    image.draft(None, (DRAFT_SIDE, DRAFT_SIDE))
                if image.width * image.height > MAX_PIXELS:
                    raise _too_large(
                        name, Message("{width} x {height}", width=image.width, height=image.height)
                    )
                yield image
    except PictureError:
        raise
    except UnidentifiedImageError as error:
        raise PictureError(
            "{picture} is not a PNG, JPEG, WebP, BMP, GIF or TIFF picture, or its first bytes are damaged",
            hint="save it as PNG or JPEG",
            picture=name,
        ) from error
    except Image.DecompressionBombError as error:
        raise _too_large(
            name, Message("over {count:,}", count=2 * (Image.MAX_IMAGE_PIXELS or MAX_PIXELS))
        ) from error
    except Exception as error:  # Pillow's decoders raise a dozen kinds on damaged files
        reason = (str(error) or type(error).__name__).splitlines()[0][:120]
        raise PictureError(
            "{picture} is damaged or cut short: {error}", picture=name, error=reason
        ) from error


def _too_large(name: str, size: str) -> PictureError:
    return PictureError(
        "{picture} is too large: it has {count} pixels, and at most {most:,} are read",
        hint="scale it down or cut the object out",
        picture=name,
        count=size,
        most=MAX_PIXELS,
    )


def _name(source: Source) -> str:
    if isinstance(source, bytes):
        return Message("the picture")
    name = source if isinstance(source, str | Path) else getattr(source, "name", None)
    return f"'{name}'" if isinstance(name, str | Path) else Message("the picture")


def _stream(source: Source, name: str) -> contextlib.AbstractContextManager[BinaryIO]:
    """Open a path; a named pipe is refused, because it could be waited on forever."""
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if not isinstance(source, str | Path):
        return contextlib.nullcontext(source if source.seekable() else io.BytesIO(source.read()))
    path = Path(source)
    try:
        if path.is_dir():
            raise PictureError(
                "{picture} is a folder, not a picture", hint="name the files in it", picture=name
            )
        if path.exists() and not path.is_file():
            raise PictureError("{picture} is not an ordinary file", picture=name)
        return path.open("rb")
    except FileNotFoundError as error:
        raise PictureError("{picture} does not exist", picture=name) from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise PictureError(
            "{file} cannot be read: {error}", file=name, error=getattr(error, "strerror", None) or error
        ) from error


def orientation_of(image: Image.Image) -> int:
    """Return EXIF's orientation, 1 (upright) to 8; 1 where there is none."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF: the pixels may be sound, and upright is the likeliest
        return 1


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
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
def _without_pillow_warnings() -> Iterator[None]:
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
