"""Matrices as they are typed, ``"1 2 3; 4 5 6"``, and the kernels that have a name."""

import math

import numpy as np
from numpy.typing import NDArray

from imagelet.errors import UnknownNameError, UsageError
from imagelet.registry import suggestion

EXAMPLE = '"1 2 3; 4 5 6; 7 8 9"'
LARGEST = 1e15  # beyond it floats are not exact whole numbers any more

KERNELS = {
    "identity": ((0, 0, 0), (0, 1, 0), (0, 0, 0)),
    "sharpen": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    "edges": ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)),
    "sobel-x": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "sobel-y": ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    "emboss": ((-2, -1, 0), (-1, 1, 1), (0, 1, 2)),
    "blur": tuple((1 / 9,) * 3 for _ in range(3)),
    "ones": ((1, 1, 1), (1, 1, 1), (1, 1, 1)),
}
"""Well-known 3×3 kernels. ``blur`` is the mean of nine pixels, ``ones`` their sum; Sobel's give slopes."""


def read_matrix(text: str, what: str = "matrix") -> NDArray[np.float64]:
    """Return the matrix that is written as rows split by ``;``, numbers split by blanks or commas.

    Args:
        text: what was typed.
        what: its name in error messages.

    Returns:
        float64 (rows, columns), at least 1×1.

    Raises:
        UsageError: it is empty, ragged, or has something in it that is no finite number.

    >>> read_matrix("1 2; 3 4")
    array([[1., 2.],
           [3., 4.]])
    """
    rows = [row.replace(",", " ").split() for row in text.strip().rstrip(";").split(";")]
    if not any(rows):
        raise UsageError(
            "the {what} is empty",
            hint="write rows split by semicolons: {EXAMPLE}",
            what=what,
            EXAMPLE=EXAMPLE,
        )
    for place, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise UsageError(
                "the {what} is ragged: row {place} has {count}, row 1 has {first}",
                hint="give every row as many numbers: {EXAMPLE}",
                what=what,
                place=place,
                count=_count(row),
                first=_count(rows[0]),
                EXAMPLE=EXAMPLE,
            )
    return np.array(
        [
            [_number(word, what, place, column) for column, word in enumerate(row, start=1)]
            for place, row in enumerate(rows, start=1)
        ]
    )


def read_kernel(text: str) -> NDArray[np.float64]:
    """Return the kernel of that name, or the one that is written out.

    Raises:
        UsageError: neither a name nor a matrix.
    """
    name = text.strip().lower()
    if name in KERNELS:
        return np.array(KERNELS[name], np.float64)
    if name and name[0].isalpha() and not name.startswith(("nan", "inf")):
        raise UnknownNameError(
            "unknown kernel '{given}'{suggestion}",
            hint="write it as a matrix, {EXAMPLE}, or name one of {names}",
            given=text,
            suggestion=suggestion(name, KERNELS),
            EXAMPLE=EXAMPLE,
            names=", ".join(KERNELS),
        )
    return read_matrix(text, "kernel")


def _count(row: list[str]) -> str:
    return f"{len(row)} number{'' if len(row) == 1 else 's'}"


def _number(word: str, what: str, row: int, column: int) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or abs(number) > LARGEST:
        raise UsageError(
            "'{word}' in row {row}, column {column} of the {what} is not a number of use here",
            hint="write numbers such as 3, -1 or 0.5: {EXAMPLE}",
            word=word,
            row=row,
            column=column,
            what=what,
            EXAMPLE=EXAMPLE,
        )
    return number
