"""Experiments: run and resumed, repeated with other seeds and folds, reproduced."""

from imagelet.experiment.finalize import Finished
from imagelet.experiment.repeats import repeat
from imagelet.experiment.runner import Event, RunStarted, resume, run_experiment

__all__ = ["Event", "Finished", "RunStarted", "repeat", "resume", "run_experiment"]
