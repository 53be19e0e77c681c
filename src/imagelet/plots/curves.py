"""Curves: loss and accuracy over the epochs, several runs together, accuracy under corruptions."""

from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from typing import TYPE_CHECKING

from imagelet.metrics.classification import Interval
from imagelet.plots.style import (
    ACCENT,
    INK,
    LINES,
    MUTED,
    RING,
    empty_figure,
    fitted,
    house_style,
    percent,
    percent_formatter,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


MOST_MARKED = 20  # epochs whose points are marked one by one


def curves(history: Mapping[str, Sequence[float]]) -> "Figure":
    """Draw loss and accuracy over the epochs, side by side, training and validation.

    The best epoch (highest validation accuracy, among equals lowest validation loss, then the earliest) is
    marked; without validation figures none is.

    Args:
        history: ``loss``, ``accuracy`` and, each absent or empty without validation images, ``val_loss`` and
            ``val_accuracy``: one figure an epoch; losses in nats, accuracies in [0, 1].

    Raises:
        ValueError: no epochs, or figures of different length.
    """
    columns = {name: list(history.get(name, ())) for name in ("loss", "accuracy", "val_loss", "val_accuracy")}
    epochs = len(columns["loss"])
    whole = len(columns["accuracy"]) == epochs > 0
    if not whole or any(len(columns[name]) not in (0, epochs) for name in ("val_loss", "val_accuracy")):
        lengths = ", ".join(f"{name} {len(column)}" for name, column in columns.items())
        raise ValueError(f"the history must have one figure of each kind for each epoch, not {lengths}")
    best = _best_epoch(columns["val_accuracy"], columns["val_loss"])
    with house_style():
        figure = empty_figure(9.6, 3.8)
        for place, (name, unit) in enumerate((("loss", " (nats)"), ("accuracy", "")), start=1):
            axes = figure.add_subplot(1, 2, place)
            _draw(axes, columns[name], columns[f"val_{name}"], best)
            axes.set(title=name.capitalize(), xlabel="epoch", ylabel=name + unit)
            if name == "accuracy":
                axes.yaxis.set_major_formatter(percent_formatter())
            axes.legend(loc="best")
    return figure


def _draw(axes: "Axes", training: list[float], validation: list[float], best: int | None) -> None:
    from matplotlib.ticker import MaxNLocator

    epochs = range(1, len(training) + 1)
    marker = "o" if len(epochs) <= MOST_MARKED else None  # one epoch is a point, not a line
    axes.plot(epochs, training, color=MUTED, marker=marker, markersize=3.5, label="training")
    if validation:
        axes.plot(epochs, validation, color=ACCENT, marker=marker, markersize=3.5, label="validation")
    if best is not None and validation:
        axes.axvline(best, color=ACCENT, linewidth=1, linestyle=(0, (3, 3)), zorder=1)
        axes.plot([best], [validation[best - 1]], **RING, markeredgecolor=ACCENT, label=f"best epoch: {best}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(epochs) == 1:
        axes.set_xlim(0, 2)  # else the axis would show parts of an epoch
    axes.grid()


def _best_epoch(accuracies: list[float], losses: list[float]) -> int | None:
    """Return the best epoch, counted from 1; None without validation figures."""
    if not accuracies:
        return None
    costs = losses or [0.0] * len(accuracies)
    return 1 + min(range(len(accuracies)), key=lambda epoch: (-accuracies[epoch], costs[epoch], epoch))


# Dark enough to be read on paper, in turn darker and lighter: neighbours differ in grey print, too.
COLOURS = (ACCENT, "#c77700", INK, "#1f8a5b", "#8e3b9e", "#a0522d", "#0e7c86", "#6b7280")
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)))  # told apart where colours are not
WIDTH, HEIGHT = 5.4, 3.8  # inches, of a panel
WIDEST_NAME = 1.9  # inches
NAME_SIZE = 9  # points
NAME_LINE = 0.17  # inches from name to name
OUTSIDE = 1.0  # inches of the height that title and axis take
SETTLED = 4  # the first epochs, one in so many, may leave the panel: it is the end that is compared

Line = tuple[str, Sequence[float], int | None, str, object]  # name, figures, best epoch, colour, dashes


def compared_curves(
    histories: Mapping[str, Mapping[str, Sequence[float]]],
    best: Mapping[str, int] | None = None,
    *,
    same_images: bool = True,
) -> "Figure":
    """Draw the runs' validation accuracies in one panel and their validation losses in another.

    The scale is that of the epochs after the first quarter; a curve may come from beyond it.

    Args:
        histories: for each run's name ``val_accuracy``, in [0, 1], and ``val_loss``, in nats: one figure an
            epoch, at least one; the runs may differ in epochs.
        best: for some of the names the epoch, counted from 1, that a ring marks.
        same_images: whether the runs are known to have the same validation images.

    Raises:
        ValueError: no runs, or figures that are missing or of different number.
    """
    _check_runs(histories)
    marked = best or {}
    looks = zip(islice(cycle(COLOURS), len(histories)), cycle(DASHES), strict=False)
    styles = dict(zip(histories, looks, strict=True))
    with house_style(histories) as written:
        height = max(HEIGHT, NAME_LINE * len(histories) + OUTSIDE)
        figure = empty_figure(2 * WIDTH, height)
        whose = "the" if same_images else "its own"
        for place, (figures, unit) in enumerate((("accuracy", ""), ("loss", " (nats)")), start=1):
            axes = figure.add_subplot(1, 2, place)
            axes.set(
                title=f"Validation {figures}",
                xlabel="epoch" + ("; a ring marks the classifier’s" if marked else ""),
                ylabel=f"{figures} on {whose} validation images{unit}",
            )
            lines = [
                (
                    fitted(written(name), WIDEST_NAME, NAME_SIZE, "bold"),
                    history[f"val_{figures}"],
                    marked.get(name),
                    *styles[name],
                )
                for name, history in histories.items()
            ]
            _draw_run(axes, lines)
            if figures == "accuracy":
                axes.yaxis.set_major_formatter(lambda share, _place: f"{100 * share:.6g} %")
            _name_ends(axes, lines, NAME_LINE / (height - OUTSIDE))
    return figure


