"""`imagelet compare`, `report`: classifiers on the same images, and a page on a run or on several."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet.cli import completing, printing
from imagelet.cli.commands import (
    PARTS,
    AllowImport,
    Command,
    Group,
    Json,
    count_images,
    describe_interval,
    write_shape,
)
from imagelet.html_repr import write_percent
from imagelet.messages import Message

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
        autocompletion=completing.classifiers,
    ),
]
Split = Annotated[
    str,
    typer.Option(metavar="PART", help="On which images: validation, or test, which is counted in every run."),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Where to draw curves.png and disagreements.png (default nowhere)."),
]


@commands.command(cls=Command, epilog="imagelet compare digits-small-cnn digits-small-cnn-2 --out compared/")
def compare(
    runs: Runs,
    split: Split = "validation",
    out: Out = None,
    allow_import: AllowImport = False,  # noqa: ARG001
    as_json: Json = False,
) -> None:
    """Compare classifiers on the same images: better, or chance.

    It shows the settings that differ, the accuracies, and the images whose predictions differ. Each pair is
    compared image by image: the difference of their accuracies with a 95 % interval for paired data (Tango),
    and McNemar's exact p, corrected by Holm's method where there are several pairs. The result holds for
    these classifiers: another seed gives another classifier.

    Runs can be compared on validation images if they have them in common: equal --seed and --validation.

    JSON: dataset, split, part, images, runs[{run, accuracy, interval, images, loss, parameters, epochs,
    best_epoch, seconds, test_evaluations, history}], settings[{setting, values}], pairs[{a, b, difference,
    interval, p, both_correct, only_a, only_b, both_wrong, corrected_p}], disagreements[{image, label,
    predictions[{run, predicted, probability}]}], seconds, figures; difference is the accuracy of b minus that
    of a, from -1 to 1, image the index in part.
    """
    from imagelet.analysis.comparison import compare as compare_classifiers

    with printing.progress("predicting") as advance:
        comparison = compare_classifiers(runs, split, out, advance)
    printing.result(comparison, _show, as_json=as_json)


def _show(comparison: "Comparison") -> None:
    images = {"count": comparison.images, "part": PARTS[comparison.split], "dataset": comparison.dataset}
    facts: dict[str, str] = {Message("images"): Message("{count:,} {part} images of {dataset}", **images)}
    if comparison.split == "test":
        facts[Message("test evaluations")] = _test_evaluations(comparison)
    else:
        facts[Message("images")] = Message(
            "{count:,} {part} images of {dataset}, which chose the epochs", **images
        )
    facts[Message("disagree on")] = Message("{count:,} of them", count=len(comparison.disagreements))
    facts[Message("seconds")] = f"{comparison.seconds:.1f}"
    if comparison.figures:
        facts[Message("figures")] = ", ".join(map(str, comparison.figures))
    printing.facts(facts)
    printing.say()
    printing.table(
        ("run", "accuracy", "95 % interval", "loss", "parameters", "epochs", "training seconds"),
        map(_row, comparison.compared),
        right=("accuracy", "95 % interval", "loss", "parameters", "epochs", "training seconds"),
        whole=("run",),
    )
    names = [printing.verbatim(compared.name) for compared in comparison.compared]
    printing.say()
    if comparison.settings:
        printing.say("settings that differ")
        rows = [(name, *map(_written, values)) for name, values in comparison.settings.items()]
        printing.table((Message("setting"), *names), rows, whole=("setting",))
    else:
        printing.say("no settings differ")
    printing.say()
    for pair in comparison.pairs:
        printing.say(describe_pair(pair))
    if (count := len(comparison.pairs)) > 1:
        printing.say("p is corrected for {count} comparisons; the intervals are not", count=count)
    _show_disagreements(comparison, names)


def _test_evaluations(comparison: "Comparison") -> Message:
    """Return how often each run was evaluated on the test images: ``first 1, second 3``."""
    counts = ", ".join(
        f"{compared.name} {compared.test_evaluations}"
        for compared in comparison.compared
        if compared.test_evaluations is not None
    )
    return (
        Message("{counts} so far", counts=counts) if counts else Message("not counted: none of them is a run")
    )


def _row(compared: "Compared") -> tuple[str, ...]:
    return (
        compared.name,
        f"{write_percent(compared.accuracy)} %",
        describe_interval(compared.interval),
        f"{compared.loss:.4f}",
        f"{compared.parameters:,}",
        "" if compared.epochs is None else f"{compared.epochs}",
        "" if compared.seconds is None else f"{compared.seconds:.1f}",
    )


def describe_pair(pair: "Pair") -> Message:
    """Return the result for a pair as a sentence, from the side of the one with the higher accuracy.

    ``B is better than A by 0.31 points (95 % interval 0.10 to 0.52), p = 0.004; only B is correct on 43
    images, only A on 12``.
    """
    paired, low, high = pair.paired, *pair.paired.interval
    ahead, behind, ahead_alone, behind_alone = pair.b, pair.a, paired.only_b, paired.only_a
    if paired.difference < 0:
        ahead, behind, ahead_alone, behind_alone = behind, ahead, behind_alone, ahead_alone
        low, high = -high, -low
    names = {"ahead": ahead, "behind": behind}
    values = {**names, "points": _points(abs(paired.difference)), "low": _points(low), "high": _points(high)}
    if pair.corrected_p < SHOWN:
        verdict = Message(
            "{ahead} is better than {behind} by {points} points (95 % interval {low} to {high})", **values
        )
    elif paired.difference:
        verdict = Message(
            "no difference shown: {ahead} is ahead of {behind} by {points} points "
            "(95 % interval {low} to {high})",
            **values,
        )
    else:
        verdict = Message(
            "no difference shown: {behind} and {ahead} have the same accuracy "
            "(95 % interval of the difference {low} to {high} points)",
            **values,
        )
    return Message(
        "{verdict}, {p}; only {ahead} is correct on {images}, only {behind} on {count:,}",
        **names,
        verdict=verdict,
        p=_p(pair.corrected_p),
        images=count_images(ahead_alone),
        count=behind_alone,
    )


def _points(difference: float) -> str:
    """Return a difference of accuracies in percentage points, with a sign below 0; never rounded to 0."""
    written = write_percent(abs(difference))
    return f"-{written}" if difference < 0 else written


def _p(p: float) -> str:
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"


def _written(value: Any) -> str:
    """Return a setting's value as it is typed; a dash where it is not known."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return Message("yes") if value else Message("no")
    if isinstance(value, list):
        return write_shape(tuple(value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _show_disagreements(comparison: "Comparison", names: list[Message]) -> None:
    shown = comparison.disagreements[:SUREST]
    if not shown:
        return
    printing.say()
    printing.say("disagreements, the most confident first")
    image = Message("{part} image", part=PARTS[comparison.part])
    rows = []
    for disagreement in shown:
        cells = (
            f"{predicted} ({write_percent(probability)} %)"
            for predicted, probability in disagreement.predictions
        )
        rows.append((str(disagreement.image), disagreement.label, *cells))
    printing.table((image, Message("label"), *names), rows, right=(image,))
    if more := len(comparison.disagreements) - len(shown):
        printing.note("{count:,} more; --json lists all of them", count=more)


ReportedRuns = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN...",
        help="A run's folder or name; several are compared.",
        autocompletion=completing.runs,
    ),
]
Page = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.html",
        help="Where to write the page.",
        show_default="report.html in the run folder, for several comparison.html here",
    ),
]
Test = Annotated[
    bool, typer.Option("--test", help="Evaluate on the test images, which is counted, and show them.")
]


