"""Numbers as a picture's pixels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

WHITE = 255


def as_pixels(outputs: Sequence[NDArray[np.float64]], *, stretch: bool) -> tuple[NDArray[np.uint8], int]:
    """Return outputs as the channels of a picture.

    Args:
        outputs: one for each channel, (height, width).
        stretch: the lowest number of all becomes 0 and the highest 255; else they are rounded, and cut.

    Returns:
        uint8 (height, width, channels), and how many numbers were cut.
    """
    pixels = np.stack(outputs, axis=-1)  # (height, width, channels)
    if stretch:
        lowest, highest = pixels.min(), pixels.max()
        pixels = (pixels - lowest) * (WHITE / (highest - lowest) if highest > lowest else 0)
    pixels = np.rint(pixels)
    clipped = int(np.count_nonzero((pixels < 0) | (pixels > WHITE)))
    return np.clip(pixels, 0, WHITE).astype(np.uint8), clipped
