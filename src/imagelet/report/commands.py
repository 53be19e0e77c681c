"""The command lines that repeat a run, and those that go on with it."""

import contextlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imagelet.errors import ImageletError
from imagelet.runs.definition import AUTO, Experiment, describe, settled
from imagelet.runs.run import Run
from imagelet.training.recipe import setting_fields
from imagelet.training.recipes import recipes

OPTIONS = {
    "epochs": "--epochs",
    "batch_size": "--batch-size",
    "learning_rate": "--lr",
    "optimizer": "--optimizer",
}
GENERAL = "general"  # the recipe where none is named


@dataclass(frozen=True)
class Command:
    """A command line and what it does."""

    line: str
    does: str


def commands(run: Run, experiment: Experiment, resolved: Mapping[str, Any]) -> tuple[Command, ...]:
    """Return what to type to repeat the run and to go on with it.

    Args:
        run: the run.
        experiment: what it carried out.
        resolved: what ``auto`` and the data came to, from its ``experiment.toml``.
    """
    folder = str(run.folder)
    return (
        Command(train_command(experiment, resolved), "trains it again, as another run"),
        Command(
            shlex.join(["imagelet", "reproduce", folder]),
            "trains it again and says whether it comes out the same",
        ),
        Command(
            shlex.join(["imagelet", "evaluate", folder]),
            "evaluates on the test images; each test evaluation is counted",
        ),
        Command(
            shlex.join(["imagelet", "predict", folder, "PICTURE"]), "says what a picture of your own shows"
        ),
    )


def train_command(experiment: Experiment, resolved: Mapping[str, Any]) -> str:
    """Return the ``imagelet train`` line of an experiment: every setting that is not what it would be anyway.

    Args:
        experiment: what was carried out; its recipe has been settled by the images.
        resolved: ``training_images`` and ``input_shape``, which settle what a recipe leaves open.
    """
    name = experiment.recipe.name if experiment.recipe.name in recipes else GENERAL
    plain = describe(experiment.dataset, None, name)
    with contextlib.suppress(ImageletError):
        plain = settled(plain, resolved["training_images"], tuple(resolved["input_shape"]))
    words = ["imagelet", "train", experiment.dataset]
    if name != GENERAL:
        words += ["--recipe", name]
    if experiment.network != plain.network:
        words += ["--network", experiment.network]
    for field, option in (
        ("validation", AUTO),
        ("limit", 0),
        ("seed", 0),
        ("device", AUTO),
        ("precision", AUTO),
    ):
        if getattr(experiment, field) != option:
            words += [f"--{field}", str(getattr(experiment, field))]
    if experiment.input_shape is not None:
        words += ["--input", "x".join(map(str, experiment.input_shape))]
    for each in setting_fields():
        value = getattr(experiment.recipe, each.name)
        if value != getattr(plain.recipe, each.name):
            words += _setting(each.name, value)
    return shlex.join(words)


def _setting(name: str, value: Any) -> list[str]:
    """Return the words that set a field of the recipe to exactly ``value``."""
    typed = str(value).lower() if isinstance(value, bool) else str(value)
    return [OPTIONS[name], typed] if name in OPTIONS else ["--set", f"{name}={typed}"]
