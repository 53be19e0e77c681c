"""``imagelet.train``, and the bar that a notebook or a terminal shows while it trains.

A notebook is known by its kernel's shell; IPython is neither needed nor imported where none is running. The
bar is drawn at most 5 times a second, and only then are the figures read: on a GPU, that waits.
"""

import dataclasses
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from imagelet import html_repr
from imagelet.data.datasets import load_dataset
from imagelet.data.imageset import Dataset
from imagelet.data.objects import has_labels
from imagelet.data.store import InMemory
from imagelet.experiment.continuing import continued, run_continued
from imagelet.experiment.finalize import Finished
from imagelet.experiment.runner import Event, RunStarted, resume_experiment, run_experiment
from imagelet.experiment.start import place_of_start
from imagelet.messages import Message, translate
from imagelet.networks.zoo import is_network
from imagelet.progress import Pace, write_seconds
from imagelet.runs.definition import Experiment, describe
from imagelet.runs.learner import run_given
from imagelet.training.loop import EpochEnded, Step
from imagelet.training.own_functions import Augment, Loss, OwnFunctions
from imagelet.training.recipe import Recipe

KERNELS_SHELL = "ZMQInteractiveShell"

Draw = Callable[[str, float | None], None]  # (text, how far the bar is filled: 0 to 1; None: no bar)


def train(
    data: Any,
    labels: Any = None,
    network: Any = None,
    recipe: str | os.PathLike[str] | Recipe | None = None,
    *,
    validation_data: Any = None,
    test_data: Any = None,
    classes: Sequence[str] | None = None,
    name: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    test: bool = False,
    in_memory: InMemory = "auto",
    loss: Loss | None = None,
    augmentation: Augment | None = None,
    **fields: Any,
) -> Finished:
    """Train a classifier and return it with its run; what ``imagelet train`` does. A notebook shows a bar.

    Data with labels of its own takes none: ``train("mnist", "cnn-3")`` names the network next.

    Args:
        data: what :func:`imagelet.load_dataset` takes: a name, a file, arrays (which are kept in the cache).
        labels: of images that come without: (n,) numbers or texts, or one-hot rows.
        network: text or a name; a builder; or an ``nn.Module`` from images (n, channels, height, width) to
            logits, of which a copy is trained, beginning with its weights. None: the recipe's.
        recipe: how to train, its name or file; None: ``general``, or ``fine-tuning`` with ``start_from``.
        validation_data: (X_val, y_val), which choose the epoch; None: as ``validation`` says.
        test_data: (X_test, y_test); None: those of the data, else a fifth is set aside.
        classes: for arrays: the class names in the order that labels count.
        name: the run's; None: made of dataset and network.
        folder: where runs live; None: ``./runs``.
        test: evaluate on the test images at the end, once.
        in_memory: as :func:`imagelet.load_dataset` takes it; the results do not depend on it.
        loss: a function of logits (n, classes) and labels (n,) that returns one number, for cross-entropy.
        augmentation: a function of network input (n, channels, height, width) that returns the same shape.
        **fields: those of :class:`Experiment` (``device``, ``threads``, …) and :class:`Recipe` (``lr``, …).

    Raises:
        ImageletError: anything that a user can mend.
    """
    if labels is not None and has_labels(data) and is_network(labels):
        labels, network, recipe = None, labels, recipe if network is None else network
    rest = _taken_from(fields)
    arrays = {"validation_data": validation_data, "test_data": test_data, "classes": classes}
    data = _opened(data, labels, **arrays, shape=rest.get("input_shape"))
    _tell_what_was_kept(data, experiment := describe(data, network, recipe, fields, **rest))
    bar = Bar(notebook_display())
    rest = {"folder": folder, "test": test, "in_memory": in_memory, "own": OwnFunctions(loss, augmentation)}
    return watch(run_experiment(experiment, network=network, name=name, **rest, progress=bar.read), bar)


def _taken_from(fields: dict[str, Any]) -> dict[str, Any]:
    """Take the fields of an experiment out of ``fields``, and return them."""
    own = {field.name for field in dataclasses.fields(Experiment)} & set(fields)
    rest = {key: fields.pop(key) for key in own}
    if rest.get("start_from") is not None:
        rest["start_from"] = place_of_start(rest["start_from"])
    return rest


