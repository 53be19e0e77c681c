"""The course's exercises on the command line: each runs one and knows how to print it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from imagelet.cli import printing
from imagelet.html_repr import write_percent
from imagelet.messages import Message

if TYPE_CHECKING:
    import numpy as np

    from imagelet.course.exercises import PredictedImages
    from imagelet.runs.run import Run

WRONG_LISTED = 20  # own pictures with a wrong prediction; --json lists all


class Outcome(NamedTuple):
    """The result of an exercise: the picture that it wrote, plain data for ``--json``, and what prints it."""

    picture: Path
    facts: dict[str, Any]
    show: Callable[[], None]


def feature_maps(_run: "Run | None", folder: Path, seed: int, _pictures: str | None) -> Outcome:
    """Random filters over the first training image, pooled."""
    from imagelet.course.exercises import feature_maps as run_exercise

    result = run_exercise(folder, seed)
    facts = {
        "image": (1, *result.image.shape),
        "filters": result.kernels.shape,
        "maps": result.maps.shape,
        "max_pooled": result.largest.shape,
        "average_pooled": result.mean.shape,
    }

    def show() -> None:
        count = len(result.kernels)
        maps, largest, mean = facts["maps"], facts["max_pooled"], facts["average_pooled"]
        printing.facts(
            {
                "image": Message("{shape}: the first training image", shape=facts["image"]),
                "filters": Message("{count} of 3×3, standard deviation of the weights 0.01", count=count),
                "maps": Message("{shape}: stride 2, SAME", shape=maps),
                "max pooling": Message("{shape}: 2×2, stride 2, SAME", shape=largest),
                "average pooling": Message("{shape}: 2×2, stride 2, SAME", shape=mean),
            }
        )
        printing.say()
        numbers = range(1, maps[3] + 1)
        printing.pictures(_grey(result.maps), [Message("map {number}", number=number) for number in numbers])
        printing.say()
        captions = [Message("pooled {number}", number=number) for number in numbers]
        printing.pictures(_grey(result.largest), captions)
        printing.say()

    return Outcome(result.picture, facts, show)


def three_images(run: "Run", folder: Path, seed: int, _pictures: str | None) -> Outcome:
    """Three random test images with label and prediction."""
    from imagelet.course.exercises import three_images as run_exercise

    result = run_exercise(run, folder, seed)

    def show() -> None:
        captions = [
            Message("label {label}, predicted {predicted}", label=label, predicted=predicted)
            for label, predicted in zip(result.labels, result.predicted, strict=True)
        ]
        printing.pictures(list(result.images), captions)
        numbers = ", ".join(map(str, result.indices))
        printing.say()
        printing.say("test images {numbers}; --seed N draws others", numbers=numbers)

    return Outcome(result.picture, {"images": _as_json(result)}, show)


def probabilities(run: "Run", folder: Path, _seed: int, _pictures: str | None) -> Outcome:
    """The probabilities of the first test image, and the classes of the first ones."""
    from imagelet.course.exercises import probabilities as run_exercise

    result = run_exercise(run, folder)
    first = dict(zip(result.classes, map(float, result.probabilities[0]), strict=True))

    def show() -> None:
        printing.say("the first test image, label {label}", style="bold", label=result.labels[0])
        printing.bars(first)
        printing.say()
        printing.say("the first {count} test images", style="bold", count=len(result.labels))
        printing.facts({"label": " ".join(result.labels), "predicted": " ".join(result.predicted)})
        pairs = zip(result.labels, result.predicted, strict=True)
        if wrong := sum(label != predicted for label, predicted in pairs):
            printing.say("{count} wrong", count=wrong)
        else:
            printing.say("all are correct")

    return Outcome(result.picture, {"probabilities": first, "images": _as_json(result)}, show)


def own_digits(run: "Run", folder: Path, _seed: int, pictures: str | None) -> Outcome:
    """The user's own pictures in three ways."""
    from imagelet.course.exercises import WAYS
    from imagelet.course.exercises import own_digits as run_exercise

    assert pictures is not None  # asked for before anything was trained
    result = run_exercise(run, pictures, folder)

    def show() -> None:
        rows = []
        for way, description in WAYS.items():
            low, high = (100 * end for end in result.interval(way))
            interval = Message("{low:.2f} to {high:.2f}", low=low, high=high)
            rows.append((Message(description), f"{write_percent(result.accuracies[way])} %", interval))
        printing.table(("way", "correct", "95 % interval"), rows, right=("correct", "95 % interval"))
        printing.say()
        wrong = len(result.wrong)
        printing.say("{images:,} pictures; framed, {wrong:,} are wrong", images=result.images, wrong=wrong)
        if result.wrong:
            printing.table(("file", "label", "predicted"), result.wrong[:WRONG_LISTED])
        if wrong > WRONG_LISTED:
            printing.say("and {count:,} more; --json lists all", count=wrong - WRONG_LISTED)

    return Outcome(result.picture, result.to_json(), show)


# Each takes the run whose classifier it uses, the course's folder, a seed, and the user's own pictures.
EXERCISES: dict[str, Callable[[Any, Path, int, str | None], Outcome]] = {
    "feature-maps": feature_maps,
    "three-images": three_images,
    "probabilities": probabilities,
    "own-digits": own_digits,
}


def _as_json(result: "PredictedImages") -> list[dict[str, Any]]:
    rows = zip(result.indices, result.labels, result.predicted, result.probabilities, strict=True)
    return [
        {"image": number, "label": label, "predicted": predicted, "probability": float(ten.max())}
        for number, label, predicted, ten in rows
    ]


def _grey(maps: "np.ndarray") -> "list[np.ndarray]":
    """Return maps (1, height, width, n) as n grey images: 0 is black, what is farthest from it white."""
    sizes = abs(maps)
    scaled = (255 * sizes / max(sizes.max(), 1e-12)).astype("uint8")
    return [scaled[0, :, :, index, None] for index in range(maps.shape[3])]
