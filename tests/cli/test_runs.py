"""`imagelet runs`: every run, a damaged one too."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Run

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
    assert outcome.code == 2
    assert "nowhere" in outcome.stderr


def other_bit(folder: Path) -> None:
    """Change the lowest bit of a run's last weight."""
    path = folder / "classifier.safetensors"
    content = bytearray(path.read_bytes())
    content[-4] ^= 1
    path.write_bytes(bytes(content))


def test_the_same_weights_are_exit_code_0_and_nothing_is_kept(
    run: Run, short_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    done = run("reproduce", short_run, "--exact")
    assert done.code == 0
    assert "identical to the last bit" in done.stdout
    assert "288 images" in done.stdout
    assert [path.name for path in short_run.parent.iterdir()] == ["short"]
    assert not list(place.iterdir())
    assert not (short_run / "test_evaluations.jsonl").exists()


def test_a_run_that_is_kept_lies_beside_the_other(run: Run, short_run: Path) -> None:
    done = run("reproduce", "short", "--runs", short_run.parent, "--keep", "--json").document
    assert done["kept"] == str(short_run.parent / "short-again")
    assert (short_run.parent / "short-again" / "metrics.json").exists()
    again = run("reproduce", short_run, "--keep").stdout
    assert str(short_run.parent / "short-again-2") in again


def test_other_weights_with_the_same_answers_are_told_and_fail_only_where_exactness_is_asked(
    run: Run, short_run: Path
) -> None:
    other_bit(short_run)
    done = run("reproduce", short_run)
    assert done.code == 0
    assert "not identical: 1 of 650 numbers differ" in done.stdout
    assert "no more than chance (p = 1)" in done.stdout
    exact = run("reproduce", short_run, "--exact")
    assert exact.code == 3
    assert "the weights are not identical" in exact.stderr


def test_answers_that_differ_by_more_than_chance_are_exit_code_3(run: Run, short_run: Path) -> None:
    experiment = short_run / "experiment.toml"
    text = experiment.read_text()
    rate = next(line for line in text.splitlines() if line.startswith("learning_rate"))
    experiment.write_text(text.replace(rate, "learning_rate = 1e-9"))
    environment = short_run / "environment.json"
    environment.write_text(environment.read_text().replace('"torch": "', '"torch": "0.'))
    done = run("reproduce", short_run)
    assert done.code == 3
    assert "more than chance" in done.stdout
    assert "the predictions differ by more than chance" in done.stderr
    assert "different from epoch 1 on" in done.stdout
    assert "versions.torch" in done.stdout
    assert "other code computes otherwise" in done.stdout


def test_json_has_the_fields_of_the_contract(
    run: Run, short_run: Path, documented: Callable[..., str]
) -> None:
    done = run("reproduce", short_run, "--json")
    assert done.fields.replace("environment[{what, then, now, reason}]", "environment") == documented(
        "reproduce"
    )
    assert done.document["identical"] is True
    assert done.document["kept"] is None


def test_an_interruption_keeps_nothing_and_says_so(
    run: Run, short_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imagelet.experiment import runner

    def interrupted(*values: object) -> None:
        raise KeyboardInterrupt("stopped", "go on with: imagelet train --resume gone")

    monkeypatch.setattr(runner, "SECONDS_BETWEEN_EPOCHS", 0.0)
    monkeypatch.setattr(runner, "_save", interrupted)
    done = run("reproduce", short_run)
    assert done.code == 130
    assert "the new run was not kept" in done.stderr
    assert "--resume" not in done.stderr


def test_what_cannot_be_reproduced_gets_one_sentence(run: Run, short_run: Path) -> None:
    missing = run("reproduce", "shrot", "--runs", short_run.parent)
    assert missing.code == 2
    assert "did you mean 'short'?" in missing.stderr
    (short_run / "metrics.json").unlink()
    unfinished = run("reproduce", short_run)
    assert unfinished.code == 1
    assert "is not finished" in unfinished.stderr
    assert "imagelet train --resume" in unfinished.stderr
    assert unfinished.stdout == ""
