"""`imagelet evaluate`: figures on the locked test set, or on other labelled images."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet.cli import printing
from imagelet.cli.commands import (
    PARTS,
    AllowImport,
    Command,
    Group,
    Json,
    RunArgument,
    caution_learned_before,
    count_images,
    describe_accuracy,
    describe_uneven,
    warn_of_namesake,
)
from imagelet.cli.train_options import Device, Threads
from imagelet.errors import UsageError
from imagelet.html_repr import write_percent
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.analysis.evaluate import Evaluation
    from imagelet.analysis.robustness import RobustnessReport

commands = typer.Typer(cls=Group)

MOST_CONFUSED = 5  # pairs of classes that are named

Data = Annotated[
    str | None,
    typer.Option(
        metavar="DATASET_OR_CSV",
        help="Other labelled images: a dataset's name, a file or folder of your own (imagelet data formats), "
        "or a CSV file with the columns path and label (default what the run was trained on). Or the new "
        "place of the run's own data: unchanged, its test part is the run's.",
    ),
]
Split = Annotated[str, typer.Option(metavar="PART", help="Which part of it: test or validation.")]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Where to draw the confusion matrix, misclassified images, label issues and the calibration "
        "(default the run's figures/, of other images nowhere).",
    ),
]
Cell = Annotated[
    str | None,
    typer.Option(
        metavar="LABEL,PREDICTED",
        help="Also draw and list the images with this label and this predicted class, a cell of the "
        "confusion matrix: 4,9.",
    ),
]
SkipBad = Annotated[
    bool,
    typer.Option("--skip-bad", help="Leave out pictures of --data that cannot be read, and say which."),
]
Corruptions = Annotated[
    bool,
    typer.Option(
        "--shift",
        help="Measure the accuracy on corrupted images instead: turned, moved, thinned, blurred, and more.",
    ),
]


@commands.command(cls=Command, epilog="imagelet evaluate mnist --data my-digits/ --out misclassified/")
def evaluate(
    run: RunArgument,
    data: Data = None,
    split: Split = "test",
    out: Out = None,
    cell: Cell = None,
    shift: Corruptions = False,
    allow_import: AllowImport = False,  # noqa: ARG001
    skip_bad: SkipBad = False,
    device: Device = "cpu",
    threads: Threads = "auto",
    as_json: Json = False,
) -> None:
    """Test a classifier on images that had no part in its training.

    Each evaluation of a run on its test images is counted: once you choose by them, they are no test set any
    more. Where it is known who wrote each image, by a column source of a CSV file or as in qmnist, there is
    an interval by people, too.

    Images are numbered from 0, as they lie in their part. Label issues, labels that may be wrong, are found
    by confident learning, from predictions for images that the classifier has not learned from. Look at these
    images: a confident wrong prediction looks the same. Where classes are uneven, balanced accuracy and macro
    F1 count them alike. Copies narrow no interval.

    JSON: dataset, understood, split, images, distinct_images, accuracy, interval, balanced_accuracy,
    balanced_accuracy_interval, macro_f1, macro_f1_interval, uneven, most_frequent, copies_of_training, loss,
    calibration_error, classes[{class, name, images, precision, recall, f1}], confusion, misclassified[{image,
    label, predicted, probability, label_probability, second}], label_issues[{image, label, suggested,
    probability, label_probability}], confused[{label, predicted, images}], reliability[{low, high, images,
    confidence, accuracy, interval}], sources, interval_by_source, test_evaluations, learned_before, seconds;
    rows of confusion are labels, columns predicted classes; most_frequent has class and accuracy;
    copies_of_training and learned_before (by the start) are of a run's test images; sources may be null.
    With --cell also cell: label, predicted, images, figure.

    JSON of own pictures has besides unsure, correct_but_unsure, and misclassified[{file, label, predicted,
    probability, warnings}]; its label_issues have file in place of image, its cells files in place of images.

    JSON of --shift: dataset, understood, images, corruptions[{corruption, unit, strength, accuracy,
    interval, unsure}], test_evaluations, seconds, figure.
    """
    from imagelet.analysis.evaluate import evaluate as evaluate_run

    if shift and cell is not None:
        raise UsageError("--cell and --shift are two evaluations", hint="leave one of them out")
    warn_of_namesake(data)
    rest: dict[str, Any] = {"split": split, "out": out, "skip_bad": skip_bad}
    rest |= {"device": device, "threads": threads}
    if shift:
        return printing.result(_corrupted(run, data, **rest), _show_corruptions, as_json=as_json)
    return printing.result(evaluate_run(run, data, cell=cell, **rest), _show, as_json=as_json)


def _corrupted(run: str, data: str | None, **rest: Any) -> "RobustnessReport":
    from imagelet.analysis.robustness import evaluate_corruptions

    with printing.progress("changing images") as advance:
        return evaluate_corruptions(run, data, progress=advance, **rest)


def _show(evaluation: "Evaluation") -> None:
    for sentence in evaluation.understood:
        printing.note(sentence)
    caution_learned_before(evaluation.learned_before, evaluation.metrics.images)
    figures = evaluation.to_json()
    images, part = figures["images"], PARTS[evaluation.split]
    facts: dict[str, str] = {
        **describe_accuracy(Message("accuracy"), figures),
        **describe_uneven(figures),
        Message("loss"): f"{figures['loss']:.4f}",
        Message("calibration error"): f"{figures['calibration_error']:.4f}",
        Message("images"): Message(
            "{count:,}, {part} part of {dataset}", count=images, part=part, dataset=evaluation.dataset
        ),
    }
    if evaluation.pictures is not None:
        facts |= _of_pictures(evaluation.dataset, figures)
    if copies := figures.get("copies_of_training"):
        facts[Message("copies")] = Message(
            "{count:,} of these images are copies of training images: they say nothing of new ones",
            count=copies,
        )
    facts |= _by_source(figures)
    facts |= _counted(evaluation.test_evaluations)
    facts[Message("seconds")] = f"{evaluation.seconds:.1f}"
    if evaluation.figures is not None:
        facts[Message("figures")] = str(evaluation.figures)
    printing.facts(facts)
    printing.say()
    numbers = ("precision", "recall", "f1")
    rows = [
        (known["name"], *(_figure(known[name]) for name in numbers), f"{known['images']:,}")
        for known in figures["classes"]
    ]
    headings = (Message("class"), Message("precision"), Message("recall"), Message("f1"), Message("images"))
    printing.table(headings, rows, right=headings[1:])
    kind = "images" if evaluation.pictures is None else "files"
    if confused := sorted(figures["confused"], key=lambda cell: -len(cell[kind]))[:MOST_CONFUSED]:
        rows = [(cell["label"], cell["predicted"], f"{len(cell[kind]):,}") for cell in confused]
        printing.say()
        printing.say("most often confused")
        printing.table(("label", "predicted", "images"), rows, right=("images",))
    _show_images(evaluation, figures)


def _of_pictures(name: str, figures: Mapping[str, Any]) -> dict[str, str]:
    """Return what is known of own pictures beside the figures."""
    return {
        Message("images"): Message("{count:,} of {dataset}", count=figures["images"], dataset=name),
        Message("unsure"): Message(
            "{count:,} predictions, {correct:,} of them correct",
            count=figures["unsure"],
            correct=figures["correct_but_unsure"],
        ),
    }


def _by_source(figures: Mapping[str, Any]) -> dict[str, str]:
    """Return the accuracy's interval by who wrote the images; nothing where nobody said."""
    if figures["interval_by_source"] is None:
        return {}
    low, high = map(write_percent, figures["interval_by_source"])
    interval = Message(
        "95 % interval {low} to {high} %, {count:,} sources", low=low, high=high, count=figures["sources"]
    )
    return {Message("by source"): interval}


