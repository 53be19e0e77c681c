"""Grids of images, with label and predicted class; images beside their nearest training images."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from imagelet.plots.style import INK, LINES, MUTED, WRONG, empty_figure, fitted, house_style, shortened, width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


TITLE_SIZE = 10  # points, in a grid
NARROWEST, WIDEST = 1.5, 3.0  # inches, of a grid's column, which is as wide as its longest title
STEEPEST = 3.0  # height by width of the room that an image gets


def grid(
    images: np.ndarray, titles: Sequence[str], columns: int = 5, wrong: Sequence[bool] | None = None
) -> "Figure":
    """Draw images in rows, each under its title; every pixel is a crisp square.

    Args:
        images: uint8 ``(n, height, width, 1 or 3)``, ``n`` at least 1.
        titles: one text for each image; lines that are too long for their column are cut.
        columns: how many images stand in a row, at least 1.
        wrong: which titles are written in the colour of mistakes; none by default.

    Raises:
        ValueError: no images, images of another type or shape, or another number of titles or marks.
    """
    check_images(images)
    marks = [False] * len(images) if wrong is None else list(wrong)
    if len(images) == 0 or len(titles) != len(images) or len(marks) != len(images) or columns < 1:
        raise ValueError(
            f"{len(images)} images, {len(titles)} titles and {len(marks)} marks in {columns} columns: "
            "at least one image is needed, and a title for each"
        )
    across = min(columns, len(images))
    down = -(-len(images) // across)
    weights = ["bold" if mark else "normal" for mark in marks]
    with house_style(titles) as written:
        texts = [written(title) for title in titles]
        lines = [(line, mark) for text, mark in zip(texts, weights, strict=True) for line in text.split("\n")]
        longest = max(width(line, TITLE_SIZE, weight) for line, weight in lines) + 0.15
        column = min(max(NARROWEST, longest), WIDEST)
        picture = NARROWEST * 0.9 * min(images.shape[1] / images.shape[2], STEEPEST)
        title_lines = 1 + max(text.count("\n") for text in texts)
        figure = empty_figure(column * across, down * (picture + 0.1 + 0.19 * title_lines) + 0.1)
        for place, (image, text, weight) in enumerate(zip(images, texts, weights, strict=True), start=1):
            axes = figure.add_subplot(down, across, place)
            show(axes, image)
            fitting = fitted(text, column - 0.1, TITLE_SIZE, weight)
            colour = WRONG if weight == "bold" else INK
            axes.set_title(fitting, color=colour, fontsize=TITLE_SIZE, fontweight=weight, loc="center", pad=4)
    return figure


def predictions(
    images: np.ndarray, labels: np.ndarray, answers: np.ndarray, classes: Sequence[str], columns: int
) -> "Figure":
    """Draw images in rows, each under its label and its prediction; mistakes are in their colour.

    Args:
        images: uint8 ``(n, height, width, 1 or 3)``, ``n`` at least 1.
        labels: int ``(n,)``, the true classes' indices.
        answers: int ``(n,)``, the predicted classes' indices.
        classes: the class names.
        columns: how many images stand in a row, at least 1.
    """
    pairs = list(zip(labels, answers, strict=True))
    titles = [f"label {classes[label]}\npredicted {classes[answer]}" for label, answer in pairs]
    return grid(images, titles, columns, wrong=[bool(label != answer) for label, answer in pairs])


def show(axes: "Axes", image: np.ndarray) -> None:
    """Draw one image, uint8 ``(height, width, 1 or 3)``: every pixel a square, a thin frame around."""
    pixels = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image  # (height, width, 3)
    axes.imshow(pixels, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set(visible=True, color=LINES)


def check_images(images: np.ndarray) -> None:
    """Raise unless ``images`` are uint8 ``(n, height, width, 1 or 3)``.

    Raises:
        ValueError: another type or shape.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
        raise ValueError(
            f"images of type {images.dtype} and shape {images.shape}: "
            "must be uint8 (number, height, width, 1 or 3)"
        )


PICTURE, SIDE, GAP = 1.45, 1.0, 0.15  # inches: the image's side, a neighbour's, the room between
TITLE, LINE = 0.24, 0.17  # inches: for the title, for each of two lines below a neighbour
STEEPEST_NEIGHBOUR = 2.0  # height by width of the room that an image gets


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
    _check_neighbours(images, titles, near, labels, distances, wrong)
    shape = near.shape[:2]
    ratio = min(images.shape[1] / images.shape[2], STEEPEST_NEIGHBOUR)
    row = TITLE + max(PICTURE * ratio, SIDE * ratio + 2 * LINE + GAP / 2) + GAP
    width = PICTURE + 4 * GAP + shape[1] * (SIDE + GAP)
    with house_style([*titles, *(name for names in labels for name in names)]) as written:
        figure = empty_figure(width, len(images) * row + GAP)
        figure.set_layout_engine("none")
        for index, image in enumerate(images):
            top = (len(images) - index) * row
            heading = fitted(written(titles[index]), width - 2 * GAP, 10)
            _write_caption(figure, heading, GAP, top, {"fontsize": 10, "ha": "left"})
            _place(figure, image, GAP, top - TITLE, (PICTURE, PICTURE * ratio))
            _draw_line(figure, 2.5 * GAP + PICTURE, top - row + GAP, top - TITLE)
            for rank in range(shape[1]):
                left, below = 4 * GAP + PICTURE + rank * (SIDE + GAP), top - TITLE - SIDE * ratio - GAP / 2
                _place(figure, near[index, rank], left, top - TITLE, (SIDE, SIDE * ratio))
                name = fitted(written(shortened(labels[index][rank])), SIDE + GAP / 2, 9)
                middle, colour = left + SIDE / 2, WRONG if wrong[index][rank] else INK
                _write_caption(figure, name, middle, below, {"fontsize": 9, "color": colour})
                distance = f"{distances[index, rank]:.3f}"
                _write_caption(figure, distance, middle, below - LINE, {"fontsize": 8, "color": MUTED})
    return figure


def _check_neighbours(
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
    if not fits or any(shape_of != shape for shape_of in counted):
        raise ValueError(
            f"{images.shape} images with {len(titles)} titles, neighbours {near.shape}, distances "
            f"{distances.shape}, labels and marks {counted}: at least one of each is needed, and all must fit"
        )


def _place(figure: "Figure", image: np.ndarray, left: float, top: float, size: tuple[float, float]) -> None:
    """Draw an image, its upper left corner and its (width, height) in inches."""
    width, height = figure.get_size_inches()
    box = (left / width, (top - size[1]) / height, size[0] / width, size[1] / height)
    show(figure.add_axes(box), image)


def _write_caption(figure: "Figure", text: str, left: float, top: float, style: dict[str, Any]) -> None:
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
