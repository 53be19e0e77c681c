"""Curves: of a run, of several, of accuracy under corruptions."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from imagelet import plots
from imagelet.metrics.calibration import ReliabilityBin
from imagelet.metrics.classification import Interval
from imagelet.plots.metrics import COLOURS, compared_curves, reliability
from imagelet.plots.style import ACCENT, MUTED, PAPER, WRONG
from tests.plots.artists import colour, drawn, image_of, pixels, png, texts, title

pytestmark = pytest.mark.portable

HISTORY = {
    "loss": [1.5, 0.9, 0.6, 0.5],
    "accuracy": [0.4, 0.7, 0.8, 0.9],
    "val_loss": [1.4, 1.0, 0.8, 0.9],
    "val_accuracy": [0.45, 0.66, 0.79, 0.78],
    "learning_rate": [0.1, 0.1, 0.1, 0.1],
}
WITHOUT_VALIDATION = HISTORY | {"val_loss": [], "val_accuracy": []}


def lines(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    """Return what each entry of the legend stands for: the line of its colour and marker, (x, y)."""
    legend = axes.get_legend()
    found = {}
    for entry, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
        matching = [
            line
            for line in axes.get_lines()
            if line.get_color() == entry.get_color()
            and line.get_marker() == entry.get_marker()
            and line.get_linestyle() == entry.get_linestyle()
            and line.get_markerfacecolor() == entry.get_markerfacecolor()
        ]
        assert len(matching) == 1, f"the legend's '{text.get_text()}' looks like {len(matching)} lines"
        found[text.get_text()] = tuple(list(map(float, data)) for data in matching[0].get_data())
    return found


def test_the_legends_name_the_lines_of_the_right_figures() -> None:
    loss, accuracy = plots.curves(HISTORY).axes
    epochs = [1.0, 2.0, 3.0, 4.0]
    assert lines(loss) == {
        "training": (epochs, HISTORY["loss"]),
        "validation": (epochs, HISTORY["val_loss"]),
        "best epoch: 3": ([3.0], [0.8]),
    }
    assert lines(accuracy) == {
        "training": (epochs, HISTORY["accuracy"]),
        "validation": (epochs, HISTORY["val_accuracy"]),
        "best epoch: 3": ([3.0], [0.79]),
    }


def test_both_parts_have_a_title_and_named_axes() -> None:
    loss, accuracy = plots.curves(HISTORY).axes
    assert [title(axes).get_text() for axes in (loss, accuracy)] == ["Loss", "Accuracy"]
    assert [axes.get_xlabel() for axes in (loss, accuracy)] == ["epoch", "epoch"]
    assert [axes.get_ylabel() for axes in (loss, accuracy)] == ["loss (nats)", "accuracy"]


def test_training_and_validation_are_told_apart_by_colour() -> None:
    for axes in plots.curves(HISTORY).axes:
        training, validation, *_ = axes.get_legend().legend_handles
        assert training.get_color() != validation.get_color()


def test_a_vertical_line_stands_at_the_best_epoch() -> None:
    for axes in plots.curves(HISTORY).axes:
        upright = [line for line in axes.get_lines() if list(line.get_xdata()) == [3, 3]]
        assert len(upright) == 1
        assert list(upright[0].get_ydata()) == [0, 1]


def test_without_validation_there_is_one_line_and_no_best_epoch() -> None:
    for history in (WITHOUT_VALIDATION, {name: HISTORY[name] for name in ("loss", "accuracy")}):
        for axes, name in zip(plots.curves(history).axes, ("loss", "accuracy"), strict=True):
            assert lines(axes) == {"training": ([1.0, 2.0, 3.0, 4.0], HISTORY[name])}
            assert len(axes.get_lines()) == 1


@pytest.mark.parametrize(
    ("accuracies", "losses", "best"),
    [
        ([0.5, 0.9, 0.9, 0.9], [1.0, 0.5, 0.4, 0.4], 3),
        ([0.5, 0.5], [1.0, 1.0], 1),
        ([0.1, 0.2, 0.3], [0.1, 0.2, 0.3], 3),
        ([0.9, 0.2], [5.0, 0.1], 1),
        ([0.5, 0.6, 0.6], [], 2),
    ],
)
def test_the_best_epoch_has_the_highest_validation_accuracy_then_the_lowest_loss_then_is_the_first(
    accuracies: list[float], losses: list[float], best: int
) -> None:
    history = {
        "loss": [0.5] * len(accuracies),
        "accuracy": [0.5] * len(accuracies),
        "val_accuracy": accuracies,
        "val_loss": losses,
    }
    _, accuracy = plots.curves(history).axes
    assert [name for name in lines(accuracy) if name.startswith("best")] == [f"best epoch: {best}"]


def test_accuracies_are_written_in_percent_and_epochs_as_whole_numbers() -> None:
    for history in (HISTORY, {name: column[:2] for name, column in HISTORY.items()}):
        figure = plots.curves(history)
        drawn(figure)
        loss, accuracy = figure.axes
        assert all(label.get_text().endswith(" %") for label in accuracy.get_yticklabels())
        assert not any("%" in label.get_text() for label in loss.get_yticklabels())
        for label in [*loss.get_xticklabels(), *accuracy.get_xticklabels()]:
            assert label.get_text().replace("−", "-").lstrip("-").isdigit()


def test_a_single_epoch_is_seen_as_a_point() -> None:
    figure = plots.curves({name: column[:1] for name, column in HISTORY.items()})
    for axes in figure.axes:
        training, validation = axes.get_lines()[:2]
        assert training.get_marker() == validation.get_marker() == "o"
    drawn(figure)


def test_many_epochs_are_plain_lines() -> None:
    history = {name: list(np.linspace(0.9, 0.1, 200)) for name in HISTORY}
    training = plots.curves(history).axes[0].get_lines()[0]
    assert training.get_marker() in (None, "None", "none")


@settings(deadline=None, max_examples=5)
@given(st.integers(1, 60), st.booleans(), st.integers(0, 99))
def test_any_history_can_be_drawn(epochs: int, validated: bool, seed: int) -> None:
    values = np.random.default_rng(seed).uniform(0, 1, (4, epochs))
    history = dict(zip(("loss", "accuracy", "val_loss", "val_accuracy"), values.tolist(), strict=True))
    figure = plots.curves(history if validated else {**history, "val_loss": [], "val_accuracy": []})
    drawn(figure)
    assert lines(figure.axes[0])["training"][1] == history["loss"]


@pytest.mark.parametrize(
    "history",
    [
        {},
        {"loss": [], "accuracy": []},
        {"loss": [1.0], "accuracy": []},
        {"loss": [1.0]},
        {"accuracy": [1.0]},
        {"loss": [1.0, 0.5], "accuracy": [0.5]},
        {"loss": [1.0, 0.5], "accuracy": [0.5, 0.6], "val_loss": [1.0]},
        {"loss": [1.0, 0.5], "accuracy": [0.5, 0.6], "val_accuracy": [0.1, 0.2, 0.3]},
    ],
)
def test_a_history_with_holes_is_refused(history: dict[str, list[float]]) -> None:
    with pytest.raises(ValueError, match="one figure of each kind for each epoch"):
        plots.curves(history)


FIRST = {"val_accuracy": [0.2, 0.8, 0.9, 0.95], "val_loss": [2.0, 0.9, 0.5, 0.4], "loss": [9.0] * 4}
SECOND = {"val_accuracy": [0.5, 0.9], "val_loss": [1.2, 0.41]}


def curves(axes: Axes) -> list[Line2D]:
    return [line for line in axes.get_lines() if line.get_linestyle() != "None"]


def named(figure: Figure) -> dict[str, Line2D]:
    """Return the lines of the legend by their names."""
    (legend,) = figure.legends
    return dict(zip([text.get_text() for text in legend.texts], legend.legend_handles, strict=True))


def test_each_panel_has_every_runs_figures_under_its_name() -> None:
    figure = compared_curves({"one": FIRST, "two": SECOND})
    accuracy, loss = figure.axes
    for axes, figures in ((accuracy, "val_accuracy"), (loss, "val_loss")):
        assert [list(line.get_ydata()) for line in curves(axes)] == [FIRST[figures], SECOND[figures]]
        assert [list(line.get_xdata()) for line in curves(axes)] == [[1, 2, 3, 4], [1, 2]]
        for name, line in zip(("one", "two"), curves(axes), strict=True):
            assert named(figure)[name].get_color() == line.get_color()
    assert [title(axes).get_text() for axes in (accuracy, loss)] == ["Validation accuracy", "Validation loss"]
    assert [axes.get_xlabel() for axes in (accuracy, loss)] == ["epoch", "epoch"]
    assert accuracy.get_ylabel() == "accuracy on the validation images"
    assert loss.get_ylabel() == "loss on the validation images (nats)"


def test_own_validation_images_are_called_so() -> None:
    accuracy, loss = compared_curves({"one": FIRST, "two": SECOND}, same_images=False).axes
    assert accuracy.get_ylabel() == "accuracy on its own validation images"
    assert loss.get_ylabel() == "loss on its own validation images (nats)"


def test_a_ring_marks_the_best_epoch_and_the_axis_says_so() -> None:
    for axes in compared_curves({"one": FIRST, "two": SECOND}, {"one": 3}).axes:
        (ring,) = [line for line in axes.get_lines() if line not in curves(axes)]
        line = curves(axes)[0]
        assert (list(ring.get_xdata()), list(ring.get_ydata())) == ([3], [line.get_ydata()[2]])
        assert ring.get_markeredgecolor() == line.get_color()
        assert axes.get_xlabel() == "epoch; a ring marks the classifier’s"


def test_the_scale_is_that_of_the_later_epochs() -> None:
    start = {
        "val_accuracy": [0.1, *np.linspace(0.97, 0.99, 11)],
        "val_loss": [9.0, *np.linspace(0.2, 0.1, 11)],
    }
    accuracy, loss = compared_curves({"one": start, "two": SECOND | start}).axes
    assert 0.9 < accuracy.get_ylim()[0] < 0.97 + 0.02 < accuracy.get_ylim()[1] < 1
    assert 0 < loss.get_ylim()[0] < 0.1 < loss.get_ylim()[1] < 0.3


def test_ticks_are_shares_without_idle_digits() -> None:
    figure = compared_curves({"one": FIRST, "two": SECOND})
    drawn(figure)
    ticks = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert "80 %" in ticks
    assert not any(".0" in tick for tick in ticks)


@pytest.mark.parametrize("number", [1, 2, 20])
def test_names_neither_meet_nor_leave_the_figure(number: int, tmp_path: Any) -> None:
    histories = {
        f"{place} is a run with a very long name that needs cutting": {
            "val_accuracy": [0.5, 0.9 + place / 10_000],
            "val_loss": [1.0, 0.3],
        }
        for place in range(number)
    }
    figure = compared_curves(histories, dict.fromkeys(histories, 2))
    renderer = drawn(figure).get_renderer()
    (legend,) = figure.legends
    texts = legend.get_texts()
    assert len({text.get_text() for text in texts}) == number
    boxes = [artist.get_window_extent(renderer) for artist in [*texts, *figure.axes]]
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])
        assert box.x1 <= figure.bbox.width
        assert box.y0 >= 0
        assert box.y1 <= figure.bbox.height
    assert pixels(png(figure, tmp_path)).std() > 5


def test_neighbours_differ_in_colour_and_dashes_and_all_can_be_read_on_paper() -> None:
    figure = compared_curves({str(place): FIRST for place in range(9)})
    looks = [(line.get_color(), line._dash_pattern) for line in curves(figure.axes[0])]
    assert len(set(map(str, looks))) >= 8
    assert all(one[0] != other[0] and one[1] != other[1] for one, other in itertools.pairwise(looks))
    for line_colour in COLOURS:
        assert 1.05 / (luminance(line_colour) + 0.05) > 3  # contrast to white, as WCAG asks of graphics
    grey = [luminance(colour) for colour in COLOURS[:3]]
    assert all(abs(one - other) > 0.05 for one, other in itertools.combinations(grey, 2))


def luminance(colour: str) -> float:
    """Return the relative luminance after WCAG 2."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_one_epoch_is_a_point_and_equal_curves_have_a_scale() -> None:
    one = {"val_accuracy": [1.0], "val_loss": [0.0]}
    figure = compared_curves({"one": one, "two": one}, {"one": 1})
    drawn(figure)
    assert all(line.get_marker() == "o" for axes in figure.axes for line in curves(axes))
    assert all(low < high for axes in figure.axes for low, high in [axes.get_ylim()])


