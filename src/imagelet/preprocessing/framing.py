"""From a picture of any size to the network's input: the framing travels with the classifier.

==============  ======================================================================================
``fit``         the whole picture, aspect kept, padded with the border's median colour
``crop``        the largest centred part of the input's aspect
``half-crop``   half of what ``crop`` cuts is cut, and the rest padded as ``fit`` does
``stretch``     the whole picture, aspect not kept
``handwriting`` light strokes on black, boxed and centred as MNIST did it; see ``handwriting.py``
``object``      an object on plain ground, trimmed, on black, as Fashion-MNIST did it; see ``foreground.py``
==============  ======================================================================================
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagelet.errors import ClassifierFileError
from imagelet.messages import Message, message_of
from imagelet.preprocessing import foreground, handwriting
from imagelet.preprocessing.geometry import Part, Placement, whole
from imagelet.preprocessing.picture import border, with_channels
from imagelet.preprocessing.value_range import ValueRange
from imagelet.registry import Registry

REDUCING_GAP = 3.0  # times the size wanted, to which a far larger picture is averaged first: it is quicker
MAX_SIDE = 1024  # pixels; imagelet is for small images, and a hostile header must not fill the memory


@dataclasses.dataclass(frozen=True)
class Framing:
    """How a picture becomes a network's input.

    Args:
        kind: a name that ``framings`` holds.
        height: of the input, in pixels, 1 to ``MAX_SIDE``.
        width: of the input, in pixels, 1 to ``MAX_SIDE``.
        channels: 1 (grey) or 3 (RGB).
        box: the share of the side that the object's bounding box fills, above 0 and at most 1 (MNIST: 20/28);
            used by ``handwriting`` alone.
        values: the numbers of a picture of more than 8 bits that become black and white; None: as its format
            means.

    Raises:
        ValueError: a field is outside its range.
    """

    kind: str
    height: int
    width: int
    channels: int
    box: float = 1.0
    values: ValueRange | None = None

    def __post_init__(self) -> None:
        for name in ("height", "width"):
            if not 1 <= getattr(self, name) <= MAX_SIDE:
                raise ValueError(
                    Message(
                        "a framing's {side} is 1 to {most} pixels, not {value}",
                        side=name,
                        most=MAX_SIDE,
                        value=getattr(self, name),
                    )
                )
        if self.channels not in (1, 3):
            raise ValueError(Message("a framing has 1 or 3 channels, not {value}", value=self.channels))
        if not 0 < self.box <= 1:
            raise ValueError(Message("a framing's box is above 0 and at most 1, not {value}", value=self.box))
        if self.values is not None and not -math.inf < self.values[0] < self.values[1] < math.inf:
            raise ValueError(
                Message(
                    "a framing's values are two finite numbers, the lower first, not {value}",
                    value=self.values,
                )
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """The input's height, width and channels."""
        return self.height, self.width, self.channels

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them; ``values`` only where there are any."""
        fields = dataclasses.asdict(self)
        values = fields.pop("values")
        return fields if values is None else fields | {"values": list(values)}

    @classmethod
    def from_json(cls, content: object) -> "Framing":
        """Return the framing that ``to_json`` wrote.

        Raises:
            ClassifierFileError: a field is missing, unknown, of the wrong type or out of range, or the kind
                is one that is not registered.
        """
        types: dict[str, tuple[type, ...]] = {
            "kind": (str,),
            "height": (int,),
            "width": (int,),
            "channels": (int,),
            "box": (int, float),
        }
        if not isinstance(content, Mapping) or set(content) - {"values"} != set(types):
            raise ClassifierFileError("the framing must hold exactly {fields}", fields=", ".join(types))
        for name, allowed in types.items():
            if not isinstance(content[name], allowed) or isinstance(content[name], bool):
                raise ClassifierFileError(
                    "the framing's {field} is {value!r}, not of type {type}",
                    field=name,
                    value=str(content[name])[:40],
                    type=allowed[-1].__name__,
                )
        if content["kind"] not in framings:
            raise ClassifierFileError(
                "the framing '{name}' is unknown; known are {names}",
                hint="if the classifier was trained with a plugin, install it",
                name=content["kind"][:40],
                names=", ".join(framings),
            )
        try:
            return cls(**{**content, "values": _values_of(content.get("values"))})
        except ValueError as error:
            raise ClassifierFileError(message_of(error)) from error


def _values_of(content: object) -> ValueRange | None:
    """Return the range that a JSON list of two numbers is."""
    if content is None:
        return None
    if (
        not isinstance(content, list)
        or len(content) != 2
        or not all(type(x) in (int, float) for x in content)
    ):
        raise ValueError(Message("a framing's values are two numbers"))
    low, high = map(float, content)
    return low, high


class Framed(NamedTuple):
    """A picture as the network wants it.

    Attributes:
        image: uint8 (height, width, channels).
        warnings: what a person should know about the picture, a few words each.
        unclear: the picture may show something else than the image: no answer to it is sure.
        placement: which part of the picture the image shows; None where it shows none, or nobody knows.
    """

    image: NDArray[np.uint8]
    warnings: tuple[str, ...] = ()
    unclear: bool = False
    placement: Placement | None = None


FramingFunction = Callable[[NDArray[np.uint8], Framing], Framed]
"""(picture uint8 (height, width, 1 or 3), framing) → image uint8 (framing.height, framing.width, 1 or 3)."""

framings: Registry[FramingFunction] = Registry(Message("framing"), "imagelet doctor")


def apply_framing(picture: NDArray[np.uint8], framing: Framing) -> Framed:
    """Return ``picture`` as the network wants it, with what is odd about it.

    Args:
        picture: uint8 (height, width, 1 or 3), any size.
        framing: the kind and the target.

    Returns:
        The image is uint8 ``framing.shape``.

    Raises:
        UnknownNameError: the framing's kind is not registered.
        ValueError: ``picture`` has another dtype or number of axes or channels, or no pixels.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] not in (1, 3) or picture.size == 0:
        raise ValueError(
            Message(
                "a picture is uint8 (height, width, 1 or 3) and not empty, not {dtype} {shape}",
                dtype=picture.dtype,
                shape=picture.shape,
            )
        )
    framed = framings.get(framing.kind)(picture, framing)
    return framed._replace(image=with_channels(framed.image, framing.channels))


