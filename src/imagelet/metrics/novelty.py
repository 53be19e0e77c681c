"""Novelty: whether an image is unlike those that a classifier learned from, by its largest logit.

A logit says how far the embedding of an image, the input of the last dense layer, reaches in the direction of
a class. Images of a class reach about as far as each other; what is no class of the network, a letter for a
network of digits, mostly reaches less far, even where the softmax gives nearly all probability to one class.
So each class has a lowest logit, fitted on validation images; a prediction whose largest logit is below that
of its class is unlike the training images.

This is the maximum logit of Hendrycks et al. 2022, "Scaling Out-of-Distribution Detection for Real-World
Settings" (arXiv 1911.11132), centred for each class as Jung et al. 2021 do, "Standardized Max Logits" (arXiv
2107.11264). No image of anything else is needed, and it costs one comparison.
"""

import math

import numpy as np

UNLIKE = 0.015  # of correct predictions on validation images, the largest share that is called unlike
FEWEST_CORRECT = 50  # predictions, by which the lowest logits are fitted
PRIOR = 20  # predictions with the mean of all classes, which each class is given besides its own


def fit_lowest_logits(logits: np.ndarray, labels: np.ndarray) -> tuple[float, ...] | None:
    """Return the lowest logit of each class that is like those of the images it was learned from.

    It is as far below the mean of the class's largest logits for every class: so far that at most ``UNLIKE``
    of the correct predictions are below. Of a class with few of them the mean is drawn to that of all.

    Args:
        logits: float (n, k), finite, of validation images.
        labels: int (n,), in [0, k).

    Returns:
        k finite numbers; None where fewer than 50 predictions are correct.
    """
    correct = logits.argmax(axis=1) == labels if len(logits) else np.zeros(0, np.bool_)
    if np.count_nonzero(correct) < FEWEST_CORRECT:
        return None
    largest, predicted = logits[correct].max(axis=1).astype(np.float64), labels[correct]
    counts = np.bincount(predicted, minlength=logits.shape[1])  # (k,)
    sums = np.bincount(predicted, largest, logits.shape[1])  # (k,)
    means = (sums + PRIOR * largest.mean()) / (counts + PRIOR)  # (k,)
    distances = np.sort(largest - means[predicted])  # (n,), below 0: less far than the mean
    margin = distances[math.floor(UNLIKE * len(distances))]
    return tuple((means + margin).tolist())


def are_unlike(logits: np.ndarray, lowest_logits: tuple[float, ...]) -> np.ndarray:
    """Return which predictions are unlike the training images, bool (n,).

    Args:
        logits: float (n, k).
        lowest_logits: of the k classes.
    """
    unlike: np.ndarray = logits.max(axis=1) < np.array(lowest_logits)[logits.argmax(axis=1)]
    return unlike
