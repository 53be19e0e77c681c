"""`imagelet train`: one run, from data to a classifier."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from imagelet import paths
from imagelet.cli import learning_rates, series, train_result, trainings
from imagelet.cli import processes as several
from imagelet.cli import train_options as options
from imagelet.cli.commands import PARTS, AllowImport, Command, Group, Json, read_shape
from imagelet.errors import RequirementMissedError, UsageError

if TYPE_CHECKING:
    from imagelet.data.store import InMemory
    from imagelet.experiment.finalize import Finished
    from imagelet.runs.definition import Experiment
    from imagelet.training.profiling import Profile

commands = typer.Typer(cls=Group)

AUTO = "auto"
KEPT = {  # what a run that is trained further has decided, and the options for it
    "start_from": "--from",
    "network": "--network",
    "recipe": "--recipe",
    "input_shape": "--input",
    "validation": "--validation",
    "limit": "--limit",
    "seed": "--seed",
    "skip_bad": "--skip-bad",
}
COMPUTING = {"device": "--device", "precision": "--precision", "threads": "--threads"}


@commands.command(cls=Command, epilog="imagelet train mnist --network cnn-3 --epochs 5 --test")
def train(
    context: typer.Context,
    dataset: options.Dataset = None,
    network: options.NetworkOption = None,
    recipe: options.RecipeOption = None,
    start_from: options.From = None,
    freeze: options.Freeze = None,
    epochs: options.Epochs = None,
    batch_size: options.BatchSize = None,
    learning_rate: options.LearningRate = None,
    optimizer: options.Optimizer = None,
    validation: options.Validation = "auto",
    limit: options.Limit = 0,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    threads: options.Threads = "auto",
    input_shape: options.InputShape = None,
    in_memory: options.InMemoryOption = "auto",
    skip_bad: options.SkipBad = False,
    settings: options.Settings = None,
    name: options.Name = None,
    runs: options.Runs = None,
    resume: options.Resume = None,
    continues: options.Continue = None,
    allow_import: AllowImport = False,
    test: options.Test = False,
    require: options.Require = None,
    seeds: series.Seeds = None,
    folds: series.Folds = None,
    parallel: series.Parallel = None,
    only: series.Only = None,
    collect: series.Collect = False,
    profile: options.ProfileOption = False,
    find_lr: options.FindLearningRate = False,
    processes: options.Processes = None,
    as_json: Json = False,
) -> None:
    """Train a classifier on DATASET and write a run folder.

    The best epoch is chosen by validation images; the test images are not read unless --test says so.
    Ctrl-C saves; --resume RUN continues, to the same result as without the interruption. --from starts from a
    trained network, --continue RUN trains a finished run for more epochs.

    JSON: run, classifier, dataset, understood, network, parameters, epochs, best_epoch, images_per_second,
    validation, test, seconds, history; validation and test hold accuracy, interval, loss and more.

    JSON of a profile: steps, images, phases[{phase, seconds}], layers[{layers, forward_seconds,
    backward_seconds, multiply_adds}]; --profile adds it as the field profile.

    JSON of --seeds: dataset, network, part, seeds[{seed, run, accuracy, interval, images}], mean,
    standard_deviation, interval, folder. The last interval is of the mean over trainings.

    JSON of --folds: dataset, network, part, folds[{fold, run, accuracy, interval, images}], mean,
    standard_deviation, accuracy, interval, images, label_issues[{image, label, suggested, probability,
    label_probability}], folder, out_of_fold; accuracy is over all images.

    JSON of --find-lr: suggestion, steepest, tenth_of_lowest, lowest, exploded, steps, rates, losses and more.
    """
    words = dict(locals())  # every argument and option by its name
    chosen = _checked(words)
    if find_lr:
        return learning_rates.run(lambda: _describe(words, chosen), words)
    request = series.request_of(words)
    request.check(one_run=_one_run(words), validation=validation, profile=profile, processes=processes)
    _hand_over(processes, context.obj)
    if request.of_many:
        return series.train_series(_describe(words, chosen), request)
    times = _new_profile() if profile else None
    finished = _train(words, chosen, times)
    train_result.show(finished, times, as_json=as_json)
    _require(finished, require)


def _hand_over(processes: int | None, typed: list[str]) -> None:
    """Run the command line in several processes, if that is asked for, and end with their exit code."""
    if number := several.wanted(processes):
        raise typer.Exit(several.run(typed, number))


@several.together()
def _train(words: dict[str, Any], chosen: dict[str, Any], profile: "Profile | None") -> "Finished":
    """Train on the data that the command line names, or train a run further."""
    rest = {"test": words["test"], "in_memory": words["in_memory"], "profile": profile}
    again = rest | {"allow_import": words["allow_import"] or None}
    if words["resume"] is not None:
        return _resume(words["resume"], words["runs"], **again)
    rest["in_lanes"] = again["in_lanes"] = words["processes"] is not None
    if words["continues"] is not None:
        settings = chosen | {name: words[name] for name in COMPUTING if words[name] != AUTO}
        return _continue(words["continues"], words["runs"], settings, name=words["name"], **again)
    return run_watched(_describe(words, chosen), name=words["name"], runs=words["runs"], **rest)


def _checked(words: dict[str, Any]) -> dict[str, Any]:
    """Return the recipe's fields that the command line sets; raise where its words do not go together."""
    _check_require(words["require"])
    given = [words[name] is not None for name in ("dataset", "resume", "continues")]
    if sum(given) != 1:
        raise UsageError(
            "imagelet train needs one of DATASET, --resume RUN and --continue RUN",
            "for example: imagelet train mnist, or imagelet train --resume mnist-small-cnn",
        )
    chosen = _read_settings(words)
    if (option := _one_run(words)) is not None:
        again = COMPUTING | {field: f"--{field}" for field in chosen}
        own = KEPT | (again if option == "--resume" else {})
        _check_kept(option, {shown: {**words, **chosen}.get(field) for field, shown in own.items()})
    return chosen


