from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from imagelet import plots
from tests.plots.artists import drawn, image_of, images, pixels, png, texts, title


def picture(height: int, width: int, channels: int = 1) -> np.ndarray:
    return images(1, height, width, channels)[0]


def parts(figure: Figure) -> tuple[list[Axes], list[Axes], Axes]:
    """Return the axes above (picture, part), those of the channels, and that of the flat form."""
    above, *between, below = figure.subfigs
    channels = [axes for axes in between[0].axes if axes.axison] if between else []
    (flat,) = below.axes
    return list(above.axes), channels, flat


def lines_of(flat: Axes) -> list[np.ndarray]:
    """Return the numbers in each line of the flat form; of several channels each has its own colour."""
    found = [
        np.asarray(image.get_array())[0] for image in flat.get_children() if isinstance(image, AxesImage)
    ]
    return [cells.max(axis=1) for cells in found]


class TestPixels:
    @pytest.mark.parametrize("channels", [1, 3])
    def test_of_a_small_picture_all_have_their_numbers(self, channels: int) -> None:
        given = picture(7, 16, channels)
        (axes,), _, _ = parts(plots.inspection(given, "a picture"))
        assert np.array_equal(image_of(axes), np.broadcast_to(given, (7, 16, 3)))
        written = {(row, column): text for column, row, text in texts(axes)}
        assert len(written) == 7 * 16
        for (row, column), text in written.items():
            assert [int(number) for number in text.split("\n")] == given[row, column].tolist()

    @pytest.mark.parametrize("channels", [1, 3])
    def test_of_a_larger_picture_a_part_has_its_numbers(self, channels: int) -> None:
        given = np.full((28, 20, channels), 7, np.uint8)
        given[18:24, 4:10] = picture(6, 6, channels)
        (whole, zoomed), _, _ = parts(plots.inspection(given, "a picture"))
        assert texts(whole) == []
        assert np.array_equal(image_of(whole), np.broadcast_to(given, (28, 20, 3)))
        for column, row, text in texts(zoomed):
            assert [int(number) for number in text.split("\n")] == given[int(row), int(column)].tolist()
        rows, columns = ({int(text[place]) for text in texts(zoomed)} for place in (1, 0))
        assert set(range(18, 24)) <= rows
        assert set(range(4, 10)) <= columns
        (frame,) = [patch for patch in whole.patches if isinstance(patch, Rectangle)]
        assert frame.get_xy() == (min(columns) - 0.5, min(rows) - 0.5)
        assert (frame.get_width(), frame.get_height()) == (len(columns), len(rows))
        assert zoomed.get_xlim() == (min(columns) - 0.5, max(columns) + 0.5)
        assert zoomed.get_ylim() == (max(rows) + 0.5, min(rows) - 0.5)

    def test_are_numbered_as_rows_and_columns(self) -> None:
        (axes,), _, _ = parts(plots.inspection(picture(5, 9), "a picture"))
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("column", "row")
        assert (axes.get_xlim(), axes.get_ylim()) == ((-0.5, 8.5), (4.5, -0.5))
        assert "(5, 9, 1)" in title(axes).get_text()

    def test_of_a_large_picture_are_fewer_and_that_is_said(self) -> None:
        (whole, _), channels, flat = parts(plots.inspection(picture(200, 400, 3), "a photo"))
        assert image_of(whole).shape == (24, 48, 3)
        assert "(200, 400, 3)" in title(whole).get_text()
        assert "drawn at 48 x 24 pixels" in title(whole).get_text()
        assert [image_of(axes).shape for axes in channels] == [(24, 48, 3)] * 3
        assert "(3456,) = flat form of the picture as drawn" in title(flat).get_text()


