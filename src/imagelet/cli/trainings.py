"""Trainings as they run, a line for each epoch; and several of one experiment: `train --seeds`, `--folds`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet.cli import evaluate, printing
from imagelet.cli.commands import PARTS, describe_accuracy, describe_interval, write_shape
from imagelet.cli.layout import columns, padded
from imagelet.errors import RequirementMissedError, UsageError
from imagelet.html_repr import write_percent
from imagelet.messages import Message, translate
from imagelet.progress import Progress

if TYPE_CHECKING:
    from imagelet.data.store import InMemory
    from imagelet.experiment.finalize import Finished
    from imagelet.experiment.repeats import Part, Repeated, Series
    from imagelet.experiment.runner import Event, RunStarted
    from imagelet.runs.definition import Experiment
    from imagelet.training.loop import EpochEnded


def watch(start: Callable[[Progress], Iterator["Event"]]) -> "Finished":
    """Start a training, show its events on standard error, on a terminal with a bar; return the last.

    Args:
        start: returns the events; it is given what to tell how far the reading of data is.
    """
    from imagelet.experiment.finalize import Finished
    from imagelet.experiment.notebook import Bar
    from imagelet.experiment.runner import RunStarted
    from imagelet.training.loop import EpochEnded, Stopped

    with printing.progress("reading data") as progress:
        events = start(progress)
        event = next(events)
    epochs = 0
    with printing.bar() as draw:
        bar = Bar(draw)
        while not isinstance(event, Finished):
            match event:
                case RunStarted():
                    _introduce(event)
                    epochs = event.experiment.recipe.epochs
                    printing.note(heading(epochs, balanced=event.experiment.recipe.balanced))
                case EpochEnded():
                    printing.note(epoch_line(event, epochs), style="bold" if _is_best(event) else "")
                case Stopped(early=True):
                    printing.note("stopped early: the validation loss did not improve")
            bar.note(event)
            event = next(events)
    return event


COLUMNS = (
    *(Message("loss"), Message("accuracy"), Message("val_loss"), Message("val_accuracy")),
    *(Message("seconds"), Message("images/s")),
)


def heading(epochs: int, *, balanced: bool = False) -> str:
    """Return the line above the epochs' lines; it and they fit on a terminal of 80 columns.

    Args:
        epochs: how many there will be.
        balanced: the balanced accuracy chooses the epoch, and stands in place of the accuracy.
    """
    names = [Message("val_balanced") if balanced and name == "val_accuracy" else name for name in COLUMNS]
    return _in_columns(translate("epoch"), [translate(name) for name in names], epochs)


def epoch_line(event: "EpochEnded", epochs: int) -> str:
    """Return the line that an epoch leaves; a figure that was not measured is a dash."""
    figures = event.figures
    chosen_by = (
        figures.val_accuracy if figures.val_balanced_accuracy is None else figures.val_balanced_accuracy
    )
    measured = (figures.loss, figures.accuracy, figures.val_loss, chosen_by)
    cells = ["–" if figure is None else f"{figure:.4f}" for figure in measured]
    cells += [f"{event.seconds:.1f}", f"{event.images_per_second:,.0f}"]
    line = _in_columns(f"{figures.epoch}/{epochs}", cells, epochs)
    return f"{line}  {translate('best')}" if _is_best(event) else line


def _is_best(event: "EpochEnded") -> bool:
    """Say whether the epoch is the best so far; without validation images nothing tells."""
    return event.best and event.figures.val_accuracy is not None


def _in_columns(place: str, cells: Sequence[str], epochs: int) -> str:
    first = max(columns(translate("epoch")), len(f"{epochs}/{epochs}"))
    widths = [first, *(max(6, columns(translate(name))) for name in COLUMNS)]
    aligned = zip([place, *cells], widths, strict=True)
    return "  ".join(padded(cell, width, right=True) for cell, width in aligned)


def _introduce(event: "RunStarted") -> None:
    resolved: dict[str, Any] = event.resolved
    for warning in event.warnings:
        printing.caution(warning)
    if event.resumed_at:
        epoch, step = event.resumed_at
        where: dict[str, Any] = {"run": event.run.folder, "epoch": epoch}
        if step:
            printing.note("resuming {run} after epoch {epoch}, step {step}", **where, step=step)
        else:
            printing.note("resuming {run} after epoch {epoch}", **where)
    recipe = event.experiment.recipe
    printing.note(
        "{dataset}: {training:,} training and {validation:,} validation images, {shape}, {count} classes",
        dataset=event.experiment.dataset,
        training=resolved["training_images"],
        validation=resolved["validation_images"],
        shape=write_shape(tuple(resolved["input_shape"])),
        count=len(resolved["classes"]),
    )
    for sentence in resolved.get("understood", ()):
        printing.note(sentence)
    printing.note(
        "{network}: {parameters:,} parameters; recipe {name}: {optimizer}, batch {batch_size}; "
        "{device}, {precision}",
        network=event.experiment.network,
        name=recipe.name,
        optimizer=recipe.optimizer,
        batch_size=recipe.batch_size,
        device=_with_threads(resolved["device"], event.experiment.threads),
        **{name: resolved[name] for name in ("parameters", "precision")},
    )


def _with_threads(device: str, threads: int | str) -> str:
    """Return ``cpu``, or ``cpu with 2 threads`` where a number was chosen."""
    if isinstance(threads, str):
        return device
    if threads == 1:
        return Message("{device} with 1 thread", device=device)
    return Message("{device} with {threads} threads", device=device, threads=threads)


MOST_LABEL_ISSUES = 10  # training images that are named
REPEAT = Message("type the same again to resume")

Seeds = Annotated[
    int | None,
    typer.Option(
        metavar="N", help="Train with N seeds, from --seed on, and show how much the accuracies differ."
    ),
]
Folds = Annotated[
    int | None, typer.Option(metavar="N", help="Cross-validation with N folds of the training images.")
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

    @property
    def of_many(self) -> bool:
        """Whether a series is asked for at all."""
        return self.seeds is not None or self.folds is not None

    def check(self, *, one_run: str | None, validation: str, profile: bool) -> None:
        """Raise where the words of the command line do not go together.

        Args:
            one_run: ``--resume`` or ``--continue``, where one is given; they are about one run.
            validation: as it is typed.
            profile: whether a profile is asked for.
        """
        if not self.of_many:
            return
        option = "--seeds" if self.folds is None else "--folds"
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


def check_seeds(seeds: int) -> None:
    """Raise where there are too few seeds for a standard deviation."""
    if seeds < 2:
        raise UsageError(
            "--seeds {seeds} is not allowed: at least 2 show how much trainings differ",
            "for example 5; --seed N trains once with another seed",
            seeds=seeds,
        )


def train_series(experiment: "Experiment", request: Request) -> None:
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
            in_memory=request.in_memory,
            progress=progress,
        )
    for position, part in enumerate(series.parts, start=1):
        _run_part(series, part, position)
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
        watch(lambda progress: run_part(series, part, progress))
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
