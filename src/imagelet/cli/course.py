"""`imagelet course`: the course's trainings and exercises, with the notes' figures beside ours."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet.cli import arguments, printing, seeds_and_folds
from imagelet.cli.commands import Command, Group
from imagelet.cli.course_exercises import EXERCISES
from imagelet.cli.train import Device, Precision, Runs
from imagelet.cli.watching import watch
from imagelet.errors import ImageletError, UsageError
from imagelet.html_repr import write_percent
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.course.lessons import Exercise, Lesson, Printed, Training
    from imagelet.course.results import RepeatedResult, Result
    from imagelet.runs.run import Run

commands = typer.Typer(cls=Group)

OWN = "own-digits"

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID...", help="Only these (--list names them).", show_default=False),
]
Listing = Annotated[bool, typer.Option("--list", help="List them with the figures so far; train nothing.")]
Seed = Annotated[
    int | None,
    typer.Option(metavar="N", help="In place of each training's own.", show_default=False),
]
Seeds = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Run each training with N seeds, from its own or --seed on: the mean accuracy, and how much the "
        "accuracies differ.",
        show_default=False,
    ),
]
Pictures = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER_OR_CSV",
        help=f"Your own digits, for {OWN}: one subfolder a digit, or a CSV file with path and label.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Plan:
    """What all experiments of one call have in common.

    Attributes:
        folder: the course's.
        seed: in place of each training's own; None: its own.
        device, precision: as ``imagelet train`` takes them.
        pictures: the user's own digits, if given.
        added_to_seed: the number of the repetition, from 0.
    """

    folder: Path
    seed: int | None
    device: str
    precision: str
    pictures: str | None
    added_to_seed: int = 0

    def seed_of(self, training: "Training") -> int:
        """Return the seed that a training has in this call."""
        return (training.seed if self.seed is None else self.seed) + self.added_to_seed


@commands.command(cls=Command, epilog="imagelet course cnn-3 convnet")
def course(
    names: Names = None,
    listing: Listing = False,
    seed: Seed = None,
    seeds: Seeds = None,
    pictures: Pictures = None,
    runs: Runs = None,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: arguments.Json = False,
) -> None:
    """Run the course's experiments: the notes' figures and ours.

    Without ID, all. Finished trainings are not repeated, and interrupted ones are resumed. Runs, table and
    pictures lie in the folder course among the runs.

    JSON: experiments[{id, teaches, dataset, network, parameters, part, printed, reached, interval, images,
    seconds, seed, run, command, figures}], summary[{method, id, printed, reached}], exercises[{id, teaches,
    picture, facts}], errors[{id, error}], table; part says what was measured: test, validation, own pictures.

    JSON of --seeds: experiments[{id, teaches, dataset, network, parameters, part, printed, mean,
    standard_deviation, interval, seconds, seeds[{seed, run, reached, interval, images, seconds}], figures}],
    errors, table; an experiment's interval is of the mean over trainings.
    """
    from imagelet.course.lessons import lessons
    from imagelet.course.results import summary, write_results
    from imagelet.course.runner import course_folder, results_so_far

    chosen = [lessons.get(name) for name in dict.fromkeys(names or lessons)]
    plan = Plan(course_folder(runs), seed, device, precision, pictures)
    if seeds is not None:
        return _repeat(_trainings(chosen, all_of_them=not names), plan, seeds, listing, as_json)
    _check(chosen, plan, needs_pictures=bool(names) and not listing)
    shown: list[dict[str, Any]] = []
    errors: list[dict[str, str]] = []
    if not listing:
        possible = [lesson for lesson in chosen if pictures or lesson.name != OWN]
        shown, errors = _run_lessons(possible, plan, as_json)
    results = results_so_far(plan.folder, seed, device=device, precision=precision)
    table = None
    if not listing and any(result.reached for result in results):
        table = write_results(results, plan.folder, seed)
    selected = [result for result in results if result.lesson in chosen]
    if as_json:
        document = {"experiments": [result.to_json() for result in selected], "summary": summary(results)}
        printing.document(document | {"exercises": shown, "errors": errors, "table": table})
    else:
        _show_results(selected, results, table, chosen if listing else ())
    if errors:
        raise typer.Exit(1)


def _trainings(chosen: "Sequence[Lesson]", *, all_of_them: bool) -> list["Training"]:
    """Return the trainings among the lessons; an exercise that was named has no seeds."""
    from imagelet.course.lessons import Training

    for lesson in chosen:
        if not isinstance(lesson, Training) and not all_of_them:
            raise UsageError(
                "{name} is an exercise, and --seeds repeats trainings",
                "imagelet course --list names them",
                name=lesson.name,
            )
    return [lesson for lesson in chosen if isinstance(lesson, Training)]


def _repeat(trainings: "Sequence[Training]", plan: Plan, seeds: int, listing: bool, as_json: bool) -> None:
    """Run the trainings with several seeds, and show the notes' figures beside the mean of ours."""
    from imagelet.course.results import write_repeated
    from imagelet.course.runner import repeated_result

    seeds_and_folds.check_seeds(seeds)
    _check(trainings, plan, needs_pictures=False)
    errors: list[dict[str, str]] = []
    for number in range(0 if listing else seeds):
        printing.note("seed {number} of {seeds}", style="bold", number=number + 1, seeds=seeds)
        failed = {error["id"] for error in errors}
        left = [training for training in trainings if training.name not in failed]
        errors += _run_lessons(left, replace(plan, added_to_seed=number), as_json)[1]
    where = {"device": plan.device, "precision": plan.precision}
    results = [repeated_result(training, seeds, plan.folder, plan.seed, **where) for training in trainings]
    table = None
    if not listing and any(result.reached for result in results):
        table = write_repeated(results, plan.folder, seeds, plan.seed)
    if as_json:
        experiments = [result.to_json() for result in results]
        printing.document({"experiments": experiments, "errors": errors, "table": table})
    else:
        _show_repeated(results, table)
    if errors:
        raise typer.Exit(1)


