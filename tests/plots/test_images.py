"""Pictures with what was predicted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from imagelet import plots
from imagelet.plots.images import disagreements, neighbours
from imagelet.plots.style import ACCENT, INK, MUTED, WRONG
from tests.plots.artists import colour, drawn, image_of, images, pixels, png, texts, title


def bars(figure: Figure) -> dict[str, tuple[float, str, str]]:
    """Return what stands at each name, from top to bottom: the bar's length, its figure and its colour."""
    axes = figure.axes[1]
    names = [label.get_text() for label in axes.get_yticklabels()]
    figures_at = [text for *_, text in texts(axes)]
    assert axes.yaxis_inverted()
    found = {}
    for place, (name, bar) in enumerate(zip(names, axes.patches, strict=True)):
        assert bar.get_y() + bar.get_height() / 2 == pytest.approx(place)
        red, green, blue, _ = bar.get_facecolor()
        hexadecimal = "#" + "".join(f"{round(255 * part):02x}" for part in (red, green, blue))
        found[name] = (bar.get_width(), figures_at[place], hexadecimal)
    return found


def answer(image: np.ndarray, shares: np.ndarray, classes: list[str], label: int | None = None) -> Figure:
    """Draw one picture above its probabilities."""
    return plots.answers(image[None], shares[None], classes, None if label is None else [label])


class TestOnePicture:
    def test_draws_each_class_with_its_own_probability(self) -> None:
        shares = np.array([0.05, 0.9, 0.05])
        figure = answer(images(1)[0], shares, ["ant", "bee", "cat"])
        assert bars(figure) == {
            "ant": (pytest.approx(0.05), "5.0 %", MUTED),
            "bee": (pytest.approx(0.9), "90.0 %", ACCENT),
            "cat": (pytest.approx(0.05), "5.0 %", MUTED),
        }
        assert np.array_equal(image_of(figure.axes[0]), np.repeat(images(1)[0], 3, axis=2))
        assert title(figure.axes[0]).get_text() == "predicted bee"

    @pytest.mark.parametrize(("label", "right"), [(1, True), (2, False)])
    def test_says_whether_the_answer_is_right(self, label: int, right: bool) -> None:
        shares = np.array([0.05, 0.9, 0.05])
        figure = answer(images(1)[0], shares, ["ant", "bee", "cat"], label)
        assert title(figure.axes[0]).get_text() == f"predicted bee\nlabel {['ant', 'bee', 'cat'][label]}"
        assert colour(title(figure.axes[0])) == (INK if right else WRONG)
        assert bars(figure)["bee"][2] == (ACCENT if right else WRONG)
        assert bars(figure)["cat"][2] == MUTED

    @pytest.mark.parametrize("classes", [1, 2, 10, 11, 30, 100])
    def test_of_many_classes_shows_the_ten_most_probable_best_first(self, classes: int) -> None:
        shares = np.random.default_rng(0).dirichlet(np.ones(classes))
        names = [str(index) for index in range(classes)]
        found = bars(answer(images(1)[0], shares, names, 0))
        ranked = [str(index) for index in np.argsort(-shares)]
        assert list(found) == (names if classes <= 10 else ranked[:10])
        for name, (length, written, _) in found.items():
            assert length == pytest.approx(shares[int(name)])
            assert written == plots.percent(length)

    @pytest.mark.parametrize(
        "names", [["ant", "bee"], ["a very long class name"] * 2, ["MMMMMMMMMMMMMMMMMMMMMMMMMMM"] * 2]
    )
    @pytest.mark.parametrize("shape", [(8, 8), (8, 30), (30, 8)])
    def test_texts_do_not_run_into_each_other(self, names: list[str], shape: tuple[int, int]) -> None:
        figure = answer(images(1, *shape)[0], np.array([1.0, 0.0]), names, 1)
        canvas = drawn(figure)
        artists = [title(figure.axes[0]), *figure.axes[1].get_yticklabels()]
        boxes = [artist.get_window_extent(canvas.renderer) for artist in [*artists, *figure.axes[1].texts]]
        for index, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[index + 1 :])
            assert box.x0 >= 0
            assert box.x1 <= figure.bbox.width
            assert box.y1 <= figure.bbox.height

    @pytest.mark.parametrize(
        ("image", "shares", "classes", "label", "complaint"),
        [
            (images(1)[0], np.array([0.5, 0.5]), ["a"], None, "1 classes"),
            (images(1)[0], np.array([[0.5, 0.5]]), ["a", "b"], None, "2 classes"),
            (images(1)[0], np.array([]), [], None, "0 classes"),
            (images(1)[0], np.array([0.5, 0.5]), ["a", "b"], 2, "labels \\[2\\]"),
            (images(1)[0], np.array([0.5, 0.5]), ["a", "b"], -1, "labels \\[-1\\]"),
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
            answer(image, shares, classes, label)


def test_several_pictures_stand_side_by_side_each_above_its_own_bars() -> None:
    shares = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])
    figure = plots.answers(images(3), shares, ["ant", "bee"], [0, 1, 0])
    above, below = figure.axes[:3], figure.axes[3:]
    assert [title(axes).get_text() for axes in above] == [
        "predicted ant\nlabel ant",
        "predicted bee\nlabel bee",
        "predicted bee\nlabel ant",
    ]
    assert [colour(title(axes)) for axes in above] == [INK, INK, WRONG]
    for place, axes in enumerate(below):
        assert [bar.get_width() for bar in axes.patches] == pytest.approx(shares[place])
        assert np.array_equal(image_of(above[place]), np.repeat(images(3)[place], 3, axis=2))


