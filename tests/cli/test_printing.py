"""What printing makes of texts, tables, documents and terminals."""

import io
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imagelet.cli import printing
from imagelet.cli.layout import SHADES, sketch_images, sketch_shares

Capture = pytest.CaptureFixture[str]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def _document(value: object, encoding: str) -> bytes:
    """Return the bytes that a document comes to on a stream of that encoding."""
    content, standard = io.BytesIO(), sys.stdout
    sys.stdout = io.TextIOWrapper(content, encoding=encoding)
    try:
        printing.document(value)
        return content.getvalue()
    finally:
        sys.stdout = standard


class TestDocument:
    @given(VALUES, st.sampled_from(["utf-8", "ascii", "cp1252"]))
    def test_is_read_back_as_it_was_on_any_terminal(self, value: object, encoding: str) -> None:
        assert json.loads(_document(value, encoding).decode(encoding)) == value

    def test_writes_names_with_bytes_that_are_no_text(self) -> None:
        name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
        assert json.loads(_document({"file": name}, "utf-8").decode("utf-8")) == {"file": name}

    def test_knows_paths_tuples_and_numpy(self, capsys: Capture) -> None:
        printing.document(
            {"a": Path("b"), "c": (1, 2), "d": np.float32(0.5), "e": np.eye(2, dtype=int), 3: True}
        )
        expected = {"a": "b", "c": [1, 2], "d": 0.5, "e": [[1, 0], [0, 1]], "3": True}
        assert json.loads(capsys.readouterr().out) == expected

    def test_turns_what_is_no_number_into_null(self, capsys: Capture) -> None:
        printing.document([math.nan, math.inf, np.float64("nan"), np.array([1.0, -math.inf])])
        assert json.loads(capsys.readouterr().out) == [None, None, None, [1.0, None]]

    def test_refuses_what_it_does_not_know(self) -> None:
        with pytest.raises(TypeError, match="set cannot be written as JSON"):
            printing.document({1, 2})


class TestVisible:
    @given(st.text())
    def test_leaves_no_control_character(self, text: str) -> None:
        shown = printing.visible(text)
        assert all(
            (ord(letter) >= 32 and not 127 <= ord(letter) < 160) or letter in "\t\n" for letter in shown
        )

    def test_leaves_letters_alone(self) -> None:
        assert printing.visible("한글 Größe [bold] 🙂\n") == "한글 Größe [bold] 🙂\n"

    @pytest.mark.parametrize("show", [printing.say, printing.note, printing.failure, printing.caution])
    def test_guards_every_line(self, capsys: Capture, show: object) -> None:
        show("\x1b[31mred\x07 \x9b2J")  # type: ignore[operator]
        captured = capsys.readouterr()
        assert "\\x1b[31mred\\x07 \\x9b2J" in captured.out + captured.err
        assert "\x1b" not in captured.out + captured.err

    def test_guards_tables_and_facts(self, capsys: Capture) -> None:
        printing.table(("a\x1b",), [("\x1b[2J",)])
        printing.facts({"name": "\x1b[2J"})
        assert "\x1b" not in capsys.readouterr().out


class TestLines:
    def test_of_a_pipe_are_never_wrapped(self, capsys: Capture) -> None:
        printing.say("word " * 100)
        printing.note("word " * 100)
        printing.table(("text", "number"), [("word " * 100, "1")])
        captured = capsys.readouterr()
        assert len(captured.out.splitlines()) == 1 + 2
        assert len(captured.err.splitlines()) == 1

    def test_of_a_terminal_are_wrapped_between_words(
        self, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _terminal(monkeypatch, columns=40)
        printing.say("word " * 20)
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 3
        assert all(set(line.split()) == {"word"} for line in lines)

    def test_have_no_spaces_at_their_end(self, capsys: Capture) -> None:
        printing.table(("name", "text"), [("a", "long text"), ("b", "")])
        printing.facts({"name": "a", "longer": "b"})
        assert all(line == line.rstrip() for line in capsys.readouterr().out.splitlines())

    def test_are_not_read_as_markup(self, capsys: Capture) -> None:
        printing.say("[bold]a[/bold] :smile:")
        printing.table(("[red]b",), [("[/nothing]",)])
        assert capsys.readouterr().out.split() == ["[bold]a[/bold]", ":smile:", "[red]b", "[/nothing]"]

    def test_are_coloured_on_a_terminal_unless_it_wants_none(
        self, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _terminal(monkeypatch, columns=80)
        printing.failure("no")
        assert "\x1b[1;31m" in capsys.readouterr().err
        monkeypatch.setenv("NO_COLOR", "1")
        printing.failure("no")
        assert "31m" not in capsys.readouterr().err


class TestTable:
    def test_aligns_numbers_at_the_right(self, capsys: Capture) -> None:
        printing.table(("name", "count"), [("one", "1"), ("million", "1,000,000")], right=("count",))
        assert capsys.readouterr().out.splitlines() == [
            "name         count",
            "one              1",
            "million  1,000,000",
        ]

    def test_folds_long_texts_on_a_terminal_and_keeps_numbers_whole(
        self, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _terminal(monkeypatch, columns=30)
        monkeypatch.setenv("NO_COLOR", "1")
        printing.table(("name", "count"), [("word " * 20, "1,000,000")], right=("count",))
        out = capsys.readouterr().out
        assert "1,000,000" in out
        assert out.count("word") == 20
        assert max(map(len, out.splitlines())) < 60  # the codes for bold included


class TestProgress:
    def test_is_silent_where_it_is_quickly_over(
        self, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _terminal(monkeypatch, columns=80)
        monkeypatch.setattr(printing, "PATIENCE", 3600.0)
        with printing.progress("reading") as advance:
            advance(1, 2)
        assert capsys.readouterr() == ("", "")

    def test_is_silent_where_there_is_no_terminal(self, capsys: Capture) -> None:
        with printing.progress("reading") as advance:
            advance(1, 2)
        assert capsys.readouterr() == ("", "")

    @pytest.mark.parametrize("binary", [False, True])
    def test_goes_to_standard_error(
        self, capsys: Capture, monkeypatch: pytest.MonkeyPatch, binary: bool
    ) -> None:
        _terminal(monkeypatch, columns=80)
        monkeypatch.setattr(printing, "PATIENCE", 0.0)
        with printing.progress("reading [bold]", binary=binary) as advance:
            advance(1, None)
            advance(1, 2)
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "reading [bold]" in captured.err


def _terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))


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
