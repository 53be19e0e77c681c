"""Experiments: run and resumed, repeated with other seeds and folds, reproduced."""

from imagelet.experiment.finalize import Finished
from imagelet.experiment.repeats import repeat
from imagelet.experiment.runner import Event, RunStarted, resume_experiment, run_experiment

__all__ = ["Event", "Finished", "RunStarted", "repeat", "resume_experiment", "run_experiment"]
