"""What a training depends on, and its loop, which yields an event after every optimizer step and every epoch.

The caller decides what to do with an event: draw a progress bar, write a file, save a checkpoint. Until it
asks for the next event nothing changes: the state is exactly what a resumed training needs.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imagelet.data.imageset import ImageSet, Turned
from imagelet.device import (
    Timer,
    default_generator,
    denormals_flushed,
    generator,
    keep_freed_memory,
    seed_of,
    sum_type,
)
from imagelet.errors import TrainingError
from imagelet.networks import Network
from imagelet.networks.modules import Whiten
from imagelet.preprocessing.normalization import Normalization
from imagelet.training.augmentation import augment, divergence_from_uniform, make_outliers, mirrored_in
from imagelet.training.balancing import balanced_order, balanced_weights
from imagelet.training.batches import Read, batch_reader
from imagelet.training.freezing import frozen_modules, keep_statistics
from imagelet.training.history import EpochFigures
from imagelet.training.optimizers import learning_rate
from imagelet.training.own_functions import NONE, OwnFunctions, own_augmentation, own_loss
from imagelet.training.profiling import NoProfile, Profile
from imagelet.training.recipe import Recipe
from imagelet.training.state import State, set_learning_rates

WHITENING_IMAGES = 5000  # airbench's number
MOST_MISREAD = 24  # images that are named after an evaluation
EVALUATION_BATCH = 1000  # images: keeps every core busy and fits into a laptop's memory
OUTLIER_WEIGHT = 0.3  # of an outlier's loss beside that of an image with a class
ORDER, AUGMENTATION, DROPOUT, MIRRORING, OWN_AUGMENTATION = range(5)  # independent streams of random numbers


@dataclass(frozen=True)
class TrainingSetup:
    """All that a training depends on: equal setups give equal weights.

    Attributes:
        training: the images to learn from.
        validation: the images that choose the best epoch; None: the last epoch is taken.
        recipe: how to train.
        normalization: how pixels become network input.
        flips: whether a mirrored image keeps its class.
        seed: any whole number from 0.
        device: where to compute.
        precision: float32 or bfloat16, the type of the multiplications.
        turned: which images belong to no class once they are turned; used as outliers.
        own: a person's own loss and augmentation.
        weights: float32 (n,), how much each training image counts in the loss, beside its class's weight;
            None: all alike. A person's own loss is not weighted.
    """

    training: ImageSet
    validation: ImageSet | None
    recipe: Recipe
    normalization: Normalization
    flips: bool
    seed: int
    device: torch.device
    precision: torch.dtype
    turned: tuple[Turned, ...] = ()
    own: OwnFunctions = NONE
    weights: np.ndarray | None = None

    @property
    def steps(self) -> int:
        """Optimizer steps in an epoch. A last batch of one image is left out: it has no batch statistics."""
        whole_batches, rest = divmod(len(self.training), self.recipe.batch_size)
        return max(1, whole_batches + (rest > 1))


def autocast(device: torch.device, precision: torch.dtype) -> torch.autocast:
    """Let ``device`` multiply in ``precision`` within the block: bfloat16, or float32 as usual."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == torch.bfloat16)


@contextlib.contextmanager
def seeded_dropout(device: torch.device, seed: int) -> Iterator[None]:
    """Let dropout draw from ``seed`` within the block; afterwards the device's generator is as before.

    ``torch.manual_seed`` would seed every device, and on a machine without CUDA store each call for later.
    """
    generator = default_generator(device)
    before = generator.get_state()
    generator.manual_seed(seed)
    try:
        yield
    finally:
        generator.set_state(before)


class Batch(NamedTuple):
    """What an optimizer step learned from.

    Attributes:
        images: (n, channels, height, width), as the network got them: normalized and augmented.
        targets: int64 (n,), their labels.
        logits: (n, classes), before the step.
        loss: their mean loss, before the step and without label smoothing.
    """

    images: Tensor
    targets: Tensor
    logits: Tensor
    loss: Tensor


@dataclass(frozen=True)
class Step:
    """An optimizer step was taken.

    Attributes:
        state: the state after it.
        steps: the optimizer steps of an epoch.
        batch: what it learned from.
    """

    state: State
    steps: int
    batch: Batch

    @property
    def loss(self) -> float:
        """Mean loss since the epoch began. Reading it waits for the device."""
        return float(self.state.loss_sum) / self.state.images_done

    @property
    def accuracy(self) -> float:
        """Accuracy since the epoch began, 0 to 1. Reading it waits for the device."""
        return float(self.state.correct) / self.state.images_done


