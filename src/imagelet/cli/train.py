"""`imagelet train`, `demo`: one run, from data to a classifier; and a first one, explained."""

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet import paths
from imagelet.cli import printing, trainings
from imagelet.cli.commands import (
    DATASET,
    PARTS,
    AllowImport,
    Command,
    Group,
    Json,
    describe_accuracy,
    describe_uneven,
    read_shape,
)
from imagelet.errors import RequirementMissedError, SettingError, UsageError
from imagelet.messages import Message, translate

if TYPE_CHECKING:
    from imagelet.classifier.prediction import Prediction
    from imagelet.data.store import InMemory
    from imagelet.experiment.finalize import Finished
    from imagelet.runs.definition import Experiment
    from imagelet.training.profiling import LayerTimes, Profile

commands = typer.Typer(cls=Group)

Dataset = Annotated[str | None, typer.Argument(metavar="DATASET", help=DATASET)]
NetworkOption = Annotated[
    str | None,
    typer.Option(
        "--network",
        metavar="TEXT_OR_NAME",
        help="Network text, or a name (imagelet networks).",
        show_default="the recipe's",
    ),
]
RecipeOption = Annotated[
    str, typer.Option("--recipe", metavar="NAME", help="How to train (imagelet recipes).")
]
Epochs = Annotated[int | None, typer.Option(metavar="N", help="Passes over the training images.")]
BatchSize = Annotated[int | None, typer.Option("--batch-size", "-b", metavar="N", help="Images in one step.")]
LearningRate = Annotated[float | None, typer.Option("--lr", metavar="X", help="The highest learning rate.")]
Optimizer = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The update rule (imagelet recipes).", show_default="the recipe's"),
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
    ),
]
Name = Annotated[str | None, typer.Option(metavar="NAME", help="The run's name.")]
Runs = Annotated[
    Path | None, typer.Option("--runs", metavar="DIR", help="Where runs are written.", show_default="./runs")
]
Resume = Annotated[str | None, typer.Option(metavar="RUN", help="Resume an interrupted run.")]
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


DEMO = "digits"  # the built-in dataset, and the recipe for it
DEMO_IMAGES = 3  # that are predicted


@commands.command(cls=Command, epilog="imagelet demo")
def demo(seed: Seed = 0, runs: Runs = None, as_json: Json = False) -> None:
    """Train on the built-in digits, test, and predict three of them.

    Takes under a minute on two cores and needs no download. Writes a run folder with the classifier, its
    figures and a report, and says what to type next.

    JSON: run, classifier, dataset, understood, network, parameters, epochs, best_epoch, images_per_second,
    validation, test, seconds, history, predictions[{file, class, predicted, probability, top, sure,
    warnings, label}], figure, report.
    """
    import numpy as np

    from imagelet.data.datasets import load_dataset
    from imagelet.report import write_report
    from imagelet.runs.definition import Experiment
    from imagelet.training.recipes import recipes

    experiment = Experiment(dataset=DEMO, recipe=recipes.get(DEMO), seed=seed)
    finished = run_watched(experiment, name=None, runs=runs, test=True)
    images = load_dataset(DEMO).test
    chosen = np.random.default_rng(seed).choice(len(images), DEMO_IMAGES, replace=False)
    predictions = finished.classifier.predict([images.images[i] for i in chosen], top=len(images.classes))
    labels = [images.classes[images.labels[i]] for i in chosen]
    figure = _draw_demo(finished, predictions, labels)
    with printing.progress("writing the report") as advance:
        report = write_report(finished.run, progress=advance)
    if as_json:
        pairs = zip(predictions, labels, strict=True)
        shown = [{**prediction.to_json(), "label": label} for prediction, label in pairs]
        printing.document(
            {**as_document(finished), "predictions": shown, "figure": figure, "report": report.file}
        )
        return
    _show_demo(finished, predictions, labels, report.file)


def _draw_demo(finished: "Finished", predictions: "list[Prediction]", labels: list[str]) -> Path:
    """Write the pictures above their probabilities; return the file."""
    import numpy as np

    from imagelet import plots

    classes = finished.classifier.classes
    probabilities = np.array(
        [[dict(prediction.top)[name] for name in classes] for prediction in predictions]
    )  # (images, classes)
    images = np.stack([prediction.framed_input for prediction in predictions])
    path = finished.run.figures / "answers.png"
    plots.save(
        plots.answers(images, probabilities, classes, [classes.index(label) for label in labels]), path
    )
    return path


