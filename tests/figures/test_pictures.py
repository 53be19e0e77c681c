from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from imagelet import figures
from imagelet.figures.style import ACCENT, INK, MUTED, WRONG
from tests.figures.artists import colour, drawn, image_of, pixels, png, texts, title


def images(number: int, height: int = 8, width: int = 8, channels: int = 1) -> np.ndarray:
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (number, height, width, channels), dtype=np.uint8)


class TestGrid:
    @pytest.mark.parametrize("channels", [1, 3])
    def test_shows_every_image_under_its_title_in_order(self, channels: int) -> None:
        given = images(7, channels=channels)
        titles = [f"label {index}" for index in range(7)]
        figure = figures.grid(given, titles)
        assert [title(axes).get_text() for axes in figure.axes] == titles
        for axes, image in zip(figure.axes, given, strict=True):
            assert np.array_equal(image_of(axes), np.broadcast_to(image, (8, 8, 3)))

    @pytest.mark.parametrize(("number", "columns", "across"), [(7, 5, 5), (3, 5, 3), (6, 1, 1), (10, 10, 10)])
    def test_has_rows_of_so_many_columns(self, number: int, columns: int, across: int) -> None:
        figure = figures.grid(images(number), [""] * number, columns)
        drawn(figure)
        places = [axes.get_position() for axes in figure.axes]
        for index, place in enumerate(places):
            row = places[index // across * across]
            assert place.y0 == pytest.approx(row.y0, abs=0.02)
            assert place.x0 > places[index - 1].x0 or index % across == 0
        assert len({round(place.y0, 2) for place in places}) == -(-number // across)

    def test_marks_the_wrong_ones_and_no_others(self) -> None:
        figure = figures.grid(images(3), ["a", "b", "c"], wrong=[False, True, False])
        assert [colour(title(axes)) for axes in figure.axes] == [INK, WRONG, INK]
        assert [title(axes).get_fontweight() for axes in figure.axes] == ["normal", "bold", "normal"]
        for axes in figures.grid(images(2), ["a", "b"]).axes:
            assert colour(title(axes)) == INK

    def test_draws_each_pixel_as_a_crisp_square(self, tmp_path: Path) -> None:
        image = np.zeros((1, 2, 2, 1), np.uint8)
        image[0, 0, 0] = image[0, 1, 1] = 255
        found = pixels(png(figures.grid(255 - image, [""]), tmp_path))
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
        figure = figures.grid(images(number), ["\n".join(names)] * number, wrong=wrong)
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
            written = title(figures.grid(images(1), [f"predicted {name}"], wrong=[True]).axes[0]).get_text()
            assert "…" not in written

    @pytest.mark.parametrize("shape", [(96, 8), (8, 96), (1, 1), (1024, 1), (1, 1024)])
    def test_images_of_any_aspect_make_a_figure_of_a_sensible_size(
        self, shape: tuple[int, int], tmp_path: Path
    ) -> None:
        figure = figures.grid(images(10, *shape), ["a title"] * 10)
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
            figures.grid(given, titles, columns, wrong)


def bars(figure: Figure) -> dict[str, tuple[float, str, str]]:
    """Return what stands at each name, from top to bottom: the bar's length, its figure and its colour."""
    axes = figure.axes[1]
    names = [label.get_text() for label in axes.get_yticklabels()]
    figures_at = {round(y): text for _, y, text in texts(axes)}
    assert axes.yaxis_inverted()
    found = {}
    for place, (name, bar) in enumerate(zip(names, axes.patches, strict=True)):
        assert bar.get_y() + bar.get_height() / 2 == pytest.approx(place)
        red, green, blue, _ = bar.get_facecolor()
        hexadecimal = "#" + "".join(f"{round(255 * part):02x}" for part in (red, green, blue))
        found[name] = (bar.get_width(), figures_at[place], hexadecimal)
    return found


class TestProbabilities:
    def test_draws_each_class_with_its_own_probability(self) -> None:
        shares = np.array([0.05, 0.9, 0.05])
        figure = figures.probabilities(images(1)[0], shares, ["ant", "bee", "cat"])
        assert bars(figure) == {
            "ant": (pytest.approx(0.05), "5.0 %", MUTED),
            "bee": (pytest.approx(0.9), "90.0 %", ACCENT),
            "cat": (pytest.approx(0.05), "5.0 %", MUTED),
        }
        assert np.array_equal(image_of(figure.axes[0]), np.repeat(images(1)[0], 3, axis=2))
        assert title(figure.axes[0]).get_text() == "predicted bee"
        assert title(figure.axes[1]).get_text() == "Probabilities"
        assert figure.axes[1].get_xlabel() == "probability"
        ticks = [label.get_text() for label in figure.axes[1].get_xticklabels()]
        assert ticks == ["0 %", "25 %", "50 %", "75 %", "100 %"]

    @pytest.mark.parametrize(("label", "right"), [(1, True), (2, False)])
    def test_says_whether_the_answer_is_right(self, label: int, right: bool) -> None:
        shares = np.array([0.05, 0.9, 0.05])
        figure = figures.probabilities(images(1)[0], shares, ["ant", "bee", "cat"], label)
        assert title(figure.axes[0]).get_text() == f"predicted bee\nlabel {['ant', 'bee', 'cat'][label]}"
        assert colour(title(figure.axes[0])) == (INK if right else WRONG)
        assert bars(figure)["bee"][2] == (ACCENT if right else WRONG)
        assert bars(figure)["cat"][2] == MUTED

    @pytest.mark.parametrize("classes", [1, 2, 10, 11, 30, 100])
    def test_of_many_classes_shows_the_ten_most_probable_best_first(self, classes: int) -> None:
        shares = np.random.default_rng(0).dirichlet(np.ones(classes))
        names = [str(index) for index in range(classes)]
        found = bars(figures.probabilities(images(1)[0], shares, names, 0))
        ranked = [str(index) for index in np.argsort(-shares)]
        assert list(found) == (names if classes <= 10 else ranked[:10])
        for name, (length, written, _) in found.items():
            assert length == pytest.approx(shares[int(name)])
            assert written == figures.percent(length)

    @pytest.mark.parametrize(
        "names", [["ant", "bee"], ["a very long class name"] * 2, ["MMMMMMMMMMMMMMMMMMMMMMMMMMM"] * 2]
    )
    @pytest.mark.parametrize("shape", [(8, 8), (8, 30), (30, 8)])
    def test_texts_do_not_run_into_each_other(self, names: list[str], shape: tuple[int, int]) -> None:
        figure = figures.probabilities(images(1, *shape)[0], np.array([1.0, 0.0]), names, 1)
        canvas = drawn(figure)
        artists = [title(axes) for axes in figure.axes] + figure.axes[1].get_yticklabels()
        boxes = [artist.get_window_extent(canvas.renderer) for artist in [*artists, *figure.axes[1].texts]]
        for index, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[index + 1 :])
            assert box.x0 >= 0
            assert box.x1 <= figure.bbox.width
            assert box.y1 <= figure.bbox.height

    @pytest.mark.parametrize(
        ("image", "shares", "classes", "label", "complaint"),
        [
            (images(1)[0], np.array([0.5, 0.5]), ["a"], None, "for 1 classes"),
            (images(1)[0], np.array([[0.5, 0.5]]), ["a", "b"], None, "for 2 classes"),
            (images(1)[0], np.array([]), [], None, "for 0 classes"),
            (images(1)[0], np.array([0.5, 0.5]), ["a", "b"], 2, "label 2"),
            (images(1)[0], np.array([0.5, 0.5]), ["a", "b"], -1, "label -1"),
            (images(1)[0] / 255, np.array([0.5, 0.5]), ["a", "b"], None, "must be uint8"),
            (images(1)[0, :, :, 0], np.array([0.5, 0.5]), ["a", "b"], None, "must be uint8"),
        ],
    )
    def test_refuses_what_does_not_fit_together(
        self,
        image: np.ndarray,
        shares: np.ndarray,
        classes: list[str],
        label: int | None,
        complaint: str,
    ) -> None:
        with pytest.raises(ValueError, match=complaint):
            figures.probabilities(image, shares, classes, label)
