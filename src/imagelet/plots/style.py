"""The style of every figure, text in any script, places in inches and pixels, and writing a file.

The one colour scale of values: 0 is paper; blue is above it, red below; the deeper, the further. A layer
without numbers below 0 thus has the blues alone, and a colour means the same number wherever the range is the
same.
"""

import contextlib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagelet import atomic_files
from imagelet.html_repr import write_percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.figure import Figure


INK, MUTED, LINES, PAPER = "#1f2933", "#7b8794", "#e4e7eb", "#ffffff"
ACCENT, WRONG = "#2463a6", "#c2452d"  # the second marks mistakes, and numbers below 0

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


def empty_figure(width: float, height: float, *, laid_out: bool = True) -> "Figure":
    """Return an empty figure, width and height in inches; laid out, its parts find their places."""
    from matplotlib.figure import Figure

    return Figure((width, height), layout="constrained" if laid_out else None, facecolor=PAPER)


def place_axes(figure: "Figure", left: float, top: float, width: float, height: float) -> "Axes":
    """Return new axes at a place in inches, counted from the left and from below."""
    across, tall = figure.get_size_inches()
    return figure.add_axes((left / across, (top - height) / tall, width / across, height / tall))


def write(
    figure: "Figure", text: str, left: float, top: float, size: float, ink: str = MUTED, **style: Any
) -> None:
    """Write a text that begins at a place in inches, counted from the left and from below; size in points."""
    across, tall = figure.get_size_inches()
    figure.text(left / across, top / tall, text, fontsize=size, color=ink, **{"va": "top", **style})


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
    return f"{write_percent(share, 0 if share in (0, 1) else 1)} %"


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


DPI = STYLE["figure.dpi"]
MARGIN, IMAGE = 26, 84  # pixels; the longer side of the image beside the title
BAR_WIDTH, BAR_HEIGHT, LEGEND = 260, 14, 66
NARROWEST = 620  # pixels of a sheet, so that title and legend have room
DEEPEST = ("#4f150b", "#0b2240")  # the colours of the largest numbers below and above 0
FRAME = "#cbd2d9"

Range = tuple[float, float]


@dataclass(frozen=True)
class Header:
    """What stands above the maps.

    Attributes:
        title: in bold.
        caption: lines below it.
        image: uint8 (height, width, 1 or 3) to the left of both; None for none.
    """

    title: str
    caption: str = ""
    image: np.ndarray | None = None

    @property
    def bottom(self) -> int:
        """Where it ends, in pixels."""
        lines = self.caption.count("\n") + 1 if self.caption else 0
        written = MARGIN + 28 + 26 * lines
        return written if self.image is None else max(written, MARGIN + IMAGE)


def new_sheet(width: int, height: int) -> tuple["Figure", "Axes"]:
    """Return an empty figure and axes over all of it, a unit a pixel, (0, 0) at the top left."""
    room = [(side + 0.01) / DPI for side in (width, height)]  # or rounding could cost a pixel
    figure = empty_figure(*room, laid_out=False)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, width), ylim=(height, 0))
    return figure, axes


def draw_header(axes: "Axes", header: Header, width: int) -> None:
    """Write title and caption at the top of a sheet of so many pixels, right of the image if there is one."""
    left = MARGIN
    if header.image is not None:
        side = max(header.image.shape[:2])
        pixel = IMAGE // side or IMAGE / side
        height, across = (int(pixel * side) for side in header.image.shape[:2])
        pixels = np.repeat(header.image, 3, axis=2) if header.image.shape[2] == 1 else header.image
        draw_map(axes, pixels, (MARGIN, MARGIN, across, height), 1.0)
        left += across + 20
    room = (width - left - MARGIN) / DPI
    title, caption = fitted(header.title, room, 12, "bold"), fitted(header.caption, room, 9)
    axes.text(left, MARGIN - 4, title, fontsize=12, fontweight="bold", va="top")
    axes.text(left, MARGIN + 28, caption, fontsize=9, color=MUTED, va="top", linespacing=1.35)


def draw_map(axes: "Axes", values: np.ndarray, place: tuple[int, int, int, int], largest: float) -> None:
    """Draw a map as crisp squares in a thin frame.

    Args:
        axes: of the sheet.
        values: numbers (height, width), or colours (height, width, 3).
        place: left, top, width and height in pixels.
        largest: the number that the deepest blue stands for.
    """
    from matplotlib.image import AxesImage
    from matplotlib.patches import Rectangle

    left, top, width, height = place
    extent = (left, left + width, top + height, top)
    colours, norm = value_colours(), norm_of(largest)
    image = AxesImage(axes, cmap=colours, norm=norm, interpolation="nearest", origin="upper", extent=extent)
    image.set_data(values)
    axes.add_image(image)  # imshow would work out the sheet's limits anew for each
    axes.add_artist(Rectangle((left, top), width, height, fill=False, edgecolor=FRAME, linewidth=0.5))


def draw_legend(axes: "Axes", top: int, ranges: Sequence[Range], whose: str = "") -> None:
    """Draw the colours with their numbers; where the ranges differ without, as those stand at the maps.

    Args:
        axes: of the sheet.
        top: in pixels.
        ranges: of all maps, at least one.
        whose: what has a range of its own, where they differ: ``map``.
    """
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    left, middle = MARGIN + BAR_WIDTH + 16, top + BAR_HEIGHT / 2
    if low == high:
        axes.text(MARGIN, middle, "every number is 0", fontsize=8, va="center", color=MUTED)
        return
    values = np.linspace(low, high, BAR_WIDTH)[np.newaxis]
    draw_map(axes, values, (MARGIN, top, BAR_WIDTH, BAR_HEIGHT), max(-low, high))
    below, above = f"{low:.3g}", f"{high:.3g}"
    if len(set(ranges)) > 1:
        below, above = "−largest" if low < 0 else "0", "largest" if high > 0 else "0"
        note = f"of each {whose}, written above it"
        axes.text(left, middle, note, fontsize=8, va="center", color=MUTED)
    ticks = [(low, below, "left"), (high, above, "right")]
    for number, tick, side in [*ticks, (0.0, "0", "center")] if low < 0 < high else ticks:
        place = MARGIN + BAR_WIDTH * (number - low) / (high - low)
        axes.text(place, top + BAR_HEIGHT + 6, tick, fontsize=8, va="top", ha=side, color=INK)


def written_range(low: float, high: float) -> str:
    """Return a range in a few letters: ``±0.31``, ``0 to 2.4``."""
    return f"±{high:.2g}" if low < 0 < high else f"{low:.2g} to {high:.2g}"


@cache
def value_colours() -> "Colormap":
    """Return the colours: red, paper, blue."""
    from matplotlib.colors import LinearSegmentedColormap

    below, above = DEEPEST
    places = [0.0, 0.22, 0.5, 0.78, 1.0]
    colours = [below, WRONG, PAPER, ACCENT, above]
    odd = 257  # so that 0 is paper itself
    return LinearSegmentedColormap.from_list("values", list(zip(places, colours, strict=True)), odd)


def norm_of(largest: float) -> "Normalize":
    """Return what gives 0 the middle of the colours, and ``largest`` their end."""
    from matplotlib.colors import Normalize

    limit = largest or 1.0
    return Normalize(-limit, limit)