def _counted(test_evaluations: int | None) -> dict[str, str]:
    """Return how often the run was evaluated on its test images; nothing where the images were others."""
    if test_evaluations is None:
        return {}
    count = Message("{count} so far", count=test_evaluations)
    return {Message("test evaluations"): Message("the first of this run") if test_evaluations == 1 else count}


def _show_corruptions(report: "RobustnessReport") -> None:
    """Print a row for each corruption: its strengths, the weakest first, with the accuracies."""
    for sentence in report.understood:
        printing.note(sentence)
    plain = {**report.plain.to_json(), "images": report.images}
    facts: dict[str, str] = {
        **describe_accuracy(Message("accuracy"), plain),
        Message("images"): Message("{count:,} of {dataset}", count=report.images, dataset=report.dataset),
        **_counted(report.test_evaluations),
        Message("seconds"): f"{report.seconds:.1f}",
    }
    if report.figure is not None:
        facts[Message("figure")] = str(report.figure)
    printing.facts(facts)
    rows: dict[str, list[str]] = {}
    for point in report.corrupted:
        row = rows.setdefault(point.corruption, [Message(point.corruption), Message(point.unit)])
        row.append(f"{point.strength:g}: {100 * point.accuracy:.1f} %")
    longest = max(len(row) for row in rows.values())
    headings = (Message("corruption"), Message("strength"), Message("accuracy"), *[""] * (longest - 3))
    printing.say()
    printing.table(headings, [row + [""] * (longest - len(row)) for row in rows.values()])


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"  # a class without images has no recall


