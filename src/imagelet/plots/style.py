"""How every figure looks, how it becomes a file, and how shares are written."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagelet import atomic_files
from imagelet.plots.lettering import choose_fonts, written_with

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
