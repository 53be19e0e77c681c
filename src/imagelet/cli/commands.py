"""What all commands share: options, accuracies described, the help page, and what is said of wrong usage."""

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, NoReturn, get_type_hints

import typer

# typer brings click inside itself, and gives the errors that say what is wrong no public names.
from typer._click.exceptions import BadOptionUsage, BadParameter, MissingParameter, NoSuchOption
from typer.core import TyperCommand, TyperGroup

from imagelet import paths
from imagelet.cli import completing, light, printing
from imagelet.cli.help_page import Entry, Page, as_text, paragraphs
from imagelet.cli.light import LightCommand, Parameter
from imagelet.errors import UnknownNameError, UsageError
from imagelet.html_repr import write_percent
from imagelet.messages import Message
from imagelet.registry import suggestion

DATASET = "A dataset's name, or a file or folder of your own: imagelet data formats."


def declared(parameter: Parameter, **more: Any) -> Any:
    """Return typer's declaration of a parameter that is read without typer, too."""
    if not parameter.is_option:
        return typer.Argument(metavar=parameter.typed, help=parameter.help, **more)
    more |= {} if parameter.least is None else {"min": parameter.least}
    metavar = parameter.metavar or None
    return typer.Option(parameter.typed, metavar=metavar, help=parameter.help, **more)


def typed(command: LightCommand, **more: dict[str, Any]) -> Callable[..., None]:
    """Return the function of a command that is read without typer, too, declared as typer reads it.

    Args:
        command: what it is.
        **more: for parameters by their names, what typer takes besides.
    """
    function = command.function

    def call(**values: Any) -> None:
        if code := function(**values):
            raise typer.Exit(code)

    signature, kinds = inspect.signature(function), get_type_hints(function)
    annotated = [
        signature.parameters[known.name].replace(
            annotation=Annotated[kinds[known.name], declared(known, **more.get(known.name, {}))]
        )
        for known in command.parameters
    ]
    call.__doc__ = function.__doc__
    call.__signature__ = inspect.Signature(annotated)  # type: ignore[attr-defined]
    return call


RunArgument = Annotated[str, declared(light.RUN, autocompletion=completing.classifiers)]
DatasetArgument = Annotated[
    str, typer.Argument(metavar="DATASET", help=DATASET, autocompletion=completing.datasets)
]


def _allow_import(context: typer.Context, wanted: bool) -> bool:
    """Allow it until the command has ended, whatever loads a classifier."""
    if wanted:
        context.with_resource(paths.allowing_import())
    return wanted


AllowImport = Annotated[bool, declared(light.ALLOW_IMPORT, callback=_allow_import)]
Json = Annotated[bool, declared(light.JSON)]

PARTS = {
    "train": Message("train"),
    "validation": Message("validation"),
    "test": Message("test"),
    "own pictures": Message("own pictures"),
    "fold": Message("fold"),
}
_SHAPE = re.compile(r"(\d+)[x×](\d+)(?:[x×](\d+))?")


def read_shape(text: str) -> tuple[int, ...]:
    """Return (height, width, channels) from ``28x28x1``, and (height, width) from ``28x28``.

    Raises:
        UsageError: ``text`` is no shape.
    """
    match = _SHAPE.fullmatch(text.strip().lower())
    shape = tuple(int(size) for size in match.groups() if size) if match else ()
    if not shape or 0 in shape:
        raise UsageError(
            "'{given}' is not an input shape",
            hint="write height, width and channels (1 grey, 3 colour): 28x28x1",
            given=text,
        )
    return shape


def write_shape(shape: tuple[int, ...]) -> str:
    """Return ``28x28x1`` for (28, 28, 1)."""
    return "x".join(str(size) for size in shape)


def warn_of_namesake(data: str | None) -> None:
    """Say that a file or folder here has the name of the dataset that is meant."""
    from imagelet.data.datasets import namesake

    if data is not None and (told := namesake(data)):
        printing.caution(told)


def count_images(number: int) -> Message:
    """Return ``1 image`` or ``1,200 images``."""
    return Message("1 image") if number == 1 else Message("{count:,} images", count=number)


def describe_interval(interval: Iterable[float]) -> Message:
    """Return ``96.41 to 99.23 %`` for an interval from 0 to 1."""
    low, high = map(write_percent, interval)
    return Message("{low} to {high} %", low=low, high=high)


