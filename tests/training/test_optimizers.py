import dataclasses
import itertools
import math

import pytest
import torch
from torch import nn

from imagelet.networks import build
from imagelet.training.optimizers import (
    Average,
    learning_rate,
    make_optimizer,
    optimizer_tensors,
    restore_optimizer,
    set_learning_rates,
)
from imagelet.training.recipe import SCHEDULES, Recipe

pytestmark = pytest.mark.portable

# One weight, w = 2, under the loss w²: the gradient is 2w. Steps of size 0.1, worked by hand.
BY_HAND = {
    # 2 − 0.1·4 = 1.6;  1.6 − 0.1·3.2 = 1.28
    "sgd": (1.6, 1.28),
    # v = 4, w = 1.6;  v = 0.5·4 + 3.2 = 5.2, w = 1.08
    "momentum": (1.6, 1.08),
    # v = 4, step 4 + 0.5·4 = 6, w = 1.4;  g = 2.8, v = 4.8, step 2.8 + 0.5·4.8 = 5.2, w = 0.88
    "nesterov": (1.4, 0.88),
    # s = 0.1·16 = 1.6, w = 2 − 0.4/√1.6;  g = 3.367544, s = 1.44 + 1.134035, w −= 0.3367544/√2.574035
    "rmsprop": (1.683772, 1.473875),
    # the first step of Adam is η whatever the gradient; the second: m̂ = 0.74/0.19, ŝ = 0.030424/0.001999
    "adam": (1.9, 1.800167),
    # as adam, after w ← 0.95·w;  g = 3.6, m̂ = 0.72/0.19, ŝ = 0.028944/0.001999
    "adamw": (1.8, 1.610412),
    # what is no convolution is AdamW's, with a step size of its own
    "muon": (1.8, 1.610412),
}


def recipe_for(name: str) -> Recipe:
    return Recipe(
        optimizer=name,
        learning_rate=0.1 if name != "muon" else 0.7,
        adamw_learning_rate=0.1 if name == "muon" else 0.7,
        momentum=0.5,
        beta1=0.9,
        beta2=0.999,
        weight_decay=0.5 if name in ("adamw", "muon") else 0.0,
    )


def by_formula(name: str, steps: int) -> list[float]:
    """The update rules in plain Python, from the docstring of make_optimizer."""
    w, v, m, s, path = 2.0, 0.0, 0.0, 0.0, []
    for t in range(1, steps + 1):
        g = 2 * w
        if name in ("sgd", "momentum", "nesterov"):
            v = (0.5 if name != "sgd" else 0.0) * v + g
            w -= 0.1 * (g + 0.5 * v if name == "nesterov" else v)
        elif name == "rmsprop":
            s = 0.9 * s + 0.1 * g * g
            w -= 0.1 * g / (math.sqrt(s) + 1e-7)
        else:
            w -= 0.1 * 0.5 * w if name in ("adamw", "muon") else 0.0
            m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g * g
            w -= 0.1 * (m / (1 - 0.9**t)) / (math.sqrt(s / (1 - 0.999**t)) + 1e-7)
        path.append(w)
    return path


@pytest.mark.parametrize("name", list(BY_HAND))
def test_steps_are_the_textbooks(name):
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, 2.0)
    optimizer = make_optimizer(layer, recipe_for(name))
    path = []
    for _ in range(10):
        optimizer.zero_grad()
        (layer.weight**2).sum().backward()
        optimizer.step()
        path.append(layer.weight.item())
    assert path[:2] == pytest.approx(BY_HAND[name], abs=2e-6)
    assert path == pytest.approx(by_formula(name, 10), abs=1e-5)


def test_weight_decay_pulls_weights_and_leaves_biases():
    layer = nn.Linear(2, 2)
    nn.init.ones_(layer.bias)
    nn.init.ones_(layer.weight)
    optimizer = make_optimizer(layer, Recipe(optimizer="sgd", learning_rate=0.1, weight_decay=0.5))
    (layer(torch.zeros(1, 2)).sum() * 0).backward()
    optimizer.step()
    assert layer.weight.flatten().tolist() == pytest.approx([0.95] * 4)
    assert layer.bias.tolist() == [1.0, 1.0]


# -- groups and their step sizes -----------------------------------------------------------------------------

