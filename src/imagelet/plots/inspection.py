"""What a picture is to a program: pixels with their numbers, its channels, and one long row of numbers."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from imagelet.plots.images import check_images, show
from imagelet.plots.style import ACCENT, INK, MUTED, PAPER, empty_figure, fitted, house_style
from imagelet.preprocessing.inspection import scaled_down

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LARGEST_SIDE, SCALED_SIDE = 96, 48  # pixels; a larger picture is scaled down so far that its pixels are seen
MOST_NUMBERED = 16  # pixels a side whose numbers can be read in them
PART_SIDE = {1: 12, 3: 8}  # channels → pixels a side of the part of a larger picture that has its numbers
WIDTH, PANEL = 9.6, 4.2  # inches
LINE = 0.34  # inches, a line of the flat form
LONGEST_LINE = 120  # numbers in a line of several rows
LINES_AT_EACH_END, LINES_IN_THE_MIDDLE = 3, 5  # of a flat form with more lines than all of these
LUMA = (0.299, 0.587, 0.114)  # how bright red, green and blue are: ITU-R 601


def inspection(
    picture: np.ndarray,
    title: str,
    channels: Mapping[str, np.ndarray] | None = None,
    *,
    palette: bool = False,
) -> "Figure":
    """Draw a picture's pixels with a grid and with numbers, its channels, and its flat form cut into lines.

    Up to 16 pixels a side all numbers stand in the pixels; of a larger picture a part with much contrast is
    shown so beside it. A picture with a side of more than 96 pixels is scaled down first, and that is said.

    Args:
        picture: uint8 ``(height, width, 1 or 3)``.
        title: a line above it.
        channels: the numbers ``(height, width)`` of each channel by its name, of any type; by default those
            of a coloured ``picture`` itself.
        palette: ``channels`` hold places in a palette, which have no average.

    Raises:
        ValueError: a picture of another type or shape.
    """
    check_images(picture[np.newaxis])
    if channels is None:
        names = ("red", "green", "blue") if picture.shape[2] == 3 else ()
        channels = {name: picture[:, :, place] for place, name in enumerate(names)}
    scaled = max(picture.shape[:2]) > LARGEST_SIDE
    small = scaled_down(picture, SCALED_SIDE) if scaled else picture
    lines = _lines(small)
    panels = 3 if len(channels) == 3 else max(4, len(channels))  # that the row of channels has room for
    steep = min(max(small.shape[0] / small.shape[1], 0.3), 1.5)
    numbered = max(small.shape[:2]) <= MOST_NUMBERED
    heights = [PANEL * (steep if numbered else max(1.0, steep)) + 1.0, LINE * len(lines) + 0.8]
    if channels:
        heights.insert(1, WIDTH / panels * steep + 0.4)
    shape = f"{picture.shape} = height, width, channels"
    if scaled:
        shape += f"; drawn at {small.shape[1]} x {small.shape[0]} pixels"
    with house_style([title, *channels]) as written:
        figure = empty_figure(WIDTH, sum(heights))
        above, *between, below = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[
            :, 0
        ]
        heading = fitted(written(title), WIDTH - 0.4, 13, "bold")
        above.suptitle(heading, fontsize=13, fontweight="bold", x=0.01, ha="left")
        _draw_picture(above, small, shape)
        if between:
            _draw_channels(between[0].subplots(1, panels)[:], channels, scaled, palette)
        _draw_flat(below.subplots(), small, lines, " of the picture as drawn" if scaled else "")
    return figure


def _draw_picture(figure: Any, picture: np.ndarray, shape: str) -> None:
    """Draw the picture with its grid; beside a larger one a part of it with its numbers."""
    from matplotlib.patches import Rectangle

    height, width, channels = picture.shape
    if max(height, width) <= MOST_NUMBERED:
        axes = figure.subplots()
        _draw_pixels(axes, picture, shape)
        _write_numbers(axes, picture, PANEL * 72 / max(height, width))
        return
    whole, zoomed = figure.subplots(1, 2)
    _draw_pixels(whole, picture, shape)
    rows, columns = _busiest(picture, PART_SIDE[channels])
    part = picture[rows, columns]
    heading_text = "a part of it, number by number" + (": red, green, blue" if channels == 3 else "")
    _draw_pixels(zoomed, part, heading_text, rows.start, columns.start)
    _write_numbers(zoomed, part, PANEL * 72 / max(part.shape), rows.start, columns.start)
    corner = (columns.start - 0.5, rows.start - 0.5)
    frame = Rectangle(corner, part.shape[1], part.shape[0], fill=False, edgecolor=ACCENT, linewidth=2)
    whole.add_patch(frame)


def _draw_pixels(axes: "Axes", picture: np.ndarray, title: str, row: int = 0, column: int = 0) -> None:
    """Draw pixels, uint8 ``(height, width, 1 or 3)``, with lines between them; the first is (row, column)."""
    from matplotlib.ticker import MaxNLocator

    height, width = picture.shape[:2]
    show(axes, picture)
    extent = (column - 0.5, column + width - 0.5, row + height - 0.5, row - 0.5)
    axes.images[0].set_extent(extent)
    axes.set_title(title, fontsize=10, fontweight="normal", pad=6)
    axes.set(xlabel="column", ylabel="row")
    for axis, side in ((axes.xaxis, width), (axes.yaxis, height)):
        axis.set_major_locator(MaxNLocator(max(1, 8 * side // max(height, width)), integer=True))
    left, right, bottom, top = extent
    line: dict[str, Any] = {"color": MUTED, "linewidth": min(0.6, 16 / max(height, width))}
    axes.vlines(np.arange(column, column + width + 1) - 0.5, top, bottom, **line)
    axes.hlines(np.arange(row, row + height + 1) - 0.5, left, right, **line)
    axes.set(xlim=(left, right), ylim=(bottom, top))
    axes.tick_params(length=0)


def _write_numbers(axes: "Axes", picture: np.ndarray, size: float, row: int = 0, column: int = 0) -> None:
    """Write each pixel's numbers into it, those of several channels one below the other.

    Args:
        axes: where the pixels are drawn.
        picture: uint8 ``(height, width, 1 or 3)``.
        size: of a pixel, in points.
        row: of the first pixel.
        column: of the first pixel.
    """
    weights = LUMA if picture.shape[2] == 3 else (1,)
    for down, across in np.ndindex(picture.shape[:2]):
        pixel = picture[down, across]
        axes.text(
            column + across,
            row + down,
            "\n".join(str(number) for number in pixel),
            ha="center",
            va="center",
            fontsize=min(9.0, 0.4 * size, 0.75 * size / len(pixel)),
            linespacing=1.0,
            color=INK if pixel @ weights > 124 else PAPER,
        )


def _draw_channels(
    panels: Sequence["Axes"], channels: Mapping[str, np.ndarray], scaled: bool, palette: bool
) -> None:
    """Draw each channel under its name and the range of its numbers."""
    for axes in panels[len(channels) :]:
        axes.set_axis_off()
    for axes, (name, plane) in zip(panels, channels.items(), strict=False):
        small = scaled_down(plane, SCALED_SIDE, average=not palette) if scaled else plane
        show(axes, _as_grey(small, by_range=palette))
        lowest, highest = (f"{number:.6g}" for number in (plane.min(), plane.max()))
        spread = f"all {lowest}" if lowest == highest else f"{lowest} to {highest}"
        axes.set_title(f"{name}: {spread}", fontsize=10, fontweight="normal", pad=4)


def _as_grey(plane: np.ndarray, *, by_range: bool) -> np.ndarray:
    """Return numbers ``(height, width)`` as uint8 ``(height, width, 1)``; all but bytes by their range."""
    if plane.dtype == np.uint8 and not by_range:
        return plane[:, :, np.newaxis]
    numbers = np.nan_to_num(plane.astype(np.float64), posinf=0, neginf=0)
    low, high = numbers.min(), numbers.max()
    grey: np.ndarray = np.rint((numbers - low) * (255 / (high - low or 1))).astype(np.uint8)
    return grey[:, :, np.newaxis]


def _busiest(picture: np.ndarray, side: int) -> tuple[slice, slice]:
    """Return the rows and columns of the part whose numbers differ most."""
    grey = picture.mean(axis=2)
    height, width = min(side, grey.shape[0]), min(side, grey.shape[1])
    parts = np.lib.stride_tricks.sliding_window_view(grey, (height, width))
    row, column = np.unravel_index(parts.std(axis=(2, 3)).argmax(), parts.shape[:2])
    return slice(int(row), int(row) + height), slice(int(column), int(column) + width)


def _lines(picture: np.ndarray) -> list[slice | None]:
    """Return which rows of the picture stand in each line of the flat form; None for lines left out."""
    height, width, channels = picture.shape
    rows = max(1, LONGEST_LINE // (width * channels))
    lines: list[slice | None] = [slice(start, min(start + rows, height)) for start in range(0, height, rows)]
    if len(lines) <= 2 * LINES_AT_EACH_END + LINES_IN_THE_MIDDLE + 2:
        return lines
    middle = (len(lines) - LINES_IN_THE_MIDDLE) // 2
    return [
        *lines[:LINES_AT_EACH_END],
        None,
        *lines[middle : middle + LINES_IN_THE_MIDDLE],
        None,
        *lines[-LINES_AT_EACH_END:],
    ]


def _draw_flat(axes: "Axes", picture: np.ndarray, lines: list[slice | None], of: str) -> None:
    """Draw the flat form line by line, each number a cell, those of several channels in their colours."""
    _, width, channels = picture.shape
    row = width * channels  # numbers
    longest = max((rows.stop - rows.start) * row for rows in lines if rows)
    tints = np.eye(3) if channels == 3 else np.ones((1, 3))  # a number's own colour
    for place, rows in enumerate(lines):
        if rows is None:
            axes.text(longest / 2, place + 0.35, "…", ha="center", va="center", color=MUTED)
            continue
        numbers = picture[rows].reshape(-1, 1)  # (numbers, 1)
        cells = np.rint(numbers * np.tile(tints, (len(numbers) // channels, 1))).astype(np.uint8)
        extent = (0, len(numbers), place + 0.72, place)
        axes.imshow(cells[np.newaxis], extent=extent, aspect="auto", interpolation="nearest")
        axes.hlines((place, place + 0.72), 0, len(numbers), color=MUTED, linewidth=0.6)
        ends = np.arange(0, len(numbers) + 1, row)
        axes.vlines(ends, place - 0.06, place + 0.78, color=ACCENT, linewidth=1.5)
    shown = [(place, rows) for place, rows in enumerate(lines) if rows]
    axes.set_yticks([place + 0.36 for place, _ in shown], [f"{rows.start * row:,}" for _, rows in shown])
    axes.set(xlim=(-longest / 400, longest * 1.0025), ylim=(len(lines), -0.15), xticks=[])
    title = f"({picture.size},) = flat form{of}: row after row, a blue line where a row ends\n"
    title += "at the left the place of a line's first number"
    title += "; red, green and blue of a pixel are neighbours" if channels == 3 else ""
    axes.set_title(title, fontsize=10, fontweight="normal", pad=6)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
