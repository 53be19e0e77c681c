import dataclasses
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from imagelet.data import ImageSet
from imagelet.networks import Network, build
from imagelet.networks.modules import fused_layers
from imagelet.preprocessing.normalization import Normalization
from imagelet.training import batches, loop, passes, profiling
from imagelet.training.evaluation import Evaluated
from imagelet.training.loop import EpochEnded, Step, TrainingSetup, train
from imagelet.training.profiling import PHASES, LayerTimes, NoProfile, Profile
from imagelet.training.recipe import Recipe
from imagelet.training.state import State

CPU = torch.device("cpu")
SHAPE = (8, 8, 1)
FUSED = (
    "conv(8, 3x3, same) relu conv(8, 3x3, same) batchnorm relu pool(2) flatten dropout(0.2) dense(classes)"
)
RECIPE = Recipe(epochs=2, batch_size=16, shift=1, ema_decay=0.9)


class Clock:
    """A clock that stands still unless it is told to move; it takes the place of the timer."""

    def __init__(self) -> None:
        self.now = 0.0

    def seconds(self) -> float:
        return self.now


class Waiting(nn.Module):
    """Passes its input on; takes so many seconds forward and so many backward."""

    def __init__(self, clock: Clock, forward: float, backward: float) -> None:
        super().__init__()
        self.clock, self.times = clock, (forward, backward)
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, images):
        return Waits.apply(images, self.weight, self.clock, *self.times)


class Waits(torch.autograd.Function):
    @staticmethod
    def forward(ctx, images, weight, clock, forward, backward):
        ctx.clock, ctx.backward_seconds = clock, backward
        clock.now += forward
        return images.clone()

    @staticmethod
    def backward(ctx, gradient):
        ctx.clock.now += ctx.backward_seconds
        return gradient, torch.zeros(1), None, None, None


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(profiling, "Timer", lambda device: made)
    return made


def network_of(*layers: nn.Module) -> Network:
    children = OrderedDict((f"layer{number}", layer) for number, layer in enumerate(layers, start=1))
    return Network(children, text="", name="", input_shape=SHAPE, classes=4)


def profiled(network: Network, images: torch.Tensor | None = None) -> Profile:
    """Return the profile of a forward and backward pass."""
    profile = Profile()
    profile.start(network, CPU)
    logits = profile.forward(network, torch.rand(2, 1, 8, 8) if images is None else images)
    profile.mark("forward")
    logits.sum().backward()
    profile.mark("backward")
    profile.mark("optimizer")
    return profile


def times(profile: Profile) -> dict[str, tuple[float, float]]:
    return {
        " ".join(each.layers): (each.forward_seconds, each.backward_seconds)
        for each in profile._times.values()
    }


def setup_of(recipe: Recipe = RECIPE, precision: torch.dtype = torch.float32) -> TrainingSetup:
    drawn = np.random.default_rng(0)
    parts = [
        ImageSet(
            drawn.integers(0, 256, (count, *SHAPE)).astype(np.uint8),
            drawn.integers(0, 4, count),
            tuple("abcd"),
        )
        for count in (40, 20)
    ]
    return TrainingSetup(*parts, recipe, Normalization.of(parts[0].images, "scale"), False, 0, CPU, precision)


def fresh(setup: TrainingSetup, text: str = FUSED) -> State:
    return State.new(build(text, SHAPE, 4), setup.recipe, CPU)


# -- what is measured is the training as it is ---------------------------------------------------------------


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
def test_a_profile_changes_no_bit_of_a_training(precision):
    setup = setup_of(precision=precision)
    plain, watched = fresh(setup), fresh(setup)
    list(train(setup, plain))
    list(train(setup, watched, Profile()))
    assert plain.history == watched.history
    for name, tensor in plain.network.state_dict().items():
        assert torch.equal(tensor, watched.network.state_dict()[name]), name


def in_place() -> Network:
    layers = nn.Conv2d(1, 3, 3), nn.ReLU(inplace=True), nn.Identity(), nn.Flatten(), nn.Linear(108, 8)
    return network_of(*layers, nn.ReLU(inplace=True), nn.Linear(8, 4))