Curve = list[tuple[float, float, Interval]]
FALLING: Curve = [
    (10, 0.9, Interval(0.85, 0.95)),
    (22.5, 0.6, Interval(0.5, 0.68)),
    (45, 0.1, Interval(0.05, 0.2)),
]


def lines_of_shift_curves(axes: Axes) -> dict[str, Any]:
    return {colour(line): np.asarray(line.get_ydata(), float).tolist() for line in axes.lines}


def test_a_panel_holds_the_accuracies_their_intervals_and_the_accuracy_without_corruption() -> None:
    (panel,) = plots.corruption_curves(0.97, {"rotation\ndegrees": FALLING}).axes
    assert title(panel).get_text() == "rotation"
    assert panel.get_xlabel() == "degrees"
    assert lines_of_shift_curves(panel) == {ACCENT: [0.9, 0.6, 0.1], MUTED: [0.97, 0.97]}
    assert [label.get_text() for label in panel.get_xticklabels()] == ["10", "22.5", "45"]
    (band,) = panel.collections
    corners = {(round(x), round(y, 3)) for x, y in band.get_paths()[0].vertices}
    assert corners == {(0, 0.85), (0, 0.95), (1, 0.5), (1, 0.68), (2, 0.05), (2, 0.2)}


def test_the_heading_names_the_accuracy_without_corruption() -> None:
    figure = plots.corruption_curves(0.5, {"blur\npixels": FALLING})
    assert figure.get_suptitle() == "Accuracy under corruptions; without any 50.0 %"


