"""The command line: one file for each family of commands; each parses, calls the API and prints.

Importing this package is cheap: a command imports what it needs when it is called.
"""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from imagelet.cli import (
    arithmetic,
    compare,
    course,
    data,
    demo,
    doctor,
    evaluate,
    explain,
    lab,
    networks,
    predict,
    printing,
    recipes,
    runs,
    train,
)
from imagelet.cli.commands import Group

PROGRAM = "imagelet"

app = typer.Typer(
    cls=Group,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="imagelet demo",
)
# In the order of `imagelet --help`.
FAMILIES = (
    demo,
    data,
    networks,
    arithmetic,
    recipes,
    train,
    evaluate,
    compare,
    predict,
    explain,
    lab,
    course,
    runs,
    doctor,
)
for family in FAMILIES:
    app.add_typer(family.commands)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        printing.say("{PROGRAM} {version}", PROGRAM=PROGRAM, version=version(PROGRAM))
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug", help="Show the traceback of an error; goes anywhere in the line. Or IMAGELET_DEBUG=1."
        ),
    ] = False,
) -> None:
    """From a folder of small images to a trained, honestly tested classifier, on your own machine.

    Results go to standard output, everything else to standard error; --json prints one JSON document.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command line and return its exit code.

    Args:
        arguments: the words after the program's name; None for those that it was started with.

    Returns:
        0 done, 1 failed, 2 wrong usage, 3 a required figure was missed, 130 interrupted.
    """
    words, debug = _without_debug(sys.argv[1:] if arguments is None else arguments)
    printing.prepare_streams()
    command = typer.main.get_command(app)
    if f"_{PROGRAM}_COMPLETE".upper() in os.environ:
        command(words, prog_name=PROGRAM)  # the shell asks for completions; leaves by SystemExit
    try:
        with printing.warnings_as_lines(debug=debug), command.make_context(PROGRAM, words) as context:
            command.invoke(context)
    except typer.Exit as ending:
        return ending.exit_code
    except printing.OutputClosedError:
        return 0  # the reader has seen enough
    except (Exception, KeyboardInterrupt) as error:
        return printing.report_failure(error, debug=debug)
    return 0


def _without_debug(words: Sequence[str]) -> tuple[list[str], bool]:
    """Take ``--debug`` out of the words before a ``--``, so that it may stand anywhere."""
    end = words.index("--") if "--" in words else len(words)
    rest = [*(word for word in words[:end] if word != "--debug"), *words[end:]]
    return rest, len(rest) < len(words) or bool(os.environ.get("IMAGELET_DEBUG"))
