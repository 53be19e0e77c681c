"""The course's trainings with several seeds: the notes' figures beside the mean of ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagelet import atomic_files
from imagelet.course.lessons import Training
from imagelet.course.results import Result, percent, result_of, seconds
from imagelet.course.runner import experiment_of
from imagelet.metrics.repetition import Spread, spread
from imagelet.runs.definition import AUTO
from imagelet.runs.store import find_run_of


@dataclass(frozen=True)
class RepeatedResult:
    """What a training of the course came to with several seeds.

    Attributes:
        training: which.
        results: one for each seed; nothing is reached where it was not carried out.
    """

    training: Training
    results: tuple[Result, ...]

    @property
    def reached(self) -> tuple[Result, ...]:
        """The results of the seeds that were carried out."""
        return tuple(result for result in self.results if result.reached)

    def spread(self, place: int) -> Spread | None:
        """Return the spread of our figures beside the one that the notes print at ``place``.

        None while fewer than two seeds were carried out.
        """
        accuracies = [result.reached[place].accuracy for result in self.reached]
        return spread(accuracies) if len(accuracies) > 1 else None

    @property
    def seconds(self) -> float | None:
        """The mean seconds of a training; None while there is none."""
        took = [result.seconds for result in self.reached if result.seconds is not None]
        return sum(took) / len(took) if took else None

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain data: the figure to compare by, and ``figures`` with all of them."""
        figures = [self._figure(place) for place in range(len(self.training.printed))]
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

    def _figure(self, place: int) -> dict[str, Any]:
        printed, found = self.training.printed[place], self.spread(place)
        nothing = {"mean": None, "deviation": None, "interval": None}
        ours = nothing if found is None else found.to_json()
        return {"part": printed.part, "printed": printed.accuracy, **ours}

    def _seed(self, result: Result) -> dict[str, Any]:
        told = result.to_json()
        return {name: told[name] for name in ("seed", "run", "reached", "interval", "images", "seconds")}


def repeated_result(
    training: Training,
    seeds: int,
    folder: Path,
    first: int | None = None,
    *,
    device: str = AUTO,
    precision: str = AUTO,
) -> RepeatedResult:
    """Return what a training came to until now with several seeds.

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
    begin = training.seed if first is None else first
    results = []
    for seed in range(begin, begin + seeds):
        experiment = experiment_of(training, seed, device=device, precision=precision)
        results.append(result_of(training, seed, find_run_of(experiment, folder)))
    return RepeatedResult(training, tuple(results))


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
    atomic_files.write_text(table, as_markdown(results, seeds))
    return table


def as_markdown(results: Sequence[RepeatedResult], seeds: int) -> str:
    """Return the table as a Markdown page."""
    head = ("id", "notes", "ours, mean", "deviation", "95 % interval of the mean", "seeds", "seconds")
    lines = [f"# The course, with {seeds} seeds", "", f"| {' | '.join(head)} |", f"|---|{'---:|' * 6}"]
    lines += [f"| {' | '.join(row)} |" for result in results for row in rows(result)]
    lines += [
        "",
        "The deviation and the interval are of training's chance: other seeds, the same test images. Where "
        "validation images are drawn by the seed, their choice is in them too.",
    ]
    return "\n".join(lines) + "\n"


def rows(result: RepeatedResult) -> list[tuple[str, ...]]:
    """Return the result as table rows, one for each figure that the notes print.

    id, the notes' figure, mean, deviation, interval of the mean, seeds, mean seconds.
    """
    made: list[tuple[str, ...]] = []
    for place, printed in enumerate(result.training.printed):
        rough = f"about {100 * printed.accuracy:.0f} %"
        notes = f"{printed.part} {rough if printed.rough else percent(printed.accuracy)}"
        ours, found = ("–", "–", "–"), result.spread(place)
        if found is not None:
            low, high = found.interval
            ours = (
                percent(found.mean),
                f"{100 * found.deviation:.2f} %",
                f"{100 * low:.2f} to {100 * high:.2f}",
            )
        first = place == 0
        made.append(
            (
                result.training.name if first else "",
                notes,
                *ours,
                str(len(result.reached)) if first else "",
                seconds(result.seconds) if first else "",
            )
        )
    return made
