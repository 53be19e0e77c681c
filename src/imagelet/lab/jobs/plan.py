"""The plan of a training: checked before it starts, with the real network, the images and the memory.

What can be known before a training starts is found out here, so that it is said at once and not by a failure
in the middle: whether its images are on this computer, whether they can be split, whether its network fits
them, whether the memory is enough, and whether the run's name is free.
"""

import contextlib
import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from imagelet.data.datasets import load_dataset, place_of
from imagelet.data.imageset import DatasetCard
from imagelet.data.known import datasets
from imagelet.data.splits import validation_fraction
from imagelet.data.store import memory_bytes
from imagelet.errors import ConflictError, DataError, DownloadError, ImageletError, UsageError
from imagelet.experiment.runner import freeze_split
from imagelet.lab.jobs.store import JobStore
from imagelet.lab.services.networks import network_summary
from imagelet.messages import Message
from imagelet.networks.zoo import find_network
from imagelet.runs.definition import AUTO, LARGEST_SEED, Experiment, describe, settled
from imagelet.runs.provenance import validation_images

TAKEN = ("course", "own-pictures", "collections")  # folders of another kind among the runs
RUN_NAME = re.compile(r"\w[\w .+-]{0,99}")
TERMINAL = re.compile(r"\bimagelet \w|(?<!\w)--?\w|/openapi")
READ_AT_MOST = 4_000_000  # bytes of images that are read only to see how they are split
FEW_OF_A_CLASS = 50  # images; of fewer, drawn at random, a class may have none
NUMBER_BYTES = 4  # float32
PROCESS_BYTES = 300_000_000  # of Python with PyTorch, before anything is trained
COPIES_OF_WEIGHTS = 6  # weights, gradients, two of the optimizer, the best epoch's, the moving average
EVALUATED_AT_ONCE = 1000  # images; as the loop does


