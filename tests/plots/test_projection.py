from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from imagelet.plots.projection import COLOURS, MOST_NAMES, class_colour, embedding_map
from imagelet.plots.style import WRONG
from tests.plots.artists import drawn, pixels, png

POINTS = np.array([[0, 0], [1, 0], [0, 1], [10, 10], [11, 10], [10, 11]], np.float32)
LABELS = np.array([0, 0, 0, 1, 1, 1])
ANSWERS = np.array([0, 0, 1, 1, 1, 1])


def sheet(points=POINTS, labels=LABELS, answers=ANSWERS, classes=("cat", "dog"), caption="PCA") -> Figure:
    return embedding_map(points, labels, answers, classes, "two classes", caption)


def named(figure: Figure) -> dict[str, tuple[float, float]]:
    """Return the class names and their places."""
    (axes,) = figure.axes
    return {text.get_text(): text.get_position() for text in axes.texts if text.get_bbox_patch()}


def test_points_have_the_colours_of_their_labels_and_mistakes_are_crosses() -> None:
    (axes,) = sheet().axes
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
    assert "cat → dog" in texts


def test_a_class_is_named_at_the_middle_of_its_points() -> None:
    found = named(sheet())
    assert found["cat"] == pytest.approx((0, 0), abs=1e-4)
    assert found["dog"] == pytest.approx((10, 10), abs=1e-4)
    assert "fox" not in named(sheet(classes=("cat", "dog", "fox")))  # nothing to name


@pytest.mark.portable
def test_what_is_written_of_mistakes_covers_no_name_and_stays_inside() -> None:
    points = np.random.default_rng(2).normal(size=(60, 2))
    labels = np.arange(60) % 5
    answers = np.where(np.arange(60) < 15, (labels + 1) % 5, labels)
    figure = sheet(points, labels, answers, ["automobile", "airplane", "고양이", "T-shirt/top", "x"])
    canvas = drawn(figure)
    (axes,) = figure.axes
    boxes = [
        (text.get_bbox_patch() or text).get_window_extent(canvas.get_renderer())
        for text in axes.texts
        if text.get_bbox_patch() or "→" in text.get_text()
    ]
    assert 5 < len(boxes) <= 5 + 15
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])
        assert axes.bbox.x0 <= box.x0
        assert box.x1 <= axes.bbox.x1


def test_many_mistakes_are_crossed_out_and_not_written() -> None:
    points = np.random.default_rng(0).normal(size=(100, 2))
    labels = np.arange(100) % 2
    (axes,) = sheet(points, labels, 1 - labels).axes
    assert len(axes.collections[1].get_offsets()) == 100
    assert not [text for text in axes.texts if "→" in text.get_text()]


@pytest.mark.portable
@pytest.mark.parametrize("number", [10, 60])
def test_names_of_classes_that_lie_together_do_not_cover_each_other(number: int) -> None:
    points = np.random.default_rng(1).normal(size=(10 * number, 2))
    labels = np.arange(10 * number) % number
    figure = sheet(points, labels, labels, [f"class {label}" for label in range(number)])
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
    assert pixels(png(sheet(points), tmp_path)).std() > 2


@pytest.mark.parametrize("name", ["고양이", "日本語の道", "😀", "$x^$", "", "a\nb", "a very long name " * 3])
def test_any_name_is_drawn_and_equal_maps_give_equal_bytes(name: str, tmp_path: Path) -> None:
    one, again = (png(sheet(classes=(name, "dog"), caption=name * 3), tmp_path) for _ in range(2))
    assert one == again
    assert pixels(one).std() > 2


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ValueError, match=r"points \(n, 2\) are needed"):
        sheet(POINTS[:, :1])
    with pytest.raises(ValueError, match=r"points \(n, 2\) are needed"):
        sheet(POINTS[:0], LABELS[:0], ANSWERS[:0])
    with pytest.raises(ValueError, match="do not fit"):
        sheet(labels=LABELS[:3])
    with pytest.raises(ValueError, match="do not fit"):
        sheet(answers=ANSWERS[:3])
