"""Grids of images; images beside their nearest training images."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from imagelet import plots
from imagelet.plots.image_grids import neighbours
from imagelet.plots.style import INK, MUTED, WRONG
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

    @pytest.mark.parametrize("number", [1, 7])
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


def sheet(number: int = 2, k: int = 3, **other: Any) -> Figure:
    plain: dict[str, Any] = {
        "images": images(number),
        "titles": [f"image {place}" for place in range(number)],
        "near": images(number * k).reshape(number, k, 8, 8, 1),
        "labels": [[f"class {rank}" for rank in range(k)] for _ in range(number)],
        "distances": np.arange(number * k).reshape(number, k) / 10,
        "wrong": [[rank == 1 for rank in range(k)] for _ in range(number)],
    }
    return neighbours(**{**plain, **other})


def test_each_image_stands_before_its_neighbours_with_label_and_distance() -> None:
    figure = sheet()
    shown = [image_of(axes)[..., :1] for axes in figure.axes]
    own, near = images(2), images(6).reshape(2, 3, 8, 8, 1)
    expected = [own[0], *near[0], own[1], *near[1]]
    assert all(np.array_equal(*pair) for pair in zip(shown, expected, strict=True))
    rows = [text.get_text() for text in figure.texts]
    assert rows[:7] == ["image 0", "class 0", "0.000", "class 1", "0.100", "class 2", "0.200"]
    lefts = [axes.get_position().x0 for axes in figure.axes[:4]]
    assert lefts == sorted(lefts)


def test_another_class_is_in_the_colour_of_mistakes() -> None:
    found = {text.get_text(): text for text in sheet(1).texts}
    assert colour(found["class 1"]) == WRONG
    assert colour(found["class 0"]) == colour(found["class 2"]) == INK
    assert colour(found["0.100"]) == MUTED


@pytest.mark.parametrize(("number", "k"), [(1, 1), (1, 8), (2, 3)])
@pytest.mark.parametrize("shape", [(8, 8, 3), (16, 8, 1), (4, 16, 1), (90, 3, 1)])
def test_nothing_runs_into_anything_else(number: int, k: int, shape: tuple[int, int, int]) -> None:
    figure = sheet(
        number,
        k,
        images=images(number, *shape),
        near=images(number * k, *shape).reshape(number, k, *shape),
        titles=["a title that is a good deal longer than all its neighbours have room for"] * number,
        labels=[["a very long class name indeed"] * k] * number,
    )
    canvas = drawn(figure)
    boxes = [each.get_window_extent(canvas.get_renderer()) for each in (*figure.texts, *figure.axes)]
    assert len(boxes) == number * (2 + 3 * k)
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height


@pytest.mark.parametrize("name", ["고양이", "日本語の道", "😀", "$x^$", "", "\x07"])
def test_any_name_is_drawn_and_equal_sheets_give_equal_bytes(name: str, tmp_path: Path) -> None:
    one, again = (png(sheet(1, 2, titles=[name], labels=[[name, "b"]]), tmp_path) for _ in range(2))
    assert one == again
    assert pixels(one).std() > 5


@pytest.mark.parametrize(
    "other",
    [
        {"titles": ["a"]},
        {"labels": [["a", "b", "c"]]},
        {"labels": [["a", "b", "c"], ["a"]]},
        {"wrong": [[True], [False]]},
        {"distances": np.zeros((2, 2))},
        {"near": images(6).reshape(2, 3, 8, 8, 1) / 255},
        {"near": images(2)},
        {"near": images(6, 4, 4).reshape(2, 3, 4, 4, 1)},
        {"near": images(6).reshape(2, 3, 8, 8, 1)[:, :0], "labels": [[], []], "wrong": [[], []]},
        {"images": images(2) / 255},
    ],
)
def test_what_does_not_fit_together_is_refused(other: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"all must fit|must be uint8"):
        sheet(**other)
    with pytest.raises(ValueError, match="at least one of each"):
        sheet(0)
