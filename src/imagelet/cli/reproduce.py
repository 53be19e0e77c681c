"""`imagelet reproduce`: a run carried out again, and whether the same comes out."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet.cli import arguments, printing
from imagelet.cli.commands import Command, Group
from imagelet.cli.watching import watch
from imagelet.errors import RequirementMissedError
from imagelet.html_repr import write_percent
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.experiment.reproduce import Reproduction
    from imagelet.runs.run import Run

commands = typer.Typer(cls=Group)

RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="A finished run's folder or name.", show_default=False)
]
Runs = Annotated[
    Path | None,
    typer.Option("--runs", metavar="DIR", help="Where the runs are.", show_default="./runs"),
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
    as_json: arguments.Json = False,
) -> None:
    """Carry RUN out again from its folder, and compare the weights.

    Data, split, network, recipe, seed, device, precision and the number of threads are the run's. The test
    images are not read. On the same machine with the same versions the weights are identical to the last bit;
    where they are not, both classifiers answer the validation images.

    Exit code 0: the weights are identical, or the answers differ by no more than chance (McNemar's p is at
    least 0.05). Exit code 3: they differ by more; with --exact also where the weights are not identical.

    JSON: run, kept, identical, agrees, weights, first_epoch, part, images, accuracy, accuracy_again,
    difference, interval, p, both_right, only_a, only_b, both_wrong, environment; weights is null or holds
    largest, tensor, size, differing, numbers; environment has what, then, now, reason for each thing that is
    not as it was; only_a counts the images that the run alone gets right, only_b those of the repetition.
    """
    from imagelet.runs.store import find_run

    found = find_run(run, runs)
    if keep:
        result = _carry_out(found, None)
        _report(result, result.again.folder, as_json)
    else:
        with tempfile.TemporaryDirectory(prefix="imagelet-") as folder:
            result = _carry_out(found, Path(folder))
        _report(result, None, as_json)
    if not (result.identical if exact else result.agrees):
        raise RequirementMissedError(
            Message("the weights are not identical")
            if exact
            else Message("the answers differ by more than chance")
        )


def _carry_out(run: "Run", folder: Path | None) -> "Reproduction":
    """Carry the run out again in front of the user's eyes, and compare.

    Args:
        run: a finished one.
        folder: for the new run, which is not kept; None: beside the run, where it is.
    """
    from imagelet.experiment.reproduce import compare, run_again

    try:
        with printing.progress("reading data") as progress:
            events = run_again(run, folder=folder, progress=progress)
            first = next(events)
        again = watch(first, events).run
    except KeyboardInterrupt as interruption:
        if folder is None:
            raise
        raise KeyboardInterrupt("stopped; the new run was not kept") from interruption
    return compare(run, again)


def _report(result: "Reproduction", kept: Path | None, as_json: bool) -> None:
    """Print what came of it; ``kept``: the folder of the new run, where it was kept."""
    if as_json:
        content = result.to_json()
        printing.document({"run": content.pop("run"), "kept": kept, **content})
        return
    rows = {"weights": _weights(result), **_figures(result)}
    if kept is not None:
        rows["kept"] = str(kept)
    printing.say()
    printing.facts(rows)
    if result.environment:
        printing.say()
        printing.table(
            ("not as it was", "then", "now", "why it matters"),
            [
                (each.what, _written(each.then), _written(each.now), each.reason)
                for each in result.environment
            ],
        )
    elif not result.identical:
        printing.note(
            "nothing that is noted of the two differs: imagelet's files may have been changed, or the device "
            "does not compute the same twice"
        )


def _weights(result: "Reproduction") -> str:
    if result.identical:
        return "identical to the last bit"
    apart = result.weights
    if apart is None:
        return "of other names or shapes: the network is not the same"
    return (
        f"not identical: {apart.differing:,} of {apart.numbers:,} numbers differ, by {apart.largest:.2g} at "
        f"most ({apart.tensor}, whose largest is {apart.size:.2g})"
    )


def _figures(result: "Reproduction") -> dict[str, str]:
    """Return the accuracy, and where the weights are not identical, how the answers differ."""
    first, again = (write_percent(each) for each in result.accuracies)
    paired = result.paired
    name, images = f"{result.part} accuracy", f"{paired.images:,} images"
    rows = {name: f"{first} %, {images}"}
    if not result.identical:
        low, high = (100 * end for end in paired.interval)
        rows[name] = f"{first} % then, {again} % now, {images}"
        rows["difference"] = (
            f"{100 * paired.difference:+.2f} points (95 % interval {low:+.2f} to {high:+.2f}): "
            f"{paired.only_a:,} right then only, {paired.only_b:,} now only; {_chance(result)}"
        )
    if result.first_epoch is not None:
        rows["figures"] = f"other ones from epoch {result.first_epoch} on"
    return rows


def _chance(result: "Reproduction") -> str:
    words = "no more than chance" if result.agrees else "more than chance"
    return f"{words} (p = {result.paired.p:.3g})"


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "not noted" if value is None else str(value)
