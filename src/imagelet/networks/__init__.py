"""Networks: network text ↔ layers, the named networks, and their summaries.

Reading text and working out shapes needs no torch; the names that do need it are imported when first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from imagelet.networks.layer_kind import PlacedLayer
from imagelet.networks.summary import infer_shapes
from imagelet.networks.text import parse, to_text
from imagelet.networks.zoo import NamedNetwork, find_network, networks

if TYPE_CHECKING:
    from imagelet.networks.building import Network, build
    from imagelet.networks.module_summary import count_parameters, summarize
    from imagelet.networks.summary import Summary

__all__ = [
    "NamedNetwork",
    "Network",
    "PlacedLayer",
    "Summary",
    "build",
    "count_parameters",
    "find_network",
    "infer_shapes",
    "networks",
    "parse",
    "summarize",
    "to_text",
]

_NEED_TORCH = {
    "Network": "building",
    "build": "building",
    "Summary": "summary",
    "count_parameters": "module_summary",
    "summarize": "module_summary",
}


def __getattr__(name: str) -> Any:
    if name in _NEED_TORCH:
        return getattr(importlib.import_module(f"imagelet.networks.{_NEED_TORCH[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
