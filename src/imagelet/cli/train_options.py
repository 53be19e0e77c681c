"""The options of `imagelet train`; other commands that train take some of them, too."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet.cli import completing, light
from imagelet.cli.commands import DATASET, declared
from imagelet.errors import SettingError, UsageError
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.data.store import InMemory

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
        metavar="NAME_OR_FILE",
        help="How to train: a name (imagelet recipes), or a .toml file with a recipe's fields.",
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
Device = Annotated[str, declared(light.DEVICE)]
Precision = Annotated[str, typer.Option(metavar="NAME", help="One of auto, fp32, bf16.")]
Threads = Annotated[str, declared(light.THREADS)]
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


def read_settings(texts: Iterable[str]) -> dict[str, str]:
    """Return the recipe's fields that ``--set FIELD=VALUE`` names, with their values as they are typed.

    Raises:
        SettingError: a text without ``=``.
    """
    settings = {}
    for text in texts:
        field, equals, value = text.partition("=")
        if not equals:
            hint = Message("write --set FIELD=VALUE, for example --set momentum=0.8")
            raise SettingError("--set {given} has no '='", hint, given=text)
        settings[field.strip()] = value.strip()
    return settings


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
FindLearningRate = Annotated[
    bool,
    typer.Option(
        "--find-lr",
        help="Train no run: raise the learning rate over some hundred steps, and suggest one.",
    ),
]
ProfileOption = Annotated[
    bool, typer.Option("--profile", help="Print where the time went, by phase and layer.")
]
Processes = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Divide every batch among N processes here; 1, 2 and 4 give the same bytes. torchrun "
        "does so among several machines.",
    ),
]
