"""The summary's rows and totals are what one would count by hand."""

import json
from collections import OrderedDict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from imagelet.errors import NetworkTextError, UsageError
from imagelet.networks import layers as kinds
from imagelet.networks.building import build
from imagelet.networks.module_summary import summarize
from imagelet.networks.summary import MOST_PARAMETERS, MOST_VALUES, SummaryRow, infer_shapes
from imagelet.networks.text import to_text

from .strategies import unhurried


def test_convnets_rows_are_the_courses() -> None:
    summary = summarize(build("convnet"))
    assert summary.layers[:4] == (
        SummaryRow("conv1", "conv", "convolution", (26, 26, 32), 320, 26 * 26 * 32 * 9, ("input",)),
        SummaryRow("relu1", "relu", "activation", (26, 26, 32), 0, 0, ("conv1",)),
        SummaryRow("pool1", "pool", "pooling", (13, 13, 32), 0, 0, ("relu1",)),
        SummaryRow("conv2", "conv", "convolution", (11, 11, 64), 18_496, 11 * 11 * 64 * 9 * 32, ("pool1",)),
    )
    assert summary.layers[-2:] == (
        SummaryRow("dense2", "dense", "dense", (10,), 650, 640, ("relu4",)),
        SummaryRow("softmax", "softmax", "softmax", (10,), 0, 0, ("dense2",)),
    )
    assert (summary.total, summary.trainable, summary.non_trainable) == (93_322, 93_322, 0)
    assert summary.multiply_adds == sum(row.multiply_adds for row in summary.layers)


def test_running_averages_are_parameters_that_are_not_trained() -> None:
    summary = summarize(build("conv(4, 3x3) batchnorm flatten batchnorm dense(classes)", (5, 5, 1), 2))
    assert [row.parameters for row in summary.layers] == [40, 16, 0, 144, 74]
    assert (summary.trainable, summary.non_trainable, summary.total) == (40 + 8 + 72 + 74, 8 + 72, 274)


def test_frozen_layers_are_not_trained() -> None:
    network = build("mlp-512")
    network.dense1.requires_grad_(False)
    summary = summarize(network)
    assert (summary.trainable, summary.non_trainable) == (5_130, 401_920)


def test_depthwise_layers_multiply_within_their_channel() -> None:
    summary = summarize(build("depthwise(3x3, multiplier=2) global_max dense(classes)", (5, 5, 3), 2))
    assert summary.layers[0].multiply_adds == 3 * 3 * 6 * 9
    assert summary.layers[0].shape == (3, 3, 6)


def test_any_sequence_can_be_summarized() -> None:
    block = nn.Sequential(nn.Conv2d(1, 2, 3), nn.PReLU(), nn.Conv2d(2, 2, 3))
    network = nn.Sequential(OrderedDict(block=block, flat=nn.Flatten(), end=nn.Linear(32, 3)))
    summary = summarize(network, (8, 8, 1))
    assert [(row.name, row.kind, row.shape) for row in summary.layers] == [
        ("block", "Sequential", (4, 4, 2)),
        ("flat", "Flatten", (32,)),
        ("end", "Linear", (3,)),
    ]
    assert summary.layers[0].multiply_adds == 6 * 6 * 2 * 9 + 4 * 4 * 2 * 18
    assert summary.total == sum(parameter.numel() for parameter in network.parameters())
    with pytest.raises(UsageError, match="does not say its input shape"):
        summarize(network)


def test_another_input_shape_can_be_asked_for() -> None:
    summary = summarize(build("conv(4, 3x3) global_average dense(classes)"), (40, 30, 1))
    assert summary.layers[0].shape == (38, 28, 4)
    assert summary.input_shape == (40, 30, 1)


def test_the_network_is_as_it_was() -> None:
    network = build("small-cnn", (8, 8, 1))
    network.batchnorm1.eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    summarize(network)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert network.training
    assert network.conv1.training
    assert not network.batchnorm1.training
    assert not any(module._forward_hooks for module in network.modules())


def test_it_works_in_bfloat16() -> None:
    assert summarize(build("cnn-1").to(torch.bfloat16)).total == 804_554


def test_it_becomes_json() -> None:
    record = json.loads(json.dumps(summarize(build("softmax")).to_json()))
    assert record == {
        "input_shape": [28, 28, 1],
        "layers": [
            {
                **{
                    "name": "flatten",
                    "kind": "flatten",
                    "family": "reshape",
                    "sources": ["input"],
                    "block": "",
                },
                **{"shape": [784], "block": "", "parameters": 0, "multiply_adds": 0},
            },
            {
                **{"name": "dense1", "kind": "dense", "family": "dense", "sources": ["flatten"]},
                **{"shape": [10], "block": "", "parameters": 7850, "multiply_adds": 7840},
            },
            {
                **{
                    "name": "softmax",
                    "kind": "softmax",
                    "family": "softmax",
                    "sources": ["dense1"],
                    "block": "",
                },
                **{"shape": [10], "block": "", "parameters": 0, "multiply_adds": 0},
            },
        ],
        "total": 7850,
        "trainable": 7850,
        "non_trainable": 0,
        "multiply_adds": 7840,
    }