@pytest.mark.parametrize(("number", "rows"), [(1, 1), (5, 1), (6, 2), (11, 3)])
def test_all_curves_stand_in_rows_of_one_scale(number: int, rows: int) -> None:
    curves = {f"shift {place}\nunit {place}": FALLING[: 1 + place % 3] for place in range(number)}
    figure = plots.corruption_curves(0.9, curves)
    drawn(figure)
    assert [title(panel).get_text() for panel in figure.axes] == [f"shift {place}" for place in range(number)]
    assert len({round(panel.get_position().y0, 3) for panel in figure.axes}) == rows
    assert len({panel.get_ylim() for panel in figure.axes}) == 1
    low, high = figure.axes[0].get_ylim()
    assert low <= 0 < 1 <= high
    assert {label.get_text() for label in figure.axes[0].get_yticklabels()} >= {"0 %", "100 %"}


def test_titles_neither_meet_nor_leave_the_figure(tmp_path: Path) -> None:
    names = ("rotation\ndegrees", "contrast\nof the full one", "thin\npixels a side", "noise\nof 255 levels")
    curves = dict.fromkeys((*names, "inversion\n", "shift\n% of the side"), FALLING)
    figure = plots.corruption_curves(0.9, curves)
    canvas = drawn(figure)
    artists = [figure._suptitle, *map(title, figure.axes), *[axes.xaxis.label for axes in figure.axes]]
    boxes = [artist.get_window_extent(canvas.get_renderer()) for artist in artists if artist.get_text()]
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
    assert pixels(png(figure, tmp_path)).std() > 5


