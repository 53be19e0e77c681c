"""`imagelet conv`, `pool`: layer arithmetic, with how each number comes about."""

import contextlib
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet.cli import printing
from imagelet.cli.commands import Command, Group, Json
from imagelet.errors import UsageError
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.explanation.arithmetic import Working
    from imagelet.networks.trace import Numbers, Trace
    from imagelet.networks.window import SidePadding

commands = typer.Typer(cls=Group)

LISTED = 100_000  # numbers; a larger output is null in the JSON document

Image = Annotated[
    str,
    typer.Option(
        "--image", metavar="MATRIX_OR_FILE", help='A matrix, "1 2 3; 4 5 6; 7 8 9", or a picture file.'
    ),
]
Kernels = Annotated[
    list[str],
    typer.Option(
        "--kernel",
        metavar="MATRIX",
        help=(
            "A matrix, or one of identity, sharpen, edges, sobel-x, sobel-y, emboss, blur, ones; "
            "repeat for more."
        ),
    ),
]
Stride = Annotated[int, typer.Option(metavar="N", help="Cells from one place of the kernel to the next.")]
PoolStride = Annotated[
    int | None,
    typer.Option("--stride", metavar="N", help="Cells between places (default the window's size)."),
]
Padding = Annotated[str, typer.Option(metavar="HOW", help="Cells around: same, valid, or so many a side.")]
Dilation = Annotated[int, typer.Option(metavar="N", help="Cells from one number of the kernel to the next.")]
Size = Annotated[int, typer.Option(metavar="N", help="Cells on each side of the window.")]
Kind = Annotated[str, typer.Option(metavar="NAME", help="One of max, average.")]
At = Annotated[
    str, typer.Option("--at", metavar="ROW,COLUMN", help="The output whose sum is shown, counted from 0.")
]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the output as a picture.")]
Stretch = Annotated[
    bool, typer.Option("--stretch", help="In it, make the lowest number black and the highest white.")
]


@commands.command(cls=Command, epilog='imagelet conv --image "1 2 3; 4 5 6; 7 8 9" --kernel "1 1; 1 1"')
def conv(
    image: Image,
    kernels: Kernels,
    stride: Stride = 1,
    padding: Padding = "valid",
    dilation: Dilation = 1,
    at: At = "0,0",
    out: Out = None,
    stretch: Stretch = False,
    as_json: Json = False,
) -> None:
    """Convolve a matrix or a picture with a kernel, and show the sums.

    Each colour of a picture is filtered by itself, and the result is written as a picture: values below 0 are
    black, above 255 white, unless --stretch.

    JSON: image, kernel, padded, at[{row, column, patch, sum, products, text}], output, shape, formula,
    parameters, file, clipped; for several kernels, kernel and output have one more axis; for a picture, image
    is its file.
    """
    from imagelet.explanation.arithmetic import convolution_parameters, convolve

    given = _read(image)
    matrices = _read_kernels(kernels, given)
    how = (stride, _read_padding(padding), dilation)
    workings = [convolve(channel, matrix, *how) for matrix in matrices for channel in given.channels]
    height, width = matrices[0].shape
    parameters = convolution_parameters(height, width, 1, len(matrices))
    kernel = [_plain(matrix) for matrix in matrices]
    before = {"kernel": kernel[0] if len(kernel) == 1 else kernel}
    file, clipped = _write(given, workings, "conv", out, stretch)
    _show(given, workings, at, file, clipped, as_json, before, {"parameters": parameters})


@commands.command(cls=Command, epilog='imagelet pool --image "1 2 3; 4 5 6; 7 8 9" --size 2 --stride 1')
def pool(
    image: Image,
    size: Size = 2,
    stride: PoolStride = None,
    padding: Padding = "valid",
    kind: Kind = "max",
    at: At = "0,0",
    out: Out = None,
    stretch: Stretch = False,
    as_json: Json = False,
) -> None:
    """Take the largest or the mean of each window, and show how.

    Padding never wins and never counts. Each colour of a picture is pooled by itself, and the result is
    written as a picture.

    JSON: image, size, kind, padded, at[{row, column, patch, sum, text}], output, shape, formula, file,
    clipped; for a picture, image is its file.
    """
    from imagelet.explanation.arithmetic import pool as pool_image

    given = _read(image)
    how = (size, stride, _read_padding(padding), kind)
    workings = [pool_image(channel, *how) for channel in given.channels]
    file, clipped = _write(given, workings, "pool", out, stretch)
    _show(given, workings, at, file, clipped, as_json, {"size": size, "kind": kind}, {})