def _check(chosen: "Sequence[Lesson]", plan: Plan, *, needs_pictures: bool) -> None:
    """Raise before anything is trained where something could not be done in the end."""
    from imagelet.course.lessons import trainings
    from imagelet.course.runner import experiment_of
    from imagelet.data.folder import list_labelled
    from imagelet.device import choose_device, choose_precision

    wanted = any(lesson.name == OWN for lesson in chosen)
    example = Message("imagelet course {name} --pictures my-digits/", name=OWN)
    if plan.pictures is None and wanted and needs_pictures:
        raise UsageError(
            "{name} needs pictures of digits that you drew: a folder with one subfolder a digit, or a "
            "CSV file with the columns path and label",
            example,
            name=OWN,
        )
    if plan.pictures is not None:
        if not wanted:
            raise UsageError("--pictures is for {name} alone", example, name=OWN)
        list_labelled(plan.pictures)
    experiment_of(trainings()[0], plan.seed)
    choose_precision(plan.precision, choose_device(plan.device))


def _run_lessons(
    chosen: "Sequence[Lesson]", plan: Plan, quiet: bool
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Run the lessons; return the results of the exercises, and what failed.

    One that fails does not keep the others from running; a single one raises.
    """
    from imagelet.course.lessons import Training

    exercises, errors = [], []
    for number, lesson in enumerate(chosen, start=1):
        printing.note(
            "{name} ({number} of {count}): {teaches}",
            style="bold",
            name=lesson.name,
            number=number,
            count=len(chosen),
            teaches=Message(lesson.teaches),
        )
        try:
            if isinstance(lesson, Training):
                _train(lesson, plan)
            else:
                exercises.append(_run_exercise(lesson, plan, quiet))
        except ImageletError as error:
            if len(chosen) == 1:
                raise
            printing.failure("{place}: {problem}", error.hint, place=lesson.name, problem=error.message)
            errors.append({"id": lesson.name, "error": str(error)})
        except KeyboardInterrupt as interruption:
            stopped = Message("stopped in {name}", name=lesson.name)
            what = interruption.args[0] if interruption.args else stopped
            raise KeyboardInterrupt(what, seeds_and_folds.REPEAT) from interruption
    return exercises, errors


def _train(training: "Training", plan: Plan) -> "Run":
    """Return the training's finished run; train or resume it where there is none."""
    from imagelet.course.runner import experiment_of, run_experiment
    from imagelet.runs.store import find_run_of

    experiment = experiment_of(training, plan.seed_of(training), device=plan.device, precision=plan.precision)
    run = find_run_of(experiment, plan.folder)
    if run is not None and run.finished:
        printing.note("finished before: {folder}", folder=run.folder)
        return run
    with printing.progress("reading data") as progress:
        events = run_experiment(training, experiment, plan.folder, progress=progress)
        first = next(events)
    return watch(first, events).run


def _run_exercise(lesson: "Exercise", plan: Plan, quiet: bool) -> dict[str, Any]:
    """Run an exercise, and the training that it needs; return its result."""
    from imagelet.course.lessons import training_of

    training = training_of(lesson)
    run = _train(training, replace(plan, seed=None) if lesson.draws else plan) if training else None
    plan.folder.mkdir(parents=True, exist_ok=True)
    outcome = EXERCISES[lesson.name](run, plan.folder, plan.seed or 0, plan.pictures)
    if not quiet:
        outcome.show()
        printing.say("picture: {file}", file=outcome.picture)
    return {"id": lesson.name, "teaches": lesson.teaches, "picture": outcome.picture, "facts": outcome.facts}


def _show_results(
    selected: "Sequence[Result]",
    results: "Sequence[Result]",
    table: Path | None,
    listed: "Sequence[Lesson]" = (),
) -> None:
    """Print the table of the chosen experiments, the notes' summary, and the exercises among those listed."""
    from imagelet.course.results import summary

    if selected:
        rows = [row for result in selected for row in _rows(result)]
        printing.say()
        printing.table(
            ("id", "teaches", "parameters", "notes", "ours (95 % interval)", "seconds"),
            rows,
            right=("parameters",),
            whole=("id", "notes", "ours (95 % interval)", "seconds"),
        )
    printing.say()
    printing.say("the notes' summary of methods on MNIST, and ours", style="bold")
    rows = [
        (
            Message(record["method"]),
            Message("about {percent:.0f} %", percent=100 * record["printed"]),
            Message("not yet") if record["reached"] is None else f"{write_percent(record['reached'])} %",
            record["id"],
        )
        for record in summary(results)
    ]
    printing.table(("method", "notes", "ours", "id"), rows, right=("notes", "ours"), whole=("method",))
    if table:
        printing.advice("{table} has the whole table", table=table)
    for result in [result for result in selected if result.reached][:1]:
        printing.advice("imagelet predict {run} PICTURE classifies your own pictures", run=result.run)
    if listed:
        _list_exercises(listed)
        printing.advice("imagelet course ID runs one, imagelet course all that are not finished yet")


def _list_exercises(chosen: "Sequence[Lesson]") -> None:
    from imagelet.course.lessons import Exercise

    rows = [
        (lesson.name, Message(lesson.teaches), lesson.training or "–")
        for lesson in chosen
        if isinstance(lesson, Exercise)
    ]
    if rows:
        printing.say()
        printing.table(("exercise", "teaches", "network"), rows)


def _rows(result: "Result") -> list[tuple[str, ...]]:
    """Return a line of the table for each figure that the notes print, in percent."""
    lines: list[tuple[str, ...]] = []
    for number, printed in enumerate(result.lesson.printed):
        ours = "–"
        if result.reached:
            figure = result.reached[number]
            accuracy, low, high = (100 * value for value in (figure.accuracy, *figure.interval))
            ours = Message("{accuracy:.2f} ({low:.2f} to {high:.2f})", accuracy=accuracy, low=low, high=high)
        facts = (result.lesson.name, Message(result.lesson.teaches), f"{result.training.parameters:,}")
        seconds = "–" if result.seconds is None else f"{result.seconds:.1f}"
        first = number == 0
        lines.append((*(facts if first else ("", "", "")), _notes(printed), ours, seconds if first else ""))
    return lines


def _notes(printed: "Printed") -> Message:
    """Return a figure of the notes in percent, and its part; one that they round to whole ones is marked."""
    percent = f"~{100 * printed.accuracy:.0f}" if printed.rough else f"{100 * printed.accuracy:.2f}"
    return Message("{percent} {part}", percent=percent, part=arguments.PARTS[printed.part])


def _show_repeated(results: "Sequence[RepeatedResult]", table: Path | None) -> None:
    """Print the notes' figures beside the mean of ours."""
    rows: list[tuple[str, ...]] = []
    for result in results:
        for number, printed in enumerate(result.training.printed):
            spread, first = result.spread(number), number == 0
            ours = interval = "–"
            if spread is not None:
                ours = seeds_and_folds.write_spread(spread.mean, spread.standard_deviation)
                low, high = map(write_percent, spread.interval)
                interval = Message("{low} to {high}", low=low, high=high)
            seconds = "–" if result.seconds is None else f"{result.seconds:.1f}"
            facts = (str(len(result.reached)), seconds) if first else ("", "")
            name = result.training.name if first else ""
            rows.append((name, _notes(printed), ours, interval, *facts))
    printing.say()
    printing.table(
        ("id", "notes", "ours, mean", "95 % interval", "seeds", "seconds"),
        rows,
        right=("seeds", "seconds"),
        whole=("id", "notes", "ours, mean", "95 % interval"),
    )
    printing.note("± is the standard deviation; the interval is of the mean over seeds")
    if table:
        printing.advice("{table} has the table", table=table)
