"""What the program tells people to type works when it is typed, also where names hold blanks and quotes."""

import ast
import itertools
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image

from imagelet.cli import app
from imagelet.errors import UsageError
from tests.cli.conftest import Outcome
from tools import messages

Run = Callable[..., Outcome]

ROOT = Path(__file__).parents[2]
COMMAND = re.compile(r"(?<![\w.`'/])imagelet(?= [a-z])")
SUBJECT = {"is", "classifies", "can", "may"}  # "imagelet is for small images" names no command
# What stands in a command and needs no quotes: names that a registry or a pattern of ours admits.
PLAIN = {"name", "dataset", "command", "example", "table"}


def typed_commands(text: str) -> list[list[str]]:
    """Return the command lines in a text: from ``imagelet`` to the last word that the command takes."""
    rests = (text[place.end() :] for place in COMMAND.finditer(text))
    return [_command_line(rest) for rest in rests if rest.split()[0] not in SUBJECT]


def _command_line(text: str) -> list[str]:
    """Return the words of a command line at the beginning of a text; what follows them is prose.

    Raises:
        UsageError: no such command or option, or an argument is missing.
    """
    command: Any = typer.main.get_command(app)
    words, taken = _words(text), []
    while hasattr(command, "commands"):
        name = next(words, "").rstrip(".,;)")
        if name not in command.commands:
            if taken:  # imagelet data: a family, not a command
                return taken
            raise UsageError("there is no command {name}", name=name)
        taken.append(name)
        command = command.commands[name]
    parameters = [*command.params, *typer.main.get_command(app).params]  # --language goes anywhere
    options = {name: option for option in parameters for name in getattr(option, "opts", ())}
    needed = sum(param.param_type_name == "argument" and param.required for param in command.params)
    optional = any(param.param_type_name == "argument" and not param.required for param in command.params)
    for word in words:
        if word.startswith("--"):
            name = word.partition("=")[0].rstrip(".,;)")
            if name not in options:
                raise UsageError("{command} has no option {name}", command=taken[0], name=name)
            taken.append(word if "=" in word else name)
            if not options[name].is_flag and "=" not in word:
                taken.append(next(words).rstrip(",;)"))
        elif needed or (optional and word.isupper()):
            taken.append(word.rstrip(",;)"))
            needed -= 1
        else:
            break
    if needed > 0 and taken[-1] not in command.name:
        raise UsageError("{command} lacks an argument", command=taken[0])
    return taken


def _words(text: str) -> Iterator[str]:
    """Yield the words of a text as a shell reads them, one after the other: prose may hold a lone quote."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    while True:
        try:
            word = lexer.get_token()
        except ValueError:  # a quote that is never closed
            return
        if word is None:
            return
        yield word


def test_a_command_ends_where_prose_begins() -> None:
    text = (
        "put it back, or: imagelet evaluate 'my run' --data NEW. It's told; imagelet data check x says more"
    )
    assert typed_commands(text) == [["evaluate", "my run", "--data", "NEW."], ["data", "check", "x"]]
    with pytest.raises(UsageError, match="no option"):
        typed_commands("imagelet evaluate x --dta y")
    with pytest.raises(UsageError, match="no command"):
        typed_commands("type imagelet evalute x")
    with pytest.raises(UsageError, match="lacks"):
        typed_commands("type imagelet evaluate --split test")
    assert typed_commands("one classifier for imagelet evaluate") == [["evaluate"]]  # is only named


TEMPLATES = sorted(text for text in messages.messages(messages.PACKAGE) if COMMAND.search(text))


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_command_in_a_message_exists_with_its_options(template: str) -> None:
    typed_commands(template)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_command_is_the_same_in_korean(template: str) -> None:
    korean = messages.read_catalog(messages.PACKAGE, "ko").get(template).string
    assert _named(korean) == _named(template)


def _named(text: str) -> list[str]:
    """Return the commands and options in a text, in any order."""
    commands = (word for word in re.findall(r"imagelet ([a-z]+)", text) if word not in SUBJECT)
    return sorted([*commands, *re.findall(r"--[a-z-]+", text)])


def _unquoted(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield each template with a place in a command that is filled with something not made for a shell."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        texts = [*call.args, *(word.value for word in call.keywords if word.arg == "hint")]
        values = {word.arg: word.value for word in call.keywords}
        for text in texts:
            if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
                continue
            if not COMMAND.search(text.value):
                continue
            for word in itertools.chain(*typed_commands(text.value)):
                for name in set(re.findall(r"\{(\w+)\}", word)) - PLAIN:
                    value = values.get(name)
                    made = value.func if isinstance(value, ast.Call) else value
                    if made is None or not ast.unparse(made).endswith("typed"):
                        yield text.value, name


@pytest.mark.parametrize("module", sorted((ROOT / "src").rglob("*.py")), ids=lambda path: path.stem)
def test_a_path_in_a_command_is_quoted_for_the_shell(module: Path) -> None:
    assert list(_unquoted(ast.parse(module.read_text("utf-8")))) == []


def test_a_path_that_is_not_quoted_is_found() -> None:
    source = "RunError('x', hint='imagelet evaluate {folder}', folder=run.folder)"
    assert list(_unquoted(ast.parse(source))) == [("imagelet evaluate {folder}", "folder")]


# -- typed for real ------------------------------------------------------------------------------------------


def pictures(folder: Path, count: int = 8) -> Path:
    """Write a folder of two classes, noise that is bright on the left or on the right."""
    random = np.random.default_rng(0)
    for name, side in (("left", slice(0, 4)), ("right", slice(4, 8))):
        for index in range(count):
            pixels = random.integers(0, 60, (8, 8), np.uint8)
            pixels[:, side] += 150
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / name / f"{index}.png")
    return folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder: its name, and that of the data in it, are such as people give."""
    here = tmp_path / "Anna's work (1)"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.delenv("IMAGELET_RUNS")
    pictures(here / "my pictures")
    return here


