"""``imagelet.train``, and the bar that a notebook or a terminal shows while it trains.

A notebook is known by its kernel's shell; IPython is neither needed nor imported where none is running. The
bar is drawn at most 5 times a second, and only then are the figures read: on a GPU, that waits.
"""

import dataclasses
import importlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagelet import html_repr
from imagelet.data.store import InMemory
from imagelet.experiment.finalize import Finished
from imagelet.experiment.runner import Event, RunStarted, run_experiment
from imagelet.messages import Message, translate
from imagelet.progress import Pace, write_seconds
from imagelet.runs.definition import Experiment, describe
from imagelet.training.loop import EpochEnded, Step
from imagelet.training.recipe import Recipe

KERNELS_SHELL = "ZMQInteractiveShell"

Draw = Callable[[str, float | None], None]  # (text, how far the bar is filled: 0 to 1; None: no bar)


def train(
    dataset: str,
    network: str | None = None,
    recipe: str | Recipe = "general",
    *,
    name: str | None = None,
    folder: Path | None = None,
    test: bool = False,
    in_memory: InMemory = "auto",
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
        in_memory: whether the images are read into memory, as :func:`~imagelet.load_dataset` takes it; the
            results do not depend on it.
        **fields: fields of :class:`Experiment` (``validation``, ``seed``, …) and of :class:`Recipe`
            (``epochs``, ``learning_rate``, …).

    Raises:
        ImageletError: anything that a user can mend.
    """
    own = {field.name for field in dataclasses.fields(Experiment)}
    settings = {key: value for key, value in fields.items() if key not in own}
    of_experiment = {key: value for key, value in fields.items() if key in own}
    experiment = describe(dataset, network, recipe, settings, **of_experiment)
    bar = Bar(notebook_display())
    rest: dict[str, Any] = {"name": name, "folder": folder, "test": test, "in_memory": in_memory}
    return watch(run_experiment(experiment, **rest, progress=bar.read), bar)


def watch(events: Iterable[Event], bar: "Bar | None" = None) -> Finished:
    """Let a training happen, and return its end; a notebook shows a bar, which stays as one line.

    Args:
        events: what :func:`~imagelet.run_experiment` or :func:`~imagelet.resume` yields.
        bar: what to show it with; None: a new one.
    """
    bar, last = bar or Bar(notebook_display()), None
    try:
        for last in events:
            bar.note(last)
    except BaseException as error:  # an interruption as well: the bar must not look as if it still moved
        bar.stop(error)
        raise
    assert isinstance(last, Finished)
    return last


@dataclass(frozen=True)
class Shown:
    """One state of the bar: HTML, and text for those who show none.

    Attributes:
        text: one line.
        fraction: how far the bar is filled, 0 to 1; None: there is no bar.
    """

    text: str
    fraction: float | None

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        bar = (
            ""
            if self.fraction is None
            else html_repr.joined(html_repr.bar(self.fraction), html_repr.Html("&ensp;"))
        )
        style = "font-variant-numeric:tabular-nums"
        words = html_repr.text(self.text)
        return f'<div class="tex2jax_ignore mathjax_ignore" style="{style}">{bar}{words}</div>'


class Bar:
    """The bar of a training, made from its events.

    Args:
        draw: shows a state of the bar; None where nobody watches.
        pace: decides when it is drawn.
    """

    def __init__(self, draw: Draw | None, pace: Pace | None = None) -> None:
        self._show = draw
        self._shown = False
        self._pace = pace or Pace()
        self._fraction: float | None = None
        self._started: RunStarted | None = None
        self._epoch = 1
        self._validation: Message | None = None

    def read(self, done: int, total: int | None) -> None:
        """Show how much of the data is read."""
        if self._due():
            self._draw(Message("reading the data"), done / total if total else None)

    def note(self, event: Event) -> None:
        """Show what happened, unless something was shown a moment ago; the end is always shown."""
        if isinstance(event, RunStarted):
            self._started = event
            if self._due():
                self._draw(self._which_epoch(), 0.0)
        elif isinstance(event, EpochEnded) and event.figures.val_accuracy is not None:
            self._validation = Message(
                "validation accuracy {accuracy:.4f}", accuracy=event.figures.val_accuracy
            )
        elif isinstance(event, Step):
            self._epoch = event.state.epoch + 1
            if self._due():
                self._step(event)
        elif isinstance(event, Finished):
            self._draw(_end(event), None)

    def stop(self, error: BaseException) -> None:
        """Say in the bar that the training broke off, and why."""
        if not self._shown and self._started is None:
            return  # nothing was started: the error says all
        problem = str(error) or type(error).__name__
        if isinstance(error, KeyboardInterrupt) and error.args:
            problem = "; ".join(map(str, error.args))  # they say where, and how to resume
        elif self._started:
            problem = f"stopped in epoch {self._epoch} of {self._epochs}: {problem}"
        self._draw(problem, self._fraction)

    @property
    def _epochs(self) -> int:
        return self._started.experiment.recipe.epochs if self._started else 0

    def _which_epoch(self) -> Message:
        return Message("epoch {epoch}/{epochs}", epoch=self._epoch, epochs=self._epochs)

    def _step(self, event: Step) -> None:
        done, total = event.state.steps_done(event.steps), self._epochs * event.steps
        parts = [self._which_epoch()]
        if speed := self._pace.speed(done):
            images = speed * event.state.images_done / event.state.step
            parts.append(Message("{left} left", left=write_seconds((total - done) / speed)))
            parts.append(Message("{speed:,.0f} images/s", speed=images))
        parts.append(Message("loss {loss:.4f}", loss=event.loss))
        parts.append(Message("accuracy {accuracy:.4f}", accuracy=event.accuracy))
        parts += [self._validation] if self._validation else []
        self._draw(" · ".join(map(translate, parts)), done / total if total else None)

    def _due(self) -> bool:
        return self._show is not None and self._pace.due()

    def _draw(self, text: str, fraction: float | None) -> None:
        if self._show is not None:
            self._pace.drawn()
            self._shown, self._fraction = True, fraction
            self._show(translate(text), fraction)


def notebook_display() -> Draw | None:
    """Return what draws in the cell that is running, each time in the same place; None without a notebook."""
    if not in_kernel():
        return None
    display = importlib.import_module("IPython.display").display
    handles: list[Any] = []

    def draw(text: str, fraction: float | None) -> None:
        state = Shown(text, fraction)
        if handles:
            handles[0].update(state)
        else:
            handles.append(display(state, display_id=True))

    return draw


def in_kernel() -> bool:
    """Return whether a notebook's kernel runs this program."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return any(kind.__name__ == KERNELS_SHELL for kind in type(shell).__mro__)


def _end(finished: Finished) -> str:
    metrics = finished.metrics
    seconds = write_seconds(metrics["seconds"]["training"])
    parts = [
        f"run {finished.run.name}: {metrics['epochs']} epochs in {seconds}",
        *([f"the best is {metrics['best_epoch']}"] if "validation" in metrics else []),
    ]
    for part in ("validation", "test"):
        if known := metrics.get(part):
            accuracy = html_repr.accuracy(known["accuracy"], known["interval"], known["images"])
            parts.append(f"{part} accuracy {accuracy}")
    return ", ".join(parts)
