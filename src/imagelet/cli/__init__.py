"""The command line: each command is a function that parses, calls the API and prints.

Importing this package is cheap: a command imports what it needs when it is called.
"""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from imagelet.cli import (
    arithmetic,
    catalogue,
    compare,
    course,
    data,
    demo,
    doctor,
    evaluate,
    export,
    lab,
    predict,
    printing,
    runs,
    train,
)
from imagelet.cli.commands import Group
from imagelet.cli.failures import report_failure
from imagelet.errors import UsageError
from imagelet.messages import LANGUAGES, current_language, preferred_language, use_language

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
    *(demo, train, data, catalogue, arithmetic, evaluate, compare, predict, export, lab, course, runs),
    doctor,
)
for family in FAMILIES:
    app.add_typer(family.commands)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        printing.say(f"{PROGRAM} {version(PROGRAM)}")
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    Args:
        arguments: the words after the program's name; None for those that it was started with.

    Returns:
        0 done, 1 failed, 2 wrong usage, 3 a required figure was missed, 130 interrupted.
    """
    words, debug = _without_debug(sys.argv[1:] if arguments is None else arguments)
    printing.prepare_streams()
    with use_language(preferred_language(os.environ)):
        try:
            words, language = _without_language(words)
        except UsageError as error:
            return report_failure(error, debug=debug)
        with use_language(language):
            return _run(words, debug=debug)


def _run(words: Sequence[str], *, debug: bool) -> int:
    command = typer.main.get_command(app)
    if f"_{PROGRAM}_COMPLETE".upper() in os.environ:
        command(list(words), prog_name=PROGRAM)  # the shell asks for completions; leaves by SystemExit
    try:
        with printing.warnings_as_lines(debug=debug), command.make_context(PROGRAM, list(words)) as context:
            command.invoke(context)
    except typer.Exit as ending:
        return ending.exit_code
    except printing.OutputClosedError:
        return 0  # the reader has seen enough
    except (Exception, KeyboardInterrupt) as error:
        return report_failure(error, debug=debug, as_json="--json" in _split(words)[0])
    return 0


def _without_debug(words: Sequence[str]) -> tuple[list[str], bool]:
    """Take ``--debug`` out of the words before a ``--``, so that it may stand anywhere."""
    options, others = _split(words)
    rest = [word for word in options if word != "--debug"]
    return rest + others, len(rest) < len(options) or bool(os.environ.get("IMAGELET_DEBUG"))


def _without_language(words: Sequence[str]) -> tuple[list[str], str]:
    """Take ``--language en`` out of the words before a ``--``; return the rest and the language.

    Raises:
        UsageError: no language follows, or one that there is not.
    """
    options, others = _split(words)
    rest: list[str] = []
    language = current_language()
    remaining = iter(options)
    for word in remaining:
        option, equals, value = word.partition("=")
        if option != "--language":
            rest.append(word)
            continue
        language = value if equals else next(remaining, "")
        if language not in LANGUAGES:
            raise UsageError(
                "--language takes one of {languages}, not '{given}'",
                "for example: imagelet recipes --language ko",
                languages=", ".join(LANGUAGES),
                given=language,
            )
    return rest + others, language


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words before a ``--``, and the others."""
    end = words.index("--") if "--" in words else len(words)
    return list(words[:end]), list(words[end:])
