"""`imagelet compare`, `report`: classifiers on the same images, and a page on a run or on several."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet.cli import arguments, printing
from imagelet.cli.commands import Command, Group
from imagelet.html_repr import write_percent

if TYPE_CHECKING:
    from imagelet.analysis.comparison import Compared, Comparison, Pair
    from imagelet.report import Report

commands = typer.Typer(cls=Group)

SHOWN = 0.05  # a p below it is taken to show a difference
SUREST = 5  # disagreements that are named

Runs = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN...",
        help="Two or more: runs' folders or names, .safetensors files, shipped classifiers' names.",
        show_default=False,
    ),
]
Split = Annotated[
    str,
    typer.Option(metavar="PART", help="On which images: validation, or test, which is counted in every run."),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Where to draw curves.png and disagreements.png (default nowhere).",
        show_default=False,
    ),
]


@commands.command(cls=Command, epilog="imagelet compare digits-small-cnn digits-small-cnn-2 --out compared/")
def compare(
    runs: Runs,
    split: Split = "validation",
    out: Out = None,
    as_json: arguments.Json = False,
) -> None:
    """Compare classifiers on the same images: better, or chance.

    Told are the settings that differ, the accuracies, and the images whose predictions differ. Each two
    are compared image by image: the difference of their accuracies with a 95 % interval for paired data
    (Tango's), and McNemar's exact p; of more than two, p is corrected for their number (Holm's way). What is
    found is about these classifiers: another seed gives another classifier.

    Runs can be compared on validation images if they have them in common: equal --seed and --validation.

    JSON: dataset, split, part, images, runs[{run, accuracy, interval, images, loss, parameters, epochs,
    best_epoch, seconds, test_evaluations, history}], settings[{setting, values}], pairs[{a, b, difference,
    interval, p, both_correct, only_a, only_b, both_wrong, corrected_p}], disagreements[{image, label,
    predictions[{run, predicted, probability}]}], seconds, figures; difference is the accuracy of b minus that
    of a, from -1 to 1, image the index in part.
    """
    from imagelet.analysis.comparison import compare as run_experiment

    with printing.progress("asking classifiers") as advance:
        found = run_experiment(runs, split, out, advance)
    if as_json:
        printing.document(found.to_json())
    else:
        _show(found)


def _show(found: "Comparison") -> None:
    chosen = "" if found.split == "test" else ", which chose the epochs"
    printing.facts(
        {
            "images": f"{found.images:,} {found.split} images of {found.dataset}{chosen}",
            **({"test evaluations": _test_evaluations(found)} if found.split == "test" else {}),
            "disagree on": f"{len(found.disagreements):,} of them",
            "seconds": f"{found.seconds:.1f}",
            **({"figures": ", ".join(map(str, found.figures))} if found.figures else {}),
        }
    )
    printing.say()
    _show_runs(found)
    names = [each.name for each in found.compared]
    if found.settings:
        printing.say("\nsettings that differ")
        rows = [(name, *map(_written, values)) for name, values in found.settings.items()]
        printing.table(("setting", *names), rows, whole=("setting",))
    else:
        printing.say("\nno settings differ")
    printing.say()
    for pair in found.pairs:
        printing.say(describe_pair(pair))
    if len(found.pairs) > 1:
        printing.say("p is corrected for {count} comparisons; the intervals are not", count=len(found.pairs))
    _show_disagreements(found, names)


def _test_evaluations(found: "Comparison") -> str:
    """Return how often each run was evaluated on the test images: ``first 1, second 3``."""
    counted = [
        f"{each.name} {each.test_evaluations}" for each in found.compared if each.test_evaluations is not None
    ]
    return f"{', '.join(counted)} so far" if counted else "not counted: none of them is a run"


def _show_runs(found: "Comparison") -> None:
    numbers = ("accuracy", "95 % interval", "loss", "parameters", "epochs", "training seconds")
    printing.table(("run", *numbers), [_row(each) for each in found.compared], right=numbers, whole=("run",))


def _row(each: "Compared") -> tuple[str, ...]:
    low, high = map(write_percent, each.interval)
    return (
        each.name,
        f"{write_percent(each.accuracy)} %",
        f"{low} to {high} %",
        f"{each.loss:.4f}",
        f"{each.parameters:,}",
        "" if each.epochs is None else f"{each.epochs}",
        "" if each.seconds is None else f"{each.seconds:.1f}",
    )


def describe_pair(pair: "Pair") -> str:
    """Return what is found of a pair as a sentence, from the side of the one with the higher accuracy.

    ``B is better than A by 0.31 points (95 % interval 0.10 to 0.52), p = 0.004; only A is right on 12
    images, only B on 43``.
    """
    found, low, high = pair.paired, *pair.paired.interval
    ahead, behind, ahead_alone, behind_alone = pair.b, pair.a, found.only_b, found.only_a
    if found.difference < 0:
        ahead, behind, ahead_alone, behind_alone = behind, ahead, behind_alone, ahead_alone
        low, high = -high, -low
    points = f"{_points(abs(found.difference))} points (95 % interval {_points(low)} to {_points(high)})"
    if pair.corrected_p < SHOWN:
        told = f"{ahead} is better than {behind} by {points}"
    elif found.difference:
        told = f"no difference shown: {ahead} is ahead of {behind} by {points}"
    else:
        points = f"95 % interval of the difference {_points(low)} to {_points(high)} points"
        told = f"no difference shown: {behind} and {ahead} have the same accuracy ({points})"
    alone = f"only {ahead} is right on {_images(ahead_alone)}, only {behind} on {behind_alone:,}"
    return f"{told}, {_p(pair.corrected_p)}; {alone}"


def _points(difference: float) -> str:
    """Return a difference of shares in percentage points, with a sign below 0; never rounded to 0."""
    written = write_percent(abs(difference))
    return f"-{written}" if difference < 0 else written


def _p(p: float) -> str:
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"


def _images(number: int) -> str:
    return f"{number:,} image" + ("" if number == 1 else "s")


def _written(value: Any) -> str:
    """Return a setting's value as it is typed; a dash where it is not known."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return arguments.write_shape(tuple(value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _show_disagreements(found: "Comparison", names: list[str]) -> None:
    shown = found.disagreements[:SUREST]
    if not shown:
        return
    printing.say("\nthe surest disagreements")
    printing.table(
        (f"{found.part} image", "label", *names),
        [
            (
                f"{each.image}",
                each.label,
                *(
                    f"{predicted} ({write_percent(probability)} %)"
                    for predicted, probability in zip(each.predictions, each.probabilities, strict=True)
                ),
            )
            for each in shown
        ],
        right=(f"{found.part} image",),
    )
    if len(shown) < len(found.disagreements):
        printing.note("{count:,} more; --json lists all of them", count=len(found.disagreements) - len(shown))


ReportedRuns = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN...",
        help="A run's folder or name; of several the page compares them.",
        show_default=False,
    ),
]
Page = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.html",
        help="Where to write the page.",
        show_default="report.html in the run folder, of several comparison.html here",
    ),
]
Test = Annotated[
    bool,
    typer.Option("--test", help="Evaluate on the test images, which is counted, and show them."),
]


