"""The course's trainings as runs, and its table: the notes' figures beside ours, for people and for programs.

Everything lies in one folder, ``runs/course``: a run folder for each training, the table, the pictures.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagelet import atomic_files, paths
from imagelet.course.lessons import OWN_DIGITS, RECIPE, Lesson, Printed, Training, lessons, training_of
from imagelet.errors import DataError
from imagelet.experiment.once import Task, train_once
from imagelet.experiment.runner import Event, resume_experiment
from imagelet.messages import Message
from imagelet.metrics.classification import Interval, wilson_interval
from imagelet.metrics.comparison import Spread, spread
from imagelet.progress import Progress
from imagelet.runs.definition import AS_SUITS, Computing, Experiment, describe
from imagelet.runs.run import Run
from imagelet.runs.store import find_run_of

SUMMARY = (
    ("softmax regression", "softmax", 0.92),
    ("neural network", "mlp-1024", 0.98),
    ("convolutional network", "cnn-3", 0.99),
)
"""The notes' own summary: the method, the training that stands for it, and about what it reaches on MNIST."""

Row = tuple[str, ...]


def course_folder(runs: Path | None = None) -> Path:
    """Return the course's folder among ``runs`` (default: where runs are written)."""
    return (runs or paths.runs()) / "course"


def experiment_of(training: Training, seed: int | None = None, computing: Computing = AS_SUITS) -> Experiment:
    """Return the experiment that a training is, computed as is said; ``seed`` in place of its own.

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
        **vars(computing),
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
    if (run := find_run_of(experiment, folder)) and run.finished:
        return resume_experiment(run)  # which says that there is nothing to resume
    return train_once(task_of(training, experiment, folder), progress)


def task_of(training: Training, experiment: Experiment, folder: Path) -> Task:
    """Return a training, as an experiment of the course, that is wanted once; see :func:`run_experiment`."""
    own_seed = experiment.seed == training.seed
    name = training.name if own_seed else f"{training.name}-seed-{experiment.seed}"
    label = Message("{_}", _=name)
    return Task(label, experiment, folder, name=None, default_name=name, test=True)


@dataclass(frozen=True)
class Reached:
    """A figure of ours beside one of the notes.

    Attributes:
        printed: the notes' figure.
        accuracy: ours, 0 to 1, of the same part.
        interval: Wilson's 95 % interval.
        images: how many it was measured on.
    """

    printed: Printed
    accuracy: float
    interval: Interval
    images: int

    def to_json(self) -> dict[str, Any]:
        """Return the figure as plain data."""
        ours = {"reached": self.accuracy, "interval": list(self.interval), "images": self.images}
        return {"part": self.printed.part, "printed": self.printed.accuracy, **ours}


@dataclass(frozen=True)
class Result:
    """The result of an experiment of the course.

    Attributes:
        lesson: which; one for which the notes print a figure.
        seed: the training's.
        run: the folder of its classifier's run; None where there is none.
        reached: a figure for each that the notes print, in their order; empty while there is none.
        seconds: of training, or of what the exercise did; None while there is nothing.
    """

    lesson: Lesson
    seed: int
    run: Path | None = None
    reached: tuple[Reached, ...] = ()
    seconds: float | None = None

    @property
    def training(self) -> Training:
        """The training that it is, or whose classifier it uses."""
        training = training_of(self.lesson)
        assert training is not None  # the notes print figures of networks
        return training

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain data: the figure to compare by, and ``figures`` with all of them."""
        printed = self.lesson.printed[0]
        nothing = {"part": printed.part, "printed": printed.accuracy}
        nothing |= dict.fromkeys(("reached", "interval", "images"))
        return {
            **_about(self.lesson, self.training),
            **(self.reached[0].to_json() if self.reached else nothing),
            "seconds": self.seconds,
            "seed": self.seed,
            "run": str(self.run) if self.run else None,
            "command": self.training.command(self.seed),
            "figures": [figure.to_json() for figure in self.reached],
        }