NETWORKS = {
    "fused": lambda: build(FUSED, SHAPE, 4),
    "course": lambda: build("cnn-3", (28, 28, 1), 10),
    "built": lambda: build("fast", (32, 32, 3), 10),
    "in place": in_place,
}


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_gradients_with_a_profile_are_those_without_to_the_last_bit(make):
    network = make()
    height, width, channels = network.input_shape
    images = torch.rand(4, channels, height, width, generator=torch.Generator().manual_seed(1))
    kept = []
    for profile in (NoProfile(), Profile()):
        network.zero_grad()
        with torch.random.fork_rng():
            torch.manual_seed(2)
            logits = profile.forward(network, images)
        (logits * torch.arange(logits.shape[1])).sum().backward()
        gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
        assert any(gradient.any() for gradient in gradients)
        kept.append([logits.detach(), *gradients])
    for plain, watched in zip(*kept, strict=True):
        assert torch.equal(plain, watched)


def test_layers_that_are_carried_out_together_are_one_step_in_the_networks_order():
    network = build(FUSED, SHAPE, 4)
    found = [each.layers for each in profiled(network).layers()]
    assert found == [names for names, _ in fused_layers(network.named_children())]
    assert found[:3] == [("conv1", "relu1"), ("conv2",), ("batchnorm1",)]
    assert ("relu2", "pool1") in found


# -- each second lands where it was spent --------------------------------------------------------------------


def test_each_layer_gets_its_seconds_forward_and_backward(clock):
    network = network_of(Waiting(clock, 1, 20), Waiting(clock, 300, 4_000), Waiting(clock, 50_000, 600_000))
    profile = profiled(network)
    assert times(profile) == {"layer1": (1, 20), "layer2": (300, 4_000), "layer3": (50_000, 600_000)}
    assert profile.phases["forward"] == 50_301
    assert profile.phases["backward"] == 604_020
    assert profile.seconds == 654_321


def test_a_layer_that_passes_its_input_on_takes_nobodys_seconds(clock):
    network = network_of(Waiting(clock, 1, 2), nn.Identity(), nn.Dropout(0.0).eval(), Waiting(clock, 3, 4))
    found = times(profiled(network))
    assert found == {"layer1": (1, 2), "layer2": (0, 0), "layer3": (0, 0), "layer4": (3, 4)}


def test_a_layer_that_works_in_place_leaves_the_one_before_its_seconds(clock):
    network = network_of(Waiting(clock, 1, 2), nn.ReLU(inplace=True), Waiting(clock, 3, 4))
    assert times(profiled(network)) == {"layer1": (1, 2), "layer2": (0, 0), "layer3": (3, 4)}


def test_a_layer_that_does_not_learn_has_no_backward_and_does_not_lengthen_the_next(clock):
    still = Waiting(clock, 1, 2).requires_grad_(False)
    found = times(profiled(network_of(still, Waiting(clock, 3, 4), Waiting(clock, 5, 6))))
    assert found == {"layer1": (1, 0), "layer2": (3, 4), "layer3": (5, 6)}


def test_steps_add_up(clock):
    network, profile = network_of(Waiting(clock, 1, 20)), Profile()
    profile.start(network, CPU)
    for count in (2, 3):
        profile.forward(network, torch.rand(count, 1, 8, 8)).sum().backward()
        profile.mark("backward")
        profile.mark("optimizer")
    assert times(profile) == {"layer1": (2, 40)}
    assert (profile.steps, profile.images) == (2, 5)


def test_a_mark_charges_the_time_since_the_one_before(clock):
    profile = Profile()
    profile.start(network_of(nn.Flatten()), CPU)
    for phase, seconds in (("loading", 1), ("loss", 2), ("loading", 4)):
        clock.now += seconds
        profile.mark(phase)
    assert {name: seconds for name, seconds in profile.phases.items() if seconds} == {
        "loading": 5,
        "loss": 2,
    }
    assert profile.fraction(profile.phases["loss"]) == pytest.approx(2 / 7)
    with pytest.raises(KeyError):
        profile.mark("gatherin")