@commands.command(cls=Command, epilog="imagelet report digits-small-cnn")
def report(runs: ReportedRuns, out: Page = None, test: Test = False, as_json: arguments.Json = False) -> None:
    """Write one page on a run: what was trained, how good it is, and why.

    Figures, mistakes, labels to look at, and what goes on inside the network, in one file that works offline,
    prints, and can be read aloud. Of several runs the page compares them. It shows figures of the test images
    where the run has them already, and pictures of the validation images.

    JSON: file, bytes, part, left_out, seconds; part is the one whose pictures are shown.
    """
    from imagelet.report import open_run, write_comparison, write_report

    with printing.progress("writing the report") as advance:
        if len(runs) > 1:
            written = write_comparison(runs, out, test=test, progress=advance)
        else:
            written = write_report(open_run(runs[0]), out, test=test, progress=advance)
    if as_json:
        printing.document(written.to_json())
    else:
        _show_report(written)


def _show_report(written: "Report") -> None:
    shown = "no pictures" if written.part is None else f"{written.part} images"
    printing.facts(
        {
            "page": str(written.file),
            "size": f"{printing.write_size(written.size)}, {shown}",
            "seconds": f"{written.seconds:.1f}",
        }
    )
    for each in written.left_out:
        printing.note("left out: {what}", what=each)
    printing.advice("open it in a browser; it needs no network and can be handed on as it is")
