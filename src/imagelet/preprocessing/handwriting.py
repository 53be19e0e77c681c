"""A person's own handwriting, brought to the form in which MNIST holds its digits.

MNIST's digits are light on black, boxed with their aspect kept, antialiased, and moved by whole pixels so
that the centre of mass is the image's centre (Y. LeCun et al., "Gradient-Based Learning Applied to Document
Recognition", 1998, section III.A; C. Yadav and L. Bottou, "Cold Case: the Lost MNIST Digits", 2019).
A network that has seen nothing else fails on dark ink, on grey paper, on digits that are small or aside.

``STEPS`` run in their order; each takes how much ink every pixel holds, and returns it with the
place that it came from.
"""

from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagelet.messages import Message
from imagelet.preprocessing import binarise as inks
from imagelet.preprocessing import connected_components, morphology
from imagelet.preprocessing.binarise import Ink
from imagelet.preprocessing.geometry import UNMOVED, Placement, whole
from imagelet.preprocessing.picture import border, with_channels
from imagelet.preprocessing.quantiles import median, quantiles

LEAST_SHARE = 0.5  # of all ink, that the digit must have; with less the picture shows more than a digit
PAPER = 0.1  # quantile of the darkness that is paper's: there is always some
HOLLOW = 0.6  # of the ink's darkness, from which what is no ink is as dark as ink
MOST_HOLLOW = 0.01  # of the strokes' area
LOW_CONTRAST = 0.25  # of black to white, between paper and ink
MNIST_BOX = 20  # pixels
THINNEST_STROKE, THICKEST_STROKE = 2.1, 3.9  # pixels in a box of MNIST_BOX: a quarter of MNIST's are thinner
MOST_PIXELS = 16  # by which a side of a stroke is moved; ink with more to move is scaled down before
FINE = 5  # pixels of the enlarged ink for each of the box: so finely strokes are widened and thinned
THICKEST_PEN = 5.5  # pixels in such a box, behind all steps: what is wider is an area, not a stroke
HAIRLINE = 0.7  # pixels in such a box: the pen left less than a pixel
OFF_CENTRE = 1  # pixels that MNIST's own digits are away from where their mass is in the middle, at most


class Target(NamedTuple):
    """What the digit is to become: an image of height × width pixels, the share ``box`` of it filled."""

    height: int
    width: int
    box: float

    @property
    def stroke_unit(self) -> float:
        """Pixels of the image for each pixel of a box of ``MNIST_BOX``."""
        return self.box * min(self.height, self.width) / MNIST_BOX


class Moved(NamedTuple):
    """Ink, float32 (height, width) in 0 to 1, and which part of the ink before the step it is."""

    ink: Ink
    placement: Placement = UNMOVED


class Step(NamedTuple):
    """One step of the framing.

    Attributes:
        name: in a word or two.
        reason: what goes wrong without it.
        change: from ink, float32 (height, width) in 0 to 1, to other ink and its place.
    """

    name: str
    reason: str
    change: Callable[[Ink, Target], Moved]


class Handwriting(NamedTuple):
    """Handwriting as the dataset holds it.

    Attributes:
        image: uint8 (height, width, 1); all black where the picture holds no ink.
        warnings: what a person should know about the picture; empty where all is well.
        unclear: there is no ink, there are several marks, or no strokes on paper, such as a dot.
        placement: which part of the picture the image shows; None where there is no ink.
    """

    image: NDArray[np.uint8]
    warnings: tuple[str, ...]
    unclear: bool
    placement: Placement | None


def normalise(picture: NDArray[np.uint8], target: Target, without: Collection[str] = ()) -> Handwriting:
    """Return handwriting as the dataset holds it: light ink on black, boxed, its mass in the middle.

    Args:
        picture: uint8 (any, any, 1 or 3), any polarity.
        target: the image's size, and the share of the side that the longer side of the ink fills, above 0
            and at most 1.
        without: the names of steps to leave out, to see what they are worth.

    Returns:
        A picture that is such an image already is returned unchanged.
    """
    if picture.shape[:2] == target[:2]:
        grey = with_channels(picture, 1)
        if is_normalised(grey, target):
            return Handwriting(grey, (), unclear=False, placement=UNMOVED)
    stages, placement = {}, UNMOVED
    for name, moved in _moves(picture, target, without):
        stages[name], placement = moved.ink, moved.placement.within(placement)
    image, unclear_because = _as_image(stages[STEPS[-1].name]), tuple(_unclear_because(stages, target))
    warnings = (*unclear_because, *_warnings(stages, target))
    return Handwriting(image, warnings, bool(unclear_because), placement if image.any() else None)


