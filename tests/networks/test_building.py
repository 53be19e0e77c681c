"""Names, text and builders become networks that can be built again."""

import copy
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from imagelet.errors import NetworkTextError, UnknownNameError, UsageError
from imagelet.networks.building import Network, build, draw_weights, fans_of
from imagelet.networks.layers import Conv, Dense, Depthwise
from imagelet.networks.text import parse, to_text
from imagelet.networks.zoo import NamedNetwork, networks

from .strategies import built

BUILDERS = """
from collections import OrderedDict
from torch import nn

def good(channels, size, classes):
    height, width = (size, size) if isinstance(size, int) else size
    return nn.Sequential(OrderedDict(
        flatten=nn.Flatten(), dense=nn.Linear(channels * height * width, classes), end=nn.Softmax(dim=1)))

def no_network(channels, size, classes):
    return [nn.Flatten()]

class Odd(nn.Sequential):
    def forward(self, images):
        return images

def odd_forward(channels, size, classes):
    return Odd(nn.Flatten())

def wrong_output(channels, size, classes):
    return nn.Sequential(nn.Flatten())

def fails(channels, size, classes):
    return nn.Sequential(nn.Linear(3, classes))

def early_softmax(channels, size, classes):
    return nn.Sequential(nn.Flatten(), nn.Softmax(dim=1), nn.Linear(channels * size * size, classes))

class Nothing(nn.Module):
    def forward(self, images):
        return None

def no_output(channels, size, classes):
    return nn.Sequential(Nothing())

def raises(channels, size, classes):
    raise ValueError("too small")

def twice(channels, size, classes):
    relu = nn.ReLU()
    return nn.Sequential(relu, nn.Flatten(), nn.Linear(channels * size * size, classes), relu)

constant = 5
"""


