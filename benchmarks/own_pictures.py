"""What the shipped classifiers make of people's own pictures, and ``mnist`` of pictures that are no digits.

``IMAGELET_OWN_DIGITS`` names the digits: a CSV file with the columns path, label, kind and source (a person).
``IMAGELET_OWN_CLOTHES`` and ``IMAGELET_OWN_OBJECTS`` name such files for ``fashion-mnist`` and ``cifar-10``.
"""

import csv
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.drawn import LIKE_DIGITS
from benchmarks.foreign import foreign_pictures
from benchmarks.measuring import Benchmark, LeftOut, at_once, summary
from benchmarks.processes import imagelet
from imagelet.classifier.classifier import Classifier
from imagelet.classifier.prediction import Prediction
from imagelet.course.exercises import squeezed_as_in_the_notes
from imagelet.data.datasets import load_dataset, place_of
from imagelet.metrics.classification import clustered_interval
from imagelet.preprocessing.framing import frame
from imagelet.preprocessing.handwriting import STEPS, Target, normalise
from imagelet.preprocessing.picture import open_picture, write_picture
from imagelet.runs.store import find_classifier

CLASSIFIER = "mnist"
OTHERS = {"fashion-mnist": "IMAGELET_OWN_CLOTHES", "cifar-10": "IMAGELET_OWN_OBJECTS"}
PRINTED = "printed"  # a kind that is reported apart
MANY = 400  # pictures
REPETITIONS = 3


@dataclass(frozen=True)
class Own:
    """People's own pictures, opened.

    Attributes:
        pictures: uint8 (any, any, 1 or 3).
        labels: int64 (n,).
        kinds: of the pictures: photo, scan, drawing; empty where the table does not say.
        people: who made them.
    """

    pictures: list[NDArray[np.uint8]]
    labels: NDArray[np.int64]
    kinds: NDArray[np.str_]
    people: NDArray[np.str_]


def own_pictures() -> dict[str, Any]:
    """Own digits squeezed and framed, without each step, by kind and person; what is called unsure."""
    place = os.environ.get("IMAGELET_OWN_DIGITS")
    if not place:
        raise LeftOut("IMAGELET_OWN_DIGITS does not name a table of own digits")
    if not all(map(place_of, ("mnist", "fashion-mnist", "cifar-10"))):
        return {}
    classifier = Classifier.load(find_classifier(CLASSIFIER))
    own = _read(Path(place), classifier.classes)
    predictions = classifier.predict(own.pictures)
    framed = np.array([each.class_index for each in predictions])
    squeezed = np.stack([squeezed_as_in_the_notes(each, classifier.input_shape) for each in own.pictures])
    right = {
        "squeezed": classifier.predict_proba(squeezed).argmax(axis=1) == own.labels,
        "framed": framed == own.labels,
    }
    seen = np.stack([each.framed_input for each in predictions])
    reach = _reach(classifier, seen[right["framed"]])
    hand = own.kinds != PRINTED
    kinds = {kind: own.kinds == kind for kind in dict.fromkeys(own.kinds.tolist())}
    return {
        "classifier": CLASSIFIER,
        "bytes": find_classifier(CLASSIFIER).stat().st_size,
        "pictures": len(own.labels),
        "people": len(set(own.people.tolist())),
        "kinds": [
            {"kind": kind, **_by_way(right, own.people, chosen)}
            for kind, chosen in {**kinds, "all but printed": hand, "all": hand | True}.items()
        ],
        **_sureness(predictions, right["framed"]),
        "others": [
            _of_others(name, Path(table)) for name in OTHERS if (table := os.environ.get(OTHERS[name]))
        ],
        "steps": _steps(classifier, own, hand),
        "foreign": [
            {"pictures": len(pictures), "kind": kind, **_doubted(classifier, pictures, reach)}
            for kind, pictures in foreign_pictures().items()
        ],
        "like_digits": LIKE_DIGITS,
        "mnist": _mnist(classifier),
        **_seconds(own),
    }


def benchmarks() -> dict[str, Benchmark]:
    """Return what there is to measure, by name."""
    return {"own-pictures": at_once(own_pictures)}


def _of_others(name: str, table: Path) -> dict[str, Any]:
    """Return accuracy, interval and sureness of a shipped classifier on people's own pictures."""
    classifier = Classifier.load(find_classifier(name))
    own = _read(table, classifier.classes)
    predictions = classifier.predict(own.pictures)
    right = np.array([each.class_index for each in predictions]) == own.labels
    found = _by_way({"framed": right}, own.people, np.full(len(right), True))
    return {"classifier": name, **found, **_sureness(predictions, right)}