class TestChannels:
    def test_of_a_colour_picture_are_its_own(self) -> None:
        given = picture(20, 30, 3)
        _, channels, _ = parts(plots.inspection(given, "a picture"))
        assert [title(axes).get_text().split(":")[0] for axes in channels] == ["red", "green", "blue"]
        for place, axes in enumerate(channels):
            assert np.array_equal(image_of(axes)[:, :, 0], given[:, :, place])

    def test_of_a_grey_picture_are_not_drawn_again(self) -> None:
        assert parts(plots.inspection(picture(20, 30), "a picture"))[1] == []

    def test_can_be_others_and_tell_their_range(self) -> None:
        deep = np.linspace(100, 60_100, 64).reshape(8, 8).astype(np.uint16)
        grey = (deep // 257).astype(np.uint8)[:, :, np.newaxis]
        _, (axes,), _ = parts(plots.inspection(grey, "a picture", {"grey": deep}))
        assert title(axes).get_text() == "grey: 100 to 60100"
        shown = image_of(axes)[:, :, 0].ravel().astype(int)
        assert (shown[0], shown[-1]) == (0, 255)
        assert (np.diff(shown) > 0).all()

    def test_of_one_number_alone_and_of_none_are_drawn(self, tmp_path: Path) -> None:
        empty = np.full((4, 4), np.nan, np.float32)
        given = {"flags": np.ones((4, 4), bool), "nothing": empty}
        figure = plots.inspection(picture(4, 4), "a picture", given)
        assert pixels(png(figure, tmp_path)).std() > 5

    def test_that_are_places_in_a_palette_are_not_averaged(self) -> None:
        places = (picture(200, 200)[:, :, 0] > 128) * np.uint8(5)
        for palette in (True, False):
            _, (axes,), _ = parts(
                plots.inspection(picture(200, 200), "a picture", {"place": places}, palette=palette)
            )
            assert ({*np.unique(image_of(axes))} == {0, 255}) == palette


class TestFlatForm:
    @pytest.mark.parametrize(
        ("shape", "lines"), [((28, 28, 1), 7), ((8, 8, 1), 1), ((12, 12, 3), 4), ((9, 96, 1), 9)]
    )
    def test_holds_every_number_row_after_row(self, shape: tuple[int, int, int], lines: int) -> None:
        given = picture(*shape)
        _, _, flat = parts(plots.inspection(given, "a picture"))
        found = lines_of(flat)
        assert len(found) == lines
        assert np.array_equal(np.concatenate(found), given.reshape(-1))
        labels = [label.get_text().replace(",", "") for label in flat.get_yticklabels()]
        starts = np.cumsum([0, *map(len, found)])[:-1]
        assert [int(label) for label in labels] == starts.tolist()
        assert f"({given.size},) = flat form:" in title(flat).get_text()

    def test_leaves_out_lines_of_a_long_one_and_shows_where(self) -> None:
        given = picture(32, 32, 3)
        _, _, flat = parts(plots.inspection(given, "a picture"))
        found = lines_of(flat)
        starts = [int(label.get_text().replace(",", "")) for label in flat.get_yticklabels()]
        assert starts[:4] == [0, 96, 192, 1248]
        assert starts[-1] == 31 * 96
        for start, line in zip(starts, found, strict=True):
            assert np.array_equal(line, given.reshape(-1)[start : start + 96])
        assert [text for _, _, text in texts(flat)] == ["…", "…"]

    def test_shows_each_channel_in_its_colour(self) -> None:
        _, _, flat = parts(plots.inspection(np.full((2, 2, 3), 200, np.uint8), "a picture"))
        (cells,) = [np.asarray(each.get_array())[0] for each in flat.images]
        assert np.array_equal(cells, np.tile(np.eye(3, dtype=int) * 200, (4, 1)))


class TestFigure:
    @pytest.mark.parametrize(
        "shape", [(1, 1, 1), (1, 1, 3), (1, 96, 3), (96, 1, 1), (2, 2000, 3), (2000, 2, 1), (17, 5, 3)]
    )
    def test_of_any_shape_has_a_sensible_size(self, shape: tuple[int, int, int], tmp_path: Path) -> None:
        figure = plots.inspection(picture(*shape), "a picture")
        assert max(figure.get_size_inches()) < 20
        assert pixels(png(figure, tmp_path)).std() > 5

    @pytest.mark.parametrize("shape", [(28, 28, 1), (8, 8, 3), (150, 150, 3)])
    def test_has_titles_that_neither_meet_nor_leave_it(self, shape: tuple[int, int, int]) -> None:
        figure = plots.inspection(picture(*shape), "photographs of my own digits " * 9)
        canvas = drawn(figure)
        (heading,) = figure.subfigs[0].texts
        above, channels, flat = parts(figure)
        boxes = [
            each.get_window_extent(canvas.get_renderer())
            for each in (heading, *map(title, [*above, *channels, flat]))
        ]
        for place, box in enumerate(boxes):
            assert box.x0 >= 0
            assert box.x1 <= figure.bbox.width
            assert not any(box.overlaps(other) for other in boxes[place + 1 :])
        assert heading.get_text().endswith("…")

    def test_refuses_what_is_no_picture(self) -> None:
        for given in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8)):
            with pytest.raises(ValueError, match="must be uint8"):
                plots.inspection(given, "no picture")
