"""`imagelet course`: the course's experiments, with the notes' figures beside ours."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet.cli import arguments, course_results, exercises, printing, repeated
from imagelet.cli.commands import Command, Group
from imagelet.cli.train import Device, Precision, Runs
from imagelet.cli.watching import watch
from imagelet.errors import ImageletError, UsageError
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.course.lessons import Exercise, Lesson, Training
    from imagelet.runs.run import Run

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
Seeds = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Carry each training out with N seeds, from its own or --seed on: the mean of ours, and how "
        "much they differ.",
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
    """What holds for all experiments of one call.

    Attributes:
        folder: the course's.
        seed: in place of each experiment's own; None: its own.
        device, precision: as ``imagelet train`` takes them.
        pictures: the user's own digits, if given.
        later: is added to the seed.
    """

    folder: Path
    seed: int | None
    device: str
    precision: str
    pictures: str | None
    later: int = 0

    def seed_of(self, training: "Training") -> int:
        """Return the seed that a training has in this call."""
        return (training.seed if self.seed is None else self.seed) + self.later


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
    """Carry the course's experiments out: the notes' figures and ours.

    All of them without ID. What was carried out before is not repeated, and what was interrupted goes on.
    The runs, the table and the pictures lie in the folder course among the runs.

    JSON: experiments[{id, teaches, dataset, network, parameters, part, printed, reached, interval, images,
    seconds, seed, run, command, figures}], summary[{method, id, printed, reached}], exercises[{id, teaches,
    picture, facts}], errors[{id, error}], table; part says what was measured: test, validation, own pictures.

    JSON of --seeds: experiments[{id, teaches, dataset, network, parameters, part, printed, mean, deviation,
    interval, seconds, seeds[{seed, run, reached, interval, images, seconds}], figures}], errors, table; an
    experiment's interval is of the mean over trainings.
    """
    from imagelet.course.lessons import lessons
    from imagelet.course.results import write_results
    from imagelet.course.runner import course_folder, results_until_now

    chosen = [lessons.get(name) for name in dict.fromkeys(names or lessons)]
    plan = Plan(course_folder(runs), seed, device, precision, pictures)
    if seeds is not None:
        return _repeat(_trainings(chosen, all_of_them=not names), plan, seeds, listing, as_json)
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
        course_results.document(selected, results, shown, errors, table)
    else:
        course_results.show(selected, results, table, chosen if listing else ())
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
    """Carry the trainings out with several seeds, and show the notes' figures beside the mean of ours."""
    from imagelet.course.repeats import repeated_result, write_repeated

    repeated.check_seeds(seeds)
    _check(trainings, plan, needs_pictures=False)
    errors: list[dict[str, str]] = []
    for later in range(0 if listing else seeds):
        printing.note("seed {later} of {seeds}", style="bold", later=later + 1, seeds=seeds)
        failed = {each["id"] for each in errors}
        left = [each for each in trainings if each.name not in failed]
        errors += _carry_out(left, replace(plan, later=later), as_json)[1]
    where = {"device": plan.device, "precision": plan.precision}
    results = [repeated_result(each, seeds, plan.folder, plan.seed, **where) for each in trainings]
    table = None
    if not listing and any(result.reached for result in results):
        table = write_repeated(results, plan.folder, seeds, plan.seed)
    if as_json:
        experiments = [result.to_json() for result in results]
        printing.document({"experiments": experiments, "errors": errors, "table": table})
    else:
        course_results.show_repeated(results, table)
    if errors:
        raise typer.Exit(1)


def _check(chosen: "Sequence[Lesson]", plan: Plan, *, needs_pictures: bool) -> None:
    """Raise before anything is trained where something could not be carried out in the end."""
    from imagelet.course.lessons import trainings
    from imagelet.course.runner import experiment_of
    from imagelet.data.folder import list_labelled
    from imagelet.device import choose_device, choose_precision

    wanted = any(each.name == OWN for each in chosen)
    example = Message("imagelet course {OWN} --pictures my-digits/", OWN=OWN)
    if plan.pictures is None and wanted and needs_pictures:
        raise UsageError(
            "{OWN} needs pictures of digits that you drew: a folder with one subfolder a digit, or a "
            "CSV file with the columns path and label",
            example,
            OWN=OWN,
        )
    if plan.pictures is not None:
        if not wanted:
            raise UsageError("--pictures is for {OWN} alone", example, OWN=OWN)
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
        printing.note(
            "{name} ({number} of {count}): {teaches}",
            style="bold",
            name=lesson.name,
            number=number,
            count=len(chosen),
            teaches=lesson.teaches,
        )
        try:
            if isinstance(lesson, Training):
                _train(lesson, plan)
            else:
                shown.append(_exercise(lesson, plan, quiet))
        except ImageletError as error:
            if len(chosen) == 1:
                raise
            printing.failure("{place}: {problem}", error.hint, place=lesson.name, problem=error.message)
            errors.append({"id": lesson.name, "error": str(error)})
        except KeyboardInterrupt as interruption:
            what = interruption.args[0] if interruption.args else f"stopped in {lesson.name}"
            raise KeyboardInterrupt(what, "type the same again to go on") from interruption
    return shown, errors


def _train(training: "Training", plan: Plan) -> "Run":
    """Return the training's finished run; carry it out, or on, where there is none."""
    from imagelet.course.runner import experiment_of, run_experiment
    from imagelet.experiment.finding import find

    experiment = experiment_of(training, plan.seed_of(training), device=plan.device, precision=plan.precision)
    run = find(experiment, plan.folder)
    if run is not None and run.finished:
        printing.note("carried out before: {folder}", folder=run.folder)
        return run
    with printing.progress("reading data") as progress:
        events = run_experiment(training, experiment, plan.folder, progress=progress)
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
        printing.say("picture: {picture}", picture=outcome.picture)
    return {
        "id": lesson.name,
        "teaches": lesson.teaches,
        "picture": outcome.picture,
        "facts": outcome.facts,
    }