@dataclass(frozen=True)
class RepeatedResult:
    """The results of a training of the course with several seeds.

    Attributes:
        training: which.
        results: one for each seed; without figures where it was not run.
    """

    training: Training
    results: tuple[Result, ...]

    @property
    def reached(self) -> tuple[Result, ...]:
        """The results of the seeds that were run."""
        return tuple(result for result in self.results if result.reached)

    def spread(self, index: int) -> Spread | None:
        """Return the spread of our figures beside one of the notes'; None of fewer than 2 seeds."""
        accuracies = [result.reached[index].accuracy for result in self.reached]
        return spread(accuracies) if len(accuracies) > 1 else None

    @property
    def seconds(self) -> float | None:
        """The mean seconds of a training; None while there is none."""
        took = [result.seconds for result in self.reached if result.seconds is not None]
        return sum(took) / len(took) if took else None

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain data: the figure to compare by, and ``figures`` with all of them."""
        figures: list[dict[str, Any]] = []
        for index, printed in enumerate(self.training.printed):
            ours = self.spread(index)
            nothing = dict.fromkeys(("mean", "standard_deviation", "interval"))
            facts = {"part": printed.part, "printed": printed.accuracy}
            figures.append(facts | (nothing if ours is None else ours.to_json()))
        of_seed = ("seed", "run", "reached", "interval", "images", "seconds")
        results = [result.to_json() for result in self.results]
        return {
            **_about(self.training, self.training),
            **figures[0],
            "seconds": self.seconds,
            "seeds": [{name: result[name] for name in of_seed} for result in results],
            "figures": figures,
        }


def _about(lesson: Lesson, training: Training) -> dict[str, Any]:
    facts = {"id": lesson.name, "teaches": lesson.teaches, "dataset": training.dataset}
    return {**facts, "network": training.network, "parameters": training.parameters}


def result_of(training: Training, seed: int, run: Run | None) -> Result:
    """Return the result of ``run``; without figures where there is none or it is not finished.

    Raises:
        RunError: the run's files are damaged.
    """
    if run is None or not run.finished:
        return Result(training, seed, run.folder if run else None)
    reached = tuple(_reached(printed, run) for printed in training.printed)
    return Result(training, seed, run.folder, reached, run.metrics["seconds"]["training"])


def _reached(printed: Printed, run: Run) -> Reached:
    """Return our figure of the same part: of the one test evaluation, or the last epoch's validation."""
    if printed.part == "test":
        test = run.metrics["test"]
        return Reached(printed, test["accuracy"], Interval(*test["interval"]), test["images"])
    images = run.experiment["resolved"]["validation_images"]
    accuracy = run.history[-1].val_accuracy
    assert accuracy is not None  # such a training sets validation images aside
    return Reached(printed, accuracy, wilson_interval(round(accuracy * images), images), images)


def own_digits_result(folder: Path, seed: int, run: Run | None) -> Result:
    """Return the result of the exercise on own digits with this run; without figures where it was not run.

    Raises:
        DataError: its file is damaged.
    """
    lesson = lessons.get(OWN_DIGITS)
    nothing = Result(lesson, seed, run.folder if run else None)
    path = folder / f"{OWN_DIGITS}.json"
    if run is None or not path.is_file():
        return nothing
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["run"] != run.name:
            return nothing
        framed = next(way for way in content["ways"] if way["way"] == "framed")
        interval = Interval(*framed["interval"])
        figure = Reached(lesson.printed[0], framed["accuracy"], interval, content["images"])
        return Result(lesson, seed, run.folder, (figure,), content["seconds"])
    except (OSError, ValueError, KeyError, TypeError, StopIteration, RecursionError) as error:
        raise DataError("{file} is damaged: {error}", hint="delete it", file=path, error=error) from error


def results_so_far(folder: Path, seed: int | None = None, computing: Computing = AS_SUITS) -> list[Result]:
    """Return the results so far of the experiments that the notes print figures for, in the course's order.

    Args:
        folder: the course's.
        seed: in place of each experiment's own.
        computing: that of the runs that count.

    Raises:
        RunError: a finished run's files are damaged.
    """
    results = []
    for lesson in map(lessons.get, lessons):
        training = training_of(lesson) if lesson.printed else None
        if training is None:
            continue
        experiment = experiment_of(training, seed, computing)
        run = find_run_of(experiment, folder)
        if isinstance(lesson, Training):
            results.append(result_of(lesson, experiment.seed, run))
        else:
            results.append(own_digits_result(folder, experiment.seed, run))
    return results


def repeated_result(
    training: Training,
    seeds: int,
    folder: Path,
    first: int | None = None,
    computing: Computing = AS_SUITS,
) -> RepeatedResult:
    """Return the results so far of a training with several seeds.

    Args:
        training: which.
        seeds: how many, one after the other.
        folder: the course's.
        first: the first of them; None: the training's own.
        computing: that of the runs that count.

    Raises:
        RunError: a finished run's files are damaged.
    """
    start = training.seed if first is None else first
    results = []
    for seed in range(start, start + seeds):
        experiment = experiment_of(training, seed, computing)
        results.append(result_of(training, seed, find_run_of(experiment, folder)))
    return RepeatedResult(training, tuple(results))


