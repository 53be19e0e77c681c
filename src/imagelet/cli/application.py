"""The command line as typer reads it: all families of commands, and the options that go anywhere."""

from collections.abc import Sequence
from typing import Annotated

import typer

from imagelet.cli import (
    arithmetic,
    catalogue,
    code,
    compare,
    course,
    data,
    demo,
    doctor,
    evaluate,
    export,
    importing,
    lab,
    predict,
    printing,
    runs,
    serve,
    train,
    tune,
)
from imagelet.cli.commands import Group

app = typer.Typer(
    cls=Group,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="imagelet demo",
)
# In the order of `imagelet --help`.
FAMILIES = (
    *(demo, train, tune, data, catalogue, arithmetic, evaluate, compare, predict, export, code),
    *(importing, serve, lab, course, runs, doctor),
)
for family in FAMILIES:
    app.add_typer(family.commands)


def _print_version(wanted: bool) -> None:
    if wanted:
        printing.version()
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
    language: Annotated[
        str | None,
        typer.Option(
            "--language",
            metavar="en|ko",
            help="The language of results, warnings and errors; goes anywhere in the line.",
            show_default="that of LC_ALL, LC_MESSAGES or LANG, else en",
        ),
    ] = None,
) -> None:
    """From a folder of small images to a trained, honestly tested classifier, on your own machine.

    Results go to standard output, everything else to standard error; --json prints one JSON document, of a
    failure {"error": {"code", "message", "hint"}}.
    """


def call(words: Sequence[str], program: str) -> int:
    """Run a command line and return its exit code."""
    command = typer.main.get_command(app)
    try:
        with command.make_context(program, list(words), obj=list(words)) as context:
            command.invoke(context)
    except typer.Exit as ending:
        return ending.exit_code
    return 0


def complete(words: Sequence[str], program: str) -> int:
    """Print what the shell offers, and leave."""
    typer.main.get_command(app)(list(words), prog_name=program)  # leaves by SystemExit
    return 0
