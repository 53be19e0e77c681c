"""What a report shows of the inside of a classifier: filters, maps, attributions, embeddings."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from imagelet import plots
from imagelet.analysis.embeddings import neighbourhood, neighbours_of, neighbours_sheet
from imagelet.analysis.explain import MEANINGS
from imagelet.classifier.classifier import Classifier
from imagelet.errors import ImageletError, UsageError
from imagelet.explanation.activations import LayerActivations, filters, is_convolution, layer_activations
from imagelet.explanation.attribution import attribute, convolution_of
from imagelet.explanation.embeddings import draw_evenly, embedding_map, embeddings
from imagelet.html_repr import counted, percent
from imagelet.messages import Message
from imagelet.networks.watching import layers_named
from imagelet.plots.explanation import Marked
from imagelet.progress import Progress
from imagelet.report.drawings import Drawing, draw_figure
from imagelet.report.gathering import Answered, Tile, pair
from imagelet.runs.run import Run

MOST_LAYERS, MOST_MAPS = 5, 8
MOST_MAPPED = 1_500  # images on the map: t-SNE of so many takes some seconds
MOST_NEIGHBOURS = 8
METHODS = ("integrated-gradients", "grad-cam", "occlusion")
WAYS = {  # each with its title, and how to read it
    "filters": (
        Message("First-layer filters"),
        "What the first convolution looks for: each little picture is laid over every place of the "
        "image, and answers most where the image looks like it.",
    ),
    "maps": (
        Message("Feature maps"),
        "What becomes of a picture on its way through the network. Of each layer the same maps are "
        "shown for both pictures: those that vary most from place to place. Where a map is light, the "
        "layer has found what it looks for.",
    ),
    "evidence": (
        Message("Where the network looks"),
        "Which pixels speak for a class, and which against it, by three methods that need not agree. "
        "They show where a change would be felt, not why. Of the wrong answer it is also asked what "
        "would have spoken for the label.",
    ),
    "neighbours": (
        Message("Nearest training images"),
        "The images that the network learned from and that look most like the two pictures to it. A "
        "wrong answer often has neighbours of the other class; labels other than the picture’s are red.",
    ),
    "plane": (
        Message("Map of the images"),
        "Every point is an image, placed so that images lie close to each other that are alike to the "
        "network. Classes that it tells apart well are islands; mistakes mostly lie on a coast, or on a"
        " wrong island.",
    ),
}


class View(NamedTuple):
    """A figure, with the picture that it is about if it is about one."""

    drawing: Drawing
    tile: Tile | None = None


class Insight(NamedTuple):
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
    tiles = pair(answered)
    ways: dict[str, Callable[[], tuple[View, ...]]] = {
        "filters": lambda: _filters(classifier),
        "maps": lambda: _maps(classifier, tiles),
        "evidence": lambda: _evidence(classifier, tiles),
        "neighbours": lambda: _neighbours(run, tiles, progress),
        "plane": lambda: _plane(classifier, answered),
    }
    found = []
    for key, look in ways.items():
        title, text = WAYS[key]
        try:
            found.append(Insight(key, title, text, look()))
        except ImageletError as error:
            left_out.append(Message("{what}: {problem}.", what=title, problem=error.message))
    return tuple(found)


def _filters(classifier: Classifier) -> tuple[View, ...]:
    """Draw the filters of the first convolution.

    Raises:
        UsageError: there is none.
    """
    layers = layers_named(classifier.network)
    name = next((name for name, layer in layers if is_convolution(layer)), None)
    if name is None:
        raise UsageError("the network has no convolution of its own")
    weights = filters(classifier.network, name)
    number, height, width, channels = weights.shape
    alt = (
        f"The {number} filters of {name}, each {height} by {width} on {counted(channels, 'channel')}; "
        f"weights from {weights.min():.2g} to {weights.max():.2g}."
    )
    caption = f"{name}: {number} filters of {height} × {width}. " + (
        "Grey is 0; a filter answers most to what looks like it."
        if channels == 3
        else "Blue is above 0, red below, the deeper the further."
    )
    figure = plots.filters(weights, f"Filters of {name}")
    return (View(draw_figure(figure, alt, caption, colours=256, scale=0.75)),)


def _maps(classifier: Classifier, tiles: Sequence[Tile]) -> tuple[View, ...]:
    """Draw the maps that pictures become in up to five layers: the same maps for all, so that they compare.

    Shown are the maps that tell places apart the most on any of the pictures.

    Raises:
        UsageError: no layer makes maps.
    """
    outputs = [_spatial(layer_activations(classifier, tile.image)) for tile in tiles]
    if not outputs or not outputs[0]:
        raise UsageError("no layer of the network makes maps")
    chosen = [_liveliest(layers) for layers in zip(*outputs, strict=True)]
    views = []
    for tile, layers in zip(tiles, outputs, strict=True):
        rows = [
            (f"{layer.name}, {' × '.join(map(str, layer.shape))}", layer.maps[numbers])
            for layer, numbers in zip(layers, chosen, strict=True)
        ]
        of_each = "; ".join(
            f"{title}: maps {', '.join(map(str, numbers))}"
            for (title, _), numbers in zip(rows, chosen, strict=True)
        )
        number = counted(len(rows), "layer")
        alt = f"Feature maps of {tile.name}, label {tile.label}, in {number}. {of_each}."
        caption = "A row is a layer; black is its lowest number, white its highest."
        views.append(View(draw_figure(plots.feature_maps(rows), alt, caption), tile))
    return tuple(views)


def _spatial(outputs: Sequence[LayerActivations]) -> list[LayerActivations]:
    """Return the layers to show, up to five: activations that have maps, else every layer that has."""
    spatial = [layer for layer in outputs if layer.values.ndim == 3 and layer.shape[0] * layer.shape[1] > 1]
    lively = [layer for layer in spatial if layer.layer.family == "activation"] or spatial
    if not lively:
        return []
    places = np.unique(np.linspace(0, len(lively) - 1, MOST_LAYERS).round().astype(int))
    return [lively[place] for place in places]


def _liveliest(outputs: Sequence[LayerActivations]) -> list[int]:
    """Return the maps of a layer that vary the most from place to place, in their order."""
    deviations = np.max([layer.maps.std(axis=(1, 2)) for layer in outputs], axis=0)  # (maps,)
    return sorted(np.argsort(-deviations, kind="stable")[:MOST_MAPS].tolist())


def _evidence(classifier: Classifier, tiles: Sequence[Tile]) -> tuple[View, ...]:
    """Draw for each picture what speaks for its answer, and of a wrong one also for its label.

    Raises:
        UsageError: there are no pictures.
    """
    if not tiles:
        raise UsageError("there are no pictures to look at")
    methods: tuple[str, ...] = METHODS
    try:
        convolution_of(classifier.network, None)
    except UsageError:
        methods = tuple(method for method in METHODS if method != "grad-cam")
    views = []
    for tile in tiles:
        for label in dict.fromkeys((tile.answer, tile.label)):
            drawing = _draw_evidence(classifier, tile, label, methods)
            views.append(View(drawing, tile if label == tile.answer else None))
    return tuple(views)


def _draw_evidence(classifier: Classifier, tile: Tile, label: str, methods: Sequence[str]) -> Drawing:
    index = classifier.classes.index(label)
    attributions = [attribute(classifier, tile.image, method, index) for method in methods]
    marked = [
        Marked(one.method, MEANINGS[one.method][1], MEANINGS[one.method][0], one.values)
        for one in attributions
    ]
    sure = percent(attributions[0].probability)
    centres = "; ".join(f"{one.method} {_centre(one.values)}" for one in attributions)
    alt = f"Evidence for {label}, {sure}, in {tile.name}. Most of it lies around {centres}."
    asked = "its answer" if label == tile.answer else "its label, which was not the answer"
    caption = f"What speaks for {label}, {asked}; probability {sure}."
    figure = plots.evidence(tile.image, tile.image, marked, f"{label}   {sure}")
    return draw_figure(figure, alt, caption, colours=256)


def _centre(values: np.ndarray) -> str:
    """Return where the middle of what is above 0 lies: ``row 13, column 14``; counted from 1."""
    positive = np.maximum(values, 0)
    total = positive.sum()
    if total <= 0:
        return "nothing"
    row, column = ((positive * places).sum() / total + 1 for places in np.indices(values.shape))
    return f"row {row:.0f}, column {column:.0f}"


def _neighbours(run: Run, tiles: Sequence[Tile], progress: Progress) -> tuple[View, ...]:
    """Draw pictures, each beside the training images that are most like it to the network.

    Raises:
        UsageError: there are no pictures.
        ImageletError: the training images are not there.
    """
    if not tiles:
        raise UsageError("there are no pictures to look at")
    near = neighbourhood(run.folder, progress)
    images = np.stack([tile.image for tile in tiles])
    found = neighbours_of(near, images, min(MOST_NEIGHBOURS, len(near.embeddings)))
    titles = [f"{tile.name}, label {tile.label}" for tile in tiles]
    sheet = neighbours_sheet(near, images, titles, [tile.label for tile in tiles], found)
    rows = "; ".join(
        f"{title}: {', '.join(near.images.classes[one.label] for one in row)}, at "
        f"{row[0].distance:.3f} to {row[-1].distance:.3f}"
        for title, row in zip(titles, found, strict=True)
    )
    alt = f"Labels of the nearest training images. {rows}."
    caption = (
        "At the left the picture, then its nearest training images with label and distance: 0 for the same "
        "direction of what the last layer gets, 1 for a right angle."
    )
    return (View(draw_figure(sheet, alt, caption, colours=256)),)


def _plane(classifier: Classifier, answered: Answered) -> tuple[View, ...]:
    """Draw images as points in the plane; of many some are drawn, of each class its share.

    Raises:
        UsageError: there are fewer than 3 images.
    """
    from scipy.spatial import KDTree

    chosen = draw_evenly(answered.images.labels, MOST_MAPPED, seed=0)
    drawn, answers = answered.images.take(chosen), answered.probabilities[chosen].argmax(axis=1)
    points = embedding_map(embeddings(classifier, drawn.images))  # (n, 2)
    _, nearest = KDTree(points).query(points, k=2)  # (n, 2): a point itself, then another
    alike = percent(float((drawn.labels[nearest[:, 1]] == drawn.labels).mean()))
    wrong = int((drawn.labels != answers).sum())
    number = f"{len(points):,}" + (
        f" of {len(answered.images):,}" if len(points) < len(answered.images) else ""
    )
    alt = (
        f"Map of {number} {answered.part} images: {alike} of the points lie next to one of "
        f"the same label; {wrong:,} answers are wrong."
    )
    caption = (
        f"{number} {answered.part} images; crosses are wrong answers. {alike} of the points lie next to one "
        "of the same label. Who lies close is alike to the network; the size of a cluster, the room between "
        "clusters and the axes mean nothing (t-SNE)."
    )
    title = f"{answered.part.capitalize()} images as the network sees them"
    figure = plots.embedding_map(points, drawn.labels, answers, drawn.classes, title, "")
    return (View(draw_figure(figure, alt, caption, colours=128)),)