def test_no_curves_are_refused() -> None:
    with pytest.raises(ValueError, match="no corruptions to draw"):
        plots.corruption_curves(0.9, {})


def counts(classes: int, seed: int = 0) -> np.ndarray:
    """Return a table with many right answers, some wrong ones and some zeros."""
    generator = np.random.default_rng(seed)
    table = generator.poisson(0.7, (classes, classes))
    return table + np.diag(generator.integers(20, 2000, classes))


def names(classes: int) -> list[str]:
    return [f"class {index}" for index in range(classes)]


@pytest.mark.parametrize("classes", [2, 30])
def test_the_cells_texts_are_the_counts_that_are_not_zero(classes: int) -> None:
    table = counts(classes)
    (axes,) = plots.confusion(table, names(classes)).axes
    written = {(row, column): text for column, row, text in texts(axes)}
    assert written == {(row, column): str(table[row, column]) for row, column in np.argwhere(table)}
    assert (table == 0).any() or classes == 2


def test_labels_are_rows_and_answers_columns() -> None:
    table = np.array([[5, 7], [0, 9]])
    figure = plots.confusion(table, ["cat", "dog"])
    (axes,) = figure.axes
    canvas = drawn(figure)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("answer", "label")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["cat", "dog"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]
    seven = next(text for text in axes.texts if text.get_text() == "7").get_window_extent(canvas.renderer)
    nine = next(text for text in axes.texts if text.get_text() == "9").get_window_extent(canvas.renderer)
    assert seven.y0 > nine.y1  # the first label is the upper row
    assert abs(seven.x0 + seven.x1 - nine.x0 - nine.x1) < 2  # both answered "dog"
    assert title(axes).get_text() == "Confusion"


