"""Pictures with what was predicted: probabilities, framed inputs, disagreeing classifiers."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from imagelet.plots.image_grids import STEEPEST, check_images, show
from imagelet.plots.style import (
    ACCENT,
    INK,
    MUTED,
    WRONG,
    empty_figure,
    fitted,
    house_style,
    percent,
    shortened,
    width,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


MOST_BARS = 10  # of one picture
PICTURE_SIDE = 2.2  # inches
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
        # The names stand beside the bars.
        column = PICTURE_SIDE + 0.2 + max(width(line, 9) for name in names for line in name.split("\n"))
        figure = empty_figure(column * len(images), PICTURE_SIDE + 0.8 + BAR * bars)
        ratios = [PICTURE_SIDE, 0.3 + BAR * bars]
        above, below = figure.subplots(2, len(images), height_ratios=ratios, squeeze=False)
        for place, (image, row) in enumerate(zip(images, shares, strict=True)):
            label = None if labels is None else labels[place]
            colour = ACCENT if label in (None, row.argmax()) else WRONG
            truth = "" if label is None else f"\nlabel {names[label]}"
            verdict = f"predicted {names[row.argmax()]}{truth}"
            show(above[place], image)
            above[place].set_title(
                fitted(verdict, PICTURE_SIDE, 11, "bold"),
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


COLUMNS = 4  # of cards
CARD, PICTURE, GAP = 3.0, 1.35, 0.15  # inches: a card's width, a picture's side, the room between
REMARK_LINE = 0.17  # inches
LETTERS = 44  # of a remark in a line


def seen(
    pictures: Sequence[np.ndarray],
    images: np.ndarray,
    answers: Sequence[str],
    names: Sequence[str],
    remarks: Sequence[Sequence[str]],
    unsure: Sequence[bool],
) -> "Figure":
    """Draw a card for each picture: the picture, the image made of it, the answer, remarks.

    Args:
        pictures: uint8 ``(any, any, 1 or 3)``, ``n`` of them, at least 1; small ones draw faster.
        images: uint8 ``(n, height, width, 1 or 3)``: what the network saw.
        answers: what is written large.
        names: what the pictures are called.
        remarks: what is odd about each.
        unsure: which answers are written in the colour of mistakes.

    Raises:
        ValueError: no pictures, images of another type or shape, or other numbers of them.
    """
    check_images(images)
    numbers = {len(sequence) for sequence in (pictures, images, answers, names, remarks, unsure)}
    if len(numbers) > 1 or not len(images):
        raise ValueError(
            f"pictures, images, answers, names, remarks and marks must be as many, not {numbers}"
        )
    lines = [[line for remark in several for line in textwrap.wrap(remark, LETTERS)] for several in remarks]
    with house_style([*answers, *names, *(remark for several in remarks for remark in several)]) as written:
        columns = min(COLUMNS, len(images))
        rows = -(-len(images) // columns)
        card = PICTURE + 2 * GAP + REMARK_LINE * (2.2 + max(map(len, lines)))
        width, height = columns * CARD + GAP, rows * card + GAP
        figure = empty_figure(width, height)
        figure.set_layout_engine("none")
        for place in range(len(images)):
            row, column = divmod(place, columns)
            left, top = GAP + column * CARD, height - GAP - row * card
            for shown, start in ((pictures[place], left), (images[place], left + PICTURE + GAP / 2)):
                box = (start / width, (top - PICTURE) / height, PICTURE / width, PICTURE / height)
                show(figure.add_axes(box), shown)
            colour = WRONG if unsure[place] else INK
            room = CARD - GAP
            texts = [
                (fitted(written(answers[place]), room, 12, "bold"), 12, "bold", colour),
                (fitted(written(names[place]), room, 8), 8, "normal", MUTED),
                *((written(line), 8, "normal", WRONG) for line in lines[place]),
            ]
            _write_remarks(figure, texts, left / width, top - PICTURE - GAP / 2)
    return figure


def answer_line(label: str, probability: float, *, unsure: bool) -> str:
    """Return an answer as it stands on a card: ``7?   83.1 %``, the question mark where it is unsure."""
    return f"{label}{'?' if unsure else ''}   {percent(probability)}"


def _write_remarks(
    figure: "Figure", texts: Sequence[tuple[str, int, str, str]], left: float, top: float
) -> None:
    """Write lines (text, points, weight, colour) below each other.

    Args:
        figure: where.
        texts: the lines; there is a little more room below the first.
        left: where they begin, a share of the figure's width.
        top: where the first begins, in inches from below.
    """
    height = figure.get_size_inches()[1]
    for index, (text, size, weight, ink) in enumerate(texts):
        down = top - REMARK_LINE * (index + 0.2 * (index > 0))
        figure.text(left, down / height, text, fontsize=size, fontweight=weight, color=ink, va="top")


Answer = tuple[str, float]  # a class name, and how probable the classifier holds it

SIDE = 1.0  # inches
TEXT_LINE = 0.18  # inches
TEXT_SIZE = 9  # points
WIDEST_NAME, WIDEST_ANSWER = 1.7, 1.6  # inches
PAIRS_IN_A_ROW = 3


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
    _check_pairs(images, titles, labels, answers, names)
    lines = [[f"{answer}  {percent(share)}" for answer, share in row] for row in answers]
    with house_style([*names, *titles, *(line for row in lines for line in row)]) as written:
        shown = [fitted(written(name), WIDEST_NAME, TEXT_SIZE) for name in names]
        texts = [[fitted(written(line), WIDEST_ANSWER, TEXT_SIZE, "bold") for line in row] for row in lines]
        indent = max(width(name, TEXT_SIZE) for name in shown) + 0.12
        heads = [fitted(written(title), WIDEST_NAME + WIDEST_ANSWER, TEXT_SIZE, "bold") for title in titles]
        answer = max(width(line, TEXT_SIZE, "bold") for row in texts for line in row)
        beside = max(indent + answer, *(width(head, TEXT_SIZE, "bold") for head in heads)) + 0.25
        picture = SIDE * min(images.shape[1] / images.shape[2], STEEPEST)
        across = min(PAIRS_IN_A_ROW, len(images))
        down = -(-len(images) // across)
        height = max(picture, TEXT_LINE * (len(names) + 1)) + 0.2
        figure = empty_figure(across * (SIDE + 0.2 + beside), down * height)
        cells = figure.subplots(
            down, 2 * across, squeeze=False, width_ratios=[SIDE, beside] * across
        ).reshape(-1, 2)
        for place, (left, right) in enumerate(cells):
            right.set_axis_off()
            if place >= len(images):
                left.set_axis_off()
                continue
            show(left, images[place])
            left.set_anchor("NE")
            wrong = [answer != labels[place] for answer, _ in answers[place]]
            _write_lines(right, heads[place], shown, texts[place], wrong, indent)
    return figure


def _check_pairs(
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


def _write_lines(
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
            xytext=(72 * inches, -72 * TEXT_LINE * row),
            textcoords="offset points",
            va="top",
            fontsize=TEXT_SIZE,
            fontweight=weight,
            color=colour,
            in_layout=False,  # the room is reckoned above: equal for all
        )
