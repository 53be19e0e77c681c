"""What a run folder tells, and what the classifier answers to the run's own images, as plain data."""

import contextlib
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagelet import html_repr, paths
from imagelet.analysis.error_analysis import ErrorAnalysis, analyze_errors, draw_evaluation
from imagelet.analysis.test_evaluation import evaluate_test_images
from imagelet.classifier.classifier import Classifier
from imagelet.data.imageset import ImageSet
from imagelet.data.known import datasets
from imagelet.errors import ImageletError, RunError
from imagelet.runs.definition import (
    AS_SUITS,
    AUTO,
    FINE_TUNING,
    GENERAL,
    Experiment,
    describe,
    settled,
    settling_facts,
)
from imagelet.runs.provenance import provenance_of_run
from imagelet.runs.run import Run
from imagelet.training.history import as_columns
from imagelet.training.recipe import Recipe, setting_fields
from imagelet.training.recipes import recipes

MOST_CONFUSED = 8  # pairs of classes that are listed
CHOICE = {
    "validation": "Not learned from, but they chose the epoch: this accuracy is a little too high.",
    "test": "They had no part in the training, nor in the choice of the epoch.",
}
OPTIONS = {
    "epochs": "--epochs",
    "batch_size": "--batch-size",
    "learning_rate": "--lr",
    "optimizer": "--optimizer",
    "freeze": "--freeze",
}

Figures = Mapping[str, Any]  # of one part of the dataset, as :func:`part_figures` returns them


class Setting(NamedTuple):
    """A field of the recipe: its value as it is read, its unit and meaning, whether it is no default."""

    name: str
    value: str
    unit: str
    meaning: str
    differs: bool


@dataclass(frozen=True)
class RunFacts:
    """What the run folder tells.

    Attributes:
        name: the run's.
        folder: where it is.
        experiment: what was run.
        title: the dataset's name as it is written.
        source: where the data come from and their licence; empty for a folder.
        resolved: the values that were settled, from ``experiment.toml``.
        metrics: the content of ``metrics.json``.
        settings: the recipe's fields.
        test_evaluations: when the run was evaluated on the test images, the oldest first.
        parts: the figures, the test images' first, which count most.
        history: the epochs' figures by kind.
        commands: how to repeat it and go on: command lines, and what each does.
        environment: names and values.
    """

    name: str
    folder: str
    experiment: Experiment
    title: str
    source: str
    resolved: Mapping[str, Any]
    metrics: Mapping[str, Any]
    settings: tuple[Setting, ...]
    test_evaluations: tuple[str, ...]
    parts: tuple[Figures, ...]
    history: Mapping[str, list[float]]
    commands: Mapping[str, str]
    environment: Mapping[str, str]


