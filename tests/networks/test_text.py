"""Text and layers are two forms of the same, and every mistake says where it is."""

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelet.errors import NetworkTextError
from imagelet.networks import layers as kinds
from imagelet.networks.layer_kind import other_words
from imagelet.networks.layers import Layer
from imagelet.networks.text import DEEPEST, LONGEST_TEXT, is_layer, parse, to_text, usage

from .strategies import networks, unhurried

EXAMPLE = "conv(32, 3x3, same) relu pool(2) dropout(0.3) flatten dense(128) relu dense(classes) softmax"


def refusal(text: str) -> NetworkTextError | None:
    """Return the error that ``text`` raises, if any; no other kind of error may come."""
    try:
        parse(text)
    except NetworkTextError as error:
        return error
    return None


@unhurried
@given(networks)
def test_layers_to_text_to_layers_is_the_identity(layers: tuple[Layer, ...]) -> None:
    assert parse(to_text(layers)) == layers


@unhurried
@given(networks)
def test_canonical_text_to_layers_to_text_is_the_identity(layers: tuple[Layer, ...]) -> None:
    text = to_text(layers)
    assert to_text(parse(text)) == text


@unhurried
@given(networks, st.data())
def test_blanks_capitals_and_separators_change_nothing(
    layers: tuple[Layer, ...], data: st.DataObject
) -> None:
    blanks = st.sampled_from(["", " ", "\n", "\t  "])
    separators = st.sampled_from([" ", "\n", ",", " | ", "->", " ; "])
    written = []
    for layer in layers:
        parts = re.split(r"([(),=])", to_text([layer]))
        written.append("".join(data.draw(blanks) + part.strip() + data.draw(blanks) for part in parts))
        written.append(data.draw(separators))
    text = "".join(written[:-1])
    assert parse(text.upper() if data.draw(st.booleans()) else text) == layers


@unhurried
@given(st.text() | st.text(alphabet="conv(32,x) relupol=->|.1e5 same", max_size=60))
def test_any_text_is_read_or_refused_with_a_position(text: str) -> None:
    if (refused := refusal(text)) is not None:
        assert 1 <= refused.position <= max(len(text), 1)
        assert refused.text == text


@unhurried
@given(networks, st.data())
def test_text_with_one_wrong_character_is_read_or_refused(
    layers: tuple[Layer, ...], data: st.DataObject
) -> None:
    text = to_text(layers)
    place = data.draw(st.integers(0, len(text) - 1))
    instead = data.draw(st.sampled_from(["", "(", ")", ",", "=", "x", "0", "$", " "]))
    wrong = text[:place] + instead + text[place + 1 :]
    if (refused := refusal(wrong)) is not None:
        assert 1 <= refused.position <= max(len(wrong), 1)


def test_the_example_means_what_it_says() -> None:
    layers = parse(EXAMPLE)
    assert layers == (
        kinds.Conv(32, (3, 3), padding="same"),
        kinds.Relu(),
        kinds.Pool((2, 2)),
        kinds.Dropout(0.3),
        kinds.Flatten(),
        kinds.Dense(128),
        kinds.Relu(),
        kinds.Dense("classes"),
        kinds.Softmax(),
    )
    assert [layer.position for layer in layers[:4]] == [1, 21, 26, 34]
    assert to_text(layers) == EXAMPLE


@pytest.mark.parametrize(
    ("given_text", "canonical"),
    [
        ("conv(32, 3)", "conv(32, 3x3)"),
        ("conv(32, 3x3, valid)", "conv(32, 3x3)"),
        ("conv(32, 3x3, padding=same)", "conv(32, 3x3, same)"),
        ("conv(same, kernel=3x5, filters=8)", "conv(8, 3x5, same)"),
        ("conv(32, 3x3, 1)", "conv(32, 3x3, padding=1)"),
        ("conv(32, 3x3, padding=1x2)", "conv(32, 3x3, padding=1x2)"),
        ("conv(32, 3x3, stride=2, same, bias=no)", "conv(32, 3x3, same, stride=2, bias=no)"),
        ("conv(32, 3x3, stride=1, dilation=1, bias=yes)", "conv(32, 3x3)"),
        ("conv(32, 3x3, bias=False)", "conv(32, 3x3, bias=no)"),
        ("conv(classes, 1)", "conv(classes, 1x1)"),
        ("depthwise(3, same, multiplier=2)", "depthwise(3x3, same, multiplier=2)"),
        ("pool(2x2, stride=2)", "pool(2)"),
        ("pool(3, stride=2, same)", "pool(3, same, stride=2)"),
        ("average_pool(2x3)", "average_pool(2x3)"),
        ("dense(Classes, bias=no)", "dense(classes, bias=no)"),
        ("dropout(.30)", "dropout(0.3)"),
        ("dropout(0.0)", "dropout(0)"),
        ("dropout(rate=0.00001)", "dropout(1e-5)"),
        ("batchnorm(momentum=0.9, epsilon=1e-5)", "batchnorm"),
        ("batchnorm(epsilon=1e-3)", "batchnorm(epsilon=0.001)"),
        ("relu()", "relu"),
    ],
)
def test_what_people_write_has_one_canonical_form(given_text: str, canonical: str) -> None:
    assert to_text(parse(given_text)) == canonical
    assert to_text(parse(canonical)) == canonical


