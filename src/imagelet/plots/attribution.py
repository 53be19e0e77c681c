"""A picture, what the network saw of it, and laid over both what speaks for a class and against it."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagelet.plots.image_grids import check_images, show
from imagelet.plots.style import ACCENT, INK, LINES, MUTED, WRONG, empty_figure, fitted, house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
    check_images(picture[np.newaxis])
    check_images(image[np.newaxis])
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
        width = LEFT + (SIDE + GAP) * (1 + len(marked))
        heights = [SIDE * min(1.5, pixels.shape[0] / pixels.shape[1]) for pixels, _, _ in rows]
        height = TITLE + sum(heights) + GAP * len(rows) + LINE + below
        figure = empty_figure(width, height)
        figure.set_layout_engine("none")
        top = height - TITLE
        for (pixels, maps, name), tall in zip(rows, heights, strict=True):
            for place, values in enumerate([None, *maps]):
                if place and values is None:
                    continue
                shown = pixels if values is None else _laid_over(pixels, values, marked[place - 1].meaning)
                left = LEFT + place * (SIDE + GAP)
                axes = figure.add_axes((left / width, (top - tall) / height, SIDE / width, tall / height))
                show(axes, shown)
                if not place:
                    axes.set_ylabel(name, fontsize=8, color=MUTED, labelpad=2)
            top -= tall + GAP
        _write(figure, [written(method.title) for method in marked], notes, written(answer), top)
        _draw_legend(figure, {method.meaning for method in marked})
    return figure


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


def _write(
    figure: "Figure", titles: Sequence[str], notes: Sequence[Sequence[str]], answer: str, top: float
) -> None:
    """Write each column's title above it, its note below, and the answer above the pictures.

    Args:
        figure: where.
        titles: one for each column.
        notes: lines for each column.
        answer: the class and its probability.
        top: where the notes begin, in inches from below.
    """
    width, height = figure.get_size_inches()

    def line(text: str, left: float, down: float, size: int, weight: str, ink: str) -> None:
        shown = fitted(text, SIDE, size, weight)
        figure.text(left / width, down / height, shown, fontsize=size, fontweight=weight, color=ink, va="top")

    line(answer, LEFT, height - 0.08, 11, "bold", INK)
    for place, (title, lines) in enumerate(zip(titles, notes, strict=True), start=1):
        left = LEFT + place * (SIDE + GAP)
        line(title, left, height - 0.1, 10, "bold", INK)
        for row, text in enumerate(lines):
            line(text, left, top - row * LINE, 8, "normal", MUTED)


def _draw_legend(figure: "Figure", meanings: set[Meaning]) -> None:
    """Draw a strip of colours, with words, for each meaning."""
    width, height = figure.get_size_inches()
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
            figure.text(left / width, 0.19 / height, before, fontsize=8, color=MUTED, va="center")
            left += 0.55
        axes = figure.add_axes((left / width, 0.12 / height, 1.2 / width, 0.14 / height))
        axes.imshow(_blended(light, shares, meaning), aspect="auto", interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set(visible=True, color=LINES)
        left += 1.28
        figure.text(left / width, 0.19 / height, after, fontsize=8, color=MUTED, va="center")
        left += 1.05


def _check(picture: NDArray[np.uint8], image: NDArray[np.uint8], marked: Sequence[Marked]) -> None:
    """Refuse what does not fit together.

    Raises:
        ValueError: it does not.
    """
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
