"""More epochs on a finished run: a new run that starts from its weights, on the same images.

The recipe's schedule starts anew, and the images come in another order than before. The split is the finished
run's, so its validation images stay those that neither of the two learned from.
"""

import dataclasses
import os
from collections.abc import Iterator, Mapping
from typing import Any

from imagelet import paths
from imagelet.cores import usable_cores
from imagelet.data.splits import Split
from imagelet.data.store import InMemory
from imagelet.errors import RunError
from imagelet.experiment.runner import Event, RunStarted, run_experiment
from imagelet.experiment.session import threads_of
from imagelet.experiment.start import open_start
from imagelet.messages import Message
from imagelet.progress import Progress
from imagelet.runs.definition import AUTO, LARGEST_SEED, Computing, Experiment
from imagelet.runs.run import Run
from imagelet.training.own_functions import NONE, OwnFunctions
from imagelet.training.profiling import Profile
from imagelet.training.recipe import with_settings

COMPUTING = {field.name for field in dataclasses.fields(Computing)}


def continued(run: Run, settings: Mapping[str, Any]) -> Experiment:
    """Return the experiment that trains a finished run's weights on.

    Args:
        run: a finished one.
        settings: what is to be otherwise: recipe fields, ``epochs`` and perhaps ``learning_rate``; and
            ``device``, ``precision`` or ``threads``, which else are the run's.

    Raises:
        RunError: the run is not finished.
        UsageError: an unknown field, or a value that is not allowed.
    """
    if not run.finished or not run.classifier_file.is_file():
        raise RunError(
            "the run '{name}' is not finished: there are no weights to continue with",
            hint="imagelet train --resume {folder}",
            name=run.name,
            folder=paths.typed(run.folder),
        )
    before = Experiment.from_toml(run.experiment)
    computing = {name: settings[name] for name in COMPUTING & settings.keys()}
    fields = {name: value for name, value in settings.items() if name not in COMPUTING}
    return dataclasses.replace(
        before,
        **computing,
        recipe=with_settings(before.recipe, fields),
        seed=(before.seed + 1) % (LARGEST_SEED + 1),
        start_from=str(run.folder),
    )


def run_continued(
    run: Run,
    experiment: Experiment,
    *,
    name: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    test: bool = False,
    own: OwnFunctions = NONE,
    allow_import: bool | None = None,
    in_memory: InMemory = "auto",
    progress: Progress | None = None,
    profile: Profile | None = None,
    in_lanes: bool = False,
) -> Iterator[Event]:
    """Run what :func:`continued` returned for ``run``, and yield the events.

    Args:
        run: the finished run.
        experiment: what to run.
        name: the new run's; None: ``NAME-continued``.
        folder: where it is written; None: beside the finished one.
        test: evaluate on the test images at the end, once.
        own: the person's own loss and augmentation that the finished run was trained with.
        allow_import: whether code that the run names is imported; None: as IMAGELET_ALLOW_IMPORT says.
        in_memory: as :func:`imagelet.load_dataset` takes it; the results do not depend on it.
        progress: is told (done, total) while files are downloaded or pictures decoded.
        profile: is told where the time of the training goes.
        in_lanes: as :func:`run_experiment` takes it.

    Raises:
        ImageletError: as :func:`run_experiment`; the data has changed since.
    """
    own.check(run.experiment["resolved"].get("own", {}), run.name)
    experiment, told = _with_as_many_threads(experiment, run)
    events = run_experiment(
        experiment,
        name=name,
        default_name=f"{run.name}-continued",
        folder=folder or run.folder.parent,
        test=test,
        own=own,
        frozen=Split.load(run.folder / "split.json"),
        start=open_start(run, allow_import=allow_import),
        allow_import=allow_import,
        in_memory=in_memory,
        progress=progress,
        profile=profile,
        in_lanes=in_lanes,
    )
    return _told_first(told, events) if told else events


def _with_as_many_threads(experiment: Experiment, run: Run) -> tuple[Experiment, tuple[Message, ...]]:
    """Return the experiment with no more threads than there are cores, and what is said of that."""
    if experiment.threads == AUTO or experiment.threads != run.experiment.get("threads"):
        return experiment, ()
    threads, told = threads_of(run, usable_cores())
    return dataclasses.replace(experiment, threads=threads), told


def _told_first(told: tuple[Message, ...], events: Iterator[Event]) -> Iterator[Event]:
    """Yield the events, the first of them with warnings of ours before its own."""
    for event in events:
        if isinstance(event, RunStarted):
            event = dataclasses.replace(event, warnings=(*told, *event.warnings))
        yield event