def gather(run: Run) -> RunFacts:
    """Read a finished run's folder.

    Raises:
        RunError: the run is not finished, or a file of it is damaged.
    """
    if not run.finished:
        raise RunError(
            "the run '{name}' is not finished: there is nothing to report yet",
            hint="resume it: imagelet train --resume {folder}",
            name=run.name,
            folder=paths.typed(run.folder),
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
    card = datasets.get(experiment.dataset).card if experiment.dataset in datasets else None
    shown = {name: metrics[name] for name in ("parameters", "epochs", "best_epoch")}  # none may be missing
    return RunFacts(
        name=run.name,
        folder=str(run.folder),
        experiment=experiment,
        title=card.title if card else experiment.dataset,
        source=f"{card.source}; {card.licence}" if card else "",
        resolved=resolved,
        metrics={"seconds": {}, "images_per_second": None, **metrics, **shown},
        settings=_settings(experiment.recipe),
        test_evaluations=tuple(evaluation["when"] for evaluation in run.test_evaluations),
        parts=tuple(part_figures(part, metrics[part]) for part in ("test", "validation") if part in metrics),
        history=as_columns(run.history),
        commands=commands(run, experiment, resolved),
        environment=_environment(run.environment),
    )


def part_figures(part: str, figures: Mapping[str, Any]) -> Figures:
    """Return the figures on ``part`` from what ``metrics.json`` says of it, and a few more.

    These are ``part``; ``right``, how many images were answered right; ``confused``: (label, answer, how
    often), the most frequent first; ``choice``: what part the images had in the training, a sentence.
    """
    names = [known["name"] for known in figures["classes"]]
    confusion = figures["confusion"]
    confused = [
        (names[label], names[answer], count)
        for label, row in enumerate(confusion)
        for answer, count in enumerate(row)
        if count and answer != label
    ]
    confused.sort(key=lambda pair: -pair[2])
    right = sum(row[place] for place, row in enumerate(confusion))
    more = {"part": part, "right": right, "confused": confused[:MOST_CONFUSED], "choice": CHOICE[part]}
    return {**figures, **more}


def _settings(recipe: Recipe) -> tuple[Setting, ...]:
    rows = []
    for field in setting_fields():
        value, about = getattr(recipe, field.name), field.metadata
        differs = value != field.default
        rows.append(Setting(field.name, write_value(value), about["unit"], about["meaning"], differs))
    return tuple(rows)


def write_value(value: Any) -> str:
    """Return a setting's value as it is read; a dash where it is not known."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return " × ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _environment(recorded: Mapping[str, Any]) -> dict[str, str]:
    facts = {
        "Python": recorded.get("python"),
        **recorded.get("versions", {}),
        **{name: recorded.get(name) for name in ("system", "processor", "threads")},
        "CUDA devices": ", ".join(map(str, recorded.get("cuda_devices", []))) or "none",
        **{name: recorded.get(name) for name in ("device", "precision", "commit")},
        "data, SHA-256": recorded.get("data_sha256"),
    }
    return {name: str(value) for name, value in facts.items() if value}


def interval_in_words(figures: Figures) -> str:
    """Return ``95 % interval 99.34 to 99.80 %``."""
    low, high = map(html_repr.write_percent, figures["interval"])
    return f"95 % interval {low} to {high} %"


def commands(run: Run, experiment: Experiment, resolved: Mapping[str, Any]) -> dict[str, str]:
    """Return what to type to repeat the run and to use it, with what each line does.

    Args:
        run: the run.
        experiment: its experiment.
        resolved: the values that were settled, from its ``experiment.toml``.
    """
    imagelet = {
        ("reproduce",): "trains it again and says whether it comes out the same",
        ("evaluate",): "evaluates on the test images; each test evaluation is counted",
        ("predict", "PICTURE"): "says what a picture of your own shows",
    }
    return {
        train_command(experiment, resolved): "trains it again, as another run",
        **{
            shlex.join(["imagelet", command, str(run.folder), *rest]): does
            for (command, *rest), does in imagelet.items()
        },
    }


def train_command(experiment: Experiment, resolved: Mapping[str, Any]) -> str:
    """Return the ``imagelet train`` line of an experiment: every setting that is not what it would be anyway.

    Args:
        experiment: what was run; its recipe has been settled by the images.
        resolved: the facts of its images, which settle what a recipe leaves open.
    """
    usual_recipe = GENERAL if experiment.start_from is None else FINE_TUNING
    name = experiment.recipe.name if experiment.recipe.name in recipes else usual_recipe
    plain = describe(experiment.dataset, None, name)
    with contextlib.suppress(ImageletError):
        plain = settled(plain, *settling_facts(resolved))
    words = ["imagelet", "train", experiment.dataset]
    if name != usual_recipe:
        words += ["--recipe", name]
    if experiment.start_from is not None:
        words += ["--from", experiment.start_from]
    elif experiment.network != plain.network:
        words += ["--network", experiment.network]
    usual = {"validation": AUTO, "limit": 0, "seed": 0, **vars(AS_SUITS)}
    for field, value in usual.items():
        if getattr(experiment, field) != value:
            words += [f"--{field}", str(getattr(experiment, field))]
    if experiment.input_shape is not None:
        words += ["--input", "x".join(map(str, experiment.input_shape))]
    for setting in setting_fields():
        value = getattr(experiment.recipe, setting.name)
        if value != getattr(plain.recipe, setting.name):
            typed = str(value).lower() if isinstance(value, bool) else str(value)
            option = OPTIONS.get(setting.name)
            words += [option, typed] if option else ["--set", f"{setting.name}={typed}"]
    return shlex.join(words)


MOST_MISCLASSIFIED, MOST_LABEL_ISSUES, MOST_UNSURE = 18, 12, 6
MOST_CLASSES = 20  # of which a right answer is shown


@dataclass(frozen=True, eq=False)
class Answered:
    """Images with the classifier's answers.

    Attributes:
        part: ``validation`` or ``test``.
        source: the dataset's part that ``numbers`` count in: validation images may be split off ``train``.
        numbers: int64 (n,), each image's place in it.
        images: n images.
        probabilities: float64 (n, classes), calibrated.
        error_analysis: misclassified images, label issues, calibration.
    """

    part: str
    source: str
    numbers: NDArray[np.int64]
    images: ImageSet
    probabilities: NDArray[np.float64]
    error_analysis: ErrorAnalysis

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which images were answered right, (n,)."""
        right: NDArray[np.bool_] = self.probabilities.argmax(axis=1) == self.images.labels
        return right

    @property
    def confidences(self) -> NDArray[np.float64]:
        """The probability of each answer, (n,)."""
        highest: NDArray[np.float64] = self.probabilities.max(axis=1)
        return highest


@dataclass(frozen=True, eq=False)
class Tile:
    """An image with its label and its answer.

    Attributes:
        image: uint8 (height, width, 1 or 3).
        name: ``train 4512``.
        label, answer: names of classes.
        probability: of the answer, 0 to 1.
        label_probability: of the label.
    """

    image: NDArray[np.uint8]
    name: str
    label: str
    answer: str
    probability: float
    label_probability: float

    @property
    def right(self) -> bool:
        """Whether the answer is the label."""
        return self.label == self.answer


class Gallery(NamedTuple):
    """Images of one kind.

    Attributes:
        key: a word that stands for it in addresses.
        title: what they are.
        text: how they were found, and how many there are.
        tiles: those that are shown; may be none.
    """

    key: str
    title: str
    text: str
    tiles: tuple[Tile, ...]


def answer(run: Run, classifier: Classifier, part: str) -> Answered:
    """Ask the classifier for its answers to the run's own images of ``part``.

    An evaluation on the test images is counted, and its figures are kept with the run.

    Raises:
        DataError: the data is not there, has changed since, or has no such part.
    """
    learned_from = provenance_of_run(run).open()
    chosen = learned_from.part(part)
    if part == "test":
        evaluated = evaluate_test_images(run, classifier, learned_from.dataset)
        draw_evaluation(run.figures, evaluated, part)
        probabilities = evaluated.probabilities
    else:
        probabilities = classifier.predict_proba(chosen.images.images)
    return Answered(
        part=part,
        source=chosen.part,
        numbers=chosen.indices,
        images=chosen.images,
        probabilities=probabilities,
        error_analysis=analyze_errors(probabilities, chosen.images.labels),
    )


def galleries(answered: Answered) -> tuple[Gallery, ...]:
    """Return the surest mistakes, the labels to look at, right answers, and those right by a hair."""
    found, part = answered.error_analysis, answered.part
    misclassified, label_issues = len(found.misclassified), len(found.label_issues)
    right = np.flatnonzero(answered.right)
    _, firsts = np.unique(answered.images.labels[right], return_index=True)
    order = np.argsort(answered.confidences[right], kind="stable")
    return (
        Gallery(
            "misclassified",
            "Misclassified images",
            f"{misclassified:,} of {len(answered.images):,} {part} images were misclassified; the most "
            "confident wrong predictions come first.",
            _tiles(answered, [one.image for one in found.misclassified[:MOST_MISCLASSIFIED]]),
        ),
        Gallery(
            "label_issues",
            "Labels to look at",
            f"{label_issues:,} of these labels may be wrong: another class is at least as probable as it "
            "usually is for images that carry its label (confident learning, Northcutt et al. 2021). Each is "
            "an image to look at, not a proven error.",
            _tiles(answered, [issue.image for issue in found.label_issues[:MOST_LABEL_ISSUES]]),
        ),
        Gallery(
            "right",
            "Right answers",
            "The first image of each class that was answered right.",
            _tiles(answered, right[firsts[:MOST_CLASSES]]),
        ),
        Gallery(
            "unsure",
            "Right by a hair",
            "The right answers of which the classifier was least sure.",
            _tiles(answered, right[order[:MOST_UNSURE]]),
        ),
    )


def pair(answered: Answered) -> tuple[Tile, ...]:
    """Return a right and a wrong picture: the surest mistake, and the surest right answer of the same label.

    Where all images of that label are answered wrong, or none of any, the right one is the surest of all.
    There may be only one of them, or none.
    """
    wrong = answered.error_analysis.misclassified[:1]
    right = answered.right
    of_label = right & np.isin(answered.images.labels, [one.label for one in wrong])
    alike = np.flatnonzero(of_label if of_label.any() else right)
    surest = alike[np.argsort(-answered.confidences[alike], kind="stable")[:1]]
    return _tiles(answered, [*surest, *(one.image for one in wrong)])


def _tiles(answered: Answered, places: Iterable[int]) -> tuple[Tile, ...]:
    return tuple(_tile(answered, int(place)) for place in places)


def _tile(answered: Answered, place: int) -> Tile:
    images, shares = answered.images, answered.probabilities[place]
    label, answer = int(images.labels[place]), int(shares.argmax())
    return Tile(
        image=np.asarray(images.images[place]),
        name=f"{answered.source} {answered.numbers[place]}",
        label=images.classes[label],
        answer=images.classes[answer],
        probability=float(shares[answer]),
        label_probability=float(shares[label]),
    )
