"""`imagelet tune`: a better recipe, searched by validation images within some minutes."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet.cli import completing, printing
from imagelet.cli import train_options as options
from imagelet.cli.commands import (
    DATASET,
    AllowImport,
    Command,
    Group,
    Json,
    count_images,
    read_shape,
)
from imagelet.html_repr import write_percent
from imagelet.messages import Message
from imagelet.progress import Progress, write_seconds

if TYPE_CHECKING:
    from imagelet.experiment.tuning.result import Comparison, Standing, Tuned
    from imagelet.experiment.tuning.tune import Began, Event, FinalEnded, TrialEnded

commands = typer.Typer(cls=Group)

STOPPED = 130  # the exit code after Ctrl-C
SAME = ("validation", "limit", "seed", "device", "precision", "threads", "skip_bad")  # in an experiment
KEPT = {  # what a study has decided, and the options for it
    "space": "--space",
    "network": "--network",
    "recipe": "--recipe",
    "settings": "--set",
    "limit": "--limit",
    "seed": "--seed",
    "input_shape": "--input",
    "skip_bad": "--skip-bad",
}
VERDICTS = {
    "better": Message("better than the start"),
    "perhaps better": Message("better than the start on these images; chance alone could do that, too"),
    "not better": Message("not better than the start within this budget"),
}
OUTCOMES = {"complete": Message("trained to its end"), "pruned": Message("ended early")}

Dataset = Annotated[str, typer.Argument(metavar="DATASET", help=DATASET, autocompletion=completing.datasets)]
SpaceFile = Annotated[
    Path | None,
    typer.Option(
        "--space",
        metavar="FILE",
        help="A .toml file that says what is searched: ranges and lists for recipe fields, and networks.",
        show_default="learning rates, batch size, label smoothing and augmentation around the start",
    ),
]
Minutes = Annotated[float, typer.Option(metavar="N", help="How long this may take, all in all.")]
Trials = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Try at most N settings.", show_default="as many as fit"),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Resume the newest study of DATASET, or with that of --name; other processes may work on it "
        "at the same time.",
    ),
]
Name = Annotated[str | None, typer.Option(metavar="NAME", help="The study's name.")]


@commands.command(cls=Command, epilog="imagelet tune cifar-10 --limit 5000 --minutes 10")
def tune(
    dataset: Dataset,
    space: SpaceFile = None,
    minutes: Minutes = 10.0,
    trials: Trials = None,
    resume: Resume = False,
    network: options.NetworkOption = None,
    recipe: options.RecipeOption = None,
    settings: options.Settings = None,
    validation: options.Validation = "auto",
    limit: options.Limit = 0,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    threads: options.Threads = "auto",
    input_shape: options.InputShape = None,
    in_memory: options.InMemoryOption = "auto",
    skip_bad: options.SkipBad = False,
    name: Name = None,
    runs: options.Runs = None,
    allow_import: AllowImport = False,
    as_json: Json = False,
) -> None:
    """Search for a better recipe by validation images, within --minutes.

    Trials are compared after the same number of epochs, and the worse two thirds end there (Optuna's
    successive halving). The best and the start are then trained with several seeds, and compared on training
    images that were set aside from the beginning; the test images are not read. The winner is a file for
    imagelet train --recipe FILE. Ctrl-C keeps the best; --resume goes on. Needs: pip install
    'imagelet[tune]'.

    JSON: dataset, study, trials[{number, settings, epochs, validation, state}], finalists[{trial,
    settings, seeds, epochs, validation, aside}], best, start, difference, interval, images, verdict, epochs,
    own_epochs, importance, recipe_file, figures, interrupted. best holds recipe, network and validation;
    difference is the accuracy of the winner minus that of the start, on the images set aside.
    """
    words = dict(locals())  # every argument and option by its name
    with printing.progress("reading data") as progress:
        events = _begin(words, progress)
        began = next(events)
    tuned = _watch(began, events)
    printing.result(tuned, _show, as_json=as_json)
    if tuned.interrupted:
        raise typer.Exit(STOPPED)


def _begin(words: dict[str, Any], progress: Progress) -> "Iterator[Event]":
    """Return the events of the search that the command line asks for.

    Raises:
        MissingPackageError: Optuna is not installed.
        UsageError: options that do not go together, or a value that is not allowed.
    """
    from imagelet.experiment.tuning.study import check_resumed, optuna_needed
    from imagelet.experiment.tuning.tune import tune as search
    from imagelet.runs.definition import describe

    with optuna_needed():  # said before anything else
        import optuna  # noqa: F401
    if words["resume"]:
        check_resumed({option: words[name] for name, option in KEPT.items()})
    same = {name: words[name] for name in SAME}
    shape = read_shape(words["input_shape"]) if words["input_shape"] else None
    chosen = options.read_settings(words["settings"] or ())
    recipe, network = words["recipe"], words["network"]
    return search(
        describe(words["dataset"], network, recipe, chosen, **same, input_shape=shape),
        **{name: words[name] for name in ("space", "minutes", "trials", "name", "resume", "in_memory")},
        folder=words["runs"],
        allow_import=words["allow_import"] or None,
        progress=progress,
    )


def _watch(began: Any, events: Any) -> "Tuned":
    """Show a line for each trial on standard error; return the result."""
    from imagelet.experiment.tuning.result import Tuned
    from imagelet.experiment.tuning.tune import TrialEnded

    _introduce(began)
    event = None
    for event in events:
        if isinstance(event, TrialEnded):
            _show_trial(event)
        elif not isinstance(event, Tuned):
            _show_final(event)
    assert isinstance(event, Tuned)
    return event


def _introduce(began: "Began") -> None:
    from imagelet.experiment.tuning.space import VIEWS

    definition, images = began.definition, began.images
    for sentence in began.notes:
        printing.note(sentence)
    printing.note(
        "{training:,} images to learn from, {validation:,} to choose by, {aside:,} set aside for the end",
        training=len(images.training),
        validation=len(images.validation),
        aside=len(images.aside),
    )
    searched = [*definition.space.fields, *(["network"] if definition.space.networks else [])]
    printing.note("searched: {fields}", fields=", ".join(name for name in searched if name != VIEWS))
    printing.note(
        "epochs: {search} of a trial, {final} in the final, {own} in the recipe of the start",
        search=definition.search_epochs,
        final=definition.final_epochs,
        own=definition.experiment.recipe.epochs,
    )
    printing.note("study: {folder}", folder=began.folder)
    if began.resumed_trials:
        printing.note("{count:,} trials are there already", count=began.resumed_trials)


def _show_trial(ended: "TrialEnded") -> None:
    from imagelet.experiment.tuning.space import describe_settings

    what = printing.verbatim(describe_settings(ended.settings)) if ended.settings else Message("the start")
    values: dict[str, Any] = {"number": ended.number, "epochs": ended.epochs, "what": what}
    values["left"] = write_seconds(max(0.0, ended.seconds_left))
    if ended.validation is None:
        printing.note("trial {number}: no epoch was finished; {what} · {left} left", **values)
        return
    printing.note(
        "trial {number}: {accuracy} % after epoch {epochs}, {outcome}; {what} · {left} left",
        accuracy=write_percent(ended.validation),
        outcome=OUTCOMES[ended.state],
        **values,
    )


def _show_final(ended: "FinalEnded") -> None:
    printing.note(
        "final, {who}, seed {seed}: {accuracy} % · {left} left",
        who=_who(ended.number),
        seed=ended.seed,
        accuracy=write_percent(max(ended.reached.validation.values())),
        left=write_seconds(max(0.0, ended.seconds_left)),
    )


def _who(number: int) -> Message:
    from imagelet.experiment.tuning.result import START

    return Message("the start") if number == START else Message("trial {number}", number=number)


def _show(tuned: "Tuned") -> None:
    """Print the finalists, the winner beside the start, and what to type next."""
    rows: dict[str, str] = {Message("trials"): f"{len(tuned.trials):,}"}
    if tuned.comparison is None:
        printing.facts(rows)
        printing.say()
        printing.say("there was no time for the final: nothing was compared with the start")
    else:
        _show_finalists(tuned.comparison)
        printing.facts(rows | _compared(tuned, tuned.comparison))
    if tuned.importance:
        printing.say()
        printing.say("what made trials differ, after the first epochs:")
        printing.bars(tuned.importance)
    printing.say()
    files: dict[str, str] = {Message("recipe"): str(tuned.recipe_file)}
    if tuned.figures:
        files[Message("figures")] = ", ".join(map(str, tuned.figures))
    printing.facts(files)
    printing.advice(
        "imagelet train {dataset} --recipe {file}",
        dataset=printing.verbatim(tuned.dataset),
        file=printing.verbatim(str(tuned.recipe_file)),
    )
    printing.advice("to resume: imagelet tune {dataset} --resume", dataset=printing.verbatim(tuned.dataset))


def _show_finalists(compared: "Comparison") -> None:
    seeds, validation, aside = Message("seeds"), Message("validation"), Message("set aside")
    standings = [compared.start, *(one for one in compared.standings if one is not compared.start)]
    if compared.start_won:  # it stands there twice
        standings = standings[1:]
    printing.say()
    printing.table(
        (Message("finalist"), seeds, validation, aside, Message("settings")),
        [_row(one) for one in standings],
        right=(seeds, validation, aside),
    )
    printing.say()


def _row(standing: "Standing") -> tuple[str, ...]:
    from imagelet.experiment.tuning.space import VIEWS, describe_settings

    settings = {**standing.finalist.settings, VIEWS: standing.views}
    return (
        _who(standing.finalist.number),
        str(len(standing.seeds)),
        f"{write_percent(standing.validation)} %",
        f"{write_percent(standing.aside)} %",
        describe_settings(settings),
    )


def _compared(tuned: "Tuned", compared: "Comparison") -> dict[str, str]:
    """Return the winner beside the start as facts, in words that promise no more than was measured."""
    low, high = (100 * end for end in compared.interval)
    length = Message("after epoch {epochs}", epochs=tuned.final_epochs)
    if tuned.final_epochs < tuned.own_epochs:
        length = Message(
            "after epoch {epochs}: the start's own {own} do not fit into this budget; the file has them",
            epochs=tuned.final_epochs,
            own=tuned.own_epochs,
        )
    return {
        Message("winner"): _who(compared.winner.finalist.number),
        Message("against the start"): Message(
            "{difference:+.2f} points (95 % interval {low:+.2f} to {high:+.2f}), on {images} set aside",
            difference=100 * compared.difference,
            low=low,
            high=high,
            images=count_images(compared.images),
        ),
        Message("verdict"): VERDICTS[compared.verdict],
        Message("compared"): length,
    }
