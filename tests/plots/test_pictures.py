from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagelet import plots
from imagelet.plots.style import INK, WRONG
from tests.plots.artists import colour, drawn, image_of, images, pixels, png, title


class TestGrid:
    @pytest.mark.parametrize("channels", [1, 3])
    def test_shows_every_image_under_its_title_in_order(self, channels: int) -> None:
        given = images(7, channels=channels)
        titles = [f"label {index}" for index in range(7)]
        figure = plots.grid(given, titles)
        assert [title(axes).get_text() for axes in figure.axes] == titles
        for axes, image in zip(figure.axes, given, strict=True):
            assert np.array_equal(image_of(axes), np.broadcast_to(image, (8, 8, 3)))

    @pytest.mark.parametrize(("number", "columns", "across"), [(7, 5, 5), (3, 5, 3), (6, 1, 1), (10, 10, 10)])
    def test_has_rows_of_so_many_columns(self, number: int, columns: int, across: int) -> None:
        figure = plots.grid(images(number), [""] * number, columns)
        drawn(figure)
        places = [axes.get_position() for axes in figure.axes]
        for index, place in enumerate(places):
            row = places[index // across * across]
            assert place.y0 == pytest.approx(row.y0, abs=0.02)
            assert place.x0 > places[index - 1].x0 or index % across == 0
        assert len({round(place.y0, 2) for place in places}) == -(-number // across)

    def test_marks_the_wrong_ones_and_no_others(self) -> None:
        figure = plots.grid(images(3), ["a", "b", "c"], wrong=[False, True, False])
        assert [colour(title(axes)) for axes in figure.axes] == [INK, WRONG, INK]
        assert [title(axes).get_fontweight() for axes in figure.axes] == ["normal", "bold", "normal"]
        for axes in plots.grid(images(2), ["a", "b"]).axes:
            assert colour(title(axes)) == INK

    def test_draws_each_pixel_as_a_crisp_square(self, tmp_path: Path) -> None:
        image = np.zeros((1, 2, 2, 1), np.uint8)
        image[0, 0, 0] = image[0, 1, 1] = 255
        found = pixels(png(plots.grid(255 - image, [""]), tmp_path))
        black = (found == 0).all(axis=2)
        rows, columns = np.flatnonzero(black.any(axis=1)), np.flatnonzero(black.any(axis=0))
        square = black[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        middle = np.array(square.shape) // 2
        assert square[4 : middle[0] - 4, 4 : middle[1] - 4].all()
        assert square[middle[0] + 4 : -4, middle[1] + 4 : -4].all()
        assert not square[4 : middle[0] - 4, middle[1] + 4 : -4].any()
        assert set(np.unique(found[rows[0] + 4 : rows[-1] - 4, columns[0] + 4 : columns[-1] - 4])) == {0, 255}

    @pytest.mark.parametrize("number", [1, 2, 7, 24])
    @pytest.mark.parametrize(
        "names",
        [
            ("label 3", "predicted 8"),
            ("label T-shirt/top", "predicted Ankle boot"),
            ("label golden retriever puppy at play", "predicted MMMMMMMMMMMMMMMMMMMMMMMMMMMMM"),
        ],
        ids=["digits", "clothes", "long"],
    )
    def test_titles_do_not_run_into_each_other_or_into_images(
        self, number: int, names: tuple[str, str]
    ) -> None:
        wrong = [index % 2 == 0 for index in range(number)]
        figure = plots.grid(images(number), ["\n".join(names)] * number, wrong=wrong)
        canvas = drawn(figure)
        extents = [title(axes).get_window_extent(canvas.renderer) for axes in figure.axes]
        below = [axes.get_window_extent(canvas.renderer) for axes in figure.axes]
        boxes = [*extents, *below]
        for index, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[index + 1 :])
        assert min(extent.x0 for extent in extents) >= 0
        assert max(extent.x1 for extent in extents) <= figure.bbox.width

    def test_short_titles_are_never_cut(self) -> None:
        for name in ("automobile", "T-shirt/top", "Ankle boot", "한국어"):
            written = title(plots.grid(images(1), [f"predicted {name}"], wrong=[True]).axes[0]).get_text()
            assert "…" not in written

    @pytest.mark.parametrize("shape", [(96, 8), (8, 96), (1, 1), (1024, 1), (1, 1024)])
    def test_images_of_any_aspect_make_a_figure_of_a_sensible_size(
        self, shape: tuple[int, int], tmp_path: Path
    ) -> None:
        figure = plots.grid(images(10, *shape), ["a title"] * 10)
        assert max(figure.get_size_inches()) < 16
        assert pixels(png(figure, tmp_path)).std() > 5

    @pytest.mark.parametrize(
        ("given", "titles", "columns", "wrong"),
        [
            (images(0), [], 5, None),
            (images(2), ["a"], 5, None),
            (images(2), ["a", "b", "c"], 5, None),
            (images(2), ["a", "b"], 0, None),
            (images(2), ["a", "b"], 5, [True]),
            (images(2).astype(np.float32), ["a", "b"], 5, None),
            (images(2)[..., 0], ["a", "b"], 5, None),
            (images(2, channels=4), ["a", "b"], 5, None),
        ],
    )
    def test_refuses_what_does_not_fit_together(
        self, given: np.ndarray, titles: list[str], columns: int, wrong: list[bool] | None
    ) -> None:
        with pytest.raises(ValueError, match=r"at least one image|must be uint8"):
            plots.grid(given, titles, columns, wrong)


def test_titles_of_a_single_row_are_not_cut(tmp_path: Path) -> None:
    given = np.zeros((3, 28, 28, 1), np.uint8)
    plots.save(plots.grid(given, ["label 3\npredicted 2"] * 3, columns=3), tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as picture:
        grey = np.asarray(picture.convert("L"))
    assert (grey[0] == 255).all()
    assert (grey[:30] < 200).any()
