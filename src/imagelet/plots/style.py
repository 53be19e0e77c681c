"""The style of every figure, text in any script, and how a figure becomes a file."""

import contextlib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Set
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagelet import atomic_files

if TYPE_CHECKING:
    from matplotlib.figure import Figure


INK, MUTED, LINES, PAPER = "#1f2933", "#7b8794", "#e4e7eb", "#ffffff"
ACCENT, WRONG = "#2463a6", "#c2452d"  # the second marks mistakes, and numbers below 0

RING: dict[str, Any] = {  # around a point that counts: the best epoch
    "linestyle": "none",
    "marker": "o",
    "markersize": 8,
    "markerfacecolor": PAPER,
    "markeredgewidth": 2,
}

STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlecolor": INK,
    "figure.dpi": 144,
    "font.size": 10,
    "grid.color": LINES,
    "grid.linewidth": 0.8,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "text.color": INK,
    "text.parse_math": False,  # a class may be called "$x^"
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 9,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 9,
}


@contextlib.contextmanager
def house_style(texts: Iterable[str] = ()) -> Iterator[Callable[[str], str]]:
    """Draw in the house's style inside the block, whatever the user's own settings are.

    Args:
        texts: what will be written, for the choice of fonts.

    Yields:
        A function from a text to one whose every letter the chosen fonts have.
    """
    import matplotlib.style

    families, letters = choose_fonts(texts)
    with matplotlib.style.context(["default", {**STYLE, "font.family": families}]):
        yield lambda text: written_with(letters, text)


def empty_figure(width: float, height: float) -> "Figure":
    """Return an empty figure; width and height in inches."""
    from matplotlib.figure import Figure

    return Figure((width, height), layout="constrained", facecolor=PAPER)


def save(figure: "Figure", path: Path) -> None:
    """Write ``figure`` as PNG, whole or not at all; equal figures give equal bytes.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    with house_style(), atomic_files.replacing(path) as file:
        figure.savefig(file, format="png", metadata={"Software": None})  # no version, no date
        figure.set_layout_engine("none")  # laid out again, some parts would end a pixel further


def percent(share: float) -> str:
    """Return a share in words that never round it to certainty: ``98.3 %``, ``>99.9 %``, ``<0.1 %``."""
    if 0.999 < share < 1:
        return ">99.9 %"
    if 0 < share < 0.001:
        return "<0.1 %"
    return f"{share:.0%}".replace("%", " %") if share in (0, 1) else f"{100 * share:.1f} %"


def percent_formatter() -> Any:
    """Return what writes the ticks of an axis of shares: ``40 %``."""
    from matplotlib.ticker import PercentFormatter

    return PercentFormatter(xmax=1, symbol=" %")


FONT = "DejaVu Sans"  # comes with matplotlib
WIDER_FONTS = (  # asked in this order for letters that FONT lacks; then every font that is installed
    "Noto Sans CJK KR",
    "Noto Sans KR",
    "NanumGothic",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Arial Unicode MS",
)
SOUNDS = ("HANGUL SYLLABLE", "HIRAGANA LETTER", "KATAKANA LETTER")  # their Unicode names end in their sound
LONGEST_NAME = 18  # letters of a class name beside an axis


def choose_fonts(texts: Iterable[str]) -> tuple[list[str], Set[int]]:
    """Return font families that have the letters of ``texts`` between them, as far as any is installed.

    Returns:
        The families, ``FONT`` first, and all letters that they have.
    """
    from matplotlib.font_manager import fontManager

    wanted = {ord(letter) for text in texts for letter in plain(text)} - {ord("\n")}
    upright = [font for font in fontManager.ttflist if font.style == "normal"]
    installed = {font.name: font.fname for font in upright if font.weight in (400, "normal")}
    families, letters = [FONT], set(_letters(installed[FONT]))
    for family in (*WIDER_FONTS, *sorted(installed)):
        if wanted <= letters:
            break
        if family not in installed or "Last Resort" in family:  # that one draws every letter as a box
            continue
        if not wanted.isdisjoint(newly := _letters(installed[family]) - letters):
            families.append(family)
            letters |= newly
    return families, letters


def written_with(letters: Set[int], text: str) -> str:
    """Return ``text`` with something legible in place of what is not among ``letters``."""
    return "".join(
        letter if ord(letter) in letters or letter == "\n" else _spelled(letter) for letter in plain(text)
    )


def plain(text: str) -> str:
    """Return ``text`` composed (macOS takes Hangul names apart), control characters as spaces."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(
        " " if unicodedata.category(letter) in ("Cc", "Cs", "Cf") and letter != "\n" else letter
        for letter in composed
    )


def shortened(name: str) -> str:
    """Return ``name``, cut to ``LONGEST_NAME`` letters."""
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def fitted(text: str, inches: float, size: float, weight: str = "normal") -> str:
    """Return ``text`` with each line cut to the width; measured in the fonts of the style that is on.

    Args:
        text: of one or more lines.
        inches: how wide a line may be.
        size: of the letters, in points.
        weight: of the letters, ``normal`` or ``bold``.
    """
    lines = []
    for line in text.split("\n"):
        kept = line
        while kept and width(kept, size, weight) > inches:
            kept = kept.removesuffix("…")[:-1] + "…" if len(kept) > 1 else ""
        lines.append(kept)
    return "\n".join(lines)


def width(line: str, size: float, weight: str = "normal") -> float:
    """Return how many inches wide a line of text is; size in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    properties = FontProperties(size=size, weight=weight)
    points, _, _ = text_to_path.get_text_width_height_descent(line, properties, ismath=False)
    return float(points) / 72


def _spelled(letter: str) -> str:
    """Return what stands for a letter that no installed font has: a syllable's sound, else its number."""
    name = unicodedata.name(letter, "")
    return name.split()[-1].lower() if name.startswith(SOUNDS) else f"U+{ord(letter):X}"


@cache
def _letters(file: str) -> frozenset[int]:
    """Return the letters that a font file has; none where it is gone or damaged (matplotlib keeps a list)."""
    from matplotlib.font_manager import get_font

    try:
        return frozenset(get_font(file).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()
