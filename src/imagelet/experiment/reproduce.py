"""Reproducing a run: it is trained again from what its folder says, and the results are compared.

The weights are compared bit by bit. Where they differ, both classifiers are compared on the same images, and
so are the two environments.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from imagelet import paths
from imagelet.classifier.classifier import Classifier
from imagelet.data.splits import Split
from imagelet.device import choose_device, using_threads
from imagelet.errors import RunError, SettingError
from imagelet.experiment.runner import Event, run_experiment
from imagelet.experiment.start import start_of
from imagelet.metrics.classification import CONFIDENCE
from imagelet.metrics.comparison import PairedDifference, compare_predictions
from imagelet.networks.zoo import is_imported
from imagelet.progress import Progress
from imagelet.runs.definition import AUTO, Experiment
from imagelet.runs.provenance import provenance_of_run
from imagelet.runs.run import Run
from imagelet.training.own_functions import NONE, OwnFunctions

CODE = "other code computes otherwise"
ROUNDING = "sums are taken in another order, and round otherwise"
REASONS = {
    "threads": ROUNDING,
    "processor": ROUNDING,
    "device": ROUNDING,
    "cuda_devices": ROUNDING,
    "system": "other libraries may compute otherwise",
    "precision": "numbers have other digits",
    "python": CODE,
    "versions": CODE,
    "commit": CODE,
}


@dataclass(frozen=True)
class Difference:
    """What is not as it was when the run was made.

    Attributes:
        what: ``threads``, ``processor``, ``versions.torch``, …
        then, now: its values; None where it was not noted.
        reason: why that can change the weights; empty where nothing is known.
    """

    what: str
    then: Any
    now: Any
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Return the difference as plain data."""
        return vars(self)


@dataclass(frozen=True)
class WeightDifference:
    """How far the weights of two classifiers lie apart.

    Attributes:
        largest: the largest difference of two numbers; 0 where only the bits differ.
        tensor: where it is: ``conv1.weight``.
        size: the largest of the numbers in that tensor, by amount, to measure by.
        differing: how many numbers are not the same to the last bit.
        numbers: how many there are.
    """

    largest: float
    tensor: str
    size: float
    differing: int
    numbers: int


@dataclass(frozen=True)
class Reproduction:
    """The result of reproducing a run.

    Attributes:
        run: the run.
        again: the run that was trained now.
        identical: the weights are the same, bit by bit.
        weights: how far they lie apart; None where they are identical, or the networks have other layers.
        first_epoch: the first epoch whose figures are other ones; None where all are the same.
        part: the images that both were compared on: ``validation``, or ``training`` where there are none.
        accuracies: of the run and of its repetition on these images.
        paired: their predictions compared; a is the run, b its repetition.
        environment: what is not as it was.
    """

    run: Run
    again: Run
    identical: bool
    weights: WeightDifference | None
    first_epoch: int | None
    part: str
    accuracies: tuple[float, float]
    paired: PairedDifference
    environment: tuple[Difference, ...]

    @property
    def agrees(self) -> bool:
        """Whether the figures differ by no more than chance: McNemar's p is at least 0.05."""
        return self.identical or self.paired.p >= 1 - CONFIDENCE

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            "run": str(self.run.folder),
            "identical": self.identical,
            "agrees": self.agrees,
            "weights": None if self.weights is None else vars(self.weights),
            "first_epoch": self.first_epoch,
            "part": self.part,
            "images": self.paired.images,
            "accuracy": self.accuracies[0],
            "accuracy_again": self.accuracies[1],
            **self.paired.to_json(),
            "environment": [difference.to_json() for difference in self.environment],
        }


def run_again(
    run: Run,
    *,
    folder: Path | None = None,
    own: OwnFunctions = NONE,
    allow_import: bool | None = None,
    progress: Progress | None = None,
) -> Iterator[Event]:
    """Train a finished run again in a new run folder, ``NAME-again``, and yield the events.

    Dataset, network, recipe, split, seed, device, precision and number of threads are the run's. Where there
    is no such device, another is taken. The test images are not read.

    Args:
        run: the run.
        folder: where the new run is written; None: beside the run.
        own: the person's own loss and augmentation that the run was trained with.
        allow_import: whether code that the run's folder names is imported: a network's
            ``package.module:function``.
        progress: is told (done, total) while files are downloaded or pictures decoded.

    Raises:
        UsageError: the run's folder names code, and ``allow_import`` is false; or its own functions are not
            those that it was trained with.
        RunError: the run is not finished, or was changed by hand.
        DataError: the data is not there, or not what the run learned from.
    """
    _check_reproducible(run)
    experiment, resolved = Experiment.from_toml(run.experiment), run.experiment["resolved"]
    own.check(resolved.get("own", {}), run.name)
    frozen = Split.load(run.folder / "split.json")
    device = _device(resolved["device"])
    fixed = replace(experiment, device=device, precision=resolved["precision"], threads=AUTO)
    with using_threads(run.environment.get("threads") or torch.get_num_threads()):
        yield from run_experiment(
            fixed,
            default_name=f"{run.name}-again",
            folder=folder or run.folder.parent,
            frozen=frozen,
            start=start_of(run, allow_import=allow_import),
            own=own,
            allow_import=allow_import,
            progress=progress,
        )


