"""The course's exercises on the command line: each carries one out and knows how to print it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagelet.cli import printing
from imagelet.html_repr import write_percent

if TYPE_CHECKING:
    import numpy as np

    from imagelet.course.exercises import Answers
    from imagelet.runs.run import Run

WRONG_LISTED = 20  # own pictures that were answered wrong; --json lists all


@dataclass(frozen=True)
class Request:
    """What an exercise is given.

    Attributes:
        run: of the classifier that it uses, if it uses one.
        folder: the course's; exists.
        seed: of what is random in it.
        pictures: the user's own, if given.
    """

    run: "Run | None"
    folder: Path
    seed: int
    pictures: str | None


@dataclass(frozen=True)
class Outcome:
    """What an exercise came to.

    Attributes:
        picture: the file that it wrote.
        facts: plain data for ``--json``.
        show: prints it.
    """

    picture: Path
    facts: dict[str, Any]
    show: Callable[[], None]


def feature_maps(request: Request) -> Outcome:
    """Random filters over the first training image, pooled."""
    from imagelet.course.exercises import feature_maps as run_experiment

    found = run_experiment(request.folder, request.seed)
    facts = {
        "image": (1, *found.image.shape),
        "filters": found.kernels.shape,
        "maps": found.maps.shape,
        "max_pooled": found.largest.shape,
        "average_pooled": found.mean.shape,
    }

    def show() -> None:
        printing.facts(
            {
                "image": f"{facts['image']}: the first training image",
                "filters": f"{len(found.kernels)} of 3×3, weights drawn with deviation 0.01",
                "maps": f"{facts['maps']}: stride 2, SAME",
                "max pooling": f"{facts['max_pooled']}: 2×2, stride 2, SAME",
                "average pooling": f"{facts['average_pooled']}: 2×2, stride 2, SAME",
            }
        )
        printing.say()
        for maps, what in ((found.maps, "map"), (found.largest, "pooled")):
            captions = [f"{what} {number}" for number in range(1, maps.shape[3] + 1)]
            printing.pictures(_grey(maps), captions)
            printing.say()

    return Outcome(found.picture, facts, show)


def three_images(request: Request) -> Outcome:
    """Three random test images with label and prediction."""
    from imagelet.course.exercises import three_images as run_experiment

    found = run_experiment(_needed(request), request.folder, request.seed)
    captions = [
        f"label {label}, predicted {answer}"
        for label, answer in zip(found.labels, found.predicted, strict=True)
    ]

    def show() -> None:
        printing.pictures(list(found.images), captions)
        printing.say("\ntest images {names}; --seed N draws others", names=", ".join(map(str, found.places)))

    return Outcome(found.picture, {"images": _listed(found)}, show)


def probabilities(request: Request) -> Outcome:
    """The probabilities of the first test image, and the classes of the first ones."""
    from imagelet.course.exercises import probabilities as run_experiment

    found = run_experiment(_needed(request), request.folder)
    first = dict(zip(found.classes, map(float, found.probabilities[0]), strict=True))
    facts = {"probabilities": first, "images": _listed(found)}

    def show() -> None:
        printing.say("the first test image, label {labels}", style="bold", labels=found.labels[0])
        printing.bars(first)
        printing.say("\nthe first {count} test images", style="bold", count=len(found.labels))
        printing.facts({"label": " ".join(found.labels), "predicted": " ".join(found.predicted)})
        wrong = sum(label != answer for label, answer in zip(found.labels, found.predicted, strict=True))
        printing.say("all are right" if not wrong else f"{wrong} wrong")

    return Outcome(found.picture, facts, show)


def own_digits(request: Request) -> Outcome:
    """The user's own pictures in three ways."""
    from imagelet.course.own_digits import WAYS
    from imagelet.course.own_digits import own_digits as run_experiment

    assert request.pictures is not None  # asked for before anything was trained
    found = run_experiment(_needed(request), request.pictures, request.folder)

    def show() -> None:
        rows = [
            (
                what,
                f"{write_percent(found.accuracies[way])} %",
                "{:.2f} to {:.2f}".format(*(100 * share for share in found.interval(way))),
            )
            for way, what in WAYS.items()
        ]
        printing.table(("way", "right", "95 % interval"), rows, right=("right", "95 % interval"))
        printing.say(
            "\n{images:,} pictures; framed, {count:,} are wrong", images=found.images, count=len(found.wrong)
        )
        if found.wrong:
            printing.table(("file", "label", "answer"), found.wrong[:WRONG_LISTED])
        if len(found.wrong) > WRONG_LISTED:
            printing.say("and {count:,} more; --json lists all", count=len(found.wrong) - WRONG_LISTED)

    return Outcome(found.picture, found.to_json(), show)


EXERCISES: dict[str, Callable[[Request], Outcome]] = {
    "feature-maps": feature_maps,
    "three-images": three_images,
    "probabilities": probabilities,
    "own-digits": own_digits,
}


def _needed(request: Request) -> "Run":
    assert request.run is not None  # the exercise names a training
    return request.run


def _listed(found: "Answers") -> list[dict[str, Any]]:
    rows = zip(found.places, found.labels, found.predicted, found.probabilities, strict=True)
    return [
        {"image": place, "label": label, "predicted": answer, "probability": float(shares.max())}
        for place, label, answer, shares in rows
    ]


def _grey(maps: "np.ndarray") -> "list[np.ndarray]":
    """Return maps (1, height, width, n) as n grey images: 0 is black, what is farthest from it white."""
    sizes = abs(maps)
    scaled = (255 * sizes / max(sizes.max(), 1e-12)).astype("uint8")
    return [scaled[0, :, :, place, None] for place in range(maps.shape[3])]
