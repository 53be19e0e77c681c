"""Figures of metrics: curves over epochs and corruptions, the confusion matrix, the calibration diagram."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from imagelet.metrics.calibration import ReliabilityBin
from imagelet.metrics.classification import Interval
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
    percent,
    percent_formatter,
    shortened,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DASHED: dict[str, Any] = {"color": MUTED, "linewidth": 0.8, "linestyle": (0, (3, 3))}
RING: dict[str, Any] = {  # around the best epoch
    "linestyle": "none",
    "marker": "o",
    "markersize": 8,
    "markerfacecolor": PAPER,
    "markeredgewidth": 2,
}
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
    epochs = range(1, len(training) + 1)
    marker = "o" if len(epochs) <= MOST_MARKED else None  # one epoch is a point, not a line
    axes.plot(epochs, training, color=MUTED, marker=marker, markersize=3.5, label="training")
    if validation:
        axes.plot(epochs, validation, color=ACCENT, marker=marker, markersize=3.5, label="validation")
    if best is not None and validation:
        axes.axvline(best, color=ACCENT, linewidth=1, linestyle=(0, (3, 3)), zorder=1)
        axes.plot([best], [validation[best - 1]], **RING, markeredgecolor=ACCENT, label=f"best epoch: {best}")
    _count_epochs(axes, len(epochs))


def _count_epochs(axes: "Axes", epochs: int) -> None:
    """Draw a grid with whole epochs; a single one would else have parts of an epoch around it."""
    from matplotlib.ticker import MaxNLocator

    if epochs == 1:
        axes.set_xlim(0, 2)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
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
WIDTH, HEIGHT = 4.2, 3.8  # inches, of a panel
WIDEST_NAME = 1.9  # inches
NAME_LINE = 0.21  # inches from name to name
SETTLED = 4  # the first epochs, one in so many, may leave the panel: it is the end that is compared


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
    """
    with house_style(histories) as written:
        figure = empty_figure(2 * WIDTH + WIDEST_NAME + 0.6, max(HEIGHT, NAME_LINE * len(histories) + 0.4))
        whose = "the" if same_images else "its own"
        panels = figure.subplots(1, 2)
        for axes, figures, unit in zip(panels, ("accuracy", "loss"), ("", " (nats)"), strict=True):
            axes.set(
                title=f"Validation {figures}",
                xlabel="epoch" + ("; a ring marks the classifier’s" if best else ""),
                ylabel=f"{figures} on {whose} validation images{unit}",
            )
            _draw_runs(
                axes, {name: history[f"val_{figures}"] for name, history in histories.items()}, best or {}
            )
        panels[0].yaxis.set_major_formatter(lambda share, _place: f"{100 * share:.6g} %")
        names = [fitted(written(name), WIDEST_NAME, 10) for name in histories]
        figure.legend(panels[0].lines[: len(names)], names, loc="outside right upper", handlelength=3)
    return figure


