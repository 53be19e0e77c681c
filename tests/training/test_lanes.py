import dataclasses
import threading

import numpy as np
import pytest
import torch
from torch import nn

from imagelet.device import using_threads
from imagelet.errors import SettingError
from imagelet.networks import build
from imagelet.networks.building import OwnNetwork
from imagelet.networks.modules import Whiten
from imagelet.training.distributed import Group
from imagelet.training.lanes import replica_of
from imagelet.training.loop import EpochEnded, Step, Stopped, TrainingSetup, start, train
from imagelet.training.own_functions import OwnFunctions
from imagelet.training.profiling import Profile
from imagelet.training.recipe import Recipe
from imagelet.training.state import State
from tests.training.test_loop import RECIPES, TEXT, assert_same, fresh, setup_of, uneven

GELU = "conv(6, 3x3) batchnorm gelu pool(2) conv(8, 3x3) batchnorm gelu flatten dense(classes)"
PLAIN = "conv(4, 3x3, same) relu pool(2) flatten dense(classes)"  # nothing random, no statistics of a batch


def trained(setup: TrainingSetup, network: str = TEXT, threads: int = 2) -> State:
    state = fresh(setup, network)
    with using_threads(threads):
        list(train(setup, state))
    return state


@pytest.mark.portable
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize("network", [TEXT, GELU], ids=["dropout", "gelu"])
def test_any_number_of_threads_gives_the_same_bytes(recipe, network):
    setup = setup_of(dataclasses.replace(recipe, lanes=4), flips=True)
    one, two, three = (trained(setup, network, threads) for threads in (1, 2, 3))
    assert_same(one, two)
    assert_same(one, three)


@pytest.mark.portable
@pytest.mark.parametrize("batch_size", [150, 60, 149, 44])  # last ones of 150, 30, 1 and 18 images
@pytest.mark.parametrize("lanes", [2, 4, 16])
def test_the_gradient_is_that_of_the_whole_batch(batch_size, lanes):
    """Without anything random or shared by a batch, lanes only round otherwise."""
    recipe = Recipe(epochs=1, batch_size=batch_size, optimizer="sgd", label_smoothing=0.1)
    whole, divided = (setup_of(dataclasses.replace(recipe, lanes=number)) for number in (0, lanes))
    states = trained(whole, PLAIN), trained(divided, PLAIN)
    for mine, theirs in zip(*(state.network.parameters() for state in states), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)
    for one, other in zip(*(state.history for state in states), strict=True):
        assert other.loss == pytest.approx(one.loss, rel=1e-5)
        assert other.accuracy == one.accuracy


