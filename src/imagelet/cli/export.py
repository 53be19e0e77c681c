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
    from imagelet.interop.page import PageFile

commands = typer.Typer(cls=Group)

FORMS = {"onnx": "onnx", "page": "html"}  # form → ending of its files

To = Annotated[str, typer.Option("--to", metavar="FORM", help="What to make of it: onnx or page.")]
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
Pictures = Annotated[
    bool,
    typer.Option(
        "--pictures",
        help="Let the file take pictures of any size, and resize them itself; for the framings fit, crop, "
        "half-crop and stretch.",
    ),
]


@commands.command(cls=Command, epilog="imagelet export digits-small-cnn --to page --out digits.html")
def export(
    run: RunArgument,
    to: To = "onnx",
    out: Out = None,
    int8: Int8 = False,
    pictures: Pictures = False,
    allow_import: AllowImport = False,  # noqa: ARG001
    as_json: Json = False,
) -> None:
    """Write a classifier for elsewhere, checked to predict the same there.

    ONNX takes framed uint8 images (n, height, width, channels) and gives calibrated probabilities (n,
    classes), and whether each is sure; classes, framing and threshold are in its metadata. With --pictures it
    takes uint8 RGB pictures (n, any height, any width, 3).

    A page is one HTML file: whoever opens it draws, photographs or opens a picture, and sees the prediction
    and the layers, in English and Korean. It needs no network and sends nothing. Its weights have half
    precision.

    JSON: file, bytes, opset, checked_on, images, largest_difference, quantized: null, or with --int8
    {bytes_before, accuracy_before, accuracy_after, difference, milliseconds_before, milliseconds_after},
    framed: null, or with --pictures {pictures, mean_difference}.

    JSON of a page: file, bytes, script_bytes, checked_on, images, same, largest_difference.
    """
    if to not in FORMS:
        raise UsageError(
            "'{given}' is no form to export to; it is onnx or page", hint="--to onnx, or --to page", given=to
        )
    path = out or Path(f"{Path(run).stem}.{FORMS[to]}")
    if to == "page":
        if int8:
            raise UsageError("a page's weights have half precision; --int8 goes with --to onnx")
        if pictures:
            raise UsageError("a page takes pictures of any size as it is; --pictures goes with --to onnx")
        from imagelet.interop.page import export_page

        with printing.progress("comparing weights in half precision") as advance:
            page = export_page(run, path, progress=advance)
        printing.result(page, _show_page, as_json=as_json)
        return
    from imagelet.interop.onnx import export_onnx

    printing.result(export_onnx(run, path, int8=int8, pictures=pictures), _show, as_json=as_json)


def _show_page(written: "PageFile") -> None:
    rows: dict[str, str] = {
        Message("file"): f"{written.file} ({printing.write_size(written.bytes)})",
        Message("same class"): Message(
            "{same:,} of {images} ({kind}), with weights in half precision",
            same=written.same,
            images=count_images(written.images),
            kind=Message(written.checked_on),
        ),
        Message("largest difference"): Message(
            "{difference:.1e} of any probability", difference=written.largest_difference
        ),
    }
    printing.facts(rows)
    printing.advice("open it in a browser, by a double click; it can be sent, and works without a network")


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
    if framed := written.framed:
        rows[Message("framing")] = Message(
            "inside, within {difference:.2f} grey levels of ours in the mean of a picture, on {images}",
            difference=framed.mean_difference,
            images=count_images(framed.pictures),
        )
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