@pytest.mark.parametrize("labels", [[0], [0, 1, 2]])
def test_a_label_is_needed_for_each_picture(labels: list[int]) -> None:
    with pytest.raises(ValueError, match="for 2 images of 3 classes"):
        plots.answers(images(2), np.full((2, 3), 1 / 3), ["a", "b", "c"], labels)


LONG = (
    "the contrast is low: write with a darker pen, or in better light",
    "the strokes are very thin: write with a thicker pen, or closer",
)


def sheet(number: int, **other: Any) -> Figure:
    """Draw cards of pictures of any size; ``other`` is what shall be different."""
    pictures = [images(1, 20 + place, 60 - 5 * place, 1 + 2 * (place % 2))[0] for place in range(number)]
    given = {
        "pictures": pictures,
        "images": images(number),
        "answers": [f"{place}   98.0 %" for place in range(number)],
        "names": [f"picture {place}.png" for place in range(number)],
        "remarks": [()] * number,
        "unsure": [False] * number,
    }
    return plots.seen(**{**given, **other})


def written(figure: Figure, text: str) -> Text:
    (found,) = [each for each in figure.texts if each.get_text() == text]
    return found


@pytest.mark.parametrize("number", [1, 3, 4, 5, 9])
def test_each_picture_stands_beside_what_was_seen_of_it(number: int) -> None:
    figure = sheet(number)
    pairs = list(zip(figure.axes[::2], figure.axes[1::2], strict=True))
    assert len(pairs) == number
    for place, (left, right) in enumerate(pairs):
        picture = images(1, 20 + place, 60 - 5 * place, 1 + 2 * (place % 2))[0]
        assert np.array_equal(image_of(left), np.broadcast_to(picture, (*picture.shape[:2], 3)))
        assert np.array_equal(image_of(right), np.repeat(images(number)[place], 3, axis=2))
        one, other = left.get_position(original=True), right.get_position(original=True)
        assert one.x1 < other.x0
        assert (one.y0, one.width, one.height) == pytest.approx((other.y0, other.width, other.height))


def test_cards_stand_in_rows_and_say_which_picture_is_which() -> None:
    figure = sheet(6)
    corners = [(written(figure, f"picture {place}.png").get_position()) for place in range(6)]
    assert corners == sorted(corners, key=lambda corner: (-corner[1], corner[0]))
    assert len({down for _, down in corners}) == 2
    for place, axes in enumerate(figure.axes[::2]):
        assert corners[place][0] == pytest.approx(axes.get_position(original=True).x0)
        assert written(figure, f"{place}   98.0 %").get_position()[1] < axes.get_position().y0


def test_marked_answers_and_remarks_have_the_colour_of_mistakes() -> None:
    figure = sheet(2, unsure=[False, True], remarks=[(), ("it is odd", "and blurred")])
    assert [colour(written(figure, f"{place}   98.0 %")) for place in (0, 1)] == [INK, WRONG]
    assert colour(written(figure, "picture 1.png")) == MUTED
    places = [written(figure, text) for text in ("it is odd", "and blurred")]
    assert [colour(each) for each in places] == [WRONG, WRONG]
    assert places[0].get_position()[1] > places[1].get_position()[1]


@pytest.mark.parametrize("number", [1, 5])
def test_nothing_runs_into_anything_else_however_long_it_is(number: int) -> None:
    figure = sheet(
        number,
        answers=["a very long class name indeed?   98.0 %"] * number,
        names=["a very long file name that nobody would ever type, but somebody's telephone.png"] * number,
        remarks=[LONG] * number,
    )
    canvas = drawn(figure)
    boxes = [each.get_window_extent(canvas.get_renderer()) for each in (*figure.texts, *figure.axes)]
    assert len(boxes) == number * 8
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y0 >= 0
        assert box.y1 <= figure.bbox.height
    assert " ".join(each.get_text() for each in figure.texts[2:6]) == " ".join(LONG)


