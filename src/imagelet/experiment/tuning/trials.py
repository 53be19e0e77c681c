"""One training of a search: settings applied to the start, trained until a moment, measured."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.data.imageset import Dataset, ImageSet
from imagelet.data.splits import Split
from imagelet.device import choose_device, choose_precision, start_threads
from imagelet.errors import DataError, TrainingError
from imagelet.experiment.tuning.space import NETWORK
from imagelet.networks import build
from imagelet.runs.definition import Experiment
from imagelet.runs.provenance import validation_images
from imagelet.training import loop
from imagelet.training.loop import EpochEnded, Step, TrainingSetup
from imagelet.training.recipe import AUTO, Recipe, with_settings
from imagelet.training.recipes import suited
from imagelet.training.result import trained_classifier
from imagelet.training.state import State

WARMING = 2  # steps that are not timed: memory is asked for in them
SHARE_OF_FORWARD = 1 / 3  # of a training step: the part that an evaluation needs, too


@dataclass(frozen=True)
class Images:
    """The images of a search; the test images are not among them.

    Attributes:
        dataset: all of them come from it.
        training: to learn from.
        validation: choose the epoch, the trials and the winner.
        aside: have no part in the search; winner and start are compared on them.
        fingerprint: of the training images before any were set aside.
    """

    dataset: Dataset
    training: ImageSet
    validation: ImageSet
    aside: ImageSet
    fingerprint: str


def images_of(dataset: Dataset, parts: tuple[Split, Split], validation: str) -> Images:
    """Return the images of a study's two splits.

    Raises:
        DataError: the images are others than those that the splits were made of; none are left to choose by.
    """
    chosen, set_aside = parts
    for part in parts:
        part.check(dataset.train)
    choosing = validation_images(dataset, chosen, validation)
    if choosing is None:
        raise DataError(
            "a search needs validation images: they choose among the trials", hint="leave --validation 0 out"
        )
    training, aside = dataset.train.take(chosen.train), dataset.train.take(set_aside.validation)
    return Images(dataset, training, choosing, aside, set_aside.data_sha256)


def experiment_with(start: Experiment, settings: Mapping[str, Any], images: Images) -> Experiment:
    """Return the start with settings of its recipe, and perhaps another network."""
    fields = {name: value for name, value in settings.items() if name != NETWORK}
    recipe = with_settings(start.recipe, fields)
    recipe = suited(recipe, len(images.training), images.training.shape)
    return dataclasses.replace(start, recipe=recipe, network=str(settings.get(NETWORK, start.network)))


def with_length(recipe: Recipe, start: Recipe, epochs: int) -> Recipe:
    """Return a recipe as long as a search has time for: ``epochs`` where it is as long as the start."""
    return dataclasses.replace(recipe, epochs=max(1, round(recipe.epochs * epochs / start.epochs)))


def set_up(experiment: Experiment, images: Images) -> TrainingSetup:
    """Return what a training of a search depends on."""
    card, device = images.dataset.card, choose_device(experiment.device)
    return TrainingSetup(
        training=images.training,
        validation=images.validation,
        recipe=experiment.recipe,
        normalization=images.training.normalization(experiment.recipe.normalization),
        flips=card.flips,
        turned=card.turned,
        seed=experiment.seed,
        device=device,
        precision=choose_precision(experiment.precision, device),
    )


def begun(
    experiment: Experiment, images: Images, *, allow_import: bool | None
) -> tuple[TrainingSetup, State]:
    """Return a training before its first step.

    Raises:
        UsageError: the network does not fit the images, or its code may not be imported.
    """
    start_threads()
    setup = set_up(experiment, images)
    network = build(
        experiment.network,
        input_shape=images.training.shape,
        classes=len(images.training.classes),
        initial_weights=experiment.recipe.initial_weights,
        seed=experiment.seed,
        allow_import=allow_import,
    )
    return setup, loop.start(setup, network)


def train_until(setup: TrainingSetup, state: State, stops: Callable[[], bool]) -> Iterator[Step | EpochEnded]:
    """Train, and yield each step and epoch; ``stops`` is asked after each step, and ends it.

    A loss that is not finite ends it, too: such settings are bad, and that is no reason to end a search.
    """
    try:
        for event in loop.train(setup, state):
            if isinstance(event, Step):
                yield event
                if stops():
                    return
            elif isinstance(event, EpochEnded):
                yield event
    except TrainingError:
        return


def seconds_of_an_epoch(
    experiment: Experiment, images: Images, seconds: float, *, allow_import: bool | None
) -> float:
    """Return what an epoch of training and validation takes here, measured on some steps.

    Args:
        experiment: what would be trained; what is trained here is thrown away.
        images: of the search.
        seconds: how long to measure, at most an epoch.
        allow_import: whether code that the network names is imported.
    """
    setup, state = begun(experiment, images, allow_import=allow_import)
    times: list[float] = []
    end = time.perf_counter() + seconds
    for event in train_until(setup, state, lambda: time.perf_counter() > end and len(times) > WARMING):
        if isinstance(event, EpochEnded):
            break
        times.append(time.perf_counter())
    measured = np.diff(times[WARMING:] if len(times) > WARMING + 1 else [end - seconds, *times])
    step = float(np.median(measured)) if len(measured) else seconds
    return step * setup.steps * (1 + evaluation_share(len(images.validation), images))


def evaluation_share(evaluated: int, images: Images) -> float:
    """Return what evaluating so many images takes, as a fraction of an epoch."""
    return SHARE_OF_FORWARD * evaluated / len(images.training)


@dataclass(frozen=True)
class Reached:
    """What a finished training of the final reached.

    Attributes:
        epochs: of the training.
        validation: for each test-time augmentation the accuracy on the validation images, 0 to 1.
        aside: for each the images set aside that it classified correctly, bool (n,).
    """

    epochs: int
    validation: dict[str, float]
    aside: dict[str, NDArray[np.bool_]]

    def to_json(self) -> dict[str, Any]:
        """Return it as the journal holds it: the bits of the images in hexadecimal digits."""
        bits = {kind: np.packbits(correct).tobytes().hex() for kind, correct in self.aside.items()}
        return {"epochs": self.epochs, "validation": self.validation, "aside": bits}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], images: int) -> "Reached":
        """Return what :meth:`to_json` wrote; ``images`` is the number of those set aside.

        Raises:
            ValueError, LookupError, TypeError: the journal is damaged.
        """
        aside = {}
        for kind, digits in data["aside"].items():
            raw = np.frombuffer(bytes.fromhex(digits), np.uint8)
            if len(raw) != -(-images // 8):
                raise ValueError("the journal is of other images")
            aside[kind] = np.unpackbits(raw, count=images).astype(bool)
        validation = {str(kind): float(accuracy) for kind, accuracy in data["validation"].items()}
        return cls(int(data["epochs"]), validation, aside)


def measure(setup: TrainingSetup, state: State, images: Images, kinds: tuple[str, ...]) -> Reached:
    """Return what the best epoch of a finished training reaches, with each kind of test-time augmentation."""
    validation: dict[str, NDArray[np.bool_]] = {}
    aside: dict[str, NDArray[np.bool_]] = {}
    for kind in kinds:
        recipe = dataclasses.replace(setup.recipe, test_time_augmentation=kind)
        classifier = trained_classifier(
            dataclasses.replace(setup, recipe=recipe),
            state,
            dataset=images.dataset.card.name,
            data_sha256=images.fingerprint,
        )
        for part, kept in ((images.validation, validation), (images.aside, aside)):
            predicted = classifier.logits(part.images).argmax(1)
            kept[kind] = predicted == part.labels
    return Reached(
        setup.recipe.epochs, {kind: float(correct.mean()) for kind, correct in validation.items()}, aside
    )


def tested_recipe(start: Recipe, asked: Recipe, settings: Mapping[str, Any], views: str) -> Recipe:
    """Return the recipe that a file is to hold: what was trained, but with the start's own number of epochs.

    Where the start itself won it is the start as it was asked for.

    Args:
        start: with a number in place of every ``auto``.
        asked: the start as it was asked for.
        settings: that were searched.
        views: the test-time augmentation.
    """
    fields = {name: value for name, value in settings.items() if name not in (NETWORK, "epochs")}
    recipe = with_settings(start if settings else asked, fields | {"test_time_augmentation": views})
    epochs = settings.get("epochs", asked.epochs)
    return dataclasses.replace(recipe, epochs=AUTO if epochs == "auto" else int(epochs))