def _show_demo(
    finished: "Finished", predictions: "list[Prediction]", labels: list[str], report: Path
) -> None:
    show_facts(finished)
    printing.say()
    printing.say("three test images, as the network sees them", style="bold")
    captions = [
        Message("label {label}, predicted {predicted}", label=label, predicted=prediction.predicted)
        for label, prediction in zip(labels, predictions, strict=True)
    ]
    printing.pictures([prediction.framed_input for prediction in predictions], captions)
    printing.say()
    printing.say("the probabilities of the first", style="bold")
    classes = finished.classifier.classes
    printing.bars({name: dict(predictions[0].top)[name] for name in classes})
    printing.say()
    printing.say("figures: {folder}", folder=finished.run.figures)
    printing.say("report: {file}, to open in a browser", file=report)
    printing.say("next:")
    typed = paths.typed(finished.run.folder)
    for command, meaning in (
        *_activation(),
        (f"imagelet predict {typed} PICTURE", Message("a picture of your own")),
        (f"imagelet evaluate {typed}", Message("all figures")),
        ("imagelet train mnist --network cnn-3 --epochs 1", Message("the real MNIST")),
        ("imagelet train FOLDER", Message("one subfolder a class")),
    ):
        printing.say(f"  {command:<48}  {translate(meaning)}")


def _activation() -> list[tuple[str, Message]]:
    """Return the command that lets the shell find ``imagelet``, where it does not yet."""
    script = Path(sys.prefix) / ("Scripts/activate" if os.name == "nt" else "bin/activate")
    if shutil.which("imagelet") or not script.exists():
        return []
    if script.is_relative_to(Path.cwd()):
        script = script.relative_to(Path.cwd())
    command = str(script) if os.name == "nt" else f"source {script}"
    return [(command, Message("so that imagelet is found"))]


@commands.command(cls=Command, epilog="imagelet train mnist --network cnn-3 --epochs 5 --test")
def train(
    dataset: Dataset = None,
    network: NetworkOption = None,
    recipe: RecipeOption = "general",
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
    Ctrl-C saves; --resume RUN continues, to the same result as without the interruption.

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
    chosen = _read_settings(settings or [], epochs, batch_size, learning_rate, optimizer)
    _check(dataset, resume, require, chosen)
    request = trainings.Request(seeds, folds, name, runs, test, require, as_json, in_memory)
    request.check(resume=resume is not None, validation=validation, profile=profile)
    how = {"test": test, "in_memory": in_memory, "profile": _new_profile() if profile else None}
    if dataset is None:
        finished = _resume(str(resume), runs, allow_import, how)
    else:
        rest = {"limit": limit, "seed": seed, "device": device, "precision": precision}
        rest |= {"validation": validation, "skip_bad": skip_bad}
        experiment = _describe(dataset, network, recipe, chosen, input_shape, **rest)
        if request.of_many:
            return trainings.train_series(experiment, request)
        finished = run_watched(experiment, name=name, runs=runs, **how)
    _show_result(finished, how["profile"], as_json)
    _require(finished, require)


def _check(dataset: str | None, resume: str | None, require: float | None, chosen: dict[str, Any]) -> None:
    """Raise where the words of the command line do not go together."""
    if require is not None and not 0 <= require <= 1:
        raise UsageError(
            "--require {require:g} is not allowed; it is an accuracy from 0 to 1",
            "for example 0.98",
            require=require,
        )
    if (dataset is None) == (resume is None):
        raise UsageError(
            "imagelet train needs either DATASET or --resume RUN",
            "for example: imagelet train mnist, or imagelet train --resume mnist-small-cnn",
        )
    if resume is not None and chosen:
        raise UsageError(
            "--resume keeps the run's own settings, so {field} cannot be changed",
            "leave it out, or train a new run: imagelet train DATASET",
            field=min(chosen),
        )


def _describe(
    dataset: str,
    network: str | None,
    recipe: str,
    chosen: dict[str, Any],
    input_shape: str | None,
    **rest: Any,
) -> "Experiment":
    from imagelet.runs.definition import describe

    shape = read_shape(input_shape) if input_shape else None
    return describe(dataset, network, recipe, chosen, **rest, input_shape=shape)


def _read_settings(
    texts: list[str],
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    optimizer: str | None,
) -> dict[str, Any]:
    """Return the recipe fields that options of their own give, and those that ``--set FIELD=VALUE`` names.

    Raises:
        SettingError: a text without ``=``.
    """
    options = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "optimizer": optimizer,
    }
    settings: dict[str, Any] = {field: value for field, value in options.items() if value is not None}
    for text in texts:
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


def _resume(text: str, runs: Path | None, allow_import: bool, how: dict[str, Any]) -> "Finished":
    from imagelet.experiment.runner import resume_experiment
    from imagelet.runs.store import find_run

    run = find_run(text, runs)
    how = {"allow_import": allow_import or None, **how}
    return trainings.watch(lambda progress: resume_experiment(run, **how, progress=progress))


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