def _tell_what_was_kept(data: Any, experiment: Experiment) -> None:
    if isinstance(data, Dataset) and data.reference is None:
        tell(load_dataset(experiment.dataset).understood)


def _opened(data: Any, labels: Any, *, shape: Any, **arrays: Any) -> Any:
    """Return what a program holds as a dataset; a name or a path, beside which nothing stands, as it is."""
    named = isinstance(data, str | os.PathLike) and all(one is None for one in (labels, *arrays.values()))
    return data if named else load_dataset(data, labels, **arrays, shape=shape)


def resume(
    run: Any,
    *,
    data: Any = None,
    network: Any = None,
    test: bool = False,
    allow_import: bool | None = None,
    in_memory: InMemory = "auto",
    loss: Loss | None = None,
    augmentation: Augment | None = None,
) -> Finished:
    """Resume a run that was interrupted, and return it finished; a notebook shows a bar.

    Args:
        run: an unfinished run, its folder or its name.
        data: the images that it learned from, where they are not found any more: what
            :func:`imagelet.load_dataset` takes.
        network: the module or builder, where the run was started with one.
        test: evaluate on the test images at the end, once.
        allow_import: whether code that the run names as its network is imported; None: as the environment's
            IMAGELET_ALLOW_IMPORT says.
        in_memory: as :func:`imagelet.load_dataset` takes it.
        loss: the person's own that the run was started with.
        augmentation: the person's own that the run was started with.

    Raises:
        ImageletError: as :func:`imagelet.resume_experiment`.
    """
    bar = Bar(notebook_display())
    rest: dict[str, Any] = {"data": data, "network": network, "test": test, "allow_import": allow_import}
    rest |= {"in_memory": in_memory, "own": OwnFunctions(loss, augmentation)}
    return watch(resume_experiment(run, **rest, progress=bar.read), bar)


def continue_training(
    run: Any,
    epochs: int | str,
    *,
    name: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    test: bool = False,
    allow_import: bool | None = None,
    in_memory: InMemory = "auto",
    loss: Loss | None = None,
    augmentation: Augment | None = None,
    **fields: Any,
) -> Finished:
    """Train a finished run for more epochs, and return the new run; what ``train --continue`` does.

    The new run starts from the finished one's weights and keeps its validation images; the schedule of the
    learning rate begins anew. A notebook shows a bar.

    Args:
        run: a finished run, its folder or its name, or what :func:`imagelet.train` returned.
        epochs: passes over the training images, on top of those that were made.
        name: the new run's; None: ``NAME-continued``.
        folder: where it is written; None: beside the finished one.
        test: evaluate on the test images at the end, once.
        allow_import: whether code that the run names as its network is imported; None: as the environment's
            IMAGELET_ALLOW_IMPORT says.
        in_memory: as :func:`imagelet.load_dataset` takes it; the results do not depend on it.
        loss: the person's own that the run was trained with.
        augmentation: the person's own that the run was trained with.
        **fields: what is to be otherwise: fields of :class:`Recipe` (``lr``, …), ``device``, ``precision``,
            ``threads``.

    Raises:
        RunError: the run is not finished.
        ImageletError: anything else that a user can mend.
    """
    run, bar = run_given(run), Bar(notebook_display())
    experiment = continued(run, {**fields, "epochs": epochs})
    rest: dict[str, Any] = {"test": test, "allow_import": allow_import, "in_memory": in_memory}
    rest["own"] = OwnFunctions(loss, augmentation)
    return watch(run_continued(run, experiment, name=name, folder=folder, **rest, progress=bar.read), bar)


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


def tell(sentences: Iterable[str]) -> None:
    """Show sentences in the cell that is running, or on a terminal; elsewhere nobody reads them."""
    show = importlib.import_module("IPython.display").display if in_kernel() else None
    for sentence in sentences:
        if show is not None:
            show(Shown(translate(sentence), None))
        elif sys.stderr is not None and sys.stderr.isatty():
            sys.stderr.write(f"{translate(sentence)}\n")


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
