"""`imagelet runs`: every run, a damaged one too."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Documented = Callable[..., str]


def test_lists_the_runs_with_their_figures(run: Run, short_run: Path) -> None:
    (listed,) = run("runs", short_run.parent, "--json").document["runs"]
    assert (listed["run"], listed["dataset"], listed["network"]) == ("short", "digits", "softmax")
    assert (listed["state"], listed["epochs"], listed["test"], listed["test_evaluations"]) == (
        "finished",
        1,
        None,
        0,
    )
    heading, line = run("runs", short_run.parent).stdout.splitlines()
    assert heading.split() == [
        "run",
        "dataset",
        "network",
        "epochs",
        "validation",
        "test",
        "test",
        "evaluations",
    ]
    low, high = listed["validation"]["interval"]
    interval = f"({100 * low:.1f}–{100 * high:.1f})"
    accuracy = f"{100 * listed['validation']['accuracy']:.2f}"
    assert line.split() == ["short", "digits", "softmax", "1", accuracy, "%", interval, "0"]


def test_has_the_fields_of_its_help(run: Run, short_run: Path, documented: Documented) -> None:
    assert run("runs", short_run.parent, "--json").fields == documented("runs")


def test_tells_unfinished_and_damaged_runs_from_finished_ones(run: Run, short_run: Path) -> None:
    unfinished = Path(shutil.copytree(short_run, short_run.with_name("unfinished")))
    (unfinished / "metrics.json").unlink()
    damaged = Path(shutil.copytree(short_run, short_run.with_name("damaged")))
    (damaged / "experiment.toml").write_text("dataset = ")
    outcome = run("runs", short_run.parent, "--json")
    states = {each["run"]: each["state"] for each in outcome.document["runs"]}
    assert states == {"short": "finished", "unfinished": "unfinished", "damaged": "damaged"}
    assert outcome.code == 0
    (warning,) = outcome.stderr.splitlines()
    assert warning.startswith("warning: the run 'damaged' is damaged: ")
    fields = {name for each in outcome.document["runs"] for name in each}
    assert all(set(each) == fields for each in outcome.document["runs"])
    shown = run("runs", short_run.parent).stdout
    assert "unfinished (unfinished)" in shown
    assert "damaged (damaged)" in shown


def test_looks_where_the_environment_says(run: Run, short_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGELET_RUNS", str(short_run.parent))
    assert len(run("runs", "--json").document["runs"]) == 1


def test_says_how_to_make_the_first_run(run: Run) -> None:
    outcome = run("runs")
    assert (outcome.code, outcome.stdout) == (0, "")
    assert outcome.stderr == "there are no runs here yet\n→ imagelet train digits makes the first one\n"
    assert run("runs", "--json").document == {"runs": []}


def test_of_a_folder_that_is_not_there_fails(run: Run, tmp_path: Path) -> None:
    outcome = run("runs", tmp_path / "nowhere")
    assert outcome.code == 1
    assert "nowhere" in outcome.stderr