def test_a_cells_colour_deepens_with_its_share_and_mistakes_have_their_own() -> None:
    table = [[8, 2, 0], [0, 10, 0], [5, 0, 5]]
    colours = image_of(plots.confusion(table, names(3)).axes[0])
    assert colours.shape == (3, 3, 3)
    assert colours[1, 1] == pytest.approx(to_rgb(ACCENT))
    assert colours[0, 2] == pytest.approx((1, 1, 1))
    assert colours[0, 0] == pytest.approx(1 - 0.8 * (1 - np.array(to_rgb(ACCENT))))
    assert colours[2, 0] == pytest.approx(1 - np.sqrt(0.5) * (1 - np.array(to_rgb(WRONG))))
    assert colours[2, 0].sum() < colours[0, 1].sum() < 3


def test_a_row_without_images_stays_empty_and_divides_by_nothing() -> None:
    colours = image_of(plots.confusion([[3, 0], [0, 0]], names(2)).axes[0])
    assert colours[1] == pytest.approx(np.ones((2, 3)))


def test_counts_are_light_on_deep_colours_and_dark_on_pale_ones() -> None:
    (axes,) = plots.confusion([[90, 1], [40, 60]], names(2)).axes
    found = {text.get_text(): colour(text) for text in axes.texts}
    assert found["90"] == found["60"] == found["40"] == PAPER
    assert found["1"] != PAPER


@pytest.mark.parametrize("classes", [2, 17, 30])
def test_counts_stay_inside_their_cells(classes: int) -> None:
    figure = plots.confusion(np.eye(classes, dtype=int) * 12345, names(classes))
    (axes,) = figure.axes
    canvas = drawn(figure)
    cell = axes.get_window_extent(canvas.renderer).width / classes
    assert len(axes.texts) == classes
    for text in axes.texts:
        extent = text.get_window_extent(canvas.renderer)
        assert extent.width < cell
        assert extent.height < cell


@pytest.mark.parametrize("classes", [1, 5, 6, 30, 31, 40, 41, 100])
def test_any_number_of_classes_can_be_drawn(classes: int, tmp_path: Path) -> None:
    figure = plots.confusion(counts(classes), names(classes))
    (axes,) = figure.axes
    ticks = [int(tick) for tick in axes.get_xticks()]
    assert [label.get_text() for label in axes.get_yticklabels()] == [f"class {tick}" for tick in ticks]
    assert ticks == list(axes.get_yticks())
    assert len(ticks) <= 40
    assert ticks[0] == 0
    assert (len(axes.texts) > 0) == (classes <= 30)
    if classes in (1, 2, 100):
        assert len(png(figure, tmp_path)) > 5000
        assert max(figure.get_size_inches()) < 13


@pytest.mark.parametrize("classes", [10, 30, 100])
def test_neighbouring_names_do_not_touch(classes: int) -> None:
    table = np.eye(classes, dtype=int)
    figure = plots.confusion(table, [f"a long class name {index}" for index in range(classes)])
    canvas = drawn(figure)
    extents = [label.get_window_extent(canvas.renderer) for label in figure.axes[0].get_yticklabels()]
    for upper, lower in itertools.pairwise(extents):
        assert lower.y1 <= upper.y0 + 1
    edges = [label.get_window_extent(canvas.renderer) for label in figure.axes[0].get_xticklabels()]
    assert min(extent.x0 for extent in [*edges, *extents]) >= -1
    assert min(extent.y0 for extent in edges) >= -1


