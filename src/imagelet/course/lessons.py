"""What the course consists of: its trainings with the figures that its notes print, and its exercises.

Plain data. The settings are those of the notes, as Keras has them, with two corrections: where the notes
watched the test set while training, a tenth of the training images is held out in its place; and there is one
test evaluation, at the end.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imagelet.data.splits import COURSE
from imagelet.messages import Message
from imagelet.networks.shapes import infer_shapes
from imagelet.networks.zoo import networks
from imagelet.registry import Registry

RECIPE = "keras"
HELD_OUT = "0.1"  # in place of the test set that the notes watched
EVERYTHING = "0"  # the notes name no validation images: all training images are learned from

_FLAGS = {
    "epochs": "--epochs",
    "batch_size": "--batch-size",
    "optimizer": "--optimizer",
    "learning_rate": "--lr",
}


@dataclass(frozen=True)
class Printed:
    """A figure that the notes print.

    Attributes:
        part: ``test``; ``validation``, after the last epoch; or ``own pictures``.
        accuracy: share from 0 to 1.
        rough: the notes say "about".
    """

    part: str
    accuracy: float
    rough: bool = False


@dataclass(frozen=True)
class Training:
    """A network that the notes train.

    Attributes:
        name: what is typed.
        teaches: what it is there for, a few words.
        dataset: a registered dataset.
        network: a registered network.
        validation: as :class:`imagelet.runs.definition.Experiment` takes it.
        printed: the notes' figures, the one to compare by first.
        settings: fields of the recipe ``keras`` that the notes set otherwise.
        seed: the notes' own where they set one, else 0.
        notes_seconds: how long the notes' authors waited on their machines; 0 where they do not say.
    """

    name: str
    teaches: str
    dataset: str
    network: str
    validation: str
    printed: tuple[Printed, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    notes_seconds: int = 0

    @property
    def parameters(self) -> int:
        """The numbers that training finds."""
        named = networks.get(self.network)
        return sum(layer.parameters for layer in infer_shapes(named.text, named.input_shape))

    def command(self, seed: int | None = None) -> str:
        """Return the ``imagelet train`` line that does the same.

        >>> lessons.get("cnn-3").command()
        'imagelet train mnist --network cnn-3 --recipe keras --validation 0.1 --test'
        """
        seed = self.seed if seed is None else seed
        words = ["imagelet", "train", self.dataset, "--network", self.network, "--recipe", RECIPE]
        for name, value in self.settings.items():
            words += [_FLAGS[name], str(value)]
        words += ["--validation", self.validation]
        words += ["--seed", str(seed)] if seed else []
        return shlex.join([*words, "--test"])


@dataclass(frozen=True)
class Exercise:
    """A picture or a calculation to look at.

    Attributes:
        name: what is typed.
        teaches: what it is there for, a few words.
        training: the training whose classifier it uses; empty for none.
        printed: the notes' figure, where there is one.
        draws: a seed chooses what is drawn at random here; the training keeps its own.
    """

    name: str
    teaches: str
    training: str = ""
    printed: tuple[Printed, ...] = ()
    draws: bool = False


Lesson = Training | Exercise
lessons: Registry[Lesson] = Registry(Message("experiment of the course"), "imagelet course --list")


def trainings() -> list[Training]:
    """Return the trainings, in the order of the course."""
    return [lesson for name in lessons if isinstance(lesson := lessons.get(name), Training)]


def training_of(lesson: Lesson) -> Training | None:
    """Return the training that a lesson is, or whose classifier it uses; None where it uses none."""
    if isinstance(lesson, Training):
        return lesson
    found = lessons.get(lesson.training) if lesson.training else None
    assert found is None or isinstance(found, Training)
    return found


def _add(lesson: Lesson) -> None:
    lessons.add(lesson.name, lesson)


_add(
    Training(
        "softmax",
        "softmax, cross-entropy",
        dataset="mnist",
        network="softmax",
        validation=EVERYTHING,
        printed=(Printed("test", 0.92, rough=True),),
    )
)
_SGD = {"optimizer": "sgd", "learning_rate": 0.01, "batch_size": 128, "epochs": 10}
_add(
    Training(
        "mlp-512",
        "hidden layer, gradient descent",
        dataset="mnist",
        network="mlp-512",
        validation=COURSE,
        printed=(Printed("test", 0.9224), Printed("validation", 0.9183)),
        settings=_SGD,
    )
)
_add(
    Training(
        "mlp-1024",
        "dropout, Adam",
        dataset="mnist",
        network="mlp-1024",
        validation=HELD_OUT,
        printed=(Printed("test", 0.9839),),
        settings={"epochs": 15},
        notes_seconds=15 * 105,
    )
)
_add(
    Training(
        "cnn-1",
        "convolution, pooling",
        dataset="mnist",
        network="cnn-1",
        validation=COURSE,
        printed=(Printed("validation", 0.9433),),
        settings=_SGD,
    )
)
_add(
    Training(
        "cnn-3",
        "SAME padding, dropped maps",
        dataset="mnist",
        network="cnn-3",
        validation=HELD_OUT,
        printed=(Printed("test", 0.9910),),
        notes_seconds=5 * 260,
    )
)
_add(
    Training(
        "basic-cnn",
        "batches, one epoch",
        dataset="mnist",
        network="basic-cnn",
        validation=EVERYTHING,
        printed=(Printed("test", 0.9845),),
        settings={"batch_size": 64, "epochs": 1},
    )
)
_add(
    Training(
        "convnet",
        "VALID padding, RMSprop",
        dataset="mnist",
        network="convnet",
        validation=EVERYTHING,
        printed=(Printed("test", 0.9916),),
        settings={"optimizer": "rmsprop", "batch_size": 64},
    )
)
_add(
    Training(
        "deep-cnn",
        "depth, intervals",
        dataset="mnist",
        network="deep-cnn",
        validation=HELD_OUT,
        printed=(Printed("test", 0.9942),),
        settings={"epochs": 10},
        seed=1234,
        notes_seconds=9_300,
    )
)
_KEEPING_THE_SPLIT = {"batch_size": 128, "epochs": 10}
_add(
    Training(
        "fashion-cnn",
        "harder pictures, dropout",
        dataset="fashion-mnist",
        network="fashion-cnn",
        validation=COURSE,
        printed=(Printed("validation", 0.9191),),
        settings=_KEEPING_THE_SPLIT,
        notes_seconds=10 * 24,
    )
)
_add(
    Training(
        "cifar-cnn",
        "colour, overfitting",
        dataset="cifar-10",
        network="cifar-cnn",
        validation=COURSE,
        printed=(Printed("validation", 0.6707),),
        settings=_KEEPING_THE_SPLIT,
        notes_seconds=10 * 76,
    )
)
_add(Exercise("feature-maps", "what filters and pooling answer", draws=True))
_add(Exercise("three-images", "label and prediction", training="cnn-3", draws=True))
_add(Exercise("probabilities", "ten probabilities, a batch", training="basic-cnn"))
_add(
    Exercise(
        "own-digits",
        "own pictures, framing",
        training="deep-cnn",
        printed=(Printed("own pictures", 26 / 30),),
    )
)
