"""The command line: each command is a function that parses, calls the API and prints.

Importing this package is cheap: a command imports what it needs when it is called. Lines that ``light`` reads
need no typer; the others go to ``application``.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from imagelet import ranks
from imagelet.cli import light, printing
from imagelet.cli.failures import report_failure
from imagelet.cores import let_waiting_threads_sleep
from imagelet.errors import UsageError, packages_needed
from imagelet.messages import LANGUAGES, current_language, preferred_language, use_language

if TYPE_CHECKING:
    from imagelet.cli.application import app

__all__ = ["PROGRAM", "app", "main"]

PROGRAM = "imagelet"
SHARED = "train"  # the command that several processes divide among them


def __getattr__(name: str) -> Any:
    if name == "app":
        return importlib.import_module("imagelet.cli.application").app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    Args:
        arguments: the words after the program's name; None for those that it was started with.

    Returns:
        0 done, 1 failed, 2 wrong usage, 3 a required figure was missed, 130 interrupted.
    """
    words, debug = _without_debug(sys.argv[1:] if arguments is None else arguments)
    let_waiting_threads_sleep()
    printing.prepare_streams()
    with use_language(preferred_language(os.environ)):
        try:
            words, language = _without_language(words)
        except UsageError as error:
            return report_failure(error, debug=debug)
        with use_language(language):
            return _run(words, debug=debug)


def _run(words: Sequence[str], *, debug: bool) -> int:
    quiet = False
    try:
        quiet = _is_quiet(words)
        with printing.silenced(quiet), printing.warnings_as_lines(debug=debug), packages_needed():
            return 0 if quiet and words[0] != SHARED else _called(words)()
    except printing.OutputClosedError:
        return 0  # the reader has seen enough
    except (Exception, KeyboardInterrupt) as error:
        said = isinstance(error, UsageError | KeyboardInterrupt) or ranks.is_said(error)
        with printing.silenced(quiet and said and not debug):
            as_json = not quiet and "--json" in _split(words)[0]
            return report_failure(error, debug=debug, as_json=as_json)


def _is_quiet(words: Sequence[str]) -> bool:
    """Return whether this process prints nothing, because it is not the first of several of torchrun's.

    They divide one command among them; of all others the first process does the whole, and is alone then.

    Raises:
        UsageError: the environment speaks of several processes, and what it says cannot be.
    """
    if words[:1] == [SHARED]:
        place = ranks.placement()
        if place.world > 1:
            os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # what torch says of others that have ended
        return not place.is_first
    is_other = os.environ.get("RANK", "0") != "0" and os.environ.get("WORLD_SIZE", "1") != "1"
    ranks.leave_the_others()
    return is_other


def _called(words: Sequence[str]) -> Callable[[], int]:
    """Return what a command line calls: a function that returns the exit code."""
    completes = f"_{PROGRAM}_COMPLETE".upper() in os.environ  # the shell asks for completions
    call = None if completes else light.read(words)
    if call is not None:
        return call
    if importlib.util.find_spec("typer") is None:
        return partial(light.answer, words)
    from imagelet.cli import application

    return partial(application.complete if completes else application.call, words, PROGRAM)


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
