import dataclasses
import itertools
import math

import pytest
import torch
from torch import nn

from imagelet.training.optimization import (
    Average,
    learning_rate,
    make_optimizer,
    optimizer_tensors,
    restore_optimizer,
)
from imagelet.training.recipe import SCHEDULES, Recipe

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
}


def recipe_for(name: str) -> Recipe:
    decay = 0.5 if name == "adamw" else 0.0
    return Recipe(optimizer=name, learning_rate=0.1, momentum=0.5, beta1=0.9, beta2=0.999, weight_decay=decay)


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
            w -= 0.1 * 0.5 * w if name == "adamw" else 0.0
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


@pytest.mark.parametrize("name", list(BY_HAND))
def test_a_restored_optimizer_goes_on_to_the_last_bit(name):
    def fresh():
        torch.manual_seed(3)
        layer = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
        return layer, make_optimizer(layer, recipe_for(name))

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
    assert torch.equal(layer.weight, other.weight)
    assert torch.equal(layer.bias, other.bias)
