"""Images and shares drawn with letters: they can be seen in any terminal, in a pipe and in a log."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from imagelet.html_repr import write_percent

if TYPE_CHECKING:
    import numpy as np

SHADES = " ░▒▓█"  # from black to white
PLAIN_SHADES = " .+#@"  # for streams that have only ASCII
GAP = "   "
BAR = 40  # letters for a share of 1


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
    lines: list[str] = []
    sketches = [_sketch(image, shades, wide=(2 * image.shape[1] + len(GAP)) * 3 <= width) for image in images]
    columns = [
        max(len(caption), *map(len, sketch)) for sketch, caption in zip(sketches, captions, strict=True)
    ]
    start = 0
    while start < len(sketches):
        stop = start + 1
        while stop < len(sketches) and sum(columns[start : stop + 1]) + len(GAP) * (stop - start) <= width:
            stop += 1
        height = max(len(sketch) for sketch in sketches[start:stop])
        blocks = [
            [*sketch, *[""] * (height - len(sketch)), caption]
            for sketch, caption in zip(sketches[start:stop], captions[start:stop], strict=True)
        ]
        lines += [""] if lines else []
        for row in zip(*blocks, strict=True):
            padded = (text.ljust(column) for text, column in zip(row, columns[start:stop], strict=True))
            lines.append(GAP.join(padded).rstrip())
        start = stop
    return lines


def sketch_shares(shares: Mapping[str, float], block: str = "█") -> list[str]:
    """Return one line for each name: a bar as long as its share, and the share in hundredths.

    Args:
        shares: name → 0 to 1.
        block: the letter of which bars are made.
    """
    longest = max(map(len, shares), default=0)
    return [
        f"{name:>{longest}}  {block * round(BAR * share):<{BAR}}  {write_percent(share):>6} %"
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
