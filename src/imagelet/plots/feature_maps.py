"""Maps of numbers as grey pictures, row by row, each row with the range that its greys stand for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from imagelet.plots.lettering import fitted
from imagelet.plots.style import INK, LINES, MUTED, empty_figure, house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

SIDE = 1.25  # inches of a map
LEGEND = 0.9  # inches at the right of each row
TITLE = 0.38  # inches above each row


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
        heights = [TITLE + SIDE * min(maps.shape[1] / maps.shape[2], 2.0) for _, maps in rows]
        figure = empty_figure(SIDE * across + LEGEND, sum(heights))
        parts = figure.subfigures(len(rows), 1, height_ratios=heights, squeeze=False)
        for (title, maps), part in zip(rows, parts[:, 0], strict=True):
            text = fitted(written(title), SIDE * across + LEGEND - 0.2, 10, "bold")
            _draw_row(part, text, maps, across)
    return figure


def _draw_row(part: "SubFigure", title: str, maps: np.ndarray, across: int) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    low, high = float(maps.min()), float(maps.max())
    greys = Normalize(low, high if high > low else low + 1)
    part.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold", color=INK)
    axes = part.subplots(1, across, squeeze=False)[0]
    for place, each in enumerate(axes):
        each.set_xticks([])
        each.set_yticks([])
        each.spines[:].set(visible=place < len(maps), color=LINES)
        if place < len(maps):
            each.imshow(maps[place], cmap="gray", norm=greys, interpolation="nearest")
    legend = part.colorbar(ScalarMappable(greys, "gray"), ax=list(axes), fraction=0.03, pad=0.02, aspect=14)
    legend.set_ticks([low, high] if high > low else [low])
    legend.set_ticklabels([f"{value:.3g}" for value in ([low, high] if high > low else [low])])
    legend.ax.tick_params(labelsize=8, labelcolor=MUTED, length=2)
    legend.outline.set_edgecolor(LINES)
