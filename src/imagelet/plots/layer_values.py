"""The values of layers without maps, as bars or cells, and how the values of any layers are spread."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from imagelet.plots.lettering import shortened, width
from imagelet.plots.style import ACCENT, INK, LINES, MUTED, WRONG, house_style, percent
from imagelet.plots.value_sheet import (
    DPI,
    LEGEND,
    MARGIN,
    NARROWEST,
    Header,
    draw_header,
    draw_legend,
    draw_map,
    new_sheet,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_BARS = 24  # more values than these are cells
BAR, ROW = 22, 34  # pixels of a bar, and from one to the next
CELL_ROWS = ((512, 32, 24), (4096, 64, 16), (16384, 128, 8))  # so many values: cells in a row, pixels a cell
PANEL, PANEL_HEIGHT, COLUMNS = 250, 110, 4  # pixels, of a histogram


def draw_values(
    values: np.ndarray, limits: tuple[float, float], header: Header, names: Sequence[str]
) -> "Figure":
    """Draw flat values (n,): few as bars with their numbers, many as cells of the colours from low to high.

    It is called inside of :func:`house_style`.
    """
    if len(values) <= MOST_BARS:
        return _bars(values, header, names or [str(place) for place in range(len(values))])
    return _cells(values, limits, header)


def layer_histograms(
    histograms: Sequence[tuple[str, Mapping[str, Any]]], title: str, caption: str = ""
) -> "Figure":
    """Draw how the values of each layer are spread, one small panel for each.

    Exact zeros, of which a relu leaves many, are no part of the bars; their share is written instead.

    Args:
        histograms: for each layer its name, and by their names ``counts`` (bins,), ``edges`` (bins + 1,),
            ``mean``, ``deviation``, ``number`` of values, and how many are ``zeros``; at least one.
        title: what is written above, in bold.
        caption: what is written below the title.

    Raises:
        ValueError: no histograms, or counts and edges that do not fit.
    """
    if not histograms or any(len(each["edges"]) != len(each["counts"]) + 1 for _, each in histograms):
        raise ValueError("at least one histogram is needed, each with one edge more than counts")
    columns = min(COLUMNS, len(histograms))
    rows = -(-len(histograms) // columns)
    step, height = PANEL + 36, PANEL_HEIGHT + 92
    across = max(NARROWEST, 2 * MARGIN + columns * step - 36)
    with house_style([title, caption, *(name for name, _ in histograms)]) as written:
        told = "bars: how many values, without those that are exactly 0; line: 0"
        header = Header(written(title), "\n".join(filter(None, (written(caption), told))))
        top = header.bottom + 14
        figure, axes = new_sheet(across, top + rows * height + 10)
        draw_header(axes, header, across)
        for at, (name, each) in enumerate(histograms):
            row, column = divmod(at, columns)
            _panel(axes, written(name), each, MARGIN + column * step, top + row * height)
    return figure


def _panel(axes: "Axes", name: str, histogram: Mapping[str, Any], left: int, top: int) -> None:
    """Draw one histogram with its name above and its figures below."""
    from matplotlib.collections import PolyCollection

    counts, edges = np.array(histogram["counts"], np.float64), np.asarray(histogram["edges"], np.float64)
    low, high = float(edges[0]), float(edges[-1])
    if low <= 0 <= high and histogram["zeros"]:
        holding = min(int(np.searchsorted(edges, 0.0, side="right")) - 1, len(counts) - 1)
        counts[holding] -= histogram["zeros"]
    bottom = top + 26 + PANEL_HEIGHT
    places = left + PANEL * (edges - low) / (high - low)
    heights = (PANEL_HEIGHT - 6) * np.maximum(counts, 0) / max(counts.max(), 1)
    axes.text(left, top + 14, name, fontsize=9, fontweight="bold", va="center")
    above = (edges[:-1] + edges[1:]) / 2 >= 0
    corners = [
        [(start, bottom), (start, bottom - tall), (end, bottom - tall), (end, bottom)]
        for start, end, tall in zip(places[:-1], places[1:], heights, strict=True)
    ]
    bars = PolyCollection(corners, facecolors=np.where(above, ACCENT, WRONG).tolist(), linewidths=0)
    axes.add_collection(bars, autolim=False)
    axes.plot([left, left + PANEL], [bottom, bottom], color=MUTED, linewidth=0.8)
    zero = left - PANEL * low / (high - low)
    if low <= 0 <= high:
        axes.plot([zero, zero], [top + 28, bottom + 4], color=INK, linewidth=0.6)
    for place, number, side in ((left, low, "left"), (left + PANEL, high, "right")):
        axes.text(place, bottom + 7, f"{number:.3g}", fontsize=7, color=INK, ha=side, va="top")
    share = histogram["zeros"] / histogram["number"]
    told = f"mean {histogram['mean']:.2g} ± {histogram['deviation']:.2g}"
    told += f", {percent(share)} zero" if share else ""
    axes.text(left, bottom + 27, told, fontsize=7, color=MUTED, va="top")


def _bars(values: np.ndarray, header: Header, names: Sequence[str]) -> "Figure":
    """Draw a bar for each value, in its own order, the largest in bold."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    named = [shortened(name) for name in names]
    room = int(DPI * max(width(name, 9, "bold") for name in named)) + 14
    top, left = header.bottom + 20, MARGIN + room
    across = NARROWEST + room
    span = across - left - MARGIN - 90 * (1 + (low < 0))  # beside the bars stand their numbers
    zero = left + (90 if low < 0 else 0) + span * -low / ((high - low) or 1)
    figure, axes = new_sheet(across, top + ROW * len(values) + 20)
    draw_header(axes, header, across)
    lengths = span * values / ((high - low) or 1)
    middles = top + ROW * np.arange(len(values)) + ROW / 2
    axes.plot([zero, zero], [top, top + ROW * len(values)], color=LINES, linewidth=0.8)
    axes.barh(middles, lengths, BAR, zero, color=np.where(values >= 0, ACCENT, WRONG), linewidth=0)
    for at, (middle, name, number) in enumerate(zip(middles, named, values, strict=True)):
        weight = "bold" if at == int(values.argmax()) else "normal"
        side, away = ("left", 8) if number >= 0 else ("right", -8)
        shown = f"{number:.3g}"
        axes.text(left - 14, middle, name, fontsize=9, fontweight=weight, ha="right", va="center_baseline")
        axes.text(
            zero + lengths[at] + away, middle, shown, fontsize=8, color=MUTED, ha=side, va="center_baseline"
        )
    return figure


