"""Evaluations on a run's test images: every way records the same figures and counts once."""

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from imagelet import html_repr, load, load_dataset, paths, train
from imagelet.analysis import error_analysis, robustness
from imagelet.analysis.comparison import compare
from imagelet.analysis.evaluate import evaluate
from imagelet.analysis.robustness import evaluate_corruptions
from imagelet.analysis.test_evaluation import evaluate_images, evaluate_test_images
from imagelet.cli import main
from imagelet.lab.services.runs import RunList, in_full
from imagelet.metrics.corruptions import CORRUPTIONS
from imagelet.report import page, write_report
from imagelet.report.gathering import gather
from imagelet.runs.run import Run

NETWORK = "pool(4) flatten dense(classes)"


@pytest.fixture(autouse=True)
def _little_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_analysis, "draw_evaluation", lambda *_: None)
    monkeypatch.setattr(error_analysis, "draw_error_analysis", lambda *_: None)
    monkeypatch.setattr(robustness, "CORRUPTIONS", CORRUPTIONS[7:8])
    monkeypatch.setattr(robustness, "draw_corruptions", lambda *_: None)
    monkeypatch.setattr(page, "insights", lambda *_: ())


def trained(name: str, *, test: bool = False, seed: int = 0) -> Run:
    return train("mnist", NETWORK, epochs=1, batch_size=50, seed=seed, name=name, test=test).run


def in_list(run: Run) -> dict[str, Any]:
    """Return the run's row in the lab's list."""
    return next(row for row in RunList(run.folder.parent).rows(set()) if row["name"] == run.name)


def counts(run: Run, capsys: pytest.CaptureFixture[str]) -> dict[str, int | None]:
    """Return the count of test evaluations as each place shows it; None where it shows none."""
    capsys.readouterr()
    main(["runs", "--json"])
    rows = {entry["run"]: entry for entry in json.loads(capsys.readouterr().out)["runs"]}
    card = (run.folder / "README.md").read_text()
    cells = [line.split("|") for line in card.splitlines() if line.startswith("| test evaluations")]
    shown = html_repr.run_facts(run.experiment, run.metrics, len(run.test_evaluations))
    return {
        "the run folder": len(run.test_evaluations),
        "imagelet runs": rows[run.name]["test_evaluations"],
        "the model card": int(cells[0][2]) if cells else None,
        "the report": len(gather(run).test_evaluations),
        "the lab's list": in_list(run)["test_evaluations"],
        "the lab's page of a run": in_full(run.name, run, is_running=False)["test_evaluations"],
        "a notebook": shown["test evaluations"],
    }


def accuracies(run: Run, capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    """Return the test accuracy as each place shows it."""
    capsys.readouterr()
    main(["runs", "--json"])
    rows = {entry["run"]: entry for entry in json.loads(capsys.readouterr().out)["runs"]}
    (part,) = [figures for figures in gather(run).parts if figures["part"] == "test"]
    card = (run.folder / "README.md").read_text()
    (line,) = [line for line in card.splitlines() if line.startswith("| test accuracy")]
    return {
        "metrics.json": run.metrics["test"]["accuracy"],
        "test_evaluations.jsonl": run.test_evaluations[-1]["accuracy"],
        "imagelet runs": rows[run.name]["test"]["accuracy"],
        "the report": part["accuracy"],
        "the model card": float(line.split("|")[2].split()[0]) / 100,
        "the lab's list": in_list(run)["test"]["accuracy"],
    }


@pytest.mark.usefixtures("small_data")
def test_all_five_ways_count_once_and_every_place_agrees(capsys: pytest.CaptureFixture[str]) -> None:
    run, other = trained("run", test=True), trained("other", seed=1)
    expected = load("run").evaluate(load_dataset("mnist").test)
    expected = dataclasses.replace(expected, copies_of_training=0)  # what only a run can know
    ways: tuple[Callable[[], int | None], ...] = (
        lambda: 1,  # the training with its test
        lambda: evaluate("run").test_evaluations,
        lambda: evaluate_corruptions("run").test_evaluations,
        lambda: compare(["run", "other"], split="test").compared[0].test_evaluations,
        lambda: write_report(run, test=True) and None,
    )
    for number, way in enumerate(ways, start=1):
        assert way() in (number, None)
        assert set(counts(run, capsys).values()) == {number}
        shown = accuracies(run, capsys)
        assert shown == pytest.approx(dict.fromkeys(shown, expected.accuracy), abs=5e-5)
        assert run.metrics["test"] == expected.to_json(load("run").classes)
    assert f"{len(ways)} times" in (run.folder / "report.html").read_text()
    assert set(counts(other, capsys).values()) == {1}  # it was compared, once


@pytest.mark.usefixtures("small_data")
def test_other_images_leave_no_trace(capsys: pytest.CaptureFixture[str]) -> None:
    run, _ = trained("run"), trained("other", seed=1)
    before = {path: path.read_bytes() for path in run.folder.glob("*.*")}
    evaluate("run", split="validation")
    evaluate_corruptions("run", split="validation")
    evaluate_images(load("run"), load_dataset("mnist").test)
    assert {path: path.read_bytes() for path in run.folder.glob("*.*")} == before
    write_report(run)
    assert set(counts(run, capsys).values()) == {0, None}  # neither card nor notebook speak of none
    assert "test" not in run.metrics


@pytest.mark.usefixtures("small_data")
def test_an_evaluation_that_fails_is_neither_recorded_nor_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained("run")
    classifier, dataset = load("run"), load_dataset("mnist")
    monkeypatch.setattr(type(classifier), "logits", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        evaluate_test_images(run, classifier, dataset)
    assert run.test_evaluations == []
    assert "test" not in run.metrics


EVALUATING = """
import sys
from imagelet import load, load_dataset
from imagelet.analysis.test_evaluation import evaluate_test_images
from imagelet.runs.store import find_run

run, classifier, dataset = find_run("run"), load("run"), load_dataset("mnist")
print("ready", flush=True)
sys.stdin.readline()
print([evaluate_test_images(run, classifier, dataset).test_evaluations for _ in range(15)], flush=True)
"""


@pytest.mark.slow
@pytest.mark.usefixtures("small_data")
def test_two_processes_at_once_lose_no_count(capsys: pytest.CaptureFixture[str]) -> None:
    run = trained("run")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "IMAGELET_RUNS": str(paths.runs())}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", EVALUATING],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    outputs = [process.communicate(timeout=120)[0] for process in _started(processes)]
    numbers = [number for output in outputs for number in json.loads(output)]
    assert sorted(numbers) == list(range(1, 31))
    assert set(counts(run, capsys).values()) == {30}


def _started(processes: list["subprocess.Popen[str]"]) -> list["subprocess.Popen[str]"]:
    """Let all go at once, before one is waited for."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return processes