def test_layers_inside_a_block_have_rows_and_the_block_is_its_sum() -> None:
    text = "residual(conv(5, 3x3, same, bias=no)) global_average dense(classes)"
    summary = summarize(build(text, (6, 6, 2), 2))
    assert [(row.name, row.block, row.parameters, row.multiply_adds) for row in summary.layers] == [
        ("residual1.shortcut_conv", "residual1", 10, 360),
        ("residual1.shortcut_batchnorm", "residual1", 20, 0),
        ("residual1.conv1", "residual1", 90, 3240),
        ("residual1", "", 0, 0),
        ("global_average", "", 0, 0),
        ("dense1", "", 12, 10),
    ]
    assert (summary.total, summary.non_trainable, summary.multiply_adds) == (132, 10, 3610)
    assert summary.multiply_adds_in("residual1") == 3600
    assert summary.layers[3].sources == ("residual1.conv1", "residual1.shortcut_batchnorm")


ENDING = " flatten dense(classes)"
small = st.integers(1, 5)
windows = st.tuples(small, small)
paddings = st.sampled_from(["same", "valid"]) | st.tuples(st.integers(0, 2), st.integers(0, 2))
sliding = st.one_of(
    st.builds(kinds.Conv, small, windows, paddings, windows, windows, st.booleans()),
    st.builds(kinds.Depthwise, windows, paddings, windows, windows, st.integers(1, 3), st.booleans()),
    st.builds(kinds.Pool, windows, paddings, st.none() | windows),
    st.builds(kinds.AveragePool, windows, paddings, st.none() | windows),
    st.sampled_from([kinds.BatchNorm(), kinds.Gelu(), kinds.Dropout(0.1)]),
)
endings = st.sampled_from(["flatten", "global_average", "global_max", "flatten batchnorm dense(7) silu"])


@settings(unhurried, max_examples=80)
@given(st.lists(sliding, max_size=4), endings, st.integers(1, 12), st.integers(1, 12), st.integers(1, 3))
def test_shapes_and_parameters_are_those_of_the_built_layers(
    layers: list[kinds.Layer], ending: str, height: int, width: int, channels: int
) -> None:
    text = f"{to_text(layers)} {ending} dense(classes) softmax"
    try:
        shaped = infer_shapes(text, (height, width, channels), classes=4)
    except NetworkTextError as error:
        refused = error.message
    else:
        refused = ""
    if refused:
        assert "larger than" in refused or "more than half" in refused
        return
    network = build(text, (height, width, channels), classes=4).eval()
    values = torch.zeros(1, channels, height, width)
    for each, (name, child) in zip(shaped, network.named_children(), strict=True):
        values = child(values)
        shape = tuple(values.shape[1:])
        assert each.name == name
        assert each.output_shape == ((*shape[1:], shape[0]) if len(shape) == 3 else shape)
        averages = [buffer for buffer in child.buffers() if buffer.is_floating_point()]
        assert each.parameters == sum(tensor.numel() for tensor in [*child.parameters(), *averages])


