"""The learning rate range test: what it measures, where it stops, and that it works with every optimizer."""

import dataclasses

import numpy as np
import pytest
import torch

from imagelet.data.datasets import load_dataset
from imagelet.errors import TrainingError, UsageError
from imagelet.networks import Network, build
from imagelet.training import learning_rate_range
from imagelet.training.learning_rate_range import RangeTest, run_range_test
from imagelet.training.loop import Step, TrainingSetup
from imagelet.training.optimizers import optimizers
from imagelet.training.recipe import Recipe
from imagelet.training.state import make_optimizer, set_learning_rates


def setup_of(**fields: object) -> tuple[TrainingSetup, Network]:
    images = load_dataset("digits").train
    images = images.take(np.arange(200))
    recipe = dataclasses.replace(Recipe(batch_size=40, early_stopping=1, ema_decay=0.9), **fields)
    setup = TrainingSetup(
        training=images,
        validation=images,
        recipe=recipe,
        normalization=images.normalization("standardize"),
        flips=False,
        seed=0,
        device=torch.device("cpu"),
        precision=torch.float32,
    )
    network = build("conv(4, 3x3) relu flatten dense(classes) softmax", (8, 8, 1), 10, "he", 0)
    return setup, network


@pytest.mark.parametrize("optimizer", list(optimizers))
def test_it_works_with_every_optimizer(optimizer: str) -> None:
    default = optimizers.get(optimizer).learning_rate
    setup, network = setup_of(optimizer=optimizer, learning_rate=default)
    *steps, found = run_range_test(setup, network, steps=60)
    assert isinstance(found, RangeTest)
    assert all(isinstance(step, Step) for step in steps)
    assert len(found.rates) == len(found.losses) == len(found.smoothed) >= 20
    factors = found.rates[1:] / found.rates[:-1]
    assert np.allclose(factors, factors[0])
    assert found.rates[0] == pytest.approx(default / 1000)
    assert found.smoothed.min() < found.smoothed[0]
    assert found.rates[0] < found.suggestion < found.rates[-1]
    assert set(found.settings) == {"learning_rate", *(["adamw_learning_rate"] if optimizer == "muon" else [])}
    assert dataclasses.replace(setup.recipe, **found.settings)  # a recipe may have them


def test_the_rate_of_each_step_is_the_one_that_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[float] = []

    def noting(optimizer: torch.optim.Optimizer, *rest: object) -> None:
        set_learning_rates(optimizer, *rest)  # type: ignore[arg-type]
        used.append(optimizer.param_groups[0]["lr"])

    monkeypatch.setattr("imagelet.training.loop.set_learning_rates", noting)
    setup, network = setup_of(optimizer="sgd", learning_rate=0.3, schedule="one-cycle")
    *_, found = run_range_test(setup, network, steps=30)
    assert used[: len(found.rates)] == pytest.approx(found.rates.tolist())


def test_it_is_a_gradient_descent_by_hand() -> None:
    """The first losses are those of plain torch, with the learning rates that are noted."""
    setup, network = setup_of(optimizer="sgd", learning_rate=0.1)
    setup = dataclasses.replace(
        setup,
        recipe=dataclasses.replace(setup.recipe, batch_size=200, shift=0.0, weight_decay=0.0),
    )
    twin = build("conv(4, 3x3) relu flatten dense(classes) softmax", (8, 8, 1), 10, "he", 0)
    optimizer = make_optimizer(twin, setup.recipe)
    *_, found = run_range_test(setup, network, steps=60)
    images = setup.normalization.apply(torch.from_numpy(setup.training.images.copy()))
    labels = torch.from_numpy(setup.training.labels.copy())
    expected = []
    for rate in found.rates[:10]:
        loss = torch.nn.functional.cross_entropy(twin(images), labels)
        expected.append(loss.item())
        loss.backward()
        for group in optimizer.param_groups:
            group["lr"] = float(rate)
        optimizer.step()
        optimizer.zero_grad()
    assert found.losses[:10] == pytest.approx(expected, rel=1e-3)


def test_it_stops_where_the_loss_explodes() -> None:
    setup, network = setup_of(optimizer="sgd", learning_rate=0.1)
    *_, found = run_range_test(setup, network)
    assert found.exploded
    assert len(found.rates) < learning_rate_range.STEPS
    assert found.rates[-1] < 1000


def test_a_loss_that_is_not_finite_from_the_beginning_is_an_error() -> None:
    setup, network = setup_of(optimizer="sgd", learning_rate=0.1)
    with torch.no_grad():
        next(network.parameters()).fill_(float("inf"))
    with pytest.raises(TrainingError, match="explodes after 0 steps"):
        list(run_range_test(setup, network))


def test_too_few_steps_show_nothing() -> None:
    with pytest.raises(UsageError, match="needs at least 20"):
        next(run_range_test(*setup_of(), steps=19))


def test_the_suggestions_of_a_curve_made_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss that falls in a straight step between 0.01 and 0.1, is lowest at 1, then rises."""
    rates = np.geomspace(1e-4, 100, 121)  # 20 a decade
    places = np.log10(rates)
    losses = np.interp(places, [-4, -2, -1, 0, 1, 2], [2.3, 2.2, 1.0, 0.8, 2.0, 9.0])
    monkeypatch.setattr(learning_rate_range, "SMOOTHING", 0.0)
    found = learning_rate_range._measured(None, rates, losses, exploded=False)
    assert found.lowest == pytest.approx(1.0)
    assert found.tenth == pytest.approx(0.1)
    assert 0.01 < found.steepest < 0.1
    assert found.suggestion == pytest.approx((found.steepest * found.tenth) ** 0.5, rel=0.05)