def summary(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return the notes' summary with our figures: method, id, printed, reached (None: not yet)."""
    reached = {result.lesson.name: result.reached[0].accuracy for result in results if result.reached}
    return [
        {"method": method, "id": name, "printed": about, "reached": reached.get(name)}
        for method, name, about in SUMMARY
    ]


def write_results(results: Sequence[Result], folder: Path, seed: int | None = None) -> Path:
    """Write ``results.json`` and the table, ``README.md``, into the course's folder; return the table.

    Args:
        results: of all experiments.
        folder: the course's.
        seed: where it is not each experiment's own, the files have it in their names.
    """
    head = ("id", "teaches", "parameters", "notes", "ours", "95 % interval", "images", "seconds")
    lines = ["# The course", "", f"| {' | '.join(head)} |", f"|---|---|{'---:|' * 6}"]
    lines += [f"| {' | '.join(row)} |" for result in results for row in rows(result)]
    lines += ["", "The notes' summary of methods on MNIST, and ours:", ""]
    lines += ["| method | notes | ours |", "|---|---:|---:|"]
    for row in summary(results):
        method = f"{row['method']} (`{row['id']}`)"
        lines.append(f"| {method} | about {100 * row['printed']:.0f} % | {_percent(row['reached'])} |")
    content = {"experiments": [result.to_json() for result in results], "summary": summary(results)}
    return _write(folder, "" if seed is None else f"-seed-{seed}", content, lines)


def write_repeated(
    results: Sequence[RepeatedResult], folder: Path, seeds: int, first: int | None = None
) -> Path:
    """Write the results and their table into the course's folder, with the seeds in their names.

    Returns:
        The table.
    """
    head = ("id", "notes", "mean", "standard deviation", "95 % interval of the mean", "seeds", "seconds")
    lines = [f"# The course, with {seeds} seeds", "", f"| {' | '.join(head)} |", f"|---|{'---:|' * 6}"]
    lines += [f"| {' | '.join(row)} |" for result in results for row in repeated_rows(result)]
    lines += [
        "",
        "Standard deviation and interval cover the chance of training: other seeds, the same test images. "
        "Where validation images are drawn by the seed, they cover that choice too.",
    ]
    suffix = f"-{seeds}-seeds" + ("" if first is None else f"-from-{first}")
    return _write(folder, suffix, {"experiments": [result.to_json() for result in results]}, lines)


def _write(folder: Path, suffix: str, content: dict[str, Any], lines: Sequence[str]) -> Path:
    atomic_files.write_json(folder / f"results{suffix}.json", content)
    table = folder / f"README{suffix}.md"
    atomic_files.write_text(table, "\n".join(lines) + "\n")
    return table


def rows(result: Result) -> list[Row]:
    """Return the result as table rows, one for each figure that the notes print.

    id, what it teaches, parameters, the notes' figure, ours, its interval, images, seconds.
    """
    figures = []
    for index, printed in enumerate(result.lesson.printed):
        ours: Row = ("–", "–", "–")
        if result.reached:
            figure = result.reached[index]
            low, high = figure.interval
            ours = (_percent(figure.accuracy), f"{100 * low:.2f} to {100 * high:.2f}", f"{figure.images:,}")
        figures.append((_notes(printed), *ours))
    facts = (result.lesson.name, result.lesson.teaches, f"{result.training.parameters:,}")
    return in_rows(facts, figures, (write_seconds(result.seconds),))


def repeated_rows(result: RepeatedResult) -> list[Row]:
    """Return the result as table rows, one for each figure that the notes print.

    id, the notes' figure, mean, standard deviation, interval of the mean, seeds, mean seconds.
    """
    figures = []
    for index, printed in enumerate(result.training.printed):
        ours: Row = ("–", "–", "–")
        if (spread := result.spread(index)) is not None:
            low, high = spread.interval
            deviation, reach = (
                f"{100 * spread.standard_deviation:.2f} %",
                f"{100 * low:.2f} to {100 * high:.2f}",
            )
            ours = (_percent(spread.mean), deviation, reach)
        figures.append((_notes(printed), *ours))
    seeds = (str(len(result.reached)), write_seconds(result.seconds))
    return in_rows((result.training.name,), figures, seeds)


def in_rows(before: Row, figures: Sequence[Row], after: Row) -> list[Row]:
    """Return a row for each figure; what holds for all of them stands in the first row alone."""
    rest = ("",) * len(before), ("",) * len(after)
    ends = [(before, after), *[rest] * (len(figures) - 1)]
    return [(*first, *figure, *last) for (first, last), figure in zip(ends, figures, strict=True)]


def write_seconds(value: float | None) -> str:
    """Return seconds with one decimal; a dash for None."""
    return "–" if value is None else f"{value:.1f}"


def _notes(printed: Printed) -> str:
    """Return the notes' figure: ``test 99.10 %``, ``test about 92 %``."""
    rough = f"about {100 * printed.accuracy:.0f} %"
    return f"{printed.part} {rough if printed.rough else _percent(printed.accuracy)}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f} %"
