"""Images beside the training images that are most like them to a network."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from imagelet.plots.lettering import fitted, shortened
from imagelet.plots.pictures import check_images, show
from imagelet.plots.style import INK, LINES, MUTED, WRONG, empty_figure, house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURE, SIDE, GAP = 1.45, 1.0, 0.15  # inches: the image's side, a neighbour's, the room between
TITLE, LINE = 0.24, 0.17  # inches: for the title, for each of two lines below a neighbour
STEEPEST = 2.0  # height by width of the room that an image gets


def neighbours(
    images: np.ndarray,
    titles: Sequence[str],
    near: np.ndarray,
    labels: Sequence[Sequence[str]],
    distances: np.ndarray,
    wrong: Sequence[Sequence[bool]],
) -> "Figure":
    """Draw a row for each image: the image, a line, its neighbours with label and distance.

    Args:
        images: uint8 ``(n, height, width, 1 or 3)``, ``n`` at least 1.
        titles: what is written above each image.
        near: uint8 ``(n, k, height, width, 1 or 3)``, ``k`` at least 1: the neighbours, the nearest first.
        labels: for each image what is written below each of its neighbours.
        distances: ``(n, k)``, 0 to 2.
        wrong: for each image which labels are written in the colour of mistakes.

    Raises:
        ValueError: no images or neighbours, other types or shapes, or other numbers of them.
    """
    _check(images, titles, near, labels, distances, wrong)
    shape = near.shape[:2]
    ratio = min(images.shape[1] / images.shape[2], STEEPEST)
    row = TITLE + max(PICTURE * ratio, SIDE * ratio + 2 * LINE + GAP / 2) + GAP
    width = PICTURE + 4 * GAP + shape[1] * (SIDE + GAP)
    with house_style([*titles, *(name for each in labels for name in each)]) as written:
        figure = empty_figure(width, len(images) * row + GAP)
        figure.set_layout_engine("none")
        for index, image in enumerate(images):
            top = (len(images) - index) * row
            heading = fitted(written(titles[index]), width - 2 * GAP, 10)
            _write(figure, heading, GAP, top, {"fontsize": 10, "ha": "left"})
            _place(figure, image, GAP, top - TITLE, (PICTURE, PICTURE * ratio))
            _draw_line(figure, 2.5 * GAP + PICTURE, top - row + GAP, top - TITLE)
            for rank in range(shape[1]):
                left, below = 4 * GAP + PICTURE + rank * (SIDE + GAP), top - TITLE - SIDE * ratio - GAP / 2
                _place(figure, near[index, rank], left, top - TITLE, (SIDE, SIDE * ratio))
                name = fitted(written(shortened(labels[index][rank])), SIDE + GAP / 2, 9)
                middle, colour = left + SIDE / 2, WRONG if wrong[index][rank] else INK
                _write(figure, name, middle, below, {"fontsize": 9, "color": colour})
                distance = f"{distances[index, rank]:.3f}"
                _write(figure, distance, middle, below - LINE, {"fontsize": 8, "color": MUTED})
    return figure


def _check(
    images: np.ndarray,
    titles: Sequence[str],
    near: np.ndarray,
    labels: Sequence[Sequence[str]],
    distances: np.ndarray,
    wrong: Sequence[Sequence[bool]],
) -> None:
    check_images(images)
    shape = near.shape[:2]
    counted = [(len(rows), *{len(row) for row in rows}) for rows in (labels, wrong)]
    fits = near.ndim == 5 and near.dtype == np.uint8 and near.shape[2:] == images.shape[1:] and near.size
    fits = fits and len(images) == len(titles) == shape[0] and distances.shape == shape
    if not fits or any(each != shape for each in counted):
        raise ValueError(
            f"{images.shape} images with {len(titles)} titles, neighbours {near.shape}, distances "
            f"{distances.shape}, labels and marks {counted}: at least one of each is needed, and all must fit"
        )


def _place(figure: "Figure", image: np.ndarray, left: float, top: float, size: tuple[float, float]) -> None:
    """Draw an image, its upper left corner and its (width, height) in inches."""
    width, height = figure.get_size_inches()
    box = (left / width, (top - size[1]) / height, size[0] / width, size[1] / height)
    show(figure.add_axes(box), image)


def _write(figure: "Figure", text: str, left: float, top: float, style: dict[str, Any]) -> None:
    """Write a line, centred if the style says nothing else; its place in inches."""
    width, height = figure.get_size_inches()
    figure.text(left / width, top / height, text, **{"ha": "center", "va": "top", **style})


def _draw_line(figure: "Figure", left: float, bottom: float, top: float) -> None:
    """Draw an upright line; its place in inches."""
    from matplotlib.lines import Line2D

    width, height = figure.get_size_inches()
    ends = [bottom / height, top / height]
    figure.add_artist(
        Line2D([left / width] * 2, ends, color=LINES, linewidth=1, transform=figure.transFigure)
    )