def _check_reproducible(run: Run) -> None:
    """Raise RunError where a run is not finished, or more than its experiment made it what it is."""
    if not run.finished or not run.classifier_file.is_file():
        raise RunError(
            "the run '{name}' is not finished: there is nothing to compare a repetition with",
            hint="imagelet train --resume {folder}",
            name=run.name,
            folder=paths.typed(run.folder),
        )
    if done := run.metrics.get("manual_changes"):
        raise RunError(
            "the run '{name}' was changed by hand in epoch {epoch} ({change}): its experiment alone "
            "does not reproduce it",
            hint="{folder} lists what was done",
            name=run.name,
            epoch=done[0]["epoch"],
            change=done[0]["change"],
            folder=run.folder / "README.md",
        )
    if run.experiment["resolved"].get("given_weights"):
        raise RunError(
            "the run '{name}' began with the weights of a module that a program passed: its experiment alone "
            "does not reproduce it",
            hint="pass a function (channels, size, classes) that makes the module: its weights follow the "
            "seed",
            name=run.name,
        )


def compare(run: Run, again: Run) -> Reproduction:
    """Compare a run with its repetition.

    Args:
        run: the run.
        again: what :func:`run_again` made of it.

    Raises:
        RunError, ClassifierFileError, DataError: a file of one of them is damaged, or the data has changed.
    """
    before, after = _weights(run), _weights(again)
    identical = before.keys() == after.keys() and all(
        _bits(before[name]) == _bits(after[name]) for name in before
    )
    part, accuracies, paired = _predictions(run, again)
    return Reproduction(
        run=run,
        again=again,
        identical=identical,
        weights=None if identical else weight_difference(before, after),
        first_epoch=_first_other_epoch(run, again),
        part=part,
        accuracies=accuracies,
        paired=paired,
        environment=environment_differences(run.environment, again.environment),
    )


def weight_difference(
    before: Mapping[str, torch.Tensor], after: Mapping[str, torch.Tensor]
) -> WeightDifference | None:
    """Return how far weights lie apart; None where the tensors have other names or shapes."""
    shapes = [{name: tensor.shape for name, tensor in one.items()} for one in (before, after)]
    if shapes[0] != shapes[1] or not before:
        return None
    apart = {name: (before[name].double() - after[name].double()).abs().max().item() for name in before}
    name = max(apart, key=lambda one: apart[one])
    return WeightDifference(
        largest=apart[name],
        tensor=name,
        size=before[name].double().abs().max().item(),
        differing=sum(int((before[one] != after[one]).sum()) for one in before),
        numbers=sum(tensor.numel() for tensor in before.values()),
    )


def environment_differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return what two ``environment.json`` do not have in common, in the order of the first."""
    flat_then, flat_now = _flat(then), _flat(now)
    names = [*flat_then, *(name for name in flat_now if name not in flat_then)]
    return tuple(
        Difference(name, flat_then.get(name), flat_now.get(name), REASONS.get(name.partition(".")[0], ""))
        for name in names
        if flat_then.get(name) != flat_now.get(name)
    )


def _flat(content: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in content.items():
        inner = value if isinstance(value, Mapping) else {"": value}
        flat |= {f"{name}.{key}" if key else name: leaf for key, leaf in inner.items()}
    return flat


def _device(name: str) -> str:
    """Return the run's device, or ``auto`` where there is none such here."""
    try:
        choose_device(name)
    except SettingError:
        return AUTO
    return name


def _weights(run: Run) -> dict[str, torch.Tensor]:
    """Return the tensors of the run's classifier as they stand in its file."""
    try:
        return safetensors.torch.load_file(run.classifier_file)
    except (OSError, safetensors.SafetensorError) as error:
        raise RunError("{file} cannot be read: {error}", file=run.classifier_file, error=error) from error


def _bits(tensor: torch.Tensor) -> tuple[torch.dtype, torch.Size, bytes]:
    return tensor.dtype, tensor.shape, tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def _first_other_epoch(run: Run, again: Run) -> int | None:
    before, after = run.history, again.history
    for index in range(max(len(before), len(after))):
        if before[index : index + 1] != after[index : index + 1]:
            return index + 1
    return None


def _predictions(run: Run, again: Run) -> tuple[str, tuple[float, float], PairedDifference]:
    """Compare both classifiers on the validation images, else on the training images."""
    experiment = Experiment.from_toml(run.experiment)
    learned_from = provenance_of_run(run).open()
    validation, part = learned_from.validation, "validation"
    images = None if validation is None else validation.images
    if images is None:
        images, part = learned_from.dataset.train.take(learned_from.training_indices), "training"
    correct = []
    for one in (run, again):
        classifier = Classifier.load(one.classifier_file, allow_import=is_imported(experiment.network))
        logits = classifier.to(choose_device(experiment.device)).logits(images.images)
        correct.append(logits.argmax(axis=1) == images.labels)
    accuracies = (float(correct[0].mean()), float(correct[1].mean()))
    return part, accuracies, compare_predictions(correct[0], correct[1])
