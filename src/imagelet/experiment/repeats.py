"""One experiment several times: with several seeds, or with each fold of the images held out in turn.

Each training is an ordinary run. Runs that exist already are found by their experiment and their data, so
that an interrupted series can be resumed, and a series be spread over machines that share the folder with the
runs; the figures are read from the run folders.
"""

import contextlib
import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imagelet import atomic_files, paths
from imagelet.data.datasets import findable
from imagelet.data.imageset import Dataset, ImageSet
from imagelet.data.signal import check_signal
from imagelet.data.splits import Split, fold, split
from imagelet.data.store import InMemory
from imagelet.errors import ImageletError, RunError, SettingError
from imagelet.experiment.child_messages import Failed
from imagelet.experiment.once import Task, find, is_complete, locked, taken, train_once
from imagelet.experiment.out_of_fold import label_issues_of_folds, write_out_of_fold
from imagelet.experiment.side_by_side import choose_parallel, train_side_by_side
from imagelet.experiment.start import open_data, with_start
from imagelet.messages import Message, enumerated
from imagelet.metrics.classification import Interval, effective_number
from imagelet.metrics.comparison import Pooled, Spread, pooled, spread
from imagelet.metrics.misclassified import LabelIssue
from imagelet.networks import find_network
from imagelet.progress import Progress
from imagelet.runs.definition import AUTO, Computing, Experiment, settled
from imagelet.runs.provenance import provenance_of_run
from imagelet.runs.run import Run
from imagelet.runs.series import FOLDS, SEEDS
from imagelet.runs.store import check_run_name, create_run


@dataclass(frozen=True)
class Part:
    """One training of a series.

    Attributes:
        position: its place in the series, counted from 1.
        number: its seed, or its fold, counted from 1.
        task: what to train.
        run: of exactly this experiment and its data, finished or not; None where there was none.
    """

    position: int
    number: int
    task: Task
    run: Run | None

    @property
    def complete(self) -> bool:
        """Whether nothing was left to do for it."""
        return is_complete(self.task, self.run)


@dataclass(frozen=True)
class Series:
    """The trainings of one experiment with several seeds or folds, and the runs that exist already.

    Attributes:
        kind: ``seeds`` or ``folds``.
        experiment: what all parts have in common.
        parts: one for each seed or fold.
        folder: where the runs live.
        name: the start of the runs' names where the user chose it, else None.
        default_name: their start where none was chosen.
        data_sha256: the fingerprint of the training images.
        test: evaluate on the test images after each training, once.
        in_memory: whether the images are read into memory.
    """

    kind: str
    experiment: Experiment
    parts: tuple[Part, ...]
    folder: Path
    name: str | None
    default_name: str
    data_sha256: str
    test: bool
    in_memory: InMemory = "auto"

    @property
    def computing(self) -> Computing:
        """How each training is computed."""
        one = self.experiment
        return Computing(one.device, one.precision, one.threads)

    @property
    def identity(self) -> dict[str, Any]:
        """What series of the same trainings have in common, however many there are."""
        own = "seed" if self.kind == SEEDS else "validation"
        described = {key: value for key, value in self.experiment.to_toml().items() if key != own}
        plain: dict[str, Any] = json.loads(json.dumps(described | {"data_sha256": self.data_sha256}))
        return plain if self.kind == SEEDS else plain | {"folds": len(self.parts)}


@dataclass(frozen=True)
class Member:
    """The result of one training of a series.

    Attributes:
        number: its seed or fold.
        run: its folder.
        accuracy: on test images or on validation images, 0 to 1.
        interval: its Wilson interval, of the images.
        images: how many there are.
    """

    number: int
    run: Run
    accuracy: float
    interval: Interval
    images: int


@dataclass(frozen=True)
class Repeated:
    """The result of a series.

    Attributes:
        kind: ``seeds`` or ``folds``.
        dataset, network: as the experiment names them.
        part: what was measured: ``test``, ``validation``, or ``fold``.
        members: one for each seed or fold.
        spread: the accuracies taken together; its interval holds for seeds alone.
        pooled: the folds' images taken together; None for seeds.
        folder: has all this as ``seeds.json`` or ``folds.json``.
        out_of_fold: the file with the folds' probabilities; None for seeds.
        label_issues: the training images whose labels may be wrong by these, the least probable first.
        classes: the class names.
    """

    kind: str
    dataset: str
    network: str
    part: str
    members: tuple[Member, ...]
    spread: Spread
    pooled: Pooled | None
    folder: Path
    out_of_fold: Path | None
    label_issues: tuple[LabelIssue, ...] = ()
    classes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        members = [
            {
                self.kind.removesuffix("s"): member.number,
                "run": str(member.run.folder),
                "accuracy": member.accuracy,
                "interval": list(member.interval),
                "images": member.images,
            }
            for member in self.members
        ]
        content = {"dataset": self.dataset, "network": self.network, "part": self.part, self.kind: members}
        if self.pooled is None:
            return {**content, **self.spread.to_json(), "folder": str(self.folder)}
        spread = self.spread.to_json()
        del spread["interval"]  # of folds, only that of all their images holds
        figures = {**spread, **self.pooled.to_json()}
        issues = {"label_issues": [issue.to_json(self.classes) for issue in self.label_issues]}
        files = {"folder": str(self.folder), "out_of_fold": str(self.out_of_fold)}
        return {**content, **figures, **issues, **files}