@dataclass(frozen=True)
class EpochEnded:
    """An epoch ended.

    Attributes:
        figures: its loss and accuracy.
        best: it is the best epoch so far, see :meth:`State.end_epoch`.
        seconds: how long it took, since the training was started or resumed.
        images_per_second: training images by the seconds of the epoch, validation included.
        state: the state after it.
        misread: some validation images that it takes for another class.
    """

    figures: EpochFigures
    best: bool
    seconds: float
    images_per_second: float
    state: State
    misread: "tuple[Misread, ...]" = ()


@dataclass(frozen=True)
class Stopped:
    """The training is over.

    Attributes:
        early: by early stopping, or a person ended it; the epoch that was running then does not count.
        state: with the weights of the best epoch.
    """

    early: bool
    state: State


def start(setup: TrainingSetup, network: Network, *, trained: bool = False) -> State:
    """Return the state before the first step.

    The network moves to the setup's device; a whitening layer is fitted to the first training images, unless
    the network is a trained one.
    """
    first = next(network.children(), None)
    if isinstance(first, Whiten) and not trained:
        pixels = torch.from_numpy(np.array(setup.training.images[:WHITENING_IMAGES]))
        first.fit(setup.normalization.apply(pixels))
    return State.new(network, setup.recipe, setup.device)


def train(
    setup: TrainingSetup, state: State, profile: Profile | None = None
) -> Iterator[Step | EpochEnded | Stopped]:
    """Train ``state.network`` in place and yield what happens.

    Args:
        setup: what the training depends on.
        state: a new state, or a restored one: the result is the same to the last bit on the same machine.
        profile: measures where the time goes; the weights are the same without it.

    Raises:
        TrainingError: the loss or a weight is not finite; the message names epoch and step.
    """
    with batch_reader(setup.training, setup.device) as read:
        events = _events(setup, state, read, profile or NoProfile())
        while True:
            with denormals_flushed():
                event = next(events, None)
            if event is None:
                return
            yield event


def _events(
    setup: TrainingSetup, state: State, read: Read, profile: Profile | NoProfile
) -> Iterator[Step | EpochEnded | Stopped]:
    """Run the loop of :func:`train`."""
    recipe, device, network = setup.recipe, setup.device, state.network
    profile.start(network, device)
    keep_freed_memory()
    labels = torch.tensor(setup.training.labels, device=device)  # (images,)
    weights = _weights(setup)  # (images,)
    mirrored_first = _mirrored_first(setup)
    frozen = frozen_modules(network, recipe)
    early = _is_early(recipe, state)
    while state.epoch < recipe.epochs and not early:
        timer, images_before = Timer(device), state.images_done
        order = _order(setup, state.epoch)
        network.train()
        for chosen, pixels in read(_batches(setup, order, state.step)):  # (n,), (n, height, width, channels)
            _prepare_step(setup, state, frozen)
            indices = torch.from_numpy(chosen).to(device)
            targets = labels[indices]  # (n,)
            profile.mark("loading")

            images = setup.normalization.apply(pixels)  # (n, channels, height, width)
            mirrored = None
            if mirrored_first is not None:
                mirrored = mirrored_in(state.epoch, mirrored_first[indices])  # (n,)
            position = (state.epoch, state.step)  # random numbers are a function of seed and position
            random = generator(device, setup.seed, AUGMENTATION, *position)
            images = augment(images, recipe, random, mirrored=mirrored)
            images = _own_augmented(setup, images, position)
            if recipe.outlier_share:
                count = round(recipe.outlier_share * len(images))
                outliers = make_outliers(images, targets, count, random, setup.turned)
                images = torch.cat([images, outliers])  # (n + count, channels, height, width)
            profile.mark("augmentation")

            dropout_seed = seed_of(setup.seed, DROPOUT, *position)
            with seeded_dropout(device, dropout_seed), autocast(device, setup.precision):
                all_logits = profile.forward(network, images).float()  # (n + count, classes)
            profile.mark("forward")
            logits, outlier_logits = all_logits[: len(targets)], all_logits[len(targets) :]
            loss = _loss(setup, logits, targets, None if weights is None else weights[indices])
            if len(outlier_logits):
                penalty = divergence_from_uniform(outlier_logits)
                loss = loss + OUTLIER_WEIGHT * recipe.outlier_share * penalty
            profile.mark("loss")
            loss.backward()  # type: ignore[no-untyped-call]
            profile.mark("backward")
            if recipe.max_gradient_norm:
                nn.utils.clip_grad_norm_(network.parameters(), recipe.max_gradient_norm)

            state.optimizer.step()
            state.optimizer.zero_grad()
            if state.ema:
                state.ema.update(network, state.steps_done(setup.steps))
            profile.mark("optimizer")

            plain_loss = F.cross_entropy(logits.detach(), targets)  # without smoothing, as in validation
            state.count_step(plain_loss, logits.detach().argmax(1) == targets)
            if device.type == "cpu" or state.step == setup.steps:  # on a GPU, waiting for the loss costs time
                _require_finite(state)
            profile.mark("counting")
            yield Step(
                state, setup.steps, Batch(images[: len(targets)], targets, logits.detach(), plain_loss)
            )
            profile.mark("outside")
            if state.ended:
                yield Stopped(True, state)
                return

        _require_finite_weights(state)
        figures, misread = _epoch_figures(setup, state)
        profile.mark("validation")
        images_per_second = (state.images_done - images_before) / timer.seconds()
        best = state.end_epoch(figures)
        early = _is_early(recipe, state)
        profile.mark("counting")
        yield EpochEnded(figures, best, timer.seconds(), images_per_second, state, misread)
        profile.mark("outside")
    yield Stopped(early, state)


