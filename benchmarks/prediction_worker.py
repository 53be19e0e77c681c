"""Seconds of loading a classifier and of predicting, in a process that does nothing else.

    python benchmarks/prediction_worker.py first CLASSIFIER PICTURE    from nothing to the first answer
    python benchmarks/prediction_worker.py again CLASSIFIER DATASET    what more answers take

Prints JSON: a name, and its seconds.
"""

import json
import sys
import time
from collections.abc import Callable

SINGLE = 200  # images, each predicted on its own
BATCH = 100
BATCHES = 50
WHOLE = 5  # times all images
WARM_UP = 20


def first(classifier_file: str, picture: str) -> dict[str, float]:
    """Return the seconds of importing, of loading, and of the first answer about a picture file."""
    times = [time.perf_counter()]
    from imagelet.classifier.classifier import Classifier

    times.append(time.perf_counter())
    classifier = Classifier.load(classifier_file)
    times.append(time.perf_counter())
    classifier.predict(picture)
    times.append(time.perf_counter())
    names = ("import_seconds", "load_seconds", "first_picture_seconds")
    return {name: after - before for name, before, after in zip(names, times, times[1:], strict=False)}


def again(classifier_file: str, dataset: str) -> dict[str, list[float]]:
    """Return the seconds of each prediction: of one framed image, of a batch, of all test images."""
    from imagelet.classifier.classifier import Classifier
    from imagelet.data.datasets import load_dataset

    classifier = Classifier.load(classifier_file)
    images = load_dataset(dataset).test.images

    def seconds(start: int, number: int) -> float:
        return _seconds(lambda: classifier.predict_proba(images[start : start + number]))

    for start in range(WARM_UP):
        seconds(start, 1)
        seconds(start, BATCH)
    return {
        "image_seconds": [seconds(number % len(images), 1) for number in range(SINGLE)],
        "batch_seconds": [seconds(number, BATCH) for number in range(BATCHES)],
        "all_seconds": [seconds(0, len(images)) for _ in range(WHOLE)],
    }


def _seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    json.dump({"first": first, "again": again}[what](*rest), sys.stdout)
