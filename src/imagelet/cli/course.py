"""`imagelet course`: the course's experiments, with the notes' figures beside ours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from imagelet.cli import arguments, printing, seeds_and_folds
from imagelet.cli.commands import Command, Group
from imagelet.cli.train import Device, Precision, Runs
from imagelet.cli.watching import watch
from imagelet.errors import ImageletError, UsageError
from imagelet.html_repr import write_percent
from imagelet.messages import Message

if TYPE_CHECKING:
    import numpy as np

    from imagelet.course.exercises import PredictedImages
    from imagelet.course.lessons import Exercise, Lesson, Printed, Training
    from imagelet.course.results import RepeatedResult, Result
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
        left_out = [] if pictures else [OWN]
        shown, errors = _carry_out([each for each in chosen if each.name not in left_out], plan, as_json)
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
    """Carry the trainings out with several seeds, and show the notes' figures beside the mean of ours."""
    from imagelet.course.results import write_repeated
    from imagelet.course.runner import repeated_result

    seeds_and_folds.check_seeds(seeds)
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
        _show_repeated(results, table)
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
    from imagelet.runs.store import find_run_of

    experiment = experiment_of(training, plan.seed_of(training), device=plan.device, precision=plan.precision)
    run = find_run_of(experiment, plan.folder)
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
    outcome = EXERCISES[lesson.name](plan, run)
    if not quiet:
        outcome.show()
        printing.say("picture: {picture}", picture=outcome.picture)
    return {
        "id": lesson.name,
        "teaches": lesson.teaches,
        "picture": outcome.picture,
        "facts": outcome.facts,
    }


def _show_results(
    selected: "Sequence[Result]",
    results: "Sequence[Result]",
    table: Path | None,
    listed: "Sequence[Lesson]" = (),
) -> None:
    """Print the table of the chosen experiments, the notes' summary, and the exercises among those listed."""
    from imagelet.course.results import summary

    if selected:
        headings = ("id", "teaches", "parameters", "notes", "ours (95 % interval)", "seconds")
        rows = [row for result in selected for row in _rows(result)]
        printing.say()
        printing.table(headings, rows, right=("parameters",), whole=("id", "notes", headings[4], "seconds"))
    printing.say()
    printing.say("the notes' summary of methods on MNIST, and ours", style="bold")
    for each in summary(results):
        ours = "not yet" if each["reached"] is None else f"{write_percent(each['reached'])} %"
        printing.say(
            "  {method:<22}  about {printed:.0f} %  {ours:>8}  ({id})",
            method=each["method"],
            printed=100 * each["printed"],
            ours=ours,
            id=each["id"],
        )
    if table:
        printing.advice("{table} has the whole table", table=table)
    for result in [each for each in selected if each.reached][:1]:
        printing.advice("imagelet predict {run} PICTURE classifies your own pictures", run=result.run)
    if listed:
        _list_exercises(listed)
        printing.advice("imagelet course ID carries one out, imagelet course all that are not yet")


def _list_exercises(chosen: "Sequence[Lesson]") -> None:
    from imagelet.course.lessons import Exercise

    rows = [(each.name, each.teaches, each.training or "–") for each in chosen if isinstance(each, Exercise)]
    if rows:
        printing.say()
        printing.table(("exercise", "teaches", "network"), rows)


def _rows(result: "Result") -> list[tuple[str, ...]]:
    """Return a line of the table for each figure that the notes print; shares in hundredths."""
    made: list[tuple[str, ...]] = []
    for place, printed in enumerate(result.lesson.printed):
        ours = "–"
        if result.reached:
            figure = result.reached[place]
            shares = [100 * share for share in (figure.accuracy, *figure.interval)]
            ours = "{:.2f} ({:.2f} to {:.2f})".format(*shares)
        facts = (result.lesson.name, result.lesson.teaches, f"{result.training.parameters:,}")
        seconds = "–" if result.seconds is None else f"{result.seconds:.1f}"
        first = place == 0
        made.append(
            (
                *(facts if first else ("", "", "")),
                f"{_notes(printed)} {printed.part.split()[0]}",
                ours,
                seconds if first else "",
            )
        )
    return made


def _notes(printed: "Printed") -> str:
    """Return a figure of the notes in hundredths; one that they round to whole ones is marked."""
    return f"~{100 * printed.accuracy:.0f}" if printed.rough else f"{100 * printed.accuracy:.2f}"


def _show_repeated(results: "Sequence[RepeatedResult]", table: Path | None) -> None:
    """Print the notes' figures beside the mean of ours."""
    headings = ("id", "notes", "ours, mean", "95 % interval", "seeds", "seconds")
    rows: list[tuple[str, ...]] = []
    for result in results:
        for place, printed in enumerate(result.training.printed):
            found, first = result.spread(place), place == 0
            ours = interval = "–"
            if found is not None:
                ours = seeds_and_folds.write_spread(found.mean, found.deviation)
                interval = " to ".join(write_percent(end) for end in found.interval)
            seconds = "–" if result.seconds is None else f"{result.seconds:.1f}"
            facts = (str(len(result.reached)), seconds) if first else ("", "")
            name = result.training.name if first else ""
            rows.append((name, f"{_notes(printed)} {printed.part}", ours, interval, *facts))
    printing.say()
    printing.table(headings, rows, right=("seeds", "seconds"), whole=headings[:4])
    printing.note("± is the standard deviation; the interval is of the mean, over what the seed decides")
    if table:
        printing.advice("{table} has the table", table=table)


