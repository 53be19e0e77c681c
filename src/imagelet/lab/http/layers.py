"""The tab Layers: convolution and pooling of small matrices, sum by sum."""

import contextlib
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter
from numpy.typing import NDArray
from pydantic import Field

from imagelet.errors import UsageError
from imagelet.explanation import arithmetic
from imagelet.explanation.arithmetic import KERNELS, Working
from imagelet.http.schemas import Received, Sent
from imagelet.lab.http.state import CurrentLab
from imagelet.messages import Message, translate
from imagelet.networks.trace import Trace

router = APIRouter(prefix="/api", tags=["layers"])

LARGEST = 1e9
LONGEST_SIDE = 64  # cells
MOST_NUMBERS = 200_000  # behind all sums of a response

Cell = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
Row = Annotated[list[Cell], Field(min_length=1, max_length=LONGEST_SIDE)]
Matrix = Annotated[list[Row], Field(min_length=1, max_length=LONGEST_SIDE)]
Steps = Annotated[int, Field(ge=1, le=LONGEST_SIDE)]
Padding = Literal["same", "valid"] | Annotated[int, Field(ge=0, le=LONGEST_SIDE)]
Known = list[list[float]]
Gapped = list[list[float | None]]


class Convolution(Received):
    """A kernel that slides over an image."""

    image: Matrix
    kernel: Matrix
    stride: Steps = 1
    padding: Padding = "valid"
    dilation: Steps = 1


class Pooling(Received):
    """A window that slides over an image."""

    image: Matrix
    size: Steps = 2
    stride: Steps | None = Field(None, description="The window's size where nothing is said.")
    padding: Padding = "valid"
    kind: Literal["max", "average"] = "max"


class CellSum(Sent):
    """How one number of the output comes about; null where padding has no value."""

    patch: Gapped
    products: Known | None
    result: float
    text: str


class Worked(Sent):
    """An output, and all that it came from."""

    padded: Gapped = Field(description="The image with its padding; null where padding has no value.")
    output: Known
    formula: str
    rims: list[list[int]] = Field(description="Cells of padding: (above, below), (left, right).")
    sums: list[list[CellSum]]


class Kernel(Sent):
    """A kernel that has a name."""

    name: str
    matrix: Known


@router.post("/convolve", response_model=Worked)
async def convolve(lab: CurrentLab, body: Convolution) -> Any:
    """Lay a kernel on every place of an image, multiply cell by cell, and add up."""

    def work() -> dict[str, Any]:
        image, kernel = _matrix(body.image, Message("image")), _matrix(body.kernel, Message("kernel"))
        with _in_the_page():
            working = arithmetic.convolve(image, kernel, body.stride, body.padding, body.dilation)
        return _worked(working)

    return await lab.threads.run(work)


@router.post("/pool", response_model=Worked)
async def pool(lab: CurrentLab, body: Pooling) -> Any:
    """Take the largest, or the mean, of the cells under each place of a window."""

    def work() -> dict[str, Any]:
        image = _matrix(body.image, Message("image"))
        with _in_the_page():
            working = arithmetic.pool(image, body.size, body.stride, body.padding, body.kind)
        return _worked(working)

    return await lab.threads.run(work)


@router.get("/kernels", response_model=list[Kernel])
async def kernels() -> Any:
    """List the kernels that have a name."""
    return [{"name": name, "matrix": [list(row) for row in rows]} for name, rows in KERNELS.items()]


@contextlib.contextmanager
def _in_the_page() -> Iterator[None]:
    """Let hints name fields of the page where they name options of the command line."""
    try:
        yield
    except UsageError as error:
        raise UsageError(error.message, translate(error.hint).replace("--", "")) from error


def _matrix(rows: list[list[float]], what: str) -> NDArray[np.float64]:
    """Return rows of equal length as float64 (rows, columns).

    Raises:
        UsageError: they are not.
    """
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            counts = Message(
                "row {row} has {count} numbers, row 1 has {first}",
                row=number,
                count=len(row),
                first=len(rows[0]),
            )
            raise UsageError(
                "the {what} is ragged: {counts}",
                hint="give every row as many numbers",
                what=what,
                counts=counts,
            )
    return np.array(rows, np.float64)


def _worked(working: Working) -> dict[str, Any]:
    """Return all of a working as :class:`Worked` has it.

    Raises:
        UsageError: there would be too many numbers behind its sums.
    """
    height, width = working.output.shape
    behind = working.output.size * working.rows.kernel * working.columns.kernel
    if behind > MOST_NUMBERS:
        message = Message(
            "{count:,} numbers stand behind these sums; at most {most:,} are shown",
            count=behind,
            most=MOST_NUMBERS,
        )
        raise UsageError(message, hint="take a smaller image or a larger stride")
    sums = [[_sum(working.at(row, column)) for column in range(width)] for row in range(height)]
    return {
        "padded": _gapped(working.padded),
        "output": _without_minus_zero(working.output).tolist(),
        "formula": working.formula,
        "rims": [list(rim) for rim in working.rims],
        "sums": sums,
    }


def _sum(trace: Trace) -> dict[str, Any]:
    products = None if trace.products is None else _without_minus_zero(trace.products).tolist()
    return {
        "patch": _gapped(trace.inputs),
        "products": products,
        "result": trace.result + 0.0,
        "text": trace.text,
    }


def _without_minus_zero(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    return cells + 0.0


def _gapped(cells: NDArray[np.float64]) -> list[list[float | None]]:
    return [[None if np.isnan(cell) else float(cell) for cell in row] for row in cells]
