"""Images as the network sees them, in rows under their titles."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from imagelet.plots.lettering import fitted, width
from imagelet.plots.style import INK, LINES, WRONG, empty_figure, house_style

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
