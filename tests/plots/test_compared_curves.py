import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from imagelet.plots.compared_curves import COLOURS, _apart, compared_curves
from tests.plots.artists import drawn, pixels, png, title

pytestmark = pytest.mark.portable

FIRST = {"val_accuracy": [0.2, 0.8, 0.9, 0.95], "val_loss": [2.0, 0.9, 0.5, 0.4], "loss": [9.0] * 4}
SECOND = {"val_accuracy": [0.5, 0.9], "val_loss": [1.2, 0.41]}


def curves(axes: Axes) -> list[Line2D]:
    return [line for line in axes.get_lines() if line.get_linestyle() != "None"]


def names(axes: Axes) -> dict[str, Any]:
    return {text.get_text(): text for text in axes.texts}


def test_each_panel_has_every_runs_figures_under_its_name() -> None:
    accuracy, loss = compared_curves({"one": FIRST, "two": SECOND}).axes
    for axes, figures in ((accuracy, "val_accuracy"), (loss, "val_loss")):
        assert [list(line.get_ydata()) for line in curves(axes)] == [FIRST[figures], SECOND[figures]]
        assert [list(line.get_xdata()) for line in curves(axes)] == [[1, 2, 3, 4], [1, 2]]
        for name, line in zip(("one", "two"), curves(axes), strict=True):
            assert names(axes)[name].get_color() == line.get_color()
            assert names(axes)[name].xy == (line.get_xdata()[-1], line.get_ydata()[-1])
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


@pytest.mark.parametrize("number", [1, 2, 8, 20])
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
    for axes in figure.axes:
        texts = axes.texts
        assert len({text.get_text() for text in texts}) == number
        boxes = [text.get_window_extent(renderer) for text in texts]
        assert all(box.x1 <= figure.bbox.width for box in boxes)
        assert all(box.y0 >= 0 and box.y1 <= figure.bbox.height for box in boxes)
        heights = sorted(text.get_position()[1] for text in texts)
        room = axes.get_window_extent(renderer).height / figure.dpi  # inches
        assert all((b - a) * room > 0.15 for a, b in itertools.pairwise(heights))
    assert pixels(png(figure, tmp_path)).std() > 5


def test_neighbours_differ_in_colour_and_dashes_and_all_can_be_read_on_paper() -> None:
    figure = compared_curves({str(place): FIRST for place in range(9)})
    looks = [(line.get_color(), line._dash_pattern) for line in curves(figure.axes[0])]
    assert len(set(map(str, looks))) >= 8
    assert all(one[0] != other[0] and one[1] != other[1] for one, other in itertools.pairwise(looks))
    for colour in COLOURS:
        assert 1.05 / (luminance(colour) + 0.05) > 3  # contrast to white, as WCAG asks of graphics
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


@given(st.lists(st.floats(-0.5, 1.5), max_size=12), st.floats(0.01, 0.2))
def test_places_are_moved_apart_in_their_order(places: list[float], gap: float) -> None:
    moved = _apart(places, gap)
    ranked = sorted(range(len(places)), key=lambda index: places[index])
    in_order = [moved[index] for index in ranked]
    assert all(above - below >= gap - 1e-9 for below, above in itertools.pairwise(in_order))
    highest = max(1, gap * (len(places) - 1))
    assert all(-1e-9 <= place <= highest + 1e-9 for place in moved)
    assert _apart([0.2, 0.9, 0.5], 0.1) == pytest.approx([0.2, 0.9, 0.5])  # what is apart stays


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="no curves"):
        compared_curves({})
    for wrong in ({"val_accuracy": [], "val_loss": []}, {"val_accuracy": [0.5], "val_loss": [1.0, 2.0]}):
        with pytest.raises(ValueError, match="'one' must have an accuracy and a loss"):
            compared_curves({"one": wrong})
