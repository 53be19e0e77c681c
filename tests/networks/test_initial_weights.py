"""Initial weights: Keras's fans, known spreads, torch's own numbers, one seed one outcome."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from imagelet.errors import UsageError
from imagelet.networks.building import build
from imagelet.networks.initial_weights import draw_weights, fans_of
from imagelet.networks.layers import Conv, Dense, Depthwise

from .strategies import built

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
