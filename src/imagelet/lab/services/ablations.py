"""A network broken on purpose: its prediction and its accuracy, beside those of the network as it is."""

import dataclasses
import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.classifier.classifier import Classifier
from imagelet.errors import DataError
from imagelet.explanation.ablation import Ablation, Movement, ablated, moved
from imagelet.lab.services.cache import Cache
from imagelet.lab.services.classifiers import Classifiers
from imagelet.lab.services.pictures import draw_indices, picture_or_sample, prediction_facts

IMAGES = 500  # validation images that an accuracy is of
BATCH = 25  # of them between two looks at the clock
SECONDS = 8.0  # for each accuracy; then it is of the images so far
KEPT = 200  # accuracies


class CancelledError(Exception):
    """Nobody waits for the accuracy any more."""


@dataclass(frozen=True)
class Accuracy:
    """How many images are classified correctly.

    Attributes:
        correct: how many.
        images: of how many.
    """

    correct: int
    images: int


Accuracies = Cache[Accuracy]


def predictions(
    classifiers: Classifiers,
    name: str,
    picture: NDArray[np.uint8] | None,
    sample: str | None,
    ablation: Ablation,
    movement: Movement,
) -> dict[str, Any]:
    """Return what a classifier predicts for a picture as it is, and broken, for the picture moved.

    Raises:
        RunError, DataError, UsageError: there is no such classifier, image, layer or map.
    """
    classifier = classifiers.load(name)
    pixels, _ = picture_or_sample(classifiers, name, picture, sample)
    framed = classifier.frame(pixels)
    changed = dataclasses.replace(framed, image=moved(framed.image[np.newaxis], movement)[0])
    pairs = ((classifier, framed), (ablated(classifier, ablation), changed))
    original, broken = (
        prediction_facts(one.prediction(image, one.logits(image.image[np.newaxis])[0], top=len(one.classes)))
        for one, image in pairs
    )
    return {"original": original, "changed": broken}


def accuracies(
    classifiers: Classifiers,
    cache: Accuracies,
    name: str,
    ablation: Ablation,
    movement: Movement,
    cancelled: threading.Event,
) -> dict[str, Any]:
    """Return a classifier's accuracy as it is, and broken on the same validation images, which are moved.

    Where these are not there, both are None and ``missing`` says why.

    Args:
        classifiers: those of the lab.
        cache: of the accuracies.
        name: the classifier's.
        ablation: what is changed.
        movement: how the images are moved.
        cancelled: set as soon as nobody waits any more.

    Raises:
        RunError, UsageError: there is no such classifier, layer or map.
        CancelledError: nobody waits any more.
    """
    classifier, key = classifiers.load(name), classifiers.find(name).key
    try:
        part = classifiers.part(name, "validation")
    except DataError as error:
        return {"original": None, "changed": None, "missing": error.message}
    chosen = sorted(draw_indices(part.labels, IMAGES, seed=0))
    images = np.stack([np.asarray(part.images[index]) for index in chosen])
    labels = part.labels[chosen]

    def accuracy(ablation: Ablation, movement: Movement) -> Accuracy:
        while True:
            try:
                return cache.get(
                    (key, ablation, movement),
                    lambda: _measure(ablated(classifier, ablation), images, labels, movement, cancelled),
                )
            except CancelledError:  # perhaps another one's, who had asked for the same
                if cancelled.is_set():
                    raise

    original, changed = accuracy(Ablation(), Movement()), accuracy(ablation, movement)
    return {"original": vars(original), "changed": vars(changed), "missing": None}


def _measure(
    classifier: Classifier,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    movement: Movement,
    cancelled: threading.Event,
) -> Accuracy:
    """Count correct predictions until all images are through, or the time is.

    Raises:
        CancelledError: nobody waits any more.
    """
    end, correct, done = time.monotonic() + SECONDS, 0, 0
    for start in range(0, len(images), BATCH):
        if cancelled.is_set():
            raise CancelledError
        if done and time.monotonic() > end:
            break
        batch = slice(start, start + BATCH)
        predicted = classifier.logits(moved(images[batch], movement)).argmax(axis=1)
        correct += int((predicted == labels[batch]).sum())
        done += len(predicted)
    return Accuracy(correct, done)