def _check_runs(histories: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    for name, history in histories.items():
        if not len(history["val_accuracy"]) == len(history["val_loss"]) > 0:
            raise ValueError(f"'{name}' must have an accuracy and a loss for each of at least one epoch")
    if not histories:
        raise ValueError("no curves to draw")


def _draw_run(axes: "Axes", lines: Sequence[Line]) -> None:
    from matplotlib.ticker import MaxNLocator

    longest = max(len(values) for _, values, _, _, _ in lines)
    settled = [value for _, values, _, _, _ in lines for value in values[len(values) // SETTLED :]]
    low, high = min(settled), max(settled)
    room = 0.06 * (high - low) or 0.05 * abs(high) or 0.05
    for _, values, best, colour, dashes in lines:
        marker = "o" if len(values) == 1 else None  # one epoch is a point, not a line
        axes.plot(range(1, len(values) + 1), values, color=colour, linestyle=dashes, marker=marker)
        if best is not None and 1 <= best <= len(values):
            inside = low <= values[best - 1] <= high
            axes.plot([best], [values[best - 1]], **RING, markeredgecolor=colour, clip_on=not inside)
    axes.set_ylim(low - room, high + room)
    axes.set_xlim(0 if longest == 1 else 1, max(2, longest))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid()


def _name_ends(axes: "Axes", lines: Sequence[Line], gap: float) -> None:
    """Write each name beside the panel, as high as its line ends, or a little off where names would meet."""
    low, high = axes.get_ylim()
    ends = [(values[-1] - low) / (high - low) for _, values, _, _, _ in lines]
    for (name, values, _, colour, _), place in zip(lines, _apart(ends, gap), strict=True):
        axes.annotate(
            name,
            xy=(len(values), values[-1]),
            xytext=(1.04, place),
            textcoords="axes fraction",
            annotation_clip=False,
            va="center",
            fontsize=NAME_SIZE,
            fontweight="bold",
            color=colour,
            arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.8, "linestyle": (0, (1, 3))},
        )


def _apart(places: Sequence[float], gap: float) -> list[float]:
    """Return ``places`` moved as little as it takes to be ``gap`` apart and, if they can, from 0 to 1."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = [0.0] * len(places)
    below = -gap
    for index in order:  # upwards: none under 0, none too near the one below
        below = moved[index] = max(places[index], below + gap)
    above = max(1.0, gap * (len(places) - 1)) + gap
    for index in reversed(order):  # then down again from 1
        above = moved[index] = min(moved[index], above - gap)
    return moved


PANELS_IN_A_ROW = 5
PANEL_WIDTH, PANEL_HEIGHT = 2.2, 2.0  # inches, of a panel


def corruption_curves(
    plain: float, curves: Mapping[str, Sequence[tuple[float, float, Interval]]]
) -> "Figure":
    """Draw how accuracy falls with the strength of each corruption.

    Args:
        plain: the accuracy without corruption, 0 to 1: the line across each panel.
        curves: for each panel's title the strengths, accuracies and intervals.

    Raises:
        ValueError: there are no curves.
    """
    if not curves:
        raise ValueError("no corruptions to draw")
    columns = min(PANELS_IN_A_ROW, len(curves))
    rows = -(-len(curves) // columns)
    with house_style() as _:
        figure = empty_figure(columns * PANEL_WIDTH, rows * PANEL_HEIGHT + 0.3)
        figure.suptitle(
            f"Accuracy under corruptions; without any {percent(plain)}", fontsize=11, fontweight="bold"
        )
        for place, (title, points) in enumerate(curves.items(), start=1):
            axes = figure.add_subplot(rows, columns, place)
            strengths = range(len(points))
            accuracies = [accuracy for _, accuracy, _ in points]
            axes.axhline(plain, color=MUTED, linewidth=0.8, linestyle=(0, (3, 3)))
            axes.fill_between(
                strengths,
                [interval.low for _, _, interval in points],
                [interval.high for _, _, interval in points],
                color=LINES,
            )
            axes.plot(strengths, accuracies, color=ACCENT, marker="o", markersize=4)
            axes.set_xticks(strengths, [f"{strength:g}" for strength, _, _ in points])
            axes.set_ylim(-0.02, 1.05)
            axes.yaxis.set_major_formatter(percent_formatter())
            name, _, unit = title.partition("\n")
            axes.set_title(name, fontsize=10, pad=4)
            axes.set_xlabel(unit, fontsize=8)
            axes.tick_params(labelsize=8)
            if (place - 1) % columns:
                axes.set_yticklabels([])
    return figure
