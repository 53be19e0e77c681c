"""Evidence laid over a picture: blue where it speaks for the class, red where it speaks against it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from imagelet.plots.explanation import (
    COLOURS,
    MOST_NAMES,
    MOST_PIXELS,
    Marked,
    class_colour,
    embedding_map,
    evidence,
)
from imagelet.plots.style import WRONG
from tests.plots.artists import drawn, image_of, images, pixels, png

BLACK = np.zeros((8, 6, 1), np.uint8)


def marked(
    values: np.ndarray, meaning: Any = "for and against", on_picture: np.ndarray | None = None
) -> Marked:
    return Marked("occlusion", "how far the logit falls", meaning, values, on_picture)


def sheet(number: int = 4, side: int = 40) -> Figure:
    generator = np.random.default_rng(0)
    many = [
        marked(generator.normal(size=(8, 8)), "for and against", generator.normal(size=(side, 2 * side)))
        for _ in range(number)
    ]
    return evidence(images(1, side, 2 * side, 3)[0], images(1)[0], many, "7   99.2 %")


def one(values: np.ndarray, meaning: Any = "for and against", image: np.ndarray = BLACK) -> np.ndarray:
    """Return what is drawn of one map, int (height, width, 3)."""
    figure = evidence(image, image, [marked(values, meaning)], "7")
    return image_of(figure.axes[1]).astype(int)


def at(row: int, column: int, value: float) -> np.ndarray:
    values = np.zeros(BLACK.shape[:2])
    values[row, column] = value
    return values


def test_what_speaks_for_is_blue_and_what_speaks_against_is_red() -> None:
    values = at(1, 2, 3.0) + at(5, 4, -3.0)
    red, _, blue = np.moveaxis(one(values), 2, 0)
    assert blue[1, 2] > red[1, 2] + 60
    assert red[5, 4] > blue[5, 4] + 60
    rest = values == 0
    assert np.array_equal(red[rest], blue[rest])


def test_what_matters_either_way_has_another_colour() -> None:
    for_, either = (one(at(1, 2, 3.0), meaning)[1, 2] for meaning in ("for", "either way"))
    assert np.abs(for_ - either).max() > 60


def test_the_stronger_the_value_the_stronger_the_colour_whatever_the_scale() -> None:
    values = at(0, 0, 1.0) + at(0, 1, 2.0) + at(0, 2, 4.0)
    colours = one(values)
    paleness = colours[0, :4, 0]
    assert (np.diff(paleness[[2, 1, 0, 3]]) > 10).all()
    assert np.array_equal(one(1e-6 * values), colours)


def test_one_pixel_far_above_the_others_does_not_pale_them() -> None:
    values = np.ones((40, 40))
    values[3, 3] = 1000
    image = np.zeros((40, 40, 1), np.uint8)
    alone = one(np.ones((40, 40)), "for", image)
    assert np.abs(one(values, "for", image)[20, 20] - alone[20, 20]).max() < 30


@pytest.mark.parametrize("level", [0, 128, 255])
def test_no_evidence_leaves_the_picture_grey(level: int) -> None:
    colours = one(np.zeros((8, 6)), image=np.full((8, 6, 1), level, np.uint8))
    assert np.ptp(colours) == 0
    assert colours.min() > 100


def test_the_picture_stands_above_the_image_and_each_method_beside() -> None:
    figure = sheet(3)
    shapes = [image_of(axes).shape[:2] for axes in figure.axes]
    assert shapes[:8] == [(40, 80)] * 4 + [(8, 8)] * 4
    canvas = drawn(figure)
    corners = [axes.get_window_extent() for axes in figure.axes[:8]]
    assert all(box.y0 > corners[4].y1 for box in corners[:4])
    assert [round(box.x0) for box in corners[:4]] == [round(box.x0) for box in corners[4:]]
    written = [text.get_text() for text in figure.texts]
    assert {"7   99.2 %", "occlusion", "how far the logit falls", "against", "for the class"} <= set(written)
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in figure.texts if text.get_text()]
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])
        assert not any(box.overlaps(corner) for corner in corners)
        assert 0 <= box.x0 < box.x1 <= figure.bbox.width
        assert 0 <= box.y0 < box.y1 <= figure.bbox.height


def test_the_upper_row_is_left_out_where_nothing_can_be_laid_over_the_picture() -> None:
    figure = evidence(images(1, 40, 30)[0], images(1)[0], [marked(np.ones((8, 8)))], "7")
    assert [image_of(axes).shape[:2] for axes in figure.axes[:2]] == [(8, 8)] * 2


def test_a_method_without_a_place_in_the_picture_leaves_a_gap() -> None:
    both = [marked(np.ones((8, 8))), marked(np.ones((8, 8)), "for", np.ones((20, 20)))]
    figure = evidence(images(1, 20, 20)[0], images(1)[0], both, "7")
    assert [image_of(axes).shape[:2] for axes in figure.axes[:5]] == [(20, 20)] * 2 + [(8, 8)] * 3


def test_the_legend_tells_only_of_what_is_there() -> None:
    for meaning, wanted in (
        ("for", {"for the class"}),
        ("either way", {"matters, either way"}),
        ("for and against", {"against", "for the class"}),
    ):
        figure = evidence(BLACK, BLACK, [marked(np.ones((8, 6)), meaning)], "7")
        words = {"against", "for the class", "matters, either way"}
        assert words & {text.get_text() for text in figure.texts} == wanted


def test_a_large_picture_is_thinned_out_with_its_map() -> None:
    side = 3 * MOST_PIXELS
    figure = evidence(
        images(1, side, side // 2)[0],
        images(1)[0],
        [marked(np.ones((8, 8)), "for", np.ones((side, side // 2)))],
        "7",
    )
    assert [image_of(axes).shape[:2] for axes in figure.axes[:2]] == [(MOST_PIXELS, MOST_PIXELS // 2)] * 2


@pytest.mark.parametrize("answer", ["고양이", "$x^$", "", "x" * 200])
def test_any_class_is_drawn_and_equal_sheets_give_equal_bytes(answer: str, tmp_path: Path) -> None:
    many = [marked(np.ones((8, 6)))]
    content, again = (png(evidence(BLACK, BLACK, many, answer), tmp_path) for _ in range(2))
    assert content == again
    assert pixels(content).std() > 5


@pytest.mark.parametrize(
    ("many", "complaint"),
    [
        ([], "no method"),
        ([marked(np.ones((6, 8)))], "finite numbers"),
        ([marked(np.full((8, 6), np.nan))], "finite numbers"),
        ([marked(np.ones((8, 6)), "for", np.ones((3, 3)))], "finite numbers"),
    ],
)
def test_what_does_not_fit_is_refused(many: list[Marked], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        evidence(BLACK, BLACK, many, "7")
    with pytest.raises(ValueError, match="must be uint8"):
        evidence(BLACK / 255, BLACK, [marked(np.ones((8, 6)))], "7")


POINTS = np.array([[0, 0], [1, 0], [0, 1], [10, 10], [11, 10], [10, 11]], np.float32)
LABELS = np.array([0, 0, 0, 1, 1, 1])
ANSWERS = np.array([0, 0, 1, 1, 1, 1])


def plane(points=POINTS, labels=LABELS, answers=ANSWERS, classes=("cat", "dog"), caption="PCA") -> Figure:
    return embedding_map(points, labels, answers, classes, "two classes", caption)


def named(figure: Figure) -> dict[str, tuple[float, float]]:
    """Return the class names and their places."""
    (axes,) = figure.axes
    return {text.get_text(): text.get_position() for text in axes.texts if text.get_bbox_patch()}


def test_points_have_the_colours_of_their_labels_and_mistakes_are_crosses() -> None:
    (axes,) = plane().axes
    dots, crosses = axes.collections
    found = {
        tuple(place): to_hex(colour)
        for place, colour in zip(dots.get_offsets().tolist(), dots.get_facecolors(), strict=True)
    }
    assert found == {
        tuple(each): class_colour(label) for each, label in zip(POINTS.tolist(), LABELS, strict=True)
    }
    assert crosses.get_offsets().tolist() == [[0, 1]]
    assert to_hex(crosses.get_edgecolors()[0]) == WRONG
    texts = [text.get_text() for text in axes.texts]
    assert "PCA; 1 of 6 answers are wrong: ×" in texts


def test_a_class_is_named_at_the_middle_of_its_points() -> None:
    found = named(plane())
    assert found["cat"] == pytest.approx((0, 0), abs=1e-4)
    assert found["dog"] == pytest.approx((10, 10), abs=1e-4)
    assert "fox" not in named(plane(classes=("cat", "dog", "fox")))  # nothing to name


@pytest.mark.portable
@pytest.mark.parametrize("number", [10, 60])
def test_names_of_classes_that_lie_together_do_not_cover_each_other(number: int) -> None:
    points = np.random.default_rng(1).normal(size=(10 * number, 2))
    labels = np.arange(10 * number) % number
    figure = plane(points, labels, labels, [f"class {label}" for label in range(number)])
    canvas = drawn(figure)
    (axes,) = figure.axes
    boxes = [
        text.get_bbox_patch().get_window_extent(canvas.get_renderer())
        for text in axes.texts
        if text.get_bbox_patch()
    ]
    assert len(boxes) == min(number, MOST_NAMES)
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])
        assert axes.bbox.x0 <= box.x0
        assert box.x1 <= axes.bbox.x1
        assert axes.bbox.y0 <= box.y0
        assert box.y1 <= axes.bbox.y1


def test_colours_differ_from_class_to_class_and_from_that_of_mistakes() -> None:
    colours = [class_colour(label) for label in range(4 * len(COLOURS))]
    assert colours[: len(COLOURS)] == list(COLOURS)
    assert len({*colours, WRONG}) == len(colours) + 1


@pytest.mark.portable
@pytest.mark.parametrize("points", [np.zeros((6, 2)), POINTS * 1e-12, POINTS * 1e12])
def test_points_of_any_spread_are_drawn(points: np.ndarray, tmp_path: Path) -> None:
    assert pixels(png(plane(points), tmp_path)).std() > 2


@pytest.mark.parametrize("name", ["고양이", "日本語の道", "😀", "$x^$", "", "a\nb", "a very long name " * 3])
def test_any_name_is_drawn_and_equal_maps_give_equal_bytes(name: str, tmp_path: Path) -> None:
    one, again = (png(plane(classes=(name, "dog"), caption=name * 3), tmp_path) for _ in range(2))
    assert one == again
    assert pixels(one).std() > 2
