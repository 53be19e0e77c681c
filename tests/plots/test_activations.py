"""Inside a layer: activation maps, filters, flat values, histograms."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from imagelet import plots
from imagelet.plots.activations import filters, layer_histograms, layer_maps
from imagelet.plots.style import norm_of, value_colours
from tests.plots.artists import drawn, pixels, png


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


GENERATOR = np.random.default_rng(0)


def axes_of(figure: Figure) -> Axes:
    (axes,) = figure.axes
    return axes


def written(figure: Figure) -> list[str]:
    return [text.get_text() for text in axes_of(figure).texts]


def maps(number: int, height: int = 6, width: int = 5) -> np.ndarray:
    return GENERATOR.normal(size=(height, width, number)).astype(np.float32)


class TestColours:
    def test_have_paper_at_zero_blue_above_and_red_below(self) -> None:
        colours, norm = value_colours(), norm_of(2.0)
        assert to_hex(colours(norm(0.0))) == "#ffffff"
        red, _, blue = colours(norm(1.0))[:3]
        assert blue > red + 0.3
        red, _, blue = colours(norm(-1.0))[:3]
        assert red > blue + 0.3

    def test_grow_darker_with_the_distance_from_zero(self) -> None:
        colours, norm = value_colours(), norm_of(1.0)
        for sign in (-1, 1):
            light = [sum(colours(norm(sign * share))[:3]) for share in np.linspace(0, 1, 30)]
            assert light == sorted(light, reverse=True)


class TestMaps:
    def test_are_crisp_and_framed(self) -> None:
        values = maps(7)
        axes = axes_of(layer_maps(values, [(-3, 3)] * 7, "conv1"))
        images = axes.images[:7]
        for place, image in enumerate(images):
            np.testing.assert_array_equal(np.asarray(image.get_array()), values[:, :, place])
            assert image.get_interpolation() == "nearest"
            assert image.get_clim() == (-3, 3)
            left, right, bottom, top = image.get_extent()
            assert (right - left) % 5 == (bottom - top) % 6 == 0
            assert (right - left) / 5 == (bottom - top) / 6
        assert len(axes.patches) == len(axes.images) == 8  # one is the legend

    def test_each_number_is_one_square_of_one_colour(self, tmp_path: Path) -> None:
        figure = layer_maps(np.array([[[0.0], [1.0]], [[-1.0], [0.5]]]), [(-1, 1)], "conv1")
        left, right, bottom, top = (int(each) for each in axes_of(figure).images[0].get_extent())
        sheet = pixels(png(figure, tmp_path))
        half = (right - left) // 2
        inside = [(0, 0, 0.0), (0, 1, 1.0), (1, 0, -1.0), (1, 1, 0.5)]
        for row, column, number in inside:
            y, x = top + row * half, left + column * half
            square = sheet[y + 3 : y + half - 3, x + 3 : x + half - 3].reshape(-1, 3)
            assert (square == square[0]).all()
            expected = np.array(value_colours()(norm_of(1)(number))[:3]) * 255
            np.testing.assert_allclose(square[0], expected, atol=2)
        assert bottom - top == 2 * half

    def test_of_one_range_have_a_legend_with_numbers(self) -> None:
        found = written(layer_maps(maps(3), [(-2.5, 2.5)] * 3, "conv1", "of all layers"))
        assert found[:2] == ["conv1", "of all layers"]
        assert found[-3:] == ["-2.5", "2.5", "0"]
        assert written(layer_maps(abs(maps(3)), [(0, 4)] * 3, "relu1"))[-2:] == ["0", "4"]

    def test_of_different_ranges_have_each_its_own(self) -> None:
        figure = layer_maps(maps(3), [(-2, 2), (0, 0.5), (-3, 0)], "conv1")
        assert [image.get_clim() for image in axes_of(figure).images[:3]] == [(-2, 2), (-0.5, 0.5), (-3, 3)]
        found = written(figure)
        assert {"±2", "0 to 0.5", "-3 to 0", "of each map, written above it", "−largest"} <= set(found)

    def test_of_zeros_have_no_scale(self) -> None:
        figure = layer_maps(np.zeros((2, 2, 3)), [(0, 0)] * 3, "relu1")
        assert "every number is 0" in written(figure)
        drawn(figure)

    def test_that_are_too_many_are_counted(self) -> None:
        figure = layer_maps(maps(100), [(-3, 3)] * 100, "conv1")
        assert len(axes_of(figure).images) == 65
        assert "the first 64 of 100 maps" in written(figure)
        assert "63" in written(figure)

    def test_stand_beside_the_image(self) -> None:
        image = np.zeros((28, 28, 1), np.uint8)
        shown = axes_of(layer_maps(maps(2), [(-3, 3)] * 2, "conv1", image=image)).images[0]
        assert np.asarray(shown.get_array()).shape == (28, 28, 3)
        assert shown.get_extent()[1] - shown.get_extent()[0] == 84

    @pytest.mark.parametrize("shape", [(1, 1, 1), (300, 2, 3), (2, 300, 3), (64, 64, 64), (5, 7, 13), (4, 9)])
    def test_of_any_shape_lie_on_the_sheet_and_apart(self, shape: tuple[int, ...]) -> None:
        number = shape[2] if len(shape) == 3 else 1
        figure = layer_maps(GENERATOR.normal(size=shape), [(-3, 3)] * number, "a title " * 40)
        axes = axes_of(figure)
        right, bottom = axes.get_xlim()[1], axes.get_ylim()[0]
        assert [right, bottom] == [int(side * 144) for side in figure.get_size_inches()]
        boxes = [image.get_extent() for image in axes.images]
        assert all(0 < left < end < right and 0 < up < low < bottom for left, end, low, up in boxes)
        renderer = drawn(figure).get_renderer()
        assert all(text.get_window_extent(renderer).x1 <= right for text in axes.texts)
        for at, one in enumerate(boxes):
            for other in boxes[at + 1 :]:
                assert one[1] <= other[0] or other[1] <= one[0] or one[2] <= other[3] or other[2] <= one[3]

    @pytest.mark.parametrize(
        ("values", "ranges", "names"),
        [
            (np.zeros((2, 2, 2, 2)), [(0, 1)] * 2, ()),
            (np.zeros((0, 2, 2)), [(0, 1)] * 2, ()),
            (np.full((2, 2, 1), np.nan), [(0, 1)], ()),
            (np.zeros((2, 2, 2)), [(0, 1)], ()),
            (np.zeros(3), [(0, 1)], ("a", "b")),
        ],
    )
    def test_what_fits_nothing_is_refused(self, values: np.ndarray, ranges: Any, names: Any) -> None:
        with pytest.raises(ValueError, match=r"numbers|ranges"):
            layer_maps(values, ranges, "a", names=names)


class TestFlatValues:
    def test_that_are_few_are_bars(self) -> None:
        figure = layer_maps(np.array([2.0, -1.0, 0.0]), [(-2, 2)], "dense1", names=("cat", "a dog", "$x^"))
        axes = axes_of(figure)
        bars = axes.patches
        widths = [bar.get_width() for bar in bars]
        assert widths[0] == pytest.approx(-2 * widths[1])
        assert widths[2] == 0
        assert len({bar.get_x() for bar in bars}) == 1
        assert {"cat", "a dog", "$x^", "2", "-1", "0"} <= set(written(figure))
        (bold,) = [text.get_text() for text in axes.texts[1:] if text.get_fontweight() == "bold"]
        assert bold == "cat"
        drawn(figure)

    @pytest.mark.parametrize("number", [25, 500, 512, 513, 4097])
    def test_that_are_many_are_cells_in_reading_order(self, number: int) -> None:
        values = GENERATOR.normal(size=number)
        figure = layer_maps(values, [(-4, 4)], "flatten")
        shown = np.asarray(np.ma.filled(axes_of(figure).images[0].get_array(), np.nan)).ravel()
        np.testing.assert_array_equal(shown[:number], values)
        assert np.isnan(shown[number:]).all()
        assert any(f"{number:,} values" in text for text in written(figure))

    def test_that_are_too_many_are_counted(self) -> None:
        figure = layer_maps(np.ones(20_000), [(0, 1)], "flatten")
        assert any("the first 16,384 of 20,000 values" in text for text in written(figure))


class TestFilters:
    def test_of_one_channel_are_maps_of_one_range(self) -> None:
        weights = GENERATOR.normal(size=(5, 3, 3, 1))
        images = axes_of(filters(weights, "conv1")).images
        largest = np.abs(weights).max()
        for place in range(5):
            np.testing.assert_array_equal(np.asarray(images[place].get_array()), weights[place, :, :, 0])
            assert images[place].get_clim() == pytest.approx((-largest, largest))

    def test_of_three_channels_are_colours_around_grey(self) -> None:
        weights = np.zeros((2, 1, 2, 3))
        weights[0, 0, 0] = [4, -4, 0]
        weights[1, 0, 1] = [2, 2, 2]
        figure = filters(weights, "conv1")
        first, second = (np.asarray(image.get_array()) for image in axes_of(figure).images)
        assert first[0].tolist() == [[1, 0, 0.5], [0.5, 0.5, 0.5]]
        assert second[0].tolist() == [[0.5, 0.5, 0.5], [0.75, 0.75, 0.75]]
        assert written(figure)[-1] == "grey is 0; the purest colours are weights of ± 4"

    def test_of_many_channels_stand_in_a_row_each(self) -> None:
        weights = GENERATOR.normal(size=(20, 3, 3, 30))
        figure = filters(weights, "conv2")
        images = axes_of(figure).images
        assert len(images) == 12 * 16 + 1
        np.testing.assert_array_equal(np.asarray(images[16 + 3].get_array()), weights[1, :, :, 3])
        assert any(
            "the first 12 of 20 filters, a row each, on the first 16 of 30 channels" in text
            for text in written(figure)
        )

    def test_that_are_none_are_refused(self) -> None:
        with pytest.raises(ValueError, match="filters"):
            filters(np.zeros((3, 3)), "conv1")


def histogram(counts: list[int], edges: list[float], zeros: int = 0) -> dict[str, Any]:
    facts = {"counts": counts, "edges": edges, "zeros": zeros, "number": sum(counts)}
    return {**facts, "mean": 1.5, "standard_deviation": 0.25}


def bar_heights(figure: Figure) -> list[float]:
    """Return the heights of one histogram's bars as shares of the highest."""
    (bars,) = axes_of(figure).collections
    heights = [float(np.ptp(path.vertices[:, 1])) for path in bars.get_paths()]
    return [height / max(heights) for height in heights]


