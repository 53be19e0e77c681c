"""Every kind of pixel that a picture file can hold → 8-bit grey or RGB."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

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