def _prepare_step(setup: TrainingSetup, state: State, frozen: tuple[nn.Module, ...]) -> None:
    """Set the learning rates of the next step, and what is frozen in it."""
    recipe, progress = setup.recipe, _progress(setup, state.steps_done(setup.steps))
    set_learning_rates(state.optimizer, recipe, progress, state.learning_rate_factor)
    keep_statistics(frozen, held=progress < recipe.freeze_until)


def _own_augmented(setup: TrainingSetup, images: Tensor, position: tuple[int, int]) -> Tensor:
    """Return a batch as a person's own augmentation changes it at (epoch, step), if there is one."""
    if setup.own.augmentation is None:
        return images
    with seeded_dropout(setup.device, seed_of(setup.seed, OWN_AUGMENTATION, *position)):
        return own_augmentation(setup.own.augmentation, images)


class Misread(NamedTuple):
    """An image that a network takes for another class.

    Attributes:
        image: uint8 (height, width, channels).
        label: its class, counted from 0.
        predicted: the class that the network takes it for.
    """

    image: np.ndarray
    label: int
    predicted: int


class Evaluated(NamedTuple):
    """What a network reaches on images.

    Attributes:
        loss: mean cross-entropy, in nats.
        accuracy: from 0 to 1.
        balanced_accuracy: the mean of the classes' recalls, from 0 to 1.
        misread: the first few of the images that it misreads.
    """

    loss: float
    accuracy: float
    balanced_accuracy: float
    misread: tuple[Misread, ...]


def evaluate(
    network: nn.Module,
    images: ImageSet,
    normalization: Normalization,
    device: torch.device,
    precision: torch.dtype,
) -> Evaluated:
    """Return what ``network`` reaches on ``images``."""
    labels = torch.tensor(images.labels, device=device)  # (images,)
    loss_sum = torch.zeros((), dtype=sum_type(device), device=device)
    correct = torch.zeros(len(images.classes), dtype=torch.int64, device=device)  # (classes,)
    misread: list[Misread] = []
    network.eval()
    starts = range(0, len(images), EVALUATION_BATCH)
    batches = (np.arange(start, min(start + EVALUATION_BATCH, len(images))) for start in starts)
    with torch.inference_mode(), autocast(device, precision), batch_reader(images, device) as read:
        for batch, pixels in read(batches):
            logits = network(normalization.apply(pixels)).float()  # (n, classes)
            targets = labels[torch.from_numpy(batch).to(device)]  # (n,)
            loss_sum += F.cross_entropy(logits, targets, reduction="sum")
            predicted = logits.argmax(1)  # (n,)
            correct.index_add_(0, targets, (predicted == targets).long())
            if len(misread) < MOST_MISREAD:
                wrong = (predicted != targets).nonzero()[: MOST_MISREAD - len(misread), 0]
                shown = images.take(batch[wrong.cpu().numpy()]).images
                misread += map(Misread, shown, targets[wrong].tolist(), predicted[wrong].tolist())
    counts = images.counts()  # (classes,)
    there = counts > 0
    recalls = correct.cpu().numpy()[there] / counts[there]
    loss, accuracy = float(loss_sum) / len(images), int(correct.sum()) / len(images)
    return Evaluated(loss, accuracy, float(recalls.mean()), tuple(misread))


