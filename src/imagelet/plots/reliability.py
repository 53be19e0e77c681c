"""The calibration diagram: how often answers of each confidence are right."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imagelet.metrics.reliability import Bin
from imagelet.plots.style import (
    ACCENT,
    MUTED,
    PAPER,
    empty_figure,
    house_style,
    percent,
    percent_formatter,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 5.2, 6.4  # inches
SHADE = "#f2f3f5"  # under the diagonal
LOWEST_COUNT = 0.6  # where the bars of the counts begin, on their logarithmic axis


def reliability(bins: Sequence[Bin], calibration_error: float) -> "Figure":
    """Draw accuracy against confidence, and under it how many answers have that confidence.

    Answers that can be believed lie on the diagonal: of those with 70 % seventy in a hundred are right. The
    lines are Wilson's intervals at 95 %. The counts stand on a logarithmic axis, because a good classifier
    is sure of nearly everything.

    Args:
        bins: as :func:`imagelet.metrics.reliability.find_reliability` finds them, at least one.
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


def _draw_accuracies(axes: "Axes", bins: Sequence[Bin]) -> None:
    axes.fill_between([0, 1], [0, 1], 0, color=SHADE, linewidth=0)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (3, 3)))
    confidences = [each.confidence for each in bins]
    accuracies = [each.accuracy for each in bins]
    axes.vlines(
        confidences,
        [each.interval.low for each in bins],
        [each.interval.high for each in bins],
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


def _draw_counts(axes: "Axes", bins: Sequence[Bin]) -> None:
    """Draw a bar for each bin, with its number above."""
    most = max(each.images for each in bins)
    axes.bar(
        [each.low for each in bins],
        [each.images - LOWEST_COUNT for each in bins],
        [each.high - each.low for each in bins],
        bottom=LOWEST_COUNT,
        align="edge",
        color=ACCENT,
        edgecolor=PAPER,
        linewidth=1.5,
    )
    for each in bins:
        middle = (each.low + each.high) / 2
        axes.annotate(
            f"{each.images:,}",
            (middle, each.images),
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
