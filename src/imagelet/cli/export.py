"""`imagelet export`: a classifier for elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagelet.cli import printing
from imagelet.cli.commands import AllowImport, Command, Group, Json, RunArgument, count_images
from imagelet.errors import UsageError
from imagelet.html_repr import write_percent
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.interop.onnx import OnnxFile

commands = typer.Typer(cls=Group)

FORMS = ("onnx",)

To = Annotated[str, typer.Option("--to", metavar="FORM", help="What to make of it: onnx.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Where to write it (default the run's name, here)."),
]
Int8 = Annotated[
    bool,
    typer.Option(
        "--int8",
        help="Store and multiply 8-bit whole numbers, fitted on training images: smaller, and a little less "
        "exact; the accuracy before and after is printed.",
    ),
]


@commands.command(cls=Command, epilog="imagelet export digits-small-cnn --to onnx --out digits.onnx")
def export(
    run: RunArgument,
    to: To = "onnx",
    out: Out = None,
    int8: Int8 = False,
    allow_import: AllowImport = False,  # noqa: ARG001
    as_json: Json = False,
) -> None:
    """Write a classifier for elsewhere, checked to predict the same there.

    ONNX takes framed uint8 images (n, height, width, channels) and gives calibrated probabilities (n,
    classes), and whether each is sure; classes, framing and threshold are in its metadata.

    JSON: file, bytes, opset, checked_on, images, largest_difference, quantized: null, or with --int8
    {bytes_before, accuracy_before, accuracy_after, difference, milliseconds_before, milliseconds_after}.
    """
    from imagelet.interop.onnx import export_onnx

    if to not in FORMS:
        raise UsageError("'{given}' is no form to export to; it is onnx", hint="--to onnx", given=to)
    path = out or Path(f"{Path(run).stem}.{to}")
    printing.result(export_onnx(run, path, int8=int8), _show, as_json=as_json)


def _show(written: "OnnxFile") -> None:
    checked = Message(
        "{difference:.1e} of any probability, on {images} ({kind})",
        difference=written.largest_difference,
        images=count_images(written.images),
        kind=Message(written.checked_on),
    )
    rows = {
        Message("file"): f"{written.file} ({printing.write_size(written.bytes)})",
        "ONNX": Message("opset {opset}", opset=written.opset),
        Message("largest difference"): checked,
    }
    if made := written.quantized:
        low, high = (100 * end for end in made.difference.interval)
        rows |= {
            Message("size"): Message(
                "{after} in 8-bit numbers, {before} before",
                after=printing.write_size(written.bytes),
                before=printing.write_size(made.bytes_before),
            ),
            Message("validation accuracy"): Message(
                "{after} %, {before} % before: {difference:+.2f} points "
                "(95 % interval {low:+.2f} to {high:+.2f})",
                after=write_percent(made.accuracy_after),
                before=write_percent(made.accuracy_before),
                difference=100 * made.difference.difference,
                low=low,
                high=high,
            ),
            Message("one image"): Message(
                "{after:.2f} ms, {before:.2f} ms before",
                after=made.milliseconds_after,
                before=made.milliseconds_before,
            ),
        }
    printing.facts(rows)
