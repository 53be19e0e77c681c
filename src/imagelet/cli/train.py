"""`imagelet train`: one run, from data to a classifier."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet import paths
from imagelet.cli import completing, printing, trainings
from imagelet.cli.commands import (
    DATASET,
    PARTS,
    AllowImport,
    Command,
    Group,
    Json,
    caution_learned_before,
    describe_accuracy,
    describe_uneven,
    read_shape,
)
from imagelet.errors import RequirementMissedError, SettingError, UsageError
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.data.store import InMemory
    from imagelet.experiment.finalize import Finished
    from imagelet.runs.definition import Experiment
    from imagelet.training.profiling import LayerTimes, Profile

commands = typer.Typer(cls=Group)

Dataset = Annotated[
    str | None, typer.Argument(metavar="DATASET", help=DATASET, autocompletion=completing.datasets)
]
NetworkOption = Annotated[
    str | None,
    typer.Option(
        "--network",
        metavar="TEXT_OR_NAME",
        help="Network text, or a name (imagelet networks).",
        autocompletion=completing.networks,
        show_default="the recipe's",
    ),
]
RecipeOption = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="NAME",
        help="How to train (imagelet recipes).",
        autocompletion=completing.recipes,
        show_default="general; fine-tuning with --from",
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="RUN_OR_NAME",
        help="Start from a trained network: a run, a .safetensors file, or a classifier that imagelet "
        "classifiers lists. Where the classes are others, its last layer is new.",
        autocompletion=completing.classifiers,
    ),
]
Freeze = Annotated[
    str | None,
    typer.Option(
        metavar="LAYERS",
        help="Keep the weights of these layers: names by comma (imagelet summary), or body for all but the "
        "last; or a fraction of the steps, for which the body is kept.",
    ),
]
Epochs = Annotated[  # texts: the recipe's own checks say what is allowed, auto among it
    str | None, typer.Option(metavar="N", help="Passes over the training images, or auto.")
]
BatchSize = Annotated[
    str | None, typer.Option("--batch-size", "-b", metavar="N", help="Images in one step, or auto.")
]
LearningRate = Annotated[
    str | None,
    typer.Option("--lr", "--learning-rate", metavar="X", help="The highest learning rate, or auto."),
]
Optimizer = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The update rule (imagelet recipes).",
        show_default="the recipe's",
        autocompletion=completing.optimizers,
    ),
]
Validation = Annotated[
    str,
    typer.Option(
        metavar="FRACTION",
        help="Fraction of the training images that choose the best epoch; 'course' for the course's split; "
        "'auto' for the dataset's own validation images, else 0.2.",
    ),
]
Limit = Annotated[int, typer.Option(metavar="N", help="Use only N training images; 0 for all.")]
Seed = Annotated[int, typer.Option(metavar="N", help="Equal seeds give equal results.")]
Device = Annotated[str, typer.Option(metavar="NAME", help="One of auto, cpu, cuda, mps.")]
Precision = Annotated[str, typer.Option(metavar="NAME", help="One of auto, fp32, bf16.")]
InputShape = Annotated[
    str | None, typer.Option("--input", metavar="HxWxC", help="Size to bring a folder's pictures to.")
]


def _read_in_memory(text: str) -> "InMemory":
    values: dict[str, InMemory] = {"auto": "auto", "true": True, "false": False}
    if text not in values:
        raise UsageError("--in-memory {given} is not allowed; it is auto, true or false", given=text)
    return values[text]


InMemoryOption = Annotated[
    Any,
    typer.Option(
        "--in-memory",
        parser=_read_in_memory,
        metavar="auto|true|false",
        help="Whether images are read into memory; else they are converted once into a store on the disk. "
        "'auto' does so where they take more than a quarter of the memory.",
    ),
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave out pictures that cannot be read; the run keeps which.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Any field of the recipe (imagelet recipes NAME); may be repeated.",
        autocompletion=completing.fields,
    ),
]
Name = Annotated[str | None, typer.Option(metavar="NAME", help="The run's name.")]
Runs = Annotated[
    Path | None, typer.Option("--runs", metavar="DIR", help="Where runs are written.", show_default="./runs")
]
Resume = Annotated[
    str | None,
    typer.Option(metavar="RUN", help="Resume an interrupted run.", autocompletion=completing.runs),
]
Continue = Annotated[
    str | None,
    typer.Option(
        "--continue",
        metavar="RUN",
        help="Train a finished run's weights for --epochs more, in a new run.",
        autocompletion=completing.runs,
    ),
]
Test = Annotated[bool, typer.Option("--test", help="Evaluate on the test images at the end, once.")]
Require = Annotated[
    float | None,
    typer.Option(
        metavar="ACCURACY", help="Exit with 3 if the accuracy is lower (test with --test, else validation)."
    ),
]
ProfileOption = Annotated[
    bool, typer.Option("--profile", help="Print where the time went, by phase and layer.")
]


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


@commands.command(cls=Command, epilog="imagelet train mnist --network cnn-3 --epochs 5 --test")
def train(
    dataset: Dataset = None,
    network: NetworkOption = None,
    recipe: RecipeOption = None,
    start_from: From = None,
    freeze: Freeze = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    optimizer: Optimizer = None,
    validation: Validation = "auto",
    limit: Limit = 0,
    seed: Seed = 0,
    device: Device = "auto",
    precision: Precision = "auto",
    input_shape: InputShape = None,
    in_memory: InMemoryOption = "auto",
    skip_bad: SkipBad = False,
    settings: Settings = None,
    name: Name = None,
    runs: Runs = None,
    resume: Resume = None,
    continues: Continue = None,
    allow_import: AllowImport = False,
    test: Test = False,
    require: Require = None,
    seeds: trainings.Seeds = None,
    folds: trainings.Folds = None,
    profile: ProfileOption = False,
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
    """
    words = dict(locals())  # every argument and option by its name
    chosen = _checked(words)
    request = trainings.Request(seeds, folds, name, runs, test, require, as_json, in_memory)
    request.check(one_run=_one_run(words), validation=validation, profile=profile)
    if request.of_many:
        return trainings.train_series(_describe(words, chosen), request)
    times = _new_profile() if profile else None
    finished = _train(words, chosen, times)
    _show_result(finished, times, as_json)
    _require(finished, require)


