"""The run of an experiment, found again among others."""

import contextlib
from pathlib import Path

from imagelet.errors import ImageletError
from imagelet.runs.definition import Experiment, settled
from imagelet.runs.run import Run
from imagelet.runs.store import list_runs


def find(experiment: Experiment, folder: Path, data_sha256: str | None = None) -> Run | None:
    """Return the run of exactly this experiment in ``folder``: a finished one, else the last begun.

    Args:
        experiment: may leave to the images what :func:`settled` settles.
        folder: need not be there.
        data_sha256: the training images' fingerprint that the run must have; None: any.
    """
    if not folder.is_dir():
        return None
    found = [run for run in list_runs(folder) if is_of(run, experiment, data_sha256)]
    return next((run for run in found if run.finished), found[-1] if found else None)


def is_of(run: Run, experiment: Experiment, data_sha256: str | None = None) -> bool:
    """Say whether a run is of exactly this experiment; arguments as :func:`find`'s."""
    with contextlib.suppress(ImageletError, KeyError, TypeError):  # not one of ours, or damaged
        content = run.experiment
        resolved = content["resolved"]
        asked = settled(experiment, resolved["training_images"], tuple(resolved["input_shape"]))
        same_data = data_sha256 is None or resolved["data_sha256"] == data_sha256
        return same_data and Experiment.from_toml(content) == asked
    return False
