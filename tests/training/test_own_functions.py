"""A person's own loss and augmentation: what they get, what they may return, how a run remembers them."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imagelet.errors import TrainingError, UsageError
from imagelet.training.loop import Step, TrainingSetup, train
from imagelet.training.own_functions import OwnFunctions
from imagelet.training.recipe import Recipe
from tests.training.test_loop import fresh, setup_of

RECIPE = Recipe(epochs=2, batch_size=50, learning_rate=0.01, label_smoothing=0.0)


def my_loss(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits, labels)


def focal(logits: Tensor, labels: Tensor) -> Tensor:
    probability = logits.softmax(1).gather(1, labels[:, None])
    return (-((1 - probability) ** 2) * probability.clamp_min(1e-9).log()).mean()


def noisy(images: Tensor) -> Tensor:
    return images + 0.1 * torch.randn_like(images)


def setup(recipe: Recipe = RECIPE, **functions: Any) -> TrainingSetup:

    return dataclasses.replace(setup_of(recipe), own=OwnFunctions(**functions))


def weights(work: TrainingSetup, stop_at: int | None = None) -> dict[str, Tensor]:
    """Train, with a rest after some steps if that is asked for; return the weights."""
    state = fresh(work)
    for event in train(work, state):
        if isinstance(event, Step) and state.steps_done(event.steps) == stop_at:
            torch.manual_seed(99)  # what is drawn depends on the step alone
            again = fresh(work)
            again.restore(state.checkpoint())
            list(train(work, again))
            return again.network.state_dict()
    return state.network.state_dict()


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_the_usual_loss_passed_as_ones_own_changes_no_bit() -> None:
    assert same(weights(setup()), weights(setup(loss=my_loss)))
    assert same(weights(setup()), weights(setup(loss=nn.CrossEntropyLoss())))


def test_another_loss_gives_other_weights_and_the_figures_stay_cross_entropy() -> None:
    assert not same(weights(setup()), weights(setup(loss=focal)))
    work = setup(loss=lambda logits, labels: 0 * logits.sum() + 7)
    state = fresh(work)
    first = next(train(work, state))
    assert isinstance(first, Step)
    assert first.loss < 3


def test_an_augmentation_is_seeded_by_the_step_and_resumed_to_the_same_bytes() -> None:
    work = setup(augmentation=noisy)
    torch.manual_seed(1)
    once = weights(work)
    torch.manual_seed(2)
    assert same(once, weights(work))
    assert same(once, weights(work, stop_at=4))
    assert not same(once, weights(setup()))


def test_an_augmentation_gets_a_batch_of_network_input() -> None:
    shapes = []

    def look(images: Tensor) -> Tensor:
        shapes.append((tuple(images.shape), images.dtype))
        return images

    work = setup(augmentation=look)
    assert same(weights(setup()), weights(work))
    height, width, channels = work.training.shape
    assert set(shapes) == {((50, channels, height, width), torch.float32)}


@pytest.mark.parametrize(
    ("functions", "sentence"),
    [
        ({"loss": lambda logits, labels: 3.0}, "returned something of the type float"),
        ({"loss": lambda logits, labels: logits}, r"returned a tensor of \(50, 4\), float32"),
        ({"loss": lambda logits, labels: torch.zeros(())}, "depends on the logits"),
        ({"augmentation": lambda images: images[:3]}, r"not a tensor of \(50, "),
        ({"augmentation": lambda images: images.double()}, "float64"),
        ({"augmentation": lambda images: None}, "something of the type NoneType"),
    ],
)
def test_what_they_may_not_return_is_said(functions: dict[str, Callable[..., Any]], sentence: str) -> None:
    with pytest.raises(TrainingError, match=sentence):
        weights(setup(**functions))


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(UsageError, match="loss is a function; this is of the type str"):
        OwnFunctions(loss="focal")  # type: ignore[arg-type]


class TestRemembered:
    def test_by_name_and_source(self) -> None:
        kept = OwnFunctions(loss=focal, augmentation=noisy).to_json()
        assert kept["loss"]["name"] == f"{__name__}.focal"
        assert kept["augmentation"]["sha256"] != kept["loss"]["sha256"]
        assert OwnFunctions().to_json() == {}
        assert OwnFunctions(loss=functools.partial(focal)).to_json()["loss"] == kept["loss"]
        assert OwnFunctions(loss=nn.NLLLoss()).to_json()["loss"]["name"].endswith("NLLLoss")

    @pytest.mark.parametrize(
        ("before", "now", "sentence"),
        [
            ({"loss": focal}, {}, r"with an own loss, .*\.focal, .* \(pass it again in Python: loss=focal\)"),
            ({}, {"loss": focal}, "was trained without an own loss"),
            ({"loss": focal}, {"loss": my_loss}, "name or source differ"),
            ({"augmentation": noisy}, {"loss": my_loss}, "without an own loss"),
        ],
    )
    def test_others_are_refused(self, before: dict[str, Any], now: dict[str, Any], sentence: str) -> None:
        with pytest.raises(UsageError, match=sentence):
            OwnFunctions(**now).check(OwnFunctions(**before).to_json(), "first")

    def test_the_same_are_accepted(self) -> None:
        own = OwnFunctions(loss=focal, augmentation=noisy)
        own.check(own.to_json(), "first")
