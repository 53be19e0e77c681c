"""Figures inside a page, with words for what they show, in the order of the page."""

import base64
import io
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imagelet import html_repr, plots
from imagelet.analysis.embeddings import Neighbourhood, neighbourhood, neighbours_of, neighbours_sheet
from imagelet.analysis.error_analysis import ErrorAnalysis
from imagelet.analysis.explain import MEANINGS
from imagelet.classifier.classifier import Classifier
from imagelet.errors import ImageletError
from imagelet.messages import Message
from imagelet.plots.activations import filters
from imagelet.plots.attribution import Marked, evidence
from imagelet.plots.classification import reliability
from imagelet.plots.curves import compared_curves
from imagelet.plots.projection import embedding_map
from imagelet.progress import Progress
from imagelet.report.gathering import PartFigures
from imagelet.report.inside import Found, Maps, Plane, evidence_of, first_filters, maps_of, plane_of
from imagelet.report.predictions import Answered, Tile, pair
from imagelet.runs.run import Run

if TYPE_CHECKING:
    from imagelet.plots import Figure


COLOURS = 64  # of a figure: lines and letters look the same, and it takes a third of the bytes
MOST_NEIGHBOURS = 8
LARGEST_IMAGE = 96  # pixels a side of an image in a gallery; a larger one is shrunk


@dataclass(frozen=True)
class Drawing:
    """A figure.

    Attributes:
        address: ``data:image/png;base64,…``.
        width, height: on the page, in its pixels.
        alt: what it shows, in words and numbers.
        caption: what stands below.
    """

    address: str
    width: int
    height: int
    alt: str
    caption: str


def draw_figure(
    figure: "Figure", alt: str, caption: str, *, colours: int = COLOURS, scale: float = 1.0
) -> Drawing:
    """Return a figure for the page.

    Args:
        figure: what to show.
        alt: what it shows, in words and numbers.
        caption: what stands below.
        colours: how many it keeps, at most 256.
        scale: its size on the page, where an inch of the figure is ``scale`` inches.
    """
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figure.png"
        plots.save(figure, path)
        with Image.open(path) as opened:
            image = opened.convert("RGB")
    inches = image.width / figure.dpi
    few = image.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    width = round(96 * scale * inches)  # 96 of a page's pixels are an inch
    return Drawing(_address(few), width, round(width * image.height / image.width), alt, caption)


def image_address(pixels: NDArray[np.uint8]) -> str:
    """Return an image, uint8 (height, width, 1 or 3), as the address of itself; large ones are shrunk."""
    from PIL import Image

    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    image.thumbnail((LARGEST_IMAGE, LARGEST_IMAGE))
    return _address(image)


def _address(image: "object") -> str:
    content = io.BytesIO()
    image.save(content, "png", optimize=True)  # type: ignore[attr-defined]
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


def draw_curves(history: Mapping[str, Sequence[float]], best_epoch: int) -> Drawing:
    """Draw loss and accuracy over the epochs."""
    epochs = len(history["loss"])
    said = [
        f"Loss and accuracy over {_number(epochs, 'epoch')}.",
        f"Training loss {_course([f'{each:.3f}' for each in history['loss']])},",
        f"training accuracy {_course([html_repr.percent(each) for each in history['accuracy']])}.",
    ]
    caption = "Grey: training images, measured while the weights changed."
    if history.get("val_accuracy"):
        percents = [html_repr.percent(each) for each in history["val_accuracy"]]
        losses = [f"{each:.3f}" for each in history["val_loss"]]
        said.append(f"Validation loss {_course(losses)}, validation accuracy {_course(percents)};")
        said.append(f"best in epoch {best_epoch} with {percents[best_epoch - 1]}.")
        caption += " Blue: validation images, after each epoch; the ring marks the epoch that was kept."
    return draw_figure(plots.curves(history), " ".join(said), caption)


def draw_confusion(found: PartFigures) -> Drawing:
    """Draw the confusion matrix."""
    names = [each.name for each in found.classes]
    alt = f"Confusion matrix: {found.right:,} of {found.images:,} right"
    if found.confused:
        label, answer, count = found.confused[0]
        alt += f"; most often {label} taken for {answer}, {_number(count, 'time')}"
    caption = "Rows are labels, columns answers; a right answer stands on the diagonal."
    return draw_figure(plots.confusion(found.confusion, names), f"{alt}.", caption)


