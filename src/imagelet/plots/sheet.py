"""A sheet that is measured in pixels, so that maps are crisp, and the one colour scale of values.

0 is paper; blue is above it, red below; the deeper, the further. A layer without numbers below 0 thus has the
blues alone, and a colour means the same number wherever the range is the same.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imagelet.plots.style import ACCENT, INK, MUTED, PAPER, STYLE, WRONG, empty_figure, fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.figure import Figure

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
    figure = empty_figure((width + 0.01) / DPI, (height + 0.01) / DPI)  # or rounding could cost a pixel
    figure.set_layout_engine("none")
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
    axes.text(
        left, MARGIN - 4, fitted(header.title, room, 12, "bold"), fontsize=12, fontweight="bold", va="top"
    )
    axes.text(
        left,
        MARGIN + 28,
        fitted(header.caption, room, 9),
        fontsize=9,
        color=MUTED,
        va="top",
        linespacing=1.35,
    )


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


@functools.cache
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