def trace(
    picture: NDArray[np.uint8], target: Target, without: Collection[str] = ()
) -> Iterator[tuple[str, Ink]]:
    """Yield each step's name with the ink after it, in the order of :func:`normalise`.

    The first is the picture itself: its darkness.
    """
    yield from ((name, moved.ink) for name, moved in _moves(picture, target, without))


def _moves(
    picture: NDArray[np.uint8], target: Target, without: Collection[str]
) -> Iterator[tuple[str, Moved]]:
    """Yield each step's name with the ink after it, and where this is in what was there before the step."""
    small = inks.shrunk(picture)
    grey = with_channels(small, 1) if COLOUR in without else inks.grey_of(small)
    ink: Ink = (1 - grey[:, :, 0] / np.float32(255)).astype(np.float32)
    yield COLOUR, Moved(ink, Placement.of(whole(picture), whole(small)))
    for step in STEPS[1:]:
        moved = Moved(ink) if step.name in without else step.change(ink, target)
        yield step.name, moved
        ink = moved.ink


def is_normalised(grey: NDArray[np.uint8], target: Target) -> bool:
    """Tell whether an image (height, width, 1) is as :func:`normalise` would leave it.

    It has light ink on a black border, which fills the box, its mass in the middle.
    """
    if grey.shape[:2] != target[:2] or grey.max() < 128:
        return False
    edge = border(grey)
    if median(edge) > 0 or np.mean(edge > 0) >= 0.5:
        return False
    rows, columns = connected_components.extent(grey[:, :, 0] > 0)
    filled = max((rows.stop - rows.start) / target.height, (columns.stop - columns.start) / target.width)
    if abs(filled - target.box) > 1 / min(target[:2]):
        return False
    wanted = _places((grey[rows, columns, 0] / 255).astype(np.float32), target)
    return all(
        abs(actual.start - place.start) <= OFF_CENTRE
        for actual, place in zip((rows, columns), wanted, strict=True)
    )


def with_fitting_strokes(ink: Ink, target: Target) -> Moved:
    """Return ink whose strokes have a width that MNIST's have, once it is scaled into the box.

    A thin pen on a large sheet leaves next to nothing in a small image; a thick marker fills its loops.
    """
    if not ink.any():
        return Moved(ink)
    part = connected_components.extent(ink > 0)
    ink = _enlarged(inks.at_full_strength(ink[part]), FINE * MNIST_BOX)
    missing, surplus = _wrong_widths(ink, target)
    if max(missing, surplus) > MOST_PIXELS:
        ink = inks.resized(ink, MOST_PIXELS / max(missing, surplus))
        missing, surplus = _wrong_widths(ink, target)
    placement = Placement.of(part, whole(ink))
    if missing > 0:
        wider = morphology.padded(ink, missing, missing)  # room for what is added
        return Moved(
            morphology.dilated(wider, missing), Placement(-missing, -missing, 1, 1).within(placement)
        )
    if surplus > 0:
        thinned = morphology.eroded(ink, surplus)
        ink = thinned if thinned.any() else ink
    return Moved(ink, placement)


def stroke_width(ink: Ink) -> float:
    """Return the mean width of the strokes in pixels: twice the area by the length of the outline."""
    ink = inks.at_full_strength(ink) if ink.any() else ink
    mask = morphology.padded(ink > connected_components.DARK, 1, 1)
    across, down = mask[:, 1:] != mask[:, :-1], mask[1:] != mask[:-1]
    outline = np.count_nonzero(across) + np.count_nonzero(down)
    return 2 * float(ink.sum()) / max(1.0, outline * np.pi / 4)  # an outline of pixels is 4/π too long


def boxed(ink: Ink, target: Target) -> Moved:
    """Return the ink, cut out and scaled so that its longer side fills the box; aspect kept."""
    if not ink.any():
        return Moved(ink)
    part = connected_components.extent(ink > 0)
    scaled = inks.resized(ink[part], _scale(ink[part], target))
    return Moved(scaled, Placement.of(part, whole(scaled)))


def centred(ink: Ink, target: Target) -> Moved:
    """Return the ink in an image of the target's size, its centre of mass in the middle.

    The middle is pixel ``side / 2``, counted from 0: in all of MNIST's test images the centre of mass is
    between 13.5 and 14.5. It moves by whole pixels, so no stroke is blurred, and never over the edge. The
    strongest ink becomes 1.
    """
    image = np.zeros(target[:2], np.float32)
    if not ink.any():
        return Moved(image)
    placement = UNMOVED
    if ink.shape[0] > target.height or ink.shape[1] > target.width:
        ink, placement = boxed(ink, target._replace(box=1.0))
    at = _places(ink, target)
    image[at] = ink / ink.max()
    return Moved(image, Placement.of(whole(ink), at).within(placement))


