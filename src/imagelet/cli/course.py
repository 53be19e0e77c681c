"""`imagelet course`: the course's experiments, with the notes' figures beside ours."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet.cli import arguments, exercises, printing
from imagelet.cli.commands import Command, Group
from imagelet.cli.train import Device, Precision, Runs
from imagelet.cli.watching import watch
from imagelet.errors import ImageletError, UsageError

if TYPE_CHECKING:
    from imagelet.course.lessons import Exercise, Lesson, Training
    from imagelet.course.results import Result
    from imagelet.runs import Run

commands = typer.Typer(cls=Group)

OWN = "own-digits"

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID...", help="Only these (--list names them).", show_default=False),
]
Listing = Annotated[
    bool, typer.Option("--list", help="Show what there is and what was reached; train nothing.")
]
Seed = Annotated[
    int | None, typer.Option(metavar="N", help="In place of each experiment's own.", show_default=False)
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
    """What holds for all experiments of one call.

    Attributes:
        folder: the course's.
        seed: in place of each experiment's own; None: its own.
        device, precision: as ``imagelet train`` takes them.
        pictures: the user's own digits, if given.
    """

    folder: Path
    seed: int | None
    device: str
    precision: str
    pictures: str | None


@commands.command(cls=Command, epilog="imagelet course cnn-3 convnet")
def course(
    names: Names = None,
    listing: Listing = False,
    seed: Seed = None,
    pictures: Pictures = None,
    runs: Runs = None,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: arguments.Json = False,
) -> None:
    """Carry the course's experiments out: the notes' figures and ours.

    All of them without ID. What was carried out before is not repeated, and what was interrupted goes on.
    The runs, the table and the pictures lie in the folder course among the runs.

    JSON: experiments[{id, teaches, dataset, network, parameters, part, printed, reached, interval, images,
    seconds, seed, run, command, figures}], summary[{method, id, printed, reached}], exercises[{id, teaches,
    picture, facts}], errors[{id, error}], table; part says what was measured: test, validation, own pictures.
    """
    from imagelet.course.carrying_out import course_folder, results_until_now
    from imagelet.course.lessons import lessons
    from imagelet.course.results import write_results

    chosen = [lessons.get(name) for name in dict.fromkeys(names or lessons)]
    plan = Plan(course_folder(runs), seed, device, precision, pictures)
    _check(chosen, plan, needs_pictures=bool(names) and not listing)
    shown: list[dict[str, Any]] = []
    errors: list[dict[str, str]] = []
    if not listing:
        left_out = [] if pictures else [OWN]
        shown, errors = _carry_out([each for each in chosen if each.name not in left_out], plan, as_json)
    results = results_until_now(plan.folder, seed, device=device, precision=precision)
    table = None
    if not listing and any(result.reached for result in results):
        table = write_results(results, plan.folder, seed)
    selected = [result for result in results if result.lesson in chosen]
    if as_json:
        _document(selected, results, shown, errors, table)
    else:
        _show(selected, results, table)
        if listing:
            _list_exercises(chosen)
            printing.advice("imagelet course ID carries one out, imagelet course all that are not yet")
    if errors:
        raise typer.Exit(1)


def _check(chosen: "Sequence[Lesson]", plan: Plan, *, needs_pictures: bool) -> None:
    """Raise before anything is trained where something could not be carried out in the end."""
    from imagelet.course.carrying_out import experiment_of
    from imagelet.course.lessons import trainings
    from imagelet.data.folder import list_labelled
    from imagelet.device import choose_device, choose_precision

    wanted = any(each.name == OWN for each in chosen)
    example = f"imagelet course {OWN} --pictures my-digits/"
    if plan.pictures is None and wanted and needs_pictures:
        raise UsageError(
            f"{OWN} needs pictures of digits that you drew: a folder with one subfolder a digit, "
            "or a CSV file with the columns path and label",
            example,
        )
    if plan.pictures is not None:
        if not wanted:
            raise UsageError(f"--pictures is for {OWN} alone", example)
        list_labelled(plan.pictures)
    experiment_of(trainings()[0], plan.seed)
    choose_precision(plan.precision, choose_device(plan.device))


def _carry_out(
    chosen: "Sequence[Lesson]", plan: Plan, quiet: bool
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Carry the lessons out; return what the exercises came to, and what failed.

    One that fails does not keep the others from being carried out; a single one raises.
    """
    from imagelet.course.lessons import Training

    shown, errors = [], []
    for number, lesson in enumerate(chosen, start=1):
        printing.note(f"{lesson.name} ({number} of {len(chosen)}): {lesson.teaches}", style="bold")
        try:
            if isinstance(lesson, Training):
                _train(lesson, plan)
            else:
                shown.append(_exercise(lesson, plan, quiet))
        except ImageletError as error:
            if len(chosen) == 1:
                raise
            printing.failure(f"{lesson.name}: {error.message}", error.hint)
            errors.append({"id": lesson.name, "error": str(error)})
        except KeyboardInterrupt as interruption:
            what = interruption.args[0] if interruption.args else f"stopped in {lesson.name}"
            raise KeyboardInterrupt(what, "type the same again to go on") from interruption
    return shown, errors


