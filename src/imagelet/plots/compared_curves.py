"""The validation figures of several runs over the epochs, each line with its name at its end."""

from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from typing import TYPE_CHECKING

from imagelet.plots.lettering import fitted
from imagelet.plots.style import ACCENT, INK, MUTED, RING, empty_figure, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Dark enough to be read on paper, in turn darker and lighter: neighbours differ in grey print, too.
COLOURS = (ACCENT, "#c77700", INK, "#1f8a5b", "#8e3b9e", "#a0522d", "#0e7c86", "#6b7280")
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)))  # told apart where colours are not
WIDTH, HEIGHT = 5.4, 3.8  # inches, of a panel
WIDEST_NAME = 1.9  # inches
NAME_SIZE = 9  # points
LINE = 0.17  # inches from name to name
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
    _check(histories)
    marked = best or {}
    looks = zip(islice(cycle(COLOURS), len(histories)), cycle(DASHES), strict=False)
    styles = dict(zip(histories, looks, strict=True))
    with house_style(histories) as written:
        height = max(HEIGHT, LINE * len(histories) + OUTSIDE)
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
            _draw(axes, lines)
            if figures == "accuracy":
                axes.yaxis.set_major_formatter(lambda share, _place: f"{100 * share:.6g} %")
            _name_ends(axes, lines, LINE / (height - OUTSIDE))
    return figure


def _check(histories: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    for name, history in histories.items():
        if not len(history["val_accuracy"]) == len(history["val_loss"]) > 0:
            raise ValueError(f"'{name}' must have an accuracy and a loss for each of at least one epoch")
    if not histories:
        raise ValueError("no curves to draw")


def _draw(axes: "Axes", lines: Sequence[Line]) -> None:
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
