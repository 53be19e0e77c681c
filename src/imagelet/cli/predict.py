"""`imagelet predict`: the classes of your own pictures."""

import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagelet.cli import arguments, printing
from imagelet.cli.commands import Command, Group
from imagelet.errors import PictureError, UsageError
from imagelet.html_repr import write_percent
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.classifier.classifier import Classifier
    from imagelet.classifier.prediction import Prediction

commands = typer.Typer(cls=Group)

STANDARD_INPUT = "-"
SHOWN_AT_MOST = 100  # pictures in seen.png; more take long to draw and are too small to see
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would compute what begins so

Images = Annotated[
    list[str],
    typer.Argument(
        metavar="IMAGE...",
        help="Picture files, folders with all pictures below, or - for one picture from standard input.",
        show_default=False,
    ),
]
Top = Annotated[int, typer.Option(metavar="N", min=1, help="How many classes to name for each picture.")]
Seen = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Draw each picture beside the network's input, with the prediction: seen.png."
    ),
]
Table = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", help="Write the predictions as a CSV table.")
]


@dataclass(frozen=True)
class Picture:
    """One picture to classify.

    Args:
        name: the file of its prediction.
        source: its path, or its content.
    """

    name: str
    source: Path | bytes


@dataclass(frozen=True)
class Failure:
    """A file without a prediction, and why."""

    file: str
    error: str


@commands.command(cls=Command, epilog="imagelet predict digits-small-cnn my-digits/ --top 3 --seen seen.png")
def predict(
    run: arguments.Run,
    images: Images,
    top: Top = 3,
    seen: Seen = None,
    table: Table = None,
    as_json: arguments.Json = False,
) -> None:
    """Predict the classes of your own pictures.

    A question mark follows an unsure prediction. A picture that cannot be read is named on standard error,
    the others are predicted, and the exit code is 1.

    JSON: predictions[{file, class, predicted, probability, top[{class, name, probability}], sure, warnings}],
    errors[{file, error}].
    """
    from imagelet.classifier.classifier import Classifier
    from imagelet.runs.store import find_classifier

    classifier = Classifier.load(find_classifier(run))
    pictures, failures = _gather(images)
    predictions, unreadable = _predict(classifier, pictures, top)
    failures += unreadable
    if table is not None:
        _write_table(predictions, table)
    if seen is not None and predictions:
        _draw(predictions, pictures, seen)
    if as_json:
        printing.document(
            {
                "predictions": [prediction.to_json() for prediction in predictions],
                "errors": [asdict(failure) for failure in failures],
            }
        )
    elif predictions:
        _show(predictions)
    for failure in failures:
        printing.failure(failure.error)
    if failures:
        raise typer.Exit(1)


def _gather(images: Sequence[str]) -> tuple[list[Picture], list[Failure]]:
    """Return the pictures that ``images`` name, in that order, and what of it names none.

    Raises:
        UsageError: standard input is named twice, or is a terminal.
    """
    from imagelet.preprocessing.picture import find_pictures

    if images.count(STANDARD_INPUT) > 1:
        raise UsageError("- is given twice; standard input holds one picture")
    pictures: list[Picture] = []
    failures: list[Failure] = []
    for given in images:
        path = Path(given).expanduser()
        if given == STANDARD_INPUT:
            pictures.append(Picture(given, _read_standard_input()))
        elif path.is_dir():
            try:
                files = find_pictures(path)
            except PictureError as error:
                failures.append(Failure(given, error.sentence))
                continue
            pictures += [Picture(str(file), file) for file in files]
            if not files:
                failures.append(Failure(given, Message("the folder '{name}' holds no pictures", name=given)))
        else:
            pictures.append(Picture(given, path))
    return pictures, failures


def _read_standard_input() -> bytes:
    if sys.stdin.isatty():
        raise UsageError(
            "- reads a picture from standard input, which is your keyboard here",
            "for example: imagelet predict digits-small-cnn - < digit.png",
        )
    return sys.stdin.buffer.read()


def _predict(
    classifier: "Classifier", pictures: list[Picture], top: int
) -> tuple[list["Prediction"], list[Failure]]:
    """Classify the pictures; return the predictions and what could not be read, each in the given order."""
    predictions: list[Prediction] = []
    failures: list[Failure] = []
    with printing.progress("classifying") as advance:
        results = classifier.predict_each([picture.source for picture in pictures], top=top)
        for done, (picture, result) in enumerate(zip(pictures, results, strict=True), start=1):
            if isinstance(result, PictureError):
                failures.append(Failure(picture.name, result.sentence))
            else:
                predictions.append(replace(result, file=picture.name))
            advance(done, len(pictures))
    return predictions, failures


def _show(predictions: list["Prediction"]) -> None:
    rows = []
    for prediction in predictions:
        others = (f"{name} {write_percent(probability)} %" for name, probability in prediction.top[1:])
        remarks = [] if prediction.sure else [Message("unsure")]
        rows.append(
            (
                prediction.file,
                prediction.predicted if prediction.sure else f"{prediction.predicted}?",
                f"{write_percent(prediction.probability)} %",
                ", ".join(others),
                printing.joined([*remarks, *prediction.warnings]),
            )
        )
    printing.table(("file", "predicted", "probability", "then", "remarks"), rows, right=("probability",))


def _write_table(predictions: list["Prediction"], path: Path) -> None:
    """Write the predictions as CSV (UTF-8), whole or not at all; no cell is a spreadsheet's formula."""
    from imagelet import atomic_files

    most = max((len(prediction.top) for prediction in predictions), default=1)
    also = [name for rank in range(2, most + 1) for name in (f"predicted_{rank}", f"probability_{rank}")]
    content = io.StringIO()
    writer = csv.writer(content)
    writer.writerow(["file", "class", "predicted", "probability", "sure", "warnings", *also])
    for prediction in predictions:
        others = [
            cell
            for name, probability in prediction.top[1:]
            for cell in (_harmless(name), f"{probability:.6f}")
        ]
        writer.writerow(
            [
                _harmless(prediction.file),
                prediction.class_index,
                _harmless(prediction.predicted),
                f"{prediction.probability:.6f}",
                "yes" if prediction.sure else "no",
                "; ".join(prediction.warnings),
                *others,
            ]
        )
    atomic_files.write_bytes(path, content.getvalue().encode("utf-8", "replace"))


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _draw(predictions: list["Prediction"], pictures: list[Picture], path: Path) -> None:
    """Write a sheet of the pictures beside the network's input; a question mark follows an unsure one."""
    import numpy as np

    from imagelet import plots
    from imagelet.preprocessing.inspection import thumbnail

    shown = predictions[:SHOWN_AT_MOST]
    sources = {picture.name: picture.source for picture in pictures}
    sheet = plots.seen(
        [thumbnail(sources[prediction.file]) for prediction in shown],
        np.stack([prediction.framed_input for prediction in shown]),
        [
            plots.answer_line(prediction.predicted, prediction.probability, unsure=not prediction.sure)
            for prediction in shown
        ],
        [Path(prediction.file).name for prediction in shown],
        [prediction.warnings for prediction in shown],
        [not prediction.sure for prediction in shown],
    )
    plots.save(sheet, path)
    if len(shown) < len(predictions):
        printing.note(
            "{file} shows the first {count} of {total} pictures",
            file=path,
            count=len(shown),
            total=len(predictions),
        )