def draw_reliability(found: ErrorAnalysis) -> Drawing:
    """Draw the calibration diagram."""
    bins = found.reliability
    most = max(bins, key=lambda each: each.images)
    alt = (
        f"Calibration diagram of {_number(len(bins), 'range')} of confidence: probability and share of right "
        f"answers lie {html_repr.percent(found.calibration_error)} apart. Most answers, "
        f"{most.images:,}, have a confidence above {html_repr.percent(most.low)}, "
        f"{html_repr.percent(most.confidence)} on average; "
        f"{html_repr.percent(most.accuracy)} of them are right."
    )
    caption = (
        "Each point is a range of confidence. On the diagonal, of answers with 70 % seventy in a hundred are "
        "right; lines are 95 % intervals. Below: how many answers have that confidence."
    )
    return draw_figure(reliability(bins, found.calibration_error), alt, caption)


def draw_filters(name: str, weights: NDArray[np.float32]) -> Drawing:
    """Draw a convolution's weights (filters, height, width, channels)."""
    number, height, width, channels = weights.shape
    alt = (
        f"The {number} filters of {name}, each {height} by {width} on {_number(channels, 'channel')}; "
        f"weights from {weights.min():.2g} to {weights.max():.2g}."
    )
    caption = f"{name}: {number} filters of {height} × {width}. " + (
        "Grey is 0; a filter answers most to what looks like it."
        if channels == 3
        else "Blue is above 0, red below, the deeper the further."
    )
    return draw_figure(filters(weights, f"Filters of {name}"), alt, caption, colours=256, scale=0.75)


def draw_maps(found: Maps) -> Drawing:
    """Draw the maps that a picture becomes, a row for each layer."""
    layers = "; ".join(
        f"{title}: maps {', '.join(map(str, numbers))}"
        for (title, _), numbers in zip(found.rows, found.chosen, strict=True)
    )
    number = _number(len(found.rows), "layer")
    alt = f"Feature maps of {found.tile.name}, label {found.tile.label}, in {number}. {layers}."
    caption = "A row is a layer; black is its lowest number, white its highest."
    return draw_figure(plots.feature_maps(found.rows), alt, caption)


def draw_evidence(found: Found) -> Drawing:
    """Draw what speaks for a class in a picture, a column for each method."""
    marked = [
        Marked(each.method, MEANINGS[each.method][1], MEANINGS[each.method][0], each.values)
        for each in found.attributions
    ]
    sure = html_repr.percent(found.attributions[0].probability)
    centres = "; ".join(f"{each.method} {_centre(each.values)}" for each in found.attributions)
    alt = f"Evidence for {found.label}, {sure}, in {found.tile.name}. Most of it lies around {centres}."
    asked = "its answer" if found.label == found.tile.answer else "its label, which was not the answer"
    caption = f"What speaks for {found.label}, {asked}; probability {sure}."
    figure = evidence(found.tile.image, found.tile.image, marked, f"{found.label}   {sure}")
    return draw_figure(figure, alt, caption, colours=256)


def draw_neighbours(near: Neighbourhood, tiles: Sequence[Tile]) -> Drawing:
    """Draw pictures, each beside the training images that are most like it to the network."""
    images = np.stack([tile.image for tile in tiles])
    found = neighbours_of(near, images, min(MOST_NEIGHBOURS, len(near.embeddings)))
    titles = [f"{tile.name}, label {tile.label}" for tile in tiles]
    sheet = neighbours_sheet(near, images, titles, [tile.label for tile in tiles], found)
    rows = "; ".join(
        f"{tile.name}, label {tile.label}: {', '.join(near.images.classes[each.label] for each in row)}, at "
        f"{row[0].distance:.3f} to {row[-1].distance:.3f}"
        for tile, row in zip(tiles, found, strict=True)
    )
    alt = f"Labels of the nearest training images. {rows}."
    caption = (
        "At the left the picture, then its nearest training images with label and distance: 0 for the same "
        "direction of what the last layer gets, 1 for a right angle."
    )
    return draw_figure(sheet, alt, caption, colours=256)


def draw_plane(found: Plane, classes: Sequence[str], part: str) -> Drawing:
    """Draw images as points in the plane."""
    number, wrong = len(found.points), int((found.labels != found.answers).sum())
    drawn = f"{number:,} of {found.drawn_from:,}" if number < found.drawn_from else f"{number:,}"
    alt = (
        f"Map of {drawn} {part} images: {html_repr.percent(found.alike)} of the points lie next to one of "
        f"the same label; {wrong:,} answers are wrong."
    )
    caption = (
        f"{drawn} {part} images; crosses are wrong answers. "
        f"{html_repr.percent(found.alike)} of the points lie next to one of the same "
        "label. Who lies close is alike to the network; the size of a cluster, the room between "
        "clusters and the axes mean nothing (t-SNE)."
    )
    figure = embedding_map(
        found.points,
        found.labels,
        found.answers,
        classes,
        f"{part.capitalize()} images as the network sees them",
        "",
    )
    return draw_figure(figure, alt, caption, colours=128)


