"""`imagelet course`: the course's trainings and exercises, with the notes' figures beside ours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet import paths
from imagelet.cli import printing, trainings
from imagelet.cli.commands import PARTS, Command, Group, Json
from imagelet.cli.train_options import Device, Precision, Runs, Threads
from imagelet.errors import ImageletError, UsageError
from imagelet.html_repr import write_percent
from imagelet.messages import Message

if TYPE_CHECKING:
    import numpy as np

    from imagelet.course.exercises import FeatureMaps, OwnDigits, PredictedImages
    from imagelet.course.lessons import Exercise, Lesson, Printed, Training
    from imagelet.course.results import RepeatedResult, Result
    from imagelet.runs.definition import Computing
    from imagelet.runs.run import Run

commands = typer.Typer(cls=Group)

OWN = "own-digits"
WRONG_LISTED = 20  # own pictures with a wrong prediction; --json lists all

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
    plan = Plan(course_folder(runs), seed, Computing(device, precision, threads), pictures, as_json)
    if seeds is not None:
        return _repeat(_trainings(chosen, all_of_them=not names), plan, seeds, listing)
    _check(chosen, plan, needs_pictures=bool(names) and not listing)
    possible = [] if listing else [lesson for lesson in chosen if pictures or lesson.name != OWN]
    shown, errors = _run_lessons(possible, plan)
    results = results_so_far(plan.folder, seed, plan.computing)
    table = None
    if not listing and any(result.reached for result in results):
        table = write_results(results, plan.folder, seed)
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

    trainings.check_seeds(seeds)
    _check(chosen, plan, needs_pictures=False)
    errors: list[dict[str, str]] = []
    for number in range(0 if listing else seeds):
        printing.note("seed {number} of {seeds}", style="bold", number=number + 1, seeds=seeds)
        failed = {error["id"] for error in errors}
        left = [training for training in chosen if training.name not in failed]
        errors += _run_lessons(left, replace(plan, added_to_seed=number))[1]
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


def _run_lessons(chosen: "Sequence[Lesson]", plan: Plan) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
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
                exercises.append(_run_exercise(lesson, plan))
        except ImageletError as error:
            if len(chosen) == 1:
                raise
            printing.failure("{place}: {problem}", error.hint, place=lesson.name, problem=error.message)
            errors.append({"id": lesson.name, "error": str(error)})
        except KeyboardInterrupt as interruption:
            stopped = Message("stopped in {name}", name=lesson.name)
            what = interruption.args[0] if interruption.args else stopped
            raise KeyboardInterrupt(what, trainings.REPEAT) from interruption
    return exercises, errors


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
                ours = trainings.write_spread(spread.mean, spread.standard_deviation)
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
            result, show = exercises.feature_maps(folder, seed), _show_feature_maps
        case "three-images":
            result, show = exercises.three_images(run, folder, seed), _show_three_images
        case "probabilities":
            result, show = exercises.probabilities(run, folder), _show_probabilities
        case _:
            assert plan.pictures is not None  # asked for before anything was trained
            result, show = exercises.own_digits(run, plan.pictures, folder), _show_own_digits
    if not plan.quiet:
        show(result)
        printing.say("picture: {file}", file=result.picture)
    facts = {"picture": result.picture, "facts": result.to_json()}
    return {"id": lesson.name, "teaches": lesson.teaches, **facts}


def _show_feature_maps(result: "FeatureMaps") -> None:
    shapes = result.to_json()
    count, maps = len(result.kernels), shapes["maps"]
    largest, mean = shapes["max_pooled"], shapes["average_pooled"]
    printing.facts(
        {
            "image": Message("{shape}: the first training image", shape=shapes["image"]),
            "filters": Message("{count} of 3×3, standard deviation of the weights 0.01", count=count),
            "maps": Message("{shape}: stride 2, SAME", shape=maps),
            "max pooling": Message("{shape}: 2×2, stride 2, SAME", shape=largest),
            "average pooling": Message("{shape}: 2×2, stride 2, SAME", shape=mean),
        }
    )
    numbers = range(1, count + 1)
    printing.say()
    printing.pictures(_grey(result.maps), [Message("map {number}", number=number) for number in numbers])
    printing.say()
    printing.pictures(
        _grey(result.largest), [Message("pooled {number}", number=number) for number in numbers]
    )
    printing.say()


def _grey(maps: "np.ndarray") -> "list[np.ndarray]":
    """Return maps (1, height, width, n) as n grey images: 0 is black, what is farthest from it white."""
    sizes = abs(maps)
    scaled = (255 * sizes / max(sizes.max(), 1e-12)).astype("uint8")
    return [scaled[0, :, :, index, None] for index in range(maps.shape[3])]


def _show_three_images(result: "PredictedImages") -> None:
    captions = [
        Message("label {label}, predicted {predicted}", label=label, predicted=predicted)
        for label, predicted in zip(result.labels, result.predicted, strict=True)
    ]
    printing.pictures(list(result.images), captions)
    numbers = ", ".join(map(str, result.indices))
    printing.say()
    printing.say("test images {numbers}; --seed N draws others", numbers=numbers)


def _show_probabilities(result: "PredictedImages") -> None:
    printing.say("the first test image, label {label}", style="bold", label=result.labels[0])
    printing.bars(result.first_probabilities)
    printing.say()
    printing.say("the first {count} test images", style="bold", count=len(result.labels))
    printing.facts({"label": " ".join(result.labels), "predicted": " ".join(result.predicted)})
    pairs = zip(result.labels, result.predicted, strict=True)
    if wrong := sum(label != predicted for label, predicted in pairs):
        printing.say("{count} wrong", count=wrong)
    else:
        printing.say("all are correct")


def _show_own_digits(result: "OwnDigits") -> None:
    from imagelet.course.exercises import WAYS

    rows = []
    for way, description in WAYS.items():
        low, high = (100 * end for end in result.interval(way))
        interval = Message("{low:.2f} to {high:.2f}", low=low, high=high)
        rows.append((Message(description), f"{write_percent(result.accuracies[way])} %", interval))
    printing.table(("way", "correct", "95 % interval"), rows, right=("correct", "95 % interval"))
    printing.say()
    wrong = len(result.wrong)
    printing.say("{images:,} pictures; framed, {wrong:,} are wrong", images=result.images, wrong=wrong)
    if result.wrong:
        printing.table(("file", "label", "predicted"), result.wrong[:WRONG_LISTED])
    if wrong > WRONG_LISTED:
        printing.say("and {count:,} more; --json lists all", count=wrong - WRONG_LISTED)