def describe_accuracy(name: Message, figures: Mapping[str, Any]) -> dict[str, str]:
    """Return an accuracy as it is read: ``98.33 % (95 % interval 96.41 to 99.23 %, 360 images)``, and name.

    Where a classifier averages several views of each image, the accuracy without them follows.

    Args:
        name: what to call it: "test accuracy".
        figures: ``accuracy`` and ``interval`` [low, high], from 0 to 1; ``images``, their number; and perhaps
            ``one_view_accuracy``, from 0 to 1, and ``distinct_images``.
    """
    from imagelet.data.copies import WORTH_SAYING

    low, high = map(write_percent, figures["interval"])
    images, distinct = figures["images"], figures.get("distinct_images", figures["images"])
    counted = count_images(images)
    if images - distinct > WORTH_SAYING * images:
        counted = Message("{images}, {distinct:,} of them different", images=counted, distinct=distinct)
    facts: dict[str, str] = {
        name: Message(
            "{accuracy} % (95 % interval {low} to {high} %, {images})",
            accuracy=write_percent(figures["accuracy"]),
            low=low,
            high=high,
            images=counted,
        )
    }
    if "one_view_accuracy" in figures:
        plain = Message("{name}, one view", name=name)
        facts[plain] = f"{write_percent(figures['one_view_accuracy'])} %"
    return facts


def describe_uneven(figures: Mapping[str, Any], part: Message | None = None) -> dict[str, str]:
    """Return what is read beside an accuracy where classes are uneven; nothing where they are even.

    Args:
        figures: of the evaluation, as JSON.
        part: whose they are, where figures of several parts are listed together.
    """
    if not figures.get("uneven"):
        return {}
    facts: dict[str, str] = {}
    names = {"balanced_accuracy": Message("balanced accuracy"), "macro_f1": Message("macro F1")}
    for field, name in names.items():
        low, high = map(write_percent, figures[f"{field}_interval"])
        facts[_of_part(name, part)] = Message(
            "{value} % (95 % interval {low} to {high} %)",
            value=write_percent(figures[field]),
            low=low,
            high=high,
        )
    constant = figures["most_frequent"]
    facts[_of_part(Message("baseline"), part)] = Message(
        "always saying '{class}' would give {accuracy} %",
        accuracy=write_percent(constant["accuracy"]),
        **{"class": constant["class"]},
    )
    return facts


def _of_part(name: Message, part: Message | None) -> Message:
    return name if part is None else Message("{part}: {name}", part=part, name=name)


def caution_learned_before(learned: int | None, images: int) -> None:
    """Warn where a run's test images were learned from by the classifier that the run started from."""
    if learned:
        printing.caution(
            "the classifier that this run started from had learned from {learned:,} of the {count:,} test "
            "images: the accuracy on them is too high",
            learned=learned,
            count=images,
        )


class _Spoken:
    """A command whose help page and complaints are imagelet's own."""

    def get_help(self, ctx: Any) -> NoReturn:
        """Print the help page and leave; click's own printing does not bear a closed pipe."""
        printing.write(sys.stdout, as_text(page(ctx)) + "\n")
        raise typer.Exit

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of the command line, of a group up to the name of a command.

        Raises:
            UsageError: they are wrong.
        """
        try:
            return super().parse_args(ctx, args)  # type: ignore[misc,no-any-return]
        except typer.TyperException as error:
            raise _usage_error(error, ctx) from error


class Command(_Spoken, TyperCommand):
    """A command; its ``epilog`` is one realistic example."""


class Group(_Spoken, TyperGroup):
    """A command that has commands of its own; without one it shows its help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of the command line up to the name of a command.

        Raises:
            UsageError: they are wrong.
        """
        if not ctx.resilient_parsing and not args:
            self.get_help(ctx)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is named first in ``args``.

        Raises:
            UnknownNameError: there is none of that name; the message suggests the nearest.
        """
        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None:
            raise UnknownNameError(
                "unknown {kind} '{name}'{meant}",
                hint="{command} --help lists the commands",
                kind=Message("command"),
                name=args[0],
                meant=suggestion(args[0], list(self.commands)),
                command=ctx.command_path,
            )
        return super().resolve_command(ctx, args)


