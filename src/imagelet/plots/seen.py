"""Pictures beside what the network saw of them, with the answer and what is odd."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from imagelet.plots.lettering import fitted
from imagelet.plots.pictures import check_images, show
from imagelet.plots.style import INK, MUTED, WRONG, empty_figure, house_style, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 4  # of cards
CARD, PICTURE, GAP = 3.0, 1.35, 0.15  # inches: a card's width, a picture's side, the room between
LINE = 0.17  # inches
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
    numbers = {len(each) for each in (pictures, images, answers, names, remarks, unsure)}
    if len(numbers) > 1 or not len(images):
        raise ValueError(
            f"pictures, images, answers, names, remarks and marks must be as many, not {numbers}"
        )
    with house_style([*answers, *names, *(remark for each in remarks for remark in each)]) as written:
        lines = [[part for remark in each for part in textwrap.wrap(remark, LETTERS)] for each in remarks]
        columns = min(COLUMNS, len(images))
        rows = -(-len(images) // columns)
        card = PICTURE + 2 * GAP + LINE * (2.2 + max(len(each) for each in lines))
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
            _write(figure, texts, left / width, top - PICTURE - GAP / 2)
    return figure


def answer_line(label: str, probability: float, *, unsure: bool) -> str:
    """Return an answer as it stands on a card: ``7?   83.1 %``, the question mark where it is unsure."""
    return f"{label}{'?' if unsure else ''}   {percent(probability)}"


def _write(figure: "Figure", texts: Sequence[tuple[str, int, str, str]], left: float, top: float) -> None:
    """Write lines (text, points, weight, colour) below each other.

    Args:
        figure: where.
        texts: the lines; there is a little more room below the first.
        left: where they begin, a share of the figure's width.
        top: where the first begins, in inches from below.
    """
    height = figure.get_size_inches()[1]
    for index, (text, size, weight, ink) in enumerate(texts):
        down = top - LINE * (index + 0.2 * (index > 0))
        figure.text(left, down / height, text, fontsize=size, fontweight=weight, color=ink, va="top")
