import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from imagelet.data import ImageSet
from imagelet.errors import TrainingError
from imagelet.networks import NamedNetwork, build, networks
from imagelet.networks.airbench import family
from imagelet.networks.modules import Whiten
from imagelet.preprocessing.normalization import Normalization
from imagelet.training import loop, passes
from imagelet.training.augmentation import make_outliers
from imagelet.training.evaluation import evaluate
from imagelet.training.history import EpochFigures
from imagelet.training.loop import EpochEnded, Step, Stopped, TrainingSetup, start, train
from imagelet.training.recipe import Recipe
from imagelet.training.state import State

CPU = torch.device("cpu")
TEXT = """
    conv(8, 3x3, same) batchnorm relu dropout(0.2) pool(2)
    flatten dense(16) relu dropout(0.2) dense(classes)
"""


def striped(count: int, seed: int = 0) -> ImageSet:
    """Noisy 8×8 images whose class is the brightest of four rows: easily learned, not by heart."""
    drawn = np.random.default_rng(seed)
    labels = drawn.integers(0, 4, count)
    images = drawn.integers(0, 120, (count, 8, 8, 1))
    images[np.arange(count), labels * 2] += 100
    return ImageSet(images.astype(np.uint8), labels.astype(np.int64), ("a", "b", "c", "d"))


def setup_of(
    recipe: Recipe,
    *,
    training: int = 150,
    seed: int = 0,
    precision: torch.dtype = torch.float32,
    flips: bool = False,
) -> TrainingSetup:
    images = striped(training)
    normalization = Normalization.of(images.images, "scale")
    return TrainingSetup(images, striped(60, 1), recipe, normalization, flips, seed, CPU, precision)


def fresh(setup: TrainingSetup, text: str = TEXT) -> State:
    return start(setup, build(text, input_shape=setup.training.shape, classes=4, seed=setup.seed))


