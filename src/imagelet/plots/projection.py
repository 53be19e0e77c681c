"""Images as points in the plane, in the colours of their classes, with the mistakes crossed out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from imagelet.plots.style import INK, LINES, MUTED, PAPER, WRONG, empty_figure, fitted, house_style, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

WIDTH, HEIGHT = 8.0, 7.4  # inches
MOST_NAMES = 40  # at their clusters; of more classes the largest are named
MOST_WRITTEN = 20  # mistakes: of so many label and answer are written beside the cross
STEPS = 200  # of moving names apart
BESIDE = (  # a cross: points to the right, points up, and how a text is laid to that place
    (6, 0, "left", "center"),
    (-6, 0, "right", "center"),
    (0, 5, "center", "bottom"),
    (0, -5, "center", "top"),
)
COLOURS = (  # told apart by people who see few colours too, and none of them the colour of mistakes
    "#4477aa",
    "#66ccee",
    "#228833",
    "#ccbb44",
    "#aa3377",
    "#7b8794",
    "#332288",
    "#44aa99",
    "#8a6a3f",
    "#ee99cc",
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

    Raises:
        ValueError: no points, or other numbers of labels or answers.
    """
    _check(points, labels, answers)
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
        taken = _move_apart(figure, axes, texts)
        if wrong.sum() <= MOST_WRITTEN:
            for place in np.flatnonzero(wrong):
                _write_beside(axes, points[place], f"{names[labels[place]]} → {names[answers[place]]}", taken)
    return figure


def class_colour(label: int) -> str:
    """Return a class's colour, by its index; from the eleventh on they come again, lighter or darker."""
    from matplotlib.colors import to_hex, to_rgb

    again, place = divmod(int(label), len(COLOURS))
    towards, share = (PAPER, INK)[again % 2 == 0], min(0.25 * ((again + 1) // 2), 0.5)
    mixed = (1 - share) * np.array(to_rgb(COLOURS[place])) + share * np.array(to_rgb(towards))
    return to_hex(tuple(mixed.tolist()))


def _check(points: np.ndarray, labels: np.ndarray, answers: np.ndarray) -> None:
    if points.ndim != 2 or points.shape[1:] != (2,) or not len(points):
        raise ValueError(f"points (n, 2) are needed, at least one, not {points.shape}")
    if labels.shape != (len(points),) or answers.shape != labels.shape:
        raise ValueError(
            f"{len(points)} points, labels {labels.shape} and answers {answers.shape} do not fit"
        )


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
    box = {"boxstyle": "round,pad=0.25", "facecolor": PAPER, "linewidth": 1.4, "alpha": 0.9}
    return axes.text(
        x,
        y,
        name,
        ha="center",
        va="center",
        fontsize=8 if small else 11,
        bbox=box | {"edgecolor": class_colour(label)},
        zorder=5,
    )


def _move_apart(figure: "Figure", axes: "Axes", names: Sequence["Text"]) -> list["Bbox"]:
    """Move names that lie on each other, a little at a time, until none does or there is no room.

    Returns:
        Where they are, in pixels.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.transforms import Bbox

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
    return [Bbox([centre - half, centre + half]) for centre, half in zip(centres, halves, strict=True)]


def _write_beside(axes: "Axes", point: np.ndarray, text: str, taken: list["Bbox"]) -> None:
    """Write label and answer of a mistake beside its cross, where there is room; then it is taken."""
    from matplotlib.patheffects import withStroke

    written = axes.annotate(
        text,
        (float(point[0]), float(point[1])),
        xytext=(0, 0),
        textcoords="offset points",
        fontsize=8,
        color=WRONG,
        path_effects=[withStroke(linewidth=2, foreground=PAPER)],
        zorder=4,
    )
    written.set_in_layout(False)
    for right, up, ha, va in BESIDE:
        written.set(position=(right, up), ha=ha, va=va)
        box = written.get_window_extent()
        inside = (
            axes.bbox.x0 < box.x0 and box.x1 < axes.bbox.x1 and axes.bbox.y0 < box.y0 < box.y1 < axes.bbox.y1
        )
        if inside and not any(box.overlaps(other) for other in taken):
            taken.append(box)
            return
    written.remove()
