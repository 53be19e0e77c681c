"""Several trainings of one experiment: `imagelet train --seeds` and `--folds`, at once or part by part."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet import ranks
from imagelet.cli import evaluate, printing, train_result
from imagelet.cli.commands import PARTS, describe_accuracy, describe_interval
from imagelet.cli.trainings import REPEAT, watch, watch_side_by_side
from imagelet.errors import ImageletError, RequirementMissedError, UsageError
from imagelet.html_repr import write_percent
from imagelet.messages import Message, enumerated

if TYPE_CHECKING:
    from imagelet.data.store import InMemory
    from imagelet.experiment.finalize import Finished
    from imagelet.experiment.repeats import Part, Repeated, Series
    from imagelet.runs.definition import Experiment

MOST_LABEL_ISSUES = 10  # training images that are named

Seeds = Annotated[
    int | None,
    typer.Option(
        metavar="N", help="Train with N seeds, from --seed on, and show how much the accuracies differ."
    ),
]
Folds = Annotated[
    int | None, typer.Option(metavar="N", help="Cross-validation with N folds of the training images.")
]
Parallel = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="How many trainings of --seeds or --folds run at a time; the results do not depend on it.",
        show_default="what the cores allow",
    ),
]
Only = Annotated[
    int | None,
    typer.Option(
        metavar="K",
        help="Train the K-th part of --seeds or --folds alone, counted from 1; the last one to finish makes "
        "the table.",
    ),
]
Collect = Annotated[
    bool,
    typer.Option(
        "--collect", help="Make the table of --seeds or --folds from finished parts; train nothing."
    ),
]


@dataclass(frozen=True)
class Request:
    """Which series the command line asks for; the rest is as `imagelet train` takes it."""

    seeds: int | None
    folds: int | None
    name: str | None
    runs: Path | None
    test: bool
    require: float | None
    as_json: bool
    in_memory: "InMemory" = "auto"
    parallel: int | None = None
    only: int | None = None
    collect: bool = False

    @property
    def of_many(self) -> bool:
        """Whether a series is asked for at all."""
        return self.seeds is not None or self.folds is not None

    def check(
        self, *, one_run: str | None, validation: str, profile: bool, processes: int | None = None
    ) -> None:
        """Raise where the words of the command line do not go together.

        Args:
            one_run: ``--resume`` or ``--continue``, where one is given; they are about one run.
            validation: as it is typed.
            profile: whether a profile is asked for.
            processes: of ``--processes``, if that is given.
        """
        if not self.of_many:
            self._check_no_part()
            return
        self._check_part()
        option = "--seeds" if self.folds is None else "--folds"
        if processes is not None or ranks.placement().world > 1:
            raise UsageError(
                "{option} runs several trainings, and several processes divide one among them",
                "drop one of them",
                option=option,
            )
        if self.seeds is not None and self.folds is not None:
            raise UsageError("--folds and --seeds do not go together", "repeat the folds with another --seed")
        if one_run is not None:
            raise UsageError(
                "{option} and {other} do not go together",
                "type the series again: finished trainings are kept, an interrupted one is resumed",
                option=option,
                other=one_run,
            )
        if profile:
            raise UsageError(
                "--profile is for one training, and {option} runs several", "drop one of them", option=option
            )
        if self.folds is not None:
            self._check_folds(validation)
        if self.seeds is not None:
            check_seeds(self.seeds)
            if validation == "0" and not self.test:
                raise UsageError(
                    "--seeds needs validation or test images", "drop --validation 0, or add --test"
                )

    def _check_no_part(self) -> None:
        given = {"--parallel": self.parallel, "--only": self.only, "--collect": self.collect or None}
        for option, value in given.items():
            if value is not None:
                raise UsageError(
                    "{option} is for several trainings of one experiment",
                    "add --seeds 5 or --folds 5",
                    option=option,
                )

    def _check_part(self) -> None:
        count = self.seeds if self.folds is None else self.folds
        assert count is not None  # a series is asked for
        if self.only is not None and self.collect:
            raise UsageError(
                "--only and --collect do not go together", "train the parts with --only first, then --collect"
            )
        if self.parallel is not None and (self.only is not None or self.collect):
            raise UsageError(
                "--parallel is for a whole series: --only trains one part, and --collect none",
                "drop one of them",
            )
        if self.only is not None and not 1 <= self.only <= count:
            raise UsageError(
                "--only {only} is not allowed: the parts are counted from 1 to {count}",
                "the first is --only 1",
                only=self.only,
                count=count,
            )
        if self.only is not None and self.require is not None:
            raise UsageError(
                "--require is about all parts, and --only trains one", "type it with --collect in the end"
            )

    def _check_folds(self, validation: str) -> None:
        if self.test:
            raise UsageError(
                "--folds and --test do not go together: each classifier is tested on its fold",
                "drop --test; train on all images to get one classifier for imagelet evaluate",
            )
        if validation != "auto":
            raise UsageError(
                "--folds and --validation do not go together: only the fold is held out", "drop one of them"
            )
        if self.folds is not None and self.folds < 2:
            raise UsageError(
                "--folds {folds} is not allowed: there are at least 2, as each fold is predicted by a "
                "classifier that learned from the others",
                "5 and 10 are usual",
                folds=self.folds,
            )


def request_of(words: Mapping[str, Any]) -> Request:
    """Return what the command line asks for, of all its arguments and options by their names."""
    return Request(**{field.name: words[field.name] for field in dataclasses.fields(Request)})


def check_seeds(seeds: int) -> None:
    """Raise where there are too few seeds for a standard deviation."""
    if seeds < 2:
        raise UsageError(
            "--seeds {seeds} is not allowed: at least 2 show how much trainings differ",
            "for example 5; --seed N trains once with another seed",
            seeds=seeds,
        )


def train_series(experiment: "Experiment", request: Request) -> None:
    """Run the series, or a part of it, show the results, and compare them with what is required.

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
            in_memory=request.in_memory,
            progress=progress,
        )
    if request.only is not None:
        return _train_one(series, series.parts[request.only - 1], as_json=request.as_json)
    if not request.collect:
        _train_all(series, request.parallel)
    result = conclude(series)
    printing.result(result, _show, as_json=request.as_json)
    name, reached = Message("mean accuracy"), result.spread.mean
    if result.pooled:
        name, reached = Message("accuracy over all folds"), result.pooled.accuracy
    if request.require is not None and reached < request.require:
        raise RequirementMissedError(
            "the {name} {reached:.4f} is below the required {required:g}",
            name=name,
            reached=reached,
            required=request.require,
        )


