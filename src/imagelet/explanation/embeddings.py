"""Embeddings of images: the training images that are nearest to one, and their map in the plane.

The embedding of an image is what its network's last dense layer gets: the values that the logits are sums of.
Two embeddings are compared by the cosine of the angle between them, of which the distance is what is missing
to 1: 0 for the same direction, 1 for a right angle, 2 for the opposite one. The length of an embedding says
more about the amount of foreground than about the class: among 60,000 training images of MNIST the nearest
one had another label than a test image 14 times in 1,000 by Euclid's distance, 10 times by the cosine, for
the network ``fast-mnist``; 24 and 19 times in 500 for a network of one convolution and 20,000 images.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imagelet.classifier.classifier import Classifier
from imagelet.errors import ClassifierFileError, UsageError
from imagelet.messages import Message
from imagelet.networks.watching import before_the_last

Numbers = NDArray[np.float32]

WIDEST = 512  # values of an embedding that are kept; of a wider one so many are made
FITTED = 5_000  # images by which it is decided which
METHODS = ("tsne", "pca")
FEWEST_IMAGES = 3
COMPONENTS = 50  # to which the values are brought before t-SNE, as its authors did
PERPLEXITY = 30.0


@dataclass(frozen=True)
class Neighbour:
    """A training image that is like another image to a network.

    Attributes:
        index: among the dataset's training images, from 0.
        label: its class, an index.
        distance: 1 − cosine, from 0 (the same direction) to 2.
    """

    index: int
    label: int
    distance: float

    def to_json(self, classes: tuple[str, ...]) -> dict[str, Any]:
        """Return plain data, with the class by its name."""
        return {"index": self.index, "label": classes[self.label], "distance": self.distance}


@dataclass(frozen=True, eq=False)
class TrainingEmbeddings:
    """The embeddings of training images, as they are kept.

    Args:
        rows: float16 (n, kept), the directions of the embeddings, perhaps projected.
        indices: int64 (n,), of the images among the dataset's training images.
        labels: int64 (n,), their classes.
        projection: float32 (values, kept), orthonormal columns; None where the directions are kept whole.

    Raises:
        ValueError: another type, or shapes that do not fit together.
    """

    rows: NDArray[np.float16]
    indices: NDArray[np.int64]
    labels: NDArray[np.int64]
    projection: Numbers | None = None

    def __post_init__(self) -> None:
        n, kept = self.rows.shape if self.rows.ndim == 2 else (0, 0)
        fits = self.rows.dtype == np.float16 and n and kept
        for part in (self.indices, self.labels):
            fits = fits and part.dtype == np.int64 and part.shape == (n,)
        if self.projection is not None:
            fits = fits and self.projection.dtype == np.float32 and self.projection.ndim == 2
            fits = fits and self.projection.shape[1] == kept
        if not fits:
            raise ValueError(
                "float16 rows (n, kept), int64 indices and labels (n,), a float32 projection (values, kept)"
            )

    def __len__(self) -> int:
        """Return the number of training images."""
        return len(self.rows)

    @property
    def values(self) -> int:
        """How many values an embedding has before it is projected."""
        return int(self.rows.shape[1] if self.projection is None else self.projection.shape[0])

    @cached_property
    def _exact(self) -> Numbers:
        return self.rows.astype(np.float32)  # (n, kept); halves would be turned at every look

    @cached_property
    def _squares(self) -> Numbers:
        squares: Numbers = np.einsum("ij,ij->i", self._exact, self._exact)  # (n,)
        return squares


def embeddings(
    classifier: Classifier, images: NDArray[np.uint8], precision: torch.dtype = torch.float32
) -> Numbers:
    """Return what the network's last dense layer gets of each image, flat.

    Where the last layer that :func:`~imagelet.networks.watching.before_the_last` finds is a convolution, the
    whole map counts; a network without such a layer embeds an image as its pixels. There is no test-time
    augmentation: with three views the nearest image had the same label 991 times in 1,000, with one 990
    times, in 0.4 of the time.

    Args:
        classifier: works on its own device.
        images: uint8 (n, height, width, channels) of the network's size.
        precision: in which the network multiplies; torch.bfloat16 is quicker where the hardware has it.

    Returns:
        float32 (n, values).

    Raises:
        ValueError: images of another type or shape.
        ClassifierFileError: the network gives something else than finite numbers.
    """
    return np.concatenate(list(batches(classifier, images, precision)))


def batches(
    classifier: Classifier, images: NDArray[np.uint8], precision: torch.dtype = torch.float32
) -> Iterator[Numbers]:
    """Yield what :func:`embeddings` returns, some images at a time; of no images one empty batch."""
    device = classifier.device.type
    for part in classifier.in_batches(images):
        # the modes are not left on while the caller works
        with torch.inference_mode(), torch.autocast(device, precision, enabled=precision != torch.float32):
            values, _ = before_the_last(classifier.network, classifier.prepare(part))
            # a float32 copy by rows: flat maps, which may lie channels last, have the network's own order
            rows = values.flatten(1).float().cpu().numpy()  # (batch, values)
        if not np.isfinite(rows).all():
            raise ClassifierFileError("the classifier is damaged: not all its embeddings are finite numbers")
        yield rows


def directions(rows: Numbers) -> Numbers:
    """Return embeddings (n, values) brought to length 1; one that is 0 stays 0, at 0.5 from all."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)  # (n, 1)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def fit_projection(unit: Numbers, most: int = WIDEST) -> Numbers | None:
    """Return the projection that keeps most of the differences between directions, by PCA.

    Distances in the projection are at most the whole ones. A random projection to as many values keeps fewer
    of the nearest neighbours: 512 of 1,728 values kept 90 % of the nearest 8 by PCA, 79 % by chance.

    Args:
        unit: float32 (n, values), the directions of some images.
        most: how many values are kept, at least 1.

    Returns:
        float32 (values, ``most``), orthonormal columns; fewer of them where there are fewer images. None
        where embeddings have no more than ``most`` values: they are kept as they are.

    Source: Halko, Martinsson and Tropp 2011 (arXiv 0909.4061), as scikit-learn has it.
    """
    if unit.shape[1] <= most:
        return None
    from sklearn.utils.extmath import randomized_svd

    kept = min(most, len(unit))
    _, _, rows = randomized_svd(unit - unit.mean(axis=0), kept, n_iter=2, random_state=0)  # (kept, values)
    return np.ascontiguousarray(rows.T, dtype=np.float32)