def test_the_loop_charges_each_phase_with_what_it_does_and_nothing_is_left_over(clock, monkeypatch):
    def slow(seconds, function):
        def run_experiment(*given, **named):
            clock.now += seconds
            return function(*given, **named)

        return run_experiment

    cross_entropy = passes.F.cross_entropy

    def loss(*given, **named):
        clock.now += 100 if "label_smoothing" in named else 1_000  # the latter only counts
        return cross_entropy(*given, **named)

    setup = setup_of()
    state = State.new(network_of(nn.Flatten(), Waiting(clock, 3, 7), nn.Linear(64, 4)), setup.recipe, CPU)
    batch_loader = batches.batch_loader
    monkeypatch.setattr(batches, "batch_loader", lambda *given: slow(10, batch_loader(*given)))
    monkeypatch.setattr(passes, "augment", slow(20, passes.augment))
    monkeypatch.setattr(Normalization, "apply", slow(30, Normalization.apply))
    monkeypatch.setattr(passes.F, "cross_entropy", loss)
    monkeypatch.setattr(state.optimizer, "step", slow(2_000, state.optimizer.step))
    monkeypatch.setattr(state.ema, "update", slow(3_000, state.ema.update))
    monkeypatch.setattr(loop, "evaluate", lambda *_, **__: slow(1e6, lambda: Evaluated(1.0, 0.5, 0.5, ()))())
    monkeypatch.setattr(state, "end_epoch", slow(1e7, state.end_epoch))
    profile = Profile()
    for event in train(setup, state, profile):
        clock.now += {Step: 1e8, EpochEnded: 1e9}.get(type(event), 0)
    assert setup.steps == 3
    assert profile.phases == {
        "loading": 6 * 10,
        "augmentation": 6 * (20 + 30),
        "forward": 6 * 3,
        "loss": 6 * 100,
        "backward": 6 * 7,
        "optimizer": 6 * (2_000 + 3_000),
        "counting": 6 * 1_000 + 2 * 1e7,
        "validation": 2 * 1e6,
        "outside": 6 * 1e8 + 2 * 1e9,
    }
    assert list(profile.phases) == list(PHASES)
    assert profile.seconds == clock.now
    assert (profile.steps, profile.images) == (6, 80)  # validation images are not among them


def test_a_resumed_training_is_profiled_from_where_it_goes_on():
    setup = setup_of()
    state = fresh(setup)
    events = train(setup, state)
    for _ in range(2):
        next(events)
    profile = Profile()
    list(train(setup, state, profile))
    assert (profile.steps, profile.images) == (4, 8 + 40)


def test_a_training_that_was_over_already_has_an_empty_profile():
    setup = setup_of()
    state = fresh(setup)
    list(train(setup, state))
    profile = Profile()
    list(train(setup, state, profile))
    assert (profile.steps, profile.layers()) == (0, [])
    assert profile.fraction(1.0) == 0.0
    assert Profile().layers() == []


# -- arithmetic ----------------------------------------------------------------------------------------------


def test_a_first_layer_does_without_the_gradient_of_its_input():
    network = build("conv(2, 3x3) relu flatten dense(8) dense(classes)", SHAPE, 4)
    found = {each.layers[0]: each for each in profiled(network, torch.rand(5, 1, 8, 8)).layers()}
    assert found["conv1"].multiply_adds == 36 * 9 * 2
    assert found["dense1"].multiply_adds == 72 * 8
    assert (found["conv1"].image_passes, found["dense1"].image_passes) == (2 * 5, 3 * 5)


def test_a_layer_that_is_frozen_has_no_gradient_of_its_weights():
    network = build("conv(2, 3x3) flatten dense(8) dense(classes)", SHAPE, 4)
    network.conv1.weight.requires_grad_(False)  # its bias goes on learning
    network.dense2.requires_grad_(False)
    passes = [each.image_passes for each in profiled(network, torch.rand(5, 1, 8, 8)).layers()]
    assert passes == [1 * 5, 2 * 5, 3 * 5, 2 * 5]


def test_speed_is_two_operations_a_multiply_add():
    layer = LayerTimes(("dense1",), 1_000_000, forward_seconds=0.5, backward_seconds=1.5, image_passes=3_000)
    assert layer.gflop_per_second == pytest.approx(2 * 1e6 * 3_000 / 2.0 / 1e9)
    assert dataclasses.replace(layer, forward_seconds=0.0, backward_seconds=0.0).gflop_per_second == 0.0


def test_as_plain_data_it_has_phases_and_layers_in_order():
    data = profiled(build(FUSED, SHAPE, 4)).to_json()
    assert [each["phase"] for each in data["phases"]] == list(PHASES)
    assert data["layers"][0]["layers"] == ["conv1", "relu1"]
    assert data["layers"][0]["multiply_adds"] == 64 * 9 * 8
    assert data["layers"][2]["multiply_adds"] == 0
    assert set(data["layers"][0]) == {"layers", "forward_seconds", "backward_seconds", "multiply_adds"}
    assert (data["steps"], data["images"]) == (1, 2)
