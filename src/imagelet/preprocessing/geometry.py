"""Where in a picture the pixels of an image come from, and how numbers for the image go back there.

Whatever a framing does, it cuts, scales and moves; it turns and bends nothing. So an image's rows come from a
picture's rows by one factor and one distance, and its columns likewise.
"""

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Part = tuple[slice, slice]
"""Rows and columns of a picture or an image, as whole pixels: start and stop are given."""


@dataclasses.dataclass(frozen=True)
class Placement:
    """The part of a picture that an image shows.

    Lengths are in pixels of the picture, upright as ``open_picture`` returns it. They are counted from the
    picture's upper left corner, not from the centre of its first pixel.

    Args:
        top, left: where the image's upper left corner lies; below 0 where the image is padded.
        pixel_height, pixel_width: how large a pixel of the image is, above 0.

    Raises:
        ValueError: a number that is not finite, or a pixel without a size.
    """

    top: float
    left: float
    pixel_height: float
    pixel_width: float

    def __post_init__(self) -> None:
        numbers = (self.top, self.left, self.pixel_height, self.pixel_width)
        if not all(map(math.isfinite, numbers)) or min(self.pixel_height, self.pixel_width) <= 0:
            raise ValueError(f"a placement has finite numbers and pixels larger than 0: {self}")

    @classmethod
    def of(cls, part: Part, at: Part) -> "Placement":
        """Return the placement of an image whose rows and columns ``at`` show ``part`` of a picture.

        >>> Placement.of((slice(10, 30), slice(0, 40)), at=(slice(0, 10), slice(5, 15)))
        Placement(top=10.0, left=-20.0, pixel_height=2.0, pixel_width=4.0)
        """
        (top, pixel_height), (left, pixel_width) = (
            (there.start - here.start * scale, scale)
            for there, here in zip(part, at, strict=True)
            for scale in [(there.stop - there.start) / (here.stop - here.start)]
        )
        return cls(top, left, pixel_height, pixel_width)

    def within(self, outer: "Placement") -> "Placement":
        """Return where the image lies in the picture that the picture itself is a part of, by ``outer``."""
        return Placement(
            outer.top + self.top * outer.pixel_height,
            outer.left + self.left * outer.pixel_width,
            self.pixel_height * outer.pixel_height,
            self.pixel_width * outer.pixel_width,
        )

    def onto(
        self, values: NDArray[np.floating[Any]], picture_height: int, picture_width: int
    ) -> NDArray[np.float32]:
        """Carry a map of the image back onto the picture.

        Between the centres of the image's pixels it is bilinear. Where a pixel of the picture is larger than
        one of the image, it gets the weighted mean of those around it, as in shrinking a picture.

        Args:
            values: (height, width), a finite number for each pixel of the image.
            picture_height: in pixels.
            picture_width: in pixels.

        Returns:
            float32 (picture_height, picture_width); 0 where the image shows nothing of the picture.

        Raises:
            ValueError: another number of axes.
        """
        if values.ndim != 2:
            raise ValueError(f"a map is (height, width), not {values.shape}")
        height, width = values.shape
        rows = _weights(picture_height, height, self.top, self.pixel_height)  # (picture height, height)
        columns = _weights(picture_width, width, self.left, self.pixel_width)
        carried: NDArray[np.float32] = rows @ values.astype(np.float32) @ columns.T
        return carried

    def to_json(self) -> dict[str, float]:
        """Return the fields as JSON can hold them."""
        return dataclasses.asdict(self)


UNMOVED = Placement(0.0, 0.0, 1.0, 1.0)
"""The image is the picture."""


def whole(pixels: NDArray[Any]) -> Part:
    """Return all rows and columns of ``pixels`` (height, width[, channels])."""
    return slice(0, pixels.shape[0]), slice(0, pixels.shape[1])


def _weights(places: int, cells: int, start: float, size: float) -> NDArray[np.float32]:
    """Return how much each of the image's cells counts at each of the picture's places along one axis.

    Returns:
        float32 (places, cells); a row adds up to 1, or to 0 outside the image.
    """
    edges = (np.arange(places)[:, None] + 0.5 - start) / size  # (places, 1), in cells from the image's edge
    inside = (edges >= 0) & (edges <= cells)
    centres = np.clip(edges - 0.5, 0, cells - 1)  # half a pixel at the rim is the last cell's own
    distances = np.abs(centres - np.arange(cells))  # (places, cells)
    weights = np.maximum(0, 1 - distances / max(1.0, 1 / size))
    normalised: NDArray[np.float32] = (inside * weights / weights.sum(axis=1, keepdims=True)).astype(
        np.float32
    )
    return normalised