MOST_MISCLASSIFIED = 10  # images that are named,
MOST_LABEL_ISSUES = 5  # of those whose labels may be wrong,
MOST_IN_CELL = 20  # and of a cell
COLUMNS = {
    "image": Message("image"),
    "file": Message("file"),
    "label": Message("label"),
    "predicted": Message("predicted"),
    "suggested": Message("suggested"),
    "probability": Message("probability"),
    "remarks": Message("remarks"),
}


def _show_images(evaluation: "Evaluation", figures: Mapping[str, Any]) -> None:
    """Print misclassified images, label issues, and the cell that was asked for; figures are plain data."""
    own = evaluation.pictures is not None
    name, remarks = ("file", ("remarks",)) if own else ("image", ())
    heading = Message("misclassified, the most confident first")
    columns = (name, "label", "predicted", "probability", *remarks)
    show_some(heading, columns, figures["misclassified"], MOST_MISCLASSIFIED)
    issues = figures["label_issues"]
    heading = Message(
        "{count:,} of {total:,} labels may be wrong: look at these images",
        count=len(issues),
        total=figures["images"],
    )
    show_some(heading, (name, "label", "suggested", "probability"), issues, MOST_LABEL_ISSUES)
    if evaluation.cell is not None:
        _show_cell(figures["cell"], "files" if own else "images")


def show_some(
    heading: Message, columns: tuple[str, ...], records: Sequence[Mapping[str, Any]], most: int
) -> None:
    """Print the first of ``records`` under a heading, and how many more there are; nothing if there are none.

    Args:
        heading: above the table.
        columns: some of the names in ``COLUMNS``, which are those of the records' fields.
        records: plain data.
        most: how many are printed.
    """
    if not records:
        return
    printing.say()
    printing.say(heading)
    rows = [[_cell_text(record, column) for column in columns] for record in records[:most]]
    printing.table([COLUMNS[name] for name in columns], rows, right=("image", "probability"))
    if len(records) > most:
        printing.note("{count:,} more; --json lists all of them", count=len(records) - most)


def _cell_text(record: Mapping[str, Any], column: str) -> str:
    if column == "probability":
        return f"{write_percent(record['probability'])} %"
    if column == "remarks":
        return printing.joined(record["warnings"])
    return str(record[column])  # an image's number is without commas: it may be typed again


def _show_cell(cell: Mapping[str, Any], kind: str) -> None:
    """Print a cell of the confusion matrix, whose field ``kind`` holds the images or the files in it."""
    within = cell[kind]
    printing.say()
    printing.say(
        "label {label}, predicted {predicted}: {images}",
        label=cell["label"],
        predicted=cell["predicted"],
        images=count_images(len(within)),
    )
    if within and kind == "images":
        printing.say(", ".join(map(str, within[:MOST_IN_CELL])))
    else:
        for path in within[:MOST_IN_CELL]:
            printing.say(printing.verbatim(path))
    if len(within) > MOST_IN_CELL:
        printing.note("{count:,} more; --json lists all of them", count=len(within) - MOST_IN_CELL)
    if cell["figure"] is not None:
        printing.say("drawn as {file}", file=cell["figure"])
    elif within:
        printing.advice("--out FOLDER draws them")