def frame(picture: NDArray[np.uint8], framing: Framing) -> NDArray[np.uint8]:
    """Return the image of :func:`apply_framing` alone."""
    return apply_framing(picture, framing).image


def fit(picture: NDArray[np.uint8], framing: Framing) -> Framed:
    """Scale the whole picture into the input, aspect kept, and pad it with its border's median colour.

    The border's colour joins on without an edge, where black bars would draw a frame that the network learns.
    """
    height, width = picture.shape[:2]
    scale = min(framing.height / height, framing.width / width)
    inner_height = min(framing.height, max(1, round(height * scale)))
    inner_width = min(framing.width, max(1, round(width * scale)))
    inner = resized(picture, inner_height, inner_width)
    if inner.shape[:2] == (framing.height, framing.width):
        return Framed(inner, placement=Placement.of(whole(picture), whole(inner)))  # nothing to pad
    padded = np.empty((framing.height, framing.width, picture.shape[2]), np.uint8)
    padded[:] = np.median(border(picture), axis=0).round().astype(np.uint8)
    top, left = (framing.height - inner_height) // 2, (framing.width - inner_width) // 2
    at = slice(top, top + inner_height), slice(left, left + inner_width)
    padded[at] = inner
    return Framed(padded, placement=Placement.of(whole(picture), at))


def crop(picture: NDArray[np.uint8], framing: Framing) -> Framed:
    """Cut the largest centred part that has the input's aspect (a square for a square input) and scale it."""
    part = _centred_part(picture, *_largest_of_aspect(picture, framing))
    image = resized(picture[part], framing.height, framing.width)
    return Framed(image, placement=Placement.of(part, whole(image)))


def half_crop(picture: NDArray[np.uint8], framing: Framing) -> Framed:
    """Cut half of what :func:`crop` cuts, and pad the rest as :func:`fit` does.

    What a photograph shows mostly lies in its middle, with room around it: the whole picture makes it small,
    between bars, and the middle alone may lose its ends.
    """
    height, width = _largest_of_aspect(picture, framing)
    part = _centred_part(picture, (picture.shape[0] + height) // 2, (picture.shape[1] + width) // 2)
    middle = picture[part]
    image, *_, placement = fit(middle, framing)
    assert placement is not None  # fit always knows
    return Framed(image, placement=placement.within(Placement.of(part, whole(middle))))


def _largest_of_aspect(picture: NDArray[np.uint8], framing: Framing) -> tuple[int, int]:
    """Return height and width of the largest part of a picture that has the input's aspect."""
    height, width = picture.shape[:2]
    scale = min(height / framing.height, width / framing.width)
    return (
        min(height, max(1, round(framing.height * scale))),
        min(width, max(1, round(framing.width * scale))),
    )


def _centred_part(picture: NDArray[np.uint8], height: int, width: int) -> Part:
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return slice(top, top + height), slice(left, left + width)


def stretch(picture: NDArray[np.uint8], framing: Framing) -> Framed:
    """Scale the whole picture to the input, aspect not kept: nothing is cut and nothing padded."""
    image = resized(picture, framing.height, framing.width)
    return Framed(image, placement=Placement.of(whole(picture), whole(image)))


def handwritten(picture: NDArray[np.uint8], framing: Framing) -> Framed:
    """Normalise handwriting as MNIST did it."""
    target = handwriting.Target(framing.height, framing.width, framing.box)
    return Framed(*handwriting.normalise(picture, target))


def alone(picture: NDArray[np.uint8], framing: Framing) -> Framed:
    """Trim a picture to its object; plain ground becomes black, the brightest pixel white."""
    return Framed(*foreground.alone(picture, framing.height, framing.width))


def resized(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return ``picture`` with another size; unchanged where it has that size.

    Lanczos weighs every source pixel when it shrinks (no aliasing); bicubic rings less when it enlarges.

    Args:
        picture: uint8 (any, any, 1 or 3).
        height: in pixels.
        width: in pixels.

    Returns:
        uint8 (height, width, 1 or 3).
    """
    if picture.shape[:2] == (height, width):
        return picture
    enlarges = height >= picture.shape[0] and width >= picture.shape[1]
    method = Image.Resampling.BICUBIC if enlarges else Image.Resampling.LANCZOS
    image = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
    result = np.asarray(image.resize((width, height), method, reducing_gap=REDUCING_GAP))
    return result.reshape(height, width, picture.shape[2])


framings.add("fit", fit)
framings.add("crop", crop)
framings.add("half-crop", half_crop)
framings.add("stretch", stretch)
framings.add("handwriting", handwritten)
framings.add("object", alone)