def _places(ink: Ink, target: Target) -> tuple[slice, slice]:
    """Return the rows and columns of the image in which the ink's mass is in the middle."""
    rows, columns = (
        slice(start := min(max(0, round(side / 2 - mass)), side - length), start + length)
        for side, mass, length in zip(target[:2], morphology.centre_of_mass(ink), ink.shape, strict=True)
    )
    return rows, columns


def _alone(change: Callable[[Ink], Ink]) -> Callable[[Ink, Target], Moved]:
    """Return a step that moves nothing, and does not need to know what the digit is to become."""
    return lambda ink, _: Moved(change(ink))


COLOUR = "colour"
STEPS = (
    Step(COLOUR, "yellow or light red ink is nearly as bright as paper", _alone(lambda ink: ink)),
    Step("polarity", "MNIST has light ink on black, pens make dark ink on white", _alone(inks.upright)),
    Step("light", "a shadow on the paper is as dark as faint ink beside it", _alone(inks.evened)),
    Step("threshold", "grain and stains of the paper are no ink", _alone(inks.thresholded)),
    Step(
        "edges",
        "a scanner's shadow along the edge is larger than a digit",
        _alone(connected_components.without_bands),
    ),
    Step("lines", "ruled lines make its box as wide as the page", _alone(connected_components.without_lines)),
    Step(
        "specks", "a crumb beside the digit makes its box larger", _alone(connected_components.without_specks)
    ),
    Step(
        "mark",
        "of several marks only one can be answered: the largest",
        _alone(connected_components.main_mark),
    ),
    Step("strokes", "thin pens vanish in a small image, thick ones fill their loops", with_fitting_strokes),
    Step("box", "MNIST's digits fill a box of 20 pixels", boxed),
    Step("centre", "MNIST's digits have their mass in the middle", centred),
)


def _wrong_widths(ink: Ink, target: Target) -> tuple[int, int]:
    """Return how many pixels each side of a stroke is too thin, and too thick; 0 or less: it is not."""
    width, unit = stroke_width(ink), target.stroke_unit / _scale(ink, target)
    return round((THINNEST_STROKE * unit - width) / 2), round((width - THICKEST_STROKE * unit) / 2)


def _enlarged(ink: Ink, side: int) -> Ink:
    """Return the ink so large that its longer side has ``side`` pixels; larger ink as it is.

    Widened in its own coarse pixels, a stroke of one pixel would stay too thin or become too thick.
    """
    scale = side / max(ink.shape)
    return ink if scale <= 1 else inks.resized(ink, scale)


def _scale(ink: Ink, target: Target) -> float:
    return float(target.box * min(target.height / ink.shape[0], target.width / ink.shape[1]))


def _as_image(ink: Ink) -> NDArray[np.uint8]:
    return np.rint(ink * 255).astype(np.uint8)[:, :, np.newaxis]


def _unclear_because(stages: dict[str, Ink], target: Target) -> Iterator[str]:
    """Yield why the picture may show something else than one digit's strokes on paper.

    There are other marks beside the digit, evening the light has hollowed out what was dark, or the ink is an
    area without strokes, such as a dot.
    """
    mark = stages["mark"]
    if not mark.any():
        yield Message("the picture is blank: no ink was found")
        return
    if float(mark.sum()) <= LEAST_SHARE * float(stages["specks"].sum()):
        yield Message("there is more ink beside the digit than in it: show one digit alone")
    elif connected_components.other_marks(stages["specks"], mark):
        yield Message("there are several marks: the largest was taken")
    darkness, strokes = stages["polarity"], mark > mark.max() / 2
    [paper] = quantiles(darkness, [PAPER])
    as_dark = paper + HOLLOW * (median(darkness[strokes]) - paper)
    hollow = (darkness >= as_dark) & ~connected_components.with_neighbours(stages["threshold"] > 0)
    if np.count_nonzero(hollow) > MOST_HOLLOW * np.count_nonzero(strokes):
        yield Message("dark areas are no strokes: show a digit that is written with a pen on plain paper")
    framed = stages[STEPS[-1].name]
    if stroke_width(framed[connected_components.extent(framed > 0)]) > THICKEST_PEN * target.stroke_unit:
        yield Message("the ink is a filled area: show a digit that is written in strokes")


def _warnings(stages: dict[str, Ink], target: Target) -> Iterator[str]:
    """Yield what else a person should know about the picture."""
    ink = stages["mark"]
    if not ink.any():
        return
    if inks.contrast_of(stages["light"]) < LOW_CONTRAST:
        yield Message("the contrast is low: write with a darker pen, or in better light")
    if border(ink).any():
        yield Message("the ink touches the edge: leave room around it")
    cut = ink[connected_components.extent(ink > 0)]
    if stroke_width(cut) * _scale(cut, target) < HAIRLINE * target.stroke_unit:
        yield Message("the strokes are very thin: write with a thicker pen, or closer")
