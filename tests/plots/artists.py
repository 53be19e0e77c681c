"""What stands on a figure, read from its artists."""

import io
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text
from PIL import Image

from imagelet.plots import save


def drawn(figure: Figure) -> FigureCanvasAgg:
    """Draw the figure into memory, so that everything has its place; return the canvas."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas


def png(figure: Figure, folder: Any) -> bytes:
    save(figure, folder / "figure.png")
    return (folder / "figure.png").read_bytes()


def pixels(content: bytes) -> np.ndarray:
    """Return a PNG's pixels, uint8 (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def image_of(axes: Axes) -> np.ndarray:
    """Return the pixels of the one image in ``axes``."""
    (image,) = [child for child in axes.get_children() if isinstance(child, AxesImage)]
    assert image.get_interpolation() == "nearest"
    return np.asarray(image.get_array())


def texts(axes: Axes) -> list[tuple[float, float, str]]:
    """Return the texts in ``axes``, as (x, y, text)."""
    return [(*text.get_position(), text.get_text()) for text in axes.texts]


def title(axes: Axes) -> Text:
    """Return the one title that is not empty, left or centred."""
    (found,) = [text for text in (axes.title, axes._left_title, axes._right_title) if text.get_text()]
    return found


def colour(artist: Any) -> str:
    return to_hex(artist.get_color())


def images(number: int, height: int = 8, width: int = 8, channels: int = 1) -> np.ndarray:
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (number, height, width, channels), dtype=np.uint8)
