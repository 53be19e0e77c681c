"""What ``--help`` says about a command, as data; shown on the terminal and written to docs/cli.md."""

import inspect
import re
import shutil
import sys
import textwrap
from dataclasses import dataclass
from typing import Any

import typer

from imagelet.cli import printing

_WIDEST = 100  # columns: longer lines are hard to read


@dataclass(frozen=True)
class Entry:
    """An argument, an option or a command: how it is typed and what it does."""

    name: str
    meaning: str


@dataclass(frozen=True)
class Page:
    """The help of one command."""

    usage: str
    paragraphs: tuple[str, ...]
    arguments: tuple[Entry, ...]
    options: tuple[Entry, ...]
    commands: tuple[Entry, ...]
    example: str


def page(context: Any) -> Page:
    """Return the help of the command that ``context`` (click's) stands for."""
    command = context.command
    parameters = [each for each in command.get_params(context) if not getattr(each, "hidden", False)]
    arguments = [each for each in parameters if each.param_type_name == "argument"]
    options = [each for each in parameters if each.param_type_name == "option"]
    commands = [each for each in getattr(command, "commands", {}).values() if not each.hidden]
    words = [context.command_path]
    words += ["COMMAND"] if commands else []
    words += [
        written if each.required else f"[{written}]" for each in arguments if (written := _written(each))
    ]
    return Page(
        usage=" ".join([*words, "[OPTIONS]"]),
        paragraphs=_paragraphs(command.help),
        arguments=tuple(Entry(_written(each), _meaning(each)) for each in arguments),
        options=tuple(Entry(_written(each), _meaning(each)) for each in options),
        commands=tuple(Entry(each.name, _paragraphs(each.help)[0]) for each in commands),
        example=command.epilog or "",
    )


def as_text(shown: Page) -> str:
    """Return a page for the terminal, coloured where standard output wants it."""
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    blocks = [_wrapped(f"Usage: {shown.usage}", "", width)]
    blocks += [_wrapped(paragraph, "  ", width) for paragraph in shown.paragraphs]
    for title, entries in (
        ("Commands", shown.commands),
        ("Arguments", shown.arguments),
        ("Options", shown.options),
    ):
        if entries:
            blocks.append("\n".join([f"{title}:", *_listed(entries, width)]))
    if shown.example:
        blocks.append(f"Example:\n{textwrap.indent(shown.example, '  ')}")
    text = "\n\n".join(blocks)
    return _coloured(text) if printing.is_colourful(sys.stdout) else text


def _paragraphs(text: str | None) -> tuple[str, ...]:
    return tuple(" ".join(each.split()) for each in inspect.cleandoc(text or "").split("\n\n"))


def _written(parameter: Any) -> str:
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


def _wrapped(text: str, indent: str, width: int) -> str:
    return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent or " " * len("Usage: "))


def _listed(entries: tuple[Entry, ...], width: int) -> list[str]:
    column = min(max(len(entry.name) for entry in entries), width // 3) + len("    ")
    lines = []
    for entry in entries:
        name = f"  {entry.name}".ljust(column)
        if len(entry.name) + len("    ") > column:  # a long name has a line of its own
            lines.append(name)
            name = " " * column
        lines.append(
            textwrap.fill(entry.meaning, width, initial_indent=name, subsequent_indent=" " * column).rstrip()
            or name
        )
    return lines


def _coloured(text: str) -> str:
    text = re.sub(r"(?m)^([A-Z][a-z]+:)", lambda match: typer.style(match[1], bold=True), text)
    return re.sub(r"(?<![\w-])(--?[a-z][\w-]*)", lambda match: typer.style(match[1], fg="cyan"), text)
