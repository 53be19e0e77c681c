"""What a training tells the page: progress, epochs, filters, and what was done by hand."""

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from imagelet.experiment.runner import RunStarted
from imagelet.explanation.activations import filters
from imagelet.lab.http.schemas import numbers
from imagelet.lab.jobs import store
from imagelet.lab.jobs.store import RUNNING
from imagelet.networks import Network
from imagelet.networks.layers import Flatten, kind_of
from imagelet.training.loop import EpochEnded, Step, Stopped

SECONDS_BETWEEN_TELLINGS = 0.2
MOST_FILTERS = 64
MOST_NUMBERS = 20_000  # of filters in one event


class Telling:
    """Writes a training's events into its job's file, progress at most five times a second."""

    def __init__(self, runs: Path, identity: str) -> None:
        self._runs, self._identity = runs, identity
        self._told = 0.0
        self._epochs = self._images = 0
        self._first: tuple[float, int] | None = (
            None  # the time after the first step here, and steps until then
        )
        self._by_hand = 0

    def data(self, done: int, total: int | None) -> None:
        """Tell how much of the data is there: bytes of a download, or pictures."""
        if self._is_time():
            self._tell("data", {"done": done, "total": total})

    def begins(self, started: RunStarted) -> None:
        """Tell what is trained, and of a run that goes on the epochs that were not told of."""
        recipe, resolved = started.experiment.recipe, started.resolved
        self._epochs = recipe.epochs
        self._images = min(recipe.batch_size, resolved["training_images"])
        told = [event["data"] for _, event in store.read_events(self._runs, self._identity)]
        known = {each["figures"]["epoch"] for each in told if "figures" in each}
        for figures in started.run.history:
            if figures.epoch not in known:
                self._tell("epoch", {"figures": store.figures_of(figures), "best": None})
        self._by_hand = sum("change" in each for each in told)
        job = store.find_job(self._runs, self._identity)
        names = ("network", "parameters", "training_images", "validation_images", "classes", "device")
        facts = {name: resolved[name] for name in names}
        done = list(started.resumed_at) if started.resumed_at else None
        self._tell("state", {"state": RUNNING, "run": job.run, "resumed_at": done, **facts})

    def step(self, event: Step) -> None:
        """Tell how far it is, unless that was told a moment ago."""
        done, now = event.state.steps_done(event.steps), time.monotonic()
        if self._first is None:
            self._first = now, done
            self._filters(event)
        self._hands(event)
        if not self._is_time():
            return
        taken = done - self._first[1]
        rate = taken / (now - self._first[0]) if taken else 0.0  # steps a second
        figures = {
            "epoch": event.state.epoch + 1,
            "epochs": self._epochs,
            "step": event.state.step,
            "steps": event.steps,
            "loss": event.loss,
            "accuracy": event.accuracy,
            "images_per_second": rate * self._images if rate else None,
            "seconds_left": (self._epochs * event.steps - done) / rate if rate else None,
            "learning_rate": _learning_rate(event),
        }
        self._tell("progress", figures)

    def epoch(self, event: EpochEnded) -> None:
        """Tell an epoch's figures, and what the first filters look like now."""
        self._tell("epoch", {"figures": store.figures_of(event.figures), "best": event.best})
        self._filters(event)

    def stopped(self, event: Stopped) -> None:
        """Tell that no step is left; classifier, figures and card are made now."""
        self._hands(event)
        self._tell("finishing", {"early": event.early, "epochs": event.state.epoch})

    def _hands(self, event: Step | Stopped) -> None:
        for each in event.state.by_hand[self._by_hand :]:
            self._tell("by_hand", vars(each))
        self._by_hand = len(event.state.by_hand)

    def _filters(self, event: Step | EpochEnded) -> None:
        network = event.state.network
        found = first_filters(network)
        if found is not None:
            layer = {"layer": found[0], "kind": kind_of(network.get_submodule(found[0]))}
            where = {"epoch": event.state.epoch, "step": event.state.step}
            self._tell("filters", layer | where | numbers(found[1]))

    def _is_time(self) -> bool:
        now = time.monotonic()
        due = now - self._told >= SECONDS_BETWEEN_TELLINGS
        self._told = now if due else self._told
        return due

    def _tell(self, event: str, data: dict[str, Any]) -> None:
        store.tell(self._runs, self._identity, event, data)


def first_filters(network: Network) -> tuple[str, NDArray[np.float32]] | None:
    """Return the name of the layer that sees the pixels, and its weights as pictures.

    A convolution's filters, or a dense layer's units after flatten, as many as an event holds: float32
    (filters, height, width, channels). None where the first such layer is neither.
    """
    flat = False
    for name, layer in network.named_children():
        if isinstance(layer, nn.Conv2d):
            found = filters(network, name)
        elif isinstance(layer, nn.Linear) and flat and layer.in_features == np.prod(network.input_shape):
            rows = layer.weight.detach().float().cpu().numpy()  # (units, height·width·channels)
            found = rows.reshape(-1, *network.input_shape)
        elif isinstance(layer, nn.Linear):
            return None
        else:
            flat = flat or isinstance(layer, Flatten)
            continue
        return name, found[: min(MOST_FILTERS, max(1, MOST_NUMBERS // found[0].size))]
    return None


def _learning_rate(event: Step) -> float:
    """Return the step size of the step that was taken, of the layers that learn all the time."""
    groups = event.state.optimizer.param_groups
    return float(next((group["lr"] for group in groups if not group["first"]), groups[0]["lr"]))
