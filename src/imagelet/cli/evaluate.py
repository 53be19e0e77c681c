"""`imagelet evaluate`: figures on the locked test set, or on other labelled images."""

from typing import TYPE_CHECKING, Annotated

import typer

from imagelet.cli import arguments, printing
from imagelet.cli.commands import Command, Group

if TYPE_CHECKING:
    from imagelet.experiment import Evaluation

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


@commands.command(cls=Command, epilog="imagelet evaluate digits-small-cnn")
def evaluate(
    run: arguments.Run, data: Data = None, split: Split = "test", as_json: arguments.Json = False
) -> None:
    """Test a classifier on images that had no part in its training.

    Each look at a run's test images is counted: who chooses by them has no test set any more.

    JSON: dataset, split, images, accuracy, interval, loss, calibration_error, classes[{class, label,
    images, precision, recall, f1}], confusion, looks, seconds; the rows of confusion are labels, its columns
    answers.
    """
    from imagelet.experiment import evaluate as carry_out

    found = carry_out(run, data, split)
    if as_json:
        printing.document(found.to_json())
    else:
        _show(found)


def _show(found: "Evaluation") -> None:
    figures = found.to_json()
    facts = {
        "accuracy": arguments.write_accuracy(figures),
        "loss": f"{figures['loss']:.4f}",
        "calibration error": f"{figures['calibration_error']:.4f}",
        "images": f"{figures['images']:,}, {found.split} part of {found.dataset}",
    }
    if found.looks is not None:
        facts["looks"] = "the first at these test images" if found.looks == 1 else f"{found.looks} by now"
    facts["seconds"] = f"{found.seconds:.1f}"
    if found.figures is not None:
        facts["figures"] = str(found.figures)
    printing.facts(facts)
    printing.say()
    printing.table(
        ("class", "precision", "recall", "f1", "images"),
        [
            (
                each["label"],
                *(_share(each[name]) for name in ("precision", "recall", "f1")),
                f"{each['images']:,}",
            )
            for each in figures["classes"]
        ],
        right=("precision", "recall", "f1", "images"),
    )
    if confused := _most_confused(figures["confusion"], found.classes):
        printing.say("\nmost often confused")
        printing.table(("label", "answer", "images"), confused, right=("images",))


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"  # a class without images has no recall


def _most_confused(confusion: list[list[int]], classes: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """Return (label, answer, images) for the mistakes that were made most often."""
    mistakes = [
        (count, row, column)
        for row, counts in enumerate(confusion)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    mistakes.sort(key=lambda each: (-each[0], each[1], each[2]))
    return [(classes[row], classes[column], f"{count:,}") for count, row, column in mistakes[:MOST_CONFUSED]]