def _train_all(series: "Series", parallel: int | None) -> None:
    """Run the parts that are not finished, one after the other or side by side."""
    from imagelet.experiment.repeats import failure_of, record
    from imagelet.experiment.side_by_side import choose_parallel

    left = [part for part in series.parts if not part.complete]
    at_a_time = choose_parallel("auto" if parallel is None else parallel, len(left), series.computing)
    record(series)
    if at_a_time == 1:
        for part in series.parts:
            _run_part(series, part)
        return
    for part in series.parts:
        if part.complete:
            before = Message("finished before: {folder}", folder=part.run.folder if part.run else "")
            printing.note("{place}: {problem}", place=part.task.label, problem=before)

    def failed(place: int, error: ImageletError) -> None:
        raise failure_of(left[place], error)

    watch_side_by_side([part.task for part in left], at_a_time, failed, alike=True)


def _train_one(series: "Series", part: "Part", *, as_json: bool) -> None:
    """Run one part, show it, and make the table where it was the last."""
    from imagelet.experiment.repeats import conclude, missing, record

    record(series)
    finished = _run_part(series, part)
    train_result.show(finished, None, as_json=as_json)
    if left := missing(series):
        printing.note(
            "{done} of {count} trainings are finished; the others: {names}",
            done=len(series.parts) - len(left),
            count=len(series.parts),
            names=enumerated([other.task.label for other in left]),
        )
        positions = ", ".join(str(other.position) for other in left)
        printing.advice("the same line with --only K trains them, here K = {positions}", positions=positions)
        return
    result = conclude(series)
    if not as_json:
        _show(result)
    printing.note("all {count} trainings are finished", count=len(series.parts))
    printing.advice("{file} has the table", file=result.folder / f"{result.kind}.json")