LAYERS = "conv(4, 3x3, same) batchnorm relu depthwise(3x3) relu flatten dense(5) relu dense(classes)"
MUON = Recipe(
    optimizer="muon",
    learning_rate=0.2,
    adamw_learning_rate=0.03,
    weight_decay=0.5,
    schedule="linear",
    warmup=0,
)


def small_network() -> nn.Sequential:
    return build(LAYERS, (6, 6, 1), 3)


def rates_by_name(network: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, tuple[float, float]]:
    """Return (step size, weight decay) of each parameter that some group holds; each is held once."""
    names = {parameter: name for name, parameter in network.named_parameters()}
    found = [
        (names[parameter], (group["lr"], group["weight_decay"]))
        for group in optimizer.param_groups
        for parameter in group["params"]
    ]
    assert len(dict(found)) == len(found)
    return dict(found)


def test_with_muon_convolutions_and_all_others_have_rates_of_their_own():
    network = small_network()
    optimizer = make_optimizer(network, MUON)
    for share, set_rates in ((1.0, lambda: None), (0.75, lambda: set_learning_rates(optimizer, MUON, 0.25))):
        set_rates()
        expected = {
            name: (0.2, 0.0) if parameter.ndim == 4 else (0.03, 0.5 if parameter.ndim == 2 else 0.0)
            for name, parameter in network.named_parameters()
        }
        found = rates_by_name(network, optimizer)
        assert found.keys() == expected.keys()
        for name, (rate, decay) in expected.items():
            assert found[name] == (pytest.approx(rate * share), decay), name


@pytest.mark.parametrize("name", [name for name in BY_HAND if name != "muon"])
def test_without_muon_all_have_the_schedules_rate_and_weights_alone_decay(name):
    network = small_network()
    recipe = Recipe(optimizer=name, learning_rate=0.2, adamw_learning_rate=0.03, weight_decay=0.5)
    optimizer = make_optimizer(network, recipe)
    for progress in (0.1, 0.5, 0.99):
        set_learning_rates(optimizer, recipe, progress)
        found = rates_by_name(network, optimizer)
        for parameter_name, parameter in network.named_parameters():
            decay = 0.5 if parameter.ndim > 1 else 0.0
            assert found[parameter_name] == (pytest.approx(learning_rate(recipe, progress)), decay)


def test_frozen_parameters_are_in_no_group_and_stay_frozen():
    network = small_network()
    network.conv1.bias.requires_grad_(False)
    recipe = dataclasses.replace(MUON, freeze_first_layer_at=0.5)
    optimizer = make_optimizer(network, recipe)
    assert "conv1.bias" not in rates_by_name(network, optimizer)
    set_learning_rates(optimizer, recipe, 0.1)
    assert not network.conv1.bias.requires_grad
    assert network.conv1.weight.requires_grad


