"""What `imagelet predict` and `imagelet classifiers` do, in a light installation, too."""

import contextlib
import csv
import io
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from imagelet.cli import printing
from imagelet.errors import PictureError, UsageError, packages_needed
from imagelet.html_repr import write_percent
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.classifier.classifier import Classifier
    from imagelet.classifier.prediction import Prediction
    from imagelet.preprocessing.picture_files import StoredPicture

STANDARD_INPUT = "-"
SHOWN_AT_MOST = 100  # pictures in seen.png; more take long to draw and are too small to see
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would compute what begins so


class Picture(NamedTuple):
    """One picture to classify: its name in the predictions, and its path or content."""

    name: str
    source: Path | bytes


@dataclass(frozen=True)
class Failure:
    """A file without a prediction, and why."""

    file: str
    error: str


def predict(
    run: str,
    images: list[str],
    top: int = 3,
    seen: Path | None = None,
    table: Path | None = None,
    device: str = "cpu",
    threads: str = "auto",
    allow_import: bool = False,
    as_json: bool = False,
) -> int:
    """Predict the classes of your own pictures.

    A question mark follows an unsure prediction. A picture that cannot be read is named on standard error,
    the others are predicted, and the exit code is 1. Files in a folder that are no pictures are counted.

    JSON: predictions[{file, class, predicted, probability, top[{class, name, probability}], sure, warnings}],
    errors[{file, error}], understood.
    """
    from imagelet.classifier.classifier import Classifier
    from imagelet.runs.store import find_classifier

    check_written("--seen", seen, drawn=True)
    check_written("--csv", table)
    classifier = Classifier.load(find_classifier(run), allow_import=allow_import or None)
    pictures, failures, understood = _gather(images)
    for sentence in understood:
        printing.note(sentence)
    with _computing(classifier, device, threads):
        predictions, unreadable = _predict(classifier, pictures, top)
    failures += unreadable
    if table is not None:
        _write_table(predictions, table)
    if seen is not None and predictions:
        _draw(predictions, pictures, seen)
    if as_json:
        printing.document({"predictions": predictions, "errors": failures, "understood": understood})
    elif predictions:
        _show(predictions)
    for failure in failures:
        printing.failure(failure.error)
    return 1 if failures else 0


def _gather(images: Sequence[str]) -> tuple[list[Picture], list[Failure], list[Message]]:
    """Return the pictures that ``images`` name, in that order, what of it names none, and what is left out.

    Raises:
        UsageError: standard input is named twice, or is a terminal.
    """
    from imagelet.preprocessing.file_kind import left_out

    if images.count(STANDARD_INPUT) > 1:
        raise UsageError("- is given twice; standard input holds one picture")
    pictures: list[Picture] = []
    failures: list[Failure] = []
    understood: list[Message] = []
    for given in images:
        if ADDRESS.match(given):
            raise UsageError(
                "'{given}' is an address; pictures are files on this computer",
                "download it first, then name the file",
                given=given,
            )
        path = Path(given).expanduser()
        if given == STANDARD_INPUT:
            pictures.append(Picture(given, _read_standard_input()))
        elif path.is_dir():
            try:
                files, others = _sorted_out(path)
            except PictureError as error:
                failures.append(Failure(given, error.sentence))
                continue
            pictures += [Picture(str(file), file) for file in files]
            if told := left_out(others):
                understood.append(Message("{folder}: {told}", folder=given, told=told))
            if not files:
                failures.append(Failure(given, Message("the folder '{name}' holds no pictures", name=given)))
        else:
            pictures.append(Picture(given, path))
    return pictures, failures, understood


def _sorted_out(folder: Path) -> tuple[list[Path], "list[StoredPicture]"]:
    """Return the pictures in a folder and below, and the files that are none by their names."""
    from imagelet.preprocessing.picture_files import DiskFolder, files_in, is_picture

    files: list[Path] = []
    others: list[StoredPicture] = []
    for place, name in files_in(DiskFolder(folder)):
        if is_picture(name):
            files.append(place.path / name)
        else:
            others.append(place.picture(name))
    return files, others


def _read_standard_input() -> bytes:
    if sys.stdin.isatty():
        raise UsageError(
            "- reads a picture from standard input, which is your keyboard here",
            "for example: imagelet predict digits-small-cnn - < digit.png",
        )
    return sys.stdin.buffer.read()


@contextlib.contextmanager
def _computing(classifier: "Classifier", device: str, threads: str) -> Iterator[None]:
    """Let the classifier compute on a device with so many threads in the block."""
    if (device, threads) == ("cpu", "auto"):
        yield  # perhaps without torch, which takes its time to start
        return
    with packages_needed():
        from imagelet.device import choose_device, choose_threads, using_threads

    classifier.to(choose_device(device))
    with using_threads(choose_threads(threads)):
        yield


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
    if (count := len(shown)) < (total := len(predictions)):
        printing.note(
            "{file} shows the first {count} of {total} pictures", file=path, count=count, total=total
        )


def check_written(option: str, path: Path | None, *, drawn: bool = False) -> None:
    """Raise where a file that an option names cannot be written; nothing has been computed yet.

    Args:
        option: ``--csv``.
        path: the file; None: the option is not given.
        drawn: it will be a picture, which is written as PNG.

    Raises:
        UsageError: another suffix than ``.png``, or a folder that is not there.
    """
    if path is None:
        return
    if drawn and path.suffix.lower() != ".png":
        raise UsageError(
            "{option} {out} is not a PNG file",
            "{option} {file}",
            option=option,
            out=path,
            file=path.with_suffix(".png"),
        )
    if not path.parent.is_dir():
        raise UsageError(
            "{option} {out}: there is no folder {folder}",
            "make it first: mkdir -p {folder}",
            option=option,
            out=path,
            folder=path.parent,
        )


def classifiers(name: str | None = None, as_json: bool = False) -> int:
    """List the classifiers that come with imagelet, or show one's card.

    Each can be given wherever a run can: imagelet predict mnist photo.jpg.

    JSON: classifiers[{name, file, bytes, dataset, recipe, classes}]; with NAME the fields of that one and
    card, its text.
    """
    from imagelet.registry import Registry
    from imagelet.runs.store import shipped_classifiers

    shipped: Registry[Path] = Registry(Message("shipped classifier"), "imagelet classifiers")
    for known, path in shipped_classifiers().items():
        shipped.add(known, path)
    if name is None:
        listed = [_classifier_facts(known, shipped.get(known)) for known in shipped]
        if as_json:
            printing.document({"classifiers": listed})
        else:
            _list_classifiers(listed)
        return 0
    path = shipped.get(name)
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    if as_json:
        printing.document({**_classifier_facts(name, path), "card": card})
    else:
        _, _, text = card.removeprefix("---").partition("---")  # the front matter is for programs
        printing.say(text.strip())
    return 0


def _classifier_facts(name: str, path: Path) -> dict[str, Any]:
    from imagelet.classifier.classifier import Classifier

    classifier = Classifier.load(path)
    return {
        "name": name,
        "file": path,
        "bytes": path.stat().st_size,
        "dataset": classifier.training["dataset"],
        "recipe": classifier.training["recipe"]["name"],
        "classes": list(classifier.classes),
    }


def _list_classifiers(listed: Sequence[dict[str, Any]]) -> None:
    rows = [
        (known["name"], known["recipe"], printing.write_size(known["bytes"]), ", ".join(known["classes"]))
        for known in listed
    ]
    printing.table(("name", "recipe", "size", "classes"), rows, right=("size",), whole=("name", "recipe"))
    printing.advice("imagelet predict mnist PICTURE classifies your own pictures")
