"""What a classifier pays attention to: attributions over a picture, and images as points in the plane."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagelet.plots.images import check_images, show
from imagelet.plots.style import (
    ACCENT,
    INK,
    LINES,
    MUTED,
    PAPER,
    WRONG,
    empty_figure,
    fitted,
    house_style,
    place_axes,
    shortened,
    write,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

Meaning = Literal["for and against", "for", "either way"]
Row = tuple[
    NDArray[np.uint8], Sequence[NDArray[np.floating] | None], str
]  # pixels, each method's map, a name

FOR, AGAINST, EITHER = ACCENT, WRONG, "#8a2f8f"
SIDE, GAP, LEFT = 1.75, 0.12, 0.28  # inches: of a picture, between two, and left of all for the rows' names
TITLE, LINE, LEGEND = 0.3, 0.16, 0.5  # inches: a column's title, a line of its note, the legend
LETTERS = 30  # of a note in a line
MOST_PIXELS = 480  # of a side that is drawn; larger pictures are thinned out
DARK, LIGHT = 0.35, 0.6  # of its contrast that a picture on dark and on light ground keeps under the colours
STRONGEST = 0.995  # quantile of the values that gets the full colour; what is beyond gets no more
CURVE = 0.75  # of the values, so that weak ones show as well
RAMP = 64  # shades in the legend


class Marked(NamedTuple):
    """What one method found, to be laid over a picture.

    Attributes:
        title: the method's name.
        note: what its colours mean, a line or a few.
        meaning: whether the values speak for and against the class, only for it, or matter either way; below
            0 is only what speaks against.
        values: ``(height, width)`` of the network's image.
        on_picture: ``(height, width)`` of the picture; None where nobody knows what lies where.
    """

    title: str
    note: str
    meaning: Meaning
    values: NDArray[np.floating]
    on_picture: NDArray[np.floating] | None = None


def evidence(
    picture: NDArray[np.uint8], image: NDArray[np.uint8], marked: Sequence[Marked], answer: str
) -> "Figure":
    """Draw the picture above the network's image, and to the right a column for each method.

    The upper row is left out where nothing can be laid over the picture.

    Args:
        picture: uint8 ``(any, any, 1 or 3)``.
        image: uint8 ``(height, width, 1 or 3)``, what the network saw.
        marked: what each method found, at least one.
        answer: the class that it is all about, and its probability: ``7   99.2 %``.

    Raises:
        ValueError: no methods, or pixels or values of another type or shape.
    """
    _check(picture, image, marked)
    rows: list[Row] = [(image, [method.values for method in marked], "what the network saw")]
    if any(method.on_picture is not None for method in marked):
        step = -(-max(picture.shape[:2]) // MOST_PIXELS)
        thinned = [
            None if method.on_picture is None else method.on_picture[::step, ::step] for method in marked
        ]
        rows.insert(0, (picture[::step, ::step], thinned, "the picture"))
    texts = [answer, *(text for method in marked for text in (method.title, method.note))]
    with house_style(texts) as written:
        notes = [textwrap.wrap(written(method.note), LETTERS) for method in marked]
        below = max(len(lines) for lines in notes) * LINE + LEGEND
        heights = [SIDE * min(1.5, pixels.shape[0] / pixels.shape[1]) for pixels, _, _ in rows]
        height = TITLE + sum(heights) + GAP * len(rows) + LINE + below
        figure = empty_figure(LEFT + (SIDE + GAP) * (1 + len(marked)), height, laid_out=False)
        top = height - TITLE
        for (pixels, maps, name), tall in zip(rows, heights, strict=True):
            for place, values in enumerate([None, *maps]):
                if place and values is None:
                    continue
                axes = place_axes(figure, LEFT + place * (SIDE + GAP), top, SIDE, tall)
                show(
                    axes, pixels if values is None else _laid_over(pixels, values, marked[place - 1].meaning)
                )
                axes.set_ylabel("" if place else name, fontsize=8, color=MUTED, labelpad=2)
            top -= tall + GAP
        _write_lines(figure, LEFT, height - 0.08, [written(answer)], 11)
        for place, (method, lines) in enumerate(zip(marked, notes, strict=True), start=1):
            left = LEFT + place * (SIDE + GAP)
            _write_lines(figure, left, height - 0.1, [written(method.title)], 10)
            _write_lines(figure, left, top, lines, 8)
        _draw_legend(figure, {method.meaning for method in marked})
    return figure


def _write_lines(figure: "Figure", left: float, top: float, lines: Sequence[str], size: int) -> None:
    """Write lines over the width of a picture; all but the smallest are titles."""
    ink, weight = (MUTED, "normal") if size == 8 else (INK, "bold")
    for row, line in enumerate(lines):
        text = fitted(line, SIDE, size, weight)
        write(figure, text, left, top - row * LINE, size, ink, fontweight=weight)


def _laid_over(
    pixels: NDArray[np.uint8], values: NDArray[np.floating], meaning: Meaning
) -> NDArray[np.uint8]:
    """Return the picture in light grey under its values' colours, uint8 (height, width, 3)."""
    grey = pixels.astype(np.float32).mean(axis=2, keepdims=True)
    light = 255 - (LIGHT if np.median(grey) > 127 else DARK) * (255 - grey)  # (height, width, 1)
    sizes = np.abs(values)
    positive = sizes[sizes > 0]
    strongest = float(np.quantile(positive, STRONGEST)) if positive.size else 1.0
    return _blended(light, np.clip(values / strongest, -1, 1), meaning)


