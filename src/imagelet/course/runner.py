"""The course's trainings as runs: started, resumed, or found finished.

Everything lies in one folder, ``runs/course``: a run folder for each training, the table, the pictures.
"""

from collections.abc import Iterator
from pathlib import Path

from imagelet import experiment as experiments
from imagelet import paths
from imagelet.course import exercises
from imagelet.course.lessons import RECIPE, Training, lessons, training_of
from imagelet.course.results import RepeatedResult, Result, result_of
from imagelet.experiment.runner import Event
from imagelet.progress import Progress
from imagelet.runs.definition import AUTO, Experiment, describe
from imagelet.runs.store import find_run_of


def course_folder(runs: Path | None = None) -> Path:
    """Return the course's folder among ``runs`` (default: where runs are written)."""
    return (runs or paths.runs()) / "course"


def experiment_of(
    training: Training, seed: int | None = None, *, device: str = AUTO, precision: str = AUTO
) -> Experiment:
    """Return the experiment that a training is; ``seed`` in place of its own.

    Raises:
        SettingError: a value that is not allowed.
    """
    return describe(
        training.dataset,
        training.network,
        RECIPE,
        training.settings,
        validation=training.validation,
        seed=training.seed if seed is None else seed,
        device=device,
        precision=precision,
    )


def run_experiment(
    training: Training, experiment: Experiment, folder: Path, *, progress: Progress | None = None
) -> Iterator[Event]:
    """Run a training, or resume it where it was interrupted, and yield its events.

    It is evaluated on the test images once, at the end.

    Args:
        training: gives the run folder its name; the seed is added where it is not the training's own.
        experiment: as ``experiment_of`` returns it.
        folder: the course's.
        progress: is told (done, total) while files are downloaded.

    Raises:
        ImageletError: anything that a user can mend; a run that is finished already.
    """
    if run := find_run_of(experiment, folder):
        return experiments.resume(run, test=True, progress=progress)
    name = training.name if experiment.seed == training.seed else f"{training.name}-seed-{experiment.seed}"
    return experiments.run_experiment(
        experiment, default_name=name, folder=folder, test=True, progress=progress
    )


def results_so_far(
    folder: Path, seed: int | None = None, *, device: str = AUTO, precision: str = AUTO
) -> list[Result]:
    """Return the results so far of the experiments that the notes print figures for, in the course's order.

    Args:
        folder: the course's.
        seed: in place of each experiment's own.
        device: of the runs that count.
        precision: of the runs that count.

    Raises:
        RunError: a finished run's files are damaged.
    """
    results = []
    for lesson in map(lessons.get, lessons):
        training = training_of(lesson) if lesson.printed else None
        if training is None:
            continue
        experiment = experiment_of(training, seed, device=device, precision=precision)
        run = find_run_of(experiment, folder)
        if isinstance(lesson, Training):
            results.append(result_of(lesson, experiment.seed, run))
        else:
            results.append(exercises.own_digits_result(folder, experiment.seed, run))
    return results


def repeated_result(
    training: Training,
    seeds: int,
    folder: Path,
    first: int | None = None,
    *,
    device: str = AUTO,
    precision: str = AUTO,
) -> RepeatedResult:
    """Return the results so far of a training with several seeds.

    Args:
        training: which.
        seeds: how many, one after the other.
        folder: the course's.
        first: the first of them; None: the training's own.
        device: of the runs that count.
        precision: of the runs that count.

    Raises:
        RunError: a finished run's files are damaged.
    """
    start = training.seed if first is None else first
    results = []
    for seed in range(start, start + seeds):
        experiment = experiment_of(training, seed, device=device, precision=precision)
        results.append(result_of(training, seed, find_run_of(experiment, folder)))
    return RepeatedResult(training, tuple(results))