def _train(training: "Training", plan: Plan) -> "Run":
    """Return the training's finished run; carry it out, or on, where there is none."""
    from imagelet.course.carrying_out import carry_out, experiment_of, find

    experiment = experiment_of(training, plan.seed, device=plan.device, precision=plan.precision)
    run = find(experiment, plan.folder)
    if run is not None and run.finished:
        printing.note(f"carried out before: {run.folder}")
        return run
    with printing.progress("reading data") as progress:
        events = carry_out(training, experiment, plan.folder, progress=progress)
        first = next(events)
    return watch(first, events).run


def _exercise(lesson: "Exercise", plan: Plan, quiet: bool) -> dict[str, Any]:
    """Carry an exercise out, and the training that it needs; return what it came to."""
    from imagelet.course.lessons import training_of

    training = training_of(lesson)
    run = _train(training, replace(plan, seed=None) if lesson.draws else plan) if training else None
    plan.folder.mkdir(parents=True, exist_ok=True)
    request = exercises.Request(run, plan.folder, plan.seed or 0, plan.pictures)
    outcome = exercises.EXERCISES[lesson.name](request)
    if not quiet:
        outcome.show()
        printing.say(f"picture: {outcome.picture}")
    return {
        "id": lesson.name,
        "teaches": lesson.teaches,
        "picture": outcome.picture,
        "facts": outcome.facts,
    }


def _list_exercises(chosen: "Sequence[Lesson]") -> None:
    from imagelet.course.lessons import Exercise

    rows = [(each.name, each.teaches, each.training or "–") for each in chosen if isinstance(each, Exercise)]
    if rows:
        printing.say()
        printing.table(("exercise", "teaches", "network"), rows)


def _show(selected: "Sequence[Result]", results: "Sequence[Result]", table: Path | None) -> None:
    """Print the table of the chosen experiments, and the notes' summary."""
    from imagelet.course.results import summary

    if selected:
        headings = ("id", "teaches", "parameters", "notes", "ours (95 % interval)", "seconds")
        rows = [row for result in selected for row in _rows(result)]
        printing.say()
        printing.table(headings, rows, right=("parameters",), whole=("id", "notes", headings[4], "seconds"))
    printing.say()
    printing.say("the notes' summary of methods on MNIST, and ours", style="bold")
    for each in summary(results):
        ours = "not yet" if each["reached"] is None else f"{arguments.write_percent(each['reached'])} %"
        printing.say(
            f"  {each['method']:<22}  about {100 * each['printed']:.0f} %  {ours:>8}  ({each['id']})"
        )
    if table:
        printing.advice(f"{table} has the whole table")
    for result in [each for each in selected if each.reached][:1]:
        printing.advice(f"imagelet predict {result.run} PICTURE classifies your own pictures")


def _rows(result: "Result") -> list[tuple[str, ...]]:
    """Return a line of the table for each figure that the notes print; shares in hundredths."""
    made: list[tuple[str, ...]] = []
    for place, printed in enumerate(result.lesson.printed):
        ours = "–"
        if result.reached:
            figure = result.reached[place]
            shares = [100 * share for share in (figure.accuracy, *figure.interval)]
            ours = "{:.2f} ({:.2f} to {:.2f})".format(*shares)
        notes = f"~{100 * printed.accuracy:.0f}" if printed.rough else f"{100 * printed.accuracy:.2f}"
        facts = (result.lesson.name, result.lesson.teaches, f"{result.training.parameters:,}")
        seconds = "–" if result.seconds is None else f"{result.seconds:.1f}"
        first = place == 0
        made.append(
            (
                *(facts if first else ("", "", "")),
                f"{notes} {printed.part.split()[0]}",
                ours,
                seconds if first else "",
            )
        )
    return made


def _document(
    selected: "Sequence[Result]",
    results: "Sequence[Result]",
    shown: list[dict[str, Any]],
    errors: list[dict[str, str]],
    table: Path | None,
) -> None:
    from imagelet.course.results import summary

    printing.document(
        {
            "experiments": [result.to_json() for result in selected],
            "summary": summary(results),
            "exercises": shown,
            "errors": errors,
            "table": table,
        }
    )
