"""How the working of a convolution or of pooling is printed."""

from pathlib import Path
from typing import TYPE_CHECKING

from imagelet.cli import printing

if TYPE_CHECKING:
    from imagelet.explanation.arithmetic import Numbers, Sum, Working

PRINTED_SIDE = 16  # cells; of a larger matrix only the size is printed
CHANNELS = ("red", "green", "blue")


def show(file: Path | None, workings: "list[Working]", sums: "list[Sum]", facts: dict[str, str]) -> None:
    """Print image, kernel, padded image, the chosen sum, the output and how its size comes about."""
    first = workings[0]
    names = CHANNELS if file and len(workings) == len(CHANNELS) else ("grey",)
    kernels = [working.kernel for working in (workings[:1] if file else workings)]
    if file:
        printing.say(
            "{file}, {by}, {names}", style="bold", file=file, by=_by(first.image), names=" ".join(names)
        )
    _matrix("image" if not file else f"its {names[0]} numbers", first.image)
    for place, kernel in enumerate(kernels, start=1):
        if kernel is not None:
            _matrix(f"kernel {place}" if len(kernels) > 1 else "kernel", kernel)
    if any(map(any, first.rims)):
        _matrix("padded image, padding in brackets", first.padded, first.rims)
    for place, found in enumerate(sums, start=1):
        what = f" of kernel {place}" if len(sums) > 1 else f", {names[0]}" if len(names) > 1 else ""
        printing.say(
            "the sum at row {row}, column {column}{what}",
            style="bold",
            row=found.row,
            column=found.column,
            what=what,
        )
        printing.say("  {given}\n", given=found.text)
    for place, working in enumerate(workings if not file else workings[:1], start=1):
        _matrix(f"output {place}" if len(sums) > 1 else "output", working.output)
    printing.facts({"output size": first.formula, **facts})


def _matrix(
    title: str, matrix: "Numbers", rims: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
) -> None:
    """Print a matrix under its title, padding in brackets; of a large one its size."""
    from imagelet.explanation.arithmetic import number

    height, width = matrix.shape
    if max(height, width) > PRINTED_SIDE:
        printing.say("{title}, {by}: too large to print\n", style="bold", title=title, by=_by(matrix))
        return
    printing.say("{title}, {by}", style="bold", title=title, by=_by(matrix))
    (above, below), (left, right) = rims
    cells = [
        [
            f"{number(value)} "
            if above <= row < height - below and left <= column < width - right
            else f"({number(value)})"
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


def _by(matrix: "Numbers") -> str:
    return f"{matrix.shape[0]}×{matrix.shape[1]}"
