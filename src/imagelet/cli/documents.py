"""What ``--json`` prints, from whatever a command has in its hands."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def as_json(value: Any, encoding: str) -> str:
    """Return one indented JSON document that ``encoding`` can carry.

    Numbers that are not finite become null, paths become texts, NumPy's scalars and arrays become numbers and
    lists. Where the encoding lacks a character all that are not ASCII are escaped.

    Raises:
        TypeError: there is something in it that JSON cannot hold.
    """
    plain = _plain(value)
    text = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(plain, indent=2, allow_nan=False) + "\n"
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays, without importing NumPy
        return _plain(value.tolist())
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
