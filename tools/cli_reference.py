"""Write docs/reference/cli.md from the commands themselves: ``python -m tools.cli_reference``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from imagelet import atomic_files, cli
from imagelet.cli.commands import page
from imagelet.cli.help_page import Entry

DOCUMENT = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"
INTRODUCTION = """\
# The command line

This page is made from the commands: `python -m tools.cli_reference`. A test compares the two.

Results go to standard output, progress and warnings to standard error. `--json` prints exactly one JSON
document on standard output; figures that do not exist (no loss, not a number) are `null` in it.
On a terminal there are colours and progress bars; `NO_COLOR` turns the colours off.
Into a pipe or a file goes plain text, one record a line.
Results, warnings and errors are in English or Korean: `--language en|ko`, else the language of the locale.
Help and JSON, messages in JSON too, are always in English, so that a program reads the same everywhere.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | failed; standard error says why and what to do next (`--debug` adds the traceback) |
| 2 | wrong usage; nothing was read, written or changed |
| 3 | a figure is below the one that `--require` asks for |
| 130 | interrupted, after saving what can be resumed |

| variable | what it sets |
|---|---|
| `IMAGELET_DATA` | a folder with official data files, looked at first |
| `IMAGELET_HOME` | the cache; else `$XDG_CACHE_HOME/imagelet`, else `~/.cache/imagelet` |
| `IMAGELET_RUNS` | where runs are written; else `runs` in the current folder |
| `IMAGELET_ALLOW_IMPORT` | 1: as `--allow-import` of every command |
| `IMAGELET_DEBUG` | any text: as `--debug` |
| `LC_ALL`, `LC_MESSAGES`, `LANG` | the language, where `--language` does not say: the first that is set |

`IMAGELET_DATA` holds the files of [datasets by name](datasets.md): `mnist/*.gz`,
`cifar-10-batches-bin/*.bin`.
`RUN` is a run's folder or name, or a `.safetensors` file.
`DATASET` is a dataset's name, or a folder with one subfolder a class
(optionally under `train/`, `val/`, `test/`). `evaluate --data` also takes a CSV file with the columns
`path` and `label`.
"""


def markdown() -> str:
    """Return the whole reference."""
    root = typer.main.get_command(cli.app)
    return "\n".join([INTRODUCTION, *_sections(root, None, cli.PROGRAM)])


def _sections(command: Any, parent: Any, name: str) -> Iterator[str]:
    """Yield the sections of a command and of all commands below it."""
    context = typer.Context(command, parent=parent, info_name=name, help_option_names=["-h", "--help"])
    shown = page(context)
    yield f"## {context.command_path}\n"
    yield from (f"{_escaped(paragraph)}\n" for paragraph in shown.paragraphs)
    yield f"Usage: **{context.command_path}**{shown.usage.removeprefix(context.command_path)}\n"
    if not shown.commands:
        yield from _table("argument", shown.arguments)
    own = tuple(entry for entry in shown.options if not entry.name.endswith("--help"))
    yield from _table("option", own)
    if shown.example:
        yield f"Example:\n\n```\n{shown.example}\n```\n"
    for below in getattr(command, "commands", {}).values():
        yield from _sections(below, context, below.name)


def _table(heading: str, entries: tuple[Entry, ...]) -> Iterator[str]:
    if entries:
        yield f"| {heading} | meaning |\n|---|---|"
        yield from (
            f"| `{entry.name.replace('|', chr(92) + '|')}` | {_escaped(entry.meaning)} |" for entry in entries
        )
        yield ""


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    atomic_files.write_text(DOCUMENT, markdown())
