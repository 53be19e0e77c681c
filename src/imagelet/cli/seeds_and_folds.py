"""Several trainings of one experiment: `imagelet train --seeds` and `--folds`, watched and shown."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagelet.cli import arguments, evaluate, printing
from imagelet.cli.watching import watch
from imagelet.errors import RequirementMissedError, UsageError
from imagelet.html_repr import write_percent

if TYPE_CHECKING:
    from imagelet.experiment.repeats import Part, Repeated, Series
    from imagelet.runs.definition import Experiment

MOST_LABEL_ISSUES = 10  # training images that are named
GO_ON = "type the same again to go on"

Seeds = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Train with N seeds, from --seed on, and tell how much the accuracies differ.",
        show_default=False,
    ),
]
Folds = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Cross-validate: hold each of N parts of the training images out in turn.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Request:
    """What the command line asks of a series.

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
                "type the series again: what is finished stays, what was interrupted goes on",
                option=option,
            )
        if profile:
            raise UsageError(
                "--profile is of one training, and {option} asks for several",
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
                "--folds and --test do not go together: each fold's classifier is tested on the fold",
                "drop --test; train on all images to have one classifier that imagelet evaluate tests",
            )
        if validation != "auto":
            raise UsageError(
                "--folds and --validation do not go together: a fold is what is held out, and nothing more",
                "drop one of them",
            )
        if self.folds is not None and self.folds < 2:
            raise UsageError(
                "--folds {folds} is not allowed: each fold is answered by what learned from the others, "
                "so there are at least 2",
                "5 and 10 are usual",
                folds=self.folds,
            )


def check_seeds(seeds: int) -> None:
    """Raise where there are too few seeds for a deviation."""
    if seeds < 2:
        raise UsageError(
            "--seeds {seeds} is not allowed: how much trainings differ shows from 2 on",
            "for example 5; --seed N trains once with another seed",
            seeds=seeds,
        )


def train(experiment: "Experiment", request: Request) -> None:
    """Carry the series out, show what it came to, and hold it against what is required.

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
    for place, part in enumerate(series.parts, start=1):
        _carry_out(series, part, place)
    found = conclude(series)
    if request.as_json:
        printing.document(found.to_json())
    else:
        _show(found)
    _require(found, request.require)


def _carry_out(series: "Series", part: "Part", place: int) -> None:
    """Carry one training of the series out in front of the user's eyes; a finished one is only named."""
    from imagelet.experiment.repeats import run_part

    one = series.kind.removesuffix("s")
    which = f"seed {part.number} ({place} of {len(series.parts)})"
    if one == "fold":
        which = f"fold {part.number} of {len(series.parts)}"
    printing.note(which, style="bold")
    if part.run is not None and part.run.finished:
        printing.note("carried out before: {folder}", folder=part.run.folder)
    try:
        with printing.progress("reading data") as progress:
            events = run_part(series, part, progress)
            first = next(events)
        watch(first, events)
    except KeyboardInterrupt as interruption:
        what = interruption.args[0] if interruption.args else "stopped"
        raise KeyboardInterrupt(f"{which}: {what}", GO_ON) from interruption


def _show(found: "Repeated") -> None:
    """Print each training's accuracy, and all of them taken together."""
    one = found.kind.removesuffix("s")
    rows = []
    for each in found.members:
        low, high = (write_percent(end) for end in each.interval)
        share = f"{write_percent(each.accuracy)} %"
        rows.append((str(each.number), share, f"{low} to {high} %", f"{each.images:,}", each.run.name))
    printing.say()
    printing.table(
        (one, f"{found.part} accuracy", "95 % interval", "images", "run"),
        rows,
        right=(one, f"{found.part} accuracy", "images"),
        whole=("95 % interval",),
    )
    printing.say()
    printing.facts(_of_folds(found) if found.pooled else _of_seeds(found))
    if found.label_issues:
        heading = f"{len(found.label_issues):,} training images may have a wrong label: look at them"
        records = [each.to_json(found.classes) for each in found.label_issues]
        columns = ("image", "label", "suggested", "probability")
        evaluate.show_some(heading, columns, records, MOST_LABEL_ISSUES)
        printing.say(
            "drawn as {folder}; imagelet explain RUN train:N looks into one",
            folder=found.folder / "label-issues.png",
        )
    if found.out_of_fold is not None:
        printing.advice(
            "{out_of_fold} has each image's probabilities, by what had not learned it",
            out_of_fold=found.out_of_fold,
        )


def _of_seeds(found: "Repeated") -> dict[str, str]:
    low, high = (write_percent(end) for end in found.spread.interval)
    return {
        f"mean {found.part} accuracy": f"{write_spread(found.spread.mean, found.spread.deviation)} "
        f"(standard deviation of {len(found.members)} seeds)",
        "95 % interval of the mean": f"{low} to {high} %, over what the seed decides, not over other images",
        "result": str(found.folder / f"{found.kind}.json"),
    }


def _of_folds(found: "Repeated") -> dict[str, str]:
    assert found.pooled is not None
    spread = write_spread(found.spread.mean, found.spread.deviation)
    return {
        **arguments.describe_accuracy("accuracy, all folds", found.pooled.to_json()),
        "mean of the folds": f"{spread} (standard deviation of {len(found.members)} folds)",
        "epoch": "the last of each training; no fold's images chose it",
        "result": str(found.folder / f"{found.kind}.json"),
    }


def write_spread(mean: float, deviation: float) -> str:
    """Return ``98.40 ± 0.31 %``."""
    return f"{write_percent(mean)} ± {100 * deviation:.2f} %"


def _require(found: "Repeated", share: float | None) -> None:
    name, reached = ("mean accuracy", found.spread.mean)
    if found.pooled:
        name, reached = "accuracy over all folds", found.pooled.accuracy
    if share is not None and reached < share:
        raise RequirementMissedError(
            "the {name} {reached:.4f} is below the required {share:g}",
            name=name,
            reached=reached,
            share=share,
        )