def test_long_names_are_cut_and_short_ones_stand_upright() -> None:
    long, short = "a name that is far too long for an axis", "7"
    (axes,) = plots.confusion(counts(2), [long, short]).axes
    first, second = axes.get_yticklabels()
    assert first.get_text() == "a name that is fa…"
    assert second.get_text() == "7"
    assert axes.get_xticklabels()[0].get_rotation() == 45
    digits = plots.confusion(counts(10), [str(digit) for digit in range(10)]).axes[0]
    assert digits.get_xticklabels()[0].get_rotation() == 0


@pytest.mark.parametrize(
    ("table", "classes"),
    [
        ([[1, 0], [0, 1]], ["a"]),
        ([[1, 0], [0, 1]], ["a", "b", "c"]),
        ([[1, 0]], ["a"]),
        ([1, 0], ["a", "b"]),
        ([], []),
        (np.zeros((0, 0)), []),
    ],
)
def test_a_table_of_another_shape_is_refused(table: object, classes: list[str]) -> None:
    with pytest.raises(ValueError, match="a confusion table of shape"):
        plots.confusion(table, classes)  # type: ignore[arg-type]


BINS = (
    ReliabilityBin(0.2, 0.4, 3, 0.35, 1 / 3, Interval(0.06, 0.79)),
    ReliabilityBin(0.6, 0.8, 40, 0.72, 0.75, Interval(0.6, 0.86)),
    ReliabilityBin(0.8, 1.0, 9957, 0.99, 0.98, Interval(0.977, 0.983)),
)


def test_each_bin_is_a_point_with_its_interval_beside_the_diagonal() -> None:
    upper, _ = reliability(BINS, 0.012).axes
    lines = {colour(line): line.get_xydata().tolist() for line in upper.lines}
    assert lines[ACCENT] == [[0.35, 1 / 3], [0.72, 0.75], [0.99, 0.98]]
    assert lines[MUTED] == [[0, 0], [1, 1]]
    (intervals,) = [each for each in upper.collections if isinstance(each, LineCollection)]
    assert [segment.tolist() for segment in intervals.get_segments()] == [
        [[0.35, 0.06], [0.35, 0.79]],
        [[0.72, 0.6], [0.72, 0.86]],
        [[0.99, 0.977], [0.99, 0.983]],
    ]
    assert (upper.get_xlim(), upper.get_ylim()) == ((0, 1), (0, 1))
    assert title(upper).get_text() == "Calibration: 1.2 % off on average"


def test_each_bin_is_a_bar_with_its_number() -> None:
    _, lower = reliability(BINS, 0.012).axes
    bars = [
        (each.get_x(), each.get_x() + each.get_width(), each.get_y() + each.get_height())
        for each in lower.patches
    ]
    assert np.allclose(bars, [(0.2, 0.4, 3), (0.6, 0.8, 40), (0.8, 1.0, 9957)])
    assert [text for _, _, text in texts(lower)] == ["3", "40", "9,957"]
    assert lower.get_yscale() == "log"


@pytest.mark.parametrize(
    "bins", [BINS, BINS[:1], (ReliabilityBin(0.9, 1.0, 1, 1.0, 1.0, Interval(0.2, 1.0)),)]
)
def test_nothing_leaves_the_figure(bins: tuple[ReliabilityBin, ...], tmp_path: Path) -> None:
    figure = reliability(bins, 0.0)
    canvas = drawn(figure)
    written = [text for axes in figure.axes for text in (*axes.texts, axes.xaxis.label, axes.yaxis.label)]
    for text in (*written, title(figure.axes[0])):
        box = text.get_window_extent(canvas.get_renderer())
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
    upper, lower = figure.axes
    assert upper.get_position().x0 == pytest.approx(lower.get_position().x0)
    assert upper.get_position().x1 == pytest.approx(lower.get_position().x1)
    assert pixels(png(figure, tmp_path)).std() > 5


def test_equal_figures_give_equal_bytes(tmp_path: Path) -> None:
    assert png(reliability(BINS, 0.1), tmp_path) == png(reliability(BINS, 0.1), tmp_path)