@pytest.mark.parametrize("name", ["고양이", "日本語", "😀", "$x^$", "", "a\nb", "\x07"])
def test_any_name_is_drawn_and_equal_sheets_give_equal_bytes(name: str, tmp_path: Path) -> None:
    content, again = (png(sheet(2, answers=[name, "1"], names=["1", name]), tmp_path) for _ in range(2))
    assert content == again
    assert pixels(content).std() > 5


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        ({"answers": ["0"]}, "must be as many"),
        ({"names": ["a"] * 3}, "must be as many"),
        ({"remarks": [()]}, "must be as many"),
        ({"unsure": []}, "must be as many"),
        ({"pictures": []}, "must be as many"),
        ({"images": images(2) / 255}, "must be uint8"),
        ({"images": images(2)[..., 0]}, "must be uint8"),
    ],
)
def test_what_does_not_fit_together_is_refused(other: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        sheet(2, **other)
    with pytest.raises(ValueError, match="must be as many"):
        sheet(0)


def sheet_of_disagreements(number: int, names: tuple[str, ...] = ("one", "two"), channels: int = 1) -> Figure:
    answers = [[("cat", 0.9), ("dog", 0.61), ("cow", 0.9999)][: len(names)]] * number
    titles = [f"test {place}, label cat" for place in range(number)]
    return disagreements(images(number, channels=channels), titles, ["cat"] * number, answers, names)


@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_stands_beside_its_title_and_every_answer(channels: int) -> None:
    figure = sheet_of_disagreements(5, channels=channels)
    assert len(figure.axes) == 5
    shown = [text.get_text() for text in figure.texts]
    for place, axes in enumerate(figure.axes):
        expected = np.broadcast_to(images(5, channels=channels)[place], (8, 8, 3))
        assert np.array_equal(image_of(axes), expected)
        beside = shown[5 * place : 5 * place + 5]
        assert beside == [f"test {place}, label cat", "one", "cat  90.0 %", "two", "dog  61.0 %"]


def test_wrong_answers_are_in_their_colour_and_on_the_line_of_their_name() -> None:
    figure = sheet_of_disagreements(1, ("one", "two", "three"))
    colours = {text.get_text(): colour(text) for text in figure.texts}
    assert (colours["cat  90.0 %"], colours["dog  61.0 %"], colours["cow  >99.9 %"]) == (INK, WRONG, WRONG)
    heights = {text.get_text(): text.get_position()[1] for text in figure.texts}
    assert heights["one"] == heights["cat  90.0 %"] > heights["two"] == heights["dog  61.0 %"]


@pytest.mark.parametrize(
    ("number", "names"), [(1, ("a", "b")), (7, ("a rather long name of a run that is cut", "b", "c"))]
)
def test_texts_neither_meet_nor_leave_the_figure(number: int, names: tuple[str, ...], tmp_path: Any) -> None:
    figure = sheet_of_disagreements(number, names)
    renderer = drawn(figure).get_renderer()
    boxes = [artist.get_window_extent(renderer) for artist in (*figure.texts, *figure.axes)]
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
    assert not any(text.get_text().endswith("…") for text in figure.texts if "label cat" in text.get_text())
    assert pixels(png(figure, tmp_path)).std() > 5


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


def near_sheet(number: int = 2, k: int = 3, **other: Any) -> Figure:
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
    figure = near_sheet()
    shown = [image_of(axes)[..., :1] for axes in figure.axes]
    own, near = images(2), images(6).reshape(2, 3, 8, 8, 1)
    expected = [own[0], *near[0], own[1], *near[1]]
    assert all(np.array_equal(*pair) for pair in zip(shown, expected, strict=True))
    rows = [text.get_text() for text in figure.texts]
    assert rows[:7] == ["image 0", "class 0", "0.000", "class 1", "0.100", "class 2", "0.200"]
    lefts = [axes.get_position().x0 for axes in figure.axes[:4]]
    assert lefts == sorted(lefts)


def test_another_class_is_in_the_colour_of_mistakes() -> None:
    found = {text.get_text(): text for text in near_sheet(1).texts}
    assert colour(found["class 1"]) == WRONG
    assert colour(found["class 0"]) == colour(found["class 2"]) == INK
    assert colour(found["0.100"]) == MUTED


@pytest.mark.parametrize(("number", "k"), [(1, 1), (1, 8), (2, 3)])
@pytest.mark.parametrize("shape", [(8, 8, 3), (16, 8, 1), (4, 16, 1), (90, 3, 1)])
def test_nothing_runs_into_any_neighbour(number: int, k: int, shape: tuple[int, int, int]) -> None:
    figure = near_sheet(
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
def test_neighbours_of_any_name_are_drawn_and_give_equal_bytes(name: str, tmp_path: Path) -> None:
    one, again = (png(near_sheet(1, 2, titles=[name], labels=[[name, "b"]]), tmp_path) for _ in range(2))
    assert one == again
    assert pixels(one).std() > 5
