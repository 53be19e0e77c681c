"""Embeddings in the plane, where images that a network takes for alike lie close to each other."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.classifier.classifier import Classifier
from imagelet.data.imageset import ImageSet
from imagelet.errors import UsageError
from imagelet.explanation.neighbours import Numbers, directions, embeddings
from imagelet.explanation.spread import rounded

METHODS = ("tsne", "pca")
MOST_IMAGES = 2_000  # t-SNE of so many takes about ten seconds
FEWEST_IMAGES = 3
COMPONENTS = 50  # to which the values are brought before t-SNE, as its authors did
PERPLEXITY = 30.0


@dataclass(frozen=True, eq=False)
class EmbeddingMap:
    """Images as points in the plane.

    Attributes:
        method: ``tsne`` or ``pca``.
        seed: of the draw and of the method.
        points: float32 (n, 2), without a unit.
        indices: int64 (n,), the images' places among all images that were given.
        labels: int64 (n,), their classes.
        answers: int64 (n,), what the classifier says they are.
        classes: the class names.
        drawn_from: how many images were given.
    """

    method: str
    seed: int
    points: Numbers
    indices: NDArray[np.int64]
    labels: NDArray[np.int64]
    answers: NDArray[np.int64]
    classes: tuple[str, ...]
    drawn_from: int

    @property
    def mistakes(self) -> NDArray[np.bool_]:
        """Which of the answers are wrong, bool (n,)."""
        return np.not_equal(self.labels, self.answers)

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and numbers, the points with six digits."""
        return {
            "method": self.method,
            "seed": self.seed,
            "images": len(self.points),
            "drawn_from": self.drawn_from,
            "mistakes": int(self.mistakes.sum()),
            "classes": list(self.classes),
            "points": rounded(self.points).tolist(),
            "indices": self.indices.tolist(),
            "labels": self.labels.tolist(),
            "answers": self.answers.tolist(),
        }


def map_images(
    classifier: Classifier,
    images: ImageSet,
    method: str = "tsne",
    seed: int = 0,
    most: int = MOST_IMAGES,
    answers: NDArray[np.int64] | None = None,
) -> EmbeddingMap:
    """Return a map of labelled images; of many some are drawn, of each class its share.

    The map tells which answers are wrong: whoever maps a run's test images counts a test evaluation.

    Args:
        classifier: whose embeddings and answers they are.
        images: of the network's size and the classifier's classes, at least 3.
        method: ``tsne`` or ``pca``.
        seed: of the draw and of the method; the same seed gives the same map on the same machine.
        most: how many images are drawn at most.
        answers: int64 (n,), what the classifier says of all the images; None: those that are drawn are asked
            about, which takes a classifier of six views six times as long as the embeddings.

    Raises:
        UsageError: another method, or fewer than 3 images.
        ValueError: other classes than the classifier's, or another number of answers.
        ClassifierFileError: the network gives something else than finite numbers.
    """
    if images.classes != classifier.classes:
        raise ValueError(
            f"the images' classes {images.classes} are not the classifier's {classifier.classes}"
        )
    if answers is not None and answers.shape != (len(images),):
        raise ValueError(f"{len(images)} images with answers {answers.shape}: one for each is needed")
    _check(method, min(len(images), most))
    indices = draw_evenly(images.labels, most, seed)
    drawn = images.take(indices)
    said = classifier.logits(drawn.images).argmax(axis=1) if answers is None else answers[indices]
    return EmbeddingMap(
        method=method,
        seed=seed,
        points=embedding_map(embeddings(classifier, drawn.images), method, seed),
        indices=indices,
        labels=drawn.labels,
        answers=said.astype(np.int64),
        classes=images.classes,
        drawn_from=len(images),
    )


def embedding_map(found: Numbers, method: str = "tsne", seed: int = 0) -> Numbers:
    """Return embeddings as points in the plane; only their directions count, as for neighbours.

    ``pca`` is a straight look from the side that shows most: distances in it are true or too short. ``tsne``
    keeps neighbours together: who lies close is alike, but the size of a cluster, the room between clusters
    and the axes mean nothing. It starts from ``pca`` and takes 50 principal components in.

    Args:
        found: float32 (n, values), ``n`` at least 3; t-SNE of more than some thousand takes minutes.
        method: ``tsne`` or ``pca``.
        seed: the same one gives the same points on the same machine.

    Returns:
        float32 (n, 2).

    Raises:
        UsageError: another method, or fewer than 3 embeddings.

    Source: van der Maaten and Hinton 2008, as scikit-learn has it.
    """
    _check(method, len(found))
    from sklearn.decomposition import PCA

    unit = directions(found).astype(np.float64)
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
    """Return the places of at most ``most`` images, ascending, of each class its share, by chance.

    Every class is there, as far as there are not more classes than images to draw.

    Args:
        labels: int64 (n,).
        most: how many are drawn; all where there are no more.
        seed: the same one draws the same images.

    Returns:
        int64 (min(n, most),).
    """
    shuffled = np.random.default_rng([seed, len(labels)]).permutation(len(labels))
    shares = np.empty(len(labels))
    for label in np.unique(labels):
        own = shuffled[labels[shuffled] == label]
        shares[own] = np.arange(len(own)) / len(own)  # the first of each class come before all others
    ranked = shuffled[np.argsort(shares[shuffled], kind="stable")]
    return np.sort(ranked[:most]).astype(np.int64)


def _check(method: str, number: int) -> None:
    if method not in METHODS:
        raise UsageError(
            "unknown kind of map '{method}'",
            hint="write one of {names}",
            method=method,
            names=", ".join(METHODS),
        )
    if number < FEWEST_IMAGES:
        raise UsageError(
            "a map of {number} images is asked for; it needs at least {fewest}",
            number=number,
            fewest=FEWEST_IMAGES,
        )


def _beginning(reduced: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where t-SNE starts: the first two components, the first of them with a deviation of 0.0001.

    Source: Kobak and Berens 2019 (Nature Communications 10, 5416).
    """
    start = np.zeros((len(reduced), 2))
    start[:, : min(2, reduced.shape[1])] = reduced[:, :2]
    start *= 1e-4 / start[:, 0].std()
    return start
