"""Loss and accuracy over the epochs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from imagelet.plots.style import (
    ACCENT,
    MUTED,
    RING,
    empty_figure,
    house_style,
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