class TestHistograms:
    def test_have_a_bar_a_bin_and_their_figures(self) -> None:
        figure = layer_histograms([("conv1", histogram([1, 4, 2], [-1, 0, 1, 2]))], "Spread")
        assert bar_heights(figure) == pytest.approx([0.25, 1, 0.5])
        red, blue, _ = axes_of(figure).collections[0].get_facecolors()
        assert red[0] > red[2]
        assert blue[2] > blue[0]
        assert {"conv1", "-1", "2", "mean 1.5 ± 0.25"} <= set(written(figure))

    def test_leave_exact_zeros_out_and_say_how_many(self) -> None:
        figure = layer_histograms([("relu1", histogram([92, 4, 4], [0, 1, 2, 3], zeros=90))], "Spread")
        assert bar_heights(figure) == pytest.approx([0.5, 1, 1])
        assert "mean 1.5 ± 0.25, 90.0 % zero" in written(figure)

    def test_of_nothing_but_zeros_can_be_drawn(self, tmp_path: Path) -> None:
        figure = layer_histograms(
            [("relu1", histogram([0, 9, 0], [-1, -0.3, 0.3, 1], zeros=9))] * 9, "Spread"
        )
        assert png(figure, tmp_path)

    def test_that_do_not_fit_are_refused(self) -> None:
        for wrong in ([], [("a", histogram([1], [0]))]):
            with pytest.raises(ValueError, match="histogram"):
                layer_histograms(wrong, "Spread")


def test_equal_figures_are_equal_bytes(tmp_path: Path) -> None:
    values = maps(3)
    first, second = (png(layer_maps(values, [(-3, 3)] * 3, "conv1"), tmp_path) for _ in range(2))
    assert first == second
