"""What people pass as a classifier or a run: a name, a folder, a file, or what a function returned."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagelet.errors import RunError, UsageError
from imagelet.messages import Message
from imagelet.runs.run import Run
from imagelet.runs.store import find_classifier, find_run, run_of

if TYPE_CHECKING:
    from imagelet.classifier.classifier import Classifier

TAKEN = Message(
    "a run, its name or folder, what train returned, a classifier, a .safetensors file, or a shipped "
    "classifier's name"
)


@dataclass(frozen=True, eq=False)
class Learner:
    """A classifier, which need not be loaded yet, and where it comes from.

    Attributes:
        name: the run's, or the file's without its ending.
        file: its ``.safetensors`` file; None for one that is in memory alone.
        run: the run that made it; None where there is only a file, or not even that.
        loaded: the classifier where it is loaded already.
        given: whether it was passed as an object, which may differ from its file.
    """

    name: str
    file: Path | None
    run: Run | None
    loaded: "Classifier | None" = None
    given: bool = False

    def load(self, *, allow_import: bool | None = None, network: Any = None) -> "Classifier":
        """Return the classifier; arguments and errors as :func:`load`'s."""
        if self.loaded is not None:
            return self.loaded
        from imagelet.classifier.classifier import Classifier  # brings SciPy, which listing runs does without

        assert self.file is not None
        return Classifier.load(self.file, allow_import=allow_import, network=network)


def find_learner(given: Any) -> Learner:
    """Return the classifier that is meant, unloaded where it is named.

    Args:
        given: a run, its name or folder; what training returned; a classifier; a ``.safetensors`` file; or a
            shipped classifier's name.

    Raises:
        UsageError: it is none of these.
        RunError: there is none of that name, or its run is not finished.
    """
    if isinstance(given, Learner):
        return given
    if isinstance(given, str | os.PathLike):
        return _of_file(find_classifier(os.fspath(given)))
    if isinstance(given, Run):
        return _of_file(find_classifier(str(given.folder.absolute())))
    if isinstance(run := getattr(given, "run", None), Run):
        made = getattr(given, "classifier", None)
        return (
            find_learner(run)
            if made is None
            else Learner(run.name, run.classifier_file, run, made, given=True)
        )
    if hasattr(given, "predict_proba") and hasattr(given, "framing"):  # a Classifier, without torch
        file: Path | None = given.file
        if file is None:
            return Learner("classifier", None, None, given, given=True)
        found = _of_file(file)
        return Learner(found.name, file, found.run, given, given=True)
    raise UsageError(
        "a classifier is {taken}; this is of the type {type}", taken=TAKEN, type=type(given).__name__
    )


def _of_file(file: Path) -> Learner:
    run = run_of(file)
    return Learner(file.stem if run is None else run.name, file, run)


def run_given(given: Any) -> Run:
    """Return the run that is meant: itself, its name or folder, or what training returned.

    Raises:
        UsageError: it is none of these.
        RunError: there is none of that name; a classifier that is no run's.
    """
    if isinstance(given, Run):
        return given
    if isinstance(given, str | os.PathLike):
        return find_run(os.fspath(given))
    if isinstance(run := getattr(given, "run", None), Run):
        return run
    if hasattr(given, "predict_proba") and hasattr(given, "framing"):
        run = find_learner(given).run
        if run is not None:
            return run
        raise RunError("this classifier does not belong to a run", hint="imagelet runs lists the runs")
    raise UsageError(
        "a run is its name or folder, or what train returned; this is of the type {type}",
        hint="imagelet runs lists the runs",
        type=type(given).__name__,
    )


def load(run_or_file: Any, *, allow_import: bool | None = None, network: Any = None) -> "Classifier":
    """Return the classifier of a run or a file, or a shipped one.

    Args:
        run_or_file: a run, its folder or name; what training returned; a ``.safetensors`` file; a shipped
            classifier's name; or a classifier, as it is.
        allow_import: import the network where the file says ``package.module:function``: that runs its code.
            None: as the environment's IMAGELET_ALLOW_IMPORT says.
        network: the module, or the builder, where the classifier was trained with one: nothing is imported.
            A copy of it gets the weights.

    Raises:
        UsageError: it is none of these.
        RunError: there is none of that name, or its run is not finished.
        ClassifierFileError: the file is damaged, is no classifier, or holds the weights of another network.
    """
    return find_learner(run_or_file).load(allow_import=allow_import, network=network)
