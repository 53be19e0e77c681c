"""Read what the Markdown files claim: links, headings, blocks, command lines, ``make`` targets."""

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

FENCED = re.compile(r"^(```+)[^\n]*\n(.*?)^\1[ ]*$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
PROMPT = re.compile(r"^(?:\$ )?(?:\.venv[/\\](?:bin|Scripts)[/\\])?")
NOTED = re.compile(r"(?:^<!-- (?P<note>[^\n]*) -->\n)?(?P<block>^```[^`])", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block of a document.

    Attributes:
        language: the word behind the fence; empty where there is none.
        text: what is in it.
        note: the comment on the line before the fence, which no reader sees: how a test is to run it.
    """

    language: str
    text: str
    note: str


def blocks(text: str) -> Iterator[Block]:
    """Yield a document's fenced blocks, in their order."""
    notes = {match.start("block"): match["note"] or "" for match in NOTED.finditer(text)}
    for match in FENCED.finditer(text):
        language = re.match(r"`+(\S*)", match[0])
        yield Block(language[1] if language else "", match[2], notes.get(match.start(), ""))


def documents(root: Path) -> list[Path]:
    """Return the project's Markdown files: of the top folder, docs, benchmarks and examples."""
    folders = ("docs", "benchmarks", "examples")
    return sorted([*root.glob("*.md"), *(path for each in folders for path in root.glob(f"{each}/**/*.md"))])


def block_lines(text: str) -> list[str]:
    """Return the lines of a document's fenced blocks; prompts and the path to .venv are left out."""
    blocks = "\n".join(match.group(2) for match in FENCED.finditer(text))
    return [PROMPT.sub("", line.strip()) for line in blocks.replace("\\\n", " ").splitlines()]


def inline_code(text: str) -> list[str]:
    """Return the pieces of code in a document's sentences."""
    return INLINE.findall(FENCED.sub("", text))


def formulas(text: str) -> list[str]:
    """Return a document's formulas in TeX: the blocks, then those in sentences."""
    blocks = re.findall(r"```math\n(.*?)```", text, re.DOTALL)
    return [*blocks, *re.findall(r"(?<![\\$])\$([^$\n]+)\$", FENCED.sub("", text))]


def command_lines(lines: Iterable[str]) -> list[list[str]]:
    """Return the words of each ``imagelet …`` among ``lines``, the program's name left out."""
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("imagelet ")]


def make_targets(lines: Iterable[str]) -> set[str]:
    """Return the targets of each ``make …`` among ``lines``."""
    words = [
        word for line in lines if line.startswith("make ") for word in shlex.split(line, comments=True)[1:]
    ]
    return {word for word in words if "=" not in word and not word.startswith("-")}


def anchors(text: str) -> set[str]:
    """Return the names that a link can jump to: the headings as GitHub spells them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def broken_links(document: Path) -> list[str]:
    """Return the links of a document that lead to no file or no heading; those to the web are left out."""
    text = document.read_text(encoding="utf-8")
    broken = []
    for link in LINK.findall(FENCED.sub("", text)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, heading = link.partition("#")
        target = document.parent / name if name else document
        if not target.exists() or (heading and heading not in anchors(target.read_text(encoding="utf-8"))):
            broken.append(link)
    return broken
