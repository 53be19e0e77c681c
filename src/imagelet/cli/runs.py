"""`imagelet runs`, `reproduce`: the runs and their figures, and one trained again."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet.cli import completing, printing, trainings
from imagelet.cli.commands import PARTS, AllowImport, Command, Group, Json, count_images
from imagelet.errors import RequirementMissedError
from imagelet.html_repr import write_percent
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.experiment.reproduce import Reproduction
    from imagelet.runs.run import Run

commands = typer.Typer(cls=Group)

Folder = Annotated[
    Path | None,
    typer.Argument(metavar="DIR", help="Where the runs are (default IMAGELET_RUNS, else ./runs)."),
]


@commands.command(cls=Command, epilog="imagelet runs")
def runs(folder: Folder = None, as_json: Json = False) -> None:
    """List the runs and their figures, the oldest first.

    JSON: runs[{run, folder, state, problem, dataset, network, recipe, parameters, epochs, best_epoch,
    validation, test, test_evaluations, seconds, created}]; state is finished, unfinished or damaged, problem
    says why, validation and test are null or hold accuracy, interval and images.
    """
    from imagelet.runs.store import list_runs, summary

    listed = [summary(run) for run in list_runs(folder)]
    for run in listed:
        if run["problem"]:
            printing.caution(
                "the run '{name}' is damaged: {problem}", name=run["run"], problem=run["problem"]
            )
    if as_json:
        printing.document({"runs": listed})
    elif listed:
        _list(listed)
    else:
        printing.note("there are no runs here yet")
        printing.advice("imagelet train digits makes the first one")


def _list(listed: list[dict[str, Any]]) -> None:
    rows = [
        (
            _name(run["run"], run["state"]),
            run["dataset"] or "",
            run["network"] or "",
            "" if run["epochs"] is None else str(run["epochs"]),
            _short_accuracy(run["validation"]),
            _short_accuracy(run["test"]),
            "" if run["test_evaluations"] is None else str(run["test_evaluations"]),
        )
        for run in listed
    ]
    printing.table(
        ("run", "dataset", "network", "epochs", "validation", "test", "test evaluations"),
        rows,
        right=("epochs", "validation", "test", "test evaluations"),
        whole=("run",),
    )


def _name(name: str, state: str) -> str:
    if state == "unfinished":
        return Message("{name} (unfinished)", name=name)
    return Message("{name} (damaged)", name=name) if state == "damaged" else name


def _short_accuracy(figures: dict[str, Any] | None) -> str:
    """Return an accuracy with its interval in few letters: ``98.33 % (96.4–99.2)``."""
    if figures is None:
        return ""
    low, high = figures["interval"]
    return f"{write_percent(figures['accuracy'])} % ({100 * low:.1f}–{100 * high:.1f})"


RunName = Annotated[
    str,
    typer.Argument(metavar="RUN", help="A finished run's folder or name.", autocompletion=completing.runs),
]
Runs = Annotated[
    Path | None, typer.Option("--runs", metavar="DIR", help="Where the runs are.", show_default="./runs")
]
Keep = Annotated[bool, typer.Option("--keep", help="Keep the new run beside RUN, as NAME-again.")]
Exact = Annotated[
    bool, typer.Option("--exact", help="Exit with 3 unless the weights are identical to the last bit.")
]


@commands.command(cls=Command, epilog="imagelet reproduce digits-small-cnn --exact")
def reproduce(
    run: RunName,
    runs: Runs = None,
    keep: Keep = False,
    exact: Exact = False,
    allow_import: AllowImport = False,
    as_json: Json = False,
) -> None:
    """Train RUN again from its folder, and compare the weights.

    Data, split, network, recipe, seed, device, precision and the number of threads are the run's. The test
    images are not read. On the same machine with the same versions the weights are identical to the last bit;
    where they are not, the predictions of both classifiers for the validation images are compared.

    Exit code 0: the weights are identical, or the predictions differ by no more than chance (McNemar's p is
    at least 0.05). Exit code 3: they differ by more; with --exact also where the weights are not identical.

    JSON: run, kept, identical, agrees, weights, first_epoch, part, images, accuracy, accuracy_again,
    difference, interval, p, both_correct, only_a, only_b, both_wrong, environment; weights is null or holds
    largest, tensor, size, differing, numbers; environment has what, then, now, reason for each thing that is
    not as it was; only_a counts the images that the run alone gets right, only_b those of the repetition.
    """
    from imagelet.runs.store import find_run

    original = find_run(run, runs)
    if keep:
        result = _reproduce(original, None, allow_import)
        _show_reproduction(result, result.again.folder, as_json)
    else:
        with tempfile.TemporaryDirectory(prefix="imagelet-") as folder:
            result = _reproduce(original, Path(folder), allow_import)
        _show_reproduction(result, None, as_json)
    if not (result.identical if exact else result.agrees):
        raise RequirementMissedError(
            Message("the weights are not identical")
            if exact
            else Message("the predictions differ by more than chance")
        )


def _reproduce(run: "Run", folder: Path | None, allow_import: bool) -> "Reproduction":
    """Train the run again, show the training, and compare.

    Args:
        run: a finished one.
        folder: for the new run, which is not kept; None: beside the run, where it is.
        allow_import: whether code that the run names is imported.
    """
    from imagelet.experiment.reproduce import compare, run_again

    try:
        options: dict[str, Any] = {"folder": folder, "allow_import": allow_import or None}
        again = trainings.watch(lambda progress: run_again(run, **options, progress=progress)).run
    except KeyboardInterrupt as interruption:
        if folder is None:
            raise
        raise KeyboardInterrupt(Message("stopped; the new run was not kept")) from interruption
    return compare(run, again)


def _show_reproduction(result: "Reproduction", kept: Path | None, as_json: bool) -> None:
    """Print the result; ``kept``: the folder of the new run, where it was kept."""
    if as_json:
        content = result.to_json()
        printing.document({"run": content.pop("run"), "kept": kept, **content})
        return
    facts: dict[str, str] = {Message("weights"): _weights(result), **_figures(result)}
    if kept is not None:
        facts[Message("kept")] = str(kept)
    printing.say()
    printing.facts(facts)
    if result.environment:
        printing.say()
        rows = [
            (change.what, _written(change.then), _written(change.now), Message(change.reason))
            for change in result.environment
        ]
        printing.table(("not as it was", "then", "now", "why it matters"), rows)
    elif not result.identical:
        printing.note(
            "nothing that was recorded differs: imagelet's files may have been changed, or the device does "
            "not compute the same twice"
        )


def _weights(result: "Reproduction") -> Message:
    if result.identical:
        return Message("identical to the last bit")
    apart = result.weights
    if apart is None:
        return Message("other names or shapes: the network is not the same")
    return Message(
        "not identical: {differing:,} of {numbers:,} numbers differ, by {largest:.2g} at most "
        "({tensor}, whose largest is {size:.2g})",
        differing=apart.differing,
        numbers=apart.numbers,
        largest=apart.largest,
        tensor=apart.tensor,
        size=apart.size,
    )


def _figures(result: "Reproduction") -> dict[str, str]:
    """Return the accuracy, and where the weights are not identical, how the predictions differ."""
    first, again = map(write_percent, result.accuracies)
    paired = result.paired
    name = Message("{part} accuracy", part=PARTS[result.part])
    images = count_images(paired.images)
    facts: dict[str, str] = {name: Message("{accuracy} %, {images}", accuracy=first, images=images)}
    if not result.identical:
        facts[name] = Message(
            "{first} % then, {again} % now, {images}", first=first, again=again, images=images
        )
        low, high = (100 * end for end in paired.interval)
        facts[Message("difference")] = Message(
            "{points:+.2f} points (95 % interval {low:+.2f} to {high:+.2f}): {then:,} correct then only, "
            "{now:,} now only; {chance}",
            points=100 * paired.difference,
            low=low,
            high=high,
            then=paired.only_a,
            now=paired.only_b,
            chance=_chance(result),
        )
    if result.first_epoch is not None:
        facts[Message("figures")] = Message("different from epoch {epoch} on", epoch=result.first_epoch)
    return facts


def _chance(result: "Reproduction") -> Message:
    if result.agrees:
        return Message("no more than chance (p = {p:.3g})", p=result.paired.p)
    return Message("more than chance (p = {p:.3g})", p=result.paired.p)


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or Message("none")
    return Message("not recorded") if value is None else str(value)
