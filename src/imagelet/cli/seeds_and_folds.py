"""`imagelet train --seeds` and `--folds`: several trainings of one experiment."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagelet.cli import arguments, evaluate, printing
from imagelet.cli.watching import watch
from imagelet.errors import RequirementMissedError, UsageError
from imagelet.html_repr import write_percent
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.experiment.repeats import Part, Repeated, Series
    from imagelet.runs.definition import Experiment

MOST_LABEL_ISSUES = 10  # training images that are named
REPEAT = Message("type the same again to resume")

Seeds = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Train with N seeds, from --seed on, and show how much the accuracies differ.",
        show_default=False,
    ),
]
Folds = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Cross-validation with N folds of the training images.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Request:
    """Which series the command line asks for.

    Attributes:
        seeds, folds: how many; None where the series is not of that kind.
        name, runs, test, require, as_json: as `imagelet train` takes them.
    """

    seeds: int | None
    folds: int | None
    name: str | None
    runs: Path | None
    test: bool
    require: float | None
    as_json: bool

    @property
    def of_many(self) -> bool:
        """Whether a series is asked for at all."""
        return self.seeds is not None or self.folds is not None

    def check(self, *, resume: bool, validation: str, profile: bool) -> None:
        """Raise where the words of the command line do not go together."""
        if not self.of_many:
            return
        option = "--seeds" if self.folds is None else "--folds"
        if self.seeds is not None and self.folds is not None:
            raise UsageError("--folds and --seeds do not go together", "repeat the folds with another --seed")
        if resume:
            raise UsageError(
                "{option} and --resume do not go together",
                "type the series again: finished trainings are kept, an interrupted one is resumed",
                option=option,
            )
        if profile:
            raise UsageError(
                "--profile is for one training, and {option} runs several",
                "drop one of them",
                option=option,
            )
        if self.folds is not None:
            self._check_folds(validation)
        if self.seeds is not None:
            check_seeds(self.seeds)
            if validation == "0" and not self.test:
                raise UsageError(
                    "--seeds needs validation or test images", "drop --validation 0, or add --test"
                )

    def _check_folds(self, validation: str) -> None:
        if self.test:
            raise UsageError(
                "--folds and --test do not go together: each classifier is tested on its fold",
                "drop --test; train on all images to get one classifier for imagelet evaluate",
            )
        if validation != "auto":
            raise UsageError(
                "--folds and --validation do not go together: only the fold is held out",
                "drop one of them",
            )
        if self.folds is not None and self.folds < 2:
            raise UsageError(
                "--folds {folds} is not allowed: there are at least 2, as each fold is predicted by a "
                "classifier that learned from the others",
                "5 and 10 are usual",
                folds=self.folds,
            )


def check_seeds(seeds: int) -> None:
    """Raise where there are too few seeds for a standard deviation."""
    if seeds < 2:
        raise UsageError(
            "--seeds {seeds} is not allowed: at least 2 show how much trainings differ",
            "for example 5; --seed N trains once with another seed",
            seeds=seeds,
        )


def train(experiment: "Experiment", request: Request) -> None:
    """Run the series, show its results, and compare the accuracy with what is required.

    Raises:
        RequirementMissedError: the mean accuracy of the seeds, or that of all folds' images, is too low.
    """
    from imagelet.experiment.repeats import conclude, plan

    seeds = [experiment.seed + place for place in range(request.seeds or 0)] or None
    with printing.progress("reading data") as progress:
        series = plan(
            experiment,
            seeds=seeds,
            folds=request.folds,
            name=request.name,
            folder=request.runs,
            test=request.test,
            progress=progress,
        )
    for position, part in enumerate(series.parts, start=1):
        _run_part(series, part, position)
    result = conclude(series)
    if request.as_json:
        printing.document(result.to_json())
    else:
        _show(result)
    _require(result, request.require)


def _run_part(series: "Series", part: "Part", position: int) -> None:
    """Run one training of the series and show it; a finished one is only named."""
    from imagelet.experiment.repeats import run_part

    values = {"number": part.number, "position": position, "count": len(series.parts)}
    if series.kind == "folds":
        name = Message("fold {number} of {count}", **values)
    else:
        name = Message("seed {number} ({position} of {count})", **values)
    printing.note(name, style="bold")
    if part.run is not None and part.run.finished:
        printing.note("finished before: {folder}", folder=part.run.folder)
    try:
        with printing.progress("reading data") as progress:
            events = run_part(series, part, progress)
            first = next(events)
        watch(first, events)
    except KeyboardInterrupt as interruption:
        what = interruption.args[0] if interruption.args else Message("stopped")
        problem = Message("{place}: {problem}", place=name, problem=what)
        raise KeyboardInterrupt(problem, REPEAT) from interruption


def _show(result: "Repeated") -> None:
    """Print each training's accuracy, and all of them taken together."""
    rows = []
    for member in result.members:
        low, high = map(write_percent, member.interval)
        interval = Message("{low} to {high} %", low=low, high=high)
        accuracy = f"{write_percent(member.accuracy)} %"
        rows.append((str(member.number), accuracy, interval, f"{member.images:,}", member.run.name))
    number = Message("fold") if result.kind == "folds" else Message("seed")
    accuracy = _part_accuracy(result)
    printing.say()
    printing.table(
        (number, accuracy, "95 % interval", "images", "run"),
        rows,
        right=(number, accuracy, "images"),
        whole=("95 % interval",),
    )
    printing.say()
    printing.facts(_of_folds(result) if result.pooled else _of_seeds(result))
    if result.label_issues:
        evaluate.show_some(
            Message(
                "{count:,} training images may have a wrong label: look at them",
                count=len(result.label_issues),
            ),
            ("image", "label", "suggested", "probability"),
            [issue.to_json(result.classes) for issue in result.label_issues],
            MOST_LABEL_ISSUES,
        )
        printing.say(
            "drawn as {file}; imagelet explain RUN train:N looks into one",
            file=result.folder / "label-issues.png",
        )
    if result.out_of_fold is not None:
        printing.advice(
            "{file} has each image's probabilities, from a classifier that did not learn from it",
            file=result.out_of_fold,
        )


