"""imagelet: from a folder of small images to a trained, honestly tested, explained and usable classifier.

>>> import imagelet
>>> imagelet.load_dataset("digits").shape
(8, 8, 1)

The names below are imported when they are first used, so that ``import imagelet`` is quick.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagelet.classifier import Classifier
    from imagelet.data import Dataset, ImageSet, load_dataset
    from imagelet.errors import ImageletError
    from imagelet.experiment import Experiment, Finished, carry_out, evaluate, load, resume
    from imagelet.experiment.comparing import compare
    from imagelet.experiment.explaining import Explanation, explain
    from imagelet.networks import Network, build, summarize
    from imagelet.notebook import train
    from imagelet.prediction import Prediction
    from imagelet.runs import Run
    from imagelet.training.recipe import Recipe

_PLACES = {
    "Classifier": "classifier",
    "Dataset": "data",
    "Experiment": "experiment",
    "Explanation": "experiment.explaining",
    "Finished": "experiment",
    "ImageSet": "data",
    "ImageletError": "errors",
    "Network": "networks",
    "Prediction": "prediction",
    "Recipe": "training.recipe",
    "Run": "runs",
    "build": "networks",
    "carry_out": "experiment",
    "compare": "experiment.comparing",
    "evaluate": "experiment",
    "explain": "experiment.explaining",
    "load": "experiment",
    "load_dataset": "data",
    "resume": "experiment",
    "summarize": "networks",
    "train": "notebook",
}

__all__ = [
    "Classifier",
    "Dataset",
    "Experiment",
    "Explanation",
    "Finished",
    "ImageSet",
    "ImageletError",
    "Network",
    "Prediction",
    "Recipe",
    "Run",
    "build",
    "carry_out",
    "compare",
    "evaluate",
    "explain",
    "load",
    "load_dataset",
    "resume",
    "summarize",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(importlib.import_module(f"imagelet.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