def _draw_runs(axes: "Axes", runs: Mapping[str, Sequence[float]], best: Mapping[str, int]) -> None:
    settled = [value for values in runs.values() for value in values[len(values) // SETTLED :]]
    low, high = min(settled), max(settled)
    room = 0.06 * (high - low) or 0.05 * abs(high) or 0.05
    for values, colour, dashes in zip(runs.values(), cycle(COLOURS), cycle(DASHES), strict=False):
        marker = "o" if len(values) == 1 else None  # one epoch is a point, not a line
        axes.plot(range(1, len(values) + 1), values, color=colour, linestyle=dashes, marker=marker)
    for name, line in zip(runs, list(axes.lines), strict=True):
        if 1 <= (epoch := best.get(name, 0)) <= len(runs[name]):
            figure = runs[name][epoch - 1]
            inside = low <= figure <= high
            axes.plot([epoch], [figure], **RING, markeredgecolor=line.get_color(), clip_on=not inside)
    longest = max(map(len, runs.values()))
    axes.set(ylim=(low - room, high + room), xlim=(1, max(2, longest)))
    _count_epochs(axes, longest)


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
            axes.axhline(plain, **DASHED)
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


MOST_COUNTED = 30  # classes whose counts can be read in the cells
MOST_NAMED = 40  # classes that are all named at the axes; of more, every second, third, …
CELL = 0.46  # inches
SMALLEST_SIDE, LARGEST_SIDE = 3.0, 11.0  # inches


def confusion(confusion: Sequence[Sequence[int]] | np.ndarray, classes: Sequence[str]) -> "Figure":
    """Draw how often each label (row) got each answer (column).

    The depth of a colour is a cell's share of its row; mistakes have a colour of their own, and small
    shares of them are lifted so that they can be seen. Up to 30 classes the counts stand in the cells.

    Args:
        confusion: int ``(k, k)``, rows are labels, columns answers; ``k`` at least 1.
        classes: the ``k`` class names.

    Raises:
        ValueError: a table that is not ``(k, k)``.
    """
    from matplotlib.colors import to_rgb

    counts = np.asarray(confusion)
    if counts.shape != (len(classes), len(classes)) or not len(classes):
        raise ValueError(f"a confusion table of shape {counts.shape} for {len(classes)} classes")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)  # (k, k)
    right = np.eye(len(classes), dtype=bool)[..., None]
    depth = np.where(right, shares[..., None], np.sqrt(shares)[..., None])  # (k, k, 1)
    colours = 1 - depth * (1 - np.where(right, to_rgb(ACCENT), to_rgb(WRONG)))  # (k, k, 3)
    side = max(SMALLEST_SIDE, min(LARGEST_SIDE, CELL * len(classes)))
    with house_style(classes) as written:
        figure = empty_figure(side + 1.6, side + 1.5)
        axes = figure.add_subplot()
        axes.imshow(colours, interpolation="nearest")
        axes.set(title="Confusion", xlabel="answer", ylabel="label")
        _name_rows_and_columns(axes, [shortened(written(name)) for name in classes])
        _draw_lines(axes, len(classes))
        if len(classes) <= MOST_COUNTED:
            _write_counts(axes, counts, depth[..., 0], size=72 * side / len(classes))
    return figure


def _name_rows_and_columns(axes: "Axes", names: list[str]) -> None:
    ticks = range(0, len(names), -(-len(names) // MOST_NAMED))
    named = [names[tick] for tick in ticks]
    upright = max(len(name) for name in named) <= (3 if len(names) > 5 else 8)
    axes.set_xticks(ticks, named, rotation=0 if upright else 45, ha="center" if upright else "right")
    axes.set_yticks(ticks, named)
    for label in axes.get_xticklabels():
        label.set_rotation_mode("anchor")
    axes.tick_params(length=0)


def _draw_lines(axes: "Axes", classes: int) -> None:
    """Draw the lines between the cells."""
    borders = np.arange(classes + 1) - 0.5
    axes.vlines(borders, -0.5, classes - 0.5, color=LINES, linewidth=0.8)
    axes.hlines(borders, -0.5, classes - 0.5, color=LINES, linewidth=0.8)
    axes.spines[:].set_visible(False)


def _write_counts(axes: "Axes", counts: np.ndarray, depth: np.ndarray, size: float) -> None:
    """Write each count that is not 0 into its cell of ``size`` points."""
    letters = len(str(counts.max()))
    for row, column in np.argwhere(counts):
        axes.text(
            column,
            row,
            str(counts[row, column]),
            ha="center",
            va="center",
            fontsize=min(10.0, 0.42 * size, 1.45 * size / letters),
            color=PAPER if depth[row, column] > 0.55 else INK,
        )


SHADE = "#f2f3f5"  # under the diagonal
LOWEST_COUNT = 0.6  # where the bars of the counts begin, on their logarithmic axis


def reliability(bins: Sequence[ReliabilityBin], calibration_error: float) -> "Figure":
    """Draw accuracy against confidence, and under it how many answers have that confidence.

    Answers that can be believed lie on the diagonal: of those with 70 % seventy in a hundred are right. The
    lines are Wilson's intervals at 95 %. The counts stand on a logarithmic axis, because a good classifier
    is sure of nearly everything.

    Args:
        bins: as :func:`imagelet.metrics.calibration.reliability_bins` finds them, at least one.
        calibration_error: the mean distance from the diagonal, 0 to 1.
    """
    with house_style() as _:
        figure = empty_figure(5.2, 6.4)
        rows = figure.add_gridspec(2, 1, height_ratios=(3.4, 1), hspace=0.04)
        upper = figure.add_subplot(rows[0])
        lower = figure.add_subplot(rows[1], sharex=upper)
        upper.set_title(f"Calibration: {percent(calibration_error)} off on average")
        _draw_accuracies(upper, bins)
        _draw_counts(lower, bins)
    return figure


def _draw_accuracies(axes: "Axes", bins: Sequence[ReliabilityBin]) -> None:
    axes.fill_between([0, 1], [0, 1], 0, color=SHADE, linewidth=0)
    axes.plot([0, 1], [0, 1], **DASHED)
    confidences = [bucket.confidence for bucket in bins]
    accuracies = [bucket.accuracy for bucket in bins]
    lows, highs = zip(*(bucket.interval for bucket in bins), strict=True)
    axes.vlines(confidences, lows, highs, color=ACCENT, alpha=0.55)
    point: dict[str, Any] = {"marker": "o", "markersize": 6.5, "markeredgecolor": PAPER}
    axes.plot(confidences, accuracies, color=ACCENT, linewidth=0, **point, clip_on=False, zorder=4)
    for place, more, edges, ground in (
        ((0.04, 0.95), "more", ("left", "top"), PAPER),
        ((0.97, 0.05), "less", ("right", "bottom"), SHADE),
    ):
        axes.text(
            *place,
            f"right {more} often than it claims",
            color=MUTED,
            fontsize=9,
            ha=edges[0],
            va=edges[1],
            bbox={"facecolor": ground, "linewidth": 0, "pad": 2},  # intervals may pass behind the words
        )
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="share of right answers")
    axes.yaxis.set_major_formatter(percent_formatter())
    axes.tick_params(labelbottom=False)


def _draw_counts(axes: "Axes", bins: Sequence[ReliabilityBin]) -> None:
    """Draw a bar for each bin, with its number above."""
    most = max(bucket.images for bucket in bins)
    bars = axes.bar(
        [bucket.low for bucket in bins],
        [bucket.images - LOWEST_COUNT for bucket in bins],
        [bucket.high - bucket.low for bucket in bins],
        bottom=LOWEST_COUNT,
        align="edge",
        color=ACCENT,
        edgecolor=PAPER,
        linewidth=1.5,
    )
    axes.bar_label(bars, [f"{bucket.images:,}" for bucket in bins], padding=2, fontsize=7, color=MUTED)
    axes.set_yscale("log")
    axes.set(ylim=(LOWEST_COUNT, most * 4), xlabel="confidence: probability of the answer", ylabel="answers")
    axes.set_yticks([])
    axes.minorticks_off()
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(percent_formatter())
