"""Uneven classes: weights that count them alike in the loss, and an order that draws them equally often."""

import numpy as np
from numpy.typing import NDArray


def balanced_weights(labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """Return the weight of each class in the loss, so that every class counts alike: float32 (classes,).

    They are n / (k · n_c) for n images in k classes, of which n_c are of the class: what scikit-learn's
    ``compute_class_weight("balanced")`` gives. Their mean over the images is 1, so the learning rate need not
    change. A class without images has the weight 0.

    >>> balanced_weights(np.array([0, 0, 0, 1]), 2)
    array([0.6666667, 2.       ], dtype=float32)

    Args:
        labels: int64 (n,), n at least 1.
        classes: how many classes there are.
    """
    counts = np.bincount(labels, minlength=classes)  # (classes,)
    even = len(labels) / np.count_nonzero(counts)
    return np.divide(even, counts, out=np.zeros(classes), where=counts > 0).astype(np.float32)


def balanced_order(labels: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.int64]:
    """Return an epoch in which every class has as many images, within one: int64 (n,), indices of images.

    The images of a small class come several times, each as often as the others within one; of a large class
    some are left out, others in each epoch.

    Args:
        labels: int64 (n,).
        generator: draws which images, and their order.
    """
    by_class = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels)
    members = [part for part in np.split(by_class, np.cumsum(sizes)[:-1]) if len(part)]
    counts = np.full(len(members), len(labels) // len(members))
    counts[generator.permutation(len(members))[: len(labels) % len(members)]] += 1
    drawn = []
    for part, count in zip(members, counts.tolist(), strict=True):
        repeats, rest = divmod(count, len(part))
        drawn += [part] * repeats + [generator.permutation(part)[:rest]]
    return generator.permutation(np.concatenate(drawn))
