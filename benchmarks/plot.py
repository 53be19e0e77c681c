"""Draw accuracy over seconds of training: the course's networks, by its notes and by imagelet; the recipes.

Equal results give equal bytes, with the same version of matplotlib.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks import recipes
from benchmarks.labels import Box, place, stroke
from benchmarks.result_files import Result
from imagelet import atomic_files
from imagelet.course.lessons import trainings
from imagelet.plots.style import ACCENT, INK, MUTED, PAPER, empty_figure, house_style

PANELS = {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST", "cifar-10": "CIFAR-10"}
SALT = "imagelet"  # of the names inside the file
SMALLEST_ERROR = 1e-4  # the axis has no place for none at all

NOTES, COURSE, RECIPE = "notes", "course", "recipe"
MEANINGS = {
    NOTES: "as the course's notes print it",
    COURSE: "the same network in imagelet",
    RECIPE: "a recipe of imagelet",
}
# Open, filled, and of another form: told apart without colour too.
MARKS = {
    NOTES: {"marker": "o", "markersize": 6, "color": MUTED, "markerfacecolor": PAPER, "markeredgewidth": 1.4},
    COURSE: {"marker": "o", "markersize": 6, "color": ACCENT},
    RECIPE: {"marker": "D", "markersize": 6.5, "color": INK},
}

TIMES = {1: "1 s", 10: "10 s", 60: "1 min", 600: "10 min", 3600: "1 h", 36_000: "10 h"}
COARSE, FINE = (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9)  # ticks, each with zeros
FEWEST_TICKS = 3


@dataclass(frozen=True)
class Point:
    """A training, or several of the same.

    Attributes:
        dataset: what on.
        kind: ``notes``, ``course`` or ``recipe``.
        name: the network's or the recipe's; what stands beside the point.
        seconds: of training, the mean.
        accuracy: a share, the mean.
        seconds_deviation: over the seeds; 0 where there is one.
        accuracy_deviation: likewise.
        busy: other work ran on the machine when imagelet's was measured.
    """

    dataset: str
    kind: str
    name: str
    seconds: float
    accuracy: float
    seconds_deviation: float = 0.0
    accuracy_deviation: float = 0.0
    busy: bool = False

    @property
    def error(self) -> float:
        """The share of wrong answers."""
        return max(SMALLEST_ERROR, 1 - self.accuracy)

    @property
    def label(self) -> str:
        """The name, with a star where the seconds are too long."""
        return f"{self.name} *" if self.busy else self.name


def points(found: Mapping[str, Result]) -> list[Point]:
    """Return what there is to draw in these results; nothing where nothing of imagelet's was measured."""
    drawn = []
    for training in trainings():
        result = found.get(f"course-{training.name}")
        if result and training.notes_seconds:
            printed = training.printed[0]
            key = "test_accuracy" if printed.part == "test" else "last_val_accuracy"
            seconds = float(training.notes_seconds)
            ours = _point(training.dataset, COURSE, training.name, result, key)
            notes = Point(training.dataset, NOTES, training.name, seconds, printed.accuracy, busy=ours.busy)
            drawn += [notes, ours]
    for claim in recipes.CLAIMS:
        result = found.get(claim.name)
        if result and claim.dataset in PANELS:
            further = [f"{claim.limit:,} images"] * bool(claim.limit) + ["AVX2"] * claim.avx2
            name = ", ".join([claim.recipe, *further])
            drawn.append(_point(claim.dataset, RECIPE, name, result, "test_accuracy"))
    return drawn


def _point(dataset: str, kind: str, name: str, result: Result, key: str) -> Point:
    seconds, accuracy = result["measured"]["training_seconds"], result["measured"][key]
    return Point(
        dataset,
        kind,
        name,
        seconds=seconds["mean"],
        accuracy=accuracy["mean"],
        seconds_deviation=seconds["deviation"] or 0.0,
        accuracy_deviation=accuracy["deviation"] or 0.0,
        busy=bool(result.get("busy")),
    )


def write(drawn: Sequence[Point], path: Path) -> None:
    """Write the figure as SVG, whole or not at all."""
    settings = matplotlib.rc_context({"svg.hashsalt": SALT, "svg.fonttype": "path"})
    with house_style(), settings, atomic_files.replacing(path) as file:
        draw(drawn).savefig(file, format="svg", metadata={"Date": None, "Creator": None})


def draw(drawn: Sequence[Point]) -> Figure:
    """Return the figure: a panel for each dataset that has points."""
    shown = [dataset for dataset in PANELS if any(point.dataset == dataset for point in drawn)]
    with house_style():
        figure = empty_figure(1.2 + 3.3 * len(shown), 4.4)
        FigureCanvasAgg(figure)  # measures the labels
        panels = figure.subplots(1, len(shown), sharex=True, squeeze=False)[0]
        for axes, dataset in zip(panels, shown, strict=True):
            _draw_panel(axes, [point for point in drawn if point.dataset == dataset])
            axes.set_title(PANELS[dataset])
        _set_times(panels[0], drawn)
        panels[0].set_ylabel("accuracy")
        figure.supxlabel("training time", fontsize=10)
        _explain(figure, {point.kind for point in drawn}, columns=len(MEANINGS) if len(shown) > 1 else 1)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # the labels are placed for this layout
        for axes, dataset in zip(panels, shown, strict=True):
            _label(figure, axes, [point for point in drawn if point.dataset == dataset])
    return figure


