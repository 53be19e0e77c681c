"""Maps as grey pictures, each row with its own range."""

import numpy as np
import pytest

from imagelet import plots


def test_each_row_has_its_maps_and_its_range() -> None:
    maps = np.arange(2 * 3 * 4, dtype=np.float64).reshape(2, 3, 4)
    figure = plots.feature_maps([("first", maps), ("second", maps[:1] - 100)])
    rows = figure.subfigs
    assert [row.get_suptitle() for row in rows] == ["first", "second"]
    drawn = [[axes.images[0] for axes in row.axes if axes.images] for row in rows]
    assert [len(images) for images in drawn] == [2, 1]
    np.testing.assert_array_equal(drawn[0][1].get_array(), maps[1])
    assert [image.get_clim() for image in drawn[0]] == [(0, 23)] * 2
    assert drawn[1][0].get_clim() == (-100, -89)
    assert [label.get_text() for label in rows[0].axes[-1].get_yticklabels()] == ["0", "23"]


def test_a_map_of_one_number_can_be_drawn() -> None:
    figure = plots.feature_maps([("flat", np.full((1, 2, 2), 5.0))])
    assert [label.get_text() for label in figure.subfigs[0].axes[-1].get_yticklabels()] == ["5"]


@pytest.mark.parametrize(
    "rows",
    [[], [("a", np.zeros((2, 2)))], [("a", np.zeros((0, 2, 2)))], [("a", np.full((1, 1, 1), np.nan))]],
)
def test_what_are_no_maps_is_refused(rows: list[tuple[str, np.ndarray]]) -> None:
    with pytest.raises(ValueError, match="maps"):
        plots.feature_maps(rows)