@dataclass(frozen=True)
class _Given:
    """The image: a matrix, or a picture's channels."""

    channels: "list[Numbers]"  # float64 (height, width) each
    file: Path | None  # of the picture; None for a matrix


def _read(text: str) -> _Given:
    """Return what ``--image`` means.

    Raises:
        UsageError: it is no matrix.
        PictureError: the file is not there, or is no picture.
    """
    from imagelet.explanation.arithmetic import read_matrix
    from imagelet.preprocessing.picture import open_picture
    from imagelet.preprocessing.picture_files import PICTURE_SUFFIXES

    path = Path(text).expanduser()
    named = ";" not in text and path.suffix.lower() in PICTURE_SUFFIXES
    there = False
    with contextlib.suppress(OSError, ValueError):  # a matrix is often too long to be a file's name
        there = path.exists()
    if named or there:
        pixels = open_picture(path)  # (height, width, 1 or 3)
        return _Given([pixels[:, :, place].astype("float64") for place in range(pixels.shape[2])], path)
    return _Given([read_matrix(text, "image")], None)


def _read_kernels(texts: list[str], given: _Given) -> "list[Numbers]":
    """Return the kernels: all of one size, and a single one for a picture."""
    from imagelet.explanation.arithmetic import read_kernel

    matrices = [read_kernel(text) for text in texts]
    if given.file and len(matrices) > 1:
        raise UsageError(
            "{count} kernels for a picture; it takes one", "filter it once with each", count=len(matrices)
        )
    if any(matrix.shape != matrices[0].shape for matrix in matrices):
        raise UsageError("the kernels differ in size; the filters of a layer have one size")
    return matrices


def _read_padding(text: str) -> "SidePadding":
    if text in ("same", "valid"):
        return text  # type: ignore[return-value]
    if text.isdecimal() and len(text) < 19:
        return int(text)
    raise UsageError(
        "padding '{given}' is not allowed", "--padding same, --padding valid, or a number from 0", given=text
    )


def _read_place(text: str) -> tuple[int, int]:
    row, _, column = (part.strip() for part in text.partition(","))
    if row.isdecimal() and column.isdecimal() and len(text) < 20:
        return int(row), int(column)
    raise UsageError(
        "--at {given} is not a place", "write row and column of the output from 0: --at 0,2", given=text
    )


def _write(
    given: _Given, workings: "list[Working]", name: str, out: Path | None, stretch: bool
) -> tuple[Path | None, int]:
    """Write the output as a picture where one is wanted; return the file and how many numbers were cut."""
    from imagelet.explanation.arithmetic import as_pixels
    from imagelet.preprocessing.picture import write_picture

    if given.file is None and out is None:
        return None, 0
    if out is not None and out.suffix.lower() != ".png":
        raise UsageError(
            "--out {out} is not a PNG file", "--out {file}", out=out, file=out.with_suffix(".png")
        )
    if given.file is None and len(workings) not in (1, 3):
        raise UsageError(
            "{count} outputs make no picture; --out takes 1 (grey) or 3 (colour)", count=len(workings)
        )
    path = out or _free(Path(f"{given.file.stem}-{name}.png" if given.file else ""))
    pixels, clipped = as_pixels([working.output for working in workings], stretch=stretch)
    write_picture(pixels, path)
    return path, clipped


def _free(path: Path) -> Path:
    """Return ``path``, with a number where there is such a file already."""
    others = (path.with_stem(f"{path.stem}-{number}") for number in itertools.count(2))
    return next(free for free in itertools.chain([path], others) if not free.exists())