@commands.command(cls=Command, epilog="imagelet report digits-small-cnn")
def report(
    runs: ReportedRuns,
    out: Page = None,
    test: Test = False,
    allow_import: AllowImport = False,  # noqa: ARG001
    as_json: Json = False,
) -> None:
    """Write one page on a run: what was trained, how good it is, and why.

    It has the figures, misclassified images, label issues and what happens inside the network, in one file
    that works offline, can be printed, and suits screen readers. For several runs the page compares them. It
    shows the figures of the test images where the run has them already, and validation images.

    JSON: file, bytes, part, left_out, seconds; part is the one whose images are shown.
    """
    from imagelet.report import open_run, write_comparison, write_report

    with printing.progress("writing the report") as advance:
        if len(runs) > 1:
            written = write_comparison(runs, out, test=test, progress=advance)
        else:
            written = write_report(open_run(runs[0]), out, test=test, progress=advance)
    printing.result(written, _show_report, as_json=as_json)


def _show_report(written: "Report") -> None:
    size = printing.write_size(written.size)
    described = Message("{size}, no images", size=size)
    if written.part is not None:
        described = Message("{size}, {part} images", size=size, part=PARTS[written.part])
    printing.facts({"page": str(written.file), "size": described, "seconds": f"{written.seconds:.1f}"})
    for missing in written.left_out:
        printing.note("left out: {what}", what=missing)
    printing.advice("open it in a browser; it needs no network and can be passed on as it is")
