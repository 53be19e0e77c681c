"""Images as the network sees them: many under their titles, or one beside its probabilities."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from imagelet.figures.lettering import fitted, shortened, width
from imagelet.figures.style import (
    ACCENT,
    INK,
    LINES,
    MUTED,
    WRONG,
    empty_figure,
    house_style,
    percent,
    percent_formatter,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE_SIZE = 10  # points, in a grid
NARROWEST, WIDEST = 1.5, 3.0  # inches, of a grid's column, which is as wide as its longest title
STEEPEST = 3.0  # height by width of the room that an image gets
MOST_BARS = 10  # of the probabilities of one picture


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
    _check_images(images)
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
        figure = empty_figure(column * across, down * (picture + 0.1 + 0.19 * title_lines))
        for place, (image, text, weight) in enumerate(zip(images, texts, weights, strict=True), start=1):
            axes = figure.add_subplot(down, across, place)
            _show(axes, image)
            fitting = fitted(text, column - 0.1, TITLE_SIZE, weight)
            colour = WRONG if weight == "bold" else INK
            axes.set_title(fitting, color=colour, fontsize=TITLE_SIZE, fontweight=weight, loc="center", pad=4)
    return figure


def probabilities(
    image: np.ndarray, probabilities: np.ndarray, classes: Sequence[str], label: int | None = None
) -> "Figure":
    """Draw one picture beside its probabilities, highest among them marked.

    Up to ten classes stand in their own order; of more, the ten most probable, best first.

    Args:
        image: uint8 ``(height, width, 1 or 3)``.
        probabilities: float ``(k,)`` in [0, 1].
        classes: the ``k`` class names.
        label: the true class's index; None where it is unknown.

    Raises:
        ValueError: an image of another type or shape, another number of class names, or no such label.
    """
    _check_images(image[None])
    shares = np.asarray(probabilities, np.float64)
    if shares.shape != (len(classes),) or not len(classes):
        raise ValueError(f"probabilities of shape {shares.shape} for {len(classes)} classes")
    if label is not None and not 0 <= label < len(classes):
        raise ValueError(f"the label {label} of {len(classes)} classes, which are counted from 0")
    answer = int(shares.argmax())
    ranked = [int(index) for index in np.argsort(-shares, kind="stable")]
    shown = list(range(len(classes))) if len(classes) <= MOST_BARS else ranked[:MOST_BARS]
    colour = ACCENT if label in (None, answer) else WRONG
    with house_style(classes) as written:
        names = [shortened(written(name)) for name in classes]
        figure = empty_figure(7.6, 1.1 + 0.27 * max(len(shown), 6))
        picture, bars = figure.subplots(1, 2, width_ratios=[1, 1.5])
        _show(picture, image)
        picture.set_anchor("N")  # beside the bars' title, above their names
        told = f"predicted {names[answer]}" + ("" if label is None else f"\nlabel {names[label]}")
        picture.set_title(fitted(told, 2.7, 12, "bold"), color=WRONG if colour == WRONG else INK)
        _draw_bars(
            bars,
            shares[shown],
            [names[index] for index in shown],
            [colour if index == answer else MUTED for index in shown],
        )
    return figure


def _draw_bars(axes: "Axes", shares: np.ndarray, names: list[str], colours: list[str]) -> None:
    places = range(len(shares))
    axes.barh(places, shares, height=0.66, color=colours)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.14), xlabel="probability", title="Probabilities")
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.xaxis.set_major_formatter(percent_formatter())
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    for place, share in zip(places, shares, strict=True):
        axes.text(share + 0.012, place, percent(share), va="center", fontsize=9)


def _show(axes: "Axes", image: np.ndarray) -> None:
    pixels = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image  # (height, width, 3)
    axes.imshow(pixels, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set(visible=True, color=LINES)


def _check_images(images: np.ndarray) -> None:
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
        raise ValueError(
            f"images of type {images.dtype} and shape {images.shape}: "
            "must be uint8 (number, height, width, 1 or 3)"
        )