def _part_accuracy(result: "Repeated") -> Message:
    return Message("{part} accuracy", part=arguments.PARTS[result.part])


def _of_seeds(result: "Repeated") -> dict[str, str]:
    low, high = map(write_percent, result.spread.interval)
    return {
        Message("mean {accuracy}", accuracy=_part_accuracy(result)): Message(
            "{spread} (standard deviation over {count} seeds)",
            spread=write_spread(result.spread.mean, result.spread.standard_deviation),
            count=len(result.members),
        ),
        Message("95 % interval of the mean"): Message(
            "{low} to {high} %, over seeds, not over other images", low=low, high=high
        ),
        Message("result"): str(result.folder / f"{result.kind}.json"),
    }


def _of_folds(result: "Repeated") -> dict[str, str]:
    assert result.pooled is not None
    return {
        **arguments.describe_accuracy(Message("accuracy, all folds"), result.pooled.to_json()),
        Message("mean of the folds"): Message(
            "{spread} (standard deviation over {count} folds)",
            spread=write_spread(result.spread.mean, result.spread.standard_deviation),
            count=len(result.members),
        ),
        Message("epoch"): Message("the last of each training; the fold's images did not choose it"),
        Message("result"): str(result.folder / f"{result.kind}.json"),
    }


def write_spread(mean: float, standard_deviation: float) -> str:
    """Return ``98.40 ± 0.31 %``."""
    return f"{write_percent(mean)} ± {100 * standard_deviation:.2f} %"


def _require(result: "Repeated", required: float | None) -> None:
    name, reached = Message("mean accuracy"), result.spread.mean
    if result.pooled:
        name, reached = Message("accuracy over all folds"), result.pooled.accuracy
    if required is not None and reached < required:
        raise RequirementMissedError(
            "the {name} {reached:.4f} is below the required {required:g}",
            name=name,
            reached=reached,
            required=required,
        )
