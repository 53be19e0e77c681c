"""What `imagelet train --find-lr` does: a learning rate range test, shown and drawn."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagelet import paths, ranks
from imagelet.cli import printing
from imagelet.errors import UsageError
from imagelet.messages import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagelet.runs.definition import Experiment
    from imagelet.training.learning_rate_range import RangeTest

ROWS = 12  # of the curve in the terminal


def run(describe: "Callable[[], Experiment]", words: dict[str, Any]) -> None:
    """Run the test on the training images of an experiment, and show what it suggests; no run is made.

    Args:
        describe: returns what would be trained.
        words: what `imagelet train` was given: ``name`` for the figure's file, ``runs`` for its folder,
            ``in_memory``, ``as_json``.

    Raises:
        UsageError: something is asked for that only a run has.
        KeyboardInterrupt: Ctrl-C.
    """
    check(words)
    experiment = describe()
    from imagelet.experiment.runner import prepared
    from imagelet.experiment.session import interruptible
    from imagelet.training.learning_rate_range import RangeTest, run_range_test

    with printing.progress("reading data") as progress:
        setup, network, trained = prepared(experiment, in_memory=words["in_memory"], progress=progress)
    result, steps = None, 0
    with printing.progress("raising the learning rate") as advance, interruptible() as interrupted:
        for event in run_range_test(setup, network, trained=trained):
            if isinstance(event, RangeTest):
                result = event
                break
            steps += 1
            advance(steps, None)
            if interrupted():
                raise KeyboardInterrupt(Message("stopped after {steps} steps; nothing was kept", steps=steps))
    assert result is not None
    where = {"dataset": experiment.dataset, "network": network.name or network.text}
    where["optimizer"] = setup.recipe.optimizer
    file = _draw(result, experiment.dataset, words["name"], words["runs"])
    content = {**where, **result.to_json(), "file": str(file)}
    printing.result(content, lambda _: _show(result, where, file), as_json=words["as_json"])


def _draw(result: "RangeTest", dataset: str, name: str | None, runs: Path | None) -> Path:
    """Draw the test, and return the file: that of an earlier one is replaced."""
    from imagelet import plots

    folder = (runs or paths.runs()).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    called = name or f"{Path(dataset).stem or 'data'}-learning-rate"
    file = folder / f"{Path(called).name}.png"
    marks = {
        "suggested": result.suggestion,
        "steepest": result.steepest,
        "a tenth of the lowest": result.tenth,
    }
    curves = (result.rates.tolist(), result.losses.tolist(), result.smoothed.tolist())
    plots.save(plots.learning_rate_range(*curves, marks), file)
    return file


def _show(result: "RangeTest", where: dict[str, Any], file: Path) -> None:
    """Print the curve as bars, and what it suggests."""
    places = [round(row * (len(result.rates) - 1) / (ROWS - 1)) for row in range(ROWS)]
    highest = float(max(result.smoothed[place] for place in places))
    printing.say("loss by learning rate ({optimizer}, {network}):", **where)
    rows = ((result.rates[place], float(result.smoothed[place])) for place in places)
    lines = {f"{rate:8.2g}  {loss:6.3f}": loss / highest for rate, loss in rows}
    printing.bars(lines, figures=False)
    printing.say()
    ending = (
        Message("the loss exploded") if result.exploded else Message("the highest learning rate was reached")
    )
    printing.facts(
        {
            Message("suggested"): f"{result.suggestion:g}",
            Message("steepest descent"): f"{result.steepest:.2g}",
            Message("a tenth of the lowest loss's"): f"{result.tenth:.2g}",
            Message("steps"): Message("{steps}; {ending}", steps=len(result.rates), ending=ending),
            Message("figure"): str(file),
        }
    )
    words = " ".join(f"--set {field}={rate:g}" for field, rate in result.settings.items())
    printing.advice(
        "imagelet train {dataset} {words}",
        dataset=printing.verbatim(where["dataset"]),
        words=printing.verbatim(words),
    )


def check(words: dict[str, Any]) -> None:
    """Raise where something is asked for that only a run has.

    Raises:
        UsageError: which of them.
    """
    of_series = ("seeds", "folds", "parallel", "only", "collect")
    of_runs = ("resume", "test", "require", *of_series, "profile", "processes")
    names = {name: f"--{name}" for name in of_runs}
    for name, option in {**names, "continues": "--continue"}.items():
        is_given = words[name] is not None and words[name] is not False
        if is_given or (name == "processes" and ranks.placement().world > 1):
            raise UsageError(
                "--find-lr trains no run, so {option} does not go with it", "drop one of them", option=option
            )
