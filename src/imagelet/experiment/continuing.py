"""More epochs on a finished run: a new run that starts from its weights, on the same images.

The recipe's schedule starts anew, and the images come in another order than before. The split is the finished
run's, so its validation images stay those that neither of the two learned from.
"""

import dataclasses
import os
from collections.abc import Iterator, Mapping
from typing import Any

from imagelet import paths
from imagelet.data.splits import Split
from imagelet.data.store import InMemory
from imagelet.errors import RunError
from imagelet.experiment.runner import Event, run_experiment
from imagelet.experiment.start import open_start
from imagelet.progress import Progress
from imagelet.runs.definition import LARGEST_SEED, Experiment
from imagelet.runs.run import Run
from imagelet.training.own_functions import NONE, OwnFunctions
from imagelet.training.profiling import Profile
from imagelet.training.recipe import with_settings


def continued(run: Run, settings: Mapping[str, Any]) -> Experiment:
    """Return the experiment that trains a finished run's weights on.

    Args:
        run: a finished one.
        settings: recipe fields that are to be otherwise: ``epochs``, perhaps ``learning_rate``.

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
    return dataclasses.replace(
        before,
        recipe=with_settings(before.recipe, settings),
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
) -> Iterator[Event]:
    """Run what :func:`continued` returned for ``run``, and yield the events.

    Args:
        run: the finished run.
        experiment: what to run.
        name: the new run's; None: ``NAME-continued``.
        folder: where it is written; None: beside the finished one.
        test: evaluate on the test images at the end, once.
        own: the person's own loss and augmentation that the finished run was trained with.
        allow_import: whether code that the run's folder names is imported: a network's
            ``package.module:function``; None: as IMAGELET_ALLOW_IMPORT says.
        in_memory: as :func:`imagelet.load_dataset` takes it; the results do not depend on it.
        progress: is told (done, total) while files are downloaded or pictures decoded.
        profile: is told where the time of the training goes.

    Raises:
        ImageletError: as :func:`imagelet.experiment.runner.run_experiment`; the data has changed since.
    """
    own.check(run.experiment["resolved"].get("own", {}), run.name)
    return run_experiment(
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
    )
