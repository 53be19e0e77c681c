"""Characters to words and arguments, and the place of every mistake in them."""

import pytest

from imagelet.errors import NetworkTextError
from imagelet.networks.grammar import LONGEST_TEXT, Argument, Call, read_calls


def test_words_arguments_and_positions_are_read() -> None:
    assert read_calls("relu conv(32, 3x3,\n  stride=2)") == (
        Call("relu", (), 1),
        Call("conv", (Argument("", "32", 11), Argument("", "3x3", 15), Argument("stride", "2", 22)), 6),
    )


@pytest.mark.parametrize(
    "text",
    [
        "relu pool(2x3)",
        "RELU Pool(2X3)",
        "relu,pool(2x3)",
        "relu ; pool(2x3)",
        "relu|pool(2x3)",
        "relu->pool(2x3)",
        "relu → pool(2x3)",
        "\n relu()\tpool ( 2 x 3 )\n",
        "relu pool(2×3)",
    ],
)
def test_harmless_variants_are_the_same(text: str) -> None:
    calls = read_calls(text)
    assert [call.word for call in calls] == ["relu", "pool"]
    assert [argument.value for argument in calls[1].arguments] == ["2x3"]


def test_a_hyphen_in_a_word_is_an_underscore_and_an_arrow_is_not_one() -> None:
    assert [call.word for call in read_calls("global-average->relu")] == ["global_average", "relu"]


@pytest.mark.parametrize("number", ["0.3", ".3", "3.", "1e-5", "2E+3", "-1"])
def test_numbers_are_kept_as_written(number: str) -> None:
    assert read_calls(f"dropout({number})")[0].arguments[0].value == number.lower()


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 1, "empty"),
        (" \n\t", 1, "empty"),
        ("relu $", 6, "stray '$' at position 6"),
        ("relu )", 6, "stray ')' at position 6"),
        ("relu 3x3", 6, "stray '3x3' at position 6"),
        ("-> relu", 1, "stray '->' at position 1"),
        ("relu || relu", 7, "stray '|' at position 7"),
        ("relu ->", 6, "ends after '->' at position 6"),
        ("relu conv(32", 10, "conv at position 6: its bracket is never closed"),
        ("conv(32,", 5, "conv at position 1: its bracket is never closed"),
        ("conv(", 5, "conv at position 1: its bracket is never closed"),
        ("conv(32, stride=", 5, "conv at position 1: its bracket is never closed"),
        ("conv(32 3x3)", 9, "expected ',' or ')' before '3x3' at position 9"),
        ("conv(32, 3x3 relu", 14, "expected ',' or ')' before 'relu' at position 14"),
        ("conv(32,, 3x3)", 9, "expected an argument, not ',' at position 9"),
        ("conv(32, 3x3,)", 14, "expected an argument, not ')' at position 14"),
        ("relu((", 6, "expected an argument, not '(' at position 6"),
        ("conv(stride=)", 13, "expected a value after 'stride=', not ')' at position 13"),
        ("conv(stride==2)", 13, "expected a value after 'stride=', not '=' at position 13"),
        ("conv(32, '3x3')", 10, "stray"),
        ("conv(32, ３x３)", 10, "stray"),
    ],
)
def test_every_mistake_is_placed(text: str, position: int, words: str) -> None:
    with pytest.raises(NetworkTextError) as caught:
        read_calls(text)
    assert words in caught.value.message
    assert caught.value.position == position
    assert caught.value.text == text


def test_text_is_read_up_to_a_length() -> None:
    longest = "relu " * (LONGEST_TEXT // 5)
    assert len(read_calls(longest)) == LONGEST_TEXT // 5
    with pytest.raises(NetworkTextError, match="10,001 characters"):
        read_calls(longest + " ")
