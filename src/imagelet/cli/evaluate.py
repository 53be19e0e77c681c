"""`imagelet evaluate`: figures on the locked test set, or on other labelled images."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet.cli import arguments, printing
from imagelet.cli.commands import Command, Group
from imagelet.errors import UsageError
from imagelet.html_repr import write_percent
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.analysis.evaluate import Evaluation
    from imagelet.analysis.own_pictures import OwnPictures
    from imagelet.analysis.robustness import RobustnessReport

commands = typer.Typer(cls=Group)

MOST_CONFUSED = 5  # pairs of classes that are named

Data = Annotated[
    str | None,
    typer.Option(
        metavar="DATASET_OR_CSV",
        help="Other labelled images: a dataset's name, a folder with one subfolder a class, or a CSV file "
        "with the columns path and label (default what the run was trained on).",
        show_default=False,
    ),
]
Split = Annotated[str, typer.Option(metavar="PART", help="Which part of it: test or validation.")]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Where to draw the confusion matrix, misclassified images, label issues and the calibration "
        "(default the run's figures/, of other images nowhere).",
        show_default=False,
    ),
]
Cell = Annotated[
    str | None,
    typer.Option(
        metavar="LABEL,PREDICTED",
        help="Also draw and list the images with this label and this predicted class, a cell of the "
        "confusion matrix: 4,9.",
        show_default=False,
    ),
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
    run: arguments.Run,
    data: Data = None,
    split: Split = "test",
    out: Out = None,
    cell: Cell = None,
    shift: Corruptions = False,
    as_json: arguments.Json = False,
) -> None:
    """Test a classifier on images that had no part in its training.

    Each evaluation of a run on its test images is counted: who chooses by them has no test set any more. A
    CSV file may have a column source: then the interval is given by people, too.

    Images are numbered from 0, as they lie in their part. Label issues, labels that may be wrong, are found
    by confident learning, from predictions for images that the classifier has not learned from. Look at these
    images: a confident wrong prediction looks the same.

    JSON: dataset, split, images, accuracy, interval, loss, calibration_error, classes[{class, name,
    images, precision, recall, f1}], confusion, misclassified[{image, label, predicted, probability,
    label_probability, second}], label_issues[{image, label, suggested, probability, label_probability}],
    confused[{label, predicted, images}], reliability[{low, high, images, confidence, accuracy, interval}],
    test_evaluations, seconds; the rows of confusion are labels, its columns predicted classes. With --cell
    also cell: label, predicted, images, figure.

    JSON of own pictures has besides unsure, correct_but_unsure, sources, interval_by_source, and
    misclassified[{file, label, predicted, probability, warnings}]; its label_issues have file in place of
    image, its cells files in place of images.

    JSON of --shift: dataset, images, corruptions[{corruption, unit, strength, accuracy, interval, unsure}],
    test_evaluations, seconds, figure.
    """
    from imagelet.analysis.evaluate import evaluate as run_experiment
    from imagelet.analysis.robustness import evaluate_corruptions

    if shift and cell is not None:
        raise UsageError("--cell and --shift are two evaluations", hint="leave one of them out")
    if shift:
        with printing.progress("changing images") as advance:
            report = evaluate_corruptions(run, data, split, out, advance)
        if as_json:
            printing.document(report.to_json())
        else:
            _show_corruptions(report)
        return
    found = run_experiment(run, data, split, out, cell)
    if as_json:
        printing.document(found.to_json())
    else:
        _show(found)


def _show(found: "Evaluation") -> None:
    figures = found.to_json()
    facts = {
        **arguments.describe_accuracy(Message("accuracy"), figures),
        "loss": f"{figures['loss']:.4f}",
        "calibration error": f"{figures['calibration_error']:.4f}",
        "images": f"{figures['images']:,}, {found.split} part of {found.dataset}",
    }
    if found.pictures is not None:
        facts |= _of_pictures(found.pictures, found.dataset, figures["images"])
    facts |= _counted(found.test_evaluations)
    facts["seconds"] = f"{found.seconds:.1f}"
    if found.figures is not None:
        facts["figures"] = str(found.figures)
    printing.facts(facts)
    printing.say()
    printing.table(
        ("class", "precision", "recall", "f1", "images"),
        [
            (
                each["name"],
                *(_share(each[name]) for name in ("precision", "recall", "f1")),
                f"{each['images']:,}",
            )
            for each in figures["classes"]
        ],
        right=("precision", "recall", "f1", "images"),
    )
    if confused := _most_confused(figures["confusion"], found.classes):
        printing.say("\nmost often confused")
        printing.table(("label", "predicted", "images"), confused, right=("images",))
    _show_images(found, figures)


def _of_pictures(pictures: "OwnPictures", name: str, images: int) -> dict[str, str]:
    """Return what is known of own pictures beside the figures."""
    facts = {
        "images": f"{images:,} of {name}",
        "unsure": f"{pictures.unsure:,} predictions, {pictures.correct_but_unsure:,} of them correct",
    }
    if pictures.by_source is not None:
        low, high = (write_percent(each) for each in pictures.by_source)
        facts["by source"] = f"95 % interval {low} to {high} %, {pictures.sources:,} sources"
    return facts


def _counted(test_evaluations: int | None) -> dict[str, str]:
    """Return how often the run was evaluated on its test images; nothing where the images were others."""
    if test_evaluations is None:
        return {}
    first = test_evaluations == 1
    return {"test evaluations": "the first of this run" if first else f"{test_evaluations} so far"}


def _show_corruptions(report: "RobustnessReport") -> None:
    """Print a row for each corruption: its strengths, the weakest first, with the accuracies."""
    plain = {**report.plain.to_json(), "images": report.images}
    printing.facts(
        {
            **arguments.describe_accuracy(Message("accuracy"), plain),
            "images": f"{report.images:,} of {report.dataset}",
            **_counted(report.test_evaluations),
            "seconds": f"{report.seconds:.1f}",
            **({} if report.figure is None else {"figure": str(report.figure)}),
        }
    )
    rows: dict[str, list[str]] = {}
    for point in report.corrupted:
        row = rows.setdefault(point.corruption, [point.corruption, point.unit])
        row.append(f"{point.strength:g}: {100 * point.accuracy:.1f} %")
    longest = max(len(row) for row in rows.values())
    headings = ("corruption", "strength", "accuracy", *[""] * (longest - 3))
    printing.say()
    printing.table(headings, [row + [""] * (longest - len(row)) for row in rows.values()])


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"  # a class without images has no recall


def _most_confused(confusion: list[list[int]], classes: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """Return (label, predicted class, images) for the classes that are confused most often."""
    pairs = [
        (count, row, column)
        for row, counts in enumerate(confusion)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    return [(classes[row], classes[column], f"{count:,}") for count, row, column in pairs[:MOST_CONFUSED]]


MOST_MISCLASSIFIED = 10  # images that are named,
MOST_LABEL_ISSUES = 5  # of those whose labels may be wrong,
MOST_IN_CELL = 20  # and of a cell


def _show_images(found: "Evaluation", told: Mapping[str, Any]) -> None:
    """Print misclassified images, label issues, and the cell that was asked for.

    Args:
        found: an evaluation.
        told: the same as plain data.
    """
    name = "image" if found.pictures is None else "file"
    remarks = () if found.pictures is None else ("remarks",)
    columns = (name, "label", "predicted", "probability", *remarks)
    show_some("misclassified, the most confident first", columns, told["misclassified"], MOST_MISCLASSIFIED)
    issues = told["label_issues"]
    labels = f"{len(issues):,} of {found.metrics.images:,} labels may be wrong: look at these images"
    show_some(labels, (name, "label", "suggested", "probability"), issues, MOST_LABEL_ISSUES)
    if found.cell is not None:
        _show_cell(found, told["cell"])


def show_some(
    heading: str, columns: tuple[str, ...], records: Sequence[Mapping[str, Any]], most: int
) -> None:
    """Print the first of ``records`` under a heading, and how many more there are; nothing of none."""
    if not records:
        return
    printing.say("\n{heading}", heading=heading)
    rows = [[_written(record, column) for column in columns] for record in records[:most]]
    printing.table(columns, rows, right=("image", "probability"))
    if len(records) > most:
        printing.note("{count:,} more; --json lists all of them", count=len(records) - most)


def _written(record: Mapping[str, Any], column: str) -> str:
    if column == "probability":
        return f"{write_percent(record['probability'])} %"
    if column == "remarks":
        return "; ".join(record["warnings"])
    return str(
        record[column]
    )  # of an image its number, without the comma of thousands: it may be typed again


def _show_cell(found: "Evaluation", cell: Mapping[str, Any]) -> None:
    within = cell["images"] if found.pictures is None else cell["files"]
    count = f"{len(within):,} {'image' if len(within) == 1 else 'images'}"
    printing.say(
        "\nlabel {label}, predicted {predicted}: {count}",
        label=cell["label"],
        predicted=cell["predicted"],
        count=count,
    )
    if within and found.pictures is None:
        printing.say(", ".join(map(str, within[:MOST_IN_CELL])))
    else:
        for path in within[:MOST_IN_CELL]:
            printing.say(path)
    if len(within) > MOST_IN_CELL:
        printing.note("{count:,} more; --json lists all of them", count=len(within) - MOST_IN_CELL)
    if cell["figure"] is not None:
        printing.say("drawn as {cell}", cell=cell["figure"])
    elif within:
        printing.advice("--out FOLDER draws them")
