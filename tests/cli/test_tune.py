"""`imagelet tune`, and `imagelet train --find-lr`: what is printed, what is left behind, what is refused."""

import builtins
import json
from pathlib import Path
from typing import Any

import pytest

from imagelet.experiment.tuning import tune as tuning
from imagelet.training import learning_rate_range

QUICK = ("--network", "softmax", "--recipe", "default", "--limit", "300")
FIELDS = (
    "dataset, study, trials[{number, settings, epochs, validation, state}], "
    "finalists[{trial, settings, seeds, epochs, validation, aside}], best, start, difference, interval, "
    "images, verdict, epochs, own_epochs, importance, recipe_file, figures, interrupted"
)


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("optuna")
    monkeypatch.setattr(tuning, "seconds_of_an_epoch", lambda *_, **__: 1.0)
    file = tmp_path / "space.toml"
    file.write_text("[recipe]\nlearning_rate = { low = 0.0001, high = 0.1, log = true }\n")
    return file


def test_the_winner_is_a_file_that_train_takes(run: Any, space: Path, tmp_path: Path) -> None:
    settings = ("--set", "epochs=3", "--space", str(space), "--minutes", "60", "--trials", "3")
    outcome = run("tune", "digits", *QUICK, *settings, "--json")
    assert outcome.code == 0, outcome.stderr
    assert outcome.fields == FIELDS
    assert "trial 1: " in outcome.stderr
    assert "192 images to learn from, 48 to choose by, 60 set aside for the end" in outcome.stderr
    file = outcome.document["recipe_file"]
    trained = run("train", "digits", "--recipe", file, "--limit", "300", "--epochs", "1", "--json")
    assert trained.code == 0, trained.stderr
    assert trained.document["network"] == "flatten dense(classes) softmax"
    again = run("tune", "digits", "--resume", "--minutes", "60", "--trials", "3")
    assert again.code == 0, again.stderr
    assert "against the start" in again.stdout
    assert "4 trials are there already" in again.stderr


def test_what_a_study_has_decided_cannot_be_changed(run: Any, space: Path) -> None:
    outcome = run("tune", "digits", "--resume", "--space", str(space))
    assert outcome.code == 2
    assert "--resume keeps the study's own settings, so --space cannot be changed" in outcome.stderr


def test_a_space_with_a_mistake_is_refused_before_anything_is_made(
    run: Any, tmp_path: Path, imagelet_home: Path
) -> None:
    pytest.importorskip("optuna")
    (tmp_path / "bad.toml").write_text("[recipe]\nlearning_rat = [0.1]\n")
    outcome = run("tune", "digits", *QUICK, "--space", str(tmp_path / "bad.toml"))
    assert outcome.code == 2
    assert "did you mean 'learning_rate'" in outcome.stderr
    assert not list((imagelet_home.parent / "runs").glob("*"))


def test_without_optuna_one_sentence_says_what_to_type(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.partition(".")[0] == "optuna":
            raise ModuleNotFoundError("no", name="optuna")
        return before(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    outcome = run("tune", "digits")
    assert outcome.code == 2
    assert "the search needs the package optuna, which is not installed" in outcome.stderr
    assert "pip install 'imagelet[tune]'" in outcome.stderr


def test_the_range_test_leaves_a_figure_and_no_run(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning_rate_range.run_range_test, "__kwdefaults__", {"trained": False, "steps": 60})
    words = ("train", "digits", *QUICK, "--find-lr", "--runs", str(tmp_path / "runs"))
    outcome = run(*words, "--json")
    assert outcome.code == 0, outcome.stderr
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["digits-learning-rate.png"]
    assert outcome.document["steps"] <= 60
    assert outcome.document["settings"] == {"learning_rate": outcome.document["suggestion"]}
    shown = run(*words)
    assert "suggested" in shown.stdout
    assert f"--set learning_rate={json.loads(outcome.stdout)['suggestion']:g}" in shown.stderr


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("--test",), "--test"),
        (("--seeds", "3"), "--seeds"),
        (("--profile",), "--profile"),
        (("--parallel", "2"), "--parallel"),
        (("--only", "0"), "--only"),
        (("--collect",), "--collect"),
    ],
)
def test_the_range_test_goes_with_nothing_that_only_a_run_has(
    run: Any, words: tuple[str, ...], option: str
) -> None:
    outcome = run("train", "digits", *QUICK, "--find-lr", *words)
    assert outcome.code == 2
    assert f"--find-lr trains no run, so {option} does not go with it" in outcome.stderr