def _cells(values: np.ndarray, limits: tuple[float, float], header: Header) -> "Figure":
    """Draw a cell for each value, row below row, each row with the number of its first value."""
    fitting = [(cells, pixels) for most, cells, pixels in CELL_ROWS if len(values) <= most]
    columns, cell = fitting[0] if fitting else CELL_ROWS[-1][1:]
    shown = values[: CELL_ROWS[-1][0]]
    rows = -(-len(shown) // columns)
    filled = np.full(rows * columns, np.nan)
    filled[: len(shown)] = shown
    told = f"the first {len(shown):,} of {len(values):,}" if len(shown) < len(values) else f"{len(values):,}"
    told += f" values, {columns} in a row"
    header = Header(header.title, "\n".join(filter(None, (header.caption, told))), header.image)
    left, top = MARGIN + 50, header.bottom + 20
    across = max(NARROWEST, left + columns * cell + MARGIN)
    figure, axes = new_sheet(across, top + rows * cell + 24 + LEGEND)
    draw_header(axes, header, across)
    low, high = limits
    draw_map(axes, filled.reshape(rows, columns), (left, top, columns * cell, rows * cell), max(-low, high))
    for row in range(0, rows, max(1, -(-22 // cell))):
        middle = top + row * cell + cell / 2
        axes.text(left - 8, middle, str(row * columns), fontsize=6.5, color=MUTED, ha="right", va="center")
    draw_legend(axes, top + rows * cell + 24, [limits])
    return figure