def repeat(
    experiment: Experiment,
    *,
    seeds: Sequence[int] | None = None,
    folds: int | None = None,
    name: str | None = None,
    folder: Path | None = None,
    test: bool = False,
    parallel: int | str = 1,
) -> Repeated:
    """Run an experiment with several seeds, or with each fold held out; finished runs are not repeated.

    It raises what :func:`plan` raises, and what a training raises.

    Args:
        experiment: what to run.
        seeds: at least 2 different ones.
        folds: how many parts of the training images to hold out in turn, at least 2; or ``seeds``.
        name: the start of the runs' names.
        folder: where runs live.
        test: evaluate each run on its test images at the end, once; with seeds only.
        parallel: how many trainings run at a time, each in a process of its own; ``auto``: as many as the
            cores allow. The results do not depend on it.
    """
    series = plan(experiment, seeds=seeds, folds=folds, name=name, folder=folder, test=test)
    parts = [part for part in series.parts if not part.complete]
    at_a_time = choose_parallel(parallel, len(parts), series.computing)
    record(series)
    if at_a_time == 1:
        for part in parts:
            for _ in train_once(part.task):
                pass
    else:
        with contextlib.closing(train_side_by_side([part.task for part in parts], at_a_time)) as events:
            for place, event in events:
                if isinstance(event, Failed):
                    raise failure_of(parts[place], event.error)
    return conclude(series)


def _part(common: Task, kind: str, position: int, number: int, experiment: Experiment) -> Part:
    """Return a part of a series; ``common`` has the start of its run's name."""
    ending = f"-{kind.removesuffix('s')}{number}"
    task = dataclasses.replace(
        common,
        label=Message("seed {number}" if kind == SEEDS else "fold {number}", number=number),
        experiment=experiment,
        name=None if common.name is None else common.name + ending,
        default_name=common.default_name + ending,
    )
    return Part(position, number, task, find(task))


def failure_of(part: Part, error: ImageletError) -> ImageletError:
    """Return the error of a part with the part's name before it."""
    problem = Message("{place}: {problem}", place=part.task.label, problem=error.message)
    failure: ImageletError = type(error)(problem, error.hint)
    return failure


def plan(
    experiment: Experiment,
    *,
    seeds: Sequence[int] | None = None,
    folds: int | None = None,
    name: str | None = None,
    folder: Path | None = None,
    test: bool = False,
    in_memory: InMemory = "auto",
    progress: Progress | None = None,
) -> Series:
    """Return the trainings of a series, each with its run if there is one; nothing is written.

    Args:
        experiment: what to run; ``seeds`` replace its seed, ``folds`` its validation.
        seeds: at least 2 different ones.
        folds: how many parts of the training images to hold out in turn, at least 2; or ``seeds``.
        name: the start of the runs' names: ``NAME-seed0``, ``NAME-fold1``; None: made of dataset and network.
        folder: where runs live; None: ``places.runs()``.
        test: evaluate each run on its test images at the end, once; with seeds only.
        in_memory: whether the images are read into memory, as :func:`~imagelet.load_dataset` takes it; the
            results do not depend on it.
        progress: is told (done, total) while files are downloaded or pictures decoded.

    Raises:
        SettingError: too few seeds or folds, or nothing to measure by.
        DataError: a class with fewer images than folds.
        RunError: a name that is taken by another experiment.
    """
    experiment = dataclasses.replace(experiment, dataset=findable(experiment.dataset))
    experiment, start = with_start(experiment)
    numbered = _with_seeds(experiment, seeds or ()) if folds is None else _with_folds(experiment, folds)
    if folds is not None and test:
        raise SettingError("folds are of the training images; the test images have no part in them")
    if name is not None:
        check_run_name(name)
    dataset = open_data(experiment, start, in_memory, progress)
    check_signal(dataset.train)
    how = "0" if experiment.validation == AUTO else experiment.validation
    split(dataset.train, how if folds is None else fold(1, folds), experiment.seed, experiment.limit)
    if test:
        _ = dataset.test  # it is converted now, by one process
    place, data_sha256 = folder or paths.runs(), dataset.train.fingerprint()
    default_name, kind = _default_name(experiment, dataset), SEEDS if folds is None else FOLDS
    common = Task(Message(kind), experiment, place, name, default_name, test, in_memory, data_sha256)
    parts = tuple(_part(common, kind, position, *one) for position, one in enumerate(numbered, start=1))
    series = Series(kind, experiment, parts, place, name, default_name, data_sha256, test, in_memory)
    if name is not None and (place / f"{name}-{kind}").exists() and _earlier(series) is None:
        raise taken(Message("{name}-{kind}", name=name, kind=kind), place)
    return series


