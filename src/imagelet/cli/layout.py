"""Text laid out: cells in columns, and small images and bars drawn with letters."""

import itertools
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from imagelet.html_repr import write_percent

if TYPE_CHECKING:
    import numpy as np

SHADES = " ░▒▓█"  # from black to white
PLAIN_SHADES = " .+#@"  # for streams that have only ASCII
GAP = "   "
BAR = 40  # letters for a share of 1
_NO_WIDTH = ("Mn", "Me", "Cf")  # accents and joiners, which share the column of the letter before


def columns(text: str) -> int:
    """Return how many columns of a terminal ``text`` takes; Korean letters take two each, accents none."""
    if text.isascii():
        return len(text)
    return sum(
        2 if unicodedata.east_asian_width(letter) in "WF" else unicodedata.category(letter) not in _NO_WIDTH
        for letter in text
    )


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return ``text`` with spaces up to ``width`` columns, before it where it stands at the right."""
    spaces = " " * max(0, width - columns(text))
    return spaces + text if right else text + spaces


def in_columns(rows: Sequence[Sequence[str]], at_right: Sequence[bool]) -> list[str]:
    """Return rows of cells as lines, each column as wide as the widest of its cells.

    Args:
        rows: of as many cells each; a cell may have several lines.
        at_right: for each column, whether its cells stand at the right.
    """
    cells = [[cell.expandtabs().splitlines() for cell in row] for row in rows]
    widths = [
        max((columns(line) for cell in column for line in cell), default=0)
        for column in zip(*cells, strict=True)
    ]
    lines = []
    for row in cells:
        for parts in itertools.zip_longest(*row, fillvalue="") if any(row) else [[""] * len(row)]:
            placed = zip(parts, widths, at_right, strict=True)
            lines.append("  ".join(padded(text, width, right=right) for text, width, right in placed))
    return [line.rstrip(" ") for line in lines]


def sketch_images(
    images: "Sequence[np.ndarray]", captions: Sequence[str], width: int = 80, shades: str = SHADES
) -> list[str]:
    """Return images as lines of letters, side by side as far as they fit, each above its caption.

    A pixel is two letters wide where three images fit so, else two pixels share a letter, one above another.

    Args:
        images: uint8 (height, width, 1 or 3), light is ink.
        captions: one for each.
        width: of the lines, in letters.
        shades: letters from black to white.
    """
    sketches = [_sketch(image, shades, wide=(2 * image.shape[1] + len(GAP)) * 3 <= width) for image in images]
    pairs = zip(sketches, captions, strict=True)
    widths = [max(columns(caption), *map(len, sketch)) for sketch, caption in pairs]
    lines: list[str] = []
    start = 0
    while start < len(sketches):
        stop = start + 1
        while stop < len(sketches) and sum(widths[start : stop + 1]) + len(GAP) * (stop - start) <= width:
            stop += 1
        lines += [""] if lines else []
        for row in [*itertools.zip_longest(*sketches[start:stop], fillvalue=""), captions[start:stop]]:
            lines.append(GAP.join(map(padded, row, widths[start:stop])).rstrip())
        start = stop
    return lines


def sketch_shares(shares: Mapping[str, float], block: str = "█", *, figures: bool = True) -> list[str]:
    """Return one line for each name: a bar as long as its share, and the share in hundredths.

    Args:
        shares: name → 0 to 1.
        block: the letter of which bars are made.
        figures: write the share behind its bar.
    """
    longest = max(map(columns, shares), default=0)
    names = {name: padded(name, longest, right=True) for name in shares}
    if not figures:
        return [f"{names[name]}  {block * round(BAR * share)}" for name, share in shares.items()]
    return [
        f"{names[name]}  {block * round(BAR * share):<{BAR}}  {write_percent(share):>6} %"
        for name, share in shares.items()
    ]


def _sketch(image: "np.ndarray", shades: str, *, wide: bool) -> list[str]:
    import numpy as np

    grey = image.mean(axis=2)  # (height, width)
    if not wide:
        even = np.pad(grey, ((0, len(grey) % 2), (0, 0)), mode="edge")
        grey = (even[0::2] + even[1::2]) / 2  # (height / 2, width)
    levels = (grey * len(shades) / 256).astype(int)
    return ["".join(shades[level] * (2 if wide else 1) for level in row) for row in levels]
