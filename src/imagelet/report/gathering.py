"""What a run folder tells, as plain data, and the commands that repeat the run."""

import contextlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imagelet import html_repr
from imagelet.data.known import datasets
from imagelet.errors import ImageletError, RunError
from imagelet.runs.definition import AUTO, Experiment, describe, settled
from imagelet.runs.run import Run
from imagelet.training.history import as_columns
from imagelet.training.recipe import Recipe, setting_fields
from imagelet.training.recipes import recipes

MOST_CONFUSED = 8  # pairs of classes that are listed
CHOICE = {
    "validation": "Not learned from, but they chose the epoch: this accuracy is a little too high.",
    "test": "They had no part in the training, nor in the choice of the epoch.",
}


@dataclass(frozen=True)
class ClassFigures:
    """The figures of one class, from ``metrics.json``: shares from 0 to 1, None where there is none."""

    name: str
    images: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class PartFigures:
    """The figures on one part of the dataset.

    Attributes:
        part: ``validation`` or ``test``.
        images: how many, at least 1.
        right: how many of them were answered right.
        accuracy: their share.
        interval: the accuracy's Wilson interval at 95 %: (low, high).
        one_view: the accuracy without other views of each image; None where there are none.
        loss: the mean cross-entropy, in nats.
        calibration_error: the mean distance between probability and accuracy.
        classes: one entry a class.
        confusion: rows are labels, columns answers.
        confused: (label, answer, how often), the most frequent first.
        choice: what part these images had in the training, a sentence.
    """

    part: str
    images: int
    right: int
    accuracy: float
    interval: tuple[float, float]
    one_view: float | None
    loss: float
    calibration_error: float
    classes: tuple[ClassFigures, ...]
    confusion: tuple[tuple[int, ...], ...]
    confused: tuple[tuple[str, str, int], ...]
    choice: str


@dataclass(frozen=True)
class Setting:
    """A field of the recipe: its value as it is read, its unit and meaning, whether it is no default."""

    name: str
    value: str
    unit: str
    meaning: str
    differs: bool


@dataclass(frozen=True)
class Command:
    """A command line and what it does."""

    line: str
    does: str


@dataclass(frozen=True)
class RunFacts:
    """What the run folder tells.

    Attributes:
        name: the run's.
        folder: where it is.
        dataset: what it was trained on, as it is typed.
        title: the dataset's name as it is written.
        source: where the data come from and their licence; empty for a folder.
        network: as it is typed.
        network_text: its text.
        shape: (height, width, channels) of the images.
        classes: their names.
        parameters: how many.
        training_images: how many were learned from.
        validation_images: how many chose the epoch.
        epochs: how many there were.
        best_epoch: whose weights the classifier has.
        seed: of the training.
        recipe: its name.
        settings: its fields.
        seconds: of data, training and all; empty where not known.
        images_per_second: in training; None where not known.
        device: what it was trained on, with the precision.
        test_evaluations: when the run was evaluated on the test images, the oldest first.
        parts: the figures, the test images' first, which count most.
        history: the epochs' figures by kind.
        commands: how to repeat it and go on.
        environment: names and values.
    """

    name: str
    folder: str
    dataset: str
    title: str
    source: str
    network: str
    network_text: str
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    parameters: int
    training_images: int
    validation_images: int
    epochs: int
    best_epoch: int
    seed: int
    recipe: str
    settings: tuple[Setting, ...]
    seconds: Mapping[str, float]
    images_per_second: float | None
    device: str
    test_evaluations: tuple[str, ...]
    parts: tuple[PartFigures, ...]
    history: Mapping[str, list[float]]
    commands: tuple[Command, ...]
    environment: tuple[tuple[str, str], ...]


def gather(run: Run) -> RunFacts:
    """Read a finished run's folder.

    Raises:
        RunError: the run is not finished, or a file of it is damaged.
    """
    if not run.finished:
        raise RunError(
            "the run '{name}' is not finished: there is nothing to report yet",
            hint="go on with it: imagelet train --resume {folder}",
            name=run.name,
            folder=run.folder,
        )
    try:
        return _gathered(run, run.experiment, run.metrics)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(
            "the run '{name}' is damaged: {kind} {error}",
            name=run.name,
            kind=type(error).__name__,
            error=error,
        ) from error


