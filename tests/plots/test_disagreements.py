from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from imagelet.plots.disagreements import disagreements
from imagelet.plots.style import INK, WRONG
from tests.plots.artists import colour, drawn, image_of, images, pixels, png


def sheet(number: int, names: tuple[str, ...] = ("one", "two"), channels: int = 1) -> Figure:
    answers = [[("cat", 0.9), ("dog", 0.61), ("cow", 0.9999)][: len(names)]] * number
    titles = [f"test {place}, label cat" for place in range(number)]
    return disagreements(images(number, channels=channels), titles, ["cat"] * number, answers, names)


def cells(figure: Figure) -> list[tuple[Any, Any]]:
    """Return (image's axes, texts' axes) for each cell that holds an image."""
    pairs = zip(figure.axes[::2], figure.axes[1::2], strict=True)
    return [(left, right) for left, right in pairs if right.texts]


@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_stands_beside_its_title_and_every_answer(channels: int) -> None:
    found = cells(sheet(5, channels=channels))
    assert len(found) == 5
    for place, (left, right) in enumerate(found):
        expected = np.broadcast_to(images(5, channels=channels)[place], (8, 8, 3))
        assert np.array_equal(image_of(left), expected)
        told = [text.get_text() for text in right.texts]
        assert told == [f"test {place}, label cat", "one", "cat  90.0 %", "two", "dog  61.0 %"]


def test_wrong_answers_are_in_their_colour_and_on_the_line_of_their_name() -> None:
    (_, right), *_ = cells(sheet(1, ("one", "two", "three")))
    colours = {text.get_text(): colour(text) for text in right.texts}
    assert (colours["cat  90.0 %"], colours["dog  61.0 %"], colours["cow  >99.9 %"]) == (INK, WRONG, WRONG)
    heights = {text.get_text(): text.get_position()[1] for text in right.texts}
    assert heights["one"] == heights["cat  90.0 %"] > heights["two"] == heights["dog  61.0 %"]


@pytest.mark.parametrize(
    ("number", "names"), [(1, ("a", "b")), (7, ("a rather long name of a run that is cut", "b", "c"))]
)
def test_texts_neither_meet_nor_leave_the_figure(number: int, names: tuple[str, ...], tmp_path: Any) -> None:
    figure = sheet(number, names)
    renderer = drawn(figure).get_renderer()
    boxes = [text.get_window_extent(renderer) for _, right in cells(figure) for text in right.texts]
    boxes += [left.get_window_extent(renderer) for left, _ in cells(figure)]
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
    assert not any(text.get_text().endswith("…") for _, right in cells(figure) for text in right.texts[:1])
    assert pixels(png(figure, tmp_path)).std() > 5


def test_what_does_not_fit_together_is_refused() -> None:
    picture, answer = images(1), [[("cat", 0.5)]]
    with pytest.raises(ValueError, match="at least one image"):
        disagreements(picture[:0], [], [], [], ["one"])
    with pytest.raises(ValueError, match="1 images, 2 titles"):
        disagreements(picture, ["a", "b"], ["cat"], answer, ["one"])
    with pytest.raises(ValueError, match="needs 2 answers"):
        disagreements(picture, ["a"], ["cat"], answer, ["one", "two"])
    with pytest.raises(ValueError, match="uint8"):
        disagreements(picture.astype(float), ["a"], ["cat"], answer, ["one"])
