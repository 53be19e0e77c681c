"""Pictures: found, opened safely, and framed as a network's input. NumPy and Pillow only.

The names below are imported when they are first used: what only opens pictures is quick to start.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagelet.preprocessing.framing import Framing, frame, framings
    from imagelet.preprocessing.picture import open_picture
    from imagelet.preprocessing.picture_files import PICTURE_SUFFIXES, find_pictures, natural_key

_FRAMING = ("Framing", "frame", "framings")
_FILES = ("PICTURE_SUFFIXES", "find_pictures", "natural_key")

__all__ = [
    "PICTURE_SUFFIXES",
    "Framing",
    "find_pictures",
    "frame",
    "framings",
    "natural_key",
    "open_picture",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "framing" if name in _FRAMING else "picture_files" if name in _FILES else "picture"
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
