"""`imagelet demo`: a first training, on images that need no download, explained."""

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from imagelet import paths
from imagelet.cli import printing
from imagelet.cli.commands import Command, Group, Json
from imagelet.cli.train import run_watched
from imagelet.cli.train_options import Runs, Seed
from imagelet.cli.train_result import as_document, show_facts
from imagelet.messages import Message, translate

if TYPE_CHECKING:
    from imagelet.classifier.prediction import Prediction
    from imagelet.experiment.finalize import Finished

commands = typer.Typer(cls=Group)

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
