"""One training of several: found where it was run before, else run, by one process at a time.

Several processes, also on machines that share the folder with the runs, may ask for the same training. The
first holds a lock in the folder ``.locks`` among the runs; the others are told.
"""

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagelet.analysis.evaluate import evaluate
from imagelet.classifier.classifier import Classifier
from imagelet.data.store import InMemory
from imagelet.errors import RunError
from imagelet.experiment.finalize import Finished
from imagelet.experiment.runner import Event, resume_experiment, run_experiment
from imagelet.messages import Message
from imagelet.networks.zoo import is_imported
from imagelet.progress import Progress
from imagelet.runs.definition import Experiment
from imagelet.runs.run import Run
from imagelet.runs.store import find_run_of, is_run_of

LOCKS = ".locks"


@dataclass(frozen=True)
class Task:
    """A training that is wanted once.

    Attributes:
        label: what people call it: ``seed 3``, ``cnn-3``.
        experiment: what to run.
        folder: where the runs live.
        name: the run's name where the user chose it, else None.
        default_name: its name where none was chosen.
        test: evaluate it on the test images in the end, once.
        in_memory: whether the images are read into memory.
        data_sha256: the fingerprint of the training images; None: of any.
    """

    label: Message
    experiment: Experiment
    folder: Path
    name: str | None
    default_name: str
    test: bool
    in_memory: InMemory = "auto"
    data_sha256: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the task as plain data."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return fields | {
            "label": self.label.to_json(),
            "experiment": self.experiment.to_toml(),
            "folder": str(self.folder),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Task":
        """Return the task that :meth:`to_json` wrote."""
        return cls(
            **{
                **content,
                "label": Message.from_json(content["label"]),
                "experiment": Experiment.from_toml(content["experiment"]),
                "folder": Path(content["folder"]),
            }
        )


def find(task: Task) -> Run | None:
    """Return the run of a task, finished or not: that of the chosen name, else any; None where there is none.

    Raises:
        RunError: the chosen name is taken by another experiment.
    """
    if task.name is None:
        return find_run_of(task.experiment, task.folder, task.data_sha256)
    run = Run(task.folder / task.name)
    if not run.folder.exists():
        return None
    if not is_run_of(run, task.experiment, task.data_sha256):
        raise taken(task.name, task.folder)
    return run


def taken(name: str, place: Path) -> RunError:
    """Return the error about a name that something else has."""
    return RunError(
        "there is '{name}' in {place} already, of another experiment or other data, and a run "
        "never overwrites another",
        hint="choose another --name",
        name=name,
        place=place,
    )


def is_complete(task: Task, run: Run | None) -> bool:
    """Say whether nothing is left to do for a task: its run is finished, and evaluated as the task wants."""
    return run is not None and run.finished and not (task.test and "test" not in run.metrics)


def train_once(task: Task, progress: Progress | None = None) -> Iterator[Event]:
    """Run a task, or resume it, and yield what happens; of a finished one the end is yielded alone.

    Args:
        task: what is wanted.
        progress: is told (done, total) while files are downloaded or pictures decoded.

    Raises:
        RunError: another process runs it.
        ImageletError, KeyboardInterrupt: as :func:`imagelet.experiment.runner.run_experiment`.
    """
    wanted = [task.name, task.data_sha256, task.experiment.to_toml()]
    with locked(task.folder, wanted, task.label):
        run = find(task)
        if run is None:
            yield from run_experiment(
                task.experiment,
                name=task.name,
                default_name=task.default_name,
                folder=task.folder,
                test=task.test,
                in_memory=task.in_memory,
                progress=progress,
            )
        elif run.finished:
            yield _end(task, run)
        else:  # the network was asked for by the same name, so it may be imported
            yield from resume_experiment(
                run, test=task.test, allow_import=True, in_memory=task.in_memory, progress=progress
            )


def _end(task: Task, run: Run) -> Finished:
    """Evaluate a finished run on its test images where that is wanted and was not done before."""
    allow_import = is_imported(task.experiment.network)
    if not is_complete(task, run):
        evaluate(run, allow_import=allow_import)
    return Finished(run, Classifier.load(run.classifier_file, allow_import=allow_import), run.metrics)


@contextlib.contextmanager
def locked(folder: Path, what: Any, label: Message | None = None) -> Iterator[None]:
    """Keep other processes from the same block; the lock is gone when this process ends.

    Args:
        folder: where the runs live; made if need be.
        what: plain data, of which the lock is.
        label: how the error calls it; None: wait until the lock is free.

    Raises:
        RunError: another process holds the lock.
    """
    import filelock

    digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
    (folder / LOCKS).mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / LOCKS / f"{digest}.lock", timeout=-1 if label is None else 0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise RunError(
            "another process trains {part} already",
            hint="wait for that one; other parts can be trained meanwhile",
            part=label,
        ) from error
    try:
        yield
    finally:
        lock.release()
