"""typer's commands with imagelet's help page and imagelet's sentences for wrong usage."""

import sys
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from imagelet.cli import help as help_page
from imagelet.cli import printing
from imagelet.errors import UnknownNameError, UsageError
from imagelet.messages import Message
from imagelet.registry import suggestion


class Command(TyperCommand):
    """A command; its ``epilog`` is one realistic example."""

    def get_help(self, ctx: Any) -> NoReturn:
        """Print the help page and leave; click's own printing does not bear a closed pipe."""
        _show_help(ctx)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of the command line.

        Raises:
            UsageError: they are wrong.
        """
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as error:
            raise _usage_error(error, ctx) from error


class Group(TyperGroup):
    """A command that has commands of its own; without one it shows its help."""

    def get_help(self, ctx: Any) -> NoReturn:
        """Print the help page and leave; click's own printing does not bear a closed pipe."""
        _show_help(ctx)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of the command line up to the name of a command.

        Raises:
            UsageError: they are wrong.
        """
        if not ctx.resilient_parsing and not args:
            _show_help(ctx)
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as error:
            raise _usage_error(error, ctx) from error

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is named first in ``args``.

        Raises:
            UnknownNameError: there is none of that name; the message suggests the nearest.
        """
        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None:
            raise UnknownNameError(
                "unknown command '{args}'{suggestion}",
                hint="{command_path} --help lists the commands",
                args=args[0],
                suggestion=suggestion(args[0], list(self.commands)),
                command_path=ctx.command_path,
            )
        return super().resolve_command(ctx, args)


def _show_help(context: Any) -> NoReturn:
    printing.write(sys.stdout, help_page.as_text(help_page.page(context)) + "\n")
    raise typer.Exit


def _usage_error(error: typer.TyperException, context: Any) -> UsageError:
    """Say in one sentence what click found wrong.

    click keeps the classes of its usage errors to itself, hence the names.
    """
    command = context.command_path
    listing = Message("{command} --help lists its options", command=command)
    option = getattr(error, "option_name", "")
    match type(error).__name__:
        case "NoSuchOption":
            known = [name for each in context.command.get_params(context) for name in each.opts]
            return UsageError(
                "{command} has no option '{option}'{suggestion}",
                listing,
                command=command,
                option=option,
                suggestion=suggestion(option, known),
            )
        case "BadOptionUsage" if "does not take a value" in error.message:
            return UsageError("{option} takes no value", listing, option=option)
        case "BadOptionUsage":
            return UsageError("{option} needs a value", listing, option=option)
        case "MissingParameter":
            return _missing(error, context)
        case "BadParameter":
            named = _name(getattr(error, "param", None))
            return UsageError(
                "wrong value for {named}: {lowered}", listing, named=named, lowered=_lowered(error.message)
            )
    if error.message.startswith("Got unexpected extra argument"):
        extra = error.message.partition("(s) (")[2].rstrip(")")
        return UsageError(
            "{command} has no use for '{extra}'",
            "{command} --help says what it takes",
            command=command,
            extra=extra,
        )
    return UsageError(_lowered(error.message), listing)


def _missing(error: typer.TyperException, context: Any) -> UsageError:
    parameter = getattr(error, "param", None)
    meaning = _lowered((getattr(parameter, "help", "") or "").rstrip("."))
    example = context.command.epilog or f"{context.command_path} --help"
    detail = f": {meaning}" if meaning else ""
    return UsageError(
        "{command_path} needs {name}{detail}",
        "for example: {what}",
        command_path=context.command_path,
        name=_name(parameter),
        detail=detail,
        what=example,
    )


def _name(parameter: Any) -> str:
    if parameter is None:
        return "an argument"
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    return str(max(parameter.opts, key=len))


def _lowered(sentence: str) -> str:
    """Return ``sentence`` with a small first letter, unless its first word is written in capitals."""
    return sentence if sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]
