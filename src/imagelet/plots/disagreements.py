"""Images to which classifiers give different answers, each beside these answers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from imagelet.plots.lettering import fitted, width
from imagelet.plots.pictures import STEEPEST, check_images, show
from imagelet.plots.style import INK, MUTED, WRONG, empty_figure, house_style, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Answer = tuple[str, float]  # a class name, and how probable the classifier holds it

PICTURE = 1.0  # inches
LINE = 0.18  # inches
SIZE = 9  # points
WIDEST_NAME, WIDEST_ANSWER = 1.7, 1.6  # inches
COLUMNS = 3


def disagreements(
    images: np.ndarray,
    titles: Sequence[str],
    labels: Sequence[str],
    answers: Sequence[Sequence[Answer]],
    names: Sequence[str],
) -> "Figure":
    """Draw images in rows, each beside its title and every classifier's answer; wrong ones in their colour.

    Args:
        images: uint8 ``(n, height, width, 1 or 3)``, ``n`` at least 1.
        titles: a line for each image.
        labels: each image's true class; an answer is right if it is this.
        answers: for each image one answer of each classifier.
        names: the classifiers' names, in the order of the answers.

    Raises:
        ValueError: no images, images of another type or shape, or other numbers of titles, labels or answers.
    """
    _check(images, titles, labels, answers, names)
    told = [[f"{answer}  {percent(share)}" for answer, share in row] for row in answers]
    with house_style([*names, *titles, *(each for row in told for each in row)]) as written:
        shown = [fitted(written(name), WIDEST_NAME, SIZE) for name in names]
        texts = [[fitted(written(each), WIDEST_ANSWER, SIZE, "bold") for each in row] for row in told]
        indent = max(width(name, SIZE) for name in shown) + 0.12
        heads = [fitted(written(title), WIDEST_NAME + WIDEST_ANSWER, SIZE, "bold") for title in titles]
        answer = max(width(each, SIZE, "bold") for row in texts for each in row)
        beside = max(indent + answer, *(width(head, SIZE, "bold") for head in heads)) + 0.25
        picture = PICTURE * min(images.shape[1] / images.shape[2], STEEPEST)
        across = min(COLUMNS, len(images))
        down = -(-len(images) // across)
        height = max(picture, LINE * (len(names) + 1)) + 0.2
        figure = empty_figure(across * (PICTURE + 0.2 + beside), down * height)
        cells = figure.subplots(
            down, 2 * across, squeeze=False, width_ratios=[PICTURE, beside] * across
        ).reshape(-1, 2)
        for place, (left, right) in enumerate(cells):
            right.set_axis_off()
            if place >= len(images):
                left.set_axis_off()
                continue
            show(left, images[place])
            left.set_anchor("NE")
            wrong = [answer != labels[place] for answer, _ in answers[place]]
            _write(right, heads[place], shown, texts[place], wrong, indent)
    return figure


def _check(
    images: np.ndarray,
    titles: Sequence[str],
    labels: Sequence[str],
    answers: Sequence[Sequence[Answer]],
    names: Sequence[str],
) -> None:
    check_images(images)
    if not len(images) == len(titles) == len(labels) == len(answers) > 0:
        raise ValueError(
            f"{len(images)} images, {len(titles)} titles, {len(labels)} labels and {len(answers)} rows of "
            "answers: at least one image is needed, and one of each for every image"
        )
    if not names or any(len(row) != len(names) for row in answers):
        raise ValueError(f"each image needs {len(names)} answers, and there must be at least 1")


def _write(
    axes: "Axes",
    head: str,
    names: Sequence[str],
    answers: Sequence[str],
    wrong: Sequence[bool],
    indent: float,
) -> None:
    """Write a title and a line for each answer, from the top of ``axes`` downwards."""
    lines = [(0.0, 0, head, INK, "bold")]
    for row, (name, answer, mark) in enumerate(zip(names, answers, wrong, strict=True), start=1):
        lines.append((0.0, row, name, MUTED, "normal"))
        lines.append((indent, row, answer, WRONG if mark else INK, "bold" if mark else "normal"))
    for inches, row, text, colour, weight in lines:
        axes.annotate(
            text,
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(72 * inches, -72 * LINE * row),
            textcoords="offset points",
            va="top",
            fontsize=SIZE,
            fontweight=weight,
            color=colour,
            in_layout=False,  # the room is reckoned above: equal for all
        )
