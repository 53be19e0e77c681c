"""Arrays as JSON holds them: bytes in base64."""

import base64
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.training.history import EpochFigures


def numbers(values: NDArray[Any]) -> dict[str, Any]:
    """Return numbers of any shape: ``shape``, and float32, little-endian, row by row, in ``base64``."""
    plain = np.ascontiguousarray(values, dtype="<f4")
    return {"shape": list(values.shape), "base64": base64.b64encode(plain.data).decode()}


def image(pixels: NDArray[np.uint8]) -> dict[str, Any]:
    """Return uint8 (height, width, channels): the three numbers, and the pixels row by row in ``base64``."""
    height, width, channels = pixels.shape
    content = base64.b64encode(np.ascontiguousarray(pixels).data).decode()
    return {"height": height, "width": width, "channels": channels, "base64": content}


def epoch_figures(epoch: EpochFigures) -> dict[str, Any]:
    """Return an epoch's figures; a number that is not finite is None."""
    return {
        name: value if value is not None and math.isfinite(value) else None
        for name, value in epoch.to_json().items()
    }