@pytest.mark.parametrize("optimizer_name", ["muon", "adamw", "nesterov"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_first_layers_rate_falls_to_0_and_then_its_gradient_is_not_worked_out(optimizer_name, schedule):
    network = small_network()
    recipe = dataclasses.replace(
        MUON, optimizer=optimizer_name, schedule=schedule, warmup=0.2, freeze_first_layer_at=0.4
    )
    optimizer = make_optimizer(network, recipe)
    for progress in (0.01, 0.1, 0.2, 0.3, 0.39, 0.4, 0.41, 0.9, 0.2):  # the last: as after a resumed training
        set_learning_rates(optimizer, recipe, progress)
        schedules = learning_rate(recipe, progress) / 0.2
        of_first = min(schedules, max(0.0, 1 - progress / 0.4))
        rates = rates_by_name(network, optimizer)
        for name, parameter in network.named_parameters():
            is_first = name.startswith("conv1.")
            highest = 0.03 if optimizer_name == "muon" and parameter.ndim < 4 else 0.2
            assert rates[name][0] == pytest.approx(highest * (of_first if is_first else schedules)), name
            assert parameter.requires_grad == (not is_first or progress < 0.4), name


def test_a_first_layer_that_never_learns_has_no_rate_from_the_start():
    network = small_network()
    recipe = dataclasses.replace(MUON, freeze_first_layer_at=0.0)
    optimizer = make_optimizer(network, recipe)
    set_learning_rates(optimizer, recipe, 0.001)
    assert not network.conv1.weight.requires_grad
    assert rates_by_name(network, optimizer)["conv1.weight"][0] == 0
    assert network.depthwise1.weight.requires_grad


@pytest.mark.parametrize("optimizer_name", list(BY_HAND))
def test_a_first_layer_that_has_learnt_is_moved_by_nothing_any_more(optimizer_name):
    network = small_network()
    recipe = dataclasses.replace(
        MUON, optimizer=optimizer_name, learning_rate=0.01, freeze_first_layer_at=0.5
    )
    optimizer = make_optimizer(network, recipe)
    generator = torch.Generator().manual_seed(0)
    moved = []
    for progress in (0.1, 0.3, 0.6, 0.8):
        set_learning_rates(optimizer, recipe, progress)
        before = {name: each.detach().clone() for name, each in network.named_parameters()}
        network(torch.randn(4, 1, 6, 6, generator=generator)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        after = dict(network.named_parameters())
        moved.append({name for name in before if not torch.equal(before[name], after[name])})
    first = {"conv1.weight", "conv1.bias"}
    assert "conv1.weight" in moved[0] & moved[1]
    for later in moved[2:]:
        assert not later & first
        assert {"depthwise1.weight", "dense1.weight", "dense2.bias"} <= later


# -- schedules -----------------------------------------------------------------------------------------------


def test_one_cycle_is_pytorchs():
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=101, pct_start=0.3)
    recipe = Recipe(learning_rate=0.5, schedule="one-cycle", warmup=0.29)
    theirs = []
    for _ in range(101):
        theirs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step() if len(theirs) < 101 else None
    # PyTorch's rise takes 0.3·101 − 1 = 29.3 of 100 steps
    ours = [learning_rate(dataclasses.replace(recipe, warmup=0.293), step / 100) for step in range(101)]
    assert ours == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("warmup", [0.0, 0.3])
def test_schedules_stay_between_zero_and_the_highest_and_jump_nowhere(schedule, warmup):
    recipe = Recipe(learning_rate=2.0, schedule=schedule, warmup=warmup)
    rates = [learning_rate(recipe, step / 1000) for step in range(1001)]
    assert min(rates) >= 0
    assert max(rates) == pytest.approx(2.0, rel=1e-3)
    assert max(abs(a - b) for a, b in itertools.pairwise(rates)) < 0.02
    assert rates[-1] == pytest.approx(2.0 if schedule == "constant" else 0.0, abs=1e-4)


def test_the_average_follows_the_formula_and_keeps_counters():
    network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    nn.init.zeros_(network[0].weight)
    average = Average(network, memory=0.5)
    expected = 0.0
    for step, value in enumerate([1.0, 3.0, -2.0]):
        nn.init.constant_(network[0].weight, value)
        network[1].num_batches_tracked += 1
        average.update(network, step)
        memory = min(0.5, (1 + step) / (10 + step))
        expected = memory * expected + (1 - memory) * value
    assert average.network[0].weight.item() == pytest.approx(expected)
    assert average.network[1].num_batches_tracked == 3


@pytest.mark.parametrize("freeze_first_layer_at", [1.0, 0.4])
@pytest.mark.parametrize("name", list(BY_HAND))
def test_a_restored_optimizer_goes_on_to_the_last_bit(name, freeze_first_layer_at):
    def fresh():
        torch.manual_seed(3)
        layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(36, 5))
        layers.to(memory_format=torch.channels_last)
        recipe = dataclasses.replace(recipe_for(name), freeze_first_layer_at=freeze_first_layer_at)
        return layers, make_optimizer(layers, recipe)

    def step(layer, optimizer, seed):
        image = torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(seed))
        optimizer.zero_grad()
        layer(image).square().sum().backward()
        optimizer.step()

    layer, optimizer = fresh()
    step(layer, optimizer, 1)
    weights = {key: value.clone() for key, value in layer.state_dict().items()}
    memory = {key: value.clone().contiguous() for key, value in optimizer_tensors(optimizer).items()}
    step(layer, optimizer, 2)

    other, other_optimizer = fresh()
    other.load_state_dict(weights)
    restore_optimizer(other_optimizer, memory)
    step(other, other_optimizer, 2)
    for mine, theirs in zip(layer.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    assert optimizer_tensors(optimizer).keys() == optimizer_tensors(other_optimizer).keys()
