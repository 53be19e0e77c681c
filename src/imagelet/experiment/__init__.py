"""An experiment: dataset + network + recipe + split + seed; carried out, finished, evaluated."""

from imagelet.experiment.carrying_out import Event, RunStarted, carry_out, resume
from imagelet.experiment.definition import Experiment, describe
from imagelet.experiment.evaluating import Evaluation, evaluate, load
from imagelet.experiment.finishing import Finished
from imagelet.experiment.repeating import repeat

__all__ = [
    "Evaluation",
    "Event",
    "Experiment",
    "Finished",
    "RunStarted",
    "carry_out",
    "describe",
    "evaluate",
    "load",
    "repeat",
    "resume",
]
