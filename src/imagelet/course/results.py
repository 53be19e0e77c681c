"""The course's table: the notes' figures beside ours, written for people and for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagelet import atomic_files
from imagelet.course.lessons import Lesson, Printed, Training, training_of
from imagelet.metrics.classification import Interval, wilson_interval
from imagelet.metrics.repetition import Spread, spread
from imagelet.runs.run import Run

SUMMARY = (
    ("softmax regression", "softmax", 0.92),
    ("neural network", "mlp-1024", 0.98),
    ("convolutional network", "cnn-3", 0.99),
)
"""The notes' own summary: the method, the training that stands for it, and about what it reaches on MNIST."""


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
        return {
            "part": self.printed.part,
            "printed": self.printed.accuracy,
            "reached": self.accuracy,
            "interval": list(self.interval),
            "images": self.images,
        }


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
        nothing = {
            "part": printed.part,
            "printed": printed.accuracy,
            "reached": None,
            "interval": None,
            "images": None,
        }
        return {
            "id": self.lesson.name,
            "teaches": self.lesson.teaches,
            "dataset": self.training.dataset,
            "network": self.training.network,
            "parameters": self.training.parameters,
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
        figures = [self._figure(index) for index in range(len(self.training.printed))]
        return {
            "id": self.training.name,
            "teaches": self.training.teaches,
            "dataset": self.training.dataset,
            "network": self.training.network,
            "parameters": self.training.parameters,
            **figures[0],
            "seconds": self.seconds,
            "seeds": [self._seed(result) for result in self.results],
            "figures": figures,
        }

    def _figure(self, index: int) -> dict[str, Any]:
        printed, spread = self.training.printed[index], self.spread(index)
        nothing = {"mean": None, "standard_deviation": None, "interval": None}
        ours = nothing if spread is None else spread.to_json()
        return {"part": printed.part, "printed": printed.accuracy, **ours}

    def _seed(self, result: Result) -> dict[str, Any]:
        content = result.to_json()
        return {name: content[name] for name in ("seed", "run", "reached", "interval", "images", "seconds")}


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
    suffix = "" if seed is None else f"-seed-{seed}"
    content = {"experiments": [result.to_json() for result in results], "summary": summary(results)}
    atomic_files.write_json(folder / f"results{suffix}.json", content)
    table = folder / f"README{suffix}.md"
    atomic_files.write_text(table, as_markdown(results))
    return table


def as_markdown(results: Sequence[Result]) -> str:
    """Return the table and the summary as a Markdown page."""
    head = ("id", "teaches", "parameters", "notes", "ours", "95 % interval", "images", "seconds")
    lines = ["# The course", "", f"| {' | '.join(head)} |", f"|---|---|{'---:|' * 6}"]
    lines += [f"| {' | '.join(row)} |" for result in results for row in rows(result)]
    lines += ["", "The notes' summary of methods on MNIST, and ours:", ""]
    lines += ["| method | notes | ours |", "|---|---:|---:|"]
    for row in summary(results):
        method = f"{row['method']} (`{row['id']}`)"
        lines.append(f"| {method} | about {100 * row['printed']:.0f} % | {percent(row['reached'])} |")
    return "\n".join(lines) + "\n"


def rows(result: Result) -> list[tuple[str, ...]]:
    """Return the result as table rows, one for each figure that the notes print.

    id, what it teaches, parameters, the notes' figure, ours, its interval, images, seconds.
    """
    table: list[tuple[str, ...]] = []
    for index, printed in enumerate(result.lesson.printed):
        ours = ("–", "–", "–")
        if result.reached:
            figure = result.reached[index]
            low, high = figure.interval
            ours = (percent(figure.accuracy), f"{100 * low:.2f} to {100 * high:.2f}", f"{figure.images:,}")
        table.append(
            (
                "" if index else result.lesson.name,
                "" if index else result.lesson.teaches,
                "" if index else f"{result.training.parameters:,}",
                _notes(printed),
                *ours,
                "" if index else seconds(result.seconds),
            )
        )
    return table


def write_repeated(
    results: Sequence[RepeatedResult], folder: Path, seeds: int, first: int | None = None
) -> Path:
    """Write the results and their table into the course's folder, with the seeds in their names.

    Returns:
        The table.
    """
    suffix = f"-{seeds}-seeds" + ("" if first is None else f"-from-{first}")
    content = {"experiments": [result.to_json() for result in results]}
    atomic_files.write_json(folder / f"results{suffix}.json", content)
    table = folder / f"README{suffix}.md"
    atomic_files.write_text(table, _repeated_as_markdown(results, seeds))
    return table


def _repeated_as_markdown(results: Sequence[RepeatedResult], seeds: int) -> str:
    """Return the table as a Markdown page."""
    head = ("id", "notes", "mean", "standard deviation", "95 % interval of the mean", "seeds", "seconds")
    lines = [f"# The course, with {seeds} seeds", "", f"| {' | '.join(head)} |", f"|---|{'---:|' * 6}"]
    lines += [f"| {' | '.join(row)} |" for result in results for row in repeated_rows(result)]
    lines += [
        "",
        "Standard deviation and interval cover the chance of training: other seeds, the same test images. "
        "Where validation images are drawn by the seed, they cover that choice too.",
    ]
    return "\n".join(lines) + "\n"


def repeated_rows(result: RepeatedResult) -> list[tuple[str, ...]]:
    """Return the result as table rows, one for each figure that the notes print.

    id, the notes' figure, mean, standard deviation, interval of the mean, seeds, mean seconds.
    """
    table: list[tuple[str, ...]] = []
    for index, printed in enumerate(result.training.printed):
        ours, spread = ("–", "–", "–"), result.spread(index)
        if spread is not None:
            low, high = spread.interval
            reach = f"{100 * low:.2f} to {100 * high:.2f}"
            ours = (percent(spread.mean), f"{100 * spread.standard_deviation:.2f} %", reach)
        table.append(
            (
                "" if index else result.training.name,
                _notes(printed),
                *ours,
                "" if index else str(len(result.reached)),
                "" if index else seconds(result.seconds),
            )
        )
    return table


def _notes(printed: Printed) -> str:
    """Return the notes' figure: ``test 99.10 %``, ``test about 92 %``."""
    rough = f"about {100 * printed.accuracy:.0f} %"
    return f"{printed.part} {rough if printed.rough else percent(printed.accuracy)}"


def percent(share: float | None) -> str:
    """Return ``99.10 %``; a dash for None."""
    return "–" if share is None else f"{100 * share:.2f} %"


def seconds(value: float | None) -> str:
    """Return seconds with one decimal; a dash for None."""
    return "–" if value is None else f"{value:.1f}"