def _one_run(words: dict[str, Any]) -> str | None:
    """Return the option that trains a run further, where one is given."""
    return "--resume" if words["resume"] else "--continue" if words["continues"] else None


def _check_require(require: float | None) -> None:
    if require is not None and not 0 <= require <= 1:
        raise UsageError(
            "--require {require:g} is not allowed; it is an accuracy from 0 to 1",
            "for example 0.98",
            require=require,
        )


def _check_kept(option: str, given: dict[str, Any]) -> None:
    """Raise where something is asked for that an earlier run has decided."""
    for name, value in given.items():
        if value and value != AUTO:
            raise UsageError(
                "{option} keeps the run's own settings, so {name} cannot be changed",
                "leave it out, or train a new run: imagelet train DATASET",
                option=option,
                name=name,
            )


def _describe(words: dict[str, Any], chosen: dict[str, Any]) -> "Experiment":
    from imagelet.runs.definition import describe

    names = ("start_from", "validation", "limit", "seed", *COMPUTING, "skip_bad")
    rest = {name: words[name] for name in names}
    shape = read_shape(words["input_shape"]) if words["input_shape"] else None
    return describe(words["dataset"], words["network"], words["recipe"], chosen, **rest, input_shape=shape)


def _read_settings(words: dict[str, Any]) -> dict[str, Any]:
    """Return the recipe fields that options of their own give, and those that ``--set FIELD=VALUE`` names.

    Raises:
        SettingError: a text without ``=``.
    """
    named = ("epochs", "batch_size", "learning_rate", "optimizer", "freeze")
    given = {field: words[field] for field in named if words[field] is not None}
    return given | options.read_settings(words["settings"] or [])


def _new_profile() -> "Profile":
    from imagelet.training.profiling import Profile

    return Profile()


def run_watched(
    experiment: "Experiment",
    *,
    name: str | None,
    runs: Path | None,
    test: bool,
    profile: "Profile | None" = None,
    in_memory: "InMemory" = "auto",
    in_lanes: bool = False,
) -> "Finished":
    """Run an experiment and show its training."""
    from imagelet.experiment.runner import run_experiment

    rest: dict[str, Any] = {"name": name, "folder": runs, "test": test, "profile": profile}
    rest |= {"in_memory": in_memory, "in_lanes": in_lanes}
    return trainings.watch(lambda progress: run_experiment(experiment, **rest, progress=progress))


def _resume(text: str, runs: Path | None, **rest: Any) -> "Finished":
    from imagelet.experiment.runner import resume_experiment
    from imagelet.runs.store import find_run

    run = find_run(text, runs)
    return trainings.watch(lambda progress: resume_experiment(run, **rest, progress=progress))


def _continue(
    text: str, runs: Path | None, settings: dict[str, Any], *, name: str | None, **rest: Any
) -> "Finished":
    """Train the weights of the finished run that ``text`` names for more epochs, in a new run."""
    from imagelet.experiment.continuing import continued, run_continued
    from imagelet.runs.store import find_run

    if "epochs" not in settings:
        raise UsageError(
            "--continue needs the number of epochs",
            "for example: imagelet train --continue {run} --epochs 5",
            run=paths.typed(text),
        )
    run = find_run(text, runs)
    experiment = continued(run, settings)
    return trainings.watch(
        lambda progress: run_continued(run, experiment, name=name, folder=runs, **rest, progress=progress)
    )


def _require(finished: "Finished", required: float | None) -> None:
    if required is None:
        return
    part = "test" if "test" in finished.metrics else "validation"
    if part not in finished.metrics:
        raise UsageError("--require needs validation or test images", "drop --validation 0, or add --test")
    reached = finished.metrics[part]["accuracy"]
    if reached < required:
        raise RequirementMissedError(
            "the {part} accuracy {reached:.4f} is below the required {required:g}",
            part=PARTS[part],
            reached=reached,
            required=required,
        )