@pytest.fixture
def builders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "someones_networks.py").write_text(BUILDERS)
    (tmp_path / "broken_networks.py").write_text("raise RuntimeError('sorry')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "someones_networks", raising=False)
    return "someones_networks"


class TestFromText:
    def test_a_network_is_a_sequence_of_named_layers(self) -> None:
        network = build("conv(4, 3, same) RELU | pool(2) flatten dense(Classes) softmax", (8, 8, 1), 3)
        assert isinstance(network, nn.Sequential)
        assert list(dict(network.named_children())) == [
            "conv1",
            "relu1",
            "pool1",
            "flatten",
            "dense1",
            "softmax",
        ]
        assert network.text == "conv(4, 3x3, same) relu pool(2) flatten dense(classes) softmax"
        assert (network.name, network.input_shape, network.classes) == ("", (8, 8, 1), 3)
        assert to_text(network) == network.text
        assert network.layers == parse(network.text)

    def test_forward_stops_before_the_softmax(self) -> None:
        images = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        closed = build("flatten dense(classes) softmax", (8, 8, 1), 3)
        open_ended = build("flatten dense(classes)", (8, 8, 1), 3)
        assert torch.equal(closed(images), open_ended(images))
        values = images
        for child in closed.children():
            values = child(values)
        torch.testing.assert_close(values, closed(images).softmax(dim=1))

    def test_a_name_gives_the_named_network(self) -> None:
        network = build("cnn-3")
        assert (network.name, network.text) == ("cnn-3", networks.get("cnn-3").text)

    def test_part_of_a_network_is_a_plain_sequence(self) -> None:
        network = build("cnn-1")
        first = network[:2]
        assert type(first) is nn.Sequential
        assert first(torch.zeros(1, 1, 28, 28)).shape == (1, 32, 28, 28)
        assert network[0] is network.conv1
        assert network[-1] is network.softmax

    def test_a_copy_is_the_same_network(self) -> None:
        network = build("softmax")
        twin = copy.deepcopy(network)
        images = torch.ones(1, 1, 28, 28)
        assert isinstance(twin, Network)
        assert twin.text == network.text
        assert torch.equal(twin(images), network(images))

    def test_a_misspelt_name_is_answered_with_the_nearest(self) -> None:
        with pytest.raises(UnknownNameError, match="did you mean 'convnet'"):
            build("convnett")

    def test_a_mistake_is_placed_in_the_given_text(self) -> None:
        text = "conv(8, 3x3) relu pool(2) pool(2) pool(2)  conv(8, 5x5) flatten dense(classes)"
        with pytest.raises(
            NetworkTextError, match="conv at position 44: kernel 5x5 is larger than its 3x3"
        ) as caught:
            build(text)
        assert (caught.value.position, caught.value.text) == (44, text)

    def test_a_named_network_that_does_not_fit_says_its_name_and_text(self) -> None:
        with pytest.raises(
            NetworkTextError, match="the network 'convnet' does not fit: pool at position 47: window"
        ) as caught:
            build("convnet", (8, 8, 1))
        assert caught.value.text == networks.get("convnet").text
        assert caught.value.hint

    def test_a_shape_from_json_will_do(self) -> None:
        assert build("softmax", [8, 8, 1]).input_shape == (8, 8, 1)


class TestFromBuilders:
    def test_an_imported_function_builds_a_network_that_knows_its_name(self, builders: str) -> None:
        network = build(f"{builders}:good", (8, 8, 3), 4)
        assert network.text == network.name == f"{builders}:good"
        assert to_text(network) == network.text
        assert network(torch.zeros(2, 3, 8, 8)).shape == (2, 4)
        again = build(network.text, network.input_shape, network.classes)
        assert {k: v.shape for k, v in again.state_dict().items()} == {
            k: v.shape for k, v in network.state_dict().items()
        }

    def test_a_builder_gets_height_and_width_where_they_differ(self, builders: str) -> None:
        assert build(f"{builders}:good", (6, 8, 1), 4)(torch.zeros(1, 1, 6, 8)).shape == (1, 4)

    def test_its_weights_follow_from_the_seed_and_torchs_random_state_is_left_alone(
        self, builders: str
    ) -> None:
        before = torch.get_rng_state()
        first, again, other = (build(f"{builders}:good", seed=seed).dense.weight for seed in (1, 1, 2))
        assert torch.equal(torch.get_rng_state(), before)
        assert torch.equal(first, again)
        assert not torch.equal(first, other)

    @pytest.mark.parametrize("by_reference", [True, False])
    def test_a_registered_builder_is_called_by_its_name(
        self, builders: str, by_reference: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def builder(channels: int, size: int, classes: int) -> nn.Sequential:
            return nn.Sequential(nn.Flatten(), nn.Linear(channels * size * size, classes))

        named = NamedNetwork(
            "quick", "quick", (8, 8, 1), "a test's", builder=f"{builders}:good" if by_reference else builder
        )
        monkeypatch.setitem(networks._things, "quick", named)
        network = build("quick", (8, 8, 1), 4, allow_import=False)
        assert (network.name, network.text) == ("quick", "quick")
        assert network(torch.zeros(1, 1, 8, 8)).shape == (1, 4)

    @pytest.mark.parametrize(
        ("reference", "words"),
        [
            ("no_such_module_anywhere:good", "cannot import 'no_such_module_anywhere'"),
            ("broken_networks:good", "cannot import 'broken_networks' .* sorry"),
            ("someones_networks:missing", "has no function 'missing'"),
            ("someones_networks:constant", "has no function 'constant'"),
            ("someones_networks:no_network", "returned a list, not an nn.Module"),
            ("someones_networks:odd_forward", r"makes \(2, 1, 8, 8\) of two images"),
            ("someones_networks:wrong_output", r"makes \(2, 64\) of two images, not \(2, 4\)"),
            ("someones_networks:no_output", "makes NoneType of two images"),
            ("someones_networks:raises", "the builder .* fails for 8x8x1 and 4 classes: too small"),
            ("someones_networks:twice", "one and the same layer in two places"),
            ("someones_networks:fails", "fails on an image of 8x8x1"),
            ("someones_networks:early_softmax", "softmax before the last layer"),
        ],
    )
    def test_a_broken_contract_is_named(self, builders: str, reference: str, words: str) -> None:
        with pytest.raises(UsageError, match=words) as caught:
            build(reference, (8, 8, 1), 4)
        assert caught.value.hint

    def test_nothing_is_imported_where_that_is_not_allowed(self, builders: str) -> None:
        with pytest.raises(UsageError, match="would run code"):
            build(f"{builders}:good", allow_import=False)
        assert builders not in sys.modules


TEXT = "conv(8, 3x3) batchnorm depthwise(3x3, multiplier=2) relu flatten dense(classes)"


def keras_fans(kernel: tuple[int, ...]) -> tuple[int, int]:
    """As Keras documents them, of a kernel in Keras's order: (…, inputs, outputs)."""
    field = math.prod(kernel[:-2])
    return kernel[-2] * field, kernel[-1] * field


@pytest.mark.parametrize(
    ("module", "kernel"),
    [
        (built(Conv(32, (3, 5)), 3), (3, 5, 3, 32)),
        (built(Depthwise((3, 3), multiplier=2), 6), (3, 3, 6, 2)),
        (built(Depthwise((5, 5), multiplier=4), 1), (5, 5, 1, 4)),
        (built(Dense(128), 784), (784, 128)),
    ],
)
def test_fans_are_keras_fans(module: nn.Conv2d | nn.Linear, kernel: tuple[int, ...]) -> None:
    assert fans_of(module) == keras_fans(kernel)


@pytest.mark.parametrize(
    "module",
    [
        built(Conv(64, (3, 3)), 32),
        built(Dense(200), 300),
        built(Depthwise((5, 5), multiplier=8), 64),
        built(Conv(999, (5, 5)), 1),
    ],
)
def test_glorot_fills_keras_interval_evenly(module: nn.Conv2d | nn.Linear) -> None:
    draw_weights(module, "glorot", seed=1)
    inputs, outputs = fans_of(module)
    limit = math.sqrt(6 / (inputs + outputs))
    weights = module.weight.detach().numpy().ravel() / limit
    assert np.abs(weights).max() <= 1
    deciles = np.histogram(weights, bins=10, range=(-1, 1))[0] / len(weights)
    assert np.abs(deciles - 0.1).max() < 0.01
    assert module.bias is not None
    assert (module.bias == 0).all()


def test_he_is_normal_by_the_inputs() -> None:
    module = built(Conv(128, (3, 3)), 32)
    draw_weights(module, "he", seed=1)
    weights = module.weight.detach().numpy() / math.sqrt(2 / (9 * 32))
    assert weights.std() == pytest.approx(1, abs=0.02)
    assert weights.mean() == pytest.approx(0, abs=0.02)
    assert np.abs(weights).max() > 3
    assert module.bias is not None
    assert (module.bias == 0).all()


def test_he_sees_one_channel_of_a_depthwise_layer() -> None:
    module = built(Depthwise((5, 5), multiplier=1), 512)
    draw_weights(module, "he")
    assert module.weight.std().item() == pytest.approx(math.sqrt(2 / 25), rel=0.03)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda: built(Conv(16, (5, 3)), 3), lambda: nn.Conv2d(3, 16, (5, 3))),
        (lambda: built(Depthwise((3, 3), multiplier=2), 4), lambda: nn.Conv2d(4, 8, 3, groups=4)),
        (lambda: built(Dense(30), 40), lambda: nn.Linear(40, 30)),
        (lambda: built(Dense(30, bias=False), 40), lambda: nn.Linear(40, 30, bias=False)),
    ],
)
def test_torch_is_torchs_own(ours: type[nn.Module], theirs: type[nn.Module]) -> None:
    module = ours()
    draw_weights(module, "torch", seed=5)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        expected = theirs()
    for one, other in zip(module.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=0)


@pytest.mark.parametrize("kind", ["glorot", "he", "torch"])
def test_one_seed_one_outcome_and_torchs_random_state_is_left_alone(kind: str) -> None:
    before = torch.get_rng_state()
    first, again, other = (build(TEXT, initial_weights=kind, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])
        if name.endswith("weight") and "batchnorm" not in name:
            assert not torch.equal(tensor, other.state_dict()[name])


def test_batchnorm_starts_at_scale_1_and_shift_0() -> None:
    state = build(TEXT).state_dict()
    assert (state["batchnorm1.weight"] == 1).all()
    assert (state["batchnorm1.bias"] == 0).all()
    assert (state["batchnorm1.running_var"] == 1).all()


def test_unknown_initial_weights_are_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="glorot, he, torch"):
        build(TEXT, initial_weights="xavier")
