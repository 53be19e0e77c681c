"""`imagelet code`: a network or a run as a script for Keras or PyTorch."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet import paths
from imagelet.cli import completing, printing
from imagelet.cli.commands import AllowImport, Command, Group, Json
from imagelet.errors import ImageletError, UnknownNameError, UnknownRunError, UsageError
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.interop.scripted import ScriptedTraining
    from imagelet.interop.scripts import Script

commands = typer.Typer(cls=Group)

SMALL, COLOUR = "mnist", "cifar-10"  # what networks are trained on where nobody says
RECIPE = "keras"

NetworkOrRun = Annotated[
    str,
    typer.Argument(
        metavar="NETWORK_OR_RUN",
        help="A network's name or text, or a run's folder or name, or a .safetensors file.",
        autocompletion=completing.networks_and_classifiers,
    ),
]
Framework = Annotated[str, typer.Option("--framework", metavar="keras|pytorch", help="Whose script it is.")]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="NAME",
        help="The dataset that a network is trained on; a run brings its own.",
        show_default="the course's, else mnist, or cifar-10 for colour",
        autocompletion=completing.datasets,
    ),
]
RecipeName = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="NAME",
        help="How a network is trained; a run brings its own.",
        show_default="the course's settings, else keras",
        autocompletion=completing.recipes,
    ),
]
Weights = Annotated[
    bool,
    typer.Option(
        "--weights",
        help="Take the trained weights of a run along, in an .npz file beside the script, which tests them "
        "instead of training.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Where to write it (default it is printed)."),
]


@commands.command(cls=Command, epilog="imagelet code cnn-3 --framework keras --out cnn-3.py")
def code(
    network_or_run: NetworkOrRun,
    framework: Framework = "keras",
    data: Data = None,
    recipe: RecipeName = None,
    weights: Weights = False,
    out: Out = None,
    allow_import: AllowImport = False,  # noqa: ARG001
    as_json: Json = False,
) -> None:
    """Write the same training as a short script for Keras or PyTorch.

    It needs no imagelet. The script sets validation images aside, as the training did, and looks at the test
    images once, at the end. What it leaves out of the recipe is said in it and here.

    JSON: framework, network, parameters, code, left_out, file, weights; file and weights are null where
    nothing is written.
    """
    from imagelet.interop.scripts import write_script

    training = _training(network_or_run, data, recipe, weights)
    path = out or (Path(f"{training.name}.py") if weights else None)
    script = write_script(training, framework, path.stem if path else "")
    beside = script.save(path) if path else None
    if as_json:
        names = ("framework", "network", "parameters", "code", "left_out")
        facts: dict[str, Any] = {name: getattr(script, name) for name in names}
        printing.document({**facts, "file": path, "weights": beside})
    else:
        _show(script, training, path, beside)


def _training(given: str, data: str | None, recipe: str | None, weights: bool) -> "ScriptedTraining":
    """Return what is to be written: a network with data and recipe, or a run, which has its own."""
    from imagelet.interop import scripted

    if weights or not _is_network(given):
        if data or recipe:
            raise UsageError(
                "a run is written as it was trained: --data and --recipe are for networks",
                hint="leave them out",
            )
        try:
            return scripted.of_run(given, with_weights=weights)
        except UnknownRunError as error:
            raise _unknown(given, error) from error
    from imagelet.course.lessons import Training, lessons
    from imagelet.networks.zoo import find_network

    network = find_network(given)
    lesson = lessons.get(network.name) if network.name in lessons else None
    if isinstance(lesson, Training) and data in (None, lesson.dataset) and recipe is None:
        return scripted.of_network(
            given, lesson.dataset, RECIPE, lesson.settings, lesson.validation, lesson.seed
        )
    dataset = data or (COLOUR if network.input_shape[2] == 3 else SMALL)
    return scripted.of_network(given, dataset, recipe or RECIPE)


def _unknown(given: str, error: UnknownRunError) -> ImageletError:
    """Return the error for what is neither a network nor a run, where a network has a name like it."""
    from imagelet.networks.zoo import networks
    from imagelet.registry import suggestion

    meant = suggestion(given, networks)
    if not meant:
        return error
    return UnknownNameError(
        "there is no network and no run '{name}'{meant}",
        hint="imagelet networks lists the networks",
        name=given,
        meant=meant,
    )


def _is_network(given: str) -> bool:
    """Say whether a network is meant; of a network and a run with one name it is the network."""
    from imagelet.networks.text import is_layer
    from imagelet.networks.zoo import networks

    word = given.strip()
    if word in networks or word.lower() in networks:
        if (run := paths.runs() / word).is_dir():
            told = {"name": word, "run": paths.typed(run)}
            printing.caution("'{name}' is taken for the network; the run of that name is typed {run}", **told)
        return True
    return is_layer(word) or ("(" in word and not Path(given).exists())


def _show(script: "Script", training: "ScriptedTraining", path: Path | None, beside: Path | None) -> None:
    """Print the script, or where it is; what it leaves out, and what to do next."""
    if path is None:
        printing.write(sys.stdout, script.code)
    else:
        rows: dict[str, str] = {Message("file"): str(path), Message("parameters"): f"{script.parameters:,}"}
        printing.facts(rows | ({Message("weights"): str(beside)} if beside else {}))
    if script.left_out:
        printing.caution("left out of the script: {what}", what=printing.joined(script.left_out))
    if "np.load" in script.code and f"{training.dataset}.npz" in script.code:
        printing.advice(
            "imagelet data save {data} {file} writes the images that it reads",
            data=paths.typed(training.dataset if training.registered else "YOUR_DATA"),
            file=paths.typed(f"{training.dataset}.npz"),
        )
    if path is not None:
        printing.advice("python {file} runs it", file=paths.typed(path))
