"""Run folders as they come: whole, damaged, or made by someone else."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from imagelet.errors import RunError
from imagelet.experiment import run_experiment
from imagelet.runs import files
from imagelet.runs.definition import describe
from imagelet.runs.run import Run
from imagelet.runs.store import list_runs, runs_by_name, summary
from imagelet.training.history import EpochFigures

OTHERS = {"seeds.json", "folds.json", "tuning.json"}  # of a series, of a search
OF_A_RUN = sorted(set(files.LARGEST) - OTHERS)
HISTORY = [
    EpochFigures(1, 0.5, 0.8, 0.4, 0.85, 0.001),
    EpochFigures(2, 0.1 + 0.2, 0.9, None, None, 0.0005),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that was evaluated on its test images."""
    folder = tmp_path_factory.mktemp("runs")
    experiment = describe("digits", "softmax", settings={"epochs": 1})
    *_, finished = run_experiment(experiment, name="good", folder=folder, test=True)
    return finished.run.folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Run:
    """A copy of it, whose files may be changed."""
    folder = tmp_path / "run"
    folder.mkdir()
    for name in OF_A_RUN:
        (folder / name).write_bytes((trained / name).read_bytes())
    return Run(folder)


def problem_of(run: Run) -> str:
    """Return why a run is damaged; the rest of its facts are empty then."""
    facts = summary(run)
    assert facts["state"] == "damaged"
    assert facts["network"] is None
    return str(facts["problem"])


def test_history_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    assert files.read_history(tmp_path) == []
    files.write_history(tmp_path, HISTORY)
    assert files.read_history(tmp_path) == HISTORY
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) == 2


def test_a_sound_run_is_read_in_full(run: Run) -> None:
    facts = summary(run)
    assert (facts["state"], facts["problem"]) == ("finished", None)
    assert facts["test"]["accuracy"] == run.metrics["test"]["accuracy"]
    assert facts["test_evaluations"] == 1
    assert run.environment["threads"] >= 1


def changed(content: Any, path: str, value: Any) -> Any:
    """Set the field that ``path`` names, parts parted by dots."""
    *parents, last = path.split(".")
    place = content
    for name in parents:
        place = place[name]
    place[last] = value
    return content


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("parameters", "many"),
        ("parameters", -1),
        ("parameters", float("inf")),
        ("epochs", 1.5),
        ("epochs", True),
        ("validation", []),
        ("validation.accuracy", 1.2),
        ("validation.accuracy", None),
        ("validation.interval", [0.1]),
        ("validation.confusion", [[1, 2], [3]]),
        ("validation.confusion", 5),
        ("test.images", "x"),
        ("seconds", 5),
        ("seconds.total", "long"),
        ("manual_changes", [{"epoch": 1}]),
    ],
)
def test_metrics_have_types_and_ranges(run: Run, field: str, value: Any) -> None:
    content = changed(run.metrics, field, value)
    (run.folder / "metrics.json").write_text(json.dumps(content))
    assert f"metrics.json: {field.split('.')[0]}" in problem_of(run)


@pytest.mark.parametrize("content", ["null", '"x"', "[]", "5", "{", "", '{"a": NaN}', "[" * 100_000])
def test_metrics_are_an_object(run: Run, content: str) -> None:
    (run.folder / "metrics.json").write_text(content)
    assert problem_of(run).startswith("metrics.json: ")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('dataset = "digits"', "dataset = 5"),
        ('dataset = "digits"', ""),
        ("parameters = 650", "parameters = inf"),
        ("parameters = 650", 'parameters = "many"'),
        ("seed = 0", "seed = -1"),
        ("classes = [", "classes = 5\nothers = ["),
        ("[recipe]", "[recipe]\nloss = {a = 1}"),
        ("[recipe]", "[other]"),
        ("network =", "other ="),
        ("validation =", "other ="),
        ("[recipe]", "deep = " + "[" * 30 + "]" * 30 + "\n[recipe]"),
        ("[recipe]", ".".join(["a"] * 20_000) + " = 1\n[recipe]"),
        ("[recipe]", ".".join(['"a"'] * 20_000) + " = 1\n[recipe]"),
        ("[recipe]", "# '\n" + ".".join(["a"] * 20_000) + " = '1'\n[recipe]"),
    ],
)
def test_experiments_have_types_ranges_and_bounds(run: Run, old: str, new: str) -> None:
    path = run.folder / "experiment.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert problem_of(run).startswith("experiment.toml: ")


@pytest.mark.parametrize("name", OF_A_RUN)
def test_no_file_is_read_that_is_too_large(run: Run, name: str) -> None:
    with (run.folder / name).open("wb") as file:
        file.truncate(2**40)  # a terabyte that takes no room
    with pytest.raises(RunError, match="has more than"):
        read_all(run)


@pytest.mark.parametrize("name", OF_A_RUN)
@pytest.mark.parametrize("kind", ["folder", "circle", "nowhere", "pipe", "bytes"])
def test_what_lies_in_the_place_of_a_file_is_a_sentence(run: Run, name: str, kind: str) -> None:
    path = run.folder / name
    path.unlink()
    match kind:
        case "folder":
            path.mkdir()
        case "circle":
            path.symlink_to(name)
        case "nowhere":
            path.symlink_to(run.folder / "absent")
        case "pipe":
            os.mkfifo(path)
        case "bytes":
            path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RunError, match=rf"the run 'run' is damaged: {name}: "):
        read_all(run)


@pytest.mark.parametrize("name", ["metrics.json", "environment.json"])
def test_half_a_letter_is_no_text(run: Run, name: str) -> None:
    path = run.folder / name
    path.write_text(path.read_text().replace("{", '{"other": {"\\ud800": "\\udc00x"},', 1))
    with pytest.raises(RunError, match="not Unicode"):
        read_all(run)


@pytest.mark.parametrize("line", ["{}", "null", "[" * 50_000, '{"epoch": 1}', '{"epoch": "1"}'])
def test_a_damaged_line_is_a_sentence(run: Run, line: str) -> None:
    for name in ("history.jsonl", "test_evaluations.jsonl"):
        path = run.folder / name
        path.write_text(path.read_text() + line + "\n")
        with pytest.raises(RunError, match=rf"the run 'run' is damaged: {name}: "):
            read_all(run)
        path.write_text("")


def test_a_damaged_run_hides_no_other(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "good").symlink_to(trained)
    (tmp_path / "odd" / "experiment.toml").mkdir(parents=True)
    assert {run.name for run in list_runs(tmp_path)} == set(runs_by_name(tmp_path)) == {"good", "odd"}
    states = {run.name: summary(run)["state"] for run in list_runs(tmp_path)}
    assert states == {"good": "finished", "odd": "damaged"}


def read_all(run: Run) -> None:
    """Read every file of a run."""
    _ = run.experiment, run.environment, run.metrics, run.history, run.test_evaluations