def _epoch_figures(setup: TrainingSetup, state: State) -> tuple[EpochFigures, tuple[Misread, ...]]:
    """Return the figures of the epoch that is done, and some validation images that are misread after it."""
    val_loss = val_accuracy = val_balanced = None
    misread: tuple[Misread, ...] = ()
    if setup.validation is not None:
        network = state.evaluated_network()
        val_loss, val_accuracy, val_balanced, misread = evaluate(
            network, setup.validation, setup.normalization, setup.device, setup.precision
        )
    recipe, progress = setup.recipe, _progress(setup, (state.epoch + 1) * setup.steps - 1)
    rate = learning_rate(recipe.schedule, recipe.learning_rate, recipe.warmup, progress)
    figures = EpochFigures(
        epoch=state.epoch + 1,
        loss=float(state.loss_sum) / state.images_done,
        accuracy=float(state.correct) / state.images_done,
        val_loss=val_loss,
        val_accuracy=val_accuracy,
        learning_rate=state.learning_rate_factor * rate,
        val_balanced_accuracy=val_balanced if recipe.balanced else None,
    )
    return figures, misread


def _progress(setup: TrainingSetup, step: int) -> float:
    """Return the fraction of all steps done (0 to 1) at the middle of ``step``, counted over all epochs."""
    return (step + 0.5) / (setup.recipe.epochs * setup.steps)


def _is_early(recipe: Recipe, state: State) -> bool:
    return state.ended or 0 < recipe.early_stopping <= state.epochs_without_better_loss()


def _order(setup: TrainingSetup, epoch: int) -> np.ndarray:
    """Return the order of the training images in ``epoch``, a function of seed and epoch alone."""
    random = np.random.default_rng([setup.seed, ORDER, epoch])
    if setup.recipe.sampling == "balanced":
        return balanced_order(setup.training.labels, random)
    return random.permutation(len(setup.training))


def _weights(setup: TrainingSetup) -> Tensor | None:
    """Return the weight of each training image in the loss, (images,); None: all have the same.

    It is the image's own times its class's. Where the sampling is balanced already nothing is left for
    classes' weights to do.
    """
    weights = setup.weights
    if setup.recipe.class_weights != "none" and setup.recipe.sampling != "balanced":
        labels = setup.training.labels
        of_classes = balanced_weights(labels, len(setup.training.classes))[labels]
        weights = of_classes if weights is None else weights * of_classes
    return None if weights is None else torch.from_numpy(weights).to(setup.device)


def _loss(setup: TrainingSetup, logits: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    """Return the loss of a batch, the mean over its images; a person's own is what that returns.

    The weighted losses are divided by their number, as in Keras, not by the sum of their weights, as
    PyTorch's ``weight`` does: a batch without images of a rare class would count for more then.
    """
    if setup.own.loss is not None:
        return own_loss(setup.own.loss, logits, targets)
    label_smoothing = setup.recipe.label_smoothing
    if weights is None:
        return F.cross_entropy(logits, targets, label_smoothing=label_smoothing)
    losses = F.cross_entropy(logits, targets, label_smoothing=label_smoothing, reduction="none")  # (n,)
    return (weights * losses).mean()


def _batches(setup: TrainingSetup, order: np.ndarray, first: int) -> Iterator[np.ndarray]:
    """Return the images (n,) of each batch of an epoch, in ``order``, from step ``first`` on."""
    size = setup.recipe.batch_size
    return (order[step * size : (step + 1) * size] for step in range(first, setup.steps))


def _mirrored_first(setup: TrainingSetup) -> Tensor | None:
    """Return which training images (n,) the first epoch mirrors, about half; None: none is ever mirrored."""
    if not (setup.flips and setup.recipe.flip):
        return None
    chance = np.random.default_rng([setup.seed, MIRRORING]).random(len(setup.training))
    return torch.from_numpy(chance < 0.5).to(setup.device)


def _require_finite_weights(state: State) -> None:
    """Raise where a weight is not finite and the loss does not show it: oneDNN's relu turns NaN into 0."""
    norms = torch._foreach_norm([parameter.detach() for parameter in state.network.parameters()])
    if norms and not torch.isfinite(torch.stack(list(norms))).all():
        raise TrainingError(
            "the weights are not finite at the end of epoch {epoch}",
            hint="try a smaller --lr, --set max_gradient_norm=1, or --precision fp32",
            epoch=state.epoch + 1,
        )


def _require_finite(state: State) -> None:
    if not torch.isfinite(state.loss_sum):
        raise TrainingError(
            "the loss is not finite ({loss}) at epoch {epoch}, step {step}",
            hint="try a smaller --lr, --set max_gradient_norm=1, or --precision fp32",
            loss=float(state.loss_sum),
            epoch=state.epoch + 1,
            step=state.step,
        )
