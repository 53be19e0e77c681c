"""`imagelet course`: the course's trainings and exercises, with the notes' figures beside ours."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet import paths
from imagelet.cli import course_exercises, printing, series, trainings
from imagelet.cli.commands import PARTS, Command, Group, Json
from imagelet.cli.train_options import Device, Precision, Runs, Threads
from imagelet.errors import ImageletError, UsageError
from imagelet.html_repr import write_percent
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.course.lessons import Exercise, Lesson, Printed, Training
    from imagelet.course.results import RepeatedResult, Result
    from imagelet.experiment.once import Task
    from imagelet.runs.definition import Computing
    from imagelet.runs.run import Run

commands = typer.Typer(cls=Group)

OWN = "own-digits"

Names = Annotated[list[str] | None, typer.Argument(metavar="ID...", help="Only these (--list names them).")]
Listing = Annotated[bool, typer.Option("--list", help="List them with the figures so far; train nothing.")]
Seed = Annotated[int | None, typer.Option(metavar="N", help="In place of each training's own.")]
Seeds = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Run each training with N seeds, from its own or --seed on: the mean accuracy, and how much the "
        "accuracies differ.",
    ),
]
Parallel = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="How many trainings run at a time; the results do not depend on it.",
        show_default="what the cores allow",
    ),
]
Pictures = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER_OR_CSV",
        help=f"Your own digits, for {OWN}: one subfolder a digit, or a CSV file with path and label.",
    ),
]


@dataclass(frozen=True)
class Plan:
    """What all experiments of one call have in common."""

    folder: Path  # the course's
    seed: int | None  # in place of each training's own
    computing: "Computing"
    pictures: str | None  # the user's own digits
    quiet: bool  # print nothing of the exercises
    parallel: int | None  # how many trainings run at a time; None: what the cores allow
    added_to_seed: int = 0  # the number of the repetition

    def seed_of(self, training: "Training") -> int:
        """Return the seed that a training has in this call."""
        return (training.seed if self.seed is None else self.seed) + self.added_to_seed


@commands.command(cls=Command, epilog="imagelet course cnn-3 convnet")
def course(
    names: Names = None,
    listing: Listing = False,
    seed: Seed = None,
    seeds: Seeds = None,
    parallel: Parallel = None,
    pictures: Pictures = None,
    runs: Runs = None,
    device: Device = "auto",
    precision: Precision = "auto",
    threads: Threads = "auto",
    as_json: Json = False,
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
    from imagelet.course.results import course_folder, results_so_far, summary, write_results
    from imagelet.runs.definition import Computing

    chosen = [lessons.get(name) for name in dict.fromkeys(names or lessons)]
    plan = Plan(course_folder(runs), seed, Computing(device, precision, threads), pictures, as_json, parallel)
    if seeds is not None:
        return _repeat(_trainings(chosen, all_of_them=not names), plan, seeds, listing)
    _check(chosen, plan, needs_pictures=bool(names) and not listing)
    possible = [] if listing else [lesson for lesson in chosen if pictures or lesson.name != OWN]
    shown, errors = _run_lessons(possible, [plan])
    results = results_so_far(plan.folder, seed, plan.computing)
    has_table = not listing and any(result.reached for result in results)
    table = write_results(results, plan.folder, seed) if has_table else None
    selected = [result for result in results if result.lesson in chosen]
    if as_json:
        document = {"experiments": [result.to_json() for result in selected], "summary": summary(results)}
        printing.document(document | {"exercises": shown, "errors": errors, "table": table})
    else:
        _show_results(selected, summary(results), table)
        if listing:
            _list_exercises(chosen)
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


def _repeat(chosen: "Sequence[Training]", plan: Plan, seeds: int, listing: bool) -> None:
    """Run the trainings with several seeds, and show the notes' figures beside the mean of ours."""
    from imagelet.course.results import repeated_result, write_repeated

    series.check_seeds(seeds)
    _check(chosen, plan, needs_pictures=False)
    plans = [replace(plan, added_to_seed=number) for number in range(0 if listing else seeds)]
    errors = _run_lessons(chosen, plans)[1]
    results = [
        repeated_result(training, seeds, plan.folder, plan.seed, plan.computing) for training in chosen
    ]
    table = None
    if not listing and any(result.reached for result in results):
        table = write_repeated(results, plan.folder, seeds, plan.seed)
    if plan.quiet:
        experiments = [result.to_json() for result in results]
        printing.document({"experiments": experiments, "errors": errors, "table": table})
    else:
        _show_repeated(results, table)
    if errors:
        raise typer.Exit(1)