@pytest.mark.parametrize(("theirs", "ours"), other_words().items())
def test_other_libraries_words_are_understood(theirs: str, ours: str) -> None:
    arguments = {"conv": "(4, 3)", "depthwise": "(3)", "pool": "(2)", "average_pool": "(2)", "dense": "(4)"}
    written = arguments.get(ours, "")
    assert parse(theirs + written) == parse(ours + written)


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("relu cnov(32, 3x3)", 6, "unknown layer 'cnov' at position 6; did you mean 'conv'?"),
        ("maxpol(2)", 1, "did you mean 'pool'?"),
        ("qqqqqq", 1, "unknown layer 'qqqqqq' at position 1"),
        ("conv", 1, "conv at position 1: filters and kernel are missing"),
        ("relu conv(32)", 6, "conv at position 6: kernel is missing"),
        ("relu(3)", 6, "relu at position 1: it takes no arguments, but has '3'"),
        ("conv(3, 3, 1, 2)", 15, "'2' is one argument too many"),
        ("pool(2, same, 3)", 15, "'3' is one argument too many"),
        ("conv(3, 3, stide=2)", 12, "unknown argument 'stide'; did you mean 'stride'?"),
        ("pool(2, dilation=2)", 9, "unknown argument 'dilation'"),
        ("conv(3, 3, stride=2, stride=2)", 22, "stride is given twice"),
        ("conv(3, 3, same, valid)", 18, "padding is given twice"),
        ("conv(0, 3)", 6, "filters must be a whole number from 1 to 10,000,000"),
        ("conv(-4, 3)", 6, "filters must be a whole number"),
        ("conv(3.5, 3)", 6, "filters must be a whole number"),
        ("conv(many, 3)", 6, "not 'many'"),
        ("conv(" + "9" * 5000 + ", 3)", 6, "filters must be a whole number"),
        ("conv(3, 0x3)", 9, "kernel must be a size from 1"),
        ("conv(3, -1)", 9, "kernel must be a size from 1"),
        ("conv(3, 3x3x3)", 9, "kernel must be a size"),
        ("conv(3, 99999)", 9, "kernel must be a size from 1 to 1,024"),
        ("conv(3, 3, stride=0)", 12, "stride must be a size from 1"),
        ("conv(3, 3, padding=-1)", 12, "padding must be same, valid, or a size from 0"),
        ("conv(3, 3, full)", 12, "padding must be same, valid"),
        ("conv(3, 3, bias=maybe)", 12, "bias must be yes or no, not 'maybe'"),
        ("depthwise(3, multiplier=classes)", 14, "multiplier must be a whole number"),
        ("dense(0)", 7, "units must be a whole number"),
        ("dropout(1)", 9, "rate must be a number of at least 0 and below 1"),
        ("dropout(-0.1)", 9, "rate must be"),
        ("dropout(30)", 9, "rate must be"),
        ("dropout(1e999)", 9, "rate must be"),
        ("dropout(nan)", 9, "rate must be"),
        ("batchnorm(epsilon=0)", 11, "epsilon must be a number above 0"),
        ("softmax relu", 1, "softmax at position 1: it must be the last layer"),
        ("softmax softmax", 1, "softmax at position 1: it must be the last layer"),
    ],
)
def test_every_mistake_is_named_and_placed(text: str, position: int, words: str) -> None:
    with pytest.raises(NetworkTextError) as caught:
        parse(text)
    assert words in caught.value.message
    assert caught.value.position == position
    assert caught.value.text == text
    assert caught.value.hint
    assert len(str(caught.value)) < 400


def test_usage_is_text_that_shows_every_argument() -> None:
    assert (
        usage(kinds.Conv)
        == "conv(filters, kernel[, padding][, stride=…][, dilation=…][, bias=…][, groups=…])"
    )
    assert usage(kinds.Relu) == "relu"