def projected(unit: Numbers, projection: Numbers | None) -> Numbers:
    """Return directions (n, values) in the projection: (n, kept); as they are where there is none."""
    return unit if projection is None else unit @ projection


def nearest(embedding: Numbers, kept: TrainingEmbeddings, k: int = 8) -> tuple[Neighbour, ...]:
    """Return the ``k`` training images whose embeddings are nearest, the nearest first.

    Of equally near ones the first in the dataset comes first. A training image is its own nearest neighbour.

    Args:
        embedding: float32 (values,), as :func:`embeddings` gives it for one image.
        kept: of the same classifier.
        k: how many, from 1 to the number of training images.

    Raises:
        ValueError: an embedding of another length.
        UsageError: more neighbours than there are training images, or fewer than one.
    """
    if embedding.shape != (kept.values,):
        raise ValueError(f"an embedding has the shape ({kept.values},), not {embedding.shape}")
    if not 1 <= k <= len(kept):
        message = Message(
            "{count:,} neighbours are asked for, of {images:,} training images", count=k, images=len(kept)
        )
        raise UsageError(message, hint="ask for 1 to {most:,}", most=len(kept))
    unit = projected(directions(embedding[np.newaxis]), kept.projection)[0]  # (kept,)
    # between directions half the squared distance of Euclid is 1 − cosine
    distances = np.maximum((kept._squares + unit @ unit) / 2 - kept._exact @ unit, 0)  # (n,)
    near = np.flatnonzero(distances <= np.partition(distances, k - 1)[k - 1])
    order = near[np.lexsort((kept.indices[near], distances[near]))][:k]
    return tuple(Neighbour(int(kept.indices[i]), int(kept.labels[i]), float(distances[i])) for i in order)


