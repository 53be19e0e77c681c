"""The command line, called as a function: exit code, standard output and standard error apart."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from imagelet.cli import main
from tests.conftest import blank_pictures

SETTINGS = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS", "TTY_COMPATIBLE", "IMAGELET_DEBUG")
LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")


@dataclass(frozen=True)
class Outcome:
    """What a command line came to."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.stdout)

    @property
    def fields(self) -> str:
        """The fields of that document, as a help text writes them: ``name, layers[{name, shape}], total``."""
        return _written(self.document)


def _written(value: dict[str, Any]) -> str:
    lists = {name: f"[{{{_written(item[0])}}}]" for name, item in value.items() if _is_list_of_records(item)}
    return ", ".join(f"{name}{lists.get(name, '')}" for name in value)


def _is_list_of_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


Run = Callable[..., Outcome]


@pytest.fixture(scope="module", autouse=True)
def _blank_pictures() -> Iterator[None]:
    with blank_pictures():
        yield


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the caller's settings for terminals out of the tests."""
    for name in SETTINGS + LOCALE:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _one_at_a_time(one_at_a_time: None) -> None:
    """Start no process for a training that a test does not ask for."""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that carries out a command line in this process."""

    def run_experiment(*words: str | Path) -> Outcome:
        capsys.readouterr()
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run_experiment


@pytest.fixture
def documented(run: Run) -> Callable[..., str]:
    """Return a function that tells which fields a command's help promises, perhaps of something else."""

    def read(*command: str, of: str = "") -> str:
        text = " ".join(run(*command, "--help").stdout.split())
        return re.split(r"[;.]", text.partition(f" JSON{f' of {of}' if of else ''}: ")[2])[0]

    return read


@pytest.fixture
def run_with_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that carries out a command line in this process, after what it has to read."""

    def run_experiment(content: bytes, *words: str | Path) -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        return run(*words)

    return run_experiment


@pytest.fixture
def run_process(tmp_path: Path) -> Run:
    """Return a function that carries out a command line in a process of its own."""

    def run_experiment(*words: str | Path, stdin: bytes | None = None, **environment: str) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "imagelet", *map(str, words)],
            input=stdin,
            capture_output=True,
            timeout=120,
            cwd=tmp_path,
            env={**os.environ, **environment},
            check=False,
        )
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run_experiment


@pytest.fixture(scope="session")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from imagelet.experiment.runner import run_experiment
    from imagelet.runs.definition import Experiment
    from imagelet.training.recipe import Recipe

    folder = tmp_path_factory.mktemp("trained")
    experiment = Experiment(dataset="digits", network="softmax", recipe=Recipe(epochs=1))
    with blank_pictures():
        for _ in run_experiment(experiment, name="short", folder=folder):
            pass
    return folder / "short"


@pytest.fixture
def short_run(_trained: Path, tmp_path: Path) -> Path:
    """Return the folder of a finished run: `softmax` on `digits` for an epoch. The test may change it."""
    return Path(shutil.copytree(_trained, tmp_path / "runs" / "short"))


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an evaluation draw nothing."""
    from imagelet.analysis import error_analysis

    monkeypatch.setattr(error_analysis, "draw_evaluation", lambda *_: None)
    monkeypatch.setattr(error_analysis, "draw_error_analysis", lambda *_: None)