def _sureness(predictions: Sequence[Prediction], right: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the fraction of right predictions that are unsure, and how many are wrong, and sure."""
    sure = np.array([each.sure for each in predictions])
    return {
        "right_but_unsure": float(1 - sure[right].mean()),
        "wrong_but_sure": int((sure & ~right).sum()),
        "wrong": int((~right).sum()),
    }


def _read(table: Path, classes: Sequence[str]) -> Own:
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return Own(
        [open_picture(table.parent / row["path"]) for row in rows],
        np.array([classes.index(row["label"]) for row in rows]),
        np.array([row.get("kind", "") for row in rows]),
        np.array([row["source"] for row in rows]),
    )


def _by_way(
    right: dict[str, NDArray[np.bool_]], people: NDArray[np.str_], chosen: NDArray[np.bool_]
) -> dict[str, Any]:
    """Return accuracy and interval of the chosen pictures in each way, counted by person."""
    found: dict[str, Any] = {
        "pictures": int(chosen.sum()),
        "people": len(set(people[chosen].tolist())),
    }
    for way, each in right.items():
        interval = clustered_interval(each[chosen], people[chosen].tolist())
        found[way] = {"accuracy": float(each[chosen].mean()), "interval": list(interval)}
    return found


def _steps(classifier: Classifier, own: Own, hand: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Return each step with the accuracy on digits by hand without it."""
    target = Target(classifier.framing.height, classifier.framing.width, classifier.framing.box)
    pictures = [picture for picture, handwritten in zip(own.pictures, hand, strict=True) if handwritten]
    found = []
    for step in STEPS:
        framed = [_fitted(normalise(each, target, {step.name}).image, target) for each in pictures]
        answers = classifier.predict_proba(np.stack(framed)).argmax(axis=1)
        accuracy = float((answers == own.labels[hand]).mean())
        found.append({"step": step.name, "reason": step.reason, "accuracy_without": accuracy})
    return found


def _fitted(image: NDArray[np.uint8], target: Target) -> NDArray[np.uint8]:
    """Return an image of the target's size: without the box or the centre, it has the ink's own size."""
    if image.shape[:2] == target[:2]:
        return image
    return squeezed_as_in_the_notes(255 - image, (*target[:2], 1))


def _doubted(
    classifier: Classifier, pictures: Sequence[NDArray[np.uint8]], reach: NDArray[np.float64]
) -> dict[str, float]:
    """Return the share of pictures that are unsure, and the AUROC of largest logits against right digits.

    Args:
        classifier: what is measured.
        pictures: of no class.
        reach: of the framed digits that are answered right, as :func:`_reach` returns it.
    """
    from sklearn.metrics import roc_auc_score

    answers = [each for each in classifier.predict_each(pictures) if isinstance(each, Prediction)]
    foreign = _reach(classifier, np.stack([each.framed_input for each in answers]))
    is_digit = np.r_[np.ones(len(reach)), np.zeros(len(foreign))]
    return {
        "unsure": 1 - sum(each.sure for each in answers) / len(pictures),
        "auroc": float(roc_auc_score(is_digit, np.r_[reach, foreign])),
    }


def _reach(classifier: Classifier, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return how far each largest logit is above the lowest one of its class, float64 (n,)."""
    logits = classifier.logits(images)
    lowest = np.array(classifier.calibration.lowest_logits)
    reach: NDArray[np.float64] = logits.max(axis=1) - lowest[logits.argmax(axis=1)]
    return reach


def _mnist(classifier: Classifier) -> dict[str, Any]:
    """Return the figures on MNIST's test images, as they are and framed."""
    images = load_dataset("mnist").test
    metrics = classifier.evaluate(images)
    framed = np.stack([frame(image, classifier.framing) for image in images.images])
    answers = classifier.predict_proba(framed).argmax(axis=1)
    return {
        "images": len(images),
        "accuracy": metrics.accuracy,
        "interval": list(metrics.interval),
        "calibration_error": metrics.calibration_error,
        "framed_accuracy": float((answers == images.labels).mean()),
        "unchanged": float(np.mean((framed == images.images).all(axis=(1, 2, 3)))),
    }


def _seconds(own: Own) -> dict[str, Any]:
    """Return the seconds of ``imagelet predict`` for one picture and for many, each a new process."""
    with tempfile.TemporaryDirectory() as folder:
        for place in range(MANY):
            write_picture(own.pictures[place % len(own.pictures)], Path(folder) / f"{place:04d}.png")
        seconds = {}
        for name, pictures in (("one", f"{folder}/0000.png"), ("many", folder)):
            words = ["predict", CLASSIFIER, pictures]
            seconds[f"seconds_of_{name}"] = summary([imagelet(words).seconds for _ in range(REPETITIONS)])
    return {"many": MANY, **seconds}
