"""What the course consists of: trainings with the figures that its notes print, exercises, and pages.

The settings are those of the notes, as Keras has them, with two corrections: where the notes watched the test
set while training, a tenth of the training images is held out in its place; and there is one test evaluation,
at the end. ``tools/course_html.py`` makes ``pages.json.bz2`` from the Markdown in ``docs/course``.
"""

import bz2
import html
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from imagelet.data.splits import COURSE
from imagelet.errors import UnknownNameError
from imagelet.messages import Message
from imagelet.networks.zoo import networks
from imagelet.registry import Registry, suggestion

RECIPE = "keras"
HELD_OUT = "0.1"  # in place of the test set that the notes watched
EVERYTHING = "0"  # the notes name no validation images: all training images are learned from
OWN_DIGITS = "own-digits"


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
        return networks.get(self.network).parameters or 0

    def command(self, seed: int | None = None) -> str:
        """Return the ``imagelet train`` line that does the same.

        >>> lessons.get("cnn-3").command()
        'imagelet train mnist --network cnn-3 --recipe keras --validation 0.1 --test'
        """
        seed = self.seed if seed is None else seed
        words = ["imagelet", "train", self.dataset, "--network", self.network, "--recipe", RECIPE]
        for name, value in self.settings.items():
            option = "lr" if name == "learning_rate" else name.replace("_", "-")
            words += [f"--{option}", str(value)]
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


def _train(name: str, teaches: str, validation: str, *printed: Printed, **others: Any) -> None:
    """Add a training of the network of its own name."""
    facts = {"dataset": "mnist", "network": name, "validation": validation, "printed": printed, **others}
    lessons.add(name, Training(name, teaches, **facts))


_SGD = {"optimizer": "sgd", "learning_rate": 0.01, "batch_size": 128, "epochs": 10}
_COLOUR = {"batch_size": 128, "epochs": 10}

_train("softmax", "softmax, cross-entropy", EVERYTHING, Printed("test", 0.92, rough=True))
_train(
    "mlp-512",
    "hidden layer, gradient descent",
    COURSE,
    Printed("test", 0.9224),
    Printed("validation", 0.9183),
    settings=_SGD,
)
_train(
    "mlp-1024",
    "dropout, Adam",
    HELD_OUT,
    Printed("test", 0.9839),
    settings={"epochs": 15},
    notes_seconds=15 * 105,
)
_train("cnn-1", "convolution, pooling", COURSE, Printed("validation", 0.9433), settings=_SGD)
_train("cnn-3", "SAME padding, dropped maps", HELD_OUT, Printed("test", 0.9910), notes_seconds=5 * 260)
_train(
    "basic-cnn",
    "batches, one epoch",
    EVERYTHING,
    Printed("test", 0.9845),
    settings={"batch_size": 64, "epochs": 1},
)
_train(
    "convnet",
    "VALID padding, RMSprop",
    EVERYTHING,
    Printed("test", 0.9916),
    settings={"optimizer": "rmsprop", "batch_size": 64},
)
_train(
    "deep-cnn",
    "depth, intervals",
    HELD_OUT,
    Printed("test", 0.9942),
    settings={"epochs": 10},
    seed=1234,
    notes_seconds=9_300,
)
_train(
    "fashion-cnn",
    "harder pictures, dropout",
    COURSE,
    Printed("validation", 0.9191),
    dataset="fashion-mnist",
    settings=_COLOUR,
    notes_seconds=10 * 24,
)
_train(
    "cifar-cnn",
    "colour, overfitting",
    COURSE,
    Printed("validation", 0.6707),
    dataset="cifar-10",
    settings=_COLOUR,
    notes_seconds=10 * 76,
)
for _exercise in (
    Exercise("feature-maps", "what filters and pooling answer", draws=True),
    Exercise("three-images", "label and prediction", training="cnn-3", draws=True),
    Exercise("probabilities", "ten probabilities, a batch", training="basic-cnn"),
    Exercise(OWN_DIGITS, "own pictures, framing", "deep-cnn", (Printed("own pictures", 26 / 30),)),
):
    lessons.add(_exercise.name, _exercise)


Language = Literal["en", "ko"]
LANGUAGES: tuple[Language, ...] = ("en", "ko")
PAGES = Path(__file__).parent / "pages.json.bz2"
FIRST = ("README", "pictures", "layers")  # README is the page of its folder wherever Markdown is shown
_TITLE = re.compile(r"<h1\b[^>]*>(.+)</h1>")
_TAG = re.compile(r"<[^>]+>")


@dataclass(frozen=True)
class Page:
    """A page of the course in one language.

    Attributes:
        name: what it is asked for by: ``cnn-3``, ``layers``; ``README`` is the entrance.
        language: ``en`` or ``ko``.
        title: its first heading, as plain text.
        html: the whole page, its first heading included; links lead to ``#/course?page=NAME``.
        previous: the name of the page before it; None at the entrance.
        next: the name of the page after it; None at the end.
        experiment: the training that it is about, None where it is about none.
    """

    name: str
    language: Language
    title: str
    html: str
    previous: str | None
    next: str | None
    experiment: str | None


def page_names() -> list[str]:
    """Return the names of the pages in the order of the course.

    >>> page_names()[:4]
    ['README', 'pictures', 'layers', 'softmax']
    """
    names = (*FIRST, *(training.name for training in trainings()), OWN_DIGITS)
    return [name for name in names if f"en/{name}" in _pages()]  # a plug-in's training may have no page


def read_page(name: str, language: Language = "en") -> Page:
    """Return a page.

    Raises:
        UnknownNameError: there is no such page; the message suggests the nearest name.
    """
    names = page_names()
    if name not in names:
        raise UnknownNameError(
            "unknown page of the course '{name}'{meant}",
            hint="there are {names}",
            name=name,
            meant=suggestion(name.lower(), names),
            names=", ".join(names),
        )
    index = names.index(name)
    text = _pages()[f"{language}/{name}"]
    heading = _TITLE.search(text)
    assert heading is not None, f"{name} has no heading"
    return Page(
        name=name,
        language=language,
        title=html.unescape(_TAG.sub("", heading[1])),
        html=text,
        previous=names[index - 1] if index else None,
        next=names[index + 1] if index + 1 < len(names) else None,
        experiment=name if name in {training.name for training in trainings()} else None,
    )


def all_pages(file: Path = PAGES) -> dict[str, str]:
    """Return the HTML of every page by ``LANGUAGE/NAME``."""
    pages: dict[str, str] = json.loads(bz2.decompress(file.read_bytes()))
    return pages


_pages = cache(all_pages)