def _blended(light: NDArray[np.float32], shares: NDArray[np.floating], meaning: Meaning) -> NDArray[np.uint8]:
    """Return colours over a ground (height, width, 1), for shares (height, width) in -1 to 1."""
    from matplotlib.colors import to_rgb

    above = EITHER if meaning == "either way" else FOR
    colours = 255 * np.where(shares[:, :, np.newaxis] >= 0, to_rgb(above), to_rgb(AGAINST))
    cover = (np.abs(shares) ** CURVE)[:, :, np.newaxis]
    blended: NDArray[np.uint8] = np.rint(light * (1 - cover) + colours * cover).astype(np.uint8)
    return blended


def _draw_legend(figure: "Figure", meanings: set[Meaning]) -> None:
    """Draw a strip of colours, with words, for each meaning."""
    strips: list[tuple[Meaning, float, tuple[str, str]]] = []
    if meanings & {"for", "for and against"}:
        against = "for and against" in meanings
        strips.append(("for and against", -1.0 * against, ("against" if against else "", "for the class")))
    if "either way" in meanings:
        strips.append(("either way", 0.0, ("", "matters, either way")))
    left = LEFT + SIDE + GAP
    for meaning, lowest, (before, after) in strips:
        shares = np.linspace(lowest, 1, RAMP)[np.newaxis]
        light = np.full((1, RAMP, 1), 255 - DARK * 127, np.float32)
        if before:
            write(figure, before, left, 0.19, 8, va="center")
            left += 0.55
        axes = place_axes(figure, left, 0.26, 1.2, 0.14)
        show(axes, _blended(light, shares, meaning))
        axes.set_aspect("auto")
        write(figure, after, left + 1.28, 0.19, 8, va="center")
        left += 2.33


def _check(picture: NDArray[np.uint8], image: NDArray[np.uint8], marked: Sequence[Marked]) -> None:
    """Refuse what does not fit together.

    Raises:
        ValueError: it does not.
    """
    check_images(picture[np.newaxis])
    check_images(image[np.newaxis])
    if not marked:
        raise ValueError("there is no method to draw")
    for method in marked:
        maps = [(method.values, image)]
        maps += [] if method.on_picture is None else [(method.on_picture, picture)]
        for values, pixels in maps:
            if values.shape != pixels.shape[:2] or not np.isfinite(values).all():
                raise ValueError(
                    f"'{method.title}': finite numbers {pixels.shape[:2]} are needed, not {values.shape}"
                )


WIDTH, HEIGHT = 8.0, 7.4  # inches
MOST_NAMES = 40  # at their clusters; of more classes the largest are named
STEPS = 200  # of moving names apart
COLOURS = (  # told apart by people who see few colours too, and none of them the colour of mistakes
    *("#4477aa", "#66ccee", "#228833", "#ccbb44", "#aa3377"),
    *("#7b8794", "#332288", "#44aa99", "#8a6a3f", "#ee99cc"),
)


