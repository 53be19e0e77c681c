"""Embeddings in the plane, where images that a network takes for alike lie close to each other."""

import numpy as np
from numpy.typing import NDArray

from imagelet.errors import UsageError
from imagelet.explanation.neighbours import Numbers, directions

METHODS = ("tsne", "pca")
FEWEST_IMAGES = 3
COMPONENTS = 50  # to which the values are brought before t-SNE, as its authors did
PERPLEXITY = 30.0


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
    """Return where t-SNE starts: two components, the first with a standard deviation of 0.0001.

    Source: Kobak and Berens 2019 (Nature Communications 10, 5416).
    """
    start = np.zeros((len(reduced), 2))
    start[:, : min(2, reduced.shape[1])] = reduced[:, :2]
    start *= 1e-4 / start[:, 0].std()
    return start