@pytest.mark.parametrize("network", [TEXT, PLAIN])
def test_a_resumed_training_is_the_uninterrupted_one_to_the_last_bit(network):
    setup = setup_of(dataclasses.replace(RECIPES["outlier_share"], lanes=4), flips=True)
    through, saved = fresh(setup, network), []
    for event in train(setup, through):
        if isinstance(event, Step | EpochEnded):
            checkpoint = event.state.checkpoint()
            tensors = {name: tensor.clone().contiguous() for name, tensor in checkpoint.tensors.items()}
            saved.append(dataclasses.replace(checkpoint, tensors=tensors))
    for place in (0, len(saved) // 2, len(saved) - 2):
        resumed = fresh(setup, network)
        resumed.restore(saved[place])
        list(train(setup, resumed))
        assert_same(through, resumed)


def test_running_statistics_move_by_the_mean_over_the_lanes():
    setup = setup_of(Recipe(epochs=1, batch_size=150, optimizer="sgd", lanes=4, shift=0, flip=False))
    state = trained(setup, "batchnorm flatten dense(classes)")
    order = np.random.default_rng([0, 0, 0]).permutation(150)
    pixels = setup.normalization.apply(torch.from_numpy(setup.training.images[order]))
    lanes = pixels.split([38, 38, 37, 37])
    means = torch.stack([lane.mean() * len(lane) / 150 for lane in lanes]).sum()
    variances = torch.stack([lane.var() * len(lane) / 150 for lane in lanes]).sum()
    assert state.network.batchnorm1.running_mean.item() == pytest.approx(0.1 * means.item(), rel=1e-4)
    assert state.network.batchnorm1.running_var.item() == pytest.approx(
        0.9 + 0.1 * variances.item(), rel=1e-4
    )
    assert state.network.batchnorm1.num_batches_tracked.item() == 1


class Own(nn.Module):
    """Draws from torch's own generator, and has buffers of several kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 4)
        self.unused = nn.Linear(2, 2)
        self.register_buffer("constant", torch.tensor([0.1, -torch.inf, 1 / 3]))
        self.register_buffer("calls", torch.tensor(0))
        self.register_buffer("seen", torch.tensor(False))
        self.names: list[str] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.names.append(threading.current_thread().name)
            self.calls += 1
            self.seen.fill_(True)
        noise = torch.rand(images.shape) if self.training else 0.0
        made: torch.Tensor = self.layer((images + noise).flatten(1))
        return made


def of_own(setup: TrainingSetup) -> State:
    torch.manual_seed(0)
    network = OwnNetwork(Own(), text="own", name="own", input_shape=(8, 8, 1), classes=4)
    return start(setup, network)


def test_a_module_of_ones_own_is_computed_by_one_thread_and_keeps_its_buffers():
    setup = setup_of(Recipe(epochs=2, batch_size=40, lanes=4, weight_decay=0.1))
    states = []
    for threads in (1, 2):
        states.append(of_own(setup))
        unused = states[-1].network.own.unused.weight.detach().clone()
        with using_threads(threads):
            list(train(setup, states[-1]))
        own = states[-1].network.own
        assert torch.equal(own.constant, torch.tensor([0.1, -torch.inf, 1 / 3]))
        assert own.calls == 8  # the steps
        assert own.seen
        assert torch.equal(own.unused.weight, unused)  # no gradient, no weight decay
    assert_same(*states)


def test_layers_of_a_plugin_that_draw_are_noticed_and_computed_one_by_one():
    class Noise(nn.Module):
        threads: set[str] = set()  # noqa: RUF012

        def forward(self, images):
            self.threads.add(threading.current_thread().name)
            return images + torch.randn(images.shape) if self.training else images

    setup = setup_of(Recipe(epochs=2, batch_size=40, lanes=4))
    states = []
    for threads in (1, 2):
        network = build("relu flatten dense(classes)", (8, 8, 1), 4)
        network[0] = Noise()
        Noise.threads.clear()
        states.append(start(setup, network))
        with using_threads(threads):
            for event in train(setup, states[-1]):
                if isinstance(event, Step):
                    assert Noise.threads == {threading.current_thread().name}
                else:
                    Noise.threads.clear()
    assert_same(*states)


def test_own_loss_and_augmentation_see_each_lane_and_draw_by_its_place():
    lengths: list[int] = []

    def loss(logits, labels):
        lengths.append(len(logits))
        return nn.functional.cross_entropy(logits, labels)

    def augmentation(images):
        return images + torch.rand(len(images), 1, 1, 1)

    recipe = Recipe(epochs=1, batch_size=60, lanes=4)
    setup = dataclasses.replace(setup_of(recipe), own=OwnFunctions(loss, augmentation))
    before = torch.get_rng_state()
    states = [trained(setup, threads=threads) for threads in (1, 2)]
    assert torch.equal(torch.get_rng_state(), before)
    assert_same(*states)
    assert lengths == [15] * 8 + [8, 8, 7, 7] + [15] * 8 + [8, 8, 7, 7]


def test_lanes_draw_different_dropout_and_augmentation():
    recipe = Recipe(epochs=1, batch_size=60, lanes=4, optimizer="sgd", learning_rate=1e-9, shift=2)
    equal = dataclasses.replace(setup_of(recipe), training=setup_of(recipe).training.take([0] * 60))
    seen: list[torch.Tensor] = []
    network = build("dropout(0.5) flatten dense(classes)", (8, 8, 1), 4)
    network[1].register_forward_pre_hook(lambda _, given: seen.append(given[0].detach().clone()))
    list(train(equal, start(equal, network)))
    lanes = [images for images in seen if len(images) == 15]
    assert len(lanes) == 4
    assert len(torch.stack(lanes).flatten(1).unique(dim=0)) == 4


def test_a_profile_changes_nothing_and_counts_steps_not_lanes():
    setup = setup_of(dataclasses.replace(RECIPES["adamw"], lanes=4))
    profile, measured = Profile(), fresh(setup)
    list(train(setup, measured, profile))
    assert_same(trained(setup), measured)
    assert (profile.steps, profile.images) == (15, 450)
    assert all(profile.phases[phase] > 0 for phase in ("forward", "backward", "optimizer"))


def test_frozen_layers_stay_as_they_are():
    setup = setup_of(Recipe(epochs=2, batch_size=40, lanes=4, freeze="conv1, batchnorm1", freeze_until=0.5))
    state = fresh(setup)
    kept = {name: tensor.clone() for name, tensor in state.network.state_dict().items()}
    for event in train(setup, state):
        if isinstance(event, EpochEnded) and event.figures.epoch == 1:
            now = state.network.state_dict()
            assert all(torch.equal(now[n], kept[n]) for n in kept if n.startswith(("conv1", "batchnorm1")))
            assert not torch.equal(now["dense1.weight"], kept["dense1.weight"])
    now = state.network.state_dict()
    assert not torch.equal(now["conv1.weight"], kept["conv1.weight"])
    assert not torch.equal(now["batchnorm1.running_mean"], kept["batchnorm1.running_mean"])
    assert_same(trained(setup, threads=1), state)


@pytest.mark.parametrize("change", ["class_weights", "sampling", "weights"])
def test_uneven_classes_and_weights_of_images(change):
    recipe = Recipe(epochs=2, batch_size=40, **({} if change == "weights" else {change: "balanced"}))
    weights = np.random.default_rng(0).random(150, np.float32) if change == "weights" else None
    whole = dataclasses.replace(setup_of(recipe), training=uneven(), weights=weights)
    divided = dataclasses.replace(whole, recipe=dataclasses.replace(recipe, lanes=4))
    for mine, theirs in zip(
        trained(whole, PLAIN).network.parameters(), trained(divided, PLAIN).network.parameters(), strict=True
    ):
        assert torch.allclose(mine, theirs, atol=1e-3)


def test_a_person_ends_the_training_and_changes_the_learning_rate():
    setup = setup_of(Recipe(epochs=9, batch_size=40, lanes=4, schedule="constant", warmup=0))
    state, events = fresh(setup), []
    for event in train(setup, state):
        events.append(event)
        if isinstance(event, Step) and state.epoch == 1 and state.step == 2:
            state.change_learning_rate(0.5)
        if isinstance(event, Step) and state.epoch == 2:
            state.end()
    assert isinstance(events[-1], Stopped)
    assert events[-1].early
    assert state.epoch == 2
    assert [figures.learning_rate for figures in state.history] == [0.003, 0.0015]


def test_what_is_fitted_before_the_first_step_does_not_depend_on_threads():
    setup = setup_of(Recipe(lanes=4), training=5000)
    weights = []
    for threads in (1, 2, 3):
        network = build("conv(4, 3x3) flatten dense(classes)", (8, 8, 1), 4)
        network[0] = Whiten(1)
        with using_threads(threads):
            start(setup, network)
        weights.append(network[0].weight)
    assert torch.equal(weights[0], weights[1])
    assert torch.equal(weights[0], weights[2])


def test_threads_and_their_number_are_left_as_they_were():
    setup = setup_of(Recipe(epochs=1, batch_size=40, lanes=4))
    with using_threads(2):
        list(train(setup, fresh(setup)))
        assert torch.get_num_threads() == 2
        assert not [thread for thread in threading.enumerate() if "imagelet-lane" in thread.name]
        broken = fresh(setup, PLAIN)
        broken.network[0].forward = None  # type: ignore[assignment]
        with pytest.raises(TypeError):
            list(train(setup, broken))
        assert torch.get_num_threads() == 2


def test_a_replica_shares_weights_and_has_its_own_gradients_and_buffers():
    network = build(TEXT, (8, 8, 1), 4)
    replica = replica_of(network)
    for mine, theirs in zip(replica.parameters, network.parameters(), strict=True):
        assert mine.data_ptr() == theirs.data_ptr()
        assert mine is not theirs
    replica.network.train()(torch.rand(4, 1, 8, 8)).sum().backward()
    assert all(parameter.grad is None for parameter in network.parameters())
    assert network.batchnorm1.num_batches_tracked == 0
    assert replica.network.batchnorm1.num_batches_tracked == 1


def test_a_group_that_cannot_share_the_lanes_is_told_so():
    group = Group()
    group.world = 3
    setup = dataclasses.replace(setup_of(Recipe(batch_size=128)), group=group)
    with pytest.raises(SettingError, match="3 processes cannot share the 4 lanes"):
        list(train(setup, fresh(setup)))
