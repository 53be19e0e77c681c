"""Figures of a search (its trials over their epochs, how important fields are) and of a range test."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from imagelet.plots.style import (
    ACCENT,
    INK,
    MUTED,
    empty_figure,
    fitted,
    house_style,
    percent,
    percent_formatter,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ENDED = "#b4bcc6"  # trials that ended early: lighter than any line that is named
BAR = 0.36  # inches
WIDEST_FIELD = 2.2  # inches
MOST_OUTSIDE = 1.25  # times the loss of the first steps: the top of the figure


def tuning_trials(
    histories: Sequence[Sequence[float]], *, start: int | None = None, best: int | None = None
) -> "Figure":
    """Draw each trial's validation accuracy over its epochs; a dot is where a trial ended.

    Args:
        histories: for each trial an accuracy an epoch, 0 to 1; at least one trial with one epoch.
        start: which of them is the start, if one is.
        best: which of them is the best, if one is.

    Raises:
        ValueError: there is no epoch to draw.
    """
    from matplotlib.ticker import MaxNLocator

    longest = max((len(history) for history in histories), default=0)
    if not longest:
        raise ValueError("no trials to draw")
    named: dict[int | None, tuple[str, str]] = {start: (INK, "the start"), best: (ACCENT, "best trial")}
    with house_style():
        figure = empty_figure(7.2, 4.0)
        axes = figure.add_subplot()
        for place, history in enumerate(histories):
            if history and place not in named:
                _draw_trial(axes, history, ENDED, 1.0, 2, "")
        for which, (colour, label) in named.items():
            if which is not None and histories[which]:
                _draw_trial(axes, histories[which], colour, 2.2, 3, label)
        axes.set(title=f"{len(histories)} trials", xlabel="epoch", ylabel="validation accuracy")
        axes.set_xlim(0.5, longest + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.yaxis.set_major_formatter(percent_formatter())
        axes.grid()
        if any(which is not None for which in named):
            axes.legend(loc="lower right")
    return figure


def _draw_trial(
    axes: "Axes", history: Sequence[float], colour: str, width: float, order: int, label: str
) -> None:
    epochs = range(1, len(history) + 1)
    axes.plot(epochs, history, color=colour, linewidth=width, zorder=order, label=label or "_")
    axes.plot([len(history)], [history[-1]], "o", color=colour, markersize=2 + width, zorder=order)


def importance(shares: Mapping[str, float]) -> "Figure":
    """Draw how much of the difference between trials each field explains, the most important on top.

    Args:
        shares: for each field's name its share, 0 to 1; at least one.

    Raises:
        ValueError: there are none.
    """
    if not shares:
        raise ValueError("no fields to draw")
    names = sorted(shares, key=lambda name: shares[name])
    values = [shares[name] for name in names]
    with house_style(names) as written:
        figure = empty_figure(7.2, BAR * len(names) + 1.0)
        axes = figure.add_subplot()
        axes.barh(
            [fitted(written(name), WIDEST_FIELD, 9) for name in names], values, color=ACCENT, height=0.62
        )
        for row, value in enumerate(values):
            axes.annotate(
                percent(value), (value, row), (4, 0), textcoords="offset points", va="center", fontsize=9
            )
        axes.set(title="What made trials differ", xlim=(0, 1.12 * max(values) or 1))
        axes.set_xlabel("share of the differences after the first rung")
        axes.xaxis.set_major_formatter(percent_formatter())
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.grid(axis="x")
    return figure


def learning_rate_range(
    rates: Sequence[float], losses: Sequence[float], smoothed: Sequence[float], marks: Mapping[str, float]
) -> "Figure":
    """Draw the loss over the learning rate, on a logarithmic axis.

    Args:
        rates: of each step, rising, at least two.
        losses: of each step, in nats.
        smoothed: their moving average.
        marks: a rate for each label; the first stands out.

    Raises:
        ValueError: fewer than two steps, or lengths that differ.
    """
    if len(rates) < 2 or not len(rates) == len(losses) == len(smoothed):
        raise ValueError(f"{len(rates)} rates, {len(losses)} losses and {len(smoothed)} smoothed ones")
    with house_style():
        figure = empty_figure(8.6, 4.0)
        axes = figure.add_subplot()
        axes.plot(rates, losses, color=ENDED, linewidth=1, label="of each step")
        axes.plot(rates, smoothed, color=INK, linewidth=2, label="smoothed")
        for place, (label, rate) in enumerate(marks.items()):
            colour = MUTED if place else ACCENT
            text = f"{label}: {rate:.2g}"
            axes.axvline(rate, color=colour, linewidth=1.6, linestyle="--" if place else "-", label=text)
        lowest, first = float(np.min(smoothed)), float(smoothed[0])
        axes.set(xscale="log", xlim=(rates[0], rates[-1]), xlabel="learning rate", ylabel="loss (nats)")
        axes.set_ylim(0.9 * lowest, max(MOST_OUTSIDE * first, 1.1 * lowest))
        axes.xaxis.set_major_formatter(lambda rate, _place: f"{rate:g}")
        axes.set_title("Learning rate range test")
        axes.grid()
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure
