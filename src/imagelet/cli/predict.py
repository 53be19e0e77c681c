"""`imagelet predict`: what own pictures show."""

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

if TYPE_CHECKING:
    from imagelet.classifier.classifier import Classifier
    from imagelet.classifier.prediction import Prediction

commands = typer.Typer(cls=Group)

STANDARD_INPUT = "-"
SHOWN_AT_MOST = 100  # pictures in seen.png; more take long to draw and are too small to see
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would carry out

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
        metavar="FILE", help="Draw each picture beside what the network saw of it, with its answer: seen.png."
    ),
]
Table = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", help="Write the answers as a CSV table.")
]


@dataclass(frozen=True)
class Picture:
    """One picture to classify.

    Args:
        name: as it is written in the answer.
        source: its path, or its content.
    """

    name: str
    source: Path | bytes


@dataclass(frozen=True)
class Failure:
    """What has no answer, and why."""

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
    """Say what your own pictures show.

    A question mark stands behind an answer that is unsure. A picture that cannot be read is named on standard
    error, the others are answered, and the exit code is 1.

    JSON: predictions[{file, class, predicted, probability, top[{class, name, probability}], sure, warnings}],
    errors[{file, error}].
    """
    from imagelet.classifier.classifier import Classifier
    from imagelet.runs.store import find_classifier

    classifier = Classifier.load(find_classifier(run))
    pictures, failures = _gather(images)
    answers, unreadable = _answer(classifier, pictures, top)
    failures += unreadable
    if table is not None:
        _write_table(answers, table)
    if seen is not None and answers:
        _draw(answers, pictures, seen)
    if as_json:
        printing.document(
            {
                "predictions": [answer.to_json() for answer in answers],
                "errors": [asdict(failure) for failure in failures],
            }
        )
    elif answers:
        _show(answers)
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
        raise UsageError("- stands twice; standard input gives one picture")
    pictures: list[Picture] = []
    failures: list[Failure] = []
    for given in images:
        path = Path(given).expanduser()
        if given == STANDARD_INPUT:
            pictures.append(Picture(given, _read_standard_input()))
        elif path.is_dir():
            try:
                found = find_pictures(path)
            except PictureError as error:
                failures.append(Failure(given, str(error)))
                continue
            pictures += [Picture(str(each), each) for each in found]
            if not found:
                failures.append(Failure(given, f"the folder '{given}' holds no pictures"))
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


def _answer(
    classifier: "Classifier", pictures: list[Picture], top: int
) -> tuple[list["Prediction"], list[Failure]]:
    """Classify the pictures; return the answers and what could not be read, each in the given order."""
    answers: list[Prediction] = []
    failures: list[Failure] = []
    with printing.progress("classifying") as advance:
        results = classifier.predict_each([each.source for each in pictures], top=top)
        for done, (picture, result) in enumerate(zip(pictures, results, strict=True), start=1):
            if isinstance(result, PictureError):
                failures.append(Failure(picture.name, str(result)))
            else:
                answers.append(replace(result, file=picture.name))
            advance(done, len(pictures))
    return answers, failures


def _show(answers: list["Prediction"]) -> None:
    rows = []
    for answer in answers:
        others = ", ".join(f"{name} {write_percent(share)} %" for name, share in answer.top[1:])
        remarks = [] if answer.sure else ["unsure"]
        rows.append(
            (
                answer.file,
                answer.predicted if answer.sure else f"{answer.predicted}?",
                f"{write_percent(answer.probability)} %",
                others,
                "; ".join([*remarks, *answer.warnings]),
            )
        )
    printing.table(("file", "predicted", "probability", "then", "remarks"), rows, right=("probability",))


def _write_table(answers: list["Prediction"], path: Path) -> None:
    """Write the answers as CSV (UTF-8), whole or not at all; no cell is a spreadsheet's formula."""
    from imagelet import atomic_files

    places = max((len(answer.top) for answer in answers), default=1)
    also = [name for place in range(2, places + 1) for name in (f"predicted_{place}", f"probability_{place}")]
    content = io.StringIO()
    writer = csv.writer(content)
    writer.writerow(["file", "class", "predicted", "probability", "sure", "warnings", *also])
    for answer in answers:
        others = [cell for name, share in answer.top[1:] for cell in (_harmless(name), f"{share:.6f}")]
        writer.writerow(
            [
                _harmless(answer.file),
                answer.class_index,
                _harmless(answer.predicted),
                f"{answer.probability:.6f}",
                "yes" if answer.sure else "no",
                "; ".join(answer.warnings),
                *others,
            ]
        )
    atomic_files.write_bytes(path, content.getvalue().encode("utf-8", "replace"))


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _draw(answers: list["Prediction"], pictures: list[Picture], path: Path) -> None:
    """Write a sheet of the pictures beside what the network saw; a question mark means unsure."""
    import numpy as np

    from imagelet import plots
    from imagelet.preprocessing.inspection import thumbnail

    shown = answers[:SHOWN_AT_MOST]
    sources = {picture.name: picture.source for picture in pictures}
    sheet = plots.seen(
        [thumbnail(sources[answer.file]) for answer in shown],
        np.stack([answer.framed_input for answer in shown]),
        [plots.answer_line(each.predicted, each.probability, unsure=not each.sure) for each in shown],
        [Path(answer.file).name for answer in shown],
        [answer.warnings for answer in shown],
        [not answer.sure for answer in shown],
    )
    plots.save(sheet, path)
    if len(shown) < len(answers):
        printing.note(
            "{path} shows the first {count} of {total} pictures",
            path=path,
            count=len(shown),
            total=len(answers),
        )
