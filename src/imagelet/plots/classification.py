"""The confusion matrix and the calibration diagram."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from imagelet.metrics.calibration import ReliabilityBin
from imagelet.plots.style import (
    ACCENT,
    INK,
    LINES,
    MUTED,
    PAPER,
    WRONG,
    empty_figure,
    house_style,
    percent,
    percent_formatter,
    shortened,
)

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
    axes.vlines(borders, -0.5, classes - 0.5, color=LINES, linewidth=0.8)
    axes.hlines(borders, -0.5, classes - 0.5, color=LINES, linewidth=0.8)
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


WIDTH, HEIGHT = 5.2, 6.4  # inches
SHADE = "#f2f3f5"  # under the diagonal
LOWEST_COUNT = 0.6  # where the bars of the counts begin, on their logarithmic axis


def reliability(bins: Sequence[ReliabilityBin], calibration_error: float) -> "Figure":
    """Draw accuracy against confidence, and under it how many answers have that confidence.

    Answers that can be believed lie on the diagonal: of those with 70 % seventy in a hundred are right. The
    lines are Wilson's intervals at 95 %. The counts stand on a logarithmic axis, because a good classifier
    is sure of nearly everything.

    Args:
        bins: as :func:`imagelet.metrics.calibration.reliability_bins` finds them, at least one.
        calibration_error: the mean distance from the diagonal, 0 to 1.

    Raises:
        ValueError: there are no bins.
    """
    if not bins:
        raise ValueError("no bins to draw")
    with house_style() as _:
        figure = empty_figure(WIDTH, HEIGHT)
        rows = figure.add_gridspec(2, 1, height_ratios=(3.4, 1), hspace=0.04)
        upper = figure.add_subplot(rows[0])
        lower = figure.add_subplot(rows[1], sharex=upper)
        upper.set_title(f"Calibration: {percent(calibration_error)} off on average")
        _draw_accuracies(upper, bins)
        _draw_counts(lower, bins)
    return figure


def _draw_accuracies(axes: "Axes", bins: Sequence[ReliabilityBin]) -> None:
    axes.fill_between([0, 1], [0, 1], 0, color=SHADE, linewidth=0)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (3, 3)))
    confidences = [bucket.confidence for bucket in bins]
    accuracies = [bucket.accuracy for bucket in bins]
    axes.vlines(
        confidences,
        [bucket.interval.low for bucket in bins],
        [bucket.interval.high for bucket in bins],
        color=ACCENT,
        linewidth=1.6,
        alpha=0.55,
    )
    axes.plot(
        confidences,
        accuracies,
        color=ACCENT,
        linewidth=0,
        marker="o",
        markersize=6.5,
        markeredgecolor=PAPER,
        clip_on=False,
        zorder=4,
    )
    for place, more, edges, ground in (
        ((0.04, 0.95), "more", ("left", "top"), PAPER),
        ((0.97, 0.05), "less", ("right", "bottom"), SHADE),
    ):
        axes.text(
            *place,
            f"right {more} often than it claims",
            color=MUTED,
            fontsize=9,
            ha=edges[0],
            va=edges[1],
            bbox={"facecolor": ground, "linewidth": 0, "pad": 2},  # intervals may pass behind the words
        )
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="share of right answers")
    axes.yaxis.set_major_formatter(percent_formatter())
    axes.tick_params(labelbottom=False)


def _draw_counts(axes: "Axes", bins: Sequence[ReliabilityBin]) -> None:
    """Draw a bar for each bin, with its number above."""
    most = max(bucket.images for bucket in bins)
    axes.bar(
        [bucket.low for bucket in bins],
        [bucket.images - LOWEST_COUNT for bucket in bins],
        [bucket.high - bucket.low for bucket in bins],
        bottom=LOWEST_COUNT,
        align="edge",
        color=ACCENT,
        edgecolor=PAPER,
        linewidth=1.5,
    )
    for bucket in bins:
        middle = (bucket.low + bucket.high) / 2
        axes.annotate(
            f"{bucket.images:,}",
            (middle, bucket.images),
            (0, 2),
            textcoords="offset points",
            ha="center",
            fontsize=7,
            color=MUTED,
        )
    axes.set_yscale("log")
    axes.set(ylim=(LOWEST_COUNT, most * 4), xlabel="confidence: probability of the answer", ylabel="answers")
    axes.set_yticks([])
    axes.minorticks_off()
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(percent_formatter())
