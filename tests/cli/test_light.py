"""Lines that are read without typer mean what typer would read, and their help is the same."""

from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from imagelet.cli import app, light
from imagelet.cli.help_page import as_text
from imagelet.errors import UsageError
from tests.cli.conftest import Run

GROUP: Any = typer.main.get_command(app)
WORDS = (
    *("mnist", "a.png", "b c.jpg", "-", "--", "--top", "--top=2", "1", "0", "--seen", "--seen=x.png"),
    *(
        "--csv",
        "out.csv",
        "--csv=",
        "--json",
        "--json=1",
        "--allow-import",
        "--threads",
        "--device=cpu",
        "--debug",
        "-h",
        "-x",
        "",
    ),
)
DEFAULTS = {"top": 3, "device": "cpu", "threads": "auto"}


def read_by_typer(name: str, words: list[str]) -> dict[str, Any]:
    """Return the arguments that typer reads of the words behind a command's name."""
    with GROUP.commands[name].make_context(name, list(words)) as context:
        parameters: dict[str, Any] = context.params
    return parameters


@pytest.mark.parametrize("name", light.COMMANDS)
class TestACommand:
    @given(words=st.lists(st.sampled_from(WORDS), max_size=6))
    @settings(deadline=None, max_examples=300)
    def test_gets_what_typer_would_give_it(self, name: str, words: list[str]) -> None:
        call: Any = light.read([name, *words])
        if call is not None:
            expected = read_by_typer(name, words)
            assert call.keywords.items() <= expected.items()
            assert not any(value for key, value in expected.items() if key not in call.keywords | DEFAULTS)

    def test_has_one_help(self, name: str, run: Run) -> None:
        assert run(name, "--help").stdout == as_text(light.COMMANDS[name].page()) + "\n"


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["predict", "mnist", "a.png"], {"run": "mnist", "images": ["a.png"]}),
        (["predict", "mnist", "--top", "2", "a", "--", "--top"], {"images": ["a", "--top"], "top": 2}),
        (["predict", "--json", "mnist", "-"], {"as_json": True, "images": ["-"]}),
        (["classifiers"], {}),
        (["classifiers", "mnist", "--json"], {"name": "mnist", "as_json": True}),
    ],
)
def test_what_is_plainly_right_is_read(words: list[str], values: dict[str, Any]) -> None:
    call: Any = light.read(words)
    assert values.items() <= call.keywords.items()


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["train", "mnist"],
        ["predict"],
        ["predict", "mnist"],
        ["predict", "--help"],
        ["predict", "mnist", "a.png", "--top", "0"],
        ["predict", "mnist", "a.png", "--top"],
        ["predict", "mnist", "a.png", "--tops", "1"],
        ["classifiers", "mnist", "cifar-10"],
    ],
)
def test_everything_else_is_left_to_typer(words: list[str]) -> None:
    assert light.read(words) is None


class TestWithoutTyper:
    @pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
    def test_help_names_the_commands_and_the_installation_of_all(
        self, words: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert light.answer(words) == 0
        shown = capsys.readouterr().out
        assert set(light.COMMANDS) <= set(shown.split())
        assert "pip install imagelet" in shown

    def test_the_help_of_a_command_is_shown(self, capsys: pytest.CaptureFixture[str], run: Run) -> None:
        assert light.answer(["predict", "mnist", "--help"]) == 0
        assert capsys.readouterr().out == run("predict", "--help").stdout

    def test_a_line_that_is_wrong_is_told_how_it_would_be_right(self) -> None:
        with pytest.raises(UsageError, match=r"it is imagelet predict RUN IMAGE\.\.\. \[OPTIONS\]"):
            light.answer(["predict", "mnist"])

    def test_another_command_is_told_what_to_install(self) -> None:
        with pytest.raises(UsageError, match="pip install imagelet"):
            light.answer(["train", "mnist"])
