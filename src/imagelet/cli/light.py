"""What a light installation has of the command line, read without typer: `imagelet predict`, `classifiers`.

They start quickly for it. A line that is plainly right is read here; every other one is left to typer, which
says what is wrong with it. Where typer is not installed, :func:`answer` does.
"""

import importlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from imagelet.cli import printing
from imagelet.cli.help_page import Entry, Page, as_text, paragraphs
from imagelet.errors import UsageError

INSTALL = "pip install imagelet"


@dataclass(frozen=True)
class Parameter:
    """An argument or an option of a command.

    Attributes:
        name: of the function's argument.
        typed: ``RUN``, ``IMAGE...`` for one or more, ``--top``.
        help: what it means.
        metavar: what follows an option, ``N``; empty where nothing does.
        read: makes a value of the word; raises ``ValueError``.
        least: the smallest value.
    """

    name: str
    typed: str
    help: str
    metavar: str = ""
    read: Callable[[str], Any] = str
    least: int | None = None

    @property
    def is_option(self) -> bool:
        """Whether it is given by its name."""
        return self.typed.startswith("-")

    def value(self, word: str) -> Any:
        """Return what a word stands for.

        Raises:
            ValueError: it is none that is allowed.
        """
        value = self.read(word)
        if self.least is not None and value < self.least:
            raise ValueError(word)
        return value


RUN = Parameter("run", "RUN", "A run's folder or name, or a .safetensors file.")
ALLOW_IMPORT = Parameter(
    "allow_import",
    "--allow-import",
    "Import the code that RUN names, a network's package.module:function. Or IMAGELET_ALLOW_IMPORT=1.",
)
DEVICE = Parameter("device", "--device", "One of auto, cpu, cuda, mps.", "NAME")
THREADS = Parameter(
    "threads",
    "--threads",
    "With how many threads the processor computes, up to its cores; auto: as torch chooses.",
    "N",
)
JSON = Parameter("as_json", "--json", "Print one JSON document.")


@dataclass(frozen=True)
class LightCommand:
    """A command: its name, what it takes, and an example. A function in ``predictions.py`` bears its name."""

    name: str
    parameters: tuple[Parameter, ...]
    example: str

    @property
    def function(self) -> Callable[..., int]:
        """What it does; it returns the exit code."""
        function: Callable[..., int] = getattr(importlib.import_module("imagelet.cli.predictions"), self.name)
        return function

    def values(self, words: Sequence[str]) -> dict[str, Any]:
        """Return the function's arguments that the words behind the command's name stand for.

        Raises:
            ValueError: anything is wrong with them, or would need more than a glance.
        """
        options = {parameter.typed: parameter for parameter in self.parameters if parameter.is_option}
        values: dict[str, Any] = {}
        given: list[str] = []
        remaining = iter(words)
        for word in remaining:
            name, equals, value = word.partition("=")
            if word == "--":
                given += remaining
            elif not word.startswith("-") or word == "-":
                given.append(word)
            elif (parameter := options.get(name)) is None:
                raise ValueError(word)
            elif parameter.metavar:
                values[parameter.name] = parameter.value(value if equals else _following(remaining))
            elif equals:
                raise ValueError(word)
            else:
                values[parameter.name] = True
        return values | self._arguments(given)

    def _arguments(self, given: list[str]) -> dict[str, Any]:
        """Return the arguments by their names; the one for several takes all that is left.

        Raises:
            ValueError: there are too few, or too many.
        """
        values: dict[str, Any] = {}
        required = inspect.signature(self.function).parameters
        for parameter in self.parameters:
            if parameter.is_option:
                continue
            if not given:
                if required[parameter.name].default is inspect.Parameter.empty:
                    raise ValueError(parameter.typed)
            elif parameter.typed.endswith("..."):
                values[parameter.name], given = given, []
            else:
                values[parameter.name], given = given[0], given[1:]
        if given:
            raise ValueError(given[0])
        return values

    def page(self) -> Page:
        """Return its help."""
        function, arguments = self.function, [known for known in self.parameters if not known.is_option]
        defaults = {name: known.default for name, known in inspect.signature(function).parameters.items()}
        missing = inspect.Parameter.empty
        typed = [
            known.typed if defaults[known.name] is missing else f"[{known.typed}]" for known in arguments
        ]
        options = [known for known in self.parameters if known.is_option]
        return Page(
            usage=" ".join([f"imagelet {self.name}", *typed, "[OPTIONS]"]),
            paragraphs=paragraphs(function.__doc__),
            arguments=tuple(Entry(known.typed, known.help) for known in arguments),
            options=(
                *(Entry(_typed(known), _meaning(known, defaults[known.name])) for known in options),
                Entry("-h, --help", "Show this help."),
            ),
            commands=(),
            example=self.example,
        )