@pytest.fixture
def whitening(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a small network of the speed-record family."""
    named = NamedNetwork(
        "whitening", "whitening", (8, 8, 1), "of a test", lambda *what: family((4, 6), *what)
    )
    monkeypatch.setitem(networks._things, "whitening", named)
    return "whitening"


class Seen:
    """Keeps the images that a network gets while it trains: float (n, channels, height, width)."""

    def __init__(self, network: nn.Module) -> None:
        self.batches: list[torch.Tensor] = []
        network.register_forward_pre_hook(
            lambda module, given: self.batches.append(given[0].detach().clone()) if module.training else None
        )


def weights(state: State) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in state.network.state_dict().items()}


def assert_same(one: State, other: State) -> None:
    assert one.history == other.history
    for mine, theirs in ((weights(one), weights(other)), (one.best_weights, other.best_weights)):
        assert mine.keys() == theirs.keys()
        for name in mine:
            assert torch.equal(mine[name], theirs[name]), name


RECIPES = {
    "adamw": Recipe(epochs=3, batch_size=32, shift=1, ema_decay=0.9),
    "nesterov": Recipe(epochs=3, batch_size=40, optimizer="nesterov", learning_rate=0.05, rotation=5),
    "rmsprop": Recipe(
        epochs=3, batch_size=64, optimizer="rmsprop", learning_rate=0.001, max_gradient_norm=1.0
    ),
    "muon": Recipe(
        **{"epochs": 3, "batch_size": 32, "optimizer": "muon", "learning_rate": 0.1, "momentum": 0.6},
        **{
            "schedule": "linear",
            "warmup": 0,
            "freeze_first_layer_at": 0.4,
            "weight_decay": 0.1,
            "label_smoothing": 0.1,
        },
        **{"shift": 1, "cutout": 2, "shear": 10, "ema_decay": 0.9},
    ),
    "weighted": Recipe(epochs=3, batch_size=32, class_weights="balanced", label_smoothing=0.1),
    "sampled": Recipe(epochs=3, batch_size=32, sampling="balanced", shift=1),
    "outlier_share": Recipe(
        **{"epochs": 3, "batch_size": 32, "outlier_share": 0.4},
        **{"thickness": 0.5, "coarseness": 0.3, "blur": 0.5, "noise": 0.1},
    ),
}


@pytest.mark.portable
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("network", [TEXT, "whitening"], ids=["text", "whitening"])
def test_a_resumed_training_is_the_uninterrupted_one_to_the_last_bit(recipe, precision, network, whitening):
    whole = setup_of(recipe, precision=precision, flips=True)
    through = fresh(whole, network)
    saved = []
    for event in train(whole, through):
        if isinstance(event, Step | EpochEnded):
            checkpoint = event.state.checkpoint()
            tensors = {name: tensor.clone().contiguous() for name, tensor in checkpoint.tensors.items()}
            saved.append(dataclasses.replace(checkpoint, tensors=tensors))
    for place in (0, len(saved) // 2, len(saved) - 2, len(saved) - 1):
        resumed = fresh(whole, network)
        resumed.restore(saved[place])
        for _ in train(whole, resumed):
            pass
        assert_same(through, resumed)


@pytest.mark.portable
def test_another_seed_gives_another_result_and_the_same_seed_the_same():
    recipe = RECIPES["adamw"]
    states = []
    for seed in (5, 5, 6):
        setup = setup_of(recipe, seed=seed)
        state = fresh(setup)
        list(train(setup, state))
        states.append(state)
    assert_same(states[0], states[1])
    assert states[0].history != states[2].history


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_the_processs_own_random_numbers_are_left_alone(recipe):
    torch.manual_seed(1)
    np.random.seed(1)
    expected, expected_numpy = torch.rand(3), np.random.rand(3)
    torch.manual_seed(1)
    np.random.seed(1)
    setup = setup_of(recipe, flips=True)
    before = torch.get_rng_state()
    for _ in train(setup, fresh(setup)):
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(torch.rand(3), expected)
    assert np.array_equal(np.random.rand(3), expected_numpy)


def test_the_processs_own_random_numbers_are_left_alone_by_a_network_that_fails():
    class Failing(nn.Module):
        def forward(self, images):
            torch.rand(5)
            raise ZeroDivisionError

    setup = setup_of(RECIPES["adamw"])
    state = fresh(setup)
    state.network[0] = Failing()
    before = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError):
        next(iter(train(setup, state)))
    assert torch.equal(torch.get_rng_state(), before)


def test_what_can_be_learned_is_learned():
    setup = setup_of(Recipe(epochs=12, batch_size=16, learning_rate=0.01), training=400)
    state = fresh(setup)
    list(train(setup, state))
    assert max(figures.val_accuracy for figures in state.history) > 0.9


def test_the_first_step_is_the_formulas():
    """One SGD step of softmax regression against NumPy: the gradient is the mean of (p − y)·x."""
    recipe = Recipe(
        epochs=1, batch_size=60, optimizer="sgd", learning_rate=0.5, schedule="constant", warmup=0
    )
    setup = setup_of(recipe, training=60)
    state = fresh(setup, "flatten dense(classes)")
    before = state.network.dense1.weight.detach().numpy().copy()
    next(iter(train(setup, state)))
    x = setup.training.images.reshape(60, -1) / 255
    scores = np.exp(x @ before.T)
    p = scores / scores.sum(axis=1, keepdims=True)
    expected = before - 0.5 * (p - np.eye(4)[setup.training.labels]).T @ x / 60
    assert state.network.dense1.weight.detach().numpy() == pytest.approx(expected, abs=1e-5)


def test_a_first_step_with_torn_images_is_the_formulas():
    """Their gradient is the mean of (p − 1/classes)·x, times their share of the batch and their weight."""
    recipe = Recipe(
        **{"epochs": 1, "batch_size": 60, "outlier_share": 0.5},
        **{"optimizer": "sgd", "learning_rate": 0.5, "schedule": "constant", "warmup": 0},
    )
    setup = setup_of(recipe, training=60)
    state = fresh(setup, "flatten dense(classes)")
    batches = Seen(state.network).batches
    before = state.network.dense1.weight.detach().numpy().copy()
    step = next(iter(train(setup, state)))
    x = batches[0].flatten(1).numpy()
    labels = setup.training.labels[loop._order(setup, 0)]
    scores = np.exp(x @ before.T)
    p = scores / scores.sum(axis=1, keepdims=True)
    assert len(x) == 90
    pull = (p[:60] - np.eye(4)[labels]).T @ x[:60] / 60
    pull += passes.OUTLIER_WEIGHT * 0.5 * (p[60:] - 1 / 4).T @ x[60:] / 30
    assert state.network.dense1.weight.detach().numpy() == pytest.approx(before - 0.5 * pull, abs=1e-5)
    assert state.images_done == 60  # the figures are of the images that have a class
    assert step.loss == pytest.approx(-np.log(p[np.arange(60), labels]).mean(), rel=1e-5)
    assert step.accuracy == np.mean(p[:60].argmax(axis=1) == labels)


def test_who_has_seen_torn_images_doubts_them_and_still_learns(monkeypatch):
    monkeypatch.setattr(passes, "OUTLIER_WEIGHT", 1.0)
    mixed = striped(100, 2)
    normalization = Normalization.of(mixed.images, "scale")
    images, drawing = normalization.apply(torch.tensor(mixed.images)), torch.Generator().manual_seed(0)
    unknown = make_outliers(images, torch.tensor(mixed.labels), 100, drawing)
    certainties, accuracies = [], []
    for share in (0.0, 1.0):
        setup = setup_of(
            Recipe(epochs=10, batch_size=16, learning_rate=0.01, outlier_share=share), training=400
        )
        state = fresh(setup, "flatten dense(32) relu dense(classes)")
        list(train(setup, state))
        state.network.load_state_dict(state.best_weights)
        with torch.inference_mode():
            certainties.append(float(state.network.eval()(unknown).softmax(1).amax(1).mean()))
        accuracies.append(max(figures.val_accuracy for figures in state.history))
    assert certainties[1] < certainties[0] - 0.15
    assert accuracies[1] > 0.85


def test_every_image_is_seen_once_in_an_epoch_in_another_order_each_time():
    setup = setup_of(Recipe(epochs=2, batch_size=32))
    state = fresh(setup)
    batches = Seen(state.network).batches
    seen = [event.state.images_done for event in train(setup, state) if isinstance(event, Step)]
    assert seen == [32, 64, 96, 128, 150] * 2
    expected = setup.normalization.apply(torch.tensor(setup.training.images)).flatten(1)
    epochs = [torch.cat(batches[:5]).flatten(1), torch.cat(batches[5:]).flatten(1)]
    for images in epochs:
        assert torch.equal(images.unique(dim=0), expected.unique(dim=0))
    assert not torch.equal(epochs[0], epochs[1])
    assert not torch.equal(epochs[0], expected)


def turned_to(images: torch.Tensor, originals: torch.Tensor) -> dict[int, bool]:
    """Say which of the ``originals`` (n, 1, 8, 8) were seen, and for each whether it was mirrored."""
    found = {}
    for image in images:
        same = (originals == image).all(dim=(1, 2, 3)).nonzero().flatten()
        mirrored = (originals == image.flip(2)).all(dim=(1, 2, 3)).nonzero().flatten()
        assert len(same) + len(mirrored) == 1
        found[int(torch.cat([same, mirrored]))] = len(mirrored) == 1
    return found


def test_two_epochs_show_each_image_both_ways_and_each_about_half_of_them_mirrored():
    epochs = []
    for seed in (0, 0, 1):
        setup = setup_of(Recipe(epochs=3, batch_size=50), flips=True, seed=seed)
        state = fresh(setup)
        seen = Seen(state.network)
        list(train(setup, state))
        originals = setup.normalization.apply(torch.tensor(setup.training.images))
        three = [turned_to(torch.cat(seen.batches[start : start + 3]), originals) for start in (0, 3, 6)]
        assert all(len(each) == 150 for each in three)
        assert all(three[0][place] != three[1][place] for place in range(150))
        assert three[0] == three[2]
        assert 50 < sum(three[0].values()) < 100
        epochs.append(three[0])
    assert epochs[0] == epochs[1]
    assert epochs[0] != epochs[2]


@pytest.mark.parametrize(("card", "recipe"), [(True, False), (False, True), (False, False)])
def test_none_is_mirrored_unless_both_the_card_and_the_recipe_say_so(card, recipe):
    setup = setup_of(Recipe(epochs=2, batch_size=75, flip=recipe), flips=card)
    state = fresh(setup)
    seen = Seen(state.network)
    list(train(setup, state))
    originals = setup.normalization.apply(torch.tensor(setup.training.images))
    assert not any(turned_to(torch.cat(seen.batches), originals).values())


def test_images_are_changed_anew_in_each_step_and_for_each_seed():
    def first_images(seed: int) -> list[torch.Tensor]:
        """The first image of each batch, of a training on one image again and again."""
        recipe = Recipe(epochs=2, batch_size=20, shift=3, rotation=20, flip=False)
        equal = dataclasses.replace(setup_of(recipe, seed=seed), training=striped(60).take([0] * 60))
        state = fresh(equal)
        seen = Seen(state.network)
        list(train(equal, state))
        return [batch[0] for batch in seen.batches]

    images = first_images(0)
    assert len(images) == 6
    assert len(torch.stack(images).flatten(1).unique(dim=0)) == 6
    assert torch.equal(torch.stack(images), torch.stack(first_images(0)))
    assert not torch.equal(images[0], first_images(1)[0])


def test_whitening_learns_from_the_first_normalised_images_before_training_and_never_again(
    whitening, monkeypatch
):
    monkeypatch.setattr(loop, "WHITENING_IMAGES", 70)
    setup = setup_of(Recipe(epochs=2, batch_size=50))
    network = build(whitening, setup.training.shape, 4)
    bias = network.whiten.bias.detach().clone()
    state = start(setup, network)
    expected = Whiten(1)
    expected.fit(setup.normalization.apply(torch.tensor(setup.training.images[:70])))
    assert torch.equal(state.network.whiten.weight, expected.weight)
    list(train(setup, state))
    assert torch.equal(state.network.whiten.weight, expected.weight)
    assert torch.equal(state.best_weights["whiten.weight"], expected.weight)
    assert not torch.equal(state.network.whiten.bias, bias)


def test_training_begins_with_the_weights_that_the_network_has():
    setup = setup_of(Recipe())
    network = build(TEXT, setup.training.shape, 4, seed=3)
    expected = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state = start(setup, network)
    assert state.network is network
    assert (state.epoch, state.step, state.history) == (0, 0, [])
    assert network.conv1.weight.is_contiguous(memory_format=torch.channels_last)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, expected[name])


def test_the_first_layer_learns_for_its_share_of_the_steps_only():
    recipe = dataclasses.replace(
        RECIPES["muon"], epochs=4, batch_size=50, freeze_first_layer_at=0.5, ema_decay=0
    )
    setup = setup_of(recipe)
    state = fresh(setup)
    before, changed = weights(state), []
    for event in train(setup, state):
        if isinstance(event, Step):
            after = weights(state)
            changed.append(
                [not torch.equal(before[name], after[name]) for name in ("conv1.weight", "dense2.weight")]
            )
            before = after
    assert changed == [[True, True]] * 6 + [[False, True]] * 6


def test_dropout_draws_anew_at_each_step_and_for_each_seed():
    def losses(seed: int) -> list[float]:
        """The loss of each step on equal batches, with weights that stay as they are."""
        recipe = Recipe(epochs=1, batch_size=10, optimizer="sgd", learning_rate=1e-9)
        equal = dataclasses.replace(setup_of(recipe, seed=seed), training=striped(60).take([0] * 60))
        state = State.new(build("flatten dropout(0.5) dense(classes)", (8, 8, 1), 4), recipe, CPU)
        sums = [float(event.state.loss_sum) for event in train(equal, state) if isinstance(event, Step)]
        return np.diff([0.0, *sums]).tolist()

    assert len({round(loss, 4) for loss in losses(0)}) == 6
    assert losses(0) == losses(0)
    assert losses(0) != losses(1)


def uneven(count: int = 150, seed: int = 0) -> ImageSet:
    """Striped images of which most are of class a and few of class d."""
    images = striped(4 * count, seed)
    kept = np.random.default_rng(seed).random(len(images)) < np.array([1, 0.4, 0.2, 0.05])[images.labels]
    return images.take(np.flatnonzero(kept)[:count])


@pytest.mark.parametrize("class_weights", ["none", "balanced"])
@pytest.mark.parametrize("own", [None, np.random.default_rng(0).random(150, np.float32)])
def test_weights_of_classes_and_of_images_multiply_each_images_loss(class_weights, own):
    from sklearn.utils.class_weight import (
        compute_sample_weight,
    )  # here: the processes of test_several_processes need it not

    setup = dataclasses.replace(
        setup_of(Recipe(epochs=1, batch_size=150, optimizer="sgd", class_weights=class_weights)),
        training=uneven(),
        weights=own,
    )
    state = State.new(build("flatten dense(classes)", (8, 8, 1), 4), setup.recipe, CPU)
    images = setup.normalization.apply(torch.from_numpy(np.array(setup.training.images)))
    labels = setup.training.labels.copy()
    weights = np.ones(150) if class_weights == "none" else compute_sample_weight("balanced", labels)
    weights = weights if own is None else weights * own
    logits = state.network(images)
    of_each = logits.logsumexp(1) - logits[torch.arange(150), torch.from_numpy(labels)]
    (torch.from_numpy(weights).float() * of_each).mean().backward()
    expected = [parameter.grad.clone() for parameter in state.network.parameters()]
    state.network.zero_grad()
    seen = []
    state.optimizer.register_step_pre_hook(
        lambda optimizer, *_: seen.extend(p.grad.clone() for g in optimizer.param_groups for p in g["params"])
    )
    list(train(setup, state))
    key = lambda tensor: tuple(tensor.shape)  # noqa: E731
    for mine, theirs in zip(sorted(seen, key=key), sorted(expected, key=key), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)


@pytest.mark.parametrize("setting", ["class_weights", "sampling"])
def test_balancing_finds_the_images_of_a_rare_class(setting):
    reached = {}
    for value in (getattr(Recipe(), setting), "balanced"):
        recipe = Recipe(epochs=4, batch_size=32, learning_rate=0.01, **{setting: value})
        setup = dataclasses.replace(setup_of(recipe), training=uneven(300))
        state = fresh(setup, "flatten dense(classes)")
        list(train(setup, state))
        reached[value] = evaluate(
            state.network, setup.validation, setup.normalization, CPU, torch.float32
        ).balanced_accuracy
    assert reached["balanced"] > reached[getattr(Recipe(), setting)] + 0.1


def test_weights_have_nothing_to_do_where_the_sampling_is_balanced():
    states = []
    for weights_too in ("none", "balanced"):
        recipe = Recipe(epochs=2, batch_size=32, sampling="balanced", class_weights=weights_too)
        setup = dataclasses.replace(setup_of(recipe), training=uneven())
        states.append(fresh(setup))
        list(train(setup, states[-1]))
    assert_same(*states)


def test_a_balanced_training_takes_the_epoch_of_the_highest_balanced_accuracy():
    setup = dataclasses.replace(
        setup_of(Recipe(epochs=6, batch_size=16, class_weights="balanced")),
        training=uneven(),
        validation=uneven(80, 1),
    )
    state = fresh(setup)
    list(train(setup, state))
    balanced = [figures.val_balanced_accuracy for figures in state.history]
    assert balanced[state.best_epoch - 1] == max(balanced)
    state.network.load_state_dict(state.best_weights)
    found = evaluate(state.network, setup.validation, setup.normalization, CPU, torch.float32)
    assert found.balanced_accuracy == max(balanced)
    plain = fresh(setup_of(Recipe(epochs=1)))
    list(train(setup_of(Recipe(epochs=1)), plain))
    assert plain.history[0].val_balanced_accuracy is None


def test_of_balanced_accuracies_the_higher_counts():
    state = fresh(setup_of(Recipe()))
    marked = [
        state.end_epoch(EpochFigures(epoch, 1.0, 0.5, 0.5, accuracy, 0.1, balanced))
        for epoch, (accuracy, balanced) in enumerate([(0.9, 0.5), (0.8, 0.6), (0.95, 0.55)], start=1)
    ]
    assert marked == [True, True, False]


def test_of_equal_accuracies_the_lower_loss_is_better():
    state = fresh(setup_of(Recipe()))
    marked = [
        state.end_epoch(EpochFigures(epoch, 1.0, 0.5, loss, accuracy, 0.1))
        for epoch, (loss, accuracy) in enumerate(
            [(0.5, 0.8), (0.1, 0.7), (0.4, 0.8), (0.4, 0.8), (0.9, 0.81)], start=1
        )
    ]
    assert marked == [True, False, True, False, True]


@pytest.mark.parametrize(("images", "batch", "steps"), [(150, 32, 5), (129, 32, 4), (1, 32, 1), (32, 32, 1)])
def test_a_last_batch_of_one_image_is_left_out(images, batch, steps):
    assert setup_of(Recipe(batch_size=batch), training=images).steps == steps


def test_the_best_epoch_has_the_highest_validation_accuracy_and_its_weights_are_kept():
    setup = setup_of(Recipe(epochs=6, batch_size=16, learning_rate=0.02))
    state = fresh(setup)
    marked = [
        event.figures.epoch for event in train(setup, state) if isinstance(event, EpochEnded) and event.best
    ]
    accuracies = [figures.val_accuracy for figures in state.history]
    assert state.best_epoch == marked[-1]
    assert accuracies[state.best_epoch - 1] == max(accuracies)
    state.network.load_state_dict(state.best_weights)
    loss, accuracy, *_ = evaluate(state.network, setup.validation, setup.normalization, CPU, torch.float32)
    assert accuracy == accuracies[state.best_epoch - 1]
    assert loss == pytest.approx(state.history[state.best_epoch - 1].val_loss)


def test_evaluation_agrees_with_numpy():
    from sklearn.metrics import (
        balanced_accuracy_score,
    )  # here: the processes of test_several_processes need it not

    setup = setup_of(Recipe())
    network = fresh(setup, "flatten dense(classes)").network
    loss, accuracy, balanced, _ = evaluate(network, setup.validation, setup.normalization, CPU, torch.float32)
    weight, bias = (tensor.detach().numpy() for tensor in network.parameters())
    scores = setup.validation.images.reshape(60, -1) / 255 @ weight.T + bias
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert accuracy == np.mean(scores.argmax(axis=1) == setup.validation.labels)
    assert balanced == pytest.approx(balanced_accuracy_score(setup.validation.labels, scores.argmax(axis=1)))
    assert loss == pytest.approx(-np.log(p[np.arange(60), setup.validation.labels]).mean(), rel=1e-5)


def test_without_validation_images_the_last_epoch_is_the_best():
    setup = dataclasses.replace(setup_of(Recipe(epochs=3, batch_size=50)), validation=None)
    state = fresh(setup)
    list(train(setup, state))
    assert state.best_epoch == 3
    assert state.history[-1].val_accuracy is None


def test_training_stops_when_the_validation_loss_gets_no_better():
    recipe = Recipe(epochs=200, batch_size=75, learning_rate=0.03, schedule="constant", early_stopping=2)
    setup = setup_of(recipe)
    state = fresh(setup)
    last = list(train(setup, state))[-1]
    assert isinstance(last, Stopped)
    assert last.early
    losses = [figures.val_loss for figures in state.history]
    assert len(losses) < 200
    assert losses.index(min(losses)) == len(losses) - 3
    assert list(train(setup, state)) == [last]  # a finished training that is resumed stays as it is


def test_a_loss_that_is_not_finite_stops_with_epoch_and_step():
    recipe = Recipe(epochs=5, optimizer="sgd", learning_rate=1000.0, schedule="constant", warmup=0)
    setup = setup_of(dataclasses.replace(recipe, batch_size=32))
    diverging = fresh(setup, "flatten dense(16) dense(16) dense(classes)")
    with pytest.raises(TrainingError, match=r"not finite .* at epoch \d, step \d") as caught:
        list(train(setup, diverging))
    assert "--lr" in caught.value.hint


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_stop_the_training_even_where_relu_hides_them(value):
    setup = setup_of(Recipe(epochs=3, batch_size=50))
    state = fresh(setup, "conv(4, 3x3) relu conv(4, 3x3) relu flatten dense(classes)")
    nn.init.constant_(state.network.conv1.weight, value)
    with pytest.raises(TrainingError, match=r"not finite .* epoch 1"):
        list(train(setup, state))


def test_label_smoothing_keeps_a_network_from_certainty_and_the_figures_comparable():
    plain, smooth = (setup_of(Recipe(epochs=8, batch_size=16, label_smoothing=s)) for s in (0.0, 0.2))
    states = [fresh(plain), fresh(smooth)]
    pairs = list(zip((plain, smooth), states, strict=True))
    first = [next(iter(train(setup, state))).loss for setup, state in pairs]
    assert first[0] == first[1]  # both are the plain loss of the same weights
    for setup, state in pairs:
        list(train(setup, state))
    assert states[1].history[-1].val_loss > 1.2 * states[0].history[-1].val_loss


def test_bfloat16_gives_the_loss_of_float32_within_its_rounding():
    losses = []
    for precision in (torch.float32, torch.bfloat16):
        setup = setup_of(Recipe(epochs=1, batch_size=150), precision=precision)
        losses.append(next(iter(train(setup, fresh(setup)))).loss)
    assert losses[0] == pytest.approx(losses[1], rel=2**-7)
    assert losses[0] != losses[1]
