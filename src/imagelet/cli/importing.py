"""`imagelet import`: a model of Keras, or bare weights, as a classifier."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet import paths
from imagelet.cli import completing, printing
from imagelet.cli.commands import Command, Group, Json, read_shape, write_shape
from imagelet.errors import UsageError
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.interop.importing import Imported

commands = typer.Typer(cls=Group)

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="A model of Keras, .keras or .h5; or weights alone, .weights.h5 or .safetensors."
    ),
]
Network = Annotated[
    str | None,
    typer.Option(
        "--network",
        metavar="TEXT",
        help="For weights alone: whose they are, network text or a name.",
        autocompletion=completing.networks,
    ),
]
Classes = Annotated[
    str | None,
    typer.Option(
        "--classes",
        metavar="NAMES",
        help="The class names in the order of the outputs, cat,dog,other; or a dataset's name, whose way to "
        "frame pictures is taken, too (default they are numbered from 0).",
    ),
]
Scale = Annotated[
    float | None,
    typer.Option(
        "--scale",
        metavar="NUMBER",
        help="What pixels from 0 to 255 were divided by before the model took them: 255 for 0 to 1, 1 "
        "where they were left. Needed unless the model begins with a layer that scales them.",
    ),
]
Input = Annotated[
    str | None,
    typer.Option(
        "--input",
        metavar="HxWxC",
        help="Height, width and channels of an image, where the model takes rows of values, or for weights "
        "alone (default the model's, or that of the named network).",
    ),
]
FlatOrder = Annotated[
    str | None,
    typer.Option(
        "--flat-order",
        metavar="keras|pytorch",
        help="For .safetensors: how a flattened map has its values, cell by cell as in Keras, or channel by "
        "channel as in PyTorch (default PyTorch's, unless the weights have imagelet's names).",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Where to write it (default NAME.safetensors, here)."),
]


@commands.command(
    "import",
    cls=Command,
    epilog="imagelet import digits.keras --classes mnist --scale 255 --out digits.safetensors",
)
def import_(
    file: File,
    network: Network = None,
    classes: Classes = None,
    scale: Scale = None,
    input_shape: Input = None,
    flat_order: FlatOrder = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Make a classifier of a Keras model, or of bare weights.

    Neither Keras nor TensorFlow is needed, and nothing in the file is executed. Sequential and functional
    models come in whose layers network text knows; another layer is named with its place. Evaluating,
    predicting, explaining and exporting then work as with any classifier.

    JSON: classifier, network, parameters, input_shape, classes, normalization, ignored, assumed;
    normalization is {mean, std} of pixels from 0 to 1.
    """
    from imagelet.interop.importing import import_model

    path = out or Path(f"{file.name.split('.')[0]}.safetensors")
    if path.suffix != ".safetensors":
        raise UsageError("a classifier's file ends in .safetensors, not '{given}'", given=path.suffix)
    if path.exists():
        raise UsageError("'{out}' is there already", hint="name another: --out FILE", out=path)
    shape = None if input_shape is None else read_shape(input_shape)
    imported = import_model(file, network, classes, scale, shape, flat_order)
    imported.classifier.save(path)
    if as_json:
        printing.document(_facts(imported, path))
    else:
        _show(imported, path)


def _facts(imported: "Imported", path: Path) -> dict[str, Any]:
    classifier = imported.classifier
    return {
        "classifier": path,
        "network": classifier.network_text,
        "parameters": imported.parameters,
        "input_shape": classifier.input_shape,
        "classes": list(classifier.classes),
        "normalization": classifier.normalization.to_json(),
        "ignored": list(imported.ignored),
        "assumed": list(imported.assumed),
    }


def _show(imported: "Imported", path: Path) -> None:
    classifier = imported.classifier
    rows = {
        Message("classifier"): str(path),
        Message("network"): classifier.network_text,
        Message("parameters"): f"{imported.parameters:,}",
        Message("input"): write_shape(classifier.input_shape),
        Message("classes"): ", ".join(classifier.classes),
        Message("framing"): classifier.framing.kind,
    }
    printing.facts({str(name): value for name, value in rows.items()})
    for told in imported.ignored:
        printing.caution("left out: {what}", what=told)
    for told in imported.assumed:
        printing.caution("not stated, so taken: {what}", what=told)
    printing.advice("imagelet evaluate {file} --data DATASET gives its accuracy", file=paths.typed(path))
    printing.advice("imagelet predict {file} photo.png names the class of a picture", file=paths.typed(path))
