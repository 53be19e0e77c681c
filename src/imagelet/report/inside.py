"""What a report shows of the inside of a classifier: maps, attributions, embeddings, as plain data."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagelet.classifier.classifier import Classifier
from imagelet.errors import UsageError
from imagelet.explanation.activations import LayerActivations, filters, is_convolution, layer_activations
from imagelet.explanation.attribution import Attribution, attribute, convolution_of
from imagelet.explanation.neighbours import embeddings
from imagelet.explanation.projection import draw_evenly, embedding_map
from imagelet.report.predictions import Answered, Tile

MOST_LAYERS, MOST_MAPS = 5, 8
MOST_MAPPED = 1_500  # images on the map: t-SNE of so many takes some seconds
METHODS = ("integrated-gradients", "grad-cam", "occlusion")

Row = tuple[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Maps:
    """The maps that a picture becomes.

    Attributes:
        tile: the picture with its label and answer.
        rows: a title, and maps (maps, height, width), for each layer that is shown.
        chosen: for each of them the numbers of its maps, counted from 0.
    """

    tile: Tile
    rows: tuple[Row, ...]
    chosen: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class Found:
    """What speaks for a class in a picture.

    Attributes:
        tile: the picture.
        label: the class.
        attributions: by each method that the network allows.
    """

    tile: Tile
    label: str
    attributions: tuple[Attribution, ...]


@dataclass(frozen=True, eq=False)
class Plane:
    """Images as points, where those lie close that the network takes for alike.

    Attributes:
        points: float32 (n, 2), without a unit.
        labels, answers: int64 (n,), indices of classes.
        drawn_from: how many images they were drawn from.
        alike: the share of points whose nearest point has their label.
    """

    points: NDArray[np.float32]
    labels: NDArray[np.int64]
    answers: NDArray[np.int64]
    drawn_from: int
    alike: float


def evidence_of(classifier: Classifier, tiles: Sequence[Tile]) -> tuple[Found, ...]:
    """Return for each picture what speaks for its answer, and of a wrong one also for its label."""
    asked = [(tile, label) for tile in tiles for label in dict.fromkeys((tile.answer, tile.label))]
    return tuple(
        Found(
            tile,
            label,
            tuple(
                attribute(classifier, tile.image, method, classifier.classes.index(label))
                for method in _methods(classifier)
            ),
        )
        for tile, label in asked
    )


def _methods(classifier: Classifier) -> tuple[str, ...]:
    try:
        convolution_of(classifier.network, None)
    except UsageError:
        return tuple(method for method in METHODS if method != "grad-cam")
    return METHODS


def plane_of(classifier: Classifier, answered: Answered) -> Plane:
    """Return images as points in the plane; of many some are drawn, of each class its share.

    Raises:
        UsageError: there are fewer than 3 images.
    """
    from scipy.spatial import KDTree

    chosen = draw_evenly(answered.images.labels, MOST_MAPPED, seed=0)
    drawn = answered.images.take(chosen)
    points = embedding_map(embeddings(classifier, drawn.images))
    _, nearest = KDTree(points).query(points, k=2)  # (n, 2): a point itself, then another
    return Plane(
        points=points,
        labels=drawn.labels,
        answers=answered.probabilities[chosen].argmax(axis=1).astype(np.int64),
        drawn_from=len(answered.images),
        alike=float((drawn.labels[nearest[:, 1]] == drawn.labels).mean()),
    )


def first_filters(classifier: Classifier) -> tuple[str, NDArray[np.float32]] | None:
    """Return the first convolution's name and weights (filters, height, width, channels); None without."""
    for name, layer in classifier.network.named_children():
        if is_convolution(layer):
            return name, filters(classifier.network, name)
    return None


def maps_of(classifier: Classifier, tiles: Sequence[Tile]) -> tuple[Maps, ...]:
    """Return the maps that pictures become in up to five layers: the same maps for all, so that they compare.

    Shown are the maps that tell places apart the most on any of the pictures. Without a layer that makes maps
    there is nothing to return.

    Args:
        classifier: whose network it is.
        tiles: the pictures.
    """
    outputs = [_spatial(layer_activations(classifier, tile.image)) for tile in tiles]
    if not outputs or not outputs[0]:
        return ()
    chosen = tuple(_liveliest([each[place] for each in outputs]) for place in range(len(outputs[0])))
    return tuple(
        Maps(
            tile,
            tuple(
                (f"{each.name}, {' × '.join(map(str, each.shape))}", each.maps[list(numbers)])
                for each, numbers in zip(layers, chosen, strict=True)
            ),
            chosen,
        )
        for tile, layers in zip(tiles, outputs, strict=True)
    )


def _spatial(outputs: Sequence[LayerActivations]) -> list[LayerActivations]:
    """Return the layers to show, up to five: activations that have maps, else every layer that has."""
    spatial = [each for each in outputs if each.values.ndim == 3 and each.shape[0] * each.shape[1] > 1]
    lively = [each for each in spatial if each.layer.family == "activation"] or spatial
    if not lively:
        return []
    return [
        lively[place] for place in np.unique(np.linspace(0, len(lively) - 1, MOST_LAYERS).round().astype(int))
    ]


def _liveliest(outputs: Sequence[LayerActivations]) -> tuple[int, ...]:
    """Return the maps of a layer that vary the most from place to place, in their order."""
    deviations = np.max([each.maps.std(axis=(1, 2)) for each in outputs], axis=0)  # (maps,)
    return tuple(sorted(np.argsort(-deviations, kind="stable")[:MOST_MAPS].tolist()))
