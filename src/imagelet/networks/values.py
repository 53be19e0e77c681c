"""The values that a layer's arguments may have: how each is read from text, written, and named in errors."""

import re
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any, Literal

Size = tuple[int, int]  # height, width
Padding = Literal["same", "valid"] | Size
Count = int | Literal["classes"]

LARGEST_SIZE = 1_024  # cells, of a kernel, stride, dilation or padding
LARGEST_COUNT = 10_000_000  # units or filters


@dataclass(frozen=True)
class Form:
    """One kind of value.

    Args:
        allowed: what a person may write, as it stands in errors: "stride must be …".
        read: the value of a written one; raises ValueError where that is not allowed.
        write: the canonical spelling of a value.
        bare: it may stand without its keyword, as every required argument may.
    """

    allowed: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]
    bare: bool = False


def stands_bare(setting: Field[Any]) -> bool:
    """Return whether an argument may be written without its keyword: required ones and paddings may."""
    return setting.default is MISSING or bool(setting.metadata["form"].bare)


def written_arguments(layer: Any) -> list[str]:
    """Return the canonical spelling of the arguments in which ``layer`` differs from its kind's defaults."""
    written = []
    for each in fields(layer):
        value = getattr(layer, each.name)
        if "form" not in each.metadata or value == each.default:
            continue
        value_text = each.metadata["form"].write(value)
        padded_by = each.default is not MISSING and not isinstance(value, str)  # padding=1, but same
        bare = stands_bare(each) and not padded_by
        written.append(value_text if bare else f"{each.name}={value_text}")
    return written


def _whole(written: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", written) or not least <= int(written) <= most:
        raise ValueError(written)
    return int(written)


def _read_count(written: str) -> Count:
    return "classes" if written == "classes" else _whole(written, 1, LARGEST_COUNT)


def _read_size(written: str, least: int = 1) -> Size:
    sides = [_whole(side, least, LARGEST_SIZE) for side in written.split("x")]
    if len(sides) > 2:
        raise ValueError(written)
    return sides[0], sides[-1]


def _read_padding(written: str) -> Padding:
    if written in ("same", "valid"):
        return "same" if written == "same" else "valid"
    return _read_size(written, least=0)


def _read_switch(written: str) -> bool:
    answers = {"yes": True, "true": True, "no": False, "false": False}
    if written not in answers:
        raise ValueError(written)
    return answers[written]


def _share(written: str) -> float:
    value = float(written)
    if not 0 <= value < 1:
        raise ValueError(written)
    return value


def _positive_share(written: str) -> float:
    value = float(written)
    if not 0 < value <= 1:
        raise ValueError(written)
    return value


def _write_sides(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def _write_size(size: Size) -> str:
    return str(size[0]) if size[0] == size[1] else _write_sides(size)


def _write_padding(padding: Padding) -> str:
    return padding if isinstance(padding, str) else _write_size(padding)


def _write_number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value).replace("e-0", "e-")


_COUNTS = f"a whole number from 1 to {LARGEST_COUNT:,}"
_SIZES = f"a size from 1 to {LARGEST_SIZE:,}, such as 3 or 3x3"
_PADDINGS = f"same, valid, or a size from 0 to {LARGEST_SIZE:,}, such as 1 or 1x2"


def _metadata(form: Form) -> dict[str, Form]:
    return {"form": form}


# What stands as metadata on the fields that network text can set.
COUNT = _metadata(Form(f"{_COUNTS}, or the word classes", _read_count, str))
WHOLE = _metadata(Form(_COUNTS, lambda written: _whole(written, 1, LARGEST_COUNT), str))
KERNEL = _metadata(Form(_SIZES, _read_size, _write_sides))
SIZE = _metadata(Form(_SIZES, _read_size, _write_size))
PADDING = _metadata(Form(_PADDINGS, _read_padding, _write_padding, bare=True))
SHARE = _metadata(Form("a number of at least 0 and below 1, such as 0.5", _share, _write_number))
POSITIVE = _metadata(Form("a number above 0 and at most 1", _positive_share, _write_number))
SWITCH = _metadata(Form("yes or no", _read_switch, lambda value: "yes" if value else "no"))
