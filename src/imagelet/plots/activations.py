"""Inside a layer: activation maps, filters, flat values, histograms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imagelet.plots.style import (
    ACCENT,
    DPI,
    INK,
    LEGEND,
    LINES,
    MARGIN,
    MUTED,
    NARROWEST,
    WRONG,
    Header,
    Range,
    draw_header,
    draw_legend,
    draw_map,
    empty_figure,
    fitted,
    house_style,
    new_sheet,
    percent,
    shortened,
    width,
    written_range,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure


ROW_MAP = 1.25  # inches of a map
ROW_LEGEND = 0.9  # inches at the right of each row
ROW_TITLE = 0.38  # inches above each row


def feature_maps(rows: Sequence[tuple[str, np.ndarray]]) -> "Figure":
    """Draw maps side by side, a row for each layer; black is a row's lowest number, white its highest.

    Args:
        rows: a title, and numbers ``(maps, height, width)`` of any type; at least one row with one map.

    Raises:
        ValueError: another shape, no maps, or numbers that are not finite.
    """
    for title, maps in rows:
        if maps.ndim != 3 or not maps.size or not np.isfinite(maps).all():
            raise ValueError(f"'{title}': finite numbers (maps, height, width) are needed, not {maps.shape}")
    if not rows:
        raise ValueError("there are no maps to draw")
    across = max(len(maps) for _, maps in rows)
    with house_style([title for title, _ in rows]) as written:
        heights = [ROW_TITLE + ROW_MAP * min(maps.shape[1] / maps.shape[2], 2.0) for _, maps in rows]
        figure = empty_figure(ROW_MAP * across + ROW_LEGEND, sum(heights))
        parts = figure.subfigures(len(rows), 1, height_ratios=heights, squeeze=False)
        for (title, maps), part in zip(rows, parts[:, 0], strict=True):
            text = fitted(written(title), ROW_MAP * across + ROW_LEGEND - 0.2, 10, "bold")
            _draw_row(part, text, maps, across)
    return figure


def _draw_row(part: "SubFigure", title: str, maps: np.ndarray, across: int) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    low, high = float(maps.min()), float(maps.max())
    greys = Normalize(low, high if high > low else low + 1)
    part.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold", color=INK)
    axes = part.subplots(1, across, squeeze=False)[0]
    for place, panel in enumerate(axes):
        panel.set(xticks=[], yticks=[])
        panel.spines[:].set(visible=place < len(maps), color=LINES)
        if place < len(maps):
            panel.imshow(maps[place], cmap="gray", norm=greys, interpolation="nearest")
    legend = part.colorbar(ScalarMappable(greys, "gray"), ax=list(axes), fraction=0.03, pad=0.02, aspect=14)
    ends = [low, high] if high > low else [low]
    legend.set_ticks(ends, labels=[f"{value:.3g}" for value in ends])
    legend.ax.tick_params(labelsize=8, labelcolor=MUTED, length=2)
    legend.outline.set_edgecolor(LINES)


MOST_MAPS = 64
MAPS_IN_A_ROW = 8
WIDTH = 1150  # pixels that a row of maps fills, about
LARGEST_MAP = 250  # pixels on a side
GAP, LABEL = 14, 22  # pixels between two maps, and above each
MOST_FILTERS, MOST_CHANNELS = 12, 16  # of filters that see many channels
KERNEL = 54  # pixels on a side, of one of them


@dataclass(frozen=True)
class _Grid:
    """Maps in rows: pictures (height, width[, 3]), the numbers of their deepest blue, labels above them."""

    pictures: Sequence[np.ndarray]
    largest: Sequence[float]
    labels: Sequence[tuple[str, str]]
    columns: int
    side: int  # pixels that a map may fill
    rows_named: Sequence[str] = ()


def layer_maps(
    values: np.ndarray,
    ranges: Sequence[Range],
    title: str,
    caption: str = "",
    *,
    image: np.ndarray | None = None,
    names: Sequence[str] = (),
) -> "Figure":
    """Draw what a layer gives for one image: blue is above 0, red below, the deeper the further.

    Maps stand in rows, each with its number; more than 64 are counted, not drawn. Flat values are bars,
    or where there are many, cells in rows.

    Args:
        values: finite numbers (height, width, channels) or (values,).
        ranges: for each map the (low, high) that its colours stand for, all one or each its own; for flat
            values a single one.
        title: what is written above, in bold.
        caption: what is written below the title.
        image: uint8 (height, width, 1 or 3), the image that the layer got, drawn beside the title.
        names: of flat values, one each; without any they are numbered.

    Raises:
        ValueError: numbers of another shape or not finite, or another number of ranges or names.
    """
    maps = values.transpose(2, 0, 1) if values.ndim == 3 else values.reshape(1, -1, max(values.shape[-1], 1))
    if values.ndim not in (1, 2, 3) or not values.size or not np.isfinite(values).all():
        raise ValueError(f"finite numbers (height, width, channels) or (values,), not {values.shape}")
    if len(ranges) != len(maps) or (names and len(names) != values.shape[-1]):
        raise ValueError(f"{len(ranges)} ranges and {len(names)} names for {len(maps)} maps")
    with house_style([title, caption, *names]) as written:
        named = [written(name) for name in names]
        if values.ndim == 1:
            header = Header(written(title), written(caption), image)
            if len(values) <= MOST_BARS:
                return _bars(values, header, named or [str(place) for place in range(len(values))])
            return _cells(values, ranges[0], header)
        number = min(MOST_MAPS, len(maps))
        remark = f"the first {number} of {len(maps):,} maps" if number < len(maps) else ""
        header = Header(written(title), "\n".join(filter(None, (written(caption), remark))), image)
        return _draw_maps(maps[:number], list(ranges[:number]), header)


def filters(weights: np.ndarray, title: str) -> "Figure":
    """Draw the filters of a convolution.

    Filters of one channel are maps. Filters of three are colours, grey where the weights are 0: a filter
    answers most to what looks like it. Of filters that see more channels the first are drawn, a row each.
    All have one range together, so that weak filters look weak.

    Args:
        weights: finite numbers (filters, height, width, channels).
        title: what is written above, in bold.

    Raises:
        ValueError: numbers of another shape or not finite.
    """
    if weights.ndim != 4 or not weights.size or not np.isfinite(weights).all():
        raise ValueError(f"finite numbers (filters, height, width, channels), not {weights.shape}")
    number, _, _, channels = weights.shape
    single = channels in (1, 3)
    shown = weights[: MOST_MAPS if single else MOST_FILTERS, :, :, : channels if single else MOST_CHANNELS]
    largest = float(np.abs(shown).max())
    remark = f"the first {len(shown)} of {number:,} filters" if len(shown) < number else f"{number} filters"
    if not single:
        part = f"the first {shown.shape[3]} of {channels:,}" if shown.shape[3] < channels else f"{channels}"
        remark += f", a row each, on {part} channels, a column each"
    with house_style([title]) as written:
        grid = _one_picture_each(shown, largest) if single else _one_row_each(shown, largest)
        header = Header(written(title), remark)
        return _draw(grid, header, [(-largest, largest)], "filter", grey=channels == 3)


def _one_picture_each(weights: np.ndarray, largest: float) -> _Grid:
    """Return filters (n, height, width, 1 or 3) as pictures; of three channels as colours around grey."""
    if weights.shape[3] == 3:
        pictures = list(np.clip(0.5 + weights / (2 * max(largest, 1e-30)), 0, 1))  # (height, width, 3)
    else:
        pictures = list(weights[..., 0])
    labels = [(str(at), "") for at in range(len(pictures))]
    columns = _map_columns(len(pictures))
    return _Grid(pictures, [largest] * len(pictures), labels, columns, _side(columns))


def _one_row_each(weights: np.ndarray, largest: float) -> _Grid:
    """Return filters (n, height, width, channels) as rows of kernels, one a channel."""
    number, _, _, channels = weights.shape
    pictures = list(weights.transpose(0, 3, 1, 2).reshape(number * channels, *weights.shape[1:3]))
    labels = [(str(at), "") if at < channels else ("", "") for at in range(number * channels)]
    named = [str(at) for at in range(number)]
    return _Grid(pictures, [largest] * len(pictures), labels, channels, KERNEL, named)


def _draw_maps(maps: np.ndarray, ranges: Sequence[Range], header: Header) -> "Figure":
    one = len(set(ranges)) == 1
    largest = [max(-low, high) for low, high in ranges]
    labels = [(str(at), "" if one else written_range(*map_range)) for at, map_range in enumerate(ranges)]
    columns = _map_columns(len(maps))
    grid = _Grid(list(maps), largest, labels, columns, _side(columns))
    return _draw(grid, header, ranges, "map")


def _draw(
    grid: _Grid, header: Header, ranges: Sequence[Range], whose: str, *, grey: bool = False
) -> "Figure":
    """Draw header, maps and the legend of their colours: with numbers where all have one range.

    Args:
        grid: the maps.
        header: what stands above.
        ranges: of the maps.
        whose: what has a range, for the legend.
        grey: the maps are colours already; the legend says so.
    """
    height, width = _size(grid.pictures[0], grid.side)
    indent = 26 if grid.rows_named else 0
    label = LABEL if not grid.rows_named else 4
    rows = -(-len(grid.pictures) // grid.columns)
    top = header.bottom + 16 + (LABEL if grid.rows_named else 0)
    across = max(NARROWEST, 2 * MARGIN + indent + grid.columns * (width + GAP) - GAP)
    bottom = top + rows * (height + label + GAP)
    figure, axes = new_sheet(across, bottom + LEGEND)
    draw_header(axes, header, across)
    for at, picture in enumerate(grid.pictures):
        row, column = divmod(at, grid.columns)
        left, upper = MARGIN + indent + column * (width + GAP), top + row * (height + label + GAP) + label
        draw_map(axes, picture, (left, upper, width, height), grid.largest[at])
        for text, place, side in zip(grid.labels[at], (left, left + width), ("left", "right"), strict=True):
            if text:
                axes.text(place, upper - 4, text, fontsize=6.5, color=MUTED, ha=side, va="bottom")
    for row, name in enumerate(grid.rows_named):
        middle = top + row * (height + label + GAP) + label + height / 2
        axes.text(MARGIN + indent - 8, middle, name, fontsize=6.5, color=MUTED, ha="right", va="center")
    if grey:
        note = f"grey is 0; the purest colours are weights of ± {ranges[0][1]:.3g}"
        axes.text(MARGIN, bottom + 14, note, fontsize=8, color=MUTED)
    else:
        draw_legend(axes, bottom + 6, ranges, whose)
    return figure


def _map_columns(number: int) -> int:
    """Return how many of so many maps stand in a row: about eight, and few places left empty."""
    if number <= MAPS_IN_A_ROW:
        return number
    return min(range(6, 11), key=lambda columns: (-number % columns, abs(columns - MAPS_IN_A_ROW)))


def _side(columns: int) -> int:
    return min(LARGEST_MAP, WIDTH // columns - GAP)


def _size(picture: np.ndarray, side: int) -> tuple[int, int]:
    """Return the height and width in pixels, whole ones for each number, of a map that may fill ``side``."""
    height, width = picture.shape[:2]
    if max(height, width) > side:
        return max(1, side * height // max(height, width)), max(1, side * width // max(height, width))
    cell = side // max(height, width)
    return cell * height, cell * width


MOST_BARS = 24  # more values than these are cells
BAR, ROW = 22, 34  # pixels of a bar, and from one to the next
CELL_ROWS = ((512, 32, 24), (4096, 64, 16), (16384, 128, 8))  # so many values: cells in a row, pixels a cell
PANEL, PANEL_HEIGHT, COLUMNS = 250, 110, 4  # pixels, of a histogram


def layer_histograms(histograms: Sequence[tuple[str, Mapping[str, Any]]], title: str) -> "Figure":
    """Draw how the values of each layer are spread, one small panel for each.

    Exact zeros, of which a relu leaves many, are no part of the bars; their share is written instead.

    Args:
        histograms: for each layer its name, and by their names ``counts`` (bins,), ``edges`` (bins + 1,),
            ``mean``, ``standard_deviation``, ``number`` of values, and how many are ``zeros``; at least one.
        title: what is written above, in bold.

    Raises:
        ValueError: no histograms, or counts and edges that do not fit.
    """
    if not histograms or any(
        len(histogram["edges"]) != len(histogram["counts"]) + 1 for _, histogram in histograms
    ):
        raise ValueError("at least one histogram is needed, each with one edge more than counts")
    columns = min(COLUMNS, len(histograms))
    rows = -(-len(histograms) // columns)
    step, height = PANEL + 36, PANEL_HEIGHT + 92
    across = max(NARROWEST, 2 * MARGIN + columns * step - 36)
    with house_style([title, *(name for name, _ in histograms)]) as written:
        remark = "bars: how many values, without those that are exactly 0; line: 0"
        header = Header(written(title), remark)
        top = header.bottom + 14
        figure, axes = new_sheet(across, top + rows * height + 10)
        draw_header(axes, header, across)
        for at, (name, histogram) in enumerate(histograms):
            row, column = divmod(at, columns)
            _panel(axes, written(name), histogram, MARGIN + column * step, top + row * height)
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
    remark = f"mean {histogram['mean']:.2g} ± {histogram['standard_deviation']:.2g}"
    remark += f", {percent(share)} zero" if share else ""
    axes.text(left, bottom + 27, remark, fontsize=7, color=MUTED, va="top")


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
    remark = (
        f"the first {len(shown):,} of {len(values):,}" if len(shown) < len(values) else f"{len(values):,}"
    )
    remark += f" values, {columns} in a row"
    header = Header(header.title, "\n".join(filter(None, (header.caption, remark))), header.image)
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
