"""What a training depends on, and its loop, which yields an event after every optimizer step and every epoch.

The caller decides what to do with an event: draw a progress bar, write a file, save a checkpoint. Until it
asks for the next event nothing changes: the state is exactly what a resumed training needs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from imagelet.device import Timer, denormals_flushed, keep_freed_memory
from imagelet.errors import TrainingError
from imagelet.networks import Network
from imagelet.networks.modules import Whiten
from imagelet.training.balancing import balanced_order
from imagelet.training.batches import Read, batch_reader
from imagelet.training.division import rows_of
from imagelet.training.evaluation import Misread, evaluate
from imagelet.training.freezing import frozen_modules, keep_statistics
from imagelet.training.history import EpochFigures
from imagelet.training.lanes import Compute, has_ended, rounding_of, step_computer, workers_for
from imagelet.training.optimizers import learning_rate
from imagelet.training.passes import ORDER, Batch
from imagelet.training.profiling import NoProfile, Profile
from imagelet.training.recipe import Recipe
from imagelet.training.setup import TrainingSetup as TrainingSetup
from imagelet.training.state import State, set_learning_rates
from imagelet.training.workers import Workers

WHITENING_IMAGES = 5000  # airbench's number


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
    misread: tuple[Misread, ...] = ()


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
        with rounding_of(setup):
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
    measured = profile or NoProfile()
    with batch_reader(setup.training, setup.device) as read, workers_for(setup, state, measured) as team:
        compute = step_computer(setup, state, measured, team)
        events = _events(setup, state, read, compute, team, measured)
        while True:
            with denormals_flushed():
                event = next(events, None)
            if event is None:
                return
            yield event


def _events(
    setup: TrainingSetup, state: State, read: Read, compute: Compute, team: Workers, profile: Profile
) -> Iterator[Step | EpochEnded | Stopped]:
    """Run the loop of :func:`train`."""
    recipe, device, network, group = setup.recipe, setup.device, state.network, setup.group
    profile.start(network, device)
    keep_freed_memory()
    frozen = frozen_modules(network, recipe)
    early = _is_early(recipe, state)
    while state.epoch < recipe.epochs and not early:
        timer, images_before = Timer(device), state.images_done
        order = _order(setup, state.epoch)
        network.train()
        for chosen, pixels in read(_batches(setup, order, state.step)):  # (n,), (n, height, width, channels)
            _prepare_step(setup, state, frozen)
            counted = compute(chosen, pixels)  # the gradients are in the network now
            if counted is None:
                yield Stopped(True, state)
                return
            if group.world > 1:  # the first process may have changed the learning rates
                _prepare_step(setup, state, frozen)
            if recipe.max_gradient_norm:
                nn.utils.clip_grad_norm_(network.parameters(), recipe.max_gradient_norm)

            state.optimizer.step()
            state.optimizer.zero_grad()
            if state.ema:
                state.ema.update(network, state.steps_done(setup.steps))
            profile.mark("optimizer")

            state.count_step(counted.loss, counted.correct, counted.images)
            if device.type == "cpu" or state.step == setup.steps:  # on a GPU, waiting for the loss costs time
                _require_finite(state)
            profile.mark("counting")
            yield Step(state, setup.steps, counted.batch)
            profile.mark("outside")
            if state.ended and group.world == 1:
                yield Stopped(True, state)
                return

        if has_ended(setup, state):
            yield Stopped(True, state)
            return
        _require_finite_weights(state)
        figures, misread = _epoch_figures(setup, state, team)
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


def _epoch_figures(
    setup: TrainingSetup, state: State, team: Workers
) -> tuple[EpochFigures, tuple[Misread, ...]]:
    """Return the figures of the epoch that is done, and some validation images that are misread after it."""
    val_loss = val_accuracy = val_balanced = None
    misread: tuple[Misread, ...] = ()
    if setup.validation is not None:
        network = state.evaluated_network()
        val_loss, val_accuracy, val_balanced, misread = evaluate(
            *(network, setup.validation, setup.normalization, setup.device, setup.precision),
            group=setup.group,
            team=team,
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


def _batches(setup: TrainingSetup, order: np.ndarray, first: int) -> Iterator[np.ndarray]:
    """Return the images (n,) of each batch of an epoch, in ``order``, from step ``first`` on.

    In a group these are the images that this process computes; no others are read.
    """
    size, lanes, group = setup.recipe.batch_size, setup.lanes, setup.group
    batches = (order[step * size : (step + 1) * size] for step in range(first, setup.steps))
    if group.world == 1:
        return batches
    return (batch[rows_of(len(batch), lanes, group.rank, group.world)] for batch in batches)


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