def _run_part(series: "Series", part: "Part") -> "Finished":
    """Run one training of the series and show it; a finished one is only named."""
    from imagelet.experiment.once import train_once

    values = {"number": part.number, "position": part.position, "count": len(series.parts)}
    if series.kind == "folds":
        name = Message("fold {number} of {count}", **values)
    else:
        name = Message("seed {number} ({position} of {count})", **values)
    printing.note(name, style="bold")
    if part.run is not None and part.run.finished:
        printing.note("finished before: {folder}", folder=part.run.folder)
    try:
        return watch(lambda progress: train_once(part.task, progress))
    except KeyboardInterrupt as interruption:
        what = interruption.args[0] if interruption.args else Message("stopped")
        problem = Message("{place}: {problem}", place=name, problem=what)
        raise KeyboardInterrupt(problem, REPEAT) from interruption


def _show(result: "Repeated") -> None:
    """Print each training's accuracy, and all of them taken together."""
    rows = [
        (
            str(member.number),
            f"{write_percent(member.accuracy)} %",
            describe_interval(member.interval),
            f"{member.images:,}",
            member.run.name,
        )
        for member in result.members
    ]
    number = Message("fold") if result.kind == "folds" else Message("seed")
    accuracy = Message("{part} accuracy", part=PARTS[result.part])
    printing.say()
    printing.table(
        (number, accuracy, "95 % interval", "images", "run"),
        rows,
        right=(number, accuracy, "images"),
        whole=("95 % interval",),
    )
    printing.say()
    printing.facts(_of_folds(result) if result.pooled else _of_seeds(result, accuracy))
    if issues := result.label_issues:
        count = len(issues)
        evaluate.show_some(
            Message("{count:,} training images may have a wrong label: look at them", count=count),
            ("image", "label", "suggested", "probability"),
            [issue.to_json(result.classes) for issue in issues],
            MOST_LABEL_ISSUES,
        )
        file = result.folder / "label-issues.png"
        printing.say("drawn as {file}; imagelet explain RUN train:N looks into one", file=file)
    if result.out_of_fold is not None:
        printing.advice(
            "{file} has each image's probabilities, from a classifier that did not learn from it",
            file=result.out_of_fold,
        )


def _of_seeds(result: "Repeated", accuracy: Message) -> dict[str, str]:
    low, high = map(write_percent, result.spread.interval)
    spread, count = write_spread(result.spread.mean, result.spread.standard_deviation), len(result.members)
    return {
        Message("mean {accuracy}", accuracy=accuracy): Message(
            "{spread} (standard deviation over {count} seeds)", spread=spread, count=count
        ),
        Message("95 % interval of the mean"): Message(
            "{low} to {high} %, over seeds, not over other images", low=low, high=high
        ),
        Message("result"): str(result.folder / f"{result.kind}.json"),
    }


def _of_folds(result: "Repeated") -> dict[str, str]:
    assert result.pooled is not None
    spread, count = write_spread(result.spread.mean, result.spread.standard_deviation), len(result.members)
    return {
        **describe_accuracy(Message("accuracy, all folds"), result.pooled.to_json()),
        Message("mean of the folds"): Message(
            "{spread} (standard deviation over {count} folds)", spread=spread, count=count
        ),
        Message("epoch"): Message("the last of each training; the fold's images did not choose it"),
        Message("result"): str(result.folder / f"{result.kind}.json"),
    }


def write_spread(mean: float, standard_deviation: float) -> str:
    """Return ``98.40 ± 0.31 %``."""
    return f"{write_percent(mean)} ± {100 * standard_deviation:.2f} %"
