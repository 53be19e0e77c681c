"""Pictures: found, opened safely, and framed as a network's input. NumPy, SciPy and Pillow only."""

from imagelet.preprocessing.framing import Framing, frame, framings
from imagelet.preprocessing.picture import PICTURE_SUFFIXES, find_pictures, natural_key, open_picture

__all__ = [
    "PICTURE_SUFFIXES",
    "Framing",
    "find_pictures",
    "frame",
    "framings",
    "natural_key",
    "open_picture",
]