def _centre(values: NDArray[np.floating]) -> str:
    """Return where the middle of what is above 0 lies: ``row 13, column 14``; counted from 1."""
    positive = np.maximum(values, 0)
    total = positive.sum()
    if total <= 0:
        return "nothing"
    rows, columns = np.indices(values.shape)
    return (
        f"row {(positive * rows).sum() / total + 1:.0f}, column {(positive * columns).sum() / total + 1:.0f}"
    )


def draw_compared_curves(
    histories: Mapping[str, Mapping[str, Sequence[float]]], best: Mapping[str, int]
) -> Drawing:
    """Draw the validation figures of several runs over the epochs."""
    ends = "; ".join(
        f"{name} ends at {html_repr.percent(each['val_accuracy'][-1])} after "
        f"{_number(len(each['val_loss']), 'epoch')}"
        for name, each in histories.items()
    )
    alt = f"Validation accuracy and loss of {len(histories)} runs over the epochs: {ends}."
    return draw_figure(compared_curves(histories, best), alt, "Each line is a run’s validation images.")


def _course(values: Sequence[str]) -> str:
    return f"from {values[0]} to {values[-1]}" if len(values) > 1 else values[0]


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


@dataclass(frozen=True, eq=False)
class View:
    """A figure, with the picture that it is about if it is about one."""

    drawing: Drawing
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
        (Message("First-layer filters"), lambda: _filters(classifier)),
        (Message("Feature maps"), lambda: _maps(classifier, pictures)),
        (Message("Where the network looks"), lambda: _evidence(classifier, pictures)),
        (Message("Nearest training images"), lambda: _neighbours(run, pictures, progress)),
        (Message("Map of the images"), lambda: _plane(classifier, answered)),
    )
    found = []
    for name, look in ways:
        try:
            insight = look()
        except ImageletError as error:
            insight = error.message
        if isinstance(insight, str):
            left_out.append(Message("{what}: {problem}.", what=name, problem=insight))
        else:
            found.append(insight)
    return tuple(found)


def _filters(classifier: Classifier) -> Insight | str:
    found = first_filters(classifier)
    if found is None:
        return Message("the network has no convolution of its own")
    name, weights = found
    return Insight(
        "filters",
        "First-layer filters",
        "What the first convolution looks for: each little picture is laid over every place of the image, "
        "and answers most where the image looks like it.",
        (View(draw_filters(name, weights)),),
    )


def _maps(classifier: Classifier, pictures: Sequence[Tile]) -> Insight | str:
    found = maps_of(classifier, pictures)
    if not found:
        return Message("no layer of the network makes maps")
    return Insight(
        "maps",
        "Feature maps",
        "What becomes of a picture on its way through the network. Of each layer the same maps are shown for "
        "both pictures: those that vary most from place to place. Where a map is light, the layer has found "
        "what it looks for.",
        tuple(View(draw_maps(each), each.tile) for each in found),
    )


def _evidence(classifier: Classifier, pictures: Sequence[Tile]) -> Insight | str:
    found = evidence_of(classifier, pictures)
    if not found:
        return Message("there are no pictures to look at")
    tiles = [each.tile for each in found]
    return Insight(
        "evidence",
        "Where the network looks",
        "Which pixels speak for a class, and which against it, by three methods that need not agree. They "
        "show where a change would be felt, not why. Of the wrong answer it is also asked what would have "
        "spoken for the label.",
        tuple(
            View(draw_evidence(each), None if place and tiles[place - 1] is each.tile else each.tile)
            for place, each in enumerate(found)
        ),
    )


def _neighbours(run: Run, pictures: Sequence[Tile], progress: Progress) -> Insight | str:
    if not pictures:
        return Message("there are no pictures to look at")
    near = neighbourhood(run.folder, progress)
    return Insight(
        "neighbours",
        "Nearest training images",
        "The images that the network learned from and that look most like the two pictures to it. A wrong "
        "answer often has neighbours of the other class; labels other than the picture’s are red.",
        (View(draw_neighbours(near, pictures)),),
    )


def _plane(classifier: Classifier, answered: Answered) -> Insight:
    found = plane_of(classifier, answered)
    return Insight(
        "plane",
        "Map of the images",
        "Every point is an image, placed so that images lie close to each other that are alike to the "
        "network. Classes that it tells apart well are islands; mistakes mostly lie on a coast, or "
        "on a wrong island.",
        (View(draw_plane(found, answered.images.classes, answered.part)),),
    )