def _following(words: Iterator[str]) -> str:
    word = next(words, "-")
    if word.startswith("-"):
        raise ValueError(word)
    return word


def _typed(option: Parameter) -> str:
    return f"{option.typed} {option.metavar}" if option.metavar else option.typed


def _meaning(option: Parameter, default: Any) -> str:
    if default is None or isinstance(default, bool):
        return option.help
    return f"{option.help.removesuffix('.')} (default {default})."


PREDICT = LightCommand(
    "predict",
    (
        RUN,
        Parameter(
            "images",
            "IMAGE...",
            "Picture files, folders with all pictures below, or - for one picture from standard input.",
        ),
        Parameter("top", "--top", "How many classes to name for each picture.", "N", int, least=1),
        Parameter(
            "seen",
            "--seen",
            "Draw each picture beside the network's input, with the prediction: seen.png.",
            "FILE",
            Path,
        ),
        Parameter("table", "--csv", "Write the predictions as a CSV table.", "FILE", Path),
        DEVICE,
        THREADS,
        ALLOW_IMPORT,
        JSON,
    ),
    "imagelet predict digits-small-cnn my-digits/ --top 3 --seen seen.png",
)
CLASSIFIERS = LightCommand(
    "classifiers",
    (Parameter("name", "NAME", "Show the card of this one."), JSON),
    "imagelet classifiers mnist",
)
COMMANDS = {command.name: command for command in (PREDICT, CLASSIFIERS)}


def read(words: Sequence[str]) -> Callable[[], int] | None:
    """Return what a command line does, a function that returns the exit code; None: typer must read it."""
    command = COMMANDS.get(words[0]) if words else None
    if command is None:
        return None
    try:
        return partial(command.function, **command.values(words[1:]))
    except ValueError:
        return None


def answer(words: Sequence[str]) -> int:
    """Answer a command line that :func:`read` leaves to typer, which is not installed; return the exit code.

    Raises:
        UsageError: it asks for no help, and not for the version.
    """
    command = COMMANDS.get(words[0]) if words else None
    if command is not None:
        if not {"-h", "--help"} & set(words):
            usage = command.page().usage
            raise UsageError(
                "this line is not understood; it is {usage}",
                "{command} --help",
                usage=usage,
                command=f"imagelet {command.name}",
            )
        printing.page(as_text(command.page()))
    elif words == ["--version"]:
        printing.version()
    elif not words or words[0] in ("-h", "--help"):
        printing.page(as_text(_overview()))
    else:
        raise UsageError(
            "a light installation has the commands {commands}, and not '{given}'",
            INSTALL,
            commands=", ".join(COMMANDS),
            given=words[0],
        )
    return 0


def _overview() -> Page:
    """Return the help of a light installation."""
    return Page(
        usage="imagelet COMMAND [OPTIONS]",
        paragraphs=(
            "This is a light installation: classifiers that were trained elsewhere are used here.",
            f"Training and all other commands need more: {INSTALL}",
        ),
        arguments=(),
        options=(
            Entry("--version", "Show the version."),
            Entry("-h, --help", "Show this help."),
        ),
        commands=tuple(
            Entry(name, paragraphs(command.function.__doc__)[0]) for name, command in COMMANDS.items()
        ),
        example="imagelet predict mnist photo.jpg",
    )
