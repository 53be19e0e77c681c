"""Pixels that a program passes: arrays and tensors of any kind, turned into 8-bit pictures.

Shapes and values with two meanings are refused, never guessed. `docs/reference/python.md` has the rules.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagelet.errors import PictureError
from imagelet.messages import Message
from imagelet.preprocessing.picture import plain

CHANNELS = (1, 3, 4)  # grey, RGB, RGBA
DATASET_CHANNELS = (1, 3)
ROUNDING = 1e-4  # by so much of its range a float may leave it
SIGNED_ROUNDING = 0.01  # how near to −1 and 1 the floats of USPS lie that are black and white
LARGEST_OF_ONE = 1.5  # a float's largest value between 1 and this may end 0–1 or begin 0–255
TAKEN = Message(
    "a picture is (height, width), (height, width, channels) or (channels, height, width) with 1, 3 or 4 "
    "channels, several are (n, …); values are bool, whole numbers from 0 to 255, or floats from 0 to 1 or "
    "from 0 to 255"
)


def is_array(value: Any) -> bool:
    """Return whether ``value`` holds numbers as NumPy's arrays and torch's tensors do."""
    return hasattr(value, "__array__") and not isinstance(value, Image.Image)


def picture_of(value: Any, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return the one picture in an array, uint8 (height, width, 1 or 3).

    Args:
        value: an array, see :func:`is_array`: (h, w), (h, w, c), (c, h, w), one of these as (1, …), or a
            flattened grey image of the network's size.
        shape: (height, width, channels) of the network's input.

    Raises:
        PictureError: it is no picture, several, or one that can be read in two ways.
    """
    array = numbers_of(value)
    if array.ndim == 3 and array.shape[2] not in CHANNELS and array.shape[0] in CHANNELS:
        array = array[np.newaxis]  # channels first: it is one
    elif array.ndim == 2 and array.shape != (1, shape[0] * shape[1]):
        array = array[np.newaxis, :, :, np.newaxis]
    pictures = _pictures(array, value, shape)
    if len(pictures) != 1:
        raise _refusal(
            array, value, Message("these are {count} pictures where one is expected", count=len(pictures))
        )
    picture: NDArray[np.uint8] = pictures[0]
    return picture


