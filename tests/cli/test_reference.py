"""docs/reference/cli.md says what the commands say."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from imagelet import cli
from imagelet.cli.commands import as_text, page
from tools import cli_reference


def _contexts(command: Any, parent: Any, name: str) -> Iterator[Any]:
    context = typer.Context(command, parent=parent, info_name=name, help_option_names=["-h", "--help"])
    yield context
    for below in getattr(command, "commands", {}).values():
        yield from _contexts(below, context, below.name)


CONTEXTS = list(_contexts(typer.main.get_command(cli.app), None, "imagelet"))
WITHOUT_RESULT = ("lab",)  # it serves a page until it is ended
COMMANDS = [context for context in CONTEXTS if not hasattr(context.command, "commands")]


def test_the_committed_reference_is_the_generated_one() -> None:
    written = cli_reference.DOCUMENT.read_text(encoding="utf-8")
    assert written == cli_reference.markdown(), "write it anew: python -m tools.cli_reference"


@pytest.mark.parametrize("context", COMMANDS, ids=lambda context: context.command_path)
class TestEveryCommand:
    def test_has_an_example_of_itself(self, context: Any) -> None:
        assert page(context).example.startswith(context.command_path)

    def test_says_what_it_does_in_one_line(self, context: Any) -> None:
        first = page(context).paragraphs[0]
        assert first.endswith(".")
        assert len(f"  evaluate  {first}") <= 80

    def test_explains_each_argument_and_option(self, context: Any) -> None:
        shown = page(context)
        for entry in shown.arguments + shown.options:
            assert entry.meaning[:1].isupper(), entry
            assert entry.meaning.endswith("."), entry

    def test_prints_json(self, context: Any) -> None:
        names = {entry.name for entry in page(context).options}
        assert ("--json" in names) == (context.info_name not in WITHOUT_RESULT)

    def test_says_which_fields_its_json_has(self, context: Any) -> None:
        tells = any(paragraph.startswith("JSON: ") for paragraph in page(context).paragraphs)
        assert tells == (context.info_name not in WITHOUT_RESULT)

    def test_fits_a_terminal_of_80_columns(self, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        text = as_text(page(context))
        example = page(context).example
        assert max(len(line) for line in text.splitlines() if line.strip() not in example) <= 80

    def test_stands_in_the_reference(self, context: Any) -> None:
        assert f"## {context.command_path}\n" in cli_reference.markdown()
