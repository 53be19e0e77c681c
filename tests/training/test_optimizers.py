import dataclasses
import itertools
import math

import pytest
import torch
from torch import nn

from imagelet.training.optimizers import SCHEDULES, learning_rate, optimizers
from imagelet.training.recipe import Optimization, Recipe, setting_fields
from imagelet.training.state import make_optimizer, optimizer_tensors, restore_optimizer

# One weight, w = 2, under the loss w²: the gradient is 2w. The learning rate is 0.1; worked by hand.
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
    # what is no convolution is AdamW's, with a learning rate of its own
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
    """The update rules in plain Python, from their texts in the registry."""
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


# -- the registry --------------------------------------------------------------------------------------------

OTHER = {"momentum": 0.5, "beta1": 0.5, "beta2": 0.5, "rho": 0.5, "epsilon": 0.5}  # far from every default


def path_of(recipe: Recipe) -> list[list[float]]:
    """Return the weights of a convolution and a dense layer after each of four steps."""
    torch.manual_seed(3)
    layers = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 2))
    optimizer = make_optimizer(layers, recipe)
    path = []
    for seed in range(4):
        image = torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(seed))
        optimizer.zero_grad()
        layers(image).square().sum().backward()
        optimizer.step()
        path.append(torch.cat([parameter.flatten() for parameter in layers.parameters()]).tolist())
    return path


@pytest.mark.parametrize("constant", list(OTHER))
@pytest.mark.parametrize("name", list(optimizers))
def test_the_constants_that_an_optimizer_names_are_those_that_change_its_steps(name, constant):
    recipe = Recipe(optimizer=name, learning_rate=0.01)
    changed = path_of(dataclasses.replace(recipe, **{constant: OTHER[constant]})) != path_of(recipe)
    assert changed == (constant in optimizers.get(name).constants)


@pytest.mark.parametrize("name", list(optimizers))
def test_every_optimizer_is_described(name):
    optimizer = optimizers.get(name)
    assert optimizer.name == name
    assert optimizer.learning_rate > 0
    assert optimizer.source
    assert "w ←" in optimizer.rule
    assert set(optimizer.constants) <= {field.name for field in setting_fields(Optimization)}


@pytest.mark.parametrize("freeze_first_layer_at", [1.0, 0.4])
@pytest.mark.parametrize("name", list(BY_HAND))
def test_a_restored_optimizer_continues_to_the_last_bit(name, freeze_first_layer_at):
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


def test_what_a_checkpoint_could_not_hold_is_refused():
    weight = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    optimizer.state[weight]["steps"] = 3
    with pytest.raises(TypeError, match="steps = 3"):
        optimizer_tensors(optimizer)


def test_one_cycle_is_pytorchs():
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=101, pct_start=0.3)
    theirs = []
    for _ in range(101):
        theirs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step() if len(theirs) < 101 else None
    # PyTorch's warm-up takes 0.3·101 − 1 = 29.3 of 100 steps
    ours = [learning_rate("one-cycle", 0.5, 0.293, step / 100) for step in range(101)]
    assert ours == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("warmup", [0.0, 0.3])
def test_schedules_stay_between_zero_and_the_highest_and_jump_nowhere(schedule, warmup):
    rates = [learning_rate(schedule, 2.0, warmup, step / 1000) for step in range(1001)]
    assert min(rates) >= 0
    assert max(rates) == pytest.approx(2.0, rel=1e-3)
    assert max(abs(a - b) for a, b in itertools.pairwise(rates)) < 0.02
    assert rates[-1] == pytest.approx(2.0 if schedule == "constant" else 0.0, abs=1e-4)


@pytest.mark.parametrize(
    ("schedule", "halfway", "after"),
    [("constant", 1.0, 2.0), ("linear", 1.0, 1.0), ("cosine", 1.0, 1.0), ("one-cycle", 1.04, 1.000004)],
)
def test_hand_worked_values(schedule, halfway, after):
    # a warm-up of 0.2: at 0.1 it is half done, at 0.6 half of the rest is
    assert learning_rate(schedule, 2.0, 0.2, 0.1) == pytest.approx(halfway)
    assert learning_rate(schedule, 2.0, 0.2, 0.6) == pytest.approx(after)
