import itertools
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from imagelet import plots
from imagelet.plots.style import ACCENT, PAPER, WRONG
from tests.plots.artists import colour, drawn, image_of, png, texts, title


def counts(classes: int, seed: int = 0) -> np.ndarray:
    """Return a table with many right answers, some wrong ones and some zeros."""
    generator = np.random.default_rng(seed)
    table = generator.poisson(0.7, (classes, classes))
    return table + np.diag(generator.integers(20, 2000, classes))


def names(classes: int) -> list[str]:
    return [f"class {index}" for index in range(classes)]


@pytest.mark.parametrize("classes", [2, 3, 10, 30])
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


@pytest.mark.parametrize("classes", [2, 5, 10, 17, 30])
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


@pytest.mark.parametrize("classes", [1, 2, 3, 9, 10, 11, 17, 20, 21, 29, 30, 31, 40, 41, 100])
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
