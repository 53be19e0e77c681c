"""The help page of a command: what it says, as lines for the terminal."""

import inspect
import re
import shutil
import sys
import textwrap
from typing import NamedTuple

from imagelet.cli import printing

_WIDEST = 100  # columns: longer lines are hard to read


class Entry(NamedTuple):
    """An argument, an option or a command: how it is typed and what it does."""

    name: str
    meaning: str


class Page(NamedTuple):
    """The help of one command."""

    usage: str
    paragraphs: tuple[str, ...]
    arguments: tuple[Entry, ...]
    options: tuple[Entry, ...]
    commands: tuple[Entry, ...]
    example: str


def as_text(help_page: Page) -> str:
    """Return a page for the terminal, coloured where standard output wants it."""
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    blocks = [_wrapped(f"Usage: {help_page.usage}", "", width)]
    blocks += [_wrapped(paragraph, "  ", width) for paragraph in help_page.paragraphs]
    for title, entries in (
        ("Commands", help_page.commands),
        ("Arguments", help_page.arguments),
        ("Options", help_page.options),
    ):
        if entries:
            blocks.append("\n".join([f"{title}:", *_listed(entries, width)]))
    if help_page.example:
        blocks.append(f"Example:\n{textwrap.indent(help_page.example, '  ')}")
    text = "\n\n".join(blocks)
    return _coloured(text) if printing.is_colourful(sys.stdout) else text


def paragraphs(text: str | None) -> tuple[str, ...]:
    """Return the paragraphs of a docstring, each in one line."""
    return tuple(" ".join(paragraph.split()) for paragraph in inspect.cleandoc(text or "").split("\n\n"))


def _wrapped(text: str, indent: str, width: int) -> str:
    return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent or " " * len("Usage: "))


def _listed(entries: tuple[Entry, ...], width: int) -> list[str]:
    column = min(max(len(entry.name) for entry in entries), width // 3) + len("    ")
    lines, indent = [], " " * column
    for entry in entries:
        name = f"  {entry.name}".ljust(column)
        if len(entry.name) + len("    ") > column:  # a long name has a line of its own
            lines.append(name)
            name = indent
        meaning = textwrap.fill(entry.meaning, width, initial_indent=name, subsequent_indent=indent)
        lines.append(meaning.rstrip() or name)
    return lines


def _coloured(text: str) -> str:
    text = re.sub(r"(?m)^([A-Z][a-z]+:)", "\x1b[1m\\1\x1b[0m", text)  # bold
    return re.sub(r"(?<![\w-])(--?[a-z][\w-]*)", "\x1b[36m\\1\x1b[0m", text)  # cyan
