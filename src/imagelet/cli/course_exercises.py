"""What the exercises of `imagelet course` show on the terminal."""

from typing import TYPE_CHECKING

from imagelet.cli import printing
from imagelet.html_repr import write_percent
from imagelet.messages import Message

if TYPE_CHECKING:
    import numpy as np

    from imagelet.course.exercises import FeatureMaps, OwnDigits, PredictedImages

WRONG_LISTED = 20  # own pictures with a wrong prediction; --json lists all


def show_feature_maps(result: "FeatureMaps") -> None:
    """Print the feature maps that filters drawn at random make of a digit, and what pooling makes of them."""
    shapes = result.to_json()
    count, maps = len(result.kernels), shapes["maps"]
    largest, mean = shapes["max_pooled"], shapes["average_pooled"]
    printing.facts(
        {
            "image": Message("{shape}: the first training image", shape=shapes["image"]),
            "filters": Message("{count} of 3×3, standard deviation of the weights 0.01", count=count),
            "maps": Message("{shape}: stride 2, SAME", shape=maps),
            "max pooling": Message("{shape}: 2×2, stride 2, SAME", shape=largest),
            "average pooling": Message("{shape}: 2×2, stride 2, SAME", shape=mean),
        }
    )
    numbers = range(1, count + 1)
    printing.say()
    printing.pictures(_grey(result.maps), [Message("map {number}", number=number) for number in numbers])
    printing.say()
    printing.pictures(
        _grey(result.largest), [Message("pooled {number}", number=number) for number in numbers]
    )
    printing.say()


def _grey(maps: "np.ndarray") -> "list[np.ndarray]":
    """Return maps (1, height, width, n) as n grey images: 0 is black, what is farthest from it white."""
    sizes = abs(maps)
    scaled = (255 * sizes / max(sizes.max(), 1e-12)).astype("uint8")
    return [scaled[0, :, :, index, None] for index in range(maps.shape[3])]


def show_three_images(result: "PredictedImages") -> None:
    """Print test images with their labels and predictions."""
    captions = [
        Message("label {label}, predicted {predicted}", label=label, predicted=predicted)
        for label, predicted in zip(result.labels, result.predicted, strict=True)
    ]
    printing.pictures(list(result.images), captions)
    numbers = ", ".join(map(str, result.indices))
    printing.say()
    printing.say("test images {numbers}; --seed N draws others", numbers=numbers)


def show_probabilities(result: "PredictedImages") -> None:
    """Print the probabilities of the first test image, and the predictions of the first ones."""
    printing.say("the first test image, label {label}", style="bold", label=result.labels[0])
    printing.bars(result.first_probabilities)
    printing.say()
    printing.say("the first {count} test images", style="bold", count=len(result.labels))
    printing.facts({"label": " ".join(result.labels), "predicted": " ".join(result.predicted)})
    pairs = zip(result.labels, result.predicted, strict=True)
    if wrong := sum(label != predicted for label, predicted in pairs):
        printing.say("{count} wrong", count=wrong)
    else:
        printing.say("all are correct")


def show_own_digits(result: "OwnDigits") -> None:
    """Print how many own digits were right, by the way they were prepared, and those that were not."""
    from imagelet.course.exercises import WAYS

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