def _train(words: dict[str, Any], chosen: dict[str, Any], profile: "Profile | None") -> "Finished":
    """Train on the data that the command line names, or train a run further."""
    rest = {"test": words["test"], "in_memory": words["in_memory"], "profile": profile}
    again = rest | {"allow_import": words["allow_import"] or None}
    if words["resume"] is not None:
        return _resume(words["resume"], words["runs"], **again)
    if words["continues"] is not None:
        return _continue(words["continues"], words["runs"], chosen, name=words["name"], **again)
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
        own = KEPT | ({field: f"--{field}" for field in chosen} if option == "--resume" else {})
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

    names = ("start_from", "validation", "limit", "seed", "device", "precision", "skip_bad")
    rest = {name: words[name] for name in names}
    shape = read_shape(words["input_shape"]) if words["input_shape"] else None
    return describe(words["dataset"], words["network"], words["recipe"], chosen, **rest, input_shape=shape)


def _read_settings(words: dict[str, Any]) -> dict[str, Any]:
    """Return the recipe fields that options of their own give, and those that ``--set FIELD=VALUE`` names.

    Raises:
        SettingError: a text without ``=``.
    """
    options = ("epochs", "batch_size", "learning_rate", "optimizer", "freeze")
    settings: dict[str, Any] = {field: words[field] for field in options if words[field] is not None}
    for text in words["settings"] or []:
        field, equals, value = text.partition("=")
        if not equals:
            hint = Message("write --set FIELD=VALUE, for example --set momentum=0.8")
            raise SettingError("--set {given} has no '='", hint, given=text)
        settings[field.strip()] = value.strip()
    return settings


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
) -> "Finished":
    """Run an experiment and show its training."""
    from imagelet.experiment.runner import run_experiment

    rest: dict[str, Any] = {"name": name, "folder": runs, "test": test, "profile": profile}
    rest["in_memory"] = in_memory
    return trainings.watch(lambda progress: run_experiment(experiment, **rest, progress=progress))


def _resume(text: str, runs: Path | None, **rest: Any) -> "Finished":
    from imagelet.experiment.runner import resume_experiment
    from imagelet.runs.store import find_run

    run = find_run(text, runs)
    return trainings.watch(lambda progress: resume_experiment(run, **rest, progress=progress))


def _continue(
    text: str, runs: Path | None, chosen: dict[str, Any], *, name: str | None, **rest: Any
) -> "Finished":
    """Train the weights of the finished run that ``text`` names for more epochs, in a new run."""
    from imagelet.experiment.continuing import continued, run_continued
    from imagelet.runs.store import find_run

    if "epochs" not in chosen:
        raise UsageError(
            "--continue needs the number of epochs",
            "for example: imagelet train --continue {run} --epochs 5",
            run=paths.typed(text),
        )
    run = find_run(text, runs)
    experiment = continued(run, chosen)
    return trainings.watch(
        lambda progress: run_continued(run, experiment, name=name, folder=runs, **rest, progress=progress)
    )


