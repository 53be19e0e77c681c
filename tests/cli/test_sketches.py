"""Images and shares as letters."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imagelet.cli import printing
from imagelet.cli.printing import SHADES, sketch_images, sketch_shares


def test_a_small_image_has_two_letters_a_pixel_from_black_to_white() -> None:
    image = np.array([[0, 63, 128], [255, 180, 0]], np.uint8)[..., None]
    assert sketch_images([image], ["a"]) == ["  ░░▒▒", "██▓▓", "a"]


def test_images_stand_side_by_side_above_their_captions() -> None:
    white = np.full((2, 2, 3), 255, np.uint8)
    assert sketch_images([white, white], ["one", "two"]) == ["████   ████", "████   ████", "one    two"]


def test_images_that_do_not_fit_stand_below_one_another() -> None:
    white = np.full((2, 2, 1), 255, np.uint8)
    lines = sketch_images([white] * 3, ["a", "b", "c"], width=9, shades=" #")
    assert lines == ["##   ##", "a    b", "", "##", "c"]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]))))
def test_any_image_fits_80_columns_in_letters_of_the_scale(image: np.ndarray) -> None:
    *lines, caption = sketch_images([image, image, image], ["", "", ""])
    assert caption == ""
    assert all(len(line) <= 80 and set(line) <= set(SHADES) for line in lines)


def test_a_wide_image_keeps_its_aspect() -> None:
    image = np.full((28, 28, 1), 255, np.uint8)
    *lines, _ = sketch_images([image], [""])
    assert [len(line) for line in lines] == [28] * 14  # a letter is about twice as high as wide


def test_a_share_is_a_bar_and_a_figure() -> None:
    first, second, third, fourth = sketch_shares({"a": 1.0, "bcd": 0.5, "e": 0.99999, "f": 0.0}, "#")
    assert first == "  a  " + "#" * 40 + "  100.00 %"
    assert second == "bcd  " + "#" * 20 + " " * 20 + "   50.00 %"
    assert third.endswith("  >99.99 %")
    assert "#" not in fourth


def test_both_are_printed_with_what_the_terminal_can_show(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = np.full((1, 1, 1), 255, np.uint8)
    printing.pictures([image], ["white\x1b"])
    printing.bars({"a\x1b": 1.0})
    assert capsys.readouterr().out == "██\nwhite\\x1b\na\\x1b  " + "█" * 40 + "  100.00 %\n"
    monkeypatch.setattr(printing, "_can_show", lambda stream, text: False)
    printing.pictures([image], ["white"])
    printing.bars({"a": 0.1})
    assert capsys.readouterr().out == "@@\nwhite\na  ####" + " " * 36 + "   10.00 %\n"
