"""Figures of a search and of a range test: what they draw, and what they refuse."""

import numpy as np
import pytest

from imagelet.plots import importance, learning_rate_range, tuning_trials


def test_each_trial_is_a_line_with_a_dot_at_its_end() -> None:
    figure = tuning_trials([[0.1, 0.5, 0.6], [0.2], [0.3, 0.4]], start=0, best=2)
    axes = figure.axes[0]
    ends = sorted(
        (float(line.get_xdata()[-1]), float(line.get_ydata()[-1]))
        for line in axes.lines
        if line.get_marker() == "o"
    )
    assert ends == [(1.0, 0.2), (2.0, 0.4), (3.0, 0.6)]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["the start", "best trial"]


def test_without_start_and_best_there_is_no_legend() -> None:
    assert tuning_trials([[0.5]]).axes[0].get_legend() is None


def test_the_most_important_field_is_on_top() -> None:
    axes = importance({"cutout": 0.1, "learning_rate": 0.7, "shift": 0.2}).axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["cutout", "shift", "learning_rate"]  # from below
    assert [bar.get_width() for bar in axes.patches] == [0.1, 0.2, 0.7]


def test_the_rates_are_written_as_numbers() -> None:
    rates = np.geomspace(1e-4, 1, 30)
    figure = learning_rate_range(rates, np.ones(30), np.ones(30), {"suggested": 0.01, "steepest": 0.02})
    axes = figure.axes[0]
    figure.canvas.draw()
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert "0.01" in labels
    assert not any("$" in label for label in labels)
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["of each step", "smoothed", "suggested: 0.01", "steepest: 0.02"]


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="no trials"):
        tuning_trials([[]])
    with pytest.raises(ValueError, match="no fields"):
        importance({})
    with pytest.raises(ValueError, match="1 rates"):
        learning_rate_range([1.0], [1.0], [1.0], {})
