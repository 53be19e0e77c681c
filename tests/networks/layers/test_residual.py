"""Residual blocks against networks written by hand in torch, the paper's counts, and sums done by hand."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from imagelet.errors import NetworkTextError
from imagelet.networks import Network, build, infer_shapes, networks, summarize
from imagelet.networks.layer_kind import named_modules
from imagelet.networks.layers import Residual
from imagelet.networks.modules import Convolution

BLOCK = "residual(conv(4, 3x3, same) batchnorm relu conv(4, 3x3, same) batchnorm)"
HEAD = "flatten dense(classes) softmax"


def drawn(text: str, shape: tuple[int, int, int] = (8, 8, 4), classes: int = 3) -> Network:
    """Return a network whose every number is random, running averages too."""
    network = build(text, shape, classes)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                tensor.normal_(0, 0.5, generator=generator)
                if "running_var" in name:
                    tensor.abs_().add_(0.2)
    return network


def images(shape: tuple[int, int, int] = (8, 8, 4), number: int = 3) -> Tensor:
    height, width, channels = shape
    return torch.randn(number, channels, height, width, generator=torch.Generator().manual_seed(2))


class HandWritten(nn.Module):
    """A residual network of He and others 2015 for CIFAR-10, option B, in plain torch."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16))
        self.blocks, self.shortcuts = nn.ModuleList(), nn.ModuleList()
        before = 16
        for stage, filters in enumerate((16, 32, 64)):
            for place in range((depth - 2) // 6):
                stride = 2 if stage and not place else 1
                self.blocks.append(
                    nn.Sequential(
                        nn.Conv2d(before, filters, 3, stride, padding=1, bias=False),
                        nn.BatchNorm2d(filters),
                        nn.ReLU(),
                        nn.Conv2d(filters, filters, 3, padding=1, bias=False),
                        nn.BatchNorm2d(filters),
                    )
                )
                projection = [nn.Conv2d(before, filters, 1, stride, bias=False), nn.BatchNorm2d(filters)]
                self.shortcuts.append(nn.Sequential(*(projection if before != filters else [])))
                before = filters
        self.last = nn.Linear(64, 10)

    def forward(self, values: Tensor) -> Tensor:
        values = functional.relu(self.first(values))
        for block, shortcut in zip(self.blocks, self.shortcuts, strict=True):
            values = functional.relu(block(values) + shortcut(values))
        return self.last(values.mean(dim=(2, 3)))


# -- the networks of the paper -------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [8, 20])
def test_a_resnet_has_the_parameters_of_one_written_by_hand(depth: int) -> None:
    expected = sum(parameter.numel() for parameter in HandWritten(depth).parameters())
    summary = summarize(build(f"resnet-{depth}", (32, 32, 3)))
    assert summary.trainable == expected
    convolutions = [row for row in summary.layers if row.kind == "conv" and row.shape[0] * 9 <= 32 * 9]
    weighted = [row for row in convolutions if "shortcut" not in row.name] + [summary.layers[-2]]
    assert len(weighted) == depth  # the paper counts its layers so


def test_resnet_20_has_the_size_of_the_papers_table() -> None:
    parameters = summarize(build("resnet-20", (32, 32, 3))).trainable
    without_projections = 3 * 16 * 9 + 7 * 2 * 16  # the first convolution; batch normalisation of 16 filters
    without_projections += 6 * 16 * 16 * 9  # first stage
    without_projections += 16 * 32 * 9 + 5 * 32 * 32 * 9 + 6 * 2 * 32
    without_projections += 32 * 64 * 9 + 5 * 64 * 64 * 9 + 6 * 2 * 64
    without_projections += 64 * 10 + 10
    projections = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64
    assert parameters == without_projections + projections
    assert f"{parameters / 1e6:.2f}" == f"{without_projections / 1e6:.2f}" == "0.27"  # Table 6: 0.27M


def test_resnet_8_gives_what_the_one_written_by_hand_gives() -> None:
    ours, theirs = drawn("resnet-8", (9, 9, 3), 10).eval(), HandWritten(8).eval()  # SAME is symmetric at 9
    weights = {name: tensor for name, tensor in ours.state_dict().items() if "shortcut" not in name}
    shortcuts = {name: tensor for name, tensor in ours.state_dict().items() if "shortcut" in name}
    own = {name: tensor for name, tensor in theirs.state_dict().items() if "shortcuts" not in name}
    last = {name: own.pop(name) for name in list(own) if name.startswith("last")}
    with torch.no_grad():
        for tensor, value in zip([*own.values(), *last.values()], weights.values(), strict=True):
            tensor.copy_(value)
        theirs_shortcuts = [value for name, value in theirs.state_dict().items() if "shortcuts" in name]
        for tensor, value in zip(theirs_shortcuts, shortcuts.values(), strict=True):
            tensor.copy_(value)
        values = images((9, 9, 3))
        torch.testing.assert_close(ours(values), theirs(values), rtol=1e-4, atol=1e-4)


# -- the sum -------------------------------------------------------------------------------------------------


def test_a_block_adds_its_input_to_what_its_layers_make() -> None:
    network = drawn(f"{BLOCK} {HEAD}").eval()
    values = images()
    block = network.residual1
    inner = values
    for part in block.children():
        inner = part(inner)
    torch.testing.assert_close(block(values), inner + values, rtol=1e-5, atol=1e-5)


def test_gradients_go_both_ways() -> None:
    network = drawn("residual(conv(4, 1x1, bias=no)) flatten dense(classes)", (1, 1, 4)).eval()
    weights = network.residual1.conv1.weight[:, :, 0, 0]
    jacobian = torch.autograd.functional.jacobian(network.residual1, images((1, 1, 4), 1))
    torch.testing.assert_close(jacobian.reshape(4, 4), weights + torch.eye(4))


@pytest.mark.parametrize(
    ("inside", "shape", "output", "shortcut"),
    [
        ("conv(4, 3x3, same) tanh", (8, 8, 4), (8, 8, 4), []),
        ("conv(6, 3x3, same)", (8, 8, 4), (8, 8, 6), [(6, 4, 1, 1)]),
        ("conv(4, 3x3, same, stride=2)", (7, 8, 4), (4, 4, 4), [(4, 4, 1, 1)]),
        ("conv(4, 3x3, same, stride=2) pool(2, same)", (8, 8, 4), (2, 2, 4), [(4, 4, 1, 1)]),
        ("conv(4, 3x3, same, stride=1x2)", (8, 7, 4), (8, 4, 4), [(4, 4, 1, 1)]),
        ("flatten dense(5)", (1, 1, 4), None, []),
    ],
)
def test_a_projection_is_there_where_the_shape_changes(
    inside: str, shape: tuple[int, int, int], output: tuple[int, ...] | None, shortcut: list[tuple[int, ...]]
) -> None:
    text = f"residual({inside}) {HEAD}"
    if output is None:
        with pytest.raises(NetworkTextError, match="its layers make 5 of 1x1x4"):
            build(text, shape, 3)
        return
    network = drawn(text, shape).eval()
    weights = [
        tuple(tensor.shape)
        for name, tensor in network.residual1.named_parameters()
        if name.startswith("shortcut_conv")
    ]
    assert weights == shortcut
    height, width, channels = output
    assert network.residual1(images(shape)).shape == (3, channels, height, width)
    assert [row.shape for row in summarize(network).layers if row.name == "residual1"] == [output]


def test_flat_values_have_a_dense_projection() -> None:
    network = drawn("flatten residual(dense(7) relu) residual(dense(7)) dense(classes)", (2, 2, 4))
    names = [name for name, _ in named_modules(network)]
    assert names == [
        *("flatten", "residual1.shortcut_dense", "residual1.shortcut_batchnorm", "residual1.dense1"),
        *("residual1.relu1", "residual1", "residual2.dense1", "residual2", "dense1"),
    ]
    assert network(images((2, 2, 4))).shape == (3, 3)


def test_blocks_lie_in_each_other() -> None:
    network = drawn(f"residual({BLOCK} relu {BLOCK}) {HEAD}").eval()
    names = [row.name for row in summarize(network).layers]
    assert "residual1.residual2.conv1" in names
    assert (
        names.index("residual1.residual1.conv1")
        < names.index("residual1.residual1")
        < names.index("residual1")
    )
    values, outer = images(), network.residual1
    inner = outer.residual2(torch.relu(outer.residual1(values)))
    torch.testing.assert_close(outer(values), inner + values, rtol=1e-4, atol=1e-4)


# -- names, speed, limits ------------------------------------------------------------------------------------


def test_weights_have_names_that_stay() -> None:
    network = build(f"{BLOCK} relu {BLOCK} {HEAD}", (8, 8, 4))
    weights = [name for name in network.state_dict() if name.endswith("weight") and "conv" in name]
    assert weights == [
        *("residual1.conv1.weight", "residual1.conv2.weight"),
        *("residual2.conv1.weight", "residual2.conv2.weight"),
    ]


def test_a_convolution_and_its_relu_are_one_call_inside_too(monkeypatch: pytest.MonkeyPatch) -> None:
    network = drawn(f"residual(conv(4, 3x3, same) relu) {HEAD}").eval()
    values = images()
    expected = torch.relu(network.residual1.conv1(values)) + values

    def never(*_: object) -> Tensor:
        raise AssertionError("a call of its own")

    monkeypatch.setattr(Convolution, "forward", never)
    monkeypatch.setattr(nn.ReLU, "forward", never)
    torch.testing.assert_close(network.residual1(values), expected, rtol=1e-4, atol=1e-5)


def test_layers_inside_can_be_watched() -> None:
    network, seen = drawn(f"residual(conv(4, 3x3, same) relu) {HEAD}"), []
    network.residual1.relu1.register_forward_hook(lambda *_: seen.append("relu"))
    network(images())
    assert seen == ["relu"]


def test_maps_stay_channels_last() -> None:
    network = drawn("resnet-8", (12, 12, 3), 10).to(memory_format=torch.channels_last)
    values = images((12, 12, 3)).contiguous(memory_format=torch.channels_last)
    for name, module in network.named_children():
        if name == "global_average":
            break
        values = module(values)
        assert values.is_contiguous(memory_format=torch.channels_last), name


def test_a_copy_gives_the_same() -> None:
    network = drawn("resnet-8", (8, 8, 1), 10).eval()
    values = images((8, 8, 1))
    assert torch.equal(copy.deepcopy(network)(values), network(values))


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("relu residual(conv(4, 3x3)) flatten dense(classes)", 6, "its layers make 6x6x4 of 8x8x4"),
        ("residual(relu dense(4)) flatten dense(classes)", 15, "it needs flat values"),
        ("residual(conv(10000, 3x3, same) conv(8000, 3x3, same)) flatten dense(classes)", 33, "parameters"),
    ],
)
def test_what_does_not_fit_is_placed_inside_the_block(text: str, position: int, words: str) -> None:
    with pytest.raises(NetworkTextError, match=words) as caught:
        infer_shapes(text, (8, 8, 4), 3)
    assert (caught.value.position, caught.value.text) == (position, text)


def test_classes_may_stand_inside() -> None:
    *_, last = infer_shapes("flatten dense(classes) residual(dense(classes))", (2, 2, 1), 6)
    assert isinstance(last.layer, Residual)
    assert last.layer.text == "residual(dense(6))"


def test_the_zoo_has_networks_of_blocks() -> None:
    assert networks.get("resnet-20").text.count("residual(") == 9
    assert np.prod(networks.get("resnet-8").input_shape) == 32 * 32 * 3
