"""Words that are out: the field has its own for each of them, see the table in docs/architecture.md."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INSTEAD = {
    r"carr(?:y|ied|ies|ying)(?: [\w`*]+){0,4} out\b|carr(?:y|ied|ying)_out": "run, train, compute",
    r"\bheed(?:s|ed|ing)?\b": "follow, read",
    r"\btelling\b": "events",
    r"\b(?:came|comes|come) to\b": "result",
    r"\bat[ _]hand\b": "on this computer, available",
    r"\btorn\b|\btearing\b": "outlier exposure, outlier share",
    r"\bby_hand\b": "manual changes",
    r"\bwishes\b": "controls",
    r"\bdoubt(?:s|ed|ful)?\b": "unclear, unsure",
    r"\bsuspects?\b": "label issues",
    r"\bpull of the weights\b|\bstep size\b": "weight decay, learning rate",
}
PROSE = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/*.md",
    "docs/[!c]*/*.md",
    "docs/course/en/*.md",
    "benchmarks/*.md",
    "examples/*.md",
)
SOURCE = (
    "src/**/*.py",
    "src/**/*.js",
    "src/**/*.html",
    "src/**/texts/en/*.json",
    "benchmarks/**/*.py",
    "benchmarks/**/*.jinja",
    "tools/*.py",
)
FILES = sorted(
    {
        path
        for pattern in (*PROSE, *SOURCE)
        for path in ROOT.glob(pattern)
        if "/pages/ko/" not in path.as_posix()
    }
)


def found(text: str) -> list[str]:
    """Return each word that is out, with its line and what to say instead."""
    return [
        f"{text.count(chr(10), 0, match.start()) + 1}: {match[0]!r}; say {instead}"
        for word, instead in INSTEAD.items()
        for match in re.finditer(word, text, re.IGNORECASE)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_word_is_used_that_is_out(path: Path) -> None:
    assert found(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "it carries a run out",
        "carry_out(x)",
        "what it came to",
        "data at hand",
        "at_hand",
        "a step size",
        "Torn images",
    ],
)
def test_a_word_that_is_out_is_found(sentence: str) -> None:
    assert len(found(sentence)) == 1


def test_there_are_files_to_read() -> None:
    names = {path.name for path in FILES}
    assert {"README.md", "cli.md", "loop.py", "main.js", "benchmarks.md.jinja"} <= names