@unhurried
@given(st.integers(1, 9), st.integers(1, 6), st.integers(1, 3), st.integers(0, 2), st.integers(1, 3))
def test_a_kernel_is_refused_exactly_where_torch_refuses_it(
    size: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    text = f"conv(2, {kernel}, stride={stride}, padding={padding}, dilation={dilation}){ENDING}"
    try:
        nn.functional.conv2d(
            torch.zeros(1, 1, size, size), torch.zeros(2, 1, kernel, kernel), None, stride, padding, dilation
        )
    except RuntimeError:
        with pytest.raises(NetworkTextError, match="larger than"):
            infer_shapes(text, (size, size, 1))
    else:
        infer_shapes(text, (size, size, 1))


def test_names_number_the_layers_of_each_kind() -> None:
    text = "conv(4, 3) batchnorm relu pool(2) conv(4, 3) relu average_pool(2) dropout(0.1) global_max flatten"
    shaped = infer_shapes(f"{text} dense(5) tanh dense(classes) softmax")
    names = "conv1 batchnorm1 relu1 pool1 conv2 relu2 average_pool1 dropout1 global_max flatten"
    assert " ".join(each.name for each in shaped) == f"{names} dense1 tanh1 dense2 softmax"


def test_a_second_flatten_has_a_name_of_its_own() -> None:
    assert [each.name for each in infer_shapes("flatten flatten dense(10)")][:2] == ["flatten", "flatten2"]


@pytest.mark.parametrize(
    ("text", "input_shape", "parameters"),
    [
        ("conv(64, 3x3)", (28, 28, 1), 640),
        ("conv(64, 3x3)", (28, 28, 64), 36_928),
        ("conv(128, 3x3)", (14, 14, 64), 73_856),
        ("conv(256, 3x3)", (14, 14, 128), 295_168),
        ("conv(64, 3x3, bias=no)", (28, 28, 1), 576),
    ],
)
def test_the_courses_parameters_of_a_convolution(
    text: str, input_shape: tuple[int, int, int], parameters: int
) -> None:
    assert infer_shapes(text + ENDING, input_shape)[0].parameters == parameters


def test_the_courses_parameters_of_dense_layers() -> None:
    shaped = infer_shapes("flatten dense(512) dense(256) dense(10)", (96, 96, 1))
    assert [each.parameters for each in shaped] == [0, 512 * 9217, 256 * 513, 10 * 257]


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        (
            "conv(8, 3x3) relu pool(2) pool(2) pool(2) conv(8, 5x5)" + ENDING,
            43,
            "conv at position 43: kernel 5x5 is larger than its 3x3 input",
        ),
        ("pool(29)" + ENDING, 1, "pool at position 1: window 29x29 is larger than its 28x28 input"),
        (
            "conv(4, 3, dilation=20)" + ENDING,
            1,
            "kernel 3x3, dilated to 41x41, is larger than its 28x28 input",
        ),
        ("conv(4, 31, padding=1)" + ENDING, 1, "larger than its 28x28 input (padded to 30x30)"),
        ("average_pool(3, padding=2)" + ENDING, 1, "padding 2x2 is more than half its 3x3 window"),
        ("relu dense(10)", 6, "dense at position 6: it needs flat values, but its input is a 28x28x1 map"),
        ("flatten conv(3, 3)", 9, "conv at position 9: it needs a map, but its input is 784 flat values"),
        ("flatten depthwise(3)", 9, "it needs a map"),
        ("flatten pool(2)", 9, "it needs a map"),
        ("flatten global_average", 9, "it needs a map"),
        ("global_max global_max", 12, "it needs a map"),
        ("flatten dense(12)", 9, "the network ends in 12 outputs but the dataset has 10 classes"),
        ("flatten dense(12) softmax", 19, "the network ends in 12 outputs but the dataset has 10 classes"),
        ("relu", 1, "the network ends in a 28x28x1 map"),
        ("flatten dense(9000000)", 9, "7,065,000,000 parameters; at most 500,000,000"),
        ("conv(200000, 1)", 1, "156,800,000 values an image; at most 100,000,000"),
        ("conv(1, 1000, same, dilation=1000)", 1, "padded input of 999,028x999,028x1 is too large"),
        ("pool(2, padding=1024)", 1, "more than half"),
    ],
)
def test_what_does_not_fit_is_named_and_placed(text: str, position: int, words: str) -> None:
    with pytest.raises(NetworkTextError) as caught:
        infer_shapes(text)
    assert words in caught.value.message
    assert caught.value.position == position
    assert caught.value.text == text
    assert caught.value.hint


def test_limits_hold_for_the_whole_network_and_not_for_one_layer() -> None:
    half = MOST_PARAMETERS // 2 // 785
    infer_shapes(f"flatten dense({half}) flatten dense(classes)")
    with pytest.raises(NetworkTextError, match="parameters"):
        infer_shapes(f"flatten dense({half}) dense(1000) dense(classes)")
    maps = MOST_VALUES // 784 // 2 - 1
    with pytest.raises(NetworkTextError, match="values an image"):
        infer_shapes(f"conv({maps}, 1) relu relu global_average dense(classes)")


def test_the_word_classes_may_count_filters() -> None:
    shaped = infer_shapes("conv(classes, 1x1) global_average softmax", classes=7)
    assert shaped[-1].output_shape == (7,)


@pytest.mark.parametrize(
    "shape", [(28, 28), (28, 28, 1, 1), (0, 28, 1), (28, -1, 1), (28.5, 28, 1), (10**5, 10**5, 3)]
)
def test_an_impossible_input_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError):
        infer_shapes("flatten dense(classes)", shape)


def test_an_input_shape_may_be_a_list_as_json_gives_it() -> None:
    assert infer_shapes("flatten dense(classes)", [2, 3, 4])[0].output_shape == (24,)


def test_a_network_needs_a_class() -> None:
    with pytest.raises(UsageError, match="0 classes"):
        infer_shapes("flatten dense(classes)", classes=0)
