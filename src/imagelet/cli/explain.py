"""`imagelet explain`: what happens inside a network when it sees one picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagelet.cli import arguments, printing
from imagelet.cli.commands import Command, Group
from imagelet.errors import UsageError
from imagelet.html_repr import write_percent

if TYPE_CHECKING:
    from imagelet.analysis.explain import Explanation
    from imagelet.classifier.classifier import Classifier
    from imagelet.explanation.unit_trace import UnitTrace

commands = typer.Typer(cls=Group)


Picture = Annotated[
    str,
    typer.Argument(
        metavar="IMAGE",
        help="A picture's file, or test:17 for an image of the dataset (train:, validation: and test:).",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where the pictures are drawn.", show_default="./explained-IMAGE"),
]
Target = Annotated[
    str | None,
    typer.Option(
        "--class", metavar="NAME", help="The class that the evidence is about.", show_default="the answer"
    ),
]
At = Annotated[
    str | None,
    typer.Option(
        metavar="LAYER:ROW,COLUMN,CHANNEL",
        help="Take one number of a layer's output apart instead; of flat values LAYER:PLACE.",
        show_default=False,
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
    run: arguments.Run,
    image: Picture,
    out: Out = None,
    target: Target = None,
    at: At = None,
    scope: Scope = "layer",
    neighbours: Neighbours = 8,
    as_json: arguments.Json = False,
) -> None:
    """Show what happens inside a network when it sees one picture.

    Drawn are the maps of every layer, the filters, where the evidence for the answer lies, by four methods,
    over the picture and over what the network saw of it, and the training images that are nearest to it. The
    first time, all training images of a run are embedded, which may take a minute; they are kept.

    JSON: prediction, layers[{name, kind, family, channelwise, sources, shape, low, high, zeros, silent, file,
    filters}], attributions[{method, class, name, probability, layer}], neighbours[{index, label, distance}],
    dead_units[{name, units, dead, images, share}], missing, files.

    JSON of --at: layer, kind, index, sources, method, inputs, weights, products, bias, result, text,
    following[{name, kind, value}] and more.
    """
    if at is not None:
        number = _trace_unit(run, image, at)
        if as_json:
            printing.document(number.to_json())
        else:
            _show_number(number)
        return
    from imagelet.analysis.explain import draw
    from imagelet.analysis.explain import explain as run_experiment

    with printing.progress("embedding training images") as advance:
        found = run_experiment(run, image, target, neighbours=neighbours, progress=advance)
    folder = out or Path(f"explained-{Path(image.replace(':', '-')).stem}")
    drawn = draw(found, folder, scope)
    if as_json:
        printing.document(found.to_json(drawn))
    else:
        _show(found, folder, len(drawn))


def _trace_unit(run: str, image: str, at: str) -> "UnitTrace":
    """Return the number that ``LAYER:ROW,COLUMN,CHANNEL`` names.

    Raises:
        UsageError: it is not written so.
    """
    layer, colon, written = at.rpartition(":")
    try:
        index = [int(each) for each in written.split(",")]
    except ValueError:
        index = []
    if not colon or not index:
        raise UsageError(
            "--at {at} does not name a number of a layer",
            hint="write LAYER:ROW,COLUMN,CHANNEL (--at conv1:3,4,0), or LAYER:PLACE (--at dense1:7)",
            at=at,
        )
    from imagelet.analysis.explain import load_and_frame
    from imagelet.explanation.unit_trace import trace_unit

    classifier, framed = load_and_frame(run, image)
    return trace_unit(classifier, framed.image, layer, index)


def _show_number(number: "UnitTrace") -> None:
    place = ", ".join(map(str, number.index))
    printing.say(
        "{layer} at {place}: {result:.6g}",
        style="bold",
        layer=number.layer,
        place=place,
        result=number.result,
    )
    printing.say(number.text)
    facts = {"from": f"{', '.join(number.sources)}, {' × '.join(map(str, number.inputs.shape))} numbers"}
    facts |= {name: f"{value:.6g}" for name, value in number.parts.items()}
    if number.weights is not None:
        facts["bias"] = f"{number.bias:.6g}"
    for each in number.following:
        facts[f"then {each.name}"] = "takes other numbers, too" if each.value is None else f"{each.value:.6g}"
    printing.facts(facts)


def _calibration(classifier: "Classifier") -> dict[str, str]:
    """Return what the probabilities above have and the softmax layer in the table below has not."""
    temperature, augmentation = classifier.calibration.temperature, classifier.test_time_augmentation
    if temperature == 1 and augmentation == "none":
        return {}
    changes = f"logits divided by {temperature:.2f}, test-time augmentation: {augmentation}"
    return {"calibration": f"{changes}; softmax below has neither"}


def _show(found: "Explanation", folder: Path, files: int) -> None:
    prediction = found.prediction
    doubt = "" if prediction.sure else "?"
    asked = found.attributions[0]
    facts = {
        "answer": f"{prediction.predicted}{doubt}   {write_percent(prediction.probability)} %",
        "evidence for": f"{asked.class_name}, {write_percent(asked.probability)} %",
    }
    facts |= _calibration(found.classifier)
    if prediction.warnings:
        facts["remarks"] = "; ".join(prediction.warnings)
    if found.near is not None:
        classes = found.near.images.classes
        facts["neighbours"] = "  ".join(
            f"{classes[each.label]} ({each.distance:.3f})" for each in found.neighbours
        )
    printing.facts(facts)
    printing.say()
    dead = {each.name: f"{len(each.dead)} of {each.units}" for each in found.dead}
    printing.table(
        ("layer", "kind", "output", "lowest", "highest", "zeros", "silent here", "dead"),
        [
            (
                each.name,
                each.kind,
                " × ".join(map(str, each.shape)),
                f"{each.low:.3g}",
                f"{each.high:.3g}",
                f"{each.zeros:.0%}",
                f"{each.silent:.0%}" if each.layer.rising else "",
                dead.get(each.name, ""),
            )
            for each in found.layers
        ],
        right=("lowest", "highest", "zeros", "silent here", "dead"),
    )
    if found.dead:
        printing.note(
            "silent: no value above 0 for this picture; dead: for none of {images} training images",
            images=found.dead[0].images,
        )
    for each in found.missing:
        printing.note("left out: {what}", what=each)
    printing.say(
        "\n{files} pictures in {folder}/; evidence.png shows where the answer comes from",
        files=files,
        folder=folder,
    )
