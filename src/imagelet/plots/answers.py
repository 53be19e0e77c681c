"""Pictures, each above the probabilities that a classifier gives it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from imagelet.plots.lettering import fitted, shortened, width
from imagelet.plots.pictures import check_images, show
from imagelet.plots.style import (
    ACCENT,
    INK,
    MUTED,
    WRONG,
    empty_figure,
    house_style,
    percent,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_BARS = 10  # of one picture
PICTURE = 2.2  # inches
BAR = 0.2  # inches


def answers(
    images: np.ndarray,
    probabilities: np.ndarray,
    classes: Sequence[str],
    labels: Sequence[int] | None = None,
) -> "Figure":
    """Draw pictures side by side, each above its probabilities, the highest of them marked.

    Up to ten classes stand in their own order; of more, the ten most probable of each picture, best first.

    Args:
        images: uint8 ``(n, height, width, 1 or 3)``, ``n`` at least 1.
        probabilities: float ``(n, k)`` in [0, 1].
        classes: the ``k`` class names.
        labels: the true classes' indices, ``n`` of them; None where they are unknown.

    Raises:
        ValueError: images of another type or shape, other numbers of rows, names or labels, or no such label.
    """
    check_images(images)
    shares = np.asarray(probabilities, np.float64)
    if not shares.size or shares.shape != (len(images), len(classes)):
        raise ValueError(
            f"probabilities of shape {shares.shape} for {len(images)} images and {len(classes)} classes"
        )
    if labels is not None and (len(labels) != len(images) or not set(labels) <= set(range(len(classes)))):
        raise ValueError(f"labels {list(labels)} for {len(images)} images of {len(classes)} classes")
    bars = min(len(classes), MOST_BARS)
    with house_style(classes) as written:
        names = [shortened(written(name)) for name in classes]
        column = (
            PICTURE + 0.2 + max(width(line, 9) for name in names for line in name.split("\n"))
        )  # the names stand beside the bars
        figure = empty_figure(column * len(images), PICTURE + 0.8 + BAR * bars)
        ratios = [PICTURE, 0.3 + BAR * bars]
        above, below = figure.subplots(2, len(images), height_ratios=ratios, squeeze=False)
        for place, (image, row) in enumerate(zip(images, shares, strict=True)):
            label = None if labels is None else labels[place]
            colour = ACCENT if label in (None, row.argmax()) else WRONG
            told = f"predicted {names[row.argmax()]}" + ("" if label is None else f"\nlabel {names[label]}")
            show(above[place], image)
            above[place].set_title(
                fitted(told, PICTURE, 11, "bold"),
                fontsize=11,
                color=WRONG if colour == WRONG else INK,
                loc="center",
            )
            _draw_bars(below[place], row, names, colour)
    return figure


def _draw_bars(axes: "Axes", shares: np.ndarray, names: list[str], colour: str) -> None:
    """Draw a bar for each class, the highest in ``colour``."""
    ranked = np.argsort(-shares, kind="stable")
    shown = np.arange(len(shares)) if len(shares) <= MOST_BARS else ranked[:MOST_BARS]
    places = range(len(shown))
    axes.barh(
        places, shares[shown], height=0.7, color=[colour if index == ranked[0] else MUTED for index in shown]
    )
    axes.set_yticks(places, [names[index] for index in shown])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.3)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    for place, share in zip(places, shares[shown], strict=True):
        axes.text(share + 0.02, place, percent(share), va="center", fontsize=8, color=MUTED)
