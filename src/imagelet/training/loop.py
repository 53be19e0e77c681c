"""Training: one loop, from top to bottom, that yields what happened.

Whoever iterates decides what to do with an event: draw a bar, write a file, save the state. While an event is
being looked at, nothing moves: its state is exactly what a resumed training needs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imagelet.data.imageset import ImageSet
from imagelet.device import Timer, denormals_flushed, generator, keep_freed_memory, seed_of, sum_type
from imagelet.errors import TrainingError
from imagelet.networks import Network
from imagelet.networks.airbench import Whiten
from imagelet.preprocessing.normalization import Normalization
from imagelet.training.augmentation import augment, mirrored_in
from imagelet.training.batches import autocast, gatherer, seeded
from imagelet.training.history import EpochFigures
from imagelet.training.outlier_exposure import distance_from_doubt, tear
from imagelet.training.parameter_groups import set_learning_rates
from imagelet.training.profiling import NoProfile, Profile
from imagelet.training.recipe import Recipe
from imagelet.training.schedules import learning_rate
from imagelet.training.setup import TrainingSetup
from imagelet.training.state import State

WHITENED_BY = 5000  # images; airbench's number
EVALUATION_BATCH = 1000  # images: keeps every core busy and fits into a laptop's memory
DOUBT = 0.3  # weight of a torn image's loss beside that of a whole one
ORDER, AUGMENTATION, DROPOUT, MIRRORING = range(4)  # the streams of randomness


@dataclass(frozen=True)
class Step:
    """An optimizer step was taken. The figures wait for the device: read them only to show them."""

    state: State
    steps: int

    @property
    def loss(self) -> float:
        """Mean loss since the epoch began."""
        return float(self.state.loss_sum) / self.state.seen

    @property
    def accuracy(self) -> float:
        """Share of the images right since the epoch began, 0 to 1."""
        return float(self.state.right) / self.state.seen


@dataclass(frozen=True)
class EpochEnded:
    """An epoch ended. ``best``: its validation accuracy is the highest so far."""

    figures: EpochFigures
    best: bool
    seconds: float
    images_per_second: float
    state: State


@dataclass(frozen=True)
class Stopped:
    """Training is over: all epochs done, or ``early``. The state holds the best epoch's weights.

    Early is also what a person ended; the epoch that ran then is left out.
    """

    early: bool
    state: State


def start(setup: TrainingSetup, network: Network) -> State:
    """Return the state before the first step.

    The network moves to the setup's device; a whitening layer is fitted to the first training images.
    """
    first = next(network.children())
    if isinstance(first, Whiten):
        pixels = torch.from_numpy(np.array(setup.training.images[:WHITENED_BY]))
        first.fit(setup.normalization.apply(pixels))
    return State.new(network, setup.recipe, setup.device)


def train(
    setup: TrainingSetup, state: State, profile: Profile | None = None
) -> Iterator[Step | EpochEnded | Stopped]:
    """Train ``state.network`` in place and yield what happens.

    Args:
        setup: what the training depends on.
        state: a new state, or a restored one: the result is the same to the last bit on the same machine.
        profile: is told where the time goes; it changes nothing else.

    Raises:
        TrainingError: the loss is not finite; the message has epoch and step.
    """
    events = _events(setup, state, profile or NoProfile())
    while True:
        with denormals_flushed():
            event = next(events, None)
        if event is None:
            return
        yield event


def _events(
    setup: TrainingSetup, state: State, profile: Profile | NoProfile
) -> Iterator[Step | EpochEnded | Stopped]:
    """Train as :func:`train` says; the loop itself."""
    recipe, device, network = setup.recipe, setup.device, state.network
    profile.begin(network, device)
    keep_freed_memory()
    take = gatherer(setup.training, device)
    labels = torch.tensor(setup.training.labels, device=device)  # (images,)
    flipping = _mirrored_first(setup)
    early = _is_early(recipe, state)
    while state.epoch < recipe.epochs and not early:
        timer, first = Timer(device), state.seen
        order = _order(setup, state.epoch)
        network.train()
        while state.step < setup.steps:
            chosen = order[state.step * recipe.batch_size : (state.step + 1) * recipe.batch_size]  # (n,)
            moment = (state.epoch, state.step)
            progress = _progress(setup, state.steps_done(setup.steps))
            set_learning_rates(state.optimizer, recipe, progress, state.learning_rate_factor)
            pixels = take(chosen)  # (n, height, width, channels)
            which = torch.from_numpy(chosen).to(device)
            target = labels[which]  # (n,)
            profile.mark("gathering")

            images = setup.normalization.apply(pixels)  # (n, channels, height, width)
            mirrored = None if flipping is None else mirrored_in(state.epoch, flipping[which])
            drawing = generator(device, setup.seed, AUGMENTATION, *moment)
            images = augment(images, recipe, drawing, mirrored=mirrored)
            if recipe.outlier_share:
                count = round(recipe.outlier_share * len(images))
                images = torch.cat([images, tear(images, target, count, drawing, setup.turned)])
            profile.mark("augmentation")

            with seeded(device, seed_of(setup.seed, DROPOUT, *moment)), autocast(device, setup.precision):
                answers = profile.forward(network, images).float()  # (n and the torn ones, classes)
            profile.mark("forward")
            logits, of_torn = answers[: len(target)], answers[len(target) :]
            loss = F.cross_entropy(logits, target, label_smoothing=recipe.label_smoothing)
            if len(of_torn):
                loss = loss + DOUBT * recipe.outlier_share * distance_from_doubt(of_torn)
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

            plain = F.cross_entropy(logits.detach(), target)  # without smoothing, as in validation
            state.count(plain, logits.detach().argmax(1) == target)
            if device.type == "cpu" or state.step == setup.steps:  # on a GPU, waiting for the loss costs time
                _require_finite(state)
            profile.mark("counting")
            yield Step(state, setup.steps)
            profile.mark("outside")
            if state.ended:
                yield Stopped(True, state)
                return

        _require_finite_weights(state)
        figures = _epoch_figures(setup, state)
        profile.mark("validation")
        speed = (state.seen - first) / timer.seconds()
        best = state.end_epoch(figures)
        early = _is_early(recipe, state)
        profile.mark("counting")
        yield EpochEnded(figures, best, timer.seconds(), speed, state)
        profile.mark("outside")
    yield Stopped(early, state)


def evaluate(
    network: nn.Module,
    images: ImageSet,
    normalization: Normalization,
    device: torch.device,
    precision: torch.dtype,
) -> tuple[float, float]:
    """Return mean cross-entropy (nats) and accuracy (0 to 1) of ``network`` on ``images``."""
    take = gatherer(images, device)
    labels = torch.tensor(images.labels, device=device)
    loss_sum = torch.zeros((), dtype=sum_type(device), device=device)
    right = torch.zeros((), dtype=torch.int64, device=device)
    network.eval()
    with torch.inference_mode(), autocast(device, precision):
        for start in range(0, len(images), EVALUATION_BATCH):
            batch = np.arange(start, min(start + EVALUATION_BATCH, len(images)))
            logits = network(normalization.apply(take(batch))).float()  # (n, classes)
            target = labels[start : start + len(batch)]
            loss_sum += F.cross_entropy(logits, target, reduction="sum")
            right += (logits.argmax(1) == target).sum()
    return float(loss_sum) / len(images), float(right) / len(images)


def _epoch_figures(setup: TrainingSetup, state: State) -> EpochFigures:
    val_loss = val_accuracy = None
    if setup.validation is not None:
        network = state.evaluated_network()
        val_loss, val_accuracy = evaluate(
            network, setup.validation, setup.normalization, setup.device, setup.precision
        )
    return EpochFigures(
        epoch=state.epoch + 1,
        loss=float(state.loss_sum) / state.seen,
        accuracy=float(state.right) / state.seen,
        val_loss=val_loss,
        val_accuracy=val_accuracy,
        learning_rate=state.learning_rate_factor * _scheduled(setup, (state.epoch + 1) * setup.steps - 1),
    )


def _scheduled(setup: TrainingSetup, step: int) -> float:
    """Return the learning rate of the recipe at ``step``, counted over all epochs."""
    recipe = setup.recipe
    return learning_rate(recipe.schedule, recipe.learning_rate, recipe.warmup, _progress(setup, step))


def _progress(setup: TrainingSetup, step: int) -> float:
    """Return the share of all steps done (0 to 1) at the middle of ``step``, counted over all epochs."""
    return (step + 0.5) / (setup.recipe.epochs * setup.steps)


def _is_early(recipe: Recipe, state: State) -> bool:
    return state.ended or 0 < recipe.early_stopping <= state.epochs_without_better_loss()


def _order(setup: TrainingSetup, epoch: int) -> np.ndarray:
    """Return the order of the training images in ``epoch``, a function of seed and epoch alone."""
    return np.random.default_rng([setup.seed, ORDER, epoch]).permutation(len(setup.training))


def _mirrored_first(setup: TrainingSetup) -> Tensor | None:
    """Return which training images (n,) the first epoch mirrors, half of them; None where none ever is."""
    if not (setup.flips and setup.recipe.flip):
        return None
    chance = np.random.default_rng([setup.seed, MIRRORING]).random(len(setup.training))
    return torch.from_numpy(chance < 0.5).to(setup.device)


def _require_finite_weights(state: State) -> None:
    """Raise where the weights are lost and the loss does not show it: oneDNN's relu makes 0 of a NaN."""
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
