import dataclasses

import pytest
import torch

from imagelet.training.loop import EpochEnded, Step, Stopped, train
from imagelet.training.recipe import Recipe
from imagelet.training.schedules import learning_rate
from imagelet.training.setup import TrainingSetup
from imagelet.training.state import ManualChange, State
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
