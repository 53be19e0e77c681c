"""`imagelet runs`: the runs and their figures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet.cli import arguments, printing
from imagelet.cli.commands import Command, Group
from imagelet.errors import RunError
from imagelet.html_repr import write_percent

if TYPE_CHECKING:
    from imagelet.runs.run import Run

commands = typer.Typer(cls=Group)

FIGURES = (
    "dataset",
    "network",
    "recipe",
    "epochs",
    "best_epoch",
    "validation",
    "test",
    "test_evaluations",
    "seconds",
)

Folder = Annotated[
    Path | None,
    typer.Argument(
        metavar="DIR",
        help="Where the runs are (default IMAGELET_RUNS, else ./runs).",
        show_default=False,
    ),
]


@commands.command(cls=Command, epilog="imagelet runs")
def runs(folder: Folder = None, as_json: arguments.Json = False) -> None:
    """List the runs and their figures, the oldest first.

    JSON: runs[{run, folder, state, dataset, network, recipe, epochs, best_epoch, validation, test,
    test_evaluations, seconds}]; state is finished, unfinished or damaged, validation and test are null or
    hold accuracy, interval and images.
    """
    from imagelet.runs.store import list_runs

    listed = [_facts(run) for run in list_runs(folder)]
    if as_json:
        printing.document({"runs": listed})
    elif listed:
        _list(listed)
    else:
        printing.note("there are no runs here yet")
        printing.advice("imagelet train digits makes the first one")


def _facts(run: "Run") -> dict[str, Any]:
    facts: dict[str, Any] = {"run": run.name, "folder": run.folder}
    try:
        experiment, metrics = run.experiment, run.metrics
        return facts | {
            "state": "finished" if run.finished else "unfinished",
            "dataset": experiment["dataset"],
            "network": experiment["network"],
            "recipe": experiment["recipe"]["name"],
            "epochs": metrics.get("epochs", len(run.history)),
            "best_epoch": metrics.get("best_epoch"),
            "validation": _accuracy(metrics.get("validation")),
            "test": _accuracy(metrics.get("test")),
            "test_evaluations": len(run.test_evaluations),
            "seconds": metrics.get("seconds", {}).get("total"),
        }
    except (RunError, KeyError, TypeError, ValueError) as error:  # one damaged run hides no other
        printing.caution("the run '{name}' is damaged: {error}", name=run.name, error=error)
        return facts | {"state": "damaged"} | dict.fromkeys(FIGURES)


def _list(listed: list[dict[str, Any]]) -> None:
    rows = [
        (
            each["run"] if each["state"] == "finished" else f"{each['run']} ({each['state']})",
            each["dataset"] or "",
            each["network"] or "",
            "" if each["epochs"] is None else str(each["epochs"]),
            _share(each["validation"]),
            _share(each["test"]),
            "" if each["test_evaluations"] is None else str(each["test_evaluations"]),
        )
        for each in listed
    ]
    numbers = ("epochs", "validation", "test", "test evaluations")
    printing.table(("run", "dataset", "network", *numbers), rows, right=numbers, whole=("run",))


def _accuracy(figures: dict[str, Any] | None) -> dict[str, Any] | None:
    return figures and {name: figures[name] for name in ("accuracy", "interval", "images")}


def _share(figures: dict[str, Any] | None) -> str:
    """Return an accuracy with its interval in few letters: ``98.33 % (96.4–99.2)``."""
    if figures is None:
        return ""
    low, high = figures["interval"]
    return f"{write_percent(figures['accuracy'])} % ({100 * low:.1f}–{100 * high:.1f})"