WRONG_LISTED = 20  # own pictures that were answered wrong; --json lists all


class Outcome(NamedTuple):
    """The result of an exercise: the picture that it wrote, plain data for ``--json``, and what prints it."""

    picture: Path
    facts: dict[str, Any]
    show: Callable[[], None]


def feature_maps(plan: Plan, _run: "Run | None") -> Outcome:
    """Random filters over the first training image, pooled."""
    from imagelet.course.exercises import feature_maps as run_experiment

    found = run_experiment(plan.folder, plan.seed or 0)
    facts = {
        "image": (1, *found.image.shape),
        "filters": found.kernels.shape,
        "maps": found.maps.shape,
        "max_pooled": found.largest.shape,
        "average_pooled": found.mean.shape,
    }

    def show() -> None:
        printing.facts(
            {
                "image": f"{facts['image']}: the first training image",
                "filters": f"{len(found.kernels)} of 3×3, weights drawn with deviation 0.01",
                "maps": f"{facts['maps']}: stride 2, SAME",
                "max pooling": f"{facts['max_pooled']}: 2×2, stride 2, SAME",
                "average pooling": f"{facts['average_pooled']}: 2×2, stride 2, SAME",
            }
        )
        printing.say()
        for maps, what in ((found.maps, "map"), (found.largest, "pooled")):
            captions = [f"{what} {number}" for number in range(1, maps.shape[3] + 1)]
            printing.pictures(_grey(maps), captions)
            printing.say()

    return Outcome(found.picture, facts, show)


def three_images(plan: Plan, run: "Run") -> Outcome:
    """Three random test images with label and prediction."""
    from imagelet.course.exercises import three_images as run_experiment

    found = run_experiment(run, plan.folder, plan.seed or 0)
    captions = [
        f"label {label}, predicted {answer}"
        for label, answer in zip(found.labels, found.predicted, strict=True)
    ]

    def show() -> None:
        printing.pictures(list(found.images), captions)
        printing.say("\ntest images {names}; --seed N draws others", names=", ".join(map(str, found.indices)))

    return Outcome(found.picture, {"images": _listed(found)}, show)


def probabilities(plan: Plan, run: "Run") -> Outcome:
    """The probabilities of the first test image, and the classes of the first ones."""
    from imagelet.course.exercises import probabilities as run_experiment

    found = run_experiment(run, plan.folder)
    first = dict(zip(found.classes, map(float, found.probabilities[0]), strict=True))
    facts = {"probabilities": first, "images": _listed(found)}

    def show() -> None:
        printing.say("the first test image, label {labels}", style="bold", labels=found.labels[0])
        printing.bars(first)
        printing.say("\nthe first {count} test images", style="bold", count=len(found.labels))
        printing.facts({"label": " ".join(found.labels), "predicted": " ".join(found.predicted)})
        wrong = sum(label != answer for label, answer in zip(found.labels, found.predicted, strict=True))
        printing.say("all are right" if not wrong else f"{wrong} wrong")

    return Outcome(found.picture, facts, show)


def own_digits(plan: Plan, run: "Run") -> Outcome:
    """The user's own pictures in three ways."""
    from imagelet.course.exercises import WAYS
    from imagelet.course.exercises import own_digits as run_experiment

    assert plan.pictures is not None  # asked for before anything was trained
    found = run_experiment(run, plan.pictures, plan.folder)

    def show() -> None:
        rows = [
            (
                what,
                f"{write_percent(found.accuracies[way])} %",
                "{:.2f} to {:.2f}".format(*(100 * share for share in found.interval(way))),
            )
            for way, what in WAYS.items()
        ]
        printing.table(("way", "right", "95 % interval"), rows, right=("right", "95 % interval"))
        printing.say(
            "\n{images:,} pictures; framed, {count:,} are wrong", images=found.images, count=len(found.wrong)
        )
        if found.wrong:
            printing.table(("file", "label", "predicted"), found.wrong[:WRONG_LISTED])
        if len(found.wrong) > WRONG_LISTED:
            printing.say("and {count:,} more; --json lists all", count=len(found.wrong) - WRONG_LISTED)

    return Outcome(found.picture, found.to_json(), show)


EXERCISES: dict[str, Callable[[Plan, Any], Outcome]] = {
    "feature-maps": feature_maps,
    "three-images": three_images,
    "probabilities": probabilities,
    "own-digits": own_digits,
}


def _listed(found: "PredictedImages") -> list[dict[str, Any]]:
    rows = zip(found.indices, found.labels, found.predicted, found.probabilities, strict=True)
    return [
        {"image": place, "label": label, "predicted": answer, "probability": float(shares.max())}
        for place, label, answer, shares in rows
    ]


def _grey(maps: "np.ndarray") -> "list[np.ndarray]":
    """Return maps (1, height, width, n) as n grey images: 0 is black, what is farthest from it white."""
    sizes = abs(maps)
    scaled = (255 * sizes / max(sizes.max(), 1e-12)).astype("uint8")
    return [scaled[0, :, :, place, None] for place in range(maps.shape[3])]