def _gathered(run: Run, content: dict[str, Any], metrics: dict[str, Any]) -> RunFacts:
    experiment, resolved = Experiment.from_toml(content), content["resolved"]
    known = datasets.get(experiment.dataset).card if experiment.dataset in datasets else None
    height, width, channels = resolved["input_shape"]
    return RunFacts(
        name=run.name,
        folder=str(run.folder),
        dataset=experiment.dataset,
        title=known.title if known else experiment.dataset,
        source=f"{known.source}; {known.licence}" if known else "",
        network=experiment.network,
        network_text=resolved["network"],
        shape=(height, width, channels),
        classes=tuple(resolved["classes"]),
        parameters=metrics["parameters"],
        training_images=resolved["training_images"],
        validation_images=resolved["validation_images"],
        epochs=metrics["epochs"],
        best_epoch=metrics["best_epoch"],
        seed=experiment.seed,
        recipe=experiment.recipe.name,
        settings=_settings(experiment.recipe),
        seconds=metrics.get("seconds", {}),
        images_per_second=metrics.get("images_per_second"),
        device=f"{resolved['device']}, {resolved['precision']}",
        test_evaluations=tuple(each["when"] for each in run.test_evaluations),
        parts=tuple(part_figures(part, metrics[part]) for part in ("test", "validation") if part in metrics),
        history=as_columns(run.history),
        commands=commands(run, experiment, resolved),
        environment=_environment(run.environment),
    )


def part_figures(part: str, figures: Mapping[str, Any]) -> PartFigures:
    """Return the figures on ``part`` from what ``metrics.json`` says of it."""
    names = [each["name"] for each in figures["classes"]]
    confusion = tuple(tuple(row) for row in figures["confusion"])
    low, high = figures["interval"]
    return PartFigures(
        part=part,
        images=figures["images"],
        right=sum(row[place] for place, row in enumerate(confusion)),
        accuracy=figures["accuracy"],
        interval=(low, high),
        one_view=figures.get("one_view_accuracy"),
        loss=figures["loss"],
        calibration_error=figures["calibration_error"],
        classes=tuple(
            ClassFigures(*(each[name] for name in ("name", "images", "precision", "recall", "f1")))
            for each in figures["classes"]
        ),
        confusion=confusion,
        confused=_confused(confusion, names),
        choice=CHOICE[part],
    )


def _confused(confusion: tuple[tuple[int, ...], ...], names: list[str]) -> tuple[tuple[str, str, int], ...]:
    found = [
        (names[label], names[answer], count)
        for label, row in enumerate(confusion)
        for answer, count in enumerate(row)
        if count and answer != label
    ]
    return tuple(sorted(found, key=lambda each: -each[2])[:MOST_CONFUSED])


def _settings(recipe: Recipe) -> tuple[Setting, ...]:
    return tuple(
        Setting(
            name=field.name,
            value=_typed(getattr(recipe, field.name)),
            unit=field.metadata["unit"],
            meaning=field.metadata["meaning"],
            differs=getattr(recipe, field.name) != field.default,
        )
        for field in setting_fields()
    )


def _typed(value: Any) -> str:
    """Return a setting's value as it is read."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _environment(stated: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    rows = [("Python", str(stated.get("python", "")))]
    rows += [(name, str(each)) for name, each in stated.get("versions", {}).items()]
    rows += [("system", str(stated.get("system", ""))), ("processor", str(stated.get("processor", "")))]
    rows += [("threads", str(stated.get("threads", "")))]
    rows += [("CUDA devices", ", ".join(map(str, stated.get("cuda_devices", []))) or "none")]
    rows += [("device", str(stated.get("device", ""))), ("precision", str(stated.get("precision", "")))]
    rows += [
        ("commit", str(stated.get("commit") or "")),
        ("data, SHA-256", str(stated.get("data_sha256", ""))),
    ]
    return tuple((name, value) for name, value in rows if value)


def interval_in_words(figures: PartFigures) -> str:
    """Return ``95 % interval 99.34 to 99.80 %``."""
    low, high = map(html_repr.percent, figures.interval)
    return f"95 % interval {low.removesuffix(' %')} to {high}"


OPTIONS = {
    "epochs": "--epochs",
    "batch_size": "--batch-size",
    "learning_rate": "--lr",
    "optimizer": "--optimizer",
}
GENERAL = "general"  # the recipe where none is named


def commands(run: Run, experiment: Experiment, resolved: Mapping[str, Any]) -> tuple[Command, ...]:
    """Return what to type to repeat the run and to go on with it.

    Args:
        run: the run.
        experiment: its experiment.
        resolved: the values that were settled, from its ``experiment.toml``.
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
        experiment: what was run; its recipe has been settled by the images.
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
