from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes

from imagelet import plots
from imagelet.metrics.classification import Interval
from imagelet.plots.style import ACCENT, MUTED
from tests.plots.artists import colour, drawn, pixels, png, title

Curve = list[tuple[float, float, Interval]]
FALLING: Curve = [
    (10, 0.9, Interval(0.85, 0.95)),
    (22.5, 0.6, Interval(0.5, 0.68)),
    (45, 0.1, Interval(0.05, 0.2)),
]


def lines(axes: Axes) -> dict[str, Any]:
    return {colour(line): np.asarray(line.get_ydata(), float).tolist() for line in axes.lines}


def test_a_panel_holds_the_accuracies_their_intervals_and_the_accuracy_without_a_shift() -> None:
    (panel,) = plots.shift_curves(0.97, {"rotation\ndegrees": FALLING}).axes
    assert title(panel).get_text() == "rotation"
    assert panel.get_xlabel() == "degrees"
    assert lines(panel) == {ACCENT: [0.9, 0.6, 0.1], MUTED: [0.97, 0.97]}
    assert [label.get_text() for label in panel.get_xticklabels()] == ["10", "22.5", "45"]
    (band,) = panel.collections
    corners = {(round(x), round(y, 3)) for x, y in band.get_paths()[0].vertices}
    assert corners == {(0, 0.85), (0, 0.95), (1, 0.5), (1, 0.68), (2, 0.05), (2, 0.2)}


def test_the_heading_names_the_accuracy_without_a_shift() -> None:
    figure = plots.shift_curves(0.5, {"blur\npixels": FALLING})
    assert figure.get_suptitle() == "Accuracy under shifts; without any 50.0 %"


@pytest.mark.parametrize(("number", "rows"), [(1, 1), (2, 1), (5, 1), (6, 2), (10, 2), (11, 3)])
def test_all_curves_stand_in_rows_of_one_scale(number: int, rows: int) -> None:
    curves = {f"shift {place}\nunit {place}": FALLING[: 1 + place % 3] for place in range(number)}
    figure = plots.shift_curves(0.9, curves)
    drawn(figure)
    assert [title(panel).get_text() for panel in figure.axes] == [f"shift {place}" for place in range(number)]
    assert len({round(panel.get_position().y0, 3) for panel in figure.axes}) == rows
    assert len({panel.get_ylim() for panel in figure.axes}) == 1
    low, high = figure.axes[0].get_ylim()
    assert low <= 0 < 1 <= high
    assert {label.get_text() for label in figure.axes[0].get_yticklabels()} >= {"0 %", "100 %"}


@pytest.mark.portable
def test_titles_neither_meet_nor_leave_the_figure(tmp_path: Path) -> None:
    names = ("rotation\ndegrees", "contrast\nof the full one", "thin\npixels a side", "noise\nof 255 levels")
    figure = plots.shift_curves(0.9, dict.fromkeys((*names, "inversion\n", "shift\n% of the side"), FALLING))
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
    with pytest.raises(ValueError, match="no shifts to draw"):
        plots.shift_curves(0.9, {})