def _draw_panel(axes: Axes, drawn: Sequence[Point]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    # Limits that matplotlib derives from a single point differ by rounding; where they are equal it warns.
    axes.set_autoscale_on(False)
    errors = [point.error for point in drawn]
    most, fewest = max(errors) * 1.5, min(errors) / 1.5
    axes.set_ylim(most, fewest)  # few errors on top
    for start, end in _pairs(drawn):
        axes.plot(
            [start.seconds, end.seconds], [start.error, end.error], color=MUTED, linewidth=0.8, zorder=1
        )
    for point in drawn:
        axes.errorbar(
            point.seconds,
            point.error,
            xerr=[[min(point.seconds_deviation, point.seconds / 2)], [point.seconds_deviation]],
            yerr=[[min(point.accuracy_deviation, point.error / 2)], [point.accuracy_deviation]],
            linestyle="none",
            elinewidth=1.2,
            zorder=2 if point.kind == NOTES else 3,
            **MARKS[point.kind],  # type: ignore[arg-type]
        )
    axes.yaxis.set_major_locator(FixedLocator(_ticks(fewest, most)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda error, _: f"{100 * (1 - error):.4g} %"))
    axes.grid(axis="y")


def _ticks(fewest: float, most: float) -> list[float]:
    """Return the shares of wrong answers that are written on the axis."""
    for figures in (COARSE, FINE):
        errors = [figure / 10**power for power in (1, 2, 3, 4) for figure in figures]
        ticks = [error for error in errors if fewest <= error <= most]
        if len(ticks) >= FEWEST_TICKS:
            break
    return ticks


def _pairs(drawn: Sequence[Point]) -> list[tuple[Point, Point]]:
    """Return each network in the notes with the same one in imagelet."""
    ours = {point.name: point for point in drawn if point.kind == COURSE}
    return [(point, ours[point.name]) for point in drawn if point.kind == NOTES]


def _set_times(axes: Axes, drawn: Sequence[Point]) -> None:
    """Let the axis, which all panels share, reach a little further than the points."""
    seconds = [point.seconds for point in drawn]
    axes.set_xlim(min(seconds) / 2, max(seconds) * 2.5)
    axes.xaxis.set_major_locator(FixedLocator(list(TIMES)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: TIMES[round(value)]))


def _explain(figure: Figure, kinds: set[str], columns: int) -> None:
    handles = [
        Line2D([], [], linestyle="none", label=meaning, **MARKS[kind])  # type: ignore[arg-type]
        for kind, meaning in MEANINGS.items()
        if kind in kinds
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=columns, handletextpad=0.2)


def _label(figure: Figure, axes: Axes, drawn: Sequence[Point]) -> None:
    """Write each network's name once, beside its point in the notes, and each recipe's."""
    labelled = [point for point in drawn if point.kind != COURSE]
    texts = [figure.text(0, 0, point.label, fontsize=9, va="bottom") for point in labelled]
    sizes = [_box(text, figure).size for text in texts]
    marks = [_place_of(point, axes, figure) for point in labelled]
    placed = place(marks, sizes, _obstacles(drawn, axes, figure), _box(axes, figure))
    width, height = (72 * inches for inches in figure.get_size_inches())
    for text, box in zip(texts, placed, strict=True):
        text.set_position((box.left / width, box.bottom / height))


def _obstacles(drawn: Sequence[Point], axes: Axes, figure: Figure) -> list[Box]:
    """Return what labels may not cover: marks, bars and lines."""
    places = {point: _place_of(point, axes, figure) for point in drawn}
    found = [Box(x - 4, y - 4, x + 4, y + 4) for x, y in places.values()]
    for start, end in _pairs(drawn):
        found += stroke(places[start], places[end])
    for point in drawn:
        for sign in (-1, 1):
            seconds = max(point.seconds + sign * point.seconds_deviation, point.seconds / 2)
            accuracy = min(point.accuracy + sign * point.accuracy_deviation, 1 - point.error / 2)
            for end in (replace(point, seconds=seconds), replace(point, accuracy=accuracy)):
                found += stroke(places[point], _place_of(end, axes, figure))
    return found


def _place_of(point: Point, axes: Axes, figure: Figure) -> tuple[float, float]:
    """Return (x, y) of a point's mark, in points from the figure's lower left corner."""
    x, y = axes.transData.transform((point.seconds, point.error)) * 72 / figure.dpi
    return float(x), float(y)


def _box(artist: Artist, figure: Figure) -> Box:
    """Return the room that something takes, in points from the figure's lower left corner."""
    return Box(*(float(side) * 72 / figure.dpi for side in artist.get_window_extent().extents))
