"""`imagelet report`: a run, or several compared, as one page that needs nothing else."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagelet.cli import arguments, printing
from imagelet.cli.commands import Command, Group

if TYPE_CHECKING:
    from imagelet.report import Report

commands = typer.Typer(cls=Group)

Runs = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN...",
        help="A run's folder or name; of several the page compares them.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.html",
        help="Where to write the page.",
        show_default="report.html in the run folder, of several comparison.html here",
    ),
]
Test = Annotated[
    bool,
    typer.Option("--test", help="Evaluate on the test images, which is counted, and show them."),
]


@commands.command(cls=Command, epilog="imagelet report digits-small-cnn")
def report(runs: Runs, out: Out = None, test: Test = False, as_json: arguments.Json = False) -> None:
    """Write one page on a run: what was trained, how good it is, and why.

    Figures, mistakes, labels to look at, and what goes on inside the network, in one file that works offline,
    prints, and can be read aloud. Of several runs the page compares them. It shows figures of the test images
    where the run has them already, and pictures of the validation images.

    JSON: file, bytes, part, left_out, seconds; part is the one whose pictures are shown.
    """
    from imagelet.report import open_run, write_comparison, write_report

    with printing.progress("writing the report") as advance:
        if len(runs) > 1:
            written = write_comparison(runs, out, test=test, progress=advance)
        else:
            written = write_report(open_run(runs[0]), out, test=test, progress=advance)
    if as_json:
        printing.document(written.to_json())
    else:
        _show(written)


def _show(written: "Report") -> None:
    shown = "no pictures" if written.part is None else f"{written.part} images"
    printing.facts(
        {
            "page": str(written.file),
            "size": f"{arguments.write_size(written.size)}, {shown}",
            "seconds": f"{written.seconds:.1f}",
        }
    )
    for each in written.left_out:
        printing.note("left out: {what}", what=each)
    printing.advice("open it in a browser; it needs no network and can be handed on as it is")
