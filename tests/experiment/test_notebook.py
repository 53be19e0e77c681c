"""Training in a notebook shows a bar, redrawn seldom and true to the end; elsewhere nothing is shown."""

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import imagelet
from imagelet import html_repr
from imagelet.errors import DataError, TrainingError, UnknownNameError
from imagelet.experiment import notebook
from imagelet.experiment.finalize import Finished
from imagelet.experiment.notebook import Bar, watch
from imagelet.experiment.runner import RunStarted
from imagelet.progress import Pace
from imagelet.runs.definition import describe
from imagelet.runs.run import Run
from imagelet.training.history import EpochFigures
from imagelet.training.loop import EpochEnded, Step

STEPS = 1000  # in an epoch
NETWORK = "conv(4, 3x3) relu flatten dense(classes)"


class ZMQInteractiveShell:
    """Stands for the shell of a kernel."""


class ColabShell(ZMQInteractiveShell):
    """Stands for a shell that is made from it."""


class TerminalInteractiveShell:
    """Stands for IPython's shell on a terminal."""


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def start_shell(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[Any]]:
    """Return a function that lets a shell be running; it returns the list of all that will be shown."""

    def start(shell: Any) -> list[Any]:
        shown: list[Any] = []

        def display(what: Any, *, display_id: bool) -> SimpleNamespace:
            assert display_id is True
            assert not shown  # all else updates what is shown
            shown.append(what)
            return SimpleNamespace(update=shown.append)

        package, module = ModuleType("IPython"), ModuleType("IPython.display")
        package.get_ipython = lambda: shell  # type: ignore[attr-defined]
        package.version_info = (9, 0)  # type: ignore[attr-defined]  # matplotlib asks for it
        module.display = display  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "IPython", package)
        monkeypatch.setitem(sys.modules, "IPython.display", module)
        return shown

    return start


@pytest.fixture
def shown(start_shell: Callable[[Any], list[Any]]) -> list[Any]:
    """Let a kernel be running, and return the list of all that it shows."""
    return start_shell(ZMQInteractiveShell())


class Asked:
    """A sum on a device; counts how often it is waited for."""

    def __init__(self, value: float) -> None:
        self.value, self.times = value, 0

    def __float__(self) -> float:
        self.times += 1
        return self.value


def started(epochs: int) -> RunStarted:
    described = describe("digits", NETWORK, "keras", {"epochs": epochs})
    return RunStarted(Run(Path("runs/first")), described, {})


def finished(validation: bool = True) -> Finished:
    figures = {"accuracy": 0.875, "interval": (0.5, 0.96875), "images": 8}
    metrics: dict[str, Any] = {"epochs": 10, "best_epoch": 7, "seconds": {"training": 65.4}}
    return Finished(Run(Path("runs/first")), None, metrics | ({"validation": figures} if validation else {}))  # type: ignore[arg-type]


def steps(clock: Clock, epochs: int, seconds: float, loss: Asked | None = None) -> Iterator[Any]:
    """Yield a training of so many epochs of 1000 steps; an image a step."""
    yield started(epochs)
    for epoch in range(epochs):
        for step in range(STEPS):
            clock.now = seconds * (epoch * STEPS + step) / (epochs * STEPS)
            done = epoch * STEPS + step + 1
            state = SimpleNamespace(
                epoch=epoch,
                step=step + 1,
                images_done=step + 1,
                loss_sum=loss or 0.5 * (step + 1),
                correct=0.75 * (step + 1),
                steps_done=lambda _, done=done: done,
            )
            yield Step(state, STEPS, None)  # type: ignore[arg-type]
        yield EpochEnded(EpochFigures(epoch + 1, 0.5, 0.75, 0.5, 0.625, 0.1), True, 1.0, 1000.0, state)  # type: ignore[arg-type]


# -- the bar -------------------------------------------------------------------------------------------------


def test_ten_thousand_steps_in_a_second_are_drawn_six_times_at_most_and_the_end_always(
    shown: list[Any],
) -> None:
    clock, loss, end = Clock(), Asked(0.5), finished()
    assert (
        watch(_followed(steps(clock, 10, 1.0, loss), end), Bar(notebook.notebook_display(), Pace(clock)))
        is end
    )
    assert 3 <= len(shown) <= 6
    assert loss.times == len(shown) - 2  # the first and the last show no loss
    assert str(shown[-1]) == (
        "run first: 10 epochs in 1:05, the best is 7, "
        "validation accuracy 87.50 % (95 % interval 50.00 to 96.88 %, 8 images)"
    )


def _followed(events: Iterator[Any], end: Finished) -> Iterator[Any]:
    yield from events
    yield end


def test_a_training_of_a_minute_is_drawn_five_times_a_second(shown: list[Any]) -> None:
    clock = Clock()
    watch(_followed(steps(clock, 10, 60.0), finished()), Bar(notebook.notebook_display(), Pace(clock)))
    assert 290 <= len(shown) <= 302


def test_the_bar_says_epoch_speed_figures_and_the_time_left(shown: list[Any]) -> None:
    clock = Clock()
    with pytest.raises(AssertionError):  # a training without its end
        watch(steps(clock, 10, 1000.0), Bar(notebook.notebook_display(), Pace(clock)))
    half = next(each for each in shown if str(each).startswith("epoch 6/10 "))
    # 5,000 of 10,000 steps are done after 500 s, an image each
    assert str(half) == (
        "epoch 6/10 · 8:20 left · 10 images/s · loss 0.5000 · accuracy 0.7500 · validation accuracy 0.6250"
    )
    assert half.fraction == pytest.approx(0.5, abs=0.001)
    assert str(shown[0]) == "epoch 1/10"
    assert "validation" not in str(shown[1])  # not known yet


