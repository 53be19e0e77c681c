"""The learning rate range test: which learning rates let the loss fall, found in some hundred steps.

The learning rate grows from step to step by the same factor, from one at which nothing happens to one at
which training breaks down. Where the loss falls most steeply is a good rate, and so is a tenth of that at
which it is lowest. Source: Smith 2017, "Cyclical learning rates for training neural networks"; the growing
factor, the smoothing and the two suggestions are those of Gugger's and Howard's library fastai.
"""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.errors import TrainingError, UsageError
from imagelet.networks import Network
from imagelet.training import loop
from imagelet.training.loop import Step, TrainingSetup
from imagelet.training.optimizers import Optimizer, optimizers
from imagelet.training.state import State

STEPS = 300
FEWEST_STEPS = 20  # of which something can be told
DECADES_BELOW, DECADES_ABOVE = 3, 3  # of the optimizer's default
HIGHEST = 1000.0  # what a recipe allows
SMOOTHING = 0.9  # what the mean of the losses keeps in a step
EXPLODED = 4.0  # times the lowest smoothed loss
SETTLING = 10  # steps until the smoothed loss says something
STEEPNESS_STEPS = 15  # over which a slope is measured
SAFE_FRACTION = 10.0  # the rate of the lowest loss, divided by it


@dataclass(frozen=True)
class RangeTest:
    """What a learning rate range test measured.

    Attributes:
        other: how many times ``learning_rate`` the recipe's ``adamw_learning_rate`` is, which grew with it;
            None for optimizers that have one learning rate.
        rates: float (n,), the learning rate of each step, rising.
        losses: float (n,), the mean loss of each step's images, in nats.
        smoothed: float (n,), their moving average, corrected for its beginning.
        steepest: the rate at which the smoothed loss falls most steeply over the logarithm of the rate.
        lowest: the rate at which it is lowest.
        exploded: the test ended because the loss exploded, not because the highest rate was reached.
    """

    other: float | None
    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    steepest: float
    lowest: float
    exploded: bool

    @property
    def tenth(self) -> float:
        """A tenth of the rate at which the smoothed loss is lowest."""
        return self.lowest / SAFE_FRACTION

    @property
    def suggestion(self) -> float:
        """The rate between the two rules of thumb: their geometric mean, with two digits."""
        return float(f"{math.sqrt(self.steepest * self.tenth):.2g}")

    @property
    def settings(self) -> dict[str, float]:
        """The suggestion as fields of a recipe."""
        rates = {"learning_rate": self.suggestion}
        if self.other is not None:
            rates["adamw_learning_rate"] = float(f"{self.other * self.suggestion:.2g}")
        return rates

    def to_json(self) -> dict[str, Any]:
        """Return what was measured as plain data."""
        return {
            "settings": self.settings,
            "suggestion": self.suggestion,
            "steepest": self.steepest,
            "tenth_of_lowest": self.tenth,
            "lowest": self.lowest,
            "exploded": self.exploded,
            "steps": len(self.rates),
            "rates": self.rates.tolist(),
            "losses": self.losses.tolist(),
            "smoothed": self.smoothed.tolist(),
        }


