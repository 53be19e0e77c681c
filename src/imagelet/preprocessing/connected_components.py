"""Which of a picture's ink is the digit: without the sheet's edge, ruled lines, dust and other marks."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from imagelet.preprocessing import morphology
from imagelet.preprocessing.binarise import Ink, Mask

DARK = 0.5  # ink from which a pixel belongs to a stroke and not to its soft edge
FAINT = 0.15  # ink from which a pixel may belong to the sheet's edge
BAND = 0.9  # of a row or column that is inked: the sheet's edge or a ruled line, not a stroke
DEEPEST_BAND = 0.15  # of the side
THICKEST_LINE = 0.03  # of the side
MARGIN = 0.02  # of the side: a ruled line reaches so near to both edges
SMALLEST_PART = 0.01  # of the largest part's ink; smaller ones are dust
NEAR = 0.15  # of the longer side of the mark's box: what is nearer belongs to it, as the bar of a broken 5
AT_THE_EDGE = 0.25  # how much a part counts that touches the edge: it may be a table, a shadow, a finger
SECOND_MARK = 0.3  # of the mark's ink; another mark with more is told

Value = TypeVar("Value", bound=np.generic)


def without_bands(ink: Ink) -> Ink:
    """Return the ink without what lies along the picture's edges: a scanner's shadow, the frame of a form.

    Bands go together, else one by one, if what is left is apart from them and keeps clear of the other edges:
    a digit that is cut out tightly has bars along the edges too.
    """
    depths = [_band(_turned(ink, turn)) for turn in range(4)]
    if not any(depths):
        return ink
    if (rest := _without_edges(ink, depths)) is not None:
        return rest
    for turn in range(4):
        depth = _band(_turned(ink, turn))
        rest = _without_edges(ink, [depth if side == turn else 0 for side in range(4)])
        ink = ink if rest is None else rest
    return ink


def without_lines(ink: Ink) -> Ink:
    """Return the ink without ruled lines: thin ones from edge to edge, level or upright.

    Where a stroke crosses a line, above and below it are inked, and the crossing stays.
    """
    for turn in (0, 1):
        turned = _turned(ink, turn)
        rows = (turned > DARK).mean(axis=1) >= BAND
        margin = max(1, round(MARGIN * turned.shape[1]))
        for run in morphology.runs(rows):
            first, last = run.start, run.stop
            if last - first > max(1, THICKEST_LINE * len(turned)) or first == 0 or last == len(turned):
                continue
            line = turned[first:last] > DARK
            if not (line[:, :margin].any() and line[:, -margin:].any()):
                continue  # it ends before the picture does
            top, bottom = first - 1, last + 1  # with the soft edges
            crossing = (turned[max(0, top - 1)] > DARK) & (turned[min(len(turned) - 1, bottom)] > DARK)
            turned = turned.copy()
            turned[top:bottom, ~crossing] = 0
        ink = _turned(turned, -turn)
    return ink


def without_specks(ink: Ink) -> Ink:
    """Return the ink without dust: parts with next to no ink beside the largest."""
    labels, amounts = parts(ink)
    large = amounts >= SMALLEST_PART * amounts.max(initial=0.0)
    return ink if large.all() else _kept(ink, labels, large)


def main_mark(ink: Ink) -> Ink:
    """Return the ink of the largest mark: the largest part, and all that is near it."""
    labels, amounts = parts(ink)
    if len(amounts) <= 1:
        return ink
    return _kept(ink, labels, _mark(labels, amounts))


def other_marks(ink: Ink, mark: Ink) -> bool:
    """Tell whether the ink beside ``mark`` holds others of a size that may matter, clear of the edges."""
    rest = np.where(mark > 0, np.float32(0), ink)
    if not rest.any():
        return False
    labels, amounts = parts(rest)
    free = ~_at_the_edge(labels, len(amounts))
    return bool((amounts[free] >= SECOND_MARK * float(mark.sum())).any())


def parts(ink: Ink) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Number the connected parts of the ink; pixels that touch at a corner belong together.

    Returns:
        int32, of the ink's shape: 1 to the number of parts, 0 on the paper; and float64 (parts,): the ink of
        each.
    """
    inked = ink > 0
    labels, count = morphology.label(inked, corners=True)
    amounts = np.bincount(labels[inked] - 1, weights=ink[inked], minlength=count)
    return labels, amounts.astype(np.float64)


def extent(mask: Mask) -> tuple[slice, slice]:
    """Return the rows and columns that the True pixels of ``mask`` take; there must be one."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def with_neighbours(mask: Mask) -> Mask:
    """Return the True pixels of ``mask`` and those above, below and beside them."""
    wider = mask.copy()
    wider[1:] |= mask[:-1]
    wider[:-1] |= mask[1:]
    wider[:, 1:] |= mask[:, :-1]
    wider[:, :-1] |= mask[:, 1:]
    return wider


def _turned(values: NDArray[Value], turn: int) -> NDArray[Value]:
    """Return what ``np.rot90`` returns, a view, in a tenth of the time."""
    if turn % 2:
        values = values.T[::-1]
    return values[::-1, ::-1] if turn % 4 in (2, 3) else values


def _band(ink: Ink) -> int:
    """Return up to which row from the first on there is a band, with its soft edge; 0 where there is none."""
    limit = int(DEEPEST_BAND * len(ink))
    full = np.flatnonzero((ink[: limit + 1] > FAINT).mean(axis=1) >= BAND)
    depth = int(full[-1]) + 1 if len(full) else 0
    while 0 < depth <= limit and (ink[depth] > 0).mean() >= BAND:
        depth += 1
    return depth if depth <= limit else 0


def _without_edges(ink: Ink, depths: Sequence[int]) -> Ink | None:
    """Return the ink without so many rows at each edge; None where it hangs on them or reaches an edge.

    Args:
        ink: (height, width).
        depths: of the edges in the order in which turns by 90° bring them to the top; 0 for none.
    """
    rest = ink.copy()
    for turn, depth in enumerate(depths):
        _turned(rest, turn)[:depth] = 0
    inked = rest > DARK
    if not any(depths) or not inked.any():
        return None
    return None if any(_turned(inked, turn)[depth].any() for turn, depth in enumerate(depths)) else rest


def _mark(labels: NDArray[np.int32], amounts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which parts (parts,) make the largest mark."""
    worth = np.where(_at_the_edge(labels, len(amounts)), AT_THE_EDGE, 1.0) * amounts
    chosen = np.zeros(len(amounts), bool)
    chosen[np.argmax(worth)] = True
    boxes = morphology.boxes(labels, len(amounts))
    while True:
        rows, columns = extent(np.append(False, chosen)[labels])
        reach = NEAR * max(rows.stop - rows.start, columns.stop - columns.start)
        near = np.array(
            [
                max(rows.start - down.stop, down.start - rows.stop) <= reach
                and max(columns.start - across.stop, across.start - columns.stop) <= reach
                for down, across in boxes
            ]
        )
        near &= (worth == amounts) | chosen  # what touches the edge is added only if it is the largest
        if (near == chosen).all():
            return chosen
        chosen |= near


def _at_the_edge(labels: NDArray[np.int32], count: int) -> NDArray[np.bool_]:
    """Return which parts (parts,) touch the picture's edge."""
    edges = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return np.isin(np.arange(1, count + 1), edges)


def _kept(ink: Ink, labels: NDArray[np.int32], which: NDArray[np.bool_]) -> Ink:
    return np.where(np.append(False, which)[labels], ink, np.float32(0))
