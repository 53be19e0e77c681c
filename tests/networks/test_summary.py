"""The summary's rows and totals are what one would count by hand."""

import json
from collections import OrderedDict

import pytest
import torch
from torch import nn

from imagelet.errors import UsageError
from imagelet.networks.building import build
from imagelet.networks.summary import SummaryRow, summarize


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
