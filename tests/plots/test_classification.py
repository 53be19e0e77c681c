"""The confusion matrix and the calibration diagram."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb

from imagelet import plots
from imagelet.metrics.calibration import ReliabilityBin
from imagelet.metrics.classification import Interval
from imagelet.plots.classification import reliability
from imagelet.plots.style import ACCENT, MUTED, PAPER, WRONG
from tests.plots.artists import colour, drawn, image_of, pixels, png, texts, title

pytestmark = pytest.mark.portable


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


def test_no_bins_are_refused() -> None:
    with pytest.raises(ValueError, match="no bins to draw"):
        reliability((), 0.0)
