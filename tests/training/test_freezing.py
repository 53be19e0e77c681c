"""Frozen layers stay as they are, to the byte, for as long as the recipe says."""

from collections.abc import Iterator

import pytest
import torch

from imagelet.errors import SettingError, UnknownNameError, UsageError
from imagelet.networks import build
from imagelet.training.freezing import frozen_modules, head_of
from imagelet.training.loop import Step, TrainingSetup, start, train
from imagelet.training.optimizers import optimizers
from imagelet.training.recipe import Recipe, with_settings
from imagelet.training.state import State
from tests.training.test_loop import setup_of

NETWORK = "conv(4, 3x3, same) batchnorm relu residual(conv(4, 3x3, same) batchnorm) flatten dense(classes)"
SETTINGS = {"epochs": 2, "batch_size": 50, "learning_rate": 0.05, "weight_decay": 0.1}


def recipe(**fields: object) -> Recipe:
    return Recipe(**(SETTINGS | fields))  # type: ignore[arg-type]


def begun(setup: TrainingSetup) -> State:
    return start(setup, build(NETWORK, setup.training.shape, len(setup.training.classes)))


def changed(setup: TrainingSetup) -> Iterator[set[str]]:
    """Yield after every step the names of the tensors that are not as they were at the beginning."""
    state = begun(setup)
    before = {name: tensor.clone() for name, tensor in state.network.state_dict().items()}
    for event in train(setup, state):
        if isinstance(event, Step):
            now = state.network.state_dict()
            yield {name for name in before if not torch.equal(before[name], now[name])}


@pytest.mark.parametrize("optimizer", list(optimizers))
def test_all_but_the_head_stay_to_the_byte(optimizer: str) -> None:
    *_, last = changed(setup_of(recipe(freeze="body", optimizer=optimizer)))
    assert last == {"dense1.weight", "dense1.bias"}


def test_layers_are_frozen_by_name_those_inside_a_block_too() -> None:
    *_, last = changed(setup_of(recipe(freeze="conv1, residual1.batchnorm1")))
    assert not {name for name in last if name.startswith(("conv1.", "residual1.batchnorm1."))}
    assert {"batchnorm1.running_mean", "residual1.conv1.weight", "dense1.weight"} <= last


def test_until_a_share_of_the_steps_is_done() -> None:
    setup = setup_of(recipe(freeze="body", freeze_until=0.5))
    steps = list(changed(setup))
    half = len(steps) // 2
    assert all(names == {"dense1.weight", "dense1.bias"} for names in steps[:half])
    assert {"conv1.weight", "batchnorm1.running_mean", "residual1.conv1.weight"} <= steps[half]


def test_a_training_that_is_resumed_in_between_ends_with_the_same_bytes() -> None:
    setup = setup_of(recipe(freeze="body", freeze_until=0.5, optimizer="adamw"))
    straight, first, second = begun(setup), begun(setup), begun(setup)
    list(train(setup, straight))
    for event in train(setup, first):
        if isinstance(event, Step) and first.steps_done(event.steps) == 2:
            break
    second.restore(first.checkpoint())
    list(train(setup, second))
    expected = straight.network.state_dict()
    for name, tensor in second.network.state_dict().items():
        assert torch.equal(tensor, expected[name]), name


def test_the_head_is_the_last_layer_with_weights() -> None:
    assert head_of(build("conv(4, 3x3) relu flatten dense(8) relu dense(classes) softmax")) == "dense2"
    assert head_of(build("conv(classes, 3x3) relu global_average")) == "conv1"
    assert head_of(build("fast-narrow")) == "dense"


@pytest.mark.parametrize(
    ("freeze", "sentence"),
    [
        ("conf1", "unknown layer 'conf1'; did you mean 'conv1'"),
        ("conv1,dense1", "leaves no layer to learn"),
    ],
)
def test_what_cannot_be_frozen_is_said(freeze: str, sentence: str) -> None:
    network = build("conv(4, 3x3) relu flatten dense(classes)")
    with pytest.raises((UnknownNameError, UsageError), match=sentence):
        frozen_modules(network, recipe(freeze=freeze))


def test_a_number_that_no_fraction_can_be_is_refused() -> None:
    with pytest.raises(SettingError):
        with_settings(Recipe(), {"freeze": 10**400})
