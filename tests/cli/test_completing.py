"""What the shell offers where a name is due."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagelet.cli import completing

Run = Callable[..., Any]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("imagelet train mni", {"mnist"}),
        ("imagelet train mnist --recipe mnist-", {"mnist-fast", "mnist-best"}),
        ("imagelet train mnist --network lenet", {"lenet-5"}),
        ("imagelet train mnist --from fashion", {"fashion-mnist"}),
        ("imagelet train mnist --optimizer ada", {"adam", "adamw"}),
        ("imagelet train mnist --set freeze", {"freeze=", "freeze_until=", "freeze_first_layer_at="}),
        ("imagelet networks cnn", {"cnn-1", "cnn-3"}),
        ("imagelet predict sho", {"short"}),
        ("imagelet train --resume sho", {"short"}),
        ("imagelet report sho", {"short"}),
    ],
)
def test_names_are_offered(run_process: Run, short_run: Path, words: str, offered: set[str]) -> None:
    outcome = run_process(
        _IMAGELET_COMPLETE="complete_bash",
        COMP_WORDS=words,
        COMP_CWORD=str(len(words.split()) - 1),
        IMAGELET_RUNS=str(short_run.parent),
    )
    assert set(outcome.stdout.split()) == offered


def test_a_folder_of_runs_that_is_not_there_offers_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGELET_RUNS", str(tmp_path / "nowhere"))
    assert completing.runs("") == []


def test_no_answer_waits_for_torch() -> None:
    program = (
        "import sys; from imagelet.cli import completing as c\n"
        "for offer in (c.networks, c.recipes, c.optimizers, c.datasets, c.classifiers, c.fields): offer('')\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
