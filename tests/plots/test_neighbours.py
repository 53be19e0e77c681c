from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from imagelet.plots.neighbours import neighbours
from imagelet.plots.style import INK, MUTED, WRONG
from tests.plots.artists import colour, drawn, image_of, images, pixels, png


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


@pytest.mark.parametrize(("number", "k"), [(1, 1), (1, 8), (5, 3)])
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