def as_document(finished: "Finished") -> dict[str, Any]:
    """Return what ``--json`` prints."""
    from imagelet.training.history import as_columns

    run, metrics = finished.run, finished.metrics
    experiment = run.experiment
    return {
        "run": run.folder,
        "classifier": run.classifier_file,
        "dataset": experiment["dataset"],
        "understood": experiment["resolved"].get("understood", []),
        "network": experiment["resolved"]["network"],
        **metrics,
        "history": as_columns(run.history),
    }


def show_facts(finished: "Finished") -> None:
    """Print the figures."""
    metrics = finished.metrics
    facts: dict[str, str] = {}
    for part in ("validation", "test"):
        if part in metrics:
            name = Message("{part} accuracy", part=PARTS[part])
            facts |= describe_accuracy(name, metrics[part])
            facts |= describe_uneven(metrics[part], PARTS[part])
    test = metrics.get("test", {})
    caution_learned_before(test.get("learned_before"), test.get("images", 0))
    seconds = metrics["seconds"]
    facts[Message("best epoch")] = Message(
        "{epoch} of {epochs}", epoch=metrics["best_epoch"], epochs=metrics["epochs"]
    )
    facts[Message("seconds")] = Message(
        "{training:.1f} training, {data:.1f} data, {total:.1f} in total; {speed:,.0f} images/s",
        training=seconds["training"],
        data=seconds["data"],
        total=seconds["total"],
        speed=metrics["images_per_second"],
    )
    facts[Message("run")] = str(finished.run.folder)
    printing.say()
    printing.facts(facts)


def _show_result(finished: "Finished", profile: "Profile | None", as_json: bool) -> None:
    """Print the figures, where the time went if that was asked for, and what to type next."""
    if as_json:
        printing.document(as_document(finished) | ({"profile": profile.to_json()} if profile else {}))
        return
    show_facts(finished)
    if profile:
        show_profile(profile)
    typed = paths.typed(finished.run.folder) + allowing(finished)
    if _should_balance(finished):
        printing.advice(
            "some classes have many images and others few: --set class_weights=balanced counts them alike"
        )
    if "test" not in finished.metrics:
        printing.advice("imagelet evaluate {run} evaluates on the test images", run=typed)
    printing.advice("imagelet predict {run} PICTURE classifies your own pictures", run=typed)


def allowing(finished: "Finished") -> str:
    """Return the option that commands on a run need: where its network is imported code, to allow that."""
    from imagelet.networks.zoo import is_imported

    return " --allow-import" if is_imported(finished.classifier.network_text) else ""


def _should_balance(finished: "Finished") -> bool:
    """Say whether classes are uneven, and the recipe does nothing about it."""
    recipe = finished.run.experiment["recipe"]
    uneven = any(finished.metrics.get(part, {}).get("uneven") for part in ("validation", "test"))
    return uneven and "balanced" not in (recipe.get("class_weights"), recipe.get("sampling"))


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


def show_profile(profile: "Profile") -> None:
    """Print where the time went: by phase, and by layer."""
    from imagelet.training.profiling import PHASES

    printing.say()
    printing.say("where the time went, by phase", style="bold")
    rows = [
        (Message(name), f"{seconds:.2f}", _percent(seconds, profile), Message(PHASES[name]))
        for name, seconds in profile.phases.items()
    ]
    rows.append((Message("all"), f"{profile.seconds:.2f}", _percent(profile.seconds, profile), Message("")))
    printing.table(("phase", "seconds", "percent", ""), rows, right=("seconds", "percent"), whole=("phase",))

    if layers := profile.layers():  # none where the training was over already and had only to be finished
        printing.say()
        printing.say("by layer, mean of {steps:,} steps", style="bold", steps=profile.steps)
        printing.table(
            ("layers", "forward ms", "backward ms", "percent", "GFLOP/s"),
            [_layer_row(times, profile) for times in layers],
            right=("forward ms", "backward ms", "percent", "GFLOP/s"),
        )


def _layer_row(times: "LayerTimes", profile: "Profile") -> tuple[str, ...]:
    speed = f"{times.gflop_per_second:.1f}" if times.multiply_adds else "–"
    forward, backward = (
        f"{1000 * seconds / profile.steps:.2f}" for seconds in (times.forward_seconds, times.backward_seconds)
    )
    return " ".join(times.layers), forward, backward, _percent(times.seconds, profile), speed


def _percent(seconds: float, profile: "Profile") -> str:
    return f"{100 * profile.fraction(seconds):.1f} %"
