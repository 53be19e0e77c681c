"""`imagelet predict`, `explain`: the classes of your own pictures, and what happens inside the network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagelet.cli import completing, light, printing
from imagelet.cli.commands import AllowImport, Command, Group, Json, RunArgument, typed
from imagelet.errors import UsageError
from imagelet.html_repr import write_percent
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.analysis.explain import Explanation
    from imagelet.explanation.unit_trace import UnitTrace

commands = typer.Typer(cls=Group)

commands.command("predict", cls=Command, epilog=light.PREDICT.example)(
    typed(light.PREDICT, run={"autocompletion": completing.classifiers})
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
