"""imagelet: from a folder of small images to a trained, honestly tested, explained and usable classifier.

>>> import imagelet
>>> imagelet.load_dataset("digits").shape
(8, 8, 1)

The names below are imported when they are first used, so that ``import imagelet`` is quick.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagelet.analysis.comparison import compare
    from imagelet.analysis.evaluate import evaluate
    from imagelet.analysis.explain import Explanation, explain
    from imagelet.classifier.classifier import Classifier
    from imagelet.classifier.prediction import Prediction
    from imagelet.data import Dataset, ImageSet, load_dataset
    from imagelet.errors import ImageletError
    from imagelet.experiment.finalize import Finished
    from imagelet.experiment.notebook import continue_training, resume, train
    from imagelet.experiment.runner import resume_experiment, run_experiment
    from imagelet.networks import Network, build, summarize
    from imagelet.runs.definition import Experiment, describe
    from imagelet.runs.learner import load
    from imagelet.runs.run import Run
    from imagelet.training.recipe import Recipe

    __version__: str

_PLACES = {
    "Classifier": "classifier.classifier",
    "Dataset": "data",
    "Experiment": "runs.definition",
    "Explanation": "analysis.explain",
    "Finished": "experiment.finalize",
    "ImageSet": "data",
    "ImageletError": "errors",
    "Network": "networks",
    "Prediction": "classifier.prediction",
    "Recipe": "training.recipe",
    "Run": "runs.run",
    "build": "networks",
    "compare": "analysis.comparison",
    "continue_training": "experiment.notebook",
    "describe": "runs.definition",
    "evaluate": "analysis.evaluate",
    "explain": "analysis.explain",
    "load": "runs.learner",
    "load_dataset": "data",
    "resume": "experiment.notebook",
    "resume_experiment": "experiment.runner",
    "run_experiment": "experiment.runner",
    "summarize": "networks",
    "train": "experiment.notebook",
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
    "__version__",
    "build",
    "compare",
    "continue_training",
    "describe",
    "evaluate",
    "explain",
    "load",
    "load_dataset",
    "resume",
    "resume_experiment",
    "run_experiment",
    "summarize",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("imagelet")
    if name in _PLACES:
        from imagelet.cores import let_waiting_threads_sleep
        from imagelet.errors import packages_needed

        let_waiting_threads_sleep()  # before torch is loaded, if it is
        with packages_needed():
            return getattr(importlib.import_module(f"imagelet.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
