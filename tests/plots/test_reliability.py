"""The calibration diagram, read from its artists."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from imagelet.metrics.classification import Interval
from imagelet.metrics.reliability import Bin
from imagelet.plots.reliability import reliability
from imagelet.plots.style import ACCENT, MUTED
from tests.plots.artists import colour, drawn, pixels, png, texts, title

pytestmark = pytest.mark.portable

BINS = (
    Bin(0.2, 0.4, 3, 0.35, 1 / 3, Interval(0.06, 0.79)),
    Bin(0.6, 0.8, 40, 0.72, 0.75, Interval(0.6, 0.86)),
    Bin(0.8, 1.0, 9957, 0.99, 0.98, Interval(0.977, 0.983)),
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


@pytest.mark.parametrize("bins", [BINS, BINS[:1], (Bin(0.9, 1.0, 1, 1.0, 1.0, Interval(0.2, 1.0)),)])
def test_nothing_leaves_the_figure(bins: tuple[Bin, ...], tmp_path: Path) -> None:
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