def train(run: Run, *more: str) -> Outcome:
    """Train on the pictures, for an epoch, a run whose name holds a blank."""
    words = ("--network", "softmax", "--epochs", "1", "--name", "first try")
    return run("train", "my pictures", *words, *more)


def follow(run: Run, outcome: Outcome, **stands_for: str) -> list[str]:
    """Type every command that an outcome names, which must succeed; return the commands' names.

    Args:
        run: types a command line.
        outcome: of the command before.
        **stands_for: what a person types for a word in capitals.
    """
    typed = typed_commands(outcome.stderr.replace("\n", " ") + " " + outcome.stdout.replace("\n", " "))
    assert typed, outcome
    for words in typed:
        followed = run(*(stands_for.get(word, word) for word in words))
        assert followed.code == 0, (words, followed)
    return [" ".join(itertools.takewhile(str.isalpha, words[:2])) for words in typed]


@pytest.mark.usefixtures("place", "undrawn")
class TestTyped:
    def test_after_training(self, run: Run) -> None:
        trained = train(run)
        assert trained.code == 0
        followed = follow(run, trained, PICTURE="my pictures/left/0.png")
        assert followed == ["evaluate", "predict"]

    def test_where_a_run_is_finished_already(self, run: Run) -> None:
        train(run)
        taken = train(run)
        assert taken.code == 1
        assert typed_commands(taken.stderr) == []  # nothing is left to resume
        assert follow(run, run("train", "--resume", "runs/first try")) == ["evaluate"]

    @pytest.mark.parametrize(
        "words",
        [
            ("evaluate", "first try"),
            ("reproduce", "first try"),
            ("report", "first try"),
            ("train", "my pictures", "--network", "softmax", "--epochs", "1", "--name", "first try"),
        ],
        ids=lambda words: words[0],
    )
    def test_where_a_run_is_not_finished(self, run: Run, place: Path, words: tuple[str, ...]) -> None:
        train(run)
        for file in ("metrics.json", "classifier.safetensors"):
            (place / "runs" / "first try" / file).unlink()
        refused = run(*words)
        assert refused.code == 1
        assert follow(run, refused) == ["train"]

    def test_where_the_data_has_moved(self, run: Run, place: Path) -> None:
        train(run)
        (place / "my pictures").rename(place / "moved, twice")
        refused = run("evaluate", "first try")
        assert refused.code == 1
        assert follow(run, refused, NEW="moved, twice") == ["evaluate"]
        assert (
            run("evaluate", "first try", "--data", "moved, twice", "--json").document["test_evaluations"] == 2
        )

    def test_where_classes_are_missing_in_a_part(self, run: Run, place: Path) -> None:
        (place / "my pictures").rename(place / "train")
        pictures(place / "Anna's" / "test")
        (place / "train").rename(place / "Anna's" / "train")
        (place / "Anna's" / "test" / "left").rename(place / "Anna's" / "test" / "up")
        assert follow(run, run("train", "Anna's")) == ["data check"]

    def test_where_a_picture_is_damaged(self, run: Run, place: Path) -> None:
        for name in ("left/0.png", "right/1.png"):
            (place / "my pictures" / name).write_bytes(b"damaged")
        refused = train(run)
        assert refused.code == 1
        assert "data check" in follow(run, refused)

    @pytest.mark.parametrize(
        "words", [("data", "formats"), ("networks",), ("recipes",), ("classifiers",), ("recipes", "general")]
    )
    def test_of_lists(self, run: Run, words: tuple[str, ...]) -> None:
        typed_commands(run(*words).stderr)
