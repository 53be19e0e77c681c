"""How often each label got each answer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from imagelet.plots.lettering import shortened
from imagelet.plots.style import ACCENT, INK, LINES, PAPER, WRONG, empty_figure, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_COUNTED = 30  # classes whose counts can be read in the cells
MOST_NAMED = 40  # classes that are all named at the axes; of more, every second, third, …
CELL = 0.46  # inches
SMALLEST_SIDE, LARGEST_SIDE = 3.0, 11.0  # inches


def confusion(confusion: Sequence[Sequence[int]] | np.ndarray, classes: Sequence[str]) -> "Figure":
    """Draw how often each label (row) got each answer (column).

    The depth of a colour is a cell's share of its row; mistakes have a colour of their own, and small
    shares of them are lifted so that they can be seen. Up to 30 classes the counts stand in the cells.

    Args:
        confusion: int ``(k, k)``, rows are labels, columns answers; ``k`` at least 1.
        classes: the ``k`` class names.

    Raises:
        ValueError: a table that is not ``(k, k)``.
    """
    counts = np.asarray(confusion)
    if counts.shape != (len(classes), len(classes)) or not len(classes):
        raise ValueError(f"a confusion table of shape {counts.shape} for {len(classes)} classes")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)  # (k, k)
    right = np.eye(len(classes), dtype=bool)
    depth = np.where(right, shares, np.sqrt(shares))[..., None]  # (k, k, 1)
    colours = 1 - depth * (1 - np.where(right[..., None], _rgb(ACCENT), _rgb(WRONG)))  # (k, k, 3)
    side = max(SMALLEST_SIDE, min(LARGEST_SIDE, CELL * len(classes)))
    with house_style(classes) as written:
        figure = empty_figure(side + 1.6, side + 1.5)
        axes = figure.add_subplot()
        axes.imshow(colours, interpolation="nearest")
        axes.set(title="Confusion", xlabel="answer", ylabel="label")
        _name_rows_and_columns(axes, [shortened(written(name)) for name in classes])
        _draw_lines(axes, len(classes))
        if len(classes) <= MOST_COUNTED:
            _write_counts(axes, counts, depth[..., 0], size=72 * side / len(classes))
    return figure


def _name_rows_and_columns(axes: "Axes", names: list[str]) -> None:
    ticks = range(0, len(names), -(-len(names) // MOST_NAMED))
    named = [names[tick] for tick in ticks]
    upright = max(len(name) for name in named) <= (3 if len(names) > 5 else 8)
    axes.set_xticks(ticks, named, rotation=0 if upright else 45, ha="center" if upright else "right")
    axes.set_yticks(ticks, named)
    for label in axes.get_xticklabels():
        label.set_rotation_mode("anchor")
    axes.tick_params(length=0)


def _draw_lines(axes: "Axes", classes: int) -> None:
    """Draw the lines between the cells."""
    borders = np.arange(classes + 1) - 0.5
    axes.set_xticks(borders, minor=True)
    axes.set_yticks(borders, minor=True)
    axes.grid(which="minor", color=LINES)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)


def _write_counts(axes: "Axes", counts: np.ndarray, depth: np.ndarray, size: float) -> None:
    """Write each count that is not 0 into its cell of ``size`` points."""
    letters = len(str(counts.max()))
    for row, column in np.argwhere(counts):
        axes.text(
            column,
            row,
            str(counts[row, column]),
            ha="center",
            va="center",
            fontsize=min(10.0, 0.42 * size, 1.45 * size / letters),
            color=PAPER if depth[row, column] > 0.55 else INK,
        )


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
