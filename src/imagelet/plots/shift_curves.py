"""Accuracy against the strength of a shift, one small panel for each."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from imagelet.metrics.classification import Interval
from imagelet.plots.style import (
    ACCENT,
    LINES,
    MUTED,
    empty_figure,
    house_style,
    percent,
    percent_formatter,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 5
WIDTH, HEIGHT = 2.2, 2.0  # inches, of a panel


def shift_curves(plain: float, curves: Mapping[str, Sequence[tuple[float, float, Interval]]]) -> "Figure":
    """Draw how accuracy falls with the strength of each shift.

    Args:
        plain: the accuracy without a shift, 0 to 1: the line across each panel.
        curves: for each panel's title the strengths, accuracies and intervals.

    Raises:
        ValueError: there are no curves.
    """
    if not curves:
        raise ValueError("no shifts to draw")
    columns = min(COLUMNS, len(curves))
    rows = -(-len(curves) // columns)
    with house_style() as _:
        figure = empty_figure(columns * WIDTH, rows * HEIGHT + 0.3)
        figure.suptitle(
            f"Accuracy under shifts; without any {percent(plain)}", fontsize=11, fontweight="bold"
        )
        for place, (title, points) in enumerate(curves.items(), start=1):
            axes = figure.add_subplot(rows, columns, place)
            strengths = range(len(points))
            accuracies = [accuracy for _, accuracy, _ in points]
            axes.axhline(plain, color=MUTED, linewidth=0.8, linestyle=(0, (3, 3)))
            axes.fill_between(
                strengths,
                [interval.low for _, _, interval in points],
                [interval.high for _, _, interval in points],
                color=LINES,
            )
            axes.plot(strengths, accuracies, color=ACCENT, marker="o", markersize=4)
            axes.set_xticks(strengths, [f"{strength:g}" for strength, _, _ in points])
            axes.set_ylim(-0.02, 1.05)
            axes.yaxis.set_major_formatter(percent_formatter())
            name, _, unit = title.partition("\n")
            axes.set_title(name, fontsize=10, pad=4)
            axes.set_xlabel(unit, fontsize=8)
            axes.tick_params(labelsize=8)
            if (place - 1) % columns:
                axes.set_yticklabels([])
    return figure