def _check(chosen: "Sequence[Lesson]", plan: Plan, *, needs_pictures: bool) -> None:
    """Raise before anything is trained where something could not be done in the end."""
    from imagelet.course.lessons import trainings
    from imagelet.course.results import experiment_of
    from imagelet.data.pictures.dataset import list_labelled
    from imagelet.device import choose_device, choose_precision, choose_threads

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
    choose_precision(plan.computing.precision, choose_device(plan.computing.device))
    choose_threads(plan.computing.threads)


def _run_lessons(
    chosen: "Sequence[Lesson]", plans: Sequence[Plan]
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Run the lessons, once for each plan; return the results of the exercises, and what failed.

    One that fails does not keep the others from running; a single one raises.
    """
    errors = _run_side_by_side(chosen, plans)
    shown: list[dict[str, Any]] = []
    for number, plan in enumerate(plans, start=1):
        if len(plans) > 1:
            printing.note("seed {number} of {seeds}", style="bold", number=number, seeds=len(plans))
        _run_in_turn(chosen, plan, shown, errors)
    return shown, errors


def _run_in_turn(
    chosen: "Sequence[Lesson]", plan: Plan, shown: list[dict[str, Any]], errors: list[dict[str, str]]
) -> None:
    """Run the lessons that have not failed before, one after the other; add what they show, and errors."""
    from imagelet.course.lessons import Training

    failed = {error["id"] for error in errors}
    for number, lesson in enumerate(chosen, start=1):
        if lesson.name in failed:
            continue
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
                shown.append(_run_exercise(lesson, plan))
        except ImageletError as error:
            if len(chosen) == 1:
                raise
            _note_failure(lesson.name, error, errors)
        except KeyboardInterrupt as interruption:
            stopped = Message("stopped in {name}", name=lesson.name)
            what = interruption.args[0] if interruption.args else stopped
            raise KeyboardInterrupt(what, trainings.REPEAT) from interruption


def _note_failure(name: str, error: ImageletError, errors: list[dict[str, str]]) -> None:
    printing.failure("{place}: {problem}", error.hint, place=name, problem=error.message)
    errors.append({"id": name, "error": str(error)})


def _run_side_by_side(chosen: "Sequence[Lesson]", plans: Sequence[Plan]) -> list[dict[str, str]]:
    """Run the trainings of the lessons that are not finished, some at a time; return what failed.

    Where one at a time is all that the cores allow, or there is only one, nothing is done here.
    """
    from imagelet.course.lessons import Exercise, training_of
    from imagelet.course.results import experiment_of, task_of
    from imagelet.experiment.once import find, is_complete
    from imagelet.experiment.side_by_side import choose_parallel

    tasks = {}
    for plan in plans:
        for lesson in chosen:
            if (training := training_of(lesson)) is None:
                continue
            own_seed = isinstance(lesson, Exercise) and lesson.draws
            seed = (replace(plan, seed=None) if own_seed else plan).seed_of(training)
            experiment = experiment_of(training, seed, plan.computing)
            task = task_of(training, experiment, plan.folder)
            if not is_complete(task, find(task)):
                tasks[task.default_name] = (training.name, task)
    if not tasks:
        return []
    names, wanted = zip(*tasks.values(), strict=True)
    asked = plans[0].parallel
    at_a_time = choose_parallel("auto" if asked is None else asked, len(wanted), plans[0].computing)
    errors: list[dict[str, str]] = []

    def failed(place: int, error: ImageletError) -> None:
        if len(chosen) == 1:
            raise error
        if names[place] not in {known["id"] for known in errors}:
            _note_failure(names[place], error, errors)

    if at_a_time > 1:
        _open_data(wanted)
        trainings.watch_side_by_side(wanted, at_a_time, failed, alike=False)
    return errors


def _open_data(tasks: "Sequence[Task]") -> None:
    """Download and convert the data of trainings, by one process."""
    from imagelet.data.datasets import load_dataset

    for name in dict.fromkeys(task.experiment.dataset for task in tasks):
        with printing.progress("reading data") as progress, contextlib.suppress(ImageletError, OSError):
            dataset = load_dataset(name, progress=progress)
            _ = dataset.train, dataset.test


def _train(training: "Training", plan: Plan) -> "Run":
    """Return the training's finished run; train or resume it where there is none."""
    from imagelet.course.results import experiment_of, run_experiment
    from imagelet.runs.store import find_run_of

    experiment = experiment_of(training, plan.seed_of(training), plan.computing)
    run = find_run_of(experiment, plan.folder)
    if run is not None and run.finished:
        printing.note("finished before: {folder}", folder=run.folder)
        return run
    return trainings.watch(
        lambda progress: run_experiment(training, experiment, plan.folder, progress=progress)
    ).run


def _show_results(
    selected: "Sequence[Result]", summary: Sequence[dict[str, Any]], table: Path | None
) -> None:
    """Print the table of the chosen experiments, and the notes' summary."""
    if selected:
        printing.say()
        printing.table(
            ("id", "teaches", "parameters", "notes", "ours (95 % interval)", "seconds"),
            [row for result in selected for row in _rows(result)],
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
        for record in summary
    ]
    printing.table(("method", "notes", "ours", "id"), rows, right=("notes", "ours"), whole=("method",))
    if table:
        printing.advice("{table} has the whole table", table=table)
    if run := next((result.run for result in selected if result.reached), None):
        printing.advice("imagelet predict {run} PICTURE classifies your own pictures", run=paths.typed(run))


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
    printing.advice("imagelet course ID runs one, imagelet course all that are not finished yet")


def _rows(result: "Result") -> list[tuple[str, ...]]:
    """Return a line of the table for each figure that the notes print, in percent."""
    from imagelet.course.results import in_rows, write_seconds

    ours: list[str] = [
        Message(
            "{accuracy:.2f} ({low:.2f} to {high:.2f})",
            accuracy=100 * figure.accuracy,
            low=100 * figure.interval.low,
            high=100 * figure.interval.high,
        )
        for figure in result.reached
    ]
    facts = (result.lesson.name, Message(result.lesson.teaches), f"{result.training.parameters:,}")
    ours = ours or ["–"] * len(result.lesson.printed)
    figures = zip(map(_notes, result.lesson.printed), ours, strict=True)
    return in_rows(facts, list(figures), (write_seconds(result.seconds),))


def _notes(printed: "Printed") -> Message:
    """Return a figure of the notes in percent, and its part; one that they round to whole ones is marked."""
    percent = f"~{100 * printed.accuracy:.0f}" if printed.rough else f"{100 * printed.accuracy:.2f}"
    return Message("{percent} {part}", percent=percent, part=PARTS[printed.part])


def _show_repeated(results: "Sequence[RepeatedResult]", table: Path | None) -> None:
    """Print the notes' figures beside the mean of ours."""
    from imagelet.course.results import in_rows, write_seconds

    rows: list[tuple[str, ...]] = []
    for result in results:
        figures: list[tuple[str, ...]] = []
        for number, printed in enumerate(result.training.printed):
            ours = interval = "–"
            if (spread := result.spread(number)) is not None:
                ours = series.write_spread(spread.mean, spread.standard_deviation)
                low, high = map(write_percent, spread.interval)
                interval = Message("{low} to {high}", low=low, high=high)
            figures.append((_notes(printed), ours, interval))
        facts = (str(len(result.reached)), write_seconds(result.seconds))
        rows += in_rows((result.training.name,), figures, facts)
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


def _run_exercise(lesson: "Exercise", plan: Plan) -> dict[str, Any]:
    """Run an exercise, and the training that it needs; return its result."""
    from imagelet.course import exercises
    from imagelet.course.lessons import training_of

    training = training_of(lesson)
    run: Any = _train(training, replace(plan, seed=None) if lesson.draws else plan) if training else None
    folder, seed = plan.folder, plan.seed or 0
    folder.mkdir(parents=True, exist_ok=True)
    result: Any
    show: Callable[[Any], None]
    match lesson.name:
        case "feature-maps":
            result, show = exercises.feature_maps(folder, seed), course_exercises.show_feature_maps
        case "three-images":
            result, show = exercises.three_images(run, folder, seed), course_exercises.show_three_images
        case "probabilities":
            result, show = exercises.probabilities(run, folder), course_exercises.show_probabilities
        case _:
            assert plan.pictures is not None  # asked for before anything was trained
            result, show = exercises.own_digits(run, plan.pictures, folder), course_exercises.show_own_digits
    if not plan.quiet:
        show(result)
        printing.say("picture: {file}", file=result.picture)
    facts = {"picture": result.picture, "facts": result.to_json()}
    return {"id": lesson.name, "teaches": lesson.teaches, **facts}
