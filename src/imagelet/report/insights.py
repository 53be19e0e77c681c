"""What goes on inside the network: figures, and the pictures that they are about."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from imagelet.analysis.embeddings import neighbourhood
from imagelet.classifier.classifier import Classifier
from imagelet.errors import ImageletError
from imagelet.report import drawings
from imagelet.report.answers import Answered, Tile, pair
from imagelet.report.inside import evidence_of, first_filters, maps_of, plane_of
from imagelet.report.written import Progress
from imagelet.runs.run import Run


@dataclass(frozen=True, eq=False)
class View:
    """A figure, with the picture that it is about if it is about one."""

    drawing: drawings.Drawing
    tile: Tile | None = None


@dataclass(frozen=True)
class Insight:
    """One way to look into the network.

    Attributes:
        key: a word that stands for it in addresses.
        title: what it is.
        text: how to read it.
        views: its figures, at least one.
    """

    key: str
    title: str
    text: str
    views: tuple[View, ...]


def insights(
    run: Run, classifier: Classifier, answered: Answered, left_out: list[str], progress: Progress
) -> tuple[Insight, ...]:
    """Look into the network in every way that there is; what is not to be had is added to ``left_out``.

    Args:
        run: the run.
        classifier: its classifier.
        answered: the images to look at, and the answers.
        left_out: sentences, which more are added to.
        progress: is told how many training images are embedded, and of how many, if they were not before.
    """
    pictures = [tile for tile in pair(answered) if tile is not None]
    ways: tuple[tuple[str, Callable[[], Insight | str]], ...] = (
        ("First-layer filters", lambda: _filters(classifier)),
        ("Feature maps", lambda: _maps(classifier, pictures)),
        ("Where the network looks", lambda: _evidence(classifier, pictures)),
        ("Nearest training images", lambda: _neighbours(run, pictures, progress)),
        ("Map of the images", lambda: _plane(classifier, answered)),
    )
    found = []
    for name, look in ways:
        try:
            insight = look()
        except ImageletError as error:
            insight = error.message
        if isinstance(insight, str):
            left_out.append(f"{name}: {insight}.")
        else:
            found.append(insight)
    return tuple(found)


def _filters(classifier: Classifier) -> Insight | str:
    found = first_filters(classifier)
    if found is None:
        return "the network has no convolution of its own"
    name, weights = found
    return Insight(
        "filters",
        "First-layer filters",
        "What the first convolution looks for: each little picture is laid over every place of the image, "
        "and answers most where the image looks like it.",
        (View(drawings.draw_filters(name, weights)),),
    )


def _maps(classifier: Classifier, pictures: Sequence[Tile]) -> Insight | str:
    found = maps_of(classifier, pictures)
    if not found:
        return "no layer of the network makes maps"
    return Insight(
        "maps",
        "Feature maps",
        "What becomes of a picture on its way through the network. Of each layer the same maps are shown for "
        "both pictures: those that vary most from place to place. Where a map is light, the layer has found "
        "what it looks for.",
        tuple(View(drawings.draw_maps(each), each.tile) for each in found),
    )


def _evidence(classifier: Classifier, pictures: Sequence[Tile]) -> Insight | str:
    found = evidence_of(classifier, pictures)
    if not found:
        return "there are no pictures to look at"
    tiles = [each.tile for each in found]
    return Insight(
        "evidence",
        "Where the network looks",
        "Which pixels speak for a class, and which against it, by three methods that need not agree. They "
        "show where a change would be felt, not why. Of the wrong answer it is also asked what would have "
        "spoken for the label.",
        tuple(
            View(drawings.draw_evidence(each), None if place and tiles[place - 1] is each.tile else each.tile)
            for place, each in enumerate(found)
        ),
    )


def _neighbours(run: Run, pictures: Sequence[Tile], progress: Progress) -> Insight | str:
    if not pictures:
        return "there are no pictures to look at"
    near = neighbourhood(run.folder, progress)
    return Insight(
        "neighbours",
        "Nearest training images",
        "The images that the network learned from and that look most like the two pictures to it. A wrong "
        "answer often has neighbours of the other class; labels other than the picture’s are red.",
        (View(drawings.draw_neighbours(near, pictures)),),
    )


def _plane(classifier: Classifier, answered: Answered) -> Insight:
    found = plane_of(classifier, answered)
    return Insight(
        "plane",
        "Map of the images",
        "Every point is an image, placed so that images lie close to each other that are alike to the "
        "network. Classes that it tells apart well are islands; mistakes mostly lie on a coast, or "
        "on a wrong island.",
        (View(drawings.draw_plane(found, answered.images.classes, answered.part)),),
    )