def _show(
    given: _Given,
    workings: "list[Working]",
    at: str,
    file: Path | None,
    clipped: int,
    as_json: bool,
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    """Print the result with the sum behind one number, for each kernel, or for a picture's first channel.

    Args:
        given: the image.
        workings: one for each kernel or channel.
        at: the place of the number.
        file: the picture that was written, if one was.
        clipped: how many numbers of it were cut.
        as_json: as one document.
        before: fields that only this command has, before those of both.
        after: the same, after them.
    """
    first, place = workings[0], _read_place(at)
    sums = [working.at(*place) for working in (workings[:1] if given.file else workings)]
    if not as_json:
        _show_working(given.file, workings, sums, place, after)
        _show_file(file, clipped)
        return
    several = [len(workings)] if len(workings) > 1 else []  # the axis of kernels or colours
    printing.document(
        {
            "image": str(given.file) if given.file else _plain(first.image),
            **before,
            "padded": None if given.file else _plain(first.padded),
            "at": [_at(place, trace) for trace in sums],
            "output": _outputs(workings) if first.output.size * len(workings) <= LISTED else None,
            "shape": [*first.output.shape, *several],
            "formula": first.formula,
            **after,
            "file": file,
            "clipped": clipped,
        }
    )


def _outputs(workings: "list[Working]") -> Any:
    """Return the output as lists: (height, width), and a last axis where there are several."""
    outputs = [_plain(working.output) for working in workings]
    if len(outputs) == 1:
        return outputs[0]
    return [[list(cell) for cell in zip(*rows, strict=True)] for rows in zip(*outputs, strict=True)]


def _at(place: tuple[int, int], trace: "Trace") -> dict[str, Any]:
    """Return what the JSON document says of how one number comes about."""
    facts = {"row": place[0], "column": place[1], "patch": _plain(trace.inputs)}
    facts["sum"] = _plain_number(trace.result)
    if trace.products is not None:
        facts["products"] = _plain(trace.products)
    return {**facts, "text": trace.text}


def _plain(matrix: "Numbers | None") -> Any:
    """Return a matrix as lists; whole numbers without a point."""
    assert matrix is not None
    return [[_plain_number(value) for value in row] for row in matrix.tolist()]


def _plain_number(value: float) -> int | float:
    return int(value) if value.is_integer() else value


def _show_file(file: Path | None, clipped: int) -> None:
    if file is None:
        return
    printing.say()
    printing.say("wrote {file}", file=file)
    if clipped:
        printing.advice(
            "{count:,} numbers below 0 or above 255 were clipped; --stretch keeps them apart", count=clipped
        )


PRINTED_SIDE = 16  # cells; of a larger matrix only the size is printed
CHANNELS = (Message("red"), Message("green"), Message("blue"))


def _show_working(
    file: Path | None,
    workings: "list[Working]",
    sums: "list[Trace]",
    place: tuple[int, int],
    facts: dict[str, str],
) -> None:
    """Print image, kernel, padded image, the chosen sum, the output and how its size comes about."""
    first = workings[0]
    channels = CHANNELS if file and len(workings) == len(CHANNELS) else (Message("grey"),)
    kernels = [working.kernel for working in (workings[:1] if file else workings)]
    if file:
        names = printing.joined(channels, " ")
        printing.say("{file}, {size}, {names}", style="bold", file=file, size=_size(first.image), names=names)
    _matrix(Message("{channel} channel", channel=channels[0]) if file else Message("image"), first.image)
    for number, kernel in enumerate(kernels, start=1):
        if kernel is not None:
            title = Message("kernel {number}", number=number) if len(kernels) > 1 else Message("kernel")
            _matrix(title, kernel)
    if any(map(any, first.rims)):
        _matrix(Message("padded image, padding in brackets"), first.padded, first.rims)
    where = {"row": place[0], "column": place[1]}
    for number, trace in enumerate(sums, start=1):
        if len(sums) > 1:
            title = Message(
                "the sum at row {row}, column {column} of kernel {number}", **where, number=number
            )
        elif len(channels) > 1:
            title = Message("the sum at row {row}, column {column}, {channel}", **where, channel=channels[0])
        else:
            title = Message("the sum at row {row}, column {column}", **where)
        printing.say(title, style="bold")
        printing.say("  {_}", _=trace.text)
        printing.say()
    for number, working in enumerate(workings if not file else workings[:1], start=1):
        title = Message("output {number}", number=number) if len(sums) > 1 else Message("output")
        _matrix(title, working.output)
    printing.facts({"output size": first.formula, **facts})


def _matrix(
    title: Message, matrix: "Numbers", rims: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
) -> None:
    """Print a matrix under its title, padding in brackets; of a large one its size."""
    from imagelet.networks.trace import FULL, number

    if max(matrix.shape) > PRINTED_SIDE:
        printing.say("{title}, {size}: too large to print", style="bold", title=title, size=_size(matrix))
        printing.say()
        return
    printing.say("{title}, {size}", style="bold", title=title, size=_size(matrix))
    height, width = matrix.shape
    (above, below), (left, right) = rims
    cells = [
        [
            f"{number(value, FULL)} "
            if above <= row < height - below and left <= column < width - right
            else f"({number(value, FULL)})"
            for column, value in enumerate(values)
        ]
        for row, values in enumerate(matrix.tolist())
    ]
    if not any(map(any, rims)):
        cells = [[cell.strip() for cell in row] for row in cells]
    widest = max(len(cell) for row in cells for cell in row)
    for row in cells:
        printing.say("  " + " ".join(cell.rjust(widest) for cell in row))
    printing.say()


def _size(matrix: "Numbers") -> str:
    return f"{matrix.shape[0]}×{matrix.shape[1]}"