def embedding_map(
    points: np.ndarray,
    labels: np.ndarray,
    answers: np.ndarray,
    classes: Sequence[str],
    title: str,
    caption: str,
) -> "Figure":
    """Draw images as points, coloured by label; each class is named at its points, mistakes are crosses.

    Args:
        points: float ``(n, 2)``, ``n`` at least 1.
        labels: int ``(n,)``, the true classes' indices.
        answers: int ``(n,)``, the predicted classes' indices.
        classes: the class names.
        title: what is written above, in bold.
        caption: what is written below the title, before what the crosses are.
    """
    wrong = labels != answers
    with house_style([title, caption, *classes]) as written:
        figure = empty_figure(WIDTH, HEIGHT)
        axes = figure.add_subplot()
        axes.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
        axes.spines[:].set(visible=True, color=LINES)
        axes.margins(0.06)
        _draw_points(axes, points, labels, wrong)
        names = [written(shortened(name)) for name in classes]
        axes.set_title(fitted(written(title), WIDTH - 0.3, 12, "bold"), pad=24)
        crosses = f"{int(wrong.sum()):,} of {len(points):,} answers are wrong: ×"
        line = fitted(written(f"{caption}; {crosses}" if caption else crosses), WIDTH - 0.3, 9)
        axes.text(0, 1.015, line, transform=axes.transAxes, fontsize=9, color=MUTED)
        common = np.argsort(-np.bincount(labels, minlength=len(classes)), kind="stable")[:MOST_NAMES]
        present = np.sort(common[np.isin(common, labels)]).tolist()
        small = len(present) > len(COLOURS)
        texts = [_name(axes, names[label], points[labels == label], label, small) for label in present]
        _move_apart(figure, axes, texts)
    return figure


def class_colour(label: int) -> str:
    """Return a class's colour, by its index; from the eleventh on they come again, lighter or darker."""
    from matplotlib.colors import to_hex, to_rgb

    again, place = divmod(int(label), len(COLOURS))
    towards, share = (PAPER, INK)[again % 2 == 0], min(0.25 * ((again + 1) // 2), 0.5)
    mixed = (1 - share) * np.array(to_rgb(COLOURS[place])) + share * np.array(to_rgb(towards))
    return to_hex(tuple(mixed.tolist()))


def _draw_points(axes: "Axes", points: np.ndarray, labels: np.ndarray, wrong: np.ndarray) -> None:
    size = float(np.clip(9_000 / len(points), 6, 40))  # square points
    order = np.random.default_rng(0).permutation(len(points))  # no class lies on top of the others
    colours = [class_colour(label) for label in labels[order].tolist()]
    axes.scatter(points[order, 0], points[order, 1], s=size, c=colours, alpha=0.75, linewidths=0)
    axes.scatter(
        points[wrong, 0], points[wrong, 1], s=2.5 * size + 12, c=WRONG, marker="x", linewidths=1.3, zorder=3
    )


def _name(axes: "Axes", name: str, points: np.ndarray, label: int, small: bool) -> "Text":
    """Write a class's name among its points, on the one of them that is most in the middle of the others."""
    x, y = points[np.square(points - np.median(points, axis=0)).sum(axis=1).argmin()]
    box: dict[str, Any] = {"boxstyle": "round,pad=0.25", "facecolor": PAPER, "linewidth": 1.4, "alpha": 0.9}
    box["edgecolor"] = class_colour(label)
    return axes.text(x, y, name, fontsize=8 if small else 11, bbox=box, ha="center", va="center", zorder=5)


def _move_apart(figure: "Figure", axes: "Axes", names: Sequence["Text"]) -> None:
    """Move names that lie on each other, a little at a time, until none does or there is no room."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer: Any = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    figure.draw_without_rendering()  # the axes get their place
    patches = [name.get_bbox_patch().get_window_extent(renderer) for name in names]  # type: ignore[union-attr]
    halves = np.array([(box.width, box.height) for box in patches]) / 2 + 1  # (names, 2), pixels
    centres = axes.transData.transform([name.get_position() for name in names])
    low, high = np.array(axes.bbox.min) + halves, np.array(axes.bbox.max) - halves
    for _ in range(STEPS):
        moved = False
        for one in range(len(names)):
            for other in range(one):
                apart = centres[one] - centres[other]
                overlap = halves[one] + halves[other] - np.abs(apart)
                if (overlap <= 0).any():
                    continue
                moved = True
                axis = int(overlap.argmin())  # the shorter way out
                step = np.zeros(2)
                step[axis] = (overlap[axis] / 2 + 0.5) * (1 if apart[axis] >= 0 else -1)
                centres[one] += step
                centres[other] -= step
        centres = np.clip(centres, low, np.maximum(low, high))
        if not moved:
            break
    for text, place in zip(names, axes.transData.inverted().transform(centres), strict=True):
        text.set_position(tuple(place))