def test_a_state_is_a_bar_as_html_and_a_line_as_text() -> None:
    state = notebook.Shown("run <b>: loss 1", 0.25)
    assert repr(state) == "run <b>: loss 1"
    assert "width:25.0%" in state._repr_html_()
    assert "run &lt;b&gt;: loss 1" in state._repr_html_()
    assert html_repr.ACCENT not in notebook.Shown("the end", None)._repr_html_()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            TrainingError("the loss is not finite", hint="smaller --lr"),
            "the loss is not finite (smaller --lr)",
        ),
        (RuntimeError("out of memory"), "out of memory"),
        (ValueError(), "ValueError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
)
def test_a_training_that_breaks_off_leaves_a_bar_that_says_so(
    shown: list[Any], error: BaseException, said: str
) -> None:
    clock = Clock()

    def broken() -> Iterator[Any]:
        events = steps(clock, 10, 1.0)
        for _ in range(2500):  # the last of them are too soon after the bar was drawn
            yield next(events)
        raise error

    with pytest.raises(type(error)) as caught:
        watch(broken(), Bar(notebook.notebook_display(), Pace(clock)))
    assert caught.value is error
    assert str(shown[-1]) == f"stopped in epoch 3 of 10: {said}"
    assert shown[-1].fraction == shown[-2].fraction


def test_an_interruption_says_how_to_go_on(shown: list[Any]) -> None:
    def interrupted() -> Iterator[Any]:
        yield started(10)
        raise KeyboardInterrupt("stopped in epoch 1 of 10; nothing is lost", "go on with: imagelet train")

    with pytest.raises(KeyboardInterrupt):
        watch(interrupted())
    assert str(shown[-1]) == "stopped in epoch 1 of 10; nothing is lost; go on with: imagelet train"


def test_what_breaks_off_before_anything_is_shown_shows_nothing(shown: list[Any]) -> None:
    with pytest.raises(UnknownNameError):
        imagelet.train("digitz")
    assert shown == []


def test_reading_data_is_shown_and_so_is_its_end(shown: list[Any]) -> None:
    clock = Clock()
    bar = Bar(notebook.notebook_display(), Pace(clock))

    def read() -> Iterator[Any]:
        for done in range(1000):
            clock.now = done / 1000
            bar.read(done, 1000 if done > 500 else None)
        raise DataError("a picture is damaged")
        yield

    with pytest.raises(DataError):
        watch(read(), bar)
    *states, last = shown
    assert 4 <= len(states) <= 6
    assert {str(each) for each in states} == {"reading the data"}
    assert [each.fraction for each in states[:1]] == [None]
    assert states[-1].fraction == pytest.approx(0.8, abs=0.01)
    assert str(last) == "a picture is damaged"


def test_an_end_without_validation_names_no_best_epoch(shown: list[Any]) -> None:
    watch([started(10), finished(validation=False)])
    assert str(shown[-1]) == "run first: 10 epochs in 1:05"


# -- where there is a notebook -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shell", "expected"),
    [(ZMQInteractiveShell(), True), (ColabShell(), True), (TerminalInteractiveShell(), False), (None, False)],
)
def test_a_notebook_is_known_by_its_shell(
    start_shell: Callable[[Any], list[Any]], shell: Any, expected: bool
) -> None:
    shown = start_shell(shell)
    assert notebook.in_kernel() is expected
    watch([started(1), finished()])
    assert bool(shown) is expected


def test_without_ipython_nothing_is_shown_and_ipython_is_not_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "IPython"]:
        monkeypatch.delitem(sys.modules, name)
    clock = Clock()
    loss = Asked(0.5)
    watch(_followed(steps(clock, 1, 10.0, loss), finished()), Bar(notebook.notebook_display(), Pace(clock)))
    assert loss.times == 0  # nobody waited for the device
    assert "IPython" not in sys.modules


# -- the public name -----------------------------------------------------------------------------------------


def test_train_trains_and_its_last_line_is_what_the_run_says(
    shown: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    end = imagelet.train("digits", NETWORK, "keras", name="mine", folder=tmp_path, epochs=2, seed=3)
    validation = end.metrics["validation"]
    accuracy = html_repr.accuracy(validation["accuracy"], validation["interval"], validation["images"])
    assert str(shown[-1]).startswith("run mine: 2 epochs in ")
    assert str(shown[-1]).endswith(f"validation accuracy {accuracy}")
    assert end.run.experiment["seed"] == 3
    assert capsys.readouterr() == ("", "")
    assert "Run mine" in end._repr_html_()


def test_train_is_silent_in_a_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert imagelet.train("digits", NETWORK, "keras", folder=tmp_path, epochs=1).run.finished
    assert capsys.readouterr() == ("", "")


def test_train_takes_what_it_always_took() -> None:
    assert imagelet.train is notebook.train
    parameters = inspect.signature(imagelet.train).parameters
    assert list(parameters)[:4] == ["data", "labels", "network", "recipe"]
    assert {"name", "folder", "test", "fields"} < set(parameters)
    assert [parameters[name].default for name in ("network", "recipe", "test")] == [None, None, False]
