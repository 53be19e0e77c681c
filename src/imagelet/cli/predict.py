"""`imagelet predict`, `explain`: the classes of your own pictures, and what happens inside the network."""

import csv
import io
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from imagelet.cli import printing
from imagelet.cli.commands import AllowImport, Command, Group, Json, RunArgument, check_written
from imagelet.errors import PictureError, UsageError
from imagelet.html_repr import write_percent
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.analysis.explain import Explanation
    from imagelet.classifier.classifier import Classifier
    from imagelet.classifier.prediction import Prediction
    from imagelet.explanation.unit_trace import UnitTrace
    from imagelet.preprocessing.picture_files import StoredPicture

commands = typer.Typer(cls=Group)

STANDARD_INPUT = "-"
SHOWN_AT_MOST = 100  # pictures in seen.png; more take long to draw and are too small to see
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would compute what begins so

Images = Annotated[
    list[str],
    typer.Argument(
        metavar="IMAGE...",
        help="Picture files, folders with all pictures below, or - for one picture from standard input.",
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


class Picture(NamedTuple):
    """One picture to classify: its name in the predictions, and its path or content."""

    name: str
    source: Path | bytes


@dataclass(frozen=True)
class Failure:
    """A file without a prediction, and why."""

    file: str
    error: str


@commands.command(cls=Command, epilog="imagelet predict digits-small-cnn my-digits/ --top 3 --seen seen.png")
def predict(
    run: RunArgument,
    images: Images,
    top: Top = 3,
    seen: Seen = None,
    table: Table = None,
    allow_import: AllowImport = False,  # noqa: ARG001
    as_json: Json = False,
) -> None:
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
    classifier = Classifier.load(find_classifier(run))
    pictures, failures, understood = _gather(images)
    for sentence in understood:
        printing.note(sentence)
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
    if failures:
        raise typer.Exit(1)


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


NAMES = {
    "mean": Message("mean"),
    "deviation": Message("standard deviation"),
    "scale": Message("scale"),
    "shift": Message("shift"),
    "sum": Message("sum"),
    "subtracted": Message("subtracted"),
}

ExplainedPicture = Annotated[
    str,
    typer.Argument(
        metavar="IMAGE",
        help="A picture's file, or test:17 for an image of the dataset (train:, validation: and test:).",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where the pictures are drawn.", show_default="./explained-IMAGE"),
]
Target = Annotated[
    str | None,
    typer.Option(
        "--class", metavar="NAME", help="The class that the attribution is for.", show_default="predicted"
    ),
]
At = Annotated[
    str | None,
    typer.Option(
        metavar="LAYER:ROW,COLUMN,CHANNEL",
        help="Show how one number of a layer's output comes about instead; of flat values LAYER:INDEX.",
    ),
]
Scope = Annotated[
    str, typer.Option("--range", metavar="SCOPE", help="What a map's colours stand for: map, layer or all.")
]
Neighbours = Annotated[
    int, typer.Option(metavar="N", min=0, help="How many of the nearest training images to show; 0 for none.")
]


@commands.command(cls=Command, epilog="imagelet explain mnist photo.jpg --out inside/")
def explain(
    run: RunArgument,
    image: ExplainedPicture,
    out: Out = None,
    target: Target = None,
    at: At = None,
    scope: Scope = "layer",
    neighbours: Neighbours = 8,
    allow_import: AllowImport = False,  # noqa: ARG001
    as_json: Json = False,
) -> None:
    """Show what happens inside a network when it sees one picture.

    It draws the maps of every layer, the filters, the attribution of the class by four methods, over the
    picture and over the network's input, and the nearest training images. The first time, all training
    images of a run are embedded, which may take a minute; the embeddings are kept.

    JSON: prediction, layers[{name, kind, family, channelwise, sources, shape, low, high, zeros, silent, file,
    filters}], attributions[{method, class, name, probability, layer}], neighbours[{index, label, distance}],
    dead_units[{name, units, dead, images, fraction}], missing, files.

    JSON of --at: layer, kind, index, sources, method, inputs, weights, products, bias, result, text,
    following[{name, kind, value}] and more.
    """
    if at is not None:
        printing.result(_trace_unit(run, image, at), _show_unit, as_json=as_json)
        return
    from imagelet.analysis.explain import draw
    from imagelet.analysis.explain import explain as explain_picture

    with printing.progress("embedding training images") as advance:
        explanation = explain_picture(run, image, target, neighbours=neighbours, progress=advance)
    folder = out or Path(f"explained-{Path(image.replace(':', '-')).stem}")
    drawn = draw(explanation, folder, scope)
    if as_json:
        printing.document(explanation.to_json(drawn))
    else:
        _show_explanation(explanation, folder, len(drawn))


def _trace_unit(run: str, image: str, at: str) -> "UnitTrace":
    """Return the number that ``LAYER:ROW,COLUMN,CHANNEL`` names.

    Raises:
        UsageError: it is not written so.
    """
    layer, colon, written = at.rpartition(":")
    try:
        index = [int(number) for number in written.split(",")]
    except ValueError:
        index = []
    if not colon or not index:
        raise UsageError(
            "--at {at} does not name a number of a layer",
            hint="write LAYER:ROW,COLUMN,CHANNEL (--at conv1:3,4,0), or LAYER:INDEX (--at dense1:7)",
            at=at,
        )
    from imagelet.analysis.explain import load_and_frame
    from imagelet.explanation.unit_trace import trace_unit

    classifier, framed = load_and_frame(run, image)
    return trace_unit(classifier, framed.image, layer, index)


def _show_unit(number: "UnitTrace") -> None:
    place = ", ".join(map(str, number.index))
    printing.say(
        "{layer} at {place}: {result:.6g}",
        style="bold",
        layer=number.layer,
        place=place,
        result=number.result,
    )
    printing.say(number.text)
    size = " × ".join(map(str, number.inputs.shape))
    facts: dict[str, str] = {
        Message("from"): Message("{layers}, {size} numbers", layers=", ".join(number.sources), size=size)
    }
    facts |= {NAMES.get(name, name): f"{value:.6g}" for name, value in number.parts.items()}
    if number.weights is not None:
        facts[Message("bias")] = f"{number.bias:.6g}"
    for layer in number.following:
        name = Message("then {layer}", layer=layer.name)
        facts[name] = Message("takes other numbers, too") if layer.value is None else f"{layer.value:.6g}"
    printing.facts(facts)


def _show_explanation(explanation: "Explanation", folder: Path, files: int) -> None:
    printing.facts(_facts(explanation))
    printing.say()
    _show_layers(explanation)
    if explanation.dead:
        printing.note(
            "silent: no value above 0 for this picture; dead: for none of {images} training images",
            images=explanation.dead[0].images,
        )
    for missing in explanation.missing:
        printing.note("left out: {what}", what=missing)
    printing.say()
    printing.say(
        "{count} pictures in {folder}/; evidence.png shows the attribution of the class",
        count=files,
        folder=folder,
    )


def _facts(explanation: "Explanation") -> dict[str, str]:
    prediction, target = explanation.prediction, explanation.attributions[0]
    mark = "" if prediction.sure else "?"
    facts: dict[str, str] = {
        Message("predicted"): f"{prediction.predicted}{mark}   {write_percent(prediction.probability)} %",
        Message("attribution for"): f"{target.class_name}, {write_percent(target.probability)} %",
    }
    classifier = explanation.classifier
    temperature, augmentation = classifier.calibration.temperature, classifier.test_time_augmentation
    if temperature != 1 or augmentation != "none":
        facts[Message("calibration")] = Message(
            "logits divided by {temperature:.2f}, test-time augmentation: {augmentation}; "
            "softmax below has neither",
            temperature=temperature,
            augmentation=augmentation,
        )
    if prediction.warnings:
        facts[Message("remarks")] = printing.joined(prediction.warnings)
    if explanation.near is not None:
        classes = explanation.near.images.classes
        facts[Message("neighbours")] = "  ".join(
            f"{classes[neighbour.label]} ({neighbour.distance:.3f})" for neighbour in explanation.neighbours
        )
    return facts


def _show_layers(explanation: "Explanation") -> None:
    dead = {
        layer.name: Message("{count} of {units}", count=len(layer.dead), units=layer.units)
        for layer in explanation.dead
    }
    printing.table(
        ("layer", "kind", "output", "lowest", "highest", "zeros", "silent here", "dead"),
        [
            (
                layer.name,
                layer.kind,
                " × ".join(map(str, layer.shape)),
                f"{layer.low:.3g}",
                f"{layer.high:.3g}",
                f"{layer.zeros:.0%}",
                f"{layer.silent:.0%}" if layer.layer.rising else "",
                dead.get(layer.name, ""),
            )
            for layer in explanation.layers
        ],
        right=("lowest", "highest", "zeros", "silent here", "dead"),
    )