def test_text_and_shapes_are_worked_out_without_torch() -> None:
    program = (
        "import sys; from imagelet.networks import infer_shapes, networks, parse, to_text\n"
        "named = [networks.get(name) for name in networks]\n"
        "for each in named: each.builder or infer_shapes(each.text, each.input_shape)\n"
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# -- the grammar ---------------------------------------------------------------------------------------------


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
    assert parse(text) == (kinds.Relu(), kinds.Pool((2, 3)))


def test_a_hyphen_in_a_word_is_an_underscore_and_an_arrow_is_not_one() -> None:
    assert parse("global-average->relu") == (kinds.GlobalAverage(), kinds.Relu())


@pytest.mark.parametrize(
    ("written", "rate"), [("0.3", 0.3), (".3", 0.3), ("0.", 0.0), ("1e-5", 1e-5), ("2E-3", 0.002)]
)
def test_numbers_are_read_as_python_does(written: str, rate: float) -> None:
    assert parse(f"dropout({written})") == (kinds.Dropout(rate),)


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
def test_every_break_of_the_grammar_is_placed(text: str, position: int, words: str) -> None:
    with pytest.raises(NetworkTextError) as caught:
        parse(text)
    assert words in caught.value.message
    assert caught.value.position == position
    assert caught.value.text == text


def test_text_is_read_up_to_a_length() -> None:
    longest = "relu " * (LONGEST_TEXT // 5)
    assert len(parse(longest)) == LONGEST_TEXT // 5
    with pytest.raises(NetworkTextError, match="10,001 characters"):
        parse(longest + " ")


# -- blocks --------------------------------------------------------------------------------------------------

BLOCK = "residual(conv(4, 3x3, same) batchnorm relu conv(4, 3x3, same) batchnorm) relu"


def test_a_block_holds_layers_that_know_where_they_stand() -> None:
    block, relu = parse(BLOCK)
    assert isinstance(block, kinds.Residual)
    assert block.layers[0] == kinds.Conv(4, (3, 3), "same")
    assert [layer.position for layer in block.layers] == [10, 29, 39, 44, 63]
    assert (block.position, relu.position) == (1, 74)
    assert to_text([block, relu]) == BLOCK


def test_commas_and_arrows_may_part_the_layers_of_a_block() -> None:
    assert parse(
        "RESIDUAL( conv(4, 3, same), batch-norm -> relu | conv(4, 3, same) batchnorm ) relu"
    ) == parse(BLOCK)


def test_blocks_lie_in_each_other_up_to_a_depth() -> None:
    deepest = "residual(" * DEEPEST + "relu" + ")" * DEEPEST
    assert to_text(parse(deepest)) == deepest
    with pytest.raises(NetworkTextError, match="at most 8 deep") as caught:
        parse(f"relu residual({deepest})")
    assert caught.value.position == 6 + 9 * DEEPEST


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("relu residual", 6, "residual at position 6: layers are missing"),
        ("residual()", 1, "residual at position 1: layers are missing"),
        ("residual relu", 1, "residual at position 1: layers are missing"),
        ("residual(relu", 9, "residual at position 1: its bracket is never closed"),
        ("residual(relu residual(tanh)", 9, "residual at position 1: its bracket is never closed"),
        ("residual(relu) )", 16, "stray ')' at position 16"),
        ("residual(relu,)", 15, "stray ')' at position 15"),
        ("residual(conv(4, 3, same, stide=2) relu)", 27, "conv at position 10: unknown argument 'stide'"),
        ("residual(relu cnov(3))", 15, "unknown layer 'cnov' at position 15; did you mean 'conv'?"),
        ("residaul(relu)", 1, "unknown layer 'residaul' at position 1; did you mean 'residual'?"),
        ("residual(relu softmax)", 15, "softmax at position 15: it must be the last layer"),
        ("residual(3x3)", 10, "stray '3x3' at position 10, where a layer's name should stand"),
        ("residual(relu $)", 15, "stray '$' at position 15"),
    ],
)
def test_a_mistake_in_a_block_is_placed_where_it_is(text: str, position: int, words: str) -> None:
    with pytest.raises(NetworkTextError) as caught:
        parse(text)
    assert words in caught.value.message
    assert (caught.value.position, caught.value.text) == (position, text)
    assert caught.value.hint


@pytest.mark.parametrize(("word", "is_one"), [("Max-Pool", True), ("residual", True), ("lenet", False)])
def test_words_of_layers_are_known(word: str, is_one: bool) -> None:
    assert is_layer(word) == is_one