def pictures_of(value: Any, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return the pictures in an array, uint8 (n, height, width, 1 or 3).

    Args:
        value: an array, see :func:`is_array`: one picture or several, as `docs/reference/python.md` says.
        shape: (height, width, channels) of the network's input.

    Raises:
        PictureError: they are no pictures, or can be read in two ways.
    """
    return _pictures(numbers_of(value), value, shape)


Limits = tuple[Any, Any]
"""The lowest and the highest value of an array, of its type."""


def images_of(value: Any, limits: Limits | None = None) -> tuple[NDArray[np.uint8], Message]:
    """Return the images of a dataset's array, uint8 (n, height, width, 1 or 3), and what it was taken for.

    Args:
        value: (n, height, width), (n, height, width, channels), (n, channels, height, width), or grey images
            that are square as rows (n, height · width); values are bool, whole numbers from 0 to 255, or
            floats from 0 to 1, from 0 to 255, or from −1 to 1 where both ends are reached.
        limits: of the whole, where these are some of its rows only.

    Raises:
        PictureError: it is of no such shape, its values are others, or it can be read in two ways.
    """
    array = numbers_of(value)
    arranged, layout = laid_out(array, value)
    if not arranged.size:
        raise _refusal(array, value, Message("it has no pixels"))
    if array.dtype.kind not in "biuf":
        raise _refusal(array, value, Message("its values are no numbers"))
    low, high = limits or (array.min(), array.max())
    is_unit = array.dtype.kind in "bf" and float(high) <= 1 + ROUNDING
    is_signed = array.dtype.kind == "f" and max(abs(low + 1), abs(high - 1)) <= SIGNED_ROUNDING
    if is_signed:
        arranged, limits = np.clip((arranged + 1) / 2, 0, 1), (0.0, 1.0)
    pixels = _eight_bits(arranged, value, limits)
    _, height, width, channels = pixels.shape
    return pixels, Message(
        "{height}×{width} {colour}, {layout}, values {lowest}–{largest}",
        height=height,
        width=width,
        colour=Message("grey") if channels == 1 else Message("colour"),
        layout=layout,
        lowest="−1" if is_signed else 0,
        largest=1 if is_unit or is_signed else 255,
    )


def laid_out(array: NDArray[Any], value: Any) -> tuple[NDArray[Any], Message]:
    """Return a dataset's array as (n, height, width, channels), and a word for how it was laid out.

    Args:
        array: as :func:`images_of` takes it, values of any kind.
        value: what it was made of, for the error.

    Raises:
        PictureError: it is of no such shape, or can be read in two ways.
    """
    sizes = array.shape
    if array.ndim == 2:
        side = math.isqrt(sizes[1])
        if side * side == sizes[1] and side > 1:
            return array.reshape(-1, side, side, 1), Message("one row an image")
        if sizes[1] % 3 == 0 and math.isqrt(sizes[1] // 3) ** 2 == sizes[1] // 3:
            raise _refusal(
                array, value, Message("a flattened image of several channels has no certain order")
            )
        raise _refusal(array, value, Message("its rows are no square images"))
    last, first = (
        array.ndim == 4 and sizes[3] in DATASET_CHANNELS,
        array.ndim == 4 and sizes[1] in DATASET_CHANNELS,
    )
    if last and first:
        raise _refusal(array, value, Message("channels may be first or last"))
    if last:
        return array, Message("channels last")
    if first:
        return array.transpose(0, 2, 3, 1), Message("channels first")
    if array.ndim == 3 and not set(sizes[1:]) & set(CHANNELS):
        return array[..., np.newaxis], Message("without channels")
    raise _refusal(array, value, Message("its shape is not that of several images"))


def _pictures(array: NDArray[Any], value: Any, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    arranged = _channels_last(array, value, shape)  # (n, height, width, channels)
    if 0 in arranged.shape[1:]:
        raise _refusal(array, value, Message("it has no pixels"))
    pixels = _eight_bits(arranged, value)
    if pixels.shape[3] == 4 and len(pixels):
        opaque = [plain(Image.fromarray(picture)) for picture in pixels]
        return np.stack(opaque)
    return pixels


def numbers_of(value: Any) -> NDArray[Any]:
    """Return an array, or a tensor on any device, as an array in this computer's memory.

    Raises:
        PictureError: it cannot be turned into one.
    """
    try:
        if hasattr(value, "detach"):  # a tensor of torch
            value = value.detach().cpu()
            return np.asarray(value.float() if value.is_floating_point() else value)
        return np.asarray(value)
    except Exception as error:  # sparse, on no device, or whatever else an array-like raises
        raise PictureError(
            "a {type} cannot be taken for a picture ({error})",
            hint=TAKEN,
            type=_type_name(value),
            error=(str(error) or type(error).__name__).splitlines()[0][:120],
        ) from error


def _channels_last(array: NDArray[Any], value: Any, shape: tuple[int, int, int]) -> NDArray[Any]:
    """Return ``array`` as (n, height, width, channels)."""
    height, width, channels = shape
    sizes = array.shape
    own_grey = channels == 1 and sizes[-2:] == (height, width)
    if array.ndim in (1, 2) and sizes[-1] == height * width * channels:
        if channels > 1:
            raise _refusal(
                array, value, Message("a flattened image of several channels has no certain order")
            )
        if array.ndim == 2 and sizes[0] == sizes[1]:
            raise _refusal(
                array, value, Message("it may be one picture or {count} flattened ones", count=sizes[0])
            )
        return array.reshape(-1, height, width, 1)
    if array.ndim == 2:
        return array[np.newaxis, :, :, np.newaxis]
    if array.ndim == 3 and sizes[2] in CHANNELS:
        return array[np.newaxis]
    if array.ndim == 3 and sizes[0] in (3, 4) and not own_grey:
        if sizes != (channels, height, width):
            reason = Message("it may be one picture of {count} channels or {count} grey ones", count=sizes[0])
            raise _refusal(array, value, reason)
        return array.transpose(1, 2, 0)[np.newaxis]
    if array.ndim == 3 and sizes[2] != 2:  # no picture is two pixels wide; of grey and alpha it is not said
        return array[:, :, :, np.newaxis]
    if array.ndim == 4 and sizes[3] in CHANNELS:
        return array
    if array.ndim == 4 and sizes[1] in CHANNELS:
        return array.transpose(0, 2, 3, 1)
    raise _refusal(array, value, Message("its shape is that of no picture"))


def _eight_bits(array: NDArray[Any], value: Any, limits: Limits | None = None) -> NDArray[np.uint8]:
    """Return the values of ``array`` as 0 to 255."""
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "b":
        return array * np.uint8(255)
    if array.dtype.kind not in "iuf":
        raise _refusal(array, value, Message("its values are no numbers"))
    if not array.size:
        return array.astype(np.uint8)
    low, high = limits or (array.min(), array.max())
    if not np.isfinite(low) or not np.isfinite(high):
        raise _refusal(array, value, Message("not all its values are finite"))
    if low < -ROUNDING:
        raise _refusal(array, value, Message("it has negative values; the classifier normalizes by itself"))
    if array.dtype.kind != "f":
        if high == 1:
            raise _refusal(
                array, value, Message("1 may be white or almost black; pass bool, or 255 for white")
            )
        scale = 1.0
    else:
        scale = 255.0 if high <= 1 + ROUNDING else 1.0
        if scale == 1.0 and high <= LARGEST_OF_ONE:
            raise _refusal(array, value, Message("its values may end at 1 or at 255"))
    if high * scale > 255 * (1 + ROUNDING):
        raise _refusal(array, value, Message("it has values above 255"))
    return np.clip(np.rint(array * scale), 0, 255).astype(np.uint8)


def _refusal(array: NDArray[Any], value: Any, reason: str) -> PictureError:
    """Return the error that names what was given, why it is not taken, and what is."""
    values = Message("without numbers")
    if array.size and array.dtype.kind in "biuf":
        low, high = f"{array.min():.6g}", f"{array.max():.6g}"
        values = Message("from {low} to {high}", low=low, high=high)
    return PictureError(
        "this {type} of {dtype} {shape} {values} cannot be taken for a picture: {reason}",
        hint=TAKEN,
        type=_type_name(value),
        dtype=str(getattr(value, "dtype", array.dtype)).removeprefix("torch.")[:40],
        shape=tuple(getattr(value, "shape", array.shape)),
        values=values,
        reason=reason,
    )


def _type_name(value: Any) -> str:
    """Return a type's name with its package: ``torch.Tensor``, ``numpy.ndarray``."""
    package = type(value).__module__.partition(".")[0]
    return type(value).__name__ if package == "builtins" else f"{package}.{type(value).__name__}"
