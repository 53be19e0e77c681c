import numpy as np
import pytest
from matplotlib.figure import Figure

from imagelet import plots
from imagelet.plots.style import ACCENT, INK, MUTED, WRONG
from tests.plots.artists import colour, drawn, image_of, images, texts, title


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