@dataclass(frozen=True)
class Plan:
    """What a training would be.

    Attributes:
        experiment: with everything settled that it left to the images.
        shape: (height, width, channels) of an image.
        classes: how many there are.
        parameters: of the network.
        available: the training images that there are.
        training: how many of them it learns from.
        validation: how many choose the best epoch.
        memory: bytes that it takes about.
    """

    experiment: Experiment
    shape: tuple[int, int, int]
    classes: int
    parameters: int
    available: int
    training: int
    validation: int
    memory: int

    @property
    def steps(self) -> int:
        """Optimizer steps in an epoch."""
        whole, rest = divmod(self.training, self.experiment.recipe.batch_size)
        return max(1, whole + (rest > 1))

    def facts(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        recipe = self.experiment.recipe
        return {
            "network": self.experiment.network,
            "parameters": self.parameters,
            "available_images": self.available,
            "training_images": self.training,
            "validation_images": self.validation,
            "steps": self.steps,
            "epochs": recipe.epochs,
            "stops_early": bool(recipe.early_stopping),
            "settings": {name: getattr(recipe, name) for name in ("epochs", "batch_size", "learning_rate")},
            "memory_bytes": self.memory,
            "memory_there": memory_bytes(),
        }


def plan(
    dataset: str,
    network: str | None = None,
    recipe: str = "general",
    settings: Mapping[str, Any] | None = None,
    validation: str = AUTO,
    limit: int = 0,
    seed: int = 0,
) -> tuple[Experiment, Plan]:
    """Return a training as an experiment, and what it would be.

    Args:
        dataset: a registered name: folders are for the command line, and no path comes from the page.
        network: network text or a network's name; None: the recipe's.
        recipe: its name.
        settings: recipe fields and their values.
        validation: as an experiment has it.
        limit: the training images at most; a number above what is there means all of them, as 0 does.
        seed: a whole number from 0.

    Raises:
        UsageError: an unknown name, a value that is not allowed, a network that cannot be built or that this
            computer's memory cannot hold.
        DataError: the images are not on this computer, or cannot be split so.
    """
    known = datasets.get(dataset)
    _check_numbers(limit, seed)
    _check_here(known.card)
    experiment = describe(dataset, network, recipe, settings, validation=validation, limit=limit, seed=seed)
    available = known.images["train"]
    if limit >= available:
        experiment = dataclasses.replace(experiment, limit=0)
    shape = known.card.framing.shape if known.card.framing else load_dataset(dataset).train.shape
    training, held_out = _split(experiment, available, math.prod(shape))
    full = settled(experiment, training, shape, len(known.card.classes))
    _check_code(full.network)
    summary = network_summary(full.network, shape, len(known.card.classes))
    _check_frozen(full, shape, len(known.card.classes))
    images = (min(limit, available) if limit else available) * math.prod(shape)
    memory = _memory(full, summary, images)
    _check_memory(memory)
    return experiment, Plan(
        full, shape, len(known.card.classes), summary["total"], available, training, held_out, memory
    )


def check_name(store: JobStore, name: str | None) -> None:
    """Raise unless a run may get this name: it is written as names are, and neither a run nor a job has it.

    Raises:
        UsageError: it is not written as names are.
        ConflictError: it is taken.
    """
    if name is None:
        return
    if not RUN_NAME.fullmatch(name):
        raise UsageError(
            "'{name}' cannot be a run's name",
            "begin with a letter or a digit; then letters, digits, blanks and . + - _ only, 100 at most",
            name=name[:100],
        )
    if name in TAKEN or (store.runs / name).exists():
        raise ConflictError(
            "there is a run '{name}' already, and a run never overwrites another",
            "choose another name",
            name=name,
        )
    if any(job.name == name and job.run is None and not job.ended for job in store.jobs()):
        raise ConflictError("a training that waits has the name '{name}'", "choose another name", name=name)


@contextlib.contextmanager
def for_a_page() -> Iterator[None]:
    """Leave out what an error of the block suggests to type in a terminal: who reads it sees a page."""
    try:
        yield
    except ImageletError as error:
        if isinstance(error, DownloadError):
            error.hint = Message("check the network, then try again")
        elif TERMINAL.search(str(error.hint)):
            error.hint = Message("")
        raise


def _check_numbers(limit: int, seed: int) -> None:
    if limit < 0:
        raise UsageError(
            "{limit} is no number of images; write a whole number such as 2000, or 0 for all", limit=limit
        )
    if not 0 <= seed <= LARGEST_SEED:
        raise UsageError(
            "the seed {seed} is not allowed; it is a whole number from 0 to {most}",
            seed=seed,
            most=LARGEST_SEED,
        )


def _check_here(card: DatasetCard) -> None:
    """Raise unless the images are on this computer: a training downloads nothing."""
    if datasets.get(card.name).load is None and place_of(card.name) is None:
        raise DataError("the images of {title} are not on this computer", title=card.title)


def _check_code(network: str) -> None:
    """Raise where a network is code from outside: that is for the command line alone."""
    if isinstance(find_network(network).builder, str):
        raise UsageError(
            "'{given}' would run code from outside imagelet", "write network text, or a name", given=network
        )


def _check_frozen(experiment: Experiment, shape: tuple[int, int, int], classes: int) -> None:
    """Raise where the recipe freezes a layer that is not there."""
    if not experiment.recipe.freeze:
        return
    from imagelet.networks import build
    from imagelet.training.freezing import frozen_modules

    frozen_modules(build(experiment.network, shape, classes, allow_import=False), experiment.recipe)


def _split(experiment: Experiment, available: int, image_bytes: int) -> tuple[int, int]:
    """Return how many images are learned from, and how many choose the best epoch.

    Many images are not read for it, unless so few of them are drawn that a class may be left out.
    """
    known = datasets.get(experiment.dataset)
    classes, drawn = len(known.card.classes), experiment.limit or available
    own = known.images.get("validation", 0) if experiment.validation == AUTO else 0
    fraction = validation_fraction("0.2" if experiment.validation == AUTO else experiment.validation)
    held_out = 0 if own else round(fraction * drawn)
    is_uncertain = (
        drawn < FEW_OF_A_CLASS * classes or 0 < held_out < classes or (fraction and not held_out + own)
    )
    if is_uncertain or available * image_bytes <= READ_AT_MOST:
        return _read_split(experiment.dataset, experiment.validation, experiment.limit, experiment.seed)
    return drawn - held_out, held_out or own


@lru_cache(64)
def _read_split(dataset: str, validation: str, limit: int, seed: int) -> tuple[int, int]:
    opened = load_dataset(dataset)
    experiment = Experiment(dataset=dataset, validation=validation, limit=limit, seed=seed)
    frozen = freeze_split(opened, experiment, None)
    held_out = validation_images(opened, frozen, validation)
    return len(frozen.train), len(held_out) if held_out is not None else 0


def _memory(experiment: Experiment, summary: Mapping[str, Any], image_bytes: int) -> int:
    """Return about how many bytes a training takes.

    In a step the outputs of all layers are kept, and their gradients; in an evaluation two of them.
    """
    outputs = [layer["memory_bytes"] for layer in summary["layers"]]
    step = 2 * experiment.recipe.batch_size * sum(outputs)
    evaluation = 2 * EVALUATED_AT_ONCE * max(outputs, default=0)
    weights = COPIES_OF_WEIGHTS * NUMBER_BYTES * summary["total"]
    return int(PROCESS_BYTES + 2 * image_bytes + weights + max(step, evaluation))


def _check_memory(needed: int) -> None:
    there = memory_bytes()
    if there and needed > there:
        raise UsageError(
            "the training would take about {needed:.1f} GB of memory, and this computer has {there:.1f} GB",
            "take a smaller batch, fewer filters or units, or fewer images",
            needed=needed / 1e9,
            there=there / 1e9,
        )
