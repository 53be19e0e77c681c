"""Where to write labels beside the points of a drawing so that nothing covers anything else."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MARGIN = 2.0  # points between a label and whatever else
DISTANCES = (7.0, 13.0, 20.0, 28.0, 38.0)  # points from the mark
MOST_TRIES = 5_000  # placements; after that the rest of the labels take the least bad place


@dataclass(frozen=True)
class Box:
    """A rectangle; all numbers in points from the drawing's lower left corner."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        return self.right - self.left, self.top - self.bottom

    def overlap(self, other: "Box") -> float:
        """Return the area that both cover, the margin counted in."""
        width = min(self.right, other.right) - max(self.left, other.left) + MARGIN
        height = min(self.top, other.top) - max(self.bottom, other.bottom) + MARGIN
        return max(0.0, width) * max(0.0, height)

    def outside(self, frame: "Box") -> float:
        """Return the points by which the box reaches beyond ``frame``, all sides together."""
        low = max(0.0, frame.left - self.left) + max(0.0, frame.bottom - self.bottom)
        return low + max(0.0, self.right - frame.right) + max(0.0, self.top - frame.top)


def stroke(start: tuple[float, float], end: tuple[float, float]) -> list[Box]:
    """Return small boxes along a line from (x, y) to (x, y)."""
    length = max(abs(start[0] - end[0]), abs(start[1] - end[1]))
    number = max(1, round(length / 4))
    shares = [step / number for step in range(number + 1)]
    places = [((1 - s) * start[0] + s * end[0], (1 - s) * start[1] + s * end[1]) for s in shares]
    return [Box(x, y, x, y) for x, y in places]


def place(
    marks: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    obstacles: Sequence[Box],
    frame: Box,
) -> list[Box]:
    """Return a box for the label of each mark.

    Args:
        marks: (x, y) of each point that gets a label.
        sizes: (width, height) of each label.
        obstacles: what no label may cover.
        frame: where labels may be.
    """
    around = []
    for mark, size in zip(marks, sizes, strict=True):
        costs = {box: _cost(box, obstacles, frame) for box in _around(mark, size)}
        around.append(sorted(costs.items(), key=lambda item: item[1]))  # the nearest first among equals
    free = [[box for box, cost in boxes if cost == 0] or [boxes[0][0]] for boxes in around]
    if found := _search(free, (), itertools.count()):
        return list(found)
    placed: list[Box] = []
    for boxes in around:
        taken = [(cost + sum(map(box.overlap, placed)), number) for number, (box, cost) in enumerate(boxes)]
        placed.append(boxes[min(taken)[1]][0])
    return placed


def _search(
    free: Sequence[Sequence[Box]], placed: tuple[Box, ...], tries: "itertools.count[int]"
) -> tuple[Box, ...] | None:
    """Return one box of each row so that none overlaps another; None where none were found."""
    if len(placed) == len(free):
        return placed
    for box in free[len(placed)]:
        if next(tries) > MOST_TRIES:
            return None
        if not any(box.overlap(other) for other in placed):
            found = _search(free, (*placed, box), tries)
            if found is not None:
                return found
    return None


def _cost(box: Box, obstacles: Sequence[Box], frame: Box) -> float:
    return 1000 * box.outside(frame) + sum(box.overlap(obstacle) for obstacle in obstacles)


def _around(mark: tuple[float, float], size: tuple[float, float]) -> Iterator[Box]:
    """Yield boxes around a mark: beside it, above, below, at its corners; then the same further away."""
    (x, y), (width, height) = mark, size
    for distance in DISTANCES:
        slant = 0.7 * distance
        right, left = x + distance, x - distance - width
        middle, centre = y - height / 2, x - width / 2
        above, below = y + distance, y - distance - height
        for corner in (
            (right, middle),
            (left, middle),
            (centre, above),
            (centre, below),
            (x - width + distance / 2, above),
            (x - width + distance / 2, below),
            (x - distance / 2, above),
            (x - distance / 2, below),
            (x + slant, y + slant),
            (x + slant, y - slant - height),
            (x - slant - width, y + slant),
            (x - slant - width, y - slant - height),
        ):
            yield Box(corner[0], corner[1], corner[0] + width, corner[1] + height)
