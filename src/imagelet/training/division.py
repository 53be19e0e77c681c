"""How a batch is divided into lanes, and these among processes: a function of the numbers alone."""

import dataclasses

from imagelet.errors import SettingError
from imagelet.messages import Message
from imagelet.training.recipe import LANES, Recipe

USUAL_LANES = 4
IMAGES_IN_A_LANE = 64  # of a larger batch; with fewer a processor spends its time on calls


def lanes_for(batch_size: int) -> int:
    """Return how many lanes suit batches of so many images, a power of two.

    Four, with fewer than 16 images two, with fewer than 4 one; more as long as each keeps 64 images.

    >>> [lanes_for(images) for images in (2, 8, 128, 500, 512, 4096)]
    [1, 2, 4, 4, 8, 64]
    """
    lanes = USUAL_LANES
    while batch_size < 4 * lanes and lanes > 1:
        lanes //= 2
    while batch_size >= 2 * lanes * IMAGES_IN_A_LANE and lanes < LANES[1]:
        lanes *= 2
    return lanes


def settled_lanes(recipe: Recipe, world: int, *, alone: bool = False) -> int:
    """Return into how many lanes a recipe's batches are divided for ``world`` processes; 0: into none.

    Args:
        recipe: which may say how many.
        world: the number of processes.
        alone: divide them for one process, too.

    Raises:
        SettingError: so many processes cannot share the lanes.
    """
    lanes = recipe.lanes or (lanes_for(recipe.batch_size) if world > 1 or alone else 0)
    if lanes and (world > lanes or lanes % world):
        more = Message(
            "another number of processes, or --set lanes={enough}; lanes decide the result, processes do not",
            enough=1 << (world - 1).bit_length(),
        )
        never = Message("the number of processes has to be a power of two, as that of the lanes is")
        raise SettingError(
            "{world} processes cannot share the {lanes} lanes of a batch; {some} or {lanes} can"
            if lanes > 1
            else "{world} processes cannot share the one lane of a batch; one process computes it alone",
            never if world & (world - 1) or world > LANES[1] else more,
            world=world,
            lanes=lanes,
            some=", ".join(str(2**power) for power in range(lanes.bit_length() - 1)),
        )
    return lanes


def with_lanes(recipe: Recipe, world: int, *, alone: bool = False) -> Recipe:
    """Return the recipe with its lanes settled for ``world`` processes: any number gives its result then.

    Args:
        recipe: which may say how many lanes.
        world: the number of processes.
        alone: divide the batches for one process, too.

    Raises:
        SettingError: so many processes cannot share the lanes.
    """
    return dataclasses.replace(recipe, lanes=settled_lanes(recipe, world, alone=alone))


def lane_sizes(images: int, lanes: int) -> list[int]:
    """Return how many images of a batch each lane has.

    They differ by at most one. A lane of a single image has no batch statistics: where there are fewer than
    two for each, the last lanes have none.

    >>> lane_sizes(10, 4), lane_sizes(5, 4), lane_sizes(1, 2)
    ([3, 3, 2, 2], [3, 2, 0, 0], [1, 0])
    """
    active = max(1, min(lanes, images // 2))
    share, rest = divmod(images, active)
    return [share + (lane < rest) if lane < active else 0 for lane in range(lanes)]


def rows_of(images: int, lanes: int, rank: int, world: int) -> slice:
    """Return which of a batch's images process ``rank`` of ``world`` has: those of its lanes."""
    sizes, each = lane_sizes(images, lanes), lanes // world
    first = sum(sizes[: rank * each])
    return slice(first, first + sum(sizes[rank * each : (rank + 1) * each]))
