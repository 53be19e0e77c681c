"""Images in rows: with label and prediction, probabilities, framed inputs, nearest training images."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from imagelet.plots.style import (
    ACCENT,
    INK,
    LINES,
    MUTED,
    WRONG,
    empty_figure,
    fitted,
    house_style,
    percent,
    place_axes,
    shortened,
    width,
    write,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


TITLE_SIZE, TITLE_LINE = 10, 0.19  # points, inches; in a grid
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
        row = picture + 0.1 + TITLE_LINE * title_lines
        figure = empty_figure(column * across, down * row + 0.1, laid_out=False)
        for place, (image, text, weight) in enumerate(zip(images, texts, weights, strict=True)):
            left, top = place % across * column, (down - place // across) * row - TITLE_LINE * title_lines
            axes = place_axes(figure, left + 0.05, top, column - 0.1, picture)
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
    axes.set(xticks=[], yticks=[])
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
            right = label in (None, row.argmax())
            truth = "" if label is None else f"\nlabel {names[label]}"
            verdict = fitted(f"predicted {names[row.argmax()]}{truth}", PICTURE_SIDE, 11, "bold")
            show(above[place], image)
            above[place].set_title(verdict, fontsize=11, color=INK if right else WRONG, loc="center")
            _draw_bars(below[place], row, names, ACCENT if right else WRONG)
    return figure


def _draw_bars(axes: "Axes", shares: np.ndarray, names: list[str], colour: str) -> None:
    """Draw a bar for each class, the highest in ``colour``."""
    ranked = np.argsort(-shares, kind="stable")
    shown = np.arange(len(shares)) if len(shares) <= MOST_BARS else ranked[:MOST_BARS]
    colours = [colour if index == ranked[0] else MUTED for index in shown]
    bars = axes.barh(range(len(shown)), shares[shown], height=0.7, color=colours)
    axes.bar_label(bars, [percent(share) for share in shares[shown]], padding=2, fontsize=8, color=MUTED)
    axes.set_yticks(range(len(shown)), [names[index] for index in shown])
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.3), xticks=[])
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="y", length=0)


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
        figure = empty_figure(columns * CARD + GAP, rows * card + GAP, laid_out=False)
        for place in range(len(images)):
            row, column = divmod(place, columns)
            left, top = GAP + column * CARD, (rows - row) * card
            for shown, start in ((pictures[place], left), (images[place], left + PICTURE + GAP / 2)):
                show(place_axes(figure, start, top, PICTURE, PICTURE), shown)
            top -= PICTURE + GAP / 2
            answer = fitted(written(answers[place]), CARD - GAP, 12, "bold")
            write(figure, answer, left, top, 12, WRONG if unsure[place] else INK, fontweight="bold")
            write(figure, fitted(written(names[place]), CARD - GAP, 8), left, top - 1.2 * REMARK_LINE, 8)
            for number, line in enumerate(lines[place]):
                write(figure, written(line), left, top - (2.2 + number) * REMARK_LINE, 8, WRONG)
    return figure


def answer_line(label: str, probability: float, *, unsure: bool) -> str:
    """Return an answer as it stands on a card: ``7?   83.1 %``, the question mark where it is unsure."""
    return f"{label}{'?' if unsure else ''}   {percent(probability)}"


TEXT_SIZE, TEXT_LINE = 9, 0.18  # points, inches
WIDEST_NAME, WIDEST_ANSWER = 1.7, 1.6  # inches
PAIRS_IN_A_ROW = 3


def disagreements(
    images: np.ndarray,
    titles: Sequence[str],
    labels: Sequence[str],
    answers: Sequence[Sequence[tuple[str, float]]],
    names: Sequence[str],
) -> "Figure":
    """Draw images in rows, each beside its title and every classifier's answer; wrong ones in their colour.

    Args:
        images: uint8 ``(n, height, width, 1 or 3)``, ``n`` at least 1.
        titles: a line for each image.
        labels: each image's true class; an answer is right if it is this.
        answers: for each image one answer of each classifier: a class name, and its probability.
        names: the classifiers' names, in the order of the answers.
    """
    lines = [[f"{answer}  {percent(share)}" for answer, share in row] for row in answers]
    with house_style([*names, *titles, *(line for row in lines for line in row)]) as written:
        shown = [fitted(written(name), WIDEST_NAME, TEXT_SIZE) for name in names]
        texts = [[fitted(written(line), WIDEST_ANSWER, TEXT_SIZE, "bold") for line in row] for row in lines]
        heads = [fitted(written(title), WIDEST_NAME + WIDEST_ANSWER, TEXT_SIZE, "bold") for title in titles]
        indent = max(width(name, TEXT_SIZE) for name in shown) + 0.12
        answer = max(width(line, TEXT_SIZE, "bold") for row in texts for line in row)
        beside = max(indent + answer, *(width(head, TEXT_SIZE, "bold") for head in heads)) + 0.25
        picture = SIDE * min(images.shape[1] / images.shape[2], STEEPEST)
        across = min(PAIRS_IN_A_ROW, len(images))
        down = -(-len(images) // across)
        cell, height = SIDE + 0.2 + beside, max(picture, TEXT_LINE * (len(names) + 1)) + 0.2
        figure = empty_figure(across * cell, down * height, laid_out=False)
        for place, image in enumerate(images):
            row, column = divmod(place, across)
            left, top = column * cell + 0.1, (down - row) * height - 0.1
            show(place_axes(figure, left, top, SIDE, picture), image)
            left += SIDE + 0.1
            write(figure, heads[place], left, top, TEXT_SIZE, INK, fontweight="bold")
            for name, text, (guess, _) in zip(shown, texts[place], answers[place], strict=True):
                top -= TEXT_LINE
                ink, weight = (INK, "normal") if guess == labels[place] else (WRONG, "bold")
                write(figure, name, left, top, TEXT_SIZE)
                write(figure, text, left + indent, top, TEXT_SIZE, ink, fontweight=weight)
    return figure


OWN, SIDE = 1.45, 1.0  # inches: the image's side, a neighbour's
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
    """
    ratio = min(images.shape[1] / images.shape[2], STEEPEST_NEIGHBOUR)
    row = TITLE + max(OWN * ratio, SIDE * ratio + 2 * LINE + GAP / 2) + GAP
    across = OWN + 4 * GAP + near.shape[1] * (SIDE + GAP)
    with house_style([*titles, *(name for names in labels for name in names)]) as written:
        figure = empty_figure(across, len(images) * row + GAP, laid_out=False)
        for index, image in enumerate(images):
            top = (len(images) - index) * row
            write(figure, fitted(written(titles[index]), across - 2 * GAP, 10), GAP, top, 10, INK)
            top -= TITLE
            show(place_axes(figure, GAP, top, OWN, OWN * ratio), image)
            _draw_rule(figure, 2.5 * GAP + OWN, top, row - TITLE - GAP)
            below = top - SIDE * ratio - GAP / 2
            for rank in range(near.shape[1]):
                left = 4 * GAP + OWN + rank * (SIDE + GAP)
                show(place_axes(figure, left, top, SIDE, SIDE * ratio), near[index, rank])
                name = fitted(written(shortened(labels[index][rank])), SIDE + GAP / 2, 9)
                ink, middle = WRONG if wrong[index][rank] else INK, left + SIDE / 2
                write(figure, name, middle, below, 9, ink, ha="center")
                write(figure, f"{distances[index, rank]:.3f}", middle, below - LINE, 8, ha="center")
    return figure


def _draw_rule(figure: "Figure", left: float, top: float, height: float) -> None:
    """Draw an upright line; its place in inches."""
    from matplotlib.patches import Rectangle

    box: dict[str, Any] = {
        "width": 0.01,
        "height": height,
        "transform": figure.dpi_scale_trans,
        "facecolor": LINES,
    }
    figure.add_artist(Rectangle((left, top - height), **box))