def run_range_test(
    setup: TrainingSetup, network: Network, *, trained: bool = False, steps: int = STEPS
) -> Iterator[Step | RangeTest]:
    """Run the range test, and yield each step and at the end what was measured.

    Args:
        setup: what to train on, and how; its validation images have no part in the test.
        network: is trained in place: give a copy of what is still needed.
        trained: the network's weights were learned before, as :func:`imagelet.training.loop.start` takes it.
        steps: how many there are at most, at least 20.

    Raises:
        UsageError: too few steps.
        TrainingError: the loss explodes after a few steps already.
    """
    if steps < FEWEST_STEPS:
        raise UsageError(
            "a learning rate range test of {steps} steps shows nothing; it needs at least {fewest}",
            steps=steps,
            fewest=FEWEST_STEPS,
        )
    optimizer = optimizers.get(setup.recipe.optimizer)
    rates = _growing(optimizer, steps)
    setup = _constant(setup, steps)
    state = loop.start(setup, network, trained=trained)
    losses: list[float] = []
    events = loop.train(setup, state)
    for rate in rates:
        state.learning_rate_factor = float(rate) / setup.recipe.learning_rate
        step, loss = _next_step(events, state)
        if step is None:
            break
        yield step
        losses.append(loss)
        if _has_exploded(losses):
            break
    exploded = len(losses) < len(rates) or _has_exploded(losses)
    recipe = setup.recipe
    other = recipe.adamw_learning_rate / recipe.learning_rate if optimizer.only_convolutions else None
    yield _measured(other, rates[: len(losses)], np.array(losses), exploded=exploded)


def _growing(optimizer: Optimizer, steps: int) -> NDArray[np.float64]:
    """Return the learning rate of each step: around the optimizer's default, equally many a decade."""
    default = optimizer.learning_rate
    highest = min(HIGHEST, default * 10**DECADES_ABOVE)
    return np.geomspace(default / 10**DECADES_BELOW, highest, steps)


def _constant(setup: TrainingSetup, steps: int) -> TrainingSetup:
    """Return the setup without a schedule, and without what ends or measures epochs, as long as needed."""
    recipe = dataclasses.replace(
        setup.recipe,
        epochs=-(-steps // setup.steps) + 1,
        schedule="constant",
        warmup=0.0,
        freeze_first_layer_at=1.0,
        early_stopping=0,
        ema_decay=0.0,
    )
    return dataclasses.replace(setup, recipe=recipe, validation=None)


def _next_step(events: Iterator[Any], state: State) -> tuple[Step | None, float]:
    """Return the next step and the mean loss of its images; None where that is not finite."""
    before = (float(state.loss_sum), state.images_done) if state.step else (0.0, 0)
    try:
        event = next(events)
        while not isinstance(event, Step):  # an epoch ended
            before = (0.0, 0)
            event = next(events)
    except TrainingError:
        return None, math.nan
    return event, (float(state.loss_sum) - before[0]) / (state.images_done - before[1])


def _smooth(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the exponential moving average of the losses, divided by what its weights add up to."""
    smoothed, mean = np.empty(len(losses)), 0.0
    for index, loss in enumerate(losses):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smoothed[index] = mean / (1 - SMOOTHING ** (index + 1))
    return smoothed


def _has_exploded(losses: list[float]) -> bool:
    """Say whether the smoothed loss is several times what it was at its lowest."""
    smoothed = _smooth(np.array(losses))
    return bool(len(losses) > SETTLING and smoothed[-1] > EXPLODED * smoothed[SETTLING:].min())


def _measured(
    other: float | None, rates: NDArray[np.float64], losses: NDArray[np.float64], *, exploded: bool
) -> RangeTest:
    """Return the result, with what the smoothed curve suggests.

    Raises:
        TrainingError: there are too few steps to tell anything.
    """
    if len(losses) < FEWEST_STEPS:
        raise TrainingError(
            "the loss explodes after {steps} steps, at a learning rate of {rate:.2g} already",
            hint="look at the images (imagelet data show), or try --precision fp32",
            steps=len(losses),
            rate=rates[-1] if len(rates) else 0.0,
        )
    smoothed = _smooth(losses)
    lowest = SETTLING + int(np.argmin(smoothed[SETTLING:]))
    span = min(STEEPNESS_STEPS, max(1, lowest - SETTLING))
    falls = smoothed[SETTLING : lowest - span + 1] - smoothed[SETTLING + span : lowest + 1]
    middle = SETTLING + (int(np.argmax(falls)) if len(falls) else 0) + span // 2
    return RangeTest(
        other, rates, losses, smoothed, float(rates[min(middle, lowest)]), float(rates[lowest]), exploded
    )