def embedding_map(embeddings: Numbers, method: str = "tsne", seed: int = 0) -> Numbers:
    """Return embeddings as points in the plane; only their directions count, as for neighbours.

    ``pca`` projects onto the plane that shows most: distances in it are right or too short. ``tsne`` keeps
    neighbours together: what lies close is alike, but sizes of clusters, distances between them and the axes
    mean nothing. It starts from ``pca`` and takes 50 principal components.

    Args:
        embeddings: float32 (n, values), ``n`` at least 3; t-SNE of more than some thousand takes minutes.
        method: ``tsne`` or ``pca``.
        seed: the same one gives the same points on the same machine.

    Returns:
        float32 (n, 2).

    Raises:
        UsageError: another method, or fewer than 3 embeddings.

    Source: van der Maaten and Hinton 2008, as scikit-learn has it.
    """
    _check(method, len(embeddings))
    from sklearn.decomposition import PCA

    unit = directions(embeddings).astype(np.float64)
    points = np.zeros((len(unit), 2))
    if np.ptp(unit, axis=0).max() == 0:  # all the same: there is no side that shows more
        return points.astype(np.float32)
    components = min(COMPONENTS if method == "tsne" else 2, *unit.shape)
    reduced = PCA(components, svd_solver="randomized", random_state=seed).fit_transform(unit)
    if method == "tsne":
        from sklearn.manifold import TSNE

        perplexity = min(PERPLEXITY, (len(unit) - 1) / 3)  # of few images fewer are neighbours
        points = TSNE(2, perplexity=perplexity, init=_beginning(reduced), random_state=seed).fit_transform(
            reduced
        )
    else:
        points[:, : reduced.shape[1]] = reduced
    return np.asarray(points, dtype=np.float32)


def draw_evenly(labels: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    """Return the indices of at most ``most`` images, ascending, drawn at random, each class in proportion.

    Every class is there, as far as there are not more classes than images to draw.

    Args:
        labels: int64 (n,).
        most: how many are drawn; all where there are no more.
        seed: the same one draws the same images.

    Returns:
        int64 (min(n, most),).
    """
    shuffled = np.random.default_rng([seed, len(labels)]).permutation(len(labels))
    ranks = np.empty(len(labels))
    for label in np.unique(labels):
        own = shuffled[labels[shuffled] == label]
        ranks[own] = np.arange(len(own)) / len(own)  # the first of each class come before all others
    ranked = shuffled[np.argsort(ranks[shuffled], kind="stable")]
    return np.sort(ranked[:most]).astype(np.int64)


def _check(method: str, number: int) -> None:
    if method not in METHODS:
        values: dict[str, Any] = {"method": method, "names": ", ".join(METHODS)}
        raise UsageError("unknown kind of map '{method}'", hint="write one of {names}", **values)
    if number < FEWEST_IMAGES:
        details: dict[str, Any] = {"number": number, "fewest": FEWEST_IMAGES}
        raise UsageError("a map of {number} images is asked for; it needs at least {fewest}", **details)


def _beginning(reduced: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where t-SNE starts: two components, the first with a standard deviation of 0.0001.

    Source: Kobak and Berens 2019 (Nature Communications 10, 5416).
    """
    start = np.zeros((len(reduced), 2))
    start[:, : min(2, reduced.shape[1])] = reduced[:, :2]
    start *= 1e-4 / start[:, 0].std()
    return start
