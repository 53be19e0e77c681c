import dataclasses

import pytest
import torch
from torch import nn

from imagelet.networks import build
from imagelet.training.loop import EpochEnded, Step, Stopped, TrainingSetup, train
from imagelet.training.optimizers import SCHEDULES, learning_rate, optimizers
from imagelet.training.recipe import Recipe
from imagelet.training.state import (
    ExponentialMovingAverage,
    ManualChange,
    State,
    make_optimizer,
    set_learning_rates,
)
from tests.training.test_loop import fresh, setup_of

RECIPE = Recipe(
    epochs=3, batch_size=50, optimizer="momentum", learning_rate=0.05, schedule="linear", shift=1.0
)


def run(
    state: State, work: TrainingSetup, change_at: int | None = None, stop_at: int | None = None
) -> list[float]:
    """Train on, halve the learning rate after a step, stop after another; return the steps' rates."""
    rates = []
    for event in train(work, state):
        if isinstance(event, Step):
            done = state.steps_done(event.steps)
            rates.append(state.optimizer.param_groups[0]["lr"])
            if done == change_at:
                state.change_learning_rate(0.5)
            if done == stop_at:
                break
    return rates


def weights(state: State) -> list[torch.Tensor]:
    return list(state.network.state_dict().values())


def test_a_factor_multiplies_the_recipes_rates_from_the_next_step_on():
    work = setup_of(RECIPE)
    rates = run(fresh(work), work, change_at=4)
    schedule = (RECIPE.schedule, RECIPE.learning_rate, RECIPE.warmup)
    plain = [learning_rate(*schedule, (step + 0.5) / len(rates)) for step in range(len(rates))]
    assert rates == pytest.approx([*plain[:4], *(0.5 * rate for rate in plain[4:])])
    assert len(rates) == 9


def test_a_factor_shows_in_the_figures_of_the_epoch():
    work = setup_of(RECIPE)
    plain, changed = fresh(work), fresh(work)
    run(plain, work)
    run(changed, work, change_at=4)
    shares = [b.learning_rate / a.learning_rate for a, b in zip(plain.history, changed.history, strict=True)]
    assert shares == pytest.approx([1, 0.5, 0.5])


def test_a_factor_of_one_changes_no_bit():
    work = setup_of(RECIPE)
    plain, same = fresh(work), fresh(work)
    run(plain, work)
    same.change_learning_rate(1.0)
    run(same, work)
    assert all(torch.equal(a, b) for a, b in zip(weights(plain), weights(same), strict=True))


def test_a_changed_training_is_resumed_to_the_same_bytes():
    work = setup_of(RECIPE)
    straight, first, second = fresh(work), fresh(work), fresh(work)
    run(straight, work, change_at=4)
    run(first, work, change_at=4, stop_at=6)
    second.restore(first.checkpoint())
    assert second.manual_changes == [ManualChange(2, 1, "learning rate × 0.5")]
    run(second, work)
    assert all(torch.equal(a, b) for a, b in zip(weights(straight), weights(second), strict=True))
    assert second.history == straight.history


def test_an_ended_training_leaves_the_epoch_that_runs_out():
    work, kinds = setup_of(RECIPE), []
    state = fresh(work)
    for event in train(work, state):
        kinds.append(type(event))
        if isinstance(event, Step) and state.steps_done(event.steps) == 5:
            state.end()
    assert kinds == [Step] * 3 + [EpochEnded] + [Step] * 2 + [Stopped]
    assert (state.epoch, len(state.history), state.best_epoch) == (1, 1, 1)
    again = fresh(work)
    again.restore(state.checkpoint())
    assert [type(event) for event in train(work, again)] == [Stopped]
    assert next(train(work, again)).early


def test_a_training_without_an_epoch_cannot_be_ended():
    with pytest.raises(ValueError, match="an epoch is done"):
        fresh(setup_of(RECIPE)).end()


def test_what_was_changed_manually_is_plain_data():
    state = fresh(setup_of(RECIPE))
    state.record_change("begun with other weights")
    assert [dataclasses.asdict(each) for each in state.manual_changes] == [
        {"epoch": 1, "step": 0, "change": "begun with other weights"}
    ]


def test_follows_the_formula_and_keeps_counters():
    network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    nn.init.zeros_(network[0].weight)
    ema = ExponentialMovingAverage(network, decay=0.5)
    expected = 0.0
    for step, value in enumerate([1.0, 3.0, -2.0]):
        nn.init.constant_(network[0].weight, value)
        network[1].num_batches_tracked += 1
        ema.update(network, step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    assert ema.network[0].weight.item() == pytest.approx(expected)
    assert ema.network[1].num_batches_tracked == 3


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


def scheduled(recipe: Recipe, progress: float) -> float:
    return learning_rate(recipe.schedule, recipe.learning_rate, recipe.warmup, progress)


def rates_by_name(network: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, tuple[float, float]]:
    """Return (learning rate, weight decay) of each parameter that some group holds; each is held once."""
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


@pytest.mark.parametrize("name", [name for name in optimizers if name != "muon"])
def test_without_muon_all_have_the_schedules_rate_and_weights_alone_decay(name):
    network = small_network()
    recipe = Recipe(optimizer=name, learning_rate=0.2, adamw_learning_rate=0.03, weight_decay=0.5)
    optimizer = make_optimizer(network, recipe)
    for progress in (0.1, 0.5, 0.99):
        set_learning_rates(optimizer, recipe, progress)
        found = rates_by_name(network, optimizer)
        for parameter_name, parameter in network.named_parameters():
            decay = 0.5 if parameter.ndim > 1 else 0.0
            assert found[parameter_name] == (pytest.approx(scheduled(recipe, progress)), decay)


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
        schedules = scheduled(recipe, progress) / 0.2
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


@pytest.mark.parametrize("optimizer_name", list(optimizers))
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
        before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
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


def test_weight_decay_pulls_weights_and_leaves_biases():
    layer = nn.Linear(2, 2)
    nn.init.ones_(layer.bias)
    nn.init.ones_(layer.weight)
    optimizer = make_optimizer(layer, Recipe(optimizer="sgd", learning_rate=0.1, weight_decay=0.5))
    (layer(torch.zeros(1, 2)).sum() * 0).backward()
    optimizer.step()
    assert layer.weight.flatten().tolist() == pytest.approx([0.95] * 4)
    assert layer.bias.tolist() == [1.0, 1.0]
