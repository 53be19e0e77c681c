from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from imagelet import plots
from imagelet.plots.style import INK, MUTED, WRONG
from tests.plots.artists import colour, drawn, image_of, images, pixels, png

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
