"""What a layer gives for an image, as maps, bars or cells, and the filters that it looks with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imagelet.plots.layer_values import draw_values
from imagelet.plots.style import MUTED, house_style
from imagelet.plots.value_sheet import (
    LEGEND,
    MARGIN,
    NARROWEST,
    Header,
    Range,
    draw_header,
    draw_legend,
    draw_map,
    new_sheet,
    written_range,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_MAPS = 64
COLUMNS = 8
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
    most: int = MOST_MAPS,
) -> "Figure":
    """Draw what a layer gives for one image: blue is above 0, red below, the deeper the further.

    Maps stand in rows, each with its number; more than ``most`` are counted, not drawn. Flat values are bars,
    or where there are many, cells in rows.

    Args:
        values: finite numbers (height, width, channels) or (values,).
        ranges: for each map the (low, high) that its colours stand for, all one or each its own; for flat
            values a single one.
        title: what is written above, in bold.
        caption: what is written below the title.
        image: uint8 (height, width, 1 or 3), the image that the layer got, drawn beside the title.
        names: of flat values, one each; without any they are numbered.
        most: how many maps are drawn, at least 1.

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
            return draw_values(values, ranges[0], Header(written(title), written(caption), image), named)
        number = min(most, len(maps))
        told = f"the first {number} of {len(maps):,} maps" if number < len(maps) else ""
        header = Header(written(title), "\n".join(filter(None, (written(caption), told))), image)
        return _draw_maps(maps[:number], list(ranges[:number]), header)


def filters(weights: np.ndarray, title: str, caption: str = "", *, alone: bool = False) -> "Figure":
    """Draw the filters of a convolution.

    Filters of one channel are maps. Filters of three are colours, grey where the weights are 0: a filter
    answers most to what looks like it. Of filters that see more channels the first are drawn, a row each.

    Args:
        weights: finite numbers (filters, height, width, channels).
        title: what is written above, in bold.
        caption: what is written below the title.
        alone: give each filter its own range; else all have one, so that weak filters look weak. Filters
            that see more than three channels always have one together.

    Raises:
        ValueError: numbers of another shape or not finite.
    """
    if weights.ndim != 4 or not weights.size or not np.isfinite(weights).all():
        raise ValueError(f"finite numbers (filters, height, width, channels), not {weights.shape}")
    number, _, _, channels = weights.shape
    single = channels in (1, 3)
    shown = weights[: MOST_MAPS if single else MOST_FILTERS, :, :, : channels if single else MOST_CHANNELS]
    own = alone and single
    largest = np.abs(shown).max(axis=(1, 2, 3)) if own else np.full(len(shown), np.abs(shown).max())
    told = f"the first {len(shown)} of {number:,} filters" if len(shown) < number else f"{number} filters"
    if not single:
        part = f"the first {shown.shape[3]} of {channels:,}" if shown.shape[3] < channels else f"{channels}"
        told += f", a row each, on {part} channels, a column each"
    with house_style([title, caption]) as written:
        header = Header(written(title), "\n".join(filter(None, (written(caption), told))))
        grid = _one_picture_each(shown, largest, own) if single else _one_row_each(shown, largest)
        return _draw(grid, header, [(-each, each) for each in largest.tolist()], "filter", grey=channels == 3)


def _one_picture_each(weights: np.ndarray, largest: np.ndarray, own: bool) -> _Grid:
    """Return filters (n, height, width, 1 or 3) as pictures; of three channels as colours around grey."""
    if weights.shape[3] == 3:
        limits = np.maximum(largest, 1e-30)[:, None, None, None]
        pictures = list(np.clip(0.5 + weights / (2 * limits), 0, 1))  # (height, width, 3)
    else:
        pictures = list(weights[..., 0])
    labels = [(str(at), written_range(-each, each) if own else "") for at, each in enumerate(largest)]
    columns = _columns(len(pictures))
    return _Grid(pictures, largest.tolist(), labels, columns, _side(columns))


def _one_row_each(weights: np.ndarray, largest: np.ndarray) -> _Grid:
    """Return filters (n, height, width, channels) as rows of kernels, one a channel."""
    number, _, _, channels = weights.shape
    pictures = list(weights.transpose(0, 3, 1, 2).reshape(number * channels, *weights.shape[1:3]))
    labels = [(str(at), "") if at < channels else ("", "") for at in range(number * channels)]
    named = [str(at) for at in range(number)]
    return _Grid(pictures, np.repeat(largest, channels).tolist(), labels, channels, KERNEL, named)


def _draw_maps(maps: np.ndarray, ranges: Sequence[Range], header: Header) -> "Figure":
    one = len(set(ranges)) == 1
    largest = [max(-low, high) for low, high in ranges]
    labels = [(str(at), "" if one else written_range(*each)) for at, each in enumerate(ranges)]
    columns = _columns(len(maps))
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
        axes.text(MARGIN, bottom + 14, _told_of_grey(ranges), fontsize=8, color=MUTED)
    else:
        draw_legend(axes, bottom + 6, ranges, whose)
    return figure


def _told_of_grey(ranges: Sequence[Range]) -> str:
    weights = (
        f"{ranges[0][1]:.3g}" if len(set(ranges)) == 1 else "the largest of each filter, written above it"
    )
    return f"grey is 0; the purest colours are weights of ± {weights}"


def _columns(number: int) -> int:
    """Return how many of so many maps stand in a row: about eight, and few places left empty."""
    if number <= COLUMNS:
        return number
    return min(range(6, 11), key=lambda columns: (-number % columns, abs(columns - COLUMNS)))


def _side(columns: int) -> int:
    return min(LARGEST_MAP, WIDTH // columns - GAP)


def _size(picture: np.ndarray, side: int) -> tuple[int, int]:
    """Return the height and width in pixels, whole ones for each number, of a map that may fill ``side``."""
    height, width = picture.shape[:2]
    if max(height, width) > side:
        return max(1, side * height // max(height, width)), max(1, side * width // max(height, width))
    cell = side // max(height, width)
    return cell * height, cell * width