def record(series: Series) -> None:
    """Write which trainings belong to a series, before they are trained; earlier results stay."""
    with locked(series.folder, series.identity):
        file = (_earlier(series) or _result_folder(series)) / f"{series.kind}.json"
        content, key = json.loads(file.read_text(encoding="utf-8")), series.kind.removesuffix("s")
        known = {member[key]: member for member in content.get(series.kind, ())}
        wanted = [part.number for part in series.parts]
        if not set(wanted) <= set(known):
            members = [known.get(number, {key: number}) for number in wanted]
            atomic_files.write_json(file, {**content, series.kind: members})


def missing(series: Series) -> list[Part]:
    """Return the parts for which something is left to do now, whoever has trained meanwhile."""
    parts = [dataclasses.replace(part, run=find(part.task)) for part in series.parts]
    return [part for part in parts if not part.complete]


def conclude(series: Series) -> Repeated:
    """Return the result of a series from its runs, all of which are finished; write it into a folder.

    Raises:
        RunError: a run is missing, or not finished.
    """
    if unfinished := missing(series):
        raise _unfinished(series, unfinished)
    with locked(series.folder, series.identity):  # the last two parts may end at the same time
        return _conclude(series)


def _unfinished(series: Series, parts: Sequence[Part]) -> RunError:
    return RunError(
        "{missing} of {count} trainings are not finished: {names}",
        hint="train them with the same line and --only K, here K = {positions}; then type --collect again",
        missing=len(parts),
        count=len(series.parts),
        names=enumerated([part.task.label for part in parts]),
        positions=", ".join(str(part.position) for part in parts),
    )


def _conclude(series: Series) -> Repeated:
    part = "test" if series.test else "validation"
    members = []
    for one in series.parts:
        run = find(one.task)
        assert run is not None  # nothing is missing
        figures = run.metrics[part]
        interval = Interval(*figures["interval"])
        members.append(Member(one.number, run, figures["accuracy"], interval, figures["images"]))
    folder = _earlier(series) or _result_folder(series)
    of_folds: dict[str, Any] = {"out_of_fold": None, "pooled": None}
    if series.kind == FOLDS:
        images = provenance_of_run(members[0].run).load(series.in_memory).train
        of_folds["out_of_fold"] = write_out_of_fold([member.run for member in members], folder)
        of_folds |= {"label_issues": label_issues_of_folds(folder, images), "classes": images.classes}
        of_folds["pooled"] = _pooled(members, images)
    result = Repeated(
        kind=series.kind,
        dataset=series.experiment.dataset,
        network=members[0].run.experiment["network"],
        part=part if series.kind == SEEDS else "fold",
        members=tuple(members),
        spread=spread([member.accuracy for member in members]),
        folder=folder,
        **of_folds,
    )
    atomic_files.write_json(
        folder / f"{series.kind}.json", {**result.to_json(), "experiment": series.identity}
    )
    return result


def _result_folder(series: Series) -> Path:
    """Make the folder of the result, which says from its first moment on of which series it is."""

    def write(folder: Path) -> None:
        atomic_files.write_json(folder / f"{series.kind}.json", {"experiment": series.identity})

    name = series.name and f"{series.name}-{series.kind}"
    return create_run(series.folder, name, f"{series.default_name}-{series.kind}", write).folder


def _earlier(series: Series) -> Path | None:
    """Return the folder with the result of an earlier series of the same trainings, if there is one."""
    for path in sorted(series.folder.glob(f"*/{series.kind}.json")):
        named = series.name is None or path.parent.name == f"{series.name}-{series.kind}"
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            if not named or not path.is_file():
                continue
            if json.loads(path.read_text(encoding="utf-8"))["experiment"] == series.identity:
                return path.parent
    return None


def _with_seeds(experiment: Experiment, seeds: Sequence[int]) -> list[tuple[int, Experiment]]:
    if len(set(seeds)) < max(2, len(seeds)):
        raise SettingError(
            "the seeds {names} are not allowed: 2 or more different ones are",
            names=", ".join(map(str, seeds)),
        )
    return [(seed, dataclasses.replace(experiment, seed=seed)) for seed in seeds]


def _with_folds(experiment: Experiment, folds: int) -> list[tuple[int, Experiment]]:
    names = [fold(number, folds) for number in range(1, max(folds, 1) + 1)]
    return [(n, dataclasses.replace(experiment, validation=name)) for n, name in enumerate(names, start=1)]


def _default_name(experiment: Experiment, dataset: Dataset) -> str:
    """Return the start of the runs' names: dataset and network."""
    network = settled(experiment, len(dataset.train), dataset.train.shape).network
    return f"{dataset.card.name}-{find_network(network).name or 'network'}"


def _pooled(members: Sequence[Member], images: ImageSet) -> Pooled:
    correct = [round(member.accuracy * member.images) for member in members]
    held_out = [Split.load(member.run.folder / "split.json").validation for member in members]
    effective = effective_number(images.originals[np.concatenate(held_out)])
    return pooled(correct, [member.images for member in members], effective)