def _usage_error(error: typer.TyperException, context: Any) -> UsageError:
    """Say in one sentence what typer found wrong."""
    command = context.command_path
    listing = Message("{command} --help lists its options", command=command)
    match error:
        case NoSuchOption():
            known = [name for parameter in context.command.get_params(context) for name in parameter.opts]
            values = {"option": error.option_name, "meant": suggestion(error.option_name, known)}
            return UsageError("{command} has no option '{option}'{meant}", listing, command=command, **values)
        case BadOptionUsage() if "does not take a value" in error.message:
            return UsageError("{option} takes no value", listing, option=error.option_name)
        case BadOptionUsage():
            return UsageError("{option} needs a value", listing, option=error.option_name)
        case MissingParameter():
            return _missing(error.param, context)
        case BadParameter():
            option, allowed = _name(error.param), _allowed(error.param, error.message)
            return UsageError(
                "wrong value for {option}: allowed is {allowed}", listing, option=option, allowed=allowed
            )
    message = getattr(error, "message", str(error))
    if message.startswith("Got unexpected extra argument"):
        extra = message.partition("(s) (")[2].rstrip(")")
        return UsageError(
            "{command} has no use for '{extra}'",
            "{command} --help says what it takes",
            command=command,
            extra=extra,
        )
    return UsageError(_lowered(message), listing)


def _missing(parameter: Any, context: Any) -> UsageError:
    return UsageError(
        "{command} needs {name}: {meaning}",
        "for example: {example}",
        command=context.command_path,
        name=_name(parameter),
        meaning=_lowered((getattr(parameter, "help", "") or "").rstrip(".")),
        example=context.command.epilog,
    )


def _allowed(parameter: Any, message: str) -> str:
    """Return which values an option takes, from its bounds, or else from what typer says."""
    low, high = getattr(parameter, "min", None), getattr(parameter, "max", None)
    if high is not None:
        return Message("a whole number from {low} to {high}", low=low, high=high)
    if low is not None:
        return Message("a whole number from {low} on", low=low)
    if "integer" in message:
        return Message("a whole number")
    return Message("a number") if "number" in message or "float" in message else _lowered(message)


def _name(parameter: Any) -> str:
    return _typed(parameter) if parameter.param_type_name == "argument" else max(parameter.opts, key=len)


def _lowered(sentence: str) -> str:
    """Return ``sentence`` with a small first letter, unless its first word is written in capitals."""
    return sentence if sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]


def page(context: Any) -> Page:
    """Return the help of the command that ``context`` (typer's) stands for."""
    command = context.command
    parameters = [known for known in command.get_params(context) if not getattr(known, "hidden", False)]
    arguments = [known for known in parameters if known.param_type_name == "argument"]
    options = [known for known in parameters if known.param_type_name == "option"]
    commands = [known for known in getattr(command, "commands", {}).values() if not known.hidden]
    typed = [_typed(known) if known.required else f"[{_typed(known)}]" for known in arguments]
    return Page(
        usage=" ".join([context.command_path, *(["COMMAND"] if commands else []), *typed, "[OPTIONS]"]),
        paragraphs=paragraphs(command.help),
        arguments=tuple(Entry(_typed(known), _meaning(known)) for known in arguments),
        options=tuple(Entry(_typed(known), _meaning(known)) for known in options),
        commands=tuple(Entry(known.name, paragraphs(known.help)[0]) for known in commands),
        example=command.epilog or "",
    )


def _typed(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    names = sorted(parameter.opts, key=len)
    value = "" if parameter.is_flag or parameter.count else f" {parameter.metavar or 'TEXT'}"
    return ", ".join(names) + value


def _meaning(parameter: Any) -> str:
    meaning = parameter.help or ""
    if meaning == "Show this message and exit.":
        return "Show this help."
    remarks = []
    if isinstance(parameter.show_default, str):
        remarks.append(f"default {parameter.show_default}")
    elif (
        parameter.show_default and not getattr(parameter, "is_flag", False) and parameter.default is not None
    ):
        remarks.append(f"default {parameter.default}")
    if parameter.envvar:
        remarks.append(f"or the variable {parameter.envvar}")
    return f"{meaning.removesuffix('.')} ({'; '.join(remarks)})." if remarks else meaning
