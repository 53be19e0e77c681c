"""Training as Python calls it: silent in a program, with a bar in a notebook.

A notebook is known by its kernel's shell; IPython is neither needed nor imported where none is running. The
bar is drawn at most 5 times a second, and only then are the figures asked for: on a GPU, that waits.
"""

import dataclasses
import importlib
import math
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagelet import html_repr
from imagelet.experiment.finalize import Finished
from imagelet.experiment.runner import Event, RunStarted, run_experiment
from imagelet.runs.definition import Experiment, describe
from imagelet.training.loop import EpochEnded, Step
from imagelet.training.recipe import Recipe

UPDATES_PER_SECOND = 5
KERNELS_SHELL = "ZMQInteractiveShell"


def train(
    dataset: str,
    network: str | None = None,
    recipe: str | Recipe = "general",
    *,
    name: str | None = None,
    folder: Path | None = None,
    test: bool = False,
    **fields: Any,
) -> Finished:
    """Train a classifier and return it with its run; what ``imagelet train`` does. A notebook shows a bar.

    Args:
        dataset: a registered name, or a folder with one subfolder a class.
        network: network text or a network's name; None: the recipe's.
        recipe: how to train, or a recipe's name.
        name: the run's name; None: made of dataset and network.
        folder: where runs live; None: ``./runs``.
        test: evaluate on the test images at the end, once.
        **fields: fields of :class:`Experiment` (``validation``, ``seed``, …) and of :class:`Recipe`
            (``epochs``, ``learning_rate``, …).

    Raises:
        ImageletError: anything that a user can mend.
    """
    own = {field.name for field in dataclasses.fields(Experiment)}
    settings = {key: value for key, value in fields.items() if key not in own}
    rest = {key: value for key, value in fields.items() if key in own}
    experiment = describe(dataset, network, recipe, settings, **rest)
    bar = Bar()
    return watch(run_experiment(experiment, name=name, folder=folder, test=test, progress=bar.read), bar)


def watch(events: Iterable[Event], bar: "Bar | None" = None) -> Finished:
    """Let a training happen, and return its end; a notebook shows a bar, which stays as one line.

    Args:
        events: what :func:`~imagelet.run_experiment` or :func:`~imagelet.resume` yields.
        bar: what to show it with; None: a new one.
    """
    bar, last = bar or Bar(), None
    try:
        for last in events:
            bar.note(last)
    except BaseException as error:  # an interruption as well: the bar must not look as if it went on
        bar.stop(error)
        raise
    assert isinstance(last, Finished)
    return last


@dataclass(frozen=True)
class Shown:
    """One state of the bar: HTML, and text for those who show none.

    Attributes:
        text: one line.
        share: how far the bar is filled, 0 to 1; None: there is no bar.
    """

    text: str
    share: float | None

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        bar = (
            ""
            if self.share is None
            else html_repr.joined(html_repr.bar(self.share), html_repr.Html("&ensp;"))
        )
        style = "font-variant-numeric:tabular-nums"
        words = html_repr.text(self.text)
        return f'<div class="tex2jax_ignore mathjax_ignore" style="{style}">{bar}{words}</div>'


class Bar:
    """A bar in the cell that is running; nothing where there is no notebook.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._display = importlib.import_module("IPython.display").display if in_kernel() else None
        self._handle: Any = None
        self._clock = clock
        self._drawn = -math.inf
        self._share: float | None = None
        self._started: RunStarted | None = None
        self._epoch = 1
        self._validation = ""
        self._first: tuple[float, int] | None = None  # when the first step was seen, and how many were done

    def read(self, done: int, total: int | None) -> None:
        """Show how much of the data is read."""
        if self._due():
            self._draw("reading the data", done / total if total else None)

    def note(self, event: Event) -> None:
        """Show what happened, unless something was shown a moment ago; the end is always shown."""
        if isinstance(event, RunStarted):
            self._started = event
            if self._due():
                self._draw(f"epoch 1/{self._epochs}", 0.0)
        elif isinstance(event, EpochEnded) and event.figures.val_accuracy is not None:
            self._validation = f"validation accuracy {event.figures.val_accuracy:.4f}"
        elif isinstance(event, Step):
            self._epoch = event.state.epoch + 1
            if self._due():
                self._step(event)
        elif isinstance(event, Finished):
            self._draw(_end(event), None)

    def stop(self, error: BaseException) -> None:
        """Say in the bar that the training broke off, and why."""
        if self._handle is None and self._started is None:
            return  # nothing was begun: the error says all
        said = str(error) or type(error).__name__
        if isinstance(error, KeyboardInterrupt) and error.args:
            said = "; ".join(map(str, error.args))  # they say where, and how to go on
        elif self._started:
            said = f"stopped in epoch {self._epoch} of {self._epochs}: {said}"
        self._draw(said, self._share)

    @property
    def _epochs(self) -> int:
        return self._started.experiment.recipe.epochs if self._started else 0

    def _step(self, event: Step) -> None:
        done, total, now = event.state.steps_done(event.steps), self._epochs * event.steps, self._clock()
        self._first = self._first or (now, done)
        seconds, steps = now - self._first[0], done - self._first[1]
        figures = [f"loss {event.loss:.4f}", f"accuracy {event.accuracy:.4f}", self._validation]
        if steps and seconds:
            images = event.state.seen / event.state.step * steps
            left = _minutes(seconds / steps * (total - done))
            figures = [f"{images / seconds:,.0f} images/s", *figures, f"{left} left"]
        parts = [f"epoch {self._epoch}/{self._epochs}", *filter(None, figures)]
        self._draw(" · ".join(parts), done / total if total else None)

    def _due(self) -> bool:
        return self._display is not None and self._clock() - self._drawn >= 1 / UPDATES_PER_SECOND

    def _draw(self, text: str, share: float | None) -> None:
        if self._display is None:
            return
        self._drawn, self._share = self._clock(), share
        shown = Shown(text, share)
        if self._handle is None:
            self._handle = self._display(shown, display_id=True)
        else:
            self._handle.update(shown)


def in_kernel() -> bool:
    """Return whether a notebook's kernel runs this program."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return any(each.__name__ == KERNELS_SHELL for each in type(shell).__mro__)


def _end(finished: Finished) -> str:
    metrics = finished.metrics
    parts = [
        f"run {finished.run.name}: {metrics['epochs']} epochs in {_minutes(metrics['seconds']['training'])}",
        *([f"the best is {metrics['best_epoch']}"] if "validation" in metrics else []),
    ]
    for part in ("validation", "test"):
        if known := metrics.get(part):
            accuracy = html_repr.accuracy(known["accuracy"], known["interval"], known["images"])
            parts.append(f"{part} accuracy {accuracy}")
    return ", ".join(parts)


def _minutes(seconds: float) -> str:
    """Return ``5.2 s``, ``1:05``, or ``1:00:05`` from an hour on."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
